#include "file.h"

#include <stdlib.h>
#include <string.h>

/* -- seeds ---------------------------------------------------------------- */

/* A longer file shows by one byte more. */
int lares__seed_read(const struct lares__console *console, const char *path,
                     unsigned char out[LARES__SEED_LEN])
{
    unsigned char seed[LARES__SEED_LEN + 1];
    FILE *file = fopen(path, "rb");
    size_t len;
    int code = 0;

    if (file == NULL)
        return lares__console_fail_errno(console, path);
    setvbuf(file, NULL, _IONBF, 0); /* no copy of the seed stays behind */
    len = fread(seed, 1, sizeof seed, file);
    if (ferror(file)) /* a folder, say */
        code = lares__console_fail_errno(console, path);
    else if (len != LARES__SEED_LEN)
        code = lares__console_usage(console, "%s: a seed has %d bytes", path,
                                    LARES__SEED_LEN);
    else
        memcpy(out, seed, LARES__SEED_LEN);
    fclose(file);
    explicit_bzero(seed, sizeof seed);
    return code;
}

/* -- whole files ---------------------------------------------------------- */

/* Up to max bytes and one more, which says that there are too many; NULL: no
 * memory. */
static unsigned char *bytes_read(FILE *file, size_t max, size_t *len_out)
{
    size_t room = max < 64 * 1024 ? max + 1 : 64 * 1024, len = 0;
    unsigned char *data = malloc(room), *more;

    while (data != NULL) {
        len += fread(data + len, 1, room - len, file);
        if (len < room || len > max)
            break;
        room = room > max / 2 ? max + 1 : room * 2;
        more = realloc(data, room);
        if (more == NULL)
            free(data);
        data = more;
    }
    *len_out = len;
    return data;
}

int lares__file_read(const struct lares__console *console, const char *path,
                     size_t max, unsigned char **data_out, size_t *len_out)
{
    FILE *file = fopen(path, "rb");
    unsigned char *data;
    int code = 0;

    if (file == NULL)
        return lares__console_fail_errno(console, path);
    data = bytes_read(file, max, len_out);
    if (data == NULL)
        code = lares__console_fail(console, LARES_ENOMEM, path);
    else if (ferror(file)) /* a folder, say */
        code = lares__console_fail_errno(console, path);
    else if (*len_out > max)
        code =
            lares__console_usage(console, "%s: more than %zu bytes", path, max);
    fclose(file);
    if (code != 0)
        free(data);
    else
        *data_out = data;
    return code;
}
