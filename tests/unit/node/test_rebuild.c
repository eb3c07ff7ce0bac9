#include "support/tally.h"

/* A failed turn never costs state: what is rebuilt is what was committed. */

/* -- tools ---------------------------------------------------------------- */

static char texts[4096];
static lares_daemon *itself;

static lares_daemon *counter_open(void)
{
    return spawn(node, "counter", options("publish", "out", "subscribe", "in"));
}

static const char *record(const char *what, const char *column)
{
    return cell_text(node, "records", "what", what, column);
}

static uint64_t records(const char *what)
{
    lares_rows *rows = report(node, "records");
    uint64_t count = 0;

    while (rows_seek(rows, "what", what))
        count++;
    lares_rows_free(rows);
    return count;
}

/* -- deliver -------------------------------------------------------------- */

static void test_rebuild__a_failed_deliver_never_happened(void **state)
{
    lares_inbox *inbox = subscribe(node, "out", NULL);
    lares_daemon *daemon = counter_open();

    (void)state; /* id: B01, H08 */
    check_ask(daemon, "a", "1");
    check_ask(daemon, "b", "2");
    check_status(ask(daemon, "boom", 0, NULL), LARES_ECALLBACK);
    check_detail("boom");
    check_u64(fact("failures"), 0);
    check_u64(fact("rebuilds"), 1);
    check_state("RUNNING");
    check_i64(tally.created, 2);
    check_i64(tally.destroyed, 1);
    check_i64(tally.replayed, 2);
    check_ask(daemon, "c", "3");
    check_u64(fact("sequence"), 3);
    check_u64(fact("arrival"), 4);
    check_u64(fact("diverged"), 0);
    check_chain(inbox, daemon, 3);
    lares_inbox_free(inbox);
    lares_daemon_free(daemon);
}

static void test_rebuild__a_kind_without_snapshot_keeps_its_object(void **state)
{
    lares_daemon *daemon = spawn(node, "plain", NULL);

    (void)state; /* id: B06 */
    check_ask(daemon, "a", "1");
    check_status(ask(daemon, "boom", 0, NULL), LARES_ECALLBACK);
    check_ask(daemon, "b", "3");
    check_u64(daemon_fact(node, "plain", "rebuilds"), 0);
    check_status(ask(daemon, "lost", 0, NULL), LARES_ECALLBACK);
    check_u64(daemon_fact(node, "plain", "lost"), 1);
    check_ask(daemon, "c", "1");
    check_u64(daemon_fact(node, "plain", "sequence"), 3);
    check_u64(records("LOST"), 1);
    lares_daemon_free(daemon);
}

/* What its author declares lost comes back as it was committed. */
static void test_rebuild__a_lost_object_comes_back(void **state)
{
    lares_daemon *daemon = counter_open();

    (void)state;
    check_ask(daemon, "a", "1");
    check_status(ask(daemon, "lost", 0, NULL), LARES_ECALLBACK);
    check_ask(daemon, "b", "2");
    check_u64(fact("lost"), 0);
    check_u64(fact("rebuilds"), 1);
    lares_daemon_free(daemon);
}

/* -- mailbox -------------------------------------------------------------- */

/* 4.5 of the contract, with a rebuild: arrivals 7 to 11, the third fails. */
static void test_rebuild__five_inputs_the_third_fails(void **state)
{
    lares_inbox *inbox = subscribe(node, "out", NULL);
    lares_daemon *daemon = counter_open();
    lares_bytes *image;

    (void)state; /* id: H04 */
    for (int i = 0; i < 4; i++)
        check_ok(ask(daemon, "", 0, NULL));
    image = image_of(daemon); /* a checkpoint at arrival 4 */
    lares_bytes_free(image);
    check_ok(ask(daemon, "", 0, NULL));
    check_ok(ask(daemon, "", 0, NULL));
    check_ok(say(daemon, "a", 0));
    check_ok(say(daemon, "b", 0));
    check_ok(say(daemon, "boom", 0));
    check_ok(say(daemon, "d", 0));
    check_ok(say(daemon, "e", 0));
    pass_ms(0);
    check_u64(fact("arrival"), 8);
    check_u64(fact("sequence"), 8);
    check_u64(fact("failures"), 2);
    check_u64(fact("queued"), 3);
    check_i64(tally.replayed, 4); /* inputs 5 to 8, after the first attempt */
    check_u64(fact("rebuilds"), 1);
    check_state("BACKOFF");
    pass_ms(49);
    check_u64(fact("rebuilds"), 1); /* it waits for the gate */
    pass_ms(1);
    check_u64(fact("rebuilds"), 3); /* before the last attempt, and after it */
    check_u64(fact("arrival"), 11);
    check_u64(fact("sequence"), 10);
    check_u64(fact("failures"), 0);
    check_state("RUNNING");
    check_u64(rows_count(node, "letters"), 1);
    check_str(cell_text(node, "letters", "name", "counter", "text"), "boom");
    check_u64(inbox_read(inbox, 0, texts, sizeof texts), 10);
    check_str(texts, "1 2 3 4 5 6 7 8 9 10 ");
    lares_inbox_free(inbox);
    lares_daemon_free(daemon);
}

