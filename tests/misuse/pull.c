/* The column "pull": a program that owns its calls. */
#include "misuse.h"

/* -- fixture -------------------------------------------------------------- */

static struct stage stage;

/* What the puller holds. It counts inputs, and a "bad" one is `act`'s. */
static struct {
    uint64_t n;
    lares_verdict (*act)(lares_call *call);
    lares_status rc, other; /* what an act was answered */
    lares_status ended;     /* what the end of a bad call was answered */
    int acted;
    int save_fails, restore_fails; /* so many */
    int handled;                   /* inputs, as far as they went well */
} puller;

static void open_with(lares_verdict (*act)(lares_call *call), const char *lease)
{
    lares_options *set = options("stateful", "true", "lease", lease);

    puller.act = act;
    stage_open(&stage);
    check_ok(lares_node_register(stage.node, "subject", set, NULL, NULL, NULL));
    lares_options_free(set);
    stage.subject = spawn(stage.node, "subject", options("publish", "out"));
}

static lares_call *pull(void)
{
    lares_call *call = NULL;

    check_ok(lares_daemon_pull(stage.subject, 8000, &call));
    return call;
}

static int fails(lares_call *call, int *left, const char *text)
{
    if (*left == 0)
        return 0;
    (*left)--;
    lares_call_fail(call, text);
    return 1;
}

static lares_verdict take_input(lares_call *call, const lares_event *event)
{
    char text[24];

    (void)snprintf(text, sizeof text, "%d", (int)++puller.n);
    lares_call_emit(call, NULL, text, strlen(text));
    if (!is_bad(event)) {
        puller.handled += (event->flags & LARES_EVENT_REPLAY) == 0;
        return LARES_DONE;
    }
    puller.acted++;
    return puller.act(call);
}

static lares_verdict take(lares_call *call, const lares_event *event)
{
    if (event->kind == LARES_INPUT_SNAPSHOT) {
        lares_call_state(call, &puller.n, sizeof puller.n);
        return fails(call, &puller.save_fails, "no state") ? LARES_FAILED
                                                           : LARES_DONE;
    }
    if (event->kind != LARES_INPUT_RESTORE)
        return take_input(call, event);
    if (fails(call, &puller.restore_fails, "no return"))
        return LARES_FAILED;
    memcpy(&puller.n, event->data, sizeof puller.n);
    return LARES_DONE;
}

/* One call, as its author would; answers the kind of its last input. */
static uint32_t serve(void)
{
    lares_call *call = pull();
    lares_verdict verdict = LARES_DONE;
    const lares_event *event;
    int acted = puller.acted;
    lares_status rc;
    uint32_t kind = 0;

    while (verdict == LARES_DONE && (event = lares_call_next(call)) != NULL) {
        kind = event->kind;
        verdict = take(call, event);
    }
    rc = lares_call_end(call, verdict);
    if (puller.acted > acted)
        puller.ended = rc;
    else
        check_ok(rc);
    return kind;
}

/* Until so many inputs went well in all. */
static void serve_until(int handled)
{
    while (puller.handled < handled)
        (void)serve();
}

/* -- tools ---------------------------------------------------------------- */

/* What fails three times becomes a letter, and leaves nothing behind. */
static void check_dropped(lares_verdict (*act)(lares_call *call),
                          lares_status ended, const char *text)
{
    open_with(act, "30000");
    check_ok(say(stage.subject, "a", 0));
    serve_until(1);
    check_out(&stage, "1");
    check_ok(say(stage.subject, "bad", 0));
    check_ok(say(stage.subject, "b", 0));
    serve_until(2);
    check_out(&stage, "2");
    check_i64(puller.acted, 3);
    check_status(puller.ended, ended);
    check_u64(rows_count(stage.node, "letters"), 1);
    check(strstr(daemon_text(stage.node, "subject", "error"), text) != NULL);
    check_u64(subject_fact(&stage, "sequence"), 2);
    check_u64(subject_fact(&stage, "diverged"), 0);
    stage_close(&stage);
}

