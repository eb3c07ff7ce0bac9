/* reader.h - bytes that are read step by step, and never past their end. */
#ifndef LARES_READER_H
#define LARES_READER_H

#include <stddef.h>
#include <stdint.h>

struct lares__reader {
    const uint8_t *at;
    size_t left;
    const char *what; /* the detail begins with it */
};

/* a step of `size` bytes; NULL if it would pass the end: EFORMAT */
const uint8_t *lares__reader_take(struct lares__reader *reader, size_t size);

#endif
