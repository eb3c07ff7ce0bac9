#include "support/publisher.h"

#include "base/thread.h"

#include <sched.h>

/* -- cases: lanes -- */

static void queue_one(const char *channel, const char *text)
{
    struct lares__address address = address_of(channel);
    struct lares__envelope *event = event_new(channel, text, strlen(text));

    check_ok(lares__publish_reserve(&publisher, &address, event->len, &full));
    lares__envelope_link(event, &chain, 0);
    lares__publish_queue(&publisher, event, NULL);
}

static void test_publisher__flush_pushes_once_a_lane(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        subscribe(i, "a.b", NULL);
        place(i, i % LANES);
    }
    for (int i = 0; i < 5; i++)
        queue_one("a.b", "x");
    check(lares__queue_take(&lanes[0].queue) == NULL);
    lares__publish_flush(&publisher);
    for (int i = 0; i < LANES; i++) {
        check_u64(lanes[i].wakes, 1);
        check_u64(lane_count(i), 10);
    }
    lares__publish_flush(&publisher);
    check_u64(lanes[0].wakes, 1);
}

static void test_publisher__lane_gets_events_in_order(void **state)
{
    struct lares__input *taken;
    uint64_t sequence = 0;

    (void)state;
    subscribe(0, ">", NULL);
    place(0, 1);
    queue_one("a", "1");
    queue_one("b", "2");
    queue_one("a", "3");
    lares__publish_flush(&publisher);
    queue_one("b", "4");
    lares__publish_flush(&publisher);
    taken = lares__queue_take(&lanes[1].queue);
    for (struct lares__input *i = taken; i != NULL; i = i->next)
        check_u64(i->event->link.sequence, ++sequence);
    check_u64(sequence, 4);
    inputs_drop(taken);
}

/* A lane appends to its own mailboxes, without its queue. */
static void test_publisher__own_lane_appends(void **state)
{
    uint64_t sequence = 0;

    (void)state;
    publisher.own = &lanes[0].queue;
    publisher.append = lane_append;
    subscribe(0, "a.b", NULL);
    place(0, 0);
    for (int i = 0; i < 3; i++)
        queue_one("a.b", "x");
    lares__publish_flush(&publisher);
    check_u64(lanes[0].wakes, 0);
    check(lares__queue_take(&lanes[0].queue) == NULL);
    for (struct lares__input *i = lanes[0].appended; i != NULL; i = i->next)
        check_u64(i->event->link.sequence, ++sequence);
    check_u64(sequence, 3);
}

static void test_publisher__reply_goes_to_the_one_delivered_to(void **state)
{
    struct lares__address address = {.to = &ears[0].receiver};
    struct lares__reply *reply = (struct lares__reply *)&address;
    struct lares__envelope *event = event_new("", "x", 1);

    (void)state;
    check_ok(lares__publish_reserve(&publisher, &address, 1, &full));
    lares__envelope_link(event, &chain, 0);
    lares__publish_queue(&publisher, event, reply);
    check(ears[0].first->reply == reply);
}

static void test_publisher__sole_receiver_is_remembered(void **state)
{
    size_t len = 0;

    (void)state;
    subscribe(0, "a.b", NULL);
    place(0, 1);
    check(lares__publish_sole(&publisher, "a.b", &len) == NULL);
    check_ok(publish("a.b", "x"));
    check(lares__publish_sole(&publisher, "a.c", &len) == NULL);
    check(lares__publish_sole(&publisher, "a", &len) == NULL);
    check_u64(len, 0);
    check(lares__publish_sole(&publisher, "a.b", &len) == &ears[0].receiver);
    check_u64(len, 3);
    lares__publish_post(&ears[0].receiver, event_new("a.b", "y", 1), NULL);
    check_u64(lane_count(1), 2);
    subscribe(1, "x.y", NULL); /* any change may concern it */
    check(lares__publish_sole(&publisher, "a.b", &len) == NULL);
}

/* -- cases: the cache of routes -- */

static void test_publisher__more_channels_than_routes(void **state)
{
    char channel[24];

    (void)state;
    subscribe(0, ">", NULL);
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 1500; i++) {
            sprintf(channel, "c.%d", i);
            check_ok(publish(channel, "x"));
            check_u64(ear_count(0), 1);
            check(publisher.routes <= 1024);
        }
}

static void test_publisher__known_channel_costs_no_memory(void **state)
{
    uint64_t calls;

    (void)state;
    subscribe(0, "a.*", NULL);
    subscribe(1, "a.*", NULL);
    subscribe(2, "a.*", "pool");
    for (int warm = 0; warm < 2; warm++) {
        calls = lares__alloc_count();
        for (int i = 0; i < 1000; i++) {
            check_ok(publish(i % 2 ? "a.b" : "a.c", "x"));
            check_u64(ear_count(0) + ear_count(1) + ear_count(2), 3);
            lares__pool_flush(&pool);
        }
    }
    check_u64(lares__alloc_count() - calls, 0);
}

