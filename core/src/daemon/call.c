#include "daemon/call.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/utf8.h"
#include "daemon/host.h"
#include "daemon/name.h"
#include "daemon/sieve.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Design notes
 * - No core frame is on the stack while foreign code runs between two calls of
 *   `next`, so it may raise or longjmp: all state is in the call.
 * - Outputs stand in one list in the order of emission; `mark` is its tail
 *   before the input in hand, so dooming that input cuts the list there.
 * - `first` to `cursor` has been looked at; `in_hand` is the last one shown. */

static _Thread_local struct lares_call *current;

struct lares_call *lares__call_current(void)
{
    return current;
}

struct lares_call *lares__call_enter(struct lares_call *call)
{
    struct lares_call *before = current;

    current = call;
    return before;
}

void lares__call_leave(struct lares_call *before)
{
    current = before;
}

void lares__call_open(struct lares_call *call, struct lares__host *host,
                      enum lares__phase phase, struct lares__input *first,
                      uint32_t count, uint64_t now)
{
    call->host = host;
    call->now = now;
    call->phase = phase;
    call->over = 0;
    call->asked = 0;
    call->first = first;
    call->cursor = first;
    call->in_hand = NULL;
    call->left = count;
    call->shown = 0;
    call->finished = 0;
    call->bytes_left = LARES__CROSSING_BYTES;
    call->fresh = 0;
    call->seen = NULL;
    call->head = host != NULL ? &host->head : NULL;
    call->timer = 0;
    call->outputs = NULL;
    call->outputs_tail = &call->outputs;
    call->mark = &call->outputs;
    call->output_count = 0;
    call->hand_count = 0;
    call->output_bytes = 0;
    call->hand_bytes = 0;
    call->latched = LARES_OK;
    call->verdict = LARES_FAILED;
    call->text = NULL;
    call->text_lost = 0;
    call->state = NULL;
    call->room = 0;
}

void lares__call_show(struct lares_call *call, const lares_event *event)
{
    call->event = *event;
    call->shown = 1;
}

/* -- inputs --------------------------------------------------------------- */

/* whoever waits for this turn has not given up, and now cannot */
static int reply_begin(struct lares__reply *reply)
{
    int queued = LARES__REPLY_QUEUED;

    return reply->local || atomic_compare_exchange_strong(
                               &reply->state, &queued, LARES__REPLY_BEGUN);
}

static inline int input_show(struct lares_call *call,
                             struct lares__input *input)
{
    if (input->reply != NULL && !reply_begin(input->reply)) {
        input->flags |= LARES__INPUT_HOLE;
        return 0;
    }
    return call->phase == LARES__PHASE_REPLAY ||
           lares__sieve_follows(call, input) || lares__sieve_show(call, input);
}

/* the next input to hand out, past what is not shown; NULL: none fits */
static inline struct lares__input *call_advance(struct lares_call *call)
{
    struct lares__input *input;

    while (call->left > 0 && (input = call->cursor) != NULL) {
        if (call->shown > 0 && input->event->len > call->bytes_left)
            return NULL;
        if (input->arrival == 0)
            input->arrival = ++call->host->given;
        call->left--;
        call->cursor = input->next;
        if (input_show(call, input))
            return input;
    }
    return NULL;
}

/* takes the next one in hand; `mark` and its counts are as finish left them */
static inline int call_seek(struct lares_call *call)
{
    struct lares__input *input = call_advance(call);
    uint32_t len;

    if (input == NULL)
        return 0;
    len = input->event->len;
    call->in_hand = input;
    call->shown++;
    call->bytes_left -= len < call->bytes_left ? len : call->bytes_left;
    return 1;
}

int lares__call_seek(struct lares_call *call)
{
    return call_seek(call);
}

lares_status lares__call_refuse(struct lares_call *call, lares_status code,
                                const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(call->refusal, sizeof call->refusal, format, args);
    va_end(args);
    call->latched = code;
    return lares__error(code, "%s", call->refusal);
}

/* the outputs of the input in hand, for the caller of a deliver */
static lares_status reply_keep(struct lares_call *call)
{
    struct lares__reply *reply = call->in_hand->reply;
    struct lares_events *events = lares__events_new(call->hand_count);

    if (events == NULL)
        return lares__call_refuse(call, LARES_ENOMEM, "out of memory");
    for (struct lares__envelope *output = *call->mark; output != NULL;
         output = output->next) {
        lares__envelope_retain(output, 1);
        lares__events_add(events, output);
    }
    reply->events = events;
    return LARES_OK;
}

/* what the turn did to timers stands, and if one's firing was its input, that
 * is settled */
