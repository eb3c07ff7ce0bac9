/* verb_keygen.c - lares keygen -o FILE: a fresh identity, stored as its seed
 * of 32 bytes. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "chore.h"
#include "verb.h"

/* Whole or not at all: a seed cut short would be another error later. */
static int file_fill(int fd, const lares_bytes *seed)
{
    size_t len = lares_bytes_len(seed);
    ssize_t written = write(fd, lares_bytes_data(seed), len);

    return written == (ssize_t)len && fsync(fd) == 0;
}

/* An identity that is there already is never written over. */
static int seed_store(const struct lares__console *console, const char *file,
                      const lares_bytes *seed)
{
    int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int code = 0;

    if (fd < 0)
        return lares__console_fail_errno(console, file);
    if (!file_fill(fd, seed)) {
        code = lares__console_fail_errno(console, file);
        unlink(file);
    }
    close(fd);
    return code;
}

static void origin_print(const struct lares__console *console, const char *file,
                         uint64_t origin)
{
    if (!console->json) {
        printf("%016" PRIx64 "\n", origin);
        return;
    }
    printf("{\"origin\":\"%016" PRIx64 "\",\"file\":", origin);
    lares__json_text(stdout, file);
    puts("}");
}

static int key_make(const struct lares__words *words)
{
    const struct lares__console *console = &words->console;
    const char *file = words->values[0];
    lares_key *key;
    lares_bytes *seed = NULL;
    lares_status rc;
    int code;

    rc = lares_key_new(NULL, 0, &key);
    if (rc < 0)
        return lares__console_fail(console, rc, "key");
    rc = lares_key_seed(key, &seed);
    code = rc < 0 ? lares__console_fail(console, rc, "key")
                  : seed_store(console, file, seed);
    if (code == 0)
        origin_print(console, file, lares_key_origin(key));
    lares_bytes_free(seed);
    lares_key_free(key);
    return code;
}

int verb_keygen(int count, const char *const words[])
{
    static const struct lares__chore chore = {
        {"lares keygen", {"-o"}, {NULL}, 1, 0},
        "usage: lares keygen -o FILE [--json]\n\n"
        "Make a fresh identity, store its seed in FILE (which must not be\n"
        "there yet, and only you may read), and print its origin. Hand it\n"
        "to a daemon by lares run --key FILE. Who has the file has the\n"
        "identity; there is no copy.\n",
        key_make
    };

    return lares__chore_run(&chore, count, words);
}
