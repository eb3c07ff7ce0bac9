/* bench.h - variants of a benchmark, run on demand by bench/run.py.
 *
 * A program holds variants that do the same work in different ways. It runs
 * one at a time, when it is told to; run.py interleaves them, also those of
 * different programs, and takes the ratio of each round.
 *
 *     prog --list           the names of its variants
 *     prog                  reads lines "COUNT NAME", answers each with the
 *                           nanoseconds that COUNT operations took, or bytes
 *     prog --ir NAME COUNT  runs once and measures nothing: for callgrind
 *
 * What cannot prove its work ends the program. */
#ifndef BENCH_H
#define BENCH_H

#include <stdint.h>

enum {
    BENCH_BURST = 64 /* counts are multiples of it, unless rows.py says other */
};

enum bench_clock {
    BENCH_CPU, /* of the thread: what other processes take does not count */
    BENCH_WALL /* of variants that have several threads */
};

/* What variants work on. */
struct bench_subject {
    /* once, before the first variant that shares a context; or NULL */
    void (*open)(void *context);
    /* Did the last run do its work? Not timed. */
    int (*prove)(void *context, uint64_t count);
    enum bench_clock clock;
};

struct bench_variant {
    const char *name; /* NULL ends a list */
    /* count operations, timed; operation i is about the number i */
    void (*run)(void *context, uint64_t count);
    const struct bench_subject *subject;
    void *context;
};

/* The whole of main. */
int bench_main(int argc, char **argv, const struct bench_variant *variants);

/* Inside run: what counts is not the time of all of it, but this. */
void bench_spent(uint64_t amount);

/* ns of this thread: the clock of BENCH_CPU, to time a part */
uint64_t bench_now(void);

/* the process's resident memory in bytes */
uint64_t bench_resident(void);

/* Ends the program with a word about why, unless it holds. */
void bench_check(int holds, const char *what);

/* 0 + 1 + … + (count - 1): what numbered payloads add up to. */
uint64_t bench_sum(uint64_t count);

/* Whatever the compiler thinks it knows, `value` is used. */
static inline void bench_keep(uint64_t value)
{
    __asm__ volatile("" : : "r"(value) : "memory");
}

#endif
