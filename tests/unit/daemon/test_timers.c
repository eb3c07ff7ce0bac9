#include "support/check.h"

#include "daemon/timers.h"
#include "support/heap.h"
#include "support/hex.h"
#include "support/random.h"

#include <stdlib.h>
#include <string.h>

/* -- tools -- */

enum {
    MS = 1000000,
    BYTES_MAX = 64 * 1024
};

static const uint64_t second = 1000000000;

/* golden vector G14: next id 8, {7, 1.5 s left, period 1 s, "t"} */
static const char g14_hex[] = "080000000000000001000000"
                              "0700000000000000"
                              "002f685900000000"
                              "00ca9a3b00000000"
                              "010074";

enum {
    G14_LEN = (sizeof g14_hex - 1) / 2,
    G14_COUNT = 8,   /* offset of the count */
    G14_FIRST = 12,  /* of the entry, and of its id */
    G14_LEFT = 20,   /* of its time */
    G14_LENGTH = 36, /* of the length of its data */
    G14_ENTRY = 27   /* length of the entry */
};

static uint8_t g14[G14_LEN];
static uint8_t bytes[BYTES_MAX];

static int g14_setup(void **state)
{
    hex_read(g14_hex, g14);
    return heap_setup(state);
}

static struct lares__timers *timers_new(void)
{
    struct lares__timers *timers = lares__timers_new();

    check(timers != NULL);
    return timers;
}

/* a turn that only starts, up to the commit */
static uint64_t started(struct lares__timers *timers, int64_t delay_ms,
                        int64_t period_ms, uint64_t now)
{
    uint64_t id = 0;

    check_ok(lares__timers_start(timers, delay_ms, period_ms, "t", 1, &id));
    lares__timers_finish(timers);
    lares__timers_commit(timers, now);
    return id;
}

/* the id of the one that fires now, 0: none does */
static uint64_t fire(struct lares__timers *timers, uint64_t now)
{
    struct lares__firing firing;

    if (!lares__timers_find(timers, now, &firing))
        return 0;
    lares__timers_fired(timers, firing.id);
    return firing.id;
}

static void settle(struct lares__timers *timers, uint64_t id, uint64_t now)
{
    lares__timers_settle(timers, id);
    lares__timers_commit(timers, now);
}

static size_t encode(const struct lares__timers *timers, uint64_t now)
{
    size_t len = lares__timers_encoded_len(timers);

    check(len <= BYTES_MAX);
    lares__timers_encode(timers, now, bytes);
    return len;
}

/* refused before anything is allocated, and the output is not written */
static void check_malformed(const void *data, size_t len)
{
    struct lares__timers *timers = NULL;
    uint64_t count = lares__alloc_count();

    check_status(lares__timers_check(data, len), LARES_EFORMAT);
    check_status(lares__timers_decode(data, len, &timers), LARES_EFORMAT);
    check(timers == NULL);
    check_u64(lares__alloc_count(), count);
}

/* -- starting and firing -- */

static void test_timers__fires_once_at_its_time(void **state)
{
    struct lares__timers *timers = timers_new();
    struct lares__firing firing;
    uint64_t id = started(timers, 5, 0, 100);

    (void)state;
    check_u64(id, 1);
    check_u64(lares__timers_due(timers), 100 + 5 * MS);
    check(!lares__timers_find(timers, 100 + 5 * MS - 1, &firing));
    check(lares__timers_find(timers, 100 + 5 * MS, &firing));
    check_u64(firing.id, id);
    check_u64(firing.len, 1);
    check_mem(firing.data, "t", 1);
    lares__timers_fired(timers, id);
    check_u64(lares__timers_due(timers), UINT64_MAX);
    check(lares__timers_waits(timers, id));
    settle(timers, id, 100 + 6 * MS);
    check_u64(lares__timers_due(timers), UINT64_MAX);
    check(!lares__timers_waits(timers, id));
    lares__timers_free(timers);
}

