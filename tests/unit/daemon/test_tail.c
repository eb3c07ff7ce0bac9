#include "support/pool.h"
#include "support/random.h"

#include "daemon/tail.h"

/* -- fixture: a tail of events whose every byte follows from a number ------ */

static struct lares__tail tail;
static struct lares__tail_place place; /* of its next input to be read */

static int tail_setup(void **state)
{
    int rc = pool_setup(state);

    lares__tail_init(&tail);
    place = (struct lares__tail_place){0};
    return rc;
}

static int tail_teardown(void **state)
{
    lares__alloc_fail(-1, 0);
    lares__tail_fini(&tail, &pool);
    return pool_teardown(state);
}

#define tail_test(test)                                                        \
    cmocka_unit_test_setup_teardown(test, tail_setup, tail_teardown)

/* -- tools ---------------------------------------------------------------- */

static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789"
                              "abcdefghijklmnopqrstuvwxyz0123456789";

/* Event `n`, as it stands in a mailbox once its turn was committed. */
static struct lares__input *input_of(uint64_t n, size_t len)
{
    struct lares__envelope *event =
        lares__envelope_new(&pool, len, letters, n % 65);
    struct lares__input *input;

    check(event != NULL);
    memset(event->data, (int)(n & 0xff), len);
    event->link = (struct lares__link){n, n + 1, n + 2, n + 3};
    event->hash = n + 4;
    event->received_at = n + 5;
    event->direct = n % 3 == 0;
    input = n % 2 == 0 ? &event->input : lares__input_new(&pool);
    check(input != NULL);
    *input = (struct lares__input){
        .event = event,
        .arrival = n + 6,
        .outputs = 7,
        .flags = (uint16_t)(LARES__INPUT_KEPT |
                            (n % 2 == 0 ? 0 : LARES__INPUT_POOLED) |
                            (n % 5 == 0 ? LARES__INPUT_FIRING : 0))};
    return input;
}

static void add(uint64_t n, size_t len)
{
    lares__tail_add(&tail, input_of(n, len), &pool);
}

static void check_event(const struct lares__envelope *event, uint64_t n,
                        size_t len)
{
    const struct lares__link link = {n, n + 1, n + 2, n + 3};
    const char *channel = lares__envelope_channel(event);

    check_mem(&event->link, &link, sizeof link);
    check_u64(event->hash, n + 4);
    check_u64(event->received_at, n + 5);
    check_u64(event->len, len);
    for (size_t i = 0; i < len; i++)
        check_u64(event->data[i], n & 0xff);
    check_i64(channel == NULL, n % 3 == 0 || n % 65 == 0);
    if (channel != NULL) {
        check_u64(strlen(channel), n % 65);
        check_mem(channel, letters, n % 65);
    }
}

/* The next input of the tail is event `n`. */
static void check_next(uint64_t n, size_t len)
{
    struct lares__input *input = lares__tail_next(&tail, &place, &pool);

    check(input != NULL);
    check_event(input->event, n, len);
    check_u64(input->arrival, n + 6);
    check_u64(input->outputs, 0);
    check(input->reply == NULL);
    lares__input_free(input, &pool);
}

/* Lengths of payloads, some beside each bound. */
static size_t len_of(uint64_t n)
{
    static const size_t some[] = {0,  1,   7,    8,    9,    23,   24,  25,
                                  64, 128, 1023, 1024, 1025, 2000, 512, 70000};

    return some[(n * 7 + n / 16) % 16];
}

/* -- what it keeps -------------------------------------------------------- */

static void test_tail__gives_back_what_it_took(void **state)
{
    uint64_t bytes = 0;

    (void)state;
    for (uint64_t n = 0; n < 3000; n++) {
        add(n, len_of(n));
        bytes += 64 + len_of(n);
    }
    check_u64(tail.count, 3000);
    check_u64(tail.bytes, bytes);
    for (int times = 0; times < 2; times++) {
        place = (struct lares__tail_place){0};
        for (uint64_t n = 0; n < 3000; n++)
            check_next(n, len_of(n));
    }
}

