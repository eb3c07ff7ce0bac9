/* bench_lua.c - daemons in Lua: rows 2, 3 and 16.
 *
 *     bench_lua ECHO.LUA [--list | --ir NAME COUNT] */
#include "bench.h"
#include "echo.h"
#include "hub.h"
#include "pair.h"

#include <string.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

static const char *script;

static lares_node *lua_node(const char *lanes)
{
    lares_node *node = hub_node(lanes);

    hub_check(lares_node_load(node, "lua", script), script);
    return node;
}

/* -- daemons -------------------------------------------------------------- */

static void daemon_open(void *context)
{
    struct echo *echo = context;

    echo_open(echo, lua_node("0"), "echo", echo->len);
}

static void burst_run(void *context, uint64_t count)
{
    echo_burst(context, count);
}

static void single_run(void *context, uint64_t count)
{
    echo_single(context, count);
}

static int daemon_proved(void *context, uint64_t count)
{
    return echo_proved(context, count);
}

/* -- bare Lua ------------------------------------------------------------- */

struct bare {
    lua_State *lua; /* its stack: the function */
    size_t len;
    uint64_t sum; /* of the numbers that came back */
    union {
        uint64_t number;
        char bytes[HUB_PAYLOAD_MAX];
    } in, out;
    uint64_t next; /* number */
};

static void bare_open(void *context)
{
    struct bare *bare = context;

    bare->lua = luaL_newstate();
    bench_check(bare->lua != NULL, "memory");
    luaL_openlibs(bare->lua);
    bench_check(luaL_dostring(bare->lua, "return function(m) return m end") ==
                    LUA_OK,
                "Lua");
}

/* The next number in, what came of it out; 64 B or 1 KiB of string. */
static void bare_push(struct bare *bare, lua_State *L)
{
    bare->in.number = bare->next++;
    lua_pushlstring(L, bare->in.bytes, bare->len);
}

static void bare_take(struct bare *bare, lua_State *L)
{
    size_t len;
    const char *data = lua_tolstring(L, -1, &len);

    bench_check(len == bare->len, "Lua");
    memcpy(bare->out.bytes, data, len);
    bare->sum += bare->out.number;
}

/* (function, bare) */
static int burst_of_calls(lua_State *L)
{
    struct bare *bare = lua_touserdata(L, 2);

    for (int i = 0; i < BENCH_BURST; i++) {
        lua_pushvalue(L, 1);
        bare_push(bare, L);
        lua_call(L, 1, 1);
        bare_take(bare, L);
        lua_settop(L, 2);
    }
    return 0;
}

static void bare_burst_run(void *context, uint64_t count)
{
    struct bare *bare = context;
    lua_State *L = bare->lua;

    for (bare->next = 0; bare->next < count;) {
        lua_pushcfunction(L, burst_of_calls);
        lua_pushvalue(L, 1);
        lua_pushlightuserdata(L, bare);
        bench_check(lua_pcall(L, 2, 0, 0) == LUA_OK, "Lua");
    }
}

static void bare_single_run(void *context, uint64_t count)
{
    struct bare *bare = context;
    lua_State *L = bare->lua;

    for (bare->next = 0; bare->next < count;) {
        lua_pushvalue(L, 1);
        bare_push(bare, L);
        bench_check(lua_pcall(L, 1, 1, 0) == LUA_OK, "Lua");
        bare_take(bare, L);
        lua_settop(L, 1);
    }
}

static int bare_proved(void *context, uint64_t count)
{
    struct bare *bare = context;
    uint64_t sum = bare->sum;

    bare->sum = 0;
    return sum == bench_sum(count);
}

/* -- row 16 --------------------------------------------------------------- */

static void lua_couple_open(void *context)
{
    struct couple *couple = context;

    couple_open(couple, lua_node(couple->lanes), "echo-left", "echo-right");
}

int main(int argc, char **argv)
{
    static const struct bench_subject daemons = {daemon_open, daemon_proved,
                                                 BENCH_CPU};
    static const struct bench_subject bares = {bare_open, bare_proved,
                                               BENCH_CPU};
    static const struct bench_subject couples = {lua_couple_open, couple_proved,
                                                 BENCH_WALL};
    static struct echo small = {.len = 64}, large = {.len = 1024};
    static struct bare bare = {.len = 64}, bare_1k = {.len = 1024};
    static struct couple one_lane = {.lanes = "1"}, two_lanes = {.lanes = "2"};
    static const struct bench_variant variants[] = {
        {"publish, burst 64",         burst_run,       &daemons, &small    },
        {"publish, burst 1",          single_run,      &daemons, &small    },
        {"publish 1 KiB, burst 64",   burst_run,       &daemons, &large    },
        {"64 calls in one lua_pcall", bare_burst_run,  &bares,   &bare     },
        {"lua_pcall",                 bare_single_run, &bares,   &bare     },
        {"lua_pcall 1 KiB",           bare_single_run, &bares,   &bare_1k  },
        {"pairs on one lane",         couple_run,      &couples, &one_lane },
        {"pairs on two lanes",        couple_run,      &couples, &two_lanes},
        {NULL,                        NULL,            NULL,     NULL      },
    };

    bench_check(argc > 1, "usage: bench_lua ECHO.LUA [OPTION]");
    script = argv[1];
    return bench_main(argc - 1, argv + 1, variants);
}
