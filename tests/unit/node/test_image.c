#include "support/tally.h"

/* A daemon as an image, and back: the same identity, chain and state. */

/* -- fixture -------------------------------------------------------------- */

/* What a test leaves, the teardown frees. */
static lares_daemon *daemon, *successor;
static lares_inbox *here, *far; /* at `node`, at `other` */
static lares_chain *chain;
static lares_bytes *image;
static lares_key *key;

static void daemon_drop(void)
{
    lares_daemon_free(daemon);
    daemon = NULL;
}

static void image_drop(void)
{
    lares_bytes_free(image);
    image = NULL;
}

static void here_drop(void)
{
    lares_inbox_free(here);
    here = NULL;
}

static void key_drop(void)
{
    lares_key_free(key);
    key = NULL;
}

static int image_teardown(void **state)
{
    daemon_drop();
    image_drop();
    here_drop();
    key_drop();
    lares_daemon_free(successor);
    successor = NULL;
    lares_inbox_free(far);
    far = NULL;
    lares_chain_free(chain);
    chain = NULL;
    return tally_teardown(state);
}

#define image_test(test)                                                       \
    cmocka_unit_test_setup_teardown(test, tally_setup, image_teardown)

/* -- tools ---------------------------------------------------------------- */

static lares_daemon *counter_open(void)
{
    return spawn(node, "counter",
                 options("publish", "out", "subscribe", "in more.>", "argument",
                         "north", "batch", "7"));
}

static lares_key *key_of(uint8_t byte)
{
    const uint8_t seed[32] = {byte};
    lares_key *made = NULL;

    check_ok(lares_key_new(seed, sizeof seed, &made));
    return made;
}

/* Stops it here, and restores it at the other node. */
static void move(void)
{
    check_ok(lares_daemon_stop(daemon, 0));
    check_ok(restore_at(other, image, NULL, &successor));
}

static uint64_t there(const char *column)
{
    return daemon_fact(other, "counter", column);
}

/* -- there and back ------------------------------------------------------- */

static void test_image__goes_on_where_it_stood(void **state)
{
    (void)state; /* id: S01, C03, L01 */
    here = subscribe(node, "out", NULL);
    far = subscribe(other, "out", NULL);
    daemon = counter_open();
    check_ok(lares_chain_new(lares_daemon_origin(daemon), &chain));
    for (int i = 0; i < 10; i++)
        check_ok(ask(daemon, "x", 0, NULL));
    check_ok(lares_daemon_subscribe(daemon, "late", "pool"));
    image = image_of(daemon);
    chain_follow(chain, here, 10);
    move();
    check_u64(lares_daemon_origin(successor), lares_daemon_origin(daemon));
    check_ask(successor, "x", "11");
    check_ok(publish(other, "in", "x", 0));
    check_ok(publish(other, "more.of.it", "x", 0));
    check_ok(publish(other, "late", "x", 0));
    check_ok(publish(other, "never", "x", 0));
    pass_ms(0);
    check_u64(there("sequence"), 14);
    check_u64(there("arrival"), 14);
    check_u64(there("epoch"), 2);
    check_str(tally.last, "north");
    check_str(cell_text(other, "subscriptions", "pattern", "late", "group"),
              "pool");
    chain_follow(chain, far, 4);
}

/* It is as if it had been rebuilt: what fails after it never happened. */
static void test_image__is_the_checkpoint_of_its_successor(void **state)
{
    (void)state;
    daemon = counter_open();
    check_ask(daemon, "x", "1");
    image = image_of(daemon);
    move();
    image_drop(); /* the state was copied */
    check_ask(successor, "x", "2");
    check_status(ask(successor, "boom", 0, NULL), LARES_ECALLBACK);
    check_ask(successor, "x", "3");
    check_u64(there("diverged"), 0);
}

static void test_image__without_a_state(void **state)
{
    (void)state; /* id: S02 */
    daemon = spawn(node, "plain", options("publish", "out"));
    here = subscribe(node, "out", NULL);
    far = subscribe(other, "out", NULL);
    check_ok(lares_chain_new(lares_daemon_origin(daemon), &chain));
    check_ask(daemon, "x", "1");
    image = image_of(daemon);
    move();
    check_ask(successor, "x", "1"); /* its object is a new one */
    chain_follow(chain, here, 1);
    chain_follow(chain, far, 1);
}

/* -- a state of 0 bytes --------------------------------------------------- */

static int emptied;

static lares_verdict snapshot_empty(lares_call *call, void *instance)
{
    (void)call;
    (void)instance;
    return LARES_DONE;
}

