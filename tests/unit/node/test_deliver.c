#include "support/house.h"

/* Turns that somebody waits for. */

/* -- tools ---------------------------------------------------------------- */

static char texts[4096];

/* Deliver and compare what came out, texts with a blank behind each. */
static void check_answer(lares_daemon *daemon, const char *text,
                         const char *answer, uint64_t first_sequence)
{
    lares_events *events = NULL;
    const lares_event *event;
    char got[256] = "";

    check_ok(ask(daemon, text, 2000, &events));
    while ((event = lares_events_next(events)) != NULL) {
        size_t used = strlen(got);

        check_u64(event->origin, lares_daemon_origin(daemon));
        check_u64(event->sequence, first_sequence++);
        event_text(event, got + used, sizeof got - used - 1);
        strcat(got, " ");
    }
    check_str(got, answer);
    lares_events_free(events);
}

/* Emits its input as often as its first digit says. */
static lares_verdict burst(lares_call *call, void *instance)
{
    const lares_event *event;

    (void)instance;
    while ((event = lares_call_next(call)) != NULL)
        for (int i = *(const char *)event->data - '0'; i > 0; i--)
            lares_call_emit(call, NULL, event->data, event->len);
    return LARES_DONE;
}

/* -- cases ---------------------------------------------------------------- */

static void check_outputs(const char *lanes)
{
    lares_node *node = node_open(lanes);
    lares_daemon *daemon;
    lares_inbox *inbox;

    kind_add(node, "burst", burst, NULL);
    daemon = spawn(node, "burst", options("publish", "out"));
    inbox = subscribe(node, "out", NULL);
    check_answer(daemon, "2", "2 2 ", 1);
    check_answer(daemon, "0", "", 3);
    check_answer(daemon, "1", "1 ", 3);
    check_ok(
        ask(daemon, "1", -1, NULL)); /* not wanted, published all the same */
    check_u64(inbox_read(inbox, 0, texts, sizeof texts), 4);
    check_str(texts, "2 2 1 1 ");
    check_u64(daemon_fact(node, "burst", "arrival"), 4);
    lares_inbox_free(inbox);
    lares_daemon_free(daemon);
    node_close(node);
}

static void test_deliver__answers_the_outputs(void **state)
{
    (void)state;
    check_outputs("0");
    check_outputs("2");
}

static void check_failure(const char *lanes)
{
    lares_node *node = node_open(lanes);
    lares_events *events = NULL;
    lares_daemon *daemon;

    kind_add(node, "touchy", touchy, NULL);
    daemon = spawn(node, "touchy", options("name", "d", "publish", "out"));
    check_answer(daemon, "a", "a ", 1);
    check_status(ask(daemon, "!", 1000, &events), LARES_ECALLBACK);
    check_str(lares_error_detail(), "d: boom");
    check(events == NULL);
    check_u64(daemon_fact(node, "d", "failures"), 0);
    check_u64(daemon_fact(node, "d", "crashes"), 1);
    check_u64(daemon_fact(node, "d", "sequence"), 1);
    check_str(daemon_text(node, "d", "state"), "RUNNING");
    check_str(daemon_text(node, "d", "error"), "boom");
    check_answer(daemon, "b", "b ", 2);
    check_u64(rows_count(node, "letters"), 0);
    lares_daemon_free(daemon);
    node_close(node);
}

static void test_deliver__failure_is_its_caller_s(void **state)
{
    (void)state; /* id: H08 */
    check_failure("0");
    check_failure("1");
}

static void test_deliver__failure_leaves_the_streak_alone(void **state)
{
    lares_node *node = node_open("0");
    lares_daemon *daemon;

    (void)state; /* id: H08 */
    kind_add(node, "touchy", touchy, NULL);
    daemon = spawn(node, "touchy", options("restart.initial", "0"));
    check_ok(say(daemon, "!", 0));
    check_ok(say(daemon, "!", 0));
    run(node);
    check_u64(daemon_fact(node, "touchy", "failures"), 6);
    check_status(ask(daemon, "!", 1000, NULL), LARES_ECALLBACK);
    check_u64(daemon_fact(node, "touchy", "failures"), 6);
    check_ok(ask(daemon, "fine", 1000, NULL));
    check_u64(daemon_fact(node, "touchy", "failures"), 0);
    lares_daemon_free(daemon);
    node_close(node);
}

