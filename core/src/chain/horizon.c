/* Design notes
 *
 * - Two parts in one block: the entries, in no order of their own, and an
 *   open-addressing table of their numbers (+ 1) with linear probing, at most
 *   half full. Entries do not move while others come and go: an evicted one
 *   is filled again at once.
 * - The order of observation is a list of entry numbers, so moving an entry to
 *   its young end costs a few writes.
 * - Taking out of the table shifts what follows back over the hole, so there
 *   are no tombstones and probes do not grow with age.
 * - observe is a hot path: it never allocates, and the youngest origin, which
 *   a burst from one sender repeats, is found without hashing.
 */
#include "chain/horizon.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/little.h"

#include <assert.h>
#include <string.h>

enum {
    ROOM_MIN = 4,
    HEADER_LEN = 20,
    AT_EVICTED = 8,
    AT_COUNT = 16,
    ENTRY_LEN = 24,
    AT_SEQUENCE = 8,
    AT_HASH = 16
};

_Static_assert(sizeof(struct lares__horizon) <= 64,
               "idle daemons are many, and each embeds one");

/* -- the table ----------------------------------------------------------- */

static uint32_t slot_home(const struct lares__horizon *horizon, uint64_t origin)
{
    uint64_t hash = lares__hash64_seeded(&origin, sizeof origin, horizon->seed);

    return (uint32_t)hash & (horizon->slot_count - 1);
}

static uint32_t slot_next(const struct lares__horizon *horizon, uint32_t slot)
{
    return (slot + 1) & (horizon->slot_count - 1);
}

/* The slot of an origin, or the empty one where it would stand. */
static uint32_t slot_find(const struct lares__horizon *horizon, uint64_t origin)
{
    uint32_t slot = slot_home(horizon, origin);
    uint32_t entry;

    while ((entry = horizon->slots[slot]) != 0 &&
           horizon->entries[entry - 1].origin != origin)
        slot = slot_next(horizon, slot);
    return slot;
}

/* Whether what stands in `slot` may move back to `hole`: its home is not
 * between the two, going round. */
static int slot_may_move(const struct lares__horizon *horizon, uint32_t slot,
                         uint32_t hole)
{
    uint32_t entry = horizon->slots[slot] - 1;
    uint32_t home = slot_home(horizon, horizon->entries[entry].origin);
    uint32_t mask = horizon->slot_count - 1;

    return ((slot - home) & mask) >= ((slot - hole) & mask);
}

static void slot_remove(struct lares__horizon *horizon, uint64_t origin)
{
    uint32_t hole = slot_find(horizon, origin);
    uint32_t slot = slot_next(horizon, hole);

    for (; horizon->slots[slot] != 0; slot = slot_next(horizon, slot))
        if (slot_may_move(horizon, slot, hole)) {
            horizon->slots[hole] = horizon->slots[slot];
            hole = slot;
        }
    horizon->slots[hole] = 0;
}

static void slots_fill(struct lares__horizon *horizon)
{
    uint32_t i;

    memset(horizon->slots, 0, horizon->slot_count * sizeof *horizon->slots);
    for (i = 0; i < horizon->count; i++)
        horizon->slots[slot_find(horizon, horizon->entries[i].origin)] = i + 1;
}

/* -- the order of observation -------------------------------------------- */

static void order_add(struct lares__horizon *horizon, uint32_t entry)
{
    if (horizon->count > 0) {
        horizon->entries[entry].older = horizon->youngest;
        horizon->entries[horizon->youngest].younger = entry;
    } else {
        horizon->oldest = entry;
    }
    horizon->youngest = entry;
}

static void order_remove(struct lares__horizon *horizon, uint32_t entry)
{
    const struct lares__seen *seen = &horizon->entries[entry];

    if (entry == horizon->youngest)
        horizon->youngest = seen->older;
    else
        horizon->entries[seen->younger].older = seen->older;
    if (entry == horizon->oldest)
        horizon->oldest = seen->younger;
    else
        horizon->entries[seen->older].younger = seen->younger;
}

static void order_renew(struct lares__horizon *horizon, uint32_t entry)
{
    if (entry == horizon->youngest)
        return;
    order_remove(horizon, entry);
    order_add(horizon, entry);
}

