/* runtime.h - what one Lua state knows of Lares, and how the core enters it. */
#ifndef LARES_LUA_RUNTIME_H
#define LARES_LUA_RUNTIME_H

#include <lua.h>

#include "lares.h"

/* A callback in progress; it lies on the stack of whoever enters. */
struct lares__entry {
    lua_CFunction function; /* by which Lua is entered */
    const char *where;      /* the callback, for tracebacks */
    lares_call *call;       /* NULL: destroy has none */
    const void *owner;      /* the instance that may answer, NULL: none */
    int unwinding;          /* it has raised */
};

struct lares__runtime {
    lua_State *lua;             /* the coroutine that callbacks run on */
    struct lares__entry *entry; /* the innermost; NULL: none */
};

/* Make what the functions below need; once per state. */
struct lares__runtime *lares__runtime_open(lua_State *L);

/* The runtime of a state that has one. */
struct lares__runtime *lares__runtime_get(lua_State *L);

/* Call entry->function(argument), a light userdata, under protection. Whatever
 * comes of it, stack and runtime are as they were; what it raises becomes the
 * text of the call's failure. */
lares_verdict lares__runtime_enter(struct lares__runtime *runtime,
                                   struct lares__entry *entry, void *argument);

/* A message handler: the message and up to eight frames "file:line name". */
int lares__traceback(lua_State *L);

#endif
