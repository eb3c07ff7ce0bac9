#include "support/check.h"

#include "bus/subscription.h"
#include "daemon/name.h"
#include "support/heap.h"
#include "support/random.h"

#include <stdio.h>

/* -- fixture: a table, and what it answers -- */

enum {
    RECEIVERS = 10000,
    CHANNELS = 150
};

/* its address is the receiver */
struct receiver {
    char pattern[32];
    uint32_t heard;
    int subscribed;
};

static struct receiver receivers[RECEIVERS];
static struct lares__subscriptions table;
static char seen[4096]; /* lines of what a walk showed */

static int table_setup(void **state)
{
    memset(receivers, 0, sizeof receivers);
    lares__subscriptions_init(&table);
    return heap_setup(state);
}

#define table_test(test)                                                       \
    cmocka_unit_test_setup_teardown(test, table_setup, heap_teardown)

/* -- tools -- */

static lares_status hear(void *context, void *receiver, const char *group)
{
    (void)context;
    (void)group;
    ((struct receiver *)receiver)->heard++;
    return LARES_OK;
}

static lares_status see(void *context, void *receiver, const char *pattern,
                        const char *group)
{
    size_t len = strlen(seen);

    (void)context;
    snprintf(seen + len, sizeof seen - len, "%d %s %s\n",
             (int)((struct receiver *)receiver - receivers), pattern,
             group == NULL ? "-" : group);
    return LARES_OK;
}

static lares_status see_match(void *context, void *receiver, const char *group)
{
    return see(context, receiver, "", group);
}

static const char *walk(void)
{
    seen[0] = '\0';
    check_ok(lares__subscriptions_each(&table, see, NULL));
    return seen;
}

static const char *match(const char *channel)
{
    seen[0] = '\0';
    check_ok(lares__subscriptions_match(&table, channel, see_match, NULL));
    return seen;
}

static lares_status add(int receiver, const char *pattern, const char *group)
{
    return lares__subscriptions_add(&table, pattern, group,
                                    &receivers[receiver]);
}

static void remove_from(int receiver, const char *pattern, const char *group)
{
    lares__subscriptions_remove(&table, pattern, group, &receivers[receiver]);
}

static int is_wild(const char *token)
{
    return token[0] == '*' || token[0] == '>';
}

/* splits a name in place; answers how many tokens it has */
static int split(char *name, char *tokens[LARES__TOKENS_MAX])
{
    int count = 0;

    for (char *rest = name; rest != NULL; count++) {
        tokens[count] = rest;
        rest = strchr(rest, '.');
        if (rest != NULL)
            *rest++ = '\0';
    }
    return count;
}

/* the rules as they are written, one by one */
static int naive_matches(const char *pattern, const char *channel)
{
    char pattern_text[64], channel_text[64];
    char *pattern_tokens[LARES__TOKENS_MAX], *tokens[LARES__TOKENS_MAX];
    int pattern_count, count;

    snprintf(pattern_text, sizeof pattern_text, "%s", pattern);
    snprintf(channel_text, sizeof channel_text, "%s", channel);
    pattern_count = split(pattern_text, pattern_tokens);
    count = split(channel_text, tokens);
    if (tokens[0][0] == '$' && is_wild(pattern_tokens[0]))
        return 0;
    for (int i = 0; i < pattern_count; i++) {
        if (pattern_tokens[i][0] == '>')
            return i < count;
        if (i == count || (pattern_tokens[i][0] != '*' &&
                           strcmp(pattern_tokens[i], tokens[i]) != 0))
            return 0;
    }
    return pattern_count == count;
}

static void random_name(uint64_t *seed, int wild, char out[32])
{
    static const char *const words[] = {"a", "b", "ab", "/", "B", "*", ">"};
    uint32_t count = 1 + random_below(seed, 5);
    int len = 0;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t word = random_below(seed, wild ? 7 : 5);
        int dollar = i == 0 && word < 5 && random_below(seed, 6) == 0;

        if (word == 6 && i + 1 < count) /* > is the last, or not there */
            word = 5;
        len += snprintf(out + len, (size_t)(32 - len), "%s%s%s",
                        i == 0 ? "" : ".", dollar ? "$" : "", words[word]);
    }
}

/* the table, the matcher of names, and the naive one agree on a channel */
static void check_channel(const char *channel)
{
    for (int i = 0; i < RECEIVERS; i++)
        receivers[i].heard = 0;
    check_ok(lares__subscriptions_match(&table, channel, hear, NULL));
    for (int i = 0; i < RECEIVERS; i++) {
        struct receiver *receiver = &receivers[i];
        int matches = naive_matches(receiver->pattern, channel);

        check(lares__pattern_matches(receiver->pattern, channel) == matches);
        check(receiver->heard == (uint32_t)(matches && receiver->subscribed));
    }
}

static void check_channels(uint64_t *seed)
{
    char channel[32];

    for (int i = 0; i < CHANNELS; i++) {
        random_name(seed, 0, channel);
        check_channel(channel);
    }
}

/* -- cases -- */

/* part of BC01: the vector: what a pattern matches */
static void test_subscription__matches_the_vector(void **state)
{
    (void)state;
    check_ok(add(1, "a.*", NULL));
    check_ok(add(2, "a.>", NULL));
    check_ok(add(3, ">", NULL));
    check_ok(add(4, "$x", NULL));
    check_ok(add(5, "*", NULL));
    check_str(match("a.b"), "3  -\n2  -\n1  -\n");
    check_str(match("a.b.c"), "3  -\n2  -\n");
    check_str(match("a"), "3  -\n5  -\n");
    check_str(match("$x"), "4  -\n");
    check_str(match("$x.y"), "");
    lares__subscriptions_fini(&table);
}

