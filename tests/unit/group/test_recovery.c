#include "support/house.h"
#include "support/recovery.h"

#include "group/recovery.h"

/* A registry that stands alone, through the front door. */

/* -- the three tests of the document that the project began with ---------- */

/* id: REC1 */
static void
try_run_all_collects_recovered_slots_and_drops_panicking_handlers(void **state)
{
    lares_recovery *reg = registry_open();
    struct worker a = {.count = 2};
    struct worker b = {.verdict = FAILS, .text = "simulated handler panic"};

    (void)state;
    check_u64(handlers(reg), 0);
    handler_add(reg, "a", &a);
    handler_add(reg, "b", &b);
    check_u64(handlers(reg), 2);

    check_str(pass_slots(reg), "0; 1");
    check_u64(handlers(reg), 1);
    check_i64(a.calls, 1);
    check_i64(b.calls, 1);

    /* id: REC2 */
    check_str(pass_slots(reg), "0; 1");
    check_u64(handlers(reg), 1);
    check_i64(a.calls, 2);
    check_i64(b.calls, 1);
    lares_recovery_free(reg);
}

struct breeder {
    lares_recovery *reg;
    struct worker child;
    int invoked;
    uint64_t counts[2]; /* the handlers that it saw after registering */
    lares_status rc;
};

static lares_verdict breed(lares_call *call, void *user)
{
    struct breeder *breeder = user;
    size_t count = 0;

    breeder->rc = lares_recovery_register(breeder->reg, "child", work,
                                          &breeder->child, NULL, NULL, &count);
    breeder->counts[breeder->invoked++] = count;
    (void)lares_call_recovered(call, 0, 7);
    return LARES_DONE;
}

/* id: REC3 */
static void try_run_all_allows_handler_to_register_new_handler(void **state)
{
    struct breeder breeder = {
        .reg = registry_open(), .child = {.first = 99, .count = 1}
    };

    (void)state;
    check_ok(lares_recovery_register(breeder.reg, NULL, breed, &breeder, NULL,
                                     NULL, NULL));
    check_u64(handlers(breeder.reg), 1);
    check_str(pass_slots(breeder.reg), "7");
    check_ok(breeder.rc);
    check_i64(breeder.invoked, 1);
    check_u64(breeder.counts[0], 2); /* counted at once */
    check_u64(handlers(breeder.reg), 2);
    check_str(pass_slots(breeder.reg), "7; 99");
    check_i64(breeder.child.calls, 1);
    check_u64(handlers(breeder.reg), 3);
    lares_recovery_free(breeder.reg);
}

struct sleeper {
    lares_recovery *reg;
    atomic_int in_handler;
    atomic_int may_end;
    lares_status rc;
    lares_rows *rows;
};

static lares_verdict sleep_200(lares_call *call, void *user)
{
    struct sleeper *sleeper = user;

    atomic_fetch_add(&sleeper->in_handler, 1);
    nap_ms(200);
    (void)lares_call_recovered(call, 0, 0);
    return LARES_DONE;
}

static void *run_it(void *arg)
{
    struct sleeper *sleeper = arg;

    sleeper->rc = lares_recovery_run(sleeper->reg, &sleeper->rows);
    return NULL;
}

/* id: REC4 */
static void
register_during_try_run_all_does_not_block_indefinitely(void **state)
{
    struct sleeper sleeper = {.reg = registry_open()};
    struct worker other = {.first = 42, .count = 1};
    pthread_t runner;
    uint64_t started;

    (void)state;
    check_ok(lares_recovery_register(sleeper.reg, NULL, sleep_200, &sleeper,
                                     NULL, NULL, NULL));
    check(pthread_create(&runner, NULL, run_it, &sleeper) == 0);
    eventually(atomic_load(&sleeper.in_handler) == 1);
    started = clock_ms();
    handler_add(sleeper.reg, NULL, &other);
    check(clock_ms() - started < 100);
    check_u64(handlers(sleeper.reg), 2);
    check(pthread_join(runner, NULL) == 0);
    check_ok(sleeper.rc);
    check_i64(sleeper.in_handler, 1);
    check_i64(other.calls, 0);
    lares_rows_free(sleeper.rows);
    lares_recovery_free(sleeper.reg);
}

/* -- results -------------------------------------------------------------- */

