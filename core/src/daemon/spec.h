/* spec.h - the section of an image that says what to make: kind, name, options.
 *
 *    0 version of the state (4)   u8 len, kind   u8 len, name   count (2)
 *      count of: u8 len, key   u16 len, value; keys strictly ascending
 *
 * The options are those of the spawn; what the image holds elsewhere, its name
 * and its subscriptions, is not among them. */
#ifndef LARES_SPEC_H
#define LARES_SPEC_H

#include "daemon/image.h"

/* Is an option one of an image? Name, subscribe and publish have a place of
 * their own. */
int lares__spec_travels(const char *key, size_t len);

/* of an image's version, kind, name, and options or spec_options */
size_t lares__spec_len(const struct lares__image *image);
void lares__spec_encode(const struct lares__image *image, uint8_t *out);

/* Fills in those fields with views of `data`, which no pair and no byte
 * follows. EFORMAT; `out` may then be half written. */
lares_status lares__spec_decode(const uint8_t *data, size_t len,
                                struct lares__image *out);

/* EVERSION for an option, as decoded, that is not in `known`, which NULL ends,
 * or has no place in an image */
lares_status lares__spec_known(const struct lares__image *image,
                               const char *const known[]);

/* The decoded options as a set; owned. ENOMEM */
lares_status lares__spec_options(const struct lares__image *image,
                                 lares_options **out);

#endif
