#include "support/host.h"

#include "daemon/snapshot.h"

/* -- fixture: a kind that writes its state in pieces --------------------- */

static uint8_t bytes[200000];
static size_t total;       /* that the next snapshot writes */
static size_t piece;       /* at a time */
static lares_status wrote; /* the first refusal, or OK */

static lares_verdict take_all(lares_call *call, void *instance)
{
    (void)instance;
    while (lares__call_next(call) != NULL)
        continue;
    return LARES_DONE;
}

static lares_verdict write_pieces(lares_call *call, void *instance)
{
    (void)instance;
    wrote = LARES_OK;
    for (size_t at = 0; at < total && wrote == LARES_OK; at += piece)
        wrote = lares__call_state(call, bytes + at,
                                  piece < total - at ? piece : total - at);
    return LARES_DONE;
}

static void open_writer(lares_snapshot_fn snapshot, const char *max)
{
    lares_options *options;

    check_ok(rig_open(take_all, NULL));
    lares__host_fini(&rig.host, &pool);
    rig.kind.stateful = 1;
    rig.kind.ops.snapshot = snapshot;
    check_ok(lares__options_new(&options));
    if (max != NULL)
        check_ok(lares__options_set(options, "snapshot.max", max));
    check_ok(
        lares__host_init(&rig.host, rig.name, &rig.kind, rig.key, options, 1));
    lares__options_free(options);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7 >> 3);
}

static lares_status save(size_t new_total, size_t new_piece)
{
    total = new_total;
    piece = new_piece;
    return lares__host_snapshot(&rig.host, &rig.call, NULL, 1, &rig_clock,
                                NULL);
}

static void check_saved(size_t len)
{
    const struct lares__checkpoint *saved = &rig.host.keep->checkpoint;

    check_u64(saved->len, len);
    check(memcmp(saved->block->data + saved->at, bytes, len) == 0);
}

/* -- cases --------------------------------------------------------------- */

static void test_state__of_any_pieces_is_one(void **state)
{
    static const size_t pieces[] = {1, 16, 333, 4096, sizeof bytes};

    (void)state;
    open_writer(write_pieces, NULL);
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        check_ok(save(sizeof bytes - i, pieces[i]));
        check_saved(sizeof bytes - i);
    }
}

static void test_state__has_the_room_of_the_last_one(void **state)
{
    uint64_t before;

    (void)state;
    open_writer(write_pieces, NULL);
    check_ok(save(100000, 16));
    before = lares__alloc_count();
    check_ok(save(100000, 16));
    check_ok(save(110000, 16)); /* has grown a little */
    check_u64(lares__alloc_count() - before, 2);
    check_saved(110000);
}

static void test_state__shrinks_and_grows_again(void **state)
{
    static const size_t lens[] = {100000, 10, 0, 1000, 90000, 200000};

    (void)state;
    open_writer(write_pieces, NULL);
    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
        check_ok(save(lens[i], 24));
        check_saved(lens[i]);
    }
}

static void test_state__may_fill_its_bound_and_no_more(void **state)
{
    (void)state;
    open_writer(write_pieces, "1000");
    check_ok(save(1000, 7));
    check_ok(save(1000, 7)); /* now by the room of the first */
    check_saved(1000);
    check_status(save(1001, 7), LARES_ETOOBIG);
    check_status(wrote, LARES_ETOOBIG);
    check_saved(1000); /* the one before stands */
}

static lares_verdict write_nothing(lares_call *call, void *instance)
{
    (void)instance;
    check_ok(lares__call_state(call, bytes, 0));
    check_ok(lares__call_state(call, NULL, 0));
    check_ok(lares__call_state(call, bytes, 5));
    check_ok(lares__call_state(call, NULL, 0));
    check_ok(lares__call_state(call, bytes + 5, 0));
    check_ok(lares__call_state(call, bytes + 5, 4));
    return LARES_DONE;
}

static void test_state__takes_pieces_of_nothing(void **state)
{
    (void)state;
    open_writer(write_nothing, NULL);
    check_ok(save(0, 1));
    check_saved(9);
    check_ok(save(0, 1));
    check_saved(9);
}

static lares_verdict write_null(lares_call *call, void *instance)
{
    (void)instance;
    check_ok(lares__call_state(call, bytes, 100));
    check_status(lares__call_state(call, NULL, 1), LARES_EINVAL);
    check_status(lares__call_state(call, bytes, 1), LARES_EINVAL);
    return LARES_DONE;
}

static void test_state__refused_once_is_refused_for_good(void **state)
{
    (void)state;
    open_writer(write_pieces, NULL);
    check_ok(save(5000, 50));
    rig.kind.ops.snapshot = write_null; /* it would have room */
    check_status(save(0, 1), LARES_ESNAPSHOT);
    check_saved(5000);
}

static void test_state__without_memory_leaves_the_last_one(void **state)
{
    (void)state;
    open_writer(write_pieces, NULL);
    check_ok(save(100, 10));
    for (int64_t nth = 1; nth <= 2; nth++) { /* the first block, its growth */
        lares__alloc_fail(nth, 0);
        check_status(save(1000, 10), LARES_ESNAPSHOT);
        lares__alloc_fail(-1, 0);
        check_status(wrote, LARES_ENOMEM);
        check_saved(100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(test_state__of_any_pieces_is_one),
        rig_test(test_state__has_the_room_of_the_last_one),
        rig_test(test_state__shrinks_and_grows_again),
        rig_test(test_state__may_fill_its_bound_and_no_more),
        rig_test(test_state__takes_pieces_of_nothing),
        rig_test(test_state__refused_once_is_refused_for_good),
        rig_test(test_state__without_memory_leaves_the_last_one),
    };

    return check_run(tests);
}
