#include "node/world.h"

#include "support/script.h"

#include <stdlib.h>

/* Timers of daemons, in virtual time. */

/* -- tools ---------------------------------------------------------------- */

enum {
    FIRED_MAX = 64
};

/* What the daemons of the kind were shown that nobody sent. */
struct fired {
    uint64_t at; /* ms of world time */
    uint64_t id;
    uint64_t received_at;
    char text[16];
};

static struct {
    struct fired fired[FIRED_MAX];
    int count;
    int replayed; /* firings, again */
    enum {
        NOTHING,
        START, /* a timer of 20 ms */
        CANCEL
    } creation; /* what create does */
    int saving; /* snapshot starts a timer */
    lares_status last;
} log_;

static void log_firing(const lares_event *event)
{
    struct fired *fired = &log_.fired[log_.count];

    if (event->flags & LARES_EVENT_REPLAY) {
        log_.replayed++;
        return;
    }
    if (log_.count == FIRED_MAX)
        return;
    log_.count++;
    fired->at = world_ms();
    fired->id = event->sequence;
    fired->received_at = event->received_at;
    event_text(event, fired->text, sizeof fired->text);
}

/* "+delay,period,data": the id is emitted */
static const char *play_start(lares_call *call, const char *text)
{
    char *rest;
    int64_t delay = strtoll(text, &rest, 10);
    int64_t period = strtoll(rest + 1, &rest, 10);
    size_t len = strcspn(rest + 1, " ");
    uint64_t id = 0;
    char number[24];

    log_.last = lares_call_timer(call, delay, period, rest + 1, len, &id);
    (void)snprintf(number, sizeof number, "%" PRIu64, id);
    (void)lares_call_emit(call, NULL, number, strlen(number));
    return rest + 1 + len;
}

/* "*n": starts n timers of 10 ms */
static const char *play_many(lares_call *call, const char *text)
{
    char *rest;
    long count = strtol(text, &rest, 10);
    uint64_t id;

    log_.last = LARES_OK;
    while (count-- > 0 && log_.last == LARES_OK)
        log_.last = lares_call_timer(call, 10, 0, NULL, 0, &id);
    return rest;
}

/* "#": starts one of 10 ms with as much data as may be */
static void play_big(lares_call *call)
{
    static char data[4096];
    uint64_t id;

    memset(data, 'x', sizeof data);
    log_.last = lares_call_timer(call, 10, 0, data, sizeof data, &id);
}

/* "-id" */
static const char *play_cancel(lares_call *call, const char *text)
{
    char *rest;
    uint64_t id = strtoull(text, &rest, 10);

    log_.last = lares_call_cancel(call, id);
    return rest;
}

/* "~id": up to that one */
static const char *play_cancel_all(lares_call *call, const char *text)
{
    char *rest;

    for (uint64_t id = strtoull(text, &rest, 10); id > 0; id--)
        log_.last = lares_call_cancel(call, id);
    return rest;
}

/* Words, one behind the other; 0 at '!', which fails. */
static int play(lares_call *call, const char *text)
{
    while (*text != '\0')
        switch (*text++) {
        case '+':
            text = play_start(call, text);
            break;
        case '*':
            text = play_many(call, text);
            break;
        case '#':
            play_big(call);
            break;
        case '-':
            text = play_cancel(call, text);
            break;
        case '~':
            text = play_cancel_all(call, text);
            break;
        case '!':
            return 0;
        default:
            break;
        }
    return 1;
}

struct alarm {
    uint64_t events;
};

static lares_verdict alarm_create(lares_call *call, lares_daemon *daemon,
                                  void **instance_out, void *user)
{
    uint64_t id;

    (void)daemon;
    (void)user;
    if (log_.creation == START)
        log_.last = lares_call_timer(call, 20, 0, "create", 6, &id);
    if (log_.creation == CANCEL)
        log_.last = lares_call_cancel(call, 1);
    *instance_out = calloc(1, sizeof(struct alarm));
    return *instance_out != NULL ? LARES_DONE : LARES_FAILED;
}

static lares_verdict alarm_process(lares_call *call, void *instance)
{
    struct alarm *alarm = instance;
    const lares_event *event;
    char text[64];

    while ((event = lares_call_next(call)) != NULL) {
        alarm->events++;
        if (event->origin == 0)
            log_firing(event);
        event_text(event, text, sizeof text);
        if (!play(call, text))
            return LARES_FAILED;
    }
    return LARES_DONE;
}

