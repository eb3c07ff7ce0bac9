/* error.h - one line per thread about its last failed call.
 *
 * The line says what the code cannot: the value that was given and the rule
 * that it broke. It has no full stop, and setting it allocates nothing, so it
 * also serves when memory has run out.
 */
#ifndef LARES_ERROR_H
#define LARES_ERROR_H

#include "lares.h"

enum {
    LARES__ERROR_MAX = 511 /* bytes of a detail */
};

/* Set this thread's detail, valid UTF-8 cut to LARES__ERROR_MAX; answer code.
 *
 * The arguments may point into the detail that stands. */
lares_status lares__error(lares_status code, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

void lares__error_clear(void);

/* Never NULL; valid until the next lares__error of this thread. */
const char *lares__error_detail(void);

#endif
