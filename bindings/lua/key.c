/* key.c - identities and verifiers. */
#include "handle.h"

#include <string.h>

#include "event.h"
#include "module.h"
#include "result.h"

/* lares.key(seed?) -> Key */
int lares__key_open(lua_State *L)
{
    size_t len = 0;
    const char *seed =
        lua_isnoneornil(L, 1) ? NULL : lares__data_check(L, 1, &len);
    struct lares__box *box = lares__box_new(L, &lares__key_type);
    lares_key *key = NULL;
    lares_status rc = lares_key_new(seed, len, &key);

    box->ticket = key;
    return lares__result_value(L, rc);
}

/* key:seed() -> string */
static int key_seed(lua_State *L)
{
    lares_key *key = lares__box_check(L, 1, &lares__key_type);
    struct lares__box *box = lares__box_new(L, &lares__bytes_type);
    lares_bytes *seed = NULL;
    lares_status rc = lares_key_seed(key, &seed);

    box->ticket = seed;
    return lares__bytes_answer(L, rc);
}

/* key.origin */
static int key_property(lua_State *L)
{
    lares_key *key = lares__box_check(L, 1, &lares__key_type);

    if (strcmp(lua_tostring(L, 2), "origin") != 0)
        return 0;
    lua_pushinteger(L, (lua_Integer)lares_key_origin(key));
    return 1;
}

static void key_free(void *ticket)
{
    lares_key_free(ticket);
}

static const luaL_Reg key_methods[] = {
    {"seed", key_seed},
    {NULL,   NULL    }
};

const struct lares__type lares__key_type = {"lares.key",  key_free, key_methods,
                                            key_property, NULL,     NULL};

/* lares.chain(origin) -> Chain */
int lares__chain_open(lua_State *L)
{
    uint64_t origin = (uint64_t)luaL_checkinteger(L, 1);
    struct lares__box *box = lares__box_new(L, &lares__chain_type);
    lares_chain *chain = NULL;
    lares_status rc = lares_chain_new(origin, &chain);

    box->ticket = chain;
    return lares__result_value(L, rc);
}

/* chain:check(event) */
static int chain_check(lua_State *L)
{
    lares_chain *chain = lares__box_check(L, 1, &lares__chain_type);
    lares_event event;

    lares__event_read(L, 2, &event);
    return lares__result_push(L, lares_chain_check(chain, &event));
}

static void chain_free(void *ticket)
{
    lares_chain_free(ticket);
}

static const luaL_Reg chain_methods[] = {
    {"check", chain_check},
    {NULL,    NULL       }
};

const struct lares__type lares__chain_type = {
    "lares.chain", chain_free, chain_methods, NULL, NULL, NULL};
