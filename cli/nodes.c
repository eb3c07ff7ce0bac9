/* Design notes
 *
 * A node puts its socket below $XDG_RUNTIME_DIR, or below /tmp where it knows
 * none. Its program need not have our environment, so what is not found in the
 * one is looked for in the other.
 * Whoever answers must run as we do, or as root: a request may hold a seed.
 *
 * A node that was killed leaves its socket behind, and it goes when somebody
 * looks there. A node that starts has bound its own before it listens; it holds
 * a lock on the folder meanwhile, and so does whoever takes a socket away.
 */
#include "nodes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    FOLDERS = 2,
    FOLDER_SIZE = 256,
    PATH_SIZE = FOLDER_SIZE + 256, /* with a file's name */
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

/* -- sockets of the dead -------------------------------------------------- */

/* Is the folder ours alone, and the file a socket? */
static int dead_is_ours(int folder, const char *file)
{
    struct stat facts;

    return fstat(folder, &facts) == 0 && facts.st_uid == geteuid() &&
           (facts.st_mode & 077) == 0 &&
           fstatat(folder, file, &facts, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISSOCK(facts.st_mode);
}

/* Under the lock it is asked again. */
static void dead_remove_locked(int folder, const char *file, const char *path)
{
    int fd = path_connect(path);

    if (fd >= 0)
        close(fd);
    else if (errno == ECONNREFUSED)
        (void)unlinkat(folder, file, 0);
}

/* Nobody listened there. What cannot be taken away now is left to others. */
static void dead_bury(const char *path)
{
    char folder[PATH_SIZE];
    const char *file = strrchr(path, '/') + 1;
    int fd;

    snprintf(folder, sizeof folder, "%.*s", (int)(file - path), path);
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    if (dead_is_ours(fd, file) && flock(fd, LOCK_EX | LOCK_NB) == 0)
        dead_remove_locked(fd, file, path);
    close(fd); /* the lock goes with it */
}

/* The descriptor, or -1 with errno: ENOENT when there is no node. */
static int socket_connect(const char *path)
{
    int fd = path_connect(path);

    if (fd < 0 && errno == ECONNREFUSED) {
        dead_bury(path);
        errno = ENOENT;
    }
    return fd;
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

/* All that were looked in, with commas. */
static void folders_name(char *out, size_t size)
{
    char folder[FOLDER_SIZE];
    size_t used = 0;
    int i;

    *out = '\0';
    for (i = 0; i < FOLDERS && used < size; i++) {
        if (!folder_name(i, folder, sizeof folder))
            continue;
        snprintf(out + used, size - used, "%s%s", used > 0 ? ", " : "", folder);
        used += strlen(out + used);
    }
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
    char path[PATH_SIZE];
    int fd;

    if (dir == NULL)
        return;
    while ((entry = readdir(dir)) != NULL) {
        if (!file_is_socket(entry->d_name))
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        fd = socket_connect(path);
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

/* `what` is no node that runs. */
static int none_found(const struct lares__console *console, const char *what)
{
    char folders[FOLDERS * FOLDER_SIZE], text[1024];

    folders_name(folders, sizeof folders);
    snprintf(text, sizeof text, "%s: looked in %s", what, folders);
    return unreachable(console, text);
}

static int only_connect(const struct lares__console *console, int *fd_out)
{
    struct search search = {.fd = -1};
    char folder[FOLDER_SIZE];
    int i;

    for (i = 0; i < FOLDERS && search.count == 0; i++)
        if (folder_name(i, folder, sizeof folder))
            folder_search(&search, folder);
    if (search.count == 0)
        return none_found(console, "no node runs that has an admin socket");
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
    char folder[FOLDER_SIZE], path[PATH_SIZE];
    int i, fd = -1;

    errno = ENOENT;
    for (i = 0; i < FOLDERS && fd < 0 && errno == ENOENT; i++) {
        if (!folder_name(i, folder, sizeof folder))
            continue;
        snprintf(path, sizeof path, "%s/%s.sock", folder, node);
        fd = socket_connect(path);
    }
    return fd;
}

int lares__nodes_connect(const struct lares__console *console, const char *node,
                         int *fd_out)
{
    int is_path = node != NULL && strchr(node, '/') != NULL;
    char text[512];

    if (node == NULL)
        return only_connect(console, fd_out);
    *fd_out = is_path ? path_connect(node) : named_connect(node);
    if (*fd_out >= 0)
        return 0;
    if (!is_path && errno == ENOENT) {
        snprintf(text, sizeof text, "no node '%s' runs", node);
        return none_found(console, text);
    }
    snprintf(text, sizeof text, "node %s: %s", node, strerror(errno));
    return unreachable(console, text);
}
