#include "support/house.h"

/* Daemons whose author pulls. */

/* -- fixture ------------------------------------------------------------- */

static lares_node *node;
static lares_daemon *daemon;
static char texts[8192];

static int pull_setup(void **state)
{
    return house_setup(state);
}

/* A node with one daemon of a pull kind. */
static void pull_open(const char *lanes, const char *lease, lares_options *set)
{
    lares_options *kind = options("lease", lease);

    node = node_open(lanes);
    check_ok(lares_node_register(node, "pulled", kind, NULL, NULL, NULL));
    lares_options_free(kind);
    kind_add(node, "echo", echo, NULL);
    daemon = spawn(node, "pulled", set);
}

static int pull_teardown(void **state)
{
    lares_daemon_free(daemon);
    node_close(node);
    return house_teardown(state);
}

/* -- tools --------------------------------------------------------------- */

static lares_call *pull(int64_t timeout_ms)
{
    lares_call *call = NULL;

    check_ok(lares_daemon_pull(daemon, timeout_ms, &call));
    return call;
}

static lares_status pull_status(int64_t timeout_ms)
{
    lares_call *call = NULL;
    lares_status rc = lares_daemon_pull(daemon, timeout_ms, &call);

    check((call == NULL) == (rc < 0));
    if (call != NULL)
        check_ok(lares_call_end(call, LARES_FAILED));
    return rc;
}

static uint64_t fact(const char *column)
{
    return daemon_fact(node, "pulled", column);
}

/* Echoes a call to its end. */
static unsigned drain(lares_call *call)
{
    const lares_event *event;
    unsigned count = 0;

    for (; (event = lares_call_next(call)) != NULL; count++)
        check_ok(lares_call_emit(call, NULL, event->data, event->len));
    check_ok(lares_call_end(call, LARES_DONE));
    return count;
}

/* -- pulling ----------------------------------------------------------------- */

static void check_pulling(const char *lanes)
{
    lares_inbox *inbox;
    lares_call *call;

    pull_open(lanes, "30000",
              options("subscribe", "in", "publish", "out", "argument", "hm"));
    inbox = subscribe(node, "out", NULL);
    check_status(pull_status(0), LARES_ETIMEDOUT);
    check_status(pull_status(20), LARES_ETIMEDOUT);
    check_ok(publish(node, "in", "1", 0));
    check_ok(publish(node, "in", "2", 0));
    call = pull(2000);
    check_str(lares_call_argument(call), "hm");
    check(drain(call) > 0);
    while (fact("inputs") < 2)
        drain(pull(2000));
    check_u64(inbox_read(inbox, 10, texts, sizeof texts), 2);
    check_str(texts, "1 2 ");
    check_u64(fact("sequence"), 2);
    check_u64(fact("queued"), 0);
    check_status(pull_status(0), LARES_ETIMEDOUT);
    lares_inbox_free(inbox);
}

static void test_pull__without_lanes(void **state)
{
    (void)state;
    check_pulling("0");
}

static void test_pull__with_a_lane(void **state)
{
    (void)state;
    check_pulling("1");
}

static void test_pull__one_call_at_a_time(void **state)
{
    lares_call *call;

    (void)state; /* id: V10 */
    pull_open("1", "30000", NULL);
    check_ok(say(daemon, "x", 0));
    check_ok(say(daemon, "y", 0));
    call = pull(2000);
    check_status(pull_status(0), LARES_EBUSY);
    check_status(pull_status(-1), LARES_EBUSY);
    check(lares_call_next(call) != NULL);
    check_ok(lares_call_end(call, LARES_DONE));
    call = pull(2000);
    check_u64(lares_call_next(call)->len, 1);
    check_ok(lares_call_end(call, LARES_DONE));
    check_u64(fact("inputs"), 2);
}

static void test_pull__of_a_kind_with_ops(void **state)
{
    lares_daemon *other;
    lares_call *call = NULL;

    (void)state;
    pull_open("0", "30000", NULL);
    other = spawn(node, "echo", NULL);
    check_status(lares_daemon_pull(other, 0, &call), LARES_EINVAL);
    check_detail("'echo'");
    check(call == NULL);
    check_status(pull_status(-2), LARES_ERANGE);
    lares_daemon_free(other);
}

