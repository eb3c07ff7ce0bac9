/* ears.h - a bus with receivers that keep what they hear.
 *
 * An ear is an inbox without a lock, for tests of one thread: what it was let
 * in stands in its list until the test hears it. */
#ifndef TESTS_EARS_H
#define TESTS_EARS_H

#include "support/pool.h"

#include "bus/bus.h"
#include "chain/envelope.h"

enum {
    EARS = 8
};

struct ear {
    struct lares__receiver receiver; /* first */
    struct lares__input *first;
    struct lares__input *last;
    uint32_t waiting; /* inputs in the list */
    int open;         /* it holds a reference to itself */
    int destroyed;
};

static struct lares__bus bus;
static struct ear ears[EARS];

/* -- ears -- */

static inline void ear_accept(struct lares__receiver *receiver,
                              struct lares__input *input)
{
    struct ear *ear = (struct ear *)receiver;

    input->next = NULL;
    if (ear->first == NULL)
        ear->first = input;
    else
        ear->last->next = input;
    ear->last = input;
    ear->waiting++;
}

static inline void ear_destroy(struct lares__receiver *receiver)
{
    ((struct ear *)receiver)->destroyed++;
}

static const struct lares__receiver_ops ear_ops = {ear_accept, ear_destroy};

/* numbers fall, so that the order of making is not the order of reserving */
static inline void ear_open(int index, uint32_t count_max, uint32_t bytes_max)
{
    static const char *const names[EARS] = {"ear-0", "ear-1", "ear-2", "ear-3",
                                            "ear-4", "ear-5", "ear-6", "ear-7"};
    struct ear *ear = &ears[index];

    memset(ear, 0, sizeof *ear);
    ear->receiver.count_max = count_max;
    ear->receiver.bytes_max = bytes_max;
    ear->receiver.ops = &ear_ops;
    ear->receiver.number = EARS - (uint64_t)index;
    ear->receiver.origin = 1000 + (uint64_t)index;
    ear->receiver.name = names[index];
    atomic_init(&ear->receiver.refs, 1);
    ear->open = 1;
}

/* Takes the oldest input off the list and out of the level. */
static inline struct lares__input *ear_pop(struct ear *ear)
{
    struct lares__input *input = ear->first;

    ear->first = input->next;
    ear->waiting--;
    if (lares__receiver_settle(&ear->receiver, 1, input->cost))
        lares__bus_room(&bus, &ear->receiver);
    return input;
}

/* the payloads it holds, as "a b c"; it holds none of them afterwards */
static inline const char *ear_hear(int index)
{
    static char line[4096];
    struct ear *ear = &ears[index];
    size_t len = 0;

    line[0] = '\0';
    while (ear->first != NULL) {
        struct lares__input *input = ear_pop(ear);
        const struct lares__envelope *event = input->event;

        check(len + event->len + 2 < sizeof line);
        if (len > 0)
            line[len++] = ' ';
        memcpy(line + len, event->data, event->len);
        len += event->len;
        line[len] = '\0';
        lares__input_free(input, &pool);
    }
    return line;
}

#define check_hears(ear, expected) check_str(ear_hear(ear), expected)

/* the same, of which only the number counts */
static inline uint32_t ear_count(int index)
{
    struct ear *ear = &ears[index];
    uint32_t count = 0;

    for (; ear->first != NULL; count++)
        lares__input_free(ear_pop(ear), &pool);
    return count;
}

static inline void ear_close(int index)
{
    struct ear *ear = &ears[index];

    if (!ear->open)
        return;
    ear->open = 0;
    (void)ear_count(index);
    lares__receiver_release(&ear->receiver);
}

static inline lares_status ear_subscribe(int index, const char *pattern,
                                         const char *group)
{
    return lares__bus_subscribe(&bus, pattern, group, &ears[index].receiver);
}

static inline void ear_unsubscribe(int index, const char *pattern,
                                   const char *group)
{
    lares__bus_unsubscribe(&bus, pattern, group, &ears[index].receiver);
}

/* -- life -- */

static inline int bus_setup(void **state)
{
    int rc = pool_setup(state);

    lares__bus_init(&bus, 1024, 8 * 1024 * 1024);
    for (int i = 0; i < EARS; i++)
        ear_open(i, 1024, 8 * 1024 * 1024);
    return rc;
}

/* whoever holds a reference to an ear has dropped it by now */
static inline int bus_teardown(void **state)
{
    int left = 0;

    lares__alloc_fail(-1, 0);
    for (int i = 0; i < EARS; i++) {
        ear_close(i);
        left += ears[i].destroyed != 1;
    }
    lares__bus_fini(&bus);
    if (left > 0)
        print_error("%d ears are held by somebody\n", left);
    return pool_teardown(state) || left > 0;
}

#endif
