#include "kinds.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What each kind that remembers something remembers: one number. */
struct memory {
    uint64_t n;
};

static lares_verdict memory_create(lares_call *call, lares_daemon *daemon,
                                   void **instance_out, void *user)
{
    (void)call;
    (void)daemon;
    (void)user;
    *instance_out = calloc(1, sizeof(struct memory));
    return *instance_out != NULL ? LARES_DONE : LARES_FAILED;
}

static uint64_t load_u64(const uint8_t *bytes)
{
    uint64_t n = 0;
    int i;

    for (i = 7; i >= 0; i--)
        n = n << 8 | bytes[i];
    return n;
}

static void store_u64(uint8_t *bytes, uint64_t n)
{
    int i;

    for (i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(n >> 8 * i);
}

static lares_verdict memory_snapshot(lares_call *call, void *instance)
{
    const struct memory *memory = instance;
    uint8_t state[8];

    store_u64(state, memory->n);
    lares_call_state(call, state, sizeof state);
    return LARES_DONE;
}

static lares_verdict memory_restore(lares_call *call, uint32_t version,
                                    const void *data, size_t len,
                                    void *instance)
{
    struct memory *memory = instance;

    (void)version;
    if (len != 8) {
        lares_call_fail(call, "not a state of 8 bytes");
        return LARES_FAILED;
    }
    memory->n = load_u64(data);
    return LARES_DONE;
}

static void emit_decimal(lares_call *call, uint64_t n)
{
    char text[24];
    int len = snprintf(text, sizeof text, "%" PRIu64, n);

    lares_call_emit(call, NULL, text, (size_t)len);
}

/* Copy a payload into a string, cut to what fits. */
static void event_text(const lares_event *event, char *out, size_t size)
{
    size_t len = event->len < size ? event->len : size - 1;

    memcpy(out, event->data, len);
    out[len] = '\0';
}

static lares_verdict echo_process(lares_call *call, void *instance)
{
    const lares_event *event;

    (void)instance;
    while ((event = lares_call_next(call)) != NULL)
        lares_call_emit(call, NULL, event->data, event->len);
    return LARES_DONE;
}

static lares_verdict tagged_process(lares_call *call, void *instance)
{
    const char *argument = lares_call_argument(call);
    const lares_event *event;
    char input[64];
    char output[128];
    int len;

    (void)instance;
    while ((event = lares_call_next(call)) != NULL) {
        event_text(event, input, sizeof input);
        len = snprintf(output, sizeof output, "%s:%s", argument, input);
        lares_call_emit(call, NULL, output, (size_t)len);
    }
    return LARES_DONE;
}

static lares_verdict counter_process(lares_call *call, void *instance)
{
    struct memory *counter = instance;

    while (lares_call_next(call) != NULL)
        emit_decimal(call, ++counter->n);
    return LARES_DONE;
}

/* Counts all the same, so that only a rebuild can take it back. */
static lares_verdict boom_process(lares_call *call, void *instance)
{
    struct memory *counter = instance;
    const lares_event *event;

    while ((event = lares_call_next(call)) != NULL) {
        counter->n++;
        if (event->len == 4 && memcmp(event->data, "boom", 4) == 0) {
            lares_call_fail(call, "boom");
            return LARES_FAILED;
        }
        emit_decimal(call, counter->n);
    }
    return LARES_DONE;
}

static lares_verdict sum_process(lares_call *call, void *instance)
{
    static const char refusal[] = "not 8 bytes: ";
    struct memory *sum = instance;
    const lares_event *event;
    uint8_t output[8];
    char text[64];

    while ((event = lares_call_next(call)) != NULL) {
        if (event->len != sizeof output) {
            strcpy(text, refusal);
            event_text(event, text + strlen(refusal),
                       sizeof text - strlen(refusal));
            lares_call_fail(call, text);
            return LARES_FAILED;
        }
        sum->n += load_u64(event->data);
        store_u64(output, sum->n);
        lares_call_emit(call, NULL, output, sizeof output);
    }
    return LARES_DONE;
}

static lares_verdict fail_once_process(lares_call *call, void *instance)
{
    struct memory *calls = instance;

    while (lares_call_next(call) != NULL) {
        if (calls->n++ == 0) {
            lares_call_fail(call, "first call fails");
            return LARES_FAILED;
        }
        emit_decimal(call, calls->n - 1);
    }
    return LARES_DONE;
}

/* "3:x" emits x three times, "3:x:c" emits it to channel c. */
static lares_verdict burst_process(lares_call *call, void *instance)
{
    const lares_event *event;
    unsigned times;
    char input[64];
    char output[32];
    char channel[32];
    int fields;

    (void)instance;
    while ((event = lares_call_next(call)) != NULL) {
        event_text(event, input, sizeof input);
        fields = sscanf(input, "%u:%31[^:]:%31s", &times, output, channel);
        if (fields < 2)
            return LARES_FAILED;
        while (times-- > 0)
            lares_call_emit(call, fields == 3 ? channel : NULL, output,
                            strlen(output));
    }
    return LARES_DONE;
}

/* Start the timer that "250:x" asks for; say whether it asks for one. */
static int late_start(lares_call *call, const lares_event *event)
{
    char input[64];
    uint64_t timer;
    int64_t ms;
    char *data;

    event_text(event, input, sizeof input);
    ms = strtoll(input, &data, 10);
    if (*data++ != ':')
        return 0;
    lares_call_timer(call, ms, 0, data, strlen(data), &timer);
    return 1;
}

static lares_verdict late_process(lares_call *call, void *instance)
{
    const lares_event *event;

    (void)instance;
    while ((event = lares_call_next(call)) != NULL) {
        if (event->origin == 0)
            lares_call_emit(call, NULL, event->data, event->len);
        else if (!late_start(call, event))
            return LARES_FAILED;
    }
    return LARES_DONE;
}

static lares_verdict rubbish_process(lares_call *call, void *instance)
{
    (void)instance;
    (void)lares_call_next(call);
    return 7;
}

enum {
    FORGETS = 0,   /* has no object */
    REMEMBERS = 1, /* has an object, which a failed turn leaves as it is */
    STATEFUL = 2   /* has an object that can snapshot */
};

static const struct {
    const char *name;
    lares_process_fn process;
    int memory;
} kinds[] = {
    {"echo",      echo_process,      FORGETS  },
    {"tagged",    tagged_process,    FORGETS  },
    {"counter",   counter_process,   STATEFUL },
    {"sum",       sum_process,       STATEFUL },
    {"boom",      boom_process,      STATEFUL },
    {"fail-once", fail_once_process, REMEMBERS},
    {"burst",     burst_process,     FORGETS  },
    {"late",      late_process,      FORGETS  },
    {"rubbish",   rubbish_process,   FORGETS  },
};

lares_status kind_register(lares_node *node, const char *kind,
                           const lares_options *options)
{
    lares_daemon_ops ops = {.size = sizeof ops};
    size_t i = 0;

    while (i < sizeof kinds / sizeof kinds[0] &&
           strcmp(kinds[i].name, kind) != 0)
        i++;
    if (i == sizeof kinds / sizeof kinds[0])
        return LARES_EKIND;
    ops.process = kinds[i].process;
    if (kinds[i].memory >= REMEMBERS) {
        ops.create = memory_create;
        ops.destroy = free;
    }
    if (kinds[i].memory == STATEFUL) {
        ops.snapshot = memory_snapshot;
        ops.restore = memory_restore;
    }
    return lares_node_register(node, kind, options, &ops, NULL, NULL);
}