static void test_timers__a_period_keeps_its_multiples(void **state)
{
    struct lares__timers *timers = timers_new();
    uint64_t id = started(timers, 5, 10, 0);

    (void)state;
    check_u64(fire(timers, 7 * MS), id); /* 2 ms late */
    check_u64(fire(timers, 40 * MS), 0); /* one waits: no more */
    settle(timers, id, 8 * MS);
    check_u64(lares__timers_due(timers), 15 * MS);
    check_u64(fire(timers, 15 * MS), id);
    settle(timers, id, 15 * MS);
    check_u64(lares__timers_due(timers), 25 * MS);
    lares__timers_free(timers);
}

static void test_timers__late_firings_are_one(void **state)
{
    struct lares__timers *timers = timers_new();
    uint64_t id = started(timers, 10, 10, 0);

    (void)state;
    check_u64(fire(timers, 10 * MS), id);
    settle(timers, id, 115 * MS); /* ten were missed */
    check_u64(lares__timers_due(timers), 120 * MS);
    check_u64(fire(timers, 120 * MS), id);
    settle(timers, id, 130 * MS); /* a multiple itself: the one after it */
    check_u64(lares__timers_due(timers), 140 * MS);
    lares__timers_free(timers);
}

static void test_timers__equal_times_fire_by_id(void **state)
{
    struct lares__timers *timers = timers_new();

    (void)state;
    for (int i = 0; i < 8; i++)
        (void)started(timers, i < 4 ? 20 : 10, 0, 0);
    for (uint64_t id = 5; id <= 8; id++)
        check_u64(fire(timers, 20 * MS), id);
    for (uint64_t id = 1; id <= 4; id++)
        check_u64(fire(timers, 20 * MS), id);
    check_u64(fire(timers, 20 * MS), 0);
    lares__timers_free(timers);
}

static void test_timers__time_runs_from_the_commit(void **state)
{
    struct lares__timers *timers = timers_new();
    uint64_t id;

    (void)state;
    check_ok(lares__timers_start(timers, 0, 0, NULL, 0, &id));
    check_u64(lares__timers_due(timers), UINT64_MAX);
    lares__timers_finish(timers);
    check_u64(lares__timers_due(timers), UINT64_MAX);
    lares__timers_commit(timers, 77);
    check_u64(lares__timers_due(timers), 77);
    lares__timers_free(timers);
}

static void test_timers__a_far_time_never_comes(void **state)
{
    struct lares__timers *timers = timers_new();
    struct lares__firing firing;

    (void)state;
    (void)started(timers, INT64_MAX, INT64_MAX, second);
    check_u64(lares__timers_due(timers), UINT64_MAX);
    check(!lares__timers_find(timers, UINT64_MAX, &firing));
    lares__timers_free(timers);
}

static void test_timers__no_timers_are_never_due(void **state)
{
    (void)state;
    check_u64(lares__timers_due(NULL), UINT64_MAX);
    check_u64(lares__timers_next(NULL), 1);
    lares__timers_free(NULL);
}

/* -- arguments and bounds -- */

static void test_timers__arguments_are_checked(void **state)
{
    (void)state;
    check_ok(lares__timer_check(0, 0, NULL, 0));
    check_ok(lares__timer_check(INT64_MAX, INT64_MAX, "", 0));
    check_ok(lares__timer_check(0, 0, bytes, LARES__TIMER_DATA_MAX));
    check_status(lares__timer_check(-1, 0, NULL, 0), LARES_ERANGE);
    check_detail("-1 ms");
    check_status(lares__timer_check(0, INT64_MIN, NULL, 0), LARES_ERANGE);
    check_status(lares__timer_check(0, 0, NULL, 1), LARES_EINVAL);
    check_status(lares__timer_check(0, 0, bytes, LARES__TIMER_DATA_MAX + 1),
                 LARES_ETOOBIG);
}

