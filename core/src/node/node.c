#include "node/node.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/options.h"
#include "base/pool.h"
#include "daemon/name.h"
#include "identity/key.h"
#include "node/admin.h"
#include "node/directory.h"
#include "node/lane.h"
#include "node/loop.h"
#include "node/plugin.h"
#include "node/program.h"
#include "node/wait.h"

#include <assert.h>
#include <sched.h>
#include <string.h>

enum {
    LETTERS_COUNT = 1024,
    LETTERS_COUNT_MAX = 1048576,
    LETTERS_BYTES = 8388608,
    LETTERS_BYTES_MAX = 1073741824,
    TICK_MS = 500,
    TICK_MS_MAX = 86400000
};

static const char *const known_options[] = {
    "lanes", "letters.count", "letters.bytes", "tick.interval", "admin", NULL};

/* -- time ----------------------------------------------------------------- */

uint64_t lares__node_now(const lares_node *node)
{
    return node->io->ops->now(node->io);
}

static uint64_t clock_now(void *context)
{
    return lares__node_now(context);
}

uint64_t lares__node_deadline(const lares_node *node, int64_t timeout_ms)
{
    uint64_t now;

    if (timeout_ms < 0)
        return UINT64_MAX;
    now = lares__node_now(node);
    if ((uint64_t)timeout_ms > (INT64_MAX - now) / 1000000)
        return UINT64_MAX;
    return now + (uint64_t)timeout_ms * 1000000;
}

int lares__node_is(const lares_node *node, enum lares__node_state state)
{
    return atomic_load_explicit(&node->state, memory_order_acquire) ==
           (int)state;
}

lares_status lares__node_ready(const lares_node *node)
{
    int state = atomic_load_explicit(&node->state, memory_order_acquire);

    if (state == LARES__NODE_READY)
        return LARES_OK;
    if (state == LARES__NODE_NEW)
        return lares__error(LARES_ENOTREADY, "node '%s' is not started",
                            node->name);
    return lares__error(LARES_ECLOSED, "node '%s' has stopped", node->name);
}

/* -- making --------------------------------------------------------------- */

static uint32_t usable_cpus(void)
{
    cpu_set_t set;
    int count = 1;

    if (sched_getaffinity(0, sizeof set, &set) == 0)
        count = CPU_COUNT(&set);
    return count > LARES__LANES_MAX ? LARES__LANES_MAX : (uint32_t)count;
}

static lares_status node_configure(lares_node *node,
                                   const lares_options *options)
{
    uint64_t lanes = node->simulated ? 0 : usable_cpus();
    uint64_t letters = LETTERS_COUNT;
    uint64_t bytes = LETTERS_BYTES;
    uint64_t tick = TICK_MS;
    lares_status rc = lares__options_known(options, known_options);

    if (rc == LARES_OK)
        rc = lares__options_u64(options, "lanes", 0,
                                node->simulated ? 0 : LARES__LANES_MAX, &lanes);
    if (rc == LARES_OK)
        rc = lares__options_u64(options, "letters.count", 1, LETTERS_COUNT_MAX,
                                &letters);
    if (rc == LARES_OK)
        rc = lares__options_u64(options, "letters.bytes", 1, LETTERS_BYTES_MAX,
                                &bytes);
    if (rc == LARES_OK)
        rc =
            lares__options_u64(options, "tick.interval", 1, TICK_MS_MAX, &tick);
    if (rc < 0)
        return rc;
    node->lane_count = (uint32_t)lanes;
    node->lanes_made = lanes == 0 ? 1 : (uint32_t)lanes;
    node->tick.interval = tick * 1000000;
    rc = lares__admin_new(node, options, &node->admin);
    if (rc < 0)
        return rc;
    lares__bus_init(&node->bus, letters, bytes);
    return LARES_OK;
}

static lares_status node_identity(lares_node *node)
{
    uint8_t seed[LARES__KEY_LEN];
    lares_status rc = node->io->ops->entropy(node->io, seed, sizeof seed);

    if (rc == LARES_OK)
        rc = lares__key_from_seed(seed, &node->key);
    if (rc == LARES_OK)
        rc = node->io->ops->entropy(node->io, &node->seed, sizeof node->seed);
    explicit_bzero(seed, sizeof seed);
    return rc;
}

static void owner_retain(void *owner)
{
    lares__node_retain(owner);
}

