#include "support/publisher.h"

/* -- cases -- */

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
static void test_group__group_takes_turns(void **state)
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
static void test_group__group_passes_over_who_cannot(void **state)
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
static void test_group__group_of_full_ones_refuses(void **state)
{
    (void)state;
    pool_of(3);
    for (int i = 0; i < 3; i++)
        fill(i, 4);
    check_status(publish("a.b", "x"), LARES_EAGAIN);
    check(full >= &ears[0].receiver && full <= &ears[2].receiver);
    lares__receiver_give_back(&ears[1].receiver, 2);
    check_ok(publish("a.b", "x"));
    check_u64(ears[1].waiting, 1);
}

/* Nobody is RUNNING, but there is space: the one whose turn it is counts. */
static void test_group__group_of_paused_ones_takes_turns(void **state)
{
    (void)state;
    pool_of(3);
    for (int i = 0; i < 3; i++)
        set_posture(i, LARES__PAUSED);
    publish_many(30);
    for (int i = 0; i < 3; i++)
        check_u64(ear_count(i), 10);
}

static void test_group__group_of_sick_full_ones_gets_letters(void **state)
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

static void test_group__group_skips_who_has_ended(void **state)
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
static void test_group__refused_one_takes_no_turn(void **state)
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

static void test_group__groups_get_it_each(void **state)
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        publish_test(test_group__group_takes_turns),
        publish_test(test_group__group_passes_over_who_cannot),
        publish_test(test_group__group_of_full_ones_refuses),
        publish_test(test_group__group_of_paused_ones_takes_turns),
        publish_test(test_group__group_of_sick_full_ones_gets_letters),
        publish_test(test_group__group_skips_who_has_ended),
        publish_test(test_group__refused_one_takes_no_turn),
        publish_test(test_group__groups_get_it_each),
    };

    return check_run(tests);
}
