/* unix_socket.h - a socket in a folder of ours, for whoever runs as us. */
#ifndef LARES_IO_UNIX_SOCKET_H
#define LARES_IO_UNIX_SOCKET_H

#include "lares.h"

#include <sys/types.h>

enum {
    LARES__SOCKET_PATH_MAX = 107 /* bytes: what the system takes */
};

struct lares__socket {
    int fd;
    /* the file, as it was made: what stands there later may be another's */
    dev_t device;
    ino_t inode;
    char path[LARES__SOCKET_PATH_MAX + 1];
};

/* Makes a folder that only we may enter, unless it is there. EIO */
lares_status lares__socket_folder(const char *path);

/* Binds and listens at a path of at most LARES__SOCKET_PATH_MAX bytes. Its
 * folder must be ours alone. EIO; EEXIST: somebody listens there already. What
 * an ended process left there is replaced. */
lares_status lares__socket_listen(struct lares__socket *socket,
                                  const char *path);

/* Waits for one that connects: its descriptor, or -1 once it was shut and all
 * are out who had come before. Others than we and root are turned away. */
int lares__socket_accept(struct lares__socket *socket);

/* Ends accept, and takes the file away. Any thread, once. */
void lares__socket_shut(struct lares__socket *socket);
/* after shut; nobody is in accept any more */
void lares__socket_close(struct lares__socket *socket);

#endif
