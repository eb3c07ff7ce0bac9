#include "support/house.h"

/* A node that stops while something begins. */

/* -- cases ---------------------------------------------------------------- */

struct spawner {
    lares_node *node;
    lares_status rc; /* the first that was not OK */
    atomic_uint made;
};

static void *spawn_until_refused(void *arg)
{
    struct spawner *spawner = arg;

    do {
        spawner->rc = lares_node_spawn(spawner->node, "echo", NULL, NULL, NULL);
        atomic_fetch_add(&spawner->made, spawner->rc == LARES_OK);
    } while (spawner->rc == LARES_OK);
    return NULL;
}

static void race_spawn_and_stop(const char *lanes, unsigned head_start)
{
    struct spawner spawner = {.node = node_open(lanes)};
    pthread_t thread;

    kind_add(spawner.node, "echo", echo, NULL);
    check(pthread_create(&thread, NULL, spawn_until_refused, &spawner) == 0);
    while (atomic_load(&spawner.made) < head_start)
        sched_yield();
    check_ok(lares_node_stop(spawner.node, 0));
    check_ok(lares_node_wait(spawner.node, 8000));
    check(pthread_join(thread, NULL) == 0);
    check_status(spawner.rc, LARES_ECLOSED);
    check_stopped(spawner.node, 0, 0);
    lares_node_free(spawner.node);
}

static void test_race__spawn_and_stop(void **state)
{
    int count = rounds(1000, 10000);

    (void)state; /* id: NL02 */
    for (int i = 0; i < count; i++)
        race_spawn_and_stop("1", (unsigned)i % 4);
}

static void *start_it(void *arg)
{
    lares_status rc = lares_node_start(arg);

    return (void *)(intptr_t)rc;
}

/* Either the start came first and the stop ends it, or the stop did. */
static void race_start_and_stop(void)
{
    lares_node *node = NULL;
    pthread_t thread;
    void *rc;

    check_ok(lares_node_new("east", NULL, &node));
    check(pthread_create(&thread, NULL, start_it, node) == 0);
    sched_yield();
    check_ok(lares_node_stop(node, 0));
    check(pthread_join(thread, &rc) == 0);
    check((intptr_t)rc == LARES_OK || (intptr_t)rc == LARES_ECLOSED);
    check_ok(lares_node_wait(node, 8000));
    lares_node_free(node);
}

static void test_race__start_and_stop(void **state)
{
    int count = rounds(300, 10000);

    (void)state;
    for (int i = 0; i < count; i++)
        race_start_and_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        house_test(test_race__spawn_and_stop),
        house_test(test_race__start_and_stop),
    };

    return check_run(tests);
}
