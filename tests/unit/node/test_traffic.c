#include "support/house.h"

/* Many threads at once: order, and nothing lost or doubled. */

/* -- tools ---------------------------------------------------------------- */

enum {
    PUBLISHERS = 8,
    ORIGINS = 16
};

/* Follows each origin: its sequence must rise by `step` at most, never fall. */
struct follower {
    uint64_t origins[ORIGINS];
    uint64_t sequences[ORIGINS];
    atomic_uint count;
    atomic_uint holes;   /* a sequence was left out */
    atomic_uint repeats; /* the same or an older one came */
};

static void follow(struct follower *follower, const lares_event *event)
{
    int i = 0;

    while (i < ORIGINS - 1 && follower->origins[i] != event->origin &&
           follower->origins[i] != 0)
        i++;
    follower->origins[i] = event->origin;
    if (event->sequence <= follower->sequences[i])
        atomic_fetch_add(&follower->repeats, 1);
    else if (event->sequence > follower->sequences[i] + 1)
        atomic_fetch_add(&follower->holes, 1);
    follower->sequences[i] = event->sequence;
    atomic_fetch_add(&follower->count, 1);
}

static lares_verdict follow_process(lares_call *call, void *instance)
{
    const lares_event *event;

    while ((event = lares_call_next(call)) != NULL)
        follow(instance, event);
    return LARES_DONE;
}

struct worker {
    lares_node *node;
    lares_daemon *daemon;
    int rounds;
    int turn; /* which way this one begins with */
    unsigned ok, refused;
    lares_status rc; /* the last that was neither OK nor a refusal */
};

static void worker_note(struct worker *worker, lares_status rc)
{
    if (rc == LARES_OK)
        worker->ok++;
    else if (rc == LARES_EAGAIN || rc == LARES_ETIMEDOUT)
        worker->refused++;
    else
        worker->rc = rc;
}

static void workers_run(struct worker *workers, int count,
                        void *(*fn)(void *arg))
{
    pthread_t threads[PUBLISHERS];

    for (int i = 0; i < count; i++)
        check(pthread_create(&threads[i], NULL, fn, &workers[i]) == 0);
    for (int i = 0; i < count; i++)
        check(pthread_join(threads[i], NULL) == 0);
    for (int i = 0; i < count; i++)
        check_status(workers[i].rc, LARES_OK);
}

static struct worker *workers_of(lares_node *node, lares_daemon *daemon,
                                 int rounds_each)
{
    static struct worker workers[PUBLISHERS];

    for (int i = 0; i < PUBLISHERS; i++)
        workers[i] = (struct worker){
            .node = node, .daemon = daemon, .rounds = rounds_each, .turn = i};
    return workers;
}

static unsigned all_ok(const struct worker *workers)
{
    unsigned sum = 0;

    for (int i = 0; i < PUBLISHERS; i++)
        sum += workers[i].ok;
    return sum;
}

/* -- order ---------------------------------------------------------------- */

static void *publish_in(void *arg)
{
    struct worker *worker = arg;

    for (int i = 0; i < worker->rounds; i++)
        worker_note(worker, publish(worker->node, "in", "x", -1));
    return NULL;
}

struct reader {
    lares_inbox *inbox;
    struct follower follower;
};

static void *follow_inbox(void *arg)
{
    struct reader *reader = arg;
    const lares_event *event;
    lares_events *events;

    while (lares_inbox_next(reader->inbox, -1, &events) == LARES_OK) {
        while ((event = lares_events_next(events)) != NULL)
            follow(&reader->follower, event);
        lares_events_free(events);
    }
    return NULL;
}

static void check_followed(const struct follower *follower, unsigned count)
{
    check_u64(atomic_load(&follower->count), count);
    check_u64(atomic_load(&follower->holes), 0);
    check_u64(atomic_load(&follower->repeats), 0);
}

/* One chain of all publishers, and four of daemons between. */
static void check_order(const char *lanes)
{
    int each = rounds(3000, 100000);
    unsigned all = (unsigned)(PUBLISHERS * each);
    static struct follower followers[3];
    static struct reader reader;
    lares_node *node = node_open(lanes);
    pthread_t thread;

    memset(followers, 0, sizeof followers);
    memset(&reader, 0, sizeof reader);
    kind_add(node, "echo", echo, NULL);
    for (int i = 0; i < 4; i++)
        lares_daemon_free(
            spawn(node, "echo", options("subscribe", "in", "publish", "out")));
    for (int i = 0; i < 3; i++) {
        const char *kinds[] = {"f0", "f1", "f2"};

        kind_add(node, kinds[i], follow_process, &followers[i]);
        lares_daemon_free(spawn(
            node, kinds[i], options("subscribe", i == 0 ? "in" : "in out")));
    }
    reader.inbox = subscribe(node, ">", options("mailbox.count", "100"));
    check(pthread_create(&thread, NULL, follow_inbox, &reader) == 0);
    workers_run(workers_of(node, NULL, each), PUBLISHERS, publish_in);
    check_ok(lares_node_stop(node, -1));
    check_ok(lares_node_wait(node, 8000));
    check(pthread_join(thread, NULL) == 0);
    check_followed(&followers[0], all);
    check_followed(&followers[1], 5 * all);
    check_followed(&followers[2], 5 * all);
    check_followed(&reader.follower, 5 * all);
    check_u64(counter(node, "inputs_total", "result=\"duplicate\""), 0);
    check_u64(rows_count(node, "letters"), 0);
    lares_inbox_free(reader.inbox);
    lares_node_free(node);
}

