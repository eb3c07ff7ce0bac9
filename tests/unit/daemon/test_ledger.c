#include "support/check.h"

#include "daemon/ledger.h"
#include "support/heap.h"
#include "support/hex.h"
#include "support/random.h"

#include <stdio.h>
#include <string.h>

/* -- tools -- */

/* golden vector G9: output counts, {control/estop, no group, 0},
 * {sensors/lidar, pool, 7} */
static const char g9_hex[] = "06636f756e747302000000"
                             "0d636f6e74726f6c2f6573746f70"
                             "000000000000000000"
                             "0d73656e736f72732f6c69646172"
                             "04706f6f6c0700000000000000";

enum {
    G9_LEN = (sizeof g9_hex - 1) / 2,
    G9_COUNT = 7,           /* offset of the count */
    G9_FIRST = 11,          /* and of the entries */
    G9_FIRST_LEN = 23,      /* length of the first entry */
    BYTES_MAX = 256 * 1024, /* enough for every ledger here */
    SUBSCRIPTIONS = 40
};

static uint8_t g9[G9_LEN];
static uint8_t bytes[BYTES_MAX];

static int g9_setup(void **state)
{
    hex_read(g9_hex, g9);
    return heap_setup(state);
}

static size_t encode(const struct lares__ledger *ledger)
{
    size_t size = lares__ledger_size(ledger);

    check(size <= BYTES_MAX);
    lares__ledger_encode(ledger, bytes);
    return size;
}

/* refused before anything is allocated, and the output is not written */
static void check_malformed(const void *data, size_t len)
{
    struct lares__ledger ledger;
    struct lares__ledger before;
    uint64_t count = lares__alloc_count();

    memset(&ledger, 0x5a, sizeof ledger);
    before = ledger;
    check_status(lares__ledger_check(data, len), LARES_EFORMAT);
    check_status(lares__ledger_decode(data, len, &ledger), LARES_EFORMAT);
    check_u64(lares__alloc_count(), count);
    check_mem(&ledger, &before, sizeof ledger);
}

/* the i-th of some entries of which no two are equal */
static void add_nth(struct lares__ledger *ledger, uint32_t i)
{
    char pattern[32];

    snprintf(pattern, sizeof pattern, "a.%u.>", (unsigned)(i / 2));
    check_ok(lares__ledger_add(ledger, pattern, i % 2 == 0 ? NULL : "pool"));
}

#define ledger_test(test)                                                      \
    cmocka_unit_test_setup_teardown(test, g9_setup, heap_teardown)

/* -- cases -- */

/* part of L01: empty */
static void test_ledger__empty_is_five_zero_bytes(void **state)
{
    static const uint8_t zero[5] = {0};
    struct lares__ledger ledger;

    (void)state;
    lares__ledger_init(&ledger);
    check_u64(encode(&ledger), sizeof zero);
    check_mem(bytes, zero, sizeof zero);
    lares__ledger_fini(&ledger);
    check_ok(lares__ledger_decode(zero, sizeof zero, &ledger));
    check_u64(lares__ledger_count(&ledger), 0);
    check(ledger.output == NULL);
    lares__ledger_fini(&ledger);
}

/* part of L01: golden vector G9 */
static void test_ledger__reads_and_writes_the_vector(void **state)
{
    struct lares__ledger ledger;
    const struct lares__ledger_entry *entry;

    (void)state;
    check_ok(lares__ledger_check(g9, G9_LEN));
    check_ok(lares__ledger_decode(g9, G9_LEN, &ledger));
    check_str(ledger.output, "counts");
    check_u64(lares__ledger_count(&ledger), 2);
    entry = lares__ledger_at(&ledger, 0);
    check_str(entry->pattern, "control/estop");
    check_str(entry->group, "");
    check_u64(entry->cursor, 0);
    entry = lares__ledger_at(&ledger, 1);
    check_str(entry->pattern, "sensors/lidar");
    check_str(entry->group, "pool");
    check_u64(entry->cursor, 7);
    check_hex(bytes, encode(&ledger), g9_hex);
    lares__ledger_fini(&ledger);
}

