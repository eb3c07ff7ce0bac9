#include "support/house.h"

/* What is queued as a daemon stops: processed, or left as letters. */

/* -- tools ---------------------------------------------------------------- */

static char texts[4096];

struct queued {
    lares_node *node;
    lares_daemon *daemon; /* notes what it gets */
    lares_daemon *blocker;
    struct notes notes;
    struct door door;
};

/* A hundred inputs wait; with a lane, behind a daemon that stands. */
static void queued_open(struct queued *queued, const char *lanes)
{
    lares_node *node = node_open(lanes);

    memset(queued, 0, sizeof *queued);
    queued->node = node;
    kind_add(node, "note", note, &queued->notes);
    kind_add(node, "stand", stand, &queued->door);
    queued->daemon = spawn(node, "note", NULL);
    queued->blocker = spawn(node, "stand", NULL);
    check_ok(say(queued->blocker, "x", 0));
    if (*lanes != '0')
        eventually(atomic_load(&queued->door.inside) == 1);
    for (int i = 0; i < 100; i++)
        check_ok(say(queued->daemon, "x", 0));
}

/* The stop is asked for before the door opens. */
static void queued_stop(struct queued *queued, int64_t grace_ms)
{
    struct stopper stopper = {.daemon = queued->daemon, .grace_ms = grace_ms};
    pthread_t thread;

    check(pthread_create(&thread, NULL, stop_it, &stopper) == 0);
    nap_ms(10);
    atomic_store(&queued->door.open, 1);
    check(pthread_join(thread, NULL) == 0);
    check_status(stopper.rc, LARES_OK);
}

static void queued_close(struct queued *queued, uint64_t processed)
{
    uint64_t letters = 100 - processed;
    lares_node *node = queued->node;

    check_u64(atomic_load(&queued->notes.count), processed);
    check_u64(rows_count(node, "letters"), letters);
    check_u64(counter(node, "dead_letters_total", "reason=\"CLOSED\""),
              letters);
    lares_daemon_free(queued->daemon);
    lares_daemon_free(queued->blocker);
    node_close(node);
}

static void check_queued(const char *lanes, int64_t grace_ms,
                         uint64_t processed)
{
    struct queued queued;

    queued_open(&queued, lanes);
    queued_stop(&queued, grace_ms);
    queued_close(&queued, processed);
}

/* -- cases ---------------------------------------------------------------- */

static void test_drain__processes_what_is_queued(void **state)
{
    (void)state; /* NC03, but for SHUTDOWN */
    check_queued("0", -1, 100);
    check_queued("1", -1, 100);
    check_queued("1", 5000, 100);
}

static void test_drain__without_grace_leaves_letters(void **state)
{
    (void)state; /* NC03, but for SHUTDOWN */
    check_queued("0", 0, 0);
    check_queued("1", 0, 0);
}

/* In BACKOFF the gate counts as open: tried at once, then a letter. */
static void test_drain__does_not_wait_for_a_gate(void **state)
{
    lares_node *node = node_open("0");
    lares_daemon *daemon;
    lares_inbox *inbox;
    uint64_t began = clock_ms();

    (void)state; /* NC03, but for SHUTDOWN */
    kind_add(node, "touchy", touchy, NULL);
    inbox = subscribe(node, "out", NULL);
    daemon = spawn(node, "touchy",
                   options("publish", "out", "restart.initial", "60000",
                           "restart.max", "600000"));
    check_ok(say(daemon, "!", 0));
    check_ok(say(daemon, "good", 0));
    run(node);
    check_str(daemon_text(node, "touchy", "state"), "BACKOFF");
    check_ok(lares_daemon_stop(daemon, -1));
    check(clock_ms() - began < 5000);
    check_u64(inbox_read(inbox, 0, texts, sizeof texts), 1);
    check_str(texts, "good ");
    check_str(cell_text(node, "letters", "name", "touchy", "reason"), "FAILED");
    check_u64(rows_count(node, "letters"), 1);
    lares_inbox_free(inbox);
    lares_daemon_free(daemon);
    node_close(node);
}

/* Who fails on and on does not keep its node from stopping. */
static void check_sick_stops(const char *lanes)
{
    lares_node *node = node_open(lanes);
    lares_daemon *daemon;

    kind_add(node, "touchy", touchy, NULL);
    daemon = spawn(node, "touchy",
                   options("restart.initial", "60000", "restart.max", "60000"));
    for (int i = 0; i < 5; i++)
        check_ok(say(daemon, "!", 0));
    check_status(lares_node_run(node, 20), LARES_ETIMEDOUT);
    check_str(daemon_text(node, "touchy", "state"), "LOOPING");
    check_ok(lares_node_stop(node, -1));
    check_ok(lares_node_wait(node, 8000));
    check_u64(rows_count(node, "letters"), 5);
    check_u64(counter(node, "dead_letters_total", "reason=\"FAILED\""), 5);
    lares_daemon_free(daemon);
    lares_node_free(node);
}

static void test_drain__of_a_node_with_a_sick_daemon(void **state)
{
    (void)state;
    check_sick_stops("0");
    check_sick_stops("1");
}

/* Outputs that found no space become letters as the grace ends. */
static void test_drain__parked_outputs_become_letters(void **state)
{
    lares_node *node = node_open("1");
    lares_inbox *inbox = subscribe(node, "out", options("mailbox.count", "1"));
    lares_daemon *daemon;

    (void)state;
    kind_add(node, "echo", echo, NULL);
    daemon = spawn(node, "echo", options("publish", "out"));
    for (int i = 0; i < 3; i++)
        check_ok(say(daemon, "x", 0));
    eventually(daemon_fact(node, "echo", "parked") == 1);
    check_ok(lares_daemon_stop(daemon, 50));
    check_u64(inbox_read(inbox, 10, texts, sizeof texts), 1);
    check_u64(rows_count(node, "letters"), 2);
    check_str(cell_text(node, "letters", "sequence", "2", "channel"), "out");
    check_str(cell_text(node, "letters", "sequence", "3", "reason"), "CLOSED");
    lares_inbox_free(inbox);
    lares_daemon_free(daemon);
    node_close(node);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        house_test(test_drain__processes_what_is_queued),
        house_test(test_drain__without_grace_leaves_letters),
        house_test(test_drain__does_not_wait_for_a_gate),
        house_test(test_drain__of_a_node_with_a_sick_daemon),
        house_test(test_drain__parked_outputs_become_letters),
    };

    return check_run(tests);
}
