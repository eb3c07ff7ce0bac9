#include "support/recovery.h"
#include "support/still.h"

#include "node/wait.h"
#include "node/world.h"

/* When a node ticks, and that nothing slow delays it. */

/* -- in a world ----------------------------------------------------------- */

static void test_tick__comes_every_interval(void **state)
{
    lares_node *node = NULL;
    lares_world *world = world_open(1, "east", NULL, &node);
    lares_recovery *recovery = registry_of(node);
    struct worker worker = {.count = 1};

    (void)state; /* id: NT01 */
    handler_add(recovery, NULL, &worker);
    check_ok(lares_world_run(world, 499));
    check_i64(worker.calls, 0);
    check_ok(lares_world_run(world, 1));
    check_i64(worker.calls, 1);
    check_ok(lares_world_run(world, 1000));
    check_i64(worker.calls, 3);
    lares_recovery_free(recovery);
    node_close(node);
    check_i64(worker.releases, 1);
    lares_world_free(world);
}

/* the world is late by 700 */
static void test_tick__a_late_one_is_not_made_up_for(void **state)
{
    lares_node *node = NULL;
    lares_world *world = world_open(1, "east", NULL, &node);
    lares_recovery *recovery = registry_of(node);
    struct worker worker = {.count = 1};

    (void)state; /* id: NT01 */
    handler_add(recovery, NULL, &worker);
    lares__sim_advance(world->sim, lares__sim_now(world->sim) + 1200000000);
    check_ok(lares_world_run(world, 0));
    check_i64(worker.calls, 1);
    check_ok(lares_world_run(world, 499));
    check_i64(worker.calls, 1);
    check_ok(lares_world_run(world, 1));
    check_i64(worker.calls, 2);
    lares_recovery_free(recovery);
    node_close(node);
    lares_world_free(world);
}

static void test_tick__has_an_interval(void **state)
{
    lares_node *node = NULL;
    lares_world *world =
        world_open(1, "east", options("tick.interval", "20"), &node);
    lares_recovery *recovery = registry_of(node);
    struct worker worker = {.count = 1};
    lares_options *zero = options("tick.interval", "0");
    lares_node *none = NULL;

    (void)state;
    handler_add(recovery, NULL, &worker);
    check_ok(lares_world_run(world, 1000));
    check_i64(worker.calls, 50);
    check_status(lares_node_new("west", zero, &none), LARES_ERANGE);
    check_detail("tick.interval");
    lares_options_free(zero);
    lares_recovery_free(recovery);
    node_close(node);
    lares_world_free(world);
}

static void test_tick__ends_with_the_node(void **state)
{
    lares_node *node = NULL;
    lares_world *world = world_open(1, "east", NULL, &node);
    lares_recovery *recovery = registry_of(node);
    struct worker worker = {0};

    (void)state;
    check_u64(lares__node_due(node), UINT64_MAX); /* there is nobody to ask */
    handler_add(recovery, NULL, &worker);
    check(lares__node_due(node) < UINT64_MAX);
    lares_recovery_free(recovery);
    check_ok(lares_node_stop(node, 0));
    check_u64(lares__tick_due(node), UINT64_MAX);
    check_ok(lares_node_wait(node, -1));
    check_i64(lares__tick_step(node), 0);
    lares_node_free(node);
    lares_world_free(world);
}

/* -- without lanes -------------------------------------------------------- */

struct slow {
    struct still *still;
    int calls;
};

static lares_verdict take_30_ms(lares_call *call, void *user)
{
    struct slow *slow = user;

    (void)call;
    still_move(slow->still, 30);
    slow->calls++;
    return LARES_DONE;
}

/* A pass that takes longer than an interval leaves time for who runs it. */
static void test_tick__a_slow_pass_does_not_trap_its_driver(void **state)
{
    struct slow slow = {0};
    lares_node *node =
        still_open(&slow.still, options("lanes", "0", "tick.interval", "10"));
    lares_recovery *recovery = registry_of(node);

    (void)state;
    check_ok(lares_recovery_register(recovery, NULL, take_30_ms, &slow, NULL,
                                     NULL, NULL));
    still_move(slow.still, 10);
    check_status(lares_node_run(node, 20), LARES_ETIMEDOUT);
    check_i64(slow.calls, 1); /* the next is due 10 after its end */
    still_move(slow.still, 10);
    run(node);
    check_i64(slow.calls, 2);
    lares_recovery_free(recovery);
    still_close_node(slow.still, node);
}

