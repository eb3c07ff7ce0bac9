#include "fuzz.h"

#include "daemon/timers.h"

/* No time passes between the commit and the encoding, so none is lost. */
static void same_again(struct lares__timers *timers, const uint8_t *data,
                       size_t len)
{
    uint8_t *block;

    lares__timers_commit(timers, 0);
    promise(lares__timers_encoded_len(timers) == len);
    block = block_new(len);
    lares__timers_encode(timers, 0, block);
    promise(memcmp(block, data, len) == 0);
    free(block);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    lares_status rc = lares__timers_check(data, len);
    struct lares__timers *timers = NULL;

    promise(lares__timers_decode(data, len, &timers) == rc);
    promise(rc == LARES_OK || rc == LARES_EFORMAT);
    if (rc == LARES_OK)
        same_again(timers, data, len);
    lares__timers_free(timers);
    return 0;
}
