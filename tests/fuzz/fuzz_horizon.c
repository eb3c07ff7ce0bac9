#include "fuzz.h"

#include "chain/horizon.h"

enum {
    NARROW = 4, /* entries of a reader that keeps only the youngest */
    SEED = 9
};

static void same_again(const struct lares__horizon *horizon,
                       const uint8_t *data, size_t len)
{
    uint8_t *block;

    promise(lares__horizon_encoded_len(horizon) == len);
    block = block_new(len);
    lares__horizon_encode(horizon, block);
    promise(memcmp(block, data, len) == 0);
    free(block);
}

/* It keeps the youngest entries, and the sketch of all. */
static void read_narrow(const uint8_t *data, size_t len,
                        const struct lares__horizon *all)
{
    struct lares__horizon narrow;
    const struct lares__seen *young, *same;

    lares__horizon_init(&narrow, NARROW, SEED);
    promise(lares__horizon_decode(&narrow, data, len) == LARES_OK);
    promise(narrow.count == (all->count < NARROW ? all->count : NARROW));
    promise(narrow.sketch == all->sketch);
    promise(narrow.evicted == all->evicted + (all->count - narrow.count));
    young = lares__horizon_youngest(&narrow);
    same = lares__horizon_youngest(all);
    promise((young == NULL) == (same == NULL));
    promise(young == NULL || young->origin == same->origin);
    lares__horizon_fini(&narrow);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    lares_status rc = lares__horizon_check(data, len, SEED);
    struct lares__horizon horizon;

    lares__horizon_init(&horizon, LARES__HORIZON_MAX, SEED);
    promise(lares__horizon_decode(&horizon, data, len) == rc);
    promise(rc == LARES_OK || rc == LARES_EFORMAT);
    if (rc == LARES_OK) {
        same_again(&horizon, data, len);
        read_narrow(data, len, &horizon);
    }
    lares__horizon_fini(&horizon);
    return 0;
}
