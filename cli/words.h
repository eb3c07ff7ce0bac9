/* words.h - the command line of a verb. */
#ifndef LARES_CLI_WORDS_H
#define LARES_CLI_WORDS_H

#include "console.h"

enum {
    LARES__FLAGS_MAX = 2,
    LARES__PLACES_MAX = 2
};

/* What a verb takes, beside --json and --help, and --node if it asks one. */
struct lares__spelling {
    const char *program;                   /* "lares stop" */
    const char *flags[LARES__FLAGS_MAX];   /* with their dashes; NULL: none */
    const char *places[LARES__PLACES_MAX]; /* other words; NULL: none */
    int flags_needed, places_needed;       /* so many of each, from the first */
};

struct lares__words {
    struct lares__console console;
    const char *node;                     /* NULL: the one that runs */
    const char *values[LARES__FLAGS_MAX]; /* of the flags; NULL: not given */
    const char *places[LARES__PLACES_MAX];
    int count; /* of places */
    int help;
    int asks_node;
};

/* Read the words behind a verb. Returns an exit code; what was wrong has been
 * said. Help that is wanted hides what else is wrong. */
int lares__words_read(struct lares__words *words,
                      const struct lares__spelling *spelling, int asks_node,
                      int count, const char *const list[]);

#endif