static void test_pull__what_is_not_taken_stays(void **state)
{
    lares_call *call;

    (void)state;
    pull_open("0", "30000", NULL);
    for (int i = 0; i < 3; i++)
        check_ok(say(daemon, i == 0 ? "a" : i == 1 ? "b" : "c", 0));
    call = pull(0);
    check_mem(lares_call_next(call)->data, "a", 1);
    check_ok(lares_call_end(call, LARES_DONE)); /* finishes "a" alone */
    check_u64(fact("queued"), 2);
    call = pull(0);
    check_mem(lares_call_next(call)->data, "b", 1);
    check_mem(lares_call_next(call)->data, "c", 1);
    check(lares_call_next(call) == NULL);
    check(lares_call_next(call) == NULL);
    check_ok(lares_call_end(call, LARES_DONE));
    check_u64(fact("queued"), 0);
}

static void test_pull__verdicts(void **state)
{
    lares_call *call;

    (void)state;
    pull_open("0", "30000", options("restart.initial", "0"));
    check_ok(say(daemon, "x", 0));
    call = pull(0);
    check(lares_call_next(call) != NULL);
    lares_call_fail(call, "not now");
    check_ok(lares_call_end(call, LARES_FAILED));
    check_u64(fact("crashes"), 1);
    check_str(daemon_text(node, "pulled", "error"), "not now");
    call = pull(0);
    check(lares_call_next(call) != NULL);
    check_status(lares_call_end(call, 7), LARES_EINVAL);
    check_detail("7");
    check_u64(fact("crashes"), 2);
    call = pull(0);
    check_status(lares_call_emit(call, NULL, "x", 1), LARES_EPHASE);
    check_ok(lares_call_end(call, LARES_DONE)); /* took no input: n rises */
    check_u64(fact("crashes"), 3);
    check_u64(fact("queued"), 1);
    call = pull(0);
    check(lares_call_next(call) != NULL);
    check_ok(lares_call_end(call, LARES_FAILED)); /* the third at this one */
    check_str(cell_text(node, "letters", "name", "pulled", "reason"), "FAILED");
    check_u64(fact("queued"), 0);
}

/* The restart gate holds for pullers, too. */
static void test_pull__waits_for_the_gate(void **state)
{
    uint64_t began;
    lares_call *call;

    (void)state;
    pull_open("1", "30000", options("restart.initial", "100"));
    check_ok(say(daemon, "x", 0));
    for (int i = 0; i < 2; i++) {
        call = pull(2000);
        check(lares_call_next(call) != NULL);
        began = clock_ms();
        check_ok(lares_call_end(call, LARES_FAILED));
    }
    check_status(pull_status(0), LARES_ETIMEDOUT);
    check_status(pull_status(20), LARES_ETIMEDOUT);
    call = pull(-1);
    check(clock_ms() - began >= 99);
    check_u64(drain(call), 1);
}

/* -- the lease --------------------------------------------------------------------- */

static void test_pull__lease_ends_a_call(void **state)
{
    const lares_event *event;
    lares_call *call;

    (void)state; /* id: V10 */
    pull_open("1", "50", options("publish", "out"));
    check_ok(say(daemon, "first", 0));
    call = pull(2000);
    event = lares_call_next(call);
    check_ok(lares_call_emit(call, NULL, "lost", 4));
    eventually(fact("crashes") == 1);
    check_status(lares_call_emit(call, NULL, "late", 4), LARES_ESTALE);
    check(lares_call_next(call) == NULL);
    lares_call_fail(call, "too late");
    check_u64(event->len, 5);
    check_mem(event->data, "first", 5); /* readable until `end` */
    check_str(lares_call_argument(call), "");
    check_status(lares_call_end(call, LARES_DONE), LARES_ESTALE);
    check_u64(fact("sequence"), 0);
    check_str(daemon_text(node, "pulled", "error"),
              "the lease of the call was over");
    check_u64(drain(pull(2000)), 1);
    check_u64(fact("sequence"), 1);
}

static void *say_later(void *arg)
{
    nap_ms(50);
    return (void *)(intptr_t)say(arg, "x", 0);
}

