#include "support/ears.h"

#include "base/thread.h"
#include "bus/publish.h"
#include "bus/route.h"
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

static void lane_woken(struct lares__queue *queue)
{
    ((struct lane *)queue)->wakes++;
}

static void lane_append(struct lares__queue *queue,
                        struct lares__input *oldest)
{
    struct lares__input **end = &((struct lane *)queue)->appended;

    while (*end != NULL)
        end = &(*end)->next;
    *end = oldest;
}

static int publish_setup(void **state)
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

static void inputs_drop(struct lares__input *input)
{
    while (input != NULL) {
        struct lares__input *next = input->next;

        lares__input_free(input, &pool);
        input = next;
    }
}

static int publish_teardown(void **state)
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
static struct lares__envelope *event_new(const char *channel, const void *data,
                                         size_t len)
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
static lares_status publish_to(const struct lares__address *address,
                               const void *data, size_t len)
{
    struct lares__envelope *event = event_new(
        address->channel != NULL ? address->channel : "", data, len);
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

static struct lares__address address_of(const char *channel)
{
    return (struct lares__address){.channel = channel,
                                   .channel_len = strlen(channel)};
}

static lares_status publish(const char *channel, const char *text)
{
    struct lares__address address = address_of(channel);

    return publish_to(&address, text, strlen(text));
}

static lares_status publish_as(int self, const char *channel, const char *text)
{
    struct lares__address address = address_of(channel);

    address.self = &ears[self].receiver;
    return publish_to(&address, text, strlen(text));
}

static lares_status send_to(int ear, const char *text)
{
    struct lares__address address = {.to = &ears[ear].receiver};

    return publish_to(&address, text, strlen(text));
}

static void subscribe(int ear, const char *pattern, const char *group)
{
    check_ok(ear_subscribe(ear, pattern, group));
}

static void place(int ear, int lane)
{
    ears[ear].receiver.queue = &lanes[lane].queue;
}

/* no space is left with an ear of this many places */
static void fill(int ear, uint32_t count_max)
{
    ears[ear].receiver.count_max = count_max;
    while (lares__receiver_level(&ears[ear].receiver).count < count_max)
        check_i64(lares__receiver_reserve(&ears[ear].receiver, 1, 2, 1),
                  LARES__ROOM);
}

static void set_posture(int ear, enum lares__posture posture)
{
    atomic_store(&ears[ear].receiver.posture, (int)posture);
}

static uint32_t level(int ear)
{
    return lares__receiver_level(&ears[ear].receiver).count;
}

/* -- cases: who gets it -- */

static void test_publish__all_subscribers_get_it(void **state)
{
    (void)state;
    subscribe(0, "a.b", NULL);
    subscribe(1, "a.*", NULL);
    subscribe(2, "a.>", NULL);
    subscribe(3, "a.c", NULL);
    check_ok(publish("a.b", "one"));
    check_ok(publish("a.b", "two"));
    for (int i = 0; i < 3; i++)
        check_hears(i, "one two");
    check_hears(3, "");
}

static void test_publish__no_receiver_is_fine(void **state)
{
    (void)state;
    check_ok(publish("a.b", "lost"));
    check_u64(publisher.chosen_count, 0);
}

/* id: BC02 (`a.*` and `a.>` -> once) */
static void test_publish__many_entries_get_it_once(void **state)
{
    (void)state;
    subscribe(0, "a.*", NULL);
    subscribe(0, "a.>", NULL);
    subscribe(0, "a.b", NULL);
    check_ok(publish("a.b", "x"));
    check_hears(0, "x");
}

/* id: BC02 (own outputs never) */
static void test_publish__senders_never_get_their_own(void **state)
{
    (void)state;
    subscribe(0, "a.b", NULL);
    subscribe(0, "a.*", "pool");
    subscribe(1, "a.*", "pool");
    subscribe(2, "a.*", NULL);
    subscribe(3, "a.*", "alone");
    check_ok(publish_as(0, "a.b", "x"));
    check_hears(0, "");
    check_hears(1, "x");
    check_hears(3, "x");
    check_ok(publish_as(3, "a.b", "y"));
    check_hears(3, "");
    check_hears(2, "x y");
}

/* id: BC02 (plain and group -> once) */
static void test_publish__plain_and_group_get_it_once(void **state)
{
    (void)state;
    subscribe(0, "a.b", NULL);
    subscribe(0, "a.*", "pool");
    subscribe(1, "a.*", "pool");
    for (int i = 0; i < 4; i++)
        check_ok(publish("a.b", "x"));
    check_hears(0, "x x x x");
    check_hears(1, "x x x x");
}

/* Two groups choose the same one: it gets the event, once. */
static void test_publish__member_of_two_groups_gets_it_once(void **state)
{
    (void)state;
    subscribe(0, "a.b", "p");
    subscribe(0, "a.b", "q");
    ears[0].receiver.count_max = 1;
    check_ok(publish("a.b", "x"));
    check_u64(level(0), 1);
    check_hears(0, "x");
}

static void test_publish__member_of_two_groups_gets_one_letter(void **state)
{
    struct lares__letters_tally tally;

    (void)state;
    subscribe(0, "a.b", "p");
    subscribe(0, "a.b", "q");
    fill(0, 1);
    set_posture(0, LARES__SICK);
    check_ok(publish("a.b", "x"));
    lares__letters_tally(&bus.letters, &tally);
    check_u64(tally.count, 1);
}

static void test_publish__one_event_is_shared(void **state)
{
    struct lares__envelope *event;

    (void)state;
    for (int i = 0; i < 3; i++)
        subscribe(i, "a.b", NULL);
    check_ok(publish("a.b", "payload"));
    event = ears[0].first->event;
    check_u64(atomic_load(&event->refs), 3);
    for (int i = 0; i < 3; i++) {
        struct lares__input *input = ears[i].first;

        check(input->event == event);
        check(input->to == &ears[i].receiver);
        check(input->reply == NULL);
        check_u64(input->arrival, 0);
        check_u64(input->cost, lares__cost(7));
        check_u64(input->outputs, 0);
        check_i64(input->flags & ~LARES__INPUT_POOLED, 0);
    }
    check_u64(event->link.sequence, 1);
    check_str(lares__envelope_channel(event), "a.b");
}

static void test_publish__subscriptions_count_at_once(void **state)
{
    (void)state;
    check_ok(publish("a.b", "1"));
    subscribe(0, "a.b", NULL);
    check_ok(publish("a.b", "2"));
    subscribe(1, "a.b", NULL);
    check_ok(publish("a.b", "3"));
    ear_unsubscribe(0, "a.b", NULL);
    check_ok(publish("a.b", "4"));
    check_hears(0, "2 3");
    check_hears(1, "3 4");
}

static void test_publish__closed_one_is_no_receiver(void **state)
{
    (void)state;
    subscribe(0, "a.b", NULL);
    subscribe(1, "a.b", NULL);
    subscribe(2, "a.b", "pool");
    fill(0, 1);
    lares__receiver_close(&ears[0].receiver);
    lares__receiver_close(&ears[2].receiver);
    check_ok(publish("a.b", "x"));
    check_hears(1, "x");
    check_u64(level(2), 0);
}

/* id: BM01 (payloads of 0 bytes and 0x00 intact) */
static void test_publish__payloads_are_intact(void **state)
{
    static const unsigned char zeros[] = {0, 1, 0, 0, 255, 0};
    struct lares__address address = address_of("a.b");

    (void)state;
    subscribe(0, "a.b", NULL);
    check_ok(publish_to(&address, NULL, 0));
    check_ok(publish_to(&address, zeros, sizeof zeros));
    check_u64(ears[0].first->event->len, 0);
    check_u64(ears[0].last->event->len, sizeof zeros);
    check_mem(ears[0].last->event->data, zeros, sizeof zeros);
}

/* id: BM01 (16 MiB passes) */
static void test_publish__largest_event_fits_at_half(void **state)
{
    struct lares__address address = address_of("a.b");
    unsigned char *large = calloc(1, LARES__PAYLOAD_MAX);

    (void)state;
    subscribe(0, "a.b", NULL);
    large[LARES__PAYLOAD_MAX - 1] = 9;
    check_ok(publish_to(&address, large, LARES__PAYLOAD_MAX));
    check_status(publish("a.b", "x"), LARES_EAGAIN);
    check_mem(ears[0].first->event->data, large, LARES__PAYLOAD_MAX);
    check_u64(ear_count(0), 1);
    check_ok(publish("a.b", "x"));
    free(large);
}

/* -- cases: space -- */

/* part of BM02: one of three is full */
static void test_publish__goes_to_all_or_to_none(void **state)
{
    struct lares__head before = chain;

    (void)state;
    for (int i = 0; i < 3; i++)
        subscribe(i, "a.b", NULL);
    fill(1, 4);
    check_status(publish("a.b", "x"), LARES_EAGAIN);
    check(full == &ears[1].receiver);
    check_u64(level(0) + level(2), 0);
    check_mem(&chain, &before, sizeof chain);
    lares__receiver_give_back(&ears[1].receiver, 2);
    check_ok(publish("a.b", "y"));
    check_hears(0, "y");
    check_hears(2, "y");
    check_u64(level(1), 4);
}

static void test_publish__evicting_one_is_never_full(void **state)
{
    (void)state;
    subscribe(0, "a.b", NULL);
    fill(0, 4);
    ears[0].receiver.evicts = 1;
    check_ok(publish("a.b", "x"));
    check_u64(level(0), 5);
}

static void test_publish__sick_one_without_space_gets_a_letter(void **state)
{
    struct lares__letters_tally tally;

    (void)state;
    subscribe(0, "a.b", NULL);
    subscribe(1, "a.b", NULL);
    set_posture(0, LARES__SICK);
    check_ok(publish("a.b", "1"));
    check_hears(0, "1"); /* it has space */
    fill(0, 4);
    check_ok(publish("a.b", "2"));
    check_hears(1, "1 2");
    lares__letters_tally(&bus.letters, &tally);
    check_u64(tally.made[LARES__LETTER_FULL], 1);
    set_posture(0, LARES__PAUSED);
    check_status(publish("a.b", "3"), LARES_EAGAIN);
}

static lares_status check_letter(void *context,
                                 const struct lares__letter *letter)
{
    (void)context;
    check_u64(letter->reason, LARES__LETTER_FULL);
    check_u64(letter->time, 99);
    check_u64(letter->receiver, 1000);
    check_str(letter->name, "ear-0");
    check_u64(letter->origin, 7);
    check_u64(letter->sequence, 1);
    check_str(letter->channel, "a.b");
    check_mem(letter->data, "payload", 7);
    check_u64(letter->len, 7);
    return LARES_EDONE;
}

static void test_publish__letter_tells_all_facts(void **state)
{
    (void)state;
    subscribe(0, "a.b", NULL);
    fill(0, 4);
    set_posture(0, LARES__SICK);
    check_ok(publish("a.b", "payload"));
    check_status(lares__letters_each(&bus.letters, check_letter, NULL),
                 LARES_EDONE);
}

static void test_publish__letters_wait_for_the_event(void **state)
{
    struct lares__letters_tally tally;

    (void)state;
    subscribe(0, "a.b", NULL);
    subscribe(1, "a.b", NULL);
    fill(0, 4);
    set_posture(0, LARES__SICK);
    fill(1, 4);
    check_status(publish("a.b", "x"), LARES_EAGAIN);
    check(full == &ears[1].receiver);
    lares__letters_tally(&bus.letters, &tally);
    check_u64(tally.count, 0);
}

/* -- cases: sent to one -- */

static void test_publish__send_reaches_one(void **state)
{
    (void)state;
    subscribe(0, ">", NULL);
    check_ok(send_to(1, "x"));
    check_hears(0, "");
    check(lares__envelope_channel(ears[1].first->event) == NULL);
    check_hears(1, "x");
}

static void test_publish__send_finds_no_space(void **state)
{
    (void)state;
    fill(0, 4);
    check_status(send_to(0, "x"), LARES_EAGAIN);
    check(full == &ears[0].receiver);
    set_posture(0, LARES__SICK);
    full = NULL;
    check_status(send_to(0, "x"), LARES_EDOWN);
    check_detail("ear-0");
    check(full == NULL);
    lares__receiver_close(&ears[0].receiver);
    check_status(send_to(0, "x"), LARES_ECLOSED);
    check_detail("ear-0");
}

static void test_publish__send_to_a_sick_one_with_space_is_fine(void **state)
{
    (void)state;
    set_posture(0, LARES__SICK);
    check_ok(send_to(0, "x"));
    check_hears(0, "x");
}

static void test_publish__first_of_a_line_passes(void **state)
{
    struct lares__address address = {.to = &ears[0].receiver};

    (void)state;
    fill(0, 6);
    ears[0].receiver.count_max = 8;
    atomic_store(&ears[0].receiver.waiting, 1);
    check_status(send_to(0, "x"), LARES_EAGAIN);
    address.first = &ears[1].receiver; /* of another line */
    check_status(publish_to(&address, "x", 1), LARES_EAGAIN);
    address.first = &ears[0].receiver;
    check_ok(publish_to(&address, "x", 1));
    atomic_store(&ears[0].receiver.waiting, 0);
}

/* -- cases: queue groups -- */

static void pool_of(int count)
{
    for (int i = 0; i < count; i++)
        subscribe(i, "a.b", "pool");
}

static void publish_many(int count)
{
    while (count-- > 0)
        check_ok(publish("a.b", "x"));
}

/* id: BC03 (300 events -> 100 each) */
static void test_publish__group_takes_turns(void **state)
{
    (void)state;
    pool_of(3);
    publish_many(3);
    for (int i = 0; i < 3; i++)
        check_u64(level(i), 1);
    publish_many(297);
    for (int i = 0; i < 3; i++)
        check_u64(ear_count(i), 100);
}

/* id: BC03 (a member in BACKOFF or full -> passed over) */
static void test_publish__group_passes_over_who_cannot(void **state)
{
    (void)state;
    pool_of(4);
    set_posture(1, LARES__PAUSED);
    set_posture(2, LARES__SICK);
    fill(3, 4);
    publish_many(10);
    check_u64(ear_count(0), 10);
    check_u64(ear_count(1) + ear_count(2) + ears[3].waiting, 0);
    set_posture(1, LARES__RUNNING);
    publish_many(10);
    check_u64(ear_count(0), 5);
    check_u64(ear_count(1), 5);
}

/* id: BC03 (all full -> EAGAIN) */
static void test_publish__group_of_full_ones_refuses(void **state)
{
    (void)state;
    pool_of(3);
    for (int i = 0; i < 3; i++)
        fill(i, 4);
    check_status(publish("a.b", "x"), LARES_EAGAIN);
    check(full == &ears[2].receiver); /* whose turn it was */
    lares__receiver_give_back(&ears[1].receiver, 2);
    check_ok(publish("a.b", "x"));
    check_u64(ears[1].waiting, 1);
}

/* Nobody is RUNNING, but there is space: the one whose turn it is counts. */
static void test_publish__group_of_paused_ones_takes_turns(void **state)
{
    (void)state;
    pool_of(3);
    for (int i = 0; i < 3; i++)
        set_posture(i, LARES__PAUSED);
    publish_many(30);
    for (int i = 0; i < 3; i++)
        check_u64(ear_count(i), 10);
}

static void test_publish__group_of_sick_full_ones_gets_letters(void **state)
{
    struct lares__letters_tally tally;

    (void)state;
    pool_of(2);
    for (int i = 0; i < 2; i++) {
        fill(i, 1);
        set_posture(i, LARES__SICK);
    }
    publish_many(4);
    lares__letters_tally(&bus.letters, &tally);
    check_u64(tally.made[LARES__LETTER_FULL], 4);
}

static void test_publish__group_skips_who_has_ended(void **state)
{
    (void)state;
    pool_of(3);
    lares__receiver_close(&ears[1].receiver);
    publish_many(10);
    check_u64(ear_count(0), 5);
    check_u64(ear_count(2), 5);
    lares__receiver_close(&ears[0].receiver);
    lares__receiver_close(&ears[2].receiver);
    check_ok(publish("a.b", "x"));
}

/* What was refused has reached nobody, so it was nobody's turn. */
static void test_publish__refused_one_takes_no_turn(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++)
        subscribe(i, "a.b", "a-group");
    subscribe(2, "a.b", "b-group");
    for (int i = 0; i < 20; i++) {
        fill(2, 4);
        check_status(publish("a.b", "x"), LARES_EAGAIN);
        lares__receiver_give_back(&ears[2].receiver, 2);
        check_ok(publish("a.b", "x"));
    }
    check_u64(ear_count(0), 10);
    check_u64(ear_count(1), 10);
}

