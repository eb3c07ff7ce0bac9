/* subscription.h - who receives what: a trie of patterns, token by token.
 *
 * A receiver is an address that only the owner of the table understands. The
 * table has no lock of its own: the bus lock guards it. */
#ifndef LARES_BUS_SUBSCRIPTION_H
#define LARES_BUS_SUBSCRIPTION_H

#include "lares.h"

struct lares__trie;

struct lares__subscriptions {
    struct lares__trie *root; /* NULL: no subscription */
};

void lares__subscriptions_init(struct lares__subscriptions *subscriptions);
void lares__subscriptions_fini(struct lares__subscriptions *subscriptions);

/* Pattern and group (NULL: none) are well spelled and copied. An entry that
 * stands is OK. ENOMEM leaves the table as it was. */
lares_status
lares__subscriptions_add(struct lares__subscriptions *subscriptions,
                         const char *pattern, const char *group,
                         void *receiver);
/* an entry that does not stand is fine */
void lares__subscriptions_remove(struct lares__subscriptions *subscriptions,
                                 const char *pattern, const char *group,
                                 void *receiver);

/* Called for each entry that matches a channel, as often for a receiver as it
 * has entries; a negative answer ends the walk and is its result. The order
 * depends on the calls made, not on addresses. It changes no subscription. */
typedef lares_status (*lares__match_fn)(void *context, void *receiver,
                                        const char *group);
lares_status
lares__subscriptions_match(const struct lares__subscriptions *subscriptions,
                           const char *channel, lares__match_fn fn,
                           void *context);

/* the same for every entry, in ascending order of patterns' tokens */
typedef lares_status (*lares__subscription_fn)(void *context, void *receiver,
                                               const char *pattern,
                                               const char *group);
lares_status
lares__subscriptions_each(const struct lares__subscriptions *subscriptions,
                          lares__subscription_fn fn, void *context);

#endif
