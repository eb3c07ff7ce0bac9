#include "node/lane.h"

#include "node/alarm.h"
#include "node/daemon.h"
#include "node/pull.h"
#include "node/repair.h"
#include "node/save.h"
#include "node/wait.h"

/* Design notes
 * - The queue is taken whole and first, so what another thread pushed earlier
 *   for the same sender stays in front of what this lane appends itself.
 * - A visit is one crossing, then to the tail of the run queue.
 * - No wake-up is lost: the lane announces its sleep, then looks at its queue
 *   once more; a pusher pushes, then looks at `sleeping`. Both are sequentially
 *   consistent. */

enum {
    SPINS = 64 /* looks at the queue before it sleeps */
};

static struct lares__lane *lane_of(struct lares__queue *queue)
{
    return (struct lares__lane *)queue;
}

static void lane_rouse(struct lares__lane *lane)
{
    lares__mutex_lock(&lane->sleep_lock);
    lane->awake = 1;
    lares__cond_signal(&lane->sleep_cond);
    lares__mutex_unlock(&lane->sleep_lock);
}

void lares__lane_wake(struct lares__lane *lane)
{
    lares_node *node = lane->node;

    if (node->lane_count > 0) {
        if (atomic_load_explicit(&lane->sleeping, memory_order_seq_cst))
            lane_rouse(lane);
    } else if (atomic_load_explicit(&node->waiters, memory_order_seq_cst) > 0) {
        node->io->ops->wake(node->io);
    }
}

static void queue_wake(struct lares__queue *queue)
{
    lares__lane_wake(lane_of(queue));
}

static void gate_set_locked(struct lares__lane *lane,
                            struct lares__heap_node *gate, uint64_t at)
{
    lares__heap_remove(&lane->gates, gate);
    if (at != UINT64_MAX) {
        gate->at = at;
        lares__heap_add(&lane->gates, gate);
    }
    atomic_store(&lane->gated, lane->gates.count);
}

void lares__lane_gate(struct lares__lane *lane, struct lares__heap_node *gate,
                      uint64_t at)
{
    lares__mutex_lock(&lane->gates_lock);
    gate_set_locked(lane, gate, at);
    lares__mutex_unlock(&lane->gates_lock);
}

int lares__lane_gate_by(struct lares__lane *lane, struct lares__heap_node *gate,
                        uint64_t at)
{
    int earlier;

    lares__mutex_lock(&lane->gates_lock);
    earlier = gate->index == 0 || at < gate->at;
    if (earlier)
        gate_set_locked(lane, gate, at);
    lares__mutex_unlock(&lane->gates_lock);
    return earlier;
}

void lares__lane_schedule(struct lares__lane *lane, lares_daemon *daemon)
{
    if (daemon->scheduled ||
        atomic_load_explicit(&daemon->closed, memory_order_relaxed))
        return;
    daemon->scheduled = 1;
    daemon->run_next = NULL;
    *lane->run_tail = daemon;
    lane->run_tail = &daemon->run_next;
}

void lares__lane_unschedule(struct lares__lane *lane, lares_daemon *daemon)
{
    lares_daemon **place = &lane->run_first;

    if (!daemon->scheduled)
        return;
    while (*place != daemon)
        place = &(*place)->run_next;
    *place = daemon->run_next;
    if (*place == NULL)
        lane->run_tail = place;
    daemon->scheduled = 0;
}

static lares_daemon *run_pop(struct lares__lane *lane)
{
    lares_daemon *daemon = lane->run_first;

    if (daemon == NULL)
        return NULL;
    lane->run_first = daemon->run_next;
    if (lane->run_first == NULL)
        lane->run_tail = &lane->run_first;
    daemon->scheduled = 0;
    return daemon;
}

/* -- what came ------------------------------------------------------------ */

static void distribute(struct lares__lane *lane, struct lares__input *input)
{
    while (input != NULL) {
        struct lares__input *next = input->next;
        lares_daemon *daemon = lares__daemon_of(input->to);

        if (input->flags & LARES__INPUT_POKE) {
            atomic_store(&daemon->poked, 0);
            lares__lane_schedule(lane, daemon);
            lares__receiver_release(&daemon->receiver);
        } else {
            lares__daemon_append(daemon, input);
            if (daemon->pull == NULL)
                lares__lane_schedule(lane, daemon);
        }
        input = next;
    }
}

static void collect(struct lares__lane *lane)
{
    distribute(lane, lares__queue_take(&lane->queue));
}

/* outputs of this lane's own daemons for each other */
static void append_own(struct lares__queue *queue, struct lares__input *oldest)
{
    struct lares__lane *lane = lane_of(queue);

    collect(lane);
    distribute(lane, oldest);
}

/* -- gates ---------------------------------------------------------------- */

uint64_t lares__lane_due(struct lares__lane *lane)
{
    struct lares__heap_node *first;
    uint64_t due = UINT64_MAX;

    if (lane->run_first != NULL)
        return 0;
    lares__mutex_lock(&lane->gates_lock);
    first = lares__heap_min(&lane->gates);
    if (first != NULL)
        due = first->at;
    lares__mutex_unlock(&lane->gates_lock);
    return due;
}

