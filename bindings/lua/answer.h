/* answer.h - what a function of an author's returned. Whatever is not what was
 * asked for raises, and the text names it. */
#ifndef LARES_LUA_ANSWER_H
#define LARES_LUA_ANSWER_H

#include <lua.h>

#include "lares.h"

/* Who was asked, and for what: "counter", ".process", "nil or a string". */
struct lares__answer {
    const char *who, *method, *expected;
};

/* Raise: `what` was returned. */
int lares__answer_refuse(lua_State *L, const struct lares__answer *answer,
                         const char *what);

/* Check that the table on top is an array, and return its length: a key that
 * is none of 1 to that length would be dropped in silence. */
lua_Integer lares__answer_count(lua_State *L,
                                const struct lares__answer *answer);

/* Where a string goes. A status below 0 has latched: no more are given. */
typedef lares_status (*lares__give_fn)(lares_call *call, const void *data,
                                       size_t len);

/* Give the string on top, or those of the array on top, in order. */
void lares__answer_give(lua_State *L, const struct lares__answer *answer,
                        lares__give_fn give, lares_call *call);

#endif
