#include "support/torture.h"

/* The life of daemons that fail and come back (support/torture.h): rebuilt,
 * saved and restored, with timers, dead letters and recovery handlers. */

/* -- fixture -------------------------------------------------------------- */

/* What a puller holds: its object. */
struct object {
    uint64_t n;
    int fails; /* so many turns, after they have counted */
    lares_verdict verdict;
};

struct lasting {
    struct life life; /* first */
    lares_options *swift;
    lares_daemon *owner, *touchy, *puller;
    lares_bytes *image, *data;
    lares_recovery *registry;
    uint64_t handler, letter;
    struct object object;
    uint64_t poisons;   /* that were sent to it */
    int created_before; /* a restart */
    atomic_int fails;   /* so many turns of counters, after they have counted */
    atomic_int created, destroyed;
    atomic_uint owned; /* the state of the kind that has no create */
    atomic_int cured;  /* "touchy" fails no more */
    atomic_int passed; /* inputs of it that did not fail */
};

static struct lasting lasting;

static struct lasting *of(struct life *life)
{
    return (struct lasting *)life;
}

static void end(struct life *life)
{
    lares_options_free(of(life)->swift);
    lares_daemon_free(of(life)->owner);
    lares_daemon_free(of(life)->touchy);
    lares_daemon_free(of(life)->puller);
    lares_bytes_free(of(life)->image);
    lares_bytes_free(of(life)->data);
    lares_recovery_free(of(life)->registry);
    life_free(life);
}

/* -- kinds ---------------------------------------------------------------- */

static lares_verdict counter_create(lares_call *call, lares_daemon *daemon,
                                    void **instance_out, void *user)
{
    (void)call;
    (void)daemon;
    (void)user;
    *instance_out = calloc(1, sizeof(uint64_t));
    atomic_fetch_add(&lasting.created, 1);
    return *instance_out != NULL ? LARES_DONE : LARES_FAILED;
}

static void counter_destroy(void *instance)
{
    atomic_fetch_add(&lasting.destroyed, 1);
    free(instance);
}

/* of turns that were not committed before */
static int fails_now(const lares_event *event)
{
    if ((event->flags & LARES_EVENT_REPLAY) || atomic_load(&lasting.fails) == 0)
        return 0;
    atomic_fetch_sub(&lasting.fails, 1);
    return 1;
}

/* Counts first, so that what fails has spoilt its state. */
static lares_verdict counter_take(lares_call *call, uint64_t *n,
                                  const lares_event *event)
{
    char text[24];
    uint64_t id;

    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)++*n);
    lares_call_emit(call, "out", text, strlen(text));
    if (is_text(event, "later"))
        lares_call_timer(call, 0, 0, "due", 3, &id);
    if (!is_text(event, "boom") && !fails_now(event))
        return LARES_DONE;
    lares_call_fail(call, "boom");
    return LARES_FAILED;
}

static lares_verdict counter_process(lares_call *call, void *instance)
{
    const lares_event *event;
    lares_verdict verdict = LARES_DONE;

    while (verdict == LARES_DONE && (event = lares_call_next(call)) != NULL)
        verdict = counter_take(call, instance, event);
    return verdict;
}

static lares_verdict counter_snapshot(lares_call *call, void *instance)
{
    lares_call_state(call, instance, 3); /* in pieces */
    lares_call_state(call, (char *)instance + 3, sizeof(uint64_t) - 3);
    return LARES_DONE;
}

static lares_verdict counter_restore(lares_call *call, uint32_t version,
                                     const void *data, size_t len,
                                     void *instance)
{
    (void)call;
    (void)version;
    if (len != sizeof(uint64_t))
        return LARES_FAILED;
    memcpy(instance, data, len);
    return LARES_DONE;
}

static lares_verdict owner_process(lares_call *call, void *instance)
{
    while (lares_call_next(call) != NULL)
        atomic_fetch_add((atomic_uint *)instance, 1);
    return LARES_DONE;
}

static lares_verdict owner_snapshot(lares_call *call, void *instance)
{
    unsigned owned = atomic_load((atomic_uint *)instance);

    lares_call_state(call, &owned, sizeof owned);
    return LARES_DONE;
}

static lares_verdict owner_restore(lares_call *call, uint32_t version,
                                   const void *data, size_t len, void *instance)
{
    unsigned owned;

    (void)call;
    (void)version;
    if (len != sizeof owned)
        return LARES_FAILED;
    memcpy(&owned, data, len);
    atomic_store((atomic_uint *)instance, owned);
    return LARES_DONE;
}

