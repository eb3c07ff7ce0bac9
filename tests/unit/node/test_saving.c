#include "support/tally.h"

#include "daemon/snapshot.h"

/* Snapshots while a daemon works, on threads of their own. */

/* -- fixture -------------------------------------------------------------- */

static lares_node *real;
static lares_daemon *daemon;
static atomic_int over;

static int saving_setup(void **state)
{
    int rc = house_setup(state);

    memset(&tally, 0, sizeof tally);
    tally.verdict = LARES_FAILED;
    atomic_store(&over, 0);
    real = node_open("2");
    tally_register(real, "0");
    return rc;
}

static int saving_teardown(void **state)
{
    lares_daemon_free(daemon);
    node_close(real);
    check_i64(tally.created, tally.destroyed);
    return house_teardown(state);
}

#define saving_test(test)                                                      \
    cmocka_unit_test_setup_teardown(test, saving_setup, saving_teardown)

/* -- workers, who record and never assert --------------------------------- */

struct worker {
    pthread_t thread;
    int rounds;
    atomic_int done;
    atomic_int bad; /* answers that nobody should get */
};

static void *deliver_many(void *arg)
{
    struct worker *worker = arg;

    for (int i = 0; i < worker->rounds; i++) {
        lares_status rc = ask(daemon, i % 16 == 7 ? "boom" : "x", 5000, NULL);

        worker->bad += i % 16 == 7 ? rc != LARES_ECALLBACK : rc != LARES_OK;
    }
    return NULL;
}

static void *send_many(void *arg)
{
    struct worker *worker = arg;

    for (int i = 0; i < worker->rounds; i++)
        worker->bad += say(daemon, "x", 5000) != LARES_OK;
    return NULL;
}

/* The state of an image is the count of its chain: one output an input. */
static int is_consistent(const lares_bytes *bytes)
{
    static const char *const known[] = {"batch", "restart.initial",
                                        "restart.max", NULL};
    struct lares__image_rules rules = {.max = LARES__IMAGE_MAX, .known = known};
    struct lares__image image;
    uint64_t n;

    if (lares__image_read(bytes->data, bytes->len, &rules, &image) < 0 ||
        image.state_len != sizeof n)
        return 0;
    memcpy(&n, image.state, sizeof n);
    return n == image.head.link.sequence;
}

static void *save_many(void *arg)
{
    struct worker *worker = arg;

    while (!atomic_load(&over)) {
        lares_bytes *bytes = NULL;

        if (lares_daemon_snapshot(daemon, 5000, &bytes) < 0) {
            worker->bad++;
            continue;
        }
        worker->bad += !is_consistent(bytes);
        lares_bytes_free(bytes);
        worker->done++;
    }
    return NULL;
}

/* -- cases ---------------------------------------------------------------- */

static void test_saving__is_consistent_under_load(void **state)
{
    struct worker workers[4] = {0};
    void *(*const jobs[4])(void *) = {deliver_many, send_many, save_many,
                                      save_many};

    (void)state;
    daemon = spawn(real, "counter", options("batch", "5"));
    for (int i = 0; i < 4; i++) {
        workers[i].rounds = rounds(4000, 100000);
        check_i64(
            pthread_create(&workers[i].thread, NULL, jobs[i], &workers[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        check_i64(pthread_join(workers[i].thread, NULL), 0);
        if (i == 1)
            atomic_store(&over, 1);
    }
    for (int i = 0; i < 4; i++)
        check_i64(workers[i].bad, 0);
    check(workers[2].done + workers[3].done > 0);
    check_u64(daemon_fact(real, "counter", "diverged"), 0);
    check(daemon_fact(real, "counter", "rebuilds") > 0);
}

static void *send_booms(void *arg)
{
    struct worker *worker = arg;

    for (int i = 0; i < worker->rounds; i++)
        worker->bad += say(daemon, i % 4 == 3 ? "boom" : "x", 8000) != LARES_OK;
    return NULL;
}

/* Behind a gate that opens at any moment it is refused, or waits. */
static void *save_when_up(void *arg)
{
    struct worker *worker = arg;

    while (!atomic_load(&over)) {
        lares_bytes *bytes = NULL;
        lares_status rc = lares_daemon_snapshot(daemon, 5000, &bytes);

        worker->bad += rc != LARES_EDOWN && rc != LARES_OK;
        worker->bad += rc == LARES_OK && !is_consistent(bytes);
        worker->done += rc == LARES_OK;
        lares_bytes_free(bytes);
    }
    return NULL;
}

/* A state that a failed turn has spoilt is never saved. */
static void test_saving__never_takes_a_doubted_state(void **state)
{
    struct worker sender = {0}, savers[3] = {0};

    (void)state;
    daemon = spawn(real, "counter",
                   options("restart.initial", "1", "restart.max", "2"));
    sender.rounds = rounds(400, 4000);
    check_i64(pthread_create(&sender.thread, NULL, send_booms, &sender), 0);
    for (int i = 0; i < 3; i++)
        check_i64(
            pthread_create(&savers[i].thread, NULL, save_when_up, &savers[i]),
            0);
    check_i64(pthread_join(sender.thread, NULL), 0);
    eventually(daemon_fact(real, "counter", "queued") == 0);
    atomic_store(&over, 1);
    for (int i = 0; i < 3; i++) {
        check_i64(pthread_join(savers[i].thread, NULL), 0);
        check_i64(savers[i].bad, 0);
    }
    check_i64(sender.bad, 0);
    check(savers[0].done + savers[1].done + savers[2].done > 0);
}

static void test_saving__lets_turns_go_on_while_it_is_hashed(void **state)
{
    struct worker saver = {0};
    int turns = 0;

    (void)state; /* id: S03 */
    tally.padding = 48 << 20;
    daemon = spawn(real, "counter", NULL);
    check_i64(pthread_create(&saver.thread, NULL, save_many, &saver), 0);
    eventually(tally.saved > 0);
    atomic_store(&over, 1);
    while (saver.done + saver.bad == 0) {
        check_ok(ask(daemon, "x", 5000, NULL));
        turns++;
    }
    check_i64(pthread_join(saver.thread, NULL), 0);
    check(turns > 1); /* the last may have come when it was done */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        saving_test(test_saving__is_consistent_under_load),
        saving_test(test_saving__never_takes_a_doubted_state),
        saving_test(test_saving__lets_turns_go_on_while_it_is_hashed),
    };

    return check_run(tests);
}
