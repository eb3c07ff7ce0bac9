/* bytes.h - a block of bytes handed out to a program, and shared with it: who
 * writes it is its one holder, or writes where no other holder reads, as what
 * stands in an image before the state, which is a checkpoint as well. */
#ifndef LARES_BYTES_H
#define LARES_BYTES_H

#include "lares.h"

#include <stdatomic.h>

struct lares_bytes {
    atomic_uint refs;
    int secret; /* wiped when it is freed */
    size_t len;
    uint8_t data[];
};

/* A block of len bytes, not yet written; owned, lares__bytes_free. ENOMEM. */
lares_status lares__bytes_new(size_t len, lares_bytes **out);
uint8_t *lares__bytes_writable(lares_bytes *bytes);

/* Room for `room` bytes in all, `len` stays; NULL, and *inout as it was,
 * without memory. Of the one holder. */
lares_bytes *lares__bytes_grow(lares_bytes **inout, size_t room);

lares_bytes *lares__bytes_retain(lares_bytes *bytes);
void lares__bytes_free(lares_bytes *bytes); /* one reference; NULL is fine */

#endif
