#include "support/host.h"

#include "daemon/rebuild.h"
#include "daemon/snapshot.h"

#include <stdio.h>

/* -- fixture: a daemon whose state is a digest of all that it was shown ---- */

static struct {
    uint64_t digest; /* the state */
    uint32_t replayed;
    uint32_t end_after; /* is DONE behind so many inputs of a crossing */
    uint32_t fail_at;   /* fails at that one of those replayed, from 1 */
} author;

static void mix(const void *data, size_t len)
{
    const unsigned char *byte = data;

    while (len-- > 0)
        author.digest = (author.digest ^ *byte++) * 0x100000001b3;
}

static void hear(const lares_event *event)
{
    mix(&event->origin, sizeof event->origin);
    mix(&event->sequence, sizeof event->sequence);
    mix(&event->parent, sizeof event->parent);
    mix(&event->horizon, sizeof event->horizon);
    mix(&event->hash, sizeof event->hash);
    mix(&event->arrival, sizeof event->arrival);
    mix(&event->received_at, sizeof event->received_at);
    mix(event->data, event->len);
    if (event->channel != NULL)
        mix(event->channel, strlen(event->channel));
}

/* A payload that begins with 'e' is answered by the digest. */
static lares_verdict process(lares_call *call, void *instance)
{
    const lares_event *event;
    uint32_t count = 0;

    (void)instance;
    while ((event = lares__call_next(call)) != NULL) {
        hear(event);
        if (event->flags & LARES_EVENT_REPLAY &&
            ++author.replayed == author.fail_at)
            return LARES_FAILED;
        if (event->len > 0 && *(const char *)event->data == 'e')
            (void)lares__call_emit(call, NULL, &author.digest, 8);
        if (event->len > 0 && *(const char *)event->data == '!')
            return LARES_FAILED;
        if (++count == author.end_after)
            return LARES_DONE;
    }
    return LARES_DONE;
}

static lares_verdict create(lares_call *call, lares_daemon *daemon,
                            void **instance_out, void *user)
{
    (void)call;
    (void)daemon;
    (void)user;
    author.digest = 0xcbf29ce484222325;
    *instance_out = &author;
    return LARES_DONE;
}

static lares_verdict snapshot(lares_call *call, void *instance)
{
    (void)instance;
    (void)lares__call_state(call, &author.digest, sizeof author.digest);
    return LARES_DONE;
}

static lares_verdict restore(lares_call *call, uint32_t version,
                             const void *data, size_t len, void *instance)
{
    (void)call;
    (void)version;
    (void)instance;
    check_u64(len, sizeof author.digest);
    memcpy(&author.digest, data, len);
    return LARES_DONE;
}

static const lares_daemon_ops author_ops = {
    .create = create,
    .process = process,
    .snapshot = snapshot,
    .restore = restore,
};

static struct source stranger; /* whose events come */

static void author_open(void)
{
    static const uint8_t seed[LARES__KEY_LEN] = {7};
    lares_options *set = NULL;

    stranger = source_new(0xa);
    memset(&author, 0, sizeof author);
    strcpy(rig.kind.name, "author");
    rig.kind.ops = author_ops;
    rig.kind.stateful = 1;
    rig.call.cache = &pool;
    check_ok(lares_options_new(&set));
    check_ok(lares__key_from_seed(seed, &rig.key));
    check_ok(lares__host_init(&rig.host, "author", &rig.kind, rig.key, set, 1));
    lares_options_free(set);
    check_ok(lares__host_create(&rig.host, &rig.call, NULL, 0));
    lares__head_genesis(&rig.verified, lares__key_origin(rig.key));
}

#define rebuild_test(test)                                                     \
    cmocka_unit_test_setup_teardown(test, rig_setup, rig_teardown)

/* -- tools ---------------------------------------------------------------- */

static void cross(void)
{
    rig_cross(UINT32_MAX);
    rig_take_outputs();
}

