/* class.h - what an author defines: lares.daemon, and what `self` can do. */
#ifndef LARES_LUA_CLASS_H
#define LARES_LUA_CLASS_H

#include <lua.h>

#include "lares.h"

/* Make what the functions below need; once per state. */
void lares__class_open(lua_State *L);

/* lares.daemon(kind, options?) -> Class */
int lares__class_new(lua_State *L);

/* Is the value at index a class? */
int lares__class_test(lua_State *L, int index);

/* What is registered of a class. */
struct lares__class {
    const char *kind;
    uint32_t version; /* of its state */
    int can_snapshot;
};

/* Check that the value at index is a class that can be registered, and push its
 * kind. */
void lares__class_check(lua_State *L, int index, struct lares__class *out);

/* Complete the slots of a class: those that it need not have. */
void lares__class_ops(const struct lares__class *class, lares_daemon_ops *ops);

/* lares.hex(u64) -> 16 digits */
int lares__hex(lua_State *L);

#endif