/* The puller found nothing to show first: its lease holds all the same. */
static void test_pull__lease_ends_a_call_that_waited(void **state)
{
    pthread_t thread;
    lares_call *call;
    void *said;

    (void)state;
    pull_open("1", "50", NULL);
    check_status(ask(daemon, "gone", 1, NULL), LARES_ETIMEDOUT);
    check(pthread_create(&thread, NULL, say_later, daemon) == 0);
    call = pull(2000);
    check(pthread_join(thread, &said) == 0);
    check(said == NULL);
    check(lares_call_next(call) != NULL);
    eventually(fact("crashes") == 1);
    check_status(lares_call_end(call, LARES_DONE), LARES_ESTALE);
    check_u64(drain(pull(2000)), 1);
}

static void test_pull__lease_ends_a_call_without_lanes(void **state)
{
    lares_call *call;

    (void)state; /* id: V10 */
    pull_open("0", "30", NULL);
    check_ok(say(daemon, "x", 0));
    call = pull(0);
    check(lares_call_next(call) != NULL);
    check_status(lares_node_run(node, 60), LARES_ETIMEDOUT);
    check_status(lares_call_end(call, LARES_DONE), LARES_ESTALE);
    check_u64(fact("crashes"), 1);
}

/* The daemon is free again while the stale call is still held. */
static void test_pull__next_call_after_a_lease(void **state)
{
    lares_call *stale, *call;

    (void)state;
    pull_open("1", "50", NULL);
    check_ok(say(daemon, "x", 0));
    stale = pull(2000);
    check(lares_call_next(stale) != NULL);
    eventually(fact("crashes") == 1);
    call = pull(2000);
    check(lares_call_next(call) != NULL);
    check_status(lares_call_end(stale, LARES_DONE), LARES_ESTALE);
    check_ok(lares_call_end(call, LARES_DONE));
    check_u64(fact("inputs"), 1);
}

struct ender {
    lares_call *call;
    lares_status rc;
};

static void *end_it(void *arg)
{
    struct ender *ender = arg;

    (void)lares_call_next(ender->call);
    lares_call_emit(ender->call, NULL, "x", 1);
    ender->rc = lares_call_end(ender->call, LARES_DONE);
    return NULL;
}

/* A call ends at the very moment its lease does: by one of the two. */
static void test_pull__lease_races_end(void **state)
{
    int count = rounds(200, 10000);
    unsigned in_time = 0;

    (void)state;
    pull_open("1", "1",
              options("publish", "out", "restart.initial", "0",
                      "restart.attempts", "1"));
    for (int i = 0; i < count; i++) {
        struct ender ender = {0};
        pthread_t thread;

        if (fact("queued") == 0) /* too late even to take the one before? */
            check_ok(say(daemon, "x", 0));
        ender.call = pull(-1);
        check(pthread_create(&thread, NULL, end_it, &ender) == 0);
        check(pthread_join(thread, NULL) == 0);
        check(ender.rc == LARES_OK || ender.rc == LARES_ESTALE);
        in_time += ender.rc == LARES_OK;
    }
    check_u64(fact("sequence"), in_time);
    check_u64(fact("inputs"), in_time);
}

/* -- threads ------------------------------------------------------------------------ */

static void test_pull__who_holds_a_call_is_no_callback(void **state)
{
    lares_daemon *other;
    lares_call *call;

    (void)state; /* V10, and 2.4 of the contract */
    pull_open("1", "30000", NULL);
    other = spawn(node, "echo", NULL);
    check_ok(say(daemon, "x", 0));
    call = pull(2000);
    check(lares_call_next(call) != NULL);
    check_status(ask(daemon, "y", -1, NULL), LARES_EDEADLK);
    check_ok(ask(other, "y", -1, NULL));
    check_ok(say(daemon, "z", 0));
    check_ok(lares_call_end(call, LARES_DONE));
    drain(pull(2000));
    lares_daemon_free(other);
}

struct puller {
    atomic_int stop;
    unsigned count;
    lares_status rc;
};

static void *pull_until_closed(void *arg)
{
    struct puller *puller = arg;
    const lares_event *event;
    lares_call *call;

    while ((puller->rc = lares_daemon_pull(daemon, -1, &call)) == LARES_OK) {
        for (; (event = lares_call_next(call)) != NULL; puller->count++)
            lares_call_emit(call, NULL, event->data, event->len);
        puller->rc = lares_call_end(call, LARES_DONE);
        if (puller->rc < 0)
            break;
    }
    return NULL;
}

