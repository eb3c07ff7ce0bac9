#include "chain/link.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/little.h"

#include <inttypes.h>

_Static_assert(sizeof(struct lares__link) == 32, "a link is its 32 bytes");

/* hot path: adjacent bytes are hashed where they lie */
uint64_t lares__link_hash(const struct lares__link *link, const void *data,
                          size_t len)
{
    if (data == (const void *)(link + 1))
        return lares__hash64(link, sizeof *link + len);
    return lares__hash64_joined(link, sizeof *link, data, len);
}

void lares__head_genesis(struct lares__head *head, uint64_t origin)
{
    head->link = (struct lares__link){.origin = origin};
    head->hash = lares__hash64(&head->link, sizeof head->link);
}

lares_status lares__head_room(const struct lares__head *head, uint64_t count)
{
    uint64_t left = UINT64_MAX - head->link.sequence;

    if (count > left)
        return lares__error(LARES_ESEQUENCE,
                            "after %" PRIu64 " the chain has room for %" PRIu64
                            " events, not %" PRIu64,
                            head->link.sequence, left, count);
    return LARES_OK;
}

static lares_status sequence_check(const struct lares__head *head,
                                   uint64_t sequence)
{
    uint64_t last = head->link.sequence;

    if (last == UINT64_MAX)
        return lares__error(LARES_EGAP,
                            "expected none after sequence %" PRIu64
                            ", not %" PRIu64,
                            last, sequence);
    if (sequence != last + 1)
        return lares__error(LARES_EGAP,
                            "expected sequence %" PRIu64 ", not %" PRIu64,
                            last + 1, sequence);
    return LARES_OK;
}

lares_status lares__head_check(const struct lares__head *head,
                               const struct lares__link *link)
{
    lares_status rc;

    if (link->origin != head->link.origin)
        return lares__error(LARES_EORIGIN,
                            "expected origin %016" PRIx64 ", not %016" PRIx64,
                            head->link.origin, link->origin);
    rc = sequence_check(head, link->sequence);
    if (rc < 0)
        return rc;
    if (link->parent != head->hash)
        return lares__error(LARES_EPARENT,
                            "expected parent %016" PRIx64 ", not %016" PRIx64,
                            head->hash, link->parent);
    return LARES_OK;
}