static lares_daemon *gate_daemon(struct lares__heap_node *gate)
{
    return (lares_daemon *)((char *)gate - offsetof(lares_daemon, gate));
}

/* puts the daemons whose time has come into the run queue */
static void open_gates(struct lares__lane *lane)
{
    struct lares__heap_node *first;
    uint64_t now;

    if (atomic_load_explicit(&lane->gated, memory_order_acquire) == 0)
        return;
    now = lares__node_now(lane->node);
    lares__mutex_lock(&lane->gates_lock);
    while ((first = lares__heap_min(&lane->gates)) != NULL &&
           first->at <= now) {
        lares__heap_remove(&lane->gates, first);
        atomic_store(&lane->gated, lane->gates.count);
        lares__lane_schedule(lane, gate_daemon(first));
    }
    lares__mutex_unlock(&lane->gates_lock);
}

/* -- a visit -------------------------------------------------------------- */

static void lane_enters(struct lares__lane *lane, lares_daemon *daemon)
{
    atomic_store_explicit(&lane->cut, 0, memory_order_relaxed);
    atomic_store_explicit(
        &lane->crossings,
        atomic_load_explicit(&lane->crossings, memory_order_relaxed) + 1,
        memory_order_relaxed);
    atomic_store_explicit(&lane->running, daemon, memory_order_relaxed);
    lane->runner.call.cut = &lane->cut;
}

static void lane_leaves(struct lares__lane *lane)
{
    atomic_store_explicit(&lane->running, NULL, memory_order_relaxed);
}

/* Hot path: one read of the clock, a second one if the kind can snapshot, and
 * one entry into the language. */
static void cross(struct lares__lane *lane, lares_daemon *daemon)
{
    struct lares__runner *runner = &lane->runner;
    struct lares__host *host = &daemon->host;
    struct lares__outcome outcome;
    uint64_t wall;

    if (lares__host_reserve(host, host->batch) < 0) {
        lares__daemon_failed(daemon, "no memory for a crossing");
        return;
    }
    lane_enters(lane, daemon);
    wall = lares__node_wall(lane->node);
    lares__host_cross(host, &runner->call, daemon->mailbox.first, UINT32_MAX,
                      wall, &lane->node->clock, &outcome);
    lane_leaves(lane);
    lares__daemon_spent(daemon, wall);
    lares__daemon_settle(daemon, runner, &runner->call, &daemon->mailbox,
                         &outcome);
}

/* One step of a rebuild, where one is due; 1: the daemon is sound. */
static int make_sound(struct lares__lane *lane, lares_daemon *daemon)
{
    int sound = daemon->host.object == LARES__SOUND;

    if (sound || daemon->pull != NULL || !lares__daemon_gate_open(daemon))
        return sound;
    lane_enters(lane, daemon);
    sound = lares__daemon_rebuild(daemon, &lane->runner);
    lane_leaves(lane);
    return sound;
}

/* The steps of a visit, each only when those before it have nothing left. */
static void work(struct lares__lane *lane, lares_daemon *daemon)
{
    struct lares__runner *runner = &lane->runner;
    int sound = make_sound(lane, daemon);

    if (!lares__daemon_hand_over(daemon, runner) || daemon->pull != NULL ||
        !sound || daemon->mailbox.first == NULL ||
        !lares__daemon_gate_open(daemon))
        return;
    if (lares__daemon_checkpoint(daemon, runner))
        cross(lane, daemon);
}

/* is there more to do, and nothing to wait for? */
static int has_work(const lares_daemon *daemon)
{
    if (daemon->pull != NULL || !lares__daemon_gate_open(daemon))
        return 0;
    return daemon->host.object != LARES__SOUND ||
           (daemon->mailbox.first != NULL && daemon->host.outbox.first == NULL);
}

static void visit(struct lares__lane *lane, lares_daemon *daemon)
{
    uint64_t earliest = 0;
    int again = 0;

    if (daemon->pull != NULL)
        lares__pull_expire(daemon);
    if (!lares__daemon_enter_lane(daemon))
        return;
    if (daemon->host.timers != NULL)
        earliest = lares__alarm_fire(daemon, &lane->runner);
    lares__daemon_restarted(daemon);
    lares__daemon_posture(daemon);
    if (!lares__daemon_overdue(daemon)) {
        work(lane, daemon);
        if (atomic_load_explicit(&daemon->wanted, memory_order_relaxed) > 0)
            lares__saves_serve(daemon, &lane->runner);
        again = has_work(daemon);
        if (daemon->host.outbox.first == NULL &&
            !lares__daemon_gate_open(daemon)) /* outputs may have moved it */
            lares__daemon_wake_at(daemon, daemon->host.restart.gate);
    }
    if (atomic_load_explicit(&daemon->stopping, memory_order_acquire)) {
        if (lares__daemon_drain(daemon, &lane->runner))
            return; /* closed: it may be gone */
    }
    if (daemon->host.timers != NULL)
        lares__alarm_set(daemon, earliest);
    lares__daemon_leave_lane(daemon);
    if (daemon->pull != NULL)
        lares__node_notify(lane->node); /* its puller may have looked */
    if (again)
        lares__lane_schedule(lane, daemon);
}