static void test_publish__groups_get_it_each(void **state)
{
    (void)state;
    subscribe(0, "a.b", "p");
    subscribe(1, "a.b", "p");
    subscribe(2, "a.*", "q");
    subscribe(3, "a.>", NULL);
    publish_many(10);
    check_u64(ear_count(0), 5);
    check_u64(ear_count(1), 5);
    check_u64(ear_count(2), 10);
    check_u64(ear_count(3), 10);
}

/* -- cases: lanes -- */

static uint32_t lane_count(int lane)
{
    struct lares__input *taken = lares__queue_take(&lanes[lane].queue);
    uint32_t count = 0;

    for (struct lares__input *i = taken; i != NULL; i = i->next)
        count++;
    inputs_drop(taken);
    return count;
}

static void queue_one(const char *channel, const char *text)
{
    struct lares__address address = address_of(channel);
    struct lares__envelope *event = event_new(channel, text, strlen(text));

    check_ok(lares__publish_reserve(&publisher, &address, event->len, &full));
    lares__envelope_link(event, &chain, 0);
    lares__publish_queue(&publisher, event, NULL);
}

static void test_publish__flush_pushes_once_a_lane(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        subscribe(i, "a.b", NULL);
        place(i, i % LANES);
    }
    for (int i = 0; i < 5; i++)
        queue_one("a.b", "x");
    check(lares__queue_take(&lanes[0].queue) == NULL);
    lares__publish_flush(&publisher);
    for (int i = 0; i < LANES; i++) {
        check_u64(lanes[i].wakes, 1);
        check_u64(lane_count(i), 10);
    }
    lares__publish_flush(&publisher);
    check_u64(lanes[0].wakes, 1);
}

