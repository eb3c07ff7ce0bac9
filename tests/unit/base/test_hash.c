#include "support/check.h"

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
    uint64_t hash[2];

    (void)state;
    lares__hash128("", 0, hash);
    check_u64(hash[0], UINT64_C(0x6001c324468d497f));
    check_u64(hash[1], UINT64_C(0x99aa06d3014798d8));
    lares__hash128(bytes, 4096, hash);
    check_u64(hash[0], lares__hash64(bytes, 4096)); /* of long inputs */
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
        cmocka_unit_test_setup(test_hash__does_not_depend_on_the_address,
                               hash_setup),
        cmocka_unit_test_setup(test_hash__joined_equals_one_shot, hash_setup),
        cmocka_unit_test_setup(test_hash__seed_0_is_none_and_others_differ,
                               hash_setup),
    };

    return check_run(tests);
}
