/* result.h - how a call answers Lua. */
#ifndef LARES_LUA_RESULT_H
#define LARES_LUA_RESULT_H

#include <lua.h>

#include "lares.h"

/* Push what a call answers and return how many values that is: true; or nil,
 * text, "ENAME" for what can happen. A wrong argument raises. Use it directly
 * behind the call: the text is this thread's error detail. */
int lares__result_push(lua_State *L, lares_status status);

/* The same for a value: it lies on top of the stack, and is the answer if the
 * call succeeded. */
int lares__result_value(lua_State *L, lares_status status);

/* Raise whatever failed. For what has no answer but an error. */
void lares__result_check(lua_State *L, lares_status status);

#endif
