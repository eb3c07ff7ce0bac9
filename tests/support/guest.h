/* guest.h - one who speaks to a unix socket, line by line. */
#ifndef TESTS_GUEST_H
#define TESTS_GUEST_H

#include "support/folder.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

struct guest {
    int fd;
    size_t used;
    char data[131072];
};

static inline int path_connect(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    check(fd >= 0);
    strcpy(address.sun_path, path);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    close(fd);
    return -1;
}

static inline void guest_come(struct guest *guest, const char *path)
{
    guest->used = 0;
    guest->fd = path_connect(path);
    check(guest->fd >= 0);
}

static inline void guest_go(struct guest *guest)
{
    close(guest->fd);
}

/* 0: nobody takes it */
static inline int guest_say(const struct guest *guest, const char *text)
{
    size_t len = strlen(text);

    while (len > 0) {
        ssize_t put = send(guest->fd, text, len, MSG_NOSIGNAL);

        if (put < 0)
            return 0;
        text += put;
        len -= (size_t)put;
    }
    return 1;
}

static inline int guest_fill(struct guest *guest)
{
    struct pollfd one = {guest->fd, POLLIN, 0};
    ssize_t got;

    check(guest->used < sizeof guest->data);
    check(poll(&one, 1, 8000) > 0);
    got = recv(guest->fd, guest->data + guest->used,
               sizeof guest->data - guest->used, 0);
    guest->used += got > 0 ? (size_t)got : 0;
    return got > 0;
}

/* The next line, without its end, which stands until the one after it; "": the
 * other side has ended this. */
static inline const char *guest_hear(struct guest *guest)
{
    static char line[sizeof guest->data];
    const char *end;
    size_t len;

    while ((end = memchr(guest->data, '\n', guest->used)) == NULL)
        if (!guest_fill(guest))
            return "";
    len = (size_t)(end - guest->data);
    memcpy(line, guest->data, len);
    line[len] = '\0';
    guest->used -= len + 1;
    memmove(guest->data, end + 1, guest->used);
    return line;
}

#endif
