#include "support/house.h"

/* How a daemon stops: by others, and by itself. */

/* -- fixture -------------------------------------------------------------- */

struct actor {
    lares_node *node;
    lares_daemon *daemon; /* as create was given it */
    lares_daemon *other;  /* whom it stops, too */
    atomic_int destroyed;
    atomic_int processing;
    int destroyed_inside; /* destroy came while process ran */
    int releases;
    lares_status stop;
    int64_t grace_ms;
    unsigned count;
    struct door door;
};

static lares_verdict act_create(lares_call *call, lares_daemon *daemon,
                                void **instance_out, void *user)
{
    struct actor *actor = user;

    (void)call;
    actor->daemon = daemon;
    *instance_out = actor;
    return LARES_DONE;
}

static void act_destroy(void *instance)
{
    struct actor *actor = instance;

    actor->destroyed_inside |= atomic_load(&actor->processing);
    atomic_fetch_add(&actor->destroyed, 1);
}

static void act_release(void *user)
{
    ((struct actor *)user)->releases++;
}

/* Stops itself with the first input, and emits all the same. */
static lares_verdict stop_itself(lares_call *call, void *instance)
{
    struct actor *actor = instance;
    const lares_event *event;

    atomic_store(&actor->processing, 1);
    while ((event = lares_call_next(call)) != NULL) {
        if (actor->count++ == 0) {
            actor->stop = lares_daemon_stop(actor->daemon, actor->grace_ms);
            actor->stop |= lares_daemon_stop(actor->daemon, -1);
            if (actor->other != NULL)
                actor->stop |= lares_daemon_stop(actor->other, 0);
        }
        lares_call_emit(call, NULL, event->data, event->len);
    }
    atomic_store(&actor->processing, 0);
    return LARES_DONE;
}

static lares_verdict stand_within(lares_call *call, void *instance)
{
    struct actor *actor = instance;
    lares_verdict verdict;

    atomic_store(&actor->processing, 1);
    verdict = stand(call, &actor->door);
    atomic_store(&actor->processing, 0);
    return verdict;
}

/* The daemon's outputs go to "out"; the ticket is not kept. */
static void actor_open(struct actor *actor, const char *lanes,
                       lares_process_fn process, const char *batch)
{
    const lares_daemon_ops ops = {.size = sizeof ops,
                                  .create = act_create,
                                  .destroy = act_destroy,
                                  .process = process};

    memset(actor, 0, sizeof *actor);
    actor->node = node_open(lanes);
    kind_add(actor->node, "echo", echo, NULL);
    check_ok(lares_node_register(actor->node, "act", NULL, &ops, actor,
                                 act_release));
    lares_daemon_free(
        spawn(actor->node, "act", options("publish", "out", "batch", batch)));
}

static void actor_close(struct actor *actor)
{
    node_close(actor->node);
    check_i64(atomic_load(&actor->destroyed), 1);
    check_i64(actor->destroyed_inside, 0);
    check_i64(actor->releases, 1);
}

/* -- tools ---------------------------------------------------------------- */

static char texts[4096];

static lares_daemon *find(struct actor *actor)
{
    lares_daemon *daemon = NULL;

    check_ok(lares_node_find(actor->node, lares_daemon_origin(actor->daemon),
                             &daemon));
    return daemon;
}

/* Sent, not published: a route would keep the daemon's memory alive. */
static void feed(struct actor *actor, int count)
{
    lares_daemon *daemon = find(actor);

    for (int i = 0; i < count; i++)
        check_ok(say(daemon, "x", 0));
    lares_daemon_free(daemon);
}

/* -- by itself ------------------------------------------------------------ */

