#include "support/house.h"

#include <sched.h>

/* Dead letters by hand: read, sent again, dropped. */

/* -- fixture -------------------------------------------------------------- */

/* Fails while it is ill; notes what it handles when it is well. */
struct patient {
    atomic_int ill;
    atomic_uint handled;
    char last[64]; /* of the thread inside */
    uint64_t origin, sequence, first_sequence;
    int direct;
};

static lares_verdict patient_process(lares_call *call, void *instance)
{
    struct patient *patient = instance;
    const lares_event *event;

    while ((event = lares_call_next(call)) != NULL) {
        if (atomic_load(&patient->ill)) {
            if (patient->first_sequence == 0)
                patient->first_sequence = event->sequence;
            lares_call_fail(call, "ill");
            return LARES_FAILED;
        }
        event_text(event, patient->last, sizeof patient->last);
        patient->origin = event->origin;
        patient->sequence = event->sequence;
        patient->direct = event->channel == NULL;
        atomic_fetch_add(&patient->handled, 1);
    }
    return LARES_DONE;
}

/* Without lanes: every failure of it is a letter at once. */
static lares_daemon *patient_open(lares_node *node, struct patient *patient)
{
    kind_add(node, "patient", patient_process, patient);
    atomic_store(&patient->ill, 1);
    return spawn(node, "patient",
                 options("restart.initial", "0", "restart.attempts", "1",
                         "subscribe", "in"));
}

/* Id of the letter that a text became. */
static uint64_t letter_of(lares_node *node, const char *text)
{
    uint64_t before = rows_count(node, "letters");

    check_ok(publish(node, "in", text, 0));
    run(node);
    check_u64(rows_count(node, "letters"), before + 1);
    return counter(node, "dead_letters_total", NULL);
}

static void check_letter(lares_node *node, uint64_t id, const char *text)
{
    lares_bytes *bytes = NULL;

    check_ok(lares_letter_data(node, id, &bytes));
    check_u64(lares_bytes_len(bytes), strlen(text));
    check_mem(lares_bytes_data(bytes), text, strlen(text));
    lares_bytes_free(bytes);
}

static void check_gone(lares_node *node, uint64_t id)
{
    lares_bytes *bytes = NULL;

    check_status(lares_letter_data(node, id, &bytes), LARES_ENOTFOUND);
    check(bytes == NULL);
    check_status(lares_letter_replay(node, id), LARES_ENOTFOUND);
    check_status(lares_letter_drop(node, id), LARES_ENOTFOUND);
    check_detail("no letter");
}

/* -- the three functions -------------------------------------------------- */

static void test_letter__is_handled_once_when_replayed(void **state)
{
    struct patient patient = {0};
    lares_node *node = node_open("0");
    lares_daemon *daemon = patient_open(node, &patient);
    uint64_t first = letter_of(node, "first");
    uint64_t second = letter_of(node, "second");

    (void)state; /* id: BD01 */
    atomic_store(&patient.ill, 0);
    check_ok(lares_letter_replay(node, second));
    check_gone(node, second);
    check_letter(node, first, "first");
    run(node);
    run(node);
    check_u64(patient.handled, 1);
    check_str(patient.last, "second");
    check_u64(rows_count(node, "letters"), 1);
    check_u64(daemon_fact(node, "patient", "duplicates"), 0);
    lares_daemon_free(daemon);
    node_close(node);
}

/* The old link would be a repeat: it is a new one of the same chain. */
static void test_letter__comes_as_a_new_event(void **state)
{
    struct patient patient = {0};
    lares_node *node = node_open("0");
    lares_daemon *daemon = patient_open(node, &patient);
    uint64_t id = letter_of(node, "x");
    uint64_t origin;

    (void)state;
    atomic_store(&patient.ill, 0);
    check_ok(say(daemon, "from the program", 0));
    run(node);
    origin = patient.origin;
    check_ok(lares_letter_replay(node, id));
    run(node);
    check_str(patient.last, "x");
    check_u64(patient.origin, origin);
    check_u64(patient.sequence, patient.first_sequence + 2);
    check(patient.direct);
    lares_daemon_free(daemon);
    node_close(node);
}

