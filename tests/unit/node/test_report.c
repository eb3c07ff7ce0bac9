#include "support/house.h"

/* The tables: what stands in them, and that none waits for a daemon. */

/* -- tools ---------------------------------------------------------------- */

struct column {
    const char *name;
    uint32_t type;
};

#define U64(name)                                                              \
    {                                                                          \
        name, LARES_ROWS_U64                                                   \
    }
#define TEXT(name)                                                             \
    {                                                                          \
        name, LARES_ROWS_TEXT                                                  \
    }
#define ID(name)                                                               \
    {                                                                          \
        name, LARES_ROWS_ID                                                    \
    }

static void check_columns(lares_node *node, const char *table,
                          const struct column *columns, size_t count)
{
    lares_rows *rows = report(node, table);
    const char *name;
    uint32_t type;

    for (size_t i = 0; i < count; i++) {
        check_ok(lares_rows_column(rows, i, &name, &type));
        check_str(name, columns[i].name);
        check_u64(type, columns[i].type);
    }
    check_status(lares_rows_column(rows, count, &name, &type), LARES_EDONE);
    lares_rows_free(rows);
}

#define check_table(node, table, ...)                                          \
    do {                                                                       \
        static const struct column columns_[] = {__VA_ARGS__};                 \
        check_columns(node, table, columns_,                                   \
                      sizeof columns_ / sizeof *columns_);                     \
    } while (0)

static int is_hex(const char *text)
{
    return strlen(text) == 16 && strspn(text, "0123456789abcdef") == 16;
}

static const char *const tables[] = {"node",    "daemons",       "kinds",
                                     "lanes",   "subscriptions", "letters",
                                     "records", "counters"};

/* -- cases ---------------------------------------------------------------- */

static void test_report__columns_of_every_table(void **state)
{
    lares_node *node = node_open("1");

    (void)state; /* NO01, for the tables there are */
    check_table(node, "node", TEXT("name"), ID("id"), TEXT("state"),
                TEXT("version"), U64("uptime_ms"), U64("lanes"), U64("daemons"),
                U64("leftover"), U64("abandoned"));
    check_table(node, "daemons", ID("origin"), TEXT("name"), TEXT("kind"),
                TEXT("state"), U64("lane"), U64("epoch"), U64("sequence"),
                U64("arrival"), U64("failures"), U64("gate_ms"), U64("queued"),
                U64("queued_bytes"), U64("parked"), TEXT("waits_for"),
                U64("inputs"), U64("outputs"), U64("crashes"), U64("rebuilds"),
                U64("duplicates"), U64("forks"), U64("diverged"), U64("lost"),
                TEXT("error"));
    check_table(node, "kinds", TEXT("name"), U64("version"), TEXT("lane"),
                U64("stateful"), U64("pull"), U64("instances"), TEXT("plugin"));
    check_table(node, "lanes", U64("lane"), TEXT("label"), U64("daemons"),
                U64("crossings"), TEXT("running"));
    check_table(node, "subscriptions", TEXT("receiver"), ID("origin"),
                TEXT("pattern"), TEXT("group"));
    check_table(node, "letters", U64("id"), U64("time"), TEXT("reason"),
                TEXT("channel"), ID("receiver"), TEXT("name"), ID("origin"),
                U64("sequence"), U64("size"), TEXT("text"));
    check_table(node, "records", U64("n"), U64("time"), TEXT("what"),
                ID("origin"), TEXT("name"), TEXT("kind"), TEXT("text"),
                U64("lost"));
    check_table(node, "counters", TEXT("name"), TEXT("labels"), U64("value"));
    node_close(node);
}

static void test_report__unknown_table(void **state)
{
    lares_node *node = node_open("0");
    lares_rows *rows = NULL;

    (void)state;
    check_status(lares_node_report(node, "nothing", &rows), LARES_ENOTFOUND);
    check_detail("'nothing'");
    check_status(lares_node_report(node, "", &rows), LARES_ENOTFOUND);
    check(rows == NULL);
    node_close(node);
}