static void finish_timers(struct lares_call *call,
                          const struct lares__input *input)
{
    struct lares__timers *timers = call->host->timers;

    if (call->phase != LARES__PHASE_PROCESS)
        return;
    lares__timers_finish(timers);
    if (input->flags & LARES__INPUT_FIRING)
        lares__timers_settle(timers, input->event->link.sequence);
}

static inline int call_finish(struct lares_call *call)
{
    struct lares__input *input = call->in_hand;

    if (call->latched < 0)
        return 0;
    if (input->reply != NULL && input->reply->wanted && reply_keep(call) < 0)
        return 0;
    input->outputs = (uint16_t)call->hand_count;
    call->output_count += call->hand_count;
    call->output_bytes += call->hand_bytes;
    call->hand_count = 0;
    call->hand_bytes = 0;
    call->mark = call->outputs_tail;
    call->in_hand = NULL;
    call->finished++;
    if (call->host->timers != NULL)
        finish_timers(call, input);
    return 1;
}

static inline int call_may_go_on(const struct lares_call *call)
{
    return call->output_count < LARES__QUOTA_COUNT &&
           call->output_bytes < LARES__QUOTA_BYTES &&
           (call->cut == NULL ||
            !atomic_load_explicit(call->cut, memory_order_relaxed));
}

static int is_process(const struct lares_call *call)
{
    return call->phase == LARES__PHASE_PROCESS ||
           call->phase == LARES__PHASE_REPLAY;
}

static int has_in_hand(const struct lares_call *call)
{
    return is_process(call) && call->in_hand != NULL && call->asked;
}

/* NULL, but for the one event of a pulled SNAPSHOT or RESTORE. Apart, so that
 * the usual way stays short. */
__attribute__((noinline)) static const lares_event *
call_next_shown(struct lares_call *call)
{
    if (call->over)
        return NULL;
    call->over = call->asked || call->shown == 0;
    call->asked = 1;
    return call->over ? NULL : &call->event;
}

/* hot path: no allocation, no lock, no clock */
const lares_event *lares__call_next(struct lares_call *call)
{
    struct lares__input *input;

    if (call->over || !is_process(call))
        return call_next_shown(call);
    if (!call->asked) {
        call->asked = 1; /* the first was sought before the language was */
    } else if (!call_finish(call) || !call_may_go_on(call) ||
               !call_seek(call)) {
        call->over = 1;
        return NULL;
    }
    input = call->in_hand;
    lares__envelope_view(input->event, input->arrival, &call->event);
    call->event.flags =
        call->phase == LARES__PHASE_REPLAY ? LARES_EVENT_REPLAY : 0;
    return &call->event;
}

/* -- answers -------------------------------------------------------------- */

/* no input comes any more that could be blamed for it */
static lares_status refuse_phase(struct lares_call *call, const char *what)
{
    call->over = 1;
    return lares__call_refuse(call, LARES_EPHASE, "%s without an input in hand",
                              what);
}

static lares_status emit_check(struct lares_call *call, const char *channel,
                               const void *data, size_t len,
                               size_t *channel_len)
{
    uint64_t pending = (uint64_t)call->output_count + call->hand_count;

    if (!has_in_hand(call))
        return refuse_phase(call, "emit");
    if (data == NULL && len > 0)
        return lares__call_refuse(call, LARES_EINVAL, "emit of NULL, %zu bytes",
                                  len);
    if (channel != NULL && lares__channel_check(channel, channel_len) < 0)
        return lares__call_refuse(call, LARES_ENAME, "%s",
                                  lares__error_detail());
    if (channel != NULL && lares__channel_reserved(channel))
        return lares__call_refuse(call, LARES_EDENIED,
                                  "channel '%s' is reserved by its '$'",
                                  channel);
    if (len > LARES__PAYLOAD_MAX)
        return lares__call_refuse(call, LARES_ETOOBIG,
                                  "payload of %zu bytes, at most %d", len,
                                  LARES__PAYLOAD_MAX);
    if (call->hand_count == LARES__QUOTA_COUNT ||
        call->hand_bytes + len > LARES__QUOTA_BYTES)
        return lares__call_refuse(
            call, LARES_EQUOTA, "output quota exceeded (%d outputs, %d bytes)",
            LARES__QUOTA_COUNT, LARES__QUOTA_BYTES);
    if (lares__head_room(call->head, pending + 1) < 0)
        return lares__call_refuse(call, LARES_ESEQUENCE, "%s",
                                  lares__error_detail());
    return LARES_OK;
}

