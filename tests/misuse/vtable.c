/* The column "vtable": callbacks in C. */
#include "misuse.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* -- fixture -------------------------------------------------------------- */

typedef lares_verdict (*act_fn)(lares_call *call);

/* A daemon that counts, and does what a cell says when the input is "bad",
 * after it has counted. */
static struct {
    act_fn act;
    lares_daemon *self; /* of the instance */
    lares_daemon *sibling;
    lares_recovery *recovery;
    lares_status rc, other; /* what an act was answered */
    atomic_int acted;
    atomic_int create_fails, save_fails, restore_fails; /* so many */
    atomic_int created, destroyed;
} subject;

static struct stage stage;

static int fails(lares_call *call, atomic_int *left, const char *text)
{
    if (atomic_load(left) == 0)
        return 0;
    atomic_fetch_sub(left, 1);
    lares_call_fail(call, text);
    return 1;
}

static lares_verdict subject_create(lares_call *call, lares_daemon *daemon,
                                    void **instance_out, void *user)
{
    (void)user;
    if (fails(call, &subject.create_fails, "no start"))
        return LARES_FAILED;
    subject.self = daemon;
    atomic_fetch_add(&subject.created, 1);
    *instance_out = calloc(1, sizeof(uint64_t));
    return *instance_out != NULL ? LARES_DONE : LARES_FAILED;
}

static void subject_destroy(void *instance)
{
    atomic_fetch_add(&subject.destroyed, 1);
    free(instance);
}

static lares_verdict subject_process(lares_call *call, void *instance)
{
    uint64_t *n = instance;
    const lares_event *event;
    lares_verdict verdict;
    char text[24];

    while ((event = lares_call_next(call)) != NULL) {
        (void)snprintf(text, sizeof text, "%d", (int)++*n);
        lares_call_emit(call, NULL, text, strlen(text));
        if (!is_bad(event))
            continue;
        atomic_fetch_add(&subject.acted, 1);
        verdict = subject.act(call);
        if (verdict != LARES_DONE)
            return verdict;
    }
    return LARES_DONE;
}

static lares_verdict subject_snapshot(lares_call *call, void *instance)
{
    lares_call_state(call, instance, sizeof(uint64_t));
    return fails(call, &subject.save_fails, "no state") ? LARES_FAILED
                                                        : LARES_DONE;
}

static lares_verdict subject_restore(lares_call *call, uint32_t version,
                                     const void *data, size_t len,
                                     void *instance)
{
    (void)version;
    if (fails(call, &subject.restore_fails, "no return"))
        return LARES_FAILED;
    memcpy(instance, data, len);
    return LARES_DONE;
}

static void open_with(act_fn act)
{
    const lares_daemon_ops ops = {.size = sizeof ops,
                                  .create = subject_create,
                                  .destroy = subject_destroy,
                                  .process = subject_process,
                                  .snapshot = subject_snapshot,
                                  .restore = subject_restore};
    lares_options *set = options("lane", "subject");

    subject.act = act;
    stage_open(&stage);
    check_ok(lares_node_register(stage.node, "subject", set, &ops, NULL, NULL));
    lares_options_free(set);
    stage.subject = spawn(stage.node, "subject", options("publish", "out"));
}

static void close_all(void)
{
    lares_daemon_free(subject.sibling);
    lares_recovery_free(subject.recovery);
    stage_close(&stage);
    check_i64(subject.created, subject.destroyed);
}

/* -- tools ---------------------------------------------------------------- */

/* A bad turn leaves nothing behind: neither for who delivered it, nor after
 * three attempts from the mailbox. */
static void check_dropped(act_fn act, const char *text)
{
    open_with(act);
    check_turn(&stage, "a", "1");
    check_status(ask(stage.subject, "bad", 8000, NULL), LARES_ECALLBACK);
    check_detail(text);
    check_silent(&stage);
    check_turn(&stage, "b", "2");
    check_ok(say(stage.subject, "bad", 0));
    check_ok(say(stage.subject, "c", 0));
    check_out(&stage, "3"); /* of "c", behind the letter */
    check_i64(atomic_load(&subject.acted), 1 + 3);
    check_u64(rows_count(stage.node, "letters"), 1);
    check_u64(subject_fact(&stage, "sequence"), 3);
    check_u64(subject_fact(&stage, "diverged"), 0);
    close_all();
}

