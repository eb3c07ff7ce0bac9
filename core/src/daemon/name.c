#include "daemon/name.h"

#include "base/error.h"
#include "base/utf8.h"

#include <string.h>

enum {
    KIND_MAX = 64,
    NODE_MAX = 63,
    SHOWN_MAX = 64 /* bytes of a bad value that its detail repeats */
};

/* what a byte may be part of */
enum {
    TOKEN = 1, /* of a channel, pattern or group */
    KIND = 2,
    KIND_FIRST = 4,
    NODE = 8,
    NODE_FIRST = 16,
    U = TOKEN, /* upper case, lower case, digits */
    L = TOKEN | KIND | KIND_FIRST | NODE | NODE_FIRST,
    D = TOKEN | KIND | NODE | NODE_FIRST
};

/* clang-format off */
static const uint8_t classes[256] = {
    ['-'] = TOKEN | KIND | NODE, ['/'] = TOKEN, ['_'] = TOKEN | KIND,
    ['0'] = D, D, D, D, D, D, D, D, D, D,
    ['A'] = U, U, U, U, U, U, U, U, U, U, U, U, U,
            U, U, U, U, U, U, U, U, U, U, U, U, U,
    ['a'] = L, L, L, L, L, L, L, L, L, L, L, L, L,
            L, L, L, L, L, L, L, L, L, L, L, L, L,
};
/* clang-format on */

/* A bad name may be anything; its detail stays one line. */
static lares_status name_refuse(const char *noun, const char *name,
                                const char *rule)
{
    char shown[SHOWN_MAX + 1];
    size_t len = 0;

    for (; len < SHOWN_MAX && name[len] != '\0'; len++)
        shown[len] = (uint8_t)name[len] < ' ' ? '?' : name[len];
    shown[len] = '\0';
    return lares__error(LARES_ENAME, "%s '%s': %s", noun, shown, rule);
}

static int is_class(char byte, uint8_t class)
{
    return (classes[(uint8_t)byte] & class) != 0;
}

/* the end of the token that begins at `at`; `at` itself if none does */
static const char *token_end(const char *at, int wild)
{
    if (wild && (*at == '*' || (*at == '>' && at[1] == '\0')))
        return at + 1;
    while (is_class(*at, TOKEN))
        at++;
    return at;
}

/* the length of a well spelled channel or (wild) pattern, else 0 */
static size_t spelling_len(const char *name, int wild)
{
    int dollar = name[0] == '$';
    const char *at = name + dollar;
    const char *end = token_end(at, wild && !dollar);

    for (int tokens = 1; end > at && tokens <= LARES__TOKENS_MAX; tokens++) {
        if (*end == '\0')
            return (size_t)(end - name);
        if (*end != '.')
            return 0;
        at = end + 1;
        end = token_end(at, wild);
    }
    return 0;
}

/* hot path: no allocation, one pass */
lares_status lares__channel_check(const char *name, size_t *len_out)
{
    size_t len = spelling_len(name, 0);

    if (len == 0 || len > LARES__CHANNEL_MAX)
        return name_refuse("channel", name,
                           "1-16 tokens of A-Z a-z 0-9 _ - / joined by dots, "
                           "at most 255 bytes");
    *len_out = len;
    return LARES_OK;
}

int lares__channel_reserved(const char *name)
{
    return name[0] == '$';
}

lares_status lares__pattern_check(const char *pattern)
{
    size_t len = spelling_len(pattern, 1);

    if (len == 0 || len > LARES__CHANNEL_MAX)
        return name_refuse("pattern", pattern,
                           "a channel name in which whole tokens may be '*', "
                           "and the last '>'");
    return LARES_OK;
}

int lares__pattern_matches(const char *pattern, const char *channel)
{
    if (channel[0] == '$' && pattern[0] != '$')
        return 0;
    while (*channel != '\0') {
        if (*pattern == '>')
            return 1;
        if (*pattern == '*') {
            pattern++;
            channel += strcspn(channel, ".");
        } else if (*pattern++ != *channel++) {
            return 0;
        }
    }
    return *pattern == '\0';
}

static int is_word(const char *name, uint8_t first, uint8_t rest, size_t max)
{
    size_t len = 1;

    if (!is_class(name[0], first))
        return 0;
    while (is_class(name[len], rest))
        len++;
    return name[len] == '\0' && len <= max;
}

lares_status lares__group_check(const char *name)
{
    if (!is_word(name, TOKEN, TOKEN, LARES__CHANNEL_MAX))
        return name_refuse("group", name, "1-255 bytes of A-Z a-z 0-9 _ - /");
    return LARES_OK;
}

static lares_status kind_check(const char *noun, const char *name)
{
    if (!is_word(name, KIND_FIRST, KIND, KIND_MAX))
        return name_refuse(noun, name,
                           "1-64 bytes of a-z 0-9 _ -, the first a letter");
    return LARES_OK;
}

lares_status lares__kind_check(const char *name)
{
    return kind_check("kind", name);
}

lares_status lares__daemon_name_check(const char *name)
{
    return kind_check("daemon name", name);
}

lares_status lares__node_name_check(const char *name)
{
    if (!is_word(name, NODE_FIRST, NODE, NODE_MAX))
        return name_refuse("node name", name,
                           "1-63 bytes of a-z 0-9 -, the first no hyphen");
    return LARES_OK;
}

lares_status lares__handler_check(const char *name)
{
    size_t len = strlen(name);
    int fits = len > 0 && len <= LARES__HANDLER_NAME &&
               lares__utf8_cut(name, len, len) == len;

    for (size_t i = 0; fits && i < len; i++)
        fits = (uint8_t)name[i] >= ' ' && name[i] != 0x7f;
    if (!fits)
        return name_refuse("handler", name,
                           "1-63 bytes of UTF-8 without control characters");
    return LARES_OK;
}
