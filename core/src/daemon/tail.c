#include "daemon/tail.h"

#include "base/alloc.h"

#include <assert.h>
#include <string.h>

/* Design notes
 * - A record is what a replay shows, and no more: 64 bytes beside payload and
 *   channel, so the log takes about what the tail is charged.
 * - Short payloads are copied: a publisher then writes the next one into a warm
 *   block of the pool. A long one is shared with other receivers instead.
 * - The first chunks are small, because most daemons never have a long tail. */

enum {
    CHUNK_MIN = 2048 /* bytes, and twice as many in each to come */
};

struct lares__chunk {
    struct lares__chunk *next;
    uint32_t len;
    uint32_t room;
    unsigned char data[];
};

/* Behind it stands what stands together in the envelope, too: link, payload,
 * channel. Of a long payload the input itself is held, and its address stands
 * there. */
struct record {
    uint64_t arrival;
    uint64_t hash;
    uint64_t received_at;
    uint32_t len;
    uint8_t channel_len;
    uint8_t direct;
};

_Static_assert(sizeof(struct record) + sizeof(struct lares__link) ==
                   LARES__TAIL_INPUT,
               "an input takes what it is charged");
_Static_assert(offsetof(struct lares__envelope, link) % 8 == 0,
               "a block that holds the link's words holds those behind it");
_Static_assert(LARES__TAIL_INPUT + LARES__TAIL_COPIED + UINT8_MAX + 1 <=
                   CHUNK_MIN,
               "any record fits into any chunk");

static size_t record_size(uint32_t len, uint8_t channel_len)
{
    size_t behind = len > LARES__TAIL_COPIED
                        ? sizeof(struct lares__input *)
                        : sizeof(struct lares__link) + len + channel_len + 1;

    return (sizeof(struct record) + behind + 7) & ~(size_t)7;
}

/* Whole words, as both records and blocks of the pool are made of; a call of
 * memcpy, or what stands for one, takes longer than most copies. */
static inline void words_copy(void *to, const void *from, size_t len)
{
    unsigned char *out = to;
    const unsigned char *in = from;

    for (; len >= 32; len -= 32, out += 32, in += 32)
        memcpy(out, in, 32);
    for (; len > 0; len -= 8, out += 8, in += 8)
        memcpy(out, in, 8);
}

/* -- chunks --------------------------------------------------------------- */

static struct lares__chunk *chunk_new(const struct lares__chunk *before)
{
    uint32_t room = before == NULL ? CHUNK_MIN : before->room * 2;
    struct lares__chunk *chunk;

    if (room > LARES__TAIL_CHUNK)
        room = LARES__TAIL_CHUNK;
    chunk = lares__alloc(sizeof *chunk + room);
    if (chunk == NULL)
        return NULL;
    chunk->next = NULL;
    chunk->room = room;
    return chunk;
}

static void chunks_free(struct lares__tail *tail, struct lares__chunk **from)
{
    struct lares__chunk *chunk = *from;

    *from = NULL;
    while (chunk != NULL) {
        struct lares__chunk *next = chunk->next;

        lares__free(chunk);
        tail->chunks--;
        chunk = next;
    }
}

/* the log goes on in a spare chunk, or in a new one; rare */
__attribute__((noinline)) static int chunk_open(struct lares__tail *tail)
{
    struct lares__chunk **place =
        tail->last != NULL ? &tail->last->next : &tail->first;

    if (*place == NULL) {
        *place = chunk_new(tail->last);
        if (*place == NULL)
            return 0;
        tail->chunks++;
    }
    tail->last = *place;
    tail->last->len = 0;
    tail->used++;
    return 1;
}

/* -- life ----------------------------------------------------------------- */

void lares__tail_init(struct lares__tail *tail)
{
    memset(tail, 0, sizeof *tail);
    tail->late_end = &tail->late;
}

static void inputs_free(struct lares__input *input,
                        struct lares__pool_cache *pool)
{
    while (input != NULL) {
        struct lares__input *next = input->next;

        lares__input_free(input, pool);
        input = next;
    }
}

void lares__tail_reset(struct lares__tail *tail, struct lares__pool_cache *pool)
{
    inputs_free(tail->held, pool);
    inputs_free(tail->late, pool);
    if (tail->used < tail->chunks / 2)
        chunks_free(tail,
                    tail->last != NULL ? &tail->last->next : &tail->first);
    tail->count = 0;
    tail->bytes = 0;
    tail->last = NULL;
    tail->used = 0;
    tail->held = NULL;
    tail->late = NULL;
    tail->late_end = &tail->late;
}