/* A bad turn commits, and the daemon goes on. */
static void check_stands(act_fn act)
{
    open_with(act);
    check_turn(&stage, "bad", "1");
}

/* -- answers -------------------------------------------------------------- */

static lares_verdict act_answer_0(lares_call *call)
{
    (void)call;
    return 0;
}

static lares_verdict act_answer_minus_1(lares_call *call)
{
    (void)call;
    return -1;
}

static void answers_failed(void)
{
    check_dropped(act_fail, "boom");
}

static void answers_0(void)
{
    check_dropped(act_answer_0, "process failed");
}

static void answers_7(void)
{
    check_dropped(act_answer_7, "answered 7, which is no verdict");
}

static void answers_minus_1(void)
{
    check_dropped(act_answer_minus_1, "answered -1, which is no verdict");
}

static void answers_lost(void)
{
    check_dropped(act_lose, "lost its instance");
}

/* -- outputs -------------------------------------------------------------- */

static lares_verdict act_emit_null(lares_call *call)
{
    lares_call_emit(call, NULL, NULL, 5);
    return LARES_DONE;
}

static lares_verdict act_emit_elsewhere(lares_call *call)
{
    lares_call_emit(call, "no channel", "x", 1);
    return LARES_DONE;
}

static lares_verdict act_emit_gibibyte(lares_call *call)
{
    (void)emit_gibibyte(call);
    return LARES_DONE;
}

static lares_verdict act_emit_million(lares_call *call)
{
    (void)emit_million(call);
    return LARES_DONE;
}

static void emits_null(void)
{
    check_dropped(act_emit_null, "emit of NULL");
}

static void emits_elsewhere(void)
{
    check_dropped(act_emit_elsewhere, "no channel");
}

static void emits_gibibyte(void)
{
    check_dropped(act_emit_gibibyte, "1073741824 bytes");
}

static void emits_million(void)
{
    check_dropped(act_emit_million, "output quota exceeded");
}

/* -- sending and delivering ----------------------------------------------- */

static lares_verdict act_send(lares_call *call)
{
    (void)call;
    subject.rc = say(subject.self, "again", -1);
    return LARES_DONE;
}

static lares_verdict act_deliver(lares_call *call)
{
    (void)call;
    subject.rc = ask(subject.self, "x", -1, NULL);
    subject.other = ask(stage.neighbour.daemon, "x", -1, NULL);
    return LARES_DONE;
}

static void sends_to_itself(void)
{
    check_stands(act_send);
    check_ok(subject.rc);
    check_out(&stage, "2"); /* of "again" */
    close_all();
}

static void delivers(void)
{
    check_stands(act_deliver);
    check_status(subject.rc, LARES_EDEADLK);
    check_status(subject.other, LARES_EDEADLK);
    check_turn(&stage, "b", "2");
    close_all();
}

/* -- stopping and freeing ------------------------------------------------- */

static lares_verdict act_stop(lares_call *call)
{
    (void)call;
    subject.rc = lares_daemon_stop(subject.self, -1);
    return LARES_DONE;
}

static lares_verdict act_stop_sibling(lares_call *call)
{
    lares_rows *rows = NULL;

    (void)call;
    if (lares_node_report(stage.node, "daemons", &rows) == LARES_OK &&
        rows_seek(rows, "name", "sibling"))
        subject.rc = lares_daemon_stop(subject.sibling, 0);
    lares_rows_free(rows);
    lares_daemon_free(subject.sibling);
    subject.sibling = NULL;
    return LARES_DONE;
}

static lares_verdict act_stop_node(lares_call *call)
{
    (void)call;
    subject.rc = lares_node_stop(stage.node, 0);
    subject.other = lares_node_wait(stage.node, -1);
    return LARES_DONE;
}

static lares_verdict act_free_node(lares_call *call)
{
    (void)call;
    lares_node_free(stage.node);
    return LARES_DONE;
}

static void stops_itself(void)
{
    check_stands(act_stop); /* its turn commits */
    check_ok(subject.rc);
    check_ok(lares_daemon_stop(stage.subject, -1)); /* joins */
    check_status(say(stage.subject, "x", 0), LARES_ECLOSED);
    check_i64(subject.destroyed, 1);
    close_all();
}

