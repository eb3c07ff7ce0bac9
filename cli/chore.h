/* chore.h - a verb that asks no node, from its words to its exit code. */
#ifndef LARES_CLI_CHORE_H
#define LARES_CLI_CHORE_H

#include "words.h"

struct lares__chore {
    struct lares__spelling spelling;
    const char *help;
    int (*run)(const struct lares__words *words); /* returns an exit code */
};

int lares__chore_run(const struct lares__chore *chore, int count,
                     const char *const words[]);

#endif