static void test_publish__lane_gets_events_in_order(void **state)
{
    struct lares__input *taken;
    uint64_t sequence = 0;

    (void)state;
    subscribe(0, ">", NULL);
    place(0, 1);
    queue_one("a", "1");
    queue_one("b", "2");
    queue_one("a", "3");
    lares__publish_flush(&publisher);
    queue_one("b", "4");
    lares__publish_flush(&publisher);
    taken = lares__queue_take(&lanes[1].queue);
    for (struct lares__input *i = taken; i != NULL; i = i->next)
        check_u64(i->event->link.sequence, ++sequence);
    check_u64(sequence, 4);
    inputs_drop(taken);
}

/* A lane appends to its own mailboxes, without its queue. */
static void test_publish__own_lane_appends(void **state)
{
    uint64_t sequence = 0;

    (void)state;
    publisher.own = &lanes[0].queue;
    publisher.append = lane_append;
    subscribe(0, "a.b", NULL);
    place(0, 0);
    for (int i = 0; i < 3; i++)
        queue_one("a.b", "x");
    lares__publish_flush(&publisher);
    check_u64(lanes[0].wakes, 0);
    check(lares__queue_take(&lanes[0].queue) == NULL);
    for (struct lares__input *i = lanes[0].appended; i != NULL; i = i->next)
        check_u64(i->event->link.sequence, ++sequence);
    check_u64(sequence, 3);
}

