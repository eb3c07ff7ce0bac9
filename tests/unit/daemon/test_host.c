#include "support/host.h"

#include "daemon/rebuild.h"

#include "base/error.h"
#include "base/thread.h"

#include <inttypes.h>
#include <stdio.h>

/* -- fixture: a counter, and what create and destroy were given -- */

enum {
    MS = 1000000 /* ns */
};

struct counter {
    uint64_t n;
    uint32_t created;
    uint32_t destroyed;
    void *destroyed_instance;
    lares_daemon *daemon;
    lares_verdict answer;
    const char *text;
};

static struct counter counter;

/* as DESIGN has it */
static lares_verdict count_inputs(lares_call *call, void *instance)
{
    struct counter *self = instance;
    char text[24];

    while (lares__call_next(call) != NULL) {
        int len = snprintf(text, sizeof text, "%" PRIu64, ++self->n);

        (void)lares__call_emit(call, NULL, text, (size_t)len);
    }
    return LARES_DONE;
}

static lares_verdict counter_create(lares_call *call, lares_daemon *daemon,
                                    void **instance_out, void *user)
{
    struct counter *self = user;

    check(*instance_out == NULL);
    check(lares__call_current() == call);
    self->created++;
    self->daemon = daemon;
    *instance_out = self;
    lares__call_fail(call, self->text);
    return self->answer;
}

static void counter_destroy(void *instance)
{
    check(lares__call_current() != NULL);
    counter.destroyed_instance = instance;
    counter.destroyed++;
}

static int host_setup(void **state)
{
    memset(&counter, 0, sizeof counter);
    counter.answer = LARES_DONE;
    return rig_setup(state);
}

#define host_test(test)                                                        \
    cmocka_unit_test_setup_teardown(test, host_setup, rig_teardown)

/* -- tools -- */

static void open_counter(void)
{
    check_ok(rig_open(count_inputs, "publish", "counts", NULL));
    rig.kind.ops.create = counter_create;
    rig.kind.ops.destroy = counter_destroy;
    rig.kind.user = &counter;
}

static void create_counter(void)
{
    open_counter();
    check_ok(lares__host_create(&rig.host, &rig.call, NULL, 0));
}

static lares_status create_answering(lares_verdict answer, const char *text)
{
    open_counter();
    counter.answer = answer;
    counter.text = text;
    return lares__host_create(&rig.host, &rig.call, NULL, 0);
}

static void open_script(void)
{
    check_ok(rig_open(script, "publish", "out", NULL));
}

/* -- cases: options -- */

static void test_host__options_have_defaults(void **state)
{
    (void)state;
    check_ok(rig_open(script, NULL));
    check_u64(rig.host.batch, 64);
    check_u64(rig.host.horizon.count_max, 1024);
    check_u64(rig.host.restart.initial_ns, 50 * MS);
    check_u64(rig.host.restart.max_ns, 10000 * (uint64_t)MS);
    check_u64(rig.host.restart.attempts_max, 3);
    check_str(rig.host.name, "worker");
    check_str(lares__host_argument(&rig.host), "");
    check_u64(rig.host.output_len, 0);
}

static void test_host__options_are_read(void **state)
{
    (void)state;
    check_ok(rig_open(script, "batch", "1024", "horizon.count", "65536",
                      "restart.initial", "0", "restart.max", "3600000",
                      "restart.attempts", "1", "name", "a-name", "argument",
                      "north", "publish", "out.x", NULL));
    check_u64(rig.host.batch, 1024);
    check_u64(rig.host.horizon.count_max, 65536);
    check_u64(rig.host.restart.initial_ns, 0);
    check_u64(rig.host.restart.max_ns, 3600000 * (uint64_t)MS);
    check_u64(rig.host.restart.attempts_max, 1);
    check_str(rig.host.name, "a-name");
    check_str(lares__host_argument(&rig.host), "north");
    check_str(lares__host_output(&rig.host), "out.x");
    check_str(rig.host.ledger.output, "out.x");
    check_u64(rig.host.output_len, 5);
}

