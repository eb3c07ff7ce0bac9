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
    static struct echo small = {.len = 64}, large = {.len = 1024};
    static struct bare bare = {.len = 64}, bare_large = {.len = 1024};
    static struct couple one_lane = {.lanes = "1"}, two_lanes = {.lanes = "2"};
    static const struct bench_variant variants[] = {
        {"publish, burst 64",         daemon_open,     burst_run,       daemon_proved, &small,
         BENCH_CPU                                                                                       },
        {"publish, burst 1",          daemon_open,     single_run,      daemon_proved, &small,
         BENCH_CPU                                                                                       },
        {"publish 1 KiB, burst 64",   daemon_open,     burst_run,       daemon_proved,
         &large,                                                                               BENCH_CPU },
        {"64 calls in one lua_pcall", bare_open,       bare_burst_run,  bare_proved,
         &bare,                                                                                BENCH_CPU },
        {"lua_pcall",                 bare_open,       bare_single_run, bare_proved,   &bare,
         BENCH_CPU                                                                                       },
        {"lua_pcall 1 KiB",           bare_open,       bare_single_run, bare_proved,
         &bare_large,                                                                          BENCH_CPU },
        {"pairs on one lane",         lua_couple_open, couple_run,      couple_proved,
         &one_lane,                                                                            BENCH_WALL},
        {"pairs on two lanes",        lua_couple_open, couple_run,      couple_proved,
         &two_lanes,                                                                           BENCH_WALL},
        {NULL,                        NULL,            NULL,            NULL,          NULL,   BENCH_CPU },
    };

    bench_check(argc > 1, "usage: bench_lua ECHO.LUA [OPTION]");
    script = argv[1];
    return bench_main(argc - 1, argv + 1, variants);
}
