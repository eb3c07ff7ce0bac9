/* handle.h - tickets of the core as values of Lua, and arguments read from
 * Lua. The script host uses it for options alone: a script has no handles. */
#ifndef LARES_LUA_HANDLE_H
#define LARES_LUA_HANDLE_H

#include <lauxlib.h>
#include <lua.h>

#include "lares.h"

struct lares__runtime;

/* A box is made before the ticket that it will hold, so nothing that raises
 * can lose one. Collecting a box drops the ticket and ends nothing. */
struct lares__box {
    void *ticket; /* NULL: none yet, or given back */
    struct lares__runtime *runtime;
};

/* One type of box: `free` takes the ticket, `ends` is its __close. */
struct lares__type {
    const char *name;
    void (*free)(void *ticket);
    const luaL_Reg *methods;
    lua_CFunction property; /* what is no method; NULL: nothing */
    lua_CFunction ends;
    lua_CFunction count; /* its __len; NULL: it has none */
};

extern const struct lares__type lares__node_type, lares__daemon_type,
    lares__inbox_type, lares__recovery_type, lares__key_type, lares__chain_type,
    lares__world_type;
/* Never seen by a program: they hold what a raise would leak. */
extern const struct lares__type lares__options_type, lares__events_type,
    lares__rows_type, lares__bytes_type;

/* Make the metatable of a type; once per state. */
void lares__type_open(lua_State *L, const struct lares__type *type);

/* Is the value at index a table with the metatable of that name? */
int lares__metatable_test(lua_State *L, int index, const char *name);

/* Push an empty box; its one user value is free for its type. */
struct lares__box *lares__box_new(lua_State *L, const struct lares__type *type);

/* Check the box at index and return its ticket, NULL if it has been closed.
 * From here on callbacks run on this coroutine. */
void *lares__box_find(lua_State *L, int index, const struct lares__type *type);

/* The same for what is of no use once it has been closed: that raises. */
void *lares__box_check(lua_State *L, int index, const struct lares__type *type);

/* Give the ticket back now. */
void lares__box_reset(lua_State *L, int index, const struct lares__type *type);

/* Push a box of options made from the table at index, or an empty one if there
 * is none; `skipped` are the keys, NULL at the end, that are no text. The box
 * frees them. Other keys go to the core as they are, but `_` stands for `.`. */
lares_options *lares__options_push(lua_State *L, int index,
                                   const char *const skipped[]);

/* The seconds at index, as a timeout in ms; math.huge waits for ever. */
int64_t lares__seconds_check(lua_State *L, int index, double fallback);

/* The seconds at index, as ms that a timer may wait. */
int64_t lares__delay_check(lua_State *L, int index);

/* The text at index; a zero byte would cut it short for the core. */
const char *lares__text_check(lua_State *L, int index);

/* The same, or the fallback if there is none. */
const char *lares__text_optional(lua_State *L, int index, const char *fallback);

/* The string at index: no number passes for one. */
const char *lares__data_check(lua_State *L, int index, size_t *len_out);

/* Answer a call that put a list of events into the box on top: an array. */
int lares__events_answer(lua_State *L, lares_status status);

/* The same for a table: an array of rows. */
int lares__rows_answer(lua_State *L, lares_status status);

/* The same for a block: a string. */
int lares__bytes_answer(lua_State *L, lares_status status);

#endif
