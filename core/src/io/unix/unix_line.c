#include "io/unix/unix_line.h"

#include "base/error.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

static int64_t now_ms(void)
{
    struct timespec now;
    int rc = clock_gettime(CLOCK_MONOTONIC, &now);

    assert(rc == 0);
    (void)rc;
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static lares_status socket_failed(void)
{
    if (errno == EPIPE || errno == ECONNRESET)
        return LARES_ECLOSED;
    return lares__error(LARES_EIO, "socket: %s", strerror(errno));
}

/* until something may be read or written; an end counts as that */
static lares_status ready_wait(int fd, short events, int64_t deadline_ms)
{
    struct pollfd one = {fd, events, 0};
    int64_t left = deadline_ms - now_ms();
    int count = left > 0 ? poll(&one, 1, (int)left) : 0;

    if (count < 0 && errno != EINTR)
        return socket_failed();
    return count == 0 ? LARES_ETIMEDOUT : LARES_OK;
}

static int only_later(void)
{
    return errno == EAGAIN || errno == EINTR;
}

void lares__line_init(struct lares__line *line, int fd)
{
    line->fd = fd;
    line->taken = 0;
    line->used = 0;
}

void lares__line_wipe(struct lares__line *line)
{
    explicit_bzero(line->data, sizeof line->data);
}

/* The first whole line of what was read, if there is one. */
static int line_take(struct lares__line *line, char **out, size_t *len_out)
{
    char *start = line->data + line->taken;
    char *end = memchr(start, '\n', line->used - line->taken);

    if (end == NULL)
        return 0;
    *end = '\0';
    *out = start;
    *len_out = (size_t)(end - start);
    line->taken += *len_out + 1;
    return 1;
}

/* Moves the beginning of a line to the front, and reads what is there. */
static lares_status line_fill(struct lares__line *line)
{
    size_t room = sizeof line->data - (line->used - line->taken);
    ssize_t got;

    line->used -= line->taken;
    memmove(line->data, line->data + line->taken, line->used);
    line->taken = 0;
    if (room == 0)
        return lares__error(LARES_ETOOBIG, "a line of more than %d bytes",
                            LARES__LINE_MAX);
    got = recv(line->fd, line->data + line->used, room, MSG_DONTWAIT);
    if (got == 0)
        return LARES_ECLOSED;
    if (got < 0)
        return only_later() ? LARES_OK : socket_failed();
    line->used += (size_t)got;
    return LARES_OK;
}

lares_status lares__line_read(struct lares__line *line, int timeout_ms,
                              char **out, size_t *len_out)
{
    int64_t deadline = now_ms() + timeout_ms;
    lares_status rc = LARES_OK;

    while (rc == LARES_OK && !line_take(line, out, len_out)) {
        rc = ready_wait(line->fd, POLLIN, deadline);
        if (rc == LARES_OK)
            rc = line_fill(line);
    }
    return rc;
}

lares_status lares__line_write(int fd, const void *data, size_t len,
                               int timeout_ms)
{
    int64_t deadline = now_ms() + timeout_ms;
    const char *at = data;
    lares_status rc = LARES_OK;

    while (rc == LARES_OK && len > 0) {
        ssize_t put = send(fd, at, len, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (put >= 0) {
            at += put;
            len -= (size_t)put;
        } else if (only_later()) {
            rc = ready_wait(fd, POLLOUT, deadline);
        } else {
            rc = socket_failed();
        }
    }
    return rc;
}
