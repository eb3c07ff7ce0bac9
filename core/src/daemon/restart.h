/* restart.h - when a daemon that failed tries again, and when it gives up.
 *
 * A pure object. The wait after n failures without a success between them is
 * 0 for n = 1, else min(initial * 2^(n-2), max). So one bad input among good
 * ones costs little, and bad ones in a row come ever slower. */
#ifndef LARES_DAEMON_RESTART_H
#define LARES_DAEMON_RESTART_H

#include <stdatomic.h>
#include <stdint.h>

/* One thread has it; reports read the atomic fields at any time. */
struct lares__restart {
    /* set at open */
    uint64_t initial_ns;
    uint64_t max_ns;
    uint32_t attempts_max; /* at one input, from 1 */

    uint32_t attempts;  /* at `input`, so far */
    uint64_t input;     /* arrival of the last culprit; 0: none */
    atomic_ullong n;    /* failures since the last success */
    atomic_ullong gate; /* ns before which nothing is tried; 0: open */
};

void lares__restart_init(struct lares__restart *restart, uint64_t initial_ns,
                         uint64_t max_ns, uint32_t attempts_max);

/* an input was committed; a replay is no success */
void lares__restart_success(struct lares__restart *restart);

/* Arrival 0 blames no input. 1: this was the last attempt at the input, which
 * is to be given up; the gate is open for what comes after it. */
int lares__restart_failed(struct lares__restart *restart, uint64_t now_ns,
                          uint64_t arrival);

/* an operator's restart: as if nothing had failed */
void lares__restart_forced(struct lares__restart *restart);

int lares__restart_open(const struct lares__restart *restart, uint64_t now_ns);

/* whether the gate was last closed for the longest wait */
int lares__restart_looping(const struct lares__restart *restart);

#endif
