#include "bus/letter.h"

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/utf8.h"

#include <assert.h>
#include <string.h>

enum {
    LOCK_FLOOR = 3
};

/* one block: what the pointers of the facts point to lies behind them */
struct lares__letter_slip {
    struct lares__letter_slip *next; /* younger */
    size_t size;                     /* of the whole block */
    struct lares__letter facts;
    char bytes[];
};

const char *lares__letter_reason(uint32_t reason)
{
    switch (reason) {
    case LARES__LETTER_FULL:
        return "FULL";
    case LARES__LETTER_FAILED:
        return "FAILED";
    default:
        assert(reason == LARES__LETTER_CLOSED);
        return "CLOSED";
    }
}

void lares__letters_init(struct lares__letters *letters, uint64_t count_max,
                         uint64_t bytes_max)
{
    *letters =
        (struct lares__letters){.count_max = count_max, .bytes_max = bytes_max};
    lares__mutex_init(&letters->lock, LOCK_FLOOR);
}

static void slips_free(struct lares__letter_slip *slip)
{
    while (slip != NULL) {
        struct lares__letter_slip *next = slip->next;

        lares__free(slip);
        slip = next;
    }
}

void lares__letters_fini(struct lares__letters *letters)
{
    slips_free(letters->oldest);
    lares__mutex_fini(&letters->lock);
}

/* copies len bytes and a 0 to *end, which moves behind them */
static char *slip_copy(char **end, const void *data, size_t len)
{
    char *copy = *end;

    if (len > 0)
        memcpy(copy, data, len);
    copy[len] = '\0';
    *end = copy + len + 1;
    return copy;
}

/* how much of a payload is kept: all, or nothing where it is too big by itself
 * or, beside `size` bytes, for the ring */
static size_t data_kept(size_t len, size_t size, uint64_t bytes_max)
{
    if (len > LARES__LETTER_DATA_MAX || size + len > bytes_max)
        return 0;
    return len;
}

static struct lares__letter_slip *slip_new(const struct lares__letter *facts,
                                           uint64_t bytes_max)
{
    size_t name_len = strlen(facts->name);
    size_t channel_len = facts->channel == NULL ? 0 : strlen(facts->channel);
    size_t text_len = lares__utf8_cut(facts->text, strlen(facts->text),
                                      LARES__LETTER_TEXT_MAX);
    size_t size = sizeof(struct lares__letter_slip) + name_len + channel_len +
                  text_len + 4; /* four terminators */
    size_t data_len = data_kept(facts->len, size, bytes_max);
    struct lares__letter_slip *slip = lares__alloc(size + data_len);
    char *end;

    if (slip == NULL)
        return NULL;
    slip->next = NULL;
    slip->size = size + data_len;
    slip->facts = *facts;
    end = slip->bytes;
    slip->facts.name = slip_copy(&end, facts->name, name_len);
    if (facts->channel != NULL)
        slip->facts.channel = slip_copy(&end, facts->channel, channel_len);
    slip->facts.text = slip_copy(&end, facts->text, text_len);
    slip->facts.data =
        data_len > 0 ? slip_copy(&end, facts->data, data_len) : NULL;
    return slip;
}

static void letters_append_locked(struct lares__letters *letters,
                                  struct lares__letter_slip *slip)
{
    if (letters->oldest == NULL)
        letters->oldest = slip;
    else
        letters->youngest->next = slip;
    letters->youngest = slip;
    letters->tally.count++;
    letters->tally.bytes += slip->size;
}

static int letters_over_locked(const struct lares__letters *letters)
{
    return letters->tally.count > letters->count_max ||
           letters->tally.bytes > letters->bytes_max;
}

/* takes out the oldest until the bounds hold; answers them, for freeing */
static struct lares__letter_slip *
letters_trim_locked(struct lares__letters *letters)
{
    struct lares__letter_slip *out = letters->oldest;
    struct lares__letter_slip *last = NULL;

    while (letters_over_locked(letters)) {
        last = letters->oldest;
        letters->oldest = last->next;
        letters->tally.count--;
        letters->tally.bytes -= last->size;
        letters->tally.lost++;
    }
    if (last == NULL)
        return NULL;
    last->next = NULL;
    return out;
}

