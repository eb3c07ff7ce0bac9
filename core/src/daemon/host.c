#include "daemon/host.h"

#include "base/error.h"
#include "base/options.h"
#include "base/shown.h"
#include "daemon/name.h"
#include "daemon/spec.h"
#include "identity/key.h"

#include <assert.h>
#include <string.h>

/* Design notes
 * - A turn moves arrival, chain, horizon and outputs together, in
 *   host_commit, where nothing can fail, allocate, lock or call out.
 * - An output's sketch covers the inputs up to the one that caused it, so
 *   links depend on head, horizon, shown inputs and payloads alone: never on
 *   where a batch ended.
 * - A failed turn leaves no trace but its counters. What it did to the object
 *   of a kind that can snapshot is undone by a rebuild (rebuild.h); another
 *   kind keeps its object, unless its author declared it lost. */

enum {
    ARGUMENT_MAX = 4096,
    HORIZON_DEFAULT = 1024,
    HORIZON_MAX = 65536,
    RESTART_INITIAL = 50,   /* ms */
    RESTART_MAX = 10000,    /* ms */
    RESTART_LIMIT = 3600000 /* ms, of both */
};

static const uint64_t ms = 1000000;

void lares__host_count_one(atomic_uint *counter)
{
    atomic_store_explicit(
        counter, atomic_load_explicit(counter, memory_order_relaxed) + 1,
        memory_order_relaxed);
}

/* -- life ----------------------------------------------------------------- */

static lares_status host_limits(struct lares__host *host,
                                const lares_options *options, uint64_t seed)
{
    uint64_t batch = LARES__BATCH_DEFAULT;
    uint64_t horizon = HORIZON_DEFAULT;
    uint64_t initial = RESTART_INITIAL;
    uint64_t max = RESTART_MAX;
    uint64_t attempts = 3;
    lares_status rc;

    rc = lares__options_u64(options, "batch", 1, LARES__BATCH_MAX, &batch);
    if (rc == LARES_OK)
        rc = lares__options_u64(options, "horizon.count", 1, HORIZON_MAX,
                                &horizon);
    if (rc == LARES_OK)
        rc = lares__options_u64(options, "restart.initial", 0, RESTART_LIMIT,
                                &initial);
    if (rc == LARES_OK)
        rc = lares__options_u64(options, "restart.max", 0, RESTART_LIMIT, &max);
    if (rc == LARES_OK)
        rc = lares__options_u64(options, "restart.attempts", 1, UINT32_MAX,
                                &attempts);
    if (rc < 0)
        return rc;
    host->batch = (uint16_t)batch;
    lares__horizon_init(&host->horizon, (uint32_t)horizon, seed);
    lares__restart_init(&host->restart, initial * ms, max * ms,
                        (uint32_t)attempts);
    return LARES_OK;
}

lares_status lares__host_image_max(const lares_options *options, uint64_t *out)
{
    *out = LARES__IMAGE_MAX;
    return lares__options_u64(options, "snapshot.max", 1, LARES__IMAGE_LIMIT,
                              out);
}

static lares_status host_keep(struct lares__host *host,
                              const lares_options *options)
{
    uint64_t max;
    lares_status rc = lares__host_image_max(options, &max);

    if (rc < 0 || !host->kind->stateful)
        return rc;
    host->keep = lares__keep_new(max);
    if (host->keep == NULL)
        return LARES_ENOMEM;
    host->keep->checkpoint.head = host->head;
    /* made by nobody, the object cannot be made again without a state */
    host->keep->owed = host->kind->pull || host->kind->ops.create == NULL;
    return LARES_OK;
}

/* what a daemon is besides its name and its place on the bus */
static lares_status host_options(struct lares__host *host,
                                 const lares_options *options)
{
    size_t options_count = options != NULL ? lares__options_count(options) : 0;
    lares_status rc = LARES_OK;

    for (size_t i = 0; rc == LARES_OK && i < options_count; i++) {
        const char *key;
        const char *value;

        lares__options_at(options, i, &key, &value);
        if (!lares__spec_travels(key, strlen(key)))
            continue;
        if (host->options == NULL)
            rc = lares__options_new(&host->options);
        if (rc == LARES_OK)
            rc = lares__options_set(host->options, key, value);
    }
    return rc;
}

