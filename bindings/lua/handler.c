#include "handler.h"

#include <string.h>

#include <lauxlib.h>

#include "answer.h"
#include "handle.h"

#define HANDLER "lares.handler"

void lares__handler_open(lua_State *L)
{
    luaL_newmetatable(L, HANDLER);
    lua_pop(L, 1);
}

/* -- what an author makes ------------------------------------------------- */

int lares__handler_new(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TSTRING);
    lares__text_check(L, 1);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_createtable(L, 0, 2);
    lua_pushvalue(L, 1);
    lua_setfield(L, -2, "name");
    lua_pushvalue(L, 2);
    lua_setfield(L, -2, "run");
    luaL_setmetatable(L, HANDLER);
    return 1;
}

int lares__handler_test(lua_State *L, int index)
{
    return lares__metatable_test(L, index, HANDLER);
}

const char *lares__handler_read(lua_State *L, int index)
{
    const char *name;
    size_t len;

    if (lua_getfield(L, index, "name") != LUA_TSTRING)
        luaL_error(L, "the name of a handler is %s, expected a string",
                   luaL_typename(L, -1));
    name = lua_tolstring(L, -1, &len);
    if (strlen(name) != len)
        luaL_error(L, "the name of a handler has a zero byte");
    if (lua_getfield(L, index, "run") != LUA_TFUNCTION)
        luaL_error(L, "handler %s: run is %s, expected a function", name,
                   luaL_typename(L, -1));
    return name;
}

/* -- what a registry holds ------------------------------------------------ */

struct lares__handler *lares__handler_push(lua_State *L, int function,
                                           const char *name)
{
    size_t len = strlen(name) + 1;
    struct lares__handler *handler =
        lua_newuserdatauv(L, sizeof *handler + len, 1);

    handler->runtime = lares__runtime_get(L);
    handler->id = 0;
    memcpy(handler->name, name, len);
    lua_pushvalue(L, function);
    lua_setiuservalue(L, -2, 1);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, handler);
    return handler;
}

void lares__handler_function(lua_State *L, int index)
{
    lua_getiuservalue(L, index, 1);
}

void lares__handler_release(void *user)
{
    struct lares__handler *handler = user;
    lua_State *L = handler->runtime->lua;

    handler->id = 0;
    lua_pushnil(L); /* a key that is there: nothing is allocated */
    lua_rawsetp(L, LUA_REGISTRYINDEX, handler);
}

/* -- its answer ----------------------------------------------------------- */

/* The number on top, which is a slot or a group. */
static lua_Integer integer_check(lua_State *L,
                                 const struct lares__answer *answer,
                                 const char *what)
{
    lua_Integer value;
    int is_integer;

    if (lua_type(L, -1) != LUA_TNUMBER)
        lares__answer_refuse(
            L, answer,
            lua_pushfstring(L, "a %s that is %s", what, luaL_typename(L, -1)));
    value = lua_tointegerx(L, -1, &is_integer);
    if (!is_integer)
        lares__answer_refuse(
            L, answer,
            lua_pushfstring(L, "the %s %s", what, lua_tostring(L, -1)));
    return value;
}

/* Report the slot on top. More than a call may report are counted by the core,
 * and are no failure. */
static void slot_report(lua_State *L, const struct lares__answer *answer,
                        lares_call *call, lua_Integer group)
{
    lua_Integer slot = integer_check(L, answer, "slot");

    if (slot < 0 || slot > UINT32_MAX)
        lares__answer_refuse(
            L, answer, lua_pushfstring(L, "the slot %I", (LUAI_UACINT)slot));
    (void)lares_call_recovered(call, (uint64_t)group, (uint32_t)slot);
}

/* Report the {group =, slot =} on top; without a group it is in none. */
static void pair_report(lua_State *L, const struct lares__answer *answer,
                        lares_call *call)
{
    lua_Integer group = 0;

    if (lua_getfield(L, -1, "group") != LUA_TNIL)
        group = integer_check(L, answer, "group");
    lua_pop(L, 1);
    lua_getfield(L, -1, "slot");
    slot_report(L, answer, call, group);
    lua_pop(L, 1);
}

static void array_report(lua_State *L, const struct lares__answer *answer,
                         lares_call *call)
{
    lua_Integer i, count = lares__answer_count(L, answer);

    for (i = 1; i <= count; i++) {
        if (lua_rawgeti(L, -1, i) == LUA_TTABLE)
            pair_report(L, answer, call);
        else
            slot_report(L, answer, call, 0);
        lua_pop(L, 1);
    }
}

static int handler_answer(lua_State *L)
{
    const struct lares__handler *handler = lua_touserdata(L, 1);
    const struct lares__answer answer = {handler->name, "",
                                         "nil, a slot or an array of slots"};
    lares_call *call = handler->runtime->entry->call;

    lua_rawgetp(L, LUA_REGISTRYINDEX, handler);
    lares__handler_function(L, -1);
    lua_call(L, 0, 1);
    switch (lua_type(L, -1)) {
    case LUA_TNIL:
        break;
    case LUA_TNUMBER:
        slot_report(L, &answer, call, 0);
        break;
    case LUA_TTABLE:
        array_report(L, &answer, call);
        break;
    default:
        lares__answer_refuse(L, &answer, luaL_typename(L, -1));
    }
    return 0;
}

lares_verdict lares__handler_run(lares_call *call, void *user)
{
    struct lares__handler *handler = user;
    struct lares__entry entry = {handler_answer, "handler", call, NULL, 0};

    return lares__runtime_enter(handler->runtime, &entry, handler);
}
