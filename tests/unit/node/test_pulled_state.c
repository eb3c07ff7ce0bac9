#include "support/house.h"

/* A pull kind that can snapshot: SNAPSHOT and RESTORE come as inputs. */

/* -- fixture -------------------------------------------------------------- */

static lares_node *node, *other;
static lares_daemon *daemon;

/* What a puller of the counter holds: its object. */
struct object {
    uint64_t n;
    int replayed;
    uint64_t version;
};

static void register_at(lares_node *at)
{
    lares_options *set =
        options("stateful", "true", "version", "4", "lease", "30000");

    check_ok(lares_node_register(at, "pulled", set, NULL, NULL, NULL));
    lares_options_free(set);
}

static int pulled_setup(void **state)
{
    int rc = house_setup(state);

    node = node_open("0");
    other = node_open("0");
    register_at(node);
    register_at(other);
    daemon =
        spawn(node, "pulled", options("publish", "out", "subscribe", "in"));
    return rc;
}

static int pulled_teardown(void **state)
{
    lares_daemon_free(daemon);
    node_close(node);
    node_close(other);
    return house_teardown(state);
}

#define pulled_test(test)                                                      \
    cmocka_unit_test_setup_teardown(test, pulled_setup, pulled_teardown)

/* -- tools ---------------------------------------------------------------- */

static uint64_t fact(const char *column)
{
    return daemon_fact(node, "pulled", column);
}

static lares_call *pull(lares_daemon *from)
{
    lares_call *call = NULL;

    check_ok(lares_daemon_pull(from, 1000, &call));
    return call;
}

static lares_verdict count(lares_call *call, const lares_event *event,
                           struct object *object)
{
    char text[24];

    object->n++;
    object->replayed += (event->flags & LARES_EVENT_REPLAY) != 0;
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)object->n);
    lares_call_emit(call, NULL, text, strlen(text));
    return event->len == 1 ? LARES_DONE : LARES_FAILED;
}

/* Handles a call as its author would; answers what kind it was. */
static uint32_t handle(lares_call *call, struct object *object)
{
    lares_verdict verdict = LARES_DONE;
    const lares_event *event;
    uint32_t kind = 0;

    while (verdict == LARES_DONE && (event = lares_call_next(call)) != NULL) {
        kind = event->kind;
        if (kind == LARES_INPUT_SNAPSHOT) {
            check_ok(lares_call_state(call, &object->n, sizeof object->n));
        } else if (kind == LARES_INPUT_RESTORE) {
            check_u64(event->len, sizeof object->n);
            memcpy(&object->n, event->data, sizeof object->n);
            object->version = event->sequence;
        } else {
            verdict = count(call, event, object);
        }
    }
    check_ok(lares_call_end(call, verdict));
    return kind;
}

static uint32_t serve(lares_daemon *from, struct object *object)
{
    return handle(pull(from), object);
}

static void expect(uint32_t kind, struct object *object)
{
    check_u64(serve(daemon, object), kind);
}

/* -- failing -------------------------------------------------------------- */

static void test_pulled_state__is_saved_first_and_restored_after(void **state)
{
    struct object object = {.n = 100};
    char texts[256];
    lares_inbox *inbox = subscribe(node, "out", NULL);

    (void)state; /* id: V11 */
    check_ok(say(daemon, "a", 0));
    expect(LARES_INPUT_SNAPSHOT, &object); /* before the first event */
    expect(LARES_INPUT_EVENT, &object);
    check_u64(fact("arrival"), 1);
    check_ok(say(daemon, "bad", 0));
    check_ok(say(daemon, "b", 0));
    expect(LARES_INPUT_EVENT, &object); /* FAILED: its object is spoilt */
    check_u64(object.n, 102);
    check_str(daemon_text(node, "pulled", "state"), "STARTING");
    expect(LARES_INPUT_RESTORE, &object);
    check_u64(object.n, 100);
    check_u64(object.version, 4);
    expect(LARES_INPUT_EVENT, &object); /* the tail */
    check_i64(object.replayed, 1);
    check_u64(object.n, 101);
    check_str(daemon_text(node, "pulled", "state"), "RUNNING");
    check_u64(fact("rebuilds"), 1);
    check_u64(fact("diverged"), 0);
    expect(LARES_INPUT_EVENT, &object); /* the second attempt */
    expect(LARES_INPUT_RESTORE, &object);
    expect(LARES_INPUT_EVENT, &object); /* replayed at once, gate or not */
    check_u64(inbox_read(inbox, 0, texts, sizeof texts), 1);
    check_str(texts, "101 ");
    lares_inbox_free(inbox);
}

