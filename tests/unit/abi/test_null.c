#include "support/house.h"

/* Every function of the header with NULL for each pointer that it needs, with
 * a ticket of something that has ended, and after its node was freed. */

/* -- tools ---------------------------------------------------------------- */

/* What no function may write to unless it answers OK. */
static char sentinel;

#define UNTOUCHED ((void *)&sentinel)

static int releases;

static void count_release(void *user)
{
    (void)user;
    releases++;
}

static const lares_daemon_ops echo_ops = {.size = sizeof echo_ops,
                                          .process = echo};

/* -- NULL ----------------------------------------------------------------- */

static void test_null__values(void **state)
{
    lares_options *set = options("a", "b");
    lares_rows *rows = UNTOUCHED;
    lares_bytes *bytes = UNTOUCHED;
    const char *text = UNTOUCHED;
    uint64_t number = 7;
    uint32_t type = 7;

    (void)state; /* id: AB02 */
    check_status(lares_options_new(NULL), LARES_EINVAL);
    check_status(lares_options_set(NULL, "a", "b"), LARES_EINVAL);
    check_status(lares_options_set(set, NULL, "b"), LARES_EINVAL);
    check_status(lares_options_set(set, "a", NULL), LARES_EINVAL);
    check(lares_bytes_data(NULL) == NULL);
    check_u64(lares_bytes_len(NULL), 0);
    check(lares_events_next(NULL) == NULL);
    check_status(lares_rows_next(NULL), LARES_EINVAL);
    check_status(lares_rows_column(NULL, 0, &text, &type), LARES_EINVAL);
    check_status(lares_rows_u64(NULL, "a", &number), LARES_EINVAL);
    check_status(lares_rows_text(NULL, "a", &text), LARES_EINVAL);
    check_u64(lares_key_origin(NULL), 0);
    check_status(lares_key_new(NULL, 0, NULL), LARES_EINVAL);
    check_status(lares_key_seed(NULL, &bytes), LARES_EINVAL);
    check_status(lares_chain_new(1, NULL), LARES_EINVAL);
    check_status(lares_chain_check(NULL, NULL), LARES_EINVAL);
    check(rows == UNTOUCHED && bytes == UNTOUCHED && text == UNTOUCHED);
    check(number == 7 && type == 7);
    lares_options_free(set);
}

static void test_null__frees(void **state)
{
    (void)state; /* id: AB02 */
    lares_options_free(NULL);
    lares_bytes_free(NULL);
    lares_events_free(NULL);
    lares_rows_free(NULL);
    lares_key_free(NULL);
    lares_chain_free(NULL);
    lares_node_free(NULL);
    lares_daemon_free(NULL);
    lares_inbox_free(NULL);
    lares_recovery_free(NULL);
    lares_world_free(NULL);
}

static void test_null__receivers(void **state)
{
    lares_daemon *daemon = UNTOUCHED;
    lares_events *events = UNTOUCHED;
    lares_inbox *inbox = UNTOUCHED;
    lares_bytes *bytes = UNTOUCHED;
    lares_node *node = UNTOUCHED;
    lares_rows *rows = UNTOUCHED;
    lares_call *call = UNTOUCHED;
    lares_key *key = UNTOUCHED;

    (void)state; /* id: AB02 */
    check_status(lares_node_new(NULL, NULL, &node), LARES_EINVAL);
    check_status(lares_node_start(NULL), LARES_EINVAL);
    check_status(lares_node_stop(NULL, 0), LARES_EINVAL);
    check_status(lares_node_wait(NULL, 0), LARES_EINVAL);
    check_status(lares_node_run(NULL, 0), LARES_EINVAL);
    check_status(lares_node_unregister(NULL, "a"), LARES_EINVAL);
    check_status(lares_node_load(NULL, "a", ""), LARES_EINVAL);
    check_status(lares_node_spawn(NULL, "a", NULL, NULL, &daemon),
                 LARES_EINVAL);
    check_status(lares_node_find(NULL, 1, &daemon), LARES_EINVAL);
    check_status(lares_node_publish(NULL, "a", "", 0, 0), LARES_EINVAL);
    check_status(lares_node_subscribe(NULL, "a", NULL, &inbox), LARES_EINVAL);
    check_status(lares_node_report(NULL, "node", &rows), LARES_EINVAL);
    check_status(lares_letter_data(NULL, 1, &bytes), LARES_EINVAL);
    check_status(lares_letter_replay(NULL, 1), LARES_EINVAL);
    check_status(lares_letter_drop(NULL, 1), LARES_EINVAL);
    check_u64(lares_daemon_origin(NULL), 0);
    check_status(lares_daemon_key(NULL, &key), LARES_EINVAL);
    check_status(lares_daemon_deliver(NULL, "", 0, 0, &events), LARES_EINVAL);
    check_status(lares_daemon_send(NULL, "", 0, 0), LARES_EINVAL);
    check_status(lares_daemon_subscribe(NULL, "a", NULL), LARES_EINVAL);
    check_status(lares_daemon_unsubscribe(NULL, "a", NULL), LARES_EINVAL);
    check_status(lares_daemon_pull(NULL, 0, &call), LARES_EINVAL);
    check_status(lares_daemon_stop(NULL, 0), LARES_EINVAL);
    check_status(lares_inbox_next(NULL, 0, &events), LARES_EINVAL);
    check_status(lares_world_node(NULL, "a", NULL, &node), LARES_EINVAL);
    check_status(lares_world_run(NULL, 0), LARES_EINVAL);
    check(daemon == UNTOUCHED && events == UNTOUCHED && inbox == UNTOUCHED);
    check(node == UNTOUCHED && rows == UNTOUCHED && call == UNTOUCHED);
    check(key == UNTOUCHED && bytes == UNTOUCHED);
}