static void check_stops_itself(const char *lanes, int64_t grace_ms,
                               uint64_t outputs, uint64_t letters)
{
    struct actor actor;
    lares_inbox *inbox;

    actor_open(&actor, lanes, stop_itself, "64");
    actor.grace_ms = grace_ms;
    inbox = subscribe(actor.node, "out", NULL);
    /* a receiver on the daemon's own lane, so that its queue is looked at */
    lares_daemon_free(spawn(actor.node, "echo", options("subscribe", "out")));
    feed(&actor, 3);
    while (rows_count(actor.node, "daemons") > 1)
        check_status(lares_node_run(actor.node, 1), LARES_ETIMEDOUT);
    check_ok(actor.stop);
    check_i64(atomic_load(&actor.destroyed), 1);
    check_u64(inbox_read(inbox, 0, texts, sizeof texts), outputs);
    check_u64(rows_count(actor.node, "letters"), letters);
    lares_inbox_free(inbox);
    actor_close(&actor);
}

static void test_stop__itself_and_the_turn_commits(void **state)
{
    (void)state; /* id: H14 */
    check_stops_itself("0", 0, 1, 2);
    check_stops_itself("0", -1, 3, 0);
}

static void test_stop__itself_on_a_lane(void **state)
{
    struct actor actor;
    lares_inbox *inbox;

    (void)state; /* id: H14 */
    for (int i = 0; i < rounds(100, 10000); i++) {
        actor_open(&actor, "1", stop_itself, "64");
        actor.grace_ms = -1;
        inbox = subscribe(actor.node, "out", NULL);
        lares_daemon_free(
            spawn(actor.node, "echo", options("subscribe", "out")));
        feed(&actor, 1);
        eventually(atomic_load(&actor.destroyed) == 1);
        check_ok(actor.stop);
        check_u64(inbox_read(inbox, 5, texts, sizeof texts), 1);
        lares_inbox_free(inbox);
        actor_close(&actor);
    }
}

/* In a deliver: the answer comes first. */
static void check_stops_itself_in_deliver(const char *lanes)
{
    struct actor actor;
    lares_events *events = NULL;
    lares_daemon *daemon;

    actor_open(&actor, lanes, stop_itself, "64");
    daemon = find(&actor);
    check_ok(ask(daemon, "x", -1, &events));
    check_u64(lares_events_next(events)->len, 1);
    lares_events_free(events);
    check_ok(lares_daemon_stop(daemon, -1));
    check_i64(atomic_load(&actor.destroyed), 1);
    lares_daemon_free(daemon);
    actor_close(&actor);
}

static void test_stop__itself_while_it_is_delivered_to(void **state)
{
    (void)state; /* id: H14 */
    check_stops_itself_in_deliver("0");
    check_stops_itself_in_deliver("1");
    check_stops_itself_in_deliver("2");
}

static void test_stop__a_sibling(void **state)
{
    struct actor actor;

    (void)state;
    actor_open(&actor, "1", stop_itself, "64");
    actor.other = spawn(actor.node, "echo", NULL);
    check_ok(say(actor.other, "x", 0));
    feed(&actor, 1);
    eventually(rows_count(actor.node, "daemons") == 0);
    check_status(say(actor.other, "x", 0), LARES_ECLOSED);
    lares_daemon_free(actor.other);
    actor_close(&actor);
}

/* -- by others ------------------------------------------------------------ */

static void test_stop__waits_until_process_has_returned(void **state)
{
    struct actor actor;
    struct stopper stopper = {.grace_ms = -1};
    pthread_t thread;

    (void)state; /* id: H14 */
    actor_open(&actor, "1", stand_within, "64");
    feed(&actor, 1);
    eventually(atomic_load(&actor.door.inside) == 1);
    stopper.daemon = find(&actor);
    check(pthread_create(&thread, NULL, stop_it, &stopper) == 0);
    nap_ms(20);
    check(!atomic_load(&stopper.done));
    check_i64(atomic_load(&actor.destroyed), 0);
    check_str(daemon_text(actor.node, "act", "state"), "DRAINING");
    check_status(say(stopper.daemon, "y", 0), LARES_ECLOSED);
    check_status(ask(stopper.daemon, "y", 0, NULL), LARES_ECLOSED);
    check_status(lares_daemon_subscribe(stopper.daemon, "a", NULL),
                 LARES_ECLOSED);
    atomic_store(&actor.door.open, 1);
    check(pthread_join(thread, NULL) == 0);
    check_status(stopper.rc, LARES_OK);
    check_i64(atomic_load(&actor.destroyed), 1);
    lares_daemon_free(stopper.daemon);
    actor_close(&actor);
}

