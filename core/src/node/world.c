#include "node/world.h"

#include "base/alloc.h"
#include "base/error.h"
#include "node/wait.h"

#include <string.h>

lares_status lares__world_new(uint64_t seed, lares_world **out)
{
    lares_world *world = lares__calloc(1, sizeof *world);
    lares_status rc;

    if (world == NULL)
        return LARES_ENOMEM;
    rc = lares__sim_new(seed, &world->sim);
    if (rc < 0)
        lares__free(world);
    else
        *out = world;
    return rc;
}

static int is_alive(const lares_node *node)
{
    return lares__node_is(node, LARES__NODE_READY) ||
           lares__node_is(node, LARES__NODE_STOPPING);
}

/* forgets nodes that have stopped */
static void world_sweep(lares_world *world)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < world->count; i++) {
        if (is_alive(world->nodes[i]))
            world->nodes[kept++] = world->nodes[i];
        else
            lares__node_release(world->nodes[i]);
    }
    world->count = kept;
}

static lares_status world_check(lares_world *world, const char *name)
{
    world_sweep(world);
    for (uint32_t i = 0; i < world->count; i++)
        if (strcmp(world->nodes[i]->name, name) == 0)
            return lares__error(LARES_EEXIST, "the world has a node '%s'",
                                name);
    if (world->count == LARES__WORLD_NODES)
        return lares__error(LARES_ELIMIT, "a world has at most %d nodes",
                            LARES__WORLD_NODES);
    return LARES_OK;
}

lares_status lares__world_node(lares_world *world, const char *name,
                               const lares_options *options, lares_node **out)
{
    struct lares__io *io;
    lares_node *node;
    lares_status rc = world_check(world, name);

    if (rc == LARES_OK)
        rc = lares__sim_io(world->sim, &io);
    if (rc == LARES_OK)
        rc = lares__node_new(name, options, io, 1, &node);
    if (rc < 0)
        return rc;
    rc = lares__node_start(node);
    if (rc < 0) {
        lares__node_release(node);
        return rc;
    }
    lares__node_retain(node);
    world->nodes[world->count++] = node;
    *out = node;
    return LARES_OK;
}

/* everything that is ready, at this instant */
static void world_settle(lares_world *world)
{
    int moved;

    do {
        moved = 0;
        for (uint32_t i = 0; i < world->count; i++) {
            lares_node *node = world->nodes[i];

            if (!is_alive(node) || !lares__node_drive(node))
                continue;
            while (is_alive(node) && lares__node_step(node))
                moved = 1;
            lares__node_undrive(node);
        }
    } while (moved);
}

static uint64_t world_due(lares_world *world)
{
    uint64_t first = UINT64_MAX;

    for (uint32_t i = 0; i < world->count; i++) {
        uint64_t due = is_alive(world->nodes[i])
                           ? lares__node_due(world->nodes[i])
                           : UINT64_MAX;

        if (due < first)
            first = due;
    }
    return first;
}

void lares__world_run(lares_world *world, int64_t duration_ms)
{
    uint64_t now = lares__sim_now(world->sim);
    uint64_t end = now + (uint64_t)duration_ms * 1000000;

    for (;;) {
        uint64_t due;

        world_settle(world);
        due = world_due(world);
        if (due > end)
            break;
        now = lares__sim_now(world->sim);
        lares__sim_advance(world->sim, due > now ? due : now + 1);
    }
    lares__sim_advance(world->sim, end);
    world_sweep(world);
}

void lares__world_free(lares_world *world)
{
    for (uint32_t i = 0; i < world->count; i++)
        lares__node_release(world->nodes[i]);
    lares__sim_release(world->sim);
    lares__free(world);
}