static void test_rebuild__records_what_became_of_it(void **state)
{
    lares_daemon *daemon = counter_open();

    (void)state; /* id: R03 */
    check_ask(daemon, "a", "1");
    check_status(ask(daemon, "boom", 0, NULL), LARES_ECALLBACK);
    check_ok(lares_daemon_stop(daemon, 0));
    check_u64(records("REGISTERED"), 1);
    check_u64(records("STARTED"), 1);
    check_u64(records("CRASHED"), 1);
    check_u64(records("RESTORED"), 1);
    check_u64(records("UNREGISTERED"), 1);
    check_str(record("CRASHED", "text"), "boom");
    check(strstr(record("RESTORED", "text"), "rebuilt in ") != NULL);
    check(strstr(record("RESTORED", "text"), " ms: ") != NULL);
    check(strstr(record("RESTORED", "text"), "1 inputs") != NULL);
    check(cell(node, "records", "what", "CRASHED", "n") <
          cell(node, "records", "what", "RESTORED", "n"));
    check(cell(node, "records", "what", "RESTORED", "n") <
          cell(node, "records", "what", "UNREGISTERED", "n"));
    lares_daemon_free(daemon);
}

/* -- rebuilds that fail --------------------------------------------------- */

static void check_broken(lares_daemon *daemon, const char *text)
{
    check_status(ask(daemon, "boom", 0, NULL), LARES_ECALLBACK);
    check_detail("boom");
    check_str(daemon_text(node, "counter", "error"), text);
    check_u64(fact("failures"), 1); /* the rebuild's, which waits 0 ms */
    check_state("STARTING");
    pass_ms(0);
    check_state("RUNNING");
    check_u64(records("BROKEN"), 1);
}

static void test_rebuild__is_tried_again_when_a_callback_fails(void **state)
{
    lares_daemon *daemon = counter_open();

    (void)state; /* id: B03 */
    for (int i = 0; i < 3; i++)
        check_ok(ask(daemon, "", 0, NULL));
    tally.create_fails = 1;
    check_broken(daemon, "no instance");
    check_ask(daemon, "a", "4");
    lares_daemon_free(daemon);
}

static void test_rebuild__is_tried_again_when_restore_fails(void **state)
{
    lares_daemon *daemon = counter_open();

    (void)state; /* id: B03 */
    for (int i = 0; i < 3; i++)
        check_ok(ask(daemon, "", 0, NULL));
    lares_bytes_free(image_of(daemon));
    tally.restore_fails = 1;
    check_broken(daemon, "no restore");
    check_ask(daemon, "a", "4");
    lares_daemon_free(daemon);
}

static void test_rebuild__is_tried_again_when_a_replay_fails(void **state)
{
    lares_daemon *daemon = counter_open();

    (void)state; /* id: B03 */
    for (int i = 0; i < 3; i++)
        check_ok(ask(daemon, "", 0, NULL));
    tally.replay_fails = 1;
    check_broken(daemon, "no replay");
    check_ask(daemon, "a", "4");
    check_u64(fact("sequence"), 4);
    lares_daemon_free(daemon);
}

/* While nothing can be rebuilt the mailbox keeps what comes. */
static void test_rebuild__fails_ever_slower(void **state)
{
    lares_daemon *daemon = counter_open();

    (void)state; /* id: NS03 */
    check_ask(daemon, "a", "1");
    tally.create_fails = 1000;
    check_status(ask(daemon, "boom", 0, NULL), LARES_ECALLBACK);
    check_ok(say(daemon, "b", 0));
    pass_ms(0);
    check_state("BACKOFF");
    check_status(ask(daemon, "c", 0, NULL), LARES_EDOWN);
    pass_ms(50 + 100 + 200 + 400 + 800 + 1600 + 3200 + 6400);
    check_u64(fact("failures"), 10);
    check_state("LOOPING");
    check_u64(fact("queued"), 1);
    check_u64(rows_count(node, "letters"), 0);
    check_u64(records("BROKEN"), 10);
    check_u64(records("LOOPING"), 1);
    pass_ms(20000); /* it is told once, until something succeeds */
    check_u64(records("BROKEN"), 12);
    check_u64(records("LOOPING"), 1);
    tally.create_fails = 0;
    check_ok(lares_daemon_restart(daemon));
    pass_ms(0);
    check_state("RUNNING");
    check_u64(fact("failures"), 0);
    check_ask(daemon, "d", "3");
    lares_daemon_free(daemon);
}

