#include "support/house.h"

/* Nodes without lanes: whoever waits runs them. */

/* -- tools ---------------------------------------------------------------- */

static char texts[4096];

static uint64_t read_all(lares_inbox *inbox, int64_t timeout_ms)
{
    return inbox_read(inbox, timeout_ms, texts, sizeof texts);
}

/* -- what waits, runs ----------------------------------------------------- */

static void test_driven__publish_runs_the_full_daemon(void **state)
{
    lares_node *node = node_open("0");
    struct notes notes = {0};

    (void)state; /* id: NL07 */
    kind_add(node, "note", note, &notes);
    lares_daemon_free(
        spawn(node, "note", options("subscribe", "a", "mailbox.count", "2")));
    check_ok(publish(node, "a", "1", 0));
    check_ok(publish(node, "a", "2", 0));
    check_status(publish(node, "a", "3", 0), LARES_EAGAIN);
    check_u64(atomic_load(&notes.count), 0);
    check_ok(publish(node, "a", "3", 1000));
    check(atomic_load(&notes.count) >= 1);
    check_ok(publish(node, "a", "4", -1));
    run(node);
    check_u64(atomic_load(&notes.count), 4);
    check_str(notes.last, "4");
    node_close(node);
}

static void test_driven__send_runs_the_full_daemon(void **state)
{
    lares_node *node = node_open("0");
    struct notes notes = {0};
    lares_daemon *daemon;

    (void)state;
    kind_add(node, "note", note, &notes);
    daemon = spawn(node, "note", options("mailbox.count", "1"));
    for (int i = 0; i < 100; i++)
        check_ok(say(daemon, "x", -1));
    run(node);
    check_u64(atomic_load(&notes.count), 100);
    lares_daemon_free(daemon);
    node_close(node);
}

static void test_driven__deliver_runs_what_is_before_it(void **state)
{
    lares_node *node = node_open("0");
    struct notes notes = {0};
    lares_daemon *daemon;

    (void)state; /* id: NL07 */
    kind_add(node, "note", note, &notes);
    daemon = spawn(node, "note", options("batch", "1"));
    for (int i = 0; i < 10; i++)
        check_ok(say(daemon, "before", 0));
    check_ok(ask(daemon, "it", 1000, NULL));
    check_u64(atomic_load(&notes.count), 11);
    check_str(notes.last, "it");
    check_u64(notes.sequence, 11);
    lares_daemon_free(daemon);
    node_close(node);
}

static void test_driven__inbox_runs_a_pipeline(void **state)
{
    lares_node *node = node_open("0");
    lares_inbox *inbox;

    (void)state; /* id: NL07 */
    kind_add(node, "echo", echo, NULL);
    lares_daemon_free(
        spawn(node, "echo", options("subscribe", "a", "publish", "b")));
    lares_daemon_free(
        spawn(node, "echo", options("subscribe", "b", "publish", "c")));
    inbox = subscribe(node, "c", NULL);
    check_ok(publish(node, "a", "1", 0));
    check_ok(publish(node, "a", "2", 0));
    check_u64(read_all(inbox, 0), 2);
    check_str(texts, "1 2 ");
    check_u64(read_all(inbox, 10), 0);
    lares_inbox_free(inbox);
    node_close(node);
}

static void test_driven__wait_carries_out_a_stop(void **state)
{
    lares_node *node = node_open("0");
    struct notes notes = {0};

    (void)state; /* id: NL07 */
    kind_add(node, "note", note, &notes);
    lares_daemon_free(spawn(node, "note", options("subscribe", "a")));
    check_ok(publish(node, "a", "x", 0));
    check_ok(lares_node_stop(node, -1));
    check_str(cell_text(node, "node", "name", "east", "state"), "STOPPING");
    check_ok(lares_node_wait(node, -1));
    check_u64(atomic_load(&notes.count), 1);
    check_str(cell_text(node, "node", "name", "east", "state"), "STOPPED");
    lares_node_free(node);
}

