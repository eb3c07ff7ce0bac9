#include "support/three.h"

/* Publishing: to all that count, or to none. */

/* -- tools ---------------------------------------------------------------- */

static void listen(const char *kind, const char *count)
{
    lares_daemon_free(
        spawn(node, kind, options("subscribe", "t", "mailbox.count", count)));
}

/* -- to all, or to none --------------------------------------------------- */

static void test_publish__one_of_three_is_full(void **state)
{
    (void)state; /* id: BM02 */
    listen("a", "10");
    listen("b", "2");
    listen("c", "10");
    check_ok(publish(node, "t", "1", 0));
    check_ok(publish(node, "t", "2", 0));
    check_status(publish(node, "t", "3", 0), LARES_EAGAIN);
    check_detail("'b'");
    check_u64(daemon_fact(node, "a", "queued"), 2);
    check_u64(daemon_fact(node, "b", "queued"), 2);
    check_u64(daemon_fact(node, "c", "queued"), 2);
    check_u64(counter(node, "publish_total", "result=\"refused\""), 1);
    run(node);
    check_ok(publish(node, "t", "3", 0));
    run(node);
    for (int i = 0; i < THREE; i++) {
        check_u64(seen(i), 3);
        check_str(notes[i].last, "3");
        check_u64(notes[i].sequence, 3); /* the refused one spent none */
    }
}

static void test_publish__no_receiver_is_fine(void **state)
{
    (void)state;
    check_ok(publish(node, "nobody", "x", 0));
    check_ok(publish(node, "nobody", "x", -1));
    check_u64(counter(node, "publish_total", "result=\"none\""), 2);
    check_u64(counter(node, "publish_total", "result=\"ok\""), 0);
}

static void check_refused(const char *channel, lares_status rc)
{
    check_status(publish(node, channel, "x", 0), rc);
}

static void test_publish__checks_names_and_sizes(void **state)
{
    static const char byte[1];
    char longest[257];

    (void)state;
    check_refused("", LARES_ENAME);
    check_refused("a..b", LARES_ENAME);
    check_refused(".a", LARES_ENAME);
    check_refused("a.*", LARES_ENAME);
    check_refused(">", LARES_ENAME);
    check_refused("$sys", LARES_EDENIED);
    memset(longest, 'a', 256);
    longest[256] = '\0';
    check_refused(longest, LARES_ENAME);
    longest[255] = '\0';
    check_ok(publish(node, longest, "x", 0));
    check_status(lares_node_publish(node, "t", NULL, 1, 0), LARES_EINVAL);
    check_status(lares_node_publish(node, "t", byte, 16777217, 0),
                 LARES_ETOOBIG); /* before one byte of it is read */
    check_status(publish(node, "t", "x", -2), LARES_ERANGE);
    check_ok(lares_node_publish(node, "t", NULL, 0, 0));
}

static void test_publish__bytes_arrive_as_they_are(void **state)
{
    static const char zeroes[3] = {0, 'z', 0};
    lares_inbox *inbox = subscribe(node, "t", NULL);
    const lares_event *event;
    lares_events *events = NULL;

    (void)state; /* id: BM01 */
    check_ok(lares_node_publish(node, "t", NULL, 0, 0));
    check_ok(lares_node_publish(node, "t", zeroes, sizeof zeroes, 0));
    check_ok(lares_inbox_next(inbox, 0, &events));
    event = lares_events_next(events);
    check_u64(event->len, 0);
    check(event->data != NULL);
    event = lares_events_next(events);
    check_u64(event->len, sizeof zeroes);
    check_mem(event->data, zeroes, sizeof zeroes);
    check_str(event->channel, "t");
    check(event->received_at > 1600000000000000000);
    check_u64(event->arrival, 0);
    check_u64(event->kind, LARES_INPUT_EVENT);
    check(lares_events_next(events) == NULL);
    check(lares_events_next(events) == NULL);
    lares_events_free(events);
    lares_inbox_free(inbox);
}

static void test_publish__largest_payload_passes(void **state)
{
    const size_t largest = 16777216;
    unsigned char *data = malloc(largest);
    const lares_event *event;
    lares_events *events = NULL;
    lares_inbox *inbox = subscribe(node, "out", NULL);

    (void)state; /* id: BM01 */
    for (size_t i = 0; i < largest; i++)
        data[i] = (unsigned char)(i * 31 >> 3);
    lares_daemon_free(
        spawn(node, "echo", options("subscribe", "in", "publish", "out")));
    check_ok(lares_node_publish(node, "in", data, largest, 0));
    check_ok(lares_inbox_next(inbox, 0, &events));
    event = lares_events_next(events);
    check_u64(event->len, largest);
    check_mem(event->data, data, largest);
    lares_events_free(events);
    lares_inbox_free(inbox);
    free(data);
}

