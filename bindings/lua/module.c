/* module.c - lares.core, on which lares/init.lua stands. It links liblares but
 * never liblua: whoever hosts Lua brings it. */
#include "module.h"

#include <lauxlib.h>

#include "callback.h"
#include "class.h"
#include "handle.h"
#include "handler.h"

static const luaL_Reg functions[] = {
    {"daemon",       lares__class_new    },
    {"handler",      lares__handler_new  },
    {"hex",          lares__hex          },
    {"image_report", lares__image_report },
    {"node",         lares__node_open    },
    {"world",        lares__world_open   },
    {"key",          lares__key_open     },
    {"chain",        lares__chain_open   },
    {"recovery",     lares__recovery_open},
    {"run",          lares__program_run  },
    {NULL,           NULL                },
};

static const struct lares__type *const types[] = {
    &lares__node_type,    &lares__daemon_type,   &lares__inbox_type,
    &lares__key_type,     &lares__chain_type,    &lares__world_type,
    &lares__options_type, &lares__events_type,   &lares__rows_type,
    &lares__bytes_type,   &lares__recovery_type,
};

/* The library is one per process, so it may be older than this module. */
static void abi_check(lua_State *L)
{
    unsigned version = lares_abi_version();
    unsigned major = version >> 16, minor = version & 0xffff;

    if (major != LARES_ABI_MAJOR || minor < LARES_ABI_MINOR)
        luaL_error(L, "EABI: liblares is %d.%d, this module needs %d.%d",
                   (int)major, (int)minor, LARES_ABI_MAJOR, LARES_ABI_MINOR);
}

LARES_API int luaopen_lares_core(lua_State *L);

int luaopen_lares_core(lua_State *L)
{
    size_t i;

    luaL_checkversion(L);
    abi_check(L);
    lares__runtime_open(L);
    lares__callback_open(L);
    lares__handler_open(L);
    for (i = 0; i < sizeof types / sizeof *types; i++)
        lares__type_open(L, types[i]);
    luaL_newlib(L, functions);
    return 1;
}
