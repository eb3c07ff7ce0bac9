#include "support/house.h"

/* A program's own subscription. */

/* -- tools ---------------------------------------------------------------- */

static char texts[65536];

static void publish_numbers(lares_node *node, int first, int last)
{
    char text[16];

    for (int i = first; i <= last; i++) {
        (void)snprintf(text, sizeof text, "%d", i);
        check_ok(publish(node, "a", text, 0));
    }
}

static size_t events_count(lares_events *events)
{
    size_t count = 0;

    while (lares_events_next(events) != NULL)
        count++;
    lares_events_free(events);
    return count;
}

/* -- bounds --------------------------------------------------------------- */

static void test_inbox__refuses_what_nobody_reads(void **state)
{
    lares_node *node = node_open("1");
    lares_inbox *inbox = subscribe(node, "a", options("mailbox.count", "4"));

    (void)state; /* id: BM07 */
    publish_numbers(node, 1, 4);
    check_status(publish(node, "a", "5", 0), LARES_EAGAIN);
    check_detail("'inbox'");
    check_status(publish(node, "a", "5", 10), LARES_ETIMEDOUT);
    check_u64(inbox_read(inbox, 0, texts, sizeof texts), 4);
    check_str(texts, "1 2 3 4 ");
    check_ok(publish(node, "a", "5", 0));
    lares_inbox_free(inbox);
    publish_numbers(node, 1, 100); /* freed: nobody refuses */
    node_close(node);
}

static void test_inbox__evicts_the_oldest(void **state)
{
    lares_node *node = node_open("1");
    lares_inbox *inbox =
        subscribe(node, "a", options("mailbox.policy", "evict"));

    (void)state; /* id: BM07 */
    publish_numbers(node, 1, 3000);
    check_u64(counter(node, "publish_total", "result=\"evicted\""), 1976);
    check_u64(inbox_read(inbox, 0, texts, sizeof texts), 1024);
    check_mem(texts, "1977 1978 ", 10);
    check_mem(texts + strlen(texts) - 5, "3000 ", 5);
    check_u64(rows_count(node, "letters"), 0);
    publish_numbers(node, 1, 5);
    check_u64(inbox_read(inbox, 0, texts, sizeof texts), 5);
    lares_inbox_free(inbox);
    node_close(node);
}

static void test_inbox__evicts_by_bytes(void **state)
{
    static const char data[1000];
    lares_node *node = node_open("1");
    lares_inbox *inbox = subscribe(
        node, "a", options("mailbox.policy", "evict", "mailbox.bytes", "4096"));

    (void)state;
    for (int i = 0; i < 100; i++)
        check_ok(lares_node_publish(node, "a", data, sizeof data, 0));
    check_u64(inbox_count(inbox), 3); /* 1 152 bytes each */
    lares_inbox_free(inbox);
    node_close(node);
}

/* At half, any event fits: so the largest passes the smallest mailbox. */
static void test_inbox__any_event_fits_at_half(void **state)
{
    static char data[5000];
    lares_node *node = node_open("1");
    lares_inbox *inbox = subscribe(node, "a", options("mailbox.bytes", "1024"));

    (void)state; /* id: BM01 */
    check_ok(lares_node_publish(node, "a", data, sizeof data, 0));
    check_status(publish(node, "a", "x", 0), LARES_EAGAIN);
    check_u64(inbox_count(inbox), 1);
    for (int i = 0; i < 3; i++)
        check_ok(lares_node_publish(node, "a", data, 64, 0)); /* 576 bytes */
    check_status(lares_node_publish(node, "a", data, 700, 0), LARES_EAGAIN);
    check_u64(inbox_count(inbox), 3);
    lares_inbox_free(inbox);
    node_close(node);
}

