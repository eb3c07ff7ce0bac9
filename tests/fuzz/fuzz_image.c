/* Images: as they are, and mended.
 *
 * A changed image fails at its signature, or at a digest, and nothing behind
 * that would be tried. So the input is read once as it is, in both forms, and
 * once as a plain image whose length and digests were put right. */
#include "fuzz.h"

#include "base/hash.h"
#include "base/little.h"
#include "base/options.h"
#include "daemon/image.h"

enum {
    AT_FLAGS = 6,
    AT_TOTAL = 8,
    AT_COUNT = 16,
    TABLE = 56,
    ENTRY_LEN = 48,
    AT_LEN = 8,
    AT_DIGEST = 16,
    SIGNATURE_LEN = 64,
    PLAIN = 2
};

static const char *const known[] = {"argument", "batch", "restart.max", NULL};

/* -- what was read is written again -- */

static uint8_t *image_again(const struct lares__image *image, size_t *len_out)
{
    size_t prefix = lares__image_prefix(image);
    uint8_t *block = block_new(prefix + image->state_len);

    if (image->state_len > 0)
        memcpy(block + prefix, image->state, image->state_len);
    lares__image_write(image, block);
    *len_out = prefix + image->state_len;
    promise(lares__image_seal(block, *len_out, NULL) == LARES_OK);
    return block;
}

static void options_again(const struct lares__image *image)
{
    lares_options *options = NULL;
    struct lares__image other = *image;

    promise(lares__image_options(image, &options) == LARES_OK);
    promise(lares__options_count(options) == image->option_count);
    other.options = options;
    promise(lares__image_prefix(&other) == lares__image_prefix(image));
    lares__options_free(options);
}

/* Only sections that nobody knows are lost. */
static void same_again(const struct lares__image *image, const uint8_t *data,
                       size_t len, const struct lares__image_rules *rules)
{
    struct lares__image_rules plain = *rules;
    struct lares__image other;
    size_t again_len;
    uint8_t *again = image_again(image, &again_len);

    promise(again_len <= len);
    if (again_len == len && rules->plain)
        promise(memcmp(again, data, len) == 0);
    plain.plain = 1;
    promise(lares__image_read(again, again_len, &plain, &other) == LARES_OK);
    options_again(&other);
    free(again);
}

static void read_as(const uint8_t *data, size_t len, int plain)
{
    struct lares__image_rules rules = {
        .plain = plain,
        .max = UINT64_C(1) << 20,
        .known = known,
    };
    struct lares__image image;

    if (lares__image_read(data, len, &rules, &image) == LARES_OK)
        same_again(&image, data, len, &rules);
}

/* -- mending -- */

static void digest_mend(uint8_t *entry, const uint8_t *body, size_t len)
{
    const struct lares__hash128 hash = lares__hash128(body, len);

    memset(entry + AT_DIGEST, 0, ENTRY_LEN - AT_DIGEST);
    memcpy(entry + AT_DIGEST, &hash, sizeof hash);
}

/* The last section takes what is left. */
static void table_mend(uint8_t *data, size_t len, uint32_t count)
{
    uint8_t *entry = data + TABLE;
    size_t at = TABLE + (size_t)count * ENTRY_LEN + SIGNATURE_LEN;

    for (; count > 0; count--, entry += ENTRY_LEN) {
        uint64_t body = lares__little_u64(entry + AT_LEN);

        if (count == 1 || body > len - at)
            body = len - at;
        lares__little_set_u64(entry + AT_LEN, body);
        digest_mend(entry, data + at, body);
        at += body;
    }
}

static void image_mend(uint8_t *data, size_t len)
{
    uint32_t count;

    if (len < TABLE + SIGNATURE_LEN)
        return;
    count = lares__little_u32(data + AT_COUNT) % 16 + 1;
    if (len < TABLE + (size_t)count * ENTRY_LEN + SIGNATURE_LEN)
        return;
    data[AT_FLAGS] |= PLAIN;
    lares__little_set_u64(data + AT_TOTAL, len);
    lares__little_set_u32(data + AT_COUNT, count);
    memset(data + TABLE + (size_t)count * ENTRY_LEN, 0, SIGNATURE_LEN);
    table_mend(data, len, count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint8_t *block = block_new(len);

    read_as(data, len, 0);
    read_as(data, len, 1);
    if (len > 0)
        memcpy(block, data, len);
    image_mend(block, len);
    read_as(block, len, 1);
    free(block);
    return 0;
}
