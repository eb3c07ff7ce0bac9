/* hex.h - golden vectors stand in the tests as they do in the contract. */
#ifndef HEX_H
#define HEX_H

#include "support/check.h"

#include <stdlib.h>

static inline uint8_t hex_digit(char digit)
{
    const char *digits = "0123456789abcdef";
    const char *at = strchr(digits, digit);

    check(digit != '\0' && at != NULL);
    return (uint8_t)(at - digits);
}

/* The bytes that text spells; their number is the result. */
static inline size_t hex_read(const char *text, uint8_t *out)
{
    size_t i, len = strlen(text) / 2;

    for (i = 0; i < len; i++)
        out[i] =
            (uint8_t)(hex_digit(text[2 * i]) * 16 + hex_digit(text[2 * i + 1]));
    return len;
}

/* data is exactly what text spells. */
static inline void check_hex(const void *data, size_t len, const char *text)
{
    uint8_t *expected = malloc(strlen(text) / 2 + 1);

    check_u64(len, hex_read(text, expected));
    check_mem(data, expected, len);
    free(expected);
}

#endif
