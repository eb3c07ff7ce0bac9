#include "handle.h"

#include <math.h>

#include "result.h"

static int inbox_take(lua_State *L, lares_inbox *inbox, int64_t timeout_ms)
{
    struct lares__box *box = lares__box_new(L, &lares__events_type);
    lares_events *events = NULL;
    lares_status rc = LARES_ECLOSED;

    if (inbox != NULL) /* closed: its ticket is gone */
        rc = lares_inbox_next(inbox, timeout_ms, &events);
    box->ticket = events;
    return lares__events_answer(L, rc);
}

/* inbox:next(seconds?) -> array of events */
static int inbox_next(lua_State *L)
{
    lares_inbox *inbox = lares__box_find(L, 1, &lares__inbox_type);

    return inbox_take(L, inbox, lares__seconds_check(L, 2, HUGE_VAL));
}

/* The iterator of inbox:events. Upvalues: inbox, ms, array, place in it. */
static int events_step(lua_State *L)
{
    lua_Integer place = lua_tointeger(L, lua_upvalueindex(4)) + 1;

    if (lua_rawgeti(L, lua_upvalueindex(3), place) == LUA_TNIL) {
        lares_inbox *inbox =
            lares__box_find(L, lua_upvalueindex(1), &lares__inbox_type);

        if (inbox_take(L, inbox, lua_tointeger(L, lua_upvalueindex(2))) > 1)
            return 0; /* nothing came, or it is over */
        lua_replace(L, lua_upvalueindex(3));
        place = 1;
        lua_rawgeti(L, lua_upvalueindex(3), place);
    }
    lua_pushinteger(L, place);
    lua_replace(L, lua_upvalueindex(4));
    return 1;
}

/* inbox:events(seconds?) -> iterator: ends when nothing came in that time */
static int inbox_events(lua_State *L)
{
    int64_t timeout_ms = lares__seconds_check(L, 2, HUGE_VAL);

    lares__box_find(L, 1, &lares__inbox_type);
    lua_pushvalue(L, 1);
    lua_pushinteger(L, timeout_ms);
    lua_newtable(L);
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, events_step, 4);
    return 1;
}

/* inbox:close(); __close, too */
static int inbox_close(lua_State *L)
{
    lares__box_reset(L, 1, &lares__inbox_type);
    return 0;
}

static void inbox_free(void *ticket)
{
    lares_inbox_free(ticket);
}

static const luaL_Reg inbox_methods[] = {
    {"next",   inbox_next  },
    {"events", inbox_events},
    {"close",  inbox_close },
    {NULL,     NULL        },
};

const struct lares__type lares__inbox_type = {
    "lares.inbox", inbox_free, inbox_methods, NULL, inbox_close, NULL};