/* -- memory -------------------------------------------------------------- */

void lares__horizon_init(struct lares__horizon *horizon, uint32_t count_max,
                         uint64_t seed)
{
    assert(count_max > 0 && count_max <= LARES__HORIZON_MAX);
    *horizon = (struct lares__horizon){.count_max = count_max, .seed = seed};
}

void lares__horizon_fini(struct lares__horizon *horizon)
{
    lares__free(horizon->entries);
    *horizon = (struct lares__horizon){.count_max = horizon->count_max,
                                       .seed = horizon->seed};
}

static uint32_t slots_for(uint32_t room)
{
    uint32_t count = 2 * ROOM_MIN;

    while (count < 2 * room)
        count *= 2;
    return count;
}

/* Entries and slots are one block, so growing fails as a whole or not. */
static lares_status horizon_grow(struct lares__horizon *horizon, uint32_t room)
{
    uint32_t slot_count = slots_for(room);
    struct lares__seen *entries = lares__alloc(
        room * sizeof *entries + slot_count * sizeof *horizon->slots);

    if (entries == NULL)
        return lares__error(LARES_ENOMEM, "no memory for %u origins", room);
    if (horizon->count > 0)
        memcpy(entries, horizon->entries, horizon->count * sizeof *entries);
    lares__free(horizon->entries);
    horizon->entries = entries;
    horizon->slots = (uint32_t *)(entries + room);
    horizon->room = room;
    horizon->slot_count = slot_count;
    slots_fill(horizon);
    return LARES_OK;
}

lares_status lares__horizon_reserve(struct lares__horizon *horizon, uint32_t n)
{
    uint32_t left = horizon->count_max - horizon->count;
    uint32_t want = horizon->count + (n < left ? n : left);
    uint32_t room = horizon->room * 2;

    if (want <= horizon->room)
        return LARES_OK;
    if (room < want)
        room = want;
    if (room < ROOM_MIN)
        room = ROOM_MIN;
    return horizon_grow(horizon,
                        room < horizon->count_max ? room : horizon->count_max);
}

/* -- observing ----------------------------------------------------------- */

struct lares__seen *lares__horizon_find(const struct lares__horizon *horizon,
                                        uint64_t origin)
{
    struct lares__seen *young;
    uint32_t entry;

    if (horizon->count == 0)
        return NULL;
    young = &horizon->entries[horizon->youngest];
    if (young->origin == origin)
        return young;
    entry = horizon->slots[slot_find(horizon, origin)];
    return entry != 0 ? &horizon->entries[entry - 1] : NULL;
}

/* The number of a free entry: in a full table the oldest one's. */
static uint32_t entry_take(struct lares__horizon *horizon)
{
    uint32_t entry = horizon->oldest;

    if (horizon->count < horizon->count_max)
        return horizon->count;
    slot_remove(horizon, horizon->entries[entry].origin);
    order_remove(horizon, entry);
    horizon->count--;
    horizon->evicted++;
    return entry;
}

static void entry_insert(struct lares__horizon *horizon, uint64_t origin,
                         uint64_t sequence, uint64_t hash)
{
    uint32_t entry = entry_take(horizon);

    assert(entry < horizon->room);
    horizon->entries[entry] = (struct lares__seen){
        .origin = origin, .sequence = sequence, .hash = hash};
    order_add(horizon, entry);
    horizon->slots[slot_find(horizon, origin)] = entry + 1;
    horizon->count++;
    horizon->sketch |= lares__horizon_mask(origin);
}

void lares__horizon_observe(struct lares__horizon *horizon, uint64_t origin,
                            uint64_t sequence, uint64_t hash)
{
    struct lares__seen *seen = lares__horizon_find(horizon, origin);

    if (origin == 0 || sequence <= (seen != NULL ? seen->sequence : 0))
        return;
    if (seen == NULL) {
        entry_insert(horizon, origin, sequence, hash);
        return;
    }
    seen->sequence = sequence;
    seen->hash = hash;
    order_renew(horizon, (uint32_t)(seen - horizon->entries));
}

