/* letters.c - the dead letters of a node. */
#include "handle.h"
#include "module.h"
#include "result.h"

/* Set the field `data` of the letter on top; one that was too big has none. */
static lares_status data_set(lua_State *L, lares_node *node, uint64_t id,
                             int box)
{
    lares_bytes *data = NULL;
    lares_status rc = lares_letter_data(node, id, &data);

    if (rc < 0)
        return rc == LARES_EMISSING ? LARES_OK : rc;
    ((struct lares__box *)lua_touserdata(L, box))->ticket = data;
    lua_pushlstring(L, lares_bytes_data(data), lares_bytes_len(data));
    lua_setfield(L, -2, "data");
    lares__box_reset(L, box, &lares__bytes_type);
    return LARES_OK;
}

/* Push the letter of the current row. */
static lares_status letter_push(lua_State *L, lares_node *node,
                                const lares_rows *rows, int box)
{
    const char *reason, *text;
    uint64_t id;

    lares__result_check(L, lares_rows_u64(rows, "id", &id));
    lares__result_check(L, lares_rows_text(rows, "reason", &reason));
    lares__result_check(L, lares_rows_text(rows, "text", &text));
    lua_createtable(L, 0, 4);
    lua_pushinteger(L, (lua_Integer)id);
    lua_setfield(L, -2, "id");
    lua_pushstring(L, reason);
    lua_setfield(L, -2, "reason");
    lua_pushstring(L, text);
    lua_setfield(L, -2, "text");
    return data_set(L, node, id, box);
}

/* node:letters() -> array of {id, reason, text, data} */
int lares__letters(lua_State *L)
{
    lares_node *node = lares__box_check(L, 1, &lares__node_type);
    struct lares__box *box = lares__box_new(L, &lares__rows_type);
    lares_rows *rows = NULL;
    lua_Integer count = 0;
    lares_status rc = lares_node_report(node, "letters", &rows);
    int rows_box = lua_gettop(L), data;

    box->ticket = rows;
    if (rc < 0)
        return lares__result_push(L, rc);
    lares__box_new(L, &lares__bytes_type);
    data = lua_gettop(L);
    lua_newtable(L);
    while (lares_rows_next(rows) == LARES_OK) {
        rc = letter_push(L, node, rows, data);
        if (rc == LARES_OK)
            lua_rawseti(L, -2, ++count);
        else if (rc == LARES_ENOTFOUND) /* gone since the report */
            lua_pop(L, 1);
        else
            return lares__result_push(L, rc);
    }
    lares__box_reset(L, rows_box, &lares__rows_type);
    return 1;
}

/* node:replay(id) */
int lares__replay(lua_State *L)
{
    lares_node *node = lares__box_check(L, 1, &lares__node_type);

    return lares__result_push(
        L, lares_letter_replay(node, (uint64_t)luaL_checkinteger(L, 2)));
}

/* node:drop(id) */
int lares__drop(lua_State *L)
{
    lares_node *node = lares__box_check(L, 1, &lares__node_type);

    return lares__result_push(
        L, lares_letter_drop(node, (uint64_t)luaL_checkinteger(L, 2)));
}
