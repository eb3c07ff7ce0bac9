#include "answer.h"

#include <lauxlib.h>

int lares__answer_refuse(lua_State *L, const struct lares__answer *answer,
                         const char *what)
{
    lua_pushfstring(L, "%s%s returned %s, expected %s", answer->who,
                    answer->method, what, answer->expected);
    return lua_error(L);
}

/* The key lies on top; __tostring is not called for it. */
static void key_refuse(lua_State *L, const struct lares__answer *answer)
{
    const char *what;

    if (lua_isstring(L, -1)) /* a number is one, too */
        what =
            lua_pushfstring(L, "a table with the key %s", lua_tostring(L, -1));
    else
        what = lua_pushfstring(L, "a table with a %s for a key",
                               luaL_typename(L, -1));
    lares__answer_refuse(L, answer, what);
}

lua_Integer lares__answer_count(lua_State *L,
                                const struct lares__answer *answer)
{
    lua_Integer key, count = (lua_Integer)lua_rawlen(L, -1);

    lua_pushnil(L);
    while (lua_next(L, -2)) {
        lua_pop(L, 1);
        key = lua_isinteger(L, -1) ? lua_tointeger(L, -1) : 0;
        if (key < 1 || key > count)
            key_refuse(L, answer);
    }
    return count;
}

static void array_give(lua_State *L, const struct lares__answer *answer,
                       lares__give_fn give, lares_call *call)
{
    lua_Integer i, count = lares__answer_count(L, answer);
    const char *data;
    size_t len;

    for (i = 1; i <= count; i++) {
        if (lua_rawgeti(L, -1, i) != LUA_TSTRING)
            lares__answer_refuse(L, answer,
                                 lua_pushfstring(L, "an array with a %s at %I",
                                                 luaL_typename(L, -1),
                                                 (LUAI_UACINT)i));
        data = lua_tolstring(L, -1, &len);
        if (give(call, data, len) < 0)
            return;
        lua_pop(L, 1);
    }
}

void lares__answer_give(lua_State *L, const struct lares__answer *answer,
                        lares__give_fn give, lares_call *call)
{
    const char *data;
    size_t len;

    switch (lua_type(L, -1)) {
    case LUA_TSTRING:
        data = lua_tolstring(L, -1, &len);
        give(call, data, len);
        break;
    case LUA_TTABLE:
        array_give(L, answer, give, call);
        break;
    default:
        lares__answer_refuse(L, answer, luaL_typename(L, -1));
    }
}
