/* embed.c - a C program with a node inside: it spawns a daemon, publishes to
 * it, reads what it emits, and checks that its chain has no gap.
 *
 *     cc embed.c -o embed $(pkg-config --cflags --libs lares) && ./embed
 */
#include <inttypes.h>
#include <lares.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LINES = 5,
    WAIT_MS = 5000
};

/* A program that can do nothing about a failure says what the library said. */
static void check(lares_status status, const char *what)
{
    if (status == LARES_OK)
        return;
    fprintf(stderr, "%s: %s (%s)\n", what, lares_status_text(status),
            lares_error_detail());
    exit(1);
}

/* The daemon: it is handed inputs one after the other, and emits each with its
 * letters turned round. It keeps nothing, so its instance is NULL. */
static lares_verdict mirror_process(lares_call *call, void *instance)
{
    const lares_event *event;
    char turned[64];
    size_t i;

    (void)instance;
    while ((event = lares_call_next(call)) != NULL) {
        if (event->len > sizeof turned) {
            lares_call_fail(call, "the line is too long");
            return LARES_FAILED; /* nothing of this input happens */
        }
        for (i = 0; i < event->len; i++)
            turned[i] = ((const char *)event->data)[event->len - 1 - i];
        lares_call_emit(call, NULL, turned, event->len);
    }
    return LARES_DONE; /* all these inputs and their outputs, together */
}

/* Make a node: it owns threads, and runs daemons on them until it is told to
 * stop. */
static lares_node *node_open(void)
{
    const lares_daemon_ops ops = {
        .size = sizeof ops,
        .process = mirror_process,
    };
    lares_node *node;

    check(lares_node_new("east", NULL, &node), "node");
    check(lares_node_start(node), "start");
    check(lares_node_register(node, "mirror", NULL, &ops, NULL, NULL),
          "register");
    return node;
}

/* Start a daemon between two channels, and hand out its 64-bit name. */
static uint64_t mirror_spawn(lares_node *node)
{
    lares_options *options;
    lares_daemon *daemon;
    uint64_t origin;

    check(lares_options_new(&options), "options");
    check(lares_options_set(options, "subscribe", "lines"), "subscribe");
    check(lares_options_set(options, "publish", "mirrored"), "publish");
    check(lares_node_spawn(node, "mirror", NULL, options, &daemon), "spawn");
    lares_options_free(options);
    origin = lares_daemon_origin(daemon);
    lares_daemon_free(daemon); /* our ticket; the daemon lives on */
    return origin;
}

/* Read the outputs; each must follow the one before it in the chain. */
static void outputs_read(lares_inbox *inbox, lares_chain *chain)
{
    const lares_event *event;
    lares_events *events;
    int count = 0;

    while (count < LINES) {
        check(lares_inbox_next(inbox, WAIT_MS, &events), "inbox");
        while ((event = lares_events_next(events)) != NULL) {
            check(lares_chain_check(chain, event), "chain");
            printf("%016" PRIx64 "#%" PRIu64 " %.*s\n", event->origin,
                   event->sequence, (int)event->len, (const char *)event->data);
            count++;
        }
        lares_events_free(events);
    }
}

int main(void)
{
    static const char *const lines[LINES] = {"one", "two", "three", "four",
                                             "live"};
    lares_node *node = node_open();
    lares_chain *chain;
    lares_inbox *inbox;
    int i;

    check(lares_node_subscribe(node, "mirrored", NULL, &inbox), "subscribe");
    check(lares_chain_new(mirror_spawn(node), &chain), "chain");
    for (i = 0; i < LINES; i++)
        check(lares_node_publish(node, "lines", lines[i], strlen(lines[i]),
                                 WAIT_MS),
              "publish");
    outputs_read(inbox, chain);
    printf("%d events, chain verified\n", LINES);

    check(lares_node_stop(node, WAIT_MS), "stop");
    check(lares_node_wait(node, WAIT_MS), "wait");
    lares_chain_free(chain);
    lares_inbox_free(inbox);
    lares_node_free(node);
    return 0;
}
