#include "support/house.h"

/* A kind that is pulled does as it does with ops. */

/* -- tools ---------------------------------------------------------------- */

struct story {
    uint64_t hash; /* of the last output */
    uint64_t sequence, arrival, crashes, letters, sketch;
};

/* Fails on '!', else emits each input twice; the same as a call's loop. */
static lares_verdict twice(lares_call *call, void *instance)
{
    const lares_event *event;

    (void)instance;
    while ((event = lares_call_next(call)) != NULL) {
        if (*(const char *)event->data == '!') {
            lares_call_fail(call, "boom");
            return LARES_FAILED;
        }
        lares_call_emit(call, NULL, event->data, event->len);
        lares_call_emit(call, NULL, event->data, event->len);
    }
    return LARES_DONE;
}

static void pull_all(lares_daemon *pulled)
{
    lares_call *call = NULL;

    while (lares_daemon_pull(pulled, 0, &call) == LARES_OK)
        check_ok(lares_call_end(call, twice(call, NULL)));
}

/* What came out, and what the node says about it. */
static struct story story_told(lares_node *stage, lares_inbox *inbox)
{
    struct story story = {
        .sequence = daemon_fact(stage, "twice", "sequence"),
        .arrival = daemon_fact(stage, "twice", "arrival"),
        .crashes = daemon_fact(stage, "twice", "crashes"),
        .letters = rows_count(stage, "letters"),
    };
    lares_events *events = NULL;
    const lares_event *event;

    while (lares_inbox_next(inbox, 0, &events) == LARES_OK) {
        while ((event = lares_events_next(events)) != NULL) {
            story.hash = event->hash;
            story.sketch = event->horizon;
        }
        lares_events_free(events);
    }
    return story;
}

/* Everything but the way in is the same: world, seed, identity, inputs. */
static struct story story_of(int pulled)
{
    static const char *const inputs[] = {"a", "b", "!c", "d", "!e", "f", "g"};
    const lares_daemon_ops ops = {.size = sizeof ops, .process = twice};
    struct story story;
    lares_node *stage = NULL;
    lares_world *world = world_open(11, "east", NULL, &stage);
    lares_daemon *actor;
    lares_inbox *inbox;

    check_ok(lares_node_register(stage, "twice", NULL, pulled ? NULL : &ops,
                                 NULL, NULL));
    actor = spawn(stage, "twice", options("subscribe", "in", "publish", "out"));
    inbox = subscribe(stage, "out", NULL);
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++)
        check_ok(publish(stage, "in", inputs[i], 0));
    for (int ms = 0; ms < 500; ms += 10) {
        if (pulled)
            pull_all(actor);
        check_ok(lares_world_run(world, 10));
    }
    story = story_told(stage, inbox);
    lares_inbox_free(inbox);
    lares_daemon_free(actor);
    node_close(stage);
    lares_world_free(world);
    return story;
}

/* -- cases ---------------------------------------------------------------- */

static void test_pushed__chain_equals_push(void **state)
{
    struct story pushed = story_of(0);
    struct story pulled = story_of(1);

    (void)state; /* id: V10 */
    check_u64(pushed.sequence, 10);
    check_u64(pushed.letters, 2);
    check_u64(pulled.hash, pushed.hash);
    check_u64(pulled.sketch, pushed.sketch);
    check_u64(pulled.sequence, pushed.sequence);
    check_u64(pulled.arrival, pushed.arrival);
    check_u64(pulled.crashes, pushed.crashes);
    check_u64(pulled.letters, pushed.letters);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        house_test(test_pushed__chain_equals_push),
    };

    return check_run(tests);
}