static lares_verdict alarm_snapshot(lares_call *call, void *instance)
{
    uint64_t id;

    if (log_.saving)
        log_.last = lares_call_timer(call, 1, 0, NULL, 0, &id);
    (void)lares_call_state(call, instance, sizeof(struct alarm));
    return LARES_DONE;
}

static lares_verdict alarm_restore(lares_call *call, uint32_t version,
                                   const void *data, size_t len, void *instance)
{
    (void)call;
    (void)version;
    if (len != sizeof(struct alarm))
        return LARES_FAILED;
    memcpy(instance, data, len);
    return LARES_DONE;
}

static const lares_daemon_ops alarm_ops = {
    .size = sizeof alarm_ops,
    .create = alarm_create,
    .destroy = free,
    .process = alarm_process,
    .snapshot = alarm_snapshot,
    .restore = alarm_restore,
};

static int alarm_setup(void **state)
{
    int rc = script_setup(state);

    memset(&log_, 0, sizeof log_);
    check_ok(lares_node_register(node, "alarm", NULL, &alarm_ops, NULL, NULL));
    return rc;
}

#define alarm_test(test)                                                       \
    cmocka_unit_test_setup_teardown(test, alarm_setup, script_teardown)

static uint64_t alarm_fact(const char *column)
{
    return daemon_fact(node, "alarm", column);
}

/* says it, and lets no time pass */
static void tell(lares_daemon *daemon, const char *text)
{
    check_ok(say(daemon, text, 0));
    pass_ms(0);
}

static void check_fired(const uint64_t *times, int count)
{
    check_i64(log_.count, count);
    for (int i = 0; i < count; i++)
        check_u64(log_.fired[i].at, times[i]);
}

/* -- once, every, cancel -------------------------------------------------- */

/* id: BT01 */
static void test_timer__fires_once_and_on_time(void **state)
{
    static const uint64_t times[] = {250};
    lares_daemon *daemon = spawn(node, "alarm", NULL);
    uint64_t began;

    (void)state;
    tell(daemon, "+0,0,now");
    check_i64(log_.count, 1);
    began = log_.fired[0].received_at;
    log_.count = 0;
    tell(daemon, "+250,0,x");
    pass_ms(249);
    check_i64(log_.count, 0);
    pass_ms(10000);
    check_fired(times, 1);
    check_u64(log_.fired[0].id, 2);
    check_u64(log_.fired[0].received_at - began, 250 * UINT64_C(1000000));
    check_str(log_.fired[0].text, "x");
    check_u64(alarm_fact("arrival"), 4);
    lares_daemon_free(daemon);
}

/* id: BT01 */
static void test_timer__fires_every_period(void **state)
{
    static const uint64_t times[] = {5, 15, 25, 35};
    lares_daemon *daemon = spawn(node, "alarm", NULL);

    (void)state;
    tell(daemon, "+5,10,x");
    pass_ms(36);
    check_fired(times, 4);
    tell(daemon, "-1");
    pass_ms(1000);
    check_fired(times, 4);
    lares_daemon_free(daemon);
}

static void test_timer__starts_another_as_it_fires(void **state)
{
    static const uint64_t times[] = {10, 12, 112};
    lares_daemon *daemon = spawn(node, "alarm", NULL);

    (void)state;
    tell(daemon, "+10,0,+2,0,-9");
    tell(daemon, "+112,0,x");
    pass_ms(1000);
    check_fired(times, 3);
    check_u64(log_.fired[1].id, 3);
    lares_daemon_free(daemon);
}

static void test_timer__equal_times_fire_as_started(void **state)
{
    lares_daemon *daemon = spawn(node, "alarm", NULL);

    (void)state;
    tell(daemon, "+10,0,a +10,0,b +10,0,c +10,0,d +10,0,e");
    pass_ms(10);
    check_i64(log_.count, 5);
    for (int i = 0; i < 5; i++)
        check_u64(log_.fired[i].id, (uint64_t)i + 1);
    lares_daemon_free(daemon);
}

