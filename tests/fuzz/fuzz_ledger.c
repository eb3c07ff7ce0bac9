#include "fuzz.h"

#include "daemon/ledger.h"

static void same_again(const struct lares__ledger *ledger, const uint8_t *data,
                       size_t len)
{
    uint8_t *block;

    promise(lares__ledger_size(ledger) == len);
    block = block_new(len);
    lares__ledger_encode(ledger, block);
    promise(memcmp(block, data, len) == 0);
    free(block);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct lares__ledger ledger;
    lares_status rc = lares__ledger_check(data, len);

    promise(lares__ledger_decode(data, len, &ledger) == rc);
    promise(rc == LARES_OK || rc == LARES_EFORMAT || rc == LARES_ELIMIT);
    if (rc < 0)
        return 0;
    same_again(&ledger, data, len);
    lares__ledger_fini(&ledger);
    return 0;
}
