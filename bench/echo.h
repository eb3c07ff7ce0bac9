/* echo.h - a daemon in any language that emits what it is handed: fed from C,
 * and the proof that it did so.
 *
 * The proof is its chain: the link of its next output must follow from the
 * outputs that it should have emitted. */
#ifndef ECHO_H
#define ECHO_H

#include <lares.h>
#include <stdint.h>

struct echo {
    lares_node *node; /* without lanes */
    lares_daemon *daemon;
    uint64_t len; /* of the payloads */
    uint64_t origin;
    uint64_t horizon;
    uint64_t sequence; /* of its last output, and its hash */
    uint64_t hash;
};

/* Spawns a kind that is registered on the node. */
void echo_open(struct echo *echo, lares_node *node, const char *kind,
               uint64_t len);

/* count events through channel "ticks", in bursts, or one by one */
void echo_burst(struct echo *echo, uint64_t count);
void echo_single(struct echo *echo, uint64_t count);

/* Have just these been echoed since the last proof? */
int echo_proved(struct echo *echo, uint64_t count);

#endif