static void test_publisher__forgetting_drops_receivers(void **state)
{
    (void)state;
    subscribe(0, "a.b", NULL);
    check_ok(publish("a.b", "x"));
    ear_unsubscribe(0, "a.b", NULL);
    ear_close(0);
    check_i64(ears[0].destroyed, 0);
    lares__publisher_forget(&publisher);
    check_i64(ears[0].destroyed, 1);
    check_ok(publish("a.b", "y"));
}

/* -- cases: memory and threads -- */

static lares_status publisher_life(void)
{
    lares_status rc = lares__publisher_init(&publisher, &bus, LANES);

    if (rc < 0)
        return rc;
    rc = publish("a.b", "x");
    if (rc == LARES_OK)
        rc = publish("a.b", "y");
    for (int i = 0; i < 4; i++) {
        uint32_t heard = ear_count(i);

        check(rc < 0 || heard == (i < 3 ? 2 : 0) || i == 3);
        check_u64(level(i), 0);
    }
    lares__publisher_fini(&publisher);
    lares__pool_flush(&pool);
    lares__pool_trim();
    return rc;
}

/* Whatever fails has reached nobody, and reserved nothing. */
static void test_publisher__every_allocation_may_fail(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        subscribe(i, "a.b", NULL);
    subscribe(3, "a.b", "pool");
    lares__publisher_fini(&publisher);
    heap_torture(publisher_life);
    check_ok(lares__publisher_init(&publisher, &bus, LANES));
}

static atomic_int at_work; /* 1: the other thread has begun; 0: it shall end */

static void begin(struct lares__thread *thread, void (*fn)(void *))
{
    atomic_store(&at_work, 0);
    check_ok(lares__thread_start(thread, fn, NULL));
    while (!atomic_load(&at_work))
        sched_yield();
}

static void worker_close(void *arg)
{
    (void)arg;
    atomic_store(&at_work, 1);
    for (int i = 0; i < 3; i++)
        lares__receiver_close(&ears[i].receiver);
}

/* Those that close between look and reserve are no receivers any more. */
static void test_publisher__receivers_may_close_meanwhile(void **state)
{
    (void)state;
    for (int round = 0; round < 1000; round++) {
        struct lares__thread thread;
        lares_status rc;

        /* nobody reads, and the other thread may take its time */
        for (int i = 0; i < 3; i++) {
            ear_open(i, 1048576, 1024 * MIB);
            subscribe(i, "a.b", NULL);
        }
        begin(&thread, worker_close);
        do
            check_ok(publish("a.b", "x"));
        while (publisher.chosen_count > 0);
        while ((rc = send_to(0, "y")) == LARES_OK)
            continue;
        check_status(rc, LARES_ECLOSED);
        lares__thread_join(&thread);
        for (int i = 0; i < 3; i++) {
            (void)ear_count(i);
            check_u64(level(i), 0);
            ear_unsubscribe(i, "a.b", NULL);
        }
        lares__publisher_forget(&publisher);
    }
}

enum {
    MEETINGS = 20000
};

/* Reserves places and gives them back, so that the other one, who has just
 * seen one, may find none. */
static void worker_reserve(void *arg)
{
    (void)arg;
    atomic_store(&at_work, 1);
    while (atomic_load(&at_work))
        for (int i = 0; i < EARS; i++)
            if (lares__receiver_reserve(&ears[i].receiver, 1, 2, 0) ==
                LARES__ROOM)
                lares__receiver_give_back(&ears[i].receiver, 2);
}

static void never_mind(struct lares__waiter *waiter)
{
    (void)waiter;
}

/* part of BM02: to all or to none, whoever comes between. Who waits in a line
 * is told of each place that was given back. */
static void test_publisher__others_may_come_between(void **state)
{
    struct lares__waiter waiter = {.wake = never_mind};
    struct lares__thread thread;
    uint32_t let_in = 0;

    (void)state;
    for (int i = 0; i < EARS; i++) {
        ears[i].receiver.count_max = 1;
        subscribe(i, "a.b", NULL);
    }
    lares__bus_wait(&bus, &ears[EARS - 1].receiver, &waiter);
    begin(&thread, worker_reserve);
    for (int i = 0; i < MEETINGS; i++) {
        lares_status rc = publish("a.b", "x");

        let_in += rc == LARES_OK;
        for (int e = 0; e < EARS; e++)
            check_u64(ear_count(e), rc == LARES_OK);
    }
    atomic_store(&at_work, 0);
    lares__thread_join(&thread);
    lares__bus_leave(&bus, &waiter);
    for (int i = 0; i < EARS; i++)
        check_u64(level(i), 0);
    check_u64(chain.link.sequence, let_in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        publish_test(test_publisher__flush_pushes_once_a_lane),
        publish_test(test_publisher__lane_gets_events_in_order),
        publish_test(test_publisher__own_lane_appends),
        publish_test(test_publisher__reply_goes_to_the_one_delivered_to),
        publish_test(test_publisher__sole_receiver_is_remembered),
        publish_test(test_publisher__more_channels_than_routes),
        publish_test(test_publisher__known_channel_costs_no_memory),
        publish_test(test_publisher__forgetting_drops_receivers),
        publish_test(test_publisher__every_allocation_may_fail),
        publish_test(test_publisher__receivers_may_close_meanwhile),
        publish_test(test_publisher__others_may_come_between),
    };

    return check_run(tests);
}
