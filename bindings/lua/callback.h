/* callback.h - daemons written in Lua: from a class to an instance, and from
 * a crossing into its methods. Used by the module, whose daemons share the
 * program's state, and by the script host, which gives each its own. */
#ifndef LARES_LUA_CALLBACK_H
#define LARES_LUA_CALLBACK_H

#include "runtime.h"

struct lares__view;

/* The head of the `user` of a kind. */
struct lares__recipe {
    lua_CFunction make; /* (recipe) -> class; may raise */
    uint32_t version;   /* of the state, as it was registered */
};

/* One daemon. Its Lua values hang on a userdata that the registry keeps under
 * this address until destroy. */
struct lares__instance {
    struct lares__runtime *runtime;
    struct lares__view *view;
    uint32_t version; /* of its state */
    char kind[];      /* for messages */
};

/* Make what the functions below need, and the event; once per state. */
void lares__callback_open(lua_State *L);

/* The instance behind the object at index, NULL if it is none. */
struct lares__instance *lares__instance_find(lua_State *L, int index);

/* The call of the callback in which this instance may answer, NULL if that is
 * not in progress: init, and process. */
lares_call *lares__instance_call(const struct lares__instance *instance);

/* Push the object of an instance. */
void lares__instance_object(lua_State *L,
                            const struct lares__instance *instance);

/* Make an instance in the state of the runtime. */
lares_verdict lares__instance_create(struct lares__runtime *runtime,
                                     lares_call *call,
                                     const lares_daemon *daemon,
                                     struct lares__recipe *recipe,
                                     void **instance_out);

/* Slots of lares_daemon_ops; the last two are in snapshot.c. */
void lares__instance_destroy(void *instance);
lares_verdict lares__instance_process(lares_call *call, void *instance);
lares_verdict lares__instance_snapshot(lares_call *call, void *instance);
lares_verdict lares__instance_restore(lares_call *call, uint32_t version,
                                      const void *data, size_t len,
                                      void *instance);

#endif
