#include "node/admin.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/options.h"
#include "io/unix/unix_line.h"
#include "io/unix/unix_socket.h"
#include "node/visit.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Design notes
 * - One thread accepts, and each connection has one: a verb may wait for a
 *   daemon and holds nobody else up. They are detached and hold the node; a
 *   stop waits for them as for lanes, and leaves those that are late.
 * - Threads end because their descriptors are shut down. A connection is in the
 *   list exactly as long as its descriptor is open, so none is shut down that
 *   has been closed, and perhaps given to somebody else. */

enum {
    GUESTS_MAX = 16,
    IDLE_MS = 60000,
    PARTING_NS = 200000000 /* for answers, before connections are cut */
};

struct guest {
    struct guest *next;
    lares_node *node;
    int fd;
    struct lares__visit visit;
    struct lares__line line;
};

struct lares__admin {
    struct lares__socket socket;
    /* set at open */
    char path[LARES__SOCKET_PATH_MAX + 1];
    int usual; /* its folder is made when it is missing */
    struct lares__mutex lock;
    struct lares__cond ended;
    /* guarded by lock */
    struct guest *guests;
    uint32_t guest_count;
    uint32_t threads; /* the one that accepts, and one a guest */
    int open;         /* is there a socket to shut? */
    /* of the thread that carries out the stop; 0: it has not looked yet */
    uint64_t cut_at;
};

/* -- making --------------------------------------------------------------- */

/* $XDG_RUNTIME_DIR/lares/<node>.sock, or /tmp/lares-<uid>/<node>.sock */
static lares_status path_usual(const lares_node *node, char *out, size_t size)
{
    const char *runtime = secure_getenv("XDG_RUNTIME_DIR");
    int len;

    if (runtime != NULL && *runtime == '/')
        len = snprintf(out, size, "%s/lares/%s.sock", runtime, node->name);
    else
        len = snprintf(out, size, "/tmp/lares-%lu/%s.sock",
                       (unsigned long)geteuid(), node->name);
    if (len < 0 || (size_t)len >= size)
        return lares__error(LARES_ERANGE,
                            "admin: the path %s... is longer than %zu bytes",
                            out, size - 1);
    return LARES_OK;
}

static lares_status path_read(const lares_node *node, const char *value,
                              struct lares__admin *admin)
{
    admin->usual = strcmp(value, "true") == 0;
    if (admin->usual)
        return path_usual(node, admin->path, sizeof admin->path);
    if (*value == '\0' || strlen(value) >= sizeof admin->path)
        return lares__error(LARES_ERANGE,
                            "admin '%s': a path has 1 to %d bytes", value,
                            LARES__SOCKET_PATH_MAX);
    strcpy(admin->path, value);
    return LARES_OK;
}

static lares_status threads_check(const lares_node *node)
{
    if (node->lane_count > 0)
        return LARES_OK;
    return lares__error(LARES_EOPTION,
                        "admin: it has threads, and a node %s runs on one",
                        node->simulated ? "in a world" : "without lanes");
}

lares_status lares__admin_new(const lares_node *node,
                              const lares_options *options,
                              struct lares__admin **out)
{
    const char *value = lares__options_get(options, "admin");
    struct lares__admin *admin;
    lares_status rc;

    *out = NULL;
    if (value == NULL || strcmp(value, "false") == 0)
        return LARES_OK;
    rc = threads_check(node);
    if (rc < 0)
        return rc;
    admin = lares__calloc(1, sizeof *admin);
    if (admin == NULL)
        return LARES_ENOMEM;
    rc = path_read(node, value, admin);
    if (rc < 0) {
        lares__free(admin);
        return rc;
    }
    lares__mutex_init(&admin->lock, LARES__FLOOR_WAIT);
    lares__cond_init(&admin->ended);
    *out = admin;
    return LARES_OK;
}

void lares__admin_free(struct lares__admin *admin)
{
    if (admin == NULL)
        return;
    lares__cond_fini(&admin->ended);
    lares__mutex_fini(&admin->lock);
    lares__free(admin);
}

/* -- guests --------------------------------------------------------------- */

static lares_status guest_send(void *context, const char *line, size_t len)
{
    const struct guest *guest = context;

    return lares__line_write(guest->fd, line, len, IDLE_MS);
}

static void thread_over(lares_node *node)
{
    struct lares__admin *admin = node->admin;

    lares__mutex_lock(&admin->lock);
    if (--admin->threads == 0)
        lares__cond_broadcast(&admin->ended);
    lares__mutex_unlock(&admin->lock);
    lares__node_release(node);
}

static void guest_free(struct guest *guest)
{
    shutdown(guest->fd, SHUT_RDWR); /* a forked child may hold it, too */
    close(guest->fd);
    lares__visit_fini(&guest->visit);
    lares__line_wipe(&guest->line);
    lares__free(guest);
}

static void guest_leave(struct guest *guest)
{
    struct lares__admin *admin = guest->node->admin;
    struct guest **at = &admin->guests;

    lares__mutex_lock(&admin->lock);
    while (*at != guest)
        at = &(*at)->next;
    *at = guest->next;
    admin->guest_count--;
    lares__mutex_unlock(&admin->lock);
    guest_free(guest);
}