int lares__lane_turn(struct lares__lane *lane)
{
    lares_daemon *daemon;

    collect(lane);
    open_gates(lane);
    daemon = run_pop(lane);
    if (daemon == NULL)
        return 0;
    visit(lane, daemon);
    return 1;
}

/* -- the thread ----------------------------------------------------------- */

int lares__lane_idle(struct lares__lane *lane)
{
    return atomic_load_explicit(&lane->queue.head, memory_order_seq_cst) ==
           NULL;
}

static void lane_sleep(struct lares__lane *lane)
{
    uint64_t due;

    for (int i = 0; i < SPINS; i++)
        if (!lares__lane_idle(lane))
            return;
    due = lares__lane_due(lane);
    lares__mutex_lock(&lane->sleep_lock);
    atomic_store_explicit(&lane->sleeping, 1, memory_order_seq_cst);
    while (!lane->awake && lares__lane_idle(lane) &&
           !atomic_load(&lane->quit)) {
        if (due == UINT64_MAX)
            lares__cond_wait(&lane->sleep_cond, &lane->sleep_lock);
        else if (lares__cond_wait_until(&lane->sleep_cond, &lane->sleep_lock,
                                        due))
            break;
    }
    lane->awake = 0;
    atomic_store_explicit(&lane->sleeping, 0, memory_order_seq_cst);
    lares__mutex_unlock(&lane->sleep_lock);
}

static void lane_run(void *arg)
{
    struct lares__lane *lane = arg;
    lares_node *node = lane->node;

    for (;;) {
        if (lares__lane_turn(lane))
            continue;
        if (atomic_load(&lane->quit))
            break;
        lane_sleep(lane);
    }
    atomic_store(&lane->ended, 1);
    lares__node_release(node);
}

lares_status lares__lane_start(struct lares__lane *lane)
{
    lares_status rc;

    atomic_store(&lane->quit, 0);
    atomic_store(&lane->ended, 0);
    lares__node_retain(lane->node);
    rc = lares__thread_start(&lane->thread, lane_run, lane);
    if (rc < 0)
        lares__node_release(lane->node);
    return rc;
}

void lares__lane_quit(struct lares__lane *lane)
{
    atomic_store(&lane->quit, 1);
    lane_rouse(lane);
}

void lares__lane_cut(struct lares__lane *lane, const lares_daemon *daemon)
{
    if (atomic_load_explicit(&lane->running, memory_order_relaxed) == daemon)
        atomic_store_explicit(&lane->cut, 1, memory_order_relaxed);
}

void lares__lane_watch(struct lares__lane *lane)
{
    unsigned long long crossings =
        atomic_load_explicit(&lane->crossings, memory_order_relaxed);

    if (crossings == lane->watched &&
        atomic_load_explicit(&lane->running, memory_order_relaxed) != NULL)
        atomic_store_explicit(&lane->cut, 1, memory_order_relaxed);
    lane->watched = crossings;
}

/* -- life ----------------------------------------------------------------- */

lares_status lares__lane_init(struct lares__lane *lane, lares_node *node,
                              uint32_t number)
{
    lares_status rc = lares__publisher_init(&lane->runner.publisher, &node->bus,
                                            node->lanes_made);

    if (rc < 0)
        return rc;
    lane->node = node;
    lane->queue.number = number;
    lane->queue.wake = queue_wake;
    lane->runner.publisher.own = &lane->queue;
    lane->runner.publisher.append = append_own;
    lane->runner.call.cache = &lane->runner.publisher.pool;
    lane->run_tail = &lane->run_first;
    lares__mutex_init(&lane->gates_lock, LARES__FLOOR_GATES);
    lares__mutex_init(&lane->sleep_lock, LARES__FLOOR_WAIT);
    lares__cond_init(&lane->sleep_cond);
    lares__heap_init(&lane->gates);
    return LARES_OK;
}

/* whoever waits for its turn was answered as the node stopped */
static void input_drop(struct lares__input *input)
{
    if (input->reply != NULL)
        lares__reply_release(input->reply);
    lares__input_free(input, NULL);
}

void lares__lane_discard(struct lares__lane *lane)
{
    struct lares__input *input = lares__queue_take(&lane->queue);

    while (input != NULL) {
        struct lares__input *next = input->next;

        if (input->flags & LARES__INPUT_POKE)
            lares__receiver_release(&lares__daemon_of(input->to)->receiver);
        else
            input_drop(input);
        input = next;
    }
}

void lares__lane_fini(struct lares__lane *lane)
{
    lares__lane_discard(lane);
    lares__heap_fini(&lane->gates);
    lares__publisher_fini(&lane->runner.publisher);
    lares__cond_fini(&lane->sleep_cond);
    lares__mutex_fini(&lane->sleep_lock);
    lares__mutex_fini(&lane->gates_lock);
}
