/* bytes.h - a block of bytes handed out to a program. */
#ifndef LARES_BYTES_H
#define LARES_BYTES_H

#include "lares.h"

struct lares_bytes {
    size_t len;
    int secret; /* wiped when it is freed */
    uint8_t data[];
};

/* A block of len bytes, not yet written; owned, lares__bytes_free. ENOMEM. */
lares_status lares__bytes_new(size_t len, lares_bytes **out);
uint8_t *lares__bytes_writable(lares_bytes *bytes);
void lares__bytes_free(lares_bytes *bytes);

#endif