static void test_publish__reply_goes_to_the_one_delivered_to(void **state)
{
    struct lares__address address = {.to = &ears[0].receiver};
    struct lares__reply *reply = (struct lares__reply *)&address;
    struct lares__envelope *event = event_new("", "x", 1);

    (void)state;
    check_ok(lares__publish_reserve(&publisher, &address, 1, &full));
    lares__envelope_link(event, &chain, 0);
    lares__publish_queue(&publisher, event, reply);
    check(ears[0].first->reply == reply);
}

static void test_publish__sole_receiver_is_remembered(void **state)
{
    size_t len = 0;

    (void)state;
    subscribe(0, "a.b", NULL);
    place(0, 1);
    check(lares__publish_sole(&publisher, "a.b", &len) == NULL);
    check_ok(publish("a.b", "x"));
    check(lares__publish_sole(&publisher, "a.c", &len) == NULL);
    check(lares__publish_sole(&publisher, "a", &len) == NULL);
    check_u64(len, 0);
    check(lares__publish_sole(&publisher, "a.b", &len) == &ears[0].receiver);
    check_u64(len, 3);
    subscribe(1, "x.y", NULL); /* any change may concern it */
    check(lares__publish_sole(&publisher, "a.b", &len) == NULL);
}

/* -- cases: outputs of daemons -- */

