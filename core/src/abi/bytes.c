#include "base/bytes.h"

const void *lares_bytes_data(const lares_bytes *bytes)
{
    return bytes != NULL ? bytes->data : NULL;
}

size_t lares_bytes_len(const lares_bytes *bytes)
{
    return bytes != NULL ? bytes->len : 0;
}

void lares_bytes_free(lares_bytes *bytes)
{
    lares__bytes_free(bytes);
}
