#include "handle.h"

#include "module.h"
#include "result.h"

/* lares.world(seed) -> World */
int lares__world_open(lua_State *L)
{
    uint64_t seed = (uint64_t)luaL_checkinteger(L, 1);
    struct lares__box *box = lares__box_new(L, &lares__world_type);
    lares_world *world = NULL;
    lares_status rc = lares_world_new(seed, &world);

    box->ticket = world;
    return lares__result_value(L, rc);
}

/* world:node(name, options?) -> Node, started */
static int world_node(lua_State *L)
{
    lares_world *world = lares__box_check(L, 1, &lares__world_type);
    const char *name = lares__text_check(L, 2);
    lares_options *options = lares__options_push(L, 3, NULL);
    struct lares__box *box = lares__box_new(L, &lares__node_type);
    lares_node *node = NULL;
    lares_status rc = lares_world_node(world, name, options, &node);

    box->ticket = node;
    return lares__result_value(L, rc);
}

/* world:run(seconds): so much virtual time passes */
static int world_run(lua_State *L)
{
    lares_world *world = lares__box_check(L, 1, &lares__world_type);
    int64_t duration_ms;

    luaL_checknumber(L, 2);
    duration_ms = lares__seconds_check(L, 2, 0);
    return lares__result_push(L, lares_world_run(world, duration_ms));
}

/* world:run_idle(): all that is ready now */
static int world_run_idle(lua_State *L)
{
    lares_world *world = lares__box_check(L, 1, &lares__world_type);

    return lares__result_push(L, lares_world_run(world, 0));
}

static void world_free(void *ticket)
{
    lares_world_free(ticket);
}

static const luaL_Reg world_methods[] = {
    {"node",     world_node    },
    {"run",      world_run     },
    {"run_idle", world_run_idle},
    {NULL,       NULL          },
};

const struct lares__type lares__world_type = {
    "lares.world", world_free, world_methods, NULL, NULL, NULL};
