#include "node/world.h"

#include "abi/check.h"

lares_status lares_world_new(uint64_t seed, lares_world **out)
{
    if (lares__refused())
        return lares__forked_refuse();
    if (out == NULL)
        return lares__error(LARES_EINVAL, "out is NULL");
    lares__forked_arm();
    return lares__world_new(seed, out);
}

lares_status lares_world_node(lares_world *world, const char *name,
                              const lares_options *options, lares_node **out)
{
    if (lares__refused())
        return lares__forked_refuse();
    if (world == NULL || name == NULL || out == NULL)
        return lares__error(LARES_EINVAL, "world, name or out is NULL");
    return lares__world_node(world, name, options, out);
}

lares_status lares_world_run(lares_world *world, int64_t duration_ms)
{
    if (lares__refused())
        return lares__forked_refuse();
    if (world == NULL)
        return lares__error(LARES_EINVAL, "world is NULL");
    if (duration_ms < 0 ||
        (uint64_t)duration_ms >
            (INT64_MAX - lares__sim_now(world->sim)) / 1000000)
        return lares__error(LARES_ERANGE,
                            "a time of %lld ms, below 0 or beyond the clock",
                            (long long)duration_ms);
    if (lares__call_current() != NULL)
        return lares__error(LARES_EDEADLK, "runs a world inside a callback");
    lares__world_run(world, duration_ms);
    return LARES_OK;
}

void lares_world_free(lares_world *world)
{
    if (world != NULL && !lares__forked())
        lares__world_free(world);
}
