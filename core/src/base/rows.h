/* rows.h - a table of facts: built once, then read row by row.
 *
 *   rows_new, then for each row one cell per column, in their order, then
 *   rows_done. A failed allocation latches, so only the last step is checked.
 */
#ifndef LARES_ROWS_H
#define LARES_ROWS_H

#include "lares.h"

struct lares__column {
    const char *name; /* NULL ends a table of columns */
    uint32_t type;    /* LARES_ROWS_* */
};

/* columns must live as long as the program: a static table. ENOMEM. */
lares_status lares__rows_new(const struct lares__column *columns,
                             lares_rows **out);
void lares__rows_free(lares_rows *rows);

/* A number or an id. */
void lares__rows_u64(lares_rows *rows, uint64_t value);

/* Several at once. */
void lares__rows_numbers(lares_rows *rows, const uint64_t *values,
                         size_t count);

/* text is copied, and cleaned to valid UTF-8; NULL is "". */
void lares__rows_text_add(lares_rows *rows, const char *text);

/* OK: the table is ready. ENOMEM: it is freed. */
lares_status lares__rows_done(lares_rows *rows);

/* What lares_rows_* answer, without checks for NULL. */
lares_status lares__rows_next(lares_rows *rows);
lares_status lares__rows_column(const lares_rows *rows, size_t index,
                                const char **name_out, uint32_t *type_out);
lares_status lares__rows_get_u64(const lares_rows *rows, const char *column,
                                 uint64_t *out);
lares_status lares__rows_get_text(const lares_rows *rows, const char *column,
                                  const char **out);

#endif
