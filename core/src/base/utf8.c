#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

/* The second byte alone tells overlong forms, surrogates and what lies above
 * U+10FFFF from characters (RFC 3629, section 4). */
static int second_fits(uint8_t first, uint8_t second)
{
    uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;

    return second >= low && second <= high;
}

/* Length of the character that text begins with; 0 if it begins with none. */
static size_t character_len(const uint8_t *text, size_t len)
{
    size_t i, want;

    if (text[0] < 0x80)
        return 1;
    if (text[0] < 0xc2 || text[0] > 0xf4)
        return 0;
    want = text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : 4;
    if (len < want || !second_fits(text[0], text[1]))
        return 0;
    for (i = 2; i < want; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    return want;
}

/* Most text is ASCII: how much of its beginning, by eights. */
static size_t ascii_len(const uint8_t *text, size_t len)
{
    uint64_t eight;
    size_t at;

    for (at = 0; len - at >= sizeof eight; at += sizeof eight) {
        memcpy(&eight, text + at, sizeof eight);
        if ((eight & UINT64_C(0x8080808080808080)) != 0)
            break;
    }
    return at;
}

size_t lares__utf8_cut(const char *text, size_t len, size_t max)
{
    const uint8_t *bytes = (const uint8_t *)text;
    size_t limit = len < max ? len : max;
    size_t at = ascii_len(bytes, limit), step;

    while (at < limit && (step = character_len(bytes + at, limit - at)) > 0)
        at += step;
    return at;
}

void lares__utf8_clean(char *text)
{
    size_t len = strlen(text);
    size_t at = 0;

    while ((at += lares__utf8_cut(text + at, len - at, len - at)) < len)
        text[at++] = '?';
}
