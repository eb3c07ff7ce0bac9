/* script.c - the script host, a plug-in: daemons from a Lua file.
 *
 * Design notes
 *
 * Loading reads FILE once, runs it to see which classes it returns, and keeps
 * its text. Each daemon gets a lua_State of its own, in which that text runs
 * again: daemons of one script share nothing and run on any lane, and a file
 * that changes on disk changes no daemon.
 *
 * A script has all of Lua's libraries and no budgets yet: load only scripts
 * that you would run.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "callback.h"
#include "class.h"
#include "handle.h"
#include "heap.h"

enum {
    TEXT_MAX = 16 * 1024 * 1024,
    PAUSE = 300 /* %, of what lives: a collection costs that, not garbage */
};

/* A file that was read; its kinds share it. */
struct script {
    atomic_uint references;
    size_t len;
    char *text;
    char name[]; /* "@FILE", as Lua names a chunk of a file */
};

/* The `user` of a kind. */
struct recipe {
    struct script *script;
    char kind[];
};

/* Why the last open failed, for whoever opened it. */
static _Thread_local char failure[512];

LARES_API lares_status lares_plugin_open(lares_node *node,
                                         const char *argument);
LARES_API const char *lares_plugin_error(void);

const char *lares_plugin_error(void)
{
    return failure;
}

static lares_status open_fail(lares_status status, const char *text)
{
    snprintf(failure, sizeof failure, "%s", text);
    return status;
}

static lares_status file_fail(lares_status status, const char *path)
{
    snprintf(failure, sizeof failure, "%s: %s", path, strerror(errno));
    return status;
}

/* -- the file ------------------------------------------------------------- */

static void script_release(struct script *script)
{
    if (atomic_fetch_sub(&script->references, 1) > 1)
        return;
    free(script->text);
    free(script);
}

static lares_status text_read(FILE *file, struct script *script)
{
    size_t room = 0, got;
    char *text;

    do {
        room = room > 0 ? room * 2 : 16 * 1024;
        if (room > TEXT_MAX)
            return open_fail(LARES_ETOOBIG, "a script has at most 16 MiB");
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
static void text_skip_shebang(struct script *script)
{
    size_t len = 0;

    if (script->len == 0 || script->text[0] != '#')
        return;
    while (len < script->len && script->text[len] != '\n')
        len++; /* the line end stays, so lines keep their numbers */
    memset(script->text, ' ', len);
}

static lares_status script_read(const char *path, struct script **out)
{
    struct script *script = calloc(1, sizeof *script + strlen(path) + 2);
    FILE *file;
    lares_status rc;

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
    script_release(script);
    return rc;
}

/* -- a state of its own --------------------------------------------------- */

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
        {"daemon", lares__class_new},
        {"main",   script_main     },
        {"hex",    lares__hex      },
        {NULL,     NULL            },
    };

    luaL_newlib(L, functions);
    return 1;
}

static int state_open(lua_State *L)
{
    lua_gc(L, LUA_GCINC, PAUSE, 0, 0);
    luaL_openlibs(L);
    lares__runtime_open(L);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    lua_pushcfunction(L, script_library);
    lua_setfield(L, -2, "lares");
    return 0;
}

static void state_close(lua_State *L)
{
    void *heap;

    (void)lua_getallocf(L, &heap);
    lua_close(L);
    lares__heap_free(heap);
}

static lua_State *state_new(void)
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
    state_close(L);
    return NULL;
}

/* -- what a script returns ------------------------------------------------ */

static int script_refuse(lua_State *L, const struct script *script, int index)
{
    return luaL_error(L,
                      "%s returned %s, expected a class or an array of "
                      "classes",
                      script->name + 1, luaL_typename(L, index));
}

/* Run a script and push an array of the classes that it returns. */
static lua_Integer script_run(lua_State *L, const struct script *script)
{
    lua_Integer i, count;
    int top = lua_gettop(L);

    if (luaL_loadbufferx(L, script->text, script->len, script->name, "t"))
        lua_error(L);
    lua_newtable(L);
    lua_insert(L, -2);
    lua_call(L, 0, 1);
    if (lares__class_test(L, -1)) {
        lua_rawseti(L, -2, 1);
        return 1;
    }
    lua_remove(L, -2);
    if (!lua_istable(L, -1) || lua_rawlen(L, -1) == 0)
        script_refuse(L, script, -1);
    count = (lua_Integer)lua_rawlen(L, -1);
    for (i = 1; i <= count; i++) {
        lua_rawgeti(L, -1, i);
        if (!lares__class_test(L, -1))
            script_refuse(L, script, -1);
        lua_settop(L, top + 1);
    }
    return count;
}

