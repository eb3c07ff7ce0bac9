#include "daemon/ledger.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/little.h"
#include "base/reader.h"
#include "daemon/name.h"

#include <assert.h>
#include <string.h>

/* The bytes: u8 len, output | u32 count | entries. An entry is
 * u8 len, pattern | u8 len, group | u64 cursor. */
enum {
    EMPTY_SIZE = 5,
    ENTRY_SIZE = 10, /* without its names */
    ENTRY_MIN = 11,
    ROOM_MIN = 4
};

void lares__ledger_init(struct lares__ledger *ledger)
{
    *ledger = (struct lares__ledger){0};
}

void lares__ledger_fini(struct lares__ledger *ledger)
{
    for (uint32_t i = 0; i < ledger->count; i++)
        lares__free(ledger->entries[i]);
    lares__free(ledger->entries);
    lares__free(ledger->output);
    lares__ledger_init(ledger);
}

lares_status lares__ledger_set_output(struct lares__ledger *ledger,
                                      const char *channel)
{
    char *copy = NULL;

    if (channel != NULL && (copy = lares__strdup(channel)) == NULL)
        return LARES_ENOMEM;
    lares__free(ledger->output);
    ledger->output = copy;
    return LARES_OK;
}

static struct lares__ledger_entry *entry_new(const char *pattern,
                                             const char *group)
{
    size_t pattern_size = strlen(pattern) + 1;
    size_t group_size = strlen(group) + 1;
    struct lares__ledger_entry *entry =
        lares__alloc(sizeof *entry + pattern_size + group_size);

    if (entry == NULL)
        return NULL;
    entry->cursor = 0;
    entry->group = memcpy(entry->pattern + pattern_size, group, group_size);
    memcpy(entry->pattern, pattern, pattern_size);
    return entry;
}

static int names_order(const char *pattern, const char *group,
                       const char *other_pattern, const char *other_group)
{
    int order = strcmp(pattern, other_pattern);

    return order != 0 ? order : strcmp(group, other_group);
}

/* the first place whose entry is not below (pattern, group); found: it is it */
static uint32_t ledger_place(const struct lares__ledger *ledger,
                             const char *pattern, const char *group,
                             int *found_out)
{
    uint32_t low = 0;
    uint32_t high = ledger->count;

    *found_out = 0;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        struct lares__ledger_entry *entry = ledger->entries[middle];
        int order = names_order(entry->pattern, entry->group, pattern, group);

        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
            *found_out = order == 0;
        }
    }
    return low;
}

/* room for one more entry */
static lares_status ledger_reserve(struct lares__ledger *ledger)
{
    uint32_t room = ledger->room > 0 ? 2 * ledger->room : ROOM_MIN;
    struct lares__ledger_entry **entries;

    if (ledger->count < ledger->room)
        return LARES_OK;
    entries = lares__realloc(ledger->entries,
                             room * sizeof(struct lares__ledger_entry *));
    if (entries == NULL)
        return LARES_ENOMEM;
    ledger->entries = entries;
    ledger->room = room;
    return LARES_OK;
}

static void ledger_insert(struct lares__ledger *ledger, uint32_t place,
                          struct lares__ledger_entry *entry)
{
    struct lares__ledger_entry **at = ledger->entries + place;

    memmove(at + 1, at, (ledger->count - place) * sizeof *at);
    *at = entry;
    ledger->count++;
}

lares_status lares__ledger_add(struct lares__ledger *ledger,
                               const char *pattern, const char *group)
{
    int found;
    uint32_t place;
    struct lares__ledger_entry *entry;

    if (group == NULL)
        group = "";
    place = ledger_place(ledger, pattern, group, &found);
    if (found)
        return LARES_OK;
    if (ledger->count == LARES__LEDGER_MAX)
        return lares__error(LARES_ELIMIT,
                            "a daemon has at most %d subscriptions",
                            LARES__LEDGER_MAX);
    if (ledger_reserve(ledger) < 0)
        return LARES_ENOMEM;
    entry = entry_new(pattern, group);
    if (entry == NULL)
        return LARES_ENOMEM;
    ledger_insert(ledger, place, entry);
    return LARES_OK;
}

void lares__ledger_remove(struct lares__ledger *ledger, const char *pattern,
                          const char *group)
{
    int found;
    uint32_t place =
        ledger_place(ledger, pattern, group == NULL ? "" : group, &found);
    struct lares__ledger_entry **at = ledger->entries + place;

    if (!found)
        return;
    lares__free(*at);
    ledger->count--;
    memmove(at, at + 1, (ledger->count - place) * sizeof *at);
}

uint32_t lares__ledger_count(const struct lares__ledger *ledger)
{
    return ledger->count;
}

const struct lares__ledger_entry *
lares__ledger_at(const struct lares__ledger *ledger, uint32_t index)
{
    assert(index < ledger->count);
    return ledger->entries[index];
}

size_t lares__ledger_size(const struct lares__ledger *ledger)
{
    size_t size = EMPTY_SIZE;

    if (ledger->output != NULL)
        size += strlen(ledger->output);
    for (uint32_t i = 0; i < ledger->count; i++)
        size += ENTRY_SIZE + strlen(ledger->entries[i]->pattern) +
                strlen(ledger->entries[i]->group);
    return size;
}

static uint8_t *put_text(uint8_t *out, const char *text)
{
    size_t len = strlen(text);

    assert(len <= LARES__CHANNEL_MAX);
    *out = (uint8_t)len;
    memcpy(out + 1, text, len);
    return out + 1 + len;
}

