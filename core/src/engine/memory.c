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
 * - The records stand side by side, and the table has only their numbers and
 *   hashes: whether a key is new shows without a look at any record, and a new
 *   record comes to memory that was written just before. In a store of many
 *   that is two misses of the cache less.
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
    lares__free(store->claims);
    lares__mutex_fini(&store->lock);
}

static uint32_t hash_of(const struct lares__store *store, const uint8_t *public)
{
    return (uint32_t)lares__hash64_seeded(public, LARES__KEY_LEN, store->seed);
}

static uint32_t slot_next(const struct lares__store *store, uint32_t slot)
{
    return (slot + 1) & (store->room - 1);
}

static int slot_holds(const struct lares__store *store,
                      const struct lares__claim_slot *slot,
                      const uint8_t *public, uint32_t hash)
{
    return slot->hash == hash && memcmp(store->claims[slot->number - 1].public,
                                        public, LARES__KEY_LEN) == 0;
}

/* the slot of a key, or the free one where it would stand */
static uint32_t place_locked(const struct lares__store *store,
                             const uint8_t *public, uint32_t hash)
{
    uint32_t slot = hash & (store->room - 1);

    while (store->slots[slot].number != 0 &&
           !slot_holds(store, &store->slots[slot], public, hash))
        slot = slot_next(store, slot);
    return slot;
}

/* the record of a key, or NULL */
static struct lares__claim *find_locked(const struct lares__store *store,
                                        const uint8_t *public, uint32_t hash)
{
    uint32_t number;

    if (store->room == 0)
        return NULL;
    number = store->slots[place_locked(store, public, hash)].number;
    return number != 0 ? &store->claims[number - 1] : NULL;
}

/* into the first free slot from its home on */
static void slot_put_locked(struct lares__store *store,
                            struct lares__claim_slot taken)
{
    uint32_t slot = taken.hash & (store->room - 1);

    while (store->slots[slot].number != 0)
        slot = slot_next(store, slot);
    store->slots[slot] = taken;
}

/* how many records a table of that room has: three quarters */
static uint32_t claims_room(uint32_t room)
{
    return room / 4 * 3;
}

static lares_status move_locked(struct lares__store *store, uint32_t room)
{
    struct lares__store old = *store;
    size_t claims_size = claims_room(room) * sizeof *store->claims;
    uint8_t *block =
        lares__calloc(1, claims_size + room * sizeof *store->slots);

    if (block == NULL)
        return LARES_ENOMEM;
    store->claims = (struct lares__claim *)block;
    store->slots = (struct lares__claim_slot *)(block + claims_size);
    store->room = room;
    if (old.count > 0)
        memcpy(store->claims, old.claims, old.count * sizeof *old.claims);
    for (uint32_t i = 0; i < old.room; i++)
        if (old.slots[i].number != 0)
            slot_put_locked(store, old.slots[i]);
    lares__free(old.claims);
    return LARES_OK;
}

static lares_status add_locked(struct lares__store *store,
                               const uint8_t *public, uint32_t hash,
                               uint64_t epoch)
{
    lares_status rc = LARES_OK;
    struct lares__claim *claim;

    if (store->count == LARES__STORE_MAX)
        return lares__error(LARES_ELIMIT, "a store has at most %d records",
                            LARES__STORE_MAX);
    if (store->room == 0)
        rc = move_locked(store, ROOM_MIN);
    else if (store->count == claims_room(store->room))
        rc = move_locked(store, store->room * 2);
    if (rc < 0)
        return rc;
    claim = &store->claims[store->count++];
    memcpy(claim->public, public, LARES__KEY_LEN);
    claim->epoch = epoch;
    slot_put_locked(store, (struct lares__claim_slot){hash, store->count});
    return LARES_OK;
}

static lares_status claim_locked(struct lares__store *store,
                                 const uint8_t *public, uint32_t hash,
                                 uint64_t epoch)
{
    struct lares__claim *claim = find_locked(store, public, hash);
    uint64_t claimed = claim != NULL ? claim->epoch : 0;

    if (epoch <= claimed)
        return lares__error(LARES_ESTALE,
                            "epoch %" PRIu64 " is not above %" PRIu64
                            ", which was claimed",
                            epoch, claimed);
    if (claim == NULL)
        return add_locked(store, public, hash, epoch);
    claim->epoch = epoch;
    return LARES_OK;
}

void lares__store_expect(struct lares__store *store,
                         const uint8_t public[LARES__KEY_LEN])
{
    uint32_t hash = hash_of(store, public);

    lares__mutex_lock(&store->lock);
    if (store->room > 0)
        __builtin_prefetch(&store->slots[hash & (store->room - 1)], 1);
    lares__mutex_unlock(&store->lock);
}

lares_status lares__store_claim(struct lares__store *store,
                                const uint8_t public[LARES__KEY_LEN],
                                uint64_t epoch)
{
    uint32_t hash = hash_of(store, public);
    lares_status rc;

    lares__mutex_lock(&store->lock);
    rc = claim_locked(store, public, hash, epoch);
    lares__mutex_unlock(&store->lock);
    return rc;
}

uint64_t lares__store_claimed(struct lares__store *store,
                              const uint8_t public[LARES__KEY_LEN])
{
    uint32_t hash = hash_of(store, public);
    const struct lares__claim *claim;
    uint64_t claimed;

    lares__mutex_lock(&store->lock);
    claim = find_locked(store, public, hash);
    claimed = claim != NULL ? claim->epoch : 0;
    lares__mutex_unlock(&store->lock);
    return claimed;
}

/* closes the gap: whoever would rather stand there moves up */
static void slot_clear_locked(struct lares__store *store, uint32_t hole)
{
    uint32_t slot = slot_next(store, hole);

    store->slots[hole].number = 0;
    for (; store->slots[slot].number != 0; slot = slot_next(store, slot)) {
        struct lares__claim_slot moved = store->slots[slot];

        store->slots[slot].number = 0;
        slot_put_locked(store, moved);
    }
}

/* The last record takes the place of the one that goes. */
static void remove_locked(struct lares__store *store,
                          struct lares__claim *claim, uint32_t hash)
{
    struct lares__claim *last = &store->claims[store->count - 1];
    uint32_t number = (uint32_t)(claim - store->claims) + 1;

    slot_clear_locked(store, place_locked(store, claim->public, hash));
    if (claim != last) {
        uint32_t slot =
            place_locked(store, last->public, hash_of(store, last->public));

        store->slots[slot].number = number;
        *claim = *last;
    }
    store->count--;
}

void lares__store_drop(struct lares__store *store,
                       const uint8_t public[LARES__KEY_LEN])
{
    uint32_t hash = hash_of(store, public);
    struct lares__claim *claim;

    lares__mutex_lock(&store->lock);
    claim = find_locked(store, public, hash);
    if (claim != NULL)
        remove_locked(store, claim, hash);
    if (store->room > ROOM_MIN && store->count < store->room / 8)
        (void)move_locked(store, store->room / 2); /* or the next time */
    lares__mutex_unlock(&store->lock);
}
