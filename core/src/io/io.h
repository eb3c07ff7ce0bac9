/* io.h - the outside world behind one vtable: clock, entropy, waiting.
 *
 * Above this line nothing knows whether a node lives in the world of libuv
 * (io/uv) or in a simulated one (io/sim). Times are ns. */
#ifndef LARES_IO_IO_H
#define LARES_IO_IO_H

#include "lares.h"

struct lares__io {
    const struct lares__io_ops *ops;
};

struct lares__io_ops {
    /* any thread: a clock that never steps back, and unix time */
    uint64_t (*now)(struct lares__io *io);
    uint64_t (*wall)(struct lares__io *io);

    /* any thread: `len` bytes that nobody can foretell. EIO */
    lares_status (*entropy)(struct lares__io *io, void *out, size_t len);

    /* One thread at a time: blocks until wake was called since the last wait
     * that answered OK (OK), or until the deadline (ETIMEDOUT). A deadline in
     * the past only looks; UINT64_MAX is none. Several wakes may be one OK. */
    lares_status (*wait)(struct lares__io *io, uint64_t deadline_ns);

    /* Any thread: what it wrote before is seen by the wait that it ends. */
    void (*wake)(struct lares__io *io);

    /* The caller sees to it that no thread is inside, and none comes later:
     * a wake after close is a use after free. */
    void (*close)(struct lares__io *io);
};

/* Make the world of this machine: one libuv loop. out owned, ops->close.
 *
 * EIO, ENOMEM. When libuv itself finds no memory later, it ends the process. */
lares_status lares__io_uv_new(struct lares__io **out);

#endif
