#include "module.h"

#include <lauxlib.h>

#include "handle.h"
#include "result.h"

/* lares.image_report(image, what?) -> array of tables */
int lares__image_report(lua_State *L)
{
    size_t len;
    const char *image = lares__data_check(L, 1, &len);
    const char *what = lares__text_optional(L, 2, "image");
    struct lares__box *box = lares__box_new(L, &lares__rows_type);
    lares_rows *rows = NULL;
    lares_status rc = lares_image_report(image, len, what, &rows);

    box->ticket = rows;
    return lares__rows_answer(L, rc);
}