static void check_delivers(const char *lanes)
{
    struct puller puller = {0};
    lares_events *events = NULL;
    pthread_t thread;

    pull_open(lanes, "30000", options("batch", "1"));
    check(pthread_create(&thread, NULL, pull_until_closed, &puller) == 0);
    for (int i = 0; i < 200; i++) {
        check_ok(ask(daemon, "x", 5000, &events));
        check_u64(lares_events_next(events)->sequence, (uint64_t)i + 1);
        lares_events_free(events);
    }
    check_ok(lares_daemon_stop(daemon, -1));
    check(pthread_join(thread, NULL) == 0);
    check_status(puller.rc, LARES_ECLOSED);
    check_u64(puller.count, 200);
}

static void test_pull__is_delivered_to(void **state)
{
    (void)state;
    check_delivers("1");
}

static void test_pull__is_delivered_to_without_lanes(void **state)
{
    (void)state;
    check_delivers("0");
}

/* One by one, everything that waits in the mailbox: no wake-up is lost. */
static void test_pull__takes_a_full_mailbox(void **state)
{
    int count = rounds(2000, 100000);

    (void)state;
    pull_open("1", "30000",
              options("batch", "1", "mailbox.count", "100000", "mailbox.bytes",
                      "1073741824"));
    for (int i = 0; i < count; i++)
        check_ok(say(daemon, "x", 0));
    for (int i = 0; i < count; i++)
        check_u64(drain(pull(3000)), 1);
    check_u64(fact("queued"), 0);
}

/* What was let in before the stop is handed to the puller. */
static void test_pull__drains(void **state)
{
    struct puller puller = {0};
    pthread_t thread;

    (void)state;
    pull_open("1", "30000", options("batch", "2"));
    for (int i = 0; i < 100; i++)
        check_ok(say(daemon, "x", 0));
    check(pthread_create(&thread, NULL, pull_until_closed, &puller) == 0);
    check_ok(lares_daemon_stop(daemon, -1));
    check(pthread_join(thread, NULL) == 0);
    check_status(puller.rc, LARES_ECLOSED);
    check_u64(puller.count, 100);
}

static void *pull_once(void *arg)
{
    *(lares_status *)arg = pull_status(-1);
    return NULL;
}

static void check_freed_by_stop(const char *lanes)
{
    lares_status rc = LARES_OK;
    pthread_t thread;

    pull_open(lanes, "30000", NULL);
    check(pthread_create(&thread, NULL, pull_once, &rc) == 0);
    nap_ms(10);
    check_ok(lares_node_stop(node, -1));
    check(pthread_join(thread, NULL) == 0);
    check_status(rc, LARES_ECLOSED);
}

static void test_pull__a_waiting_puller_is_sent_away(void **state)
{
    (void)state;
    check_freed_by_stop("1");
}

static void test_pull__a_waiting_puller_is_sent_away_without_lanes(void **state)
{
    (void)state;
    check_freed_by_stop("0");
}

/* Its outputs find no space: no further call until they have. */
static void test_pull__parked_outputs_come_first(void **state)
{
    lares_inbox *inbox;

    (void)state;
    pull_open("1", "30000", options("publish", "out", "batch", "1"));
    inbox = subscribe(node, "out", options("mailbox.count", "1"));
    for (int i = 0; i < 3; i++)
        check_ok(say(daemon, "x", 0));
    drain(pull(2000));
    drain(pull(2000));
    check_status(pull_status(30), LARES_ETIMEDOUT);
    check_u64(fact("parked"), 1);
    check_u64(inbox_read(inbox, 100, texts, sizeof texts), 2);
    drain(pull(2000));
    check_u64(inbox_read(inbox, 100, texts, sizeof texts), 1);
    lares_inbox_free(inbox);
}

/* -- pulled as pushed --------------------------------------------------------------- */

struct story {
    uint64_t hash; /* of the last output */
    uint64_t sequence, arrival, crashes, letters, sketch;
};

/* Fails on '!', else emits each input twice; the same as a call's loop. */
static lares_verdict twice(lares_call *call, void *instance)
{
    const lares_event *event;

    (void)instance;
    while ((event = lares_call_next(call)) != NULL) {
        if (*(const char *)event->data == '!') {
            lares_call_fail(call, "boom");
            return LARES_FAILED;
        }
        lares_call_emit(call, NULL, event->data, event->len);
        lares_call_emit(call, NULL, event->data, event->len);
    }
    return LARES_DONE;
}