/* part of L01: the order of calls does not show */
static void test_ledger__order_of_calls_does_not_show(void **state)
{
    static uint8_t first[BYTES_MAX];
    size_t first_size = 0;
    uint64_t seed = 3;

    (void)state;
    for (int round = 0; round < 20; round++) {
        struct lares__ledger ledger;
        size_t size;

        lares__ledger_init(&ledger);
        for (int step = 0; step < 300; step++)
            add_nth(&ledger, random_below(&seed, SUBSCRIPTIONS));
        for (uint32_t i = 0; i < SUBSCRIPTIONS; i++)
            add_nth(&ledger, i);
        check_u64(lares__ledger_count(&ledger), SUBSCRIPTIONS);
        size = encode(&ledger);
        if (round == 0)
            memcpy(first, bytes, first_size = size);
        check_u64(size, first_size);
        check_mem(bytes, first, size);
        lares__ledger_fini(&ledger);
    }
}

static void test_ledger__adds_and_removes_idempotently(void **state)
{
    struct lares__ledger ledger;

    (void)state;
    lares__ledger_init(&ledger);
    check_ok(lares__ledger_add(&ledger, "a", NULL));
    check_ok(lares__ledger_add(&ledger, "a", NULL));
    check_ok(lares__ledger_add(&ledger, "a", "g"));
    check_u64(lares__ledger_count(&ledger), 2);
    lares__ledger_remove(&ledger, "a", NULL);
    lares__ledger_remove(&ledger, "a", NULL);
    lares__ledger_remove(&ledger, "b", "g");
    check_u64(lares__ledger_count(&ledger), 1);
    check_str(lares__ledger_at(&ledger, 0)->group, "g");
    lares__ledger_fini(&ledger);
}

static void test_ledger__output_is_replaced(void **state)
{
    struct lares__ledger ledger;

    (void)state;
    lares__ledger_init(&ledger);
    check_ok(lares__ledger_set_output(&ledger, "first"));
    check_ok(lares__ledger_set_output(&ledger, "second"));
    check_str(ledger.output, "second");
    lares__alloc_fail(1, 0);
    check_status(lares__ledger_set_output(&ledger, "third"), LARES_ENOMEM);
    check_str(ledger.output, "second");
    check_ok(lares__ledger_set_output(&ledger, NULL));
    check(ledger.output == NULL);
    lares__ledger_fini(&ledger);
}

static void test_ledger__is_bounded(void **state)
{
    struct lares__ledger ledger;
    struct lares__ledger other;
    size_t size;

    (void)state;
    lares__ledger_init(&ledger);
    for (uint32_t i = 0; i < LARES__LEDGER_MAX; i++)
        add_nth(&ledger, i);
    check_status(lares__ledger_add(&ledger, "b", NULL), LARES_ELIMIT);
    add_nth(&ledger, 7); /* it stands */
    size = encode(&ledger);
    check_ok(lares__ledger_decode(bytes, size, &other));
    lares__ledger_fini(&other);
    bytes[1] = (uint8_t)((LARES__LEDGER_MAX + 1) % 256);
    check_status(lares__ledger_decode(bytes, size, &other), LARES_ELIMIT);
    lares__ledger_fini(&ledger);
}

/* id: L02 (truncations, an extra byte) */
static void test_ledger__refuses_other_lengths(void **state)
{
    (void)state;
    for (size_t len = 0; len < G9_LEN; len++) {
        memcpy(bytes, g9, len);
        check_malformed(bytes, len);
    }
    memcpy(bytes, g9, G9_LEN);
    bytes[G9_LEN] = 0;
    check_malformed(bytes, G9_LEN + 1);
}

