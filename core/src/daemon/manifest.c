/* Design notes
 *
 * - Reading trusts nothing before it has been checked, in the order of the
 *   contract: lengths before bodies, the signature before the digests that it
 *   covers, the digests before a byte of a body is read.
 * - A length is compared with what is left, never added to another first, so
 *   no sum can overflow.
 * - Nothing is allocated here, whatever the bytes declare.
 */
#include "daemon/manifest.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/little.h"

#include <assert.h>
#include <inttypes.h>
#include <sodium.h>
#include <string.h>

enum {
    FORMAT = 1,
    FLAG_STATE = 1,
    FLAG_PLAIN = 2,
    /* the header */
    AT_FORMAT = 4,
    AT_FLAGS = 6,
    AT_TOTAL = 8,
    AT_COUNT = 16,
    AT_ZERO = 20,
    AT_PUBLIC = 24,
    HEADER_LEN = 56,
    COUNT_MIN = 4,
    COUNT_MAX = 16,
    /* an entry of the table behind it */
    AT_REQUIRED = 4,
    AT_LEN = 8,
    AT_DIGEST = 16,
    ENTRY_LEN = 48,
    DIGEST_LEN = 32,
    FLAG_REQUIRED = 1
};

static const char magic[4] = {'L', 'A', 'R', 'S'};
static const char label[] = "lares-snapshot-v1";

enum {
    LABEL_LEN = sizeof label - 1,
    MESSAGE_MAX = LABEL_LEN + HEADER_LEN + COUNT_MAX * ENTRY_LEN
};

/* -- what both ways need -- */

static size_t table_end(uint32_t count)
{
    return HEADER_LEN + (size_t)count * ENTRY_LEN;
}

size_t lares__manifest_len(uint32_t count)
{
    return table_end(count) + LARES__SIGNATURE_LEN;
}

static void digest_make(int plain, const uint8_t *body, size_t len,
                        uint8_t out[DIGEST_LEN])
{
    struct lares__hash128 hash;

    if (!plain) {
        crypto_generichash(out, DIGEST_LEN, body, len, NULL, 0);
        return;
    }
    hash = lares__hash128(body, len);
    lares__little_set_u64(out, hash.low);
    lares__little_set_u64(out + 8, hash.high);
    memset(out + 16, 0, DIGEST_LEN - 16);
}

/* What is signed: label, header, table; the result is its length. */
static size_t message_make(const uint8_t *data, uint32_t count,
                           uint8_t out[MESSAGE_MAX])
{
    memcpy(out, label, LABEL_LEN);
    memcpy(out + LABEL_LEN, data, table_end(count));
    return LABEL_LEN + table_end(count);
}

/* -- writing -- */

static void table_write(const struct lares__section *sections, uint32_t count,
                        uint8_t *out)
{
    for (uint32_t i = 0; i < count; i++, out += ENTRY_LEN) {
        lares__little_set_u32(out, sections[i].tag);
        lares__little_set_u32(out + AT_REQUIRED, FLAG_REQUIRED);
        lares__little_set_u64(out + AT_LEN, sections[i].len);
    }
}

void lares__manifest_write(const uint8_t public[LARES__KEY_LEN],
                           const struct lares__section *sections,
                           uint32_t count, uint8_t *out)
{
    int has_state = sections[count - 1].tag == LARES__TAG_STATE;
    uint64_t total = lares__manifest_len(count);

    for (uint32_t i = 0; i < count; i++)
        total += sections[i].len;
    memset(out, 0, lares__manifest_len(count));
    memcpy(out, magic, sizeof magic);
    lares__little_set_u16(out + AT_FORMAT, FORMAT);
    lares__little_set_u16(out + AT_FLAGS, has_state ? FLAG_STATE : 0);
    lares__little_set_u64(out + AT_TOTAL, total);
    lares__little_set_u32(out + AT_COUNT, count);
    memcpy(out + AT_PUBLIC, public, LARES__KEY_LEN);
    table_write(sections, count, out + HEADER_LEN);
}

