/* snapshot.c - the state of a daemon: out of its object, and into a fresh one.
 * These entries have no owner: self:emit and self:after have no place here. */
#include <lauxlib.h>

#include "answer.h"
#include "callback.h"

/* Push a method, and the object for it. */
static void method_push(lua_State *L, const struct lares__instance *instance,
                        const char *name)
{
    lares__instance_object(L, instance);
    if (lua_getfield(L, -1, name) != LUA_TFUNCTION)
        luaL_error(L, "%s.%s is %s, expected a function", instance->kind, name,
                   luaL_typename(L, -1));
    lua_insert(L, -2);
}

/* -- snapshot ------------------------------------------------------------- */

static int state_take(lua_State *L)
{
    const struct lares__instance *instance = lua_touserdata(L, 1);
    const struct lares__answer answer = {instance->kind, ".snapshot",
                                         "a string or an array of strings"};

    method_push(L, instance, "snapshot");
    lua_call(L, 1, 1);
    lares__answer_give(L, &answer, lares_call_state,
                       instance->runtime->entry->call);
    return 0;
}

lares_verdict lares__instance_snapshot(lares_call *call, void *object)
{
    struct lares__instance *instance = object;
    struct lares__entry entry = {state_take, "snapshot", call, NULL, 0};

    return lares__runtime_enter(instance->runtime, &entry, instance);
}

/* -- restore -------------------------------------------------------------- */

struct giving {
    struct lares__instance *instance;
    struct lares__entry *entry;
    uint32_t version; /* of the data */
    const void *data;
    size_t len;
};

static void upgrade_check(lua_State *L, const struct giving *giving)
{
    const struct lares__instance *instance = giving->instance;

    lares__instance_object(L, instance);
    if (lua_getfield(L, -1, "upgrade") == LUA_TNIL)
        luaL_error(L,
                   "the state has version %I, and %s, of version %I, has no "
                   "upgrade",
                   (LUAI_UACINT)giving->version, instance->kind,
                   (LUAI_UACINT)instance->version);
    lua_pop(L, 2);
}

/* The older state on top becomes one that restore can read. */
static void state_upgrade(lua_State *L, const struct giving *giving)
{
    const struct lares__answer answer = {giving->instance->kind, ".upgrade",
                                         "a string"};

    giving->entry->where = "upgrade";
    upgrade_check(L, giving);
    method_push(L, giving->instance, "upgrade");
    lua_pushinteger(L, giving->version);
    lua_rotate(L, -4, -1); /* the state goes last */
    lua_call(L, 3, 1);
    if (lua_type(L, -1) != LUA_TSTRING)
        lares__answer_refuse(L, &answer, luaL_typename(L, -1));
    giving->entry->where = "restore";
}

static int state_give(lua_State *L)
{
    const struct giving *giving = lua_touserdata(L, 1);

    lua_pushlstring(L, giving->data, giving->len);
    if (giving->version < giving->instance->version)
        state_upgrade(L, giving);
    method_push(L, giving->instance, "restore");
    lua_rotate(L, -3, -1);
    lua_call(L, 2, 0);
    return 0;
}

lares_verdict lares__instance_restore(lares_call *call, uint32_t version,
                                      const void *data, size_t len,
                                      void *object)
{
    struct lares__instance *instance = object;
    struct lares__entry entry = {state_give, "restore", call, NULL, 0};
    struct giving giving = {instance, &entry, version, data, len};

    return lares__runtime_enter(instance->runtime, &entry, &giving);
}