static void test_report__node_tells_its_life(void **state)
{
    lares_node *node = NULL;

    (void)state;
    check_ok(lares_node_new("east", NULL, &node));
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        lares_rows_free(report(node, tables[i])); /* a new one has them all */
    check_u64(rows_count(node, "node"), 1);
    check_u64(rows_count(node, "lanes"), 0);
    check(is_hex(cell_text(node, "node", "name", "east", "id")));
    check_str(cell_text(node, "node", "name", "east", "version"), "0.2");
    check_ok(lares_node_start(node));
    nap_ms(5);
    check(node_fact(node, "uptime_ms") >= 4);
    check_u64(rows_count(node, "lanes"), node_fact(node, "lanes"));
    node_close(node);
}

/* A daemon that has been through something. */
static void test_report__daemon_tells_its_facts(void **state)
{
    static const char seed[32] = "the daemon whose facts are told";
    lares_options *set =
        options("name", "d", "subscribe", "in more.>", "publish", "out");
    lares_node *node = node_open("0");
    lares_daemon *daemon = NULL;
    lares_key *key = NULL;
    char hex[17];

    (void)state;
    kind_add(node, "touchy", touchy, NULL);
    check_ok(lares_key_new(seed, 32, &key));
    check_ok(lares_node_spawn(node, "touchy", key, set, &daemon));
    (void)snprintf(hex, sizeof hex, "%016" PRIx64, lares_key_origin(key));
    check_u64(lares_daemon_origin(daemon), lares_key_origin(key));
    check_ok(publish(node, "in", "a", 0));
    check_ok(publish(node, "in", "!", 0));
    run(node);
    check_ok(say(daemon, "b", 0));
    check_str(daemon_text(node, "d", "origin"), hex);
    check_str(daemon_text(node, "d", "kind"), "touchy");
    check_str(daemon_text(node, "d", "state"), "BACKOFF");
    check_u64(daemon_fact(node, "d", "sequence"), 1);
    check_u64(daemon_fact(node, "d", "arrival"), 1);
    check_u64(daemon_fact(node, "d", "failures"), 2);
    check(daemon_fact(node, "d", "gate_ms") <= 50);
    check_u64(daemon_fact(node, "d", "queued"), 2);
    check_u64(daemon_fact(node, "d", "queued_bytes"), 384);
    check_u64(daemon_fact(node, "d", "inputs"), 1);
    check_u64(daemon_fact(node, "d", "outputs"), 1);
    check_u64(daemon_fact(node, "d", "crashes"), 2);
    check_str(daemon_text(node, "d", "error"), "boom");
    check_u64(rows_count(node, "subscriptions"), 2);
    check_str(cell_text(node, "subscriptions", "pattern", "more.>", "origin"),
              hex);
    check_u64(cell(node, "kinds", "name", "touchy", "instances"), 1);
    check_str(cell_text(node, "kinds", "name", "touchy", "plugin"), "");
    lares_options_free(set);
    lares_daemon_free(daemon);
    lares_key_free(key);
    node_close(node);
}

