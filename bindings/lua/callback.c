/* Design notes
 *
 * The core enters Lua by lua_pcall and by nothing else, so no error of Lua
 * jumps over a core frame; and no callback of the core begins inside that
 * pcall but those that Lua itself asked for (spawn in process: create).
 *
 * `runtime->lua` is the coroutine that called into the core last, because
 * without lanes every callback runs inside such a call. A callback leaves it
 * as it found it, since the author may have called the core from a coroutine
 * that is gone by then.
 *
 * What runs outside a pcall here pushes nothing that allocates: a light
 * function, a value of the registry, an address.
 */
#include "callback.h"

#include <assert.h>
#include <string.h>

#include <lauxlib.h>

#include "class.h"
#include "event.h"

enum {
    FRAMES = 8,
    SLOTS = 8 /* of the stack, for an entry */
};

/* The user values of an instance. */
enum {
    VALUE_PROCESS = 1,
    VALUE_SELF,
    VALUE_VIEW,
    VALUES = VALUE_VIEW
};

static const char runtime_key;
static const char objects_key; /* object -> instance, weak */

/* The functions by which Lua is entered. */
static int instance_make(lua_State *L);
static int instance_drain(lua_State *L);
static int object_close(lua_State *L);

/* -- runtime -------------------------------------------------------------- */

struct lares__runtime *lares__runtime_open(lua_State *L)
{
    struct lares__runtime *runtime = lua_newuserdatauv(L, sizeof *runtime, 0);

    runtime->lua = L;
    runtime->where = "";
    lua_rawsetp(L, LUA_REGISTRYINDEX, &runtime_key);
    lua_newtable(L);
    lua_createtable(L, 0, 1);
    lua_pushstring(L, "k");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &objects_key);
    lares__event_open(L);
    lares__class_open(L);
    return runtime;
}

struct lares__runtime *lares__runtime_get(lua_State *L)
{
    struct lares__runtime *runtime;

    lua_rawgetp(L, LUA_REGISTRYINDEX, &runtime_key);
    runtime = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return runtime;
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

/* -- tracebacks ----------------------------------------------------------- */

/* luaL_traceback searches all loaded modules for the name of a function and
 * takes forty times as long; a failing line of input must stay cheap. */
static void frame_add(lua_State *L, luaL_Buffer *text, lua_Debug *frame)
{
    const char *name = frame->name;

    if (name == NULL)
        name =
            *frame->what == 'm' ? "main chunk" : lares__runtime_get(L)->where;
    lua_pushfstring(L, "\n%s:%d %s", frame->short_src, frame->currentline,
                    name);
    luaL_addvalue(text);
}

/* Below an entry stands the program that happened to wait. */
static int frame_is_entry(lua_State *L, lua_Debug *frame)
{
    lua_CFunction function;

    lua_getinfo(L, "f", frame);
    function = lua_tocfunction(L, -1);
    lua_pop(L, 1);
    return function == instance_drain || function == instance_make ||
           function == object_close;
}

int lares__traceback(lua_State *L)
{
    lua_Debug frame;
    luaL_Buffer text;
    int level, frames = 0;

    if (!lua_isstring(L, 1)) { /* a number is one, too */
        lua_pushfstring(L, "error of type %s", luaL_typename(L, 1));
        lua_replace(L, 1);
    }
    luaL_buffinit(L, &text);
    lua_pushvalue(L, 1);
    luaL_addvalue(&text);
    for (level = 1; frames < FRAMES && lua_getstack(L, level, &frame);
         level++) {
        lua_getinfo(L, "Sln", &frame);
        if (*frame.what != 'C') {
            frame_add(L, &text, &frame);
            frames++;
        } else if (frame_is_entry(L, &frame)) {
            break;
        }
    }
    luaL_pushresult(&text);
    return 1;
}

/* -- entering ------------------------------------------------------------- */

/* Make ready to enter Lua: the function comes next, then its argument. */
static int runtime_prepare(lua_State *L)
{
    if (!lua_checkstack(L, SLOTS))
        return 0;
    lua_pushcfunction(L, lares__traceback);
    return 1;
}

/* Enter, with one argument. Whatever comes of it, stack and runtime are as
 * they were before. */
static int runtime_enter(struct lares__runtime *runtime, lua_State *L,
                         lares_call *call, const char *where)
{
    const char *outer = runtime->where;
    int handler = lua_gettop(L) - 2;
    int status;

    runtime->where = where;
    status = lua_pcall(L, 1, 0, handler);
    if (status != LUA_OK && call != NULL)
        lares_call_fail(call, lua_tostring(L, -1));
    lua_settop(L, handler - 1);
    runtime->where = outer;
    runtime->lua = L;
    return status == LUA_OK;
}

/* -- create, destroy ------------------------------------------------------ */

struct making {
    lua_CFunction make;
    void *user;
    lares_call *call;
    uint64_t origin;
    struct lares__instance *instance;
};

/* (class, object) -> instance, with its values but `process` */
static struct lares__instance *instance_new(lua_State *L, const char *kind)
{
    size_t len = strlen(kind) + 1;
    struct lares__instance *instance =
        lua_newuserdatauv(L, sizeof *instance + len, VALUES);