lares_status lares__host_name(const struct lares__kind *kind,
                              const lares_options *options, const char **out)
{
    const char *name = lares__options_get(options, "name");

    *out = name != NULL ? name : kind->name;
    return lares__daemon_name_check(*out);
}

static lares_status host_words(struct lares__host *host,
                               const lares_options *options)
{
    const char *argument = lares__options_get(options, "argument");

    if (argument != NULL && strlen(argument) > ARGUMENT_MAX)
        return lares__error(LARES_ETOOBIG, "argument of %zu bytes, at most %d",
                            strlen(argument), ARGUMENT_MAX);
    return host_options(host, options);
}

static lares_status host_output(struct lares__host *host,
                                const lares_options *options)
{
    const char *channel = lares__options_get(options, "publish");
    size_t len;
    lares_status rc;

    if (channel == NULL || *channel == '\0')
        return LARES_OK;
    rc = lares__channel_check(channel, &len);
    if (rc < 0)
        return rc;
    if (lares__channel_reserved(channel))
        return lares__error(LARES_EDENIED,
                            "channel '%s' is reserved by its '$'", channel);
    rc = lares__ledger_set_output(&host->ledger, channel);
    if (rc == LARES_OK)
        host->output_len = (uint16_t)len;
    return rc;
}

lares_status lares__host_init(struct lares__host *host, const char *name,
                              struct lares__kind *kind, lares_key *key,
                              const lares_options *options, uint64_t seed)
{
    lares_status rc;

    memset(host, 0, sizeof *host);
    host->name = name;
    host->kind = kind;
    host->outbox.tail = &host->outbox.first;
    lares__ledger_init(&host->ledger);
    rc = host_limits(host, options, seed);
    if (rc < 0)
        goto fail;
    lares__head_genesis(&host->head, lares__key_origin(key));
    rc = host_words(host, options);
    if (rc == LARES_OK)
        rc = host_output(host, options);
    if (rc == LARES_OK)
        rc = host_keep(host, options);
    if (rc < 0)
        goto fail_words;
    host->key = lares__key_retain(key);
    return LARES_OK;

fail_words:
    lares__horizon_fini(&host->horizon);
    lares__options_free(host->options);
fail:
    lares__ledger_fini(&host->ledger);
    assert(rc < 0);
    return rc;
}

void lares__host_fini(struct lares__host *host, struct lares__pool_cache *cache)
{
    assert(!host->created);
    while (host->outbox.first != NULL) {
        struct lares__envelope *output = host->outbox.first;

        host->outbox.first = output->next;
        lares__envelope_release(output, cache);
    }
    lares__keep_free(host->keep, cache);
    lares__timers_free(host->timers);
    lares__horizon_fini(&host->horizon);
    lares__ledger_fini(&host->ledger);
    lares__key_release(host->key);
    lares__options_free(host->options);
}

const char *lares__host_argument(const struct lares__host *host)
{
    const char *argument = lares__options_get(host->options, "argument");

    return argument != NULL ? argument : "";
}

/* -- the object ----------------------------------------------------------- */

static lares_verdict host_enter_create(struct lares__host *host,
                                       struct lares_call *call,
                                       lares_daemon *daemon)
{
    const struct lares__kind *kind = host->kind;
    struct lares_call *before = lares__call_enter(call);
    void *instance = NULL;
    lares_verdict verdict =
        kind->ops.create(call, daemon, &instance, kind->user);

    lares__call_leave(before);
    host->created = verdict == LARES_DONE;
    host->instance = instance;
    return verdict;
}