/* hot path: the payload is copied once, into a pooled envelope */
lares_status lares__call_emit(struct lares_call *call, const char *channel,
                              const void *data, size_t len)
{
    const struct lares__host *host = call->host;
    struct lares__envelope *output;
    size_t channel_len = 0;
    lares_status rc;

    if (call->latched < 0)
        return call->latched;
    rc = emit_check(call, channel, data, len, &channel_len);
    if (rc < 0)
        return rc;
    if (channel == NULL) {
        channel = lares__host_output(host);
        channel_len = host->output_len;
    }
    output = lares__envelope_new(call->cache, len, channel, channel_len);
    if (output == NULL)
        return lares__call_refuse(call, LARES_ENOMEM, "out of memory");
    if (len > 0)
        memcpy(output->data, data, len);
    output->received_at = call->now;
    *call->outputs_tail = output;
    call->outputs_tail = &output->next;
    call->hand_count++;
    call->hand_bytes += len;
    return LARES_OK;
}

/* ENOMEM, ELIMIT */
static lares_status timer_start(struct lares__host *host, int64_t delay_ms,
                                int64_t period_ms, const void *data, size_t len,
                                uint64_t *id_out)
{
    if (host->timers == NULL)
        host->timers = lares__timers_new();
    if (host->timers == NULL)
        return lares__error(LARES_ENOMEM, "out of memory");
    return lares__timers_start(host->timers, delay_ms, period_ms, data, len,
                               id_out);
}

lares_status lares__call_timer(struct lares_call *call, int64_t delay_ms,
                               int64_t period_ms, const void *data, size_t len,
                               uint64_t *id_out)
{
    lares_status rc;

    if (call->latched < 0)
        return call->latched;
    if (call->phase != LARES__PHASE_CREATE && !has_in_hand(call))
        return refuse_phase(call, "timer");
    rc = lares__timer_check(delay_ms, period_ms, data, len);
    if (rc == LARES_OK && call->timer != 0)
        *id_out = call->timer++;
    else if (rc == LARES_OK)
        rc = timer_start(call->host, delay_ms, period_ms, data, len, id_out);
    if (rc < 0)
        return lares__call_refuse(call, rc, "%s", lares__error_detail());
    return LARES_OK;
}

lares_status lares__call_cancel(struct lares_call *call, uint64_t id)
{
    if (call->latched < 0)
        return call->latched;
    if (!has_in_hand(call))
        return refuse_phase(call, "cancel");
    if (call->timer == 0 && call->host->timers != NULL)
        lares__timers_cancel(call->host->timers, id);
    return LARES_OK;
}

/* The last state tells how long this one gets: an eighth more at first, then
 * twice the room; never more than a state may have. */
static size_t state_room(const struct lares_call *call, size_t end)
{
    size_t max = call->prefix + call->state_max;
    size_t last = call->host->keep->checkpoint.len;
    size_t room = call->state != NULL ? 2 * (call->state->len + call->room)
                                      : call->prefix + last + last / 8;

    if (room > max)
        room = max;
    return room > end ? room : end;
}

static int state_reserve(struct lares_call *call, size_t end)
{
    size_t room = state_room(call, end);

    if (call->state != NULL) {
        if (lares__bytes_grow(&call->state, room) == NULL)
            return 0;
    } else {
        if (lares__bytes_new(room, &call->state) < 0)
            return 0;
        call->state->len = call->prefix;
    }
    call->room = room - call->state->len;
    return 1;
}

static void state_append(struct lares_call *call, const void *data, size_t len)
{
    lares_bytes *state = call->state;

    memcpy(state->data + state->len, data, len);
    state->len += len;
    call->room -= len;
}

/* a piece that has no room yet, or gets none */
static lares_status state_extend(struct lares_call *call, const void *data,
                                 size_t len)
{
    size_t begin = call->state != NULL ? call->state->len : call->prefix;

    if (call->latched < 0)
        return call->latched;
    if (call->phase != LARES__PHASE_SNAPSHOT ||
        (call->pulled != NULL && !call->asked))
        return lares__call_refuse(call, LARES_EPHASE,
                                  "state outside of a snapshot");
    if (data == NULL && len > 0)
        return lares__call_refuse(call, LARES_EINVAL, "state NULL, %zu bytes",
                                  len);
    if (len > call->state_max || begin - call->prefix > call->state_max - len)
        return lares__call_refuse(call, LARES_ETOOBIG,
                                  "state of more than %llu bytes",
                                  (unsigned long long)call->state_max);
    if (len > call->room && !state_reserve(call, begin + len))
        return lares__call_refuse(call, LARES_ENOMEM, "out of memory");
    if (len > 0)
        state_append(call, data, len);
    return LARES_OK;
}

