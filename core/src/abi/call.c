#include "daemon/call.h"

#include "abi/check.h"
#include "daemon/host.h"
#include "group/pass.h"
#include "node/pull.h"

#include <assert.h>

/* A borrowed call is over when its callback returns: to use it then, or on
 * another thread, is a mistake that a debug build stops at. */
static inline void call_check(const lares_call *call)
{
    assert(call == NULL || call->pulled != NULL ||
           call == lares__call_current() || call == lares__pass_call());
    (void)call;
}

/* Every OK is followed by lares__pulled_end. late: what a call answers whose
 * lease is over. Hot path: a pushed call is its callback's own, so it takes no
 * lock. */
static inline lares_status call_begin(lares_call *call, lares_status late)
{
    call_check(call);
    if (call == NULL)
        return lares__error(LARES_EINVAL, "call is NULL");
    if (!lares__pulled_begin(call))
        return lares__error(late, "the lease of the call was over");
    return LARES_OK;
}

const lares_event *lares_call_next(lares_call *call)
{
    const lares_event *event;

    call_check(call);
    if (call == NULL || !lares__pulled_begin(call))
        return NULL;
    event = lares__call_next(call);
    lares__pulled_end(call);
    return event;
}

lares_status lares_call_emit(lares_call *call, const char *channel,
                             const void *data, size_t len)
{
    lares_status rc = call_begin(call, LARES_ESTALE);

    if (rc < 0)
        return rc;
    rc = lares__call_emit(call, channel, data, len);
    lares__pulled_end(call);
    return rc;
}

lares_status lares_call_timer(lares_call *call, int64_t delay_ms,
                              int64_t period_ms, const void *data, size_t len,
                              uint64_t *id_out)
{
    uint64_t unwanted;
    lares_status rc = call_begin(call, LARES_ESTALE);

    if (rc < 0)
        return rc;
    if (id_out == NULL)
        id_out = &unwanted;
    rc = lares__call_timer(call, delay_ms, period_ms, data, len, id_out);
    lares__pulled_end(call);
    return rc;
}

lares_status lares_call_cancel(lares_call *call, uint64_t id)
{
    lares_status rc = call_begin(call, LARES_ESTALE);

    if (rc < 0)
        return rc;
    rc = lares__call_cancel(call, id);
    lares__pulled_end(call);
    return rc;
}

lares_status lares_call_recovered(lares_call *call, uint64_t group,
                                  uint32_t slot)
{
    lares_status rc = call_begin(call, LARES_EPHASE);

    if (rc < 0)
        return rc;
    rc = lares__pass_slot(call, group, slot);
    lares__pulled_end(call);
    return rc;
}

lares_status lares_call_state(lares_call *call, const void *data, size_t len)
{
    lares_status rc = call_begin(call, LARES_ESTALE);

    if (rc < 0)
        return rc;
    rc = lares__call_state(call, data, len);
    lares__pulled_end(call);
    return rc;
}

void lares_call_fail(lares_call *call, const char *text)
{
    call_check(call);
    if (call == NULL || !lares__pulled_begin(call))
        return;
    lares__call_fail(call, text);
    lares__pulled_end(call);
}

/* set at open, so it needs no lock and outlives the lease */
const char *lares_call_argument(const lares_call *call)
{
    call_check(call);
    if (call == NULL || call->host == NULL)
        return "";
    return lares__host_argument(call->host);
}

lares_status lares_call_end(lares_call *call, lares_verdict verdict)
{
    if (call == NULL)
        return lares__error(LARES_EINVAL, "call is NULL");
    if (call->pulled == NULL)
        return lares__error(LARES_EPHASE, "the call of a callback");
    return lares__pulled_finish(call, verdict);
}