/* -- sealing -- */

static void flags_seal(uint8_t *data, int plain)
{
    unsigned flags = lares__little_u16(data + AT_FLAGS) & FLAG_STATE;

    if (plain)
        flags |= FLAG_PLAIN;
    lares__little_set_u16(data + AT_FLAGS, (uint16_t)flags);
}

static void digests_seal(uint8_t *data, uint32_t count, int plain)
{
    uint8_t *entry = data + HEADER_LEN;
    const uint8_t *body = data + lares__manifest_len(count);
    size_t len;

    for (; count > 0; count--, entry += ENTRY_LEN, body += len) {
        len = lares__little_u64(entry + AT_LEN);
        digest_make(plain, body, len, entry + AT_DIGEST);
    }
}

static lares_status signature_seal(uint8_t *data, uint32_t count,
                                   const lares_key *key)
{
    uint8_t message[MESSAGE_MAX];
    size_t len = message_make(data, count, message);

    assert(memcmp(lares__key_public(key), data + AT_PUBLIC, LARES__KEY_LEN) ==
           0);
    return lares__key_sign(key, message, len, data + table_end(count));
}

lares_status lares__image_seal(uint8_t *data, size_t len, const lares_key *key)
{
    uint32_t count = lares__little_u32(data + AT_COUNT);

    assert(lares__little_u64(data + AT_TOTAL) == len);
    (void)len;
    flags_seal(data, key == NULL);
    digests_seal(data, count, key == NULL);
    if (key != NULL)
        return signature_seal(data, count, key);
    memset(data + table_end(count), 0, LARES__SIGNATURE_LEN);
    return LARES_OK;
}

/* -- reading: header and table -- */

/* an image under examination; bodies by tag, the state at 0 */
struct view {
    const uint8_t *data;
    size_t len;
    uint32_t count;
    int plain;
    struct lares__body bodies[LARES__TAGS];
};

/* the place of a known tag's body, NULL for an unknown one */
static struct lares__body *view_body(struct view *view, uint32_t tag)
{
    if (tag >= LARES__TAG_HEAD && tag <= LARES__TAG_TIMERS)
        return &view->bodies[tag];
    return tag == LARES__TAG_STATE ? &view->bodies[0] : NULL;
}

static lares_status magic_check(const struct view *view)
{
    unsigned format;

    if (view->len < lares__manifest_len(0))
        return lares__error(LARES_EFORMAT,
                            "image: %zu bytes, a manifest alone has %zu",
                            view->len, lares__manifest_len(0));
    if (memcmp(view->data, magic, sizeof magic) != 0)
        return lares__error(LARES_EFORMAT, "image: does not begin with LARS");
    format = lares__little_u16(view->data + AT_FORMAT);
    if (format != FORMAT)
        return lares__error(LARES_EVERSION, "image: format %u, not %d", format,
                            FORMAT);
    return LARES_OK;
}

static lares_status flags_check(const struct view *view, int plain)
{
    unsigned flags = lares__little_u16(view->data + AT_FLAGS);

    if ((flags & ~(unsigned)(FLAG_STATE | FLAG_PLAIN)) != 0)
        return lares__error(LARES_EFORMAT, "image: flags %#x", flags);
    if (view->plain != plain)
        return lares__error(
            LARES_EFORMAT, "image: of the %s form, where the %s one is due",
            view->plain ? "plain" : "signed", plain ? "plain" : "signed");
    if (lares__little_u32(view->data + AT_ZERO) != 0)
        return lares__error(LARES_EFORMAT, "image: bytes 20 to 23 are not 0");
    return LARES_OK;
}

