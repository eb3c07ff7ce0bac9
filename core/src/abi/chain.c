#include "chain/link.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/forked.h"

#include <inttypes.h>

struct lares_chain {
    struct lares__head head;
};

lares_status lares_chain_new(uint64_t origin, lares_chain **out)
{
    lares_chain *chain;

    if (lares__refused())
        return lares__forked_refuse();
    if (origin == 0 || out == NULL)
        return lares__error(LARES_EINVAL, "origin is 0 or out is NULL");
    chain = lares__alloc(sizeof *chain);
    if (chain == NULL)
        return lares__error(LARES_ENOMEM, "no memory for a chain");
    lares__head_genesis(&chain->head, origin);
    *out = chain;
    return LARES_OK;
}

static lares_status digest_check(uint64_t hash, uint64_t given)
{
    if (hash != given)
        return lares__error(LARES_EDIGEST,
                            "expected hash %016" PRIx64 ", not %016" PRIx64,
                            hash, given);
    return LARES_OK;
}

/* The link is rebuilt from the fields: a binding may have made the event, and
 * nothing need stand before its data. */
lares_status lares_chain_check(lares_chain *chain, const lares_event *event)
{
    struct lares__head next;
    lares_status rc;

    if (lares__refused())
        return lares__forked_refuse();
    if (chain == NULL || event == NULL)
        return lares__error(LARES_EINVAL, "chain or event is NULL");
    if (event->data == NULL && event->len > 0)
        return lares__error(LARES_EINVAL, "data is NULL, len is %zu",
                            event->len);
    next.link.origin = event->origin;
    next.link.horizon = event->horizon;
    next.link.sequence = event->sequence;
    next.link.parent = event->parent;
    rc = lares__head_check(&chain->head, &next.link);
    if (rc < 0)
        return rc;
    next.hash = lares__link_hash(&next.link, event->data, event->len);
    rc = digest_check(next.hash, event->hash);
    if (rc < 0)
        return rc;
    chain->head = next;
    return LARES_OK;
}

void lares_chain_free(lares_chain *chain)
{
    lares__free(chain);
}