static void test_null__calls(void **state)
{
    (void)state; /* id: AB02 */
    check(lares_call_next(NULL) == NULL);
    check_status(lares_call_emit(NULL, "a", "", 0), LARES_EINVAL);
    lares_call_fail(NULL, "why");
    check_str(lares_call_argument(NULL), "");
    check_status(lares_call_recovered(NULL, 0, 0), LARES_EINVAL);
    check_status(lares_call_end(NULL, LARES_DONE), LARES_EINVAL);
}

static lares_verdict idle(lares_call *call, void *user)
{
    (void)call;
    (void)user;
    return LARES_DONE;
}

static void test_null__recovery(void **state)
{
    lares_recovery *recovery = UNTOUCHED;
    lares_rows *rows = UNTOUCHED;
    size_t count = 7;

    (void)state; /* id: AB02 */
    releases = 0;
    check_status(lares_recovery_new(NULL), LARES_EINVAL);
    check_status(lares_node_recovery(NULL, &recovery), LARES_EINVAL);
    check_status(lares_recovery_register(NULL, NULL, idle, NULL, count_release,
                                         NULL, &count),
                 LARES_EINVAL);
    check_status(lares_recovery_remove(NULL, 1), LARES_EINVAL);
    check_status(lares_recovery_count(NULL, &count), LARES_EINVAL);
    check_status(lares_recovery_run(NULL, &rows), LARES_EINVAL);
    check_status(lares_recovery_report(NULL, &rows), LARES_EINVAL);
    check(recovery == UNTOUCHED && rows == UNTOUCHED && count == 7);
    check_ok(lares_recovery_new(&recovery));
    check_status(lares_recovery_register(recovery, NULL, NULL, NULL,
                                         count_release, NULL, &count),
                 LARES_EINVAL);
    check_status(lares_recovery_count(recovery, NULL), LARES_EINVAL);
    check_status(lares_recovery_report(recovery, NULL), LARES_EINVAL);
    check_i64(releases, 2);
    check_ok(lares_recovery_run(recovery, NULL));
    lares_recovery_free(recovery);
}

static void test_null__arguments(void **state)
{
    lares_node *node = node_open("0");
    lares_daemon *daemon = UNTOUCHED;
    lares_inbox *inbox = UNTOUCHED;
    lares_rows *rows = UNTOUCHED;

    (void)state; /* id: AB02 */
    check_status(lares_node_new("a", NULL, NULL), LARES_EINVAL);
    check_status(lares_node_unregister(node, NULL), LARES_EINVAL);
    check_status(lares_node_load(node, NULL, ""), LARES_EINVAL);
    check_status(lares_node_spawn(node, NULL, NULL, NULL, &daemon),
                 LARES_EINVAL);
    check_status(lares_node_find(node, 1, NULL), LARES_EINVAL);
    check_status(lares_node_publish(node, NULL, "", 0, 0), LARES_EINVAL);
    check_status(lares_node_subscribe(node, NULL, NULL, &inbox), LARES_EINVAL);
    check_status(lares_node_subscribe(node, "a", NULL, NULL), LARES_EINVAL);
    check_status(lares_node_report(node, NULL, &rows), LARES_EINVAL);
    check_status(lares_node_report(node, "node", NULL), LARES_EINVAL);
    check_status(lares_image_report(NULL, 0, "image", &rows), LARES_EINVAL);
    check_status(lares_image_report("", 0, NULL, &rows), LARES_EINVAL);
    check_status(lares_image_report("", 0, "image", NULL), LARES_EINVAL);
    check_status(lares_letter_data(node, 1, NULL), LARES_EINVAL);
    check_status(lares_world_new(1, NULL), LARES_EINVAL);
    check(daemon == UNTOUCHED && inbox == UNTOUCHED && rows == UNTOUCHED);
    node_close(node);
}

