/* script.h - a Lua file that was read, and the states in which it runs. */
#ifndef LARES_LUA_SCRIPT_H
#define LARES_LUA_SCRIPT_H

#include <stdatomic.h>
#include <stddef.h>

#include <lua.h>

#include "lares.h"

/* Whatever comes from a script shares it. */
struct lares__script {
    atomic_uint references;
    size_t len;
    char *text;
    char name[]; /* "@FILE", as Lua names a chunk of a file */
};

/* Say why opening fails, for whoever opens on this thread; return status. */
lares_status lares__script_fail(lares_status status, const char *text);

/* The same for what a call of the core has just answered. */
lares_status lares__script_fail_core(lares_status status);

/* Read a file. */
lares_status lares__script_read(const char *path, struct lares__script **out);

void lares__script_retain(struct lares__script *script);
void lares__script_release(struct lares__script *script);

/* Run a script and push an array of the classes and handlers that it returns;
 * its length. Raises. */
lua_Integer lares__script_run(lua_State *L, const struct lares__script *script);

/* Make a state for a script, NULL without memory. */
lua_State *lares__state_new(void);

void lares__state_close(lua_State *L);

/* Call function(argument), a light userdata, in an idle state, under
 * protection: what is raised is why opening fails. */
lares_status lares__state_call(lua_State *L, lua_CFunction function,
                               void *argument);

#endif