/* A daemon that cannot be rebuilt ends when it is asked to, with letters. */
static void test_rebuild__that_fails_while_draining_ends(void **state)
{
    lares_daemon *daemon = counter_open();

    (void)state;
    check_ask(daemon, "a", "1");
    tally.create_fails = 1000;
    check_status(ask(daemon, "boom", 0, NULL), LARES_ECALLBACK);
    check_ok(say(daemon, "b", 0));
    check_ok(lares_daemon_stop(daemon, -1));
    check_u64(rows_count(node, "letters"), 1);
    check_str(cell_text(node, "letters", "name", "counter", "reason"),
              "CLOSED");
    lares_daemon_free(daemon);
}

/* -- what a replay cannot repeat ------------------------------------------ */

static void test_rebuild__that_diverges_goes_on(void **state)
{
    lares_inbox *inbox = subscribe(node, "out", NULL);
    lares_daemon *daemon = counter_open();

    (void)state; /* id: B02 */
    check_ok(ask(daemon, "wild", 0, NULL));
    check_status(ask(daemon, "boom", 0, NULL), LARES_ECALLBACK);
    check_u64(fact("diverged"), 1);
    check_u64(records("DIVERGED"), 1);
    check_ask(daemon, "a", "2");
    check_u64(fact("sequence"), 2);
    check_chain(inbox, daemon, 2); /* outputs of the replay went nowhere */
    lares_inbox_free(inbox);
    lares_daemon_free(daemon);
}

/* -- by hand -------------------------------------------------------------- */

static void test_rebuild__by_hand(void **state)
{
    lares_daemon *daemon = counter_open();

    (void)state;
    check_ask(daemon, "a", "1");
    check_ok(lares_daemon_restart(daemon));
    pass_ms(0);
    check_u64(fact("rebuilds"), 1);
    check_ask(daemon, "b", "2");
    check_ok(lares_daemon_stop(daemon, 0));
    check_status(lares_daemon_restart(daemon), LARES_ECLOSED);
    lares_daemon_free(daemon);
}

static void test_rebuild__by_hand_opens_the_gate(void **state)
{
    lares_daemon *daemon = spawn(node, "plain", NULL);

    (void)state; /* id: RP01 */
    check_ok(say(daemon, "boom", 0));
    check_ok(say(daemon, "a", 0));
    pass_ms(0);
    check_str(daemon_text(node, "plain", "state"), "BACKOFF");
    check_u64(daemon_fact(node, "plain", "crashes"), 2);
    check_ok(lares_daemon_restart(daemon)); /* and forgets two attempts */
    pass_ms(0);
    check_u64(daemon_fact(node, "plain", "crashes"), 4);
    check_u64(daemon_fact(node, "plain", "failures"), 2);
    check_u64(rows_count(node, "letters"), 0);
    check_i64(tally.created, 1); /* it keeps its object */
    lares_daemon_free(daemon);
}

static lares_verdict restart_itself(lares_call *call, void *instance)
{
    const lares_event *event;

    while ((event = lares_call_next(call)) != NULL) {
        if (is_text(event, "again"))
            check_ok(lares_daemon_restart(itself));
        if (tally_take(call, instance, event) != LARES_DONE)
            return LARES_FAILED;
    }
    return LARES_DONE;
}

/* It asks for it in each replay, too, and is rebuilt once all the same. */
static void test_rebuild__by_its_own_hand(void **state)
{
    lares_daemon_ops ops = tally_ops;

    (void)state;
    ops.process = restart_itself;
    check_ok(lares_node_register(node, "restless", NULL, &ops, NULL, NULL));
    itself = spawn(node, "restless", NULL);
    check_ok(ask(itself, "again", 0, NULL));
    pass_ms(1000);
    check_u64(daemon_fact(node, "restless", "rebuilds"), 1);
    check_ask(itself, "x", "2");
    lares_daemon_free(itself);
}

