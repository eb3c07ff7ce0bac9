#include "support/house.h"

#include <malloc.h>

/* -- tools ---------------------------------------------------------------- */

static size_t heap_bytes(void)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}

/* -- starting and stopping ------------------------------------------------ */

static void test_life__goes_through_its_states(void **state)
{
    lares_node *node = NULL;

    (void)state;
    check_ok(lares_node_new("east", NULL, &node));
    check_str(state_of(node), "NEW");
    check_status(lares_node_wait(node, 0), LARES_ENOTREADY);
    check_status(lares_node_run(node, 0), LARES_ENOTREADY);
    check_ok(lares_node_start(node));
    check_ok(lares_node_start(node));
    check_str(state_of(node), "READY");
    check_status(lares_node_wait(node, 0), LARES_ETIMEDOUT);
    check_ok(lares_node_stop(node, 0));
    check_ok(lares_node_stop(node, -1));
    check_ok(lares_node_wait(node, 5000));
    check_ok(lares_node_wait(node, 0));
    check_ok(lares_node_run(node, 0));
    check_status(lares_node_start(node), LARES_ECLOSED);
    check_stopped(node, 0, 0);
    lares_node_free(node);
}

static void test_life__new_one_may_be_stopped(void **state)
{
    lares_node *node = NULL;

    (void)state;
    check_ok(lares_node_new("east", NULL, &node));
    kind_add(node, "echo", echo, NULL);
    check_ok(lares_node_stop(node, 0));
    check_ok(lares_node_wait(node, 0));
    check_status(lares_node_start(node), LARES_ECLOSED);
    check_stopped(node, 0, 0);
    check_u64(node_fact(node, "uptime_ms"), 0);
    lares_node_free(node);
}

static void test_life__refuses_names_and_options(void **state)
{
    static const char *const names[] = {"", "East", "-a", "a_b", "a.b", "\xc3"};
    char longest[65];
    lares_node *node = NULL;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof names / sizeof *names; i++)
        check_status(lares_node_new(names[i], NULL, &node), LARES_ENAME);
    memset(longest, 'a', 64);
    longest[64] = '\0';
    check_status(lares_node_new(longest, NULL, &node), LARES_ENAME);
    check(node == NULL);
    longest[63] = '\0';
    check_ok(lares_node_new(longest, NULL, &node));
    lares_node_free(node);
}

static void check_option(const char *key, const char *value, lares_status rc)
{
    lares_options *set = options(key, value);
    lares_node *node = NULL;

    check_status(lares_node_new("east", set, &node), rc);
    check(node == NULL);
    check_detail(key);
    lares_options_free(set);
}

static void test_life__names_what_an_option_must_be(void **state)
{
    (void)state; /* id: AB10 */
    check_option("lanes", "257", LARES_ERANGE);
    check_detail("256");
    check_option("lanes", "two", LARES_ERANGE);
    check_option("letters.count", "0", LARES_ERANGE);
    check_option("letters.bytes", "1073741825", LARES_ERANGE);
    check_option("mailbox.count", "5", LARES_EOPTION);
    check_option("lane", "5", LARES_EOPTION);
}

static void test_life__new_one_takes_no_work(void **state)
{
    lares_daemon *daemon = NULL;
    lares_inbox *inbox = NULL;
    lares_node *node = NULL;

    (void)state; /* id: NL02 */
    check_ok(lares_node_new("east", NULL, &node));
    kind_add(node, "echo", echo, NULL);
    check_status(lares_node_spawn(node, "echo", NULL, NULL, &daemon),
                 LARES_ENOTREADY);
    check_status(lares_node_subscribe(node, "a", NULL, &inbox),
                 LARES_ENOTREADY);
    check_status(publish(node, "a", "x", 0), LARES_ENOTREADY);
    check_status(lares_node_find(node, 1, &daemon), LARES_ENOTFOUND);
    check(daemon == NULL && inbox == NULL);
    lares_node_free(node);
}

