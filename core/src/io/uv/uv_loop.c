#include "io/io.h"

#include "base/alloc.h"
#include "base/error.h"
#include "io/uv/uv_entropy.h"

#include <assert.h>
#include <stdatomic.h>
#include <time.h>
#include <uv.h>

/* Design notes
 * - `woken` is the truth, libuv's async only ends the poll. It is set before
 *   the async is sent and looked at after every poll, so neither a wake before
 *   a wait nor one during it is lost, and a poll that ends for nothing only
 *   goes round once more.
 * - A wake that finds it set costs one atomic exchange. It has to be an
 *   exchange, not a look: only a read-modify-write orders what the caller
 *   wrote before it against the wait that takes the flag.
 * - libuv counts in whole ms from a time of its own, and may end the poll up
 *   to 1 ms before a deadline: the clock decides, not the timer. */
struct uv_io {
    struct lares__io io; /* first: the address of both is the same */
    uv_loop_t loop;
    uv_async_t async;
    uv_timer_t timer;
    atomic_int woken;
};

enum {
    NS_PER_MS = 1000000,
    NS_PER_S = 1000000000
};

static uint64_t clock_read(clockid_t clock)
{
    struct timespec time;
    int rc = clock_gettime(clock, &time);

    assert(rc == 0);
    (void)rc;
    return (uint64_t)time.tv_sec * NS_PER_S + (uint64_t)time.tv_nsec;
}

/* deadlines are measured by it, so it is exact: 22 ns a call */
static uint64_t uv_io_now(struct lares__io *io)
{
    (void)io;
    return clock_read(CLOCK_MONOTONIC);
}

/* Each crossing reads it, to stamp what it emits; a stamp that is some ms old
 * serves as well as an exact one, and takes 5 ns instead of 22. */
static uint64_t uv_io_wall(struct lares__io *io)
{
    (void)io;
    return clock_read(CLOCK_REALTIME_COARSE);
}

static lares_status uv_io_entropy(struct lares__io *io, void *out, size_t len)
{
    (void)io;
    return lares__uv_entropy(out, len);
}

/* the poll that a fired handle ends needs nothing else from it */
static void on_async(uv_async_t *async)
{
    (void)async;
}

/* A timer that is late runs before the poll, which would then wait for the
 * async alone: the poll is told to only look. */
static void on_timer(uv_timer_t *timer)
{
    uv_stop(timer->loop);
}

/* one poll, until something happens or the deadline is near */
static void uv_io_poll(struct uv_io *uv, uint64_t now, uint64_t deadline)
{
    uint64_t left = deadline - now;
    int rc;

    if (deadline == UINT64_MAX) {
        uv_run(&uv->loop, UV_RUN_ONCE);
        return;
    }
    uv_update_time(&uv->loop);
    rc = uv_timer_start(&uv->timer, on_timer,
                        left / NS_PER_MS + (left % NS_PER_MS > 0), 0);
    assert(rc == 0);
    (void)rc;
    uv_run(&uv->loop, UV_RUN_ONCE);
    uv_timer_stop(&uv->timer);
}

static lares_status uv_io_wait(struct lares__io *io, uint64_t deadline)
{
    struct uv_io *uv = (struct uv_io *)io;

    while (atomic_exchange(&uv->woken, 0) == 0) {
        uint64_t now = uv_io_now(io);

        if (now >= deadline)
            return LARES_ETIMEDOUT;
        uv_io_poll(uv, now, deadline);
    }
    return LARES_OK;
}

static void uv_io_wake(struct lares__io *io)
{
    struct uv_io *uv = (struct uv_io *)io;

    if (atomic_exchange(&uv->woken, 1) != 0)
        return;
    /* libuv 1.44 looks at its own flag by a plain load, and sends nothing if
     * that is set: the load must not come before our flag is seen. */
    atomic_thread_fence(memory_order_seq_cst);
    uv_async_send(&uv->async);
}

static void uv_io_close(struct lares__io *io)
{
    struct uv_io *uv = (struct uv_io *)io;
    int rc;

    uv_close((uv_handle_t *)&uv->async, NULL);
    uv_close((uv_handle_t *)&uv->timer, NULL);
    uv_run(&uv->loop, UV_RUN_DEFAULT);
    rc = uv_loop_close(&uv->loop);
    assert(rc == 0);
    (void)rc;
    lares__free(uv);
}

static const struct lares__io_ops uv_io_ops = {
    .now = uv_io_now,
    .wall = uv_io_wall,
    .entropy = uv_io_entropy,
    .wait = uv_io_wait,
    .wake = uv_io_wake,
    .close = uv_io_close,
};

static lares_status uv_refused(int rc)
{
    if (rc == UV_ENOMEM)
        return LARES_ENOMEM;
    return lares__error(LARES_EIO, "event loop: %s", uv_strerror(rc));
}

lares_status lares__io_uv_new(struct lares__io **out)
{
    struct uv_io *uv = lares__alloc(sizeof *uv);
    int rc;

    if (uv == NULL)
        return LARES_ENOMEM;
    uv->io.ops = &uv_io_ops;
    atomic_init(&uv->woken, 0);
    rc = uv_loop_init(&uv->loop);
    if (rc < 0)
        goto fail_alloc;
    rc = uv_async_init(&uv->loop, &uv->async, on_async);
    if (rc < 0)
        goto fail_loop;
    rc = uv_timer_init(&uv->loop, &uv->timer);
    assert(rc == 0);
    *out = &uv->io;
    return LARES_OK;

fail_loop:
    uv_loop_close(&uv->loop);
fail_alloc:
    lares__free(uv);
    return uv_refused(rc);
}
