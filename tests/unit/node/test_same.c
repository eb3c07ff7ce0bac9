#include "support/tally.h"

/* One kind, pushed and pulled: nothing of the difference shows. */

/* -- tools ---------------------------------------------------------------- */

static char texts[2][4096];

static lares_options *both(void)
{
    return options("publish", "out", "subscribe", "in", "restart.initial", "0",
                   "batch", "3");
}

static void pulled_state(lares_call *call, const lares_event *event,
                         struct counted *it)
{
    if (event->kind == LARES_INPUT_SNAPSHOT)
        lares_call_state(call, &it->n, sizeof it->n);
    else
        memcpy(&it->n, event->data, sizeof it->n);
}

/* What the trampoline of a language that pulls does, until nothing is left. */
static void pull_all(lares_daemon *daemon, struct counted *it)
{
    lares_call *call;

    while (lares_daemon_pull(daemon, 0, &call) == LARES_OK) {
        lares_verdict verdict = LARES_DONE;
        const lares_event *event;

        while (verdict == LARES_DONE &&
               (event = lares_call_next(call)) != NULL) {
            if (event->kind == LARES_INPUT_EVENT)
                verdict = tally_take(call, it, event);
            else
                pulled_state(call, event, it);
        }
        check_ok(lares_call_end(call, verdict));
    }
}

struct saver {
    lares_daemon *daemon;
    lares_bytes *image;
    atomic_int done;
};

static void *save(void *arg)
{
    struct saver *saver = arg;

    if (lares_daemon_snapshot(saver->daemon, 5000, &saver->image) < 0)
        saver->image = NULL;
    atomic_store(&saver->done, 1);
    return NULL;
}

static lares_bytes *pulled_image(lares_daemon *daemon, struct counted *it)
{
    struct saver saver = {.daemon = daemon};
    pthread_t thread;

    check_i64(pthread_create(&thread, NULL, save, &saver), 0);
    while (!atomic_load(&saver.done))
        pull_all(daemon, it);
    check_i64(pthread_join(thread, NULL), 0);
    check(saver.image != NULL);
    return saver.image;
}

static void say_all(lares_node *at)
{
    static const char *const inputs[] = {"a",    "b",    "boom", "c", "lost",
                                         "mute", "boom", "d",    "e"};

    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++)
        check_ok(publish(at, "in", inputs[i], 0));
}

static void check_same(lares_node *at, lares_node *as, const char *column)
{
    check_u64(daemon_fact(at, "counter", column),
              daemon_fact(as, "counter", column));
}

/* -- the case ------------------------------------------------------------- */

static void test_same__failures_and_images(void **state)
{
    static const char *const columns[] = {
        "epoch",   "sequence", "arrival",  "failures", "queued", "inputs",
        "outputs", "crashes",  "rebuilds", "diverged", "lost"};
    lares_node *ops = node_open("0");
    lares_node *pulls = node_open("0");
    lares_options *stateful = options("stateful", "true");
    lares_options *set = both();
    lares_key *key = NULL;
    lares_daemon *pushed = NULL, *pulled = NULL;
    lares_inbox *out = subscribe(ops, "out", NULL);
    lares_inbox *as = subscribe(pulls, "out", NULL);
    struct counted it = {0};
    lares_bytes *images[2];

    (void)state; /* id: AB07 */
    tally_register(ops, "0");
    check_ok(lares_node_register(pulls, "counter", stateful, NULL, NULL, NULL));
    check_ok(lares_key_new("one identity of the two kinds...", 32, &key));
    check_ok(lares_node_spawn(ops, "counter", key, set, &pushed));
    check_ok(lares_node_spawn(pulls, "counter", key, set, &pulled));
    say_all(ops);
    say_all(pulls);
    run(ops);
    pull_all(pulled, &it);
    images[0] = image_of(pushed);
    images[1] = pulled_image(pulled, &it);
    check_u64(lares_bytes_len(images[0]), lares_bytes_len(images[1]));
    check_ok(lares_daemon_stop(pushed, 0));
    check_ok(lares_daemon_stop(pulled, 0));
    lares_daemon_free(pushed);
    lares_daemon_free(pulled);
    it.n = 0;
    check_ok(restore_at(ops, images[1], key, &pushed)); /* crosswise */
    check_ok(restore_at(pulls, images[0], key, &pulled));
    say_all(ops);
    say_all(pulls);
    run(ops);
    pull_all(pulled, &it);
    (void)inbox_read(out, 0, texts[0], sizeof texts[0]);
    (void)inbox_read(as, 0, texts[1], sizeof texts[1]);
    check_str(texts[0], "1 2 3 5 6 7 8 9 11 12 ");
    check_str(texts[1], texts[0]);
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        check_same(ops, pulls, columns[i]);
    lares_bytes_free(images[0]);
    lares_bytes_free(images[1]);
    lares_options_free(stateful);
    lares_options_free(set);
    lares_inbox_free(out);
    lares_inbox_free(as);
    lares_daemon_free(pushed);
    lares_daemon_free(pulled);
    lares_key_free(key);
    node_close(ops);
    node_close(pulls);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        tally_test(test_same__failures_and_images),
    };

    return check_run(tests);
}