static struct lares__envelope *outputs;
static struct lares__envelope **outputs_end;

static void outputs_begin(void)
{
    outputs = NULL;
    outputs_end = &outputs;
}

static void output(const char *channel, const char *text)
{
    struct lares__envelope *event = event_new(channel, text, strlen(text));

    lares__envelope_link(event, &chain, 0);
    *outputs_end = event;
    outputs_end = &event->next;
}

static struct lares__envelope *hand_over(int self, int first_at)
{
    full = NULL;
    outputs = lares__publish_outputs(
        &publisher, outputs, self < 0 ? NULL : &ears[self].receiver,
        first_at < 0 ? NULL : &ears[first_at].receiver, &full);
    return outputs;
}

static void outputs_drop(void)
{
    while (outputs != NULL) {
        struct lares__envelope *next = outputs->next;

        lares__envelope_release(outputs, &publisher.pool);
        outputs = next;
    }
}

static void test_publish__outputs_go_in_order(void **state)
{
    (void)state;
    subscribe(0, ">", NULL);
    subscribe(1, "a", NULL);
    outputs_begin();
    output("a", "1");
    output("b", "2");
    output("", "nowhere");
    output("a", "3");
    output("a", "4");
    output("c", "5");
    check(hand_over(-1, -1) == NULL);
    check(full == NULL);
    check_hears(0, "1 2 3 4 5");
    check_hears(1, "1 3 4");
}

