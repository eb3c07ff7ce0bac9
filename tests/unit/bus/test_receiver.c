#include "support/check.h"

#include "base/thread.h"
#include "bus/receiver.h"
#include "support/random.h"

/* -- fixture: a receiver -- */

enum {
    KIB = 1024,
    MIB = 1048576
};

static struct lares__receiver receiver;
static uint32_t destroyed;

static void receiver_destroy(struct lares__receiver *gone)
{
    check(gone == &receiver);
    destroyed++;
}

static const struct lares__receiver_ops receiver_ops = {NULL, receiver_destroy};

static void open_receiver(uint32_t count_max, uint32_t bytes_max)
{
    memset(&receiver, 0, sizeof receiver);
    receiver.count_max = count_max;
    receiver.bytes_max = bytes_max;
    receiver.ops = &receiver_ops;
    atomic_init(&receiver.refs, 1);
    destroyed = 0;
}

/* -- tools -- */

static enum lares__room let_in(size_t len)
{
    enum lares__room look =
        lares__receiver_look(&receiver, lares__cost(len), 0);
    enum lares__room room =
        lares__receiver_reserve(&receiver, 1, lares__cost(len), 0);

    check_i64(look, room); /* alone, a look tells the truth */
    return room;
}

static int settle(size_t len)
{
    return lares__receiver_settle(&receiver, 1, lares__cost(len));
}

static void check_level(uint32_t count, uint64_t bytes)
{
    struct lares__level level = lares__receiver_level(&receiver);

    check_u64(level.count, count);
    check_u64(level.bytes, bytes);
}

/* -- cases: space -- */

static void test_receiver__event_costs_128_bytes_more(void **state)
{
    (void)state;
    check_u64(lares__cost(0), 2);
    check_u64(lares__cost(1), 3);
    check_u64(lares__cost(64), 3);
    check_u64(lares__cost(65), 4);
    check_u64(lares__cost(16777216), 262146);
}

/* part of BM01, the vector of contract 3: count 4, bytes 1 024 */
static void test_receiver__space_follows_the_vector(void **state)
{
    (void)state;
    open_receiver(4, KIB);
    for (int i = 0; i < 3; i++)
        check_i64(let_in(64), LARES__ROOM);
    check_level(3, 576);
    check_i64(let_in(700), LARES__FULL);
    settle(64);
    check_level(2, 384);
    check_i64(let_in(700), LARES__ROOM);
    check_level(3, 1216);
    check_i64(let_in(64), LARES__FULL);
    settle(64);
    check_level(2, 1024);
    check_i64(let_in(64), LARES__FULL);
    settle(64);
    check_level(1, 832);
    check_i64(let_in(64), LARES__ROOM);
}

static void test_receiver__count_is_a_bound(void **state)
{
    (void)state;
    open_receiver(3, MIB);
    for (int i = 0; i < 3; i++)
        check_i64(let_in(0), LARES__ROOM);
    check_i64(let_in(0), LARES__FULL);
    settle(0);
    check_i64(let_in(0), LARES__ROOM);
    check_level(3, 3 * 128);
}

static void test_receiver__of_one_place_takes_one(void **state)
{
    (void)state;
    open_receiver(1, KIB);
    check_i64(let_in(16777216), LARES__ROOM);
    check_i64(let_in(0), LARES__FULL);
    settle(16777216);
    check_level(0, 0);
    check_i64(let_in(0), LARES__ROOM);
}

/* Any event fits at half, and one above it only within the bound. */
static void test_receiver__anything_fits_at_half(void **state)
{
    (void)state;
    open_receiver(100, KIB);
    check_i64(let_in(384), LARES__ROOM);
    check_level(1, 512);
    check_i64(let_in(16777216), LARES__ROOM);
    check_i64(let_in(0), LARES__FULL);
    open_receiver(100, KIB);
    check_i64(let_in(448), LARES__ROOM);
    check_level(1, 576);
    check_i64(let_in(16777216), LARES__FULL);
    check_i64(let_in(320), LARES__ROOM);
    check_level(2, KIB);
}

