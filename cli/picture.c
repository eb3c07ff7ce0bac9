#include "picture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base64.h"
#include "client.h"

/* mkstemp's files are for their owner alone. A folder is refused before anything
 * comes: no file takes its place. */
int lares__picture_open(struct lares__picture *picture,
                        const struct lares__console *console, const char *file,
                        int last)
{
    struct stat place;
    int fd,
        len = snprintf(picture->path, sizeof picture->path, "%s.XXXXXX", file);

    picture->console = console;
    picture->file = file;
    picture->last = last;
    picture->len = 0;
    if (len < 0 || (size_t)len >= sizeof picture->path)
        return lares__console_usage(console, "%s: the name is too long", file);
    if (stat(file, &place) == 0 && S_ISDIR(place.st_mode)) {
        errno = EISDIR;
        return lares__console_fail_errno(console, file);
    }
    fd = mkstemp(picture->path);
    if (fd < 0)
        return lares__console_fail_errno(console, file);
    picture->stream = fdopen(fd, "wb");
    if (picture->stream != NULL)
        return 0;
    unlink(picture->path);
    close(fd);
    return lares__console_fail(console, LARES_ENOMEM, file);
}

int lares__picture_take(void *context, const char *item)
{
    struct lares__picture *picture = context;
    unsigned char bytes[LARES__BASE64_LEN(LARES__PIECE)];
    struct lares__json value = {"", 0};
    size_t len = 0;

    if (!lares__json_member(item, "base64", &value) || value.len < 2 ||
        value.len - 2 > sizeof bytes ||
        !lares__base64_decode(value.text + 1, value.len - 2, bytes, &len))
        return lares__console_fail_text(picture->console, LARES_EFORMAT,
                                        "a piece of the image is no base64");
    picture->len += len;
    return fwrite(bytes, 1, len, picture->stream) == len
               ? 0
               : lares__console_fail_errno(picture->console, picture->path);
}

/* It came whole, and did not get into its file. */
static int picture_strands(const struct lares__picture *picture)
{
    char text[2 * sizeof picture->path];

    if (!picture->last) {
        int code = lares__console_fail_errno(picture->console, picture->file);

        unlink(picture->path);
        return code;
    }
    snprintf(text, sizeof text, "%s: %s; the image is in %s", picture->file,
             strerror(errno), picture->path);
    return lares__console_fail_text(picture->console, LARES_EIO, text);
}

/* Whole, and on the disk, before it is seen. */
int lares__picture_close(struct lares__picture *picture, int code)
{
    int stored =
        fflush(picture->stream) == 0 && fsync(fileno(picture->stream)) == 0;
    int error = errno;

    fclose(picture->stream);
    if (code != 0) {
        unlink(picture->path);
        return code;
    }
    errno = error;
    if (!stored || rename(picture->path, picture->file) != 0)
        return picture_strands(picture);
    return 0;
}

void lares__picture_tell(const struct lares__picture *picture,
                         const char *origin)
{
    if (!picture->console->json) {
        puts(origin);
        return;
    }
    printf("{\"origin\":\"%s\",\"file\":", origin);
    lares__json_text(stdout, picture->file);
    printf(",\"len\":%zu}\n", picture->len);
}
