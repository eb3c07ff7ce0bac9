#include "counter.h"

#include "bench.h"

#include <stdlib.h>
#include <string.h>

void counter_init(struct counter *counter, uint64_t words)
{
    *counter = (struct counter){.words = words};
    counter->table = calloc(words, sizeof *counter->table);
    bench_check(counter->table != NULL, "memory");
    for (uint64_t i = 0; i < words; i++)
        memcpy(counter->table[i].word, &i, sizeof i);
}

void counter_fini(struct counter *counter)
{
    free(counter->table);
}

int counter_hear(struct counter *counter, const void *data)
{
    uint64_t number;

    memcpy(&number, data, sizeof number);
    if (number == COUNTER_POISON)
        return 0;
    counter->table[number % counter->words].count++;
    counter->total++;
    return 1;
}

uint64_t counter_write(const struct counter *counter, uint64_t first,
                       unsigned char *out, size_t room, size_t *len_out)
{
    size_t len = 0;

    for (; first < counter->words && len + COUNTER_RECORD <= room; first++) {
        const struct counter_word *word = &counter->table[first];

        memcpy(out + len, &word->count, sizeof word->count);
        memcpy(out + len + sizeof word->count, word->word, COUNTER_WORD);
        len += COUNTER_RECORD;
    }
    *len_out = len;
    return first;
}

int counter_read(struct counter *counter, const void *data, size_t len)
{
    const unsigned char *from = data;

    if (len != counter->words * COUNTER_RECORD)
        return 0;
    counter->total = 0;
    for (uint64_t i = 0; i < counter->words; i++) {
        struct counter_word *word = &counter->table[i];

        memcpy(&word->count, from, sizeof word->count);
        memcpy(word->word, from + sizeof word->count, COUNTER_WORD);
        counter->total += word->count;
        from += COUNTER_RECORD;
    }
    return 1;
}

/* -- as a daemon ---------------------------------------------------------- */

static lares_verdict create(lares_call *call, lares_daemon *daemon,
                            void **instance_out, void *user)
{
    struct counter_recipe *recipe = user;
    struct counter *counter = malloc(sizeof *counter);

    (void)call;
    (void)daemon;
    bench_check(counter != NULL, "memory");
    counter_init(counter, recipe->words);
    counter->saving = &recipe->saved;
    recipe->counter = counter;
    *instance_out = counter;
    return LARES_DONE;
}

static void destroy(void *instance)
{
    counter_fini(instance);
    free(instance);
}

static lares_verdict process(lares_call *call, void *instance)
{
    const lares_event *event;

    while ((event = lares_call_next(call)) != NULL)
        if (!counter_hear(instance, event->data))
            return LARES_FAILED;
    return LARES_DONE;
}

static lares_verdict snapshot(lares_call *call, void *instance)
{
    struct counter *counter = instance;
    unsigned char chunk[COUNTER_CHUNK];
    uint64_t began = bench_now();
    size_t len;

    for (uint64_t first = 0; first < counter->words;) {
        first = counter_write(counter, first, chunk, sizeof chunk, &len);
        lares_call_state(call, chunk, len);
    }
    *counter->saving += bench_now() - began;
    return LARES_DONE;
}

static lares_verdict restore(lares_call *call, uint32_t version,
                             const void *data, size_t len, void *instance)
{
    (void)call;
    (void)version;
    return counter_read(instance, data, len) ? LARES_DONE : LARES_FAILED;
}

const lares_daemon_ops counter_ops = {
    .size = sizeof(lares_daemon_ops),
    .create = create,
    .destroy = destroy,
    .process = process,
    .snapshot = snapshot,
    .restore = restore,
};

const lares_daemon_ops counter_plain_ops = {
    .size = sizeof(lares_daemon_ops),
    .create = create,
    .destroy = destroy,
    .process = process,
};
