/* host.c - the script host, a plug-in: daemons and recovery handlers from a Lua
 * file.
 *
 * Design notes
 *
 * Loading reads FILE once, runs it to see what it returns, and keeps its text.
 * Each daemon gets a lua_State of its own, in which that text runs again, and a
 * fresh one when it is rebuilt; so does each handler. So what comes from one
 * script shares nothing and runs on any thread, and a file that changes on disk
 * changes no daemon.
 *
 * A script has all of Lua's libraries and no budgets yet: load only scripts
 * that you would run.
 */
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>
#include <lua.h>

#include "callback.h"
#include "class.h"
#include "handle.h"
#include "handler.h"
#include "script.h"

/* -- daemons -------------------------------------------------------------- */

/* The `user` of a kind. */
struct recipe {
    struct lares__recipe head;
    struct lares__script *script;
    char kind[];
};

static int class_is(lua_State *L, int index, const char *kind)
{
    struct lares__class class;
    int same = 0;

    if (lares__class_test(L, index)) {
        lares__class_check(L, index, &class);
        same = strcmp(class.kind, kind) == 0;
        lua_pop(L, 1);
    }
    return same;
}

/* (recipe) -> class: each state runs the script itself */
static int recipe_class(lua_State *L)
{
    const struct recipe *recipe = lua_touserdata(L, 1);
    lua_Integer i, count = lares__script_run(L, recipe->script);

    for (i = 1; i <= count; i++) {
        lua_rawgeti(L, 2, i);
        if (class_is(L, 3, recipe->kind))
            return 1;
        lua_settop(L, 2);
    }
    return luaL_error(L, "%s returned no %s this time",
                      recipe->script->name + 1, recipe->kind);
}

static lares_verdict recipe_create(lares_call *call, lares_daemon *daemon,
                                   void **instance_out, void *user)
{
    struct recipe *recipe = user;
    lua_State *L = lares__state_new();
    lares_verdict verdict;

    if (L == NULL) {
        lares_call_fail(call, "not enough memory for a Lua state");
        return LARES_FAILED;
    }
    verdict = lares__instance_create(lares__runtime_get(L), call, daemon,
                                     &recipe->head, instance_out);
    if (verdict != LARES_DONE)
        lares__state_close(L);
    return verdict;
}

static void recipe_destroy(void *object)
{
    struct lares__instance *instance = object;
    lua_State *L = instance->runtime->lua;

    lares__instance_destroy(object);
    lares__state_close(L);
}

static void recipe_release(void *user)
{
    struct recipe *recipe = user;

    lares__script_release(recipe->script);
    free(recipe);
}

static struct recipe *recipe_new(struct lares__script *script,
                                 const struct lares__class *class)
{
    size_t len = strlen(class->kind) + 1;
    struct recipe *recipe = malloc(sizeof *recipe + len);

    if (recipe == NULL)
        return NULL;
    recipe->head.make = recipe_class;
    recipe->head.version = class->version;
    recipe->script = script;
    memcpy(recipe->kind, class->kind, len);
    lares__script_retain(script);
    return recipe;
}

/* -- handlers ------------------------------------------------------------- */

/* A handler, while it is looked for in a state of its own. */
struct finding {
    const struct lares__script *script;
    lua_Integer place; /* in what the script returns */
    struct lares__handler *handler;
};

static int handler_find(lua_State *L)
{
    struct finding *finding = lua_touserdata(L, 1);
    const char *name;

    lares__script_run(L, finding->script);
    lua_rawgeti(L, 2, finding->place);
    if (!lares__handler_test(L, 3))
        luaL_error(L, "%s returned no handler at %I this time",
                   finding->script->name + 1, (LUAI_UACINT)finding->place);
    name = lares__handler_read(L, 3);
    finding->handler = lares__handler_push(L, lua_gettop(L), name);
    return 0;
}

