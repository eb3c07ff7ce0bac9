/* verb_restore.c - lares restore FILE: a daemon from its image. */
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "errand.h"
#include "file.h"
#include "verb.h"

enum {
    IMAGE_MAX = 64 * 1024 * 1024 /* what a node takes */
};

/* The seed as a member of the arguments; "" without one. */
static int seed_read(const struct lares__console *console, const char *path,
                     char *out, size_t size)
{
    unsigned char seed[LARES__SEED_LEN];
    char text[LARES__BASE64_LEN(LARES__SEED_LEN) + 1] = "";
    int code;

    *out = '\0';
    if (path == NULL)
        return 0;
    code = lares__seed_read(console, path, seed);
    if (code == 0) {
        lares__base64_encode(seed, sizeof seed, text);
        snprintf(out, size, "\"seed\":\"%s\",", text);
    }
    explicit_bzero(seed, sizeof seed);
    explicit_bzero(text, sizeof text);
    return code;
}

static int origin_print(void *context, const char *item)
{
    const struct lares__console *console = context;
    struct lares__json value = {"", 0};
    char origin[17];

    if (console->json)
        return lares__item_print(NULL, item);
    (void)lares__json_member(item, "origin", &value);
    lares__json_read(value, origin, sizeof origin);
    puts(origin);
    return 0;
}

static int image_send(struct lares__client *client, const char *path,
                      const char *seed)
{
    struct lares__console console = *client->console;
    unsigned char *image;
    size_t len;
    int code = lares__file_read(&console, path, IMAGE_MAX, &image, &len);

    if (code != 0)
        return code;
    client->about = path;
    code = lares__client_payload(client, "restore", seed, image, len,
                                 origin_print, &console);
    free(image);
    return code;
}

static int restore_run(struct lares__client *client,
                       const struct lares__words *words)
{
    char seed[LARES__BASE64_LEN(LARES__SEED_LEN) + 16];
    int code = seed_read(&words->console, words->values[0], seed, sizeof seed);

    if (code == 0)
        code = image_send(client, words->places[0], seed);
    explicit_bzero(seed, sizeof seed);
    return code;
}

int verb_restore(int count, const char *const words[])
{
    static const struct lares__errand errand = {
        {"lares restore", {"--key"}, {"FILE"}, 0, 1},
        "usage: lares restore FILE [options]\n\n"
        "Start the daemon of an image on a node that knows its kind, and\n"
        "print its origin. It goes on where the image was taken: the same\n"
        "identity, chain, state and subscriptions. An identity that lives\n"
        "already is refused.\n\n"
        "  --key FILE      the seed of its identity; without it the node must\n"
        "                  know it\n",
        restore_run
    };

    return lares__errand_run(&errand, count, words);
}
