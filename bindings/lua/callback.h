/* callback.h - daemons written in Lua: from a class to an instance, and from
 * a crossing into its `process`. Used by the module, whose daemons share the
 * program's state, and by the script host, which gives each its own. */
#ifndef LARES_LUA_CALLBACK_H
#define LARES_LUA_CALLBACK_H

#include <lua.h>

#include "lares.h"

struct lares__view;

/* What one Lua state knows of Lares. */
struct lares__runtime {
    lua_State *lua;    /* the coroutine that callbacks run on */
    const char *where; /* the callback in progress, for tracebacks */
};

/* One daemon. Its Lua values hang on a userdata that the registry keeps under
 * this address until destroy. */
struct lares__instance {
    struct lares__runtime *runtime;
    struct lares__view *view;
    lares_call *call; /* the crossing in progress, else NULL */
    char kind[];      /* for messages */
};

/* Make what the functions below need, and the event; once per state. */
struct lares__runtime *lares__runtime_open(lua_State *L);

/* The runtime of a state that has one. */
struct lares__runtime *lares__runtime_get(lua_State *L);

/* The instance behind the object at index, NULL if it is none. */
struct lares__instance *lares__instance_find(lua_State *L, int index);

/* Make the instance of the class that make() pushes, under protection: it gets
 * `user`, and may raise. */
lares_verdict lares__instance_create(lua_State *L, lares_call *call,
                                     const lares_daemon *daemon,
                                     lua_CFunction make, void *user,
                                     void **instance_out);

/* The slots of lares_daemon_ops for a state that several daemons share. */
lares_verdict lares__instance_process(lares_call *call, void *instance);
void lares__instance_destroy(void *instance);

/* A message handler: the message and up to eight frames "file:line name". */
int lares__traceback(lua_State *L);

#endif
