/* snapshot.h - a daemon as an image, and a host from one.
 *
 * Inside the daemon: the callback, and a copy of all else that makes it. The
 * author writes the state straight into the image, behind the place of its
 * other sections, and the same block is the daemon's new checkpoint. Digests
 * and signature come later (daemon/image.h), on whichever thread wants them. */
#ifndef LARES_SNAPSHOT_H
#define LARES_SNAPSHOT_H

#include "daemon/host.h"
#include "daemon/image.h"

enum {
    LARES__PORTRAIT_FEW = 256 /* bytes that need no block of their own */
};

/* All sections of an image but the state. It stays where it was taken: the
 * image may point into it. */
struct lares__portrait {
    struct lares__image image;
    uint8_t *bytes; /* what the image points to; owned, unless it is `few` */
    uint8_t few[LARES__PORTRAIT_FEW];
};

/* Of the thread inside, which also keeps the ledger from changing. `now` is
 * the monotonic clock, by which timers have time left. ENOMEM */
lares_status lares__portrait_take(struct lares__portrait *portrait,
                                  const struct lares__host *host, uint64_t wall,
                                  uint64_t now);
void lares__portrait_fini(struct lares__portrait *portrait);

/* What a pull kind's SNAPSHOT call, or the pushed one below, is made of:
 * portrait NULL saves a checkpoint alone. */
void lares__host_snapshot_offer(struct lares__host *host,
                                struct lares_call *call,
                                const struct lares__portrait *portrait,
                                uint64_t wall);
/* image_out NULL without a portrait, else owned. ESNAPSHOT with its text in
 * the detail, ETOOBIG, ENOMEM: the daemon and its checkpoint are as before. */
lares_status lares__host_snapshot_settle(struct lares__host *host,
                                         struct lares_call *call,
                                         lares_verdict verdict,
                                         struct lares__portrait *portrait,
                                         lares_bytes **image_out);

/* Both, of a kind with ops; of one that cannot snapshot only the portrait. */
lares_status
lares__host_snapshot(struct lares__host *host, struct lares_call *call,
                     struct lares__portrait *portrait, uint64_t wall,
                     const struct lares__clock *clock, lares_bytes **image_out);

/* Makes a fresh host the one of an image that was read, before create. The
 * state is copied. ESTATELESS, EMISSING, EVERSION, ENOMEM */
lares_status lares__host_adopt(struct lares__host *host,
                               const struct lares__image *image);

#endif
