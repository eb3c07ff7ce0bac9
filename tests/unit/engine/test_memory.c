#include "support/heap.h"
#include "support/node.h"
#include "support/random.h"

#include "base/thread.h"
#include "engine/memory.h"

/* The store of claims: one instance of an identity per epoch. */

/* -- tools ---------------------------------------------------------------- */

struct public
{
    uint8_t bytes[LARES__KEY_LEN];
};

/* keys that differ early or late, and are the same in every run */
static struct public key_of(uint64_t number)
{
    struct public key = {{0}};

    memcpy(key.bytes + number % 4 * 8, &number, sizeof number);
    return key;
}

static lares_status claim(struct lares__store *store, uint64_t number,
                          uint64_t epoch)
{
    return lares__store_claim(store, key_of(number).bytes, epoch);
}

static uint64_t claimed(struct lares__store *store, uint64_t number)
{
    return lares__store_claimed(store, key_of(number).bytes);
}

static void drop(struct lares__store *store, uint64_t number)
{
    lares__store_drop(store, key_of(number).bytes);
}

/* -- cases ---------------------------------------------------------------- */

static void test_memory__an_epoch_is_claimed_once(void **state)
{
    struct lares__store store;

    (void)state;
    lares__store_init(&store, 1);
    check_u64(claimed(&store, 1), 0);
    check_status(claim(&store, 1, 0), LARES_ESTALE);
    check_u64(claimed(&store, 1), 0);
    check_ok(claim(&store, 1, 1));
    check_u64(claimed(&store, 1), 1);
    check_status(claim(&store, 1, 1), LARES_ESTALE);
    check_detail("epoch 1 is not above 1");
    check_ok(claim(&store, 1, 7)); /* epochs may leap */
    check_status(claim(&store, 1, 7), LARES_ESTALE);
    check_status(claim(&store, 1, 3), LARES_ESTALE);
    check_detail("epoch 3 is not above 7");
    check_u64(claimed(&store, 1), 7);
    check_ok(claim(&store, 1, UINT64_MAX));
    check_status(claim(&store, 1, UINT64_MAX), LARES_ESTALE);
    lares__store_fini(&store);
}

static void test_memory__keys_do_not_touch_each_other(void **state)
{
    struct lares__store store;

    (void)state;
    lares__store_init(&store, 1);
    check_ok(claim(&store, 1, 5));
    check_ok(claim(&store, 2, 3));
    check_u64(claimed(&store, 1), 5);
    check_u64(claimed(&store, 2), 3);
    check_u64(claimed(&store, 3), 0);
    drop(&store, 1);
    drop(&store, 3); /* unknown */
    check_u64(claimed(&store, 1), 0);
    check_u64(claimed(&store, 2), 3);
    check_ok(claim(&store, 1, 1)); /* as if it had never lived */
    lares__store_fini(&store);
}

static void test_memory__an_unused_store_costs_nothing(void **state)
{
    int64_t living = lares__alloc_living();
    struct lares__store store;

    (void)state;
    lares__store_init(&store, 1);
    check_u64(claimed(&store, 1), 0);
    drop(&store, 1);
    check_i64(lares__alloc_living(), living);
    lares__store_fini(&store);
}

/* Beside a naive map, while the number of records swings. */
static void test_memory__is_a_map(void **state)
{
    enum {
        KEYS = 500
    };
    uint64_t naive[KEYS] = {0}, random = 88172645463325252;
    struct lares__store store;

    (void)state;
    lares__store_init(&store, 3);
    for (int i = 0; i < rounds(200000, 5000000); i++) {
        uint32_t number = random_below(&random, KEYS);
        uint64_t epoch = 1 + random_below(&random, 20);
        uint32_t drops = i / 1000 % 2 == 0 ? 20 : 80; /* of a hundred */

        if (random_below(&random, 100) < drops) {
            drop(&store, number);
            naive[number] = 0;
        } else if (epoch > naive[number]) {
            check_ok(claim(&store, number, epoch));
            naive[number] = epoch;
        } else {
            check_status(claim(&store, number, epoch), LARES_ESTALE);
        }
        number = random_below(&random, KEYS);
        check_u64(claimed(&store, number), naive[number]);
    }
    for (uint32_t number = 0; number < KEYS; number++)
        check_u64(claimed(&store, number), naive[number]);
    lares__store_fini(&store);
}

