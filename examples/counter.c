/* counter.c - a daemon in C: counts its events, and emits the count. It can be
 * saved and restored, so a failure costs no count, and an image goes on.
 *
 *     cc -shared -fPIC counter.c -o counter.so \
 *         $(pkg-config --cflags --libs lares)
 *     lares run ./counter.so --subscribe ticks --publish counts < events.txt
 *
 * A plug-in is a shared object that registers kinds of daemons with the node
 * that opens it: the `lares` program's, or that of a program in any language.
 */
#include <inttypes.h>
#include <lares.h>
#include <stdio.h>
#include <stdlib.h>

struct counter {
    uint64_t n;
};

/* One for each daemon that is spawned. */
static lares_verdict counter_create(lares_call *call, lares_daemon *daemon,
                                    void **instance_out, void *user)
{
    struct counter *counter = calloc(1, sizeof *counter);

    (void)call;
    (void)daemon;
    (void)user;
    if (counter == NULL)
        return LARES_FAILED;
    *instance_out = counter;
    return LARES_DONE;
}

/* A call hands out as many inputs as are there; each goes with its outputs. */
static lares_verdict counter_process(lares_call *call, void *instance)
{
    struct counter *counter = instance;
    char text[24];

    while (lares_call_next(call) != NULL) {
        int len = snprintf(text, sizeof text, "%" PRIu64, ++counter->n);

        lares_call_emit(call, NULL, text, (size_t)len);
    }
    return LARES_DONE;
}

/* The state: 8 bytes, the lowest first, on every machine. */
static lares_verdict counter_snapshot(lares_call *call, void *instance)
{
    const struct counter *counter = instance;
    uint8_t bytes[8];

    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(counter->n >> 8 * i);
    lares_call_state(call, bytes, sizeof bytes);
    return LARES_DONE;
}

/* The instance is fresh from create. */
static lares_verdict counter_restore(lares_call *call, uint32_t version,
                                     const void *data, size_t len,
                                     void *instance)
{
    struct counter *counter = instance;
    const uint8_t *bytes = data;

    (void)version;
    if (len != 8) {
        lares_call_fail(call, "a state has 8 bytes");
        return LARES_FAILED;
    }
    for (int i = 0; i < 8; i++)
        counter->n |= (uint64_t)bytes[i] << 8 * i;
    return LARES_DONE;
}

/* May a plug-in built with this lares.h use the library of the process? */
static int version_fits(void)
{
    uint32_t version = lares_abi_version();

    return version / 65536 == LARES_ABI_MAJOR &&
           version % 65536 >= LARES_ABI_MINOR;
}

LARES_API lares_status lares_plugin_open(lares_node *node,
                                         const char *argument);

lares_status lares_plugin_open(lares_node *node, const char *argument)
{
    static const lares_daemon_ops ops = {
        .size = sizeof ops,
        .create = counter_create,
        .destroy = free,
        .process = counter_process,
        .snapshot = counter_snapshot,
        .restore = counter_restore,
    };

    (void)argument;
    if (!version_fits())
        return LARES_EABI;
    return lares_node_register(node, "counter", NULL, &ops, NULL, NULL);
}
