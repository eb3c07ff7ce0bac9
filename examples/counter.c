/* counter.c - a daemon in C: counts its events, and emits the count.
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
    };

    (void)argument;
    if (!version_fits())
        return LARES_EABI;
    return lares_node_register(node, "counter", NULL, &ops, NULL, NULL);
}
