/* program.c - a Lua file as a program: what lares.main does under lua5.4. */
#include <stdio.h>
#include <unistd.h>

#include "handle.h"
#include "module.h"
#include "pump.h"

/* Push an array of the words of the table at index, from 1 on, and their
 * number; the table keeps the words alive. */
static const char **words_push(lua_State *L, int index, int *count_out)
{
    int i, count = (int)luaL_len(L, index);
    const char **words =
        lua_newuserdatauv(L, sizeof *words * (size_t)(count + 1), 0);

    for (i = 0; i < count; i++) {
        if (lua_geti(L, index, i + 1) != LUA_TSTRING)
            luaL_error(L, "arg[%d] is %s", i + 1, luaL_typename(L, -1));
        words[i] = lua_tostring(L, -1);
        lua_pop(L, 1);
    }
    *count_out = count;
    return words;
}

/* Call build(name) -> node, and run the job on it. What build raises is left
 * on the stack, and the answer is -1. */
static int job_run(lua_State *L, const struct lares__job *job, int build)
{
    char name[32];

    snprintf(name, sizeof name, "run-%ld", (long)getpid());
    lua_pushvalue(L, build);
    lua_pushstring(L, job->node != NULL ? job->node : name);
    if (lua_pcall(L, 1, 1, 0) != LUA_OK)
        return -1;
    return lares__pump_run(lares__box_check(L, -1, &lares__node_type), job);
}

/* (arg, build) -> exit code */
int lares__program_run(lua_State *L)
{
    const char *program;
    const char **words;
    struct lares__job job;
    int count, code;

    lares__console_open();
    lua_settop(L, 2);
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_geti(L, 1, 0);
    program = luaL_checkstring(L, 3);
    words = words_push(L, 1, &count);
    code = lares__job_parse(&job, program, program, count, words);
    if (job.help)
        lares__job_help(stdout);
    else if (code == 0)
        code = job_run(L, &job, 2);
    lares__job_fini(&job);
    if (code < 0)
        return lua_error(L);
    lua_pushinteger(L, code);
    return 1;
}
