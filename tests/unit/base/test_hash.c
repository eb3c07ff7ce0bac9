#include "support/check.h"
#include "support/random.h"

#include "base/hash.h"

/* -- fixture ------------------------------------------------------------- */

static uint8_t bytes[4096 + 8];

static int hash_setup(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(31 * i + (i >> 8));
    return 0;
}

/* -- cases --------------------------------------------------------------- */

static void test_hash__of_nothing_is_golden(void **state)
{
    (void)state; /* vector G2 */
    check_u64(lares__hash64("", 0), UINT64_C(0x2d06800538d394c2));
}

/* the value that xxHash publishes for no bytes */
static void test_hash__of_128_bits_gives_the_low_half_first(void **state)
{
    struct lares__hash128 hash = lares__hash128("", 0);

    (void)state;
    check_u64(hash.low, UINT64_C(0x6001c324468d497f));
    check_u64(hash.high, UINT64_C(0x99aa06d3014798d8));
    hash = lares__hash128(bytes, 4096);
    check_u64(hash.low, lares__hash64(bytes, 4096)); /* of long inputs */
}

/* all lengths, folded; the values of a build without wide registers */
static void test_hash__is_one_on_every_processor(void **state)
{
    static struct lares__hash128 all[4097];
    static uint64_t halves[4097];
    size_t len;

    (void)state;
    for (len = 0; len <= 4096; len++) {
        all[len] = lares__hash128(bytes + len % 8, len);
        halves[len] = lares__hash64(bytes + len % 8, len);
    }
    check_u64(lares__hash64(all, sizeof all), UINT64_C(0x2cbed9f03940f191));
    check_u64(lares__hash64(halves, sizeof halves),
              UINT64_C(0x1efa78e5d7e97023));
}

/* A seed of 0 is none, and a seeded hash is never a wide one. */
static void test_hash__of_any_bytes_is_that_of_narrow_registers(void **state)
{
    uint64_t random = 1;
    int i;

    (void)state;
    for (i = 0; i < 20000; i++) {
        size_t begin = random_below(&random, 64);
        size_t len = random_below(&random, sizeof bytes - 64);

        check_u64(lares__hash64(bytes + begin, len),
                  lares__hash64_seeded(bytes + begin, len, 0));
    }
}

static void test_hash__does_not_depend_on_the_address(void **state)
{
    uint8_t copy[300];
    size_t shift;

    (void)state;
    for (shift = 0; shift < 8; shift++) {
        memcpy(copy, bytes + shift, 290);
        check_u64(lares__hash64(bytes + shift, 290), lares__hash64(copy, 290));
    }
}

static void test_hash__joined_equals_one_shot(void **state)
{
    static const size_t lengths[] = {0,   1,   31,  32,  207, 208, 209,
                                     240, 241, 255, 256, 257, 4000};
    size_t i, head;

    (void)state;
    for (i = 0; i < sizeof lengths / sizeof *lengths; i++)
        for (head = 0; head <= 96; head += 32)
            check_u64(
                lares__hash64_joined(bytes, head, bytes + head, lengths[i]),
                lares__hash64(bytes, head + lengths[i]));
    check_u64(lares__hash64_joined(bytes, 241, NULL, 0),
              lares__hash64(bytes, 241));
    check_u64(lares__hash64_joined(bytes, 32, NULL, 0),
              lares__hash64(bytes, 32));
}

static void test_hash__seed_0_is_none_and_others_differ(void **state)
{
    (void)state;
    check_u64(lares__hash64_seeded(bytes, 8, 0), lares__hash64(bytes, 8));
    check(lares__hash64_seeded(bytes, 8, 1) !=
          lares__hash64_seeded(bytes, 8, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_hash__of_nothing_is_golden, hash_setup),
        cmocka_unit_test_setup(test_hash__of_128_bits_gives_the_low_half_first,
                               hash_setup),
        cmocka_unit_test_setup(test_hash__is_one_on_every_processor,
                               hash_setup),
        cmocka_unit_test_setup(
            test_hash__of_any_bytes_is_that_of_narrow_registers, hash_setup),
        cmocka_unit_test_setup(test_hash__does_not_depend_on_the_address,
                               hash_setup),
        cmocka_unit_test_setup(test_hash__joined_equals_one_shot, hash_setup),
        cmocka_unit_test_setup(test_hash__seed_0_is_none_and_others_differ,
                               hash_setup),
    };

    return check_run(tests);
}