static lares_verdict restore_empty(lares_call *call, uint32_t version,
                                   const void *data, size_t len, void *instance)
{
    (void)call;
    (void)version;
    (void)instance;
    check(data != NULL);
    check_u64(len, 0);
    emptied++;
    return LARES_DONE;
}

static void test_image__of_an_empty_state(void **state)
{
    lares_daemon_ops ops = tally_ops;

    (void)state; /* id: S02 */
    emptied = 0;
    ops.snapshot = snapshot_empty;
    ops.restore = restore_empty;
    check_ok(lares_node_register(node, "empty", NULL, &ops, NULL, NULL));
    daemon = spawn(node, "empty", NULL);
    check_ask(daemon, "x", "1");
    image = image_of(daemon);
    check_status(ask(daemon, "boom", 0, NULL), LARES_ECALLBACK);
    check_i64(emptied, 1);
    check_ask(daemon, "x", "1");
}

/* -- taking --------------------------------------------------------------- */

static void test_image__is_refused_and_nothing_changes(void **state)
{
    (void)state; /* id: S03 */
    daemon = spawn(node, "counter", options("snapshot.max", "4096"));
    check_ask(daemon, "x", "1");
    tally.save_fails = 1;
    check_status(lares_daemon_snapshot(daemon, 0, &image), LARES_ESNAPSHOT);
    check_detail("counter: no snapshot");
    check_u64(fact("failures"), 0);
    check_state("RUNNING");
    tally.padding = 4096;
    check_status(lares_daemon_snapshot(daemon, 0, &image), LARES_ETOOBIG);
    check(image == NULL);
    tally.padding = 1024;
    image = image_of(daemon);
    check_ask(daemon, "x", "2");
    check_u64(counter(node, "snapshots_total", "result=\"ok\""), 1);
    check_u64(counter(node, "snapshots_total", "result=\"failed\""), 2);
    image_drop();
    check_ok(lares_daemon_stop(daemon, 0));
    check_status(lares_daemon_snapshot(daemon, 0, &image), LARES_ECLOSED);
}

static lares_status inside;

static lares_verdict snapshot_inside(lares_call *call, void *instance)
{
    while (lares_call_next(call) != NULL)
        inside = lares_daemon_snapshot(instance, -1, &image);
    check(image == NULL);
    return LARES_DONE;
}

static void test_image__is_not_taken_inside_a_callback(void **state)
{
    lares_daemon *asker;

    (void)state; /* id: H15 */
    daemon = counter_open();
    kind_add(node, "asker", snapshot_inside, daemon);
    asker = spawn(node, "asker", NULL);
    inside = LARES_OK;
    check_ok(ask(asker, "x", 0, NULL));
    check_status(inside, LARES_EDEADLK);
    lares_daemon_free(asker);
}

static void test_image__waits_for_the_gate_of_nobody(void **state)
{
    (void)state;
    daemon = counter_open();
    check_ok(say(daemon, "boom", 0));
    pass_ms(0);
    check_state("BACKOFF");
    check_status(lares_daemon_snapshot(daemon, 0, &image), LARES_EDOWN);
    pass_ms(50);
    lares_bytes_free(image_of(daemon));
}

/* -- outputs that found no space ------------------------------------------ */

/* Four outputs, and space for one of them `here`. */
static void parked_open(void)
{
    here = subscribe(node, "out", options("mailbox.count", "1"));
    daemon = counter_open();
    for (int i = 0; i < 4; i++)
        check_ok(say(daemon, "x", 0));
    pass_ms(0);
    check_u64(fact("parked"), 1);
}

static void test_image__holds_parked_outputs(void **state)
{
    (void)state; /* id: S04 */
    far = subscribe(other, "out", NULL);
    parked_open();
    check_ok(lares_chain_new(lares_daemon_origin(daemon), &chain));
    image = image_of(daemon);
    move();
    chain_follow(chain, here, 1);
    here_drop();
    pass_ms(0);
    chain_follow(chain, far, 3); /* what was parked, once, in its order */
    check_ask(successor, "x", "5");
    chain_follow(chain, far, 1);
}

/* -- handed over ---------------------------------------------------------- */

