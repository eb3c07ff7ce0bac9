/* key.h - a key object: an identity that is held, not copied.
 *
 * A key object is a public key, its two 64-bit names, and, unless it is
 * read-only, a secret in the vault. Every holder has a reference; the process
 * holds each secret once, so the seed of a living identity gives another
 * reference to the same object. Any thread may use it.
 */
#ifndef LARES_KEY_H
#define LARES_KEY_H

#include "lares.h"

enum {
    LARES__KEY_LEN = 32, /* of a public key, and of a seed */
    LARES__SIGNATURE_LEN = 64
};

/* out is one reference, lares__key_release. EINVAL, EIO, ENOMEM. */
lares_status lares__key_from_seed(const uint8_t seed[LARES__KEY_LEN],
                                  lares_key **out);

/* A read-only key. EINVAL unless public is a point of the curve. */
lares_status lares__key_from_public(const uint8_t public[LARES__KEY_LEN],
                                    lares_key **out);

/* EKEY unless the secret of public is alive in this process. */
lares_status lares__key_find(const uint8_t public[LARES__KEY_LEN],
                             lares_key **out);

lares_key *lares__key_retain(lares_key *key);
void lares__key_release(lares_key *key); /* the last one wipes the secret */

/* The origin of a public key, whether or not it is a point of the curve. */
uint64_t lares__key_origin_of(const uint8_t public[LARES__KEY_LEN]);

uint64_t lares__key_origin(const lares_key *key);
uint64_t lares__key_node_name(const lares_key *key);
const uint8_t *lares__key_public(const lares_key *key);

/* Deterministic. EKEY for a read-only key. */
lares_status lares__key_sign(const lares_key *key, const void *data, size_t len,
                             uint8_t signature[LARES__SIGNATURE_LEN]);

/* Strict; ESIGNATURE. */
lares_status lares__key_verify(const uint8_t public[LARES__KEY_LEN],
                               const void *data, size_t len,
                               const uint8_t signature[LARES__SIGNATURE_LEN]);

/* The one way of a secret out of the vault: the caller wipes out. EKEY. */
lares_status lares__key_seed(const lares_key *key, uint8_t out[LARES__KEY_LEN]);

#endif
