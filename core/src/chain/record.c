#include "chain/record.h"

#include "base/error.h"
#include "base/little.h"
#include "chain/envelope.h"

#include <string.h>

enum {
    AT_FLAGS = 0,
    AT_CHANNEL_LEN = 1,
    AT_GROUP_LEN = 2,
    AT_ZERO = 3,
    AT_LEN = 4,
    AT_RECEIVER = 8,
    AT_EPOCH = 16,
    HEADER_LEN = 24,
    LINK_LEN = sizeof(struct lares__link),
    FLAG_DIRECT = 4,
    NAME_MAX_LEN = UINT8_MAX
};

/* What is wrong with a record, whichever way it goes; NULL: nothing. */
static const char *record_fault(const struct lares__record *record)
{
    int addressed = record->channel_len > 0 || record->group_len > 0;

    if (record->direct && (addressed || record->receiver == 0))
        return "a direct event has a receiver and no channel";
    if (!record->direct && record->receiver != 0)
        return "only a direct event has a receiver";
    if (record->group_len > 0 && record->channel_len == 0)
        return "a queue group without a channel";
    if (record->epoch == 0)
        return "epoch 0";
    if (record->link.origin == 0)
        return "origin 0";
    if (record->link.sequence == 0)
        return "sequence 0";
    return NULL;
}

/* -- writing ------------------------------------------------------------- */

size_t lares__record_encoded_len(const struct lares__record *record)
{
    return HEADER_LEN + record->channel_len + record->group_len + LINK_LEN +
           record->len;
}

static lares_status record_writable(const struct lares__record *record)
{
    const char *fault = record_fault(record);

    if (fault != NULL)
        return lares__error(LARES_EINVAL, "event record: %s", fault);
    if (record->channel_len > NAME_MAX_LEN || record->group_len > NAME_MAX_LEN)
        return lares__error(LARES_EINVAL,
                            "event record: a name is over %d bytes",
                            NAME_MAX_LEN);
    if (record->len > LARES__PAYLOAD_MAX)
        return lares__error(LARES_ETOOBIG, "a payload of %zu bytes is over %d",
                            record->len, LARES__PAYLOAD_MAX);
    return LARES_OK;
}

static uint8_t *bytes_put(uint8_t *out, const void *data, size_t len)
{
    if (len > 0)
        memcpy(out, data, len);
    return out + len;
}

lares_status lares__record_encode(const struct lares__record *record,
                                  uint8_t *out)
{
    lares_status rc = record_writable(record);

    if (rc < 0)
        return rc;
    out[AT_FLAGS] = record->direct ? FLAG_DIRECT : 0;
    out[AT_CHANNEL_LEN] = (uint8_t)record->channel_len;
    out[AT_GROUP_LEN] = (uint8_t)record->group_len;
    out[AT_ZERO] = 0;
    lares__little_set_u32(out + AT_LEN, (uint32_t)record->len);
    lares__little_set_u64(out + AT_RECEIVER, record->receiver);
    lares__little_set_u64(out + AT_EPOCH, record->epoch);
    out = bytes_put(out + HEADER_LEN, record->channel, record->channel_len);
    out = bytes_put(out, record->group, record->group_len);
    out = bytes_put(out, &record->link, LINK_LEN);
    bytes_put(out, record->data, record->len);
    return LARES_OK;
}

/* -- reading ------------------------------------------------------------- */

/* The lengths are small enough to be added without a carry. */
static lares_status header_read(const uint8_t *data, size_t len,
                                struct lares__record *out)
{
    if (len < HEADER_LEN)
        return lares__error(LARES_EFORMAT,
                            "event record: %zu bytes are no header", len);
    if ((data[AT_FLAGS] & ~FLAG_DIRECT) != 0)
        return lares__error(LARES_EVERSION, "event record: flags %#x",
                            data[AT_FLAGS]);
    out->direct = data[AT_FLAGS] != 0;
    out->channel_len = data[AT_CHANNEL_LEN];
    out->group_len = data[AT_GROUP_LEN];
    out->len = lares__little_u32(data + AT_LEN);
    out->receiver = lares__little_u64(data + AT_RECEIVER);
    out->epoch = lares__little_u64(data + AT_EPOCH);
    if (data[AT_ZERO] != 0)
        return lares__error(LARES_EFORMAT, "event record: byte 3 is set");
    if (out->len > LARES__PAYLOAD_MAX)
        return lares__error(LARES_EFORMAT, "event record: payload of %zu bytes",
                            out->len);
    if (lares__record_encoded_len(out) > len)
        return lares__error(LARES_EFORMAT,
                            "event record: %zu bytes, of which %zu are there",
                            lares__record_encoded_len(out), len);
    return LARES_OK;
}

/* Its header has been read, and what that declares is there. */
static void body_read(const uint8_t *data, struct lares__record *out)
{
    const uint8_t *at = data + HEADER_LEN;

    out->channel = (const char *)at;
    at += out->channel_len;
    out->group = (const char *)at;
    at += out->group_len;
    memcpy(&out->link, at, LINK_LEN);
    out->data = at + LINK_LEN;
}

lares_status lares__record_next(const uint8_t **data, size_t *len,
                                struct lares__record *out)
{
    struct lares__record record;
    const char *fault;
    lares_status rc;
    size_t used;

    rc = header_read(*data, *len, &record);
    if (rc < 0)
        return rc;
    body_read(*data, &record);
    fault = record_fault(&record);
    if (fault != NULL)
        return lares__error(LARES_EFORMAT, "event record: %s", fault);
    used = lares__record_encoded_len(&record);
    *data += used;
    *len -= used;
    *out = record;
    return LARES_OK;
}

lares_status lares__record_check(const void *data, size_t len, uint32_t count)
{
    const uint8_t *at = data;
    struct lares__record record;
    lares_status rc;

    for (; count > 0; count--) {
        rc = lares__record_next(&at, &len, &record);
        if (rc < 0)
            return rc;
    }
    if (len > 0)
        return lares__error(LARES_EFORMAT,
                            "%zu bytes behind the last event record", len);
    return LARES_OK;
}
