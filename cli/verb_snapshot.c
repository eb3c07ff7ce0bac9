/* verb_snapshot.c - lares snapshot NAME -o FILE: the image of a daemon. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base64.h"
#include "errand.h"
#include "verb.h"

/* It comes under a name of its own, and takes FILE's when it is whole. */
struct picture {
    const struct lares__client *client;
    char path[4096];
    FILE *file;
    size_t len;
};

static int picture_fail(const struct picture *picture)
{
    return lares__console_fail_errno(picture->client->console, picture->path);
}

/* mkstemp's files are for their owner alone. */
static int picture_open(struct picture *picture, const char *file)
{
    int fd,
        len = snprintf(picture->path, sizeof picture->path, "%s.XXXXXX", file);

    if (len < 0 || (size_t)len >= sizeof picture->path)
        return lares__console_usage(picture->client->console,
                                    "%s: the name is too long", file);
    fd = mkstemp(picture->path);
    if (fd < 0)
        return lares__console_fail_errno(picture->client->console, file);
    picture->file = fdopen(fd, "wb");
    if (picture->file != NULL)
        return 0;
    unlink(picture->path);
    close(fd);
    return lares__console_fail(picture->client->console, LARES_ENOMEM, file);
}

static int piece_take(void *context, const char *item)
{
    struct picture *picture = context;
    unsigned char bytes[LARES__BASE64_LEN(LARES__PIECE)];
    struct lares__json value = {"", 0};
    size_t len = 0;

    if (!lares__json_member(item, "base64", &value) || value.len < 2 ||
        value.len - 2 > sizeof bytes ||
        !lares__base64_decode(value.text + 1, value.len - 2, bytes, &len))
        return lares__console_fail_text(picture->client->console, LARES_EFORMAT,
                                        "a piece of the image is no base64");
    picture->len += len;
    return fwrite(bytes, 1, len, picture->file) == len ? 0
                                                       : picture_fail(picture);
}

/* Whole, and on the disk, before it is seen. */
static int picture_close(struct picture *picture, const char *file, int code)
{
    int kept = fflush(picture->file) == 0 && fsync(fileno(picture->file)) == 0;

    if (code == 0 && !kept)
        code = picture_fail(picture);
    fclose(picture->file);
    if (code == 0 && rename(picture->path, file) != 0)
        code = lares__console_fail_errno(picture->client->console, file);
    if (code != 0)
        unlink(picture->path);
    return code;
}

static void picture_tell(const struct picture *picture, const char *file,
                         const char *origin)
{
    if (!picture->client->console->json) {
        puts(origin);
        return;
    }
    printf("{\"origin\":\"%s\",\"file\":", origin);
    lares__json_text(stdout, file);
    printf(",\"len\":%zu}\n", picture->len);
}

static int snapshot_run(struct lares__client *client,
                        const struct lares__words *words)
{
    struct picture picture = {.client = client};
    const char *file = words->values[0];
    char origin[17];
    int code = lares__client_find(client, words->places[0], origin);

    if (code == 0)
        code = picture_open(&picture, file);
    if (code != 0)
        return code;
    code =
        lares__errand_ask(client, "snapshot", origin, "", piece_take, &picture);
    code = picture_close(&picture, file, code);
    if (code == 0)
        picture_tell(&picture, file, origin);
    return code;
}

int verb_snapshot(int count, const char *const words[])
{
    static const struct lares__errand errand = {
        {"lares snapshot", {"-o"}, {"NAME"}, 1, 1},
        "usage: lares snapshot NAME -o FILE [options]\n\n"
        "Take a signed image of a daemon: its identity's name, chain, state\n"
        "and subscriptions, whole in FILE, which only you may read. NAME is\n"
        "its name, or at least 4 digits of its origin. The daemon goes on.\n"
        "The secret of its identity is not in the image: lares restore needs\n"
        "it, too.\n\n"
        "  -o FILE         what is there is replaced\n",
        snapshot_run
    };

    return lares__errand_run(&errand, count, words);
}