static void test_letter__that_fails_again_is_another(void **state)
{
    struct patient patient = {0};
    lares_node *node = node_open("0");
    lares_daemon *daemon = patient_open(node, &patient);
    uint64_t id = letter_of(node, "poison");

    (void)state;
    check_ok(lares_letter_replay(node, id));
    run(node);
    check_gone(node, id);
    check_letter(node, id + 1, "poison");
    check_u64(rows_count(node, "letters"), 1);
    lares_daemon_free(daemon);
    node_close(node);
}

static void test_letter__drops_one_or_all(void **state)
{
    struct patient patient = {0};
    lares_node *node = node_open("0");
    lares_daemon *daemon = patient_open(node, &patient);

    (void)state;
    for (int i = 0; i < 3; i++)
        letter_of(node, "x");
    check_ok(lares_letter_drop(node, 2));
    check_gone(node, 2);
    check_u64(rows_count(node, "letters"), 2);
    check_ok(lares_letter_drop(node, 0));
    check_ok(lares_letter_drop(node, 0)); /* all of none */
    check_u64(rows_count(node, "letters"), 0);
    check_u64(counter(node, "dead_letters_total", "reason=\"FAILED\""), 3);
    check_u64(letter_of(node, "y"), 4);
    check_letter(node, 4, "y");
    lares_daemon_free(daemon);
    node_close(node);
}

static void test_letter__the_oldest_of_1025_is_out(void **state)
{
    struct patient patient = {0};
    lares_node *node = node_open("0");
    lares_daemon *daemon = patient_open(node, &patient);

    (void)state; /* id: BD01 */
    for (int i = 0; i < 1025; i++) {
        check_ok(say(daemon, "x", 0));
        run(node);
    }
    check_u64(rows_count(node, "letters"), 1024);
    check_u64(counter(node, "dead_letters_total", NULL), 1025);
    check_gone(node, 1);
    check_letter(node, 2, "x");
    check_letter(node, 1025, "x");
    lares_daemon_free(daemon);
    node_close(node);
}

/* -- it is kept ----------------------------------------------------------- */

static void test_letter__is_kept_when_its_receiver_is_gone(void **state)
{
    struct patient patient = {0};
    lares_node *node = node_open("0");
    lares_daemon *daemon = patient_open(node, &patient);
    uint64_t id = letter_of(node, "x");

    (void)state; /* id: BD01 */
    check_ok(lares_daemon_stop(daemon, 0));
    check_status(lares_letter_replay(node, id), LARES_ECLOSED);
    check_detail("has ended");
    check_letter(node, id, "x");
    lares_daemon_free(daemon);
    check_status(lares_letter_replay(node, id), LARES_ECLOSED);
    check_letter(node, id, "x");
    check_ok(lares_letter_drop(node, id));
    node_close(node);
}

static void test_letter__is_kept_when_there_is_no_space(void **state)
{
    struct patient patient = {.ill = 1};
    lares_node *node = node_open("0");
    lares_daemon *daemon;

    (void)state;
    kind_add(node, "patient", patient_process, &patient);
    daemon = spawn(node, "patient",
                   options("subscribe", "in", "mailbox.count", "1",
                           "restart.initial", "10000", "restart.max", "10000",
                           "restart.attempts", "2"));
    letter_of(node, "x");
    check_ok(say(daemon, "y", 0));
    check_status(lares_letter_replay(node, 1), LARES_EAGAIN);
    check_detail("'patient' has no space");
    run(node);
    check_str(daemon_text(node, "patient", "state"), "LOOPING");
    check_status(lares_letter_replay(node, 1), LARES_EDOWN);
    check_letter(node, 1, "x");
    check_u64(rows_count(node, "letters"), 1);
    lares_daemon_free(daemon);
    node_close(node);
}