/* -- daemons -------------------------------------------------------------- */

/* (recipe) -> class: each state runs the script itself */
static int recipe_class(lua_State *L)
{
    const struct recipe *recipe = lua_touserdata(L, 1);
    lua_Integer i, count = script_run(L, recipe->script);

    for (i = 1; i <= count; i++) {
        lua_rawgeti(L, 2, i);
        if (strcmp(lares__class_check(L, 3), recipe->kind) == 0) {
            lua_settop(L, 3);
            return 1;
        }
        lua_settop(L, 2);
    }
    return luaL_error(L, "%s returned no %s this time",
                      recipe->script->name + 1, recipe->kind);
}

static lares_verdict recipe_create(lares_call *call, lares_daemon *daemon,
                                   void **instance_out, void *user)
{
    lua_State *L = state_new();
    lares_verdict verdict;

    if (L == NULL) {
        lares_call_fail(call, "not enough memory for a Lua state");
        return LARES_FAILED;
    }
    verdict = lares__instance_create(L, call, daemon, recipe_class, user,
                                     instance_out);
    if (verdict != LARES_DONE)
        state_close(L);
    return verdict;
}

static void recipe_destroy(void *object)
{
    struct lares__instance *instance = object;
    lua_State *L = instance->runtime->lua;

    lares__instance_destroy(object);
    state_close(L);
}

static void recipe_release(void *user)
{
    struct recipe *recipe = user;

    script_release(recipe->script);
    free(recipe);
}

static const lares_daemon_ops recipe_ops = {
    .size = sizeof(lares_daemon_ops),
    .create = recipe_create,
    .destroy = recipe_destroy,
    .process = lares__instance_process,
};

static struct recipe *recipe_new(struct script *script, const char *kind)
{
    size_t len = strlen(kind) + 1;
    struct recipe *recipe = malloc(sizeof *recipe + len);

    if (recipe == NULL)
        return NULL;
    recipe->script = script;
    memcpy(recipe->kind, kind, len);
    atomic_fetch_add(&script->references, 1);
    return recipe;
}

/* -- loading -------------------------------------------------------------- */

struct loading {
    lares_node *node;
    struct script *script;
    lares_status status;
};

/* Register the class at index; whatever raises does so before the recipe. */
static lares_status class_register(lua_State *L, struct loading *loading,
                                   int index)
{
    const char *kind = lares__class_check(L, index);
    int top = lua_gettop(L);
    lares_options *options;
    struct recipe *recipe;
    lares_status rc;

    lua_getfield(L, index, "options");
    options = lares__options_push(L, top + 1, NULL);
    recipe = recipe_new(loading->script, kind);
    if (recipe == NULL)
        return LARES_ENOMEM;
    rc = lares_node_register(loading->node, kind, options, &recipe_ops, recipe,
                             recipe_release);
    return rc < 0 ? open_fail(rc, lares_error_detail()) : rc;
}

static int script_register(lua_State *L)
{
    struct loading *loading = lua_touserdata(L, 1);
    lua_Integer i, count;

    lares__type_open(L, &lares__options_type);
    count = script_run(L, loading->script);
    for (i = 1; i <= count && loading->status >= 0; i++) {
        lua_rawgeti(L, 2, i);
        loading->status = class_register(L, loading, 3);
        lua_settop(L, 2);
    }
    return 0;
}

static lares_status script_load(struct loading *loading)
{
    lua_State *L = state_new();
    int status;

    if (L == NULL)
        return open_fail(LARES_ENOMEM, "not enough memory for a Lua state");
    lua_pushcfunction(L, lares__traceback);
    lua_pushcfunction(L, script_register);
    lua_pushlightuserdata(L, loading);
    status = lua_pcall(L, 1, 0, 1);
    if (status != LUA_OK)
        loading->status =
            open_fail(status == LUA_ERRMEM ? LARES_ENOMEM : LARES_ESCRIPT,
                      lua_tostring(L, -1));
    state_close(L);
    return loading->status;
}

lares_status lares_plugin_open(lares_node *node, const char *argument)
{
    struct loading loading = {node, NULL, LARES_OK};
    lares_status rc;

    failure[0] = '\0';
    if (lares_abi_version() >> 16 != LARES_ABI_MAJOR ||
        (lares_abi_version() & 0xffff) < LARES_ABI_MINOR)
        return open_fail(LARES_EABI, "this script host is newer than liblares");
    rc = script_read(argument, &loading.script);
    if (rc < 0)
        return rc;
    rc = script_load(&loading);
    script_release(loading.script);
    return rc;
}