/* A bad turn commits. */
static void check_stands(lares_verdict (*act)(lares_call *call))
{
    open_with(act, "30000");
    check_ok(say(stage.subject, "bad", 0));
    while (puller.acted == 0)
        (void)serve();
    check_ok(puller.ended);
    check_out(&stage, "1");
}

/* -- answers -------------------------------------------------------------- */

static lares_verdict act_emit_gibibyte(lares_call *call)
{
    puller.rc = emit_gibibyte(call);
    return LARES_DONE;
}

static lares_verdict act_emit_million(lares_call *call)
{
    puller.rc = emit_million(call);
    return LARES_DONE;
}

static void ends_failed(void)
{
    check_dropped(act_fail, LARES_OK, "boom");
}

static void ends_7(void)
{
    check_dropped(act_answer_7, LARES_EINVAL, "answered 7");
}

static void ends_lost(void)
{
    check_dropped(act_lose, LARES_OK, "lost its instance");
}

static void emits_gibibyte(void)
{
    check_dropped(act_emit_gibibyte, LARES_OK, "1073741824 bytes");
    check_status(puller.rc, LARES_ETOOBIG);
}

static void emits_million(void)
{
    check_dropped(act_emit_million, LARES_OK, "output quota exceeded");
    check_status(puller.rc, LARES_EQUOTA);
}

/* -- sending, delivering, stopping ---------------------------------------- */

static lares_verdict act_send(lares_call *call)
{
    (void)call;
    puller.rc = say(stage.subject, "again", -1);
    return LARES_DONE;
}

static lares_verdict act_deliver(lares_call *call)
{
    lares_daemon *other =
        spawn(stage.node, "neighbour", options("name", "other"));

    (void)call;
    puller.rc = ask(stage.subject, "x", -1, NULL);
    puller.other = ask(other, "x", 8000, NULL);
    lares_daemon_free(other);
    return LARES_DONE;
}

static lares_verdict act_stop(lares_call *call)
{
    (void)call;
    puller.rc = lares_daemon_stop(stage.subject, 0);
    return LARES_DONE;
}

static lares_verdict act_stop_sibling(lares_call *call)
{
    lares_daemon *sibling =
        spawn(stage.node, "neighbour", options("name", "sibling"));

    (void)call;
    puller.rc = lares_daemon_stop(sibling, 0);
    puller.other = say(sibling, "x", 0);
    lares_daemon_free(sibling);
    return LARES_DONE;
}

static lares_verdict act_stop_node(lares_call *call)
{
    (void)call;
    puller.rc = lares_node_stop(stage.node, -1);
    return LARES_DONE;
}

static void sends_to_itself(void)
{
    check_stands(act_send);
    check_ok(puller.rc);
    serve_until(1);
    check_out(&stage, "2");
    stage_close(&stage);
}

static void delivers(void)
{
    check_stands(act_deliver);
    check_status(puller.rc, LARES_EDEADLK);
    check_ok(puller.other);
    stage_close(&stage);
}

/* It waits for nobody but itself, so not longer than for any callback. */
static void stops_itself(void)
{
    lares_call *call = NULL;

    check_stands(act_stop);
    check_ok(puller.rc);
    check_ok(lares_daemon_stop(stage.subject, 0));
    check_status(lares_daemon_pull(stage.subject, 0, &call), LARES_ECLOSED);
    stage_close(&stage);
}

static void stops_a_sibling(void)
{
    check_stands(act_stop_sibling);
    check_ok(puller.rc);
    check_status(puller.other, LARES_ECLOSED);
    stage_close(&stage);
}

static void stops_its_node(void)
{
    check_stands(act_stop_node);
    check_ok(puller.rc);
    check_ok(lares_node_wait(stage.node, 8000));
    check_stopped(stage.node, 0, 0);
    stage_close(&stage);
}

/* -- going on elsewhere --------------------------------------------------- */

static int is_refused(void)
{
    lares_call *call = NULL;

    return say(stage.subject, "x", 0) == LARES_EFORKED &&
           lares_daemon_pull(stage.subject, 0, &call) == LARES_EFORKED &&
           lares_node_stop(stage.node, 0) == LARES_EFORKED;
}