static void stops_a_sibling(void)
{
    open_with(act_stop_sibling);
    subject.sibling =
        spawn(stage.node, "neighbour", options("name", "sibling"));
    check_turn(&stage, "bad", "1");
    check_ok(subject.rc);
    eventually(rows_count(stage.node, "daemons") == 2);
    check_turn(&stage, "b", "2");
    close_all();
}

static void stops_its_node(void)
{
    check_stands(act_stop_node);
    check_ok(subject.rc);
    check_status(subject.other, LARES_EDEADLK);
    check_ok(lares_node_wait(stage.node, 8000));
    check_stopped(stage.node, 0, 0);
    close_all();
}

static void frees_its_node(void)
{
    open_with(act_free_node);
    check_ok(ask(stage.subject, "bad", 8000, NULL));
    stage.node = NULL;
    eventually(say(stage.subject, "x", 0) == LARES_ECLOSED);
    eventually(atomic_load(&subject.destroyed) == 1);
    close_all();
}

/* -- recovery handlers ---------------------------------------------------- */

static uint64_t handler_id;

static lares_verdict recover_99(lares_call *call, void *user)
{
    (void)user;
    return lares_call_recovered(call, 0, 99) == LARES_OK ? LARES_DONE
                                                         : LARES_FAILED;
}

static lares_verdict recover_and_register(lares_call *call, void *user)
{
    if (atomic_fetch_add(&subject.acted, 1) == 0)
        subject.rc = lares_recovery_register(user, NULL, recover_99, NULL, NULL,
                                             NULL, NULL);
    return lares_call_recovered(call, 0, 7) == LARES_OK ? LARES_DONE
                                                        : LARES_FAILED;
}

static lares_verdict recover_and_leave(lares_call *call, void *user)
{
    subject.rc = lares_recovery_remove(user, handler_id);
    return lares_call_recovered(call, 0, 7) == LARES_OK ? LARES_DONE
                                                        : LARES_FAILED;
}

static lares_verdict recover_and_fail(lares_call *call, void *user)
{
    (void)user;
    lares_call_recovered(call, 0, 7);
    lares_call_fail(call, "beyond repair");
    return LARES_FAILED;
}

static lares_verdict recover_and_run(lares_call *call, void *user)
{
    subject.rc = lares_recovery_run(user, NULL);
    return lares_call_recovered(call, 0, 7) == LARES_OK ? LARES_DONE
                                                        : LARES_FAILED;
}

static lares_verdict recover_and_stop(lares_call *call, void *user)
{
    (void)user;
    subject.rc = lares_node_stop(stage.node, 0);
    return lares_call_recovered(call, 0, 7) == LARES_OK ? LARES_DONE
                                                        : LARES_FAILED;
}

/* A registry that no tick runs. */
static void open_registry(lares_recovery_fn fn)
{
    open_with(act_fail);
    check_ok(lares_recovery_new(&subject.recovery));
    check_ok(lares_recovery_register(subject.recovery, "subject", fn,
                                     subject.recovery, NULL, &handler_id,
                                     NULL));
}

static void check_pass(size_t slots, size_t left)
{
    lares_rows *rows = NULL;
    size_t count = 0;

    check_ok(lares_recovery_run(subject.recovery, &rows));
    while (lares_rows_next(rows) == LARES_OK)
        count++;
    lares_rows_free(rows);
    check_u64(count, slots);
    check_ok(lares_recovery_count(subject.recovery, &count));
    check_u64(count, left);
}

static void handler_registers(void)
{
    open_registry(recover_and_register);
    check_pass(1, 2);
    check_ok(subject.rc);
    check_pass(2, 2);
    close_all();
}

static void handler_removes_itself(void)
{
    open_registry(recover_and_leave);
    check_pass(1, 0);
    check_ok(subject.rc);
    check_pass(0, 0);
    close_all();
}

static void handler_fails(void)
{
    open_registry(recover_and_fail);
    check_pass(0, 0);
    check_pass(0, 0);
    close_all();
}

static void handler_runs_a_pass(void)
{
    open_registry(recover_and_run);
    check_pass(1, 1);
    check_status(subject.rc, LARES_EBUSY);
    close_all();
}