static void check_refused(const char *pattern, const char *key,
                          const char *value, lares_status rc)
{
    lares_options *set = options(key, value);
    lares_node *node = node_open("0");
    lares_inbox *inbox = NULL;

    check_status(lares_node_subscribe(node, pattern, set, &inbox), rc);
    check(inbox == NULL);
    check_u64(rows_count(node, "subscriptions"), 0);
    lares_options_free(set);
    node_close(node);
}

static void test_inbox__checks_pattern_and_options(void **state)
{
    (void)state; /* id: AB10 */
    check_refused("a..b", "group", "g", LARES_ENAME);
    check_refused("a.>.b", "group", "g", LARES_ENAME);
    check_refused("", "group", "g", LARES_ENAME);
    check_refused("a", "group", "a.b", LARES_ENAME);
    check_refused("a", "mailbox.policy", "drop", LARES_ERANGE);
    check_refused("a", "mailbox.count", "0", LARES_ERANGE);
    check_refused("a", "mailbox.bytes", "1", LARES_ERANGE);
    check_refused("a", "batch", "1", LARES_EOPTION);
}

/* -- reading -------------------------------------------------------------- */

static void test_inbox__hands_out_64_at_a_time(void **state)
{
    lares_node *node = node_open("1");
    lares_inbox *inbox = subscribe(node, "a", NULL);
    lares_events *events = NULL;

    (void)state;
    publish_numbers(node, 1, 100);
    check_ok(lares_inbox_next(inbox, 0, &events));
    check_u64(events_count(events), 64);
    check_ok(lares_inbox_next(inbox, 0, &events));
    check_u64(events_count(events), 36);
    check_status(lares_inbox_next(inbox, 0, &events), LARES_ETIMEDOUT);
    lares_inbox_free(inbox);
    node_close(node);
}

static void test_inbox__hands_out_a_mebibyte_at_a_time(void **state)
{
    static char data[400000];
    lares_node *node = node_open("1");
    lares_inbox *inbox = subscribe(node, "a", NULL);
    lares_events *events = NULL;

    (void)state;
    for (int i = 0; i < 5; i++)
        check_ok(lares_node_publish(node, "a", data, sizeof data, 0));
    for (size_t left = 5; left > 0; left -= left > 1 ? 2 : 1) {
        check_ok(lares_inbox_next(inbox, 0, &events));
        check_u64(events_count(events), left > 1 ? 2 : 1);
    }
    lares_inbox_free(inbox);
    node_close(node);
}

struct reader {
    lares_inbox *inbox;
    lares_status rc;
    size_t count;
};

static void *read_one(void *arg)
{
    struct reader *reader = arg;
    lares_events *events = NULL;

    reader->rc = lares_inbox_next(reader->inbox, -1, &events);
    if (reader->rc == LARES_OK)
        reader->count = events_count(events);
    return NULL;
}

static void test_inbox__wakes_its_reader(void **state)
{
    lares_node *node = node_open("1");
    struct reader reader = {.inbox = subscribe(node, "a", NULL)};
    pthread_t thread;

    (void)state;
    for (int i = 0; i < rounds(200, 10000); i++) {
        reader.count = 0;
        check(pthread_create(&thread, NULL, read_one, &reader) == 0);
        if (i % 2 == 0)
            sched_yield();
        check_ok(publish(node, "a", "x", 0));
        check(pthread_join(thread, NULL) == 0);
        check_status(reader.rc, LARES_OK);
        check_u64(reader.count, 1);
    }
    lares_inbox_free(reader.inbox);
    node_close(node);
}

static void *read_to_the_end(void *arg)
{
    struct reader *reader = arg;
    lares_events *events = NULL;

    while ((reader->rc = lares_inbox_next(reader->inbox, -1, &events)) ==
           LARES_OK)
        reader->count += events_count(events);
    return NULL;
}