/* id: BT01 */
static void test_timer__cancel_ends_it(void **state)
{
    lares_daemon *daemon = spawn(node, "alarm", NULL);

    (void)state;
    tell(daemon, "+10,0,x +20,0,x -2");
    tell(daemon, "-1 -1 -7");
    check_status(log_.last, LARES_OK);
    pass_ms(1000);
    check_i64(log_.count, 0);
    lares_daemon_free(daemon);
}

/* The one that fails holds up the mailbox; the firing came behind the cancel.
 * id: BT01 */
static void test_timer__cancel_makes_a_hole_of_what_waits(void **state)
{
    lares_daemon *daemon =
        spawn(node, "alarm", options("restart.initial", "100"));

    (void)state;
    tell(daemon, "+10,10,x");
    check_ok(say(daemon, "!", 0));
    check_ok(say(daemon, "-1", 0));
    pass_ms(1000);
    check_i64(log_.count, 0);
    check_u64(alarm_fact("arrival"), 4); /* the hole has one */
    check_u64(alarm_fact("inputs"), 2);
    lares_daemon_free(daemon);
}

/* What has become a hole leaves its place to others. */
static void test_timer__holes_take_no_place(void **state)
{
    static const char *const cancels[] = {"~1000", "~2000"};
    lares_daemon *daemon =
        spawn(node, "alarm", options("restart.initial", "100"));

    (void)state;
    for (int i = 0; i < 2; i++) {
        tell(daemon, "*1000");
        check_ok(say(daemon, "!", 0));
        check_ok(say(daemon, cancels[i], 0));
        pass_ms(2000);
        check_i64(log_.count, 0);
    }
    tell(daemon, "+10,0,x");
    pass_ms(10);
    check_i64(log_.count, 1);
    lares_daemon_free(daemon);
}

/* A timer of later does not hide when to try again. */
static void test_timer__a_gate_opens_before_it(void **state)
{
    lares_daemon *daemon = spawn(node, "alarm", NULL);

    (void)state;
    tell(daemon, "+5000,0,x");
    check_ok(say(daemon, "!", 0));
    pass_ms(50);
    check_u64(rows_count(node, "letters"), 1);
    lares_daemon_free(daemon);
}

/* id: BT01 */
static void test_timer__what_was_missed_is_one(void **state)
{
    static const uint64_t times[] = {100, 110, 120};
    lares_daemon *daemon =
        spawn(node, "alarm", options("restart.initial", "100"));

    (void)state;
    tell(daemon, "+10,10,x");
    check_ok(say(daemon, "!", 0)); /* is given up at 100 */
    pass_ms(125);
    check_fired(times, 3);
    check_u64(log_.fired[1].received_at - log_.fired[0].received_at,
              100 * UINT64_C(1000000)); /* it fired at 10 */
    lares_daemon_free(daemon);
}

/* -- the turn ------------------------------------------------------------- */

/* id: BT01 */
static void test_timer__a_failed_turn_starts_none(void **state)
{
    lares_inbox *inbox = subscribe(node, "ids", NULL);
    lares_daemon *daemon = spawn(node, "alarm", options("publish", "ids"));
    char ids[64];

    (void)state;
    tell(daemon, "+10,0,x");
    tell(daemon, "+10,0,x -1 !");
    pass_ms(1000);
    check_i64(log_.count, 1); /* nor cancels any */
    check_u64(log_.fired[0].id, 1);
    tell(daemon, "+10,0,x");
    check_u64(inbox_read(inbox, 0, ids, sizeof ids), 2);
    check_str(ids, "1 2 ");
    lares_inbox_free(inbox);
    lares_daemon_free(daemon);
}

/* A firing is an input as others: tried three times, then a dead letter. */
static void test_timer__a_firing_may_fail(void **state)
{
    static const uint64_t times[] = {10, 10, 60, 110, 310, 710};
    lares_daemon *daemon = spawn(node, "alarm", NULL);

    (void)state;
    tell(daemon, "+10,100,!");
    pass_ms(711);
    check_fired(times, 6);
    for (int i = 0; i < 6; i++)
        check_u64(log_.fired[i].id, 1);
    check_u64(rows_count(node, "letters"), 2);
    check_u64(cell(node, "letters", "text", "process failed", "sequence"), 1);
    lares_daemon_free(daemon);
}