static void test_life__stopped_one_takes_no_work(void **state)
{
    lares_node *node = node_open("1");
    lares_daemon *daemon = NULL;
    lares_inbox *inbox = NULL;

    (void)state;
    kind_add(node, "echo", echo, NULL);
    check_ok(lares_node_stop(node, 0));
    check_ok(lares_node_wait(node, 5000));
    check_status(lares_node_spawn(node, "echo", NULL, NULL, &daemon),
                 LARES_ECLOSED);
    check_status(lares_node_subscribe(node, "a", NULL, &inbox), LARES_ECLOSED);
    check_status(publish(node, "a", "x", -1), LARES_ECLOSED);
    check_status(lares_node_register(node, "k", NULL, NULL, NULL, NULL),
                 LARES_ECLOSED);
    check_status(lares_node_load(node, "lua", NULL), LARES_ECLOSED);
    lares_node_free(node);
}

/* -- the end -------------------------------------------------------------- */

static void test_life__many_idle_daemons_end_at_once(void **state)
{
    lares_node *node = node_open("2");

    (void)state; /* id: NL03 */
    kind_add(node, "echo", echo, NULL);
    for (int i = 0; i < 1000; i++)
        check_ok(lares_node_spawn(node, "echo", NULL, NULL, NULL));
    check_u64(node_fact(node, "daemons"), 1000);
    check_ok(lares_node_stop(node, -1));
    check_ok(lares_node_wait(node, 2000));
    check_stopped(node, 0, 0);
    lares_node_free(node);
}

static void test_life__abandons_who_does_not_return(void **state)
{
    static struct door door;
    lares_node *node = node_open("2");
    lares_daemon *daemon;
    uint64_t began;

    (void)state; /* id: NL03 */
    kind_add(node, "stand", stand, &door);
    daemon = spawn(node, "stand", NULL);
    check_ok(say(daemon, "x", 0));
    eventually(atomic_load(&door.inside) == 1);
    began = clock_ms();
    check_ok(lares_node_stop(node, 500));
    check_ok(lares_node_wait(node, 5000));
    check(clock_ms() - began < 2000);
    check_stopped(node, 1, 1);
    lares_daemon_free(daemon);
    lares_node_free(node);
    atomic_store(&door.open, 1); /* it comes back to nobody */
}

/* A daemon that feeds the next, and one that feeds an inbox. */
static lares_inbox *pipeline_open(lares_node *node, const char *room)
{
    kind_add(node, "echo", echo, NULL);
    lares_daemon_free(spawn(
        node, "echo", options("subscribe", "a", "publish", "b", "name", "a")));
    lares_daemon_free(spawn(
        node, "echo", options("subscribe", "b", "publish", "c", "name", "b")));
    return subscribe(node, "c", options("mailbox.count", room));
}

static void check_pipeline(const char *lanes)
{
    lares_node *node = node_open(lanes);
    lares_inbox *inbox = pipeline_open(node, "1024");
    lares_events *events = NULL;

    for (int i = 0; i < 1000; i++)
        check_ok(publish(node, "a", "x", 0));
    check_ok(lares_node_stop(node, -1));
    check_status(publish(node, "a", "late", 0), LARES_ECLOSED);
    check_ok(lares_node_wait(node, 8000));
    check_u64(inbox_count(inbox), 1000);
    check_status(lares_inbox_next(inbox, -1, &events), LARES_ECLOSED);
    check(events == NULL);
    check_u64(rows_count(node, "letters"), 0);
    lares_inbox_free(inbox);
    lares_node_free(node);
}

static void test_life__what_was_accepted_comes_out(void **state)
{
    (void)state; /* id: NL04 */
    check_pipeline("2");
    check_pipeline("1");
    check_pipeline("0");
}

static void *count_to_the_end(void *arg)
{
    lares_events *events;
    lares_status rc;
    uintptr_t count = 0;

    while ((rc = lares_inbox_next(arg, -1, &events)) == LARES_OK) {
        while (lares_events_next(events) != NULL)
            count++;
        lares_events_free(events);
    }
    return rc == LARES_ECLOSED ? (void *)count : NULL;
}

/* What stood parked before a small inbox comes out too, as it is read. */
static void test_life__a_slow_reader_gets_everything(void **state)
{
    lares_node *node = node_open("2");
    lares_inbox *inbox = pipeline_open(node, "4");
    pthread_t reader;
    void *count;

    (void)state;
    for (int i = 0; i < 1000; i++)
        check_ok(publish(node, "a", "x", 0));
    check_ok(lares_node_stop(node, -1));
    nap_ms(20); /* everybody is parked by now */
    check(pthread_create(&reader, NULL, count_to_the_end, inbox) == 0);
    check_ok(lares_node_wait(node, 8000));
    check(pthread_join(reader, &count) == 0);
    check_u64((uintptr_t)count, 1000);
    lares_inbox_free(inbox);
    lares_node_free(node);
}