/* hot path of a snapshot: room is found once, and then filled */
lares_status lares__call_state(struct lares_call *call, const void *data,
                               size_t len)
{
    if (len == 0 || len > call->room || data == NULL || call->latched < 0)
        return state_extend(call, data, len);
    state_append(call, data, len);
    return LARES_OK;
}

void lares__call_fail(struct lares_call *call, const char *text)
{
    size_t len;

    if (call->text != NULL || call->text_lost || text == NULL)
        return;
    len = strnlen(text, LARES__TEXT_MAX + 1);
    if (len > LARES__TEXT_MAX)
        len = LARES__TEXT_MAX;
    call->text = lares__alloc(len + 1);
    if (call->text == NULL) {
        call->text_lost = 1;
        return;
    }
    memcpy(call->text, text, len);
    call->text[len] = '\0';
    lares__utf8_clean(call->text); /* '?' for a character cut in two, too */
}

/* -- the end -------------------------------------------------------------- */

static const char *callback_name(enum lares__phase phase)
{
    switch (phase) {
    case LARES__PHASE_CREATE:
        return "create";
    case LARES__PHASE_SNAPSHOT:
        return "snapshot";
    case LARES__PHASE_RESTORE:
        return "restore";
    case LARES__PHASE_RECOVERY:
        return "handler";
    default:
        return "process";
    }
}

static void outputs_drop(struct lares_call *call, struct lares__envelope **from)
{
    struct lares__envelope *output = *from;

    *from = NULL;
    call->outputs_tail = from;
    while (output != NULL) {
        struct lares__envelope *next = output->next;

        lares__envelope_release(output, call->cache);
        output = next;
    }
}

void lares__call_close(struct lares_call *call, lares_verdict verdict)
{
    call->verdict = verdict;
    call->over = 1;
    if (call->in_hand == NULL)
        return;
    if (!call->asked && call->in_hand->reply == NULL) {
        call->cursor = call->in_hand; /* never handed out: no culprit */
        call->in_hand = NULL;
        return;
    }
    if (verdict == LARES_DONE && call->asked && call_finish(call))
        return;
    outputs_drop(call, call->mark);
    if (call->host->timers != NULL)
        lares__timers_undo(call->host->timers);
}

int lares__call_failed(const struct lares_call *call)
{
    return call->in_hand != NULL || call->verdict != LARES_DONE ||
           call->latched < 0 || (call->shown > 0 && !call->asked);
}

void lares__call_reason(const struct lares_call *call, char *out, size_t size)
{
    const char *callback = callback_name(call->phase);

    if (call->text != NULL)
        (void)snprintf(out, size, "%s", call->text);
    else if (call->text_lost)
        (void)snprintf(out, size, "out of memory");
    else if (call->latched < 0)
        (void)snprintf(out, size, "%s", call->refusal);
    else if (call->verdict == LARES_FAILED)
        (void)snprintf(out, size, "%s failed", callback);
    else if (call->verdict == LARES_LOST)
        (void)snprintf(out, size, "%s lost its instance", callback);
    else if (call->verdict == LARES_DONE)
        (void)snprintf(out, size, "%s took no input", callback);
    else
        (void)snprintf(out, size, "%s answered %d, which is no verdict",
                       callback, (int)call->verdict);
    out[lares__utf8_cut(out, strlen(out), size - 1)] = '\0';
}

void lares__call_fini(struct lares_call *call)
{
    outputs_drop(call, &call->outputs);
    lares__bytes_free(call->state);
    call->state = NULL;
    call->room = 0;
    lares__free(call->text);
    call->text = NULL;
}

/* -- replies -------------------------------------------------------------- */

void lares__reply_init(struct lares__reply *reply, int wanted)
{
    atomic_init(&reply->state, LARES__REPLY_QUEUED);
    atomic_init(&reply->refs, 2);
    reply->wanted = wanted;
    reply->local = 1;
    reply->status = LARES_OK;
    reply->events = NULL;
    reply->text = NULL;
    reply->next = NULL;
}

void lares__reply_fini(struct lares__reply *reply)
{
    lares__events_free(reply->events);
    lares__free(reply->text);
}

struct lares__reply *lares__reply_new(int wanted)
{
    struct lares__reply *reply = lares__alloc(sizeof *reply);

    if (reply == NULL)
        return NULL;
    lares__reply_init(reply, wanted);
    reply->local = 0;
    return reply;
}

void lares__reply_release(struct lares__reply *reply)
{
    if (atomic_fetch_sub(&reply->refs, 1) != 1)
        return;
    lares__reply_fini(reply);
    lares__free(reply);
}
