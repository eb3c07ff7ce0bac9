#include "pair.h"

#include "bench.h"
#include "hub.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>

enum {
    PAYLOAD = 64
};

/* Left alone, the kernel may keep two lanes on one CPU for a whole round. */
static void keep_to_cpu(struct pair *pair)
{
    cpu_set_t set;

    if (pair->cpu < 0)
        return;
    CPU_ZERO(&set);
    CPU_SET((size_t)pair->cpu, &set);
    bench_check(pthread_setaffinity_np(pthread_self(), sizeof set, &set) == 0,
                "a row for two lanes needs two CPUs");
    pair->cpu = -1;
}

/* Answers each echo with the next number, until the last has come back. */
static lares_verdict counter_process(lares_call *call, void *instance)
{
    struct pair *pair = instance;
    uint64_t data[PAYLOAD / sizeof(uint64_t)] = {0};
    const lares_event *event;

    keep_to_cpu(pair);
    while ((event = lares_call_next(call)) != NULL) {
        pair->sum += hub_number(event);
        pair->heard++;
        if (pair->sent < pair->total) {
            data[0] = pair->sent++;
            lares_call_emit(call, NULL, data, sizeof data);
        } else if (pair->heard == pair->total) {
            sem_post(&pair->done);
        }
    }
    return LARES_DONE;
}

static lares_verdict echo_process(lares_call *call, void *instance)
{
    const lares_event *event;

    (void)instance;
    while ((event = lares_call_next(call)) != NULL)
        lares_call_emit(call, NULL, event->data, event->len);
    return LARES_DONE;
}

static const lares_daemon_ops counter_ops = {
    .size = sizeof(lares_daemon_ops),
    .process = counter_process,
};

static const lares_daemon_ops echo_ops = {
    .size = sizeof(lares_daemon_ops),
    .process = echo_process,
};

void pair_open(struct pair *pair, lares_node *node, const char *side,
               const char *echo)
{
    char there[32], counter[32], echo_own[32];

    *pair = (struct pair){.node = node, .cpu = -1};
    bench_check(sem_init(&pair->done, 0, 0) == 0, "semaphore");
    snprintf(pair->back, sizeof pair->back, "back.%s", side);
    snprintf(there, sizeof there, "there.%s", side);
    snprintf(counter, sizeof counter, "counter-%s", side);
    snprintf(echo_own, sizeof echo_own, "echo-%s", side);
    hub_register(node, counter, side, &counter_ops, pair);
    if (echo == NULL) {
        hub_register(node, echo_own, side, &echo_ops, NULL);
        echo = echo_own;
    }
    lares_daemon_free(hub_spawn(node, counter, pair->back, there));
    lares_daemon_free(hub_spawn(node, echo, there, pair->back));
}

void pair_start(struct pair *pair, uint64_t round_trips, uint64_t flying)
{
    pair->total = round_trips + flying;
    pair->sent = flying;
    pair->heard = pair->sum = 0;
    for (uint64_t i = 0; i < flying; i++)
        hub_publish(pair->node, pair->back, i, PAYLOAD);
}

void pair_finish(struct pair *pair)
{
    while (sem_wait(&pair->done) != 0)
        continue; /* a signal */
}

int pair_proved(const struct pair *pair)
{
    return pair->heard == pair->total && pair->sum == bench_sum(pair->total);
}

void couple_open(struct couple *couple, lares_node *node, const char *left_echo,
                 const char *right_echo)
{
    pair_open(&couple->pairs[0], node, "left", left_echo);
    pair_open(&couple->pairs[1], node, "right", right_echo);
    for (int i = 0; i < 2; i++)
        couple->pairs[i].cpu = i;
}

/* a round trip is two events */
static uint64_t round_trips(uint64_t count)
{
    return count / 4;
}

void couple_run(void *context, uint64_t count)
{
    struct couple *couple = context;

    for (int i = 0; i < 2; i++)
        pair_start(&couple->pairs[i], round_trips(count), BENCH_BURST);
    for (int i = 0; i < 2; i++)
        pair_finish(&couple->pairs[i]);
}

int couple_proved(void *context, uint64_t count)
{
    const struct couple *couple = context;
    uint64_t total = round_trips(count) + BENCH_BURST;

    for (int i = 0; i < 2; i++)
        if (couple->pairs[i].total != total || !pair_proved(&couple->pairs[i]))
            return 0;
    return 1;
}