static void test_timers__the_1025th_is_refused(void **state)
{
    struct lares__timers *timers = timers_new();
    uint64_t id = 0;

    (void)state;
    for (uint32_t i = 0; i < LARES__TIMERS_MAX; i++)
        check_ok(lares__timers_start(timers, 1, 0, NULL, 0, &id));
    check_status(lares__timers_start(timers, 1, 0, NULL, 0, &id), LARES_ELIMIT);
    check_u64(id, LARES__TIMERS_MAX); /* untouched */
    lares__timers_finish(timers);
    lares__timers_cancel(timers, 7);
    check_ok(lares__timers_start(timers, 1, 0, NULL, 0, &id));
    check_status(lares__timers_start(timers, 1, 0, NULL, 0, &id), LARES_ELIMIT);
    lares__timers_free(timers);
}

/* what a turn may do as often as it likes takes no more memory */
static void test_timers__start_and_cancel_take_no_room(void **state)
{
    struct lares__timers *timers = timers_new();
    int64_t living;
    uint64_t id;

    (void)state;
    (void)started(timers, 1, 0, 0);
    living = lares__alloc_living();
    for (int i = 0; i < 10000; i++) {
        check_ok(lares__timers_start(timers, 1, 0, "data", 4, &id));
        lares__timers_cancel(timers, id);
        check_i64(lares__alloc_living(), living);
    }
    check_u64(lares__timers_next(timers), 10002); /* no id comes again */
    lares__timers_free(timers);
}

static void test_timers__holes_are_bounded(void **state)
{
    struct lares__timers *timers = timers_new();
    uint64_t id = 0;

    (void)state;
    for (int i = 0; i < LARES__TIMERS_MAX; i++) {
        id = started(timers, 0, 0, 0);
        check_u64(fire(timers, 0), id);
        lares__timers_cancel(timers, id);
        lares__timers_finish(timers);
        lares__timers_commit(timers, 0);
    }
    id = started(timers, 0, 0, 0);
    check_u64(lares__timers_due(timers), UINT64_MAX); /* the inputs are full */
    check_u64(fire(timers, 0), 0);
    settle(timers, 1, 0);
    check_u64(fire(timers, 0), id);
    lares__timers_free(timers);
}

static void test_timers__the_last_id_is_not_passed(void **state)
{
    struct lares__timers *timers = NULL;
    uint64_t id;
    uint8_t data[12];

    (void)state;
    memset(data, 0xff, sizeof data);
    memset(data + 8, 0, 4);
    check_ok(lares__timers_decode(data, sizeof data, &timers));
    check_status(lares__timers_start(timers, 0, 0, NULL, 0, &id), LARES_ELIMIT);
    check_detail("last timer id");
    lares__timers_free(timers);
}

/* -- the turn in hand -- */

static void test_timers__a_failed_turn_starts_none(void **state)
{
    struct lares__timers *timers = timers_new();
    uint64_t id;

    (void)state;
    (void)started(timers, 10, 0, 0);
    check_ok(lares__timers_start(timers, 1, 0, "data", 4, &id));
    check_u64(id, 2);
    lares__timers_undo(timers);
    lares__timers_commit(timers, 0);
    check_u64(lares__timers_due(timers), 10 * MS);
    check_u64(lares__timers_next(timers), 2);
    check_u64(started(timers, 1, 0, 0), 2); /* it comes again */
    lares__timers_free(timers);
}

static void test_timers__a_failed_turn_cancels_none(void **state)
{
    struct lares__timers *timers = timers_new();
    uint64_t id = started(timers, 0, 0, 0);

    (void)state;
    check_u64(fire(timers, 0), id);
    lares__timers_cancel(timers, id);
    check(!lares__timers_waits(timers, id));
    lares__timers_undo(timers);
    lares__timers_commit(timers, 0);
    check(lares__timers_waits(timers, id));
    lares__timers_free(timers);
}

static void test_timers__only_the_turn_in_hand_is_undone(void **state)
{
    struct lares__timers *timers = timers_new();
    uint64_t id;

    (void)state;
    (void)started(timers, 50, 0, 0);
    (void)started(timers, 60, 0, 0);
    lares__timers_cancel(timers, 1);
    check_ok(lares__timers_start(timers, 30, 0, NULL, 0, &id));
    lares__timers_finish(timers);
    lares__timers_cancel(timers, 2);
    lares__timers_cancel(timers, 3);
    check_ok(lares__timers_start(timers, 20, 0, NULL, 0, &id));
    lares__timers_undo(timers);
    lares__timers_commit(timers, 0);
    check_u64(fire(timers, second), 3);
    check_u64(fire(timers, second), 2);
    check_u64(fire(timers, second), 0);
    lares__timers_free(timers);
}

