#include "handle.h"

#include <math.h>
#include <string.h>

#include "callback.h"
#include "class.h"
#include "handler.h"
#include "module.h"
#include "result.h"

/* -- recovery ------------------------------------------------------------- */

/* Push the registry of the node at 1: one box for all time, because it knows
 * which functions were registered. */
static int recovery_push(lua_State *L, lares_node *node)
{
    lares_recovery *recovery = NULL;
    struct lares__box *box;
    lares_status rc;

    if (lua_getiuservalue(L, 1, 1) != LUA_TNIL)
        return 1;
    lua_pop(L, 1);
    box = lares__recovery_push(L);
    rc = lares_node_recovery(node, &recovery);
    box->ticket = recovery;
    if (rc < 0)
        return lares__result_push(L, rc);
    lua_pushvalue(L, -1);
    lua_setiuservalue(L, 1, 1);
    return 1;
}

/* node.recovery */
static int node_property(lua_State *L)
{
    lares_node *node = lares__box_check(L, 1, &lares__node_type);

    if (strcmp(lua_tostring(L, 2), "recovery") != 0)
        return 0;
    return recovery_push(L, node);
}

/* -- kinds ---------------------------------------------------------------- */

/* The `user` of a kind: a userdata that holds the class, and that the registry
 * keeps under its address until release. */
struct recipe {
    struct lares__recipe head;
    struct lares__runtime *runtime;
};

/* (recipe) -> class */
static int recipe_class(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, lua_touserdata(L, 1));
    lua_getiuservalue(L, -1, 1);
    return 1;
}

static lares_verdict recipe_create(lares_call *call, lares_daemon *daemon,
                                   void **instance_out, void *user)
{
    struct recipe *recipe = user;

    return lares__instance_create(recipe->runtime, call, daemon, &recipe->head,
                                  instance_out);
}

static void recipe_release(void *user)
{
    struct recipe *recipe = user;
    lua_State *L = recipe->runtime->lua;

    lua_pushnil(L); /* a key that is there: nothing is allocated */
    lua_rawsetp(L, LUA_REGISTRYINDEX, recipe);
}

/* Push what keeps the class at index. */
static struct recipe *recipe_new(lua_State *L, int index, uint32_t version)
{
    struct recipe *recipe = lua_newuserdatauv(L, sizeof *recipe, 1);

    recipe->head.make = recipe_class;
    recipe->head.version = version;
    recipe->runtime = lares__runtime_get(L);
    lua_pushvalue(L, index);
    lua_setiuservalue(L, -2, 1);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, recipe);
    return recipe;
}

/* (node, class) -> kind */
static int class_register(lua_State *L, lares_node *node)
{
    lares_daemon_ops ops = {
        .create = recipe_create,
        .destroy = lares__instance_destroy,
    };
    struct lares__class class;
    lares_options *options;
    lares_status rc;
    int answer;

    lares__class_check(L, 2, &class);
    lares__class_ops(&class, &ops);
    answer = lua_gettop(L);
    lua_getfield(L, 2, "options");
    options = lares__options_push(L, answer + 1, NULL);
    rc = lares_node_register(node, class.kind, options, &ops,
                             recipe_new(L, 2, class.version), recipe_release);
    lua_settop(L, answer);
    return lares__result_value(L, rc);
}

/* (node, handler) -> name */
static int handler_register(lua_State *L, lares_node *node)
{
    int answers = recovery_push(L, node);
    const char *name;
    lares_status rc;

    if (answers > 1)
        return answers; /* why there is none */
    name = lares__handler_read(L, 2);
    rc = lares__recovery_add(L, 3, lua_gettop(L), name, NULL);
    lua_pop(L, 1);
    return lares__result_value(L, rc);
}

/* node:register(Class) -> kind, node:register(Handler) -> name */
static int node_register(lua_State *L)
{
    lares_node *node = lares__box_check(L, 1, &lares__node_type);

    lua_settop(L, 2);
    return lares__handler_test(L, 2) ? handler_register(L, node)
                                     : class_register(L, node);
}

