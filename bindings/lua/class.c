#include "class.h"

#include <inttypes.h>
#include <stdio.h>

#include <lauxlib.h>

#include "callback.h"
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
    int same;

    if (!lua_istable(L, index) || !lua_getmetatable(L, index))
        return 0;
    luaL_getmetatable(L, CLASS);
    same = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return same;
}

const char *lares__class_check(lua_State *L, int index)
{
    const char *kind;

    if (!lares__class_test(L, index))
        luaL_error(L, "expected a class of lares.daemon, got %s",
                   luaL_typename(L, index));
    lua_getfield(L, index, "kind");
    kind = luaL_checkstring(L, -1);
    lua_getfield(L, index, "process");
    if (!lua_isfunction(L, -1))
        luaL_error(L, "%s.process is %s, expected a function", kind,
                   luaL_typename(L, -1));
    lua_pop(L, 1);
    return kind;
}

/* self:emit(data, channel?) -> true */
static int self_emit(lua_State *L)
{
    struct lares__instance *instance = lares__instance_find(L, 1);
    const char *channel = lares__text_optional(L, 3, NULL);
    const char *data;
    size_t len;

    luaL_checktype(L, 2, LUA_TSTRING);
    if (instance == NULL || instance->call == NULL)
        return luaL_error(L, "emit works inside process only");
    data = lua_tolstring(L, 2, &len);
    return lares__result_push(
        L, lares_call_emit(instance->call, channel, data, len));
}

void lares__class_open(lua_State *L)
{
    luaL_newmetatable(L, CLASS);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, self_emit);
    lua_setfield(L, -2, "emit");
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
