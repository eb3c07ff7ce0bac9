/* verb_snapshot.c - lares snapshot NAME -o FILE: the image of a daemon. */
#include "errand.h"
#include "picture.h"
#include "verb.h"

static int snapshot_run(struct lares__client *client,
                        const struct lares__words *words)
{
    struct lares__picture picture;
    char origin[17];
    int code =
        lares__picture_open(&picture, &words->console, words->values[0], 0);

    if (code != 0)
        return code;
    code = lares__client_find(client, words->places[0], origin);
    if (code == 0)
        code = lares__errand_ask(client, "snapshot", origin, "",
                                 lares__picture_take, &picture);
    code = lares__picture_close(&picture, code);
    if (code == 0)
        lares__picture_tell(&picture, origin);
    return code;
}

int verb_snapshot(int count, const char *const words[])
{
    static const struct lares__errand errand = {
        {"lares snapshot", {"-o"}, {"NAME"}, 1, 1},
        "usage: lares snapshot NAME -o FILE [options]\n\n"
        "Take a signed image of a daemon: its identity's name, chain, state\n"
        "and subscriptions, whole in FILE, which only you may read. NAME is\n"
        "its name, or at least 4 digits of its origin. The daemon goes on; to\n"
        "hand it over, stop it: lares stop NAME --image FILE. The secret of\n"
        "its identity is not in the image: lares restore needs it, too.\n\n"
        "  -o FILE         what is there is replaced\n",
        snapshot_run
    };

    return lares__errand_run(&errand, count, words);
}
