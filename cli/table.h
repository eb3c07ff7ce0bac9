/* table.h - rows for people: aligned, a line each. */
#ifndef LARES_CLI_TABLE_H
#define LARES_CLI_TABLE_H

#include "client.h"

struct lares__table {
    const char *const *chosen; /* columns, NULL ends them; NULL: all */
    char **cells;              /* row by row; the first row is the names */
    size_t width, count, room;
    int failed; /* there was no memory: nothing is printed */
};

/* Takes a row, a JSON object. All have the same members. */
void lares__table_add(struct lares__table *table, const char *row);
/* Prints what came; 0: there was no memory for it. */
int lares__table_print(const struct lares__table *table);
void lares__table_fini(struct lares__table *table);

/* Ends a request, and prints the rows of its answer: these columns as a table,
 * or whole ones as --json wants it. Returns an exit code. */
int lares__table_ask(struct lares__client *client, const char *const *chosen);

#endif
