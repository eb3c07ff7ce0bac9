#include "daemon/keep.h"

#include "base/alloc.h"
#include "daemon/timers.h"

struct lares__keep *lares__keep_new(uint64_t max)
{
    struct lares__keep *keep = lares__calloc(1, sizeof *keep);

    if (keep == NULL)
        return NULL;
    keep->last = &keep->first;
    keep->max = max;
    keep->checkpoint.timer = lares__timers_next(NULL);
    return keep;
}

static void tail_drop(struct lares__keep *keep, struct lares__pool_cache *pool)
{
    struct lares__input *input = keep->first;

    keep->first = NULL;
    keep->last = &keep->first;
    keep->count = 0;
    keep->bytes = 0;
    while (input != NULL) {
        struct lares__input *next = input->next;

        lares__input_free(input, pool);
        input = next;
    }
}

void lares__keep_free(struct lares__keep *keep, struct lares__pool_cache *pool)
{
    if (keep == NULL)
        return;
    tail_drop(keep, pool);
    lares__bytes_free(keep->checkpoint.block);
    lares__free(keep);
}

void lares__keep_save(struct lares__keep *keep,
                      const struct lares__checkpoint *checkpoint,
                      struct lares__pool_cache *pool)
{
    lares__bytes_free(keep->checkpoint.block);
    keep->checkpoint = *checkpoint;
    (void)lares__bytes_retain(checkpoint->block);
    keep->owed = 0;
    tail_drop(keep, pool);
}

/* what a tail may cost before anything is spent on a checkpoint */
static uint64_t tail_allowed(const struct lares__keep *keep)
{
    uint64_t allowed = keep->checkpoint.len > LARES__TAIL_MAX / 4
                           ? LARES__TAIL_MAX
                           : (uint64_t)keep->checkpoint.len * 4;

    return allowed > LARES__TAIL_MIN ? allowed : LARES__TAIL_MIN;
}

int lares__keep_due(const struct lares__keep *keep)
{
    if (keep->owed || keep->bytes > LARES__TAIL_MAX)
        return 1;
    return keep->bytes > tail_allowed(keep) &&
           keep->saved * LARES__SAVE_SHARE <= keep->spent;
}
