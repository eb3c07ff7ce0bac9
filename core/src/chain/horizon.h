/* horizon.h - what a daemon was shown of all chains.
 *
 * For each origin the highest sequence shown and the hash of that event, at
 * most count_max origins: the one observed longest ago leaves first. And a
 * sketch of all origins ever seen, three bits each, never cleared: a missing
 * bit proves that an origin was not observed.
 *
 * An empty horizon owns no memory, and observing takes none: reserve does.
 */
#ifndef LARES_HORIZON_H
#define LARES_HORIZON_H

#include "lares.h"

enum {
    LARES__HORIZON_MAX = 65536 /* entries of any horizon */
};

struct lares__seen {
    uint64_t origin;
    uint64_t sequence;
    uint64_t hash;
    /* scratch of the sieve, no part of the state; 0 in a new entry */
    uint64_t crossing;
    uint64_t shown_sequence;
    uint64_t shown_hash;
    /* the horizon's own: neighbours in the order of observation */
    uint32_t older;
    uint32_t younger;
};

struct lares__horizon {
    uint64_t sketch;
    uint64_t evicted; /* entries that left a full table */
    uint32_t count;
    uint32_t count_max;
    uint32_t oldest; /* entries, while count > 0 */
    uint32_t youngest;
    struct lares__seen *entries; /* room of them, the first count in use */
    uint32_t *slots;             /* number of an entry + 1, 0: empty */
    uint32_t room;
    uint32_t slot_count; /* a power of two, at least twice the room */
    uint64_t seed;
};

/* count_max from 1 to LARES__HORIZON_MAX; seed is random, because strangers
 * choose origins. */
void lares__horizon_init(struct lares__horizon *horizon, uint32_t count_max,
                         uint64_t seed);
void lares__horizon_fini(struct lares__horizon *horizon);

/* Room for n observations that cannot fail; entries may move. ENOMEM. */
lares_status lares__horizon_reserve(struct lares__horizon *horizon, uint32_t n);

/* Reserved before. No higher sequence, or origin 0: nothing changes. */
void lares__horizon_observe(struct lares__horizon *horizon, uint64_t origin,
                            uint64_t sequence, uint64_t hash);

/* NULL without an entry; valid until the next observe or reserve. */
struct lares__seen *lares__horizon_find(const struct lares__horizon *horizon,
                                        uint64_t origin);

/* The entry observed last, NULL of an empty horizon; valid as from find. */
static inline struct lares__seen *
lares__horizon_youngest(const struct lares__horizon *horizon)
{
    return horizon->count > 0 ? &horizon->entries[horizon->youngest] : NULL;
}

/* As lares__horizon_observe. Hot path: an event mostly follows one of the origin observed last,
 * whose entry has its place in the order already. */
static inline void lares__horizon_follow(struct lares__horizon *horizon,
                                         uint64_t origin, uint64_t sequence,
                                         uint64_t hash)
{
    struct lares__seen *seen = lares__horizon_youngest(horizon);

    if (seen == NULL || seen->origin != origin || sequence <= seen->sequence) {
        lares__horizon_observe(horizon, origin, sequence, hash);
        return;
    }
    seen->sequence = sequence;
    seen->hash = hash;
}

/* Is there room for n observations already? Hot path: mostly there is. */
static inline int lares__horizon_has_room(const struct lares__horizon *horizon,
                                          uint32_t n)
{
    return horizon->room - horizon->count >= n;
}

/* The three bits of an origin in every sketch. */
uint64_t lares__horizon_mask(uint64_t origin);

/* Bytes of contract 1, section 7; out has room for encoded_len. */
size_t lares__horizon_encoded_len(const struct lares__horizon *horizon);
void lares__horizon_encode(const struct lares__horizon *horizon, uint8_t *out);

/* Whether data is a horizon. seed as of init: no sender may choose it. EFORMAT,
 * ENOMEM. */
lares_status lares__horizon_check(const void *data, size_t len, uint64_t seed);

/* Into an empty horizon, which an error leaves empty. A horizon of a lower
 * bound keeps the youngest entries. EFORMAT, ENOMEM. */
lares_status lares__horizon_decode(struct lares__horizon *horizon,
                                   const void *data, size_t len);

#endif
