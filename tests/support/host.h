/* host.h - a daemon without a node: a host whose callbacks a test writes, and
 * inputs made by hand.
 *
 * There is one at a time. What a test leaves in it goes at the test's end. */
#ifndef TESTS_HOST_H
#define TESTS_HOST_H

#include "support/pool.h"

#include "base/options.h"
#include "daemon/host.h"
#include "identity/key.h"

struct rig {
    struct lares__kind kind;
    char name[LARES__NAME_MAX + 1];
    struct lares__host host;
    struct lares_call call;
    lares_key *key;             /* NULL: the rig is not open */
    struct lares__input *first; /* its mailbox */
    struct lares__input *last;
    struct lares__outcome outcome;  /* of the last crossing */
    char reason[LARES__REASON_MAX]; /* if that failed; else "" */
    struct lares__head verified;    /* of its chain, so far */
    uint64_t wall;                  /* unix ns of its next crossing */
    uint64_t now;                   /* monotonic ns */
    uint64_t clock_reads;
};

static struct rig rig;

/* A stranger whose events come: its chain. */
struct source {
    struct lares__head head;
};

/* -- life -- */

static inline uint64_t rig_now(void *context)
{
    (void)context;
    rig.clock_reads++;
    return rig.now;
}

static const struct lares__clock rig_clock = {rig_now, NULL};

static inline lares_status rig_init(va_list pairs)
{
    lares_options *options = NULL;
    const char *key, *name;
    lares_status rc = lares__options_new(&options);

    while (rc == LARES_OK && (key = va_arg(pairs, const char *)) != NULL)
        rc = lares__options_set(options, key, va_arg(pairs, const char *));
    if (rc == LARES_OK)
        rc = lares__host_name(&rig.kind, options, &name);
    if (rc == LARES_OK) {
        strcpy(rig.name, name);
        rc = lares__host_init(&rig.host, rig.name, &rig.kind, rig.key, options,
                              1);
    }
    lares__options_free(options);
    return rc;
}

/* Makes the host of a kind with this process, which others of its callbacks
 * and `user` may join before create. Then come spawn options, NULL behind. */
static inline lares_status rig_open(lares_process_fn process, ...)
{
    static const uint8_t seed[LARES__KEY_LEN] = {7};
    va_list pairs;
    lares_status rc;

    memset(&rig, 0, sizeof rig);
    strcpy(rig.kind.name, "worker");
    rig.kind.ops.process = process;
    rig.call.cache = &pool;
    rc = lares__key_from_seed(seed, &rig.key);
    if (rc < 0)
        return rc;
    va_start(pairs, process);
    rc = rig_init(pairs);
    va_end(pairs);
    if (rc < 0) {
        lares__key_release(rig.key);
        rig.key = NULL;
    } else {
        lares__head_genesis(&rig.verified, lares__key_origin(rig.key));
    }
    return rc;
}

static inline void rig_drop_inputs(void)
{
    while (rig.first != NULL) {
        struct lares__input *input = rig.first;

        rig.first = input->next;
        lares__input_free(input, &pool);
    }
}

static inline void rig_close(void)
{
    if (rig.key == NULL)
        return;
    rig_drop_inputs();
    lares__host_destroy(&rig.host, &rig.call);
    lares__host_fini(&rig.host, &pool);
    lares__key_release(rig.key);
    rig.key = NULL;
}

static inline int rig_setup(void **state)
{
    memset(&rig, 0, sizeof rig);
    return pool_setup(state);
}

static inline int rig_teardown(void **state)
{
    lares__alloc_fail(-1, 0);
    rig_close();
    return pool_teardown(state);
}

#define rig_test(test)                                                         \
    cmocka_unit_test_setup_teardown(test, rig_setup, rig_teardown)

/* -- inputs -- */

static inline struct source source_new(uint64_t origin)
{
    struct source source;

    lares__head_genesis(&source.head, origin);
    return source;
}

/* an event that is linked nowhere, as a timer's; on channel "in" */
static inline struct lares__envelope *event_of(const void *data, size_t len)
{
    struct lares__envelope *event = lares__envelope_new(&pool, len, "in", 2);

    check(event != NULL);
    if (len > 0)
        memcpy(event->data, data, len);
    event->link = (struct lares__link){0, 0, 0, 0};
    event->hash = 0;
    event->received_at = 0;
    return event;
}

/* the next event of a source */
static inline struct lares__envelope *source_next(struct source *source,
                                                  const char *text)
{
    struct lares__envelope *event = event_of(text, strlen(text));

    lares__envelope_link(event, &source->head, 0);
    return event;
}

/* Puts an event into the mailbox; its reference goes along. */
static inline struct lares__input *rig_push(struct lares__envelope *event)
{
    struct lares__input *input = lares__input_new(&pool);

    check(input != NULL);
    input->next = NULL;
    input->event = event;
    input->to = NULL;
    input->reply = NULL;
    input->arrival = 0;
    input->cost = 0;
    input->outputs = 0;
    if (rig.first == NULL)
        rig.first = input;
    else
        rig.last->next = input;
    rig.last = input;
    return input;
}

static inline struct lares__input *rig_push_text(const char *text)
{
    return rig_push(event_of(text, strlen(text)));
}