static void test_publish__outputs_never_come_back(void **state)
{
    (void)state;
    subscribe(0, ">", NULL);
    place(0, 0);
    outputs_begin();
    output("a", "1");
    output("a", "2");
    check(hand_over(0, -1) == NULL);
    check_u64(level(0), 0);
    check_u64(lane_count(0), 0);
}

/* Nothing passes what is parked, not even on another channel. */
static void test_publish__outputs_wait_behind_the_first_refused(void **state)
{
    struct lares__envelope *left;

    (void)state;
    subscribe(0, "a", NULL);
    subscribe(1, ">", NULL);
    ears[0].receiver.count_max = 2;
    outputs_begin();
    for (int i = 0; i < 4; i++)
        output("a", "x");
    output("b", "y");
    left = hand_over(-1, -1);
    check(full == &ears[0].receiver);
    check_u64(left->link.sequence, 3);
    check_hears(1, "x x");
    check(hand_over(-1, -1) == left);
    check_hears(1, "");
    check_hears(0, "x x");
    check(hand_over(-1, -1) == NULL);
    check_hears(0, "x x");
    check_hears(1, "x x y");
}

static void sole_on_a_lane(uint32_t count_max)
{
    subscribe(0, "a", NULL);
    place(0, 1);
    ears[0].receiver.count_max = count_max;
}

static void outputs_many(int count)
{
    outputs_begin();
    for (int i = 0; i < count; i++)
        output("a", "x");
}

static uint32_t lane_drain(void)
{
    uint32_t count = lane_count(1);

    (void)lares__receiver_settle(&ears[0].receiver, count,
                                 count * lares__cost(1));
    return count;
}

static void test_publish__outputs_of_one_receiver_go_at_once(void **state)
{
    static const int counts[] = {1, 2, RUN - 1, RUN, RUN + 1, 200};

    (void)state;
    sole_on_a_lane(1024);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        outputs_many(counts[i]);
        lanes[1].wakes = 0;
        check(hand_over(-1, -1) == NULL);
        check_u64(lanes[1].wakes, 1);
        check_u64(level(0), (uint64_t)counts[i]);
        check_u64(lane_drain(), (uint64_t)counts[i]);
        check_u64(level(0), 0);
    }
}

static void test_publish__outputs_fill_what_space_there_is(void **state)
{
    (void)state;
    sole_on_a_lane(10);
    outputs_many(15);
    check(hand_over(-1, -1) != NULL);
    check(full == &ears[0].receiver);
    check_u64(outputs->link.sequence, 11);
    check_u64(lane_drain(), 10);
    check(hand_over(-1, -1) == NULL);
    check_u64(lane_drain(), 5);
}

/* While a line stands the outputs of others come one by one, at half. */
static void test_publish__outputs_leave_room_for_a_line(void **state)
{
    (void)state;
    sole_on_a_lane(64);
    atomic_store(&ears[0].receiver.waiting, 1);
    outputs_many(50);
    check(hand_over(-1, -1) != NULL);
    check_u64(level(0), 33);
    check(hand_over(-1, 0) == NULL); /* the first passes */
    check_u64(level(0), 50);
    atomic_store(&ears[0].receiver.waiting, 0);
}

static void test_publish__outputs_of_a_closed_receiver_are_dropped(
    void **state)
{
    (void)state;
    sole_on_a_lane(64);
    lares__receiver_close(&ears[0].receiver);
    outputs_many(10);
    check(hand_over(-1, -1) == NULL);
    check_u64(lane_count(1), 0);
}

static void test_publish__outputs_keep_what_others_hold(void **state)
{
    struct lares__envelope *held;

    (void)state;
    subscribe(0, "a", NULL);
    outputs_many(2);
    held = outputs;
    lares__envelope_retain(held, 1);
    check(hand_over(-1, -1) == NULL);
    check_u64(ear_count(0), 2);
    check_u64(atomic_load(&held->refs), 1);
    check_mem(held->data, "x", 1);
    lares__envelope_release(held, &publisher.pool);
}

