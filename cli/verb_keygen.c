/* verb_keygen.c - lares keygen -o FILE: a fresh identity, stored as its seed
 * of 32 bytes. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "console.h"
#include "verb.h"

struct request {
    struct lares__console console;
    const char *file;
    int help;
};

static int words_take(struct request *request, int count,
                      const char *const words[])
{
    const struct lares__console *console = &request->console;
    int i;

    for (i = 0; i < count; i++) {
        if (strcmp(words[i], "--json") == 0)
            request->console.json = 1;
        else if (strcmp(words[i], "--help") == 0 || strcmp(words[i], "-h") == 0)
            request->help = 1;
        else if (strcmp(words[i], "-o") == 0 && i + 1 < count)
            request->file = words[++i];
        else if (strcmp(words[i], "-o") == 0)
            return lares__console_usage(console, "-o: expected a value");
        else
            return lares__console_usage(console, "%s: unexpected", words[i]);
    }
    if (request->file == NULL && !request->help)
        return lares__console_usage(console, "expected -o FILE");
    return 0;
}

/* Whole or not at all: a seed cut short would be another error later. */
static int file_fill(int fd, const lares_bytes *seed)
{
    size_t len = lares_bytes_len(seed);
    ssize_t written = write(fd, lares_bytes_data(seed), len);

    return written == (ssize_t)len && fsync(fd) == 0;
}

/* An identity that is there already is never written over. */
static int seed_store(const struct request *request, const lares_bytes *seed)
{
    int fd = open(request->file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int code = 0;

    if (fd < 0)
        return lares__console_fail_errno(&request->console, request->file);
    if (!file_fill(fd, seed)) {
        code = lares__console_fail_errno(&request->console, request->file);
        unlink(request->file);
    }
    close(fd);
    return code;
}

static void origin_print(const struct request *request, uint64_t origin)
{
    if (!request->console.json) {
        printf("%016" PRIx64 "\n", origin);
        return;
    }
    printf("{\"origin\":\"%016" PRIx64 "\",\"file\":", origin);
    lares__json_text(stdout, request->file);
    puts("}");
}

static int key_make(const struct request *request)
{
    lares_key *key;
    lares_bytes *seed = NULL;
    lares_status rc;
    int code;

    rc = lares_key_new(NULL, 0, &key);
    if (rc < 0)
        return lares__console_fail(&request->console, rc, "key");
    rc = lares_key_seed(key, &seed);
    code = rc < 0 ? lares__console_fail(&request->console, rc, "key")
                  : seed_store(request, seed);
    if (code == 0)
        origin_print(request, lares_key_origin(key));
    lares_bytes_free(seed);
    lares_key_free(key);
    return code;
}

static void help_print(void)
{
    fputs("usage: lares keygen -o FILE [--json]\n\n"
          "Make a fresh identity, store its seed in FILE (which must not be\n"
          "there yet, and only you may read), and print its origin. Hand it\n"
          "to a daemon by lares run --key FILE. Who has the file has the\n"
          "identity; there is no copy.\n",
          stdout);
}

int verb_keygen(int count, const char *const words[])
{
    struct request request = {
        {"lares keygen", 0},
        NULL, 0
    };
    int code = words_take(&request, count, words);

    if (code != 0)
        return code;
    if (request.help) {
        help_print();
        return 0;
    }
    return key_make(&request);
}
