#include "support/house.h"
#include "support/recovery.h"

/* The registry of a node: another ticket of the same type. */

/* -- tools ---------------------------------------------------------------- */

static lares_node *node_made(const char *lanes, const char *interval)
{
    lares_options *set = options("lanes", lanes, "tick.interval", interval);
    lares_node *node = NULL;

    check_ok(lares_node_new("east", set, &node));
    lares_options_free(set);
    return node;
}

/* What a handler finds that it may do. */
struct trial {
    lares_node *node;
    lares_recovery *recovery;
    lares_daemon *daemon;
    lares_status publish, deliver, wait, run, stop, own;
    int locks;
    atomic_int started; /* its node is up, and nobody else holds it */
    atomic_int calls;
};

static lares_verdict try_all(lares_call *call, void *user)
{
    struct trial *trial = user;
    lares_events *events = NULL;

    (void)call;
    trial->locks = locks_held();
    trial->publish = publish(trial->node, "a", "x", 1000);
    trial->deliver = ask(trial->daemon, "x", 1000, &events);
    trial->wait = lares_node_wait(trial->node, 0);
    trial->run = lares_node_run(trial->node, 0);
    trial->own = lares_recovery_run(trial->recovery, NULL);
    lares_events_free(events);
    atomic_fetch_add(&trial->calls, 1);
    return LARES_DONE;
}

static void trial_begin(struct trial *trial, const char *lanes)
{
    *trial = (struct trial){.node = node_made(lanes, "10")};
    check_ok(lares_node_start(trial->node));
    trial->recovery = registry_of(trial->node);
    kind_add(trial->node, "echo", echo, NULL);
    trial->daemon = spawn(trial->node, "echo", NULL);
}

static void trial_end(struct trial *trial)
{
    lares_daemon_free(trial->daemon);
    lares_recovery_free(trial->recovery);
    node_close(trial->node);
}

/* -- the tick runs it ----------------------------------------------------- */

static void test_recovery__a_tick_runs_the_handlers(void **state)
{
    lares_node *node = node_made("1", "10");
    lares_recovery *recovery = registry_of(node);
    struct worker good = {.group = 5, .first = 3, .count = 2};
    struct worker bad = {.verdict = FAILS, .text = "went wrong"};

    (void)state;                          /* id: AB04 */
    handler_add(recovery, "good", &good); /* before it starts, too */
    handler_add(recovery, "bad", &bad);
    check_ok(lares_node_start(node));
    eventually(atomic_load(&good.calls) >= 2);
    check_i64(bad.calls, 1);
    check_i64(bad.releases, 1);
    check_str(cell_text(node, "recovery", "name", "bad", "state"), "evicted");
    check_str(cell_text(node, "recovery", "name", "bad", "text"), "went wrong");
    check(cell(node, "recovery", "name", "good", "recovered") >= 2);
    check(counter(node, "recovery_slots_total", "") >= 2);
    check_u64(counter(node, "recovery_evictions_total", ""), 1);
    check_str(cell_text(node, "records", "what", "HANDLER_EVICTED", "name"),
              "bad");
    check_str(cell_text(node, "records", "what", "HANDLER_EVICTED", "text"),
              "went wrong");
    lares_recovery_free(recovery);
    node_close(node);
    check_i64(good.releases, 1);
    check_i64(bad.releases, 1);
}

static void test_recovery__runs_by_hand_as_well(void **state)
{
    lares_node *node = node_made("1", "86400000");
    lares_recovery *recovery = registry_of(node), *again = registry_of(node);
    struct worker worker = {.group = 5, .first = 3, .count = 2};

    (void)state;
    handler_add(recovery, NULL, &worker);
    check_str(pass_rows(again), "1 5 3; 1 5 4");
    check_ok(lares_node_start(node));
    check_str(pass_rows(again), "1 5 3; 1 5 4");
    check_u64(counter(node, "recovery_slots_total", ""), 4);
    lares_recovery_free(again);
    check_u64(handlers(recovery), 1); /* a ticket less ends nothing */
    lares_recovery_free(recovery);
    node_close(node);
    check_i64(worker.releases, 1);
}

/* -- what a handler may do ------------------------------------------------ */

static void test_recovery__a_handler_on_the_steward_may_wait(void **state)
{
    struct trial trial;

    (void)state;
    trial_begin(&trial, "1");
    check_ok(lares_recovery_register(trial.recovery, NULL, try_all, &trial,
                                     NULL, NULL, NULL));
    eventually(atomic_load(&trial.calls) > 0);
    trial_end(&trial);
    check_i64(trial.locks, 0);
    check_ok(trial.publish);
    check_ok(trial.deliver);
    check_status(trial.wait, LARES_EDEADLK); /* for what waits for it */
    check_status(trial.run, LARES_EDEADLK);
    check_status(trial.own, LARES_EBUSY);
}

