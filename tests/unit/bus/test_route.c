#include "support/ears.h"

#include "base/hash.h"
#include "bus/route.h"
#include "daemon/name.h"
#include "support/random.h"

#include <stdio.h>

/* -- fixture: the route of a channel -- */

static struct lares__route *route;

static int route_teardown(void **state)
{
    lares__route_free(route);
    route = NULL;
    return bus_teardown(state);
}

#define route_test(test)                                                       \
    cmocka_unit_test_setup_teardown(test, bus_setup, route_teardown)

/* -- tools -- */

static lares_status make(const char *channel)
{
    size_t len = strlen(channel);

    lares__route_free(route);
    route = NULL;
    return lares__route_new(&bus, channel, len, lares__hash64(channel, len),
                            &route);
}

static size_t line_add(char *line, size_t len,
                       struct lares__receiver *const *receivers, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        len += (size_t)sprintf(line + len, "%d",
                               (int)((struct ear *)receivers[i] - ears));
    return len;
}

/* a route as "plain|group|group", an ear a digit; numbers rise as digits
 * fall */
static const char *shape(void)
{
    static char line[256];
    size_t len = line_add(line, 0, route->plain, route->plain_count);

    for (uint32_t g = 0; g < route->group_count; g++) {
        line[len++] = '|';
        len = line_add(line, len, route->groups[g].members,
                       route->groups[g].count);
    }
    line[len] = '\0';
    return line;
}

static void check_route(const char *channel, const char *expected)
{
    check_ok(make(channel));
    check_str(shape(), expected);
}

/* -- cases -- */

static void test_route__nobody_is_fine(void **state)
{
    (void)state;
    check_route("a.b", "");
    check_ok(ear_subscribe(0, "a.c", NULL));
    check_route("a.b", "");
    check(route->sole == NULL);
}

static void test_route__names_its_channel(void **state)
{
    char name[] = "a.b";

    (void)state;
    check_ok(make(name));
    memset(name, 'x', 3);
    check_str(route->channel, "a.b");
    check_u64(route->len, 3);
    check_u64(route->hash, lares__hash64("a.b", 3));
}

static void test_route__plain_ones_stand_by_number(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++)
        check_ok(ear_subscribe((i * 2) % 5, "a.b", NULL));
    check_route("a.b", "43210");
    check_u64(route->plain[0]->number, 4);
}

/* part of BC02: `a.*` and `a.>` */
static void test_route__many_entries_are_one_receiver(void **state)
{
    static const char *const patterns[] = {
        "a.b.c", "a.*.c", "a.b.*", "*.b.c", "a.*.*", "*.*.c", "*.b.*", "*.*.*",
        "a.>",   "a.b.>", "*.>",   "*.*.>", "a.*.>", "*.b.>", ">"};

    (void)state;
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        check_ok(ear_subscribe(1, patterns[i], NULL));
        check_ok(ear_subscribe(2, patterns[i], "pool"));
        check_ok(ear_subscribe(3, patterns[i], "pool"));
    }
    check_route("a.b.c", "1|32");
}

static void test_route__groups_stand_by_name(void **state)
{
    (void)state;
    check_ok(ear_subscribe(0, "a.b", "zeta"));
    check_ok(ear_subscribe(1, "a.*", "beta"));
    check_ok(ear_subscribe(2, "a.>", "zeta"));
    check_ok(ear_subscribe(3, "a.b", "beta"));
    check_ok(ear_subscribe(4, "a.b", "alpha"));
    check_route("a.b", "|4|31|20");
}

/* part of BC02: plain and group */
static void test_route__plain_one_is_no_member(void **state)
{
    (void)state;
    check_ok(ear_subscribe(0, "a.b", "pool"));
    check_ok(ear_subscribe(1, "a.b", "pool"));
    check_ok(ear_subscribe(0, "a.*", NULL));
    check_route("a.b", "0|1");
    check_ok(ear_subscribe(1, ">", NULL));
    check_route("a.b", "10");
}

static void test_route__member_of_two_groups_stands_in_both(void **state)
{
    (void)state;
    check_ok(ear_subscribe(0, "a.b", "p"));
    check_ok(ear_subscribe(0, "a.*", "q"));
    check_ok(ear_subscribe(1, "a.*", "q"));
    check_route("a.b", "|0|10");
}

static void test_route__empty_group_is_none(void **state)
{
    (void)state;
    check_ok(ear_subscribe(0, "a.b", ""));
    check_route("a.b", "0");
}

static void test_route__reserved_names_need_their_own_pattern(void **state)
{
    (void)state;
    check_ok(ear_subscribe(0, ">", NULL));
    check_ok(ear_subscribe(1, "*.b", NULL));
    check_ok(ear_subscribe(2, "$x.b", NULL));
    check_route("$x.b", "2");
}

static void test_route__holds_its_receivers(void **state)
{
    (void)state;
    check_ok(ear_subscribe(0, "a.b", NULL));
    check_ok(ear_subscribe(1, "a.b", "pool"));
    check_ok(make("a.b"));
    ear_unsubscribe(0, "a.b", NULL);
    ear_unsubscribe(1, "a.b", "pool");
    ear_close(0);
    ear_close(1);
    check_i64(ears[0].destroyed + ears[1].destroyed, 0);
    lares__route_free(route);
    route = NULL;
    check_i64(ears[0].destroyed, 1);
    check_i64(ears[1].destroyed, 1);
}

