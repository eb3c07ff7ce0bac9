#include "daemon/image.h"

#include "base/error.h"
#include "base/little.h"
#include "chain/horizon.h"
#include "chain/record.h"
#include "daemon/ledger.h"
#include "daemon/manifest.h"
#include "daemon/name.h"
#include "daemon/spec.h"
#include "daemon/timers.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The first section: link (32), then these. */
enum {
    AT_HASH = 32,
    AT_EPOCH = 40,
    AT_ARRIVAL = 48,
    AT_TAKEN = 56
};

/* The outbox: their number, then event records. */
enum {
    OUTBOX_COUNT_LEN = 4
};

/* -- writing -- */

/* the sections in the order of the table; the result is their number */
static uint32_t sections_of(const struct lares__image *image,
                            struct lares__section out[LARES__TAGS])
{
    struct lares__section *at = out;

    *at++ = (struct lares__section){LARES__TAG_HEAD, LARES__IMAGE_HEAD_LEN};
    *at++ = (struct lares__section){LARES__TAG_SPEC, lares__spec_len(image)};
    *at++ = (struct lares__section){LARES__TAG_HORIZON, image->horizon_len};
    *at++ = (struct lares__section){LARES__TAG_LEDGER, image->ledger_len};
    if (image->outbox_count > 0)
        *at++ = (struct lares__section){LARES__TAG_OUTBOX,
                                        OUTBOX_COUNT_LEN + image->outbox_len};
    if (image->timers_len > 0)
        *at++ = (struct lares__section){LARES__TAG_TIMERS, image->timers_len};
    if (image->has_state)
        *at++ = (struct lares__section){LARES__TAG_STATE, image->state_len};
    return (uint32_t)(at - out);
}

size_t lares__image_prefix(const struct lares__image *image)
{
    struct lares__section sections[LARES__TAGS];
    uint32_t count = sections_of(image, sections);
    size_t len = lares__manifest_len(count);

    for (uint32_t i = 0; i < count; i++)
        if (sections[i].tag != LARES__TAG_STATE)
            len += sections[i].len;
    return len;
}

static void head_write(const struct lares__image *image, uint8_t *out)
{
    memcpy(out, &image->head.link, sizeof image->head.link);
    lares__little_set_u64(out + AT_HASH, image->head.hash);
    lares__little_set_u64(out + AT_EPOCH, image->epoch);
    lares__little_set_u64(out + AT_ARRIVAL, image->arrival);
    lares__little_set_u64(out + AT_TAKEN, image->taken_at);
}

static void outbox_write(const struct lares__image *image, uint8_t *out)
{
    lares__little_set_u32(out, image->outbox_count);
    memcpy(out + OUTBOX_COUNT_LEN, image->outbox, image->outbox_len);
}

static void body_write(const struct lares__image *image, uint32_t tag,
                       uint8_t *out)
{
    switch (tag) {
    case LARES__TAG_HEAD:
        head_write(image, out);
        break;
    case LARES__TAG_SPEC:
        lares__spec_encode(image, out);
        break;
    case LARES__TAG_HORIZON:
        memcpy(out, image->horizon, image->horizon_len);
        break;
    case LARES__TAG_LEDGER:
        memcpy(out, image->ledger, image->ledger_len);
        break;
    case LARES__TAG_OUTBOX:
        outbox_write(image, out);
        break;
    case LARES__TAG_TIMERS:
        memcpy(out, image->timers, image->timers_len);
        break;
    default: /* the state: its author writes it in place */
        break;
    }
}

void lares__image_write(const struct lares__image *image, uint8_t *out)
{
    struct lares__section sections[LARES__TAGS];
    uint32_t count = sections_of(image, sections);
    uint8_t *body = out + lares__manifest_len(count);

    lares__manifest_write(image->public, sections, count, out);
    for (uint32_t i = 0; i < count; i++) {
        body_write(image, sections[i].tag, body);
        body += sections[i].len;
    }
}

/* -- reading: bodies -- */

