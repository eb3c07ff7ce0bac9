#include "support/tally.h"

/* What a failed turn has left behind is not used before it is made anew. */

/* -- fixture -------------------------------------------------------------- */

static lares_node *real; /* with one lane */
static lares_daemon *daemon, *porter;
static struct door door; /* of the porter */
static int fell;

/* Counts. As it fails, once, it sends for the porter, who holds the lane. */
static lares_verdict call_porter(lares_call *call, void *instance)
{
    struct counted *it = instance;
    const lares_event *event;

    while ((event = lares_call_next(call)) != NULL) {
        it->n++;
        if (!is_text(event, "boom") || fell++ > 0)
            continue;
        (void)say(porter, "x", 0);
        return LARES_FAILED;
    }
    return LARES_DONE;
}

static int suspect_setup(void **state)
{
    lares_daemon_ops ops = tally_ops;
    int rc = house_setup(state);

    memset(&tally, 0, sizeof tally);
    memset(&door, 0, sizeof door);
    fell = 0;
    ops.process = call_porter;
    real = node_open("1");
    check_ok(lares_node_register(real, "counter", NULL, &ops, NULL, NULL));
    kind_add(real, "porter", stand, &door);
    porter = spawn(real, "porter", NULL);
    daemon = spawn(real, "counter", options("batch", "1"));
    return rc;
}

static int suspect_teardown(void **state)
{
    atomic_store(&door.open, 1);
    lares_daemon_free(porter);
    lares_daemon_free(daemon);
    node_close(real);
    return house_teardown(state);
}

#define suspect_test(test)                                                     \
    cmocka_unit_test_setup_teardown(test, suspect_setup, suspect_teardown)

/* -- cases ---------------------------------------------------------------- */

/* Between two steps of its rebuild nobody is inside it. */
static void test_suspect__is_not_saved(void **state)
{
    lares_bytes *image = NULL;

    (void)state;
    for (int i = 0; i < 3; i++)
        check_ok(ask(daemon, "a", 8000, NULL));
    check_ok(say(daemon, "boom", 0));
    eventually(atomic_load(&door.inside) == 1);
    check_str(daemon_text(real, "counter", "state"), "STARTING");
    check_status(lares_daemon_snapshot(daemon, 0, &image), LARES_ETIMEDOUT);
    atomic_store(&door.open, 1);
    check_ok(lares_daemon_snapshot(daemon, 8000, &image));
    check_u64(daemon_fact(real, "counter", "rebuilds"), 1);
    lares_bytes_free(image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        suspect_test(test_suspect__is_not_saved),
    };

    return check_run(tests);
}
