/* verb_restart.c - lares restart NAME: forget a daemon's failures. */
#include "errand.h"
#include "verb.h"

static int restart_run(struct lares__client *client,
                       const struct lares__words *words)
{
    char origin[17];
    int code = lares__client_find(client, words->places[0], origin);

    if (code != 0)
        return code;
    return lares__errand_ask(client, "restart", origin, "", NULL, NULL);
}

int verb_restart(int count, const char *const words[])
{
    static const struct lares__errand errand = {
        {"lares restart", {NULL}, {"NAME"}, 0, 1},
        "usage: lares restart NAME [options]\n\n"
        "Forget the failures of a daemon: one that waits after them goes on\n"
        "at once, and one that can snapshot is rebuilt. NAME is its name, or\n"
        "at least 4 digits of its origin.\n\n",
        restart_run
    };

    return lares__errand_run(&errand, count, words);
}
