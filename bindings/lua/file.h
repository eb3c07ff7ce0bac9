/* file.h - files that the program and a Lua program read whole. */
#ifndef LARES_LUA_FILE_H
#define LARES_LUA_FILE_H

#include "console.h"

#include <stddef.h>

enum {
    LARES__SEED_LEN = 32,
    LARES__IMAGE_FILE_MAX = 1 << 30 /* bytes, all of which are in memory */
};

/* Each returns an exit code; what went wrong has been said. */

/* The seed of an identity; the caller wipes it, whatever comes back. */
int lares__seed_read(const struct lares__console *console, const char *path,
                     unsigned char out[LARES__SEED_LEN]);

/* A file of at most max bytes, into memory that the caller frees. */
int lares__file_read(const struct lares__console *console, const char *path,
                     size_t max, unsigned char **data_out, size_t *len_out);

#endif