/* The earlier of two deadlines wins, whichever was asked for first. */
static void check_graces(int64_t first, int64_t second)
{
    struct door door = {0};
    lares_node *node = node_open("1");
    lares_daemon *daemon;
    uint64_t began = clock_ms();

    kind_add(node, "stand", stand, &door);
    daemon = spawn(node, "stand", options("batch", "1"));
    check_ok(say(daemon, "x", 0));
    check_ok(say(daemon, "y", 0));
    eventually(atomic_load(&door.inside) == 1);
    check_ok(lares_node_stop(node, first));
    check_ok(lares_node_stop(node, second));
    eventually(strcmp(daemon_text(node, "stand", "state"), "DRAINING") == 0);
    atomic_store(&door.open, 1);
    check_ok(lares_node_wait(node, 8000));
    check(clock_ms() - began < 3000);
    check_u64(atomic_load(&door.passed), 1);
    check_str(cell_text(node, "letters", "name", "stand", "reason"), "CLOSED");
    lares_daemon_free(daemon);
    lares_node_free(node);
}

static void test_life__earlier_deadline_wins(void **state)
{
    (void)state;
    check_graces(-1, 50);
    check_graces(50, 30000);
}

static void test_life__many_may_wait(void **state)
{
    lares_node *node = node_open("1");
    pthread_t threads[4];
    void *rc;

    (void)state;
    for (int i = 0; i < 4; i++)
        check(pthread_create(&threads[i], NULL, wait_for_it, node) == 0);
    nap_ms(10);
    check_ok(lares_node_stop(node, 0));
    for (int i = 0; i < 4; i++) {
        check(pthread_join(threads[i], &rc) == 0);
        check((intptr_t)rc == LARES_OK);
    }
    lares_node_free(node);
}

/* -- nothing grows -------------------------------------------------------- */

static void live_once(void)
{
    lares_node *node = node_open("1");
    lares_inbox *inbox = pipeline_open(node, "1024");

    check_ok(publish(node, "a", "x", 0));
    node_close(node);
    lares_inbox_free(inbox);
}

static void test_life__many_lives_leave_nothing(void **state)
{
    int count = rounds(300, 1000);
    size_t before = 0;

    (void)state; /* id: NL05 */
    for (int i = 0; i < count; i++) {
        live_once();
        if (i == count / 10)
            before = heap_bytes();
    }
    for (int i = 0; i < 1000 && threads_left() > 0; i++)
        nap_ms(1);
    check_i64(threads_left(), 0);
    check_i64(fds_count(), house_fds);
    check(heap_bytes() < before + 65536);
}

static void test_life__many_spawns_leave_nothing(void **state)
{
    int count = rounds(10000, 100000);
    lares_node *node = node_open("2");
    int64_t living = 0;
    size_t before = 0;

    (void)state; /* id: NL05 */
    kind_add(node, "echo", echo, NULL);
    for (int i = 0; i < count; i++) {
        lares_daemon *daemon = spawn(node, "echo", options("subscribe", "a"));

        check_ok(say(daemon, "x", 0));
        check_ok(lares_daemon_stop(daemon, -1));
        lares_daemon_free(daemon);
        if (i == count / 2) { /* the ring of records is full */
            before = heap_bytes();
            living = lares__alloc_living();
        }
    }
    check(heap_bytes() < before + 65536);
    check(lares__alloc_living() < living + 200); /* caches of the pool */
    check(threads_left() <= 4);                  /* 2 lanes, loop, steward */
    node_close(node);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        house_test(test_life__goes_through_its_states),
        house_test(test_life__new_one_may_be_stopped),
        house_test(test_life__refuses_names_and_options),
        house_test(test_life__names_what_an_option_must_be),
        house_test(test_life__new_one_takes_no_work),
        house_test(test_life__stopped_one_takes_no_work),
        house_test(test_life__many_idle_daemons_end_at_once),
        house_test(test_life__abandons_who_does_not_return),
        house_test(test_life__what_was_accepted_comes_out),
        house_test(test_life__a_slow_reader_gets_everything),
        house_test(test_life__earlier_deadline_wins),
        house_test(test_life__many_may_wait),
        house_test(test_life__many_lives_leave_nothing),
        house_test(test_life__many_spawns_leave_nothing),
    };

    return check_run(tests);
}