static void test_memory__refuses_without_memory(void **state)
{
    struct lares__store store;
    uint64_t number = 1;
    lares_status rc;

    (void)state;
    lares__store_init(&store, 1);
    lares__alloc_fail(1, 1);
    check_status(claim(&store, number, 1), LARES_ENOMEM);
    lares__alloc_fail(-1, 0);
    check_u64(claimed(&store, number), 0);
    check_ok(claim(&store, number, 1));
    lares__alloc_fail(1, 1);
    do
        rc = claim(&store, ++number, 1); /* until the table is full */
    while (rc == LARES_OK);
    check_status(rc, LARES_ENOMEM);
    check_u64(claimed(&store, number), 0);
    check_ok(claim(&store, 1, 2)); /* a record that stands needs none */
    lares__alloc_fail(-1, 0);
    check_ok(claim(&store, number, 1));
    for (uint64_t i = 1; i <= number; i++)
        check_u64(claimed(&store, i), i == 1 ? 2 : 1);
    lares__store_fini(&store);
}

/* A table that cannot become smaller stays as it is. */
static void test_memory__drops_without_memory(void **state)
{
    struct lares__store store;

    (void)state;
    lares__store_init(&store, 1);
    for (uint64_t i = 1; i <= 1000; i++)
        check_ok(claim(&store, i, i));
    lares__alloc_fail(1, 1);
    for (uint64_t i = 1; i < 1000; i++)
        drop(&store, i);
    lares__alloc_fail(-1, 0);
    check_u64(claimed(&store, 1), 0);
    check_u64(claimed(&store, 1000), 1000);
    lares__store_fini(&store);
}

/* -- bounds --------------------------------------------------------------- */

static void test_memory__is_bounded(void **state)
{
    struct lares__store store;

    (void)state;
    lares__store_init(&store, 1);
    for (uint64_t i = 1; i <= LARES__STORE_MAX; i++)
        if (claim(&store, i, 1) != LARES_OK)
            check_u64(i, 0);
    check_status(claim(&store, LARES__STORE_MAX + 1, 1), LARES_ELIMIT);
    check_detail("1048576");
    check_u64(claimed(&store, LARES__STORE_MAX + 1), 0);
    check_ok(claim(&store, 1, 2)); /* one that stands may go on */
    drop(&store, 2);
    check_ok(claim(&store, LARES__STORE_MAX + 1, 1));
    for (uint64_t i = 1; i <= LARES__STORE_MAX + 1; i++)
        drop(&store, i);
    check_u64(store.count, 0);
    check(store.room <= 16);
    lares__store_fini(&store);
}

/* What spawns and stops cost is no sum over them. */
static void test_memory__forgets_what_nobody_was_given(void **state)
{
    int64_t living = lares__alloc_living();
    uint64_t calls;
    struct lares__store store;
    int lives = rounds(1000000, 2000000);

    (void)state;
    lares__store_init(&store, 1);
    check_ok(claim(&store, 0, 1));
    calls = lares__alloc_count();
    for (int i = 1; i <= lives; i++) {
        if (claim(&store, (uint64_t)i, 1) != LARES_OK)
            check_i64(i, 0);
        drop(&store, (uint64_t)i);
    }
    check_u64(store.count, 1);
    check_u64(store.room, 16);
    check_u64(lares__alloc_count(), calls);
    check_i64(lares__alloc_living() - living, 1);
    lares__store_fini(&store);
}

static void test_memory__shrinks_after_a_flood(void **state)
{
    struct lares__store store;
    uint32_t peak;

    (void)state;
    lares__store_init(&store, 1);
    for (uint64_t i = 1; i <= 10000; i++)
        check_ok(claim(&store, i, i));
    peak = store.room;
    check(peak <= 32768);
    for (uint64_t i = 1; i <= 9990; i++)
        drop(&store, i);
    check(store.room <= 128);
    for (uint64_t i = 9991; i <= 10000; i++)
        check_u64(claimed(&store, i), i);
    lares__store_fini(&store);
}