static void test_timers__a_gone_id_is_fine(void **state)
{
    struct lares__timers *timers = timers_new();
    uint64_t id = started(timers, 10, 0, 0);

    (void)state;
    lares__timers_cancel(timers, 0);
    lares__timers_cancel(timers, 99);
    lares__timers_cancel(timers, UINT64_MAX);
    lares__timers_cancel(timers, id);
    lares__timers_cancel(timers, id);
    lares__timers_finish(timers);
    lares__timers_cancel(timers, id);
    lares__timers_finish(timers);
    lares__timers_commit(timers, 0);
    check_u64(lares__timers_due(timers), UINT64_MAX);
    lares__timers_free(timers);
}

/* cancelled by the input before it, in one crossing */
static void test_timers__a_waiting_firing_becomes_a_hole(void **state)
{
    struct lares__timers *timers = timers_new();
    uint64_t id = started(timers, 10, 10, 0);

    (void)state;
    check_u64(fire(timers, 10 * MS), id);
    lares__timers_cancel(timers, id);
    lares__timers_finish(timers);
    check(!lares__timers_waits(timers, id));
    settle(timers, id, 10 * MS);
    check_u64(lares__timers_due(timers), UINT64_MAX);
    lares__timers_free(timers);
}

static void test_timers__the_commit_allocates_nothing(void **state)
{
    struct lares__timers *timers = timers_new();
    uint64_t count;
    uint64_t id;

    (void)state;
    for (int i = 0; i < 100; i++)
        check_ok(lares__timers_start(timers, i, 1, "data", 4, &id));
    count = lares__alloc_count();
    lares__timers_finish(timers);
    lares__timers_commit(timers, 0);
    for (id = 1; id <= 50; id++)
        check_u64(fire(timers, second), id);
    for (id = 1; id <= 50; id++)
        lares__timers_settle(timers, id);
    lares__timers_cancel(timers, 60);
    lares__timers_finish(timers);
    lares__timers_commit(timers, second);
    check_u64(lares__alloc_count(), count);
    lares__timers_free(timers);
}

/* -- bytes -- */

static void test_timers__encode_as_the_vector(void **state)
{
    struct lares__timers *timers = timers_new();
    uint64_t now = 3 * second;
    uint64_t id;

    (void)state;
    for (int i = 0; i < 7; i++)
        check_ok(lares__timers_start(timers, 2000, 1000, "t", 1, &id));
    for (id = 1; id < 7; id++)
        lares__timers_cancel(timers, id);
    lares__timers_finish(timers);
    lares__timers_commit(timers, now);
    check_hex(bytes, encode(timers, now + second / 2), g14_hex);
    lares__timers_free(timers);
}

static void test_timers__decode_the_vector(void **state)
{
    struct lares__timers *timers = NULL;

    (void)state;
    check_ok(lares__timers_check(g14, G14_LEN));
    check_ok(lares__timers_decode(g14, G14_LEN, &timers));
    check_u64(lares__timers_next(timers), 8);
    check_u64(lares__timers_due(timers), UINT64_MAX); /* it stands still */
    lares__timers_commit(timers, 10 * second);
    check_u64(lares__timers_due(timers), 11 * second + second / 2);
    check_hex(bytes, encode(timers, 10 * second), g14_hex);
    check_u64(fire(timers, 12 * second), 7);
    settle(timers, 7, 12 * second);
    check_u64(lares__timers_due(timers), 12 * second + second / 2);
    lares__timers_free(timers);
}

