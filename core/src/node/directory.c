#include "node/directory.h"

#include "base/alloc.h"
#include "base/error.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

/* Design notes
 * - Origins are hashes already, but strangers can choose their keys: the slot
 *   is the origin times an odd number that no one outside knows.
 * - The table is at most half full; removal moves followers up, so there are
 *   no marks of the dead. */

enum {
    ROOM_MIN = 16
};

void lares__directory_init(struct lares__directory *directory)
{
    lares__mutex_init(&directory->lock, LARES__FLOOR_REGISTRY);
}

void lares__directory_fini(struct lares__directory *directory)
{
    assert(directory->count == 0 && directory->inboxes == NULL);
    lares__free(directory->slots);
    lares__mutex_fini(&directory->lock);
}

static uint32_t slot_of(const lares_node *node, uint64_t origin)
{
    return (uint32_t)((origin * (node->seed | 1)) >> 32) &
           (node->directory.room - 1);
}

static uint32_t slot_next(const lares_node *node, uint32_t slot)
{
    return (slot + 1) & (node->directory.room - 1);
}

/* the slot of an origin, or the free one where it would stand */
static lares_daemon **place_locked(lares_node *node, uint64_t origin)
{
    lares_daemon **slots = node->directory.slots;
    uint32_t slot = slot_of(node, origin);

    while (slots[slot] != NULL && slots[slot]->receiver.origin != origin)
        slot = slot_next(node, slot);
    return &slots[slot];
}

static lares_status grow_locked(lares_node *node)
{
    struct lares__directory *directory = &node->directory;
    lares_daemon **old = directory->slots;
    uint32_t old_room = directory->room;
    uint32_t room = old_room == 0 ? ROOM_MIN : old_room * 2;
    lares_daemon **slots;

    if ((directory->count + 1) * 2 <= old_room)
        return LARES_OK;
    slots = lares__calloc(room, sizeof *slots);
    if (slots == NULL)
        return LARES_ENOMEM;
    directory->slots = slots;
    directory->room = room;
    for (uint32_t i = 0; i < old_room; i++)
        if (old[i] != NULL)
            *place_locked(node, old[i]->receiver.origin) = old[i];
    lares__free(old);
    return LARES_OK;
}

/* -- lanes ---------------------------------------------------------------- */

static int lane_labelled(const lares_node *node, uint32_t lane)
{
    for (const struct lares__label *label = node->directory.labels;
         label != NULL; label = label->next)
        if (label->lane == lane)
            return 1;
    return 0;
}

/* the fewest daemons, the lowest number on ties; without a label if any is */
static uint32_t lane_lightest(const lares_node *node)
{
    uint32_t best = 0;
    int best_labelled = 1;

    for (uint32_t i = 0; i < node->lanes_made; i++) {
        int labelled = lane_labelled(node, i);

        if (i == 0 || labelled < best_labelled ||
            (labelled == best_labelled &&
             node->lanes[i].daemons < node->lanes[best].daemons)) {
            best = i;
            best_labelled = labelled;
        }
    }
    return best;
}

static lares_status label_take(lares_node *node, const char *name,
                               struct lares__label **out)
{
    struct lares__label *label = node->directory.labels;

    *out = NULL;
    if (*name == '\0')
        return LARES_OK;
    while (label != NULL && strcmp(label->name, name) != 0)
        label = label->next;
    if (label == NULL) {
        label = lares__calloc(1, sizeof *label);
        if (label == NULL)
            return LARES_ENOMEM;
        label->lane = lane_lightest(node);
        strcpy(label->name, name);
        label->next = node->directory.labels;
        node->directory.labels = label;
    }
    label->daemons++;
    *out = label;
    return LARES_OK;
}

static void label_drop(lares_node *node, const char *name)
{
    struct lares__label **place = &node->directory.labels;
    struct lares__label *label;

    if (*name == '\0')
        return;
    while (strcmp((*place)->name, name) != 0)
        place = &(*place)->next;
    label = *place;
    if (--label->daemons > 0)
        return;
    *place = label->next;
    lares__free(label);
}

/* Only here does the heap grow, so its room may be looked at without a lock. */
static lares_status gates_reserve(struct lares__lane *lane)
{
    lares_status rc;

    if (lane->gates.room > lane->daemons)
        return LARES_OK;
    lares__mutex_lock(&lane->gates_lock);
    rc = lares__heap_reserve(&lane->gates, lane->daemons + 1);
    lares__mutex_unlock(&lane->gates_lock);
    return rc;
}

static lares_status lane_assign(lares_node *node, lares_daemon *daemon)
{
    const char *name = daemon->host.kind->lane;
    struct lares__label *label;
    struct lares__lane *lane;
    lares_status rc = label_take(node, name, &label);

    if (rc < 0)
        return rc;
    lane = &node->lanes[label != NULL ? label->lane : lane_lightest(node)];
    rc = gates_reserve(lane);
    if (rc < 0) {
        label_drop(node, name);
        return rc;
    }
    lane->daemons++;
    daemon->receiver.queue = &lane->queue;
    daemon->receiver.number =
        (uint64_t)lane->queue.number << 48 | atomic_fetch_add(&node->serial, 1);
    return LARES_OK;
}

/* -- the list ------------------------------------------------------------- */

