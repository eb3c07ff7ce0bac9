/* still.h - a node with lanes whose clock stands still until it is moved.
 *
 * Its loop sleeps as ever, and says until when; so what falls due at which
 * time can be told without measuring any.
 */
#ifndef TESTS_STILL_H
#define TESTS_STILL_H

#include "support/house.h"

#include "node/node.h"

struct still {
    struct lares__io io; /* first: the address of both is the same */
    struct lares__io *real;
    pthread_mutex_t lock;
    pthread_cond_t moved;
    /* guarded by lock */
    uint64_t ahead; /* of the real clock; once it runs again */
    uint64_t now;   /* 0: it runs */
    uint64_t until; /* when the loop is to wake; 0: it is awake */
    int woken;
};

static inline uint64_t still_now_locked(struct still *still)
{
    if (still->now != 0)
        return still->now;
    return still->real->ops->now(still->real) + still->ahead;
}

static inline uint64_t still_now(struct lares__io *io)
{
    struct still *still = (struct still *)io;
    uint64_t now;

    pthread_mutex_lock(&still->lock);
    now = still_now_locked(still);
    pthread_mutex_unlock(&still->lock);
    return now;
}

static inline uint64_t still_wall(struct lares__io *io)
{
    struct still *still = (struct still *)io;

    return still->real->ops->wall(still->real);
}

static inline lares_status still_entropy(struct lares__io *io, void *out,
                                         size_t len)
{
    struct still *still = (struct still *)io;

    return still->real->ops->entropy(still->real, out, len);
}

static inline lares_status still_wait(struct lares__io *io, uint64_t deadline)
{
    struct still *still = (struct still *)io;
    lares_status rc = LARES_OK;

    pthread_mutex_lock(&still->lock);
    while (!still->woken && rc == LARES_OK) {
        if (still_now_locked(still) >= deadline) {
            rc = LARES_ETIMEDOUT;
        } else if (still->now != 0) {
            still->until = deadline;
            pthread_cond_wait(&still->moved, &still->lock);
        } else {
            pthread_mutex_unlock(&still->lock);
            nap_ms(1);
            pthread_mutex_lock(&still->lock);
        }
    }
    still->until = 0;
    if (rc == LARES_OK)
        still->woken = 0;
    pthread_mutex_unlock(&still->lock);
    return rc;
}

static inline void still_wake(struct lares__io *io)
{
    struct still *still = (struct still *)io;

    pthread_mutex_lock(&still->lock);
    still->woken = 1;
    pthread_cond_signal(&still->moved);
    pthread_mutex_unlock(&still->lock);
}

static inline void still_close(struct lares__io *io)
{
    struct still *still = (struct still *)io;

    still->real->ops->close(still->real);
    pthread_mutex_destroy(&still->lock);
    pthread_cond_destroy(&still->moved);
    free(still);
}

/* a node that runs; its clock stands */
static inline lares_node *still_open(struct still **out, lares_options *set)
{
    static const struct lares__io_ops ops = {
        .now = still_now,
        .wall = still_wall,
        .entropy = still_entropy,
        .wait = still_wait,
        .wake = still_wake,
        .close = still_close,
    };
    struct still *still = calloc(1, sizeof *still);
    lares_node *node = NULL;

    check(still != NULL);
    check_ok(lares__io_uv_new(&still->real));
    still->io.ops = &ops;
    still->now = still->real->ops->now(still->real);
    check(pthread_mutex_init(&still->lock, NULL) == 0);
    check(pthread_cond_init(&still->moved, NULL) == 0);
    check_ok(lares__node_new("east", set, &still->io, 0, &node));
    lares_options_free(set);
    check_ok(lares_node_start(node));
    *out = still;
    return node;
}

/* lets time pass at once */
static inline void still_move(struct still *still, uint64_t ms)
{
    pthread_mutex_lock(&still->lock);
    still->now += ms * 1000000;
    still->until = 0;
    pthread_cond_signal(&still->moved);
    pthread_mutex_unlock(&still->lock);
}

/* does the loop sleep, until so many ms from now? */
static inline int still_sleeps(struct still *still, uint64_t ms)
{
    int sleeps;

    pthread_mutex_lock(&still->lock);
    sleeps = !still->woken && still->until != 0 &&
             still->until == still->now + ms * 1000000;
    pthread_mutex_unlock(&still->lock);
    return sleeps;
}

/* the clock runs again, from where it stands */
static inline void still_close_node(struct still *still, lares_node *node)
{
    pthread_mutex_lock(&still->lock);
    still->ahead = still->now - still->real->ops->now(still->real);
    still->now = 0;
    pthread_cond_signal(&still->moved);
    pthread_mutex_unlock(&still->lock);
    node_close(node);
}

#endif
