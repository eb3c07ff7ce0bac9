#include "support/ears.h"

#include <sched.h>

/* -- fixture: those who wait for space -- */

enum {
    WAITERS = 4
};

struct waiter {
    struct lares__waiter waiter; /* first */
    uint32_t woken;
    int depth; /* of locks, as it was woken */
};

static struct waiter waiters[WAITERS];

static void waiter_woken(struct lares__waiter *woken)
{
    struct waiter *waiter = (struct waiter *)woken;

    waiter->woken++;
#ifndef NDEBUG
    waiter->depth = lares__lock_depth();
#endif
}

static int line_setup(void **state)
{
    memset(waiters, 0, sizeof waiters);
    for (int i = 0; i < WAITERS; i++)
        waiters[i].waiter.wake = waiter_woken;
    return bus_setup(state);
}

/* nobody is left in a line */
static int line_teardown(void **state)
{
    for (int i = 0; i < WAITERS; i++)
        lares__bus_leave(&bus, &waiters[i].waiter);
    return bus_teardown(state);
}

#define line_test(test)                                                        \
    cmocka_unit_test_setup_teardown(test, line_setup, line_teardown)

/* -- tools -- */

static void wait_at(int waiter, int ear)
{
    lares__bus_wait(&bus, &ears[ear].receiver, &waiters[waiter].waiter);
}

static void leave(int waiter)
{
    lares__bus_leave(&bus, &waiters[waiter].waiter);
}

static int is_first(int waiter)
{
    return lares__bus_is_first(&bus, &waiters[waiter].waiter);
}

/* `count` events without a payload are in the mailbox of an ear */
static void fill(int ear, uint32_t count)
{
    check_i64(lares__receiver_reserve(&ears[ear].receiver, count, 2 * count, 1),
              LARES__ROOM);
}

/* one of them is settled, as the thread inside does it */
static void settle(int ear)
{
    if (lares__receiver_settle(&ears[ear].receiver, 1, 2))
        lares__bus_room(&bus, &ears[ear].receiver);
}

/* who was woken how often since the last look: "0120" */
static void check_woken(const char *expected)
{
    char text[WAITERS + 1] = "";

    for (int i = 0; i < WAITERS; i++) {
        text[i] = (char)('0' + waiters[i].woken);
        waiters[i].woken = 0;
    }
    check_str(text, expected);
}

static uint64_t generation(void)
{
    return atomic_load(&bus.generation);
}

static lares_status count_match(void *context, void *receiver,
                                const char *group)
{
    (void)receiver;
    (void)group;
    ++*(int *)context;
    return LARES_OK;
}

static int matches(const char *channel)
{
    int count = 0;

    check_ok(
        lares__subscriptions_match(&bus.table, channel, count_match, &count));
    return count;
}

/* -- cases: subscriptions -- */

static void test_bus__changes_make_a_generation(void **state)
{
    uint64_t last = generation();

    (void)state;
    check_ok(ear_subscribe(0, "a.*", NULL));
    check_u64(bus.subscriptions, 1);
    check(generation() > last);
    last = generation();
    check_i64(matches("a.b"), 1);
    ear_unsubscribe(0, "a.*", NULL);
    check(generation() > last);
    check_u64(bus.subscriptions, 0);
    check_i64(matches("a.b"), 0);
}

static void test_bus__subscriptions_are_bounded(void **state)
{
    uint64_t last = generation();

    (void)state;
    bus.subscriptions = LARES__SUBSCRIPTIONS_MAX;
    check_status(ear_subscribe(0, "a", NULL), LARES_ELIMIT);
    check_detail("1048576");
    check_u64(generation(), last);
    check_i64(matches("a"), 0);
    bus.subscriptions = 0;
}

static lares_status subscribe_and_withdraw(void)
{
    lares_status rc = ear_subscribe(0, "a.b.c", "pool");

    if (rc < 0) {
        check_u64(bus.subscriptions, 0);
        check_i64(matches("a.b.c"), 0);
        return rc;
    }
    ear_unsubscribe(0, "a.b.c", "pool");
    return LARES_OK;
}