static void test_receiver__several_at_once_stay_within_the_bounds(void **state)
{
    uint32_t units = lares__cost(0);

    (void)state;
    open_receiver(64, MIB);
    check_i64(lares__receiver_reserve(&receiver, 65, 65 * units, 0),
              LARES__FULL);
    check_level(0, 0);
    check_i64(lares__receiver_reserve(&receiver, 60, 60 * units, 0),
              LARES__ROOM);
    check_i64(lares__receiver_reserve(&receiver, 5, 5 * units, 0), LARES__FULL);
    check_level(60, 60 * 128);
    open_receiver(64, KIB); /* half is for one alone */
    check_i64(lares__receiver_reserve(&receiver, 2, 17, 0), LARES__FULL);
    check_i64(lares__receiver_reserve(&receiver, 2, 16, 0), LARES__ROOM);
}

static void test_receiver__that_evicts_is_never_full(void **state)
{
    (void)state;
    open_receiver(1, KIB);
    receiver.evicts = 1;
    for (int i = 0; i < 1000; i++)
        check_i64(let_in(KIB), LARES__ROOM);
    check_level(1000, 1000 * (KIB + 128));
}

static void test_receiver__closed_lets_nothing_in(void **state)
{
    (void)state;
    open_receiver(4, KIB);
    check_i64(let_in(64), LARES__ROOM);
    check(!lares__receiver_closed(&receiver));
    lares__receiver_close(&receiver);
    lares__receiver_close(&receiver);
    check(lares__receiver_closed(&receiver));
    check_i64(let_in(64), LARES__CLOSED);
    check_level(1, 192);
    settle(64);
    check_level(0, 0);
    check(lares__receiver_closed(&receiver));
    receiver.evicts = 1;
    check_i64(let_in(64), LARES__CLOSED);
}

static void test_receiver__given_back_place_is_free(void **state)
{
    (void)state;
    open_receiver(2, KIB);
    check_i64(let_in(64), LARES__ROOM);
    check_i64(let_in(256), LARES__ROOM);
    lares__receiver_give_back(&receiver, lares__cost(64));
    check_level(1, 384);
    lares__receiver_close(&receiver);
    lares__receiver_give_back(&receiver, lares__cost(256));
    check_level(0, 0);
    check(lares__receiver_closed(&receiver));
}

/* -- cases: the words wrap -- */

enum {
    COUNT_LAST = 0x7fffffff
};

/* the words of a receiver that has seen much: `count` events and `units` */
static void age(uint64_t count, uint64_t units)
{
    atomic_store(&receiver.reserved, count << 32 | units);
    atomic_store(&receiver.taken, count << 32 | units);
}

static void fill_and_empty(void)
{
    check_level(0, 0);
    for (int i = 0; i < 4; i++)
        check_i64(let_in(64), LARES__ROOM);
    check_level(4, 768);
    check_i64(let_in(64), LARES__FULL);
    lares__receiver_give_back(&receiver, 3);
    check_level(3, 576);
    for (int i = 0; i < 3; i++)
        settle(64);
    check_level(0, 0);
    check(!lares__receiver_closed(&receiver));
}

static void test_receiver__words_wrap(void **state)
{
    (void)state;
    for (uint32_t back = 0; back < 8; back++) {
        open_receiver(4, KIB);
        age(COUNT_LAST - back, 0);
        fill_and_empty();
        open_receiver(4, KIB);
        age(0, UINT32_MAX - 3 * back);
        fill_and_empty();
        open_receiver(4, KIB);
        age(COUNT_LAST - back, UINT32_MAX - back);
        fill_and_empty();
    }
}

/* A count that wraps does not open what is closed, nor close what is open. */
static void test_receiver__wrapping_leaves_the_closed_bit(void **state)
{
    (void)state;
    open_receiver(4, KIB);
    age(COUNT_LAST, UINT32_MAX);
    check_i64(let_in(64), LARES__ROOM);
    lares__receiver_close(&receiver);
    lares__receiver_give_back(&receiver, 3);
    check(lares__receiver_closed(&receiver));
    check_level(0, 0);
    open_receiver(4, KIB);
    age(0, 0);
    check_i64(let_in(64), LARES__ROOM);
    lares__receiver_give_back(&receiver, 3);
    check(!lares__receiver_closed(&receiver));
    check_level(0, 0);
}

/* -- cases: a line stands -- */

