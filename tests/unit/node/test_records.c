#include "support/house.h"

#include "node/records.h"

/* The table `records`: what became of daemons, in order. */

/* -- tools ---------------------------------------------------------------- */

/* A node that adds no record by itself: it never starts. */
static lares_node *quiet_node(void)
{
    lares_node *node = NULL;

    check_ok(lares_node_new("east", NULL, &node));
    return node;
}

static void add(lares_node *node, const char *text)
{
    lares__records_add(node, LARES__RECORD_CRASHED, 7, "d", "kind", text);
}

static uint64_t row_u64(lares_rows *rows, const char *column)
{
    uint64_t value = 0;

    check_ok(lares_rows_u64(rows, column, &value));
    return value;
}

static const char *row_text(lares_rows *rows, const char *column)
{
    const char *text = NULL;

    check_ok(lares_rows_text(rows, column, &text));
    return text;
}

/* what stands in a row beside time and place */
static void check_facts(lares_rows *rows, const char *what, const char *name,
                        const char *kind, const char *text)
{
    check_str(row_text(rows, "what"), what);
    check_str(row_text(rows, "name"), name);
    check_str(row_text(rows, "kind"), kind);
    check_str(row_text(rows, "text"), text);
}

/* -- cases ---------------------------------------------------------------- */

static void test_records__stand_in_order(void **state)
{
    char name[] = "counter", kind[] = "counting", text[] = "boom";
    lares_node *node = quiet_node();
    lares_rows *rows;

    (void)state;
    lares__records_add(node, LARES__RECORD_CRASHED, 0xabc, name, kind, text);
    name[0] = kind[0] = text[0] = '!';
    lares__records_add(node, LARES__RECORD_HANDLER_EVICTED, 0, "h", "", NULL);
    rows = report(node, "records");
    check_ok(lares_rows_next(rows));
    check_u64(row_u64(rows, "n"), 1);
    check_u64(row_u64(rows, "lost"), 0);
    check_str(row_text(rows, "origin"), "0000000000000abc");
    check_facts(rows, "CRASHED", "counter", "counting", "boom");
    check_ok(lares_rows_next(rows));
    check_u64(row_u64(rows, "n"), 2);
    check_u64(row_u64(rows, "lost"), 0);
    check_u64(row_u64(rows, "origin"), 0);
    check_facts(rows, "HANDLER_EVICTED", "h", "", "");
    check_status(lares_rows_next(rows), LARES_EDONE);
    lares_rows_free(rows);
    lares_node_free(node);
}

static void test_records__carry_the_time_of_their_node(void **state)
{
    lares_node *node = NULL;
    lares_world *world = world_open(1, "east", NULL, &node);
    lares_rows *rows;
    uint64_t first;

    (void)state;
    add(node, "");
    check_ok(lares_world_run(world, 1500));
    add(node, "");
    rows = report(node, "records");
    check_ok(lares_rows_next(rows));
    first = row_u64(rows, "time");
    check_ok(lares_rows_next(rows));
    check_u64(row_u64(rows, "time") - first, 1500000000);
    lares_rows_free(rows);
    node_close(node);
    lares_world_free(world);
}

static void test_records__have_the_names_of_the_contract(void **state)
{
    static const char *const names[] = {
        "REGISTERED", "STARTED",  "CRASHED", "BROKEN",       "RESTORED",
        "LOST",       "DIVERGED", "LOOPING", "UNREGISTERED", "HANDLER_EVICTED"};

    (void)state;
    for (int i = 0; i < 10; i++)
        check_str(
            lares__record_what_name(LARES__RECORD_REGISTERED + (unsigned)i),
            names[i]);
}

static void test_records__the_oldest_of_1025_is_out(void **state)
{
    lares_node *node = quiet_node();
    int64_t living = lares__alloc_living();
    uint64_t n = 1;
    lares_rows *rows;

    (void)state;
    for (int i = 0; i < 1024; i++)
        add(node, "before");
    check_i64(lares__alloc_living() - living, 1024);
    check_u64(cell(node, "records", "n", "1", "lost"), 0);
    for (int i = 0; i < 3; i++)
        add(node, "after");
    check_i64(lares__alloc_living() - living, 1024);
    rows = report(node, "records");
    while (lares_rows_next(rows) == LARES_OK) {
        check_u64(row_u64(rows, "lost"), n == 1 ? 3 : 0);
        check_u64(row_u64(rows, "n"), n++ + 3);
    }
    check_u64(n, 1025);
    lares_rows_free(rows);
    lares_node_free(node);
}

