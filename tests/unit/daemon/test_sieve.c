#include "support/host.h"

#include "support/random.h"

#include <stdio.h>

/* -- fixture: events by their links, and what was shown of them -- */

enum {
    A = 0xa,
    B = 0xb,
    C = 0xc,
    SHOWN_MAX = 256
};

static lares_event shown[SHOWN_MAX]; /* in the last crossing */
static uint32_t shown_count;
static uint32_t calls;
static uint32_t fail_at; /* fails at this input of a crossing, from 1 */
static uint32_t end_at;  /* is DONE at it */

static lares_verdict note(lares_call *call, void *instance)
{
    const lares_event *event;

    (void)instance;
    calls++;
    shown_count = 0;
    while ((event = lares__call_next(call)) != NULL) {
        check(shown_count < SHOWN_MAX);
        shown[shown_count++] = *event;
        if (shown_count == fail_at)
            return LARES_FAILED;
        if (shown_count == end_at)
            return LARES_DONE;
    }
    return LARES_DONE;
}

static int sieve_setup(void **state)
{
    shown_count = 0;
    calls = 0;
    fail_at = 0;
    end_at = 0;
    return rig_setup(state);
}

#define sieve_test(test)                                                       \
    cmocka_unit_test_setup_teardown(test, sieve_setup, rig_teardown)

/* -- tools -- */

/* an event with any link and hash: the sieve believes both */
static void push_link(uint64_t origin, uint64_t sequence, uint64_t parent,
                      uint64_t hash)
{
    struct lares__envelope *event = event_of(".", 1);

    event->link = (struct lares__link){origin, 0, sequence, parent};
    event->hash = hash;
    rig_push(event);
}

/* the honest chain of an origin: its events hash to a hundred times their
 * place */
static void push_honest(uint64_t origin, uint64_t sequence)
{
    push_link(origin, sequence, origin + 100 * (sequence - 1),
              origin + 100 * sequence);
}

static void cross(void)
{
    shown_count = 0;
    rig_cross(UINT32_MAX);
}

/* the sequences shown in the last crossing, as "1 2 5" */
static void check_shown(const char *expected)
{
    char line[8 * SHOWN_MAX] = "";
    size_t len = 0;

    for (uint32_t i = 0; i < shown_count; i++)
        len += (size_t)snprintf(line + len, sizeof line - len, "%s%d",
                                i > 0 ? " " : "", (int)shown[i].sequence);
    check_str(line, expected);
}

static void check_counted(uint64_t duplicates, uint64_t forks)
{
    check_u64(rig.host.counters.duplicates, duplicates);
    check_u64(rig.host.counters.forks, forks);
}

/* -- cases: repeats -- */

/* part of H06: in one crossing */
static void test_sieve__repeat_in_one_crossing_is_not_shown(void **state)
{
    (void)state;
    check_ok(rig_open(note, NULL));
    push_honest(A, 1);
    push_honest(A, 1);
    push_honest(A, 2);
    push_honest(A, 1);
    cross();
    check_shown("1 2");
    check_counted(2, 0);
    check_u64(rig.outcome.settled, 4);
    check_u64(rig.host.arrival, 4);
}

/* part of H06: in two */
static void test_sieve__repeat_in_a_later_crossing_is_not_shown(void **state)
{
    (void)state;
    check_ok(rig_open(note, NULL));
    push_honest(A, 1);
    push_honest(A, 2);
    cross();
    push_honest(A, 1);
    push_honest(A, 2);
    push_honest(A, 3);
    cross();
    check_shown("3");
    check_counted(2, 0);
}

static void test_sieve__nothing_but_repeats_needs_no_call(void **state)
{
    (void)state;
    check_ok(rig_open(note, NULL));
    push_honest(A, 1);
    cross();
    for (int i = 0; i < 10; i++)
        push_honest(A, 1);
    cross();
    check_u64(calls, 1);
    check_u64(rig.outcome.settled, 10);
    check_i64(rig.outcome.failed, 0);
    check_u64(rig.host.arrival, 11);
    check_counted(10, 0);
    check_u64(rig.host.counters.committed, 1);
}

static void test_sieve__what_has_no_origin_is_always_shown(void **state)
{
    (void)state;
    check_ok(rig_open(note, NULL));
    for (int i = 0; i < 3; i++)
        push_link(0, 7, 0, 1);
    cross();
    check_shown("7 7 7");
    push_link(0, 7, 0, 1);
    cross();
    check_shown("7");
    check_counted(0, 0);
    check_u64(rig.host.horizon.count, 0);
    check_u64(rig.host.horizon.sketch, 0);
}