static void test_host__options_out_of_range_are_refused(void **state)
{
    static const char *const bad[][2] = {
        {"batch",            "0"         },
        {"batch",            "1025"      },
        {"batch",            "x"         },
        {"horizon.count",    "0"         },
        {"horizon.count",    "65537"     },
        {"restart.initial",  "3600001"   },
        {"restart.max",      "-1"        },
        {"restart.attempts", "0"         },
        {"restart.attempts", "4294967296"}
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        check_status(rig_open(script, bad[i][0], bad[i][1], NULL),
                     LARES_ERANGE);
        check_detail(bad[i][0]);
        check_detail(bad[i][1]);
    }
}

static void test_host__bad_words_are_refused(void **state)
{
    char long_one[4098];

    (void)state;
    memset(long_one, 'a', sizeof long_one);
    long_one[4097] = '\0';
    check_status(rig_open(script, "name", "A name", NULL), LARES_ENAME);
    check_status(rig_open(script, "name", "", NULL), LARES_ENAME);
    check_status(rig_open(script, "publish", "a..b", NULL), LARES_ENAME);
    check_status(rig_open(script, "publish", "a.*", NULL), LARES_ENAME);
    check_status(rig_open(script, "publish", "$x", NULL), LARES_EDENIED);
    check_status(rig_open(script, "argument", long_one, NULL), LARES_ETOOBIG);
    long_one[4096] = '\0';
    check_ok(rig_open(script, "argument", long_one, NULL));
    check_str(lares__host_argument(&rig.host), long_one);
}

static void test_host__empty_words_are_none(void **state)
{
    (void)state;
    check_ok(rig_open(script, "argument", "", "publish", "", NULL));
    check_str(lares__host_argument(&rig.host), "");
    check_u64(rig.host.output_len, 0);
    check(rig.host.ledger.output == NULL);
}

/* -- cases: the object -- */

static void test_host__create_makes_the_instance(void **state)
{
    lares_daemon *ticket = (lares_daemon *)&rig;

    (void)state;
    open_counter();
    check_ok(lares__host_create(&rig.host, &rig.call, ticket, 0));
    check_u64(counter.created, 1);
    check(counter.daemon == ticket);
    check(rig.host.instance == &counter);
    check(lares__call_current() == NULL);
    lares__host_destroy(&rig.host, &rig.call);
    check_u64(counter.destroyed, 1);
    check(counter.destroyed_instance == &counter);
    lares__host_destroy(&rig.host, &rig.call);
    check_u64(counter.destroyed, 1);
    check(lares__call_current() == NULL);
}

static void test_host__without_create_the_instance_is_user(void **state)
{
    (void)state;
    open_counter();
    rig.kind.ops.create = NULL;
    check_ok(lares__host_create(&rig.host, &rig.call, NULL, 0));
    check(rig.host.instance == &counter);
    lares__host_destroy(&rig.host, &rig.call);
    check_u64(counter.destroyed, 0);
}

static void test_host__a_pull_kind_creates_nothing(void **state)
{
    (void)state;
    open_counter();
    rig.kind.pull = 1;
    check_ok(lares__host_create(&rig.host, &rig.call, NULL, 0));
    check_u64(counter.created, 0);
}

/* A create that did not answer DONE made nothing that destroy could take. */
static void test_host__failed_create_is_never_destroyed(void **state)
{
    static const lares_verdict answers[] = {LARES_FAILED, LARES_LOST, -1, 99};

    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        check_status(create_answering(answers[i], "no bricks"),
                     LARES_ECALLBACK);
        check_detail("worker: no bricks");
        rig_close();
    }
    check_u64(counter.created, 4);
    check_u64(counter.destroyed, 0);
}

static void test_host__failed_create_without_a_text_names_itself(void **state)
{
    (void)state;
    check_status(create_answering(LARES_FAILED, NULL), LARES_ECALLBACK);
    check_detail("worker: create failed");
    rig_close();
    check_status(create_answering(99, NULL), LARES_ECALLBACK);
    check_detail("create answered 99");
}

static void test_host__create_may_succeed_after_it_failed(void **state)
{
    (void)state;
    check_status(create_answering(LARES_FAILED, "not yet"), LARES_ECALLBACK);
    counter.answer = LARES_DONE;
    check_ok(lares__host_create(&rig.host, &rig.call, NULL, 0));
    rig_push_text(".");
    rig_cross(UINT32_MAX);
    check_output(0, "1");
}