/* id: L02 (swapped or double names) */
static void test_ledger__refuses_another_order(void **state)
{
    size_t second_len = G9_LEN - G9_FIRST - G9_FIRST_LEN;

    (void)state;
    memcpy(bytes, g9, G9_FIRST);
    memcpy(bytes + G9_FIRST, g9 + G9_FIRST + G9_FIRST_LEN, second_len);
    memcpy(bytes + G9_FIRST + second_len, g9 + G9_FIRST, G9_FIRST_LEN);
    check_malformed(bytes, G9_LEN);
    memcpy(bytes + G9_FIRST, g9 + G9_FIRST, G9_FIRST_LEN);
    memcpy(bytes + G9_FIRST + G9_FIRST_LEN, g9 + G9_FIRST, G9_FIRST_LEN);
    check_malformed(bytes, G9_FIRST + 2 * G9_FIRST_LEN);
}

/* id: L02 (count 2^32 - 1) */
static void test_ledger__refuses_other_counts(void **state)
{
    static const uint8_t counts[] = {0, 1, 3, 0xff};

    (void)state;
    for (size_t i = 0; i < sizeof counts; i++) {
        memcpy(bytes, g9, G9_LEN);
        memset(bytes + G9_COUNT, counts[i] == 0xff ? 0xff : 0, 4);
        bytes[G9_COUNT] = counts[i];
        check_malformed(bytes, G9_LEN);
    }
}

/* id: L02 (bad names) */
static void test_ledger__refuses_bad_names(void **state)
{
    /* in the output, the first pattern, the group */
    static const struct {
        size_t at;
        char byte;
    } cases[] = {
        {1,  '$' },
        {1,  '*' },
        {1,  '.' },
        {3,  '\0'},
        {12, '.' },
        {12, '>' },
        {14, '\0'},
        {20, ' ' },
        {49, '.' },
        {49, '$' },
        {50, '\0'},
        {51, '*' },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        memcpy(bytes, g9, G9_LEN);
        bytes[cases[i].at] = (uint8_t)cases[i].byte;
        check_malformed(bytes, G9_LEN);
    }
}

static lares_status scenario_decode(void)
{
    struct lares__ledger ledger;
    struct lares__ledger before;
    lares_status rc;

    memset(&ledger, 0x5a, sizeof ledger);
    before = ledger;
    rc = lares__ledger_decode(g9, G9_LEN, &ledger);
    if (rc < 0)
        check_mem(&ledger, &before, sizeof ledger);
    else
        lares__ledger_fini(&ledger);
    return rc;
}

static lares_status scenario_calls(void)
{
    struct lares__ledger ledger;
    lares_status rc;

    lares__ledger_init(&ledger);
    rc = lares__ledger_set_output(&ledger, "counts");
    if (rc == LARES_OK)
        rc = lares__ledger_add(&ledger, "a.>", "pool");
    if (rc == LARES_OK) {
        rc = lares__ledger_add(&ledger, "a.*", NULL);
        check_u64(lares__ledger_count(&ledger), rc < 0 ? 1 : 2);
    }
    lares__ledger_fini(&ledger);
    return rc;
}

static void test_ledger__survives_every_failed_allocation(void **state)
{
    (void)state;
    heap_torture(scenario_decode);
    heap_torture(scenario_calls);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ledger_test(test_ledger__empty_is_five_zero_bytes),
        ledger_test(test_ledger__reads_and_writes_the_vector),
        ledger_test(test_ledger__order_of_calls_does_not_show),
        ledger_test(test_ledger__adds_and_removes_idempotently),
        ledger_test(test_ledger__output_is_replaced),
        ledger_test(test_ledger__is_bounded),
        ledger_test(test_ledger__refuses_other_lengths),
        ledger_test(test_ledger__refuses_another_order),
        ledger_test(test_ledger__refuses_other_counts),
        ledger_test(test_ledger__refuses_bad_names),
        ledger_test(test_ledger__survives_every_failed_allocation),
    };

    return check_run(tests);
}
