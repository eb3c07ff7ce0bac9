/* hash_wide.h - XXH3 of long inputs by the wide registers of x86-64.
 *
 * The same results as hash.c, at twice the speed. Built where the compiler
 * knows -mavx2; to be called where the processor knows AVX2 as well. */
#ifndef LARES_HASH_WIDE_H
#define LARES_HASH_WIDE_H

#include "base/hash.h"

uint64_t lares__wide_hash64(const void *data, size_t len);
struct lares__hash128 lares__wide_hash128(const void *data, size_t len);
uint64_t lares__wide_hash64_joined(const void *head, size_t head_len,
                                   const void *data, size_t len);

#endif
