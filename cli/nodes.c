/* Design notes
 *
 * A node puts its socket below $XDG_RUNTIME_DIR, or below /tmp where it knows
 * none. Its program need not have our environment, so what is not found in the
 * one is looked for in the other.
 * Whoever answers must run as we do, or as root: a request may hold a seed.
 */
#include "nodes.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    FOLDERS = 2,
    NAMES_SIZE = 512,
    SUFFIX = 5 /* ".sock" */
};

struct search {
    int fd; /* of the first that was found, or -1 */
    int count;
    char names[NAMES_SIZE]; /* of all, with commas */
};

/* -- one socket ----------------------------------------------------------- */

static int peer_is_ours(int fd)
{
    struct ucred peer;
    socklen_t len = sizeof peer;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
        return 0;
    return peer.uid == geteuid() || peer.uid == 0 || geteuid() == 0;
}

/* The descriptor, or -1 with errno. */
static int path_connect(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd, number;

    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(address.sun_path, path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) {
        if (peer_is_ours(fd))
            return fd;
        errno = EPERM;
    }
    number = errno;
    close(fd);
    errno = number;
    return -1;
}

/* -- folders -------------------------------------------------------------- */

/* Is there such a folder for us? */
static int folder_name(int which, char *out, size_t size)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    int len;

    if (which == 1)
        len = snprintf(out, size, "/tmp/lares-%lu", (unsigned long)geteuid());
    else if (runtime == NULL || *runtime != '/')
        return 0;
    else
        len = snprintf(out, size, "%s/lares", runtime);
    return len > 0 && (size_t)len < size;
}

static void search_add(struct search *search, int fd, const char *file)
{
    size_t used = strlen(search->names);

    snprintf(search->names + used, sizeof search->names - used, "%s%.*s",
             used > 0 ? ", " : "", (int)(strlen(file) - SUFFIX), file);
    if (search->count++ == 0)
        search->fd = fd;
    else
        close(fd);
}

static int file_is_socket(const char *file)
{
    size_t len = strlen(file);

    return len > SUFFIX && strcmp(file + len - SUFFIX, ".sock") == 0;
}

static void folder_search(struct search *search, const char *folder)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    char path[512];
    int fd;

    if (dir == NULL)
        return;
    while ((entry = readdir(dir)) != NULL) {
        if (!file_is_socket(entry->d_name))
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        fd = path_connect(path);
        if (fd >= 0)
            search_add(search, fd, entry->d_name);
    }
    closedir(dir);
}

/* -- finding -------------------------------------------------------------- */

static int unreachable(const struct lares__console *console, const char *text)
{
    (void)lares__console_fail_text(console, LARES_EIO, text);
    return LARES__EXIT_UNREACHABLE;
}

static int only_connect(const struct lares__console *console, int *fd_out)
{
    struct search search = {.fd = -1};
    char folder[256];
    int i;

    for (i = 0; i < FOLDERS && search.count == 0; i++)
        if (folder_name(i, folder, sizeof folder))
            folder_search(&search, folder);
    if (search.count == 0)
        return unreachable(console, "no node runs that has an admin socket");
    if (search.count == 1) {
        *fd_out = search.fd;
        return 0;
    }
    close(search.fd);
    return lares__console_usage(console, "%d nodes run: %s (--node chooses)",
                                search.count, search.names);
}

static int named_connect(const char *node)
{
    char folder[256], path[512];
    int i, fd = -1;

    errno = ENOENT;
    for (i = 0; i < FOLDERS && fd < 0; i++) {
        if (!folder_name(i, folder, sizeof folder))
            continue;
        snprintf(path, sizeof path, "%s/%s.sock", folder, node);
        fd = path_connect(path);
    }
    return fd;
}

int lares__nodes_connect(const struct lares__console *console, const char *node,
                         int *fd_out)
{
    char text[512];

    if (node == NULL)
        return only_connect(console, fd_out);
    *fd_out =
        strchr(node, '/') != NULL ? path_connect(node) : named_connect(node);
    if (*fd_out >= 0)
        return 0;
    snprintf(text, sizeof text, "node %s: %s", node, strerror(errno));
    return unreachable(console, text);
}
