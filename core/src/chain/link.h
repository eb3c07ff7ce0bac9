/* link.h - one step of a chain, and the head that the next one follows.
 *
 * In memory a link is its 32 bytes, so with the payload directly behind it the
 * hash of an event is one hash of contiguous bytes.
 */
#ifndef LARES_LINK_H
#define LARES_LINK_H

#include "lares.h"

struct lares__link {
    uint64_t origin;
    uint64_t horizon; /* sketch of what the origin had observed */
    uint64_t sequence;
    uint64_t parent; /* hash of the predecessor */
};

/* All that is kept of a chain: its newest link and the hash of that event. */
struct lares__head {
    struct lares__link link;
    uint64_t hash;
};

/* Hash of link || data; data may stand anywhere, best behind its link. */
uint64_t lares__link_hash(const struct lares__link *link, const void *data,
                          size_t len);

/* The head of a chain that has no event yet. */
void lares__head_genesis(struct lares__head *head, uint64_t origin);

/* ESEQUENCE unless count more events can follow the head. */
lares_status lares__head_room(const struct lares__head *head, uint64_t count);

/* Whether link follows head: EORIGIN, EGAP, EPARENT, in this order. */
lares_status lares__head_check(const struct lares__head *head,
                               const struct lares__link *link);

#endif
