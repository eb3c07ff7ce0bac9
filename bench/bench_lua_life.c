/* bench_lua_life.c - daemons in Lua that fail and that are saved: rows 12 and
 * 13, checkpoints.
 *
 *     bench_lua_life LIFE.LUA [--list | --ir NAME COUNT] */
#include "bench.h"
#include "counter.h"
#include "hub.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

enum {
    WORDS = 10240, /* records of a table, and operations of its snapshot */
    FEED_WORDS = 21000,
    FRAMES = 8
};

static const char *script;

static lares_node *lua_node(void)
{
    lares_node *node = hub_node("0");

    hub_check(lares_node_load(node, "lua", script), script);
    return node;
}

static lares_daemon *lua_spawn(lares_node *node, const char *kind,
                               const char *words)
{
    const char *const pairs[] = {
        "argument", words, "subscribe", "words", "restart.attempts", "1", NULL};

    return hub_spawn_as(node, kind, NULL, pairs);
}

/* -- what an error costs: row 12 ------------------------------------------ */

/* Runs a burst of numbers, even ones that it can stand, or odd ones. */
typedef void (*burst_fn)(void *context, uint64_t odd);

/* What is said to be spent is what an error adds to a turn. */
static void error_run(burst_fn burst, void *context, uint64_t count)
{
    uint64_t failed = 0, passed = 0;

    for (uint64_t i = 0; i < count; i += BENCH_BURST) {
        uint64_t before = bench_now(), between;

        burst(context, 0);
        between = bench_now();
        burst(context, 1);
        failed += bench_now() - between;
        passed += between - before;
    }
    bench_spent(failed > passed ? failed - passed : 1);
}

/* An input that fails is given up at once: its daemon cannot snapshot, so it
 * goes on with its object, and the input becomes a dead letter. */
struct faulty {
    lares_node *node;
    lares_daemon *daemon;
    uint64_t failures; /* that were proved */
};

static void faulty_open(void *context)
{
    struct faulty *faulty = context;

    faulty->node = lua_node();
    faulty->daemon = lua_spawn(faulty->node, "faulty", NULL);
}

static void faulty_burst(void *context, uint64_t odd)
{
    struct faulty *faulty = context;

    for (uint64_t i = 0; i < BENCH_BURST; i++) {
        hub_publish(faulty->node, "words", i * 2 + odd, COUNTER_WORD);
        hub_run(faulty->node);
    }
}

static void faulty_run(void *context, uint64_t count)
{
    error_run(faulty_burst, context, count);
}

static int faulty_proved(void *context, uint64_t count)
{
    struct faulty *faulty = context;
    uint64_t origin = lares_daemon_origin(faulty->daemon);

    faulty->failures += count;
    return hub_fact(faulty->node, origin, "crashes") == faulty->failures &&
           hub_fact(faulty->node, origin, "inputs") == faulty->failures;
}

/* the same function in a bare state */
struct bare {
    lua_State *lua; /* its stack: the message handler, the function */
    uint64_t failures;
};

static int short_traceback(lua_State *L)
{
    char text[512];
    int len = snprintf(text, sizeof text, "%s", lua_tostring(L, 1));
    lua_Debug frame;

    for (int level = 1; level <= FRAMES && lua_getstack(L, level, &frame) &&
                        len < (int)sizeof text;
         level++) {
        lua_getinfo(L, "Sl", &frame);
        len += snprintf(text + len, sizeof text - (size_t)len, "\n%s:%d",
                        frame.short_src, frame.currentline);
    }
    lua_pushstring(L, text);
    return 1;
}

static lua_State *state_new(void)
{
    lua_State *L = luaL_newstate();

    bench_check(L != NULL, "memory");
    luaL_openlibs(L);
    return L;
}

static void bare_open(void *context)
{
    struct bare *bare = context;

    bare->lua = state_new();
    lua_pushcfunction(bare->lua, short_traceback);
    bench_check(luaL_dostring(bare->lua,
                              "return function(m)\n"
                              "if m:byte() % 2 == 1 then error 'no' end end") ==
                    LUA_OK,
                "Lua");
}

static void bare_burst(void *context, uint64_t odd)
{
    struct bare *bare = context;
    uint64_t word[COUNTER_WORD / sizeof(uint64_t)] = {0};

    for (uint64_t i = 0; i < BENCH_BURST; i++) {
        word[0] = i * 2 + odd;
        lua_pushvalue(bare->lua, 2);
        lua_pushlstring(bare->lua, (const char *)word, sizeof word);
        bare->failures += lua_pcall(bare->lua, 1, 0, 1) != LUA_OK;
        lua_settop(bare->lua, 2);
    }
}

static void bare_run(void *context, uint64_t count)
{
    error_run(bare_burst, context, count);
}

static int bare_proved(void *context, uint64_t count)
{
    struct bare *bare = context;
    uint64_t failures = bare->failures;

    bare->failures = 0;
    return failures == count;
}

/* -- a table as bytes: row 13 --------------------------------------------- */

/* Two daemons of one state: the one makes it of a table, to the other it is a
 * string that is there. */
struct saver {
    lares_daemon *maker;
    lares_daemon *ready;
    uint64_t len[2]; /* of their images */
    uint64_t done;
};