/* Emits nothing, so it never fails for want of memory. */
static lares_verdict touchy_process(lares_call *call, void *instance)
{
    (void)instance;
    while (lares_call_next(call) != NULL) {
        if (!atomic_load(&lasting.cured))
            return LARES_FAILED;
        atomic_fetch_add(&lasting.passed, 1);
    }
    return LARES_DONE;
}

/* -- steps: kinds and daemons --------------------------------------------- */

static lares_status step_swift(struct life *life)
{
    static const char *const pairs[] = {
        "restart.initial",  "1",       "restart.max", "20",
        "restart.attempts", "1000000", NULL};

    return options_make(pairs, &of(life)->swift);
}

static lares_status step_register(struct life *life)
{
    const lares_daemon_ops ops = {.size = sizeof ops,
                                  .create = counter_create,
                                  .destroy = counter_destroy,
                                  .process = counter_process,
                                  .snapshot = counter_snapshot,
                                  .restore = counter_restore};
    lares_status rc = lares_node_register(life->node, "counter", NULL, &ops,
                                          life, life_release);

    life->refused += rc < 0;
    return rc;
}

static lares_status step_register_owner(struct life *life)
{
    const lares_daemon_ops ops = {.size = sizeof ops,
                                  .process = owner_process,
                                  .snapshot = owner_snapshot,
                                  .restore = owner_restore};

    return lares_node_register(life->node, "owner", NULL, &ops,
                               &of(life)->owned, NULL);
}

static lares_status step_register_touchy(struct life *life)
{
    const lares_daemon_ops ops = {.size = sizeof ops,
                                  .process = touchy_process};

    return lares_node_register(life->node, "touchy", NULL, &ops, NULL, NULL);
}

static lares_status step_register_pull(struct life *life)
{
    lares_options *set = NULL;
    lares_status rc = lares_options_new(&set);

    if (rc == LARES_OK)
        rc = lares_options_set(set, "stateful", "true");
    if (rc == LARES_OK)
        rc = lares_node_register(life->node, "pulled", set, NULL, NULL, NULL);
    lares_options_free(set);
    return rc;
}

static lares_status step_spawn(struct life *life)
{
    return lares_node_spawn(life->node, "counter", life->key, of(life)->swift,
                            &life->daemon);
}

static lares_status step_ledger(struct life *life)
{
    return lares_daemon_subscribe(life->daemon, "in", NULL);
}

static lares_status step_spawn_owner(struct life *life)
{
    return lares_node_spawn(life->node, "owner", NULL, of(life)->swift,
                            &of(life)->owner);
}

static lares_status step_spawn_pull(struct life *life)
{
    return lares_node_spawn(life->node, "pulled", NULL, of(life)->swift,
                            &of(life)->puller);
}

static lares_status step_spawn_touchy(struct life *life)
{
    lares_status rc =
        lares_options_set(of(life)->swift, "restart.attempts", "2");

    return rc < 0 ? rc
                  : lares_node_spawn(life->node, "touchy", NULL,
                                     of(life)->swift, &of(life)->touchy);
}

/* -- steps: failing and coming back --------------------------------------- */

static lares_status step_deliver(struct life *life)
{
    lares_events_free(life->events);
    life->events = NULL;
    return ask(life->daemon, "a", life->patience_ms, &life->events);
}

/* Fails, and is rebuilt before it answers. */
static lares_status step_boom(struct life *life)
{
    lares_status rc = ask(life->daemon, "boom", life->patience_ms, NULL);

    check(rc < 0);
    if (rc == LARES_ECALLBACK && strstr(lares_error_detail(), "boom") != NULL)
        return LARES_OK;
    return rc;
}

static lares_status step_fail(struct life *life)
{
    atomic_store(&of(life)->fails, 1);
    return publish(life->node, "in", "b", -1);
}

static lares_status step_later(struct life *life)
{
    return publish(life->node, "in", "later", -1);
}

static lares_status step_read(struct life *life)
{
    return read_until(life, 4); /* a, b, later, and the timer's */
}

static lares_status step_restart(struct life *life)
{
    of(life)->created_before = atomic_load(&of(life)->created);
    return lares_daemon_restart(life->daemon);
}

static int is_restarted(struct life *life)
{
    return atomic_load(&of(life)->created) > of(life)->created_before;
}

static lares_status step_restarted(struct life *life)
{
    return life_await(life, is_restarted);
}

/* -- steps: saving and restoring ------------------------------------------ */

static lares_status step_send_owner(struct life *life)
{
    return say(of(life)->owner, "x", -1);
}

static int is_owned(struct life *life)
{
    return atomic_load(&of(life)->owned) == 1;
}

