/* Event records: their number (4 bytes), then as many of them. */
#include "fuzz.h"

#include "base/little.h"
#include "chain/record.h"

/* The record that was read from `len` bytes is written to the same ones. */
static void same_again(const struct lares__record *record, const uint8_t *data,
                       size_t len)
{
    uint8_t *block;

    promise(lares__record_encoded_len(record) == len);
    block = block_new(len);
    promise(lares__record_encode(record, block) == LARES_OK);
    promise(memcmp(block, data, len) == 0);
    free(block);
}

/* How many records can be read from the front. */
static uint32_t read_all(const uint8_t *data, size_t len, size_t *left_out)
{
    struct lares__record record;
    uint32_t count = 0;
    const uint8_t *at = data;

    while (lares__record_next(&data, &len, &record) == LARES_OK) {
        same_again(&record, at, (size_t)(data - at));
        at = data;
        count++;
    }
    *left_out = len;
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint32_t declared, count;
    size_t left;
    int good;

    if (len < 4)
        return 0;
    declared = lares__little_u32(data);
    good = lares__record_check(data + 4, len - 4, declared) == LARES_OK;
    count = read_all(data + 4, len - 4, &left);
    promise(good ? declared == count && left == 0
                 : declared != count || left > 0);
    return 0;
}
