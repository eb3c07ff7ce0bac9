/* Compiled for AVX2 where that exists (core/CMakeLists.txt), so nothing here
 * may run before hash.c has asked the processor. */
#include "base/hash_wide.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t lares__wide_hash64(const void *data, size_t len)
{
    return XXH3_64bits(data, len);
}

struct lares__hash128 lares__wide_hash128(const void *data, size_t len)
{
    XXH128_hash_t hash = XXH3_128bits(data, len);

    return (struct lares__hash128){hash.low64, hash.high64};
}

uint64_t lares__wide_hash64_joined(const void *head, size_t head_len,
                                   const void *data, size_t len)
{
    XXH3_state_t state;

    XXH3_INITSTATE(&state);
    XXH3_64bits_reset(&state);
    XXH3_64bits_update(&state, head, head_len);
    XXH3_64bits_update(&state, data, len);
    return XXH3_64bits_digest(&state);
}