static void test_recovery__rows_stand_in_the_order_of_handlers(void **state)
{
    lares_recovery *reg = registry_open();
    struct worker first = {.group = 5, .first = 1, .count = 2};
    struct worker second = {.group = 6, .first = 4, .count = 1};
    struct worker bad = {.group = 6, .count = 3, .verdict = FAILS};
    struct worker third = {.group = 5, .first = 9, .count = 1};
    struct worker idle = {.group = 0};

    (void)state; /* id: REC6 */
    handler_add(reg, "first", &first);
    handler_add(reg, "second", &second);
    handler_add(reg, "bad", &bad);
    handler_add(reg, "idle", &idle);
    handler_add(reg, "third", &third);
    check_str(pass_rows(reg), "1 5 1; 1 5 2; 2 6 4; 5 5 9");
    check_u64(handler_fact(reg, 1, "recovered"), 2);
    check_u64(handler_fact(reg, 3, "recovered"), 0);
    check_u64(handler_fact(reg, 4, "runs"), 1);
    lares_recovery_free(reg);
}

static void test_recovery__a_call_reports_256_slots(void **state)
{
    lares_recovery *reg = registry_open();
    struct worker worker = {.count = 257};
    lares_rows *rows = NULL;
    uint64_t slot = 0, count = 0;

    (void)state; /* id: REC6 */
    handler_add(reg, NULL, &worker);
    check_ok(lares_recovery_run(reg, &rows));
    while (lares_rows_next(rows) == LARES_OK) {
        check_ok(lares_rows_u64(rows, "slot", &slot));
        check_u64(slot, count++);
    }
    lares_rows_free(rows);
    check_u64(count, 256);
    check_u64(handlers(reg), 1); /* being refused is no failure */
    check_u64(handler_fact(reg, 1, "recovered"), 256);
    check_u64(handler_fact(reg, 1, "refused"), 1);
    lares_recovery_free(reg);
}

static void test_recovery__results_need_not_be_wanted(void **state)
{
    lares_recovery *reg = registry_open();
    struct worker worker = {.count = 2};

    (void)state;
    handler_add(reg, NULL, &worker);
    check_ok(lares_recovery_run(reg, NULL));
    check_u64(handler_fact(reg, 1, "recovered"), 2);
    lares_recovery_free(reg);
}

struct slots {
    lares_status last;  /* of the 257th */
    lares_status emit;  /* where there is no input */
    lares_status state; /* where there is no snapshot */
    int none;           /* next answered NULL, argument "" */
};

static lares_verdict try_slots(lares_call *call, void *user)
{
    struct slots *slots = user;

    slots->none = lares_call_next(call) == NULL &&
                  strcmp(lares_call_argument(call), "") == 0;
    for (uint32_t i = 0; i < 257; i++)
        slots->last = lares_call_recovered(call, 0, i);
    return LARES_DONE;
}

static lares_verdict try_emit(lares_call *call, void *user)
{
    ((struct slots *)user)->emit = lares_call_emit(call, "a", "x", 1);
    return LARES_DONE;
}

static lares_verdict try_state(lares_call *call, void *user)
{
    ((struct slots *)user)->state = lares_call_state(call, "x", 1);
    return LARES_DONE;
}

/* What belongs to other callbacks is refused, and a refusal dooms. */
static void test_recovery__a_call_is_for_slots_alone(void **state)
{
    lares_recovery *reg = registry_open();
    struct slots slots = {0};

    (void)state;
    check_ok(lares_recovery_register(reg, NULL, try_slots, &slots, NULL, NULL,
                                     NULL));
    check_ok(
        lares_recovery_register(reg, NULL, try_emit, &slots, NULL, NULL, NULL));
    check_ok(lares_recovery_register(reg, NULL, try_state, &slots, NULL, NULL,
                                     NULL));
    check_ok(lares_recovery_run(reg, NULL));
    check(slots.none);
    check_status(slots.last, LARES_ELIMIT);
    check_status(slots.emit, LARES_EPHASE);
    check_status(slots.state, LARES_EPHASE);
    check_u64(handlers(reg), 1);
    check_str(handler_text(reg, 2, "text"), "emit without an input in hand");
    lares_recovery_free(reg);
}

/* -- failures ------------------------------------------------------------- */

static void test_recovery__every_other_verdict_evicts(void **state)
{
    static const lares_verdict verdicts[] = {FAILS, 7, -1, LARES_LOST};
    lares_recovery *reg = registry_open();
    struct worker workers[4];

    (void)state; /* id: REC5 id: AB04 */
    memset(workers, 0, sizeof workers);
    for (int i = 0; i < 4; i++) {
        workers[i].verdict = verdicts[i];
        workers[i].count = 1;
        handler_add(reg, "bad", &workers[i]);
    }
    workers[1].text = "seven";
    check_str(pass_slots(reg), "");
    check_u64(handlers(reg), 0);
    check_str(pass_slots(reg), "");
    for (int i = 0; i < 4; i++) {
        check_i64(workers[i].calls, 1);
        check_i64(workers[i].releases, 1);
        check_str(handler_text(reg, workers[i].id, "state"), "evicted");
        check_u64(handler_fact(reg, workers[i].id, "runs"), 1);
    }
    check_str(handler_text(reg, 1, "text"), "handler failed");
    check_str(handler_text(reg, 2, "text"), "seven");
    check_str(handler_text(reg, 2, "name"), "bad");
    check_str(handler_text(reg, 3, "text"), "handler failed");
    lares_recovery_free(reg);
    check_i64(workers[0].releases, 1);
}