static void test_sieve__origins_are_judged_apart(void **state)
{
    (void)state;
    check_ok(rig_open(note, NULL));
    push_honest(A, 1);
    push_honest(B, 1);
    push_honest(A, 2);
    push_honest(C, 1);
    push_honest(B, 1);
    push_honest(B, 2);
    push_honest(A, 1);
    push_honest(C, 2);
    cross();
    check_shown("1 1 2 1 2 2");
    check_counted(2, 0);
    push_honest(B, 2);
    push_honest(C, 3);
    push_honest(B, 3);
    push_honest(A, 2);
    push_honest(0xd, 1);
    cross();
    check_shown("3 3 1");
    check_counted(4, 0);
}

static void test_sieve__what_failed_is_shown_again(void **state)
{
    (void)state;
    check_ok(rig_open(note, NULL));
    for (uint64_t i = 1; i <= 4; i++)
        push_honest(A, i);
    fail_at = 3;
    cross();
    check_shown("1 2 3");
    check_u64(rig.outcome.settled, 2);
    fail_at = 0;
    cross();
    check_shown("3 4");
    check_counted(0, 0);
}

/* Repeats before the first unfinished input are settled with those that are
 * finished; what stands behind it waits. */
static void test_sieve__repeats_are_settled_up_to_a_failure(void **state)
{
    (void)state;
    check_ok(rig_open(note, NULL));
    push_honest(A, 1);
    cross();
    push_honest(A, 1);
    push_honest(A, 2);
    push_honest(A, 2);
    push_honest(A, 3);
    push_honest(A, 3);
    fail_at = 2;
    cross();
    check_shown("2 3");
    check_u64(rig.outcome.settled, 3);
    check_counted(2, 0);
    fail_at = 0;
    cross();
    check_shown("3");
    check_u64(rig.outcome.settled, 2);
    check_counted(3, 0);
}

/* -- cases: forks -- */

static void test_sieve__second_event_at_a_place_is_a_fork(void **state)
{
    (void)state;
    check_ok(rig_open(note, NULL));
    push_honest(A, 1);
    push_link(A, 1, A, 4711);
    cross();
    check_shown("1");
    check_counted(1, 1);
    push_link(A, 1, A, 4711);
    push_honest(A, 1);
    cross();
    check_shown("");
    check_counted(3, 2);
}

/* Which of two is the honest chain the daemon cannot know. */
static void test_sieve__other_parent_is_shown_and_counted(void **state)
{
    (void)state;
    check_ok(rig_open(note, NULL));
    push_honest(A, 1);
    push_link(A, 2, 4711, 200);
    cross();
    check_shown("1 2");
    check_counted(0, 1);
    push_link(A, 3, 4711, 300);
    cross();
    check_shown("3");
    check_counted(0, 2);
    push_link(A, 4, 300, 400);
    cross();
    check_counted(0, 2);
}

static void test_sieve__fork_is_judged_within_a_crossing(void **state)
{
    (void)state;
    check_ok(rig_open(note, NULL));
    push_honest(A, 1);
    cross();
    push_honest(A, 2);
    push_honest(A, 3);
    push_link(A, 4, 4711, 400);
    push_link(A, 4, A + 300, 401);
    cross();
    check_shown("2 3 4");
    check_counted(1, 2);
}

static void test_sieve__honest_chain_is_no_fork(void **state)
{
    (void)state;
    check_ok(rig_open(note, NULL));
    for (uint64_t i = 1; i <= 5; i++)
        push_honest(A, i);
    cross();
    for (uint64_t i = 6; i <= 10; i++)
        push_honest(A, i);
    cross();
    check_shown("6 7 8 9 10");
    check_counted(0, 0);
}

static void test_sieve__gap_is_no_fork(void **state)
{
    (void)state;
    check_ok(rig_open(note, NULL));
    push_link(A, 7, 4711, 700); /* the first that is seen of it */
    push_link(A, 9, 4711, 900);
    push_link(A, 8, 700, 800);
    cross();
    check_shown("7 9");
    check_counted(1, 0);
}