static void test_driven__run_does_all_that_is_ready(void **state)
{
    lares_node *node = node_open("0");
    struct notes notes = {0};

    (void)state; /* id: NL07 */
    kind_add(node, "echo", echo, NULL);
    kind_add(node, "note", note, &notes);
    lares_daemon_free(
        spawn(node, "echo", options("subscribe", "a", "publish", "b")));
    lares_daemon_free(spawn(node, "note", options("subscribe", "b")));
    for (int i = 0; i < 1000; i++)
        check_ok(publish(node, "a", "x", 0));
    check_u64(atomic_load(&notes.count), 0);
    check_status(lares_node_run(node, 0), LARES_ETIMEDOUT);
    check_u64(atomic_load(&notes.count), 1000);
    node_close(node);
}

/* -- in a callback -------------------------------------------------------- */

struct asker {
    lares_node *node;
    lares_daemon *other;
    lares_inbox *inbox;
    lares_status publish, publish_try, deliver, next, next_try, wait, run, pull;
};

static lares_verdict ask_everything(lares_call *call, void *instance)
{
    struct asker *asker = instance;
    lares_events *events = NULL;
    lares_call *pulled = NULL;

    while (lares_call_next(call) != NULL) {
        asker->publish = publish(asker->node, "full", "x", 100);
        asker->publish_try = publish(asker->node, "full", "x", 0);
        asker->deliver = ask(asker->other, "x", 0, NULL);
        asker->next = lares_inbox_next(asker->inbox, -1, &events);
        asker->next_try = lares_inbox_next(asker->inbox, 0, &events);
        asker->wait = lares_node_wait(asker->node, 0);
        asker->run = lares_node_run(asker->node, 0);
        asker->pull = lares_daemon_pull(asker->other, 0, &pulled);
    }
    return LARES_DONE;
}

/* A full daemon "full", one that asks, and something to ask. */
static void asker_open(struct asker *asker, const char *lanes)
{
    lares_node *node = node_open(lanes);

    *asker = (struct asker){.node = node};
    check_ok(lares_node_register(node, "pulled", NULL, NULL, NULL, NULL));
    kind_add(node, "ask", ask_everything, asker);
    asker->inbox = subscribe(node, "nothing", NULL);
    asker->other = spawn(node, "pulled",
                         options("subscribe", "full", "mailbox.count", "1"));
    check_ok(publish(node, "full", "x", 0));
}

static void check_asker(const char *lanes)
{
    struct asker asker;
    lares_daemon *daemon;

    asker_open(&asker, lanes);
    daemon = spawn(asker.node, "ask", NULL);
    check_ok(ask(daemon, "x", 1000, NULL));
    check_status(asker.publish, LARES_EDEADLK);
    check_status(asker.publish_try, LARES_EAGAIN);
    check_status(asker.deliver, LARES_EDEADLK);
    check_status(asker.next, LARES_EDEADLK);
    check_status(asker.next_try, LARES_ETIMEDOUT);
    check_status(asker.wait, LARES_EDEADLK);
    check_status(asker.run, LARES_EDEADLK);
    check_status(asker.pull, LARES_EDEADLK);
    lares_daemon_free(daemon);
    lares_daemon_free(asker.other);
    lares_inbox_free(asker.inbox);
    node_close(asker.node);
}

static void test_driven__nothing_waits_in_a_callback(void **state)
{
    (void)state; /* id: NL07 */
    check_asker("0");
    check_asker("1");
}

/* -- several threads ------------------------------------------------------ */

enum {
    WAITERS = 4,
    EACH = 500
};

struct waiter {
    lares_node *node;
    lares_daemon *daemon;
    lares_status rc;
};

static void *deliver_often(void *arg)
{
    struct waiter *waiter = arg;

    for (int i = 0; i < EACH && waiter->rc == LARES_OK; i++)
        waiter->rc = ask(waiter->daemon, "x", -1, NULL);
    return NULL;
}

/* One drives; if it leaves, another that waits goes on. */
static void test_driven__one_thread_at_a_time_drives(void **state)
{
    lares_node *node = node_open("0");
    struct waiter waiters[WAITERS];
    pthread_t threads[WAITERS];
    struct notes notes = {0};
    lares_daemon *daemon;

    (void)state;
    kind_add(node, "note", note, &notes);
    daemon = spawn(node, "note", NULL);
    for (int i = 0; i < WAITERS; i++) {
        waiters[i] = (struct waiter){node, daemon, LARES_OK};
        check(pthread_create(&threads[i], NULL, deliver_often, &waiters[i]) ==
              0);
    }
    for (int i = 0; i < WAITERS; i++)
        check(pthread_join(threads[i], NULL) == 0);
    for (int i = 0; i < WAITERS; i++)
        check_status(waiters[i].rc, LARES_OK);
    check_u64(atomic_load(&notes.count), WAITERS * EACH);
    check_u64(daemon_fact(node, "note", "duplicates"), 0);
    lares_daemon_free(daemon);
    node_close(node);
}

