#include "handle.h"

#include <math.h>
#include <string.h>

#include "event.h"
#include "result.h"
#include "runtime.h"

/* -- boxes ---------------------------------------------------------------- */

/* The metatable holds its type: upvalue 1 of the two functions below. */
static int box_collect(lua_State *L)
{
    const struct lares__type *type = lua_touserdata(L, lua_upvalueindex(1));

    lares__box_reset(L, 1, type);
    return 0;
}

/* (box, key): upvalue 2 is the table of methods */
static int box_index(lua_State *L)
{
    const struct lares__type *type = lua_touserdata(L, lua_upvalueindex(1));

    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(2)) != LUA_TNIL ||
        type->property == NULL || lua_type(L, 2) != LUA_TSTRING)
        return 1;
    return type->property(L);
}

void lares__type_open(lua_State *L, const struct lares__type *type)
{
    void *user = (void *)(uintptr_t)type; /* read only */

    luaL_newmetatable(L, type->name);
    lua_pushlightuserdata(L, user);
    lua_newtable(L);
    luaL_setfuncs(L, type->methods, 0);
    lua_pushcclosure(L, box_index, 2);
    lua_setfield(L, -2, "__index");
    lua_pushlightuserdata(L, user);
    lua_pushcclosure(L, box_collect, 1);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, "__gc");
    if (type->ends != NULL) {
        lua_pop(L, 1);
        lua_pushcfunction(L, type->ends);
    }
    lua_setfield(L, -2, "__close");
    if (type->count != NULL) {
        lua_pushcfunction(L, type->count);
        lua_setfield(L, -2, "__len");
    }
    lua_pushstring(L, type->name);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}

int lares__metatable_test(lua_State *L, int index, const char *name)
{
    int same;

    if (!lua_istable(L, index) || !lua_getmetatable(L, index))
        return 0;
    luaL_getmetatable(L, name);
    same = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return same;
}

struct lares__box *lares__box_new(lua_State *L, const struct lares__type *type)
{
    struct lares__box *box = lua_newuserdatauv(L, sizeof *box, 1);

    box->ticket = NULL;
    box->runtime = lares__runtime_get(L);
    box->runtime->lua = L;
    luaL_setmetatable(L, type->name);
    return box;
}

static struct lares__box *box_at(lua_State *L, int index,
                                 const struct lares__type *type)
{
    struct lares__box *box = luaL_checkudata(L, index, type->name);

    box->runtime->lua = L;
    return box;
}

void *lares__box_find(lua_State *L, int index, const struct lares__type *type)
{
    return box_at(L, index, type)->ticket;
}

void *lares__box_check(lua_State *L, int index, const struct lares__type *type)
{
    void *ticket = lares__box_find(L, index, type);

    if (ticket == NULL)
        luaL_error(L, "%s: this %s has been closed",
                   lares_status_name(LARES_ECLOSED), type->name);
    return ticket;
}

void lares__box_reset(lua_State *L, int index, const struct lares__type *type)
{
    struct lares__box *box = box_at(L, index, type);
    void *ticket = box->ticket;

    box->ticket = NULL; /* first: freeing may call Lua, which may see us */
    if (ticket != NULL)
        type->free(ticket);
}

/* -- what holds no ticket ------------------------------------------------- */

static const luaL_Reg no_methods[] = {
    {NULL, NULL}
};

static void options_free(void *ticket)
{
    lares_options_free(ticket);
}

static void events_free(void *ticket)
{
    lares_events_free(ticket);
}

static void rows_free(void *ticket)
{
    lares_rows_free(ticket);
}

static void bytes_free(void *ticket)
{
    lares_bytes_free(ticket);
}

const struct lares__type lares__options_type = {
    "lares.options", options_free, no_methods, NULL, NULL, NULL};
const struct lares__type lares__events_type = {
    "lares.events", events_free, no_methods, NULL, NULL, NULL};
const struct lares__type lares__rows_type = {
    "lares.rows", rows_free, no_methods, NULL, NULL, NULL};
const struct lares__type lares__bytes_type = {
    "lares.bytes", bytes_free, no_methods, NULL, NULL, NULL};

/* -- options -------------------------------------------------------------- */

/* Push the strings of the array at index, joined by blanks. */
static void words_push(lua_State *L, int index, const char *key)
{
    lua_Integer i, count = luaL_len(L, index);
    luaL_Buffer text;

    luaL_buffinit(L, &text);
    for (i = 1; i <= count; i++) {
        if (i > 1)
            luaL_addchar(&text, ' ');
        if (lua_geti(L, index, i) != LUA_TSTRING)
            luaL_error(L, "option %s holds %s, expected strings", key,
                       luaL_typename(L, -1));
        luaL_addvalue(&text);
    }
    luaL_pushresult(&text);
}

/* Push the option value at index as text. */
static const char *value_push(lua_State *L, int index, const char *key)
{
    const char *text;
    size_t len;

    switch (lua_type(L, index)) {
    case LUA_TSTRING:
        lua_pushvalue(L, index);
        break;
    case LUA_TNUMBER:
        if (!lua_isinteger(L, index))
            luaL_error(L, "option %s is no whole number", key);
        lua_pushfstring(L, "%I", (LUAI_UACINT)lua_tointeger(L, index));
        break;
    case LUA_TBOOLEAN:
        lua_pushstring(L, lua_toboolean(L, index) ? "true" : "false");
        break;
    case LUA_TTABLE:
        words_push(L, index, key);
        break;
    default:
        luaL_error(L, "option %s is %s", key, luaL_typename(L, index));
    }
    text = lua_tolstring(L, -1, &len);
    if (strlen(text) != len)
        luaL_error(L, "option %s has a zero byte", key);
    return text;
}