static lares_status lengths_check(const struct view *view)
{
    uint64_t total = lares__little_u64(view->data + AT_TOTAL);

    if (view->count < COUNT_MIN || view->count > COUNT_MAX)
        return lares__error(LARES_EFORMAT, "image: %u sections, not %d to %d",
                            view->count, COUNT_MIN, COUNT_MAX);
    if (view->len < lares__manifest_len(view->count))
        return lares__error(LARES_EFORMAT,
                            "image: %zu bytes, a manifest of %u sections has "
                            "%zu",
                            view->len, view->count,
                            lares__manifest_len(view->count));
    if (total != view->len)
        return lares__error(LARES_EFORMAT,
                            "image: declares %" PRIu64
                            " bytes, of which %zu are given",
                            total, view->len);
    return LARES_OK;
}

/* `before` is the tag of the entry before, -1 for the first. */
static lares_status entry_check(const uint8_t *entry, int64_t before, int known)
{
    uint32_t tag = lares__little_u32(entry);
    uint32_t flags = lares__little_u32(entry + AT_REQUIRED);
    uint64_t len = lares__little_u64(entry + AT_LEN);

    if (tag <= before)
        return lares__error(LARES_EFORMAT,
                            "image: section %u behind section %" PRId64, tag,
                            before);
    if (before == LARES__TAG_STATE)
        return lares__error(LARES_EFORMAT, "image: section %u behind the state",
                            tag);
    if (flags > FLAG_REQUIRED || (known && flags == 0))
        return lares__error(LARES_EFORMAT, "image: section %u has flags %#x",
                            tag, flags);
    if (tag == LARES__TAG_HEAD && len != LARES__IMAGE_HEAD_LEN)
        return lares__error(LARES_EFORMAT,
                            "image: a head of %" PRIu64 " bytes, not %d", len,
                            LARES__IMAGE_HEAD_LEN);
    return LARES_OK;
}

/* Finds the bodies. */
static lares_status table_read(struct view *view)
{
    const uint8_t *entry = view->data + HEADER_LEN;
    size_t at = lares__manifest_len(view->count);
    int64_t before = -1;

    for (uint32_t i = 0; i < view->count; i++, entry += ENTRY_LEN) {
        uint32_t tag = lares__little_u32(entry);
        uint64_t len = lares__little_u64(entry + AT_LEN);
        struct lares__body *body = view_body(view, tag);
        lares_status rc = entry_check(entry, before, body != NULL);

        if (rc < 0)
            return rc;
        if (len > view->len - at)
            return lares__error(LARES_EFORMAT,
                                "image: section %u declares %" PRIu64
                                " bytes, of which %zu are given",
                                tag, len, view->len - at);
        if (body != NULL)
            *body = (struct lares__body){view->data + at, len,
                                         lares__little_u64(entry + AT_DIGEST)};
        at += len;
        before = tag;
    }
    if (at < view->len)
        return lares__error(LARES_EFORMAT, "image: %zu bytes too many",
                            view->len - at);
    return LARES_OK;
}

static lares_status presence_check(const struct view *view)
{
    int flag = (lares__little_u16(view->data + AT_FLAGS) & FLAG_STATE) != 0;
    int state = view->bodies[0].data != NULL;

    for (int tag = LARES__TAG_HEAD; tag <= LARES__TAG_LEDGER; tag++)
        if (view->bodies[tag].data == NULL)
            return lares__error(LARES_EFORMAT, "image: no section %d", tag);
    if (flag != state)
        return lares__error(LARES_EFORMAT,
                            "image: the flag says %s state, and %s is there",
                            flag ? "a" : "no", state ? "one" : "none");
    return LARES_OK;
}

/* A section that must be understood, and is not. */
static lares_status required_check(struct view *view)
{
    const uint8_t *entry = view->data + HEADER_LEN;

    for (uint32_t i = 0; i < view->count; i++, entry += ENTRY_LEN) {
        uint32_t tag = lares__little_u32(entry);
        int handled = tag != LARES__TAG_FORK && view_body(view, tag) != NULL;

        if (!handled && lares__little_u32(entry + AT_REQUIRED) != 0)
            return lares__error(LARES_EVERSION,
                                "image: section %u is not understood", tag);
    }
    return LARES_OK;
}

