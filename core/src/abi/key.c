#include "identity/key.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/forked.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static lares_status key_fresh(lares_key **out)
{
    uint8_t seed[LARES__KEY_LEN];
    lares_status rc;

    if (getentropy(seed, sizeof seed) != 0)
        return lares__error(LARES_EIO, "no entropy: errno %d", errno);
    rc = lares__key_from_seed(seed, out);
    explicit_bzero(seed, sizeof seed);
    return rc;
}

lares_status lares_key_new(const void *data, size_t len, lares_key **out)
{
    if (lares__refused())
        return lares__forked_refuse();
    if (out == NULL)
        return lares__error(LARES_EINVAL, "out is NULL");
    if (len != (data != NULL ? LARES__KEY_LEN : 0))
        return lares__error(LARES_EINVAL, "a seed has %d bytes, not %zu",
                            LARES__KEY_LEN, len);
    lares__forked_arm();
    return data != NULL ? lares__key_from_seed(data, out) : key_fresh(out);
}

uint64_t lares_key_origin(const lares_key *key)
{
    return key != NULL ? lares__key_origin(key) : 0;
}

lares_status lares_key_seed(const lares_key *key, lares_bytes **out)
{
    lares_bytes *bytes = NULL;
    lares_status rc;

    if (lares__refused())
        return lares__forked_refuse();
    if (key == NULL || out == NULL)
        return lares__error(LARES_EINVAL, "key or out is NULL");
    rc = lares__bytes_new(LARES__KEY_LEN, &bytes);
    if (rc < 0)
        return rc;
    bytes->secret = 1;
    rc = lares__key_seed(key, lares__bytes_writable(bytes));
    if (rc < 0) {
        lares__bytes_free(bytes);
        return rc;
    }
    *out = bytes;
    return LARES_OK;
}

/* A child of fork leaves the key alone: the vault's lock may be held by a
 * thread that is not there. */
void lares_key_free(lares_key *key)
{
    if (!lares__forked())
        lares__key_release(key);
}