static void test_null__arguments_of_a_daemon(void **state)
{
    lares_node *node = node_open("0");
    lares_inbox *inbox = subscribe(node, "a", NULL);
    lares_daemon *daemon;

    (void)state; /* id: AB02 */
    check_ok(lares_node_register(node, "echo", NULL, &echo_ops, NULL, NULL));
    daemon = spawn(node, "echo", NULL);
    check_status(lares_daemon_key(daemon, NULL), LARES_EINVAL);
    check_status(lares_daemon_subscribe(daemon, NULL, NULL), LARES_EINVAL);
    check_status(lares_daemon_unsubscribe(daemon, NULL, NULL), LARES_EINVAL);
    check_status(lares_daemon_pull(daemon, 0, NULL), LARES_EINVAL);
    check_status(lares_inbox_next(inbox, 0, NULL), LARES_EINVAL);
    lares_daemon_free(daemon);
    lares_inbox_free(inbox);
    node_close(node);
}

/* user is taken whatever the result. */
static void test_null__register_releases(void **state)
{
    lares_node *node = node_open("0");

    (void)state; /* id: AB02 */
    releases = 0;
    check_status(
        lares_node_register(NULL, "a", NULL, &echo_ops, NULL, count_release),
        LARES_EINVAL);
    check_i64(releases, 1);
    check_status(
        lares_node_register(node, NULL, NULL, &echo_ops, NULL, count_release),
        LARES_EINVAL);
    check_i64(releases, 2);
    check_status(
        lares_node_register(node, "No", NULL, &echo_ops, NULL, count_release),
        LARES_ENAME);
    check_i64(releases, 3);
    check_ok(
        lares_node_register(node, "a", NULL, &echo_ops, NULL, count_release));
    check_i64(releases, 3);
    check_status(
        lares_node_register(node, "a", NULL, &echo_ops, NULL, count_release),
        LARES_EEXIST);
    check_i64(releases, 4);
    check_ok(lares_node_unregister(node, "a"));
    check_i64(releases, 5);
    check_ok(
        lares_node_register(node, "a", NULL, &echo_ops, NULL, count_release));
    node_close(node);
    check_i64(releases, 6);
}

/* -- what has ended ------------------------------------------------------- */

static void check_ended_daemon(lares_daemon *daemon, uint64_t origin)
{
    lares_events *events = UNTOUCHED;
    lares_key *key = NULL;

    check_u64(lares_daemon_origin(daemon), origin);
    check_status(ask(daemon, "x", 0, &events), LARES_ECLOSED);
    check_status(ask(daemon, "x", -1, &events), LARES_ECLOSED);
    check_status(say(daemon, "x", 0), LARES_ECLOSED);
    check_status(say(daemon, "x", -1), LARES_ECLOSED);
    check_status(lares_daemon_subscribe(daemon, "a", NULL), LARES_ECLOSED);
    check_status(lares_daemon_unsubscribe(daemon, "a", NULL), LARES_ECLOSED);
    check_ok(lares_daemon_stop(daemon, 0));
    check_ok(lares_daemon_stop(daemon, -1));
    check_ok(lares_daemon_key(daemon, &key));
    check_u64(lares_key_origin(key), origin);
    check(events == UNTOUCHED);
    lares_key_free(key);
}

static void check_ended_puller(lares_daemon *puller)
{
    lares_call *call = UNTOUCHED;

    check_status(lares_daemon_pull(puller, 0, &call), LARES_ECLOSED);
    check_status(lares_daemon_pull(puller, -1, &call), LARES_ECLOSED);
    check(call == UNTOUCHED);
    check_ended_daemon(puller, lares_daemon_origin(puller));
}

