#include "daemon/keep.h"

#include "base/alloc.h"
#include "daemon/timers.h"

struct lares__keep *lares__keep_new(uint64_t max)
{
    struct lares__keep *keep = lares__calloc(1, sizeof *keep);

    if (keep == NULL)
        return NULL;
    lares__tail_init(&keep->tail);
    keep->max = max;
    keep->checkpoint.timer = lares__timers_next(NULL);
    return keep;
}

void lares__keep_free(struct lares__keep *keep, struct lares__pool_cache *pool)
{
    if (keep == NULL)
        return;
    lares__keep_drop(keep, NULL, pool);
    lares__tail_fini(&keep->tail, pool);
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
    lares__tail_reset(&keep->tail, pool);
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
    if (keep->owed || keep->tail.bytes > LARES__TAIL_MAX)
        return 1;
    return keep->tail.bytes > tail_allowed(keep) &&
           keep->saved * LARES__SAVE_SHARE <= keep->spent;
}

void lares__keep_drop(struct lares__keep *keep, const struct lares__input *rest,
                      struct lares__pool_cache *pool)
{
    struct lares__replay *replay = &keep->replay;

    while (replay->next != rest) {
        struct lares__input *input = replay->next;

        replay->next = input->next;
        replay->left--;
        lares__input_free(input, pool);
    }
}
