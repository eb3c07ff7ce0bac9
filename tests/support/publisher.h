/* publisher.h - a publisher on the bus of ears.h: its chain, and two lanes.
 *
 * An ear with a place on a lane is reached by that lane's queue, else at once.
 */
#ifndef TESTS_PUBLISHER_H
#define TESTS_PUBLISHER_H

#include "support/ears.h"

#include "bus/publish.h"
#include "chain/link.h"

#include <stdio.h>
#include <stdlib.h>

/* -- fixture: a publisher, its chain, two lanes -- */

enum {
    KIB = 1024,
    MIB = 1048576,
    LANES = 2,
    RUN = 64 /* outputs that go at once */
};

struct lane {
    struct lares__queue queue; /* first */
    uint32_t wakes;
    struct lares__input *appended; /* by its own thread, oldest first */
};

static struct lares__publisher publisher;
static struct lares__head chain;
static struct lares__receiver *full; /* of the last refusal */
static struct lane lanes[LANES];

static inline void lane_woken(struct lares__queue *queue)
{
    ((struct lane *)queue)->wakes++;
}

static inline void lane_append(struct lares__queue *queue,
                               struct lares__input *oldest)
{
    struct lares__input **end = &((struct lane *)queue)->appended;

    while (*end != NULL)
        end = &(*end)->next;
    *end = oldest;
}

static inline int publish_setup(void **state)
{
    int rc = bus_setup(state);

    memset(lanes, 0, sizeof lanes);
    for (uint32_t i = 0; i < LANES; i++) {
        lanes[i].queue.wake = lane_woken;
        lanes[i].queue.number = i;
    }
    lares__head_genesis(&chain, 7);
    full = NULL;
    return lares__publisher_init(&publisher, &bus, LANES) < 0 || rc;
}

static inline void inputs_drop(struct lares__input *input)
{
    while (input != NULL) {
        struct lares__input *next = input->next;

        lares__input_free(input, &pool);
        input = next;
    }
}

static inline int publish_teardown(void **state)
{
    lares__alloc_fail(-1, 0);
    for (int i = 0; i < LANES; i++) {
        inputs_drop(lares__queue_take(&lanes[i].queue));
        inputs_drop(lanes[i].appended);
    }
    for (int i = 0; i < EARS; i++)
        (void)ear_count(i);
    lares__publisher_fini(&publisher);
    return bus_teardown(state);
}

#define publish_test(test)                                                     \
    cmocka_unit_test_setup_teardown(test, publish_setup, publish_teardown)

/* -- tools -- */

/* an event of the chain; not linked yet */
static inline struct lares__envelope *event_new(const char *channel,
                                                const void *data, size_t len)
{
    struct lares__envelope *event =
        lares__envelope_new(&publisher.pool, len, channel, strlen(channel));

    if (event == NULL)
        return NULL;
    if (len > 0)
        memcpy(event->data, data, len);
    event->received_at = 99;
    return event;
}

/* What a program does: the event is had, then reserved, then linked. */
static inline lares_status publish_to(const struct lares__address *address,
                                      const void *data, size_t len)
{
    struct lares__envelope *event =
        event_new(address->channel != NULL ? address->channel : "", data, len);
    lares_status rc;

    if (event == NULL)
        return LARES_ENOMEM;
    event->direct = address->to != NULL;
    rc = lares__publish_reserve(&publisher, address, len, &full);
    if (rc < 0) {
        lares__envelope_release(event, &publisher.pool);
        return rc;
    }
    lares__envelope_link(event, &chain, 0);
    lares__publish_queue(&publisher, event, NULL);
    lares__publish_flush(&publisher);
    return LARES_OK;
}

static inline struct lares__address address_of(const char *channel)
{
    return (struct lares__address){.channel = channel,
                                   .channel_len = strlen(channel)};
}

static inline lares_status publish(const char *channel, const char *text)
{
    struct lares__address address = address_of(channel);

    return publish_to(&address, text, strlen(text));
}

static inline lares_status publish_as(int self, const char *channel,
                                      const char *text)
{
    struct lares__address address = address_of(channel);

    address.self = &ears[self].receiver;
    return publish_to(&address, text, strlen(text));
}

static inline lares_status send_to(int ear, const char *text)
{
    struct lares__address address = {.to = &ears[ear].receiver};

    return publish_to(&address, text, strlen(text));
}

static inline void subscribe(int ear, const char *pattern, const char *group)
{
    check_ok(ear_subscribe(ear, pattern, group));
}

static inline void place(int ear, int lane)
{
    ears[ear].receiver.queue = &lanes[lane].queue;
}

/* no space is left with an ear of this many places */
static inline void fill(int ear, uint32_t count_max)
{
    ears[ear].receiver.count_max = count_max;
    while (lares__receiver_level(&ears[ear].receiver).count < count_max)
        check_i64(lares__receiver_reserve(&ears[ear].receiver, 1, 2, 1),
                  LARES__ROOM);
}

static inline void set_posture(int ear, enum lares__posture posture)
{
    atomic_store(&ears[ear].receiver.posture, (int)posture);
}

static inline uint32_t level(int ear)
{
    return lares__receiver_level(&ears[ear].receiver).count;
}

/* takes what is in the queue of a lane; answers how many there were */
static inline uint32_t lane_count(int lane)
{
    struct lares__input *taken = lares__queue_take(&lanes[lane].queue);
    uint32_t count = 0;

    for (struct lares__input *i = taken; i != NULL; i = i->next)
        count++;
    inputs_drop(taken);
    return count;
}

#endif
