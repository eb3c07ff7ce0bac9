/* Design notes
 *
 * A registry knows handlers by their ids, and a program by its functions. So
 * the user value of a box is a table whose weak keys are the handlers that were
 * registered through it; each knows its function, and its id while it is
 * registered. A node has one such box.
 *
 * The Lua registry keeps a handler until the core releases it, whatever has
 * become of the box.
 */
#include <string.h>

#include "handle.h"
#include "handler.h"
#include "module.h"
#include "result.h"

static lares_recovery *recovery_check(lua_State *L)
{
    return lares__box_check(L, 1, &lares__recovery_type);
}

struct lares__box *lares__recovery_push(lua_State *L)
{
    struct lares__box *box = lares__box_new(L, &lares__recovery_type);

    lua_newtable(L);
    lua_createtable(L, 0, 1);
    lua_pushstring(L, "k");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    lua_setiuservalue(L, -2, 1);
    return box;
}

/* lares.recovery() -> Recovery */
int lares__recovery_open(lua_State *L)
{
    struct lares__box *box = lares__recovery_push(L);
    lares_recovery *recovery = NULL;
    lares_status rc = lares_recovery_new(&recovery);

    box->ticket = recovery;
    return lares__result_value(L, rc);
}

lares_status lares__recovery_add(lua_State *L, int box, int function,
                                 const char *name, size_t *count_out)
{
    lares_recovery *recovery = lares__box_check(L, box, &lares__recovery_type);
    struct lares__handler *handler;
    uint64_t id;
    lares_status rc;

    lua_getiuservalue(L, box, 1);
    handler = lares__handler_push(L, function, name);
    lua_pushvalue(L, -1);
    lua_pushboolean(L, 1);
    lua_rawset(L, -4); /* before it is registered: this may raise */
    rc = lares_recovery_register(recovery, name, lares__handler_run, handler,
                                 lares__handler_release, &id, count_out);
    if (rc >= 0)
        handler->id = id;
    lua_pop(L, 2);
    return rc;
}

/* recovery:register(fn, name?) -> count */
static int recovery_register(lua_State *L)
{
    const char *name = lares__text_optional(L, 3, "handler");
    size_t count = 0;
    lares_status rc;

    luaL_checktype(L, 2, LUA_TFUNCTION);
    rc = lares__recovery_add(L, 1, 2, name, &count);
    lua_pushinteger(L, (lua_Integer)count);
    return lares__result_value(L, rc);
}

/* The oldest handler with the function at index, NULL if none is registered. */
static struct lares__handler *handler_find(lua_State *L, int box, int function)
{
    struct lares__handler *handler, *found = NULL;

    lua_getiuservalue(L, box, 1);
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        handler = lua_touserdata(L, -2);
        lares__handler_function(L, -2);
        if (lua_rawequal(L, -1, function) && handler->id != 0 &&
            (found == NULL || handler->id < found->id))
            found = handler;
        lua_pop(L, 2);
    }
    lua_pop(L, 1);
    return found;
}

/* recovery:remove(fn) -> boolean */
static int recovery_remove(lua_State *L)
{
    lares_recovery *recovery = recovery_check(L);
    struct lares__handler *handler;
    lares_status rc = LARES_ENOTFOUND;
    uint64_t id;

    luaL_checktype(L, 2, LUA_TFUNCTION);
    handler = handler_find(L, 1, 2);
    if (handler != NULL) {
        id = handler->id;
        handler->id = 0; /* one that is running is released later */
        rc = lares_recovery_remove(recovery, id);
    }
    if (rc < 0 && rc != LARES_ENOTFOUND)
        return lares__result_push(L, rc);
    lua_pushboolean(L, rc == LARES_OK);
    return 1;
}

/* recovery:run() -> array of {handler, group, slot}. A pass is under way only
 * when a handler asks: it has recovered nothing else then. */
static int recovery_run(lua_State *L)
{
    lares_recovery *recovery = recovery_check(L);
    struct lares__box *box = lares__box_new(L, &lares__rows_type);
    lares_rows *rows = NULL;
    lares_status rc = lares_recovery_run(recovery, &rows);

    if (rc == LARES_EBUSY) {
        lua_newtable(L);
        return 1;
    }
    box->ticket = rows;
    return lares__rows_answer(L, rc);
}

/* recovery:report() -> array of tables */
static int recovery_report(lua_State *L)
{
    lares_recovery *recovery = recovery_check(L);
    struct lares__box *box = lares__box_new(L, &lares__rows_type);
    lares_rows *rows = NULL;
    lares_status rc = lares_recovery_report(recovery, &rows);

    box->ticket = rows;
    return lares__rows_answer(L, rc);
}

/* #recovery */
static int recovery_count(lua_State *L)
{
    size_t count = 0;

    lares__result_check(L, lares_recovery_count(recovery_check(L), &count));
    lua_pushinteger(L, (lua_Integer)count);
    return 1;
}

static void recovery_free(void *ticket)
{
    lares_recovery_free(ticket);
}

static const luaL_Reg recovery_methods[] = {
    {"register", recovery_register},
    {"remove",   recovery_remove  },
    {"run",      recovery_run     },
    {"report",   recovery_report  },
    {NULL,       NULL             },
};

const struct lares__type lares__recovery_type = {
    "lares.recovery", recovery_free, recovery_methods, NULL, NULL,
    recovery_count};