static void test_recovery__texts_are_cut_between_characters(void **state)
{
    lares_recovery *reg = registry_open();
    struct worker worker = {.verdict = FAILS};
    char text[6000];
    const char *kept;

    (void)state;
    memset(text, 'a', sizeof text);
    memcpy(text + 4095, "\xc3\xa9", 2);
    text[sizeof text - 1] = '\0';
    worker.text = text;
    handler_add(reg, NULL, &worker);
    check_str(pass_slots(reg), "");
    kept = handler_text(reg, 1, "text");
    check_u64(strlen(kept), 4095);
    check_mem(kept, text, 4095);
    lares_recovery_free(reg);
}

static void test_recovery__the_last_64_evictions_are_kept(void **state)
{
    lares_recovery *reg = registry_open();
    struct worker workers[70];
    lares_rows *rows = NULL;
    uint64_t id = 0, next = 7;

    (void)state;
    memset(workers, 0, sizeof workers);
    for (int i = 0; i < 70; i++) {
        workers[i].verdict = FAILS;
        workers[i].text = "bad";
        handler_add(reg, NULL, &workers[i]);
    }
    check_ok(lares_recovery_run(reg, NULL));
    check_ok(lares_recovery_report(reg, &rows));
    while (lares_rows_next(rows) == LARES_OK) {
        check_ok(lares_rows_u64(rows, "id", &id));
        check_u64(id, next++);
    }
    check_u64(next, 71);
    lares_rows_free(rows);
    lares_recovery_free(reg);
    for (int i = 0; i < 70; i++)
        check_i64(workers[i].releases, 1);
}

/* -- removal -------------------------------------------------------------- */

struct remover {
    lares_recovery *reg;
    uint64_t id;      /* whom it removes */
    uint64_t own;     /* its id */
    uint64_t counted; /* handlers afterwards */
    lares_status rc, again;
    lares_verdict verdict;
    int calls, releases, released_inside;
};

static lares_verdict remove_one(lares_call *call, void *user)
{
    struct remover *remover = user;
    size_t count = 0;

    remover->calls++;
    remover->rc = lares_recovery_remove(remover->reg, remover->id);
    remover->again = lares_recovery_remove(remover->reg, remover->id);
    if (lares_recovery_count(remover->reg, &count) == LARES_OK)
        remover->counted = count;
    remover->released_inside = remover->releases;
    (void)lares_call_recovered(call, 0, 3);
    return remover->verdict;
}

static void remove_release(void *user)
{
    ((struct remover *)user)->releases++;
}

static void remover_add(struct remover *remover)
{
    check_ok(lares_recovery_register(remover->reg, NULL, remove_one, remover,
                                     remove_release, &remover->own, NULL));
}

static void test_recovery__a_handler_may_remove_itself(void **state)
{
    struct remover remover = {
        .reg = registry_open(), .id = 1, .verdict = LARES_DONE};

    (void)state; /* id: REC7 */
    remover_add(&remover);
    check_str(pass_slots(remover.reg), "3"); /* it finishes, and counts */
    check_ok(remover.rc);
    check_status(remover.again, LARES_ENOTFOUND);
    check_u64(remover.counted, 0);
    check_i64(remover.released_inside, 0);
    check_i64(remover.releases, 1);
    check_str(pass_slots(remover.reg), "");
    check_i64(remover.calls, 1);
    lares_recovery_free(remover.reg);
    check_i64(remover.releases, 1);
}

/* It has left before it fails, so it is no eviction. */
static void test_recovery__one_that_left_and_fails_is_released(void **state)
{
    struct remover remover = {
        .reg = registry_open(), .id = 1, .verdict = LARES_FAILED};
    lares_rows *rows = NULL;

    (void)state; /* id: REC7 */
    remover_add(&remover);
    check_str(pass_slots(remover.reg), "");
    check_i64(remover.releases, 1);
    check_ok(lares_recovery_report(remover.reg, &rows));
    check_status(lares_rows_next(rows), LARES_EDONE);
    lares_rows_free(rows);
    lares_recovery_free(remover.reg);
    check_i64(remover.releases, 1);
}