static void test_traffic__keeps_the_order_of_each_origin(void **state)
{
    (void)state;
    check_order("2");
    check_order("3");
    check_order("1");
}

/* -- three ways into one daemon ------------------------------------------- */

static void *publish_send_deliver(void *arg)
{
    struct worker *worker = arg;

    for (int i = 0; i < worker->rounds; i++) {
        int64_t timeout_ms = i % 7 == 0 ? 5 : 0;

        switch ((worker->turn + i) % 3) {
        case 0:
            worker_note(worker, publish(worker->node, "hub", "p", timeout_ms));
            break;
        case 1:
            worker_note(worker, say(worker->daemon, "s", timeout_ms));
            break;
        default:
            worker_note(worker, ask(worker->daemon, "d", 1000, NULL));
        }
    }
    return NULL;
}

/* The hub follows what it gets, and passes it on. */
static lares_verdict hub_process(lares_call *call, void *instance)
{
    const lares_event *event;

    while ((event = lares_call_next(call)) != NULL) {
        follow(instance, event);
        lares_call_emit(call, NULL, event->data, event->len);
    }
    return LARES_DONE;
}

static void test_traffic__three_ways_in_with_refusals(void **state)
{
    static struct follower hub, feet[3];
    const char *kinds[] = {"f0", "f1", "f2"};
    lares_node *node = node_open("3");
    struct worker *workers;
    lares_daemon *daemon;

    (void)state; /* id: BM05 */
    memset(&hub, 0, sizeof hub);
    memset(feet, 0, sizeof feet);
    kind_add(node, "hub", hub_process, &hub);
    daemon = spawn(
        node, "hub",
        options("subscribe", "hub", "publish", "feet", "mailbox.count", "8"));
    for (int i = 0; i < 3; i++) {
        kind_add(node, kinds[i], follow_process, &feet[i]);
        lares_daemon_free(
            spawn(node, kinds[i],
                  options("subscribe", "feet", "mailbox.count", "4")));
    }
    workers = workers_of(node, daemon, rounds(6000, 200000));
    workers_run(workers, PUBLISHERS, publish_send_deliver);
    check_ok(lares_node_stop(node, -1));
    check_ok(lares_node_wait(node, 8000));
    check_followed(&hub, all_ok(workers));
    for (int i = 0; i < 3; i++)
        check_followed(&feet[i], all_ok(workers));
    check_u64(counter(node, "inputs_total", "result=\"duplicate\""), 0);
    check(workers[0].refused + workers[1].refused > 0);
    lares_daemon_free(daemon);
    lares_node_free(node);
}

/* -- one line ------------------------------------------------------------- */

static void *publish_to_line(void *arg)
{
    struct worker *worker = arg;

    for (int i = 0; i < worker->rounds; i++)
        worker_note(worker, publish(worker->node, "line", "x", -1));
    return NULL;
}

static void *publish_to_feeder(void *arg)
{
    struct worker *worker = arg;

    for (int i = 0; i < worker->rounds; i++)
        worker_note(worker, say(worker->daemon, "x", -1));
    return NULL;
}

static void *publish_both(void *arg)
{
    struct worker *worker = arg;

    return worker->turn == 0 ? publish_to_feeder(arg) : publish_to_line(arg);
}

/* Eight threads and a daemon, whose outputs are parked, wait for one. */
static void test_traffic__all_in_one_line(void **state)
{
    static struct follower end;
    lares_node *node = node_open("2");
    struct worker *workers;
    lares_daemon *feeder;

    (void)state; /* id: BM06 */
    memset(&end, 0, sizeof end);
    kind_add(node, "end", follow_process, &end);
    kind_add(node, "echo", echo, NULL);
    lares_daemon_free(
        spawn(node, "end", options("subscribe", "line", "mailbox.count", "4")));
    feeder =
        spawn(node, "echo", options("publish", "line", "mailbox.count", "16"));
    workers = workers_of(node, feeder, rounds(2500, 100000));
    workers_run(workers, PUBLISHERS, publish_both);
    check_ok(lares_node_stop(node, -1));
    check_ok(lares_node_wait(node, 8000));
    check_u64(atomic_load(&end.count), all_ok(workers));
    check_u64(atomic_load(&end.repeats), 0);
    check_u64(counter(node, "inputs_total", "result=\"duplicate\""), 0);
    for (int i = 0; i < PUBLISHERS; i++)
        check_u64(workers[i].ok, (uint64_t)workers[i].rounds);
    lares_daemon_free(feeder);
    lares_node_free(node);
}