/* id: BT01 */
static void test_timer__the_1025th_is_refused(void **state)
{
    lares_daemon *daemon = spawn(node, "alarm", NULL);

    (void)state;
    check_status(ask(daemon, "*1025", 0, NULL), LARES_ECALLBACK);
    check_status(log_.last, LARES_ELIMIT);
    check_ok(ask(daemon, "*1024", 0, NULL)); /* none of those was started */
    check_status(ask(daemon, "*1", 0, NULL), LARES_ECALLBACK);
    check_detail("1024 timers");
    check_ok(ask(daemon, "-1 *1", 0, NULL));
    lares_daemon_free(daemon);
}

static void test_timer__refusals_latch(void **state)
{
    lares_daemon *daemon = spawn(node, "alarm", NULL);

    (void)state;
    check_status(ask(daemon, "+-1,0,x", 0, NULL), LARES_ECALLBACK);
    check_status(log_.last, LARES_ERANGE);
    check_status(ask(daemon, "+0,-1,x +0,0,x", 0, NULL), LARES_ECALLBACK);
    check_status(log_.last, LARES_ERANGE); /* also of the one that is right */
    pass_ms(1000);
    check_i64(log_.count, 0);
    lares_daemon_free(daemon);
}

static void test_timer__other_callbacks_start_none(void **state)
{
    lares_daemon *daemon = NULL;
    lares_bytes *image = NULL;

    (void)state;
    log_.creation = CANCEL;
    check_status(lares_node_spawn(node, "alarm", NULL, NULL, &daemon),
                 LARES_ECALLBACK);
    check_status(log_.last, LARES_EPHASE);
    check_detail("cancel without an input in hand");
    log_.creation = NOTHING;
    log_.saving = 1;
    daemon = spawn(node, "alarm", NULL);
    check_status(lares_daemon_snapshot(daemon, 0, &image), LARES_ESNAPSHOT);
    check_status(log_.last, LARES_EPHASE);
    pass_ms(1000);
    check_i64(log_.count, 0);
    lares_daemon_free(daemon);
}

/* Without memory for what fires it is tried again, a little later. */
static void test_timer__fires_once_there_is_memory(void **state)
{
    lares_daemon *daemon = spawn(node, "alarm", NULL);

    (void)state;
    tell(daemon, "#");
    pass_ms(9);
    lares__alloc_fail(1, 1);
    pass_ms(5);
    lares__alloc_fail(-1, 0);
    check_i64(log_.count, 0);
    pass_ms(1);
    check_i64(log_.count, 1);
    lares_daemon_free(daemon);
}

/* -- the end -------------------------------------------------------------- */

static void test_timer__ends_with_its_daemon(void **state)
{
    lares_daemon *daemon = spawn(node, "alarm", NULL);

    (void)state;
    tell(daemon, "+10,10,x +0,0,x");
    check_i64(log_.count, 1);
    check_ok(lares_daemon_stop(daemon, 3600000)); /* nothing keeps it */
    pass_ms(1000);
    check_i64(log_.count, 1);
    check_u64(rows_count(node, "letters"), 0);
    lares_daemon_free(daemon);
}

/* Its outputs find no space, so it lingers. */
static void test_timer__fires_no_more_while_it_stops(void **state)
{
    lares_inbox *inbox = subscribe(node, "ids", options("mailbox.count", "1"));
    lares_daemon *daemon = spawn(node, "alarm", options("publish", "ids"));
    char ids[64];

    (void)state;
    tell(daemon, "+10,10,x +10,10,x");
    check_status(lares_daemon_stop(daemon, 5000), LARES_ETIMEDOUT);
    pass_ms(100);
    check_u64(inbox_read(inbox, 0, ids, sizeof ids), 2);
    pass_ms(100);
    check_u64(rows_count(node, "daemons"), 0);
    check_i64(log_.count, 0);
    lares_inbox_free(inbox);
    lares_daemon_free(daemon);
}

/* one that fails, and behind it a firing that waits */
static lares_daemon *with_firing(void)
{
    lares_daemon *daemon =
        spawn(node, "alarm", options("restart.initial", "1000"));

    tell(daemon, "+10,0,x");
    check_ok(say(daemon, "!", 0));
    pass_ms(10);
    check_i64(log_.count, 0);
    return daemon;
}

