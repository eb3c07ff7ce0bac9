#include "daemon/spec.h"

#include "base/error.h"
#include "base/little.h"
#include "base/options.h"
#include "base/reader.h"
#include "daemon/kinds.h"
#include "daemon/name.h"

#include <assert.h>
#include <string.h>

enum {
    VERSION_LEN = 4,
    COUNT_LEN = 2,
    NAME_LEN_LEN = 1, /* length of the length of a name, key, value */
    KEY_LEN_LEN = 1,
    VALUE_LEN_LEN = 2
};

/* a text in the bytes, not terminated */
struct text {
    const char *data;
    size_t len;
};

struct pair {
    struct text key;
    struct text value;
};

static int text_is(const struct text *text, const char *other)
{
    return strlen(other) == text->len &&
           memcmp(text->data, other, text->len) == 0;
}

/* below, at or above 0, as strcmp */
static int text_order(const struct text *text, const struct text *other)
{
    size_t len = text->len < other->len ? text->len : other->len;
    int order = len > 0 ? memcmp(text->data, other->data, len) : 0;

    return order != 0 ? order
                      : (text->len > other->len) - (text->len < other->len);
}

int lares__spec_travels(const char *key, size_t len)
{
    const struct text text = {key, len};

    return !text_is(&text, "name") && !text_is(&text, "subscribe") &&
           !text_is(&text, "publish");
}

/* -- writing -- */

/* the pairs of a set that travel, by their keys; the result is their number */
static uint16_t pairs_sort(const lares_options *options,
                           struct pair out[LARES__OPTIONS_MAX])
{
    size_t count = lares__options_count(options);
    uint16_t n = 0;

    for (size_t i = 0; i < count; i++) {
        uint16_t place = n;
        struct pair pair;

        lares__options_at(options, i, &pair.key.data, &pair.value.data);
        pair.key.len = strlen(pair.key.data);
        pair.value.len = strlen(pair.value.data);
        if (!lares__spec_travels(pair.key.data, pair.key.len))
            continue;
        for (; place > 0 && text_order(&pair.key, &out[place - 1].key) < 0;
             place--)
            out[place] = out[place - 1];
        out[place] = pair;
        n++;
    }
    return n;
}

static size_t pairs_len(const struct lares__image *image)
{
    struct pair pairs[LARES__OPTIONS_MAX];
    size_t len = 0;

    if (image->options == NULL)
        return image->spec_options_len;
    for (uint16_t i = pairs_sort(image->options, pairs); i > 0; i--)
        len += KEY_LEN_LEN + pairs[i - 1].key.len + VALUE_LEN_LEN +
               pairs[i - 1].value.len;
    return len;
}

size_t lares__spec_len(const struct lares__image *image)
{
    return VERSION_LEN + NAME_LEN_LEN + image->kind_len + NAME_LEN_LEN +
           image->name_len + COUNT_LEN + pairs_len(image);
}

static uint8_t *bytes_put(uint8_t *out, const void *data, size_t len)
{
    if (len > 0)
        memcpy(out, data, len);
    return out + len;
}

static uint8_t *name_put(uint8_t *out, const char *name, size_t len)
{
    assert(len <= LARES__NAME_MAX);
    *out = (uint8_t)len;
    return bytes_put(out + NAME_LEN_LEN, name, len);
}

static uint8_t *pair_put(uint8_t *out, const struct pair *pair)
{
    *out = (uint8_t)pair->key.len;
    out = bytes_put(out + KEY_LEN_LEN, pair->key.data, pair->key.len);
    lares__little_set_u16(out, (uint16_t)pair->value.len);
    return bytes_put(out + VALUE_LEN_LEN, pair->value.data, pair->value.len);
}

static void pairs_encode(const struct lares__image *image, uint8_t *out)
{
    struct pair pairs[LARES__OPTIONS_MAX];
    uint16_t count;

    if (image->options == NULL) {
        lares__little_set_u16(out, image->option_count);
        bytes_put(out + COUNT_LEN, image->spec_options,
                  image->spec_options_len);
        return;
    }
    count = pairs_sort(image->options, pairs);
    lares__little_set_u16(out, count);
    out += COUNT_LEN;
    for (uint16_t i = 0; i < count; i++)
        out = pair_put(out, &pairs[i]);
}

void lares__spec_encode(const struct lares__image *image, uint8_t *out)
{
    lares__little_set_u32(out, image->version);
    out = name_put(out + VERSION_LEN, image->kind, image->kind_len);
    out = name_put(out, image->name, image->name_len);
    pairs_encode(image, out);
}

/* -- reading -- */

static lares_status reader_text(struct lares__reader *reader, size_t len_len,
                                struct text *out)
{
    const uint8_t *len = lares__reader_take(reader, len_len);
    const uint8_t *data;

    if (len == NULL)
        return LARES_EFORMAT;
    out->len = len_len == 1 ? *len : lares__little_u16(len);
    data = lares__reader_take(reader, out->len);
    if (data == NULL)
        return LARES_EFORMAT;
    out->data = (const char *)data;
    return LARES_OK;
}

/* a name that is refused leaves its own detail */
static lares_status reader_name(struct lares__reader *reader,
                                lares_status (*rule)(const char *name),
                                struct text *out)
{
    char name[UINT8_MAX + 1];
    lares_status rc = reader_text(reader, NAME_LEN_LEN, out);