/* -- waiting for space ---------------------------------------------------- */

struct publisher {
    lares_node *node;
    int64_t timeout_ms;
    lares_status rc;
    atomic_int done;
};

static void *publish_once(void *arg)
{
    struct publisher *publisher = arg;

    publisher->rc = publish(publisher->node, "t", "x", publisher->timeout_ms);
    atomic_store(&publisher->done, 1);
    return NULL;
}

/* A daemon that stands in front of a door, with a full mailbox behind it. */
static lares_node *blocked_open(struct door *door)
{
    lares_node *blocked = node_open("1");

    kind_add(blocked, "stand", stand, door);
    lares_daemon_free(
        spawn(blocked, "stand",
              options("subscribe", "t", "mailbox.count", "2", "batch", "1")));
    check_ok(publish(blocked, "t", "1", 0));
    eventually(atomic_load(&door->inside) == 1);
    check_ok(publish(blocked, "t", "2", 0));
    check_status(publish(blocked, "t", "3", 0), LARES_EAGAIN);
    return blocked;
}

static void test_publish__waits_and_gives_up(void **state)
{
    struct door door = {0};
    lares_node *blocked = blocked_open(&door);
    uint64_t began = clock_ms();

    (void)state; /* id: BM02 */
    check_status(publish(blocked, "t", "x", 50), LARES_ETIMEDOUT);
    check_detail("'stand'");
    check(clock_ms() - began >= 49);
    check_u64(counter(blocked, "publish_total", "result=\"timeout\""), 1);
    atomic_store(&door.open, 1);
    eventually(atomic_load(&door.passed) == 2);
    node_close(blocked);
}

static void test_publish__waits_and_goes_through(void **state)
{
    struct door door = {0};
    lares_node *blocked = blocked_open(&door);
    struct publisher publisher = {.node = blocked, .timeout_ms = -1};
    pthread_t thread;

    (void)state; /* id: BM02 */
    check(pthread_create(&thread, NULL, publish_once, &publisher) == 0);
    nap_ms(20);
    check(!atomic_load(&publisher.done));
    atomic_store(&door.open, 1);
    check(pthread_join(thread, NULL) == 0);
    check_status(publisher.rc, LARES_OK);
    eventually(atomic_load(&door.passed) == 3);
    node_close(blocked);
}

static void test_publish__stop_sends_waiters_away(void **state)
{
    struct door door = {0};
    lares_node *blocked = blocked_open(&door);
    struct publisher publisher = {.node = blocked, .timeout_ms = -1};
    pthread_t thread;

    (void)state;
    check(pthread_create(&thread, NULL, publish_once, &publisher) == 0);
    nap_ms(20);
    check_ok(lares_node_stop(blocked, -1));
    check(pthread_join(thread, NULL) == 0);
    check_status(publisher.rc, LARES_ECLOSED);
    check(!atomic_load(&door.passed));
    atomic_store(&door.open, 1);
    check_ok(lares_node_wait(blocked, 5000));
    check_i64((int64_t)atomic_load(&door.passed), 2);
    lares_node_free(blocked);
}

/* A receiver that closes is no receiver any more: its line goes on. */
static void test_publish__a_closing_receiver_frees_its_line(void **state)
{
    struct door door = {0};
    lares_node *blocked = blocked_open(&door);
    struct publisher publisher = {.node = blocked, .timeout_ms = -1};
    lares_daemon *daemon = NULL;
    lares_rows *rows = report(blocked, "daemons");
    uint64_t origin = 0;
    pthread_t thread;

    (void)state;
    check(rows_seek(rows, "name", "stand"));
    check_ok(lares_rows_u64(rows, "origin", &origin));
    lares_rows_free(rows);
    check_ok(lares_node_find(blocked, origin, &daemon));
    check(pthread_create(&thread, NULL, publish_once, &publisher) == 0);
    nap_ms(20);
    atomic_store(&door.open, 1);
    check_ok(lares_daemon_stop(daemon, 5000));
    check(pthread_join(thread, NULL) == 0);
    check_status(publisher.rc, LARES_OK);
    lares_daemon_free(daemon);
    node_close(blocked);
}

