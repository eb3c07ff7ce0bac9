/* hub.h - nodes and daemons as the benchmarks use them. A failure ends the
 * program with what the library said. */
#ifndef HUB_H
#define HUB_H

#include <lares.h>
#include <stdint.h>

enum {
    HUB_PAYLOAD_MAX = 1024
};

void hub_check(lares_status status, const char *what);

lares_node *hub_node(const char *lanes);

/* lane: a label, or NULL */
void hub_register(lares_node *node, const char *kind, const char *lane,
                  const lares_daemon_ops *ops, void *user);

/* The next of a fixed sequence of identities, so that each run hashes alike;
 * lares_key_free. */
lares_key *hub_key(void);

/* pairs: spawn options as key, value, …, NULL; what has no value is left out */
lares_daemon *hub_spawn_as(lares_node *node, const char *kind,
                           const lares_key *key, const char *const pairs[]);

/* subscribe, publish: or NULL */
lares_daemon *hub_spawn(lares_node *node, const char *kind,
                        const char *subscribe, const char *publish);

/* A payload: the number of the operation, then zeros. */
void hub_publish(lares_node *node, const char *channel, uint64_t number,
                 size_t len);
void hub_deliver(lares_daemon *daemon, uint64_t number, size_t len);
uint64_t hub_number(const lares_event *event);

/* A number of a daemon, out of the table `daemons`; 0 when it is not there. */
uint64_t hub_fact(lares_node *node, uint64_t origin, const char *column);

/* Without lanes: does all that is ready. */
void hub_run(lares_node *node);

#endif
