#include "handle.h"

#include <string.h>

#include "result.h"

static lares_daemon *daemon_check(lua_State *L)
{
    return lares__box_check(L, 1, &lares__daemon_type);
}

/* daemon:deliver(data, seconds?) -> array of events */
static int daemon_deliver(lua_State *L)
{
    lares_daemon *daemon = daemon_check(L);
    size_t len;
    const char *data = lares__data_check(L, 2, &len);
    int64_t timeout_ms = lares__seconds_check(L, 3, 30);
    struct lares__box *box = lares__box_new(L, &lares__events_type);
    lares_events *events = NULL;
    lares_status rc =
        lares_daemon_deliver(daemon, data, len, timeout_ms, &events);

    box->ticket = events;
    return lares__events_answer(L, rc);
}

/* daemon:send(data, seconds?) */
static int daemon_send(lua_State *L)
{
    lares_daemon *daemon = daemon_check(L);
    size_t len;
    const char *data = lares__data_check(L, 2, &len);

    return lares__result_push(
        L, lares_daemon_send(daemon, data, len, lares__seconds_check(L, 3, 5)));
}

/* daemon:subscribe(pattern, group?) */
static int daemon_subscribe(lua_State *L)
{
    lares_daemon *daemon = daemon_check(L);

    return lares__result_push(
        L, lares_daemon_subscribe(daemon, lares__text_check(L, 2),
                                  lares__text_optional(L, 3, NULL)));
}

/* daemon:unsubscribe(pattern, group?) */
static int daemon_unsubscribe(lua_State *L)
{
    lares_daemon *daemon = daemon_check(L);

    return lares__result_push(
        L, lares_daemon_unsubscribe(daemon, lares__text_check(L, 2),
                                    lares__text_optional(L, 3, NULL)));
}

/* daemon:snapshot(seconds?) -> string */
static int daemon_snapshot(lua_State *L)
{
    lares_daemon *daemon = daemon_check(L);
    int64_t timeout_ms = lares__seconds_check(L, 2, 30);
    struct lares__box *box = lares__box_new(L, &lares__bytes_type);
    lares_bytes *image = NULL;
    lares_status rc = lares_daemon_snapshot(daemon, timeout_ms, &image);

    box->ticket = image;
    return lares__bytes_answer(L, rc);
}

/* daemon:retire(grace?) -> string */
static int daemon_retire(lua_State *L)
{
    lares_daemon *daemon = daemon_check(L);
    int64_t grace_ms = lares__seconds_check(L, 2, 30);
    struct lares__box *box = lares__box_new(L, &lares__bytes_type);
    lares_bytes *image = NULL;
    lares_status rc = lares_daemon_retire(daemon, grace_ms, &image);

    box->ticket = image;
    return lares__bytes_answer(L, rc);
}

/* daemon:restart() */
static int daemon_restart(lua_State *L)
{
    return lares__result_push(L, lares_daemon_restart(daemon_check(L)));
}

/* daemon:stop(grace?) */
static int daemon_stop(lua_State *L)
{
    lares_daemon *daemon = daemon_check(L);

    return lares__result_push(
        L, lares_daemon_stop(daemon, lares__seconds_check(L, 2, 30)));
}

/* __close(daemon, error) */
static int daemon_end(lua_State *L)
{
    return lares__result_push(L, lares_daemon_stop(daemon_check(L), 5000));
}

static int daemon_identity(lua_State *L, const lares_daemon *daemon)
{
    struct lares__box *box = lares__box_new(L, &lares__key_type);
    lares_key *key = NULL;
    lares_status rc = lares_daemon_key(daemon, &key);

    box->ticket = key;
    return lares__result_value(L, rc);
}

/* daemon.origin, daemon.epoch, daemon.identity */
static int daemon_property(lua_State *L)
{
    const lares_daemon *daemon = daemon_check(L);
    const char *name = lua_tostring(L, 2);

    if (strcmp(name, "identity") == 0)
        return daemon_identity(L, daemon);
    if (strcmp(name, "origin") == 0)
        lua_pushinteger(L, (lua_Integer)lares_daemon_origin(daemon));
    else if (strcmp(name, "epoch") == 0)
        lua_pushinteger(L, (lua_Integer)lares_daemon_epoch(daemon));
    else
        return 0;
    return 1;
}

static void daemon_free(void *ticket)
{
    lares_daemon_free(ticket);
}

static const luaL_Reg daemon_methods[] = {
    {"deliver",     daemon_deliver    },
    {"send",        daemon_send       },
    {"subscribe",   daemon_subscribe  },
    {"unsubscribe", daemon_unsubscribe},
    {"snapshot",    daemon_snapshot   },
    {"retire",      daemon_retire     },
    {"restart",     daemon_restart    },
    {"stop",        daemon_stop       },
    {NULL,          NULL              },
};

const struct lares__type lares__daemon_type = {"lares.handle", daemon_free,
                                               daemon_methods, daemon_property,
                                               daemon_end,     NULL};
