#include "support/publisher.h"

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

static void test_outputs__go_in_order(void **state)
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

static void test_outputs__never_come_back(void **state)
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
static void test_outputs__wait_behind_the_first_refused(void **state)
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

static void test_outputs__of_one_receiver_go_at_once(void **state)
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

static void test_outputs__fill_what_space_there_is(void **state)
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
static void test_outputs__leave_room_for_a_line(void **state)
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

static void test_outputs__of_a_closed_receiver_are_dropped(void **state)
{
    (void)state;
    sole_on_a_lane(64);
    lares__receiver_close(&ears[0].receiver);
    outputs_many(10);
    check(hand_over(-1, -1) == NULL);
    check_u64(lane_count(1), 0);
}

static void test_outputs__keep_what_others_hold(void **state)
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

static void test_outputs__without_memory_stay(void **state)
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        publish_test(test_outputs__go_in_order),
        publish_test(test_outputs__never_come_back),
        publish_test(test_outputs__wait_behind_the_first_refused),
        publish_test(test_outputs__of_one_receiver_go_at_once),
        publish_test(test_outputs__fill_what_space_there_is),
        publish_test(test_outputs__leave_room_for_a_line),
        publish_test(test_outputs__of_a_closed_receiver_are_dropped),
        publish_test(test_outputs__keep_what_others_hold),
        publish_test(test_outputs__without_memory_stay),
    };

    return check_run(tests);
}
