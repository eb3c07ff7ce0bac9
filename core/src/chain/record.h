/* record.h - the bytes of an event with its address.
 *
 *    0 flags   1 c   2 g   3 zero   4 p (4)   8 receiver (8)   16 epoch (8)
 *   24 channel (c)   group (g)   link (32)   payload (p)
 *
 * Records stand back to back in a message, which says how many they are.
 */
#ifndef LARES_RECORD_H
#define LARES_RECORD_H

#include "chain/link.h"

/* Views: of the caller's memory to encode, of the message when decoded. */
struct lares__record {
    int direct;          /* for the receiver, else for the channel */
    const char *channel; /* not terminated; its spelling is checked elsewhere */
    size_t channel_len;
    const char *group;
    size_t group_len;
    uint64_t receiver; /* origin, 0 unless direct */
    uint64_t epoch;    /* at which the origin emitted it, from 1 */
    struct lares__link link;
    const void *data;
    size_t len;
};

/* Bytes that a record takes. */
size_t lares__record_encoded_len(const struct lares__record *record);

/* Write encoded_len bytes; out is untouched on EINVAL and ETOOBIG. */
lares_status lares__record_encode(const struct lares__record *record,
                                  uint8_t *out);

/* Whether data is count good records and not a byte more. EFORMAT, EVERSION.
 * After it reading them one by one cannot fail. */
lares_status lares__record_check(const void *data, size_t len, uint32_t count);

/* Read the first record and step behind it. EFORMAT, EVERSION. */
lares_status lares__record_next(const uint8_t **data, size_t *len,
                                struct lares__record *out);

#endif