static lares_status head_read(const struct lares__body *body,
                              struct lares__image *out)
{
    memcpy(&out->head.link, body->data, sizeof out->head.link);
    out->head.hash = lares__little_u64(body->data + AT_HASH);
    out->epoch = lares__little_u64(body->data + AT_EPOCH);
    out->arrival = lares__little_u64(body->data + AT_ARRIVAL);
    out->taken_at = lares__little_u64(body->data + AT_TAKEN);
    if (out->epoch == 0)
        return lares__error(LARES_EFORMAT, "image: epoch 0, the first is 1");
    return LARES_OK;
}

/* The digest depends on every origin, so it is a seed that no sender chose. */
static lares_status horizon_read(const struct lares__body *body,
                                 struct lares__image *out)
{
    out->horizon = body->data;
    out->horizon_len = body->len;
    return lares__horizon_check(body->data, body->len, body->digest);
}

/* One that is too long is malformed here, whatever it is elsewhere. */
static lares_status ledger_read(const struct lares__body *body,
                                struct lares__image *out)
{
    out->ledger = body->data;
    out->ledger_len = body->len;
    return lares__ledger_check(body->data, body->len) < 0 ? LARES_EFORMAT
                                                          : LARES_OK;
}

static lares_status timers_read(const struct lares__body *body,
                                struct lares__image *out)
{
    if (body->data == NULL)
        return LARES_OK;
    out->timers = body->data;
    out->timers_len = body->len;
    return lares__timers_check(body->data, body->len);
}

static lares_status channel_check(const struct lares__record *record)
{
    char channel[LARES__CHANNEL_MAX + 1];
    size_t len = record->channel_len;

    if (len == 0)
        return LARES_OK; /* the daemon's output channel */
    if (memchr(record->channel, '\0', len) != NULL)
        return lares__error(LARES_EFORMAT, "outbox: a channel holds a 0 byte");
    memcpy(channel, record->channel, len);
    channel[len] = '\0';
    if (lares__channel_check(channel, &len) < 0)
        return LARES_EFORMAT;
    if (lares__channel_reserved(channel))
        return lares__error(LARES_EFORMAT, "outbox: channel '%s' is reserved",
                            channel);
    return LARES_OK;
}

/* A daemon emits to channels, and who of a group receives is chosen later. */
static lares_status output_check(const struct lares__record *record)
{
    if (record->direct || record->group_len > 0)
        return lares__error(
            LARES_EVERSION,
            "outbox: event %" PRIu64 " is for %s, not a channel",
            record->link.sequence, record->direct ? "a daemon" : "a group");
    return channel_check(record);
}

static lares_status outputs_check(const struct lares__image *image)
{
    const uint8_t *at = image->outbox;
    size_t left = image->outbox_len;
    struct lares__record record;
    lares_status rc = lares__record_check(at, left, image->outbox_count);

    while (rc == LARES_OK && left > 0) {
        rc = lares__record_next(&at, &left, &record);
        if (rc == LARES_OK)
            rc = output_check(&record);
    }
    return rc;
}

static lares_status outbox_read(const struct lares__body *body,
                                struct lares__image *out)
{
    if (body->data == NULL)
        return LARES_OK;
    if (body->len < OUTBOX_COUNT_LEN || lares__little_u32(body->data) == 0)
        return lares__error(LARES_EFORMAT, "outbox: no event in %zu bytes",
                            body->len);
    out->outbox_count = lares__little_u32(body->data);
    out->outbox = body->data + OUTBOX_COUNT_LEN;
    out->outbox_len = body->len - OUTBOX_COUNT_LEN;
    return outputs_check(out);
}

static lares_status bodies_read(const struct lares__manifest *manifest,
                                struct lares__image *out)
{
    lares_status rc = head_read(&manifest->head, out);

