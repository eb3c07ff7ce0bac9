#include "support/heap.h"
#include "support/hex.h"

#include "identity/key.h"

/* -- fixture ------------------------------------------------------------- */

/* vector G1 */
struct identity {
    uint64_t origin;
    uint64_t node_name;
    const char *seed;
    const char *public;
};

static const struct identity golden[] = {
    {UINT64_C(0xd1f5819b4e248d1b), UINT64_C(0x5a25f7486db96c4f),
     "42424242424242424242424242424242"
     "42424242424242424242424242424242", "2152f8d19b791d24453242e15f2eab6c"
     "b7cffa7b6a5ed30097960e069881db12"},
    {UINT64_C(0x0e098f884ef8893d), UINT64_C(0x20622e7226d6e4dc),
     "000102030405060708090a0b0c0d0e0f"
     "101112131415161718191a1b1c1d1e1f", "03a107bff3ce10be1d70dd18e74bc099"
     "67e4d6309ba50d5f1ddc8664125531b8"},
    {UINT64_C(0xce47be9b2679ab56), UINT64_C(0xcb6a588c1914187e),
     "00000000000000000000000000000000"
     "00000000000000000000000000000000", "3b6a27bcceb6a42d62a3a8d02a6f0d73"
     "653215771de243a63ac048a18b59da29"},
};

static const char message[] = "the household";

/* -- tools --------------------------------------------------------------- */

static lares_key *key_of(size_t index)
{
    uint8_t seed[LARES__KEY_LEN];
    lares_key *key = NULL;

    hex_read(golden[index].seed, seed);
    check_ok(lares__key_from_seed(seed, &key));
    return key;
}

static lares_key *public_key_of(size_t index)
{
    uint8_t public[LARES__KEY_LEN];
    lares_key *key = NULL;

    hex_read(golden[index].public, public);
    check_ok(lares__key_from_public(public, &key));
    return key;
}

static lares_status verify(const uint8_t *public, const uint8_t *signature)
{
    return lares__key_verify(public, message, sizeof message, signature);
}

static void check_public_refused(const char *hex)
{
    uint8_t public[LARES__KEY_LEN];
    lares_key *key = NULL;

    hex_read(hex, public);
    check_status(lares__key_from_public(public, &key), LARES_EINVAL);
    check(key == NULL);
}

static lares_status key_scenario(void)
{
    static const uint8_t seeds[2][LARES__KEY_LEN] = {{1}, {2}};
    lares_key *keys[4] = {NULL, NULL, NULL, NULL};
    lares_status rc = lares__key_from_seed(seeds[0], &keys[0]);
    size_t i;

    if (rc == LARES_OK)
        rc = lares__key_from_seed(seeds[1], &keys[1]);
    if (rc == LARES_OK)
        rc = lares__key_from_seed(seeds[0], &keys[2]);
    if (rc == LARES_OK)
        rc = lares__key_from_public(lares__key_public(keys[0]), &keys[3]);
    for (i = 0; i < 4; i++)
        lares__key_release(keys[i]);
    return rc;
}

/* -- cases --------------------------------------------------------------- */

static void test_key__of_a_seed_is_golden(void **state)
{
    lares_key *key;
    size_t i;

    (void)state; /* id: I01 */
    for (i = 0; i < 3; i++) {
        key = key_of(i);
        check_hex(lares__key_public(key), LARES__KEY_LEN, golden[i].public);
        check_u64(lares__key_origin(key), golden[i].origin);
        check_u64(lares__key_origin_of(lares__key_public(key)),
                  golden[i].origin);
        check_u64(lares__key_node_name(key), golden[i].node_name);
        lares__key_release(key);
    }
}

static void test_key__signs_deterministically(void **state)
{
    lares_key *key = key_of(0);
    uint8_t a[LARES__SIGNATURE_LEN], b[LARES__SIGNATURE_LEN];

    (void)state; /* id: I01 */
    check_ok(lares__key_sign(key, message, sizeof message, a));
    check_ok(lares__key_sign(key, message, sizeof message, b));
    check_mem(a, b, sizeof a);
    check_ok(verify(lares__key_public(key), a));
    check_ok(lares__key_sign(key, NULL, 0, a));
    check_ok(lares__key_verify(lares__key_public(key), NULL, 0, a));
    lares__key_release(key);
}

