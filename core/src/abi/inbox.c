#include "node/inbox.h"

#include "abi/check.h"

lares_status lares_inbox_next(lares_inbox *inbox, int64_t timeout_ms,
                              lares_events **out)
{
    lares_status rc = lares__check_timeout(timeout_ms);

    if (rc < 0)
        return rc;
    if (inbox == NULL || out == NULL)
        return lares__error(LARES_EINVAL, "inbox or out is NULL");
    return lares__inbox_next(inbox, timeout_ms, out);
}

void lares_inbox_free(lares_inbox *inbox)
{
    if (inbox != NULL && !lares__forked())
        lares__inbox_free(inbox);
}