static void test_letter__without_its_payload_is_kept(void **state)
{
    static char large[1024 * 1024 + 1];
    struct patient patient = {0};
    lares_node *node = node_open("0");
    lares_daemon *daemon = patient_open(node, &patient);
    lares_bytes *bytes = NULL;

    (void)state;
    check_ok(lares_daemon_send(daemon, large, sizeof large, 0));
    check_ok(lares_daemon_send(daemon, large, sizeof large - 1, 0));
    check_ok(lares_daemon_send(daemon, NULL, 0, 0));
    run(node);
    check_status(lares_letter_data(node, 1, &bytes), LARES_EMISSING);
    check_status(lares_letter_replay(node, 1), LARES_EMISSING);
    check(bytes == NULL);
    check_u64(rows_count(node, "letters"), 3);
    atomic_store(&patient.ill, 0);
    check_ok(lares_letter_replay(node, 2));
    check_letter(node, 3, "");
    check_ok(lares_letter_replay(node, 3));
    run(node);
    check_u64(patient.handled, 2);
    check_u64(rows_count(node, "letters"), 1);
    lares_daemon_free(daemon);
    node_close(node);
}

static void test_letter__is_kept_without_memory(void **state)
{
    struct patient patient = {0};
    lares_node *node = node_open("0");
    lares_daemon *daemon = patient_open(node, &patient);
    uint64_t id = letter_of(node, "x");
    lares_status rc = LARES_ENOMEM;
    int64_t failed = 0;

    (void)state;
    atomic_store(&patient.ill, 0);
    lares__pool_trim();
    while (rc != LARES_OK) {
        lares__alloc_fail(++failed, 1);
        rc = lares_letter_replay(node, id);
        lares__alloc_fail(-1, 0);
        check(rc == LARES_OK || rc == LARES_ENOMEM);
        if (rc == LARES_ENOMEM)
            check_letter(node, id, "x");
    }
    check(failed > 1);
    check_gone(node, id);
    run(node);
    check_u64(patient.handled, 1);
    lares_daemon_free(daemon);
    node_close(node);
}

static void test_letter__outlives_the_work_of_its_node(void **state)
{
    struct patient patient = {0};
    lares_node *node = NULL;
    lares_daemon *daemon;

    (void)state;
    check_ok(lares_node_new("east", NULL, &node));
    check_gone(node, 1); /* one that is new has none */
    check_ok(lares_letter_drop(node, 0));
    lares_node_free(node);
    node = node_open("0");
    daemon = patient_open(node, &patient);
    check_ok(say(daemon, "x", 0));
    check_ok(lares_node_stop(node, 0));
    check_ok(lares_node_wait(node, 5000));
    check_str(cell_text(node, "letters", "id", "1", "reason"), "CLOSED");
    check_letter(node, 1, "x");
    check_status(lares_letter_replay(node, 1), LARES_ECLOSED);
    check_ok(lares_letter_drop(node, 1));
    check_gone(node, 1);
    lares_daemon_free(daemon);
    lares_node_free(node);
}

/* -- inside a callback ---------------------------------------------------- */

struct nurse {
    lares_node *node;
    lares_status rc[2];
    int depth;
};

static lares_verdict nurse_process(lares_call *call, void *instance)
{
    struct nurse *nurse = instance;

    while (lares_call_next(call) != NULL)
        for (uint64_t id = 1; id <= 2; id++)
            nurse->rc[id - 1] = lares_letter_replay(nurse->node, id);
    nurse->depth = locks_held();
    return LARES_DONE;
}

/* It waits for nobody there either: the second finds no space. */
static void test_letter__is_replayed_by_a_daemon(void **state)
{
    struct patient patient = {.ill = 1};
    lares_node *node = node_open("0");
    struct nurse nurse = {.node = node};
    lares_daemon *daemon, *other;

    (void)state;
    kind_add(node, "patient", patient_process, &patient);
    kind_add(node, "nurse", nurse_process, &nurse);
    daemon = spawn(node, "patient",
                   options("mailbox.count", "1", "restart.initial", "0",
                           "restart.attempts", "1"));
    other = spawn(node, "nurse", NULL);
    for (int i = 0; i < 2; i++) {
        check_ok(say(daemon, "x", 0));
        run(node);
    }
    atomic_store(&patient.ill, 0);
    check_ok(say(other, "round", 0));
    run(node);
    check_status(nurse.rc[0], LARES_OK);
    check_status(nurse.rc[1], LARES_EAGAIN);
    check_i64(nurse.depth, 0);
    check_u64(patient.handled, 1);
    check_letter(node, 2, "x");
    lares_daemon_free(daemon);
    lares_daemon_free(other);
    node_close(node);
}

