#include "support/heap.h"

#include "base/options.h"
#include "base/thread.h"
#include "daemon/kinds.h"

#include <stdatomic.h>
#include <stdio.h>

/* -- fixture: a table, and who was released -- */

enum {
    THREADS = 32
};

static struct lares__kinds kinds;
static atomic_uint released; /* how often, in all */
static atomic_int lock_held; /* while something was released */
static const struct lares__load no_load = {0, NULL};

static int kinds_setup(void **state)
{
    atomic_store(&released, 0);
    atomic_store(&lock_held, 0);
    lares__kinds_init(&kinds);
    return heap_setup(state);
}

static int kinds_teardown(void **state)
{
    lares__kinds_fini(&kinds);
    return heap_teardown(state) || atomic_load(&lock_held);
}

#define kinds_test(test)                                                       \
    cmocka_unit_test_setup_teardown(test, kinds_setup, kinds_teardown)

/* -- tools -- */

static lares_verdict process(lares_call *call, void *instance)
{
    (void)call;
    (void)instance;
    return LARES_DONE;
}

static lares_verdict create(lares_call *call, lares_daemon *daemon,
                            void **instance_out, void *user)
{
    (void)call;
    (void)daemon;
    *instance_out = user;
    return LARES_DONE;
}

static lares_verdict restore(lares_call *call, uint32_t version,
                             const void *data, size_t len, void *instance)
{
    (void)call;
    (void)version;
    (void)data;
    (void)len;
    (void)instance;
    return LARES_DONE;
}

static void destroy(void *instance)
{
    (void)instance;
}

/* foreign code: it may call anything, so no lock is held */
static void release(void *user)
{
#ifndef NDEBUG
    if (lares__lock_depth() > 0)
        atomic_store(&lock_held, 1);
#endif
    if (user != NULL)
        atomic_fetch_add((atomic_uint *)user, 1);
    atomic_fetch_add(&released, 1);
}

static lares_daemon_ops plain_ops(void)
{
    return (lares_daemon_ops){.size = sizeof(lares_daemon_ops),
                              .process = process};
}

static lares_status add_ops(const char *name, const lares_daemon_ops *ops)
{
    return lares__kinds_add(&kinds, name, NULL, ops, NULL, release, &no_load);
}

static lares_status add(const char *name)
{
    lares_daemon_ops ops = plain_ops();

    return add_ops(name, &ops);
}

static lares_status add_option(const char *key, const char *value)
{
    lares_daemon_ops ops = plain_ops();
    lares_options *options;
    lares_status rc;

    check_ok(lares__options_new(&options));
    check_ok(lares__options_set(options, key, value));
    rc = lares__kinds_add(&kinds, "worker", options, &ops, NULL, release,
                          &no_load);
    lares__options_free(options);
    return rc;
}

static void check_absent(const char *name)
{
    struct lares__kind *kind = NULL;

    check_status(lares__kinds_acquire(&kinds, name, &kind), LARES_EKIND);
    check(kind == NULL);
}

/* A refusal has its code, took `user`, and left no kind. */
static void check_refused(lares_status rc, lares_status code)
{
    check_status(rc, code);
    check_u64(atomic_exchange(&released, 0), 1);
    check_absent("worker");
    check_u64(kinds.count, 0);
}

/* a kind for as long as the table has it: nothing is acquired */
static struct lares__kind *look(const char *name)
{
    struct lares__kind *kind;

    check_ok(lares__kinds_acquire(&kinds, name, &kind));
    lares__kinds_give_back(&kinds, kind);
    return kind;
}

/* -- cases: ops -- */

/* id: V02 (EINVAL) */
static void test_kinds__malformed_ops_are_refused(void **state)
{
    lares_daemon_ops ops;

    (void)state;
    ops = plain_ops();
    ops.process = NULL;
    check_refused(add_ops("worker", &ops), LARES_EINVAL);
    ops = plain_ops();
    ops.restore = restore;
    check_refused(add_ops("worker", &ops), LARES_EINVAL);
    ops = plain_ops();
    ops.snapshot = process;
    check_refused(add_ops("worker", &ops), LARES_EINVAL);
    ops = plain_ops();
    ops.destroy = destroy;
    check_refused(add_ops("worker", &ops), LARES_EINVAL);
    ops = plain_ops();
    ops.flags = 1;
    check_refused(add_ops("worker", &ops), LARES_EINVAL);
    for (ops = plain_ops(), ops.size = 0; ops.size < 48; ops.size++)
        check_refused(add_ops("worker", &ops), LARES_EINVAL);
}

/* ops of an author whose header knew more */
struct longer {
    lares_daemon_ops ops;
    unsigned char tail[40];
};

static struct longer longer_ops(void)
{
    struct longer longer;