static void test_report__counters_count(void **state)
{
    lares_node *node = node_open("0");
    lares_daemon *daemon;

    (void)state;
    kind_add(node, "touchy", touchy, NULL);
    daemon = spawn(node, "touchy",
                   options("subscribe", "in", "restart.initial", "0"));
    check_ok(publish(node, "in", "12345", 0));
    check_ok(publish(node, "in", "!", 0));
    check_ok(publish(node, "out", "x", 0));
    run(node);
    check_u64(counter(node, "node_state", ""), 2);
    check_u64(counter(node, "daemons", NULL), 1);
    check_u64(counter(node, "daemons", "state=\"RUNNING\""), 1);
    check_u64(counter(node, "inputs_total", "result=\"committed\""), 1);
    check_u64(counter(node, "inputs_total", "result=\"failed\""), 3);
    check_u64(counter(node, "outputs_total", ""), 1);
    check_u64(counter(node, "crashes_total", ""), 3);
    check_u64(counter(node, "event_bytes_total", ""), 7);
    check_u64(counter(node, "publish_total", "result=\"ok\""), 2);
    check_u64(counter(node, "publish_total", "result=\"none\""), 1);
    check_u64(counter(node, "dead_letters_total", NULL), 1);
    check_u64(counter(node, "mailbox_events", ""), 0);
    check_ok(lares_daemon_stop(daemon, 0));
    check_u64(counter(node, "daemons", NULL), 0);
    check_u64(counter(node, "inputs_total", "result=\"failed\""), 3);
    lares_daemon_free(daemon);
    node_close(node);
}

/* -- a kind that can snapshot --------------------------------------------- */

struct tally {
    int count;
    int refuse; /* snapshots */
};

static lares_verdict tally_process(lares_call *call, void *instance)
{
    struct tally *tally = instance;
    const lares_event *event;

    while ((event = lares_call_next(call)) != NULL) {
        if (event->len > 0 && *(const char *)event->data == '!')
            return LARES_FAILED;
        tally->count++;
    }
    return LARES_DONE;
}

static lares_verdict tally_snapshot(lares_call *call, void *instance)
{
    struct tally *tally = instance;

    if (tally->refuse)
        return LARES_FAILED;
    lares_call_state(call, &tally->count, sizeof tally->count);
    return LARES_DONE;
}

static lares_verdict tally_restore(lares_call *call, uint32_t version,
                                   const void *data, size_t len, void *instance)
{
    (void)call;
    (void)version;
    memcpy(&((struct tally *)instance)->count, data, len);
    return LARES_DONE;
}

static void test_report__counts_what_is_rebuilt_and_saved(void **state)
{
    static const lares_daemon_ops ops = {.size = sizeof ops,
                                         .process = tally_process,
                                         .snapshot = tally_snapshot,
                                         .restore = tally_restore};
    struct tally tally = {0};
    lares_node *node = node_open("0");
    lares_bytes *image = NULL;
    lares_daemon *daemon;

    (void)state;
    check_ok(lares_node_register(node, "tally", NULL, &ops, &tally, NULL));
    kind_add(node, "echo", echo, NULL);
    check_u64(cell(node, "kinds", "name", "tally", "stateful"), 1);
    check_u64(cell(node, "kinds", "name", "echo", "stateful"), 0);
    daemon = spawn(node, "tally", NULL);
    check_u64(daemon_fact(node, "tally", "epoch"), 1);
    check_status(ask(daemon, "!", 1000, NULL), LARES_ECALLBACK);
    check_ok(lares_daemon_snapshot(daemon, 1000, &image));
    lares_bytes_free(image);
    tally.refuse = 1;
    check_status(lares_daemon_snapshot(daemon, 1000, &image), LARES_ESNAPSHOT);
    check_u64(daemon_fact(node, "tally", "rebuilds"), 1);
    check_u64(daemon_fact(node, "tally", "diverged"), 0);
    check_str(daemon_text(node, "tally", "state"), "RUNNING");
    check_ok(lares_daemon_stop(daemon, 0)); /* and what it counted stays */
    check_u64(counter(node, "restarts_total", ""), 1);
    check(counter(node, "snapshots_total", "result=\"ok\"") >= 1);
    check_u64(counter(node, "snapshots_total", "result=\"failed\""), 1);
    lares_daemon_free(daemon);
    node_close(node);
}

