/* module.h - what lares.* opens. */
#ifndef LARES_LUA_MODULE_H
#define LARES_LUA_MODULE_H

#include <lua.h>

int lares__node_open(lua_State *L);  /* lares.node */
int lares__world_open(lua_State *L); /* lares.world */
int lares__key_open(lua_State *L);   /* lares.key */
int lares__chain_open(lua_State *L); /* lares.chain */

/* (arg, build) -> exit code: run the node that build(name) makes */
int lares__program_run(lua_State *L);

#endif
