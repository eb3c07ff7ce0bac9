#include "node/records.h"

#include "base/alloc.h"
#include "base/utf8.h"
#include "node/node.h"

#include <assert.h>
#include <string.h>

/* one block: its texts lie behind it */
struct lares__record_slip {
    struct lares__record_slip *next; /* younger */
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

static size_t text_len(const char *text)
{
    return lares__utf8_cut(text, strlen(text), LARES__RECORD_TEXT_MAX);
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

static struct lares__record_slip *slip_new(const struct lares__fact *facts)
{
    size_t name_len = text_len(facts->name);
    size_t kind_len = text_len(facts->kind);
    size_t len = text_len(facts->text);
    struct lares__record_slip *slip =
        lares__alloc(sizeof *slip + name_len + kind_len + len + 3);
    char *end;

    if (slip == NULL)
        return NULL;
    slip->next = NULL;
    slip->facts = *facts;
    end = slip->bytes;
    slip->facts.name = slip_copy(&end, facts->name, name_len);
    slip->facts.kind = slip_copy(&end, facts->kind, kind_len);
    slip->facts.text = slip_copy(&end, facts->text, len);
    return slip;
}

/* appends it; answers the one that has no place any more, or NULL */
static struct lares__record_slip *
records_append_locked(struct lares__records *records,
                      struct lares__record_slip *slip)
{
    struct lares__record_slip *out = NULL;

    if (records->oldest == NULL)
        records->oldest = slip;
    else
        records->youngest->next = slip;
    records->youngest = slip;
    if (records->count == LARES__RECORDS_MAX) {
        out = records->oldest;
        records->oldest = out->next;
    } else {
        records->count++;
    }
    return out;
}

void lares__records_add(lares_node *node, enum lares__record_what what,
                        uint64_t origin, const char *name, const char *kind,
                        const char *text)
{
    struct lares__records *records = &node->records;
    struct lares__record_slip *slip = slip_new(&(struct lares__fact){
        .origin = origin,
        .name = name,
        .kind = kind,
        .text = text != NULL ? text : "",
        .what = what,
    });
    struct lares__record_slip *out = NULL;
    uint64_t n;

    lares__mutex_lock(&records->lock);
    n = ++records->last_n; /* also of one that is lost: readers see a gap */
    if (slip != NULL) {
        slip->facts.n = n;
        slip->facts.time = node->io->ops->wall(node->io);
        out = records_append_locked(records, slip);
    }
    lares__mutex_unlock(&records->lock);
    lares__free(out);
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
