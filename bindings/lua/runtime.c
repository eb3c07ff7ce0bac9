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
 * function, an address.
 */
#include "runtime.h"

#include <lauxlib.h>

enum {
    FRAMES = 8,
    SLOTS = 8 /* of the stack, for an entry */
};

static const char runtime_key;

struct lares__runtime *lares__runtime_open(lua_State *L)
{
    struct lares__runtime *runtime = lua_newuserdatauv(L, sizeof *runtime, 0);

    runtime->lua = L;
    runtime->entry = NULL;
    lua_rawsetp(L, LUA_REGISTRYINDEX, &runtime_key);
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

/* -- tracebacks ----------------------------------------------------------- */

/* luaL_traceback searches all loaded modules for the name of a function and
 * takes forty times as long; a failing line of input must stay cheap. */
static void frame_add(lua_State *L, luaL_Buffer *text, lua_Debug *frame,
                      const struct lares__entry *entry)
{
    const char *name = frame->name;

    if (name == NULL && *frame->what == 'm')
        name = "main chunk";
    else if (name == NULL)
        name = entry != NULL ? entry->where : "?";
    lua_pushfstring(L, "\n%s:%d %s", frame->short_src, frame->currentline,
                    name);
    luaL_addvalue(text);
}

/* Is this function of C where the core was waited for? Below an entry stands
 * the program that happened to wait. An entry that has raised is gone: what
 * its variables raise as they are closed runs on whatever called into the
 * core. */
static int frame_is_last(lua_State *L, int level, lua_Debug *frame,
                         const struct lares__entry *entry)
{
    lua_CFunction function;

    if (entry == NULL)
        return 0;
    if (entry->unwinding)
        return level > 1; /* 1 may be what raises: error */
    lua_getinfo(L, "f", frame);
    function = lua_tocfunction(L, -1);
    lua_pop(L, 1);
    return function == entry->function;
}

int lares__traceback(lua_State *L)
{
    struct lares__entry *entry = lares__runtime_get(L)->entry;
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
            frame_add(L, &text, &frame, entry);
            frames++;
        } else if (frame_is_last(L, level, &frame, entry)) {
            break;
        }
    }
    if (entry != NULL)
        entry->unwinding = 1;
    luaL_pushresult(&text);
    return 1;
}

/* -- entering ------------------------------------------------------------- */

lares_verdict lares__runtime_enter(struct lares__runtime *runtime,
                                   struct lares__entry *entry, void *argument)
{
    lua_State *L = runtime->lua;
    struct lares__entry *outer = runtime->entry;
    int top = lua_gettop(L);
    int status;

    if (!lua_checkstack(L, SLOTS))
        return LARES_FAILED;
    runtime->entry = entry;
    lua_pushcfunction(L, lares__traceback);
    lua_pushcfunction(L, entry->function);
    lua_pushlightuserdata(L, argument);
    status = lua_pcall(L, 1, 0, top + 1);
    if (status != LUA_OK && entry->call != NULL)
        lares_call_fail(entry->call, lua_tostring(L, -1));
    lua_settop(L, top);
    runtime->entry = outer;
    runtime->lua = L;
    return status == LUA_OK ? LARES_DONE : LARES_FAILED;
}