static void test_bus__every_allocation_may_fail(void **state)
{
    (void)state;
    heap_torture(subscribe_and_withdraw);
}

/* -- cases: lines -- */

static void test_bus__line_is_in_order(void **state)
{
    (void)state;
    fill(0, 1000);
    for (int i = 0; i < 3; i++)
        wait_at(i, 0);
    check(is_first(0) && !is_first(1) && !is_first(2) && !is_first(3));
    leave(1);
    check(is_first(0));
    leave(0);
    check(is_first(2) && !is_first(0));
    wait_at(0, 0); /* at the end again */
    check(is_first(2));
    leave(2);
    check(is_first(0));
    check_woken("0000");
}

static void test_bus__who_stands_in_line_keeps_its_place(void **state)
{
    (void)state;
    fill(0, 1000);
    wait_at(0, 0);
    wait_at(1, 0);
    wait_at(0, 0);
    check(is_first(0));
    check_u64(atomic_load(&ears[0].receiver.waiting), 2);
    leave(0);
    check(is_first(1));
    check_u64(atomic_load(&ears[0].receiver.waiting), 1);
}

static void test_bus__leaving_no_line_is_fine(void **state)
{
    (void)state;
    leave(0);
    wait_at(0, 0);
    leave(0);
    leave(0);
    check(!is_first(0));
    check_u64(atomic_load(&ears[0].receiver.waiting), 0);
}

static void test_bus__lines_are_apart(void **state)
{
    (void)state;
    fill(0, 1000);
    fill(1, 1000);
    wait_at(0, 0);
    wait_at(1, 1);
    check(is_first(0) && is_first(1));
    lares__bus_dissolve(&bus, &ears[1].receiver);
    check_woken("0100");
}

static void test_bus__line_holds_its_receiver(void **state)
{
    (void)state;
    wait_at(0, 0);
    ear_close(0);
    check_i64(ears[0].destroyed, 0);
    leave(0);
    check_i64(ears[0].destroyed, 1);
}

static void test_bus__first_is_woken_at_half(void **state)
{
    (void)state;
    fill(0, 1024);
    wait_at(0, 0);
    wait_at(1, 0);
    for (int i = 0; i < 511; i++)
        settle(0);
    check_woken("0000");
    settle(0);
    check_woken("1000");
    settle(0); /* at every commit, until the line is gone */
    check_woken("1000");
}

static void test_bus__room_above_half_wakes_nobody(void **state)
{
    (void)state;
    fill(0, 513);
    wait_at(0, 0);
    lares__bus_room(&bus, &ears[0].receiver);
    check_woken("0000");
    lares__receiver_give_back(&ears[0].receiver, 2);
    lares__bus_room(&bus, &ears[0].receiver);
    check_woken("1000");
}

static void test_bus__room_without_a_line_is_fine(void **state)
{
    (void)state;
    lares__bus_room(&bus, &ears[0].receiver);
    lares__bus_dissolve(&bus, &ears[0].receiver);
    check_woken("0000");
}

/* Who is through, in another line, or has given up wakes the next. */
static void test_bus__leaving_wakes_the_next_at_half(void **state)
{
    (void)state;
    fill(0, 512);
    for (int i = 0; i < 3; i++)
        wait_at(i, 0);
    leave(0);
    check_woken("0100");
    fill(0, 1);
    leave(1);
    check_woken("0000");
    settle(0);
    leave(2);
    check_woken("0000");
}

/* One in the middle gives up: the first is told once more, at worst. */
static void test_bus__leaving_from_the_middle_keeps_the_line(void **state)
{
    (void)state;
    fill(0, 512);
    for (int i = 0; i < 4; i++)
        wait_at(i, 0);
    leave(2);
    check_woken("1000");
    leave(3);
    check_woken("1000");
    check(is_first(0));
    leave(0);
    check_woken("0100");
}