/* Its first checkpoint comes before its first input. */
static lares_status step_owner(struct life *life)
{
    return life_await(life, is_owned);
}

static lares_status step_snapshot(struct life *life)
{
    lares_bytes_free(of(life)->image);
    of(life)->image = NULL;
    return lares_daemon_snapshot(life->daemon, life->patience_ms,
                                 &of(life)->image);
}

static lares_status image_report(struct life *life, const char *what)
{
    const lares_bytes *image = of(life)->image;

    lares_rows_free(life->rows);
    life->rows = NULL;
    return lares_image_report(lares_bytes_data(image), lares_bytes_len(image),
                              what, &life->rows);
}

static lares_status step_facts(struct life *life)
{
    lares_status rc = image_report(life, "image");

    if (rc == LARES_OK)
        rc = image_report(life, "subscriptions");
    return rc == LARES_OK ? image_report(life, "options") : rc;
}

static lares_status step_stop_daemon(struct life *life)
{
    return lares_daemon_stop(life->daemon, -1);
}

static lares_status step_restore(struct life *life)
{
    lares_daemon *successor = NULL;
    lares_status rc = lares_node_restore(
        life->node, lares_bytes_data(of(life)->image),
        lares_bytes_len(of(life)->image), NULL, of(life)->swift, &successor);

    if (rc < 0) {
        check(successor == NULL);
        return rc;
    }
    lares_daemon_free(life->daemon);
    life->daemon = successor;
    return LARES_OK;
}

static lares_status step_read_all(struct life *life)
{
    lares_status rc = read_until(life, 6);
    char text[24];

    if (rc < 0)
        return rc;
    event_text(lares_events_next(life->events), text, sizeof text);
    check_str(text, "6"); /* state and chain stand where they stood */
    return LARES_OK;
}

/* Nobody counts as an instance of it that has never lived. */
static lares_status step_unregister(struct life *life)
{
    return lares_node_unregister(life->node, "counter");
}

/* -- steps: pulled -------------------------------------------------------- */

static lares_verdict pulled_take(lares_call *call, const lares_event *event,
                                 struct object *object)
{
    if (event->kind == LARES_INPUT_SNAPSHOT)
        return lares_call_state(call, &object->n, sizeof object->n) == LARES_OK
                   ? LARES_DONE
                   : LARES_FAILED;
    if (event->kind == LARES_INPUT_RESTORE) {
        memcpy(&object->n, event->data, sizeof object->n);
        return LARES_DONE;
    }
    object->n++;
    if (lares_call_emit(call, NULL, "y", 1) < 0)
        return LARES_FAILED;
    if ((event->flags & LARES_EVENT_REPLAY) || object->fails == 0)
        return LARES_DONE;
    object->fails--;
    return LARES_FAILED;
}

static lares_status pull_once(struct life *life)
{
    struct object *object = &of(life)->object;
    int64_t timeout_ms = life->world != NULL ? 0 : life->patience_ms;
    lares_call *call = NULL;
    lares_status rc = lares_daemon_pull(of(life)->puller, timeout_ms, &call);
    const lares_event *event;

    if (rc == LARES_ETIMEDOUT && life->world != NULL) {
        life_moment(life, 1); /* only it opens a gate */
        return LARES_OK;
    }
    if (rc < 0)
        return rc;
    object->verdict = LARES_DONE;
    while (object->verdict == LARES_DONE &&
           (event = lares_call_next(call)) != NULL)
        object->verdict = pulled_take(call, event, object);
    return lares_call_end(call, object->verdict);
}

static lares_status step_pull_send(struct life *life)
{
    of(life)->object.fails = 1;
    return say(of(life)->puller, "x", -1);
}

/* A snapshot, a turn that fails, a restore, and the turn again. */
static lares_status step_pull(struct life *life)
{
    const struct object *object = &of(life)->object;
    lares_status rc = LARES_OK;

    for (int i = 0; i < 200 && rc == LARES_OK; i++) {
        if (object->n == 1 && object->fails == 0 &&
            object->verdict == LARES_DONE)
            return LARES_OK;
        rc = pull_once(life);
    }
    return rc < 0 ? rc : LARES_ETIMEDOUT;
}

/* -- steps: letters ------------------------------------------------------- */

static lares_status poison(struct life *life)
{
    lares_status rc = say(of(life)->touchy, "boom", -1);

    of(life)->poisons += rc == LARES_OK;
    return rc;
}

static lares_status step_poison(struct life *life)
{
    atomic_store(&of(life)->cured, 0);
    return poison(life);
}