static void test_receiver__line_keeps_others_at_half(void **state)
{
    (void)state;
    open_receiver(8, MIB);
    atomic_store(&receiver.waiting, 1);
    for (int i = 0; i < 5; i++)
        check_i64(let_in(0), LARES__ROOM); /* the fifth comes at half */
    check_i64(let_in(0), LARES__FULL);
    check_i64(lares__receiver_look(&receiver, 2, 1), LARES__ROOM);
    for (int i = 0; i < 3; i++)
        check_i64(lares__receiver_reserve(&receiver, 1, 2, 1), LARES__ROOM);
    check_i64(lares__receiver_reserve(&receiver, 1, 2, 1), LARES__FULL);
    atomic_store(&receiver.waiting, 0);
    settle(0);
    check_i64(let_in(0), LARES__ROOM);
}

static void test_receiver__line_keeps_others_at_half_of_the_bytes(void **state)
{
    (void)state;
    open_receiver(100, KIB);
    atomic_store(&receiver.waiting, 1);
    check_i64(let_in(448), LARES__ROOM);
    check_i64(let_in(0), LARES__FULL);
    check_i64(lares__receiver_reserve(&receiver, 1, 2, 1), LARES__ROOM);
}

/* A run of outputs is not one event that may come at half: it would fill what
 * is kept for the first of the line. */
static void test_receiver__line_keeps_runs_out(void **state)
{
    (void)state;
    open_receiver(8, MIB);
    atomic_store(&receiver.waiting, 1);
    check_i64(lares__receiver_reserve(&receiver, 8, 16, 0), LARES__FULL);
    check_i64(lares__receiver_reserve(&receiver, 2, 4, 0), LARES__FULL);
    check_i64(lares__receiver_reserve(&receiver, 1, 2, 0), LARES__ROOM);
}

static void test_receiver__half_is_of_both_bounds(void **state)
{
    (void)state;
    open_receiver(4, KIB);
    check(lares__receiver_half(&receiver));
    let_in(0);
    let_in(0);
    check(lares__receiver_half(&receiver));
    let_in(0);
    check(!lares__receiver_half(&receiver));
    open_receiver(100, KIB);
    let_in(385);
    check(!lares__receiver_half(&receiver));
}

/* -- cases: settling -- */

static void fill(int count, size_t len)
{
    while (count-- > 0)
        check_i64(let_in(len), LARES__ROOM);
}

static void test_receiver__looks_at_its_line_every_quarter(void **state)
{
    (void)state;
    open_receiver(8, MIB);
    fill(8, 0);
    check_i64(settle(0), 0);
    atomic_store(&receiver.waiting, 1);
    check_i64(settle(0), 1); /* a quarter since the last look */
    check_i64(settle(0), 1); /* and at each commit while it stands */
    atomic_store(&receiver.waiting, 0);
    check_i64(settle(0), 0);
    atomic_store(&receiver.waiting, 1);
    check_i64(settle(0), 0);
    check_i64(settle(0), 1);
}

static void test_receiver__looks_at_its_line_by_bytes_too(void **state)
{
    (void)state;
    open_receiver(1000, 4096);
    fill(4, 896); /* of 1 024 each */
    atomic_store(&receiver.waiting, 1);
    check_i64(settle(896), 1);
    open_receiver(1000, 4096);
    fill(4, 832);
    atomic_store(&receiver.waiting, 1);
    check_i64(settle(832), 0);
    check_i64(settle(832), 1);
}

static void test_receiver__small_one_looks_each_time(void **state)
{
    (void)state;
    for (uint32_t max = 1; max < 8; max++) {
        open_receiver(max, MIB);
        fill((int)max, 0);
        atomic_store(&receiver.waiting, 1);
        check_i64(settle(0), 1);
    }
}

/* From any way of being full, by any commits: empty, it has looked. */
static void test_receiver__looks_before_it_is_empty(void **state)
{
    uint64_t dice = 0x5eed;

    (void)state;
    for (int round = 0; round < 3000; round++) {
        size_t len = random_below(&dice, 900);
        int looked = 0;

        open_receiver(1 + random_below(&dice, 40), KIB * 4);
        receiver.unlooked_count = receiver.count_max / 8;
        while (let_in(len) == LARES__ROOM)
            continue;
        atomic_store(&receiver.waiting, 1);
        while (lares__receiver_level(&receiver).count > 0)
            looked |= settle(len);
        check_i64(looked, 1);
    }
}