static void owner_release(void *owner)
{
    lares__node_release(owner);
}

static void owner_evicted(void *owner, const char *name, const char *text)
{
    lares__records_add(owner, LARES__RECORD_HANDLER_EVICTED, 0, name, "", text);
}

static const struct lares__recovery_owner recovery_owner = {
    owner_retain, owner_release, owner_evicted};

static void node_rooms(lares_node *node)
{
    lares__kinds_init(&node->kinds);
    lares__directory_init(&node->directory);
    lares__records_init(&node->records);
    lares__store_init(&node->store, node->seed);
    lares__latch_init(&node->program.lock, LARES__FLOOR_PROGRAM);
    lares__mutex_init(&node->replay_lock, LARES__FLOOR_REPLAY);
    lares__mutex_init(&node->lot_lock, LARES__FLOOR_WAIT);
    lares__cond_init(&node->lot);
    pthread_mutex_init(&node->load_lock, NULL);
    node->clock = (struct lares__clock){clock_now, node};
    lares__recovery_init(&node->recovery, &recovery_owner, node, &node->clock);
    lares__steward_init(&node->steward);
    atomic_init(&node->refs, 1);
    atomic_init(&node->state, LARES__NODE_NEW);
    atomic_init(&node->stopping.deadline, UINT64_MAX);
}

lares_status lares__node_new(const char *name, const lares_options *options,
                             struct lares__io *io, int simulated,
                             lares_node **out)
{
    lares_node *node = lares__calloc(1, sizeof *node);
    lares_status rc =
        node == NULL ? LARES_ENOMEM : lares__node_name_check(name);

    if (rc < 0)
        goto fail;
    strcpy(node->name, name);
    node->io = io;
    node->simulated = simulated;
    rc = node_configure(node, options);
    if (rc < 0)
        goto fail;
    rc = node_identity(node);
    if (rc < 0)
        goto fail_bus;
    node_rooms(node);
    *out = node;
    return LARES_OK;

fail_bus:
    lares__key_release(node->key);
    lares__bus_fini(&node->bus);
    lares__admin_free(node->admin);
fail:
    io->ops->close(io);
    lares__free(node);
    assert(rc < 0);
    return rc;
}

/* -- starting ------------------------------------------------------------- */

static void lanes_fini(lares_node *node, uint32_t made)
{
    for (uint32_t i = 0; i < made; i++)
        lares__lane_fini(&node->lanes[i]);
    lares__free(node->lanes);
    node->lanes = NULL;
}

static lares_status lanes_init(lares_node *node)
{
    lares_status rc = LARES_OK;
    uint32_t made = 0;

    node->lanes = lares__calloc(node->lanes_made, sizeof *node->lanes);
    if (node->lanes == NULL)
        return LARES_ENOMEM;
    while (rc == LARES_OK && made < node->lanes_made) {
        rc = lares__lane_init(&node->lanes[made], node, made);
        made += rc == LARES_OK;
    }
    if (rc < 0)
        lanes_fini(node, made);
    return rc;
}

static void lanes_join(lares_node *node, uint32_t started)
{
    for (uint32_t i = 0; i < started; i++) {
        lares__lane_quit(&node->lanes[i]);
        lares__thread_join(&node->lanes[i].thread);
    }
}

/* threads last: until the loop runs, everything can be undone */
static lares_status threads_start(lares_node *node)
{
    lares_status rc = LARES_OK;
    uint32_t started = 0;

    while (rc == LARES_OK && started < node->lane_count) {
        rc = lares__lane_start(&node->lanes[started]);
        started += rc == LARES_OK;
    }
    if (rc == LARES_OK)
        rc = lares__steward_start(node);
    if (rc < 0)
        goto fail_lanes;
    rc = lares__admin_open(node);
    if (rc < 0)
        goto fail_steward;
    rc = node->lane_count > 0 ? lares__loop_start(node) : LARES_OK;
    if (rc < 0)
        goto fail_admin;
    return LARES_OK;

fail_admin:
    lares__admin_undo(node);
fail_steward:
    lares__steward_undo(node);
fail_lanes:
    lanes_join(node, started);
    assert(rc < 0);
    return rc;
}

