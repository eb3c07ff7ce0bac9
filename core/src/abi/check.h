/* check.h - what the front door checks again and again. */
#ifndef LARES_CHECK_H
#define LARES_CHECK_H

#include "base/error.h"
#include "base/forked.h"
#include "chain/envelope.h"

/* Each refuses a forked child first. */
static inline lares_status lares__check_timeout(int64_t timeout_ms)
{
    if (lares__refused())
        return lares__forked_refuse();
    if (timeout_ms < -1)
        return lares__error(LARES_ERANGE,
                            "a time of %lld ms, below -1 (for ever)",
                            (long long)timeout_ms);
    return LARES_OK;
}

static inline lares_status lares__check_payload(const void *data, size_t len,
                                                int64_t timeout_ms)
{
    lares_status rc = lares__check_timeout(timeout_ms);

    if (rc < 0)
        return rc;
    if (data == NULL && len > 0)
        return lares__error(LARES_EINVAL, "data is NULL, len is %zu", len);
    if (len > LARES__PAYLOAD_MAX)
        return lares__error(LARES_ETOOBIG, "payload of %zu bytes, at most %d",
                            len, LARES__PAYLOAD_MAX);
    return LARES_OK;
}

#endif