static void test_key__any_flipped_bit_is_noticed(void **state)
{
    lares_key *key = key_of(0);
    uint8_t bytes[sizeof message + LARES__SIGNATURE_LEN + LARES__KEY_LEN];
    uint8_t *signature = bytes + sizeof message;
    uint8_t *public = signature + LARES__SIGNATURE_LEN;
    size_t bit;

    (void)state; /* id: I01 */
    memcpy(bytes, message, sizeof message);
    memcpy(public, lares__key_public(key), LARES__KEY_LEN);
    check_ok(lares__key_sign(key, bytes, sizeof message, signature));
    for (bit = 0; bit < 8 * sizeof bytes; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        check_status(
            lares__key_verify(public, bytes, sizeof message, signature),
            LARES_ESIGNATURE);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    check_ok(lares__key_verify(public, bytes, sizeof message, signature));
    lares__key_release(key);
}

/* S + L satisfies the equation too; only a strict check refuses it. */
static void test_key__signature_is_not_malleable(void **state)
{
    static const char *const order = "edd3f55c1a631258d69cf7a2def9de14"
                                     "00000000000000000000000000000010";
    lares_key *key = key_of(1);
    uint8_t signature[LARES__SIGNATURE_LEN], l[32];
    unsigned carry = 0;
    size_t i;

    (void)state; /* id: I01 */
    hex_read(order, l);
    check_ok(lares__key_sign(key, message, sizeof message, signature));
    for (i = 0; i < 32; i++) {
        carry += (unsigned)signature[32 + i] + l[i];
        signature[32 + i] = (uint8_t)carry;
        carry >>= 8;
    }
    check_u64(carry, 0);
    check_status(verify(lares__key_public(key), signature), LARES_ESIGNATURE);
    lares__key_release(key);
}

/* Under a key of order 1 the signature (1, 0) fits any message. */
static void test_key__of_small_order_verifies_nothing(void **state)
{
    static const uint8_t public[LARES__KEY_LEN] = {1};
    static const uint8_t signature[LARES__SIGNATURE_LEN] = {1};

    (void)state; /* id: I01 */
    check_status(verify(public, signature), LARES_ESIGNATURE);
}

static void test_key__read_only_has_the_names_and_no_secret(void **state)
{
    uint8_t signature[LARES__SIGNATURE_LEN] = {7};
    uint8_t seed[LARES__KEY_LEN] = {7};
    lares_key *key = public_key_of(0);

    (void)state; /* id: I02 */
    check_u64(lares__key_origin(key), golden[0].origin);
    check_u64(lares__key_node_name(key), golden[0].node_name);
    check_status(lares__key_sign(key, message, sizeof message, signature),
                 LARES_EKEY);
    check_status(lares__key_seed(key, seed), LARES_EKEY);
    check_detail("d1f5819b4e248d1b");
    check_u64(signature[0], 7);
    check_u64(seed[0], 7);
    lares__key_release(key);
}

static void test_key__of_what_is_no_point_is_refused(void **state)
{
    (void)state; /* id: I02 */
    /* no x for this y; y = p; y = 1 and y = -1 of orders 1 and 2; order 8 */
    check_public_refused("02000000000000000000000000000000"
                         "00000000000000000000000000000000");
    check_public_refused("edffffffffffffffffffffffffffffff"
                         "ffffffffffffffffffffffffffffff7f");
    check_public_refused("01000000000000000000000000000000"
                         "00000000000000000000000000000000");
    check_public_refused("ecffffffffffffffffffffffffffffff"
                         "ffffffffffffffffffffffffffffff7f");
    check_public_refused("26e8958fc2b227b045c3f489f2ef98f0"
                         "d5dfac05d3c63339b13802886d53fc05");
}

static void test_key__of_a_living_identity_is_the_same(void **state)
{
    lares_key *key = key_of(2), *again = key_of(2), *other = key_of(1);
    uint8_t seed[LARES__KEY_LEN];

    (void)state; /* id: I07 */
    check(again == key);
    check(other != key);
    check_ok(lares__key_seed(key, seed));
    check_hex(seed, sizeof seed, golden[2].seed);
    check_ok(lares__key_seed(other, seed));
    check_hex(seed, sizeof seed, golden[1].seed);
    lares__key_release(other);
    lares__key_release(again);
    lares__key_release(key);
}

static void test_key__is_found_until_the_last_release(void **state)
{
    lares_key *key = key_of(0), *more = lares__key_retain(key);
    lares_key *found = NULL;
    uint8_t public[LARES__KEY_LEN];

    (void)state; /* id: I07 */
    check(more == key);
    memcpy(public, lares__key_public(key), sizeof public);
    lares__key_release(key);
    check_ok(lares__key_find(public, &found));
    check(found == key);
    lares__key_release(more);
    lares__key_release(found);
    found = NULL;
    check_status(lares__key_find(public, &found), LARES_EKEY);
    check(found == NULL);
    lares__key_release(NULL);
}

static void test_key__read_only_is_not_found(void **state)
{
    lares_key *reader = public_key_of(0), *found = NULL, *key;

    (void)state;
    check_status(lares__key_find(lares__key_public(reader), &found),
                 LARES_EKEY);
    key = key_of(0);
    check(key != reader);
    check_ok(lares__key_find(lares__key_public(reader), &found));
    check(found == key);
    lares__key_release(found);
    lares__key_release(key);
    lares__key_release(reader);
}

static void test_key__every_allocation_fails(void **state)
{
    (void)state;
    heap_torture(key_scenario);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        heap_test(test_key__of_a_seed_is_golden),
        heap_test(test_key__signs_deterministically),
        heap_test(test_key__any_flipped_bit_is_noticed),
        heap_test(test_key__signature_is_not_malleable),
        heap_test(test_key__of_small_order_verifies_nothing),
        heap_test(test_key__read_only_has_the_names_and_no_secret),
        heap_test(test_key__of_what_is_no_point_is_refused),
        heap_test(test_key__of_a_living_identity_is_the_same),
        heap_test(test_key__is_found_until_the_last_release),
        heap_test(test_key__read_only_is_not_found),
        heap_test(test_key__every_allocation_fails),
    };

    return check_run(tests);
}
