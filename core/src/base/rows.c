#include "base/rows.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/utf8.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    NUMBER_SIZE = 21 /* the longest decimal u64 and its terminator */
};

/* Reading is free of writes except in `next`, which also spells the numbers
 * of its row: so any thread may read cells, and their texts stay in place. */
struct lares_rows {
    const struct lares__column *columns;
    size_t width;    /* columns */
    int failed;      /* an allocation has failed: nothing is added any more */
    uint64_t *cells; /* row by row; of a text, where it begins in texts */
    size_t cell_count, cell_room;
    char *texts;
    size_t texts_len, texts_room;
    size_t next; /* the row that `next` steps to; the one before is current */
    char (*numbers)[NUMBER_SIZE]; /* of the current row, by column */
};

/* -- building ------------------------------------------------------------ */

lares_status lares__rows_new(const struct lares__column *columns,
                             lares_rows **out)
{
    lares_rows *rows = lares__calloc(1, sizeof *rows);

    if (rows == NULL)
        goto fail;
    rows->columns = columns;
    while (columns[rows->width].name != NULL)
        rows->width++;
    rows->numbers = lares__calloc(rows->width, sizeof *rows->numbers);
    if (rows->numbers == NULL)
        goto fail_rows;
    *out = rows;
    return LARES_OK;

fail_rows:
    lares__rows_free(rows);
fail:
    return lares__error(LARES_ENOMEM, "no memory for a table");
}

void lares__rows_free(lares_rows *rows)
{
    if (rows == NULL)
        return;
    lares__free(rows->cells);
    lares__free(rows->texts);
    lares__free(rows->numbers);
    lares__free(rows);
}

/* block with space for want items of a size, or NULL: it is as it was. */
static void *block_grown(void *block, size_t *room, size_t want, size_t size)
{
    size_t twice = *room * 2 > want ? *room * 2 : want;
    void *grown;

    if (want <= *room)
        return block;
    grown = lares__realloc(block, twice * size);
    if (grown != NULL)
        *room = twice;
    return grown;
}

/* the next cell but n is one of text, or of a number */
static void type_check(const lares_rows *rows, size_t n, int text)
{
    size_t column = (rows->cell_count + n) % rows->width;

    assert((rows->columns[column].type == LARES_ROWS_TEXT) == text);
    (void)column;
    (void)text;
}

static void cells_add(lares_rows *rows, const uint64_t *values, size_t count)
{
    uint64_t *cells = block_grown(rows->cells, &rows->cell_room,
                                  rows->cell_count + count, sizeof *cells);

    if (cells == NULL) {
        rows->failed = 1;
        return;
    }
    rows->cells = cells;
    memcpy(cells + rows->cell_count, values, count * sizeof *values);
    rows->cell_count += count;
}

void lares__rows_u64(lares_rows *rows, uint64_t value)
{
    if (rows->failed)
        return;
    type_check(rows, 0, 0);
    cells_add(rows, &value, 1);
}

void lares__rows_numbers(lares_rows *rows, const uint64_t *values, size_t count)
{
    if (rows->failed || count == 0)
        return;
    for (size_t i = 0; i < count; i++)
        type_check(rows, i, 0);
    cells_add(rows, values, count);
}

void lares__rows_text_add(lares_rows *rows, const char *text)
{
    size_t at = rows->texts_len;
    size_t size = text != NULL ? strlen(text) + 1 : 1;
    char *texts;

    if (rows->failed)
        return;
    texts = block_grown(rows->texts, &rows->texts_room, at + size, 1);
    if (texts == NULL) {
        rows->failed = 1;
        return;
    }
    memcpy(texts + at, text != NULL ? text : "", size);
    lares__utf8_clean(texts + at);
    rows->texts = texts;
    rows->texts_len = at + size;
    type_check(rows, 0, 1);
    cells_add(rows, &at, 1);
}

lares_status lares__rows_done(lares_rows *rows)
{
    if (rows->failed) {
        lares__rows_free(rows);
        return lares__error(LARES_ENOMEM, "no memory for a table");
    }
    assert(rows->cell_count % rows->width == 0);
    return LARES_OK;
}

/* -- reading ------------------------------------------------------------- */

/* Cells of the current row; NULL before the first and behind the last. */
static const uint64_t *rows_current(const lares_rows *rows)
{
    size_t count = rows->cell_count / rows->width;

    if (rows->next == 0 || rows->next > count)
        return NULL;
    return rows->cells + (rows->next - 1) * rows->width;
}

static void rows_spell(lares_rows *rows, const uint64_t *cells)
{
    size_t i;

    for (i = 0; i < rows->width; i++)
        if (rows->columns[i].type == LARES_ROWS_U64)
            snprintf(rows->numbers[i], NUMBER_SIZE, "%" PRIu64, cells[i]);
        else if (rows->columns[i].type == LARES_ROWS_ID)
            snprintf(rows->numbers[i], NUMBER_SIZE, "%016" PRIx64, cells[i]);
}

lares_status lares__rows_next(lares_rows *rows)
{
    const uint64_t *cells;

    if (rows->next <= rows->cell_count / rows->width)
        rows->next++;
    cells = rows_current(rows);
    if (cells == NULL)
        return lares__error(LARES_EDONE, "no more rows");
    rows_spell(rows, cells);
    return LARES_OK;
}

lares_status lares__rows_column(const lares_rows *rows, size_t index,
                                const char **name_out, uint32_t *type_out)
{
    if (index >= rows->width)
        return lares__error(LARES_EDONE, "the table has %zu columns",
                            rows->width);
    *name_out = rows->columns[index].name;
    *type_out = rows->columns[index].type;
    return LARES_OK;
}

static lares_status rows_find(const lares_rows *rows, const char *column,
                              size_t *out)
{
    size_t i;

    for (i = 0; i < rows->width; i++)
        if (strcmp(rows->columns[i].name, column) == 0) {
            *out = i;
            return LARES_OK;
        }
    return lares__error(LARES_ENOTFOUND, "no column '%s'", column);
}

/* The cell of a column in the current row, and the number of the column. */
static lares_status rows_cell(const lares_rows *rows, const char *column,
                              size_t *index_out, uint64_t *value_out)
{
    const uint64_t *cells = rows_current(rows);
    lares_status rc;

    rc = rows_find(rows, column, index_out);
    if (rc < 0)
        return rc;
    if (cells == NULL)
        return lares__error(LARES_EDONE, "no current row");
    *value_out = cells[*index_out];
    return LARES_OK;
}

lares_status lares__rows_get_u64(const lares_rows *rows, const char *column,
                                 uint64_t *out)
{
    uint64_t value;
    size_t index;
    lares_status rc;

    rc = rows_cell(rows, column, &index, &value);
    if (rc < 0)
        return rc;
    if (rows->columns[index].type == LARES_ROWS_TEXT)
        return lares__error(LARES_EINVAL, "column '%s' is text", column);
    *out = value;
    return LARES_OK;
}

lares_status lares__rows_get_text(const lares_rows *rows, const char *column,
                                  const char **out)
{
    uint64_t value;
    size_t index;
    lares_status rc;

    rc = rows_cell(rows, column, &index, &value);
    if (rc < 0)
        return rc;
    *out = rows->columns[index].type == LARES_ROWS_TEXT ? rows->texts + value
                                                        : rows->numbers[index];
    return LARES_OK;
}
