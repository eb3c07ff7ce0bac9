#include "support/house.h"

/* Tickets: of their own each, freed anywhere, never of a successor. */

/* -- tools ---------------------------------------------------------------- */

static const char seed[32] = "one identity, again and again...";

static lares_key *key_open(void)
{
    lares_key *key = NULL;

    check_ok(lares_key_new(seed, sizeof seed, &key));
    return key;
}

static lares_daemon *spawn_as(lares_node *node, const lares_key *key,
                              const char *kind)
{
    lares_daemon *daemon = NULL;

    check_ok(lares_node_spawn(node, kind, key, NULL, &daemon));
    return daemon;
}

/* -- finding -------------------------------------------------------------- */

static void test_ticket__is_found_by_origin(void **state)
{
    lares_node *node = node_open("0");
    lares_daemon *daemons[100], *found = NULL;

    (void)state; /* id: R01 */
    kind_add(node, "echo", echo, NULL);
    for (int i = 0; i < 100; i++)
        daemons[i] = spawn(node, "echo", NULL);
    check_u64(rows_count(node, "daemons"), 100);
    for (int i = 0; i < 100; i++) {
        check_ok(
            lares_node_find(node, lares_daemon_origin(daemons[i]), &found));
        check_u64(lares_daemon_origin(found), lares_daemon_origin(daemons[i]));
        lares_daemon_free(found);
    }
    found = NULL;
    check_status(lares_node_find(node, 12345, &found), LARES_ENOTFOUND);
    check_detail("3039");
    for (int i = 0; i < 100; i += 2)
        check_ok(lares_daemon_stop(daemons[i], 0));
    for (int i = 0; i < 100; i++) {
        lares_status rc = i % 2 == 0 ? LARES_ENOTFOUND : LARES_OK;

        check_status(
            lares_node_find(node, lares_daemon_origin(daemons[i]), &found), rc);
        if (rc == LARES_OK)
            lares_daemon_free(found);
        lares_daemon_free(daemons[i]);
    }
    check_u64(rows_count(node, "daemons"), 50);
    node_close(node);
}

enum {
    CROWD = 32
};

struct rival {
    lares_node *node;
    lares_key *key;
    lares_daemon *daemon;
    lares_status rc;
};

static void *spawn_it(void *arg)
{
    struct rival *rival = arg;

    rival->rc =
        lares_node_spawn(rival->node, "echo", rival->key, NULL, &rival->daemon);
    return NULL;
}

static void test_ticket__one_of_many_wins_an_identity(void **state)
{
    struct rival rivals[CROWD];
    pthread_t threads[CROWD];
    lares_node *node = node_open("2");
    lares_key *key = key_open();
    int won = 0;

    (void)state; /* id: R01 */
    kind_add(node, "echo", echo, NULL);
    for (int i = 0; i < CROWD; i++) {
        rivals[i] = (struct rival){.node = node, .key = key};
        check(pthread_create(&threads[i], NULL, spawn_it, &rivals[i]) == 0);
    }
    for (int i = 0; i < CROWD; i++)
        check(pthread_join(threads[i], NULL) == 0);
    for (int i = 0; i < CROWD; i++) {
        check(rivals[i].rc == LARES_OK || rivals[i].rc == LARES_EEXIST);
        check((rivals[i].daemon != NULL) == (rivals[i].rc == LARES_OK));
        won += rivals[i].rc == LARES_OK;
        lares_daemon_free(rivals[i].daemon);
    }
    check_i64(won, 1);
    check_u64(rows_count(node, "daemons"), 1);
    lares_key_free(key);
    node_close(node);
}

/* -- freeing -------------------------------------------------------------- */

static void test_ticket__each_is_freed_on_its_own(void **state)
{
    lares_node *node = node_open("1");
    struct notes notes = {0};
    lares_daemon *first, *second = NULL, *third = NULL;
    uint64_t origin;

    (void)state; /* id: AB03 */
    kind_add(node, "note", note, &notes);
    first = spawn(node, "note", NULL);
    origin = lares_daemon_origin(first);
    check_ok(lares_node_find(node, origin, &second));
    lares_daemon_free(first);
    check_ok(ask(second, "x", 1000, NULL));
    check_ok(lares_node_find(node, origin, &third));
    lares_daemon_free(second);
    check_ok(ask(third, "x", 1000, NULL));
    lares_daemon_free(third);
    check_ok(lares_node_find(node, origin, &first)); /* lives on without any */
    check_ok(ask(first, "x", 1000, NULL));
    check_u64(atomic_load(&notes.count), 3);
    node_close(node);
    check_status(ask(first, "x", 1000, NULL), LARES_ECLOSED);
    lares_daemon_free(first);
}

/* Everything that can be had, freed in one order and in the other. */
struct things {
    lares_node *node;
    lares_daemon *daemon;
    lares_inbox *inbox;
    lares_events *events;
    lares_rows *rows;
    lares_key *key;
};

static struct things things_open(const char *lanes)
{
    struct things things = {.node = node_open(lanes)};

    kind_add(things.node, "echo", echo, NULL);
    things.daemon = spawn(things.node, "echo", options("publish", "out"));
    things.inbox = subscribe(things.node, "out", NULL);
    check_ok(ask(things.daemon, "x", 1000, &things.events));
    things.rows = report(things.node, "daemons");
    check_ok(lares_daemon_key(things.daemon, &things.key));
    return things;
}

static void free_one(struct things *things, int which)
{
    switch (which) {
    case 0:
        lares_node_free(things->node);
        break;
    case 1:
        lares_daemon_free(things->daemon);
        break;
    case 2:
        lares_inbox_free(things->inbox);
        break;
    case 3:
        lares_events_free(things->events);
        break;
    case 4:
        lares_rows_free(things->rows);
        break;
    default:
        lares_key_free(things->key);
    }
}

