#include "hub.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void hub_check(lares_status status, const char *what)
{
    if (status == LARES_OK)
        return;
    fprintf(stderr, "benchmark: %s: %s (%s)\n", what, lares_status_text(status),
            lares_error_detail());
    exit(1);
}

/* pairs: key, value, …, NULL; a pair without a value is left out */
static lares_options *options(const char *const pairs[])
{
    lares_options *made;

    hub_check(lares_options_new(&made), "options");
    for (; pairs[0] != NULL; pairs += 2)
        if (pairs[1] != NULL)
            hub_check(lares_options_set(made, pairs[0], pairs[1]), pairs[0]);
    return made;
}

lares_node *hub_node(const char *lanes)
{
    const char *const pairs[] = {"lanes", lanes, NULL};
    lares_options *made = options(pairs);
    lares_node *node;

    hub_check(lares_node_new("bench", made, &node), "node");
    hub_check(lares_node_start(node), "start");
    lares_options_free(made);
    return node;
}

void hub_register(lares_node *node, const char *kind, const char *lane,
                  const lares_daemon_ops *ops, void *user)
{
    const char *const pairs[] = {"lane", lane, NULL};
    lares_options *made = options(pairs);

    hub_check(lares_node_register(node, kind, made, ops, user, NULL), kind);
    lares_options_free(made);
}

lares_key *hub_key(void)
{
    static uint64_t seed[4];
    lares_key *key;

    seed[0]++;
    hub_check(lares_key_new(seed, sizeof seed, &key), "key");
    return key;
}

lares_daemon *hub_spawn_as(lares_node *node, const char *kind,
                           const lares_key *key, const char *const pairs[])
{
    lares_options *made = options(pairs);
    lares_daemon *daemon;

    hub_check(lares_node_spawn(node, kind, key, made, &daemon), kind);
    lares_options_free(made);
    return daemon;
}

lares_daemon *hub_spawn(lares_node *node, const char *kind,
                        const char *subscribe, const char *publish)
{
    const char *const pairs[] = {"subscribe", subscribe, "publish", publish,
                                 NULL};
    lares_key *key = hub_key();
    lares_daemon *daemon = hub_spawn_as(node, kind, key, pairs);

    lares_key_free(key);
    return daemon;
}

/* valid until the next call on this thread */
static const void *payload(uint64_t number)
{
    static _Thread_local union {
        uint64_t number;
        unsigned char bytes[HUB_PAYLOAD_MAX];
    } data;

    data.number = number;
    return data.bytes;
}

void hub_publish(lares_node *node, const char *channel, uint64_t number,
                 size_t len)
{
    hub_check(lares_node_publish(node, channel, payload(number), len, 0),
              "publish");
}

void hub_deliver(lares_daemon *daemon, uint64_t number, size_t len)
{
    hub_check(lares_daemon_deliver(daemon, payload(number), len, 0, NULL),
              "deliver");
}

uint64_t hub_number(const lares_event *event)
{
    uint64_t number;

    memcpy(&number, event->data, sizeof number);
    return number;
}

uint64_t hub_fact(lares_node *node, uint64_t origin, const char *column)
{
    uint64_t value = 0, named = 0;
    lares_rows *rows;

    hub_check(lares_node_report(node, "daemons", &rows), "report");
    while (named != origin && lares_rows_next(rows) == LARES_OK)
        hub_check(lares_rows_u64(rows, "origin", &named), "origin");
    if (named == origin)
        hub_check(lares_rows_u64(rows, column, &value), column);
    lares_rows_free(rows);
    return value;
}

void hub_run(lares_node *node)
{
    lares_status status = lares_node_run(node, 0);

    if (status != LARES_ETIMEDOUT)
        hub_check(status, "run");
}