/* Who runs a node without lanes would wait for itself. */
static void test_recovery__without_lanes_it_may_not(void **state)
{
    struct trial trial;

    (void)state;
    trial_begin(&trial, "0");
    check_ok(lares_recovery_register(trial.recovery, NULL, try_all, &trial,
                                     NULL, NULL, NULL));
    check_status(lares_node_run(trial.node, 50), LARES_ETIMEDOUT);
    check(atomic_load(&trial.calls) > 0);
    check_i64(trial.locks, 0);
    check_ok(trial.publish);
    check_status(trial.deliver, LARES_EDEADLK);
    check_status(trial.wait, LARES_EDEADLK);
    check_status(trial.run, LARES_EDEADLK);
    check_status(trial.own, LARES_EBUSY);
    trial_end(&trial);
}

struct runner {
    lares_recovery *recovery;
    lares_status rc;
    lares_status recovered;
};

static lares_verdict run_inside(lares_call *call, void *instance)
{
    struct runner *runner = instance;

    while (lares_call_next(call) != NULL)
        runner->rc = lares_recovery_run(runner->recovery, NULL);
    return LARES_DONE;
}

static lares_verdict recover_inside(lares_call *call, void *instance)
{
    struct runner *runner = instance;

    while (lares_call_next(call) != NULL)
        runner->recovered = lares_call_recovered(call, 0, 1);
    return LARES_DONE;
}

static void test_recovery__no_pass_inside_a_daemon(void **state)
{
    lares_node *node = node_open("1");
    struct runner runner = {.recovery = registry_open()};
    struct worker worker = {.count = 1};
    lares_daemon *daemon, *other;

    (void)state; /* id: REC8 */
    handler_add(runner.recovery, NULL, &worker);
    kind_add(node, "runner", run_inside, &runner);
    kind_add(node, "recoverer", recover_inside, &runner);
    daemon = spawn(node, "runner", NULL);
    other = spawn(node, "recoverer", NULL);
    check_ok(ask(daemon, "x", 8000, NULL));
    check_status(runner.rc, LARES_EDEADLK);
    check_i64(worker.calls, 0);
    check_status(ask(other, "x", 8000, NULL), LARES_ECALLBACK); /* latched */
    check_status(runner.recovered, LARES_EPHASE);
    lares_daemon_free(daemon);
    lares_daemon_free(other);
    lares_recovery_free(runner.recovery);
    node_close(node);
}

/* -- the end -------------------------------------------------------------- */

static void test_recovery__ends_with_its_node(void **state)
{
    lares_node *node = node_made("1", "10");
    lares_recovery *recovery = registry_of(node);
    struct worker worker = {.count = 1}, late = {.count = 1};
    struct worker bad = {.verdict = FAILS};
    lares_rows *rows = NULL;

    (void)state; /* id: AB04 */
    check_ok(lares_node_start(node));
    handler_add(recovery, NULL, &worker);
    handler_add(recovery, "bad", &bad);
    eventually(atomic_load(&bad.releases) == 1);
    check_ok(lares_node_stop(node, -1));
    check_status(lares_recovery_register(recovery, NULL, work, &late,
                                         work_release, NULL, NULL),
                 LARES_ECLOSED);
    check_i64(late.releases, 1);
    check_status(lares_recovery_run(recovery, &rows), LARES_ECLOSED);
    check_ok(lares_node_wait(node, 8000));
    check_i64(worker.releases, 1);
    lares_node_free(node);
    check_status(lares_recovery_run(recovery, NULL), LARES_ECLOSED);
    check_status(lares_recovery_remove(recovery, worker.id), LARES_ENOTFOUND);
    check_u64(handlers(recovery), 0);
    check_str(handler_text(recovery, bad.id, "state"), "evicted");
    lares_recovery_free(recovery);
    check_i64(worker.releases, 1);
}

static void test_recovery__a_node_that_never_ran_releases(void **state)
{
    lares_node *node = node_made("1", "10");
    lares_recovery *recovery = registry_of(node);
    struct worker worker = {.count = 1};

    (void)state;
    handler_add(recovery, NULL, &worker);
    check_ok(lares_node_stop(node, 0));
    check_i64(worker.releases, 1);
    lares_recovery_free(recovery);
    lares_node_free(node);
}

struct guard {
    atomic_int inside;
    atomic_int may_end;
    atomic_int releases;
};