void lares__tail_fini(struct lares__tail *tail, struct lares__pool_cache *pool)
{
    lares__tail_reset(tail, pool);
    chunks_free(tail, &tail->first);
}

/* -- writing -------------------------------------------------------------- */

static struct record *record_new(struct lares__tail *tail, size_t size)
{
    struct lares__chunk *chunk = tail->last;

    if (chunk == NULL || chunk->room - chunk->len < size) {
        if (!chunk_open(tail))
            return NULL;
        chunk = tail->last;
    }
    chunk->len += (uint32_t)size;
    return (struct record *)(void *)(chunk->data + chunk->len - size);
}

/* hot path: one copy; 0: without memory, and nothing has happened */
static int tail_write(struct lares__tail *tail, struct lares__input *input,
                      struct lares__pool_cache *pool)
{
    const struct lares__envelope *event = input->event;
    size_t size = record_size(event->len, event->channel_len);
    struct record *record = record_new(tail, size);

    if (record == NULL)
        return 0;
    record->arrival = input->arrival;
    record->hash = event->hash;
    record->received_at = event->received_at;
    record->len = event->len;
    record->channel_len = event->channel_len;
    record->direct = event->direct;
    if (event->len > LARES__TAIL_COPIED) {
        memcpy(record + 1, &input, sizeof input);
        input->next = tail->held;
        tail->held = input;
        return 1;
    }
    words_copy(record + 1,
               (const char *)event + offsetof(struct lares__envelope, link),
               size - sizeof *record);
    lares__input_free(input, pool);
    return 1;
}

/* hot path: no allocation in steady state, no lock */
void lares__tail_add(struct lares__tail *tail, struct lares__input *input,
                     struct lares__pool_cache *pool)
{
    tail->count++;
    tail->bytes += LARES__TAIL_INPUT + input->event->len;
    if (tail->late == NULL && tail_write(tail, input, pool))
        return;
    input->next = NULL;
    *tail->late_end = input;
    tail->late_end = &input->next;
}

lares_status lares__tail_reserve(struct lares__tail *tail)
{
    while (tail->late != NULL) {
        struct lares__input *next = tail->late->next;

        if (!tail_write(tail, tail->late, NULL))
            return LARES_ENOMEM;
        tail->late = next;
    }
    tail->late_end = &tail->late;
    return LARES_OK;
}

/* -- reading -------------------------------------------------------------- */

static struct lares__input *copied(const struct record *record, size_t size,
                                   struct lares__pool_cache *pool)
{
    struct lares__envelope *event =
        lares__envelope_new(pool, record->len + record->channel_len, "", 0);

    if (event == NULL)
        return NULL;
    event->len = record->len;
    event->channel_len = record->channel_len;
    event->hash = record->hash;
    event->received_at = record->received_at;
    event->direct = record->direct;
    words_copy((char *)event + offsetof(struct lares__envelope, link),
               record + 1, size - sizeof *record);
    event->input =
        (struct lares__input){.event = event, .arrival = record->arrival};
    return &event->input;
}

static struct lares__input *shared(const struct record *record,
                                   struct lares__pool_cache *pool)
{
    struct lares__input *input = lares__input_new(pool);
    const struct lares__input *held;

    if (input == NULL)
        return NULL;
    memcpy(&held, record + 1, sizeof held);
    lares__envelope_retain(held->event, 1);
    *input = (struct lares__input){.event = held->event,
                                   .arrival = record->arrival,
                                   .flags = LARES__INPUT_POOLED};
    return input;
}

struct lares__input *lares__tail_next(const struct lares__tail *tail,
                                      struct lares__tail_place *place,
                                      struct lares__pool_cache *pool)
{
    const struct record *record;
    struct lares__input *input;
    size_t size;

    assert(tail->late == NULL);
    if (place->chunk == NULL)
        place->chunk = tail->first;
    else if (place->at == place->chunk->len)
        *place = (struct lares__tail_place){place->chunk->next, 0};
    record = (const void *)(place->chunk->data + place->at);
    size = record_size(record->len, record->channel_len);
    input = record->len > LARES__TAIL_COPIED ? shared(record, pool)
                                             : copied(record, size, pool);
    if (input != NULL)
        place->at += size;
    return input;
}