static void test_traffic__fast_into_slow_loses_nothing(void **state)
{
    unsigned count = (unsigned)rounds(1000000, 10000000);
    static struct follower end;
    lares_node *node = node_open("2");

    (void)state; /* id: BM03 */
    memset(&end, 0, sizeof end);
    kind_add(node, "end", follow_process, &end);
    lares_daemon_free(spawn(node, "end", options("subscribe", "in")));
    for (unsigned i = 0; i < count; i++)
        check_ok(publish(node, "in", "x", -1));
    check_ok(lares_node_stop(node, -1));
    check_ok(lares_node_wait(node, 8000));
    check_followed(&end, count);
    check_u64(rows_count(node, "letters"), 0);
    lares_node_free(node);
}

/* -- what comes and goes -------------------------------------------------- */

struct churn {
    lares_node *node;
    int rounds;
    lares_status rc;
    atomic_int done;
};

static lares_status churn_once(lares_node *node)
{
    lares_daemon *daemon = NULL;
    lares_inbox *inbox = NULL;
    lares_status rc = lares_node_spawn(node, "echo", NULL, NULL, &daemon);

    if (rc == LARES_OK)
        rc = lares_daemon_subscribe(daemon, "in", NULL);
    if (rc == LARES_OK)
        rc = lares_node_subscribe(node, "in", NULL, &inbox);
    lares_inbox_free(inbox);
    if (rc == LARES_OK)
        rc = lares_daemon_stop(daemon, 0);
    lares_daemon_free(daemon);
    return rc;
}

/* Daemons and inboxes on the channel come and go as it is published on. */
static void *churn_receivers(void *arg)
{
    struct churn *churn = arg;

    for (int i = 0; i < churn->rounds && churn->rc == LARES_OK; i++)
        churn->rc = churn_once(churn->node);
    atomic_store(&churn->done, 1);
    return NULL;
}

static void test_traffic__receivers_come_and_go(void **state)
{
    static struct follower end;
    lares_node *node = node_open("2");
    struct churn churn = {.node = node, .rounds = rounds(500, 20000)};
    unsigned count = 0;
    pthread_t thread;

    (void)state; /* id: BM08 */
    memset(&end, 0, sizeof end);
    kind_add(node, "end", follow_process, &end);
    kind_add(node, "echo", echo, NULL);
    lares_daemon_free(spawn(node, "end", options("subscribe", "in")));
    check(pthread_create(&thread, NULL, churn_receivers, &churn) == 0);
    for (; !atomic_load(&churn.done); count++)
        check_ok(publish(node, "in", "x", -1));
    check(pthread_join(thread, NULL) == 0);
    check_status(churn.rc, LARES_OK);
    check_ok(lares_node_stop(node, -1));
    check_ok(lares_node_wait(node, 8000));
    check_followed(&end, count);
    lares_node_free(node);
}

/* -- what it costs -------------------------------------------------------- */

/* Passes a token on until its count is used up. */
static lares_verdict pass(lares_call *call, void *instance)
{
    const lares_event *event;
    uint64_t left;

    (void)instance;
    while ((event = lares_call_next(call)) != NULL) {
        memcpy(&left, event->data, sizeof left);
        if (left-- > 0)
            lares_call_emit(call, NULL, &left, sizeof left);
    }
    return LARES_DONE;
}

/* 64 tokens in a ring of two daemons, that make so many hops each. */
static void tokens_run(lares_node *node, uint64_t hops)
{
    for (int i = 0; i < 64; i++)
        check_ok(lares_node_publish(node, "ping", &hops, sizeof hops, 0));
    run(node);
}

static void test_traffic__a_lane_neither_allocates_nor_locks(void **state)
{
    uint64_t hops = (uint64_t)rounds(1000000, 10000000) / 64;
    lares_node *node = node_open("0");
    uint64_t calls, locks, few;

    (void)state; /* id: BM08 */
    kind_add(node, "pass", pass, NULL);
    lares_daemon_free(
        spawn(node, "pass", options("subscribe", "ping", "publish", "pong")));
    lares_daemon_free(
        spawn(node, "pass", options("subscribe", "pong", "publish", "ping")));
    tokens_run(node, 100);
    locks = locks_taken();
    tokens_run(node, 0);
    few = locks_taken() - locks; /* of the programs' side */
    calls = lares__alloc_count();
    locks = locks_taken();
    tokens_run(node, hops);
    check_u64(locks_taken() - locks, few);
    check_u64(lares__alloc_count() - calls, 0);
    check_u64(counter(node, "outputs_total", ""), 64 * (hops + 100));
    node_close(node);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        house_test(test_traffic__keeps_the_order_of_each_origin),
        house_test(test_traffic__three_ways_in_with_refusals),
        house_test(test_traffic__all_in_one_line),
        house_test(test_traffic__fast_into_slow_loses_nothing),
        house_test(test_traffic__receivers_come_and_go),
        house_test(test_traffic__a_lane_neither_allocates_nor_locks),
    };

    return check_run(tests);
}