/* node:unregister(kind) */
static int node_unregister(lua_State *L)
{
    lares_node *node = lares__box_check(L, 1, &lares__node_type);

    return lares__result_push(
        L, lares_node_unregister(node, lares__text_check(L, 2)));
}

/* node:load(path, argument?) */
static int node_load(lua_State *L)
{
    lares_node *node = lares__box_check(L, 1, &lares__node_type);

    return lares__result_push(L,
                              lares_node_load(node, lares__text_check(L, 2),
                                              lares__text_optional(L, 3, "")));
}

/* -- daemons -------------------------------------------------------------- */

/* What is an argument of the core, not an option. */
static const char *const not_text[] = {"identity", NULL};

/* The identity in the options at index, NULL if there is none. */
static lares_key *identity_check(lua_State *L, int index)
{
    if (!lua_istable(L, index))
        return NULL;
    if (lua_getfield(L, index, "identity") == LUA_TNIL)
        return NULL;
    if (luaL_testudata(L, -1, lares__key_type.name) == NULL)
        luaL_error(L, "option identity is %s, expected a %s",
                   luaL_typename(L, -1), lares__key_type.name);
    return lares__box_check(L, -1, &lares__key_type);
}

/* node:spawn(kind, options?) -> Daemon */
static int node_spawn(lua_State *L)
{
    lares_node *node = lares__box_check(L, 1, &lares__node_type);
    const char *kind = lares__text_check(L, 2);
    const lares_key *key = identity_check(L, 3);
    lares_options *options = lares__options_push(L, 3, not_text);
    struct lares__box *box = lares__box_new(L, &lares__daemon_type);
    lares_daemon *daemon = NULL;
    lares_status rc = lares_node_spawn(node, kind, key, options, &daemon);

    box->ticket = daemon;
    return lares__result_value(L, rc);
}

/* node:restore(image, options?) -> Daemon */
static int node_restore(lua_State *L)
{
    lares_node *node = lares__box_check(L, 1, &lares__node_type);
    size_t len;
    const char *image = lares__data_check(L, 2, &len);
    const lares_key *key = identity_check(L, 3);
    lares_options *options = lares__options_push(L, 3, not_text);
    struct lares__box *box = lares__box_new(L, &lares__daemon_type);
    lares_daemon *daemon = NULL;
    lares_status rc =
        lares_node_restore(node, image, len, key, options, &daemon);

    box->ticket = daemon;
    return lares__result_value(L, rc);
}

/* node:find(origin) -> Daemon */
static int node_find(lua_State *L)
{
    lares_node *node = lares__box_check(L, 1, &lares__node_type);
    uint64_t origin = (uint64_t)luaL_checkinteger(L, 2);
    struct lares__box *box = lares__box_new(L, &lares__daemon_type);
    lares_daemon *daemon = NULL;
    lares_status rc = lares_node_find(node, origin, &daemon);

    box->ticket = daemon;
    return lares__result_value(L, rc);
}

/* -- channels ------------------------------------------------------------- */

/* node:publish(channel, data, seconds?) */
static int node_publish(lua_State *L)
{
    lares_node *node = lares__box_check(L, 1, &lares__node_type);
    const char *channel = lares__text_check(L, 2);
    size_t len;
    const char *data = lares__data_check(L, 3, &len);

    return lares__result_push(
        L, lares_node_publish(node, channel, data, len,
                              lares__seconds_check(L, 4, 5)));
}

/* node:subscribe(pattern, options?) -> Inbox */
static int node_subscribe(lua_State *L)
{
    lares_node *node = lares__box_check(L, 1, &lares__node_type);
    const char *pattern = lares__text_check(L, 2);
    lares_options *options = lares__options_push(L, 3, NULL);
    struct lares__box *box = lares__box_new(L, &lares__inbox_type);
    lares_inbox *inbox = NULL;
    lares_status rc = lares_node_subscribe(node, pattern, options, &inbox);

    box->ticket = inbox;
    return lares__result_value(L, rc);
}

