#include "engine/memory.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"

#include <inttypes.h>
#include <string.h>

/* Design notes
 * - The lock is a leaf: nothing else is taken under it, and it may be taken
 *   under the directory's.
 * - At most three quarters of the table are taken, and once it has grown, at
 *   least an eighth: what it costs follows the records that stand in it, not
 *   those that ever stood. Between the two lies a factor of six, so a count
 *   that swings does not make the table move each time.
 * - Removal moves followers up, so there are no marks of the dead. */

enum {
    LOCK_FLOOR = 2,
    ROOM_MIN = 16
};

void lares__store_init(struct lares__store *store, uint64_t seed)
{
    *store = (struct lares__store){.seed = seed};
    lares__mutex_init(&store->lock, LOCK_FLOOR);
}

void lares__store_fini(struct lares__store *store)
{
    lares__free(store->slots);
    lares__mutex_fini(&store->lock);
}

static uint32_t slot_next(const struct lares__store *store, uint32_t slot)
{
    return (slot + 1) & (store->room - 1);
}

/* the record of a key, or the free slot where it would stand */
static struct lares__claim *place_locked(const struct lares__store *store,
                                         const uint8_t *public)
{
    uint64_t hash = lares__hash64_seeded(public, LARES__KEY_LEN, store->seed);
    uint32_t slot = (uint32_t)hash & (store->room - 1);

    while (store->slots[slot].epoch != 0 &&
           memcmp(store->slots[slot].public, public, LARES__KEY_LEN) != 0)
        slot = slot_next(store, slot);
    return &store->slots[slot];
}

static uint64_t claimed_locked(const struct lares__store *store,
                               const uint8_t *public)
{
    return store->room == 0 ? 0 : place_locked(store, public)->epoch;
}

static lares_status move_locked(struct lares__store *store, uint32_t room)
{
    struct lares__claim *old = store->slots;
    uint32_t old_room = store->room;
    struct lares__claim *slots = lares__calloc(room, sizeof *slots);

    if (slots == NULL)
        return LARES_ENOMEM;
    store->slots = slots;
    store->room = room;
    for (uint32_t i = 0; i < old_room; i++)
        if (old[i].epoch != 0)
            *place_locked(store, old[i].public) = old[i];
    lares__free(old);
    return LARES_OK;
}

static lares_status add_locked(struct lares__store *store,
                               const uint8_t *public, uint64_t epoch)
{
    lares_status rc = LARES_OK;
    struct lares__claim *claim;

    if (store->count == LARES__STORE_MAX)
        return lares__error(LARES_ELIMIT, "a store has at most %d records",
                            LARES__STORE_MAX);
    if (store->room == 0)
        rc = move_locked(store, ROOM_MIN);
    else if (store->count + 1 > store->room / 4 * 3)
        rc = move_locked(store, store->room * 2);
    if (rc < 0)
        return rc;
    claim = place_locked(store, public);
    memcpy(claim->public, public, LARES__KEY_LEN);
    claim->epoch = epoch;
    store->count++;
    return LARES_OK;
}

static lares_status claim_locked(struct lares__store *store,
                                 const uint8_t *public, uint64_t epoch)
{
    uint64_t claimed = claimed_locked(store, public);

    if (epoch <= claimed)
        return lares__error(LARES_ESTALE,
                            "epoch %" PRIu64 " is not above %" PRIu64
                            ", which was claimed",
                            epoch, claimed);
    if (claimed == 0)
        return add_locked(store, public, epoch);
    place_locked(store, public)->epoch = epoch;
    return LARES_OK;
}

lares_status lares__store_claim(struct lares__store *store,
                                const uint8_t public[LARES__KEY_LEN],
                                uint64_t epoch)
{
    lares_status rc;

    lares__mutex_lock(&store->lock);
    rc = claim_locked(store, public, epoch);
    lares__mutex_unlock(&store->lock);
    return rc;
}

uint64_t lares__store_claimed(struct lares__store *store,
                              const uint8_t public[LARES__KEY_LEN])
{
    uint64_t claimed;

    lares__mutex_lock(&store->lock);
    claimed = claimed_locked(store, public);
    lares__mutex_unlock(&store->lock);
    return claimed;
}

/* closes the gap: whoever would rather stand there moves up */
static void remove_locked(struct lares__store *store,
                          struct lares__claim *claim)
{
    uint32_t hole = (uint32_t)(claim - store->slots);

    claim->epoch = 0;
    for (uint32_t slot = slot_next(store, hole); store->slots[slot].epoch != 0;
         slot = slot_next(store, slot)) {
        struct lares__claim moved = store->slots[slot];

        store->slots[slot].epoch = 0;
        *place_locked(store, moved.public) = moved;
    }
    store->count--;
}

void lares__store_drop(struct lares__store *store,
                       const uint8_t public[LARES__KEY_LEN])
{
    lares__mutex_lock(&store->lock);
    if (claimed_locked(store, public) != 0)
        remove_locked(store, place_locked(store, public));
    if (store->room > ROOM_MIN && store->count < store->room / 8)
        (void)move_locked(store, store->room / 2); /* or the next time */
    lares__mutex_unlock(&store->lock);
}