/* So many inputs, a batch at a time; every eighth of them is long. */
static void feed(uint32_t count)
{
    char text[3000];

    for (uint32_t i = 0; i < count; i++) {
        (void)snprintf(text, sizeof text, "%s%u", i % 3 == 0 ? "e" : "", i);
        if (i % 8 == 7) {
            memset(text, 'a' + (int)(i % 26), sizeof text - 1);
            text[sizeof text - 1] = '\0';
        }
        rig_push(source_next(&stranger, text));
        if (i % 64 == 63 || i == count - 1)
            cross();
    }
}

static void save(void)
{
    check_ok(
        lares__host_snapshot(&rig.host, &rig.call, NULL, 0, &rig_clock, NULL));
}

/* One step; FAILED says why in rig.reason. */
static enum lares__rebuilt step(void)
{
    enum lares__rebuilt rebuilt =
        lares__host_rebuild(&rig.host, &rig.call, NULL, 0);

    if (rebuilt == LARES__REBUILD_FAILED) {
        lares__call_reason(&rig.call, rig.reason, sizeof rig.reason);
        lares__call_fini(&rig.call);
    }
    return rebuilt;
}

/* Steps, until it is sound or has failed. */
static enum lares__rebuilt rebuild(void)
{
    enum lares__rebuilt rebuilt = LARES__REBUILD_MORE;

    author.digest = 0; /* spoilt */
    author.replayed = 0;
    if (rig.host.object == LARES__SOUND)
        rig.host.object = LARES__SUSPECT;
    while (rebuilt == LARES__REBUILD_MORE)
        rebuilt = step();
    return rebuilt;
}

/* Rebuilt, it knows what it knew, and its chain is where it was. */
static void check_rebuilt(uint64_t digest, uint32_t replayed)
{
    check_i64(rebuild(), LARES__REBUILD_DONE);
    check_u64(author.replayed, replayed);
    check_u64(author.digest, digest);
    check_u64(atomic_load(&rig.host.counters.diverged), 0);
    check_i64(rig.host.object, LARES__SOUND);
}

/* -- what it shows -------------------------------------------------------- */

static void test_rebuild__shows_what_was_committed(void **state)
{
    (void)state;
    author_open();
    feed(1000);
    check_rebuilt(author.digest, 1000);
    feed(10);
    check_rebuilt(author.digest, 1010);
}

static void test_rebuild__begins_at_the_checkpoint(void **state)
{
    (void)state;
    author_open();
    feed(500);
    save();
    check_rebuilt(author.digest, 0);
    feed(300);
    check_rebuilt(author.digest, 300);
}

/* Repeats and failed inputs are settled, and never shown again. */
static void test_rebuild__leaves_out_what_was_not_committed(void **state)
{
    struct lares__envelope *event;
    uint64_t digest;

    (void)state;
    author_open();
    event = source_next(&stranger, "e");
    rig_push_again(event);
    rig_push_again(event);
    rig_push(event);
    cross();
    digest = author.digest;
    rig_push(source_next(&stranger, "!"));
    for (int attempt = 0; attempt < 3; attempt++)
        rig_cross(UINT32_MAX);
    check_u64(rig_waiting(), 0);
    check_rebuilt(digest, 1);
}

/* An author who ends a crossing early is shown the rest in the next. */
static void test_rebuild__goes_on_behind_a_crossing_that_ended(void **state)
{
    (void)state;
    author_open();
    feed(200);
    author.end_after = 5;
    check_rebuilt(author.digest, 200);
}

/* -- failing -------------------------------------------------------------- */

static void test_rebuild__begins_anew_after_a_failure(void **state)
{
    uint64_t digest;

    (void)state;
    author_open();
    feed(300);
    digest = author.digest;
    author.fail_at = 100; /* in the middle of a batch */
    check_i64(rebuild(), LARES__REBUILD_FAILED);
    check_str(rig.reason, "process failed");
    check_i64(rig.host.object, LARES__GONE);
    author.fail_at = 0;
    check_rebuilt(digest, 300);
}

