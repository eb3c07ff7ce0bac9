/* class.h - what an author defines: lares.daemon, and self:emit. */
#ifndef LARES_LUA_CLASS_H
#define LARES_LUA_CLASS_H

#include <lua.h>

/* Make what the functions below need; once per state. */
void lares__class_open(lua_State *L);

/* lares.daemon(kind, options?) -> Class */
int lares__class_new(lua_State *L);

/* Is the value at index a class? */
int lares__class_test(lua_State *L, int index);

/* Check that the value at index is a class that can be registered, push its
 * kind, and return it. */
const char *lares__class_check(lua_State *L, int index);

/* lares.hex(u64) -> 16 digits */
int lares__hex(lua_State *L);

#endif
