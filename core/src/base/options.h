/* options.h - pairs of text for whatever opens a thing.
 *
 * A set checks the form of its keys and its bounds. Whoever is handed one
 * reads it: first `known`, which refuses keys that it has never heard of, then
 * the typed readers. A missing set (NULL) reads as an empty one.
 */
#ifndef LARES_OPTIONS_H
#define LARES_OPTIONS_H

#include "lares.h"

enum {
    LARES__OPTIONS_MAX = 64,
    LARES__OPTIONS_KEY_MAX = 64,    /* bytes */
    LARES__OPTIONS_VALUE_MAX = 4096 /* bytes */
};

lares_status lares__options_new(lares_options **out); /* ENOMEM */
lares_status lares__options_copy(const lares_options *options,
                                 lares_options **out); /* ENOMEM */
void lares__options_free(lares_options *options);

/* A second value for a key replaces the first. ENAME, ETOOBIG, ELIMIT,
 * ENOMEM; the set is then as it was. */
lares_status lares__options_set(lares_options *options, const char *key,
                                const char *value);

/* Are these bytes lower-case words joined by dots, and not too many? */
int lares__options_key_formed(const char *key, size_t len);

/* Borrowed from options; NULL without that key. */
const char *lares__options_get(const lares_options *options, const char *key);

/* The pairs stand in the order in which their keys were first set. */
size_t lares__options_count(const lares_options *options);
void lares__options_at(const lares_options *options, size_t index,
                       const char **key_out, const char **value_out);

/* EOPTION for a key that is not in known, which NULL ends. */
lares_status lares__options_known(const lares_options *options,
                                  const char *const known[]);

/* Read a decimal number; without the key inout keeps what stands in it.
 * ERANGE when it is no number from min to max. */
lares_status lares__options_u64(const lares_options *options, const char *key,
                                uint64_t min, uint64_t max, uint64_t *inout);

/* Read true or false, as 1 or 0, in the same way. */
lares_status lares__options_flag(const lares_options *options, const char *key,
                                 int *inout);

#endif