static void test_stop__says_who_does_not_return(void **state)
{
    struct actor actor;
    lares_daemon *daemon;
    uint64_t began;

    (void)state;
    actor_open(&actor, "1", stand_within, "64");
    feed(&actor, 1);
    eventually(atomic_load(&actor.door.inside) == 1);
    daemon = find(&actor);
    began = clock_ms();
    check_status(lares_daemon_stop(daemon, 50), LARES_ETIMEDOUT);
    check_detail("'act'");
    check(clock_ms() - began >= 1000);
    atomic_store(&actor.door.open, 1);
    check_ok(lares_daemon_stop(daemon, -1)); /* closes when it does */
    lares_daemon_free(daemon);
    actor_close(&actor);
}

static void test_stop__of_several_at_once(void **state)
{
    struct actor actor;
    struct stopper stoppers[4];
    pthread_t threads[4];
    lares_daemon *daemon;

    (void)state;
    actor_open(&actor, "1", stand_within, "1");
    feed(&actor, 3);
    eventually(atomic_load(&actor.door.inside) == 1);
    daemon = find(&actor);
    for (int i = 0; i < 4; i++) {
        stoppers[i] =
            (struct stopper){.daemon = daemon, .grace_ms = i == 2 ? 0 : -1};
        check(pthread_create(&threads[i], NULL, stop_it, &stoppers[i]) == 0);
    }
    nap_ms(20);
    atomic_store(&actor.door.open, 1);
    for (int i = 0; i < 4; i++) {
        check(pthread_join(threads[i], NULL) == 0);
        check_status(stoppers[i].rc, LARES_OK);
    }
    check_u64(atomic_load(&actor.door.passed), 1); /* the earliest wins */
    check_u64(rows_count(actor.node, "letters"), 2);
    check_ok(lares_daemon_stop(daemon, 0));
    lares_daemon_free(daemon);
    actor_close(&actor);
}

/* -- kinds ---------------------------------------------------------------- */

static void destroy_slowly(void *instance)
{
    (void)instance;
    nap_ms(20);
}

/* The instance's ticket ends while its stop is waited for. */
static void test_stop__by_the_ticket_of_the_instance(void **state)
{
    const lares_daemon_ops ops = {.size = sizeof ops,
                                  .create = act_create,
                                  .process = echo,
                                  .destroy = destroy_slowly};
    lares_node *node = node_open("1");
    struct actor actor = {0};

    (void)state;
    check_ok(lares_node_register(node, "slow", NULL, &ops, &actor, NULL));
    check_ok(lares_node_spawn(node, "slow", NULL, NULL, NULL));
    check_ok(lares_daemon_stop(actor.daemon, -1));
    node_close(node);
}

static void test_stop__then_the_kind_can_go(void **state)
{
    struct actor actor;
    lares_daemon *daemon;

    (void)state; /* id: N01 */
    actor_open(&actor, "1", stop_itself, "64");
    daemon = find(&actor);
    check_status(lares_node_unregister(actor.node, "act"), LARES_EBUSY);
    check_i64(actor.releases, 0);
    check_ok(lares_daemon_stop(daemon, 0));
    check_ok(lares_node_unregister(actor.node, "act"));
    check_i64(actor.releases, 1);
    check_status(lares_node_unregister(actor.node, "act"), LARES_ENOTFOUND);
    lares_daemon_free(daemon);
    actor_close(&actor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        house_test(test_stop__itself_and_the_turn_commits),
        house_test(test_stop__itself_on_a_lane),
        house_test(test_stop__itself_while_it_is_delivered_to),
        house_test(test_stop__a_sibling),
        house_test(test_stop__waits_until_process_has_returned),
        house_test(test_stop__says_who_does_not_return),
        house_test(test_stop__of_several_at_once),
        house_test(test_stop__by_the_ticket_of_the_instance),
        house_test(test_stop__then_the_kind_can_go),
    };

    return check_run(tests);
}
