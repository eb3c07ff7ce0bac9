/* script.h - a world with a node, and a kind that does as its inputs say. */
#ifndef TESTS_SCRIPT_H
#define TESTS_SCRIPT_H

#include "support/house.h"

#include <setjmp.h>

/* -- fixture -------------------------------------------------------------- */

enum {
    LOG_MAX = 64
};

/* What a daemon of the scripted kind did, and what it is to do. */
struct script {
    lares_node *node;
    uint64_t at[LOG_MAX]; /* ms of world time, of each attempt */
    uint64_t arrivals[LOG_MAX];
    int attempts;
    int entered; /* crossings */
    int created, destroyed;
    lares_verdict verdict; /* for inputs that begin with '?' */
    int creates_fail;      /* so many of the next */
    jmp_buf escape;
};

static struct script script;
static lares_world *world;
static lares_node *node;

static inline lares_verdict script_create(lares_call *call,
                                          lares_daemon *daemon,
                                          void **instance_out, void *user)
{
    (void)daemon;
    if (script.creates_fail > 0) {
        script.creates_fail--;
        lares_call_fail(call, "no instance today");
        return LARES_FAILED;
    }
    script.created++;
    *instance_out = user;
    return LARES_DONE;
}

static inline void script_destroy(void *instance)
{
    (void)instance;
    script.destroyed++;
}

static inline uint64_t world_ms(void)
{
    lares_rows *rows = NULL;
    uint64_t ms = 0;

    if (lares_node_report(script.node, "node", &rows) == LARES_OK &&
        lares_rows_next(rows) == LARES_OK)
        lares_rows_u64(rows, "uptime_ms", &ms);
    lares_rows_free(rows);
    return ms;
}

static inline void script_log(const lares_event *event)
{
    if (script.attempts == LOG_MAX)
        return;
    script.at[script.attempts] = world_ms();
    script.arrivals[script.attempts++] = event->arrival;
}

/* Jumps over its own frames, as an exception of some language would. */
static inline void script_obey(lares_call *call, const lares_event *event)
{
    const char *text = event->data;

    for (size_t i = 0; i < event->len; i++) {
        if (text[i] == '!' || text[i] == '?')
            longjmp(script.escape, text[i]);
        lares_call_emit(call, NULL, text + i, 1);
    }
}

/* Emits each letter of an input; '!' fails it with "boom", '?' as told. */
static inline lares_verdict script_process(lares_call *call, void *instance)
{
    const lares_event *event;

    (void)instance;
    script.entered++;
    switch (setjmp(script.escape)) {
    case 0:
        while ((event = lares_call_next(call)) != NULL) {
            script_log(event);
            script_obey(call, event);
        }
        return LARES_DONE;
    case '!':
        lares_call_fail(call, "boom");
        return LARES_FAILED;
    default:
        return script.verdict;
    }
}

static const lares_daemon_ops script_ops = {
    .size = sizeof script_ops,
    .create = script_create,
    .destroy = script_destroy,
    .process = script_process,
};

static inline int script_setup(void **state)
{
    int rc = house_setup(state);

    memset(&script, 0, sizeof script);
    world = world_open(7, "east", NULL, &node);
    script.node = node;
    check_ok(
        lares_node_register(node, "script", NULL, &script_ops, NULL, NULL));
    return rc;
}

static inline int script_teardown(void **state)
{
    check_ok(lares_node_stop(node, 0));
    check_ok(lares_world_run(world, 2000));
    check_i64(script.created, script.destroyed);
    lares_node_free(node);
    lares_world_free(world);
    return house_teardown(state);
}

/* -- tools ---------------------------------------------------------------- */

static inline void pass_ms(int64_t ms)
{
    check_ok(lares_world_run(world, ms));
}

static inline uint64_t fact(const char *column)
{
    return daemon_fact(node, "script", column);
}

static inline void check_state(const char *name)
{
    check_str(daemon_text(node, "script", "state"), name);
}

static inline void check_times(const uint64_t *times, int count)
{
    check_i64(script.attempts, count);
    for (int i = 0; i < count; i++)
        check_u64(script.at[i], times[i]);
}

#define script_test(test)                                                      \
    cmocka_unit_test_setup_teardown(test, script_setup, script_teardown)

#endif
