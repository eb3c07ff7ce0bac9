#include "io/unix/unix_socket.h"

#include "base/error.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* Design notes
 * - The folder is ours and nobody else's, so nobody else can put a socket in
 *   the place of ours, or reach it. It is opened without following a link.
 * - Whoever looks whether a socket is stale, replaces it and binds, holds a
 *   lock on the folder meanwhile: of two nodes with one name one gets EEXIST,
 *   and none removes the other's fresh file.
 * - The file has its mode from the moment it exists: Linux takes that of the
 *   socket. No umask, which is the whole process's, is touched. */

enum {
    BACKLOG = 16,
    LOCK_TRIES = 100,
    PAUSE_NS = 10000000
};

static lares_status path_failed(const char *path, const char *why)
{
    return lares__error(LARES_EIO, "%s: %s", path, why);
}

static void pause_short(void)
{
    static const struct timespec pause = {0, PAUSE_NS};

    (void)nanosleep(&pause, NULL);
}

/* -- the folder ----------------------------------------------------------- */

lares_status lares__socket_folder(const char *path)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return path_failed(path, strerror(errno));
    return LARES_OK;
}

static lares_status folder_check(int fd, const char *path)
{
    struct stat facts;

    if (fstat(fd, &facts) != 0)
        return path_failed(path, strerror(errno));
    if (facts.st_uid != geteuid())
        return path_failed(path, "the folder belongs to somebody else");
    if ((facts.st_mode & 077) != 0)
        return path_failed(path, "others may enter the folder: its mode must "
                                 "be 0700");
    return LARES_OK;
}

/* Whoever holds it does so for some system calls. */
static lares_status folder_lock(int fd, const char *path)
{
    for (int i = 0; i < LOCK_TRIES; i++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            return LARES_OK;
        if (errno != EWOULDBLOCK && errno != EINTR)
            return path_failed(path, strerror(errno));
        pause_short();
    }
    return path_failed(path, "another program keeps the folder locked");
}

/* The lock goes with the descriptor. */
static lares_status folder_open(const char *path, int *fd_out)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    lares_status rc;

    if (fd < 0)
        return path_failed(path, strerror(errno));
    rc = folder_check(fd, path);
    if (rc == LARES_OK)
        rc = folder_lock(fd, path);
    if (rc < 0)
        close(fd);
    else
        *fd_out = fd;
    return rc;
}

static void folder_of(const char *path, char *out)
{
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 0 : (size_t)(slash - path);

    if (slash == NULL) {
        strcpy(out, ".");
        return;
    }
    memcpy(out, path, len);
    strcpy(out + len, len == 0 ? "/" : "");
}

/* -- listening ------------------------------------------------------------ */

static void address_set(struct sockaddr_un *address, const char *path)
{
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    assert(strlen(path) < sizeof address->sun_path);
    strcpy(address->sun_path, path);
}

static int socket_new(void)
{
    return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

/* Does somebody listen there? Only a refusal says that nobody does. */
static int address_is_living(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int refused;

    if (fd < 0)
        return 1;
    refused =
        connect(fd, (const struct sockaddr *)address, sizeof *address) != 0 &&
        (errno == ECONNREFUSED || errno == ENOENT);
    close(fd);
    return !refused;
}

static lares_status place_clear(const struct sockaddr_un *address)
{
    const char *path = address->sun_path;
    struct stat facts;

    if (lstat(path, &facts) != 0)
        return errno == ENOENT ? LARES_OK : path_failed(path, strerror(errno));
    if (!S_ISSOCK(facts.st_mode))
        return path_failed(path, "there is a file that is no socket");
    if (address_is_living(address))
        return lares__error(LARES_EEXIST, "%s: a node listens there already",
                            path);
    if (unlink(path) != 0)
        return path_failed(path, strerror(errno));
    return LARES_OK;
}

static lares_status socket_bind(struct lares__socket *socket)
{
    struct sockaddr_un address;
    struct stat facts;
    lares_status rc;

    address_set(&address, socket->path);
    rc = place_clear(&address);
    if (rc < 0)
        return rc;
    if (fchmod(socket->fd, 0600) != 0 ||
        bind(socket->fd, (struct sockaddr *)&address, sizeof address) != 0)
        return path_failed(socket->path, strerror(errno));
    if (listen(socket->fd, BACKLOG) != 0 || lstat(socket->path, &facts) != 0) {
        rc = path_failed(socket->path, strerror(errno));
        unlink(socket->path);
        return rc;
    }
    socket->device = facts.st_dev;
    socket->inode = facts.st_ino;
    return LARES_OK;
}

lares_status lares__socket_listen(struct lares__socket *socket,
                                  const char *path)
{
    char folder[sizeof socket->path + 1];
    int folder_fd = -1;
    lares_status rc;

    assert(strlen(path) <= LARES__SOCKET_PATH_MAX);
    strcpy(socket->path, path);
    folder_of(path, folder);
    rc = folder_open(folder, &folder_fd);
    if (rc < 0)
        return rc;
    socket->fd = socket_new();
    if (socket->fd < 0)
        rc = path_failed(path, strerror(errno));
    else
        rc = socket_bind(socket);
    if (rc < 0 && socket->fd >= 0)
        close(socket->fd);
    close(folder_fd);
    return rc;
}

/* -- accepting ------------------------------------------------------------ */

static int peer_is_ours(int fd)
{
    struct ucred peer;
    socklen_t len = sizeof peer;

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
           (peer.uid == geteuid() || peer.uid == 0);
}

int lares__socket_accept(struct lares__socket *socket)
{
    for (;;) {
        int fd = accept4(socket->fd, NULL, NULL, SOCK_CLOEXEC);

        if (fd >= 0 && peer_is_ours(fd))
            return fd;
        if (fd >= 0)
            close(fd);
        else if (errno == EINVAL)
            return -1; /* it was shut */
        else if (errno != EINTR && errno != ECONNABORTED)
            pause_short(); /* no descriptor, no memory: that may pass */
    }
}

void lares__socket_shut(struct lares__socket *socket)
{
    struct stat facts;

    if (lstat(socket->path, &facts) == 0 && facts.st_dev == socket->device &&
        facts.st_ino == socket->inode)
        unlink(socket->path);
    shutdown(socket->fd, SHUT_RDWR);
}

void lares__socket_close(struct lares__socket *socket)
{
    close(socket->fd);
}
