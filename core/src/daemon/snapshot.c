#include "daemon/snapshot.h"

#include "base/alloc.h"
#include "base/error.h"
#include "chain/record.h"
#include "identity/key.h"

#include <string.h>

/* -- all but the state ---------------------------------------------------- */

static struct lares__record output_record(const struct lares__host *host,
                                          const struct lares__envelope *output)
{
    return (struct lares__record){
        .channel = (const char *)output->data + output->len,
        .channel_len = output->channel_len,
        .epoch = host->epoch,
        .link = output->link,
        .data = output->data,
        .len = output->len,
    };
}

static size_t outbox_len(const struct lares__host *host, uint32_t *count_out)
{
    size_t len = 0;
    uint32_t count = 0;

    for (const struct lares__envelope *output = host->outbox.first;
         output != NULL; output = output->next) {
        struct lares__record record = output_record(host, output);

        len += lares__record_encoded_len(&record);
        count++;
    }
    *count_out = count;
    return len;
}

/* what a daemon has linked can be written: its bounds are those of emit */
static lares_status outbox_write(const struct lares__host *host, uint8_t *out)
{
    lares_status rc = LARES_OK;

    for (const struct lares__envelope *output = host->outbox.first;
         rc == LARES_OK && output != NULL; output = output->next) {
        struct lares__record record = output_record(host, output);

        rc = lares__record_encode(&record, out);
        out += lares__record_encoded_len(&record);
    }
    return rc;
}

static void portrait_words(struct lares__image *image,
                           const struct lares__host *host)
{
    image->kind = host->kind->name;
    image->kind_len = strlen(host->kind->name);
    image->name = host->name;
    image->name_len = strlen(host->name);
    image->options = host->options;
    image->version = host->kind->version;
    image->has_state = host->keep != NULL;
}

static size_t timers_len(const struct lares__host *host)
{
    return lares__timers_next(host->timers) > 1
               ? lares__timers_encoded_len(host->timers)
               : 0;
}

static uint8_t *portrait_bytes(struct lares__portrait *portrait, size_t len)
{
    portrait->bytes =
        len <= sizeof portrait->few ? portrait->few : lares__alloc(len);
    return portrait->bytes;
}

lares_status lares__portrait_take(struct lares__portrait *portrait,
                                  const struct lares__host *host, uint64_t wall,
                                  uint64_t now)
{
    struct lares__image *image = &portrait->image;
    uint8_t *bytes;

    memset(image, 0, sizeof *image);
    memcpy(image->public, lares__key_public(host->key), LARES__KEY_LEN);
    image->head = host->head;
    image->epoch = host->epoch;
    image->arrival = host->arrival;
    image->taken_at = wall;
    portrait_words(image, host);
    image->horizon_len = lares__horizon_encoded_len(&host->horizon);
    image->ledger_len = lares__ledger_size(&host->ledger);
    image->timers_len = timers_len(host);
    image->outbox_len = outbox_len(host, &image->outbox_count);
    bytes = portrait_bytes(portrait, image->horizon_len + image->ledger_len +
                                         image->timers_len + image->outbox_len);
    if (bytes == NULL)
        return LARES_ENOMEM;
    image->horizon = bytes;
    lares__horizon_encode(&host->horizon, bytes);
    image->ledger = bytes += image->horizon_len;
    lares__ledger_encode(&host->ledger, bytes);
    image->timers = bytes += image->ledger_len;
    if (image->timers_len > 0)
        lares__timers_encode(host->timers, now, bytes);
    image->outbox = bytes += image->timers_len;
    return outbox_write(host, bytes);
}

void lares__portrait_fini(struct lares__portrait *portrait)
{
    if (portrait->bytes != portrait->few)
        lares__free(portrait->bytes);
    portrait->bytes = NULL;
}

/* -- the state ------------------------------------------------------------ */