/* ENOTFOUND: what was sent is not given up yet. */
static lares_status poison_given_up(struct life *life)
{
    lares_status rc = life_report(life, "counters");
    uint64_t made = 0, value;

    while (rc == LARES_OK &&
           rows_seek(life->rows, "name", "dead_letters_total")) {
        rc = lares_rows_u64(life->rows, "value", &value);
        made += value;
    }
    return rc == LARES_OK && made < of(life)->poisons ? LARES_ENOTFOUND : rc;
}

static lares_status letter_find(struct life *life)
{
    lares_status rc = life_report(life, "letters");

    if (rc < 0)
        return rc;
    if (lares_rows_next(life->rows) == LARES_EDONE)
        return LARES_ENOTFOUND;
    return lares_rows_u64(life->rows, "id", &of(life)->letter);
}

/* Without memory a letter is lost: then there is need of another. */
static lares_status letter_look(struct life *life)
{
    lares_status rc = poison_given_up(life);

    if (rc < 0)
        return rc;
    rc = letter_find(life);
    if (rc == LARES_ENOTFOUND && poison(life) < 0)
        return LARES_ENOMEM;
    return rc;
}

static lares_status step_letter(struct life *life)
{
    lares_status rc = letter_look(life);

    for (int64_t i = 0; rc == LARES_ENOTFOUND && i < life->patience_ms; i++) {
        life_moment(life, i > 0);
        rc = letter_look(life);
    }
    return rc == LARES_ENOTFOUND ? LARES_ETIMEDOUT : rc;
}

static lares_status step_data(struct life *life)
{
    lares_status rc =
        lares_letter_data(life->node, of(life)->letter, &of(life)->data);

    if (rc < 0)
        return rc;
    check_u64(lares_bytes_len(of(life)->data), 4);
    check_mem(lares_bytes_data(of(life)->data), "boom", 4);
    return LARES_OK;
}

static lares_status step_replay(struct life *life)
{
    atomic_store(&of(life)->cured, 1);
    return lares_letter_replay(life->node, of(life)->letter);
}

static int has_passed(struct life *life)
{
    return atomic_load(&of(life)->passed) > 0;
}

static lares_status step_cured(struct life *life)
{
    return life_await(life, has_passed);
}

static lares_status step_drop(struct life *life)
{
    lares_status rc = lares_letter_drop(life->node, of(life)->letter);

    return rc < 0 ? rc : lares_letter_drop(life->node, 0);
}

static lares_status step_records(struct life *life)
{
    return life_report(life, "records");
}

/* -- steps: recovery ------------------------------------------------------ */

static lares_verdict heal(lares_call *call, void *user)
{
    (void)user;
    for (uint32_t slot = 0; slot < 3; slot++)
        (void)lares_call_recovered(call, 7, slot);
    return LARES_DONE;
}

static lares_verdict harm(lares_call *call, void *user)
{
    (void)user;
    (void)lares_call_recovered(call, 7, 99);
    lares_call_fail(call, "harmed");
    return LARES_FAILED;
}

static lares_status step_registry(struct life *life)
{
    return lares_recovery_new(&of(life)->registry);
}

static lares_status step_healer(struct life *life)
{
    lares_status rc =
        lares_recovery_register(of(life)->registry, "healer", heal, life,
                                life_release, &of(life)->handler, NULL);

    life->refused += rc < 0;
    return rc;
}

static lares_status step_harmer(struct life *life)
{
    lares_status rc = lares_recovery_register(
        of(life)->registry, "harmer", harm, life, life_release, NULL, NULL);

    life->refused += rc < 0;
    return rc;
}

static lares_status step_pass(struct life *life)
{
    lares_status rc;

    lares_rows_free(life->rows);
    life->rows = NULL;
    rc = lares_recovery_run(of(life)->registry, &life->rows);
    if (rc < 0)
        return rc;
    for (int i = 0; i < 3; i++)
        check_ok(lares_rows_next(life->rows));
    check_status(lares_rows_next(life->rows), LARES_EDONE);
    return LARES_OK;
}

static lares_status step_recovery_report(struct life *life)
{
    lares_rows_free(life->rows);
    life->rows = NULL;
    return lares_recovery_report(of(life)->registry, &life->rows);
}

static lares_status step_remove(struct life *life)
{
    return lares_recovery_remove(of(life)->registry, of(life)->handler);
}

/* In place of the lone one. */
static lares_status step_registry_of_node(struct life *life)
{
    lares_recovery_free(of(life)->registry);
    of(life)->registry = NULL;
    return lares_node_recovery(life->node, &of(life)->registry);
}

