/* fuzz.h - what a fuzz target is.
 *
 * It takes any bytes, gives them to a decoder, and dies where a promise does
 * not hold; a sanitizer watches the rest. What a decoder accepts is encoded
 * again, and where a format is canonical the bytes are the same.
 *
 * replay.c plays a folder of inputs, libFuzzer (LARES_FUZZ) makes new ones.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include "lares.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define promise(condition)                                                     \
    promise_at((condition) != 0, #condition, __FILE__, __LINE__)

static inline void promise_at(int holds, const char *text, const char *file,
                              int line)
{
    if (holds)
        return;
    fprintf(stderr, "%s:%d: %s does not hold (%s)\n", file, line, text,
            lares_error_detail());
    abort();
}

/* A block of exactly len bytes, so that a step beyond it is seen. */
static inline uint8_t *block_new(size_t len)
{
    uint8_t *block = malloc(len > 0 ? len : 1);

    promise(block != NULL);
    return block;
}

#endif