static lares_verdict stand_guard(lares_call *call, void *user)
{
    struct guard *guard = user;

    (void)call;
    atomic_fetch_add(&guard->inside, 1);
    while (!atomic_load(&guard->may_end))
        nap_ms(1);
    return LARES_DONE;
}

static void guard_release(void *user)
{
    atomic_fetch_add(&((struct guard *)user)->releases, 1);
}

static void guard_add(lares_recovery *recovery, struct guard *guard)
{
    check_ok(lares_recovery_register(recovery, "guard", stand_guard, guard,
                                     guard_release, NULL, NULL));
}

/* The pass ends with the running handler, which the stop waits for. */
static void test_recovery__a_node_stops_amid_a_pass(void **state)
{
    lares_node *node = node_made("1", "10");
    lares_recovery *recovery = registry_of(node);
    struct guard guard = {.may_end = 0};
    struct worker later = {.count = 1};

    (void)state; /* id: REC7 */
    guard_add(recovery, &guard);
    handler_add(recovery, NULL, &later);
    check_ok(lares_node_start(node));
    eventually(atomic_load(&guard.inside) == 1);
    check_ok(lares_node_stop(node, -1));
    check_i64(atomic_load(&later.releases), 1);
    check_i64(atomic_load(&guard.releases), 0);
    check_status(lares_node_wait(node, 20), LARES_ETIMEDOUT);
    atomic_store(&guard.may_end, 1);
    check_ok(lares_node_wait(node, 8000));
    check_stopped(node, 0, 0);
    check_i64(atomic_load(&guard.releases), 1);
    check_i64(atomic_load(&later.calls), 0);
    lares_recovery_free(recovery);
    lares_node_free(node);
}

/* A handler that does not return is abandoned, with its steward. */
static void test_recovery__a_leak_beats_a_hang(void **state)
{
    lares_node *node = node_made("1", "10");
    lares_recovery *recovery = registry_of(node);
    struct guard guard = {.may_end = 0};

    (void)state;
    guard_add(recovery, &guard);
    check_ok(lares_node_start(node));
    eventually(atomic_load(&guard.inside) == 1);
    check_ok(lares_node_stop(node, 0));
    check_ok(lares_node_wait(node, 8000));
    check_stopped(node, 0, 1);
    check_i64(atomic_load(&guard.releases), 0);
    lares_recovery_free(recovery);
    lares_node_free(node);
    atomic_store(&guard.may_end, 1); /* and the rest goes by itself */
    eventually(atomic_load(&guard.releases) == 1);
}

static lares_verdict drop_node(lares_call *call, void *user)
{
    struct trial *trial = user;

    (void)call;
    while (!atomic_load(&trial->started))
        nap_ms(1);
    trial->stop = lares_node_stop(trial->node, 0);
    lares_node_free(trial->node);
    lares_recovery_free(trial->recovery);
    atomic_fetch_add(&trial->calls, 1);
    return LARES_DONE;
}

static void test_recovery__a_handler_may_drop_its_node(void **state)
{
    struct trial trial = {.node = node_made("1", "10")};

    (void)state;
    trial.recovery = registry_of(trial.node);
    check_ok(lares_recovery_register(trial.recovery, NULL, drop_node, &trial,
                                     NULL, NULL, NULL));
    check_ok(lares_node_start(trial.node));
    atomic_store(&trial.started, 1);
    eventually(atomic_load(&trial.calls) == 1);
    check_ok(trial.stop);
}

/* By hand, on a thread that is none of the node's. */
static void test_recovery__a_pass_by_hand_may_drop_its_node(void **state)
{
    struct trial trial = {.node = node_made("1", "86400000")};

    (void)state;
    trial.recovery = registry_of(trial.node);
    check_ok(lares_recovery_register(trial.recovery, NULL, drop_node, &trial,
                                     NULL, NULL, NULL));
    check_ok(lares_node_start(trial.node));
    atomic_store(&trial.started, 1);
    check_ok(lares_recovery_run(trial.recovery, NULL));
    check_i64(atomic_load(&trial.calls), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        house_test(test_recovery__a_tick_runs_the_handlers),
        house_test(test_recovery__runs_by_hand_as_well),
        house_test(test_recovery__a_handler_on_the_steward_may_wait),
        house_test(test_recovery__without_lanes_it_may_not),
        house_test(test_recovery__no_pass_inside_a_daemon),
        house_test(test_recovery__ends_with_its_node),
        house_test(test_recovery__a_node_that_never_ran_releases),
        house_test(test_recovery__a_node_stops_amid_a_pass),
        house_test(test_recovery__a_leak_beats_a_hang),
        house_test(test_recovery__a_handler_may_drop_its_node),
        house_test(test_recovery__a_pass_by_hand_may_drop_its_node),
    };

    return check_run(tests);
}