static void test_publish__outputs_without_memory_stay(void **state)
{
    (void)state;
    subscribe(0, "a", NULL);
    subscribe(1, "a", NULL);
    outputs_many(3);
    lares__alloc_fail(1, 1);
    check(hand_over(-1, -1) != NULL);
    lares__alloc_fail(-1, 0);
    check(full == NULL);
    check_u64(level(0) + level(1), 0);
    check_u64(outputs->link.sequence, 1);
    check(hand_over(-1, -1) == NULL);
    check_u64(ear_count(0), 3);
    outputs_drop();
}

/* -- cases: the cache of routes -- */

static void test_publish__more_channels_than_routes(void **state)
{
    char channel[24];

    (void)state;
    subscribe(0, ">", NULL);
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 1500; i++) {
            sprintf(channel, "c.%d", i);
            check_ok(publish(channel, "x"));
            check_u64(ear_count(0), 1);
            check(publisher.routes <= 1024);
        }
}

static void test_publish__known_channel_costs_no_memory(void **state)
{
    uint64_t calls;

    (void)state;
    subscribe(0, "a.*", NULL);
    subscribe(1, "a.*", NULL);
    subscribe(2, "a.*", "pool");
    for (int warm = 0; warm < 2; warm++) {
        calls = lares__alloc_count();
        for (int i = 0; i < 1000; i++) {
            check_ok(publish(i % 2 ? "a.b" : "a.c", "x"));
            check_u64(ear_count(0) + ear_count(1) + ear_count(2), 3);
            lares__pool_flush(&pool);
        }
    }
    check_u64(lares__alloc_count() - calls, 0);
}

static void test_publish__forgetting_drops_receivers(void **state)
{
    (void)state;
    subscribe(0, "a.b", NULL);
    check_ok(publish("a.b", "x"));
    ear_unsubscribe(0, "a.b", NULL);
    ear_close(0);
    check_i64(ears[0].destroyed, 0);
    lares__publisher_forget(&publisher);
    check_i64(ears[0].destroyed, 1);
    check_ok(publish("a.b", "y"));
}

/* -- cases: memory and threads -- */

static lares_status publisher_life(void)
{
    lares_status rc = lares__publisher_init(&publisher, &bus, LANES);

    if (rc < 0)
        return rc;
    rc = publish("a.b", "x");
    if (rc == LARES_OK)
        rc = publish("a.b", "y");
    for (int i = 0; i < 4; i++) {
        uint32_t heard = ear_count(i);

        check(rc < 0 || heard == (i < 3 ? 2 : 0) || i == 3);
        check_u64(level(i), 0);
    }
    lares__publisher_fini(&publisher);
    lares__pool_flush(&pool);
    lares__pool_trim();
    return rc;
}

/* Whatever fails has reached nobody, and reserved nothing. */
static void test_publish__every_allocation_may_fail(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        subscribe(i, "a.b", NULL);
    subscribe(3, "a.b", "pool");
    lares__publisher_fini(&publisher);
    heap_torture(publisher_life);
    check_ok(lares__publisher_init(&publisher, &bus, LANES));
}

static void worker_close(void *arg)
{
    (void)arg;
    for (int i = 0; i < 3; i++)
        lares__receiver_close(&ears[i].receiver);
}

/* Those that close between look and reserve are no receivers any more. */
static void test_publish__receivers_may_close_meanwhile(void **state)
{
    (void)state;
    for (int round = 0; round < 300; round++) {
        struct lares__thread thread;

        for (int i = 0; i < 3; i++) {
            ear_open(i, 1024, MIB);
            subscribe(i, "a.b", NULL);
        }
        check_ok(lares__thread_start(&thread, worker_close, NULL));
        for (int i = 0; i < 10; i++)
            check_ok(publish("a.b", "x"));
        lares__thread_join(&thread);
        for (int i = 0; i < 3; i++) {
            (void)ear_count(i);
            check_u64(level(i), 0);
            ear_unsubscribe(i, "a.b", NULL);
        }
        lares__publisher_forget(&publisher);
    }
}