static void test_recovery__a_later_handler_is_removed_unrun(void **state)
{
    struct remover remover = {
        .reg = registry_open(), .id = 2, .verdict = LARES_DONE};
    struct worker later = {.count = 1}, last = {.first = 8, .count = 1};

    (void)state; /* id: REC7 */
    remover_add(&remover);
    handler_add(remover.reg, NULL, &later);
    handler_add(remover.reg, NULL, &last);
    check_str(pass_slots(remover.reg), "3; 8");
    check_ok(remover.rc);
    check_i64(later.calls, 0);
    check_i64(later.releases, 1);
    check_u64(handlers(remover.reg), 2);
    check_str(pass_slots(remover.reg), "3; 8");
    check_status(remover.rc, LARES_ENOTFOUND);
    lares_recovery_free(remover.reg);
    check_i64(later.releases, 1);
}

/* The list is the same afterwards, wherever a handler was taken out of it. */
static void test_recovery__order_outlives_removals(void **state)
{
    lares_recovery *reg = registry_open();
    struct worker workers[5];

    (void)state;
    memset(workers, 0, sizeof workers);
    for (uint32_t i = 0; i < 5; i++) {
        workers[i].first = i;
        workers[i].count = 1;
        handler_add(reg, NULL, &workers[i]);
    }
    check_ok(lares_recovery_remove(reg, 5));
    check_ok(lares_recovery_remove(reg, 3));
    handler_add(reg, NULL, &workers[2]);
    check_ok(lares_recovery_remove(reg, 1));
    handler_add(reg, NULL, &workers[0]);
    check_u64(workers[0].id, 7); /* never reused */
    check_str(pass_slots(reg), "1; 3; 2; 0");
    check_status(lares_recovery_remove(reg, 3), LARES_ENOTFOUND);
    check_status(lares_recovery_remove(reg, 99), LARES_ENOTFOUND);
    check_status(lares_recovery_remove(reg, 0), LARES_ENOTFOUND);
    check_detail("no recovery handler 0");
    lares_recovery_free(reg);
}

struct churner {
    lares_recovery *reg;
    struct worker worker;
    int failed;
};

/* comes and goes many times while one pass is under way */
static lares_verdict churn(lares_call *call, void *user)
{
    struct churner *churner = user;

    (void)call;
    for (int i = 0; i < 10000; i++) {
        uint64_t id = 0;
        lares_status rc =
            lares_recovery_register(churner->reg, NULL, work, &churner->worker,
                                    work_release, &id, NULL);

        if (rc == LARES_OK)
            rc = lares_recovery_remove(churner->reg, id);
        churner->failed += rc != LARES_OK;
    }
    return LARES_DONE;
}

static void
test_recovery__coming_and_going_in_a_pass_leaves_nothing(void **state)
{
    struct churner churner = {.reg = registry_open()};
    struct worker other = {.count = 1};
    int64_t living;

    (void)state;
    check_ok(lares_recovery_register(churner.reg, NULL, churn, &churner, NULL,
                                     NULL, NULL));
    handler_add(churner.reg, NULL, &other);
    living = lares__alloc_living();
    check_str(pass_slots(churner.reg), "0");
    check_i64(churner.failed, 0);
    check_i64(churner.worker.calls, 0);
    check_i64(churner.worker.releases, 10000);
    check_i64(lares__alloc_living(), living);
    lares_recovery_free(churner.reg);
}

/* -- one pass at a time --------------------------------------------------- */

struct nested {
    lares_recovery *reg, *other;
    lares_status own, foreign, slot;
    int locks;
};

static lares_verdict run_inside(lares_call *call, void *user)
{
    struct nested *nested = user;

    nested->locks = locks_held();
    nested->own = lares_recovery_run(nested->reg, NULL);
    nested->foreign = lares_recovery_run(nested->other, NULL);
    nested->slot = lares_call_recovered(call, 0, 1); /* still its own call */
    return LARES_DONE;
}

static void test_recovery__a_pass_inside_its_own_is_busy(void **state)
{
    struct nested nested = {.reg = registry_open(), .other = registry_open()};
    struct worker worker = {.count = 1};

    (void)state; /* id: REC8 */
    check_ok(lares_recovery_register(nested.reg, NULL, run_inside, &nested,
                                     NULL, NULL, NULL));
    handler_add(nested.reg, NULL, &worker);
    handler_add(nested.other, NULL, &worker);
    check_str(pass_slots(nested.reg), "1; 0");
    check_status(nested.own, LARES_EBUSY);
    check_ok(nested.foreign);
    check_ok(nested.slot);
    check_i64(nested.locks, 0);
    check_i64(worker.calls, 2);
    lares_recovery_free(nested.reg);
    lares_recovery_free(nested.other);
}

static lares_verdict stand_there(lares_call *call, void *user)
{
    struct sleeper *sleeper = user;

    atomic_fetch_add(&sleeper->in_handler, 1);
    while (!atomic_load(&sleeper->may_end))
        nap_ms(1);
    (void)lares_call_recovered(call, 0, 1);
    return LARES_DONE;
}