static void test_timer__what_fired_is_drained(void **state)
{
    lares_daemon *daemon = with_firing();

    (void)state;
    check_ok(lares_daemon_stop(daemon, 5000));
    check_i64(log_.count, 1);
    check_u64(rows_count(node, "letters"), 1); /* of the one that failed */
    lares_daemon_free(daemon);
}

static void test_timer__what_fired_is_no_letter(void **state)
{
    lares_daemon *daemon = with_firing();

    (void)state;
    check_ok(lares_daemon_stop(daemon, 0));
    check_i64(log_.count, 0);
    check_u64(rows_count(node, "letters"), 1);
    check_str(cell_text(node, "letters", "reason", "CLOSED", "text"),
              "queued as the daemon ended");
    lares_daemon_free(daemon);
}

/* -- other ways in -------------------------------------------------------- */

static lares_call *pulled(lares_daemon *daemon)
{
    lares_call *call = NULL;

    check_ok(lares_daemon_pull(daemon, 0, &call));
    return call;
}

static void test_timer__of_a_daemon_that_is_pulled(void **state)
{
    lares_daemon *daemon;
    lares_call *call = NULL;
    const lares_event *event;
    uint64_t id = 0;

    (void)state;
    check_ok(lares_node_register(node, "pulled", NULL, NULL, NULL, NULL));
    daemon = spawn(node, "pulled", NULL);
    check_ok(say(daemon, "x", 0));
    call = pulled(daemon);
    check_status(lares_call_timer(call, 10, 0, "t", 1, &id), LARES_EPHASE);
    check_ok(lares_call_end(call, LARES_FAILED));
    call = pulled(daemon);
    check(lares_call_next(call) != NULL);
    check_status(lares_call_timer(NULL, 0, 0, NULL, 0, &id), LARES_EINVAL);
    check_status(lares_call_cancel(NULL, 1), LARES_EINVAL);
    check_ok(lares_call_timer(call, 10, 0, "t", 1, NULL)); /* nobody asks */
    check_ok(lares_call_cancel(call, 1));
    check_ok(lares_call_timer(call, 10, 0, "t", 1, &id));
    check_u64(id, 2);
    pass_ms(20); /* it runs from the end of the call on */
    check_ok(lares_call_end(call, LARES_DONE));
    pass_ms(9);
    check_status(lares_daemon_pull(daemon, 0, &call), LARES_ETIMEDOUT);
    pass_ms(1);
    call = pulled(daemon);
    event = lares_call_next(call);
    check_u64(event->origin, 0);
    check_u64(event->sequence, 2);
    check_u64(event->hash, 0);
    check(event->channel == NULL);
    check_u64(event->len, 1);
    check_ok(lares_call_timer(call, 10, 0, "t", 1, &id));
    pass_ms(30000); /* the lease: it fails */
    check_status(lares_call_timer(call, 10, 0, "t", 1, &id), LARES_ESTALE);
    check_status(lares_call_cancel(call, 1), LARES_ESTALE);
    check_status(lares_call_end(call, LARES_DONE), LARES_ESTALE);
    pass_ms(1000);
    call = pulled(daemon);
    check_u64(lares_call_next(call)->sequence, 2); /* again */
    check(lares_call_next(call) == NULL);
    check_ok(lares_call_end(call, LARES_DONE));
    pass_ms(1000);
    check_status(lares_daemon_pull(daemon, 0, &call), LARES_ETIMEDOUT);
    lares_daemon_free(daemon);
}

/* Who waits runs the node, until it has what it waits for: the second firing is
 * not shown then, and a deliver comes behind it. */
static void test_timer__a_deliver_overtakes_no_firing(void **state)
{
    lares_inbox *inbox = subscribe(node, "ids", NULL);
    lares_events *events = NULL;
    lares_daemon *daemon;
    char ids[64];

    (void)state;
    daemon = spawn(node, "alarm", options("batch", "1", "publish", "ids"));
    check_ok(ask(daemon, "+1,0,+60000,0,x +1,0,+60000,0,x", 0, NULL));
    check_u64(inbox_read(inbox, 0, ids, sizeof ids), 2);
    lares__sim_advance(world->sim, lares__sim_now(world->sim) + 5000000);
    check_ok(lares_inbox_next(inbox, 8000, &events));
    lares_events_free(events);
    check_i64(log_.count, 1);
    check_ok(ask(daemon, "+60000,0,x", 8000, NULL));
    check_i64(log_.count, 2);
    check_u64(inbox_read(inbox, 0, ids, sizeof ids), 2);
    check_str(ids, "4 5 ");
    lares_inbox_free(inbox);
    lares_daemon_free(daemon);
}