static lares_verdict create_and_emit(lares_call *call, lares_daemon *daemon,
                                     void **instance_out, void *user)
{
    (void)counter_create(call, daemon, instance_out, user);
    (void)lares__call_emit(call, NULL, "x", 1);
    return LARES_DONE;
}

/* It was DONE, so there is something to destroy. */
static void test_host__create_out_of_turn_is_destroyed(void **state)
{
    (void)state;
    open_counter();
    rig.kind.ops.create = create_and_emit;
    check_status(lares__host_create(&rig.host, &rig.call, NULL, 0),
                 LARES_ECALLBACK);
    check_detail("emit without an input in hand");
    check_u64(counter.destroyed, 1);
    check(rig.host.outbox.first == NULL);
}

static void test_host__lost_instance_is_made_anew(void **state)
{
    (void)state;
    create_counter();
    rig.kind.ops.process = script;
    rig_push_text("e");
    rig_push_text("x");
    rig_cross(UINT32_MAX);
    check_i64(rig.host.object, LARES__GONE);
    check_u64(rig.outcome.settled, 1);
    check_u64(rig.host.restart.n, 1);
    check_i64(lares__host_rebuild(&rig.host, &rig.call, NULL, 0),
              LARES__REBUILD_DONE);
    check_i64(rig.host.object, LARES__SOUND);
    check_u64(rig.host.counters.lost, 1);
    check_u64(counter.destroyed, 1);
    check_u64(rig.host.arrival, 1); /* chain and arrival go on */
    check_u64(rig.host.head.link.sequence, 1);
}

/* -- cases: chain -- */

/* id: H01 */
static void test_host__counter_of_five_inputs(void **state)
{
    static const char *const texts[] = {"1", "2", "3", "4", "5"};

    (void)state;
    create_counter();
    for (int i = 0; i < 5; i++)
        rig_push_text("tick");
    rig_cross(UINT32_MAX);
    check_u64(rig_outputs(), 5);
    for (uint32_t i = 0; i < 5; i++) {
        check_output(i, texts[i]);
        check_u64(rig_output(i)->link.sequence, i + 1);
        check_u64(rig_output(i)->link.origin, lares__key_origin(rig.key));
    }
    check_u64(rig.host.arrival, 5);
    check_u64(rig.host.counters.sequence, 5);
    check_u64(rig.host.counters.committed, 5);
    check_u64(rig.host.counters.emitted, 5);
    rig_take_outputs();
}

/* id: H01 (no output: head byte-identical) */
static void test_host__no_output_leaves_the_head(void **state)
{
    struct source source = source_new(0xabcd);
    struct lares__head head;

    (void)state;
    open_script();
    head = rig.host.head;
    for (int i = 0; i < 5; i++)
        rig_push(source_next(&source, "."));
    rig_cross(UINT32_MAX);
    check_mem(&rig.host.head, &head, sizeof head);
    check(rig.host.outbox.first == NULL);
    check_u64(rig.host.arrival, 5);
    check_u64(rig.host.horizon.count, 1);
}

/* id: H02 (the first output lacks the second input's bits) */
static void test_host__sketch_covers_what_came_before_alone(void **state)
{
    struct source a = source_new(0xa), b = source_new(0xb);
    uint64_t bits_a = lares__horizon_mask(0xa);
    uint64_t bits_b = lares__horizon_mask(0xb);

    (void)state;
    check(bits_a != bits_b);
    open_script();
    rig_push_text("e");
    rig_push(source_next(&a, "e"));
    rig_push(source_next(&b, "ee"));
    rig_push(source_next(&a, "e"));
    rig_cross(UINT32_MAX);
    check_u64(rig_output(0)->link.horizon, 0);
    check_u64(rig_output(1)->link.horizon, bits_a);
    check_u64(rig_output(2)->link.horizon, bits_a | bits_b);
    check_u64(rig_output(3)->link.horizon, bits_a | bits_b);
    check_u64(rig_output(4)->link.horizon, bits_a | bits_b);
    rig_take_outputs();
}