static void test_timers__a_far_time_stays_far(void **state)
{
    struct lares__timers *timers = NULL;
    struct lares__firing firing;

    (void)state;
    memset(g14 + G14_LEFT, 0xff, 8);
    check_ok(lares__timers_decode(g14, G14_LEN, &timers));
    lares__timers_commit(timers, second);
    check_u64(lares__timers_due(timers), UINT64_MAX);
    check(!lares__timers_find(timers, UINT64_MAX, &firing));
    lares__timers_free(timers);
}

static void test_timers__one_that_waits_has_nothing_left(void **state)
{
    struct lares__timers *timers = timers_new();
    struct lares__timers *copy = NULL;
    size_t len;

    (void)state;
    (void)started(timers, 10, 0, 0);
    (void)started(timers, 10, 0, 0);
    check_u64(fire(timers, 10 * MS), 1); /* the second is due, not fired */
    len = encode(timers, 15 * MS);
    check_ok(lares__timers_decode(bytes, len, &copy));
    lares__timers_commit(copy, second);
    check_u64(fire(copy, second), 1);
    check_u64(fire(copy, second), 2);
    lares__timers_free(copy);
    lares__timers_free(timers);
}

static void test_timers__none_left_keeps_the_next_id(void **state)
{
    struct lares__timers *timers = timers_new();
    struct lares__timers *copy = NULL;

    (void)state;
    (void)started(timers, 10, 0, 0);
    lares__timers_cancel(timers, 1);
    lares__timers_finish(timers);
    lares__timers_commit(timers, 0);
    check_u64(encode(timers, 0), G14_FIRST);
    check_ok(lares__timers_decode(bytes, G14_FIRST, &copy));
    check_u64(started(copy, 10, 0, 0), 2);
    lares__timers_free(copy);
    lares__timers_free(timers);
}

static void test_timers__truncated_or_longer_is_malformed(void **state)
{
    uint8_t longer[G14_LEN + 1] = {0};

    (void)state;
    for (size_t len = 0; len < G14_LEN; len++) {
        uint8_t *copy = malloc(len + 1); /* its end is watched by ASan */

        memcpy(copy + 1, g14, len);
        check_malformed(copy + 1, len);
        free(copy);
    }
    memcpy(longer, g14, G14_LEN);
    check_malformed(longer, sizeof longer);
}

static void test_timers__bad_fields_are_malformed(void **state)
{
    static const struct {
        uint32_t at;
        uint8_t value;
    } changes[] = {
        {0,              0}, /* no next id */
        {0,              1}, /* none was started */
        {0,              7}, /* the id is not below it */
        {G14_COUNT,      0}, /* bytes too many */
        {G14_COUNT,      2}, /* and too few */
        {G14_COUNT + 3,  1}, /* 2^24 + 1 timers */
        {G14_FIRST,      0}, /* id 0 */
        {G14_FIRST,      8}, /* the next id */
        {G14_LENGTH,     0}, /* a byte too many */
        {G14_LENGTH,     2}, /* and too few */
        {G14_LENGTH + 1, 1}
    };

    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        uint8_t was = g14[changes[i].at];

        g14[changes[i].at] = changes[i].value;
        check_malformed(g14, G14_LEN);
        g14[changes[i].at] = was;
    }
}

static void test_timers__ids_ascend(void **state)
{
    uint8_t twice[G14_LEN + G14_ENTRY];
    struct lares__timers *timers = NULL;

    (void)state;
    memcpy(twice, g14, G14_LEN);
    memcpy(twice + G14_LEN, g14 + G14_FIRST, G14_ENTRY);
    twice[G14_COUNT] = 2;
    check_malformed(twice, sizeof twice);
    twice[G14_LEN] = 6;
    check_malformed(twice, sizeof twice);
    twice[G14_FIRST] = 5;
    check_ok(lares__timers_decode(twice, sizeof twice, &timers));
    lares__timers_free(timers);
}

/* `count` timers of `len` bytes each; answers how long it is */
static size_t many(uint8_t *data, uint32_t count, uint16_t len)
{
    uint8_t *at = data + 12;
    uint64_t next = count + 1;

    memset(data, 0, 12 + (size_t)count * (26 + len));
    memcpy(data, &next, 8);
    memcpy(data + 8, &count, 4);
    for (uint64_t id = 1; id <= count; id++, at += 26 + len) {
        memcpy(at, &id, 8);
        memcpy(at + 24, &len, 2);
    }
    return (size_t)(at - data);
}