int lares__host_make(struct lares__host *host, struct lares_call *call,
                     lares_daemon *daemon, uint64_t now)
{
    if (host->kind->pull || host->kind->ops.create == NULL) {
        host->instance = host->kind->user;
        return 1;
    }
    lares__call_open(call, host, LARES__PHASE_CREATE, NULL, 0, now);
    call->timer = host->begun ? lares__timers_next(NULL) : 0;
    lares__call_close(call, host_enter_create(host, call, daemon));
    if (lares__call_failed(call))
        return 0;
    lares__call_fini(call);
    if (host->timers != NULL && !host->begun)
        lares__timers_finish(host->timers);
    host->begun = 1;
    return 1;
}

lares_status lares__host_create(struct lares__host *host,
                                struct lares_call *call, lares_daemon *daemon,
                                uint64_t now)
{
    char reason[LARES__REASON_MAX];

    if (lares__host_make(host, call, daemon, now))
        return LARES_OK;
    lares__call_reason(call, reason, sizeof reason);
    lares__call_fini(call);
    lares__host_destroy(host, call); /* DONE, but it had answered out of turn */
    return lares__error(LARES_ECALLBACK, "%s: %s", host->kind->name, reason);
}

void lares__host_destroy(struct lares__host *host, struct lares_call *call)
{
    struct lares_call *before;

    if (!host->created)
        return;
    host->created = 0;
    before = lares__call_enter(call);
    if (host->kind->ops.destroy != NULL)
        host->kind->ops.destroy(host->instance);
    lares__call_leave(before);
    host->instance = NULL;
}

void lares__host_activate(struct lares__host *host, uint64_t epoch,
                          uint64_t now)
{
    lares__shown_set(&host->epoch, epoch);
    if (host->timers != NULL)
        lares__timers_commit(host->timers, now);
    if (host->keep != NULL)
        host->keep->checkpoint.timer = lares__timers_next(host->timers);
}

lares_status lares__host_reserve(struct lares__host *host, uint32_t count)
{
    if (host->keep != NULL && lares__tail_reserve(&host->keep->tail) < 0)
        return LARES_ENOMEM;
    if (lares__horizon_has_room(&host->horizon, count))
        return LARES_OK;
    return lares__horizon_reserve(&host->horizon, count);
}

/* -- crossing ------------------------------------------------------------- */

int lares__host_offer(struct lares__host *host, struct lares_call *call,
                      struct lares__input *first, uint32_t offered,
                      uint64_t wall)
{
    host->crossing++;
    lares__call_open(call, host, LARES__PHASE_PROCESS, first,
                     offered < host->batch ? offered : host->batch, wall);
    return lares__call_seek(call);
}

static void host_link(struct lares__host *host, struct lares__input *input,
                      struct lares__envelope **next)
{
    for (uint16_t i = 0; i < input->outputs; i++) {
        lares__envelope_link(*next, &host->head, host->horizon.sketch);
        *next = (*next)->next;
    }
}

static int is_hidden(const struct lares__input *input)
{
    return (input->flags & (LARES__INPUT_REPEAT | LARES__INPUT_HOLE)) != 0;
}

/* Of a run of inputs of one origin without outputs only the last leaves a
 * trace in the horizon, so the others need not be observed. */
static void host_observe(struct lares__host *host,
                         const struct lares__input *input,
                         const struct lares__input *end)
{
    const struct lares__envelope *event = input->event;
    const struct lares__input *next = input->next;
    uint64_t origin = event->link.origin;

    if (origin == 0)
        return;
    if (input->outputs == 0 && next != end && !is_hidden(next) &&
        next->event->link.origin == origin)
        return;
    lares__horizon_follow(&host->horizon, origin, event->link.sequence,
                          event->hash);
}

/* Up to the first unfinished input, all together. Hot path: cannot fail, does
 * not allocate, lock or call out. */