static void test_host__sketch_covers_the_input_itself(void **state)
{
    struct source source = source_new(0xa);

    (void)state;
    open_script();
    rig_push(source_next(&source, "."));
    rig_push(source_next(&source, "e"));
    rig_push(source_next(&source, "e"));
    rig_cross(UINT32_MAX);
    check_u64(rig_output(0)->link.horizon, lares__horizon_mask(0xa));
    check_u64(rig_output(1)->link.horizon, lares__horizon_mask(0xa));
    rig_take_outputs();
}

static void test_host__failed_input_leaves_no_bits(void **state)
{
    struct source a = source_new(0xa), b = source_new(0xb);

    (void)state;
    open_script();
    rig_push(source_next(&a, "e"));
    rig_push(source_next(&b, "e!"));
    rig_cross(UINT32_MAX);
    check_u64(rig.host.horizon.sketch, lares__horizon_mask(0xa));
    check(lares__horizon_find(&rig.host.horizon, 0xb) == NULL);
}

/* what a run of one daemon leaves: link, payload and channel of each output */
struct tape {
    uint8_t data[262144];
    size_t len;
};

static struct tape tapes[2];

static void tape_add(struct tape *tape, const void *data, size_t len)
{
    check(tape->len + len <= sizeof tape->data);
    memcpy(tape->data + tape->len, data, len);
    tape->len += len;
}

static void tape_outputs(struct tape *tape)
{
    while (rig.host.outbox.first != NULL) {
        struct lares__envelope *output = rig_take_output();

        tape_add(tape, &output->link, sizeof output->link + output->len);
        tape_add(tape, lares__envelope_channel(output),
                 output->channel_len + 1U);
        lares__envelope_release(output, &pool);
    }
}

/* 200 inputs: of three chains, of none, repeats, forks, none to many
 * outputs */
static void push_medley(void)
{
    static const char *const texts[] = {".", "e", "ene", "nnnn", "", "ee."};
    struct source sources[3] = {source_new(0xa), source_new(0xb),
                                source_new(0xc)};
    struct lares__envelope *last = NULL;

    for (int i = 0; i < 200; i++) {
        const char *text = texts[i * 7 % 6];

        if (i % 11 == 5)
            rig_push_text(text);
        else if (i % 13 == 7 && last != NULL)
            rig_push_again(last);
        else
            rig_push(last = source_next(&sources[i / 3 % 3], text));
        if (i % 17 == 3)
            sources[i % 3].head.hash ^= 1;
    }
}

static void play_medley(uint32_t crossing, uint64_t wall, struct tape *tape)
{
    open_script();
    push_medley();
    tape->len = 0;
    for (rig.wall = wall; rig_waiting() > 0; rig.wall++) {
        rig_cross(crossing);
        check_i64(rig.outcome.failed, 0);
        tape_outputs(tape);
    }
    tape_add(tape, &rig.host.head, sizeof rig.host.head);
    tape_add(tape, &rig.host.arrival, sizeof rig.host.arrival);
    check(rig.host.counters.duplicates > 0 && rig.host.counters.forks > 0);
    rig_close();
}

/* id: H02 (crossings of 1, 7, 64: byte-identical chains) */
static void test_host__batch_ends_never_show(void **state)
{
    static const uint32_t crossings[] = {1, 7, 64};

    (void)state;
    play_medley(3, 0, &tapes[0]);
    for (size_t i = 0; i < 3; i++) {
        play_medley(crossings[i], 1000 * i, &tapes[1]);
        check_u64(tapes[1].len, tapes[0].len);
        check_mem(tapes[1].data, tapes[0].data, tapes[0].len);
    }
}

static lares_verdict emit_two(lares_call *call, void *instance)
{
    lares_status *statuses = instance;

    while (lares__call_next(call) != NULL) {
        statuses[0] = lares__call_emit(call, NULL, "a", 1);
        statuses[1] = lares__call_emit(call, NULL, "b", 1);
    }
    return LARES_DONE;
}