static void test_timers__the_bounds_hold_for_bytes(void **state)
{
    static uint8_t data[BYTES_MAX];

    (void)state;
    check_ok(lares__timers_check(data, many(data, LARES__TIMERS_MAX, 0)));
    check_malformed(data, many(data, LARES__TIMERS_MAX + 1, 0));
    check_ok(lares__timers_check(data, many(data, 1, LARES__TIMER_DATA_MAX)));
    check_malformed(data, many(data, 1, LARES__TIMER_DATA_MAX + 1));
}

static lares_status scenario(void)
{
    struct lares__timers *timers = lares__timers_new();
    struct lares__timers *copy = NULL;
    lares_status rc = timers == NULL ? LARES_ENOMEM : LARES_OK;
    uint64_t id;

    for (int i = 0; rc == LARES_OK && i < 9; i++)
        rc = lares__timers_start(timers, 1, 0, "data", 4, &id);
    if (rc == LARES_OK) {
        lares__timers_finish(timers);
        lares__timers_commit(timers, 0);
        rc = lares__timers_decode(bytes, encode(timers, 0), &copy);
    }
    lares__timers_free(copy);
    lares__timers_free(timers);
    return rc;
}

static void test_timers__every_allocation_may_fail(void **state)
{
    (void)state;
    heap_torture(scenario);
}

static void test_timers__without_memory_nothing_has_started(void **state)
{
    struct lares__timers *timers = timers_new();
    uint64_t id = 0;

    (void)state;
    for (int nth = 1; nth <= 2; nth++) { /* the table, then the data */
        lares__alloc_fail(nth, 0);
        check_status(lares__timers_start(timers, 1, 0, "data", 4, &id),
                     LARES_ENOMEM);
        lares__alloc_fail(-1, 0);
        check_u64(id, 0);
        check_u64(lares__timers_next(timers), 1);
    }
    check_u64(started(timers, 1, 0, 0), 1);
    lares__timers_free(timers);
}

/* -- a naive model -- */

/* One slot for each id ever given; a turn works on a copy of all. */
enum {
    MODEL_IDS = 4096,
    STEPS = 100000
};

struct slot {
    enum {
        ABSENT,
        FRESH,
        READY,
        FIRED,
        DONE
    } is;
    uint64_t at, period;
    uint16_t len;
};

struct model {
    struct slot slots[MODEL_IDS];
    uint64_t next;
};

struct pair {
    struct lares__timers *timers;
    struct model model;
    struct model before; /* the turn in hand */
    uint64_t fired[MODEL_IDS];
    uint32_t fired_count; /* firings in the order they came, holes too */
    uint64_t now;
    uint64_t random;
};

static const char filler[16] = "abcdefghijklmnop";

static uint32_t pair_below(struct pair *pair, uint32_t bound)
{
    return random_below(&pair->random, bound);
}

static uint32_t model_living(const struct model *model)
{
    uint32_t living = 0;

    for (uint64_t id = 1; id < model->next; id++)
        living += model->slots[id].is != ABSENT;
    return living;
}

static void pair_start(struct pair *pair)
{
    struct model *model = &pair->model;
    uint64_t delay = pair_below(pair, 50);
    uint64_t period = pair_below(pair, 2) * pair_below(pair, 20);
    uint16_t len = (uint16_t)pair_below(pair, sizeof filler);
    uint64_t id = 0;
    lares_status rc = lares__timers_start(pair->timers, (int64_t)delay,
                                          (int64_t)period, filler, len, &id);

    if (model_living(model) == LARES__TIMERS_MAX) {
        check_status(rc, LARES_ELIMIT);
        return;
    }
    check_ok(rc);
    check_u64(id, model->next);
    model->slots[id] = (struct slot){FRESH, delay * MS, period * MS, len};
    model->next++;
}

