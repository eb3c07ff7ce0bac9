#include "chain/envelope.h"

#include "base/hash.h"

#include <string.h>

_Static_assert(offsetof(struct lares__envelope, data) ==
                   offsetof(struct lares__envelope, link) +
                       sizeof(struct lares__link),
               "the link stands directly before the payload");
_Static_assert(sizeof(struct lares__input) <= LARES__POOL_SMALL,
               "an input fits in a small block");

/* A channel's name is short: a call would take longer than the copy. */
static inline void name_copy(unsigned char *to, const char *name, size_t len)
{
    for (; len >= 8; len -= 8, to += 8, name += 8)
        memcpy(to, name, 8);
    for (; len > 0; len--)
        *to++ = (unsigned char)*name++;
    *to = '\0';
}

/* hot path: no allocation in steady state, no lock */
struct lares__envelope *lares__envelope_new(struct lares__pool_cache *cache,
                                            size_t len, const char *channel,
                                            size_t channel_len)
{
    size_t size =
        offsetof(struct lares__envelope, data) + len + channel_len + 1;
    uint8_t class = lares__pool_class(size);
    struct lares__envelope *envelope = lares__pool_get(cache, class, size);

    if (envelope == NULL)
        return NULL;
    envelope->next = NULL;
    atomic_init(&envelope->refs, 1);
    envelope->len = (uint32_t)len;
    envelope->class = class;
    envelope->channel_len = (uint8_t)channel_len;
    envelope->direct = 0;
    name_copy(envelope->data + len, channel, channel_len);
    return envelope;
}

void lares__envelope_retain(struct lares__envelope *envelope, unsigned count)
{
    atomic_fetch_add_explicit(&envelope->refs, count, memory_order_relaxed);
}

/* hot path: one one-shot hash over link and payload */
void lares__envelope_link(struct lares__envelope *envelope,
                          struct lares__head *head, uint64_t sketch)
{
    struct lares__link *link = &envelope->link;

    link->origin = head->link.origin;
    link->horizon = head->link.horizon = sketch;
    link->parent = head->link.parent = head->hash;
    link->sequence = ++head->link.sequence;
    head->hash = envelope->hash =
        lares__hash64(link, sizeof(struct lares__link) + envelope->len);
}

const char *lares__envelope_channel(const struct lares__envelope *envelope)
{
    if (envelope->direct || envelope->channel_len == 0)
        return NULL;
    return (const char *)envelope->data + envelope->len;
}

void lares__envelope_view(const struct lares__envelope *envelope,
                          uint64_t arrival, lares_event *out)
{
    out->origin = envelope->link.origin;
    out->sequence = envelope->link.sequence;
    out->parent = envelope->link.parent;
    out->horizon = envelope->link.horizon;
    out->hash = envelope->hash;
    out->arrival = arrival;
    out->received_at = envelope->received_at;
    out->data = envelope->data;
    out->len = envelope->len;
    out->channel = lares__envelope_channel(envelope);
    out->kind = LARES_INPUT_EVENT;
    out->flags = 0;
}

struct lares__input *lares__input_new(struct lares__pool_cache *cache)
{
    struct lares__input *input = lares__pool_get(cache, 0, LARES__POOL_SMALL);

    if (input != NULL)
        input->flags = LARES__INPUT_POOLED;
    return input;
}