/* What was accepted is in the last image; nothing comes between. */
static void test_image__of_a_daemon_that_retires(void **state)
{
    (void)state;
    here = subscribe(node, "out", NULL);
    far = subscribe(other, "out", NULL);
    daemon = counter_open();
    check_ok(lares_chain_new(lares_daemon_origin(daemon), &chain));
    for (int i = 0; i < 20; i++)
        check_ok(publish(node, "in", i == 7 ? "lost" : "x", 0));
    check_u64(lares_daemon_epoch(daemon), 1);
    check_ok(lares_daemon_retire(daemon, -1, &image));
    check_u64(rows_count(node, "daemons"), 0);
    check_status(say(daemon, "x", 0), LARES_ECLOSED);
    check_u64(rows_count(node, "letters"), 1);
    chain_follow(chain, here, 19);
    check_ok(restore_at(other, image, NULL, &successor));
    check_u64(lares_daemon_epoch(successor), 2);
    check_ask(successor, "x", "20");
    chain_follow(chain, far, 1);
    image_drop();
    check_status(lares_daemon_retire(daemon, 0, &image), LARES_ECLOSED);
    check(image == NULL);
}

/* Outputs that found no space travel, and are no letters here. */
static void test_image__of_one_that_retires_parked(void **state)
{
    (void)state;
    far = subscribe(other, "out", NULL);
    parked_open();
    check_ok(lares_chain_new(lares_daemon_origin(daemon), &chain));
    check_ok(lares_daemon_retire(daemon, 0, &image));
    check_u64(rows_count(node, "letters"), 0);
    check_ok(restore_at(other, image, NULL, &successor));
    pass_ms(0);
    chain_follow(chain, here, 1);
    chain_follow(chain, far, 3);
}

/* It ends all the same, and says why there is no image. */
static void test_image__that_cannot_be_taken_last(void **state)
{
    (void)state;
    daemon = counter_open();
    check_ask(daemon, "x", "1");
    tally.save_fails = 1;
    check_status(lares_daemon_retire(daemon, 0, &image), LARES_ESNAPSHOT);
    check_detail("no snapshot");
    check(image == NULL);
    check_u64(rows_count(node, "daemons"), 0);
    daemon_drop();
    daemon = counter_open();
    check_ask(daemon, "x", "1");
    tally.create_fails = 1000;
    check_status(ask(daemon, "boom", 0, NULL), LARES_ECALLBACK);
    check_status(lares_daemon_retire(daemon, -1, &image), LARES_EDOWN);
    check(image == NULL);
    check_u64(rows_count(node, "daemons"), 0);
}

/* -- what was seen -------------------------------------------------------- */

/* The horizon travels: events of one origin go on, a restored daemon of a
 * new node of the same name is another sender. */
static void test_image__knows_what_it_was_shown(void **state)
{
    lares_daemon *source, *source_there = NULL;
    lares_bytes *source_image;

    (void)state; /* id: C04, H06 */
    daemon = counter_open();
    kind_add(node, "echo", echo, NULL);
    kind_add(other, "echo", echo, NULL);
    source = spawn(node, "echo", options("publish", "in"));
    source_image = image_of(source);
    for (int i = 0; i < 5; i++)
        check_ok(ask(source, "x", 0, NULL));
    for (int i = 0; i < 5; i++)
        check_ok(publish(node, "in", "x", 0));
    pass_ms(0);
    check_u64(fact("inputs"), 10);
    image = image_of(daemon);
    move();
    for (int i = 0; i < 5; i++)
        check_ok(publish(other, "in", "x", 0)); /* another node's chain */
    pass_ms(0);
    check_u64(there("inputs"), 5);
    check_ok(lares_daemon_stop(source, 0));
    check_ok(restore_at(other, source_image, NULL, &source_there));
    for (int i = 0; i < 5; i++) /* an older image: it repeats itself */
        check_ok(ask(source_there, "x", 0, NULL));
    pass_ms(0);
    check_u64(there("inputs"), 5);
    check_u64(there("duplicates"), 5);
    lares_bytes_free(source_image);
    lares_daemon_free(source_there);
    lares_daemon_free(source);
}

/* -- who may restore ------------------------------------------------------ */

static void test_image__lets_one_instance_live(void **state)
{
    lares_bytes *later;

    (void)state; /* id: S08, T04, H11 */
    daemon = counter_open();
    image = image_of(daemon);
    check_status(restore_at(node, image, NULL, &successor), LARES_EEXIST);
    check_ok(lares_daemon_key(daemon, &key));
    check_ok(lares_daemon_stop(daemon, 0));
    check_status(lares_node_spawn(node, "counter", key, NULL, &successor),
                 LARES_ESTALE);
    check_detail("has lived here: restore its image");
    daemon_drop();
    check_ok(restore_at(node, image, key, &daemon));
    check_u64(fact("epoch"), 2);
    later = image_of(daemon);
    check_ok(lares_daemon_stop(daemon, 0));
    daemon_drop();
    check_status(restore_at(node, image, key, &successor), LARES_ESTALE);
    check_detail("in epoch 2 since the image of epoch 1 was taken");
    check_ok(restore_at(node, later, key, &daemon));
    check_u64(fact("epoch"), 3);
    check(successor == NULL);
    lares_bytes_free(later);
}

