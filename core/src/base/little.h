/* little.h - integers in bytes: little-endian, at any address. */
#ifndef LARES_LITTLE_H
#define LARES_LITTLE_H

#include <stdint.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "integers in memory are the integers of the formats");

static inline uint16_t lares__little_u16(const uint8_t *data)
{
    uint16_t value;

    memcpy(&value, data, sizeof value);
    return value;
}

static inline uint32_t lares__little_u32(const uint8_t *data)
{
    uint32_t value;

    memcpy(&value, data, sizeof value);
    return value;
}

static inline uint64_t lares__little_u64(const uint8_t *data)
{
    uint64_t value;

    memcpy(&value, data, sizeof value);
    return value;
}

static inline void lares__little_set_u16(uint8_t *data, uint16_t value)
{
    memcpy(data, &value, sizeof value);
}

static inline void lares__little_set_u32(uint8_t *data, uint32_t value)
{
    memcpy(data, &value, sizeof value);
}

static inline void lares__little_set_u64(uint8_t *data, uint64_t value)
{
    memcpy(data, &value, sizeof value);
}

#endif