static lares_status handler_new(const struct lares__script *script,
                                lua_Integer place, struct lares__handler **out)
{
    struct finding finding = {script, place, NULL};
    lua_State *L = lares__state_new();
    lares_status rc;

    if (L == NULL)
        return LARES_ENOMEM;
    rc = lares__state_call(L, handler_find, &finding);
    if (rc < 0)
        lares__state_close(L);
    else
        *out = finding.handler;
    return rc;
}

static void handler_release(void *user)
{
    struct lares__handler *handler = user;

    lares__state_close(handler->runtime->lua);
}

/* -- loading -------------------------------------------------------------- */

struct loading {
    lares_node *node;
    struct lares__script *script;
    lares_recovery *recovery;
    lares_status status;
};

/* Register the class at index; whatever raises does so before the recipe. */
static lares_status class_register(lua_State *L, const struct loading *loading,
                                   int index)
{
    lares_daemon_ops ops = {
        .create = recipe_create,
        .destroy = recipe_destroy,
    };
    struct lares__class class;
    lares_options *options;
    struct recipe *recipe;
    lares_status rc;

    lares__class_check(L, index, &class);
    lares__class_ops(&class, &ops);
    lua_getfield(L, index, "options");
    options = lares__options_push(L, lua_gettop(L), NULL);
    recipe = recipe_new(loading->script, &class);
    if (recipe == NULL)
        return LARES_ENOMEM;
    rc = lares_node_register(loading->node, class.kind, options, &ops, recipe,
                             recipe_release);
    return rc < 0 ? lares__script_fail_core(rc) : rc;
}

static lares_status handler_register(const struct loading *loading,
                                     lua_Integer place)
{
    struct lares__handler *handler;
    lares_status rc = handler_new(loading->script, place, &handler);

    if (rc < 0)
        return rc;
    rc = lares_recovery_register(loading->recovery, handler->name,
                                 lares__handler_run, handler, handler_release,
                                 NULL, NULL);
    return rc < 0 ? lares__script_fail_core(rc) : rc;
}

/* Handlers come last: they may run as soon as they are registered. */
static lares_status values_register(lua_State *L, const struct loading *loading,
                                    lua_Integer count)
{
    lares_status rc = LARES_OK;
    lua_Integer i;

    for (i = 1; i <= count && rc >= 0; i++) {
        lua_rawgeti(L, 2, i);
        if (lares__class_test(L, 3))
            rc = class_register(L, loading, 3);
        lua_settop(L, 2);
    }
    for (i = 1; i <= count && rc >= 0; i++) {
        lua_rawgeti(L, 2, i);
        if (lares__handler_test(L, 3))
            rc = handler_register(loading, i);
        lua_settop(L, 2);
    }
    return rc;
}

static int script_register(lua_State *L)
{
    struct loading *loading = lua_touserdata(L, 1);
    lua_Integer count;

    lares__type_open(L, &lares__options_type);
    count = lares__script_run(L, loading->script);
    loading->status = values_register(L, loading, count);
    return 0;
}

static lares_status script_load(struct loading *loading)
{
    lua_State *L = lares__state_new();
    lares_status rc;

    if (L == NULL)
        return lares__script_fail(LARES_ENOMEM,
                                  "not enough memory for a Lua state");
    rc = lares__state_call(L, script_register, loading);
    lares__state_close(L);
    return rc >= 0 ? loading->status : rc;
}

LARES_API lares_status lares_plugin_open(lares_node *node,
                                         const char *argument);

lares_status lares_plugin_open(lares_node *node, const char *argument)
{
    struct loading loading = {.node = node};
    lares_status rc;

    if (lares_abi_version() >> 16 != LARES_ABI_MAJOR ||
        (lares_abi_version() & 0xffff) < LARES_ABI_MINOR)
        return lares__script_fail(LARES_EABI,
                                  "this script host is newer than liblares");
    rc = lares__script_read(argument, &loading.script);
    if (rc < 0)
        return rc;
    rc = lares_node_recovery(node, &loading.recovery);
    if (rc < 0)
        rc = lares__script_fail_core(rc);
    else
        rc = script_load(&loading);
    lares_recovery_free(loading.recovery);
    lares__script_release(loading.script);
    return rc;
}
