/* verb_restore.c - lares restore FILE: a daemon from its image. */
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "errand.h"
#include "verb.h"

enum {
    SEED_LEN = 32,
    IMAGE_MAX = 64 * 1024 * 1024 /* what a node takes */
};

/* A file of at most max bytes; a longer one is read to one byte more. */
static int file_read(const struct lares__console *console, const char *path,
                     unsigned char *out, size_t max, size_t *len_out)
{
    FILE *file = fopen(path, "rb");
    int code = 0;

    if (file == NULL)
        return lares__console_fail_errno(console, path);
    setvbuf(file, NULL, _IONBF, 0); /* no copy of a seed stays behind */
    *len_out = fread(out, 1, max + 1, file);
    if (ferror(file))
        code = lares__console_fail_errno(console, path);
    fclose(file);
    return code;
}

/* The seed as a member of the arguments; "" without one. */
static int seed_read(const struct lares__console *console, const char *path,
                     char *out, size_t size)
{
    unsigned char seed[SEED_LEN + 1];
    char text[LARES__BASE64_LEN(SEED_LEN) + 1] = "";
    size_t len = 0;
    int code;

    *out = '\0';
    if (path == NULL)
        return 0;
    code = file_read(console, path, seed, SEED_LEN, &len);
    if (code == 0 && len != SEED_LEN)
        code = lares__console_usage(console, "%s: a seed has %d bytes", path,
                                    SEED_LEN);
    if (code == 0) {
        lares__base64_encode(seed, SEED_LEN, text);
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
                      const char *seed, unsigned char *image)
{
    struct lares__console console = *client->console;
    size_t len = 0;
    int code = file_read(&console, path, image, IMAGE_MAX, &len);

    if (code != 0)
        return code;
    if (len > IMAGE_MAX)
        return lares__console_usage(&console, "%s: more than %d bytes", path,
                                    IMAGE_MAX);
    client->about = path;
    return lares__client_payload(client, "restore", seed, image, len,
                                 origin_print, &console);
}

static int restore_run(struct lares__client *client,
                       const struct lares__words *words)
{
    char seed[LARES__BASE64_LEN(SEED_LEN) + 16];
    unsigned char *image = malloc(IMAGE_MAX + 1);
    int code = seed_read(&words->console, words->values[0], seed, sizeof seed);

    if (code == 0 && image == NULL)
        code = lares__console_fail(&words->console, LARES_ENOMEM, "image");
    if (code == 0)
        code = image_send(client, words->places[0], seed, image);
    explicit_bzero(seed, sizeof seed);
    free(image);
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