static void test_sieve__last_sequence_of_all_is_shown(void **state)
{
    (void)state;
    check_ok(rig_open(note, NULL));
    push_link(A, UINT64_MAX - 1, 1, 2);
    push_link(A, UINT64_MAX, 2, 3);
    push_link(A, UINT64_MAX, 2, 3);
    cross();
    check_u64(shown_count, 2);
    check_counted(1, 0);
    push_link(A, 1, 3, 4);
    cross();
    check_u64(shown_count, 0);
    check_counted(2, 0);
}

/* A fork counts when it is committed, however often it was tried. */
static void test_sieve__fork_of_a_failing_input_counts_once(void **state)
{
    (void)state;
    check_ok(rig_open(note, NULL));
    push_honest(A, 1);
    cross();
    push_link(A, 2, 4711, 200);
    fail_at = 1;
    cross();
    check_counted(0, 0);
    fail_at = 0;
    cross();
    check_counted(0, 1);
}

/* -- cases: a horizon that forgets -- */

static void test_sieve__forgotten_origin_is_shown_again(void **state)
{
    (void)state;
    check_ok(rig_open(note, "horizon.count", "2", NULL));
    push_honest(A, 1);
    push_honest(B, 1);
    push_honest(C, 1);
    push_honest(A, 1); /* in this crossing it is still known */
    cross();
    check_shown("1 1 1");
    push_honest(A, 1);
    cross();
    check_shown("1");
    check_counted(1, 0);
    check_u64(rig.host.horizon.evicted, 2);
}

static void test_sieve__many_strangers_in_one_crossing(void **state)
{
    (void)state;
    check_ok(rig_open(note, "batch", "256", "horizon.count", "1", NULL));
    for (uint64_t i = 1; i <= 100; i++)
        push_honest(1000 + i, 1);
    for (uint64_t i = 1; i <= 100; i++)
        push_honest(1000 + i, 1 + i % 2);
    cross();
    check_u64(shown_count, 150);
    check_counted(50, 0);
    check_u64(rig.host.horizon.evicted, 149);
}

/* -- the rules as they are written, one by one -- */

enum {
    ORIGINS = 6,
    KNOWN_MAX = 4,
    ROUNDS = 6000,
    HEADER = 20,
    ENTRY = 24
};

struct known {
    uint64_t origin;
    uint64_t sequence;
    uint64_t hash;
};

struct model {
    struct known known[KNOWN_MAX]; /* the oldest first */
    uint32_t count;
    uint64_t evicted;
    uint64_t duplicates;
    uint64_t forks;
    uint64_t shown[SHOWN_MAX]; /* sequences */
    uint32_t shown_count;
    uint32_t settled;
};

static struct model model;

static struct known *model_find(uint64_t origin)
{
    for (uint32_t i = 0; i < model.count; i++)
        if (model.known[i].origin == origin)
            return &model.known[i];
    return NULL;
}

static void model_remove(uint32_t index)
{
    memmove(&model.known[index], &model.known[index + 1],
            (--model.count - index) * sizeof *model.known);
}

static void model_observe(const struct lares__envelope *event)
{
    struct known *known = model_find(event->link.origin);

    if (event->link.origin == 0)
        return;
    if (known != NULL) {
        model_remove((uint32_t)(known - model.known));
    } else if (model.count == KNOWN_MAX) {
        model_remove(0);
        model.evicted++;
    }
    model.known[model.count++] =
        (struct known){event->link.origin, event->link.sequence, event->hash};
}

/* Judges by what stood before this crossing and what `now` has seen in it;
 * 1: it is shown. */
static int model_judge(const struct lares__envelope *event, struct known *now,
                       uint64_t *duplicates, uint64_t *forks)
{
    const struct lares__link *link = &event->link;
    const struct known *last = &now[link->origin];

    if (link->origin == 0)
        return 1;
    if (last->sequence == 0)
        last = model_find(link->origin);
    if (last != NULL && link->sequence <= last->sequence) {
        ++*duplicates;
        *forks += link->sequence == last->sequence && event->hash != last->hash;
        return 0;
    }
    *forks += last != NULL && link->sequence == last->sequence + 1 &&
              link->parent != last->hash;
    now[link->origin] =
        (struct known){link->origin, link->sequence, event->hash};
    return 1;
}