static lares_verdict act_fork(lares_call *call)
{
    (void)call;
    puller.rc = fork_status(is_refused);
    return LARES_DONE;
}

static void forks(void)
{
    check_stands(act_fork);
    check_i64(puller.rc, 0);
    stage_close(&stage);
}

/* The event stays readable until the end. */
static void keeps_the_call(void)
{
    const lares_event *event;
    lares_call *call;

    open_with(act_fail, "300");
    check_ok(say(stage.subject, "a", 0));
    check_u64(serve(), LARES_INPUT_SNAPSHOT);
    call = pull();
    event = lares_call_next(call);
    eventually(subject_fact(&stage, "crashes") == 1);
    check_u64(event->len, 1);
    check_mem(event->data, "a", 1);
    check_status(lares_call_emit(call, NULL, "x", 1), LARES_ESTALE);
    check(lares_call_next(call) == NULL);
    check_status(lares_call_end(call, LARES_DONE), LARES_ESTALE);
    serve_until(1);
    check_out(&stage, "1");
    stage_close(&stage);
}

/* -- state ---------------------------------------------------------------- */

struct asker {
    lares_bytes *image;
    lares_status rc;
};

static void *ask_image(void *arg)
{
    struct asker *asker = arg;

    asker->rc = lares_daemon_snapshot(stage.subject, 8000, &asker->image);
    return NULL;
}

static lares_status image_status(void)
{
    struct asker asker = {0};
    pthread_t thread;

    check_i64(pthread_create(&thread, NULL, ask_image, &asker), 0);
    check_u64(serve(), LARES_INPUT_SNAPSHOT);
    check_i64(pthread_join(thread, NULL), 0);
    check((asker.image != NULL) == (asker.rc == LARES_OK));
    lares_bytes_free(asker.image);
    return asker.rc;
}

static void snapshot_fails(void)
{
    open_with(act_fail, "30000");
    check_ok(say(stage.subject, "a", 0));
    serve_until(1);
    puller.save_fails = 1;
    check_status(image_status(), LARES_ESNAPSHOT);
    check_ok(say(stage.subject, "b", 0));
    serve_until(2);
    check_out(&stage, "1");
    check_out(&stage, "2");
    check_ok(image_status());
    stage_close(&stage);
}

static void restore_fails(void)
{
    open_with(act_fail, "30000");
    check_ok(say(stage.subject, "a", 0));
    serve_until(1);
    check_out(&stage, "1");
    puller.restore_fails = 2;
    check_ok(say(stage.subject, "bad", 0));
    check_ok(say(stage.subject, "b", 0));
    serve_until(2);
    check_i64(puller.restore_fails, 0);
    check_out(&stage, "2");
    stage_close(&stage);
}

const struct cell pull_cells[] = {
    {"ends FAILED/pull",                   "turn dropped, a letter at the third attempt",
     ends_failed                                                                                         },
    {"ends 7/pull",                        "a failure, and EINVAL",                       ends_7         },
    {"ends LOST/pull",                     "a failure, and another object",               ends_lost      },
    {"emits 1 GiB/pull",                   "refused before a byte is read",               emits_gibibyte },
    {"emits 10^6 outputs/pull",            "quota: that input fails, nothing emitted",
     emits_million                                                                                       },
    {"sends to itself/pull",               "queued",                                      sends_to_itself},
    {"delivers to itself, to others/pull", "EDEADLK; others work",                        delivers       },
    {"stops itself/pull",                  "at once: it ends with its call",              stops_itself   },
    {"stops and frees a sibling/pull",     "at once",                                     stops_a_sibling},
    {"stops its node/pull",                "the node ends after its call",                stops_its_node },
    {"forks and goes on/pull",             "every call is refused in the child",          forks          },
    {"keeps the call/pull",                "ESTALE once its lease is over",               keeps_the_call },
    {"fails in snapshot/pull",             "ESNAPSHOT; the daemon is as it was",
     snapshot_fails                                                                                      },
    {"fails in restore/pull",              "tried again; state kept",                     restore_fails  },
    {NULL,                                 NULL,                                          NULL           }
};