/* -- with lanes ----------------------------------------------------------- */

/* Starts a timer at each input, and counts what fires. */
static lares_verdict tick(lares_call *call, void *instance)
{
    atomic_uint *count = instance;
    const lares_event *event;
    uint64_t id;

    while ((event = lares_call_next(call)) != NULL) {
        if (event->origin == 0)
            atomic_fetch_add(count, 1);
        else
            (void)lares_call_timer(call, 5, 1, NULL, 0, &id);
    }
    return LARES_DONE;
}

/* The lane sleeps, and another thread starts the timer. */
static void test_timer__wakes_its_lane(void **state)
{
    lares_node *real = node_open("2");
    atomic_uint count = 0;
    lares_daemon *daemon;

    (void)state;
    kind_add(real, "tick", tick, &count);
    daemon = spawn(real, "tick", NULL);
    nap_ms(20);
    check_ok(ask(daemon, "x", 8000, NULL));
    eventually(atomic_load(&count) >= 3);
    check_ok(lares_daemon_stop(daemon, -1)); /* it fires no more */
    lares_daemon_free(daemon);
    node_close(real);
}

/* Delivers on this thread, firings and sends on its lane. */
static void test_timer__with_much_else(void **state)
{
    lares_node *real = node_open("1");
    atomic_uint count = 0;
    lares_daemon *daemon;

    (void)state;
    kind_add(real, "tick", tick, &count);
    daemon = spawn(real, "tick", NULL);
    for (int i = 0; i < 500; i++) {
        check_ok(say(daemon, "x", 8000));
        check_ok(ask(daemon, "x", 8000, NULL));
    }
    eventually(atomic_load(&count) >= 5000);
    check_u64(daemon_fact(real, "tick", "failures"), 0);
    check_ok(lares_daemon_stop(daemon, -1));
    lares_daemon_free(daemon);
    node_close(real);
}

/* -- rebuild and image ---------------------------------------------------- */

/* The ids stand in its chain, so a replay that got others would diverge.
 * id: BT02 */
static void test_timer__a_rebuild_starts_none_twice(void **state)
{
    static const uint64_t times[] = {20, 80, 300}; /* the second had to wait */
    lares_inbox *inbox = subscribe(node, "ids", NULL);
    lares_daemon *daemon;
    char ids[64];

    (void)state;
    log_.creation = START;
    daemon = spawn(node, "alarm", options("publish", "ids", "batch", "1"));
    tell(daemon, "+50,0,x +60,0,x -3");
    pass_ms(30);
    tell(daemon, "!"); /* attempts at 30, 30, 80 */
    pass_ms(200);
    check(log_.replayed > 0);
    tell(daemon, "+70,0,x");
    pass_ms(1000);
    check_fired(times, 3);
    check_u64(log_.fired[2].id, 4);
    check_u64(alarm_fact("diverged"), 0);
    check(alarm_fact("rebuilds") > 0);
    check_u64(inbox_read(inbox, 0, ids, sizeof ids), 3);
    check_str(ids, "2 3 4 ");
    lares_inbox_free(inbox);
    lares_daemon_free(daemon);
}

/* id: BT02 */
static void test_timer__a_checkpoint_knows_the_next_id(void **state)
{
    lares_inbox *inbox = subscribe(node, "ids", NULL);
    lares_daemon *daemon =
        spawn(node, "alarm", options("publish", "ids", "batch", "1"));
    lares_bytes *image = NULL;
    char ids[64];

    (void)state;
    tell(daemon, "+10,0,x +10,0,x");
    check_ok(lares_daemon_snapshot(daemon, 0, &image));
    lares_bytes_free(image);
    tell(daemon, "+10,0,x");
    tell(daemon, "+10,0,x");
    check_ok(say(daemon, "!", 0));
    pass_ms(1000);
    check_i64(log_.count, 4);
    check(alarm_fact("rebuilds") > 0);
    check_u64(alarm_fact("diverged"), 0);
    check_u64(inbox_read(inbox, 0, ids, sizeof ids), 4);
    check_str(ids, "1 2 3 4 ");
    lares_inbox_free(inbox);
    lares_daemon_free(daemon);
}

