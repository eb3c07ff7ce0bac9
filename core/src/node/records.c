#include "node/records.h"

#include "base/alloc.h"
#include "base/utf8.h"
#include "node/node.h"

#include <assert.h>
#include <string.h>

/* Design notes
 * - A full ring uses the block of its oldest record again. Most records are
 *   short and have blocks of one size, so it takes no memory any more. The
 *   next oldest was not touched for a thousand records: it is fetched ahead. */

enum {
    ROOM_MIN = 56 /* of a block: a name, a kind and a short text */
};

/* one block: its texts lie behind it */
struct lares__record_slip {
    struct lares__record_slip *next; /* younger */
    uint32_t room;                   /* of bytes */
    struct lares__fact facts;
    char bytes[];
};

const char *lares__record_what_name(enum lares__record_what what)
{
    static const char *const names[] = {
        [LARES__RECORD_REGISTERED] = "REGISTERED",
        [LARES__RECORD_STARTED] = "STARTED",
        [LARES__RECORD_CRASHED] = "CRASHED",
        [LARES__RECORD_BROKEN] = "BROKEN",
        [LARES__RECORD_RESTORED] = "RESTORED",
        [LARES__RECORD_LOST] = "LOST",
        [LARES__RECORD_DIVERGED] = "DIVERGED",
        [LARES__RECORD_LOOPING] = "LOOPING",
        [LARES__RECORD_UNREGISTERED] = "UNREGISTERED",
        [LARES__RECORD_HANDLER_EVICTED] = "HANDLER_EVICTED",
    };

    assert(what > 0 && what < sizeof names / sizeof names[0]);
    return names[what];
}

void lares__records_init(struct lares__records *records)
{
    *records = (struct lares__records){0};
    lares__mutex_init(&records->lock, LARES__FLOOR_RECORDS);
}

void lares__records_fini(struct lares__records *records)
{
    struct lares__record_slip *slip = records->oldest;

    while (slip != NULL) {
        struct lares__record_slip *next = slip->next;

        lares__free(slip);
        slip = next;
    }
    lares__mutex_fini(&records->lock);
}

/* A text is as its author gave it: only what is UTF-8 of it is kept. */
static size_t text_len(const char *text)
{
    return lares__utf8_cut(text, strlen(text), LARES__RECORD_TEXT_MAX);
}

/* names were checked when they were given */
static size_t name_len(const char *name)
{
    size_t len = strlen(name);

    return len <= LARES__RECORD_TEXT_MAX ? len : text_len(name);
}

/* copies len bytes and a 0 to *end, which moves behind them */
static const char *slip_copy(char **end, const char *text, size_t len)
{
    char *copy = *end;

    memcpy(copy, text, len);
    copy[len] = '\0';
    *end = copy + len + 1;
    return copy;
}

static struct lares__record_slip *slip_new(uint32_t room)
{
    struct lares__record_slip *slip = lares__alloc(sizeof *slip + room);

    if (slip != NULL)
        slip->room = room;
    return slip;
}

/* A slip for so many bytes of text, in a full ring that of the oldest, if it
 * fits: one that was long is not kept for a short one. NULL: no memory. */
static struct lares__record_slip *
slip_take_locked(struct lares__records *records, size_t size)
{
    uint32_t room = size > ROOM_MIN ? (uint32_t)size : ROOM_MIN;
    struct lares__record_slip *oldest = records->oldest;
    struct lares__record_slip *slip;

    if (records->count < LARES__RECORDS_MAX)
        return slip_new(room);
    slip = oldest->room == room ? oldest : slip_new(room);
    if (slip == NULL)
        return NULL;
    records->oldest = oldest->next;
    records->count--;
    __builtin_prefetch(&records->oldest->next, 1);
    __builtin_prefetch(records->oldest->bytes, 1);
    if (slip != oldest)
        lares__free(oldest);
    return slip;
}

static void slip_append_locked(struct lares__records *records,
                               struct lares__record_slip *slip)
{
    slip->next = NULL;
    if (records->oldest == NULL)
        records->oldest = slip;
    else
        records->youngest->next = slip;
    records->youngest = slip;
    records->count++;
}

void lares__records_add(lares_node *node, enum lares__record_what what,
                        uint64_t origin, const char *name, const char *kind,
                        const char *text)
{
    struct lares__records *records = &node->records;
    size_t of_name = name_len(name);
    size_t of_kind = name_len(kind);
    size_t of_text = text_len(text = text != NULL ? text : "");
    struct lares__record_slip *slip;
    uint64_t n;

    lares__mutex_lock(&records->lock);
    n = ++records->last_n; /* also of one that is lost: readers see a gap */
    slip = slip_take_locked(records, of_name + of_kind + of_text + 3);
    if (slip != NULL) {
        char *end = slip->bytes;

        slip->facts = (struct lares__fact){
            .n = n,
            .time = lares__node_wall(node),
            .origin = origin,
            .name = slip_copy(&end, name, of_name),
            .kind = slip_copy(&end, kind, of_kind),
            .text = slip_copy(&end, text, of_text),
            .what = what,
        };
        slip_append_locked(records, slip);
    }
    lares__mutex_unlock(&records->lock);
}

lares_status lares__records_each(struct lares__records *records,
                                 lares__record_fn fn, void *context)
{
    lares_status rc = LARES_OK;
    uint64_t before = 0;

    lares__mutex_lock(&records->lock);
    for (struct lares__record_slip *slip = records->oldest;
         slip != NULL && rc >= 0; slip = slip->next) {
        slip->facts.lost = slip->facts.n - before - 1;
        before = slip->facts.n;
        rc = fn(context, &slip->facts);
    }
    lares__mutex_unlock(&records->lock);
    return rc;
}