/* A stop may have come first: then the loop, which sees it, ends by itself. */
static lares_status node_show(lares_node *node)
{
    uint64_t now = lares__node_now(node);
    int fresh = LARES__NODE_NEW;

    lares__tick_start(node, now);
    atomic_store(&node->started_at, now);
    if (atomic_compare_exchange_strong(&node->state, &fresh,
                                       LARES__NODE_READY)) {
        node->io->ops->wake(node->io); /* the loop knows of no tick yet */
        return LARES_OK;
    }
    lares__admin_undo(node);
    lares__steward_undo(node);
    lanes_join(node, node->lane_count);
    node->io->ops->wake(node->io);
    return lares__node_ready(node);
}

static lares_status node_open_locked(lares_node *node)
{
    lares_status rc = lanes_init(node);

    if (rc < 0)
        return rc;
    rc = lares__program_init(node);
    if (rc < 0)
        goto fail_lanes;
    rc = threads_start(node);
    if (rc < 0)
        goto fail_program;
    return node_show(node);

fail_program:
    lares__program_fini(node);
fail_lanes:
    lanes_fini(node, node->lanes_made);
    assert(rc < 0);
    return rc;
}

lares_status lares__node_start(lares_node *node)
{
    int ours = lares__plugin_current(node).number != 0; /* by its plug-in */
    lares_status rc;

    if (!ours)
        pthread_mutex_lock(&node->load_lock); /* one start at a time */
    if (lares__node_is(node, LARES__NODE_NEW))
        rc = node_open_locked(node);
    else
        rc = lares__node_ready(node);
    if (!ours)
        pthread_mutex_unlock(&node->load_lock);
    return rc;
}

/* -- stopping ------------------------------------------------------------- */

static void deadline_lower(atomic_ullong *deadline, unsigned long long to)
{
    unsigned long long now = atomic_load(deadline);

    while (to < now && !atomic_compare_exchange_weak(deadline, &now, to))
        ;
}

void lares__node_stop(lares_node *node, int64_t grace_ms)
{
    int ready = LARES__NODE_READY;
    int fresh = LARES__NODE_NEW;

    deadline_lower(&node->stopping.deadline,
                   lares__node_deadline(node, grace_ms));
    if (atomic_compare_exchange_strong(&node->state, &fresh,
                                       LARES__NODE_STOPPED)) {
        lares__recovery_end(&node->recovery);
        lares__node_notify(node);
        return;
    }
    if (atomic_compare_exchange_strong(&node->state, &ready,
                                       LARES__NODE_STOPPING))
        atomic_store(&node->stopping.asked, 1);
    lares__recovery_end(&node->recovery);
    node->io->ops->wake(node->io);
    lares__node_notify(node);
}

void lares__node_drop(lares_node *node)
{
    if (!lares__node_is(node, LARES__NODE_STOPPED))
        lares__node_stop(node, 0);
    atomic_store(&node->dropped, 1);
    if (node->lane_count == 0 && lares__node_drive(node))
        lares__node_undrive(node); /* else whoever runs it does as it leaves */
    lares__node_release(node);
}

void lares__node_emptied(lares_node *node)
{
    lares__program_fini(node);
    for (uint32_t i = 0; i < node->lanes_made; i++)
        lares__publisher_forget(&node->lanes[i].runner.publisher);
    lares__kinds_clear(&node->kinds);
}

/* -- the end -------------------------------------------------------------- */

void lares__node_retain(lares_node *node)
{
    atomic_fetch_add_explicit(&node->refs, 1, memory_order_relaxed);
}

void lares__node_release(lares_node *node)
{
    if (atomic_fetch_sub_explicit(&node->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (node->lanes != NULL)
        lanes_fini(node, node->lanes_made);
    lares__program_fini(node);
    lares__kinds_fini(&node->kinds);
    lares__directory_fini(&node->directory);
    lares__recovery_fini(&node->recovery);
    lares__steward_fini(&node->steward);
    lares__store_fini(&node->store);
    lares__records_fini(&node->records);
    lares__bus_fini(&node->bus);
    lares__mutex_fini(&node->replay_lock);
    lares__mutex_fini(&node->lot_lock);
    lares__cond_fini(&node->lot);
    pthread_mutex_destroy(&node->load_lock);
    node->io->ops->close(node->io);
    lares__admin_free(node->admin);
    lares__key_release(node->key);
    lares__free(node);
    lares__pool_trim();
}
