#include "result.h"

#include <lauxlib.h>

/* The numbers from -10 to -19 say that the caller is wrong, not the world. */
static int status_is_argument(lares_status status)
{
    return status <= -10 && status > -20;
}

static const char *status_detail(lares_status status)
{
    const char *detail = lares_error_detail();

    return *detail != '\0' ? detail : lares_status_text(status);
}

static int result_failed(lua_State *L, lares_status status)
{
    if (status_is_argument(status))
        lares__result_check(L, status);
    lua_pushnil(L);
    lua_pushstring(L, status_detail(status));
    lua_pushstring(L, lares_status_name(status));
    return 3;
}

int lares__result_push(lua_State *L, lares_status status)
{
    if (status < 0)
        return result_failed(L, status);
    lua_pushboolean(L, 1);
    return 1;
}

int lares__result_value(lua_State *L, lares_status status)
{
    return status < 0 ? result_failed(L, status) : 1;
}

void lares__result_check(lua_State *L, lares_status status)
{
    if (status < 0)
        luaL_error(L, "%s: %s", lares_status_name(status),
                   status_detail(status));
}
