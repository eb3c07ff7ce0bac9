/* event.h - events as Lua sees them: one userdata that shows the input in
 * hand, and tables that are their owner's. */
#ifndef LARES_LUA_EVENT_H
#define LARES_LUA_EVENT_H

#include <lua.h>

#include "lares.h"

/* The input in hand; NULL while there is none. */
struct lares__view {
    const lares_event *event;
};

/* Make what the functions below need; once per state. */
void lares__event_open(lua_State *L);

/* Push a view: read field by field, an error once its event is over. */
struct lares__view *lares__view_new(lua_State *L);

/* Push a table with the fields of an event. */
void lares__event_push(lua_State *L, const lares_event *event);

/* Read an event back from a table, or from a view. What is a pointer in it
 * lives as long as the value at index. */
void lares__event_read(lua_State *L, int index, lares_event *out);

#endif
