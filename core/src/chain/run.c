#include "chain/run.h"

lares_status lares__run_verify(const struct lares__head *anchor,
                               const struct lares__head *run, size_t count,
                               size_t *bad_out)
{
    const struct lares__head *head = anchor;
    lares_status rc;
    size_t i;

    for (i = 0; i < count; i++) {
        rc = head != NULL ? lares__head_check(head, &run[i].link) : LARES_OK;
        if (rc < 0) {
            *bad_out = i;
            return rc;
        }
        head = &run[i];
    }
    return LARES_OK;
}