static void pull_all(lares_daemon *pulled)
{
    lares_call *call = NULL;

    while (lares_daemon_pull(pulled, 0, &call) == LARES_OK)
        check_ok(lares_call_end(call, twice(call, NULL)));
}

/* Everything but the way in is the same: world, seed, key, inputs. */
static struct story story_of(int pulled)
{
    static const char *const inputs[] = {"a", "b", "!c", "d", "!e", "f", "g"};
    const lares_daemon_ops ops = {.size = sizeof ops, .process = twice};
    struct story story = {0};
    lares_world *world = NULL;
    lares_node *stage = NULL;
    lares_daemon *actor;
    lares_inbox *inbox;
    lares_events *events;
    const lares_event *event;

    check_ok(lares_world_new(11, &world));
    check_ok(lares_world_node(world, "east", NULL, &stage));
    check_ok(lares_node_register(stage, "twice", NULL, pulled ? NULL : &ops,
                                 NULL, NULL));
    actor = spawn(stage, "twice", options("subscribe", "in", "publish", "out"));
    inbox = subscribe(stage, "out", NULL);
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++)
        check_ok(publish(stage, "in", inputs[i], 0));
    for (int ms = 0; ms < 500; ms += 10) {
        if (pulled)
            pull_all(actor);
        check_ok(lares_world_run(world, 10));
    }
    while (lares_inbox_next(inbox, 0, &events) == LARES_OK) {
        while ((event = lares_events_next(events)) != NULL) {
            story.hash = event->hash;
            story.sketch = event->horizon;
        }
        lares_events_free(events);
    }
    story.sequence = daemon_fact(stage, "twice", "sequence");
    story.arrival = daemon_fact(stage, "twice", "arrival");
    story.crashes = daemon_fact(stage, "twice", "crashes");
    story.letters = rows_count(stage, "letters");
    lares_inbox_free(inbox);
    lares_daemon_free(actor);
    node_close(stage);
    lares_world_free(world);
    return story;
}

static void test_pull__chain_equals_push(void **state)
{
    struct story pushed = story_of(0);
    struct story pulled = story_of(1);

    (void)state; /* id: V10 */
    pull_open("0", "30000", NULL);
    check_u64(pushed.sequence, 10);
    check_u64(pushed.letters, 2);
    check_u64(pulled.hash, pushed.hash);
    check_u64(pulled.sketch, pushed.sketch);
    check_u64(pulled.sequence, pushed.sequence);
    check_u64(pulled.arrival, pushed.arrival);
    check_u64(pulled.crashes, pushed.crashes);
    check_u64(pulled.letters, pushed.letters);
}

int main(void)
{
#define pull_test(test)                                                        \
    cmocka_unit_test_setup_teardown(test, pull_setup, pull_teardown)
    const struct CMUnitTest tests[] = {
        pull_test(test_pull__without_lanes),
        pull_test(test_pull__with_a_lane),
        pull_test(test_pull__one_call_at_a_time),
        pull_test(test_pull__of_a_kind_with_ops),
        pull_test(test_pull__what_is_not_taken_stays),
        pull_test(test_pull__verdicts),
        pull_test(test_pull__waits_for_the_gate),
        pull_test(test_pull__lease_ends_a_call),
        pull_test(test_pull__lease_ends_a_call_that_waited),
        pull_test(test_pull__lease_ends_a_call_without_lanes),
        pull_test(test_pull__next_call_after_a_lease),
        pull_test(test_pull__lease_races_end),
        pull_test(test_pull__who_holds_a_call_is_no_callback),
        pull_test(test_pull__is_delivered_to),
        pull_test(test_pull__is_delivered_to_without_lanes),
        pull_test(test_pull__takes_a_full_mailbox),
        pull_test(test_pull__drains),
        pull_test(test_pull__a_waiting_puller_is_sent_away),
        pull_test(test_pull__a_waiting_puller_is_sent_away_without_lanes),
        pull_test(test_pull__parked_outputs_come_first),
        pull_test(test_pull__chain_equals_push),
    };

    return check_run(tests);
}