static void test_pulled_state__restore_may_fail(void **state)
{
    struct object object = {0};
    lares_call *call;

    (void)state;
    check_ok(say(daemon, "a", 0));
    expect(LARES_INPUT_SNAPSHOT, &object);
    expect(LARES_INPUT_EVENT, &object);
    check_ok(say(daemon, "bad", 0));
    expect(LARES_INPUT_EVENT, &object);
    call = pull(daemon);
    check_u64(lares_call_next(call)->kind, LARES_INPUT_RESTORE);
    check_ok(lares_call_end(call, LARES_FAILED));
    check_u64(fact("failures"), 2);
    expect(LARES_INPUT_RESTORE, &object); /* behind the gate of 50 ms */
    expect(LARES_INPUT_EVENT, &object);
    check_u64(object.n, 1);
    check_u64(fact("rebuilds"), 1);
}

/* Without memory for what a puller is shown the rebuild has failed, and is
 * tried again. */
static void test_pulled_state__replays_when_there_is_memory(void **state)
{
    struct object object = {0};
    lares_status rc = LARES_ENOMEM;
    lares_call *call = NULL;

    (void)state;
    check_ok(say(daemon, "a", 0));
    expect(LARES_INPUT_SNAPSHOT, &object);
    expect(LARES_INPUT_EVENT, &object);
    check_ok(lares_daemon_restart(daemon));
    check_status(lares_node_run(node, 0), LARES_ETIMEDOUT);
    expect(LARES_INPUT_RESTORE, &object);
    lares__pool_trim();
    for (int64_t nth = 1; rc == LARES_ENOMEM; nth++) {
        lares__alloc_fail(nth, 0);
        rc = lares_daemon_pull(daemon, 1000, &call);
        lares__alloc_fail(-1, 0);
    }
    check_u64(lares_call_next(call)->kind, LARES_INPUT_RESTORE); /* again */
    check_ok(lares_call_end(call, LARES_DONE));
    check_str(daemon_text(node, "pulled", "error"), "out of memory");
    expect(LARES_INPUT_EVENT, &object);
    check_i64(object.replayed, 1);
    check_u64(fact("rebuilds"), 1);
}

/* The lease of a replay ends like any: its event stays readable, whatever
 * becomes of the tail meanwhile. */
static void test_pulled_state__replays_with_a_lease(void **state)
{
    lares_options *set = options("stateful", "true", "lease", "200");
    struct object object = {0};
    const lares_event *event;
    lares_daemon *hasty;
    lares_call *stale;

    (void)state; /* id: V10 */
    check_ok(lares_node_register(node, "hasty", set, NULL, NULL, NULL));
    lares_options_free(set);
    hasty = spawn(node, "hasty", NULL);
    check_ok(say(hasty, "a", 0));
    check_u64(serve(hasty, &object), LARES_INPUT_SNAPSHOT);
    check_u64(serve(hasty, &object), LARES_INPUT_EVENT);
    check_ok(lares_daemon_restart(hasty));
    check_status(lares_node_run(node, 0), LARES_ETIMEDOUT);
    check_u64(serve(hasty, &object), LARES_INPUT_RESTORE);
    stale = pull(hasty);
    event = lares_call_next(stale);
    check_u64(event->flags, LARES_EVENT_REPLAY);
    check_status(lares_node_run(node, 250), LARES_ETIMEDOUT);
    check_u64(serve(hasty, &object), LARES_INPUT_RESTORE);
    check_u64(serve(hasty, &object), LARES_INPUT_EVENT);
    check_u64(object.n, 1);
    for (int i = 0; i < 100; i++) {
        check_ok(say(hasty, "b", 0));
        check_u64(serve(hasty, &object), LARES_INPUT_EVENT);
    }
    check_mem(event->data, "a", 1);
    check_status(lares_call_end(stale, LARES_DONE), LARES_ESTALE);
    lares_daemon_free(hasty);
}

/* -- images --------------------------------------------------------------- */

struct asker {
    lares_status (*take)(lares_daemon *daemon, int64_t ms, lares_bytes **out);
    lares_bytes *image;
    lares_status rc;
    atomic_int done;
};

static void *ask_image(void *arg)
{
    struct asker *asker = arg;

    asker->rc = asker->take(daemon, 5000, &asker->image);
    atomic_store(&asker->done, 1);
    return NULL;
}

static pthread_t ask_begin(struct asker *asker)
{
    pthread_t thread;

    check_i64(pthread_create(&thread, NULL, ask_image, asker), 0);
    return thread;
}