static pthread_t pass_begin(struct sleeper *sleeper)
{
    pthread_t thread;

    check(pthread_create(&thread, NULL, run_it, sleeper) == 0);
    eventually(atomic_load(&sleeper->in_handler) == 1);
    return thread;
}

static void pass_finish(struct sleeper *sleeper, pthread_t thread)
{
    atomic_store(&sleeper->may_end, 1);
    check(pthread_join(thread, NULL) == 0);
    check_ok(sleeper->rc);
    lares_rows_free(sleeper->rows);
}

static void test_recovery__a_pass_beside_another_is_busy(void **state)
{
    struct sleeper sleeper = {.reg = registry_open()};
    struct worker worker = {.count = 1};
    lares_rows *rows = NULL;
    pthread_t thread;

    (void)state; /* id: REC8 */
    check_ok(lares_recovery_register(sleeper.reg, NULL, stand_there, &sleeper,
                                     NULL, NULL, NULL));
    handler_add(sleeper.reg, NULL, &worker);
    thread = pass_begin(&sleeper);
    check_status(lares_recovery_run(sleeper.reg, &rows), LARES_EBUSY);
    check(rows == NULL);
    check_i64(worker.calls, 0);
    pass_finish(&sleeper, thread);
    check_i64(worker.calls, 1);
    lares_recovery_free(sleeper.reg);
}

static void test_recovery__a_running_handler_is_removed_by_another(void **state)
{
    struct sleeper sleeper = {.reg = registry_open()};
    pthread_t thread;
    lares_rows *rows;
    uint64_t id = 0;

    (void)state; /* id: REC7 */
    check_ok(lares_recovery_register(sleeper.reg, NULL, stand_there, &sleeper,
                                     NULL, &id, NULL));
    thread = pass_begin(&sleeper);
    check_ok(lares_recovery_remove(sleeper.reg, id));
    check_u64(handlers(sleeper.reg), 0);
    atomic_store(&sleeper.may_end, 1);
    check(pthread_join(thread, NULL) == 0);
    rows = sleeper.rows;
    check_str(rows_spell(rows, (const char *const[]){"slot", NULL}), "1");
    check_str(pass_slots(sleeper.reg), "");
    lares_recovery_free(sleeper.reg);
}

/* -- the end -------------------------------------------------------------- */

struct ender {
    lares_recovery *reg;
    int releases;
};

static lares_verdict drop_ticket(lares_call *call, void *user)
{
    struct ender *ender = user;

    (void)lares_call_recovered(call, 0, 5);
    lares_recovery_free(ender->reg);
    return LARES_DONE;
}

static void ender_release(void *user)
{
    ((struct ender *)user)->releases++;
}

static void test_recovery__a_handler_may_drop_the_last_ticket(void **state)
{
    struct ender ender = {.reg = registry_open()};
    struct worker before = {.count = 1}, later = {.count = 1};

    (void)state; /* id: REC7 */
    handler_add(ender.reg, NULL, &before);
    check_ok(lares_recovery_register(ender.reg, NULL, drop_ticket, &ender,
                                     ender_release, NULL, NULL));
    handler_add(ender.reg, NULL, &later);
    check_str(pass_slots(ender.reg), "0; 5");
    check_i64(ender.releases, 1);
    check_i64(before.releases, 1);
    check_i64(later.calls, 0);
    check_i64(later.releases, 1);
}

static void test_recovery__the_end_releases_in_order(void **state)
{
    lares_recovery *reg = registry_open();
    struct worker worker = {.count = 1}, other = {.count = 1};

    (void)state;
    handler_add(reg, NULL, &worker);
    handler_add(reg, NULL, &other);
    lares_recovery_free(reg);
    check_i64(worker.releases, 1);
    check_i64(other.releases, 1);
    check_i64(worker.calls + other.calls, 0);
    lares_recovery_free(NULL);
}

static lares_status ran_in_release;
static int released_locks;

static void release_runs(void *user)
{
    released_locks = locks_held();
    ran_in_release = lares_recovery_run(user, NULL);
}

static void test_recovery__a_release_waits_for_nothing(void **state)
{
    lares_recovery *reg = registry_open(), *other = registry_open();
    uint64_t id = 0;

    (void)state;
    check_ok(lares_recovery_register(reg, NULL, work, other, release_runs, &id,
                                     NULL));
    check_ok(lares_recovery_remove(reg, id));
    check_status(ran_in_release, LARES_EDEADLK);
    check_i64(released_locks, 0);
    lares_recovery_free(reg);
    lares_recovery_free(other);
}

/* -- registering ---------------------------------------------------------- */

static lares_status try_name(lares_recovery *reg, const char *name,
                             struct worker *worker)
{
    return lares_recovery_register(reg, name, work, worker, work_release,
                                   &worker->id, NULL);
}