static void saver_open(void *context)
{
    struct saver *saver = context;
    lares_node *node = lua_node();
    char words[16];

    (void)snprintf(words, sizeof words, "%d", WORDS);
    saver->maker = lua_spawn(node, "counter", words);
    saver->ready = lua_spawn(node, "ready", words);
}

static uint64_t image_take(lares_daemon *daemon, uint64_t *len_out)
{
    uint64_t began = bench_now();
    lares_bytes *image;

    hub_check(lares_daemon_snapshot(daemon, 0, &image), "snapshot");
    *len_out = lares_bytes_len(image);
    lares_bytes_free(image);
    return bench_now() - began;
}

/* Hash and signature are the same for both; the rest is the table. */
static void saver_run(void *context, uint64_t count)
{
    struct saver *saver = context;
    uint64_t made = 0, given = 0;

    for (saver->done = 0; saver->done < count; saver->done += WORDS) {
        given += image_take(saver->ready, &saver->len[0]);
        made += image_take(saver->maker, &saver->len[1]);
    }
    bench_spent(made > given ? made - given : 1);
}

static int saver_proved(void *context, uint64_t count)
{
    const struct saver *saver = context;
    uint64_t more = saver->len[1] - saver->len[0]; /* its kind's name */

    return saver->done == count && saver->len[0] > WORDS * COUNTER_RECORD &&
           more == strlen("counter") * 2 - strlen("ready") * 2;
}

/* such a table, walked in C */
struct table {
    lua_State *lua; /* its stack: the table */
    unsigned char *bytes;
    size_t len;
};

static void table_open(void *context)
{
    struct table *table = context;
    uint64_t word[COUNTER_WORD / sizeof(uint64_t)] = {0};

    table->lua = state_new();
    table->bytes = malloc(WORDS * COUNTER_RECORD);
    bench_check(table->bytes != NULL, "memory");
    lua_newtable(table->lua);
    for (; word[0] < WORDS; word[0]++) {
        lua_pushlstring(table->lua, (const char *)word, sizeof word);
        lua_pushinteger(table->lua, 0);
        lua_rawset(table->lua, 1);
    }
}

static void table_write(struct table *table)
{
    lua_State *L = table->lua;

    table->len = 0;
    for (lua_pushnil(L); lua_next(L, 1) != 0; lua_settop(L, 2)) {
        lua_Integer count = lua_tointeger(L, 3);
        size_t len;
        const char *word = lua_tolstring(L, 2, &len);

        memcpy(table->bytes + table->len, &count, sizeof count);
        memcpy(table->bytes + table->len + sizeof count, word, len);
        table->len += sizeof count + len;
    }
}

static void table_run(void *context, uint64_t count)
{
    for (uint64_t i = 0; i < count; i += WORDS)
        table_write(context);
}

static int table_proved(void *context, uint64_t count)
{
    const struct table *table = context;

    return count % WORDS == 0 && table->len == WORDS * COUNTER_RECORD;
}

/* -- checkpoints ---------------------------------------------------------- */

struct feed {
    const char *kind;
    lares_node *node;
    lares_daemon *daemon;
    uint64_t total; /* that was proved */
};

static void feed_open(void *context)
{
    struct feed *feed = context;
    char words[24];

    (void)snprintf(words, sizeof words, "%d", FEED_WORDS);
    feed->node = lua_node();
    feed->daemon = lua_spawn(feed->node, feed->kind, words);
}

static void feed_run(void *context, uint64_t count)
{
    struct feed *feed = context;

    for (uint64_t i = 0; i < count; i += BENCH_BURST) {
        for (uint64_t k = 0; k < BENCH_BURST; k++)
            hub_publish(feed->node, "words", (i + k) % FEED_WORDS,
                        COUNTER_WORD);
        hub_run(feed->node);
    }
}

static int feed_proved(void *context, uint64_t count)
{
    struct feed *feed = context;

    feed->total += count;
    return hub_fact(feed->node, lares_daemon_origin(feed->daemon), "inputs") ==
           feed->total;
}

int main(int argc, char **argv)
{
    static const struct bench_subject faulties = {faulty_open, faulty_proved,
                                                  BENCH_CPU};
    static const struct bench_subject bares = {bare_open, bare_proved,
                                               BENCH_CPU};
    static const struct bench_subject savers = {saver_open, saver_proved,
                                                BENCH_CPU};
    static const struct bench_subject tables = {table_open, table_proved,
                                                BENCH_CPU};
    static const struct bench_subject feeds = {feed_open, feed_proved,
                                               BENCH_CPU};
    static struct faulty faulty;
    static struct bare bare;
    static struct saver saver;
    static struct table table;
    static struct feed counter = {.kind = "counter"}, tally = {.kind = "tally"};
    static const struct bench_variant variants[] = {
        {"error, given up",        faulty_run, &faulties, &faulty },
        {"error, short traceback", bare_run,   &bares,    &bare   },
        {"snapshot of a table",    saver_run,  &savers,   &saver  },
        {"lua_next",               table_run,  &tables,   &table  },
        {"count",                  feed_run,   &feeds,    &counter},
        {"count, nothing saved",   feed_run,   &feeds,    &tally  },
        {NULL,                     NULL,       NULL,      NULL    },
    };

    bench_check(argc > 1, "usage: bench_lua_life LIFE.LUA [OPTION]");
    script = argv[1];
    return bench_main(argc - 1, argv + 1, variants);
}
