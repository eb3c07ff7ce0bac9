/* Names: a pattern, a line feed, a channel. */
#include "fuzz.h"

#include "daemon/name.h"

/* A text of its own block, to be freed; it ends at its first 0 byte. */
static char *text_new(const uint8_t *data, size_t len)
{
    char *text = (char *)block_new(len + 1);

    if (len > 0)
        memcpy(text, data, len);
    text[len] = '\0';
    return text;
}

/* -- the rule in other words: token by token -- */

static size_t token_len(const char *text)
{
    return strcspn(text, ".");
}

static int token_matches(const char *pattern, const char *channel)
{
    size_t len = token_len(pattern);

    if (len == 1 && *pattern == '*')
        return 1;
    return len == token_len(channel) && memcmp(pattern, channel, len) == 0;
}

static int matches(const char *pattern, const char *channel)
{
    if (*channel == '$' && *pattern != '$')
        return 0;
    for (;;) {
        if (*pattern == '>')
            return 1;
        if (!token_matches(pattern, channel))
            return 0;
        pattern += token_len(pattern);
        channel += token_len(channel);
        if (*pattern == '\0' || *channel == '\0')
            return *pattern == *channel;
        pattern++;
        channel++;
    }
}

/* -- the rules -- */

static int is_channel(const char *name)
{
    size_t len = 0;
    int good = lares__channel_check(name, &len) == LARES_OK;

    promise(!good || (len == strlen(name) && len <= LARES__CHANNEL_MAX));
    promise(!good || lares__pattern_check(name) == LARES_OK);
    return good;
}

/* Each is right or ENAME, and what is a word to one is not too long. */
static void words_check(const char *name)
{
    static lares_status (*const rules[])(const char *) = {
        lares__group_check,
        lares__kind_check,
        lares__daemon_name_check,
        lares__node_name_check,
    };

    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        lares_status rc = rules[i](name);

        promise(rc == LARES_OK || rc == LARES_ENAME);
        promise(rc < 0 || (*name != '\0' && strlen(name) <= 255));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const uint8_t *line = len > 0 ? memchr(data, '\n', len) : NULL;
    size_t first = line != NULL ? (size_t)(line - data) : len;
    size_t second = line != NULL ? len - first - 1 : 0;
    char *pattern = text_new(data, first);
    char *channel = text_new(data + (len - second), second);
    int good = lares__pattern_check(pattern) == LARES_OK;

    words_check(pattern);
    (void)is_channel(pattern);
    if (is_channel(channel) && good)
        promise(!lares__pattern_matches(pattern, channel) ==
                !matches(pattern, channel));
    free(channel);
    free(pattern);
    return 0;
}