void lares__host_snapshot_offer(struct lares__host *host,
                                struct lares_call *call,
                                const struct lares__portrait *portrait,
                                uint64_t wall)
{
    const struct lares__keep *keep = host->keep;
    size_t prefix =
        portrait != NULL ? lares__image_prefix(&portrait->image) : 0;
    lares_event event = {.kind = LARES_INPUT_SNAPSHOT, .received_at = wall};

    lares__call_open(call, host, LARES__PHASE_SNAPSHOT, NULL, 0, wall);
    if (call->pulled != NULL)
        lares__call_show(call, &event);
    call->prefix = prefix;
    call->state_max = keep->max > prefix ? keep->max - prefix : 0;
    if (prefix > keep->max)
        (void)lares__call_refuse(call, LARES_ETOOBIG,
                                 "an image of more than %llu bytes",
                                 (unsigned long long)keep->max);
}

/* A puller that was never saved has committed nothing: what it lost it makes
 * again, and is asked again. */
static int is_unborn(const struct lares__host *host)
{
    return host->kind->pull && host->keep->checkpoint.block == NULL;
}

static lares_status snapshot_failed(struct lares__host *host,
                                    struct lares_call *call)
{
    lares_status code =
        call->latched == LARES_ETOOBIG ? LARES_ETOOBIG : LARES_ESNAPSHOT;
    char reason[LARES__REASON_MAX];

    lares__host_count_one(&host->counters.unsaved);
    if (call->verdict == LARES_LOST && !is_unborn(host))
        host->object = LARES__GONE;
    lares__call_reason(call, reason, sizeof reason);
    lares__call_fini(call);
    return lares__error(code, "%s: %s", host->kind->name, reason);
}

/* the block, and not much room behind the state */
static lares_bytes *snapshot_block(struct lares_call *call)
{
    lares_bytes *block = call->state;

    call->state = NULL;
    if (block == NULL)
        (void)lares__bytes_new(call->prefix, &block); /* a state of 0 bytes */
    else if (call->room > block->len / 4)
        (void)lares__bytes_grow(&block, block->len);
    call->room = 0;
    return block;
}

lares_status lares__host_snapshot_settle(struct lares__host *host,
                                         struct lares_call *call,
                                         lares_verdict verdict,
                                         struct lares__portrait *portrait,
                                         lares_bytes **image_out)
{
    struct lares__checkpoint checkpoint = {
        .at = call->prefix,
        .version = host->kind->version,
        .head = host->head,
        .sketch = host->horizon.sketch,
        .timer = lares__timers_next(host->timers)};
    lares_bytes *block;

    lares__call_close(call, verdict);
    if (lares__call_failed(call))
        return snapshot_failed(host, call);
    block = snapshot_block(call);
    lares__call_fini(call);
    if (block == NULL) {
        lares__host_count_one(&host->counters.unsaved);
        return LARES_ENOMEM;
    }
    checkpoint.block = block;
    checkpoint.len = block->len - checkpoint.at;
    lares__keep_save(host->keep, &checkpoint, call->cache);
    lares__host_count_one(&host->counters.snapshots);
    if (portrait == NULL) {
        lares__bytes_free(block);
        return LARES_OK;
    }
    portrait->image.state_len = checkpoint.len;
    lares__image_write(&portrait->image, block->data);
    *image_out = block;
    return LARES_OK;
}

static lares_status snapshot_stateless(const struct lares__host *host,
                                       struct lares__portrait *portrait,
                                       lares_bytes **image_out)
{
    size_t len = lares__image_prefix(&portrait->image);
    uint64_t max;
    lares_status rc = lares__host_image_max(host->options, &max);

    if (rc == LARES_OK && len > max)
        rc = lares__error(LARES_ETOOBIG,
                          "an image of %zu bytes, at most %llu (snapshot.max)",
                          len, (unsigned long long)max);
    if (rc == LARES_OK)
        rc = lares__bytes_new(len, image_out);
    if (rc == LARES_OK)
        lares__image_write(&portrait->image, (*image_out)->data);
    return rc;
}

lares_status
lares__host_snapshot(struct lares__host *host, struct lares_call *call,
                     struct lares__portrait *portrait, uint64_t wall,
                     const struct lares__clock *clock, lares_bytes **image_out)
{
    struct lares_call *before;
    lares_verdict verdict;
    uint64_t began;

    if (host->keep == NULL)
        return snapshot_stateless(host, portrait, image_out);
    lares__host_snapshot_offer(host, call, portrait, wall);
    began = clock->now(clock->context);
    before = lares__call_enter(call);
    verdict = host->kind->ops.snapshot(call, host->instance);
    lares__call_leave(before);
    host->keep->saved += clock->now(clock->context) - began;
    return lares__host_snapshot_settle(host, call, verdict, portrait,
                                       image_out);
}