static void guest_run(void *arg)
{
    struct guest *guest = arg;
    lares_node *node = guest->node;
    lares_status rc;
    char *line;
    size_t len;

    do {
        rc = lares__line_read(&guest->line, IDLE_MS, &line, &len);
        if (rc == LARES_OK)
            rc = lares__visit_line(&guest->visit, line, len);
        else if (rc == LARES_ETOOBIG)
            lares__answer_error(&guest->visit.answer, rc);
    } while (rc == LARES_OK);
    guest_leave(guest);
    thread_over(node);
}

static lares_status guest_enter(struct guest *guest)
{
    struct lares__admin *admin = guest->node->admin;
    lares_status rc = LARES_OK;

    lares__mutex_lock(&admin->lock);
    if (!admin->open) {
        rc = lares__error(LARES_ECLOSED, "node '%s' stops", guest->node->name);
    } else if (admin->guest_count == GUESTS_MAX) {
        rc = lares__error(LARES_ELIMIT, "%d connections already", GUESTS_MAX);
    } else {
        guest->next = admin->guests;
        admin->guests = guest;
        admin->guest_count++;
        admin->threads++;
    }
    lares__mutex_unlock(&admin->lock);
    return rc;
}

static void guest_start(struct guest *guest)
{
    lares_node *node = guest->node;
    struct lares__thread thread;

    lares__node_retain(node);
    if (lares__thread_start(&thread, guest_run, guest) == LARES_OK) {
        lares__thread_detach(&thread);
        return;
    }
    guest_leave(guest);
    thread_over(node);
}

static void guest_come(lares_node *node, int fd)
{
    struct guest *guest = lares__alloc(sizeof *guest);
    lares_status rc;

    if (guest == NULL) {
        close(fd);
        return;
    }
    guest->node = node;
    guest->fd = fd;
    guest->visit = (struct lares__visit){
        .node = node, .answer = {.send = guest_send, .context = guest}
    };
    lares__line_init(&guest->line, fd);
    rc = guest_enter(guest);
    if (rc == LARES_OK) {
        guest_start(guest);
        return;
    }
    lares__answer_error(&guest->visit.answer, rc);
    guest_free(guest);
}

/* -- the socket ----------------------------------------------------------- */

static void admin_run(void *arg)
{
    lares_node *node = arg;
    struct lares__admin *admin = node->admin;
    int fd;

    while ((fd = lares__socket_accept(&admin->socket)) >= 0)
        guest_come(node, fd);
    lares__socket_close(&admin->socket);
    thread_over(node);
}

static lares_status folder_make(const struct lares__admin *admin)
{
    char folder[sizeof admin->path];

    if (!admin->usual)
        return LARES_OK;
    strcpy(folder, admin->path);
    *strrchr(folder, '/') = '\0';
    return lares__socket_folder(folder);
}

static lares_status admin_start(lares_node *node)
{
    struct lares__admin *admin = node->admin;
    struct lares__thread thread;
    lares_status rc;

    lares__node_retain(node);
    admin->threads = 1;
    admin->open = 1;
    rc = lares__thread_start(&thread, admin_run, node);
    if (rc == LARES_OK) {
        lares__thread_detach(&thread);
        return LARES_OK;
    }
    admin->threads = 0;
    admin->open = 0;
    lares__node_release(node);
    return rc;
}

lares_status lares__admin_open(lares_node *node)
{
    struct lares__admin *admin = node->admin;
    lares_status rc;

    if (admin == NULL)
        return LARES_OK;
    rc = folder_make(admin);
    if (rc == LARES_OK)
        rc = lares__socket_listen(&admin->socket, admin->path);
    if (rc < 0)
        return rc;
    rc = admin_start(node);
    if (rc < 0) {
        lares__socket_shut(&admin->socket);
        lares__socket_close(&admin->socket);
    }
    return rc;
}

static void guests_shut_locked(struct lares__admin *admin, int how)
{
    for (struct guest *guest = admin->guests; guest != NULL;
         guest = guest->next)
        shutdown(guest->fd, how);
}

void lares__admin_close(lares_node *node)
{
    struct lares__admin *admin = node->admin;

    if (admin == NULL)
        return;
    lares__mutex_lock(&admin->lock);
    if (admin->open) {
        admin->open = 0;
        lares__socket_shut(&admin->socket);
        guests_shut_locked(admin, SHUT_RD);
    }
    lares__mutex_unlock(&admin->lock);
}

uint32_t lares__admin_left(lares_node *node)
{
    struct lares__admin *admin = node->admin;
    uint64_t now = lares__node_now(node);
    uint32_t left;

    if (admin == NULL)
        return 0;
    if (admin->cut_at == 0)
        admin->cut_at = now + PARTING_NS;
    lares__mutex_lock(&admin->lock);
    if (now >= admin->cut_at)
        guests_shut_locked(admin, SHUT_RDWR);
    left = admin->threads;
    lares__mutex_unlock(&admin->lock);
    return left;
}

void lares__admin_undo(lares_node *node)
{
    struct lares__admin *admin = node->admin;

    if (admin == NULL)
        return;
    lares__admin_close(node);
    lares__mutex_lock(&admin->lock);
    guests_shut_locked(admin, SHUT_RDWR);
    while (admin->threads > 0)
        lares__cond_wait(&admin->ended, &admin->lock);
    lares__mutex_unlock(&admin->lock);
}