static const struct step steps[] = {
    {"options",          step_options         },
    {"key",              step_key             },
    {"chain",            step_chain           },
    {"world",            step_world           },
    {"node",             step_node            },
    {"start",            step_start           },
    {"register",         step_register        },
    {"register owner",   step_register_owner  },
    {"register touchy",  step_register_touchy },
    {"register pull",    step_register_pull   },
    {"swift",            step_swift           },
    {"spawn",            step_spawn           },
    {"ledger",           step_ledger          },
    {"subscribe",        step_subscribe       },
    {"spawn owner",      step_spawn_owner     },
    {"spawn pull",       step_spawn_pull      },
    {"spawn touchy",     step_spawn_touchy    },
    {"deliver",          step_deliver         },
    {"boom",             step_boom            },
    {"fail",             step_fail            },
    {"later",            step_later           },
    {"read",             step_read            },
    {"send owner",       step_send_owner      },
    {"owner",            step_owner           },
    {"snapshot",         step_snapshot        },
    {"facts",            step_facts           },
    {"restart",          step_restart         },
    {"restarted",        step_restarted       },
    {"deliver",          step_deliver         },
    {"pull send",        step_pull_send       },
    {"pull",             step_pull            },
    {"poison",           step_poison          },
    {"letter",           step_letter          },
    {"data",             step_data            },
    {"replay",           step_replay          },
    {"cured",            step_cured           },
    {"poison",           step_poison          },
    {"letter",           step_letter          },
    {"drop",             step_drop            },
    {"records",          step_records         },
    {"registry",         step_registry        },
    {"healer",           step_healer          },
    {"harmer",           step_harmer          },
    {"pass",             step_pass            },
    {"recovery report",  step_recovery_report },
    {"remove",           step_remove          },
    {"registry of node", step_registry_of_node},
    {"healer",           step_healer          },
    {"harmer",           step_harmer          },
    {"pass",             step_pass            },
    {"remove",           step_remove          },
    {"snapshot",         step_snapshot        },
    {"stop daemon",      step_stop_daemon     },
    {"restore",          step_restore         },
    {"deliver",          step_deliver         },
    {"read all",         step_read_all        },
    {"stop daemon",      step_stop_daemon     },
    {"unregister",       step_unregister      },
    {"stop",             step_stop            },
    {NULL,               NULL                 },
};

/* -- tools ---------------------------------------------------------------- */

/* Steps whose turn may have failed for lack of memory, or not come about. */
static int is_turn(const char *step)
{
    return strcmp(step, "deliver") == 0 || strcmp(step, "boom") == 0 ||
           strcmp(step, "snapshot") == 0 || strcmp(step, "pull") == 0;
}

static int is_wait(const char *step)
{
    return strcmp(step, "read") == 0 || strcmp(step, "read all") == 0 ||
           strcmp(step, "owner") == 0 || strcmp(step, "restarted") == 0 ||
           strcmp(step, "letter") == 0 || strcmp(step, "cured") == 0;
}

static int allows(const char *step, lares_status rc)
{
    if (is_wait(step) || is_turn(step))
        return rc == LARES_ETIMEDOUT ||
               (is_turn(step) && (rc == LARES_ECALLBACK || rc == LARES_EDOWN ||
                                  rc == LARES_ESNAPSHOT));
    return strcmp(step, "restore") == 0 && rc == LARES_ERESTORE;
}

static void check_life(struct life *life)
{
    check_u64(rows_count(life->node, "letters"), 0);
    check_u64(counter(life->node, "outputs_total", ""), 7);
    check_u64(counter(life->node, "inputs_total", "result=\"duplicate\""), 0);
    check_u64(of(life)->object.n, 1);
    check_i64(of(life)->created, of(life)->destroyed);
    check_i64(life->releases, 5 + life->refused);
}

static const struct story story = {
    .steps = steps,
    .life = &lasting.life,
    .size = sizeof lasting,
    .allows = allows,
    .judge = check_life,
    .end = end,
};

/* -- cases ---------------------------------------------------------------- */

static void test_torture_state__each_allocation_once(void **state)
{
    (void)state; /* id: AB05 */
    play_alone(&story, 0);
}

static void test_torture_state__each_allocation_and_all_later(void **state)
{
    (void)state; /* id: AB05 */
    play_alone(&story, 1);
}

static void test_torture_state__with_a_lane(void **state)
{
    (void)state; /* id: AB05 */
    play_with_a_lane(&story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        house_test(test_torture_state__each_allocation_once),
        house_test(test_torture_state__each_allocation_and_all_later),
        house_test(test_torture_state__with_a_lane),
    };

    return check_run(tests);
}