static void test_bus__dissolving_wakes_the_whole_line(void **state)
{
    (void)state;
    fill(0, 1000);
    for (int i = 0; i < 3; i++)
        wait_at(i, 0);
    lares__receiver_close(&ears[0].receiver);
    lares__bus_dissolve(&bus, &ears[0].receiver);
    check_woken("1110");
    check(is_first(0)); /* they leave by themselves */
}

#ifndef NDEBUG
static void test_bus__waking_is_under_its_lock_alone(void **state)
{
    (void)state;
    fill(0, 512);
    wait_at(0, 0);
    lares__bus_room(&bus, &ears[0].receiver);
    check_i64(waiters[0].depth, 1);
    check_i64(lares__lock_depth(), 0);
}
#endif

/* -- cases: no wake-up is lost -- */

enum {
    ROUNDS = 3000
};

static atomic_int at_work;

/* a program's thread: one event in at a time, in line if it must */
struct program {
    struct lares__waiter waiter; /* first */
    atomic_int woken;
};

static void program_woken(struct lares__waiter *waiter)
{
    atomic_store(&((struct program *)waiter)->woken, 1);
}

static int program_try(struct program *program)
{
    int first = lares__bus_is_first(&bus, &program->waiter);

    return lares__receiver_reserve(&ears[0].receiver, 1, 2, first) ==
           LARES__ROOM;
}

static void program_wait(struct program *program)
{
    lares__bus_wait(&bus, &ears[0].receiver, &program->waiter);
    for (;;) {
        atomic_store(&program->woken, 0);
        if (program_try(program))
            break;
        while (!atomic_load(&program->woken))
            sched_yield();
    }
    lares__bus_leave(&bus, &program->waiter);
}

static void worker_send(void *arg)
{
    struct program program = {.waiter = {.wake = program_woken}};

    (void)arg;
    for (int i = 0; i < ROUNDS; i++)
        if (lares__receiver_reserve(&ears[0].receiver, 1, 2, 0) != LARES__ROOM)
            program_wait(&program);
    atomic_fetch_sub(&at_work, 1);
}

/* If a wake-up were lost, a sender would wait for ever. */
static void test_bus__every_waiter_comes_through(void **state)
{
    struct lares__thread threads[3];
    uint32_t settled = 0;

    (void)state;
    ears[0].receiver.count_max = 16;
    atomic_store(&at_work, 3);
    for (int i = 0; i < 3; i++)
        check_ok(lares__thread_start(&threads[i], worker_send, NULL));
    while (settled < 3 * ROUNDS) {
        if (lares__receiver_level(&ears[0].receiver).count == 0) {
            sched_yield();
            continue;
        }
        settle(0);
        settled++;
    }
    for (int i = 0; i < 3; i++)
        lares__thread_join(&threads[i]);
    check_i64(at_work, 0);
    check_u64(lares__receiver_level(&ears[0].receiver).count, 0);
    check_u64(atomic_load(&ears[0].receiver.waiting), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        line_test(test_bus__changes_make_a_generation),
        line_test(test_bus__subscriptions_are_bounded),
        line_test(test_bus__every_allocation_may_fail),
        line_test(test_bus__line_is_in_order),
        line_test(test_bus__who_stands_in_line_keeps_its_place),
        line_test(test_bus__leaving_no_line_is_fine),
        line_test(test_bus__lines_are_apart),
        line_test(test_bus__line_holds_its_receiver),
        line_test(test_bus__first_is_woken_at_half),
        line_test(test_bus__room_above_half_wakes_nobody),
        line_test(test_bus__room_without_a_line_is_fine),
        line_test(test_bus__leaving_wakes_the_next_at_half),
        line_test(test_bus__leaving_from_the_middle_keeps_the_line),
        line_test(test_bus__dissolving_wakes_the_whole_line),
#ifndef NDEBUG
        line_test(test_bus__waking_is_under_its_lock_alone),
#endif
        line_test(test_bus__every_waiter_comes_through),
    };

    return check_run(tests);
}
