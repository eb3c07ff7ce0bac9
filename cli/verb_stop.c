/* verb_stop.c - lares stop NAME: the end of a daemon. */
#include <stdlib.h>

#include "errand.h"
#include "picture.h"
#include "verb.h"

enum {
    GRACE_MS = 5000,
    PATIENCE_MS = 10000 /* beyond the grace */
};

/* Seconds as ms; -1: they are none, and that has been said. */
static long grace_read(const struct lares__words *words, const char *value)
{
    char *end;
    double seconds = strtod(value, &end);

    if (end == value || *end != '\0' || !(seconds >= 0 && seconds <= 3600)) {
        (void)lares__console_usage(&words->console,
                                   "%s: expected 0 to 3600 seconds", value);
        return -1;
    }
    return (long)(seconds * 1000 + 0.5);
}

/* picture NULL: its last image is not wanted */
static int stop_ask(struct lares__client *client, const char *name, long grace,
                    struct lares__picture *picture, char origin_out[17])
{
    char more[64];
    int code = lares__client_find(client, name, origin_out);

    if (code != 0)
        return code;
    snprintf(more, sizeof more, ",\"grace_ms\":%ld%s", grace,
             picture != NULL ? ",\"image\":true" : "");
    /* it comes when it is taken, and there is no other */
    client->patience_ms = picture != NULL ? -1 : (int)grace + PATIENCE_MS;
    return lares__errand_ask(client, "stop", origin_out, more,
                             picture != NULL ? lares__picture_take : NULL,
                             picture);
}

/* The file is begun first: once the daemon has ended, nobody has its image but
 * us. */
static int stop_into(struct lares__client *client, const char *name, long grace,
                     const char *file)
{
    struct lares__picture picture;
    char origin[17];
    int code = lares__picture_open(&picture, client->console, file, 1);

    if (code != 0)
        return code;
    code = stop_ask(client, name, grace, &picture, origin);
    code = lares__picture_close(&picture, code);
    if (code == 0)
        lares__picture_tell(&picture, origin);
    return code;
}

static int stop_run(struct lares__client *client,
                    const struct lares__words *words)
{
    const char *name = words->places[0], *file = words->values[1];
    long grace = GRACE_MS;
    char origin[17];

    if (words->values[0] != NULL)
        grace = grace_read(words, words->values[0]);
    if (grace < 0)
        return LARES__EXIT_USAGE;
    if (file != NULL)
        return stop_into(client, name, grace, file);
    return stop_ask(client, name, grace, NULL, origin);
}

int verb_stop(int count, const char *const words[])
{
    static const struct lares__errand errand = {
        {"lares stop", {"--grace", "--image"}, {"NAME"}, 0, 1},
        "usage: lares stop NAME [options]\n\n"
        "Stop a daemon, and wait until it has ended. What is queued is done\n"
        "within the grace; the rest becomes dead letters. NAME is its name,\n"
        "or at least 4 digits of its origin.\n\n"
        "  --grace SECONDS at most 3600 (5)\n"
        "  --image FILE    its last image, and its origin is printed. What is\n"
        "                  done within the grace is in it, and nothing comes\n"
        "                  after: this hands a daemon over (lares restore "
        "FILE).\n"
        "                  If there is none it has ended all the same\n",
        stop_run
    };

    return lares__errand_run(&errand, count, words);
}