static void test_image__needs_its_identity(void **state)
{
    lares_key *wrong;

    (void)state; /* id: S08, I05, H11 */
    key = key_of(1);
    wrong = key_of(2);
    check_ok(lares_node_spawn(node, "counter", key, NULL, &daemon));
    image = image_of(daemon);
    check_status(restore_at(other, image, wrong, &successor), LARES_EIDENTITY);
    check_ok(lares_daemon_stop(daemon, 0));
    daemon_drop();
    key_drop(); /* nobody has its secret any more */
    check_status(restore_at(other, image, NULL, &successor), LARES_EKEY);
    check_detail("pass the identity");
    key = key_of(1);
    check_ok(restore_at(other, image, key, &daemon));
    lares_key_free(wrong);
}

/* What fails leaves no daemon, no subscription and no claim. */
static void test_image__fails_to_be_restored_and_leaves_nothing(void **state)
{
    lares_options *set = options("subscribe", "in");

    (void)state; /* id: S08 */
    key = key_of(1);
    check_ok(lares_node_spawn(node, "counter", key, set, &daemon));
    lares_options_free(set);
    image = image_of(daemon);
    check_ok(lares_daemon_stop(daemon, 0));
    tally.restore_fails = 1;
    check_status(restore_at(other, image, key, &successor), LARES_ERESTORE);
    check_detail("counter: no restore");
    tally.create_fails = 1;
    check_status(restore_at(other, image, key, &successor), LARES_ECALLBACK);
    check_detail("counter: no instance");
    check(successor == NULL);
    check_u64(rows_count(other, "daemons"), 0);
    check_u64(rows_count(other, "subscriptions"), 0);
    check_ok(restore_at(other, image, key, &successor));
    check_u64(there("epoch"), 2);
    check_u64(rows_count(other, "subscriptions"), 1);
}

/* A daemon that is told to end while it comes to be never was. */
static void test_image__of_one_that_stops_in_create(void **state)
{
    (void)state;
    daemon = counter_open();
    image = image_of(daemon);
    tally.stops = 1;
    check_status(restore_at(other, image, NULL, &successor), LARES_ECLOSED);
    tally.stops = 0;
    pass_ms(0);
    check_u64(rows_count(other, "daemons"), 0);
    check_u64(rows_count(other, "subscriptions"), 0);
    check_ok(publish(other, "in", "x", 0)); /* nobody is left to hear it */
    check_ok(restore_at(other, image, NULL, &successor));
}

/* What an image holds is no letter of a daemon that failed to be. */
static void test_image__that_fails_leaves_no_letters(void **state)
{
    (void)state;
    parked_open();
    image = image_of(daemon);
    tally.restore_fails = 1;
    check_status(restore_at(other, image, NULL, &successor), LARES_ERESTORE);
    check_u64(rows_count(other, "letters"), 0);
}

/* Its key may be asked for after it has ended: a chain begins once. */
static void test_image__of_a_key_that_was_given_late(void **state)
{
    (void)state; /* id: T04 */
    daemon = counter_open();
    check_ask(daemon, "x", "1");
    check_ok(lares_daemon_stop(daemon, 0));
    check_ok(lares_daemon_key(daemon, &key));
    daemon_drop();
    check_status(lares_node_spawn(node, "counter", key, NULL, &successor),
                 LARES_ESTALE);
}

static void test_image__without_a_state_has_a_bound(void **state)
{
    (void)state;
    daemon = spawn(node, "plain", options("snapshot.max", "100"));
    check_status(lares_daemon_snapshot(daemon, 0, &image), LARES_ETOOBIG);
    check_detail("snapshot.max");
    check(image == NULL);
}

/* -- kinds that do not fit ------------------------------------------------ */

static void check_misfit(const lares_bytes *bytes, lares_status status)
{
    check_status(restore_at(other, bytes, NULL, &successor), status);
    check(successor == NULL);
    check_u64(rows_count(other, "daemons"), 0);
}