/* -- others on the lane --------------------------------------------------- */

/* Ten thousand inputs are replayed step by step: a neighbour that counts the
 * replays at each of its turns is served in between. */
static int heard_at[8];
static int heard;

static lares_verdict listen(lares_call *call, void *instance)
{
    (void)instance;
    while (lares_call_next(call) != NULL)
        if (heard < 8)
            heard_at[heard++] = tally.replayed;
    return LARES_DONE;
}

static void test_rebuild__lets_others_have_turns(void **state)
{
    lares_daemon *daemon = counter_open();
    lares_daemon *neighbour;

    (void)state; /* id: B07 */
    heard = 0;
    kind_add(node, "listener", listen, NULL);
    neighbour = spawn(node, "listener", options("batch", "1"));
    for (int i = 0; i < 4000; i++) /* of 80 bytes, so no checkpoint is due */
        check_ok(ask(daemon, "mute", 0, NULL));
    check_ok(say(daemon, "boom", 0));
    for (int i = 0; i < 8; i++)
        check_ok(say(neighbour, "x", 0));
    pass_ms(0);
    check_i64(heard, 8);
    check_i64(tally.replayed, 4000);
    check(heard_at[7] < 4000);
    check(heard_at[7] > 0);
    lares_daemon_free(neighbour);
    lares_daemon_free(daemon);
}

/* -- any mixture ---------------------------------------------------------- */

/* The same inputs, once with failures between them and once without: one
 * state, one chain. */
static void test_rebuild__equals_a_run_without_failures(void **state)
{
    const uint8_t seed[32] = {9};
    lares_options *set = options("publish", "out");
    lares_key *key = NULL;
    lares_daemon *daemon, *honest;
    lares_inbox *inbox = subscribe(node, "out", NULL);
    lares_inbox *second = subscribe(other, "out", NULL);
    uint64_t random = 88172645463325252;
    char all[4096];

    (void)state;
    check_ok(lares_key_new(seed, sizeof seed, &key));
    check_ok(lares_node_spawn(node, "counter", key, set, &daemon));
    check_ok(lares_node_spawn(other, "counter", key, set, &honest));
    lares_options_free(set);
    for (int i = 0; i < 400; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        switch (random % 8) {
        case 0:
            (void)ask(daemon, "boom", 0, NULL);
            break;
        case 1:
            (void)ask(daemon, "lost", 0, NULL);
            break;
        case 2:
            check_ok(say(daemon, "boom", 0));
            pass_ms(30000); /* three attempts, however many failed before */
            break;
        case 3:
            lares_bytes_free(image_of(daemon));
            break;
        case 4:
            check_ok(lares_daemon_restart(daemon));
            pass_ms(0);
            break;
        default:
            check_ok(ask(daemon, random & 8 ? "mute" : "x", 0, NULL));
            check_ok(ask(honest, random & 8 ? "mute" : "x", 0, NULL));
        }
    }
    (void)inbox_read(inbox, 0, texts, sizeof texts);
    (void)inbox_read(second, 0, all, sizeof all);
    check_str(texts, all);
    check_u64(daemon_fact(node, "counter", "sequence"),
              daemon_fact(other, "counter", "sequence"));
    check_u64(fact("diverged"), 0);
    check(fact("rebuilds") > 50);
    lares_inbox_free(inbox);
    lares_inbox_free(second);
    lares_daemon_free(daemon);
    lares_daemon_free(honest);
    lares_key_free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        tally_test(test_rebuild__a_failed_deliver_never_happened),
        tally_test(test_rebuild__a_kind_without_snapshot_keeps_its_object),
        tally_test(test_rebuild__a_lost_object_comes_back),
        tally_test(test_rebuild__five_inputs_the_third_fails),
        tally_test(test_rebuild__records_what_became_of_it),
        tally_test(test_rebuild__is_tried_again_when_a_callback_fails),
        tally_test(test_rebuild__is_tried_again_when_restore_fails),
        tally_test(test_rebuild__is_tried_again_when_a_replay_fails),
        tally_test(test_rebuild__fails_ever_slower),
        tally_test(test_rebuild__that_fails_while_draining_ends),
        tally_test(test_rebuild__that_diverges_goes_on),
        tally_test(test_rebuild__by_hand),
        tally_test(test_rebuild__by_hand_opens_the_gate),
        tally_test(test_rebuild__by_its_own_hand),
        tally_test(test_rebuild__lets_others_have_turns),
        tally_test(test_rebuild__equals_a_run_without_failures),
    };

    return check_run(tests);
}