static void test_receiver__several_settle_at_once(void **state)
{
    (void)state;
    open_receiver(64, MIB);
    fill(64, 0);
    check_i64(lares__receiver_settle(&receiver, 40, 80), 0);
    check_level(24, 24 * 128);
}

/* -- cases: references -- */

static void test_receiver__last_reference_destroys(void **state)
{
    (void)state;
    open_receiver(1, KIB);
    lares__receiver_retain(&receiver);
    lares__receiver_release(&receiver);
    check_u64(destroyed, 0);
    lares__receiver_release(&receiver);
    check_u64(destroyed, 1);
}

/* -- cases: threads -- */

enum {
    WORKERS = 3,
    ROUNDS = 20000
};

static atomic_int at_work;
static atomic_ullong let; /* events let in for good */

static void worker_let_in(void *arg)
{
    uint64_t dice = 1 + (uint64_t)(uintptr_t)arg;

    for (int i = 0; i < ROUNDS; i++) {
        uint32_t units = lares__cost(random_below(&dice, 200));

        if (lares__receiver_reserve(&receiver, 1, units, 0) != LARES__ROOM)
            continue;
        if (i % 3 == 0)
            lares__receiver_give_back(&receiver, units);
        else
            atomic_fetch_add(&let, 1ULL << 32 | units);
    }
    atomic_fetch_sub(&at_work, 1);
}

/* Settles what was let in since. Who settles sees the level as it is. */
static void settle_all(unsigned long long *settled)
{
    unsigned long long now = atomic_load(&let);
    unsigned long long more = now - *settled;

    check(lares__receiver_level(&receiver).count <= receiver.count_max);
    check(lares__receiver_level(&receiver).bytes <= receiver.bytes_max);
    (void)lares__receiver_settle(&receiver, (uint32_t)(more >> 32),
                                 (uint32_t)more);
    *settled = now;
}

static void test_receiver__threads_never_let_in_too_much(void **state)
{
    struct lares__thread threads[WORKERS];
    unsigned long long settled = 0;

    (void)state;
    open_receiver(16, 4 * KIB);
    age(COUNT_LAST - 1000, UINT32_MAX - 1000);
    atomic_store(&at_work, WORKERS);
    for (uintptr_t i = 0; i < WORKERS; i++)
        check_ok(lares__thread_start(&threads[i], worker_let_in, (void *)i));
    while (atomic_load(&at_work) > 0)
        settle_all(&settled);
    for (int i = 0; i < WORKERS; i++)
        lares__thread_join(&threads[i]);
    settle_all(&settled);
    check_level(0, 0);
    check(atomic_load(&let) >> 32 > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_receiver__event_costs_128_bytes_more),
        cmocka_unit_test(test_receiver__space_follows_the_vector),
        cmocka_unit_test(test_receiver__count_is_a_bound),
        cmocka_unit_test(test_receiver__of_one_place_takes_one),
        cmocka_unit_test(test_receiver__anything_fits_at_half),
        cmocka_unit_test(test_receiver__several_at_once_stay_within_the_bounds),
        cmocka_unit_test(test_receiver__that_evicts_is_never_full),
        cmocka_unit_test(test_receiver__closed_lets_nothing_in),
        cmocka_unit_test(test_receiver__given_back_place_is_free),
        cmocka_unit_test(test_receiver__words_wrap),
        cmocka_unit_test(test_receiver__wrapping_leaves_the_closed_bit),
        cmocka_unit_test(test_receiver__line_keeps_others_at_half),
        cmocka_unit_test(test_receiver__line_keeps_others_at_half_of_the_bytes),
        cmocka_unit_test(test_receiver__line_keeps_runs_out),
        cmocka_unit_test(test_receiver__half_is_of_both_bounds),
        cmocka_unit_test(test_receiver__looks_at_its_line_every_quarter),
        cmocka_unit_test(test_receiver__looks_at_its_line_by_bytes_too),
        cmocka_unit_test(test_receiver__small_one_looks_each_time),
        cmocka_unit_test(test_receiver__looks_before_it_is_empty),
        cmocka_unit_test(test_receiver__several_settle_at_once),
        cmocka_unit_test(test_receiver__last_reference_destroys),
        cmocka_unit_test(test_receiver__threads_never_let_in_too_much),
    };

    return check_run(tests);
}
