#include "support/pool.h"

#include "chain/events.h"

/* -- tools -- */

/* a list of `count` events whose payloads are their places */
static lares_events *list_of(size_t count)
{
    lares_events *events = lares__events_new(count);

    check(events != NULL);
    for (size_t i = 0; i < count; i++) {
        struct lares__envelope *event =
            lares__envelope_new(&pool, sizeof i, "ticks", 5);

        memcpy(event->data, &i, sizeof i);
        event->link = (struct lares__link){.origin = 7, .sequence = i + 1};
        lares__events_add(events, event);
    }
    return events;
}

static void check_place(const lares_event *event, size_t place)
{
    check(event != NULL);
    check_u64(event->len, sizeof place);
    check_mem(event->data, &place, sizeof place);
    check_u64(event->sequence, place + 1);
    check_str(event->channel, "ticks");
}

/* -- cases -- */

static void test_events__come_in_the_order_of_adding(void **state)
{
    lares_events *events = list_of(100);

    (void)state;
    for (size_t i = 0; i < 100; i++)
        check_place(lares__events_next(events), i);
    lares__events_free(events);
}

static void test_events__have_no_arrival(void **state)
{
    lares_events *events = list_of(1);

    (void)state;
    check_u64(lares__events_next(events)->arrival, 0);
    lares__events_free(events);
}

static void test_events__end_and_stay_at_the_end(void **state)
{
    lares_events *events = list_of(1);

    (void)state;
    check(lares__events_next(events) != NULL);
    for (int i = 0; i < 3; i++)
        check(lares__events_next(events) == NULL);
    lares__events_free(events);
}

static void test_events__of_an_empty_list_are_none(void **state)
{
    lares_events *events = list_of(0);

    (void)state;
    check(lares__events_next(events) == NULL);
    lares__events_free(events);
}

static void test_events__free_of_null_is_fine(void **state)
{
    (void)state;
    lares__events_free(NULL);
}

/* The heap of this test is checked at its end: nothing of a list is left. */
static void test_events__are_freed_read_or_unread(void **state)
{
    (void)state;
    for (size_t count = 0; count < 40; count++)
        for (size_t read = 0; read <= count; read++) {
            lares_events *events = list_of(count);

            for (size_t i = 0; i < read; i++)
                check_place(lares__events_next(events), i);
            lares__events_free(events);
        }
}

static void test_events__leave_what_others_hold(void **state)
{
    lares_events *events = list_of(40);
    struct lares__envelope *held = events->items[3];
    size_t place = 3;

    (void)state;
    lares__envelope_retain(held, 1);
    lares__events_free(events);
    check_u64(atomic_load(&held->refs), 1);
    check_mem(held->data, &place, sizeof place);
    lares__envelope_release(held, &pool);
}

/* Who only reads keeps those who only make from allocating. */
static void test_events__of_a_long_list_are_recycled(void **state)
{
    uint64_t calls;
    lares_events *events = list_of(40);

    (void)state;
    lares__events_free(events);
    calls = lares__alloc_count();
    events = list_of(40);
    check_u64(lares__alloc_count() - calls, 1); /* the list itself */
    lares__events_free(events);
}

static void test_events__without_memory_are_null(void **state)
{
    (void)state;
    lares__alloc_fail(1, 0);
    check(lares__events_new(4) == NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        pool_test(test_events__come_in_the_order_of_adding),
        pool_test(test_events__have_no_arrival),
        pool_test(test_events__end_and_stay_at_the_end),
        pool_test(test_events__of_an_empty_list_are_none),
        pool_test(test_events__free_of_null_is_fine),
        pool_test(test_events__are_freed_read_or_unread),
        pool_test(test_events__leave_what_others_hold),
        pool_test(test_events__of_a_long_list_are_recycled),
        pool_test(test_events__without_memory_are_null),
    };

    return check_run(tests);
}