/* Made on a node that has lanes or none; in `ended` they end first. */
static void check_ended(const char *lanes, int ended)
{
    lares_node *node = node_open(lanes);
    lares_daemon *daemon, *puller;
    lares_events *events = UNTOUCHED;
    lares_inbox *inbox = subscribe(node, "a", NULL);
    uint64_t origin;

    check_ok(lares_node_register(node, "echo", NULL, &echo_ops, NULL, NULL));
    check_ok(lares_node_register(node, "pulled", NULL, NULL, NULL, NULL));
    daemon = spawn(node, "echo", NULL);
    puller = spawn(node, "pulled", NULL);
    origin = lares_daemon_origin(daemon);
    if (ended) {
        lares_daemon *found = UNTOUCHED;

        check_ok(lares_daemon_stop(daemon, 0));
        check_ok(lares_daemon_stop(puller, 0));
        check_status(lares_node_find(node, origin, &found), LARES_ENOTFOUND);
        check(found == UNTOUCHED);
        check_ended_daemon(daemon, origin);
        check_ended_puller(puller);
    }
    node_close(node); /* its last ticket */
    check_ended_daemon(daemon, origin);
    check_ended_puller(puller);
    check_status(lares_inbox_next(inbox, -1, &events), LARES_ECLOSED);
    check(events == UNTOUCHED);
    lares_daemon_free(daemon);
    lares_daemon_free(puller);
    lares_inbox_free(inbox);
}

static void test_null__tickets_of_what_has_ended(void **state)
{
    (void)state; /* id: AB02 */
    check_ended("0", 1);
    check_ended("1", 1);
}

static void test_null__tickets_after_their_node(void **state)
{
    (void)state; /* id: AB02 */
    check_ended("0", 0);
    check_ended("1", 0);
}

static void test_null__a_node_that_has_stopped(void **state)
{
    lares_node *node = node_open("1");
    lares_daemon *daemon = UNTOUCHED;
    lares_inbox *inbox = UNTOUCHED;

    (void)state; /* id: AB02 */
    check_ok(lares_node_stop(node, 0));
    check_ok(lares_node_wait(node, 5000));
    check_status(lares_node_start(node), LARES_ECLOSED);
    check_ok(lares_node_stop(node, -1));
    check_ok(lares_node_run(node, 0));
    releases = 0;
    check_status(
        lares_node_register(node, "a", NULL, &echo_ops, NULL, count_release),
        LARES_ECLOSED);
    check_i64(releases, 1);
    check_status(lares_node_unregister(node, "a"), LARES_ENOTFOUND);
    check_status(lares_node_load(node, "a", ""), LARES_ECLOSED);
    check_status(lares_node_spawn(node, "a", NULL, NULL, &daemon),
                 LARES_ECLOSED);
    check_status(lares_node_find(node, 1, &daemon), LARES_ENOTFOUND);
    check_status(lares_node_publish(node, "a", "", 0, 0), LARES_ECLOSED);
    check_status(lares_node_subscribe(node, "a", NULL, &inbox), LARES_ECLOSED);
    check_u64(rows_count(node, "node"), 1);
    check(daemon == UNTOUCHED && inbox == UNTOUCHED);
    lares_node_free(node);
}

/* -- times ---------------------------------------------------------------- */

static void test_null__times_below_for_ever(void **state)
{
    lares_node *node = node_open("0");
    lares_inbox *inbox = subscribe(node, "a", NULL);
    lares_events *events = UNTOUCHED;
    lares_call *call = UNTOUCHED;
    lares_daemon *daemon;

    (void)state;
    check_ok(lares_node_register(node, "pulled", NULL, NULL, NULL, NULL));
    daemon = spawn(node, "pulled", NULL);
    check_status(lares_node_stop(node, -2), LARES_ERANGE);
    check_status(lares_node_wait(node, -2), LARES_ERANGE);
    check_status(lares_node_run(node, INT64_MIN), LARES_ERANGE);
    check_status(publish(node, "a", "x", -2), LARES_ERANGE);
    check_status(say(daemon, "x", -2), LARES_ERANGE);
    check_status(ask(daemon, "x", -2, &events), LARES_ERANGE);
    check_status(lares_daemon_pull(daemon, -2, &call), LARES_ERANGE);
    check_status(lares_daemon_stop(daemon, -2), LARES_ERANGE);
    check_status(lares_inbox_next(inbox, -2, &events), LARES_ERANGE);
    check(events == UNTOUCHED && call == UNTOUCHED);
    check_ok(publish(node, "a", "x", INT64_MAX));
    lares_daemon_free(daemon);
    lares_inbox_free(inbox);
    node_close(node);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        house_test(test_null__values),
        house_test(test_null__frees),
        house_test(test_null__receivers),
        house_test(test_null__calls),
        house_test(test_null__recovery),
        house_test(test_null__arguments),
        house_test(test_null__arguments_of_a_daemon),
        house_test(test_null__register_releases),
        house_test(test_null__tickets_of_what_has_ended),
        house_test(test_null__tickets_after_their_node),
        house_test(test_null__a_node_that_has_stopped),
        house_test(test_null__times_below_for_ever),
    };

    return check_run(tests);
}
