/* envelope.h - the pooled block that holds one event.
 *
 *   | next refs len … | input | link (32) | payload (len) | channel \0 |
 *                               `--- one contiguous hash ---'
 *
 * An envelope is written once, linked once, and then moves by pointer.
 * Receivers share it; what differs between them stands in their inputs. */
#ifndef LARES_ENVELOPE_H
#define LARES_ENVELOPE_H

#include "base/pool.h"
#include "chain/link.h"
#include "lares.h"

#include <stdatomic.h>

struct lares__reply;

enum {
    LARES__INPUT_POOLED = 1, /* a block of its own, not inside an envelope */
    LARES__INPUT_POKE = 2,   /* no event: "look at this receiver" */
    LARES__INPUT_HOLE = 4,   /* its sender gave up: settled, not shown */
    LARES__INPUT_REPEAT = 8, /* was shown before: settled, not shown */
    LARES__INPUT_FORK = 16,  /* its chain has a second event there */
    LARES__INPUT_KEPT = 32, /* committed: its receiver keeps it for a rebuild */
    LARES__INPUT_FIRING = 64 /* of a timer, whose id is its sequence */
};

/* An event on its way to one receiver, and in that one's mailbox. */
struct lares__input {
    struct lares__input *next;
    struct lares__envelope *event;
    void *to;                   /* the receiver; its floor is above */
    struct lares__reply *reply; /* of a deliver, else NULL */
    uint64_t arrival;           /* 0: not given yet */
    uint32_t cost;              /* units of 64 bytes, 0: needs no space */
    uint16_t outputs;           /* emitted by it, once it is finished */
    uint16_t flags;             /* LARES__INPUT_* */
};

struct lares__envelope {
    struct lares__envelope *next; /* in a list of outputs */
    atomic_uint refs;
    uint32_t len;
    uint64_t hash;
    uint64_t received_at;
    uint8_t class;
    uint8_t channel_len;       /* 0: on no channel */
    uint8_t direct;            /* sent or delivered to one daemon */
    struct lares__input input; /* of its first receiver */
    struct lares__link link;
    unsigned char data[];
};

enum {
    LARES__PAYLOAD_MAX = 16777216
};

/* One reference, link and hash unset, payload to be written. NULL without
 * memory. cache NULL: from the heap. channel is copied behind the payload. */
struct lares__envelope *lares__envelope_new(struct lares__pool_cache *cache,
                                            size_t len, const char *channel,
                                            size_t channel_len);

void lares__envelope_retain(struct lares__envelope *envelope, unsigned count);
/* hot path: the last holder needs no read-modify-write */
static inline void lares__envelope_release(struct lares__envelope *envelope,
                                           struct lares__pool_cache *cache)
{
    if (atomic_load_explicit(&envelope->refs, memory_order_acquire) == 1 ||
        atomic_fetch_sub_explicit(&envelope->refs, 1, memory_order_acq_rel) ==
            1)
        lares__pool_put(cache, envelope->class, envelope);
}

/* Links an event behind the head, hashes it, and moves the head to it. */
void lares__envelope_link(struct lares__envelope *envelope,
                          struct lares__head *head, uint64_t sketch);

/* the name of the channel, NULL for a direct event */
const char *lares__envelope_channel(const struct lares__envelope *envelope);

void lares__envelope_view(const struct lares__envelope *envelope,
                          uint64_t arrival, lares_event *out);

/* an input for one more receiver of an event, NULL without memory */
struct lares__input *lares__input_new(struct lares__pool_cache *cache);
static inline void lares__input_free(struct lares__input *input,
                                     struct lares__pool_cache *cache)
{
    struct lares__envelope *event = input->event;

    if (input->flags & LARES__INPUT_POOLED)
        lares__pool_put(cache, 0, input);
    lares__envelope_release(event, cache);
}

#endif