static void test_ticket__freed_in_any_order(void **state)
{
    (void)state; /* id: AB03 */
    for (int first = 0; first < 6; first++)
        for (int step = 1; step <= 5; step += 4) { /* forwards, backwards */
            struct things things = things_open(first % 2 == 0 ? "0" : "1");

            for (int i = 0; i < 6; i++)
                free_one(&things, (first + i * step) % 6);
        }
}

struct freer {
    struct things *things;
    int which;
};

static void *free_it(void *arg)
{
    struct freer *freer = arg;

    free_one(freer->things, freer->which);
    return NULL;
}

static void test_ticket__freed_on_any_thread(void **state)
{
    (void)state; /* id: AB03 */
    for (int i = 0; i < rounds(50, 2000); i++) {
        struct things things = things_open("1");
        struct freer freers[6];
        pthread_t threads[6];

        for (int t = 0; t < 6; t++) {
            freers[t] = (struct freer){&things, t};
            check(pthread_create(&threads[t], NULL, free_it, &freers[t]) == 0);
        }
        for (int t = 0; t < 6; t++)
            check(pthread_join(threads[t], NULL) == 0);
    }
}

/* -- successors ----------------------------------------------------------- */

/* Nothing that is done by an old ticket reaches the one that came after. */
static void check_stale(lares_daemon *stale, lares_daemon *successor)
{
    check_u64(lares_daemon_origin(stale), lares_daemon_origin(successor));
    check_status(say(stale, "x", -1), LARES_ECLOSED);
    check_status(ask(stale, "x", -1, NULL), LARES_ECLOSED);
    check_status(lares_daemon_subscribe(stale, "a", NULL), LARES_ECLOSED);
    check_ok(lares_daemon_stop(stale, 0));
}

/* The next life of an identity. */
static lares_daemon *reborn(lares_node *node, lares_daemon *daemon)
{
    lares_daemon *successor = NULL;
    lares_bytes *image = NULL;

    check_ok(lares_daemon_snapshot(daemon, 1000, &image));
    check_ok(lares_daemon_stop(daemon, 0));
    check_ok(lares_node_restore(node, lares_bytes_data(image),
                                lares_bytes_len(image), NULL, NULL,
                                &successor));
    lares_bytes_free(image);
    return successor;
}

/* Tickets are counted references: there is no slot to run out of. */
static void test_ticket__never_reaches_a_successor(void **state)
{
    int count = rounds(2000, 1000000);
    lares_node *node = node_open("1");
    struct notes notes = {0};
    lares_key *key = key_open();
    lares_daemon *stale, *successor;

    (void)state; /* id: AB03, R02 */
    kind_add(node, "note", note, &notes);
    successor = spawn_as(node, key, "note");
    for (int i = 0; i < count; i++) {
        stale = successor;
        successor = reborn(node, stale);
        check_stale(stale, successor);
        lares_daemon_free(stale);
    }
    check_u64(atomic_load(&notes.count), 0);
    check_str(daemon_text(node, "note", "state"), "RUNNING");
    check_u64(rows_count(node, "subscriptions"), 0);
    check_ok(ask(successor, "x", 1000, NULL));
    lares_daemon_free(successor);
    lares_key_free(key);
    node_close(node);
}

/* A kind outlives its daemons and dies between two of the same name. */
static void test_ticket__keeps_nothing_of_its_kind(void **state)
{
    lares_node *node = node_open("1");
    lares_daemon *daemon;

    (void)state;
    for (int i = 0; i < 20; i++) {
        kind_add(node, "brief", echo, NULL);
        daemon = spawn(node, "brief", NULL);
        check_ok(lares_daemon_stop(daemon, 0));
        check_ok(lares_node_unregister(node, "brief"));
        check_status(say(daemon, "x", 0), LARES_ECLOSED);
        lares_daemon_free(daemon);
    }
    node_close(node);
}

/* -- another life --------------------------------------------------------- */

static uint64_t publish_five(lares_key *key, struct notes *notes)
{
    lares_node *node = node_open("1");
    lares_daemon *daemon;
    lares_inbox *inbox = subscribe(node, "in", NULL);
    lares_events *events = NULL;
    uint64_t sender;

    kind_add(node, "note", note, notes);
    daemon = spawn_as(node, key, "note");
    check_ok(lares_daemon_subscribe(daemon, "in", NULL));
    for (int i = 0; i < 5; i++)
        check_ok(publish(node, "in", "x", 0));
    check_ok(lares_inbox_next(inbox, 0, &events));
    sender = lares_events_next(events)->origin;
    lares_events_free(events);
    check_ok(lares_daemon_stop(daemon, -1));
    lares_inbox_free(inbox);
    lares_daemon_free(daemon);
    node_close(node);
    return sender;
}

/* A node of the same name publishes as somebody else: C04, but for the image */
static void test_ticket__a_new_node_is_another_sender(void **state)
{
    struct notes notes = {0};
    lares_key *key = key_open();
    uint64_t first = publish_five(key, &notes);
    uint64_t second = publish_five(key, &notes);

    (void)state;
    check(first != second);
    check_u64(atomic_load(&notes.count), 10);
    lares_key_free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        house_test(test_ticket__is_found_by_origin),
        house_test(test_ticket__one_of_many_wins_an_identity),
        house_test(test_ticket__each_is_freed_on_its_own),
        house_test(test_ticket__freed_in_any_order),
        house_test(test_ticket__freed_on_any_thread),
        house_test(test_ticket__never_reaches_a_successor),
        house_test(test_ticket__keeps_nothing_of_its_kind),
        house_test(test_ticket__a_new_node_is_another_sender),
    };

    return check_run(tests);
}