/* any, or one of the younger; some are gone, some have never been */
static void pair_cancel(struct pair *pair)
{
    uint32_t ids = (uint32_t)pair->model.next + 2;
    uint64_t id = pair_below(pair, ids);

    if (ids > 32 && pair_below(pair, 2) == 0)
        id = ids - 1 - pair_below(pair, 32);
    lares__timers_cancel(pair->timers, id);
    pair->model.slots[id].is = ABSENT;
}

/* the oldest firing leaves the inputs, after a turn of its own or none */
static void pair_settle(struct pair *pair)
{
    uint64_t id = pair->fired[0];
    struct slot *slot = &pair->model.slots[id];

    if (pair->fired_count == 0)
        return;
    check_u64((uint64_t)lares__timers_waits(pair->timers, id),
              slot->is != ABSENT);
    pair->fired_count--;
    memmove(pair->fired, pair->fired + 1,
            pair->fired_count * sizeof *pair->fired);
    lares__timers_settle(pair->timers, id);
    if (slot->is != ABSENT)
        slot->is = slot->period == 0 ? ABSENT : DONE;
}

static void pair_turn(struct pair *pair)
{
    pair->before = pair->model;
    for (uint32_t i = pair_below(pair, 5); i > 0; i--)
        if (pair_below(pair, 3) == 0)
            pair_start(pair);
        else
            pair_cancel(pair);
    if (pair_below(pair, 3) == 0) {
        lares__timers_undo(pair->timers);
        pair->model = pair->before;
    } else {
        lares__timers_finish(pair->timers);
        if (pair_below(pair, 2) == 0)
            pair_settle(pair);
    }
}

static void pair_commit(struct pair *pair)
{
    lares__timers_commit(pair->timers, pair->now);
    for (uint64_t id = 1; id < pair->model.next; id++) {
        struct slot *slot = &pair->model.slots[id];

        if (slot->is == FRESH)
            slot->at += pair->now;
        else if (slot->is == DONE)
            do
                slot->at += slot->period;
            while (slot->at <= pair->now);
        if (slot->is == FRESH || slot->is == DONE)
            slot->is = READY;
    }
}

/* the id that fires next, 0: none will */
static uint64_t model_first(const struct model *model)
{
    uint64_t first = 0;

    for (uint64_t id = 1; id < model->next; id++)
        if (model->slots[id].is == READY &&
            (first == 0 || model->slots[id].at < model->slots[first].at))
            first = id;
    return first;
}

static void pair_fire(struct pair *pair)
{
    for (uint32_t i = pair_below(pair, 4); i > 0; i--) {
        uint64_t first = model_first(&pair->model);
        struct slot *slot = &pair->model.slots[first];

        check_u64(lares__timers_due(pair->timers),
                  first == 0 ? UINT64_MAX : slot->at);
        if (first == 0 || slot->at > pair->now) {
            check_u64(fire(pair->timers, pair->now), 0);
            return;
        }
        check_u64(fire(pair->timers, pair->now), first);
        slot->is = FIRED;
        pair->fired[pair->fired_count++] = first;
    }
}

static size_t model_encode(const struct pair *pair, uint8_t *out)
{
    uint8_t *at = out + 12;
    uint32_t count = 0;

    for (uint64_t id = 1; id < pair->model.next; id++) {
        const struct slot *slot = &pair->model.slots[id];
        int due = slot->is == FIRED || slot->at <= pair->now;
        uint64_t left = due ? 0 : slot->at - pair->now;

        if (slot->is == ABSENT)
            continue;
        count++;
        memcpy(at, &id, 8);
        memcpy(at + 8, &left, 8);
        memcpy(at + 16, &slot->period, 8);
        memcpy(at + 24, &slot->len, 2);
        memcpy(at + 26, filler, slot->len);
        at += 26 + slot->len;
    }
    memcpy(out, &pair->model.next, 8);
    memcpy(out + 8, &count, 4);
    return (size_t)(at - out);
}