/* -- sick receivers ------------------------------------------------------- */

/* Fails all, so that it is LOOPING after two attempts; full with two. */
static lares_daemon *sick_open(void)
{
    lares_daemon *daemon =
        spawn(node, "touchy",
              options("subscribe", "t", "mailbox.count", "2", "restart.initial",
                      "60000", "restart.max", "60000", "restart.attempts",
                      "1000000"));

    check_ok(say(daemon, "!1", 0));
    check_ok(say(daemon, "!2", 0));
    run(node);
    check_str(daemon_text(node, "touchy", "state"), "LOOPING");
    return daemon;
}

static void test_publish__passes_over_the_sick(void **state)
{
    lares_daemon *sick = sick_open();

    (void)state; /* id: BM03 */
    listen("a", "10");
    listen("b", "10");
    check_ok(publish(node, "t", "on", 0));
    check_ok(publish(node, "t", "on", -1));
    check_u64(daemon_fact(node, "a", "queued"), 2);
    check_u64(daemon_fact(node, "b", "queued"), 2);
    check_u64(daemon_fact(node, "touchy", "queued"), 2);
    check_u64(rows_count(node, "letters"), 2);
    check_str(cell_text(node, "letters", "name", "touchy", "reason"), "FULL");
    check_str(cell_text(node, "letters", "name", "touchy", "channel"), "t");
    check_status(say(sick, "x", 0), LARES_EDOWN);
    check_status(say(sick, "x", -1), LARES_EDOWN);
    check_status(ask(sick, "x", 10, NULL), LARES_EDOWN);
    lares_daemon_free(sick);
}

/* A sick one with space gets what comes. */
static void test_publish__the_sick_go_on_collecting(void **state)
{
    lares_daemon *sick = spawn(node, "touchy",
                               options("subscribe", "t", "restart.initial",
                                       "60000", "restart.max", "60000"));

    (void)state;
    check_ok(say(sick, "!1", 0));
    run(node);
    check_str(daemon_text(node, "touchy", "state"), "LOOPING");
    check_ok(publish(node, "t", "x", 0));
    check_ok(say(sick, "y", 0));
    check_u64(daemon_fact(node, "touchy", "queued"), 3);
    check_u64(rows_count(node, "letters"), 0);
    lares_daemon_free(sick);
}

/* Stands in front of a door, then fails. */
static lares_verdict stand_and_fail(lares_call *call, void *instance)
{
    struct door *door = instance;

    (void)lares_call_next(call);
    atomic_fetch_add(&door->inside, 1);
    while (!atomic_load(&door->open))
        nap_ms(1);
    return LARES_FAILED;
}

/* Those that wait for space are let go as it becomes sick. */
static void test_publish__becoming_sick_frees_the_line(void **state)
{
    struct door door = {0};
    lares_node *other = node_open("1");
    struct publisher publisher = {.node = other, .timeout_ms = -1};
    pthread_t thread;

    (void)state;
    kind_add(other, "fail", stand_and_fail, &door);
    lares_daemon_free(
        spawn(other, "fail",
              options("subscribe", "t", "mailbox.count", "1", "restart.initial",
                      "60000", "restart.max", "60000")));
    check_ok(publish(other, "t", "x", 0));
    eventually(atomic_load(&door.inside) == 1);
    check(pthread_create(&thread, NULL, publish_once, &publisher) == 0);
    nap_ms(20);
    check(!atomic_load(&publisher.done));
    atomic_store(&door.open, 1);
    check(pthread_join(thread, NULL) == 0);
    check_status(publisher.rc, LARES_OK);
    check_str(daemon_text(other, "fail", "state"), "LOOPING");
    check_str(cell_text(other, "letters", "name", "fail", "reason"), "FULL");
    node_close(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        three_test(test_publish__one_of_three_is_full),
        three_test(test_publish__no_receiver_is_fine),
        three_test(test_publish__checks_names_and_sizes),
        three_test(test_publish__bytes_arrive_as_they_are),
        three_test(test_publish__largest_payload_passes),
        three_test(test_publish__waits_and_gives_up),
        three_test(test_publish__waits_and_goes_through),
        three_test(test_publish__stop_sends_waiters_away),
        three_test(test_publish__a_closing_receiver_frees_its_line),
        three_test(test_publish__passes_over_the_sick),
        three_test(test_publish__the_sick_go_on_collecting),
        three_test(test_publish__becoming_sick_frees_the_line),
    };

    return check_run(tests);
}
