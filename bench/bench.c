#include "bench.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    CONTEXTS_MAX = 32
};

void bench_check(int holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "benchmark: %s\n", what);
    exit(1);
}

uint64_t bench_sum(uint64_t count)
{
    return count * (count - 1) / 2;
}

/* Is this the first time that a variant of that context runs? */
static int is_new(const void *context)
{
    static const void *known[CONTEXTS_MAX];
    static int count;

    for (int i = 0; i < count; i++)
        if (known[i] == context)
            return 0;
    bench_check(count < CONTEXTS_MAX, "too many contexts");
    known[count++] = context;
    return 1;
}

static const struct bench_variant *find(const struct bench_variant *variants,
                                        const char *name)
{
    while (variants->name != NULL && strcmp(variants->name, name) != 0)
        variants++;
    bench_check(variants->name != NULL, name);
    if (is_new(variants->context) && variants->subject->open != NULL)
        variants->subject->open(variants->context);
    return variants;
}

static uint64_t now_ns(enum bench_clock clock)
{
    struct timespec time;

    clock_gettime(
        clock == BENCH_CPU ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

uint64_t bench_now(void)
{
    return now_ns(BENCH_CPU);
}

uint64_t bench_resident(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    uint64_t pages = 0;

    bench_check(file != NULL && fscanf(file, "%*u %" SCNu64, &pages) == 1,
                "/proc/self/statm");
    fclose(file);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* what the run under way has said that it spent */
static struct {
    int said;
    uint64_t amount;
} part;

void bench_spent(uint64_t amount)
{
    part.said = 1;
    part.amount = amount;
}

static uint64_t measure(const struct bench_variant *variant, uint64_t count)
{
    const struct bench_subject *subject = variant->subject;
    uint64_t start = now_ns(subject->clock);
    uint64_t spent;

    part.said = 0;
    variant->run(variant->context, count);
    spent = now_ns(subject->clock) - start;
    bench_check(subject->prove(variant->context, count), variant->name);
    return part.said ? part.amount : spent;
}

static void serve(const struct bench_variant *variants)
{
    char line[256], name[256];
    uint64_t count;

    while (fgets(line, sizeof line, stdin) != NULL) {
        bench_check(sscanf(line, "%" SCNu64 " %255[^\n]", &count, name) == 2,
                    "expected: COUNT NAME");
        printf("%" PRIu64 "\n", measure(find(variants, name), count));
        fflush(stdout);
    }
}

static void *sleeper(void *unused)
{
    for (;;)
        pause();
    return unused;
}

/* glibc takes short cuts in its locks while a process has one thread; a
 * program that hosts daemons has more. */
static void have_threads(void)
{
    pthread_t thread;

    bench_check(pthread_create(&thread, NULL, sleeper, NULL) == 0, "thread");
}

int bench_main(int argc, char **argv, const struct bench_variant *variants)
{
    have_threads();
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        for (; variants->name != NULL; variants++)
            puts(variants->name);
    } else if (argc == 4 && strcmp(argv[1], "--ir") == 0) {
        const struct bench_variant *variant = find(variants, argv[2]);

        variant->run(variant->context, strtoull(argv[3], NULL, 10));
    } else {
        bench_check(argc == 1, "usage: [--list | --ir NAME COUNT]");
        serve(variants);
    }
    return 0;
}