static void test_pulled_state__travels(void **state)
{
    struct object object = {.n = 6}, successor = {0};
    struct asker asker = {.take = lares_daemon_snapshot};
    lares_daemon *there = NULL;
    lares_events *events = NULL;
    pthread_t thread;

    (void)state; /* id: V11 */
    check_ok(say(daemon, "a", 0));
    expect(LARES_INPUT_SNAPSHOT, &object);
    expect(LARES_INPUT_EVENT, &object);
    thread = ask_begin(&asker);
    while (!atomic_load(&asker.done)) {
        lares_call *call = NULL;

        if (lares_daemon_pull(daemon, 10, &call) < 0)
            continue;
        check_u64(lares_call_next(call)->kind, LARES_INPUT_SNAPSHOT);
        check_ok(lares_call_state(call, &object.n, 3)); /* in pieces */
        check_ok(lares_call_state(call, (char *)&object.n + 3, 5));
        check(lares_call_next(call) == NULL);
        check_ok(lares_call_end(call, LARES_DONE));
    }
    check_i64(pthread_join(thread, NULL), 0);
    check_ok(asker.rc);
    check_ok(lares_daemon_stop(daemon, 0));
    check_ok(restore_at(other, asker.image, NULL, &there));
    lares_bytes_free(asker.image);
    check_status(lares_daemon_deliver(there, "b", 1, 0, &events),
                 LARES_EAGAIN); /* nobody pulls */
    check_u64(serve(there, &successor), LARES_INPUT_RESTORE);
    check_u64(successor.n, 7);
    check_ok(say(there, "c", 0));
    check_u64(serve(there, &successor), LARES_INPUT_EVENT);
    check_u64(successor.n, 8);
    check_u64(daemon_fact(other, "pulled", "sequence"), 2);
    lares_daemon_free(there);
}

/* Its puller works off what was accepted, then saves it, though it sleeps when
 * it has nothing to do. */
static void test_pulled_state__retires(void **state)
{
    struct object object = {.n = 6}, successor = {0};
    struct asker asker = {.take = lares_daemon_retire};
    lares_daemon *there = NULL;
    uint64_t accepted = 0;
    pthread_t thread;
    lares_call *call;
    lares_status rc;

    (void)state;
    for (; accepted < 2; accepted++)
        check_ok(say(daemon, "a", 0));
    expect(LARES_INPUT_SNAPSHOT, &object); /* the first, owed to its birth */
    thread = ask_begin(&asker);
    while ((rc = say(daemon, "b", 0)) != LARES_ECLOSED) {
        accepted += rc == LARES_OK;
        nap_ms(1);
    }
    while ((rc = lares_daemon_pull(daemon, 8000, &call)) == LARES_OK)
        (void)handle(call, &object);
    check_status(rc, LARES_ECLOSED);
    check_i64(pthread_join(thread, NULL), 0);
    check_ok(asker.rc);
    check_u64(object.n, 6 + accepted);
    check_ok(restore_at(other, asker.image, NULL, &there));
    lares_bytes_free(asker.image);
    check_u64(serve(there, &successor), LARES_INPUT_RESTORE);
    check_u64(successor.n, object.n);
    check_u64(daemon_fact(other, "pulled", "sequence"), accepted);
    lares_daemon_free(there);
}

/* Answers what it is asked for until its daemon has ended; how many events came
 * directly behind an image: none comes behind the last. */
static int serve_till_the_end(lares_daemon *from)
{
    uint64_t n = 1;
    int late = 0, saved = 0;
    lares_call *call;
    lares_status rc;

    while ((rc = lares_daemon_pull(from, 8000, &call)) == LARES_OK) {
        const lares_event *event = lares_call_next(call);

        late += event->kind == LARES_INPUT_EVENT && saved;
        if (event->kind == LARES_INPUT_SNAPSHOT)
            check_ok(lares_call_state(call, &n, sizeof n));
        saved = event->kind == LARES_INPUT_SNAPSHOT;
        check_ok(lares_call_end(call, LARES_DONE));
    }
    check_status(rc, LARES_ECLOSED);
    return late;
}

/* The daemon of an image, once its state was taken, is shown its timer. */
static void check_fires_there(const lares_bytes *image)
{
    struct object object = {0};
    lares_daemon *there = NULL;
    lares_call *call;

    check_ok(restore_at(other, image, NULL, &there));
    check_u64(serve(there, &object), LARES_INPUT_RESTORE);
    call = pull(there);
    check_u64(lares_call_next(call)->origin, 0);
    check_ok(lares_call_end(call, LARES_DONE));
    check_ok(lares_daemon_stop(there, 0));
    lares_daemon_free(there);
}

/* A timer has fired and waits: it goes with the image, and is not handled after
 * it, too. */