/* What others hold, too, is not copied; and the mailbox has let go of it. */
static void test_tail__shares_long_payloads(void **state)
{
    struct lares__input *longest = input_of(2, LARES__TAIL_COPIED);
    struct lares__input *longer = input_of(3, LARES__TAIL_COPIED + 1);
    struct lares__envelope *copied = longest->event;
    struct lares__envelope *shared = longer->event;
    struct lares__input *again;

    (void)state;
    lares__envelope_retain(copied, 1);
    lares__envelope_retain(shared, 1);
    lares__tail_add(&tail, longest, &pool);
    lares__tail_add(&tail, longer, &pool);
    check_u64(atomic_load(&copied->refs), 1);
    check_u64(atomic_load(&shared->refs), 2);
    check_next(2, LARES__TAIL_COPIED);
    again = lares__tail_next(&tail, &place, &pool);
    check(again->event == shared);
    lares__tail_reset(&tail, &pool);
    check_event(again->event, 3, LARES__TAIL_COPIED + 1); /* it has its own */
    lares__input_free(again, &pool);
    lares__envelope_release(copied, &pool);
    lares__envelope_release(shared, &pool);
}

static void test_tail__begins_anew_when_it_is_reset(void **state)
{
    (void)state;
    for (uint64_t n = 0; n < 500; n++)
        add(n, len_of(n));
    lares__tail_reset(&tail, &pool);
    check_u64(tail.count, 0);
    check_u64(tail.bytes, 0);
    for (uint64_t n = 1000; n < 1300; n++)
        add(n, len_of(n + 1));
    for (uint64_t n = 1000; n < 1300; n++)
        check_next(n, len_of(n + 1));
}

/* -- what that costs ------------------------------------------------------ */

/* A hundred thousand inputs, and checkpoints now a bit earlier, now later. */
static void test_tail__allocates_nothing_in_steady_state(void **state)
{
    uint64_t random = 88172645463325252;
    uint64_t bound = 1000000;
    uint64_t calls = 0;

    (void)state;
    for (uint64_t n = 0; n < 100000; n++) {
        if (n == 20000) /* the first tail was the longest */
            calls = lares__alloc_count();
        add(n, random_below(&random, 129));
        if (tail.bytes > bound) {
            bound = 600000 + random_below(&random, 400000);
            lares__tail_reset(&tail, &pool);
        }
    }
    check_u64(lares__alloc_count(), calls);
}

/* 64 bytes and a payload are charged; a channel's name is not. */
static void test_tail__takes_what_it_is_charged(void **state)
{
    int64_t living = lares__alloc_living();

    (void)state;
    for (uint64_t n = 0; n < 8192; n++)
        add(4 * 65, 63); /* and the end of a name */
    check_u64(tail.bytes, 8192 * 127);
    living = lares__alloc_living() - living;
    check(living <= 8192 * 128 / LARES__TAIL_CHUNK + 6); /* and an envelope */
}

/* Daemons that hear little keep little. */
static void test_tail__begins_small(void **state)
{
    (void)state;
    add(1, 64);
    check_u64(tail.chunks, 1);
    for (uint64_t n = 0; n < 14; n++)
        add(1, 64);
    check_u64(tail.chunks, 1);
    add(1, 64);
    check_u64(tail.chunks, 2);
}

static void test_tail__gives_back_the_memory_of_a_long_one(void **state)
{
    int64_t living;

    (void)state;
    for (uint64_t n = 0; n < 50000; n++)
        add(n, 64);
    living = lares__alloc_living();
    lares__tail_reset(&tail, &pool);
    check_i64(lares__alloc_living(), living); /* the next may be as long */
    for (uint64_t n = 0; n < 5000; n++)
        add(n, 64);
    lares__tail_reset(&tail, &pool);
    check(lares__alloc_living() < living / 4);
    for (uint64_t n = 0; n < 5000; n++)
        add(n, 64);
    for (uint64_t n = 0; n < 5000; n++)
        check_next(n, 64);
}

