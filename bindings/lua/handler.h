/* handler.h - recovery handlers written in Lua, in the module and in the script
 * host. */
#ifndef LARES_LUA_HANDLER_H
#define LARES_LUA_HANDLER_H

#include "runtime.h"

/* A handler of a registry: a userdata that holds the function, and that the
 * Lua registry keeps under this address until it is released. */
struct lares__handler {
    struct lares__runtime *runtime;
    uint64_t id; /* 0: not registered yet, or no longer */
    char name[];
};

/* Make what the functions below need; once per state. */
void lares__handler_open(lua_State *L);

/* lares.handler(name, fn) -> Handler: a table of the two */
int lares__handler_new(lua_State *L);

/* Is the value at index a Handler? */
int lares__handler_test(lua_State *L, int index);

/* Push the name of the Handler at index, and its function. */
const char *lares__handler_read(lua_State *L, int index);

/* Push the `user` of a handler with the function at index. */
struct lares__handler *lares__handler_push(lua_State *L, int function,
                                           const char *name);

/* Push the function of the handler at index. */
void lares__handler_function(lua_State *L, int index);

/* For lares_recovery_register. */
lares_verdict lares__handler_run(lares_call *call, void *handler);
void lares__handler_release(void *handler);

#endif