/* id: H05 */
static void test_host__chain_ends_at_its_last_number(void **state)
{
    lares_status statuses[2];
    struct lares__head head;

    (void)state;
    check_ok(rig_open(emit_two, NULL));
    rig.host.instance = statuses;
    rig.host.head.link.sequence = UINT64_MAX - 1;
    head = rig.host.head;
    rig_push_text(".");
    rig_cross(UINT32_MAX);
    check_status(statuses[0], LARES_OK);
    check_status(statuses[1], LARES_ESEQUENCE);
    check_i64(rig.outcome.failed, 1);
    check_u64(rig.outcome.settled, 0);
    check_mem(&rig.host.head, &head, sizeof head);
    check(rig.host.outbox.first == NULL);
}

static void test_host__last_number_can_be_used(void **state)
{
    (void)state;
    open_script();
    rig.host.head.link.sequence = UINT64_MAX - 2;
    rig_push_text("e");
    rig_push_text("e");
    rig_push_text("e");
    rig_cross(UINT32_MAX);
    check_u64(rig.outcome.settled, 2);
    check_i64(rig.outcome.failed, 1);
    check_u64(rig.host.head.link.sequence, UINT64_MAX);
    check_str(rig.reason, "after 18446744073709551613 the chain has room for "
                          "2 events, not 3");
}

/* -- cases: commit -- */

static void test_host__outbox_keeps_the_order_of_crossings(void **state)
{
    (void)state;
    open_script();
    for (int i = 0; i < 5; i++) {
        rig_push_text("ee");
        rig_cross(UINT32_MAX);
    }
    for (uint32_t i = 0; i < 10; i++)
        check_u64(rig_output(i)->link.sequence, i + 1);
    rig_take_outputs();
    rig_push_text("e");
    rig_cross(UINT32_MAX);
    check_u64(rig_output(0)->link.sequence, 11);
    rig_take_outputs();
}

static void test_host__failed_input_keeps_its_arrival(void **state)
{
    struct lares__input *input;

    (void)state;
    open_script();
    rig_push_text("e");
    input = rig_push_text("!");
    rig_push_text("e");
    rig_cross(UINT32_MAX);
    check_u64(input->arrival, 2);
    check(rig.outcome.rest == input);
    check(rig.first == input);
    rig_cross(UINT32_MAX);
    check_u64(input->arrival, 2);
    rig_cross(UINT32_MAX); /* the third attempt is the last */
    check_u64(rig.host.arrival, 2);
    check_u64(rig.first->arrival, 0);
    rig_cross(UINT32_MAX);
    check_u64(rig.host.arrival, 3);
}

static void test_host__nothing_to_do_is_no_failure(void **state)
{
    (void)state;
    open_script();
    rig_cross(UINT32_MAX);
    check_i64(rig.outcome.failed, 0);
    check_u64(rig.outcome.settled, 0);
    check(rig.outcome.rest == NULL);
    check_u64(rig.clock_reads, 0);
}

/* The gate: without memory for the commit no foreign code runs. */
static void test_host__reserve_without_memory_changes_nothing(void **state)
{
    struct source source = source_new(0xabcd);

    (void)state;
    open_script();
    rig_push(source_next(&source, "e"));
    lares__alloc_fail(1, 1);
    check_status(lares__host_reserve(&rig.host, 64), LARES_ENOMEM);
    lares__alloc_fail(-1, 0);
    check_u64(rig.host.arrival, 0);
    rig_cross(UINT32_MAX);
    check_u64(rig.host.arrival, 1);
}

/* -- cases: memory, threads, cost -- */

/* a life from spawn to close; answers what failed */
static lares_status whole_life(void)
{
    lares_status rc;

    memset(&counter, 0, sizeof counter);
    counter.answer = LARES_DONE;
    rc = rig_open(count_inputs, "publish", "counts", "argument", "a", "name",
                  "n", NULL);
    if (rc < 0)
        return rc;
    rig.call.cache = NULL; /* so that every block is an allocation */
    rig.kind.user = &counter;
    rc = lares__host_create(&rig.host, &rig.call, NULL, 0);
    if (rc == LARES_OK)
        rc = lares__host_reserve(&rig.host, 64);
    rig_close();
    return rc;
}

static void test_host__every_allocation_of_a_life_may_fail(void **state)
{
    (void)state;
    heap_torture(whole_life);
}