    memset(&longer, 0, sizeof longer);
    longer.ops = plain_ops();
    longer.ops.size = sizeof longer;
    return longer;
}

/* id: V02 (EVERSION) */
static void test_kinds__slots_that_nobody_knows_are_refused(void **state)
{
    struct longer longer;

    (void)state;
    for (size_t i = 0; i < sizeof longer.tail; i++) {
        longer = longer_ops();
        longer.tail[i] = 1;
        check_refused(add_ops("worker", &longer.ops), LARES_EVERSION);
    }
}

/* id: V02 (a longer one with a zero tail) */
static void test_kinds__longer_ops_with_a_zero_tail_are_fine(void **state)
{
    struct longer longer = longer_ops();

    (void)state;
    check_ok(add_ops("worker", &longer.ops));
    check(look("worker")->ops.process == process);
}

/* Only `size` bytes of it are the author's. */
static void test_kinds__nothing_is_read_behind_the_ops(void **state)
{
    struct longer longer = longer_ops();

    (void)state;
    longer.ops.size = sizeof longer.ops;
    memset(longer.tail, 0xff, sizeof longer.tail);
    check_ok(add_ops("worker", &longer.ops));
}

static void test_kinds__every_slot_may_be_filled(void **state)
{
    lares_daemon_ops ops = {.size = sizeof ops,
                            .create = create,
                            .destroy = destroy,
                            .process = process,
                            .snapshot = process,
                            .restore = restore};

    (void)state;
    check_ok(add_ops("worker", &ops));
    check_mem(&look("worker")->ops, &ops, sizeof ops);
    memset(&ops, 0xff, sizeof ops); /* it was copied */
    check(look("worker")->ops.destroy == destroy);
}

static void test_kinds__without_ops_it_is_a_pull_kind(void **state)
{
    (void)state;
    check_ok(add_ops("puller", NULL));
    check_i64(look("puller")->pull, 1);
    check_ok(add("worker"));
    check_i64(look("worker")->pull, 0);
}

/* -- cases: names and options -- */

/* id: V02 (ENAME) */
static void test_kinds__malformed_names_are_refused(void **state)
{
    static const char *const bad[] = {"",    "Worker", "1st", "-x",
                                      "a.b", "a b",    "$x",  "\xc3\xa4"};
    char longest[66];

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        check_refused(add(bad[i]), LARES_ENAME);
    memset(longest, 'a', 65);
    longest[65] = '\0';
    check_refused(add(longest), LARES_ENAME);
    longest[64] = '\0';
    check_ok(add(longest));
    check_str(look(longest)->name, longest);
}

static void test_kinds__options_out_of_range_are_refused(void **state)
{
    (void)state;
    check_refused(add_option("colour", "red"), LARES_EOPTION);
    check_refused(add_option("version", "4294967296"), LARES_ERANGE);
    check_refused(add_option("version", "new"), LARES_ERANGE);
    check_refused(add_option("lease", "0"), LARES_ERANGE);
    check_refused(add_option("lease", "86400001"), LARES_ERANGE);
    check_refused(add_option("lane", "No lane"), LARES_ENAME);
    check_refused(add_option("lane", ""), LARES_ENAME);
}

static void test_kinds__options_are_read(void **state)
{
    (void)state;
    check_ok(add_option("version", "4294967295"));
    check_u64(look("worker")->version, UINT32_MAX);
    check_u64(look("worker")->lease_ms, 30000);
    check_str(look("worker")->lane, "");
    check_ok(lares__kinds_remove(&kinds, "worker"));
    check_ok(add_option("lane", "python"));
    check_str(look("worker")->lane, "python");
    check_u64(look("worker")->version, 0);
    check_ok(lares__kinds_remove(&kinds, "worker"));
    check_ok(add_option("lease", "1"));
    check_u64(look("worker")->lease_ms, 1);
}

/* id: V02 (EEXIST) */
static void test_kinds__known_name_is_refused(void **state)
{
    static atomic_uint users[2];
    lares_daemon_ops ops = plain_ops();

    (void)state;
    for (int i = 0; i < 2; i++)
        check_status(lares__kinds_add(&kinds, "worker", NULL, &ops, &users[i],
                                      release, &no_load),
                     i == 0 ? LARES_OK : LARES_EEXIST);
    check_detail("'worker'");
    check_u64(users[0], 0);
    check_u64(users[1], 1);
    check_ok(lares__kinds_remove(&kinds, "worker"));
    check_u64(users[0], 1);
}

static void test_kinds__table_is_bounded(void **state)
{
    char name[24];

    (void)state;
    for (int i = 0; i < LARES__KINDS_MAX; i++) {
        snprintf(name, sizeof name, "kind-%d", i);
        check_ok(add(name));
    }
    check_status(add("one-more"), LARES_ELIMIT);
    check_u64(released, 1);
    check_ok(lares__kinds_remove(&kinds, "kind-7"));
    check_ok(add("one-more"));
}

