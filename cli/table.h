/* table.h - rows for people: aligned, a line each. */
#ifndef LARES_CLI_TABLE_H
#define LARES_CLI_TABLE_H

#include "client.h"
#include "lares.h"

/* Ends a request, and prints the rows of its answer: these columns as a table,
 * or whole ones as --json wants it. Returns an exit code. */
int lares__table_ask(struct lares__client *client, const char *const *chosen);

/* The same with rows that are here already. */
int lares__table_show(const struct lares__console *console, lares_rows *rows,
                      const char *const *chosen);

#endif
