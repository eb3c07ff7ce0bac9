#include "callback.h"

#include <string.h>

#include <lauxlib.h>

#include "answer.h"
#include "class.h"
#include "event.h"

/* The user values of an instance. */
enum {
    VALUE_PROCESS = 1,
    VALUE_SELF,
    VALUE_VIEW,
    VALUES = VALUE_VIEW
};

static const char objects_key; /* object -> instance, weak */

void lares__callback_open(lua_State *L)
{
    lua_newtable(L);
    lua_createtable(L, 0, 1);
    lua_pushstring(L, "k");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &objects_key);
    lares__event_open(L);
    lares__class_open(L);
}

struct lares__instance *lares__instance_find(lua_State *L, int index)
{
    struct lares__instance *instance;

    lua_pushvalue(L, index);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &objects_key);
    lua_insert(L, -2);
    lua_rawget(L, -2);
    instance = lua_touserdata(L, -1);
    lua_pop(L, 2);
    return instance;
}

lares_call *lares__instance_call(const struct lares__instance *instance)
{
    const struct lares__entry *entry = instance->runtime->entry;

    return entry != NULL && entry->owner == instance ? entry->call : NULL;
}

void lares__instance_object(lua_State *L,
                            const struct lares__instance *instance)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, instance);
    lua_getiuservalue(L, -1, VALUE_SELF);
    lua_remove(L, -2);
}

/* -- create, destroy ------------------------------------------------------ */

struct making {
    struct lares__recipe *recipe;
    struct lares__entry *entry;
    uint64_t origin;
    struct lares__instance *instance;
};

/* (class, object) -> instance, with its values but `process` */
static struct lares__instance *instance_new(lua_State *L, const char *kind,
                                            uint32_t version)
{
    size_t len = strlen(kind) + 1;
    struct lares__instance *instance =
        lua_newuserdatauv(L, sizeof *instance + len, VALUES);

    instance->runtime = lares__runtime_get(L);
    instance->version = version;
    memcpy(instance->kind, kind, len);
    lua_pushvalue(L, -2);
    lua_setiuservalue(L, -2, VALUE_SELF);
    instance->view = lares__view_new(L);
    lua_setiuservalue(L, -2, VALUE_VIEW);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &objects_key);
    lua_pushvalue(L, -3);
    lua_pushvalue(L, -3);
    lua_rawset(L, -3);
    lua_pop(L, 1);
    return instance;
}

/* (class) -> class, object */
static void object_new(lua_State *L, const struct making *making)
{
    lua_newtable(L);
    lua_pushvalue(L, 1);
    lua_setmetatable(L, -2);
    lua_pushstring(L, lares_call_argument(making->entry->call));
    lua_setfield(L, -2, "argument");
    lua_pushinteger(L, (lua_Integer)making->origin);
    lua_setfield(L, -2, "origin");
}

static void object_init(lua_State *L, int object)
{
    if (lua_getfield(L, object, "init") == LUA_TNIL) {
        lua_pop(L, 1);
        return;
    }
    lua_pushvalue(L, object);
    lua_call(L, 1, 0);
}

/* The method is looked up once, behind init, which may have chosen it. */
static void instance_bind(lua_State *L, int object, const char *kind)
{
    if (lua_getfield(L, object, "process") != LUA_TFUNCTION)
        luaL_error(L, "%s.process is %s, expected a function", kind,
                   luaL_typename(L, -1));
    lua_setiuservalue(L, -2, VALUE_PROCESS);
}

static int instance_make(lua_State *L)
{
    struct making *making = lua_touserdata(L, 1);
    struct lares__instance *instance;
    const char *kind;

    lua_settop(L, 0);
    lua_pushcfunction(L, making->recipe->make);
    lua_pushlightuserdata(L, making->recipe);
    lua_call(L, 1, 1);
    lua_getfield(L, 1, "kind");
    kind = luaL_checkstring(L, 2);
    object_new(L, making);
    instance = instance_new(L, kind, making->recipe->version);
    making->entry->owner = instance;
    object_init(L, 3);
    instance_bind(L, 3, kind);
    lua_rawsetp(L, LUA_REGISTRYINDEX, instance); /* last: it is whole */
    making->instance = instance;
    return 0;
}

lares_verdict lares__instance_create(struct lares__runtime *runtime,
                                     lares_call *call,
                                     const lares_daemon *daemon,
                                     struct lares__recipe *recipe,
                                     void **instance_out)
{
    struct lares__entry entry = {instance_make, "init", call, NULL, 0};
    struct making making = {recipe, &entry, lares_daemon_origin(daemon), NULL};
    lares_verdict verdict = lares__runtime_enter(runtime, &entry, &making);

    if (verdict == LARES_DONE)
        *instance_out = making.instance;
    return verdict;
}

static int instance_close(lua_State *L)
{
    lares__instance_object(L, lua_touserdata(L, 1));
    if (lua_getfield(L, -1, "close") == LUA_TNIL)
        return 0;
    lua_insert(L, -2);
    lua_call(L, 1, 0);
    return 0;
}

/* What `close` raises has nobody to hear it: destroy has no call. */
void lares__instance_destroy(void *object)
{
    struct lares__instance *instance = object;
    struct lares__runtime *runtime = instance->runtime;
    struct lares__entry entry = {instance_close, "close", NULL, NULL, 0};

    (void)lares__runtime_enter(runtime, &entry, instance);
    lua_pushnil(runtime->lua); /* a key that is there: nothing is allocated */
    lua_rawsetp(runtime->lua, LUA_REGISTRYINDEX, instance);
}

/* -- process -------------------------------------------------------------- */

static lares_status output_give(lares_call *call, const void *data, size_t len)
{
    return lares_call_emit(call, NULL, data, len);
}

/* Emit what process returned: the value on top. */
static void result_emit(lua_State *L, const struct lares__instance *instance,
                        lares_call *call)
{
    struct lares__answer answer;
    const char *data;
    size_t len;

    switch (lua_type(L, -1)) {
    case LUA_TSTRING: /* hot path */
        data = lua_tolstring(L, -1, &len);
        lares_call_emit(call, NULL, data, len);
        break;
    case LUA_TNIL:
        break;
    default:
        answer = (struct lares__answer){instance->kind, ".process",
                                        "nil, a string or an array of strings"};
        lares__answer_give(L, &answer, output_give, call);
    }
}

/* Hot path: one protected call per crossing. When it raises, the core knows
 * which input was in hand. */
static int instance_drain(lua_State *L)
{
    struct lares__instance *instance = lua_touserdata(L, 1);
    lares_call *call = lares__instance_call(instance);

    lua_rawgetp(L, LUA_REGISTRYINDEX, instance);
    lua_replace(L, 1);
    lua_getiuservalue(L, 1, VALUE_PROCESS);
    lua_getiuservalue(L, 1, VALUE_SELF);
    lua_getiuservalue(L, 1, VALUE_VIEW);
    while ((instance->view->event = lares_call_next(call)) != NULL) {
        lua_pushvalue(L, 2);
        lua_pushvalue(L, 3);
        lua_pushvalue(L, 4);
        lua_call(L, 2, 1);
        result_emit(L, instance, call);
        lua_settop(L, 4);
    }
    return 0;
}

lares_verdict lares__instance_process(lares_call *call, void *object)
{
    struct lares__instance *instance = object;
    struct lares__entry entry = {instance_drain, "process", call, instance, 0};
    lares_verdict verdict =
        lares__runtime_enter(instance->runtime, &entry, instance);

    instance->view->event = NULL;
    return verdict;
}
