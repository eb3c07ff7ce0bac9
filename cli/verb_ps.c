/* verb_ps.c - lares ps: who lives on a node, or any other of its tables. */
#include "errand.h"
#include "table.h"
#include "verb.h"

static int table_show(struct lares__client *client,
                      const struct lares__words *words)
{
    static const char *const few[] = {"name",   "origin",  "kind",   "state",
                                      "inputs", "outputs", "queued", "failures",
                                      "error",  NULL};
    const char *what = words->places[0];
    FILE *args = lares__client_begin(client, "report");

    if (args == NULL)
        return LARES__EXIT_FAILED;
    fputs("\"what\":", args);
    lares__json_text(args, what != NULL ? what : "daemons");
    return lares__table_ask(client, what != NULL ? NULL : few);
}

int verb_ps(int count, const char *const words[])
{
    static const struct lares__errand errand = {
        {"lares ps", {NULL}, {"TABLE"}, 0, 0},
        "usage: lares ps [TABLE] [options]\n\n"
        "Show the daemons of a node. TABLE shows another of its tables, with\n"
        "all columns: node, daemons, kinds, lanes, subscriptions, letters,\n"
        "recovery, records, counters.\n\n",
        table_show
    };

    return lares__errand_run(&errand, count, words);
}