static int key_is_skipped(const char *key, const char *const skipped[])
{
    for (; skipped != NULL && *skipped != NULL; skipped++)
        if (strcmp(key, *skipped) == 0)
            return 1;
    return 0;
}

/* (…, key, value) of the table */
static void options_add(lua_State *L, lares_options *options,
                        const char *const skipped[])
{
    int value = lua_gettop(L);
    const char *key;

    if (lua_type(L, value - 1) != LUA_TSTRING)
        luaL_error(L, "options are named, but one has %s for a name",
                   luaL_typename(L, value - 1));
    key = lua_tostring(L, value - 1);
    if (key_is_skipped(key, skipped))
        return;
    key = luaL_gsub(L, key, "_", ".");
    lares__result_check(
        L, lares_options_set(options, key, value_push(L, value, key)));
}

lares_options *lares__options_push(lua_State *L, int index,
                                   const char *const skipped[])
{
    int given = !lua_isnoneornil(L, index); /* the box may take its place */
    struct lares__box *box = lares__box_new(L, &lares__options_type);
    lares_options *options;
    int top = lua_gettop(L);

    lares__result_check(L, lares_options_new(&options));
    box->ticket = options;
    if (!given)
        return options;
    luaL_checktype(L, index, LUA_TTABLE);
    lua_pushnil(L);
    while (lua_next(L, index)) {
        options_add(L, options, skipped);
        lua_settop(L, top + 1);
    }
    return options;
}

/* -- other arguments, results --------------------------------------------- */

int64_t lares__seconds_check(lua_State *L, int index, double fallback)
{
    double seconds = luaL_optnumber(L, index, fallback);

    luaL_argcheck(L, seconds >= 0, index, "seconds must not be negative");
    if (seconds > 1e12)
        return -1;
    return (int64_t)ceil(seconds * 1000);
}

int64_t lares__delay_check(lua_State *L, int index)
{
    double seconds = luaL_checknumber(L, index);

    luaL_argcheck(L, seconds >= 0, index, "seconds must not be negative");
    luaL_argcheck(L, seconds <= 1e12, index, "a timer cannot wait for ever");
    return (int64_t)ceil(seconds * 1000);
}

const char *lares__text_check(lua_State *L, int index)
{
    size_t len;
    const char *text = luaL_checklstring(L, index, &len);

    luaL_argcheck(L, strlen(text) == len, index, "a text with a zero byte");
    return text;
}

const char *lares__text_optional(lua_State *L, int index, const char *fallback)
{
    return lua_isnoneornil(L, index) ? fallback : lares__text_check(L, index);
}

const char *lares__data_check(lua_State *L, int index, size_t *len_out)
{
    luaL_checktype(L, index, LUA_TSTRING);
    return lua_tolstring(L, index, len_out);
}

static void events_push(lua_State *L, lares_events *events)
{
    const lares_event *event;
    lua_Integer count = 0;

    lua_newtable(L);
    while ((event = lares_events_next(events)) != NULL) {
        lares__event_push(L, event);
        lua_rawseti(L, -2, ++count);
    }
}

int lares__events_answer(lua_State *L, lares_status status)
{
    int box = lua_gettop(L);

    if (status < 0)
        return lares__result_push(L, status);
    events_push(L, ((struct lares__box *)lua_touserdata(L, box))->ticket);
    lares__box_reset(L, box, &lares__events_type); /* now, not at collection */
    return 1;
}

/* Set a field of the row on top from a column. */
static void column_set(lua_State *L, const lares_rows *rows, const char *name,
                       uint32_t type)
{
    const char *text;
    uint64_t number;

    if (type == LARES_ROWS_TEXT) {
        lares__result_check(L, lares_rows_text(rows, name, &text));
        lua_pushstring(L, text);
    } else {
        lares__result_check(L, lares_rows_u64(rows, name, &number));
        lua_pushinteger(L, (lua_Integer)number);
    }
    lua_setfield(L, -2, name);
}

static void row_push(lua_State *L, const lares_rows *rows)
{
    const char *name;
    uint32_t type;
    size_t i;

    lua_newtable(L);
    for (i = 0; lares_rows_column(rows, i, &name, &type) == LARES_OK; i++)
        column_set(L, rows, name, type);
}

int lares__rows_answer(lua_State *L, lares_status status)
{
    int box = lua_gettop(L);
    lares_rows *rows = ((struct lares__box *)lua_touserdata(L, box))->ticket;
    lua_Integer count = 0;

    if (status < 0)
        return lares__result_push(L, status);
    lua_newtable(L);
    while (lares_rows_next(rows) == LARES_OK) {
        row_push(L, rows);
        lua_rawseti(L, -2, ++count);
    }
    lares__box_reset(L, box, &lares__rows_type);
    return 1;
}

int lares__bytes_answer(lua_State *L, lares_status status)
{
    int box = lua_gettop(L);
    lares_bytes *bytes = ((struct lares__box *)lua_touserdata(L, box))->ticket;

    if (status < 0)
        return lares__result_push(L, status);
    lua_pushlstring(L, lares_bytes_data(bytes), lares_bytes_len(bytes));
    lares__box_reset(L, box, &lares__bytes_type);
    return 1;
}