    instance->runtime = lares__runtime_get(L);
    instance->call = NULL;
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
    lua_pushstring(L, lares_call_argument(making->call));
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
    lua_pushcfunction(L, making->make);
    lua_pushlightuserdata(L, making->user);
    lua_call(L, 1, 1);
    lua_getfield(L, 1, "kind");
    kind = luaL_checkstring(L, 2);
    object_new(L, making);
    instance = instance_new(L, kind);
    object_init(L, 3);
    instance_bind(L, 3, kind);
    lua_rawsetp(L, LUA_REGISTRYINDEX, instance); /* last: it is whole */
    making->instance = instance;
    return 0;
}

lares_verdict lares__instance_create(lua_State *L, lares_call *call,
                                     const lares_daemon *daemon,
                                     lua_CFunction make, void *user,
                                     void **instance_out)
{
    struct lares__runtime *runtime = lares__runtime_get(L);
    struct making making = {make, user, call, lares_daemon_origin(daemon),
                            NULL};

    if (!runtime_prepare(L))
        return LARES_FAILED;
    lua_pushcfunction(L, instance_make);
    lua_pushlightuserdata(L, &making);
    if (!runtime_enter(runtime, L, call, "init"))
        return LARES_FAILED;
    *instance_out = making.instance;
    return LARES_DONE;
}

static int object_close(lua_State *L)
{
    lua_getiuservalue(L, 1, VALUE_SELF);
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
    lua_State *L = runtime->lua;

    if (!runtime_prepare(L))
        return;
    lua_pushcfunction(L, object_close);
    lua_rawgetp(L, LUA_REGISTRYINDEX, instance);
    runtime_enter(runtime, L, NULL, "close");
    lua_pushnil(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, instance);
}

/* -- process -------------------------------------------------------------- */

static int result_refuse(lua_State *L, const char *kind, const char *what)
{
    lua_pushfstring(L,
                    "%s.process returned %s, expected nil, a string or an "
                    "array of strings",
                    kind, what);
    return lua_error(L);
}

/* A table without a first item must have no other: {text = "a"} is a slip. */
static void array_check_empty(lua_State *L, struct lares__instance *instance)
{
    lua_pushnil(L);
    if (lua_next(L, -2))
        result_refuse(L, instance->kind, "a table that is no array");
}

static void array_emit(lua_State *L, struct lares__instance *instance)
{
    lua_Integer i, count = (lua_Integer)lua_rawlen(L, -1);
    const char *data;
    size_t len;

    if (count == 0)
        array_check_empty(L, instance);
    for (i = 1; i <= count; i++) {
        if (lua_rawgeti(L, -1, i) != LUA_TSTRING)
            result_refuse(L, instance->kind,
                          lua_pushfstring(L, "an array with a %s at %I",
                                          luaL_typename(L, -1),
                                          (LUAI_UACINT)i));
        data = lua_tolstring(L, -1, &len);
        if (lares_call_emit(instance->call, NULL, data, len) < 0)
            return; /* it latched: the input fails */
        lua_pop(L, 1);
    }
}

/* Emit what process returned: the value on top. */
static void result_emit(lua_State *L, struct lares__instance *instance)
{
    const char *data;
    size_t len;

    switch (lua_type(L, -1)) {
    case LUA_TSTRING:
        data = lua_tolstring(L, -1, &len);
        lares_call_emit(instance->call, NULL, data, len);
        break;
    case LUA_TNIL:
        break;
    case LUA_TTABLE:
        array_emit(L, instance);
        break;
    default:
        result_refuse(L, instance->kind, luaL_typename(L, -1));
    }
}

/* Hot path: one protected call per crossing. When it raises, the core knows
 * which input was in hand. */
static int instance_drain(lua_State *L)
{
    struct lares__instance *instance = lua_touserdata(L, 1);

    lua_getiuservalue(L, 1, VALUE_PROCESS);
    lua_getiuservalue(L, 1, VALUE_SELF);
    lua_getiuservalue(L, 1, VALUE_VIEW);
    while ((instance->view->event = lares_call_next(instance->call)) != NULL) {
        lua_pushvalue(L, 2);
        lua_pushvalue(L, 3);
        lua_pushvalue(L, 4);
        lua_call(L, 2, 1);
        result_emit(L, instance);
        lua_settop(L, 4);
    }
    return 0;
}

lares_verdict lares__instance_process(lares_call *call, void *object)
{
    struct lares__instance *instance = object;
    struct lares__runtime *runtime = instance->runtime;
    lua_State *L = runtime->lua;
    int done;

    if (!runtime_prepare(L))
        return LARES_FAILED;
    instance->call = call;
    lua_pushcfunction(L, instance_drain);
    lua_rawgetp(L, LUA_REGISTRYINDEX, instance);
    done = runtime_enter(runtime, L, call, "process");
    instance->call = NULL;
    instance->view->event = NULL;
    return done ? LARES_DONE : LARES_FAILED;
}