/* part of BC01: 10^4 random patterns equal a naive matcher */
static void test_subscription__equals_a_naive_matcher(void **state)
{
    uint64_t seed = 4;

    (void)state;
    for (int i = 0; i < RECEIVERS; i++) {
        random_name(&seed, 1, receivers[i].pattern);
        check_ok(lares__pattern_check(receivers[i].pattern));
        check_ok(add(i, receivers[i].pattern, NULL));
        receivers[i].subscribed = 1;
    }
    check_channels(&seed);
    for (int i = 0; i < RECEIVERS; i++)
        if (random_below(&seed, 2) == 0) {
            remove_from(i, receivers[i].pattern, NULL);
            receivers[i].subscribed = 0;
        }
    check_channels(&seed);
    for (int i = 0; i < RECEIVERS; i++)
        remove_from(i, receivers[i].pattern, NULL);
    check(table.root == NULL); /* and the teardown finds no block */
}

static void test_subscription__adds_and_removes_idempotently(void **state)
{
    (void)state;
    check_ok(add(1, "a.b", NULL));
    check_ok(add(1, "a.b", NULL));
    check_ok(add(1, "a.b", "pool"));
    check_ok(add(1, "a.b", "pool"));
    check_ok(add(2, "a.b", "pool"));
    check_str(walk(), "1 a.b -\n1 a.b pool\n2 a.b pool\n");
    remove_from(1, "a.b", NULL);
    remove_from(1, "a.b", NULL);
    remove_from(3, "a.b", "pool");
    remove_from(1, "a", NULL);
    remove_from(1, "a.b.c", "pool");
    remove_from(2, "a.b", "pond");
    check_str(walk(), "1 a.b pool\n2 a.b pool\n");
    remove_from(1, "a.b", "pool");
    remove_from(2, "a.b", "pool");
    check_str(walk(), "");
    remove_from(1, "a.b", "pool");
    check(table.root == NULL);
}

static void test_subscription__shows_every_entry_of_a_receiver(void **state)
{
    (void)state;
    check_ok(add(1, "a.b", "pool"));
    check_ok(add(1, "a.*", NULL));
    check_ok(add(1, ">", "pond"));
    check_str(match("a.b"), "1  pond\n1  -\n1  pool\n");
    lares__subscriptions_fini(&table);
}

static void test_subscription__walks_patterns_in_order(void **state)
{
    char deep[] = "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p";
    char wide[256];

    (void)state;
    memset(wide, 'w', 255);
    wide[255] = '\0';
    check_ok(add(6, wide, NULL));
    check_ok(add(5, deep, NULL));
    check_ok(add(4, "ab", NULL));
    check_ok(add(3, "a.>", NULL));
    check_ok(add(2, "a.*", "pool"));
    check_ok(add(1, "a", NULL));
    walk();
    check(strncmp(seen, "1 a -\n2 a.* pool\n3 a.> -\n5 a.b.c.d", 34) == 0);
    check(strstr(seen, ".o.p -\n4 ab -\n6 www") != NULL);
    check_u64(strlen(strstr(seen, "6 w")), 2 + 255 + 3);
    lares__subscriptions_fini(&table);
}

static lares_status refuse_second(void *context, void *receiver,
                                  const char *group)
{
    int *calls = context;

    (void)receiver;
    (void)group;
    return ++*calls == 2 ? LARES_ENOMEM : LARES_OK;
}

static lares_status refuse_first(void *context, void *receiver,
                                 const char *pattern, const char *group)
{
    (void)context;
    (void)receiver;
    (void)pattern;
    (void)group;
    return LARES_ENOMEM;
}

static void test_subscription__a_refusal_ends_the_walk(void **state)
{
    int calls = 0;

    (void)state;
    for (int i = 0; i < 4; i++)
        check_ok(add(i, i % 2 == 0 ? "a" : "*", NULL));
    check_status(lares__subscriptions_match(&table, "a", refuse_second, &calls),
                 LARES_ENOMEM);
    check_i64(calls, 2);
    check_status(lares__subscriptions_each(&table, refuse_first, NULL),
                 LARES_ENOMEM);
    lares__subscriptions_fini(&table);
    check_ok(lares__subscriptions_each(&table, refuse_first, NULL));
    check_ok(lares__subscriptions_match(&table, "a", refuse_second, &calls));
}

/* adds, and a refusal leaves the table as it was */
static lares_status try_add(const char *pattern, const char *group)
{
    char before[sizeof seen];
    lares_status rc;

    strcpy(before, walk());
    rc = add(1, pattern, group);
    if (rc < 0)
        check_str(walk(), before);
    return rc;
}

static lares_status scenario_adds(void)
{
    lares_status rc = try_add("a.b.c", NULL);

    if (rc == LARES_OK)
        rc = try_add("a.b.c", "pool");
    if (rc == LARES_OK)
        rc = try_add("a.b.d.*", "pool");
    lares__subscriptions_fini(&table);
    return rc;
}

static void test_subscription__survives_every_failed_allocation(void **state)
{
    (void)state;
    heap_torture(scenario_adds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        table_test(test_subscription__matches_the_vector),
        table_test(test_subscription__equals_a_naive_matcher),
        table_test(test_subscription__adds_and_removes_idempotently),
        table_test(test_subscription__shows_every_entry_of_a_receiver),
        table_test(test_subscription__walks_patterns_in_order),
        table_test(test_subscription__a_refusal_ends_the_walk),
        table_test(test_subscription__survives_every_failed_allocation),
    };

    return check_run(tests);
}
