/* pair.h - two daemons that hand events to each other: the load that needs no
 * program, once it is started. One end is C and counts, the other echoes. */
#ifndef PAIR_H
#define PAIR_H

#include <lares.h>
#include <semaphore.h>
#include <stdint.h>

struct pair {
    lares_node *node;
    char back[32];  /* the channel that the counting end listens to */
    uint64_t total; /* of the numbers of this run, from 0 on */
    uint64_t sent;
    uint64_t heard;
    uint64_t sum; /* of the numbers heard */
    int cpu;      /* the lane shall keep to it; -1: to any */
    sem_t done;
};

/* side: a word, the lane label of the counting end. echo: a kind that is
 * registered, or NULL for one in C with the same label. */
void pair_open(struct pair *pair, lares_node *node, const char *side,
               const char *echo);

/* Hands over the first `flying` numbers; each echo is answered by the next, so
 * that many are under way, until round_trips more have been made. */
void pair_start(struct pair *pair, uint64_t round_trips, uint64_t flying);

/* Waits for the end, with lanes; without, it must be there. */
void pair_finish(struct pair *pair);

/* Did every number come back once? */
int pair_proved(const struct pair *pair);

/* Two pairs that know nothing of each other, each with a lane label of its own
 * ("left", "right"), which is the same lane where a node has only one. */
struct couple {
    const char *lanes; /* of their node */
    struct pair pairs[2];
};

void couple_open(struct couple *couple, lares_node *node, const char *left_echo,
                 const char *right_echo);

/* variants of bench.h; an operation is one event */
void couple_run(void *context, uint64_t count);
int couple_proved(void *context, uint64_t count);

#endif