static lares_status add_locked(lares_node *node, lares_daemon *daemon)
{
    lares_daemon **place;
    lares_status rc;

    if (node->directory.count == LARES__DAEMONS_MAX)
        return lares__error(LARES_ELIMIT, "a node has at most %d daemons",
                            LARES__DAEMONS_MAX);
    rc = grow_locked(node);
    if (rc < 0)
        return rc;
    place = place_locked(node, daemon->receiver.origin);
    if (*place != NULL)
        return lares__error(LARES_EEXIST,
                            "identity %016" PRIx64 " lives here already",
                            daemon->receiver.origin);
    rc = lane_assign(node, daemon);
    if (rc < 0)
        return rc;
    *place = daemon;
    node->directory.count++;
    return LARES_OK;
}

lares_status lares__directory_add(lares_node *node, lares_daemon *daemon)
{
    lares_status rc;

    lares__mutex_lock(&node->directory.lock);
    rc = add_locked(node, daemon);
    lares__mutex_unlock(&node->directory.lock);
    return rc;
}

/* closes the gap: whoever would rather stand there moves up */
static void remove_locked(lares_node *node, uint64_t origin)
{
    lares_daemon **slots = node->directory.slots;
    lares_daemon **gap = place_locked(node, origin);
    uint32_t hole = (uint32_t)(gap - slots);

    slots[hole] = NULL;
    for (uint32_t slot = slot_next(node, hole); slots[slot] != NULL;
         slot = slot_next(node, slot)) {
        lares_daemon *daemon = slots[slot];

        slots[slot] = NULL;
        *place_locked(node, daemon->receiver.origin) = daemon;
    }
    node->directory.count--;
}

static void totals_add(struct lares__totals *totals,
                       const struct lares__counters *counters)
{
    totals->committed += atomic_load(&counters->committed);
    totals->emitted += atomic_load(&counters->emitted);
    totals->failures += atomic_load(&counters->failures);
    totals->duplicates += atomic_load(&counters->duplicates);
    totals->rebuilds += atomic_load(&counters->rebuilds);
    totals->snapshots += atomic_load(&counters->snapshots);
    totals->unsaved += atomic_load(&counters->unsaved);
}

void lares__directory_remove(lares_node *node, lares_daemon *daemon)
{
    lares__mutex_lock(&node->directory.lock);
    remove_locked(node, daemon->receiver.origin);
    totals_add(&node->directory.closed, &daemon->host.counters);
    lares__daemon_lane(daemon)->daemons--;
    label_drop(node, daemon->host.kind->lane);
    /* Once the directory is idle kinds are cleared, and lanes end: nobody
     * pokes a closed daemon. */
    lares__kinds_give_back(&node->kinds, daemon->host.kind);
    atomic_store(&daemon->closed, 1);
    lares__mutex_unlock(&node->directory.lock);
    lares__receiver_release(&daemon->receiver);
}

lares_daemon *lares__directory_find(lares_node *node, uint64_t origin)
{
    lares_daemon *daemon = NULL;

    lares__mutex_lock(&node->directory.lock);
    if (node->directory.room > 0)
        daemon = *place_locked(node, origin);
    if (daemon != NULL)
        lares__receiver_retain(&daemon->receiver);
    lares__mutex_unlock(&node->directory.lock);
    return daemon;
}

lares_status lares__directory_each(lares_node *node,
                                   lares_status (*fn)(void *context,
                                                      lares_daemon *daemon),
                                   void *context)
{
    lares_status rc = LARES_OK;

    lares__mutex_lock(&node->directory.lock);
    for (uint32_t i = 0; rc == LARES_OK && i < node->directory.room; i++)
        if (node->directory.slots[i] != NULL)
            rc = fn(context, node->directory.slots[i]);
    lares__mutex_unlock(&node->directory.lock);
    return rc;
}

uint32_t lares__directory_count(lares_node *node)
{
    uint32_t count;

    lares__mutex_lock(&node->directory.lock);
    count = node->directory.count;
    lares__mutex_unlock(&node->directory.lock);
    return count;
}

void lares__directory_totals(lares_node *node, struct lares__totals *out)
{
    struct lares__directory *directory = &node->directory;

    lares__mutex_lock(&directory->lock);
    *out = directory->closed;
    for (uint32_t i = 0; i < directory->room; i++)
        if (directory->slots[i] != NULL)
            totals_add(out, &directory->slots[i]->host.counters);
    lares__mutex_unlock(&directory->lock);
}

lares_status lares__directory_enter(lares_node *node)
{
    lares_status rc;

    lares__mutex_lock(&node->directory.lock);
    rc = lares__node_ready(node);
    node->directory.spawning += rc == LARES_OK;
    lares__mutex_unlock(&node->directory.lock);
    return rc;
}

void lares__directory_leave(lares_node *node)
{
    lares__mutex_lock(&node->directory.lock);
    node->directory.spawning--;
    lares__mutex_unlock(&node->directory.lock);
}

int lares__directory_idle(lares_node *node)
{
    int idle;

    lares__mutex_lock(&node->directory.lock);
    idle = node->directory.count == 0 && node->directory.spawning == 0;
    lares__mutex_unlock(&node->directory.lock);
    return idle;
}
