#include "io/uv/uv_entropy.h"

#include "base/error.h"

#include <uv.h>

lares_status lares__uv_entropy(void *out, size_t len)
{
    int rc = uv_random(NULL, NULL, out, len, 0, NULL);

    if (rc < 0)
        return lares__error(LARES_EIO, "entropy: %s", uv_strerror(rc));
    return LARES_OK;
}