static void test_report__letters_are_bounded(void **state)
{
    lares_options *set = options("lanes", "0", "letters.count", "10");
    lares_node *node = NULL;
    lares_daemon *daemon;

    (void)state;
    check_ok(lares_node_new("east", set, &node));
    check_ok(lares_node_start(node));
    lares_options_free(set);
    kind_add(node, "touchy", touchy, NULL);
    daemon = spawn(node, "touchy",
                   options("restart.initial", "0", "restart.attempts", "1"));
    for (int i = 0; i < 25; i++)
        check_ok(say(daemon, "!", 0));
    run(node);
    check_u64(rows_count(node, "letters"), 10);
    check_u64(counter(node, "dead_letters_total", "reason=\"FAILED\""), 25);
    check_u64(cell(node, "letters", "name", "touchy", "id"), 16);
    lares_daemon_free(daemon);
    node_close(node);
}

/* -- never waiting -------------------------------------------------------- */

static void test_report__while_all_daemons_stand(void **state)
{
    struct door door = {0};
    lares_node *node = node_open("2");
    lares_daemon *daemons[2];

    (void)state; /* NO01, for the tables there are */
    kind_add(node, "stand", stand, &door);
    for (int i = 0; i < 2; i++) {
        daemons[i] = spawn(node, "stand", NULL);
        check_ok(say(daemons[i], "x", 0));
    }
    eventually(atomic_load(&door.inside) == 2);
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        uint64_t began = clock_ms();

        lares_rows_free(report(node, tables[i]));
        check(clock_ms() - began < 100);
    }
    atomic_store(&door.open, 1);
    for (int i = 0; i < 2; i++) {
        check_ok(lares_daemon_stop(daemons[i], -1));
        lares_daemon_free(daemons[i]);
    }
    node_close(node);
}

struct reporter {
    lares_node *node;
    atomic_int stop;
    lares_status rc;
    unsigned long rows;
};

static void *report_all(void *arg)
{
    struct reporter *reporter = arg;

    while (!atomic_load(&reporter->stop) && reporter->rc == LARES_OK)
        for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
            lares_rows *rows = NULL;

            reporter->rc = lares_node_report(reporter->node, tables[i], &rows);
            if (reporter->rc < 0)
                break;
            while (lares_rows_next(rows) == LARES_OK)
                reporter->rows++;
            lares_rows_free(rows);
        }
    return NULL;
}

/* Through a whole life, with daemons that come, fail and go. */
static void test_report__beside_everything(void **state)
{
    struct reporter reporter = {0};
    lares_inbox *inbox;
    pthread_t thread;

    (void)state;
    check_ok(lares_node_new("east", NULL, &reporter.node));
    check(pthread_create(&thread, NULL, report_all, &reporter) == 0);
    check_ok(lares_node_start(reporter.node));
    kind_add(reporter.node, "touchy", touchy, NULL);
    inbox = subscribe(reporter.node, "out", options("mailbox.count", "2"));
    for (int i = 0; i < rounds(200, 5000); i++) {
        lares_daemon *daemon =
            spawn(reporter.node, "touchy",
                  options("publish", "out", "subscribe", "in"));

        check_ok(publish(reporter.node, "in", i % 3 == 0 ? "!" : "x", 0));
        check_ok(lares_daemon_stop(daemon, 0));
        (void)inbox_count(inbox);
        lares_daemon_free(daemon);
    }
    check_ok(lares_node_stop(reporter.node, 0));
    check_ok(lares_node_wait(reporter.node, 5000));
    atomic_store(&reporter.stop, 1);
    check(pthread_join(thread, NULL) == 0);
    check_status(reporter.rc, LARES_OK);
    check(reporter.rows > 0);
    lares_inbox_free(inbox);
    lares_node_free(reporter.node);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        house_test(test_report__columns_of_every_table),
        house_test(test_report__unknown_table),
        house_test(test_report__node_tells_its_life),
        house_test(test_report__daemon_tells_its_facts),
        house_test(test_report__counters_count),
        house_test(test_report__counts_what_is_rebuilt_and_saved),
        house_test(test_report__letters_are_bounded),
        house_test(test_report__while_all_daemons_stand),
        house_test(test_report__beside_everything),
    };

    return check_run(tests);
}