/* By the node's own tick, on its steward. */
static void handler_stops_its_node(void)
{
    open_with(act_fail);
    check_ok(lares_node_recovery(stage.node, &subject.recovery));
    check_ok(lares_recovery_register(subject.recovery, NULL, recover_and_stop,
                                     NULL, NULL, NULL, NULL));
    check_ok(lares_node_wait(stage.node, 8000));
    check_ok(subject.rc);
    check_stopped(stage.node, 0, 0);
    close_all();
}

/* -- going on elsewhere --------------------------------------------------- */

static int is_refused(void)
{
    lares_options *set = NULL;

    return say(subject.self, "x", 0) == LARES_EFORKED &&
           publish(stage.node, "in", "x", 0) == LARES_EFORKED &&
           ask(subject.self, "x", 0, NULL) == LARES_EFORKED &&
           lares_node_stop(stage.node, 0) == LARES_EFORKED &&
           lares_options_new(&set) == LARES_EFORKED;
}

static lares_verdict act_fork(lares_call *call)
{
    (void)call;
    subject.rc = fork_status(is_refused);
    return LARES_DONE;
}

static void forks(void)
{
    check_stands(act_fork);
    check_i64(subject.rc, 0);
    check_turn(&stage, "b", "2");
    close_all();
}

#ifdef NDEBUG
enum {
    ASSERTS = 0
};
#else
enum {
    ASSERTS = 1
};
#endif

static lares_call *kept;

static lares_verdict act_keep(lares_call *call)
{
    kept = call;
    return LARES_DONE;
}

static void use_what_was_kept(void)
{
    const struct rlimit none = {0, 0};

    (void)setrlimit(RLIMIT_CORE, &none);
    check_stands(act_keep);
    lares_call_emit(kept, NULL, "x", 1);
}