static uint32_t host_commit(struct lares__host *host, struct lares_call *call,
                            const struct lares__input *end)
{
    struct lares__envelope *output = call->outputs;
    uint64_t arrival = 0;
    uint32_t settled = 0;
    uint32_t duplicates = 0;

    for (struct lares__input *input = call->first; input != end;
         input = input->next) {
        settled++;
        arrival = input->arrival;
        duplicates += (input->flags & LARES__INPUT_REPEAT) != 0;
        if (input->flags & LARES__INPUT_FORK)
            lares__host_count_one(&host->counters.forks);
        if (is_hidden(input))
            continue;
        if (host->keep != NULL)
            input->flags |= LARES__INPUT_KEPT;
        host_observe(host, input, end);
        host_link(host, input, &output);
    }
    if (settled > 0)
        lares__shown_set(&host->arrival, arrival);
    if (duplicates > 0)
        lares__shown_add(&host->counters.duplicates, duplicates);
    lares__shown_add(&host->counters.committed, call->finished);
    if (call->outputs != NULL) {
        lares__shown_add(&host->counters.emitted, call->output_count);
        *host->outbox.tail = call->outputs;
        host->outbox.tail = call->outputs_tail;
        call->outputs = NULL;
        call->outputs_tail = &call->outputs;
    }
    return settled;
}

/* settles the failed input as well: only arrival moves */
static void host_give_up(struct lares__host *host, struct lares_call *call,
                         struct lares__outcome *out)
{
    struct lares__input *input = call->in_hand;

    lares__shown_set(&host->arrival, input->arrival);
    if (input->flags & LARES__INPUT_FIRING)
        lares__timers_settle(host->timers, input->event->link.sequence);
    out->settled++;
    out->rest = input->next;
}

/* What an author did in a turn that was not committed may show in the object
 * of a kind that could undo it; another kind keeps its object. */
static void host_doubt(struct lares__host *host, const struct lares_call *call)
{
    if (host->keep != NULL &&
        (call->verdict != LARES_DONE || call->in_hand != NULL))
        host->object = LARES__SUSPECT;
    if (call->verdict != LARES_LOST)
        return;
    if (host->keep != NULL || !host->kind->pull)
        host->object = LARES__GONE;
    else
        lares__host_count_one(
            &host->counters.lost); /* its puller has another */
}

/* Successes come first, then the failure. A failed deliver is its caller's. */
static void host_judge(struct lares__host *host, struct lares_call *call,
                       const struct lares__clock *clock,
                       struct lares__outcome *out)
{
    struct lares__input *culprit = call->in_hand;

    if (call->finished > 0)
        lares__restart_success(&host->restart);
    out->failed = lares__call_failed(call);
    if (!out->failed)
        return;
    lares__shown_add(&host->counters.failures, 1);
    host_doubt(host, call);
    out->refused = culprit != NULL && culprit->reply != NULL;
    if (out->refused) {
        host_give_up(host, call, out);
    } else if (lares__restart_failed(&host->restart, clock->now(clock->context),
                                     culprit != NULL ? culprit->arrival : 0)) {
        host_give_up(host, call, out);
        out->given_up = culprit;
    }
}

void lares__host_show(struct lares__host *host)
{
    lares__shown_set(&host->counters.sequence, host->head.link.sequence);
}

void lares__host_settle(struct lares__host *host, struct lares_call *call,
                        lares_verdict verdict, const struct lares__clock *clock,
                        struct lares__outcome *out)
{
    lares__call_close(call, verdict);
    *out = (struct lares__outcome){0};
    out->rest = call->in_hand != NULL ? call->in_hand : call->cursor;
    out->settled = host_commit(host, call, out->rest);
    host_judge(host, call, clock, out);
    if (host->timers != NULL && lares__timers_changed(host->timers))
        lares__timers_commit(host->timers, clock->now(clock->context));
    lares__host_show(host);
}

/* hot path: the language is entered once for the whole crossing */
void lares__host_cross(struct lares__host *host, struct lares_call *call,
                       struct lares__input *first, uint32_t offered,
                       uint64_t wall, const struct lares__clock *clock,
                       struct lares__outcome *out)
{
    lares_verdict verdict = LARES_DONE;

    if (lares__host_offer(host, call, first, offered, wall)) {
        struct lares_call *before = lares__call_enter(call);

        verdict = host->kind->ops.process(call, host->instance);
        lares__call_leave(before);
    }
    lares__host_settle(host, call, verdict, clock, out);
}
