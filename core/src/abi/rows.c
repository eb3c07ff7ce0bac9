#include "base/rows.h"

#include "base/error.h"
#include "base/forked.h"

lares_status lares_rows_next(lares_rows *rows)
{
    if (lares__refused())
        return lares__forked_refuse();
    if (rows == NULL)
        return lares__error(LARES_EINVAL, "rows is NULL");
    return lares__rows_next(rows);
}

lares_status lares_rows_column(const lares_rows *rows, size_t index,
                               const char **name_out, uint32_t *type_out)
{
    if (lares__refused())
        return lares__forked_refuse();
    if (rows == NULL || name_out == NULL || type_out == NULL)
        return lares__error(LARES_EINVAL, "rows or an output is NULL");
    return lares__rows_column(rows, index, name_out, type_out);
}

lares_status lares_rows_u64(const lares_rows *rows, const char *column,
                            uint64_t *out)
{
    if (lares__refused())
        return lares__forked_refuse();
    if (rows == NULL || column == NULL || out == NULL)
        return lares__error(LARES_EINVAL, "rows, column or out is NULL");
    return lares__rows_get_u64(rows, column, out);
}

lares_status lares_rows_text(const lares_rows *rows, const char *column,
                             const char **out)
{
    if (lares__refused())
        return lares__forked_refuse();
    if (rows == NULL || column == NULL || out == NULL)
        return lares__error(LARES_EINVAL, "rows, column or out is NULL");
    return lares__rows_get_text(rows, column, out);
}

void lares_rows_free(lares_rows *rows)
{
    lares__rows_free(rows);
}