    if (rc == LARES_OK)
        rc = lares__spec_decode(manifest->spec.data, manifest->spec.len, out);
    if (rc == LARES_OK)
        rc = horizon_read(&manifest->horizon, out);
    if (rc == LARES_OK)
        rc = ledger_read(&manifest->ledger, out);
    if (rc == LARES_OK)
        rc = outbox_read(&manifest->outbox, out);
    if (rc == LARES_OK)
        rc = timers_read(&manifest->timers, out);
    memcpy(out->public, manifest->public, LARES__KEY_LEN);
    out->has_state = manifest->state.data != NULL;
    out->state = manifest->state.data;
    out->state_len = manifest->state.len;
    return rc;
}

/* -- reading: the chain -- */

static lares_status origin_check(const struct lares__image *image)
{
    uint64_t origin = lares__key_origin_of(image->public);

    if (image->head.link.origin == origin)
        return LARES_OK;
    return lares__error(LARES_EIDENTITY,
                        "image: a head of origin %016" PRIx64
                        ", a key of %016" PRIx64,
                        image->head.link.origin, origin);
}

static int heads_equal(const struct lares__head *head,
                       const struct lares__head *other)
{
    return memcmp(head, other, sizeof *head) == 0;
}

static lares_status genesis_check(const struct lares__head *head)
{
    struct lares__head genesis;

    lares__head_genesis(&genesis, head->link.origin);
    if (heads_equal(head, &genesis))
        return LARES_OK;
    return lares__error(LARES_EPARENT,
                        "image: a head of sequence 0, which is not the genesis "
                        "of %016" PRIx64,
                        head->link.origin);
}

/* The last event of an outbox whose every event follows the one before. */
static lares_status outbox_follow(const struct lares__image *image,
                                  struct lares__head *out)
{
    const uint8_t *at = image->outbox;
    size_t left = image->outbox_len;
    struct lares__record record;
    struct lares__head next;

    for (uint32_t i = 0; i < image->outbox_count; i++, *out = next) {
        if (lares__record_next(&at, &left, &record) < 0)
            return LARES_EFORMAT;
        next.link = record.link;
        next.hash = lares__link_hash(&next.link, record.data, record.len);
        if (i > 0 && lares__head_check(out, &next.link) < 0)
            return LARES_EPARENT;
    }
    return LARES_OK;
}

/* The outbox is the end of the chain. */
static lares_status outbox_check(const struct lares__image *image)
{
    struct lares__head last = {0};
    lares_status rc = outbox_follow(image, &last);

    if (rc < 0 || heads_equal(&last, &image->head))
        return rc;
    return lares__error(LARES_EPARENT,
                        "outbox: ends at event %" PRIu64 " of hash %016" PRIx64
                        ", the head is %" PRIu64 " of %016" PRIx64,
                        last.link.sequence, last.hash,
                        image->head.link.sequence, image->head.hash);
}

static lares_status chain_check(const struct lares__image *image)
{
    lares_status rc = origin_check(image);

    if (rc == LARES_OK && image->head.link.sequence == 0)
        rc = genesis_check(&image->head);
    if (rc == LARES_OK && image->outbox_count > 0)
        rc = outbox_check(image);
    return rc;
}

/* -- reading: all of it -- */

lares_status lares__image_read(const void *data, size_t len,
                               const struct lares__image_rules *rules,
                               struct lares__image *out)
{
    struct lares__manifest manifest;
    struct lares__image image = {0};
    lares_status rc = lares__manifest_read(data, len, rules, &manifest);

    if (rc == LARES_OK)
        rc = bodies_read(&manifest, &image);
    if (rc == LARES_OK)
        rc = chain_check(&image);
    if (rc == LARES_OK && rules->known != NULL)
        rc = lares__spec_known(&image, rules->known);
    if (rc == LARES_OK)
        *out = image;
    return rc;
}

void lares__image_name(char out[LARES__NAME_MAX + 1], const char *name,
                       size_t len)
{
    (void)snprintf(out, LARES__NAME_MAX + 1, "%.*s", (int)len, name);
}

lares_status lares__image_options(const struct lares__image *image,
                                  lares_options **out)
{
    return lares__spec_options(image, out);
}