static void test_rebuild__may_end_in_the_middle(void **state)
{
    (void)state; /* what it holds goes with the host */
    author_open();
    feed(300);
    author.end_after = 5;
    rig.host.object = LARES__SUSPECT;
    check_i64(step(), LARES__REBUILD_MORE);
    check_i64(step(), LARES__REBUILD_MORE);
}

/* -- without memory ------------------------------------------------------- */

/* Whichever allocation fails: later it is made as it was. */
static void test_rebuild__without_memory_is_tried_again(void **state)
{
    enum lares__rebuilt rebuilt = LARES__REBUILD_FAILED;
    uint64_t digest;

    (void)state;
    author_open();
    feed(200);
    digest = author.digest;
    for (int64_t nth = 1; rebuilt == LARES__REBUILD_FAILED; nth++) {
        lares__pool_flush(&pool);
        lares__pool_trim();
        lares__alloc_fail(nth, nth % 2 == 0);
        rebuilt = rebuild();
        lares__alloc_fail(-1, 0);
        if (rebuilt == LARES__REBUILD_FAILED)
            check_str(rig.reason, "out of memory");
    }
    check_u64(author.digest, digest);
    check_rebuilt(digest, 200);
}

/* What was committed is kept; but nothing more is begun. */
static void test_rebuild__knows_what_was_kept_without_memory(void **state)
{
    uint64_t digest;

    (void)state;
    author_open();
    feed(1);
    for (int i = 0; i < 64; i++)
        rig_push(source_next(&stranger, i % 2 ? "e" : "a longer payload"));
    check_ok(lares__host_reserve(&rig.host, rig.host.batch));
    lares__host_cross(&rig.host, &rig.call, rig.first, UINT32_MAX, 0,
                      &rig_clock, &rig.outcome);
    lares__alloc_fail(1, 1);
    rig_settle();
    check_u64(rig.outcome.settled, 64);
    check_status(lares__host_reserve(&rig.host, 1), LARES_ENOMEM);
    digest = author.digest;
    check_i64(rebuild(), LARES__REBUILD_FAILED);
    check_str(rig.reason, "out of memory");
    lares__alloc_fail(-1, 0);
    rig_take_outputs();
    check_rebuilt(digest, 65);
    feed(10);
    check_rebuilt(author.digest, 75);
}

/* -- what it costs to be ready for one ------------------------------------ */

/* A hundred thousand inputs and their checkpoints: only those allocate. */
static void test_rebuild__costs_no_allocation_in_steady_state(void **state)
{
    uint64_t calls = 0;
    uint64_t before;

    (void)state;
    author_open();
    for (uint32_t i = 0; i < 100000 / 64; i++) {
        before = lares__alloc_count();
        for (uint32_t k = 0; k < 64; k++)
            rig_push(source_next(&stranger, k % 2 ? "e" : "something else"));
        cross();
        if (i >= 400)
            calls += lares__alloc_count() - before;
        if (lares__keep_due(rig.host.keep))
            save();
    }
    check_u64(calls, 0);
    check(atomic_load(&rig.host.counters.snapshots) > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rebuild_test(test_rebuild__shows_what_was_committed),
        rebuild_test(test_rebuild__begins_at_the_checkpoint),
        rebuild_test(test_rebuild__leaves_out_what_was_not_committed),
        rebuild_test(test_rebuild__goes_on_behind_a_crossing_that_ended),
        rebuild_test(test_rebuild__begins_anew_after_a_failure),
        rebuild_test(test_rebuild__may_end_in_the_middle),
        rebuild_test(test_rebuild__without_memory_is_tried_again),
        rebuild_test(test_rebuild__knows_what_was_kept_without_memory),
        rebuild_test(test_rebuild__costs_no_allocation_in_steady_state),
    };

    return check_run(tests);
}
