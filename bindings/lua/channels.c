#include "channels.h"

#include <stdint.h>
#include <string.h>

/* Design notes
 *
 * An image is a table of sections, and one of them is the ledger:
 *
 *   0 "LARS"   4 format 1 (2)   16 count of sections (4)
 *  56 table, count of: tag (4)   flags (4)   length (8)   digest (32)
 * 120 + 48 count: the bodies in that order
 *
 * The ledger: length (1) and output channel, count (4), then of each pattern,
 * in their order: length (1), pattern, length (1), group, cursor (8).
 */

enum {
    TABLE = 56,
    ENTRY = 48,
    SIGNATURE = 64,
    SECTIONS_MAX = 16,
    TAG_LEDGER = 4,
    CURSOR = 8
};

/* What is left to read; data NULL: it ended too early. */
struct rest {
    const unsigned char *data;
    size_t len;
};

static uint64_t little(const unsigned char *data, int bytes)
{
    uint64_t value = 0;

    while (bytes-- > 0)
        value = value << 8 | data[bytes];
    return value;
}

static const unsigned char *rest_take(struct rest *rest, size_t len)
{
    const unsigned char *data = rest->data;

    if (data == NULL || len > rest->len) {
        rest->data = NULL;
        return NULL;
    }
    rest->data += len;
    rest->len -= len;
    return data;
}

static void name_take(struct rest *rest, char out[LARES__CHANNEL_SIZE])
{
    const unsigned char *data = rest_take(rest, 1);
    size_t len = data != NULL ? *data : 0;

    data = rest_take(rest, len);
    if (data != NULL)
        memcpy(out, data, len);
    out[data != NULL ? len : 0] = '\0';
}

static int ledger_find(struct rest image, struct rest *out)
{
    const unsigned char *head = rest_take(&image, TABLE), *entry;
    size_t count, i;

    if (head == NULL || memcmp(head, "LARS\1\0", 6) != 0)
        return 0;
    count = (size_t)little(head + 16, 4);
    if (count > SECTIONS_MAX ||
        rest_take(&image, count * ENTRY + SIGNATURE) == NULL)
        return 0;
    for (i = 0; i < count; i++) {
        entry = head + TABLE + i * ENTRY;
        out->len = (size_t)little(entry + 8, 8);
        out->data = rest_take(&image, out->len);
        if (out->data != NULL && little(entry, 4) == TAG_LEDGER)
            return 1;
    }
    return 0;
}

/* The end of a channel comes with it, and is no other. */
static int is_end_of(const char *channel, const char *name)
{
    size_t len = strlen(channel);

    return strncmp(name, channel, len) == 0 && strcmp(name + len, ".end") == 0;
}

static void pattern_add(struct lares__channels *channels, const char *name)
{
    if (strpbrk(name, "*>") != NULL)
        return;
    if (channels->first[0] == '\0')
        strcpy(channels->first, name);
    else if (!is_end_of(channels->first, name))
        channels->several = 1;
}

int lares__channels_read(const void *data, size_t len,
                         struct lares__channels *out)
{
    char pattern[LARES__CHANNEL_SIZE], group[LARES__CHANNEL_SIZE];
    struct rest rest = {data, len};
    const unsigned char *count;
    uint64_t left;

    memset(out, 0, sizeof *out);
    if (!ledger_find(rest, &rest))
        return 0;
    name_take(&rest, out->output);
    count = rest_take(&rest, 4);
    for (left = count != NULL ? little(count, 4) : 0; left > 0; left--) {
        name_take(&rest, pattern);
        name_take(&rest, group);
        if (rest_take(&rest, CURSOR) == NULL)
            return 0;
        pattern_add(out, pattern);
    }
    return rest.data != NULL;
}