static void test_pulled_state__ends_with_its_last_image(void **state)
{
    struct object object = {0};

    (void)state;
    for (int i = 0; i < 20; i++) {
        struct asker asker = {.take = lares_daemon_retire};
        lares_call *call;
        pthread_t thread;

        check_ok(say(daemon, "a", 0));
        expect(LARES_INPUT_SNAPSHOT, &object);
        call = pull(daemon);
        check(lares_call_next(call) != NULL);
        check_ok(lares_call_timer(call, 0, 1, "t", 1, NULL));
        check_ok(lares_call_end(call, LARES_DONE));
        thread = ask_begin(&asker);
        check_i64(serve_till_the_end(daemon), 0);
        check_i64(pthread_join(thread, NULL), 0);
        check_ok(asker.rc);
        check_fires_there(asker.image);
        lares_bytes_free(asker.image);
        lares_daemon_free(daemon);
        daemon = spawn(node, "pulled", NULL);
    }
}

/* A puller that cannot save is no reason to lose what it has. */
static void test_pulled_state__that_cannot_be_saved(void **state)
{
    struct object object = {0};
    struct asker asker = {.take = lares_daemon_snapshot};
    lares_call *call = NULL;
    pthread_t thread;

    (void)state;
    check_ok(say(daemon, "a", 0));
    expect(LARES_INPUT_SNAPSHOT, &object);
    expect(LARES_INPUT_EVENT, &object);
    thread = ask_begin(&asker);
    call = pull(daemon);
    check(lares_call_next(call) != NULL);
    lares_call_fail(call, "no pen");
    check_ok(lares_call_end(call, LARES_FAILED));
    check_i64(pthread_join(thread, NULL), 0);
    check_status(asker.rc, LARES_ESNAPSHOT);
    check(asker.image == NULL);
    check_ok(say(daemon, "b", 0));
    expect(LARES_INPUT_EVENT, &object);
    check_u64(object.n, 2);
    check_u64(fact("failures"), 0);
}

/* Behind a closed gate nobody can save it: that is told at once. */
static void test_pulled_state__is_down_behind_its_gate(void **state)
{
    struct object object = {0};
    lares_bytes *image = NULL;

    (void)state;
    lares_daemon_free(daemon);
    daemon = spawn(node, "pulled",
                   options("restart.initial", "60000", "restart.max", "60000"));
    check_ok(say(daemon, "a", 0));
    expect(LARES_INPUT_SNAPSHOT, &object);
    expect(LARES_INPUT_EVENT, &object);
    check_ok(say(daemon, "bad", 0));
    expect(LARES_INPUT_EVENT, &object);
    expect(LARES_INPUT_RESTORE, &object);
    expect(LARES_INPUT_EVENT, &object);
    expect(LARES_INPUT_EVENT, &object); /* the second attempt */
    check_status(lares_daemon_snapshot(daemon, 8000, &image), LARES_EDOWN);
    check(image == NULL);
}

/* Before anything was committed there is nothing to restore. */
static void test_pulled_state__lost_before_it_was_saved(void **state)
{
    struct object object = {.n = 3};
    lares_call *call;

    (void)state;
    check_ok(say(daemon, "a", 0));
    call = pull(daemon);
    check_u64(lares_call_next(call)->kind, LARES_INPUT_SNAPSHOT);
    check_ok(lares_call_end(call, LARES_LOST));
    check_u64(fact("failures"), 1);
    expect(LARES_INPUT_SNAPSHOT, &object);
    expect(LARES_INPUT_EVENT, &object);
    check_u64(object.n, 4);
    check_u64(fact("arrival"), 1);
}

/* Without `stateful` the image has no state, and nobody is asked. */
static void test_pulled_state__of_a_plain_pull_kind(void **state)
{
    lares_bytes *image = NULL;
    lares_daemon *plain;

    (void)state;
    check_ok(lares_node_register(node, "plain", NULL, NULL, NULL, NULL));
    plain = spawn(node, "plain", NULL);
    check_ok(lares_daemon_snapshot(plain, 0, &image));
    lares_bytes_free(image);
    lares_daemon_free(plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        pulled_test(test_pulled_state__is_saved_first_and_restored_after),
        pulled_test(test_pulled_state__restore_may_fail),
        pulled_test(test_pulled_state__replays_when_there_is_memory),
        pulled_test(test_pulled_state__replays_with_a_lease),
        pulled_test(test_pulled_state__travels),
        pulled_test(test_pulled_state__retires),
        pulled_test(test_pulled_state__ends_with_its_last_image),
        pulled_test(test_pulled_state__that_cannot_be_saved),
        pulled_test(test_pulled_state__is_down_behind_its_gate),
        pulled_test(test_pulled_state__lost_before_it_was_saved),
        pulled_test(test_pulled_state__of_a_plain_pull_kind),
    };

    return check_run(tests);
}