static atomic_int reading;
static atomic_int went_back;

static void worker_read(void *arg)
{
    const struct lares__counters *counters = arg;
    uint64_t last = 0;

    while (atomic_load(&reading)) {
        uint64_t committed =
            atomic_load_explicit(&counters->committed, memory_order_relaxed);

        if (committed < last)
            atomic_store(&went_back, 1);
        last = committed;
    }
}

static void test_host__counters_are_read_while_it_runs(void **state)
{
    struct lares__thread thread;

    (void)state;
    open_script();
    atomic_store(&reading, 1);
    check_ok(lares__thread_start(&thread, worker_read, &rig.host.counters));
    for (int i = 0; i < 2000; i++) {
        rig_push_text("e");
        rig_cross(UINT32_MAX);
        rig_take_outputs();
    }
    atomic_store(&reading, 0);
    lares__thread_join(&thread);
    check(!went_back);
    check_u64(rig.host.counters.committed, 2000);
}

/* One crossing of 64 events, as a lane would have it. */
static void cross_64(struct source *source)
{
    struct lares__input **end = &rig.first;

    for (int i = 0; i < 64; i++) {
        struct lares__envelope *event = source_next(source, "tick");

        event->input = (struct lares__input){.event = event};
        *end = &event->input;
        end = &event->input.next;
    }
    rig_cross(UINT32_MAX);
    while (rig.host.outbox.first != NULL)
        lares__envelope_release(rig_take_output(), &pool);
}

static uint64_t locks_taken(void)
{
#ifndef NDEBUG
    return lares__lock_count();
#else
    return 0;
#endif
}

/* id: H17. The host reads no clock: its caller's one reading is `wall`. */
static void test_host__million_events_cost_no_memory_and_no_lock(void **state)
{
    struct source source = source_new(0xabcd);
    uint64_t blocks, locks;

    (void)state;
    create_counter();
    while (source.head.link.sequence < 10000)
        cross_64(&source);
    blocks = lares__alloc_count();
    locks = locks_taken();
    while (source.head.link.sequence < 1000000)
        cross_64(&source);
    check_u64(lares__alloc_count() - blocks, 0);
    check_u64(locks_taken() - locks, 0);
    check_u64(rig.clock_reads, 0);
    check_u64(rig.host.counters.committed, source.head.link.sequence);
    check_u64(rig.host.crossing * 64, source.head.link.sequence);
    rig_take_outputs();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        host_test(test_host__options_have_defaults),
        host_test(test_host__options_are_read),
        host_test(test_host__options_out_of_range_are_refused),
        host_test(test_host__bad_words_are_refused),
        host_test(test_host__empty_words_are_none),
        host_test(test_host__create_makes_the_instance),
        host_test(test_host__without_create_the_instance_is_user),
        host_test(test_host__a_pull_kind_creates_nothing),
        host_test(test_host__failed_create_is_never_destroyed),
        host_test(test_host__failed_create_without_a_text_names_itself),
        host_test(test_host__create_may_succeed_after_it_failed),
        host_test(test_host__create_out_of_turn_is_destroyed),
        host_test(test_host__lost_instance_is_made_anew),
        host_test(test_host__counter_of_five_inputs),
        host_test(test_host__no_output_leaves_the_head),
        host_test(test_host__sketch_covers_what_came_before_alone),
        host_test(test_host__sketch_covers_the_input_itself),
        host_test(test_host__failed_input_leaves_no_bits),
        host_test(test_host__batch_ends_never_show),
        host_test(test_host__chain_ends_at_its_last_number),
        host_test(test_host__last_number_can_be_used),
        host_test(test_host__outbox_keeps_the_order_of_crossings),
        host_test(test_host__failed_input_keeps_its_arrival),
        host_test(test_host__nothing_to_do_is_no_failure),
        host_test(test_host__reserve_without_memory_changes_nothing),
        host_test(test_host__every_allocation_of_a_life_may_fail),
        host_test(test_host__counters_are_read_while_it_runs),
        host_test(test_host__million_events_cost_no_memory_and_no_lock),
    };

    return check_run(tests);
}