static void *run_for_ever(void *arg)
{
    lares_status rc = lares_node_run(arg, -1);

    return (void *)(intptr_t)rc;
}

/* What comes from other threads wakes the one that sleeps in run. */
static void test_driven__others_feed_the_one_that_runs(void **state)
{
    lares_node *node = node_open("0");
    struct notes notes = {0};
    lares_daemon *daemon;
    pthread_t runner;
    void *rc;

    (void)state;
    kind_add(node, "note", note, &notes);
    daemon = spawn(node, "note", options("mailbox.count", "4"));
    check(pthread_create(&runner, NULL, run_for_ever, node) == 0);
    for (unsigned i = 1; i <= 200; i++) {
        check_ok(say(daemon, "x", -1));
        if (i % 20 == 0)
            eventually(atomic_load(&notes.count) == i);
    }
    check_ok(ask(daemon, "y", -1, NULL));
    check_ok(lares_daemon_stop(daemon, -1));
    check_u64(atomic_load(&notes.count), 201);
    check_ok(lares_node_stop(node, -1));
    check(pthread_join(runner, &rc) == 0);
    check((intptr_t)rc == LARES_OK);
    lares_daemon_free(daemon);
    lares_node_free(node);
}

static void test_driven__run_waits_for_time_to_pass(void **state)
{
    lares_node *node = node_open("0");
    uint64_t began = clock_ms();

    (void)state;
    check_status(lares_node_run(node, 60), LARES_ETIMEDOUT);
    check(clock_ms() - began >= 59);
    node_close(node);
}

/* A gate of the restart policy opens by itself while the node runs. */
/* Two that feed each other for ever: time is up all the same. */
static void test_driven__time_is_up_though_there_is_work(void **state)
{
    lares_node *node = node_open("0");

    (void)state;
    kind_add(node, "echo", echo, NULL);
    lares_daemon_free(
        spawn(node, "echo", options("subscribe", "a", "publish", "b")));
    lares_daemon_free(
        spawn(node, "echo", options("subscribe", "b", "publish", "a")));
    check_ok(publish(node, "a", "x", 0));
    check_status(lares_node_run(node, 20), LARES_ETIMEDOUT);
    node_close(node);
}

static void test_driven__gates_open_in_time(void **state)
{
    lares_node *node = node_open("0");
    lares_inbox *inbox;

    (void)state;
    kind_add(node, "touchy", touchy, NULL);
    lares_daemon_free(
        spawn(node, "touchy", options("subscribe", "a", "publish", "b")));
    inbox = subscribe(node, "b", NULL);
    check_ok(publish(node, "a", "!", 0));
    check_ok(publish(node, "a", "good", 0));
    check_u64(read_all(inbox, 0), 0);
    check_str(daemon_text(node, "touchy", "state"), "BACKOFF");
    check_u64(read_all(inbox, 300), 1);
    check_str(texts, "good ");
    check_str(cell_text(node, "letters", "reason", "FAILED", "text"), "boom");
    lares_inbox_free(inbox);
    node_close(node);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        house_test(test_driven__publish_runs_the_full_daemon),
        house_test(test_driven__send_runs_the_full_daemon),
        house_test(test_driven__deliver_runs_what_is_before_it),
        house_test(test_driven__inbox_runs_a_pipeline),
        house_test(test_driven__wait_carries_out_a_stop),
        house_test(test_driven__run_does_all_that_is_ready),
        house_test(test_driven__nothing_waits_in_a_callback),
        house_test(test_driven__one_thread_at_a_time_drives),
        house_test(test_driven__others_feed_the_one_that_runs),
        house_test(test_driven__run_waits_for_time_to_pass),
        house_test(test_driven__time_is_up_though_there_is_work),
        house_test(test_driven__gates_open_in_time),
    };

    return check_run(tests);
}
