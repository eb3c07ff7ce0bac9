/* manifest.h - the head of an image: header, table of sections, signature.
 *
 *    0 "LARS"   4 format (2)   6 flags (2)   8 length of all (8)
 *   16 n (4)   20 zero (4)   24 public key (32)
 *   56 table, n of: tag (4)   flags (4)   length (8)   digest (32)
 *   56 + 48 n signature (64) over a label, header and table
 *  120 + 48 n bodies in the order of the table
 *
 * It says where each body lies, and vouches for it; what a body means is
 * image.c's. */
#ifndef LARES_MANIFEST_H
#define LARES_MANIFEST_H

#include "daemon/image.h"

/* tags of sections, ascending */
enum {
    LARES__TAG_HEAD = 1,
    LARES__TAG_SPEC = 2,
    LARES__TAG_HORIZON = 3,
    LARES__TAG_LEDGER = 4, /* up to here they are always there */
    LARES__TAG_FORK = 5,   /* known, and not handled yet */
    LARES__TAG_OUTBOX = 6,
    LARES__TAG_TIMERS = 7,
    LARES__TAG_STATE = 64, /* always last */
    LARES__TAGS = 8        /* how many of them there are */
};

enum {
    LARES__IMAGE_HEAD_LEN = 64 /* the body of the first section */
};

struct lares__section {
    uint32_t tag;
    size_t len;
};

/* Bytes of the manifest of `count` sections. */
size_t lares__manifest_len(uint32_t count);

/* Write them, digests and signature zero; all sections are required. */
void lares__manifest_write(const uint8_t public[LARES__KEY_LEN],
                           const struct lares__section *sections,
                           uint32_t count, uint8_t *out);

/* A body of an image; data NULL: the image has no such section. */
struct lares__body {
    const uint8_t *data;
    size_t len;
    uint64_t digest; /* its first 8 bytes */
};

struct lares__manifest {
    const uint8_t *public;
    struct lares__body head, spec, horizon, ledger, outbox, timers, state;
};

/* Steps 1 to 5 of reading: all but what the bodies say. EFORMAT, EVERSION,
 * ETOOBIG, EIDENTITY, ESIGNATURE, EDIGEST; out is written on success. */
lares_status lares__manifest_read(const uint8_t *data, size_t len,
                                  const struct lares__image_rules *rules,
                                  struct lares__manifest *out);

#endif