/* Another publisher of the same receivers: both find that one is full. */
static void worker_publish(void *arg)
{
    struct lares__publisher *other = arg;
    struct lares__address address = address_of("a.b");
    struct lares__receiver *busy;

    for (int i = 0; i < 3000; i++) {
        if (lares__publish_reserve(other, &address, 0, &busy) < 0)
            continue;
        for (uint32_t c = 0; c < other->chosen_count; c++)
            lares__receiver_give_back(other->chosen[c], lares__cost(0));
        other->chosen_count = 0;
        while (other->extra != NULL) {
            struct lares__input *input = other->extra;

            other->extra = input->next;
            lares__pool_put(&other->pool, 0, input);
        }
    }
}

static void test_publish__two_publishers_meet(void **state)
{
    struct lares__publisher other;
    struct lares__thread thread;
    uint32_t heard = 0;

    (void)state;
    for (int i = 0; i < 3; i++) {
        ears[i].receiver.count_max = 1;
        subscribe(i, "a.b", NULL);
    }
    check_ok(lares__publisher_init(&other, &bus, LANES));
    check_ok(lares__thread_start(&thread, worker_publish, &other));
    for (int i = 0; i < 3000; i++) {
        lares_status rc = publish("a.b", "x");

        check(rc == LARES_OK || rc == LARES_EAGAIN);
        heard += rc == LARES_OK;
        for (int e = 0; e < 3; e++)
            check_u64(ear_count(e), rc == LARES_OK);
    }
    lares__thread_join(&thread);
    lares__publisher_fini(&other);
    for (int i = 0; i < 3; i++)
        check_u64(level(i), 0);
    check_u64(chain.link.sequence, heard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        publish_test(test_publish__all_subscribers_get_it),
        publish_test(test_publish__no_receiver_is_fine),
        publish_test(test_publish__many_entries_get_it_once),
        publish_test(test_publish__senders_never_get_their_own),
        publish_test(test_publish__plain_and_group_get_it_once),
        publish_test(test_publish__member_of_two_groups_gets_it_once),
        publish_test(test_publish__member_of_two_groups_gets_one_letter),
        publish_test(test_publish__one_event_is_shared),
        publish_test(test_publish__subscriptions_count_at_once),
        publish_test(test_publish__closed_one_is_no_receiver),
        publish_test(test_publish__payloads_are_intact),
        publish_test(test_publish__largest_event_fits_at_half),
        publish_test(test_publish__goes_to_all_or_to_none),
        publish_test(test_publish__evicting_one_is_never_full),
        publish_test(test_publish__sick_one_without_space_gets_a_letter),
        publish_test(test_publish__letter_tells_all_facts),
        publish_test(test_publish__letters_wait_for_the_event),
        publish_test(test_publish__send_reaches_one),
        publish_test(test_publish__send_finds_no_space),
        publish_test(test_publish__send_to_a_sick_one_with_space_is_fine),
        publish_test(test_publish__first_of_a_line_passes),
        publish_test(test_publish__group_takes_turns),
        publish_test(test_publish__group_passes_over_who_cannot),
        publish_test(test_publish__group_of_full_ones_refuses),
        publish_test(test_publish__group_of_paused_ones_takes_turns),
        publish_test(test_publish__group_of_sick_full_ones_gets_letters),
        publish_test(test_publish__group_skips_who_has_ended),
        publish_test(test_publish__refused_one_takes_no_turn),
        publish_test(test_publish__groups_get_it_each),
        publish_test(test_publish__flush_pushes_once_a_lane),
        publish_test(test_publish__lane_gets_events_in_order),
        publish_test(test_publish__own_lane_appends),
        publish_test(test_publish__reply_goes_to_the_one_delivered_to),
        publish_test(test_publish__sole_receiver_is_remembered),
        publish_test(test_publish__outputs_go_in_order),
        publish_test(test_publish__outputs_never_come_back),
        publish_test(test_publish__outputs_wait_behind_the_first_refused),
        publish_test(test_publish__outputs_of_one_receiver_go_at_once),
        publish_test(test_publish__outputs_fill_what_space_there_is),
        publish_test(test_publish__outputs_leave_room_for_a_line),
        publish_test(test_publish__outputs_of_a_closed_receiver_are_dropped),
        publish_test(test_publish__outputs_keep_what_others_hold),
        publish_test(test_publish__outputs_without_memory_stay),
        publish_test(test_publish__more_channels_than_routes),
        publish_test(test_publish__known_channel_costs_no_memory),
        publish_test(test_publish__forgetting_drops_receivers),
        publish_test(test_publish__every_allocation_may_fail),
        publish_test(test_publish__receivers_may_close_meanwhile),
        publish_test(test_publish__two_publishers_meet),
    };

    return check_run(tests);
}