/* -- cases: life -- */

static void test_kinds__release_may_be_absent(void **state)
{
    lares_daemon_ops ops = plain_ops();

    (void)state;
    check_ok(
        lares__kinds_add(&kinds, "worker", NULL, &ops, &ops, NULL, &no_load));
    check_status(
        lares__kinds_add(&kinds, "worker", NULL, &ops, &ops, NULL, &no_load),
        LARES_EEXIST);
    check_ok(lares__kinds_remove(&kinds, "worker"));
}

static void test_kinds__unknown_one_cannot_be_removed(void **state)
{
    (void)state;
    check_status(lares__kinds_remove(&kinds, "worker"), LARES_ENOTFOUND);
    check_detail("worker");
    check_ok(add("worker"));
    check_ok(lares__kinds_remove(&kinds, "worker"));
    check_status(lares__kinds_remove(&kinds, "worker"), LARES_ENOTFOUND);
    check_u64(released, 1);
}

/* id: N01 (unregister while one lives) */
static void test_kinds__stays_while_an_instance_lives(void **state)
{
    struct lares__kind *first, *second;

    (void)state;
    check_ok(add("worker"));
    check_ok(lares__kinds_acquire(&kinds, "worker", &first));
    check_ok(lares__kinds_acquire(&kinds, "worker", &second));
    check(first == second);
    check_status(lares__kinds_remove(&kinds, "worker"), LARES_EBUSY);
    check_detail("2 daemons");
    lares__kinds_give_back(&kinds, first);
    check_status(lares__kinds_remove(&kinds, "worker"), LARES_EBUSY);
    lares__kinds_give_back(&kinds, second);
    check_u64(released, 0);
    check_ok(lares__kinds_remove(&kinds, "worker"));
    check_u64(released, 1);
    check_absent("worker");
}

/* The detail is cut where it has no more room. */
static void test_kinds__tells_which_there_are_of_one_that_is_not(void **state)
{
    char name[] = "kind-nnnnnnnnnnnnnnnnnnnnnnnn-aa";

    (void)state;
    check_absent("nope");
    check_detail("no kind 'nope', nor any other");
    check_ok(add("counter"));
    check_ok(add("echo"));
    check_absent("nope");
    check_detail("no kind 'nope', only counter, echo");
    for (int i = 0; i < 26; i++) {
        name[sizeof name - 2] = (char)('a' + i);
        check_ok(add(name));
    }
    check_absent("nope");
    check_u64(strlen(lares_error_detail()), 511);
}

static void test_kinds__end_of_the_table_releases_all(void **state)
{
    (void)state;
    check_ok(add("a"));
    check_ok(add("b"));
    check_ok(add_ops("c", NULL));
    lares__kinds_clear(&kinds);
    check_u64(released, 3);
    check_absent("a");
    lares__kinds_clear(&kinds);
    check_u64(released, 3);
    check_ok(add("a"));
}

static void note_name(void *context, const struct lares__kind *kind)
{
    strcat(context, kind->name);
    strcat(context, kind->instances > 0 ? "+ " : " ");
}

static void test_kinds__are_listed_as_they_came(void **state)
{
    struct lares__kind *kind;
    char names[64] = "";

    (void)state;
    lares__kinds_each(&kinds, note_name, names);
    check_str(names, "");
    check_ok(add("c"));
    check_ok(add("a"));
    check_ok(add("b"));
    check_ok(lares__kinds_acquire(&kinds, "a", &kind));
    lares__kinds_each(&kinds, note_name, names);
    check_str(names, "c a+ b ");
    lares__kinds_give_back(&kinds, kind);
}

/* -- cases: plug-ins -- */

static lares_status add_of_load(const char *name, uint32_t number)
{
    struct lares__load load = {number, "/plug/in.so"};
    lares_daemon_ops ops = plain_ops();

    return lares__kinds_add(&kinds, name, NULL, &ops, NULL, release, &load);
}

static void test_kinds__remember_their_plugin(void **state)
{
    (void)state;
    check_ok(add_of_load("loaded", 4));
    check_ok(add("worker"));
    check_str(look("loaded")->plugin, "/plug/in.so");
    check_u64(look("loaded")->load, 4);
    check(look("worker")->plugin == NULL);
}

