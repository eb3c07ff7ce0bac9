#include "base/base64.h"

#include <stdint.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                             "abcdefghijklmnopqrstuvwxyz0123456789+/";

enum {
    NO_DIGIT = 64
};

void lares__base64_encode(const void *data, size_t len, char *out)
{
    const uint8_t *bytes = data;

    for (size_t at = 0; at < len; at += 3, out += 4) {
        size_t left = len - at;
        uint32_t bits = (uint32_t)bytes[at] << 16;

        bits |= left > 1 ? (uint32_t)bytes[at + 1] << 8 : 0;
        bits |= left > 2 ? bytes[at + 2] : 0;
        out[0] = digits[bits >> 18];
        out[1] = digits[bits >> 12 & 63];
        out[2] = left > 1 ? digits[bits >> 6 & 63] : '=';
        out[3] = left > 2 ? digits[bits & 63] : '=';
    }
}

static uint32_t digit_value(char digit)
{
    if (digit >= 'A' && digit <= 'Z')
        return (uint32_t)(digit - 'A');
    if (digit >= 'a' && digit <= 'z')
        return (uint32_t)(digit - 'a') + 26;
    if (digit >= '0' && digit <= '9')
        return (uint32_t)(digit - '0') + 52;
    return digit == '+' ? 62 : digit == '/' ? 63 : NO_DIGIT;
}

/* Four characters, of which the last `pad` are padding. */
static int four_decode(const char *text, size_t pad, uint8_t *out)
{
    uint32_t bits = 0;
    uint32_t wrong = 0;

    for (size_t i = 0; i < 4 - pad; i++) {
        uint32_t value = digit_value(text[i]);

        wrong |= value & NO_DIGIT;
        bits |= value << (18 - 6 * i);
    }
    out[0] = (uint8_t)(bits >> 16);
    if (pad < 2)
        out[1] = (uint8_t)(bits >> 8);
    if (pad < 1)
        out[2] = (uint8_t)bits;
    /* what the padding leaves over is zero: one text for the same bytes */
    return wrong == 0 && (bits & ((UINT32_C(1) << (8 * pad)) - 1)) == 0;
}

int lares__base64_decode(const char *text, size_t len, void *out,
                         size_t *len_out)
{
    uint8_t *bytes = out;
    size_t pad = 0;

    if (len % 4 != 0)
        return 0;
    while (pad < 2 && pad < len && text[len - 1 - pad] == '=')
        pad++;
    for (size_t at = 0; at < len; at += 4, bytes += 3)
        if (!four_decode(text + at, at + 4 == len ? pad : 0, bytes))
            return 0;
    *len_out = len / 4 * 3 - pad;
    return 1;
}