/* One crossing over the mailbox as it stands before the real one. */
static void model_cross(uint32_t batch)
{
    struct known now[ORIGINS + 1] = {{0}};
    const struct lares__envelope *finished[SHOWN_MAX];
    uint64_t duplicates = 0, forks = 0;
    uint32_t seen = 0, done = 0, ended = 0;

    model.shown_count = 0;
    model.settled = 0;
    for (struct lares__input *i = rig.first;
         i != NULL && !ended && seen < batch; i = i->next, seen++) {
        if (model_judge(i->event, now, &duplicates, &forks)) {
            model.shown[model.shown_count++] = i->event->link.sequence;
            ended = model.shown_count == fail_at || model.shown_count == end_at;
            if (model.shown_count == fail_at)
                break;
            finished[done++] = i->event;
        }
        model.settled = seen + 1;
        model.duplicates += duplicates;
        model.forks += forks;
        duplicates = forks = 0;
    }
    for (uint32_t i = 0; i < done; i++)
        model_observe(finished[i]);
}

static void check_horizon(void)
{
    uint8_t bytes[HEADER + KNOWN_MAX * ENTRY];
    uint64_t evicted;

    check_u64(lares__horizon_encoded_len(&rig.host.horizon),
              HEADER + model.count * ENTRY);
    lares__horizon_encode(&rig.host.horizon, bytes);
    memcpy(&evicted, bytes + 8, sizeof evicted);
    check_u64(evicted, model.evicted);
    check_mem(bytes + HEADER, model.known, model.count * ENTRY);
}

static void check_model(void)
{
    check_u64(rig.outcome.settled, model.settled);
    check_u64(shown_count, model.shown_count);
    for (uint32_t i = 0; i < shown_count; i++)
        check_u64(shown[i].sequence, model.shown[i]);
    check_counted(model.duplicates, model.forks);
    check_horizon();
}

static uint64_t near_to(uint64_t sequence, uint64_t *dice)
{
    sequence += random_below(dice, 6);
    return sequence > 2 ? sequence - 2 : 1;
}

/* An event at or near the end of an origin's chain: its honest successor, it
 * once more, or anything else. Hashes are few, so that they meet often. */
static void push_random(uint64_t *dice)
{
    static struct known ends[ORIGINS + 1];
    struct known *end = &ends[random_below(dice, ORIGINS + 1)];
    uint64_t origin = (uint64_t)(end - ends);
    uint64_t parent = end->hash;

    switch (random_below(dice, 4)) {
    case 0:
        parent = random_below(dice, 3);
        end->sequence = near_to(end->sequence, dice);
        end->hash = random_below(dice, 3);
        break;
    case 1:
        end->sequence += end->sequence == 0;
        break;
    default:
        end->sequence++;
        end->hash = random_below(dice, 3);
        break;
    }
    push_link(origin, end->sequence, parent, end->hash);
}

static void test_sieve__equals_a_naive_model(void **state)
{
    uint64_t dice = 0x5eed;

    (void)state;
    memset(&model, 0, sizeof model);
    check_ok(rig_open(note, "horizon.count", "4", "batch", "16",
                      "restart.attempts", "4294967295", NULL));
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t count = random_below(&dice, 20);
        uint32_t batch = 1 + random_below(&dice, 16);

        while (count-- > 0)
            push_random(&dice);
        fail_at = random_below(&dice, 12);
        end_at = random_below(&dice, 12);
        if (fail_at == end_at)
            end_at = 0;
        model_cross(batch);
        shown_count = 0;
        rig_cross(batch);
        check_model();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        sieve_test(test_sieve__repeat_in_one_crossing_is_not_shown),
        sieve_test(test_sieve__repeat_in_a_later_crossing_is_not_shown),
        sieve_test(test_sieve__nothing_but_repeats_needs_no_call),
        sieve_test(test_sieve__what_has_no_origin_is_always_shown),
        sieve_test(test_sieve__origins_are_judged_apart),
        sieve_test(test_sieve__what_failed_is_shown_again),
        sieve_test(test_sieve__repeats_are_settled_up_to_a_failure),
        sieve_test(test_sieve__second_event_at_a_place_is_a_fork),
        sieve_test(test_sieve__other_parent_is_shown_and_counted),
        sieve_test(test_sieve__fork_is_judged_within_a_crossing),
        sieve_test(test_sieve__honest_chain_is_no_fork),
        sieve_test(test_sieve__gap_is_no_fork),
        sieve_test(test_sieve__last_sequence_of_all_is_shown),
        sieve_test(test_sieve__fork_of_a_failing_input_counts_once),
        sieve_test(test_sieve__forgotten_origin_is_shown_again),
        sieve_test(test_sieve__many_strangers_in_one_crossing),
        sieve_test(test_sieve__equals_a_naive_model),
    };

    return check_run(tests);
}
