/* hash.h - XXH3: of 64 bits for chains and tables, of 128 for bodies. */
#ifndef LARES_HASH_H
#define LARES_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Contiguous bytes in one shot: the hot path. */
uint64_t lares__hash64(const void *data, size_t len);
uint64_t lares__hash64_seeded(const void *data, size_t len, uint64_t seed);

struct lares__hash128 {
    uint64_t low;
    uint64_t high;
};

/* By value, so that it comes in registers. */
struct lares__hash128 lares__hash128(const void *data, size_t len);

/* The hash of head || data, where they do not lie side by side. */
uint64_t lares__hash64_joined(const void *head, size_t head_len,
                              const void *data, size_t len);

#endif