static void test_deliver__is_down_while_the_gate_is_closed(void **state)
{
    lares_node *node = node_open("0");
    lares_daemon *daemon;

    (void)state;
    kind_add(node, "touchy", touchy, NULL);
    daemon = spawn(node, "touchy", options("restart.initial", "60000"));
    check_ok(say(daemon, "!", 0));
    run(node);
    check_status(ask(daemon, "x", 1000, NULL), LARES_EDOWN);
    check_ok(say(daemon, "x", 0)); /* collected */
    check_u64(daemon_fact(node, "touchy", "queued"), 2);
    lares_daemon_free(daemon);
    node_close(node);
}

/* -- waiting for the turn ------------------------------------------------- */

struct deliverer {
    lares_daemon *daemon;
    lares_status rc;
    int64_t timeout_ms;
};

static void *deliver_once(void *arg)
{
    struct deliverer *deliverer = arg;

    deliverer->rc = ask(deliverer->daemon, "x", deliverer->timeout_ms, NULL);
    return NULL;
}

static void test_deliver__given_up_in_the_queue_never_runs(void **state)
{
    struct door door = {0};
    lares_node *node = node_open("1");
    lares_daemon *daemon;

    (void)state; /* id: H08 */
    kind_add(node, "stand", stand, &door);
    daemon = spawn(node, "stand", options("batch", "1"));
    check_ok(say(daemon, "1", 0));
    eventually(atomic_load(&door.inside) == 1);
    check_status(ask(daemon, "2", 30, NULL), LARES_ETIMEDOUT);
    check_status(ask(daemon, "3", 0, NULL), LARES_EAGAIN);
    check_ok(say(daemon, "4", 0));
    atomic_store(&door.open, 1);
    check_ok(ask(daemon, "5", 2000, NULL));
    check_u64(atomic_load(&door.passed), 3);
    check_u64(daemon_fact(node, "stand", "arrival"), 5);
    check_u64(daemon_fact(node, "stand", "queued"), 0);
    lares_daemon_free(daemon);
    node_close(node);
}

/* Refused with its event in hand, which goes once. */
static void test_deliver__finds_no_space(void **state)
{
    struct door door = {0};
    lares_node *node = node_open("1");
    lares_daemon *daemon;

    (void)state;
    kind_add(node, "stand", stand, &door);
    daemon = spawn(node, "stand", options("mailbox.count", "1"));
    check_ok(say(daemon, "1", 0));
    eventually(atomic_load(&door.inside) == 1);
    check_status(ask(daemon, "2", 0, NULL), LARES_EAGAIN);
    check_status(ask(daemon, "3", 20, NULL), LARES_ETIMEDOUT);
    check_detail("stand");
    atomic_store(&door.open, 1);
    check_ok(ask(daemon, "4", 2000, NULL));
    lares_daemon_free(daemon);
    node_close(node);
}

static void test_deliver__waits_for_its_turn(void **state)
{
    struct door door = {0};
    lares_node *node = node_open("1");
    struct deliverer deliverer = {.timeout_ms = -1};
    pthread_t thread;

    (void)state;
    kind_add(node, "stand", stand, &door);
    deliverer.daemon = spawn(node, "stand", NULL);
    check_ok(say(deliverer.daemon, "1", 0));
    eventually(atomic_load(&door.inside) == 1);
    check(pthread_create(&thread, NULL, deliver_once, &deliverer) == 0);
    eventually(daemon_fact(node, "stand", "queued") == 2);
    atomic_store(&door.open, 1);
    check(pthread_join(thread, NULL) == 0);
    check_status(deliverer.rc, LARES_OK);
    check_u64(atomic_load(&door.passed), 2);
    lares_daemon_free(deliverer.daemon);
    node_close(node);
}

