#include "class.h"

#include <inttypes.h>
#include <stdio.h>

#include <lauxlib.h>

#include "callback.h"
#include "event.h"
#include "handle.h"
#include "result.h"

#define CLASS "lares.class"

int lares__class_new(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TSTRING);
    lares__text_check(L, 1);
    if (!lua_isnoneornil(L, 2))
        luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    lua_createtable(L, 0, 8);
    lua_pushvalue(L, 1);
    lua_setfield(L, 3, "kind");
    lua_pushvalue(L, 2);
    lua_setfield(L, 3, "options");
    lua_pushvalue(L, 3);
    lua_setfield(L, 3, "__index");
    luaL_setmetatable(L, CLASS);
    return 1;
}

int lares__class_test(lua_State *L, int index)
{
    return lares__metatable_test(L, index, CLASS);
}

/* -- registering ---------------------------------------------------------- */

/* Is there such a method? Anything but a function is a slip. */
static int method_check(lua_State *L, int index, const char *kind,
                        const char *name)
{
    int type = lua_getfield(L, index, name);

    if (type != LUA_TNIL && type != LUA_TFUNCTION)
        luaL_error(L, "%s.%s is %s, expected a function", kind, name,
                   lua_typename(L, type));
    lua_pop(L, 1);
    return type == LUA_TFUNCTION;
}

/* A state that is only taken, or only read, would be lost. */
static int snapshot_check(lua_State *L, int index, const char *kind)
{
    int takes = method_check(L, index, kind, "snapshot");
    int gives = method_check(L, index, kind, "restore");

    if (takes != gives)
        luaL_error(L, "%s has %s and no %s, expected both or neither", kind,
                   takes ? "snapshot" : "restore",
                   takes ? "restore" : "snapshot");
    if (method_check(L, index, kind, "upgrade") && !gives)
        luaL_error(L, "%s has upgrade and no restore", kind);
    return takes;
}

/* The core checks the option when the class is registered. */
static uint32_t version_read(lua_State *L, int index)
{
    lua_Integer version = 0;

    if (lua_getfield(L, index, "options") == LUA_TTABLE) {
        lua_getfield(L, -1, "version");
        version = lua_tointeger(L, -1);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return (uint32_t)version;
}

void lares__class_check(lua_State *L, int index, struct lares__class *out)
{
    if (!lares__class_test(L, index))
        luaL_error(L, "expected a class of lares.daemon, got %s",
                   luaL_typename(L, index));
    lua_getfield(L, index, "kind");
    out->kind = luaL_checkstring(L, -1);
    if (!method_check(L, index, out->kind, "process"))
        luaL_error(L, "%s.process is nil, expected a function", out->kind);
    out->can_snapshot = snapshot_check(L, index, out->kind);
    out->version = version_read(L, index);
}

void lares__class_ops(const struct lares__class *class, lares_daemon_ops *ops)
{
    ops->size = sizeof *ops;
    ops->process = lares__instance_process;
    if (!class->can_snapshot)
        return;
    ops->snapshot = lares__instance_snapshot;
    ops->restore = lares__instance_restore;
}

/* -- self ----------------------------------------------------------------- */

/* The call in which `self`, the first argument, may start or do something. */
static lares_call *self_call(lua_State *L, const char *method,
                             const char *where, int needs_input)
{
    const struct lares__instance *instance = lares__instance_find(L, 1);
    lares_call *call = instance != NULL ? lares__instance_call(instance) : NULL;

    if (call == NULL || (needs_input && instance->view->event == NULL))
        luaL_error(L, "%s works inside %s only", method, where);
    return call;
}

/* self:emit(data, channel?) -> true */
static int self_emit(lua_State *L)
{
    const char *channel = lares__text_optional(L, 3, NULL);
    size_t len;
    const char *data = lares__data_check(L, 2, &len);
    lares_call *call = self_call(L, "emit", "process", 1);

    return lares__result_push(L, lares_call_emit(call, channel, data, len));
}

/* self:after(seconds, data?, every?) -> id */
static int self_after(lua_State *L)
{
    int64_t delay_ms = lares__delay_check(L, 2);
    size_t len = 0;
    const char *data =
        lua_isnoneornil(L, 3) ? NULL : lares__data_check(L, 3, &len);
    int64_t period_ms = lua_isnoneornil(L, 4) ? 0 : lares__delay_check(L, 4);
    lares_call *call = self_call(L, "after", "init and process", 0);
    uint64_t id = 0;
    lares_status rc;

    luaL_argcheck(L, lua_isnoneornil(L, 4) || period_ms > 0, 4,
                  "a period must not be 0");
    rc = lares_call_timer(call, delay_ms, period_ms, data, len, &id);
    lua_pushinteger(L, (lua_Integer)id);
    return lares__result_value(L, rc);
}

/* self:cancel(id) -> true */
static int self_cancel(lua_State *L)
{
    uint64_t id = (uint64_t)luaL_checkinteger(L, 2);
    lares_call *call = self_call(L, "cancel", "process", 1);

    return lares__result_push(L, lares_call_cancel(call, id));
}

void lares__class_open(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"emit",   self_emit  },
        {"after",  self_after },
        {"cancel", self_cancel},
        {NULL,     NULL       },
    };

    luaL_newmetatable(L, CLASS);
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}

int lares__hex(lua_State *L)
{
    char text[17];

    snprintf(text, sizeof text, "%016" PRIx64,
             (uint64_t)luaL_checkinteger(L, 1));
    lua_pushstring(L, text);
    return 1;
}
