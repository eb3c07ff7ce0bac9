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
    bytes->len = len;
    bytes->secret = 0;
    *out = bytes;
    return LARES_OK;
}

uint8_t *lares__bytes_writable(lares_bytes *bytes)
{
    return bytes->data;
}

void lares__bytes_free(lares_bytes *bytes)
{
    if (bytes != NULL && bytes->secret)
        explicit_bzero(bytes->data, bytes->len);
    lares__free(bytes);
}
