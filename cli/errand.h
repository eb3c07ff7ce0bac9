/* errand.h - a verb that speaks to a node, from its words to its exit code. */
#ifndef LARES_CLI_ERRAND_H
#define LARES_CLI_ERRAND_H

#include "client.h"

struct lares__errand {
    struct lares__spelling spelling;
    const char *help;
    /* nothing was asked yet; returns an exit code */
    int (*run)(struct lares__client *client, const struct lares__words *words);
};

int lares__errand_run(const struct lares__errand *errand, int count,
                      const char *const words[]);

/* Asks a verb that needs nothing but a daemon: more are further members of its
 * arguments, each with a comma before. */
int lares__errand_ask(struct lares__client *client, const char *verb,
                      const char *origin, const char *more,
                      int (*fn)(void *context, const char *item),
                      void *context);

/* What --json prints of an item: the item. */
int lares__item_print(void *context, const char *item);

#endif
