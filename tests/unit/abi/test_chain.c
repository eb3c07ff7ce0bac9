#include "support/heap.h"

#include "chain/link.h"

/* -- fixture ------------------------------------------------------------- */

enum {
    COUNT = 100
};

static const char *const texts[] = {"", "a", "some text"};
static lares_event events[COUNT + 1]; /* by sequence; 0: the genesis */
static lares_chain *chain;

/* Rebuilds an event's hash after its fields were altered. */
static void event_hash(lares_event *event)
{
    struct lares__link link = {event->origin, event->horizon, event->sequence,
                               event->parent};

    event->hash = lares__link_hash(&link, event->data, event->len);
}

static int chain_setup(void **state)
{
    uint64_t i;

    heap_setup(state);
    memset(events, 0, sizeof events);
    for (i = 0; i <= COUNT; i++) {
        events[i].origin = 0xabcd;
        events[i].sequence = i;
        events[i].parent = i > 0 ? events[i - 1].hash : 0;
        events[i].horizon = i * 0x101;
        events[i].data = texts[i % 3];
        events[i].len = strlen(texts[i % 3]);
        event_hash(&events[i]);
    }
    check_ok(lares_chain_new(0xabcd, &chain));
    return 0;
}

static int chain_teardown(void **state)
{
    lares_chain_free(chain);
    return heap_teardown(state);
}

/* -- tools --------------------------------------------------------------- */

static void check_events(uint64_t first, uint64_t last)
{
    for (; first <= last; first++)
        check_ok(lares_chain_check(chain, &events[first]));
}

/* -- cases --------------------------------------------------------------- */

static void test_chain__verifies_from_the_genesis(void **state)
{
    (void)state; /* id: C05 */
    check_events(1, COUNT);
}

static void test_chain__needs_every_event_once(void **state)
{
    (void)state; /* id: C05 */
    check_events(1, 50);
    check_status(lares_chain_check(chain, &events[50]), LARES_EGAP);
    check_status(lares_chain_check(chain, &events[52]), LARES_EGAP);
    check_events(51, COUNT);
}

static void test_chain__notices_what_was_altered(void **state)
{
    static const char other[] = "other";
    lares_event event = events[1];

    (void)state; /* id: C05 */
    event.parent ^= 1;
    check_status(lares_chain_check(chain, &event), LARES_EPARENT);
    event = events[1];
    event.data = other;
    event.len = 5;
    check_status(lares_chain_check(chain, &event), LARES_EDIGEST);
    event = events[1];
    event.horizon ^= 1;
    check_status(lares_chain_check(chain, &event), LARES_EDIGEST);
    event = events[1];
    event.hash ^= 1;
    check_status(lares_chain_check(chain, &event), LARES_EDIGEST);
    check_detail("expected hash");
    check_events(1, 2);
}

static void test_chain__refuses_other_origins(void **state)
{
    lares_event timer = {.data = "", .kind = LARES_INPUT_EVENT};
    lares_event other = events[1];

    (void)state; /* id: C05 */
    other.origin = 0xabce;
    event_hash(&other);
    check_status(lares_chain_check(chain, &other), LARES_EORIGIN);
    check_status(lares_chain_check(chain, &timer), LARES_EORIGIN);
    check_events(1, 2);
}

static void test_chain__reads_links_and_bytes_only(void **state)
{
    lares_event event = events[1];
    char data[300];

    (void)state;
    memset(data, 'd', sizeof data);
    event.data = data;
    event.len = sizeof data;
    event_hash(&event);
    event.arrival = event.received_at = 99;
    event.channel = "nowhere";
    event.kind = event.flags = 77;
    check_ok(lares_chain_check(chain, &event));
}

static void test_chain__checks_its_arguments(void **state)
{
    lares_event event = events[1];
    lares_chain *none = NULL;

    (void)state; /* id: C05 */
    check_status(lares_chain_new(0, &none), LARES_EINVAL);
    check_status(lares_chain_new(1, NULL), LARES_EINVAL);
    check(none == NULL);
    check_status(lares_chain_check(NULL, &event), LARES_EINVAL);
    check_status(lares_chain_check(chain, NULL), LARES_EINVAL);
    event.data = NULL;
    check_status(lares_chain_check(chain, &event), LARES_EINVAL);
    event.len = 0;
    event_hash(&event);
    check_ok(lares_chain_check(chain, &event));
    lares_chain_free(NULL);
}

static lares_status chain_scenario(void)
{
    lares_chain *other = NULL;
    lares_status rc = lares_chain_new(1, &other);

    lares_chain_free(other);
    return rc;
}

static void test_chain__every_allocation_fails(void **state)
{
    (void)state;
    heap_torture(chain_scenario);
}

int main(void)
{
#define chain_test(test)                                                       \
    cmocka_unit_test_setup_teardown(test, chain_setup, chain_teardown)
    const struct CMUnitTest tests[] = {
        chain_test(test_chain__verifies_from_the_genesis),
        chain_test(test_chain__needs_every_event_once),
        chain_test(test_chain__notices_what_was_altered),
        chain_test(test_chain__refuses_other_origins),
        chain_test(test_chain__reads_links_and_bytes_only),
        chain_test(test_chain__checks_its_arguments),
        chain_test(test_chain__every_allocation_fails),
    };

    return check_run(tests);
}