static void test_recovery__names_are_labels(void **state)
{
    lares_recovery *reg = registry_open();
    struct worker worker = {.id = 77};
    char name[65];

    (void)state; /* id: AB04 */
    memset(name, 'n', sizeof name);
    name[64] = '\0';
    check_status(try_name(reg, name, &worker), LARES_ENAME);
    check_status(try_name(reg, "", &worker), LARES_ENAME);
    check_status(try_name(reg, "a\nb", &worker), LARES_ENAME);
    check_status(try_name(reg, "\xff", &worker), LARES_ENAME);
    check_i64(worker.releases, 4);
    check_u64(worker.id, 77);
    check_u64(handlers(reg), 0);
    name[63] = '\0';
    check_ok(try_name(reg, name, &worker));
    check_str(handler_text(reg, worker.id, "name"), name);
    check_ok(try_name(reg, "group:k\xc3\xa9", &worker));
    check_ok(try_name(reg, "group:k\xc3\xa9", &worker)); /* not unique */
    check_ok(try_name(reg, NULL, &worker));
    check_str(handler_text(reg, worker.id, "name"), "handler");
    check_str(handler_text(reg, worker.id, "state"), "living");
    check_str(handler_text(reg, worker.id, "text"), "");
    lares_recovery_free(reg);
    check_i64(worker.releases, 8);
}

static void test_recovery__has_4096_handlers(void **state)
{
    lares_recovery *reg = registry_open();
    struct worker worker = {.count = 0};
    size_t count = 0;

    (void)state; /* id: AB04 */
    for (uint64_t i = 1; i <= 4096; i++) {
        check_ok(lares_recovery_register(reg, NULL, work, &worker, work_release,
                                         &worker.id, &count));
        check_u64(count, i);
        check_u64(worker.id, i);
    }
    check_status(try_name(reg, NULL, &worker), LARES_ELIMIT);
    check_i64(worker.releases, 1);
    check_ok(lares_recovery_remove(reg, 1));
    check_ok(try_name(reg, NULL, &worker));
    check_ok(lares_recovery_run(reg, NULL));
    check_i64(worker.calls, 4096);
    lares_recovery_free(reg);
    check_i64(worker.releases, 4098);
}

/* -- cost ----------------------------------------------------------------- */

static void test_recovery__counts_what_takes_long(void **state)
{
    struct sleeper sleeper = {.reg = registry_open()};
    struct worker quick = {.count = 1};

    (void)state;
    check_ok(lares_recovery_register(sleeper.reg, NULL, sleep_200, &sleeper,
                                     NULL, NULL, NULL));
    handler_add(sleeper.reg, NULL, &quick);
    check_ok(lares_recovery_run(sleeper.reg, NULL));
    check_u64(handler_fact(sleeper.reg, 1, "overruns"), 1);
    check(handler_fact(sleeper.reg, 1, "longest_us") > 150000);
    check(handler_fact(sleeper.reg, 2, "longest_us") <
          handler_fact(sleeper.reg, 1, "longest_us"));
    lares_recovery_free(sleeper.reg);
}

/* A hundred handlers, and a clock that runs while they do. */
struct choir {
    lares_recovery *reg;
    uint64_t now; /* ns */
    uint64_t reads;
    struct singer {
        struct choir *choir;
        uint64_t ns; /* that a call takes */
        int last;    /* it leaves, or is slow */
    } singers[100];
};

static uint64_t choir_now(void *context)
{
    struct choir *choir = context;

    choir->reads++;
    return choir->now;
}

/* two of three leave: one fails, one removes itself */
static lares_verdict sing_last(const struct singer *singer)
{
    uint64_t id = (uint64_t)(singer - singer->choir->singers) + 1;

    singer->choir->now += 5000000;
    if (id % 3 == 1)
        check_ok(lares_recovery_remove(singer->choir->reg, id));
    return id % 3 == 0 ? FAILS : LARES_DONE;
}

static lares_verdict sing(lares_call *call, void *user)
{
    const struct singer *singer = user;

    (void)call;
    singer->choir->now += singer->ns;
    return singer->last ? sing_last(singer) : LARES_DONE;
}

static void choir_open(struct choir *choir)
{
    const struct lares__clock clock = {choir_now, choir};

    *choir = (struct choir){.now = 1};
    check_ok(lares__recovery_new(&clock, &choir->reg));
    for (int i = 0; i < 100; i++) {
        choir->singers[i] = (struct singer){choir, 2000, 0};
        check_ok(lares_recovery_register(choir->reg, NULL, sing,
                                         &choir->singers[i], NULL, NULL, NULL));
    }
}

