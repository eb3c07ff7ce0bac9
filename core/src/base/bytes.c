#include "base/bytes.h"

#include "base/alloc.h"
#include "base/error.h"

#include <string.h>

lares_status lares__bytes_new(size_t len, lares_bytes **out)
{
    lares_bytes *bytes = NULL;

    if (len <= SIZE_MAX - sizeof *bytes)
        bytes = lares__alloc(sizeof *bytes + len);
    if (bytes == NULL)
        return lares__error(LARES_ENOMEM, "no memory for %zu bytes", len);
    atomic_init(&bytes->refs, 1);
    bytes->secret = 0;
    bytes->len = len;
    *out = bytes;
    return LARES_OK;
}

uint8_t *lares__bytes_writable(lares_bytes *bytes)
{
    return bytes->data;
}

lares_bytes *lares__bytes_grow(lares_bytes **inout, size_t room)
{
    lares_bytes *bytes = NULL;

    if (room <= SIZE_MAX - sizeof *bytes)
        bytes = lares__realloc(*inout, sizeof *bytes + room);
    if (bytes != NULL)
        *inout = bytes;
    return bytes;
}

lares_bytes *lares__bytes_retain(lares_bytes *bytes)
{
    atomic_fetch_add_explicit(&bytes->refs, 1, memory_order_relaxed);
    return bytes;
}

void lares__bytes_free(lares_bytes *bytes)
{
    if (bytes == NULL ||
        atomic_fetch_sub_explicit(&bytes->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (bytes->secret)
        explicit_bzero(bytes->data, bytes->len);
    lares__free(bytes);
}
