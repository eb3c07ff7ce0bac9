/* picture.h - the image of a daemon on its way into a file. It comes under a
 * name of its own, and takes the file's when it is whole. */
#ifndef LARES_CLI_PICTURE_H
#define LARES_CLI_PICTURE_H

#include <stdio.h>

#include "console.h"

struct lares__picture {
    const struct lares__console *console;
    const char *file; /* where it goes */
    int last;         /* there is no other: what came whole is never deleted */
    char path[4096];  /* where it is meanwhile */
    FILE *stream;
    size_t len;
};

/* Each returns an exit code; what went wrong has been said. */

/* Close it, if this is 0. last: of a daemon that ends. */
int lares__picture_open(struct lares__picture *picture,
                        const struct lares__console *console, const char *file,
                        int last);
/* An item with a piece of the image; the picture is the context. */
int lares__picture_take(void *context, const char *item);
/* With a code other than 0 nothing is left, or, of a last image that came whole,
 * it has been said where it is. */
int lares__picture_close(struct lares__picture *picture, int code);

/* Says whose it is. */
void lares__picture_tell(const struct lares__picture *picture,
                         const char *origin);

#endif