/* how often a pass read the clock */
static uint64_t choir_pass(struct choir *choir)
{
    uint64_t reads = choir->reads;

    check_ok(lares_recovery_run(choir->reg, NULL));
    return choir->reads - reads;
}

/* All are timed at first, then one in sixteen, by turns. */
static void test_recovery__many_swift_handlers_are_timed_by_turns(void **state)
{
    struct choir choir;

    (void)state;
    choir_open(&choir);
    for (int i = 0; i < 8; i++)
        check(choir_pass(&choir) > 100);
    for (uint64_t id = 1; id <= 100; id++)
        check_u64(handler_fact(choir.reg, id, "longest_us"), 2);
    for (int i = 0; i < 100; i++)
        choir.singers[i].ns = 3000;
    for (int i = 0; i < 16 * 64; i++)
        check(choir_pass(&choir) <= 16);
    for (uint64_t id = 1; id <= 100; id++)
        check_u64(handler_fact(choir.reg, id, "longest_us"), 3);
    lares_recovery_free(choir.reg);
}

/* The one that grew slow shows from its second overrun on, and no other. */
static void test_recovery__one_slow_handler_of_many_is_found(void **state)
{
    struct choir choir;

    (void)state;
    choir_open(&choir);
    for (int i = 0; i < 20; i++)
        (void)choir_pass(&choir);
    choir.singers[49].ns = 20000000;
    for (int i = 0; i < 10; i++)
        (void)choir_pass(&choir);
    for (uint64_t id = 1; id <= 100; id++) {
        uint64_t overruns = handler_fact(choir.reg, id, "overruns");
        uint64_t longest = handler_fact(choir.reg, id, "longest_us");

        check(id == 50 ? overruns >= 9 : overruns == 0);
        check_u64(longest, id == 50 ? 20000 : 2);
    }
    choir.singers[49].ns = 2000;
    for (int i = 0; i < 100; i++)
        (void)choir_pass(&choir);
    check(choir_pass(&choir) <= 16);
    lares_recovery_free(choir.reg);
}

/* Slow ones, evicted or removed in their own calls. */
static void test_recovery__many_may_leave_at_once(void **state)
{
    struct choir choir;

    (void)state;
    choir_open(&choir);
    for (int i = 0; i < 20; i++)
        (void)choir_pass(&choir);
    for (int i = 0; i < 100; i++)
        choir.singers[i].last = 1;
    (void)choir_pass(&choir);
    check_u64(handlers(choir.reg), 33);
    (void)choir_pass(&choir);
    for (uint64_t id = 2; id <= 98; id += 3)
        check_u64(handler_fact(choir.reg, id, "longest_us"), 5002);
    lares_recovery_free(choir.reg);
}

/* What a pass of 100 handlers allocates is its table, and nothing without. */
static void test_recovery__a_pass_allocates_its_result(void **state)
{
    lares_recovery *reg = registry_open();
    struct worker worker = {.count = 0};
    lares_rows *rows = NULL;
    uint64_t calls, locks;

    (void)state;
    for (int i = 0; i < 100; i++)
        handler_add(reg, NULL, &worker);
    calls = lares__alloc_count();
    locks = locks_taken();
    check_ok(lares_recovery_run(reg, NULL));
    check_u64(lares__alloc_count(), calls);
    check(locks_taken() - locks <= 2);
    check_ok(lares_recovery_run(reg, &rows));
    check_u64(lares__alloc_count(), calls + 2);
    lares_rows_free(rows);
    check_i64(worker.calls, 200);
    lares_recovery_free(reg);
}

static lares_status play(void)
{
    struct worker worker = {.count = 3};
    struct worker bad = {.verdict = FAILS};
    lares_recovery *reg = NULL;
    lares_rows *rows = NULL;
    lares_status rc = lares_recovery_new(&reg);

    if (rc < 0)
        return rc;
    rc = try_name(reg, NULL, &worker);
    check_i64(worker.releases, rc < 0);
    if (rc == LARES_OK)
        rc = try_name(reg, NULL, &bad);
    if (rc == LARES_OK)
        rc = lares_recovery_run(reg, &rows);
    lares_rows_free(rows);
    rows = NULL;
    if (rc == LARES_OK)
        rc = lares_recovery_report(reg, &rows);
    lares_rows_free(rows);
    lares_recovery_free(reg);
    check_i64(worker.releases, 1);
    return rc;
}

static void test_recovery__lives_with_little_memory(void **state)
{
    (void)state;
    heap_torture(play);
}

static void test_recovery__evicts_without_memory(void **state)
{
    lares_recovery *reg = registry_open();
    struct worker bad = {.verdict = FAILS, .text = "lost"};

    (void)state;
    handler_add(reg, NULL, &bad);
    lares__alloc_fail(1, 1);
    check_ok(lares_recovery_run(reg, NULL));
    lares__alloc_fail(-1, 0);
    check_u64(handlers(reg), 0);
    check_i64(bad.releases, 1);
    check_str(handler_text(reg, 1, "text"), "handler failed");
    lares_recovery_free(reg);
}