static void test_records__are_cut_between_characters(void **state)
{
    char text[2000];
    lares_node *node = quiet_node();
    lares_rows *rows;

    (void)state;
    memset(text, 'a', sizeof text);
    memcpy(text + LARES__RECORD_TEXT_MAX - 1, "\xc3\xa9", 2);
    text[sizeof text - 1] = '\0';
    lares__records_add(node, LARES__RECORD_LOST, 1, text, text, text);
    rows = report(node, "records");
    check_ok(lares_rows_next(rows));
    text[LARES__RECORD_TEXT_MAX - 1] = '\0';
    check_facts(rows, "LOST", text, text, text);
    lares_rows_free(rows);
    lares_node_free(node);
}

static void test_records__without_memory_count_as_lost(void **state)
{
    lares_node *node = quiet_node();

    (void)state;
    add(node, "");
    for (int i = 0; i < 2; i++) {
        lares__alloc_fail(1, 0);
        add(node, "");
    }
    add(node, "");
    check_u64(rows_count(node, "records"), 2);
    check_u64(cell(node, "records", "n", "4", "lost"), 2);
    lares_node_free(node);
}

/* A full ring of short records takes no memory; a long one has its own. */
static void test_records__use_their_blocks_again(void **state)
{
    lares_node *node = quiet_node();
    char text[600];
    uint64_t calls;
    int64_t living;

    (void)state;
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = '\0';
    for (int i = 0; i < LARES__RECORDS_MAX; i++)
        add(node, "short");
    calls = lares__alloc_count();
    living = lares__alloc_living();
    for (int i = 0; i < 3 * LARES__RECORDS_MAX; i++)
        add(node, "short, too");
    check_u64(lares__alloc_count(), calls);
    add(node, text);
    check_u64(lares__alloc_count(), calls + 1);
    check_i64(lares__alloc_living(), living);
    for (int i = 0; i < LARES__RECORDS_MAX; i++)
        add(node, ""); /* the last takes the place of the long one */
    check_u64(lares__alloc_count(), calls + 2);
    check_i64(lares__alloc_living(), living);
    check_u64(rows_count(node, "records"), LARES__RECORDS_MAX);
    lares_node_free(node);
}

/* -- threads -------------------------------------------------------------- */

enum {
    THREADS = 4,
    EACH = 2000
};

struct adder {
    lares_node *node;
    uint64_t origin;
    struct lares__thread thread;
};

static void add_many(void *arg)
{
    struct adder *adder = arg;
    char text[16];

    for (int i = 0; i < EACH; i++) {
        (void)snprintf(text, sizeof text, "%d", i);
        lares__records_add(adder->node, LARES__RECORD_STARTED, adder->origin,
                           "d", "k", text);
    }
}

/* n rises by one, and so does what each thread counted */
static void check_order(lares_rows *rows)
{
    uint64_t n = THREADS * EACH - LARES__RECORDS_MAX;
    long last[THREADS];

    for (int i = 0; i < THREADS; i++)
        last[i] = -1;
    while (lares_rows_next(rows) == LARES_OK) {
        uint64_t origin = row_u64(rows, "origin");
        long count = strtol(row_text(rows, "text"), NULL, 10);

        check_u64(row_u64(rows, "n"), ++n);
        check(origin < THREADS);
        check(last[origin] < 0 || count == last[origin] + 1);
        last[origin] = count;
    }
    check_u64(n, THREADS * EACH);
}

static void test_records__any_thread_adds(void **state)
{
    struct adder adders[THREADS];
    lares_node *node = quiet_node();
    lares_rows *rows;

    (void)state;
    for (uint64_t i = 0; i < THREADS; i++) {
        adders[i] = (struct adder){.node = node, .origin = i};
        check_ok(lares__thread_start(&adders[i].thread, add_many, &adders[i]));
    }
    for (int i = 0; i < 100; i++)
        lares_rows_free(report(node, "records"));
    for (int i = 0; i < THREADS; i++)
        lares__thread_join(&adders[i].thread);
    rows = report(node, "records");
    check_order(rows);
    lares_rows_free(rows);
    lares_node_free(node);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        house_test(test_records__stand_in_order),
        house_test(test_records__carry_the_time_of_their_node),
        house_test(test_records__have_the_names_of_the_contract),
        house_test(test_records__the_oldest_of_1025_is_out),
        house_test(test_records__are_cut_between_characters),
        house_test(test_records__without_memory_count_as_lost),
        house_test(test_records__use_their_blocks_again),
        house_test(test_records__any_thread_adds),
    };

    return check_run(tests);
}