/* A daemon of a given identity, which outlives it. */
static lares_key *key;

static lares_daemon *spawn_known(void)
{
    static const uint8_t seed[32] = {7};
    lares_daemon *daemon = NULL;

    check_ok(lares_key_new(seed, sizeof seed, &key));
    check_ok(lares_node_spawn(node, "alarm", key, NULL, &daemon));
    return daemon;
}

/* its image, as it stops */
static lares_bytes *ended(lares_daemon *daemon)
{
    lares_bytes *image = image_of(daemon);

    check_ok(lares_daemon_stop(daemon, 0));
    lares_daemon_free(daemon);
    return image;
}

static lares_daemon *restored(lares_bytes *image)
{
    lares_daemon *daemon = NULL;

    check_ok(restore_at(node, image, key, &daemon));
    lares_bytes_free(image);
    lares_key_free(key);
    return daemon;
}

/* id: BT02 */
static void test_timer__an_image_holds_the_time_left(void **state)
{
    static const uint64_t times[] = {12000};
    lares_daemon *daemon = spawn_known();
    lares_bytes *image;

    (void)state;
    tell(daemon, "+2000,0,x");
    pass_ms(500);
    image = ended(daemon);
    pass_ms(10000);
    check_i64(log_.count, 0);
    daemon = restored(image);
    pass_ms(5000);
    check_fired(times, 1);
    check_u64(log_.fired[0].id, 1);
    log_.count = 0;
    tell(daemon, "+0,0,x"); /* no id comes again */
    check_u64(log_.fired[0].id, 2);
    lares_daemon_free(daemon);
}

/* create has run again, and started none */
static void test_timer__create_counts_at_spawn_only(void **state)
{
    static const uint64_t times[] = {20};
    lares_daemon *daemon;

    (void)state;
    log_.creation = START;
    daemon = spawn_known();
    pass_ms(100);
    check_fired(times, 1);
    daemon = restored(ended(daemon));
    pass_ms(100);
    check_fired(times, 1);
    check_ok(lares_daemon_restart(daemon));
    pass_ms(100);
    check_fired(times, 1);
    lares_daemon_free(daemon);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        alarm_test(test_timer__fires_once_and_on_time),
        alarm_test(test_timer__fires_every_period),
        alarm_test(test_timer__starts_another_as_it_fires),
        alarm_test(test_timer__equal_times_fire_as_started),
        alarm_test(test_timer__cancel_ends_it),
        alarm_test(test_timer__cancel_makes_a_hole_of_what_waits),
        alarm_test(test_timer__holes_take_no_place),
        alarm_test(test_timer__a_gate_opens_before_it),
        alarm_test(test_timer__what_was_missed_is_one),
        alarm_test(test_timer__a_failed_turn_starts_none),
        alarm_test(test_timer__a_firing_may_fail),
        alarm_test(test_timer__the_1025th_is_refused),
        alarm_test(test_timer__refusals_latch),
        alarm_test(test_timer__other_callbacks_start_none),
        alarm_test(test_timer__fires_once_there_is_memory),
        alarm_test(test_timer__ends_with_its_daemon),
        alarm_test(test_timer__fires_no_more_while_it_stops),
        alarm_test(test_timer__what_fired_is_drained),
        alarm_test(test_timer__what_fired_is_no_letter),
        alarm_test(test_timer__of_a_daemon_that_is_pulled),
        alarm_test(test_timer__a_deliver_overtakes_no_firing),
        house_test(test_timer__wakes_its_lane),
        house_test(test_timer__with_much_else),
        alarm_test(test_timer__a_rebuild_starts_none_twice),
        alarm_test(test_timer__a_checkpoint_knows_the_next_id),
        alarm_test(test_timer__an_image_holds_the_time_left),
        alarm_test(test_timer__create_counts_at_spawn_only),
    };

    return check_run(tests);
}