/* -- threads -------------------------------------------------------------- */

enum {
    CHURNERS = 3
};

struct crowd {
    lares_recovery *reg;
    struct worker worker;
    atomic_int done;
    atomic_int failed;
    atomic_int made;
};

static void *come_and_go(void *arg)
{
    struct crowd *crowd = arg;

    for (int i = rounds(3000, 100000); i > 0; i--) {
        uint64_t id = 0;
        lares_status rc = lares_recovery_register(
            crowd->reg, "brief", work, &crowd->worker, work_release, &id, NULL);

        if (rc == LARES_OK)
            rc = lares_recovery_remove(crowd->reg, id);
        atomic_fetch_add(&crowd->failed, rc != LARES_OK);
        atomic_fetch_add(&crowd->made, 1);
    }
    atomic_fetch_add(&crowd->done, 1);
    return NULL;
}

static void *run_and_report(void *arg)
{
    struct crowd *crowd = arg;

    while (atomic_load(&crowd->done) < CHURNERS) {
        lares_rows *rows = NULL;
        lares_status rc = lares_recovery_run(crowd->reg, &rows);

        lares_rows_free(rows);
        rows = NULL;
        if (rc == LARES_OK || rc == LARES_EBUSY)
            rc = lares_recovery_report(crowd->reg, &rows);
        lares_rows_free(rows);
        atomic_fetch_add(&crowd->failed, rc != LARES_OK);
    }
    return NULL;
}

/* Whatever they do to it at once, each user is released exactly once. */
static void test_recovery__is_shared_by_threads(void **state)
{
    struct crowd crowd = {.reg = registry_open()};
    pthread_t threads[CHURNERS + 2];
    struct worker steady = {.count = 1};

    (void)state;
    crowd.worker.count = 1;
    handler_add(crowd.reg, "steady", &steady);
    for (int i = 0; i < CHURNERS + 2; i++)
        check(pthread_create(&threads[i], NULL,
                             i < CHURNERS ? come_and_go : run_and_report,
                             &crowd) == 0);
    for (int i = 0; i < CHURNERS + 2; i++)
        check(pthread_join(threads[i], NULL) == 0);
    check_i64(crowd.failed, 0);
    check_i64(crowd.worker.releases, crowd.made);
    check_u64(handlers(crowd.reg), 1);
    check_str(pass_slots(crowd.reg), "0");
    lares_recovery_free(crowd.reg);
    check_i64(steady.releases, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        house_test(
            try_run_all_collects_recovered_slots_and_drops_panicking_handlers),
        house_test(try_run_all_allows_handler_to_register_new_handler),
        house_test(register_during_try_run_all_does_not_block_indefinitely),
        house_test(test_recovery__rows_stand_in_the_order_of_handlers),
        house_test(test_recovery__a_call_reports_256_slots),
        house_test(test_recovery__results_need_not_be_wanted),
        house_test(test_recovery__a_call_is_for_slots_alone),
        house_test(test_recovery__every_other_verdict_evicts),
        house_test(test_recovery__texts_are_cut_between_characters),
        house_test(test_recovery__the_last_64_evictions_are_kept),
        house_test(test_recovery__a_handler_may_remove_itself),
        house_test(test_recovery__one_that_left_and_fails_is_released),
        house_test(test_recovery__a_later_handler_is_removed_unrun),
        house_test(test_recovery__order_outlives_removals),
        house_test(test_recovery__coming_and_going_in_a_pass_leaves_nothing),
        house_test(test_recovery__a_pass_inside_its_own_is_busy),
        house_test(test_recovery__a_pass_beside_another_is_busy),
        house_test(test_recovery__a_running_handler_is_removed_by_another),
        house_test(test_recovery__a_handler_may_drop_the_last_ticket),
        house_test(test_recovery__the_end_releases_in_order),
        house_test(test_recovery__a_release_waits_for_nothing),
        house_test(test_recovery__names_are_labels),
        house_test(test_recovery__has_4096_handlers),
        house_test(test_recovery__counts_what_takes_long),
        house_test(test_recovery__many_swift_handlers_are_timed_by_turns),
        house_test(test_recovery__one_slow_handler_of_many_is_found),
        house_test(test_recovery__many_may_leave_at_once),
        house_test(test_recovery__a_pass_allocates_its_result),
        house_test(test_recovery__lives_with_little_memory),
        house_test(test_recovery__evicts_without_memory),
        house_test(test_recovery__is_shared_by_threads),
    };

    return check_run(tests);
}