/* an image, and the daemon restored from it some time later */
static void pair_restore(struct pair *pair, size_t len)
{
    struct lares__timers *timers = NULL;
    uint64_t later = pair->now + pair_below(pair, 100) * MS;

    check_ok(lares__timers_decode(bytes, len, &timers));
    lares__timers_commit(timers, later);
    lares__timers_free(pair->timers);
    pair->timers = timers;
    pair->fired_count = 0;
    for (uint64_t id = 1; id < pair->model.next; id++) {
        struct slot *slot = &pair->model.slots[id];
        int due = slot->is == FIRED || slot->at <= pair->now;

        slot->at = due ? later : slot->at + (later - pair->now);
        if (slot->is == FIRED)
            slot->is = READY;
    }
    pair->now = later;
}

static void pair_check(struct pair *pair)
{
    static uint8_t expected[BYTES_MAX];
    size_t len;

    check_u64(lares__timers_next(pair->timers), pair->model.next);
    if (pair->model.next == 1)
        return;
    len = encode(pair->timers, pair->now);
    check_u64(len, model_encode(pair, expected));
    check_mem(bytes, expected, len);
    if (pair_below(pair, 100) == 0)
        pair_restore(pair, len);
}

static void pair_play(struct pair *pair)
{
    pair->timers = timers_new();
    pair->model.next = 1;
    for (int i = 0; i < STEPS && pair->model.next < MODEL_IDS - 100; i++) {
        for (uint32_t turns = pair_below(pair, 4); turns > 0; turns--)
            pair_turn(pair);
        pair_commit(pair);
        pair_check(pair);
        pair->now += pair_below(pair, 10) * MS;
        pair_fire(pair);
    }
    lares__timers_free(pair->timers);
}

static void test_timers__equal_a_naive_model(void **state)
{
    static struct pair pair;

    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        memset(&pair, 0, sizeof pair);
        pair.random = seed * 0x9e3779b97f4a7c15;
        pair_play(&pair);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        heap_test(test_timers__fires_once_at_its_time),
        heap_test(test_timers__a_period_keeps_its_multiples),
        heap_test(test_timers__late_firings_are_one),
        heap_test(test_timers__equal_times_fire_by_id),
        heap_test(test_timers__time_runs_from_the_commit),
        heap_test(test_timers__a_far_time_never_comes),
        heap_test(test_timers__no_timers_are_never_due),
        heap_test(test_timers__arguments_are_checked),
        heap_test(test_timers__the_1025th_is_refused),
        heap_test(test_timers__start_and_cancel_take_no_room),
        heap_test(test_timers__holes_are_bounded),
        heap_test(test_timers__the_last_id_is_not_passed),
        heap_test(test_timers__a_failed_turn_starts_none),
        heap_test(test_timers__a_failed_turn_cancels_none),
        heap_test(test_timers__only_the_turn_in_hand_is_undone),
        heap_test(test_timers__a_gone_id_is_fine),
        heap_test(test_timers__a_waiting_firing_becomes_a_hole),
        heap_test(test_timers__the_commit_allocates_nothing),
        heap_test(test_timers__encode_as_the_vector),
        cmocka_unit_test_setup_teardown(test_timers__decode_the_vector,
                                        g14_setup, heap_teardown),
        cmocka_unit_test_setup_teardown(test_timers__a_far_time_stays_far,
                                        g14_setup, heap_teardown),
        heap_test(test_timers__one_that_waits_has_nothing_left),
        heap_test(test_timers__none_left_keeps_the_next_id),
        cmocka_unit_test_setup_teardown(
            test_timers__truncated_or_longer_is_malformed, g14_setup,
            heap_teardown),
        cmocka_unit_test_setup_teardown(test_timers__bad_fields_are_malformed,
                                        g14_setup, heap_teardown),
        cmocka_unit_test_setup_teardown(test_timers__ids_ascend, g14_setup,
                                        heap_teardown),
        heap_test(test_timers__the_bounds_hold_for_bytes),
        heap_test(test_timers__every_allocation_may_fail),
        heap_test(test_timers__without_memory_nothing_has_started),
        heap_test(test_timers__equal_a_naive_model),
    };

    return check_run(tests);
}