void lares__letters_add(struct lares__letters *letters,
                        const struct lares__letter *facts)
{
    struct lares__letter_slip *slip = slip_new(facts, letters->bytes_max);
    struct lares__letter_slip *out = NULL;

    assert(facts->reason < LARES__LETTER_REASONS);
    lares__mutex_lock(&letters->lock);
    letters->tally.made[facts->reason]++;
    if (slip == NULL) {
        letters->tally.lost++;
    } else {
        slip->facts.id = ++letters->last_id;
        letters_append_locked(letters, slip);
        out = letters_trim_locked(letters);
    }
    lares__mutex_unlock(&letters->lock);
    slips_free(out);
}

lares_status lares__letters_each(struct lares__letters *letters,
                                 lares__letter_fn fn, void *context)
{
    lares_status rc = LARES_OK;

    lares__mutex_lock(&letters->lock);
    for (struct lares__letter_slip *slip = letters->oldest;
         slip != NULL && rc >= 0; slip = slip->next)
        rc = fn(context, &slip->facts);
    lares__mutex_unlock(&letters->lock);
    return rc;
}

/* -- by id ---------------------------------------------------------------- */

static lares_status letters_unknown(uint64_t id)
{
    return lares__error(LARES_ENOTFOUND, "no letter %llu",
                        (unsigned long long)id);
}

static lares_status slip_data(const struct lares__letter *facts,
                              lares_bytes **out)
{
    size_t kept = facts->data != NULL ? facts->len : 0;
    lares_status rc;

    if (kept < facts->len)
        return lares__error(LARES_EMISSING,
                            "a payload of %zu bytes was not kept", facts->len);
    rc = lares__bytes_new(kept, out);
    if (rc == LARES_OK && kept > 0)
        memcpy(lares__bytes_writable(*out), facts->data, kept);
    return rc;
}

lares_status lares__letters_data(struct lares__letters *letters, uint64_t id,
                                 uint64_t *receiver_out, lares_bytes **out)
{
    const struct lares__letter_slip *slip;
    lares_status rc;

    lares__mutex_lock(&letters->lock);
    slip = letters->oldest;
    while (slip != NULL && slip->facts.id != id)
        slip = slip->next;
    rc = slip == NULL ? letters_unknown(id) : slip_data(&slip->facts, out);
    if (rc == LARES_OK)
        *receiver_out = slip->facts.receiver;
    lares__mutex_unlock(&letters->lock);
    return rc;
}

/* takes a letter out, or answers NULL */
static struct lares__letter_slip *
letters_take_locked(struct lares__letters *letters, uint64_t id)
{
    struct lares__letter_slip *before = NULL;
    struct lares__letter_slip *slip = letters->oldest;

    while (slip != NULL && slip->facts.id != id) {
        before = slip;
        slip = slip->next;
    }
    if (slip == NULL)
        return NULL;
    if (before == NULL)
        letters->oldest = slip->next;
    else
        before->next = slip->next;
    if (letters->youngest == slip)
        letters->youngest = before;
    letters->tally.count--;
    letters->tally.bytes -= slip->size;
    return slip;
}

lares_status lares__letters_drop(struct lares__letters *letters, uint64_t id)
{
    struct lares__letter_slip *slip;

    lares__mutex_lock(&letters->lock);
    slip = letters_take_locked(letters, id);
    lares__mutex_unlock(&letters->lock);
    if (slip == NULL)
        return letters_unknown(id);
    lares__free(slip);
    return LARES_OK;
}

void lares__letters_clear(struct lares__letters *letters)
{
    struct lares__letter_slip *all;

    lares__mutex_lock(&letters->lock);
    all = letters->oldest;
    letters->oldest = NULL;
    letters->youngest = NULL;
    letters->tally.count = 0;
    letters->tally.bytes = 0;
    lares__mutex_unlock(&letters->lock);
    slips_free(all);
}

void lares__letters_tally(struct lares__letters *letters,
                          struct lares__letters_tally *out)
{
    lares__mutex_lock(&letters->lock);
    *out = letters->tally;
    lares__mutex_unlock(&letters->lock);
}
