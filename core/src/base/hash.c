/* xxhash.h is included here and in hash_wide.c, nowhere else. Both are built
 * with -O3 in every build type: gcc 12 at -O2 halves the speed of XXH3's path
 * for long inputs. */
#include "base/hash.h"

#include "base/hash_wide.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum {
    SHORT_MAX = 240 /* up to here XXH3 has no loop, and a copy is cheaper */
};

/* Only a loop gains by wide registers, and does from its first round on. */
static inline int is_wide(size_t len)
{
#ifdef LARES_HASH_WIDE
    return len > SHORT_MAX && __builtin_cpu_supports("avx2");
#else
    (void)len;
    return 0;
#endif
}

/* Not inlined: in code of another level it would lose this file's -O3. */
__attribute__((noinline)) uint64_t lares__hash64(const void *data, size_t len)
{
    return is_wide(len) ? lares__wide_hash64(data, len)
                        : XXH3_64bits(data, len);
}

uint64_t lares__hash64_seeded(const void *data, size_t len, uint64_t seed)
{
    return XXH3_64bits_withSeed(data, len, seed);
}

/* Not inlined, as above. */
__attribute__((noinline)) struct lares__hash128 lares__hash128(const void *data,
                                                               size_t len)
{
    XXH128_hash_t hash;

    if (is_wide(len))
        return lares__wide_hash128(data, len);
    hash = XXH3_128bits(data, len);
    return (struct lares__hash128){hash.low64, hash.high64};
}

static uint64_t hash_stream(const void *head, size_t head_len, const void *data,
                            size_t len)
{
    XXH3_state_t state;

    if (is_wide(head_len + len))
        return lares__wide_hash64_joined(head, head_len, data, len);
    XXH3_INITSTATE(&state);
    XXH3_64bits_reset(&state);
    XXH3_64bits_update(&state, head, head_len);
    XXH3_64bits_update(&state, data, len);
    return XXH3_64bits_digest(&state);
}

uint64_t lares__hash64_joined(const void *head, size_t head_len,
                              const void *data, size_t len)
{
    unsigned char joined[SHORT_MAX];

    if (head_len > SHORT_MAX || len > SHORT_MAX - head_len)
        return hash_stream(head, head_len, data, len);
    memcpy(joined, head, head_len);
    if (len > 0)
        memcpy(joined + head_len, data, len);
    return XXH3_64bits(joined, head_len + len);
}
