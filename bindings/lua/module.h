/* module.h - what lares.* opens. */
#ifndef LARES_LUA_MODULE_H
#define LARES_LUA_MODULE_H

#include <lua.h>

#include "lares.h"

struct lares__box;

int lares__node_open(lua_State *L);     /* lares.node */
int lares__world_open(lua_State *L);    /* lares.world */
int lares__key_open(lua_State *L);      /* lares.key */
int lares__chain_open(lua_State *L);    /* lares.chain */
int lares__recovery_open(lua_State *L); /* lares.recovery */
int lares__image_report(lua_State *L);  /* lares.image_report */

int lares__letters(lua_State *L); /* node:letters */
int lares__replay(lua_State *L);  /* node:replay */
int lares__drop(lua_State *L);    /* node:drop */

/* Push an empty box for a recovery registry. */
struct lares__box *lares__recovery_push(lua_State *L);

/* Register the function at one index in the registry of the box at another. */
lares_status lares__recovery_add(lua_State *L, int box, int function,
                                 const char *name, size_t *count_out);

/* (arg, build) -> exit code: run the node that build(name) makes */
int lares__program_run(lua_State *L);

#endif