/* Several readers share what comes. */
static void test_inbox__many_readers(void **state)
{
    lares_node *node = node_open("1");
    lares_inbox *inbox = subscribe(node, "a", NULL);
    struct reader readers[4];
    pthread_t threads[4];
    size_t sum = 0;

    (void)state;
    for (int i = 0; i < 4; i++) {
        readers[i] = (struct reader){.inbox = inbox};
        check(pthread_create(&threads[i], NULL, read_to_the_end, &readers[i]) ==
              0);
    }
    publish_numbers(node, 1, 1000);
    check_ok(lares_node_stop(node, 0));
    for (int i = 0; i < 4; i++) {
        check(pthread_join(threads[i], NULL) == 0);
        check_status(readers[i].rc, LARES_ECLOSED);
        sum += readers[i].count;
    }
    check_u64(sum, 1000);
    lares_inbox_free(inbox);
    check_ok(lares_node_wait(node, 5000));
    lares_node_free(node);
}

/* -- the end -------------------------------------------------------------- */

static void test_inbox__hands_out_the_rest(void **state)
{
    lares_node *node = node_open("1");
    lares_inbox *inbox = subscribe(node, "a", NULL);
    lares_events *events = NULL;

    (void)state;
    publish_numbers(node, 1, 100);
    node_close(node);
    check_u64(inbox_read(inbox, -1, texts, sizeof texts), 100);
    check_status(lares_inbox_next(inbox, 0, &events), LARES_ECLOSED);
    check_status(lares_inbox_next(inbox, -1, &events), LARES_ECLOSED);
    check(events == NULL);
    lares_inbox_free(inbox);
}

/* Events that were never read go with the ticket. */
static void test_inbox__unread_events_are_freed(void **state)
{
    static char data[70000];
    lares_node *node = node_open("1");
    lares_inbox *inbox = subscribe(node, ">", NULL);

    (void)state;
    publish_numbers(node, 1, 100);
    check_ok(lares_node_publish(node, "b", data, sizeof data, 0));
    lares_inbox_free(inbox);
    check_u64(rows_count(node, "subscriptions"), 0);
    node_close(node);
    lares_inbox_free(NULL);
}

struct racer {
    lares_node *node;
    lares_status rc;
};

static void *subscribe_and_wait(void *arg)
{
    struct racer *racer = arg;
    lares_inbox *inbox = NULL;
    lares_events *events = NULL;

    while ((racer->rc = lares_node_subscribe(racer->node, "a", NULL, &inbox)) ==
           LARES_OK) {
        racer->rc = lares_inbox_next(inbox, 1, &events);
        if (racer->rc != LARES_ETIMEDOUT)
            racer->rc = lares_inbox_next(inbox, -1, &events);
        lares_inbox_free(inbox);
        if (racer->rc == LARES_ECLOSED)
            break;
    }
    return NULL;
}

/* An inbox that comes as the node stops is refused, or told. */
static void test_inbox__subscribe_races_stop(void **state)
{
    (void)state;
    for (int i = 0; i < rounds(200, 10000); i++) {
        struct racer racer = {.node = node_open("1")};
        pthread_t thread;

        check(pthread_create(&thread, NULL, subscribe_and_wait, &racer) == 0);
        sched_yield();
        check_ok(lares_node_stop(racer.node, 0));
        check(pthread_join(thread, NULL) == 0);
        check_status(racer.rc, LARES_ECLOSED);
        check_ok(lares_node_wait(racer.node, 5000));
        lares_node_free(racer.node);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        house_test(test_inbox__refuses_what_nobody_reads),
        house_test(test_inbox__evicts_the_oldest),
        house_test(test_inbox__evicts_by_bytes),
        house_test(test_inbox__any_event_fits_at_half),
        house_test(test_inbox__checks_pattern_and_options),
        house_test(test_inbox__hands_out_64_at_a_time),
        house_test(test_inbox__hands_out_a_mebibyte_at_a_time),
        house_test(test_inbox__wakes_its_reader),
        house_test(test_inbox__many_readers),
        house_test(test_inbox__hands_out_the_rest),
        house_test(test_inbox__unread_events_are_freed),
        house_test(test_inbox__subscribe_races_stop),
    };

    return check_run(tests);
}
