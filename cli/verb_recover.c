/* verb_recover.c - lares recover: a pass of the recovery registry, by hand. */
#include "errand.h"
#include "table.h"
#include "verb.h"

static int recover_run(struct lares__client *client,
                       const struct lares__words *words)
{
    (void)words;
    if (lares__client_begin(client, "recover") == NULL)
        return LARES__EXIT_FAILED;
    return lares__table_ask(client, NULL);
}

int verb_recover(int count, const char *const words[])
{
    static const struct lares__errand errand = {
        {"lares recover", {NULL}, {NULL}, 0, 0},
        "usage: lares recover [options]\n\n"
        "Run every recovery handler of a node once, now, and show the slots\n"
        "that they recovered. A handler that fails is evicted, as on a tick:\n"
        "lares ps recovery shows it.\n\n",
        recover_run
    };

    return lares__errand_run(&errand, count, words);
}
