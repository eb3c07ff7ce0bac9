#include "script.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>
#include <lualib.h>

#include "callback.h"
#include "class.h"
#include "handler.h"
#include "heap.h"

enum {
    TEXT_MAX = 16 * 1024 * 1024,
    PAUSE = 300 /* %, of what lives: a collection costs that, not garbage */
};

/* -- why opening fails ---------------------------------------------------- */

static _Thread_local char failure[512];

LARES_API const char *lares_plugin_error(void);

const char *lares_plugin_error(void)
{
    return failure;
}

lares_status lares__script_fail(lares_status status, const char *text)
{
    snprintf(failure, sizeof failure, "%s", text);
    return status;
}

lares_status lares__script_fail_core(lares_status status)
{
    return lares__script_fail(status, lares_error_detail());
}

static lares_status file_fail(lares_status status, const char *path)
{
    snprintf(failure, sizeof failure, "%s: %s", path, strerror(errno));
    return status;
}

/* -- the file ------------------------------------------------------------- */

void lares__script_retain(struct lares__script *script)
{
    atomic_fetch_add(&script->references, 1);
}

void lares__script_release(struct lares__script *script)
{
    if (atomic_fetch_sub(&script->references, 1) > 1)
        return;
    free(script->text);
    free(script);
}

static lares_status text_read(FILE *file, struct lares__script *script)
{
    size_t room = 0, got;
    char *text;

    do {
        room = room > 0 ? room * 2 : 16 * 1024;
        if (room > TEXT_MAX)
            return lares__script_fail(LARES_ETOOBIG,
                                      "a script has at most 16 MiB");
        text = realloc(script->text, room);
        if (text == NULL)
            return LARES_ENOMEM;
        script->text = text;
        got = fread(text + script->len, 1, room - script->len, file);
        script->len += got;
    } while (got > 0 && script->len == room);
    if (ferror(file))
        return file_fail(LARES_EIO, script->name + 1);
    return LARES_OK;
}

/* Lua does the same for files, and not for text that is in memory. */
static void text_skip_shebang(struct lares__script *script)
{
    size_t len = 0;

    if (script->len == 0 || script->text[0] != '#')
        return;
    while (len < script->len && script->text[len] != '\n')
        len++; /* the line end stays, so lines keep their numbers */
    memset(script->text, ' ', len);
}

lares_status lares__script_read(const char *path, struct lares__script **out)
{
    struct lares__script *script;
    FILE *file;
    lares_status rc;

    failure[0] = '\0';
    if (*path == '\0')
        return lares__script_fail(LARES_ENOTFOUND,
                                  "the script host runs the file that its "
                                  "argument names");
    script = calloc(1, sizeof *script + strlen(path) + 2);
    if (script == NULL)
        return LARES_ENOMEM;
    atomic_init(&script->references, 1);
    sprintf(script->name, "@%s", path);
    file = fopen(path, "rb");
    if (file == NULL) {
        rc = file_fail(errno == ENOMEM ? LARES_ENOMEM : LARES_ENOTFOUND, path);
        goto fail;
    }
    rc = text_read(file, script);
    fclose(file);
    if (rc < 0)
        goto fail;
    text_skip_shebang(script);
    *out = script;
    return LARES_OK;

fail:
    lares__script_release(script);
    return rc;
}

/* -- what it returns ------------------------------------------------------ */

static int value_test(lua_State *L, int index)
{
    return lares__class_test(L, index) || lares__handler_test(L, index);
}

static int script_refuse(lua_State *L, const struct lares__script *script,
                         int index)
{
    return luaL_error(L,
                      "%s returned %s, expected a class or an array of "
                      "classes and handlers",
                      script->name + 1, luaL_typename(L, index));
}

lua_Integer lares__script_run(lua_State *L, const struct lares__script *script)
{
    lua_Integer i, count;
    int top = lua_gettop(L);

    if (luaL_loadbufferx(L, script->text, script->len, script->name, "t"))
        lua_error(L);
    lua_newtable(L);
    lua_insert(L, -2);
    lua_call(L, 0, 1);
    if (value_test(L, -1)) {
        lua_rawseti(L, -2, 1);
        return 1;
    }
    lua_remove(L, -2);
    if (!lua_istable(L, -1) || lua_rawlen(L, -1) == 0)
        script_refuse(L, script, -1);
    count = (lua_Integer)lua_rawlen(L, -1);
    for (i = 1; i <= count; i++) {
        lua_rawgeti(L, -1, i);
        if (!value_test(L, -1))
            script_refuse(L, script, -1);
        lua_settop(L, top + 1);
    }
    return count;
}

/* -- states --------------------------------------------------------------- */

/* lares.main(classes) -> classes: here a script is no program. */
static int script_main(lua_State *L)
{
    lua_settop(L, 1);
    return 1;
}

/* What `require "lares"` gives a script. */
static int script_library(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"daemon",  lares__class_new  },
        {"handler", lares__handler_new},
        {"main",    script_main       },
        {"hex",     lares__hex        },
        {NULL,      NULL              },
    };

    luaL_newlib(L, functions);
    return 1;
}

static int state_open(lua_State *L)
{
    lua_gc(L, LUA_GCINC, PAUSE, 0, 0);
    luaL_openlibs(L);
    lares__runtime_open(L);
    lares__callback_open(L);
    lares__handler_open(L);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    lua_pushcfunction(L, script_library);
    lua_setfield(L, -2, "lares");
    return 0;
}

void lares__state_close(lua_State *L)
{
    void *heap;

    (void)lua_getallocf(L, &heap);
    lua_close(L);
    lares__heap_free(heap);
}

lua_State *lares__state_new(void)
{
    struct lares__heap *heap = lares__heap_new();
    lua_State *L;

    if (heap == NULL)
        return NULL;
    L = lua_newstate(lares__heap_realloc, heap);
    if (L == NULL) {
        lares__heap_free(heap);
        return NULL;
    }
    lua_pushcfunction(L, state_open);
    if (lua_pcall(L, 0, 0, 0) == LUA_OK)
        return L;
    lares__state_close(L);
    return NULL;
}

lares_status lares__state_call(lua_State *L, lua_CFunction function,
                               void *argument)
{
    int status;

    lua_pushcfunction(L, lares__traceback);
    lua_pushcfunction(L, function);
    lua_pushlightuserdata(L, argument);
    status = lua_pcall(L, 1, 0, 1);
    if (status != LUA_OK)
        return lares__script_fail(status == LUA_ERRMEM ? LARES_ENOMEM
                                                       : LARES_ESCRIPT,
                                  lua_tostring(L, -1));
    lua_settop(L, 0);
    return LARES_OK;
}
