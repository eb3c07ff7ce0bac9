#include "support/publisher.h"

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
    };

    return check_run(tests);
}
