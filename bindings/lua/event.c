/* Design notes
 *
 * The event that process gets is a view: a userdata that points at the core's
 * own event, made once per daemon. A field costs a string only when somebody
 * reads it, so an input that nobody looks at is never copied. The price is one
 * C call per read, which is less than a table per event.
 *
 * The pointer is cleared as the crossing ends. So a view that was kept raises
 * when it is read, and cannot reach memory that the core has taken back.
 */
#include "event.h"

#include <stddef.h>
#include <string.h>

#include <lauxlib.h>

#define VIEW "lares.event"

static const struct field {
    const char *name;
    size_t offset;
} numbers[] = {
    {"origin",      offsetof(lares_event, origin)     },
    {"sequence",    offsetof(lares_event, sequence)   },
    {"parent",      offsetof(lares_event, parent)     },
    {"horizon",     offsetof(lares_event, horizon)    },
    {"hash",        offsetof(lares_event, hash)       },
    {"arrival",     offsetof(lares_event, arrival)    },
    {"received_at", offsetof(lares_event, received_at)},
};

enum {
    NUMBERS = sizeof numbers / sizeof *numbers
};

/* Ids are integers, bit for bit: those above 2^63 are negative in Lua. */
static lua_Integer event_number(const lares_event *event,
                                const struct field *field)
{
    uint64_t value;

    memcpy(&value, (const char *)event + field->offset, sizeof value);
    return (lua_Integer)value;
}

static int event_field(lua_State *L, const lares_event *event, const char *name)
{
    size_t i;

    for (i = 0; i < NUMBERS; i++)
        if (strcmp(name, numbers[i].name) == 0) {
            lua_pushinteger(L, event_number(event, &numbers[i]));
            return 1;
        }
    if (strcmp(name, "replay") == 0) {
        lua_pushboolean(L, (event->flags & LARES_EVENT_REPLAY) != 0);
        return 1;
    }
    if (strcmp(name, "channel") != 0 || event->channel == NULL)
        return 0;
    lua_pushstring(L, event->channel);
    return 1;
}

/* Hot path: the one read that nearly every input has is tested first. Only
 * the metatable, which is out of a script's reach, knows this function: the
 * first value is a view. */
static int view_index(lua_State *L)
{
    const struct lares__view *view = lua_touserdata(L, 1);
    const lares_event *event = view->event;
    size_t len;
    const char *name = lua_tolstring(L, 2, &len);

    if (event == NULL)
        return luaL_error(L, "this event is over: copy what is needed later");
    if (name == NULL)
        return 0;
    if (len == 4 && memcmp(name, "data", 4) == 0) {
        lua_pushlstring(L, event->data, event->len);
        return 1;
    }
    return event_field(L, event, name);
}

void lares__event_open(lua_State *L)
{
    luaL_newmetatable(L, VIEW);
    lua_pushcfunction(L, view_index);
    lua_setfield(L, -2, "__index");
    lua_pushstring(L, VIEW);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}

struct lares__view *lares__view_new(lua_State *L)
{
    struct lares__view *view = lua_newuserdatauv(L, sizeof *view, 0);

    view->event = NULL;
    luaL_setmetatable(L, VIEW);
    return view;
}

void lares__event_push(lua_State *L, const lares_event *event)
{
    size_t i;

    lua_createtable(L, 0, NUMBERS + 2);
    for (i = 0; i < NUMBERS; i++) {
        lua_pushinteger(L, event_number(event, &numbers[i]));
        lua_setfield(L, -2, numbers[i].name);
    }
    lua_pushlstring(L, event->data, event->len);
    lua_setfield(L, -2, "data");
    if (event->channel != NULL) {
        lua_pushstring(L, event->channel);
        lua_setfield(L, -2, "channel");
    }
}

static uint64_t table_number(lua_State *L, int index, const char *name)
{
    int isnum;
    lua_Integer value;

    lua_getfield(L, index, name);
    value = lua_tointegerx(L, -1, &isnum);
    if (!isnum)
        luaL_error(L, "event.%s is %s, expected an integer", name,
                   luaL_typename(L, -1));
    lua_pop(L, 1);
    return (uint64_t)value;
}

static void table_data(lua_State *L, int index, lares_event *out)
{
    lua_getfield(L, index, "data");
    if (lua_type(L, -1) != LUA_TSTRING)
        luaL_error(L, "event.data is %s, expected a string",
                   luaL_typename(L, -1));
    out->data = lua_tolstring(L, -1, &out->len);
    lua_pop(L, 1); /* the table holds it */
}

void lares__event_read(lua_State *L, int index, lares_event *out)
{
    const struct lares__view *view = luaL_testudata(L, index, VIEW);
    uint64_t value;
    size_t i;

    if (view != NULL && view->event != NULL) {
        *out = *view->event;
        return;
    }
    luaL_checktype(L, index, LUA_TTABLE);
    memset(out, 0, sizeof *out);
    out->kind = LARES_INPUT_EVENT;
    for (i = 0; i < NUMBERS; i++) {
        value = table_number(L, index, numbers[i].name);
        memcpy((char *)out + numbers[i].offset, &value, sizeof value);
    }
    table_data(L, index, out);
}