static void test_kinds__of_a_failed_load_go_together(void **state)
{
    struct lares__kind *busy;

    (void)state;
    check_ok(add_of_load("a", 1));
    check_ok(add_of_load("b", 2));
    check_ok(add_of_load("c", 2));
    check_ok(add_of_load("d", 2));
    check_ok(add("e"));
    check_ok(lares__kinds_acquire(&kinds, "c", &busy));
    lares__kinds_remove_load(&kinds, 2);
    check_u64(released, 2);
    check_absent("b");
    check_absent("d");
    check_u64(kinds.count, 3);
    lares__kinds_give_back(&kinds, busy);
    lares__kinds_remove_load(&kinds, 2);
    check_u64(released, 3);
    check_str(look("a")->name, "a");
    check_str(look("e")->name, "e");
}

/* -- cases: memory and threads -- */

static lares_status add_and_clear(void)
{
    lares_status rc;

    atomic_store(&released, 0);
    rc = add_of_load("worker", 1);
    check_u64(released, rc < 0);
    lares__kinds_clear(&kinds);
    check_u64(released, 1);
    return rc;
}

static void test_kinds__every_allocation_may_fail(void **state)
{
    (void)state;
    heap_torture(add_and_clear);
}

static atomic_uint outcomes[2]; /* OK, EEXIST */
static atomic_uint users[THREADS];

static void worker_add(void *arg)
{
    lares_daemon_ops ops = plain_ops();
    lares_status rc =
        lares__kinds_add(&kinds, "worker", NULL, &ops, arg, release, &no_load);

    if (rc == LARES_OK)
        atomic_fetch_add(&outcomes[0], 1);
    else if (rc == LARES_EEXIST)
        atomic_fetch_add(&outcomes[1], 1);
}

/* id: N01 (32 threads, one name) */
static void test_kinds__one_of_many_threads_wins(void **state)
{
    struct lares__thread threads[THREADS];

    (void)state;
    for (int i = 0; i < THREADS; i++)
        check_ok(lares__thread_start(&threads[i], worker_add, &users[i]));
    for (int i = 0; i < THREADS; i++)
        lares__thread_join(&threads[i]);
    check_u64(outcomes[0], 1);
    check_u64(outcomes[1], THREADS - 1);
    check_u64(released, THREADS - 1);
    lares__kinds_clear(&kinds);
    for (int i = 0; i < THREADS; i++)
        check_u64(users[i], 1);
}

static atomic_int used_after_removal;

/* spawns and ends daemons of a kind that others unregister */
static void worker_live(void *arg)
{
    struct lares__kind *kind;

    (void)arg;
    for (int i = 0; i < 500; i++) {
        if (lares__kinds_acquire(&kinds, "worker", &kind) < 0)
            continue;
        if (strcmp(kind->name, "worker") != 0)
            atomic_store(&used_after_removal, 1);
        lares__kinds_give_back(&kinds, kind);
    }
}

static void test_kinds__never_go_under_an_instance(void **state)
{
    struct lares__thread threads[3];
    uint32_t added = 0;

    (void)state;
    for (int i = 0; i < 3; i++)
        check_ok(lares__thread_start(&threads[i], worker_live, NULL));
    for (int i = 0; i < 500; i++) {
        lares_status rc;

        added += add("worker") == LARES_OK;
        rc = lares__kinds_remove(&kinds, "worker");
        check(rc == LARES_OK || rc == LARES_EBUSY);
    }
    for (int i = 0; i < 3; i++)
        lares__thread_join(&threads[i]);
    check(!used_after_removal);
    lares__kinds_clear(&kinds);
    check_u64(released, 500);
    check(added > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        kinds_test(test_kinds__malformed_ops_are_refused),
        kinds_test(test_kinds__slots_that_nobody_knows_are_refused),
        kinds_test(test_kinds__longer_ops_with_a_zero_tail_are_fine),
        kinds_test(test_kinds__nothing_is_read_behind_the_ops),
        kinds_test(test_kinds__every_slot_may_be_filled),
        kinds_test(test_kinds__without_ops_it_is_a_pull_kind),
        kinds_test(test_kinds__malformed_names_are_refused),
        kinds_test(test_kinds__options_out_of_range_are_refused),
        kinds_test(test_kinds__options_are_read),
        kinds_test(test_kinds__known_name_is_refused),
        kinds_test(test_kinds__table_is_bounded),
        kinds_test(test_kinds__release_may_be_absent),
        kinds_test(test_kinds__unknown_one_cannot_be_removed),
        kinds_test(test_kinds__stays_while_an_instance_lives),
        kinds_test(test_kinds__tells_which_there_are_of_one_that_is_not),
        kinds_test(test_kinds__end_of_the_table_releases_all),
        kinds_test(test_kinds__are_listed_as_they_came),
        kinds_test(test_kinds__remember_their_plugin),
        kinds_test(test_kinds__of_a_failed_load_go_together),
        kinds_test(test_kinds__every_allocation_may_fail),
        kinds_test(test_kinds__one_of_many_threads_wins),
        kinds_test(test_kinds__never_go_under_an_instance),
    };

    return check_run(tests);
}