/* -- report --------------------------------------------------------------- */

/* node:report(what) -> array of tables */
static int node_report(lua_State *L)
{
    lares_node *node = lares__box_check(L, 1, &lares__node_type);
    const char *what = lares__text_check(L, 2);
    struct lares__box *box = lares__box_new(L, &lares__rows_type);
    lares_rows *rows = NULL;
    lares_status rc = lares_node_report(node, what, &rows);

    box->ticket = rows;
    return lares__rows_answer(L, rc);
}

/* -- life ----------------------------------------------------------------- */

/* node:run(seconds?) -> has it stopped? */
static int node_run(lua_State *L)
{
    lares_node *node = lares__box_check(L, 1, &lares__node_type);
    lares_status rc =
        lares_node_run(node, lares__seconds_check(L, 2, HUGE_VAL));

    if (rc < 0 && rc != LARES_ETIMEDOUT)
        return lares__result_push(L, rc);
    lua_pushboolean(L, rc == LARES_OK);
    return 1;
}

/* Inside a callback it only asks: the node cannot end below its own feet. */
static lares_status node_end(lares_node *node, int64_t grace_ms)
{
    lares_status rc = lares_node_stop(node, grace_ms);

    if (rc < 0)
        return rc;
    rc = lares_node_run(node, -1);
    return rc == LARES_EDEADLK || rc == LARES_ENOTREADY ? LARES_OK : rc;
}

/* node:stop(grace?) */
static int node_stop(lua_State *L)
{
    lares_node *node = lares__box_check(L, 1, &lares__node_type);

    return lares__result_push(L,
                              node_end(node, lares__seconds_check(L, 2, 30)));
}

/* node:close(); __close, too */
static int node_close(lua_State *L)
{
    return lares__result_push(
        L, node_end(lares__box_check(L, 1, &lares__node_type), 0));
}

/* Classes live in the program's own state, which no other thread may enter. */
static void lanes_check(lua_State *L, int index)
{
    if (lua_isnoneornil(L, index))
        return;
    luaL_checktype(L, index, LUA_TTABLE);
    lua_getfield(L, index, "lanes");
    if (!lua_isnil(L, -1) && (!lua_isnumber(L, -1) || lua_tonumber(L, -1) != 0))
        luaL_error(L,
                   "lanes is %s, but a node of a Lua program has none: "
                   "all runs inside the call that waits",
                   luaL_tolstring(L, -1, NULL));
    lua_pop(L, 1);
}

/* lares.node(name, options?) -> Node, started */
int lares__node_open(lua_State *L)
{
    static const char *const skipped[] = {"lanes", NULL};
    const char *name = lares__text_check(L, 1);
    lares_options *options;
    struct lares__box *box;
    lares_node *node = NULL;
    lares_status rc;

    lanes_check(L, 2);
    options = lares__options_push(L, 2, skipped);
    lares__result_check(L, lares_options_set(options, "lanes", "0"));
    box = lares__box_new(L, &lares__node_type);
    rc = lares_node_new(name, options, &node);
    box->ticket = node;
    if (rc >= 0)
        rc = lares_node_start(node);
    return lares__result_value(L, rc);
}

static void node_free(void *ticket)
{
    lares_node_free(ticket);
}

static const luaL_Reg node_methods[] = {
    {"register",   node_register  },
    {"unregister", node_unregister},
    {"load",       node_load      },
    {"spawn",      node_spawn     },
    {"restore",    node_restore   },
    {"find",       node_find      },
    {"publish",    node_publish   },
    {"subscribe",  node_subscribe },
    {"report",     node_report    },
    {"letters",    lares__letters },
    {"replay",     lares__replay  },
    {"drop",       lares__drop    },
    {"run",        node_run       },
    {"stop",       node_stop      },
    {"close",      node_close     },
    {NULL,         NULL           },
};

const struct lares__type lares__node_type = {
    "lares.node", node_free, node_methods, node_property, node_close, NULL};