    if (rc < 0)
        return rc;
    if (memchr(out->data, '\0', out->len) != NULL)
        return lares__error(LARES_EFORMAT, "spec: a name holds a 0 byte");
    memcpy(name, out->data, out->len);
    name[out->len] = '\0';
    return rule(name) < 0 ? LARES_EFORMAT : LARES_OK;
}

static lares_status pair_check(const struct pair *pair)
{
    const struct text *key = &pair->key, *value = &pair->value;

    if (!lares__options_key_formed(key->data, key->len))
        return lares__error(LARES_EFORMAT,
                            "spec: an option is lower-case words joined by "
                            "dots, 1-%d bytes, and one of %zu is not",
                            LARES__OPTIONS_KEY_MAX, key->len);
    if (value->len > LARES__OPTIONS_VALUE_MAX)
        return lares__error(
            LARES_EFORMAT, "spec: option '%.*s' has %zu bytes, at most %d",
            (int)key->len, key->data, value->len, LARES__OPTIONS_VALUE_MAX);
    if (memchr(value->data, '\0', value->len) != NULL)
        return lares__error(LARES_EFORMAT, "spec: option '%.*s' holds a 0 byte",
                            (int)key->len, key->data);
    return LARES_OK;
}

static lares_status reader_pair(struct lares__reader *reader, struct pair *out)
{
    lares_status rc = reader_text(reader, KEY_LEN_LEN, &out->key);

    if (rc == LARES_OK)
        rc = reader_text(reader, VALUE_LEN_LEN, &out->value);
    return rc;
}

static lares_status reader_pairs(struct lares__reader *reader, uint16_t count)
{
    struct pair pair, before = {
                          .key = {"", 0}
    };
    lares_status rc;

    if (count > LARES__OPTIONS_MAX)
        return lares__error(LARES_EFORMAT, "spec: %u options, at most %d",
                            count, LARES__OPTIONS_MAX);
    for (uint16_t i = 0; i < count; i++, before = pair) {
        rc = reader_pair(reader, &pair);
        if (rc == LARES_OK)
            rc = pair_check(&pair);
        if (rc < 0)
            return rc;
        if (text_order(&before.key, &pair.key) >= 0)
            return lares__error(LARES_EFORMAT,
                                "spec: option '%.*s' is out of order",
                                (int)pair.key.len, pair.key.data);
    }
    if (reader->left > 0)
        return lares__error(LARES_EFORMAT, "spec: %zu bytes too many",
                            reader->left);
    return LARES_OK;
}

lares_status lares__spec_decode(const uint8_t *data, size_t len,
                                struct lares__image *out)
{
    struct lares__reader reader = {data, len, "spec"};
    const uint8_t *version = lares__reader_take(&reader, VERSION_LEN);
    struct text kind, name;
    const uint8_t *count;

    if (version == NULL || reader_name(&reader, lares__kind_check, &kind) < 0 ||
        reader_name(&reader, lares__daemon_name_check, &name) < 0)
        return LARES_EFORMAT;
    count = lares__reader_take(&reader, COUNT_LEN);
    if (count == NULL)
        return LARES_EFORMAT;
    out->version = lares__little_u32(version);
    out->kind = kind.data;
    out->kind_len = kind.len;
    out->name = name.data;
    out->name_len = name.len;
    out->options = NULL;
    out->option_count = lares__little_u16(count);
    out->spec_options = reader.at;
    out->spec_options_len = reader.left;
    return reader_pairs(&reader, out->option_count);
}

/* -- options that were read -- */

static int key_is_known(const struct text *key, const char *const known[])
{
    for (; *known != NULL; known++)
        if (text_is(key, *known))
            return lares__spec_travels(key->data, key->len);
    return 0;
}

/* The pair at `reader`, of bytes that were decoded before: it is there. */
static struct pair pair_next(struct lares__reader *reader)
{
    struct pair pair = {0};
    lares_status rc = reader_pair(reader, &pair);

    assert(rc == LARES_OK);
    (void)rc;
    return pair;
}

lares_status lares__spec_known(const struct lares__image *image,
                               const char *const known[])
{
    struct lares__reader reader = {image->spec_options, image->spec_options_len,
                                   "spec"};

    while (reader.left > 0) {
        struct pair pair = pair_next(&reader);

        if (!key_is_known(&pair.key, known))
            return lares__error(LARES_EVERSION,
                                "spec: option '%.*s' is unknown in an image",
                                (int)pair.key.len, pair.key.data);
    }
    return LARES_OK;
}

static lares_status pair_set(lares_options *options, const struct pair *pair)
{
    char key[LARES__OPTIONS_KEY_MAX + 1];
    char value[LARES__OPTIONS_VALUE_MAX + 1];

    memcpy(key, pair->key.data, pair->key.len);
    key[pair->key.len] = '\0';
    memcpy(value, pair->value.data, pair->value.len);
    value[pair->value.len] = '\0';
    return lares__options_set(options, key, value);
}

lares_status lares__spec_options(const struct lares__image *image,
                                 lares_options **out)
{
    struct lares__reader reader = {image->spec_options, image->spec_options_len,
                                   "spec"};
    lares_options *options = NULL;
    lares_status rc = lares__options_new(&options);

    while (rc == LARES_OK && reader.left > 0) {
        struct pair pair = pair_next(&reader);

        rc = pair_set(options, &pair);
    }
    if (rc < 0)
        goto fail_options;
    *out = options;
    return LARES_OK;

fail_options:
    assert(rc < 0);
    lares__options_free(options);
    return rc;
}