static void test_route__sole_receiver_lives_on_a_lane(void **state)
{
    struct lares__queue queue = {.number = 0};

    (void)state;
    check_ok(ear_subscribe(0, "a.b", NULL));
    check_ok(make("a.b"));
    check(route->sole == NULL); /* an inbox is not on a lane */
    ears[0].receiver.queue = &queue;
    check_ok(make("a.b"));
    check(route->sole == &ears[0].receiver);
    check_ok(ear_subscribe(1, "a.b", NULL));
    check_ok(make("a.b"));
    check(route->sole == NULL);
    ear_unsubscribe(1, "a.b", NULL);
    check_ok(ear_subscribe(1, "a.b", "pool"));
    check_ok(make("a.b"));
    check(route->sole == NULL);
    ear_unsubscribe(0, "a.b", NULL);
    ears[1].receiver.queue = &queue;
    check_ok(make("a.b"));
    check(route->sole == NULL); /* a member may be passed over */
}

static void test_route__freeing_null_is_fine(void **state)
{
    (void)state;
    lares__route_free(NULL);
}

static lares_status make_and_free(void)
{
    lares_status rc = make("a.b.c");

    if (rc < 0)
        check(route == NULL);
    lares__route_free(route);
    route = NULL;
    return rc;
}

static void test_route__every_allocation_may_fail(void **state)
{
    (void)state;
    for (int i = 0; i < EARS; i++) {
        check_ok(ear_subscribe(i, "a.b.c", NULL));
        check_ok(ear_subscribe(i, "a.>", i % 2 ? "odd" : "even"));
        check_ok(ear_subscribe(i, "a.*.c", NULL));
    }
    heap_torture(make_and_free);
    for (int i = 0; i < EARS; i++)
        check_u64(atomic_load(&ears[i].receiver.refs), 1);
}

/* -- the rules as they are written, one by one -- */

enum {
    ENTRIES = 24,
    ROUNDS = 300
};

static struct {
    int ear;
    char pattern[16];
    const char *group; /* NULL: none */
} entries[ENTRIES];

static int naive_plain(int ear, const char *channel)
{
    for (int i = 0; i < ENTRIES; i++)
        if (entries[i].ear == ear && entries[i].group == NULL &&
            lares__pattern_matches(entries[i].pattern, channel))
            return 1;
    return 0;
}

static int naive_member(int ear, const char *channel, const char *group)
{
    if (naive_plain(ear, channel))
        return 0;
    for (int i = 0; i < ENTRIES; i++)
        if (entries[i].ear == ear && entries[i].group != NULL &&
            strcmp(entries[i].group, group) == 0 &&
            lares__pattern_matches(entries[i].pattern, channel))
            return 1;
    return 0;
}

static const char *naive_shape(const char *channel)
{
    static const char *const groups[] = {"p", "q"};
    static char line[64];
    size_t len = 0;

    for (int ear = EARS - 1; ear >= 0; ear--)
        if (naive_plain(ear, channel))
            line[len++] = (char)('0' + ear);
    for (int g = 0; g < 2; g++) {
        size_t before = len++;

        line[before] = '|';
        for (int ear = EARS - 1; ear >= 0; ear--)
            if (naive_member(ear, channel, groups[g]))
                line[len++] = (char)('0' + ear);
        if (len == before + 1)
            len = before; /* nobody is in that group */
    }
    line[len] = '\0';
    return line;
}

static void entry_draw(int index, uint64_t *dice)
{
    static const char *const tokens[] = {"a", "b", "*"};
    static const char *const groups[] = {NULL, "p", "q"};
    char *pattern = entries[index].pattern;

    entries[index].ear = (int)random_below(dice, EARS);
    entries[index].group = groups[random_below(dice, 3)];
    strcpy(pattern, tokens[random_below(dice, 3)]);
    strcat(pattern, ".");
    strcat(pattern,
           random_below(dice, 4) == 0 ? ">" : tokens[random_below(dice, 3)]);
}

static int entry_stands(int index)
{
    for (int i = 0; i < index; i++)
        if (entries[i].ear == entries[index].ear &&
            strcmp(entries[i].pattern, entries[index].pattern) == 0 &&
            entries[i].group == entries[index].group)
            return 1;
    return 0;
}

static void test_route__equals_a_naive_model(void **state)
{
    static const char *const channels[] = {"a.a", "a.b", "b.a", "b.b", "c.a"};
    uint64_t dice = 0x5eed;

    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < ENTRIES; i++) {
            do
                entry_draw(i, &dice);
            while (entry_stands(i));
            check_ok(ear_subscribe(entries[i].ear, entries[i].pattern,
                                   entries[i].group));
        }
        for (size_t i = 0; i < sizeof channels / sizeof *channels; i++)
            check_route(channels[i], naive_shape(channels[i]));
        for (int i = 0; i < ENTRIES; i++)
            ear_unsubscribe(entries[i].ear, entries[i].pattern,
                            entries[i].group);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        route_test(test_route__nobody_is_fine),
        route_test(test_route__names_its_channel),
        route_test(test_route__plain_ones_stand_by_number),
        route_test(test_route__many_entries_are_one_receiver),
        route_test(test_route__groups_stand_by_name),
        route_test(test_route__plain_one_is_no_member),
        route_test(test_route__member_of_two_groups_stands_in_both),
        route_test(test_route__empty_group_is_none),
        route_test(test_route__reserved_names_need_their_own_pattern),
        route_test(test_route__holds_its_receivers),
        route_test(test_route__sole_receiver_lives_on_a_lane),
        route_test(test_route__freeing_null_is_fine),
        route_test(test_route__every_allocation_may_fail),
        route_test(test_route__equals_a_naive_model),
    };

    return check_run(tests);
}
