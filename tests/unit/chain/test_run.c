#include "support/heap.h"

#include "chain/run.h"

/* -- fixture ------------------------------------------------------------- */

enum {
    COUNT = 10
};

static struct lares__head genesis;
static struct lares__head run[COUNT];

static int run_setup(void **state)
{
    const struct lares__head *head = &genesis;
    size_t i;

    lares__head_genesis(&genesis, 0xabcd);
    for (i = 0; i < COUNT; i++) {
        run[i].link = (struct lares__link){0xabcd, i, i + 1, head->hash};
        run[i].hash = lares__link_hash(&run[i].link, "event", 5);
        head = &run[i];
    }
    return heap_setup(state);
}

/* -- cases --------------------------------------------------------------- */

static void test_run__verifies_from_its_anchor(void **state)
{
    size_t bad = 99;

    (void)state; /* id: P01 */
    check_ok(lares__run_verify(&genesis, run, COUNT, &bad));
    check_ok(lares__run_verify(&run[3], run + 4, COUNT - 4, &bad));
    check_ok(lares__run_verify(NULL, run, COUNT, &bad));
    check_u64(bad, 99);
}

static void test_run__may_be_empty(void **state)
{
    size_t bad = 99;

    (void)state; /* id: P01 */
    check_ok(lares__run_verify(&genesis, NULL, 0, &bad));
    check_ok(lares__run_verify(NULL, NULL, 0, &bad));
    check_u64(bad, 99);
}

static void test_run__cut_front_is_a_gap_from_genesis(void **state)
{
    size_t bad = 99;

    (void)state; /* id: P01 */
    check_status(lares__run_verify(&genesis, run + 2, COUNT - 2, &bad),
                 LARES_EGAP);
    check_u64(bad, 0);
    bad = 99;
    check_ok(lares__run_verify(NULL, run + 2, COUNT - 2, &bad));
    check_u64(bad, 99);
}

static void test_run__anchor_of_another_hash_is_no_parent(void **state)
{
    struct lares__head anchor = run[3];
    size_t bad = 99;

    (void)state; /* id: P01 */
    anchor.hash ^= 1;
    check_status(lares__run_verify(&anchor, run + 4, COUNT - 4, &bad),
                 LARES_EPARENT);
    check_u64(bad, 0);
}

static void test_run__names_the_first_bad_entry(void **state)
{
    size_t bad = 99;

    (void)state; /* id: P01 */
    run[6].link.origin = 0xabce;
    run[4].hash ^= 1;
    check_status(lares__run_verify(&genesis, run, COUNT, &bad), LARES_EPARENT);
    check_u64(bad, 5);
    run[4].hash ^= 1;
    check_status(lares__run_verify(NULL, run, COUNT, &bad), LARES_EORIGIN);
    check_u64(bad, 6);
}

int main(void)
{
#define run_case(test)                                                         \
    cmocka_unit_test_setup_teardown(test, run_setup, heap_teardown)
    const struct CMUnitTest tests[] = {
        run_case(test_run__verifies_from_its_anchor),
        run_case(test_run__may_be_empty),
        run_case(test_run__cut_front_is_a_gap_from_genesis),
        run_case(test_run__anchor_of_another_hash_is_no_parent),
        run_case(test_run__names_the_first_bad_entry),
    };

    return check_run(tests);
}