/* -- threads -------------------------------------------------------------- */

enum {
    THREADS = 8,
    EPOCHS = 20000
};

struct claimer {
    struct lares__store *store;
    struct lares__thread thread;
    uint64_t won;
    uint64_t stale;
    uint64_t fell; /* the claimed epoch was lower than one seen before */
};

static void claim_all(void *arg)
{
    struct claimer *claimer = arg;
    uint64_t seen = 0;

    for (uint64_t epoch = 1; epoch <= EPOCHS; epoch++) {
        lares_status rc = claim(claimer->store, 1, epoch);
        uint64_t now = claimed(claimer->store, 1);

        claimer->won += rc == LARES_OK;
        claimer->stale += rc == LARES_ESTALE;
        claimer->fell += now < seen || now < epoch;
        seen = now;
    }
}

/* All want each epoch of one key; strangers come and go in the same table. */
static void test_memory__one_of_many_threads_wins(void **state)
{
    struct claimer claimers[THREADS];
    struct lares__store store;
    uint64_t won = 0, stranger = 0;

    (void)state;
    lares__store_init(&store, 1);
    for (int i = 0; i < THREADS; i++) {
        claimers[i] = (struct claimer){.store = &store};
        check_ok(
            lares__thread_start(&claimers[i].thread, claim_all, &claimers[i]));
    }
    while (claimed(&store, 1) < EPOCHS) {
        stranger = stranger % 1000 + 1;
        check_ok(claim(&store, 1 + stranger, 1));
        if (stranger == 1000)
            for (uint64_t i = 1; i <= 1000; i++)
                drop(&store, 1 + i);
    }
    for (int i = 0; i < THREADS; i++) {
        lares__thread_join(&claimers[i].thread);
        check_u64(claimers[i].won + claimers[i].stale, EPOCHS);
        check_u64(claimers[i].fell, 0);
        won += claimers[i].won;
    }
    check(won <= EPOCHS); /* an epoch that was leapt over is nobody's */
    check(won > 0);
    check_u64(claimed(&store, 1), EPOCHS);
    lares__store_fini(&store);
}

struct racer {
    struct lares__store *store;
    struct lares__thread thread;
    uint8_t won[EPOCHS];
};

/* one epoch of many keys */
static void race_all(void *arg)
{
    struct racer *racer = arg;

    for (uint64_t number = 0; number < EPOCHS; number++)
        racer->won[number] = claim(racer->store, number, 7) == LARES_OK;
}

static void test_memory__an_epoch_has_one_winner(void **state)
{
    struct racer *racers = calloc(THREADS, sizeof *racers);
    struct lares__store store;

    (void)state;
    lares__store_init(&store, 1);
    for (int i = 0; i < THREADS; i++) {
        racers[i].store = &store;
        check_ok(lares__thread_start(&racers[i].thread, race_all, &racers[i]));
    }
    for (int i = 0; i < THREADS; i++)
        lares__thread_join(&racers[i].thread);
    for (uint64_t number = 0; number < EPOCHS; number++) {
        int winners = 0;

        for (int i = 0; i < THREADS; i++)
            winners += racers[i].won[number];
        check_i64(winners, 1);
        check_u64(claimed(&store, number), 7);
    }
    lares__store_fini(&store);
    free(racers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        heap_test(test_memory__an_epoch_is_claimed_once),
        heap_test(test_memory__keys_do_not_touch_each_other),
        heap_test(test_memory__an_unused_store_costs_nothing),
        heap_test(test_memory__is_a_map),
        heap_test(test_memory__refuses_without_memory),
        heap_test(test_memory__drops_without_memory),
        heap_test(test_memory__is_bounded),
        heap_test(test_memory__forgets_what_nobody_was_given),
        heap_test(test_memory__shrinks_after_a_flood),
        heap_test(test_memory__one_of_many_threads_wins),
        heap_test(test_memory__an_epoch_has_one_winner),
    };

    return check_run(tests);
}
