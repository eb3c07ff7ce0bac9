/* image.h - a daemon as one string of bytes, and such bytes read again.
 *
 * A manifest (daemon/manifest.h), then the bodies: head, spec (daemon/spec.h),
 * horizon, ledger, outbox unless it is empty, timers if one was ever started,
 * and last the state of a kind that has one.
 *
 * Of its two forms the signed one is for what leaves: BLAKE2b-256 of each body,
 * and a signature over the table. The plain form stays inside the process or
 * on a trusted link: XXH3-128, no signature; nodes write it once daemons move.
 *
 * Writing and sealing are two steps: what is copied inside the daemon is all
 * but its state, which its author has written in place; hashing and signing,
 * which take long, happen outside. */
#ifndef LARES_IMAGE_H
#define LARES_IMAGE_H

#include "chain/link.h"
#include "daemon/kinds.h"
#include "identity/key.h"
#include "lares.h"

/* Views of the caller's memory when written, of the image when read; texts are
 * not terminated. */
struct lares__image {
    uint8_t public[LARES__KEY_LEN];
    int has_state;
    struct lares__head head;
    uint64_t epoch;
    uint64_t arrival;
    uint64_t taken_at; /* unix ns */
    uint32_t version;  /* of the state */
    const char *kind;
    size_t kind_len;
    const char *name;
    size_t name_len;
    /* To write; name, subscribe and publish stay behind. NULL: the encoded
     * pairs as they stand, which are what is read. */
    const lares_options *options;
    const uint8_t *spec_options;
    size_t spec_options_len;
    uint16_t option_count;
    const uint8_t *horizon; /* encoded, as are ledger and timers */
    size_t horizon_len;
    const uint8_t *ledger;
    size_t ledger_len;
    uint32_t outbox_count;
    const uint8_t *outbox; /* event records, without their count */
    size_t outbox_len;
    const uint8_t *timers; /* timers_len 0: no such section */
    size_t timers_len;
    const uint8_t *state; /* not read to write: it stands in its place */
    size_t state_len;
};

/* How many bytes stand before the state: manifest and all other bodies. */
size_t lares__image_prefix(const struct lares__image *image);

/* Write those bytes, digests and signature still zero. The state, of state_len
 * bytes, is put at out + prefix by the caller. */
void lares__image_write(const struct lares__image *image, uint8_t *out);

/* Fill in digests and signature, in place and on any thread: it takes time.
 * With a key the signed form, EKEY for a read-only one; NULL: the plain form.
 */
lares_status lares__image_seal(uint8_t *data, size_t len, const lares_key *key);

struct lares__image_rules {
    const uint8_t *identity;  /* the public key that is expected, or NULL */
    int plain;                /* the plain form is accepted, and only it */
    uint64_t max;             /* bytes; beyond it ETOOBIG */
    const char *const *known; /* options, NULL-ended; NULL: any */
};

/* Check all of it; out is written on success only. EFORMAT, EVERSION, ETOOBIG,
 * EIDENTITY, ESIGNATURE, EDIGEST, EPARENT, ENOMEM. */
lares_status lares__image_read(const void *data, size_t len,
                               const struct lares__image_rules *rules,
                               struct lares__image *out);

/* A name of an image that was read, terminated. */
void lares__image_name(char out[LARES__NAME_MAX + 1], const char *name,
                       size_t len);

/* The options of an image that was read; owned, lares__options_free. ENOMEM.
 */
lares_status lares__image_options(const struct lares__image *image,
                                  lares_options **out);

#endif