void lares__ledger_encode(const struct lares__ledger *ledger, uint8_t *out)
{
    out = put_text(out, ledger->output == NULL ? "" : ledger->output);
    lares__little_set_u32(out, ledger->count);
    out += 4;
    for (uint32_t i = 0; i < ledger->count; i++) {
        out = put_text(out, ledger->entries[i]->pattern);
        out = put_text(out, ledger->entries[i]->group);
        lares__little_set_u64(out, ledger->entries[i]->cursor);
        out += 8;
    }
}

static lares_status reader_text(struct lares__reader *reader,
                                char text[LARES__CHANNEL_MAX + 1])
{
    const uint8_t *len = lares__reader_take(reader, 1);
    const uint8_t *data = len != NULL ? lares__reader_take(reader, *len) : NULL;

    if (data == NULL)
        return LARES_EFORMAT;
    memcpy(text, data, *len);
    text[*len] = '\0';
    if (strlen(text) != *len)
        return lares__error(LARES_EFORMAT, "ledger: a name holds a 0 byte");
    return LARES_OK;
}

/* what one entry reads; a name that is refused leaves its own detail */
struct view {
    char pattern[LARES__CHANNEL_MAX + 1];
    char group[LARES__CHANNEL_MAX + 1];
    uint64_t cursor;
};

static lares_status reader_entry(struct lares__reader *reader, struct view *out)
{
    const uint8_t *cursor;

    if (reader_text(reader, out->pattern) < 0 ||
        reader_text(reader, out->group) < 0)
        return LARES_EFORMAT;
    cursor = lares__reader_take(reader, 8);
    if (cursor == NULL)
        return LARES_EFORMAT;
    out->cursor = lares__little_u64(cursor);
    if (lares__pattern_check(out->pattern) < 0 ||
        (out->group[0] != '\0' && lares__group_check(out->group) < 0))
        return LARES_EFORMAT;
    return LARES_OK;
}

static lares_status reader_output(struct lares__reader *reader,
                                  struct lares__ledger *ledger)
{
    char output[LARES__CHANNEL_MAX + 1];
    size_t len;
    lares_status rc = reader_text(reader, output);

    if (rc < 0 || output[0] == '\0')
        return rc;
    if (lares__channel_check(output, &len) < 0)
        return LARES_EFORMAT;
    if (lares__channel_reserved(output))
        return lares__error(LARES_EFORMAT, "ledger: output '%s' is reserved",
                            output);
    return ledger == NULL ? LARES_OK : lares__ledger_set_output(ledger, output);
}

static lares_status reader_count(struct lares__reader *reader, uint32_t *out)
{
    const uint8_t *data = lares__reader_take(reader, 4);
    uint32_t count;

    if (data == NULL)
        return LARES_EFORMAT;
    count = lares__little_u32(data);
    if (count > reader->left / ENTRY_MIN)
        return lares__error(LARES_EFORMAT, "ledger: %u entries in %zu bytes",
                            count, reader->left);
    if (count > LARES__LEDGER_MAX)
        return lares__error(LARES_ELIMIT, "ledger: %u entries, at most %d",
                            count, LARES__LEDGER_MAX);
    *out = count;
    return LARES_OK;
}

/* the entry that an ascending reader read stands last */
static lares_status ledger_append(struct lares__ledger *ledger,
                                  const struct view *view)
{
    lares_status rc = lares__ledger_add(ledger, view->pattern, view->group);

    if (rc == LARES_OK)
        ledger->entries[ledger->count - 1]->cursor = view->cursor;
    return rc;
}

/* Reads all of it, into a ledger unless that is NULL. */
static lares_status ledger_read(struct lares__reader reader,
                                struct lares__ledger *ledger)
{
    struct view views[2];
    uint32_t count = 0;
    lares_status rc = reader_output(&reader, ledger);

    if (rc == LARES_OK)
        rc = reader_count(&reader, &count);
    views[1].pattern[0] = '\0'; /* before the first: below any other */
    views[1].group[0] = '\0';
    for (uint32_t i = 0; rc == LARES_OK && i < count; i++) {
        struct view *view = &views[i % 2];
        const struct view *before = &views[(i + 1) % 2];

        rc = reader_entry(&reader, view);
        if (rc == LARES_OK && names_order(before->pattern, before->group,
                                          view->pattern, view->group) >= 0)
            rc = lares__error(LARES_EFORMAT, "ledger: '%s' is out of order",
                              view->pattern);
        if (rc == LARES_OK && ledger != NULL)
            rc = ledger_append(ledger, view);
    }
    if (rc == LARES_OK && reader.left > 0)
        rc = lares__error(LARES_EFORMAT, "ledger: %zu bytes too many",
                          reader.left);
    return rc;
}

lares_status lares__ledger_check(const void *data, size_t len)
{
    struct lares__reader reader = {data, len, "ledger"};

    return ledger_read(reader, NULL);
}

lares_status lares__ledger_decode(const void *data, size_t len,
                                  struct lares__ledger *ledger)
{
    struct lares__reader reader = {data, len, "ledger"};
    struct lares__ledger made;
    lares_status rc = lares__ledger_check(data, len);

    if (rc < 0)
        return rc;
    lares__ledger_init(&made);
    rc = ledger_read(reader, &made);
    if (rc < 0)
        goto fail_made;
    *ledger = made;
    return LARES_OK;

fail_made:
    assert(rc < 0);
    lares__ledger_fini(&made);
    return rc;
}