static lares_status form_check(struct view *view,
                               const struct lares__image_rules *rules)
{
    lares_status rc = flags_check(view, rules->plain);

    if (rc == LARES_OK)
        rc = lengths_check(view);
    if (rc == LARES_OK)
        rc = table_read(view);
    if (rc == LARES_OK)
        rc = presence_check(view);
    if (rc == LARES_OK)
        rc = required_check(view);
    if (rc == LARES_OK && view->len > rules->max)
        rc =
            lares__error(LARES_ETOOBIG,
                         "an image of %zu bytes is over snapshot.max, %" PRIu64,
                         view->len, rules->max);
    return rc;
}

/* -- reading: whose it is, and whether it is whole -- */

static lares_status identity_check(const struct view *view,
                                   const uint8_t *identity)
{
    const uint8_t *public = view->data + AT_PUBLIC;

    if (identity == NULL || memcmp(public, identity, LARES__KEY_LEN) == 0)
        return LARES_OK;
    return lares__error(
        LARES_EIDENTITY, "the image is of %016" PRIx64 ", not of %016" PRIx64,
        lares__key_origin_of(public), lares__key_origin_of(identity));
}

static lares_status signature_check(const struct view *view)
{
    static const uint8_t none[LARES__SIGNATURE_LEN] = {0};
    const uint8_t *signature = view->data + table_end(view->count);
    uint8_t message[MESSAGE_MAX];
    size_t len;

    if (!view->plain) {
        len = message_make(view->data, view->count, message);
        return lares__key_verify(view->data + AT_PUBLIC, message, len,
                                 signature);
    }
    if (memcmp(signature, none, sizeof none) != 0)
        return lares__error(LARES_EFORMAT,
                            "image: of the plain form, and signed");
    return LARES_OK;
}

static lares_status digests_check(const struct view *view)
{
    const uint8_t *entry = view->data + HEADER_LEN;
    const uint8_t *body = view->data + lares__manifest_len(view->count);
    uint8_t digest[DIGEST_LEN];
    size_t len;

    for (uint32_t i = 0; i < view->count; i++, entry += ENTRY_LEN) {
        len = lares__little_u64(entry + AT_LEN);
        digest_make(view->plain, body, len, digest);
        if (memcmp(digest, entry + AT_DIGEST, DIGEST_LEN) != 0)
            return lares__error(LARES_EDIGEST,
                                "image: the digest of section %u is another",
                                lares__little_u32(entry));
        body += len;
    }
    return LARES_OK;
}

/* -- reading: all of it -- */

static void view_give(const struct view *view, struct lares__manifest *out)
{
    *out = (struct lares__manifest){
        .public = view->data + AT_PUBLIC,
        .head = view->bodies[LARES__TAG_HEAD],
        .spec = view->bodies[LARES__TAG_SPEC],
        .horizon = view->bodies[LARES__TAG_HORIZON],
        .ledger = view->bodies[LARES__TAG_LEDGER],
        .outbox = view->bodies[LARES__TAG_OUTBOX],
        .timers = view->bodies[LARES__TAG_TIMERS],
        .state = view->bodies[0],
    };
}

lares_status lares__manifest_read(const uint8_t *data, size_t len,
                                  const struct lares__image_rules *rules,
                                  struct lares__manifest *out)
{
    struct view view = {.data = data, .len = len};
    lares_status rc = magic_check(&view);

    if (rc < 0)
        return rc;
    view.count = lares__little_u32(data + AT_COUNT);
    view.plain = (lares__little_u16(data + AT_FLAGS) & FLAG_PLAIN) != 0;
    rc = form_check(&view, rules);
    if (rc == LARES_OK)
        rc = identity_check(&view, rules->identity);
    if (rc == LARES_OK)
        rc = signature_check(&view);
    if (rc == LARES_OK)
        rc = digests_check(&view);
    if (rc == LARES_OK)
        view_give(&view, out);
    return rc;
}