static inline void rig_push_many(uint32_t count, const char *payload)
{
    while (count-- > 0)
        rig_push_text(payload);
}

/* a payload of `len` zeros */
static inline void rig_push_zeros(size_t len)
{
    struct lares__envelope *event = lares__envelope_new(&pool, len, "in", 2);

    memset(event->data, 0, len);
    event->link = (struct lares__link){0, 0, 0, 0};
    event->received_at = 0;
    rig_push(event);
}

/* the same event once more */
static inline struct lares__input *rig_push_again(struct lares__envelope *event)
{
    lares__envelope_retain(event, 1);
    return rig_push(event);
}

static inline uint32_t rig_waiting(void)
{
    uint32_t count = 0;

    for (struct lares__input *i = rig.first; i != NULL; i = i->next)
        count++;
    return count;
}

/* -- crossings -- */

/* what the node does with the inputs afterwards */
static inline void rig_settle(void)
{
    uint32_t settled = 0;

    rig.reason[0] = '\0';
    if (rig.outcome.failed)
        lares__call_reason(&rig.call, rig.reason, sizeof rig.reason);
    lares__call_fini(&rig.call);
    while (rig.first != rig.outcome.rest) {
        struct lares__input *input = rig.first;

        rig.first = input->next;
        lares__host_retire(&rig.host, input, &pool);
        settled++;
    }
    check_u64(settled, rig.outcome.settled);
}

/* One crossing over what is in the mailbox, at most `count` inputs of it. */
static inline void rig_cross(uint32_t count)
{
    check_ok(lares__host_reserve(&rig.host, rig.host.batch));
    lares__host_cross(&rig.host, &rig.call, rig.first, count, rig.wall,
                      &rig_clock, &rig.outcome);
    rig_settle();
}

/* -- outputs -- */

static inline struct lares__envelope *rig_output(uint32_t index)
{
    struct lares__envelope *output = rig.host.outbox.first;

    while (output != NULL && index-- > 0)
        output = output->next;
    check(output != NULL);
    return output;
}

static inline uint32_t rig_outputs(void)
{
    uint32_t count = 0;

    for (struct lares__envelope *output = rig.host.outbox.first; output != NULL;
         output = output->next)
        count++;
    return count;
}

/* an output has this payload */
static inline void check_output(uint32_t index, const char *text)
{
    const struct lares__envelope *output = rig_output(index);

    check_u64(output->len, strlen(text));
    check_mem(output->data, text, output->len);
}

static inline void check_crossing(uint32_t settled, int failed,
                                  uint32_t outputs)
{
    check_u64(rig.outcome.settled, settled);
    check_i64(rig.outcome.failed, failed);
    check_u64(rig_outputs(), outputs);
}

/* whether the last failure blamed an input */
static inline void check_culprit(int blamed)
{
    check_u64(rig.host.restart.input != 0, blamed != 0);
}

/* takes the oldest output out of the outbox, and checks that it is the next of
 * the chain; the caller releases it */
static inline struct lares__envelope *rig_take_output(void)
{
    struct lares__outbox *outbox = &rig.host.outbox;
    struct lares__envelope *output = outbox->first;

    check_ok(lares__head_check(&rig.verified, &output->link));
    check_u64(lares__link_hash(&output->link, output->data, output->len),
              output->hash);
    rig.verified.link = output->link;
    rig.verified.hash = output->hash;
    outbox->first = output->next;
    if (outbox->first == NULL)
        outbox->tail = &outbox->first;
    return output;
}

/* Empties the outbox; its end is the head of the chain. */
static inline void rig_take_outputs(void)
{
    while (rig.host.outbox.first != NULL)
        lares__envelope_release(rig_take_output(), &pool);
    check_mem(&rig.verified.link, &rig.host.head.link,
              sizeof rig.host.head.link);
    check_u64(rig.verified.hash, rig.host.head.hash);
}

/* -- a process whose inputs say what it does -- */

/* Plays the letters of a payload:
 *   .  nothing              e  emits the payload    n  the same, on "named"
 *   $  emits where it must not                      !  fails, "boom"
 *   ;  is DONE at once      x  lost its instance    9  answers 99
 * Answers the verdict, or -1 to go on. */
static inline lares_verdict script_play(lares_call *call,
                                        const lares_event *event)
{
    const char *letter = event->data;

    for (size_t i = 0; i < event->len; i++, letter++)
        switch (*letter) {
        case 'e':
            (void)lares__call_emit(call, NULL, event->data, event->len);
            break;
        case 'n':
            (void)lares__call_emit(call, "named", event->data, event->len);
            break;
        case '$':
            (void)lares__call_emit(call, "$x", event->data, event->len);
            break;
        case '!':
            lares__call_fail(call, "boom");
            return LARES_FAILED;
        case ';':
            return LARES_DONE;
        case 'x':
            return LARES_LOST;
        case '9':
            return 99;
        default:
            break;
        }
    return -1;
}

static inline lares_verdict script(lares_call *call, void *instance)
{
    const lares_event *event;
    lares_verdict verdict = -1;

    (void)instance;
    while (verdict < 0 && (event = lares__call_next(call)) != NULL)
        verdict = script_play(call, event);
    return verdict < 0 ? LARES_DONE : verdict;
}

#endif