/* Two doors: what is delivered, "x", stands at the second. */
static lares_verdict stand_at_two(lares_call *call, void *instance)
{
    struct door *doors = instance;
    const lares_event *event;

    while ((event = lares_call_next(call)) != NULL) {
        struct door *door = &doors[*(const char *)event->data == 'x'];

        atomic_fetch_add(&door->inside, 1);
        while (!atomic_load(&door->open))
            nap_ms(1);
    }
    return LARES_DONE;
}

static void test_deliver__begun_and_not_ended_is_unknown(void **state)
{
    struct door doors[2] = {0};
    lares_node *node = node_open("1");
    struct deliverer deliverer = {.timeout_ms = 500};
    pthread_t thread;

    (void)state;
    kind_add(node, "stand", stand_at_two, doors);
    deliverer.daemon = spawn(node, "stand", NULL);
    check_ok(say(deliverer.daemon, "1", 0));
    eventually(atomic_load(&doors[0].inside) == 1);
    check(pthread_create(&thread, NULL, deliver_once, &deliverer) == 0);
    eventually(daemon_fact(node, "stand", "queued") == 2);
    atomic_store(&doors[0].open, 1);
    check(pthread_join(thread, NULL) == 0);
    check_status(deliverer.rc, LARES_EUNKNOWN);
    atomic_store(&doors[1].open, 1);
    eventually(daemon_fact(node, "stand", "inputs") == 2);
    lares_daemon_free(deliverer.daemon);
    node_close(node);
}

static void test_deliver__waits_while_its_daemon_ends(void **state)
{
    struct door door = {0};
    lares_node *node = node_open("1");
    struct deliverer deliverer = {.timeout_ms = -1};
    pthread_t thread;

    (void)state;
    kind_add(node, "stand", stand, &door);
    deliverer.daemon = spawn(node, "stand", options("batch", "1"));
    check_ok(say(deliverer.daemon, "1", 0));
    eventually(atomic_load(&door.inside) == 1);
    check(pthread_create(&thread, NULL, deliver_once, &deliverer) == 0);
    eventually(daemon_fact(node, "stand", "queued") == 2);
    check_ok(lares_node_stop(node, 0));
    eventually(strcmp(daemon_text(node, "stand", "state"), "DRAINING") == 0);
    atomic_store(&door.open, 1);
    check(pthread_join(thread, NULL) == 0);
    check_status(deliverer.rc, LARES_ECLOSED);
    check_ok(lares_node_wait(node, 5000));
    check_u64(atomic_load(&door.passed), 1);
    check_u64(rows_count(node, "letters"), 0); /* its caller knows */
    lares_daemon_free(deliverer.daemon);
    lares_node_free(node);
}

/* -- outputs without space ------------------------------------------------ */

/* A daemon whose outputs go to an inbox of two. */
static lares_node *narrow_open(const char *lanes, lares_daemon **daemon_out,
                               lares_inbox **inbox_out)
{
    lares_node *node = node_open(lanes);

    kind_add(node, "echo", echo, NULL);
    *daemon_out = spawn(node, "echo", options("publish", "out"));
    *inbox_out = subscribe(node, "out", options("mailbox.count", "2"));
    return node;
}

static void check_parked(const char *lanes)
{
    lares_daemon *daemon;
    lares_inbox *inbox;
    lares_node *node = narrow_open(lanes, &daemon, &inbox);

    check_ok(ask(daemon, "1", 1000, NULL));
    check_ok(ask(daemon, "2", 1000, NULL));
    check_ok(ask(daemon, "3", 1000, NULL)); /* returns at commit */
    check_u64(daemon_fact(node, "echo", "parked"), 1);
    check_str(daemon_text(node, "echo", "waits_for"), "inbox");
    check_status(ask(daemon, "4", 30, NULL), LARES_ETIMEDOUT);
    check_detail("'inbox'");
    check_status(ask(daemon, "5", 0, NULL), LARES_EAGAIN);
    check_detail("'inbox'");
    check_u64(daemon_fact(node, "echo", "inputs"), 3); /* no crossing */
    check_ok(say(daemon, "6", 0));
    check_u64(inbox_read(inbox, 200, texts, sizeof texts), 4);
    check_str(texts, "1 2 3 6 ");
    check_u64(daemon_fact(node, "echo", "sequence"), 4);
    check_u64(daemon_fact(node, "echo", "parked"), 0);
    check_str(daemon_text(node, "echo", "waits_for"), "");
    lares_inbox_free(inbox);
    lares_daemon_free(daemon);
    node_close(node);
}