/* -- without memory ------------------------------------------------------- */

/* Keeping cannot fail: what has no room waits, and keeps its place. */
static void test_tail__loses_nothing_without_memory(void **state)
{
    (void)state;
    for (uint64_t n = 0; n < 100; n++)
        add(n, len_of(n));
    for (uint64_t n = 100; n < 300; n++) {
        struct lares__input *input = input_of(n, len_of(n));

        lares__alloc_fail(1, 1);
        lares__tail_add(&tail, input, &pool);
        if (n >= 200)
            check_status(lares__tail_reserve(&tail), LARES_ENOMEM);
        lares__alloc_fail(-1, 0);
    }
    check_u64(tail.count, 300);
    check_ok(lares__tail_reserve(&tail));
    for (uint64_t n = 300; n < 400; n++)
        add(n, len_of(n));
    for (uint64_t n = 0; n < 400; n++)
        check_next(n, len_of(n));
}

/* Whichever chunk there is no memory for. */
static void test_tail__keeps_the_order_whatever_fails(void **state)
{
    (void)state;
    for (int64_t nth = 1; nth <= 12; nth++) {
        lares__tail_fini(&tail, &pool);
        place = (struct lares__tail_place){0};
        for (uint64_t n = 0; n < 300; n++) {
            struct lares__input *input = input_of(n, 900);
            uint32_t chunks = tail.chunks;

            lares__alloc_fail(chunks + 1 == nth ? 1 : -1, 0);
            lares__tail_add(&tail, input, &pool);
            lares__alloc_fail(-1, 0);
            if (n % 16 == 15)
                check_ok(lares__tail_reserve(&tail));
        }
        check_ok(lares__tail_reserve(&tail));
        for (uint64_t n = 0; n < 300; n++)
            check_next(n, 900);
    }
}

static void test_tail__drops_what_is_late(void **state)
{
    struct lares__input *copied = input_of(1, 64);
    struct lares__input *held = input_of(2, 5000);

    (void)state;
    lares__alloc_fail(1, 1);
    lares__tail_add(&tail, copied, &pool);
    lares__tail_add(&tail, held, &pool);
    check_status(lares__tail_reserve(&tail), LARES_ENOMEM);
    lares__tail_reset(&tail, &pool);
    check_ok(lares__tail_reserve(&tail));
    check_u64(tail.count, 0);
}

/* Whoever reads may come again. */
static void test_tail__is_read_where_it_stood_without_memory(void **state)
{
    (void)state;
    for (uint64_t n = 0; n < 64; n++)
        add(n, len_of(n));
    lares__pool_flush(&pool);
    lares__pool_trim();
    for (uint64_t n = 0; n < 64; n++) {
        lares__alloc_fail(1, 1);
        check(lares__tail_next(&tail, &place, NULL) == NULL);
        lares__alloc_fail(-1, 0);
        check_next(n, len_of(n));
        lares__pool_flush(&pool);
        lares__pool_trim();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        tail_test(test_tail__gives_back_what_it_took),
        tail_test(test_tail__shares_long_payloads),
        tail_test(test_tail__begins_anew_when_it_is_reset),
        tail_test(test_tail__allocates_nothing_in_steady_state),
        tail_test(test_tail__takes_what_it_is_charged),
        tail_test(test_tail__begins_small),
        tail_test(test_tail__gives_back_the_memory_of_a_long_one),
        tail_test(test_tail__loses_nothing_without_memory),
        tail_test(test_tail__keeps_the_order_whatever_fails),
        tail_test(test_tail__drops_what_is_late),
        tail_test(test_tail__is_read_where_it_stood_without_memory),
    };

    return check_run(tests);
}