/* -- a host from an image ------------------------------------------------- */

static lares_status adopt_state(struct lares__host *host,
                                const struct lares__image *image)
{
    struct lares__checkpoint checkpoint = {.len = image->state_len,
                                           .version = image->version,
                                           .head = host->head,
                                           .sketch = host->horizon.sketch};
    const char *kind = host->kind->name;
    lares_status rc;

    if (image->has_state && host->keep == NULL)
        return lares__error(LARES_ESTATELESS,
                            "the image has a state, kind '%s' keeps none",
                            kind);
    if (!image->has_state && host->keep != NULL)
        return lares__error(LARES_EMISSING,
                            "the image has no state, kind '%s' keeps one",
                            kind);
    if (host->keep == NULL)
        return LARES_OK;
    if (image->version > host->kind->version)
        return lares__error(LARES_EVERSION,
                            "state of version %u, kind '%s' knows %u",
                            image->version, kind, host->kind->version);
    rc = lares__bytes_new(image->state_len, &checkpoint.block);
    if (rc < 0)
        return rc;
    if (image->state_len > 0)
        memcpy(checkpoint.block->data, image->state, image->state_len);
    lares__keep_save(host->keep, &checkpoint, NULL);
    lares__bytes_free(checkpoint.block);
    return LARES_OK;
}

static lares_status adopt_ledger(struct lares__host *host,
                                 const struct lares__image *image)
{
    struct lares__ledger ledger;
    lares_status rc =
        lares__ledger_decode(image->ledger, image->ledger_len, &ledger);

    if (rc < 0)
        return rc;
    lares__ledger_fini(&host->ledger);
    host->ledger = ledger;
    host->output_len = (uint16_t)strlen(lares__host_output(host));
    return LARES_OK;
}

static lares_status adopt_output(struct lares__host *host,
                                 const struct lares__record *record,
                                 uint64_t taken_at)
{
    struct lares__envelope *output = lares__envelope_new(
        NULL, record->len,
        record->channel_len > 0 ? record->channel : lares__host_output(host),
        record->channel_len > 0 ? record->channel_len : host->output_len);

    if (output == NULL)
        return LARES_ENOMEM;
    if (record->len > 0)
        memcpy(output->data, record->data, record->len);
    output->link = record->link;
    output->hash = lares__link_hash(&output->link, output->data, output->len);
    output->received_at = taken_at;
    *host->outbox.tail = output;
    host->outbox.tail = &output->next;
    return LARES_OK;
}

static lares_status adopt_outbox(struct lares__host *host,
                                 const struct lares__image *image)
{
    const uint8_t *data = image->outbox;
    size_t len = image->outbox_len;
    lares_status rc = LARES_OK;

    for (uint32_t i = 0; rc == LARES_OK && i < image->outbox_count; i++) {
        struct lares__record record;

        rc = lares__record_next(&data, &len, &record);
        if (rc == LARES_OK)
            rc = adopt_output(host, &record, image->taken_at);
    }
    return rc;
}

lares_status lares__host_adopt(struct lares__host *host,
                               const struct lares__image *image)
{
    lares_status rc = adopt_ledger(host, image);

    if (rc == LARES_OK)
        rc = lares__horizon_decode(&host->horizon, image->horizon,
                                   image->horizon_len);
    if (rc < 0)
        return rc;
    host->head = image->head;
    host->arrival = image->arrival;
    host->given = image->arrival;
    host->begun = 1;
    rc = adopt_state(host, image);
    if (rc == LARES_OK)
        rc = adopt_outbox(host, image);
    if (rc == LARES_OK && image->timers_len > 0)
        rc = lares__timers_decode(image->timers, image->timers_len,
                                  &host->timers);
    if (host->kind->pull && host->keep != NULL) {
        host->object = LARES__SUSPECT; /* until its puller has the state */
        host->keep->replay.adopts = 1;
    }
    lares__host_show(host);
    return rc;
}