uint64_t lares__horizon_mask(uint64_t origin)
{
    uint64_t hash = lares__hash64(&origin, sizeof origin);
    uint32_t bit = (uint32_t)hash;
    uint32_t step = (uint32_t)(hash >> 32) | 1;
    uint64_t mask = 0;
    int i;

    for (i = 0; i < 3; i++, bit += step)
        mask |= UINT64_C(1) << (bit & 63);
    return mask;
}

/* -- bytes --------------------------------------------------------------- */

size_t lares__horizon_encoded_len(const struct lares__horizon *horizon)
{
    return HEADER_LEN + (size_t)horizon->count * ENTRY_LEN;
}

void lares__horizon_encode(const struct lares__horizon *horizon, uint8_t *out)
{
    const struct lares__seen *seen;
    uint32_t entry = horizon->oldest;
    uint32_t left;

    lares__little_set_u64(out, horizon->sketch);
    lares__little_set_u64(out + AT_EVICTED, horizon->evicted);
    lares__little_set_u32(out + AT_COUNT, horizon->count);
    out += HEADER_LEN;
    for (left = horizon->count; left > 0; left--, out += ENTRY_LEN) {
        seen = &horizon->entries[entry];
        lares__little_set_u64(out, seen->origin);
        lares__little_set_u64(out + AT_SEQUENCE, seen->sequence);
        lares__little_set_u64(out + AT_HASH, seen->hash);
        entry = seen->younger;
    }
}

static lares_status header_check(const uint8_t *data, size_t len)
{
    uint32_t count;

    if (len < HEADER_LEN)
        return lares__error(LARES_EFORMAT, "horizon: %zu bytes are no header",
                            len);
    count = lares__little_u32(data + AT_COUNT);
    if (count > LARES__HORIZON_MAX ||
        len != HEADER_LEN + (size_t)count * ENTRY_LEN)
        return lares__error(LARES_EFORMAT, "horizon: %u entries in %zu bytes",
                            count, len);
    return LARES_OK;
}

static void entries_observe(struct lares__horizon *horizon,
                            const uint8_t *entry, uint32_t count)
{
    for (; count > 0; count--, entry += ENTRY_LEN)
        lares__horizon_observe(horizon, lares__little_u64(entry),
                               lares__little_u64(entry + AT_SEQUENCE),
                               lares__little_u64(entry + AT_HASH));
}

/* An entry that is malformed, or of an origin that stands already, is not
 * observed: then fewer are there than were declared. */
static lares_status entries_check(const uint8_t *data, uint64_t seed)
{
    uint32_t count = lares__little_u32(data + AT_COUNT);
    struct lares__horizon all;
    lares_status rc;

    lares__horizon_init(&all, LARES__HORIZON_MAX, seed);
    rc = lares__horizon_reserve(&all, count);
    if (rc < 0)
        return rc;
    entries_observe(&all, data + HEADER_LEN, count);
    if (all.count != count)
        rc = lares__error(LARES_EFORMAT, "horizon: a bad or a double entry");
    else if ((all.sketch & ~lares__little_u64(data)) != 0)
        rc = lares__error(LARES_EFORMAT, "horizon: the sketch lacks an entry");
    lares__horizon_fini(&all);
    return rc;
}

lares_status lares__horizon_check(const void *data, size_t len, uint64_t seed)
{
    lares_status rc = header_check(data, len);

    return rc < 0 ? rc : entries_check(data, seed);
}

lares_status lares__horizon_decode(struct lares__horizon *horizon,
                                   const void *data, size_t len)
{
    const uint8_t *bytes = data;
    uint32_t count, skip;
    lares_status rc;

    assert(horizon->count == 0 && horizon->sketch == 0);
    rc = lares__horizon_check(bytes, len, horizon->seed);
    if (rc < 0)
        return rc;
    count = lares__little_u32(bytes + AT_COUNT);
    rc = lares__horizon_reserve(horizon, count);
    if (rc < 0)
        return rc;
    skip = count > horizon->count_max ? count - horizon->count_max : 0;
    entries_observe(horizon, bytes + HEADER_LEN + (size_t)skip * ENTRY_LEN,
                    count - skip);
    horizon->sketch = lares__little_u64(bytes);
    horizon->evicted = lares__little_u64(bytes + AT_EVICTED) + skip;
    return LARES_OK;
}