/* A debug build stops at it; another has no promise to keep. */
static void keeps_the_call(void)
{
    pid_t child;
    int status;

    if (!ASSERTS)
        return;
    child = fork(); /* before there is a library to be dead in it */
    if (child == 0) {
        if (freopen("/dev/null", "w", stderr) != NULL)
            use_what_was_kept();
        _exit(0);
    }
    check(waitpid(child, &status, 0) == child);
    check(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

/* -- state ---------------------------------------------------------------- */

static void snapshot_fails(void)
{
    lares_bytes *image = NULL;

    open_with(act_fail);
    check_turn(&stage, "a", "1");
    atomic_store(&subject.save_fails, 1);
    check_status(lares_daemon_snapshot(stage.subject, 8000, &image),
                 LARES_ESNAPSHOT);
    check_detail("no state");
    check(image == NULL);
    check_turn(&stage, "b", "2");
    check_ok(lares_daemon_snapshot(stage.subject, 8000, &image));
    lares_bytes_free(image);
    close_all();
}

/* A rebuild that fails is tried again; it never goes on with nothing. */
static void rebuild_fails(atomic_int *broken, const char *text)
{
    lares_bytes *image = NULL;

    open_with(act_fail);
    check_turn(&stage, "a", "1");
    check_ok(lares_daemon_snapshot(stage.subject, 8000, &image));
    lares_bytes_free(image);
    atomic_store(broken, 2);
    check_status(ask(stage.subject, "bad", 8000, NULL), LARES_ECALLBACK);
    check_str(daemon_text(stage.node, "subject", "error"), text);
    check_ok(say(stage.subject, "b", 0));
    check_out(&stage, "2");
    check_u64(subject_fact(&stage, "rebuilds"), 1);
    close_all();
}

static void restore_fails_in_a_rebuild(void)
{
    rebuild_fails(&subject.restore_fails, "no return");
}

static void constructor_fails_in_a_rebuild(void)
{
    rebuild_fails(&subject.create_fails, "no start");
}

static lares_status restore(const lares_bytes *image, const lares_key *key)
{
    lares_daemon *made = NULL;
    lares_status rc = restore_at(stage.node, image, key, &made);

    check((made != NULL) == (rc == LARES_OK));
    if (rc < 0)
        return rc;
    lares_daemon_free(stage.subject);
    stage.subject = made;
    return rc;
}

static void restore_fails(void)
{
    lares_bytes *image = NULL;
    lares_key *key = NULL;

    open_with(act_fail);
    check_turn(&stage, "a", "1");
    check_ok(lares_daemon_key(stage.subject, &key));
    check_ok(lares_daemon_snapshot(stage.subject, 8000, &image));
    check_ok(lares_daemon_stop(stage.subject, -1));
    atomic_store(&subject.restore_fails, 1);
    check_status(restore(image, key), LARES_ERESTORE);
    check_detail("no return");
    eventually(rows_count(stage.node, "daemons") == 1); /* no zombie */
    check_ok(restore(image, key));
    check_turn(&stage, "b", "2");
    lares_bytes_free(image);
    lares_key_free(key);
    close_all();
}

static void constructor_fails(void)
{
    lares_daemon *made = NULL;
    lares_key *key = NULL;

    open_with(act_fail);
    check_ok(lares_key_new(NULL, 0, &key));
    atomic_store(&subject.create_fails, 1);
    check_status(lares_node_spawn(stage.node, "subject", key, NULL, &made),
                 LARES_ECALLBACK);
    check_detail("no start");
    check(made == NULL);
    check_u64(rows_count(stage.node, "daemons"), 2);
    check_ok(lares_node_spawn(stage.node, "subject", key, NULL, &made));
    lares_daemon_free(made);
    lares_key_free(key);
    close_all();
}

const struct cell vtable_cells[] = {
    {"answers FAILED/vtable",                    "turn dropped, a letter at the third attempt",
     answers_failed                                                                                                },
    {"answers 0/vtable",                         "a failure",                                   answers_0          },
    {"answers 7/vtable",                         "a failure that names it",                     answers_7          },
    {"answers -1/vtable",                        "a failure that names it",                     answers_minus_1    },
    {"answers LOST/vtable",                      "a failure, and another object",               answers_lost       },
    {"emits NULL/vtable",                        "that input fails, nothing emitted",           emits_null         },
    {"emits to no channel/vtable",               "that input fails, nothing emitted",
     emits_elsewhere                                                                                               },
    {"emits 1 GiB/vtable",                       "refused before a byte is read",               emits_gibibyte     },
    {"emits 10^6 outputs/vtable",                "quota: that input fails, nothing emitted",
     emits_million                                                                                                 },
    {"sends to itself/vtable",                   "queued",                                      sends_to_itself    },
    {"delivers to itself, to others/vtable",     "EDEADLK at once",                             delivers           },
    {"stops itself/vtable",                      "its turn commits, then it ends",              stops_itself       },
    {"stops and frees a sibling/vtable",         "the sibling ends, it goes on",
     stops_a_sibling                                                                                               },
    {"stops its node/vtable",                    "the node ends after its turn",                stops_its_node     },
    {"frees its node/vtable",                    "the node ends after its turn",                frees_its_node     },
    {"a handler registers another/vtable",       "the next pass sees it",
     handler_registers                                                                                             },
    {"a handler removes itself/vtable",          "what it reported counts, it is gone",
     handler_removes_itself                                                                                        },
    {"a handler fails/vtable",                   "evicted, nothing of it counts",               handler_fails      },
    {"a handler runs a pass/vtable",             "EBUSY",                                       handler_runs_a_pass},
    {"a handler stops its node/vtable",          "the node ends after its pass",
     handler_stops_its_node                                                                                        },
    {"forks and goes on/vtable",                 "every call is refused in the child",          forks              },
    {"keeps the call/vtable",                    "a debug build stops",                         keeps_the_call     },
    {"fails in snapshot/vtable",                 "ESNAPSHOT; the daemon is as it was",
     snapshot_fails                                                                                                },
    {"fails in restore/vtable",                  "ERESTORE; no zombie, identity free",
     restore_fails                                                                                                 },
    {"fails in restore, rebuilt/vtable",         "tried again; state kept",
     restore_fails_in_a_rebuild                                                                                    },
    {"fails in its constructor/vtable",          "ECALLBACK; no zombie, identity free",
     constructor_fails                                                                                             },
    {"fails in its constructor, rebuilt/vtable", "tried again; state kept",
     constructor_fails_in_a_rebuild                                                                                },
    {NULL,                                       NULL,                                          NULL               }
};