static void test_image__of_a_kind_that_does_not_fit(void **state)
{
    lares_daemon *without;
    lares_daemon_ops plain = tally_ops;
    lares_bytes *stateless;

    (void)state;
    daemon = counter_open();
    without = spawn(node, "plain", NULL);
    image = image_of(daemon);
    stateless = image_of(without);
    plain.snapshot = NULL;
    plain.restore = NULL;
    check_ok(lares_node_unregister(other, "counter"));
    check_misfit(image, LARES_EKIND);
    check_ok(lares_node_register(other, "counter", NULL, &plain, NULL, NULL));
    check_misfit(image, LARES_ESTATELESS);
    check_ok(lares_node_unregister(other, "plain"));
    check_ok(lares_node_register(other, "plain", NULL, &tally_ops, NULL, NULL));
    check_misfit(stateless, LARES_EMISSING);
    lares_bytes_free(stateless);
    lares_daemon_free(without);
}

static void test_image__of_another_version(void **state)
{
    lares_bytes *newer;

    (void)state;
    daemon = counter_open();
    check_ask(daemon, "x", "1");
    image = image_of(daemon);
    check_ok(lares_node_unregister(other, "counter"));
    check_ok(lares_node_unregister(other, "plain"));
    tally_register(other, "3");
    check_ok(restore_at(other, image, NULL, &successor));
    check_u64(tally.version, 0); /* an older state is the author's to read */
    check_ask(successor, "x", "2");
    newer = image_of(successor);
    check_ok(lares_daemon_stop(daemon, 0));
    daemon_drop();
    check_status(restore_at(node, newer, NULL, &daemon), LARES_EVERSION);
    check(daemon == NULL);
    lares_bytes_free(newer);
}

/* -- options -------------------------------------------------------------- */

static void test_image__options_replace_its_own(void **state)
{
    lares_options *set = options("argument", "south", "name", "renamed");
    lares_options *bad = options("subscribe", "elsewhere");

    (void)state;
    daemon = counter_open();
    image = image_of(daemon);
    check_status(lares_node_restore(other, lares_bytes_data(image),
                                    lares_bytes_len(image), NULL, bad,
                                    &successor),
                 LARES_EOPTION);
    check_ok(lares_node_restore(other, lares_bytes_data(image),
                                lares_bytes_len(image), NULL, set, &successor));
    check_str(tally.last, "south");
    check_str(daemon_text(other, "renamed", "kind"), "counter");
    lares_options_free(set);
    lares_options_free(bad);
}

/* -- bytes that are none -------------------------------------------------- */

static void test_image__of_bad_bytes(void **state)
{
    uint8_t *copy;
    size_t len;

    (void)state; /* id: S05 */
    daemon = counter_open();
    image = image_of(daemon);
    len = lares_bytes_len(image);
    copy = malloc(len + 1);
    memcpy(copy, lares_bytes_data(image), len);
    copy[len] = 0;
    check_status(
        lares_node_restore(other, copy, len + 1, NULL, NULL, &successor),
        LARES_EFORMAT);
    for (size_t i = 0; i < len; i++) {
        check(lares_node_restore(other, copy, i, NULL, NULL, &successor) < 0);
        copy[i] ^= (uint8_t)(1u << i % 8);
        check(lares_node_restore(other, copy, len, NULL, NULL, &successor) < 0);
        copy[i] ^= (uint8_t)(1u << i % 8);
    }
    check(successor == NULL);
    check_ok(lares_node_restore(other, copy, len, NULL, NULL, &successor));
    free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        image_test(test_image__goes_on_where_it_stood),
        image_test(test_image__is_the_checkpoint_of_its_successor),
        image_test(test_image__without_a_state),
        image_test(test_image__of_an_empty_state),
        image_test(test_image__is_refused_and_nothing_changes),
        image_test(test_image__is_not_taken_inside_a_callback),
        image_test(test_image__waits_for_the_gate_of_nobody),
        image_test(test_image__holds_parked_outputs),
        image_test(test_image__of_a_daemon_that_retires),
        image_test(test_image__of_one_that_retires_parked),
        image_test(test_image__that_cannot_be_taken_last),
        image_test(test_image__knows_what_it_was_shown),
        image_test(test_image__lets_one_instance_live),
        image_test(test_image__needs_its_identity),
        image_test(test_image__fails_to_be_restored_and_leaves_nothing),
        image_test(test_image__of_one_that_stops_in_create),
        image_test(test_image__that_fails_leaves_no_letters),
        image_test(test_image__of_a_key_that_was_given_late),
        image_test(test_image__without_a_state_has_a_bound),
        image_test(test_image__of_a_kind_that_does_not_fit),
        image_test(test_image__of_another_version),
        image_test(test_image__options_replace_its_own),
        image_test(test_image__of_bad_bytes),
    };

    return check_run(tests);
}