/* -- threads -------------------------------------------------------------- */

enum {
    THREADS = 2,
    LETTERS = 500
};

static atomic_uint arrived; /* at some letter, all threads together */

struct replayer {
    lares_node *node;
    pthread_t thread;
    uint64_t sent;
    uint64_t unknown;
};

static void *replay_all(void *arg)
{
    struct replayer *replayer = arg;

    for (uint64_t id = 1; id <= LETTERS; id++) {
        lares_status rc;

        atomic_fetch_add(&arrived, 1);
        while (atomic_load(&arrived) < id * THREADS)
            sched_yield();
        rc = lares_letter_replay(replayer->node, id);
        replayer->sent += rc == LARES_OK;
        replayer->unknown += rc == LARES_ENOTFOUND;
    }
    return NULL;
}

/* All replay each letter at once: it is sent, and dropped, once. */
static void test_letter__is_sent_by_one_of_many_threads(void **state)
{
    struct replayer replayers[THREADS] = {0};
    struct patient patient = {0};
    lares_node *node = node_open("1");
    lares_daemon *daemon = patient_open(node, &patient);
    uint64_t sent = 0;

    (void)state;
    for (int i = 0; i < LETTERS; i++)
        check_ok(say(daemon, "x", -1));
    eventually(rows_count(node, "letters") == LETTERS);
    atomic_store(&patient.ill, 0);
    atomic_store(&arrived, 0);
    for (int i = 0; i < THREADS; i++) {
        replayers[i].node = node;
        check(pthread_create(&replayers[i].thread, NULL, replay_all,
                             &replayers[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        check(pthread_join(replayers[i].thread, NULL) == 0);
        check_u64(replayers[i].sent + replayers[i].unknown, LETTERS);
        sent += replayers[i].sent;
    }
    check_u64(sent, LETTERS);
    eventually(atomic_load(&patient.handled) == LETTERS);
    check_u64(rows_count(node, "letters"), 0);
    check_u64(daemon_fact(node, "patient", "inputs"), LETTERS);
    lares_daemon_free(daemon);
    node_close(node);
}

/* While the receiver ends: handled, or a letter as before or of that end. */
static void test_letter__is_never_lost_beside_a_stop(void **state)
{
    (void)state;
    for (int i = 0; i < rounds(100, 5000); i++) {
        struct patient patient = {0};
        lares_node *node = node_open("1");
        lares_daemon *daemon = patient_open(node, &patient);
        struct stopper stopper = {.daemon = daemon};
        lares_status rc;
        pthread_t thread;

        check_ok(say(daemon, "x", 0));
        eventually(rows_count(node, "letters") == 1);
        atomic_store(&patient.ill, 0);
        check(pthread_create(&thread, NULL, stop_it, &stopper) == 0);
        rc = lares_letter_replay(node, 1);
        check(pthread_join(thread, NULL) == 0);
        check(rc == LARES_OK || rc == LARES_ECLOSED);
        check_u64(patient.handled + rows_count(node, "letters"), 1);
        lares_daemon_free(daemon);
        node_close(node);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        house_test(test_letter__is_handled_once_when_replayed),
        house_test(test_letter__comes_as_a_new_event),
        house_test(test_letter__that_fails_again_is_another),
        house_test(test_letter__drops_one_or_all),
        house_test(test_letter__the_oldest_of_1025_is_out),
        house_test(test_letter__is_kept_when_its_receiver_is_gone),
        house_test(test_letter__is_kept_when_there_is_no_space),
        house_test(test_letter__without_its_payload_is_kept),
        house_test(test_letter__is_kept_without_memory),
        house_test(test_letter__outlives_the_work_of_its_node),
        house_test(test_letter__is_replayed_by_a_daemon),
        house_test(test_letter__is_sent_by_one_of_many_threads),
        house_test(test_letter__is_never_lost_beside_a_stop),
    };

    return check_run(tests);
}
