/* verb_stop.c - lares stop NAME: the end of a daemon. */
#include "errand.h"
#include "verb.h"

enum {
    GRACE_MS = 5000,
    PATIENCE_MS = 10000 /* beyond the grace */
};

static int stop_run(struct lares__client *client,
                    const struct lares__words *words)
{
    long grace = GRACE_MS;
    char more[64], origin[17];
    int code;

    if (words->values[0] != NULL)
        grace = lares__errand_time(words, words->values[0]);
    if (grace < 0)
        return LARES__EXIT_USAGE;
    code = lares__client_find(client, words->places[0], origin);
    if (code != 0)
        return code;
    snprintf(more, sizeof more, ",\"grace_ms\":%ld", grace);
    client->patience_ms = (int)grace + PATIENCE_MS;
    return lares__errand_ask(client, "stop", origin, more, NULL, NULL);
}

int verb_stop(int count, const char *const words[])
{
    static const struct lares__errand errand = {
        {"lares stop", {"--grace"}, {"NAME"}, 0, 1},
        "usage: lares stop NAME [options]\n\n"
        "Stop a daemon, and wait until it has ended. What is queued is done\n"
        "within the grace; the rest becomes dead letters. NAME is its name,\n"
        "or at least 4 digits of its origin.\n\n"
        "  --grace SECONDS at most 3600 (5)\n",
        stop_run
    };

    return lares__errand_run(&errand, count, words);
}