static void test_deliver__parked_outputs_stop_a_daemon(void **state)
{
    (void)state; /* id: H07 */
    check_parked("0");
    check_parked("1");
}

static void test_deliver__closing_receiver_lets_outputs_go(void **state)
{
    lares_daemon *daemon;
    lares_inbox *inbox;
    lares_node *node = narrow_open("1", &daemon, &inbox);

    (void)state;
    for (int i = 0; i < 3; i++)
        check_ok(ask(daemon, "x", 1000, NULL));
    check_u64(daemon_fact(node, "echo", "parked"), 1);
    lares_inbox_free(inbox);
    check_ok(ask(daemon, "x", 2000, NULL));
    check_u64(daemon_fact(node, "echo", "parked"), 0);
    lares_daemon_free(daemon);
    node_close(node);
}

/* -- bounds --------------------------------------------------------------- */

/* A large payload is copied before the daemon is looked at, and once. */
static void test_deliver__of_a_large_payload_in_the_queue(void **state)
{
    lares_node *node = node_open("0");
    char *large = calloc(1, 100000);
    lares_daemon *daemon;

    (void)state;
    kind_add(node, "echo", echo, NULL);
    daemon = spawn(node, "echo", NULL);
    check_ok(say(daemon, "first", 0));
    check_ok(lares_daemon_deliver(daemon, large, 100000, 0, NULL));
    check_u64(daemon_fact(node, "echo", "inputs"), 2);
    free(large);
    lares_daemon_free(daemon);
    node_close(node);
}

static void test_deliver__checks_its_arguments(void **state)
{
    static const char byte[1];
    lares_node *node = node_open("0");
    lares_events *events = NULL;
    lares_daemon *daemon;

    (void)state;
    kind_add(node, "echo", echo, NULL);
    daemon = spawn(node, "echo", NULL);
    check_status(lares_daemon_deliver(daemon, NULL, 1, 0, &events),
                 LARES_EINVAL);
    check_status(lares_daemon_deliver(daemon, byte, 16777217, 0, &events),
                 LARES_ETOOBIG);
    check_status(ask(daemon, "x", -2, &events), LARES_ERANGE);
    check_status(lares_daemon_send(daemon, byte, 16777217, 0), LARES_ETOOBIG);
    check(events == NULL);
    check_ok(lares_daemon_deliver(daemon, NULL, 0, 0, &events));
    check_u64(lares_events_next(events)->len, 0);
    lares_events_free(events);
    check_ok(lares_daemon_stop(daemon, 0));
    check_status(ask(daemon, "x", -1, &events), LARES_ECLOSED);
    check_status(say(daemon, "x", -1), LARES_ECLOSED);
    lares_daemon_free(daemon);
    node_close(node);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        house_test(test_deliver__answers_the_outputs),
        house_test(test_deliver__failure_is_its_caller_s),
        house_test(test_deliver__failure_leaves_the_streak_alone),
        house_test(test_deliver__is_down_while_the_gate_is_closed),
        house_test(test_deliver__given_up_in_the_queue_never_runs),
        house_test(test_deliver__finds_no_space),
        house_test(test_deliver__waits_for_its_turn),
        house_test(test_deliver__begun_and_not_ended_is_unknown),
        house_test(test_deliver__waits_while_its_daemon_ends),
        house_test(test_deliver__parked_outputs_stop_a_daemon),
        house_test(test_deliver__closing_receiver_lets_outputs_go),
        house_test(test_deliver__of_a_large_payload_in_the_queue),
        house_test(test_deliver__checks_its_arguments),
    };

    return check_run(tests);
}
