#include "table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "errand.h"

enum {
    COLUMNS_MAX = 64,
    CELL_SIZE = 8193
};

struct table {
    const char *const *chosen; /* columns, NULL ends them; NULL: all */
    char **cells;              /* row by row; the first row is the names */
    size_t width, count, room;
    int failed; /* there was no memory: nothing is printed */
};

/* -- taking --------------------------------------------------------------- */

static void cell_add(struct table *table, const char *text)
{
    size_t room = table->room > 0 ? table->room * 2 : 64;
    char **cells;

    if (table->count == table->room && !table->failed) {
        cells = realloc(table->cells, room * sizeof *cells);
        table->failed = cells == NULL;
        if (cells != NULL) {
            table->cells = cells;
            table->room = room;
        }
    }
    if (table->failed)
        return;
    table->cells[table->count] = strdup(text);
    table->failed = table->cells[table->count] == NULL;
    table->count += !table->failed;
}

/* A cell is one line, the first of its text, and cannot steer the terminal. */
static void controls_hide(char *text)
{
    text[strcspn(text, "\n")] = '\0';
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = ' ';
}

static void value_add(struct table *table, struct lares__json value)
{
    char text[CELL_SIZE];

    lares__json_read(value, text, sizeof text);
    controls_hide(text);
    cell_add(table, text);
}

/* Cells are whole numbers: a row whose name says seconds holds ns. */
static int row_is_seconds(const char *row)
{
    static const char suffix[] = "_seconds";
    struct lares__json value = {"", 0};
    char name[64];
    size_t len;

    (void)lares__json_member(row, "name", &value);
    len = lares__json_read(value, name, sizeof name);
    return len >= sizeof suffix &&
           strcmp(name + len - (sizeof suffix - 1), suffix) == 0;
}

static void seconds_add(struct table *table, struct lares__json value)
{
    char text[32];
    unsigned long long ns;

    lares__json_read(value, text, sizeof text);
    ns = strtoull(text, NULL, 10);
    snprintf(text, sizeof text, "%llu.%03llu", ns / 1000000000,
             ns / 1000000 % 1000);
    cell_add(table, text);
}

static void names_add(struct table *table, const char *row)
{
    struct lares__json key, value;
    char name[64];
    size_t i;

    for (i = 0; table->chosen != NULL && table->chosen[i] != NULL; i++)
        cell_add(table, table->chosen[i]);
    while (table->chosen == NULL && lares__json_next(&row, &key, &value)) {
        snprintf(name, sizeof name, "%.*s", (int)key.len, key.text);
        cell_add(table, name);
    }
    table->width = table->count < COLUMNS_MAX ? table->count : COLUMNS_MAX;
}

/* a row, a JSON object: all have the same members */
static int row_take(void *context, const char *row)
{
    struct table *table = context;
    struct lares__json value;
    int seconds = row_is_seconds(row);
    size_t i;

    if (table->width == 0)
        names_add(table, row);
    for (i = 0; i < table->width && !table->failed; i++) {
        if (!lares__json_member(row, table->cells[i], &value))
            value = (struct lares__json){"", 0};
        if (seconds && strcmp(table->cells[i], "value") == 0)
            seconds_add(table, value);
        else
            value_add(table, value);
    }
    return 0;
}

/* -- printing ------------------------------------------------------------- */

/* Places that a text takes: all but the continuations of UTF-8. */
static size_t text_places(const char *text)
{
    size_t places = 0;

    for (; *text != '\0'; text++)
        places += ((unsigned char)*text & 0xc0) != 0x80;
    return places;
}

/* Numbers stand to the right: a column whose cells are nothing else. */
static int column_is_number(const struct table *table, size_t column)
{
    size_t i;

    for (i = column + table->width; i < table->count; i += table->width)
        if (table->cells[i][strspn(table->cells[i], "0123456789.")] != '\0' ||
            strlen(table->cells[i]) == 16)
            return 0;
    return 1;
}

static size_t column_places(const struct table *table, size_t column)
{
    size_t i, places, most = 0;

    for (i = column; i < table->count; i += table->width) {
        places = text_places(table->cells[i]);
        most = places > most ? places : most;
    }
    return most;
}

static void cell_print(const char *text, size_t places, int right, int last)
{
    int fill = (int)(places - text_places(text));

    if (right)
        printf("%*s%s", fill, "", text);
    else
        printf("%s%*s", text, last ? 0 : fill, "");
    fputs(last ? "\n" : "  ", stdout);
}

/* 0: there was no memory for what came */
static int table_print(const struct table *table)
{
    size_t places[COLUMNS_MAX], i, column;
    int right[COLUMNS_MAX];

    for (i = 0; i < table->width && !table->failed; i++) {
        places[i] = column_places(table, i);
        right[i] = column_is_number(table, i);
    }
    for (i = 0; i < table->count && !table->failed; i++) {
        column = i % table->width;
        cell_print(table->cells[i], places[column], right[column],
                   column + 1 == table->width);
    }
    return !table->failed;
}

/* Prints what came, unless something was wrong, and drops it. */
static int table_end(struct table *table, const struct lares__console *console,
                     int code)
{
    if (code == 0 && !table_print(table))
        code = lares__console_fail(console, LARES_ENOMEM, "table");
    while (table->count > 0)
        free(table->cells[--table->count]);
    free(table->cells);
    return code;
}

/* -- from a node, and from here ------------------------------------------- */

int lares__table_ask(struct lares__client *client, const char *const *chosen)
{
    struct table table = {.chosen = chosen};

    if (client->console->json)
        return lares__client_ask(client, lares__item_print, NULL);
    return table_end(&table, client->console,
                     lares__client_ask(client, row_take, &table));
}

static void member_write(FILE *out, const lares_rows *rows, const char *name,
                         uint32_t type)
{
    const char *text = "";
    uint64_t number = 0;

    lares__json_text(out, name);
    fputc(':', out);
    if (type == LARES_ROWS_TEXT) {
        (void)lares_rows_text(rows, name, &text);
        lares__json_text(out, text);
        return;
    }
    (void)lares_rows_u64(rows, name, &number);
    fprintf(out, type == LARES_ROWS_ID ? "\"%016" PRIx64 "\"" : "%" PRIu64,
            number);
}

/* The current row as a node writes it; NULL: no memory. */
static char *row_write(const lares_rows *rows)
{
    char *text = NULL;
    size_t len, i;
    FILE *out = open_memstream(&text, &len);
    const char *name;
    uint32_t type;

    if (out == NULL)
        return NULL;
    for (i = 0; lares_rows_column(rows, i, &name, &type) == LARES_OK; i++) {
        fputc(i == 0 ? '{' : ',', out);
        member_write(out, rows, name, type);
    }
    fputc('}', out);
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}

int lares__table_show(const struct lares__console *console, lares_rows *rows,
                      const char *const *chosen)
{
    struct table table = {.chosen = chosen};

    while (!table.failed && lares_rows_next(rows) == LARES_OK) {
        char *row = row_write(rows);

        table.failed = row == NULL;
        if (row != NULL && console->json)
            puts(row);
        else if (row != NULL)
            (void)row_take(&table, row);
        free(row);
    }
    return table_end(&table, console, 0);
}