/* -- with lanes ----------------------------------------------------------- */

struct guard {
    struct still *still;
    atomic_int inside;
    atomic_int may_end;
    atomic_int calls;
    uint64_t takes; /* ms, of the clock that stands still */
};

static lares_verdict stand_guard(lares_call *call, void *user)
{
    struct guard *guard = user;

    (void)call;
    atomic_fetch_add(&guard->inside, 1);
    while (!atomic_load(&guard->may_end))
        nap_ms(1);
    if (guard->takes > 0)
        still_move(guard->still, guard->takes);
    atomic_fetch_sub(&guard->inside, 1);
    atomic_fetch_add(&guard->calls, 1);
    return LARES_DONE;
}

/* A node whose ticks it stands in. */
static lares_node *guard_open(struct guard *guard, lares_recovery **out)
{
    lares_node *node = still_open(&guard->still, options("lanes", "1"));

    *out = registry_of(node);
    check_ok(lares_recovery_register(*out, NULL, stand_guard, guard, NULL, NULL,
                                     NULL));
    eventually(still_sleeps(guard->still, 100));
    return node;
}

/* Goes on to the next tick, which is `ms` away. Shortly before, when the loop
 * has looked at its lanes, it sleeps until then; behind it, until the lanes'
 * next turn, which comes 100 ms after the last. */
static void tick_after(struct still *still, uint64_t ms)
{
    still_move(still, ms - 50);
    eventually(still_sleeps(still, 50));
    still_move(still, 50);
    eventually(still_sleeps(still, 50));
}

/* A tick passes by a steward that is still at the pass before. */
static int steward_rests(lares_node *node)
{
    struct lares__steward *steward = &node->steward;
    int rests;

    lares__mutex_lock(&steward->lock);
    rests = !steward->posted && !steward->busy;
    lares__mutex_unlock(&steward->lock);
    return rests;
}

/* id: NT02 */
static void test_tick__goes_on_beside_a_slow_pass(void **state)
{
    struct guard guard = {.may_end = 0};
    lares_recovery *recovery;
    lares_node *node = guard_open(&guard, &recovery);

    (void)state;
    tick_after(guard.still, 500);
    eventually(atomic_load(&guard.inside) == 1);
    for (int i = 0; i < 5; i++)
        tick_after(guard.still, 500);
    check_i64(atomic_load(&guard.inside), 1); /* after 3 s: no second one */
    check_i64(atomic_load(&guard.calls), 0);
    atomic_store(&guard.may_end, 1);
    eventually(steward_rests(node));
    check_i64(atomic_load(&guard.calls), 1);
    tick_after(guard.still, 500);
    eventually(atomic_load(&guard.calls) == 2);
    lares_recovery_free(recovery);
    still_close_node(guard.still, node);
}

/* id: REC10 */
static void test_tick__an_overrun_keeps_the_cadence(void **state)
{
    struct guard guard = {.takes = 200};
    lares_recovery *recovery;
    lares_node *node = guard_open(&guard, &recovery);

    (void)state;
    tick_after(guard.still, 500);
    atomic_store(&guard.may_end, 1); /* 200 ms pass */
    eventually(steward_rests(node));
    check_i64(atomic_load(&guard.calls), 1);
    check_u64(handler_fact(recovery, 1, "overruns"), 1);
    check_u64(handler_fact(recovery, 1, "longest_us"), 200000);
    eventually(still_sleeps(guard.still, 100));
    guard.takes = 0;
    tick_after(guard.still, 300); /* 500 after the one before */
    eventually(atomic_load(&guard.calls) == 2);
    check_u64(handler_fact(recovery, 1, "overruns"), 1);
    lares_recovery_free(recovery);
    still_close_node(guard.still, node);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        house_test(test_tick__comes_every_interval),
        house_test(test_tick__a_late_one_is_not_made_up_for),
        house_test(test_tick__has_an_interval),
        house_test(test_tick__ends_with_the_node),
        house_test(test_tick__a_slow_pass_does_not_trap_its_driver),
        house_test(test_tick__goes_on_beside_a_slow_pass),
        house_test(test_tick__an_overrun_keeps_the_cadence),
    };

    return check_run(tests);
}
