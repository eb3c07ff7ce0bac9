/* memory.h - the engine of a node without one: what it keeps, ends with it.
 *
 * Its store knows, for each public key, the highest epoch that was claimed.
 * Nothing activates without a claim, so one identity never runs twice in an
 * epoch, and one that has lived does not begin again at its genesis. */
#ifndef LARES_MEMORY_H
#define LARES_MEMORY_H

#include "base/thread.h"
#include "identity/key.h"

enum {
    LARES__STORE_MAX = 1048576 /* records */
};

struct lares__claim {
    uint8_t public[LARES__KEY_LEN];
    uint64_t epoch; /* from 1 */
};

struct lares__claim_slot {
    uint32_t hash;   /* of the public key */
    uint32_t number; /* of its claim, from 1; 0: a free slot */
};

struct lares__store {
    struct lares__mutex lock;
    uint64_t seed; /* set at open; nobody outside knows it */
    /* guarded by lock */
    struct lares__claim *claims;     /* count of them, in no order */
    struct lares__claim_slot *slots; /* in the same block: room of them */
    uint32_t room;
    uint32_t count;
};

void lares__store_init(struct lares__store *store, uint64_t seed);
void lares__store_fini(struct lares__store *store);

/* A claim will be made soon: its slot is fetched meanwhile, because in a store
 * of many it is far away. */
void lares__store_expect(struct lares__store *store,
                         const uint8_t public[LARES__KEY_LEN]);

/* ESTALE: not above the epoch claimed before, or 0. ELIMIT, ENOMEM */
lares_status lares__store_claim(struct lares__store *store,
                                const uint8_t public[LARES__KEY_LEN],
                                uint64_t epoch);
/* 0: none */
uint64_t lares__store_claimed(struct lares__store *store,
                              const uint8_t public[LARES__KEY_LEN]);

/* Forgets a key that a spawn made and nobody was given; unknown: nothing. */
void lares__store_drop(struct lares__store *store,
                       const uint8_t public[LARES__KEY_LEN]);

#endif
