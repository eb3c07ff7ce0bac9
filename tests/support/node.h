/* node.h - nodes, daemons and their tables in a few words.
 *
 * By the public header alone. What the product gives a ticket for is freed by
 * the test; options are freed by whoever takes them here.
 */
#ifndef TESTS_NODE_H
#define TESTS_NODE_H

#include "support/check.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* -- how much ------------------------------------------------------------- */

#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* Rounds of a long loop: `deep` with LARES_DEEP in the environment. */
static inline int rounds(int usual, int deep)
{
    if (getenv("LARES_DEEP") != NULL)
        return deep;
    return SANITIZED ? usual / 10 : usual;
}

static inline void nap_ms(int ms)
{
    struct timespec time = {ms / 1000, ms % 1000 * 1000000L};

    nanosleep(&time, NULL);
}

static inline uint64_t clock_ms(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

/* Wait until something holds that another thread brings about. */
#define eventually(condition)                                                  \
    do {                                                                       \
        for (int i_ = 0; i_ < 8000 && !(condition); i_++)                      \
            nap_ms(1);                                                         \
        check(condition);                                                      \
    } while (0)

/* -- making --------------------------------------------------------------- */

/* options("name", "a", "batch", "1"): pairs of text */
#define options(...) options_of((const char *const[]){__VA_ARGS__, NULL})

static inline lares_options *options_of(const char *const *pairs)
{
    lares_options *set = NULL;

    check_ok(lares_options_new(&set));
    for (; *pairs != NULL; pairs += 2)
        check_ok(lares_options_set(set, pairs[0], pairs[1]));
    return set;
}

/* A node that runs, with so many lanes. */
static inline lares_node *node_open(const char *lanes)
{
    lares_options *set = options("lanes", lanes);
    lares_node *node = NULL;

    check_ok(lares_node_new("east", set, &node));
    lares_options_free(set);
    check_ok(lares_node_start(node));
    return node;
}

static inline void node_close(lares_node *node)
{
    check_ok(lares_node_stop(node, 0));
    check_ok(lares_node_wait(node, 8000));
    lares_node_free(node);
}

/* A world with one node. */
static inline lares_world *world_open(uint64_t seed, const char *name,
                                      lares_options *set, lares_node **node_out)
{
    lares_world *world = NULL;

    check_ok(lares_world_new(seed, &world));
    check_ok(lares_world_node(world, name, set, node_out));
    lares_options_free(set);
    return world;
}

/* A kind without create: every daemon of it shares `user`. */
static inline void kind_add(lares_node *node, const char *kind,
                            lares_process_fn process, void *user)
{
    const lares_daemon_ops ops = {.size = sizeof ops, .process = process};

    check_ok(lares_node_register(node, kind, NULL, &ops, user, NULL));
}

/* Takes the options, which may be NULL. */
static inline lares_daemon *spawn(lares_node *node, const char *kind,
                                  lares_options *set)
{
    lares_daemon *daemon = NULL;

    check_ok(lares_node_spawn(node, kind, NULL, set, &daemon));
    lares_options_free(set);
    return daemon;
}

static inline lares_inbox *subscribe(lares_node *node, const char *pattern,
                                     lares_options *set)
{
    lares_inbox *inbox = NULL;

    check_ok(lares_node_subscribe(node, pattern, set, &inbox));
    lares_options_free(set);
    return inbox;
}

/* -- saying --------------------------------------------------------------- */

static inline lares_status publish(lares_node *node, const char *channel,
                                   const char *text, int64_t timeout_ms)
{
    return lares_node_publish(node, channel, text, strlen(text), timeout_ms);
}

static inline lares_status say(lares_daemon *daemon, const char *text,
                               int64_t timeout_ms)
{
    return lares_daemon_send(daemon, text, strlen(text), timeout_ms);
}

static inline lares_status ask(lares_daemon *daemon, const char *text,
                               int64_t timeout_ms, lares_events **out)
{
    return lares_daemon_deliver(daemon, text, strlen(text), timeout_ms, out);
}

/* lanes 0: all that is ready now */
static inline void run(lares_node *node)
{
    check_status(lares_node_run(node, 0), LARES_ETIMEDOUT);
}

static inline void event_text(const lares_event *event, char *out, size_t size)
{
    size_t len = event->len < size ? event->len : size - 1;

    memcpy(out, event->data, len);
    out[len] = '\0';
}

static inline int is_text(const lares_event *event, const char *text)
{
    return event->len == strlen(text) &&
           memcmp(event->data, text, event->len) == 0;
}

/* -- kinds ---------------------------------------------------------------- */

/* Emits each input again. */
static inline lares_verdict echo(lares_call *call, void *instance)
{
    const lares_event *event;

    (void)instance;
    while ((event = lares_call_next(call)) != NULL)
        lares_call_emit(call, NULL, event->data, event->len);
    return LARES_DONE;
}

/* What a noting daemon was shown. */
struct notes {
    atomic_uint count;
    char last[64]; /* of the daemon's thread, or once that is quiet */
    uint64_t sequence;
};

static inline lares_verdict note(lares_call *call, void *instance)
{
    struct notes *notes = instance;
    const lares_event *event;

    while ((event = lares_call_next(call)) != NULL) {
        event_text(event, notes->last, sizeof notes->last);
        notes->sequence = event->sequence;
        atomic_fetch_add(&notes->count, 1);
    }
    return LARES_DONE;
}

/* Fails each input that begins with '!', with the text "boom". */
static inline lares_verdict touchy(lares_call *call, void *instance)
{
    const lares_event *event;

    (void)instance;
    while ((event = lares_call_next(call)) != NULL) {
        if (event->len > 0 && *(const char *)event->data == '!') {
            lares_call_fail(call, "boom");
            return LARES_FAILED;
        }
        lares_call_emit(call, NULL, event->data, event->len);
    }
    return LARES_DONE;
}

/* A daemon stands in front of it, inside its callback, until it is opened. */
struct door {
    atomic_int inside; /* callbacks that have come to it */
    atomic_int open;
    atomic_uint passed; /* inputs */
};

static inline lares_verdict stand(lares_call *call, void *instance)
{
    struct door *door = instance;

    while (lares_call_next(call) != NULL) {
        atomic_fetch_add(&door->inside, 1);
        while (!atomic_load(&door->open))
            nap_ms(1);
        atomic_fetch_add(&door->passed, 1);
    }
    return LARES_DONE;
}

/* -- stopping ------------------------------------------------------------- */

struct stopper {
    lares_daemon *daemon;
    int64_t grace_ms;
    lares_status rc;
    atomic_int done;
};

static inline void *stop_it(void *arg)
{
    struct stopper *stopper = arg;

    stopper->rc = lares_daemon_stop(stopper->daemon, stopper->grace_ms);
    atomic_store(&stopper->done, 1);
    return NULL;
}

static inline void *wait_for_it(void *arg)
{
    lares_status rc = lares_node_wait(arg, -1);

    return (void *)(intptr_t)rc;
}

/* -- tables --------------------------------------------------------------- */

static inline lares_rows *report(lares_node *node, const char *table)
{
    lares_rows *rows = NULL;

    check_ok(lares_node_report(node, table, &rows));
    return rows;
}

/* Steps to the row whose `column` reads `text`; 0: there is none. */
static inline int rows_seek(lares_rows *rows, const char *column,
                            const char *text)
{
    const char *cell;

    while (lares_rows_next(rows) == LARES_OK) {
        check_ok(lares_rows_text(rows, column, &cell));
        if (strcmp(cell, text) == 0)
            return 1;
    }
    return 0;
}

/* The text of one cell, which stands until the next call. */
static inline const char *cell_text(lares_node *node, const char *table,
                                    const char *column, const char *text,
                                    const char *wanted)
{
    static char copy[1024];
    lares_rows *rows = report(node, table);
    const char *cell;

    check(rows_seek(rows, column, text));
    check_ok(lares_rows_text(rows, wanted, &cell));
    (void)snprintf(copy, sizeof copy, "%s", cell);
    lares_rows_free(rows);
    return copy;
}

static inline uint64_t cell(lares_node *node, const char *table,
                            const char *column, const char *text,
                            const char *wanted)
{
    lares_rows *rows = report(node, table);
    uint64_t value = 0;

    check(rows_seek(rows, column, text));
    check_ok(lares_rows_u64(rows, wanted, &value));
    lares_rows_free(rows);
    return value;
}

static inline uint64_t daemon_fact(lares_node *node, const char *name,
                                   const char *wanted)
{
    return cell(node, "daemons", "name", name, wanted);
}

static inline const char *daemon_text(lares_node *node, const char *name,
                                      const char *wanted)
{
    return cell_text(node, "daemons", "name", name, wanted);
}

static inline uint64_t node_fact(lares_node *node, const char *wanted)
{
    return cell(node, "node", "name", "east", wanted);
}

static inline uint64_t rows_count(lares_node *node, const char *table)
{
    lares_rows *rows = report(node, table);
    uint64_t count = 0;

    while (lares_rows_next(rows) == LARES_OK)
        count++;
    lares_rows_free(rows);
    return count;
}

/* A counter; labels NULL: the sum over all of its rows. */
static inline uint64_t counter(lares_node *node, const char *name,
                               const char *labels)
{
    lares_rows *rows = report(node, "counters");
    uint64_t sum = 0;

    while (rows_seek(rows, "name", name)) {
        const char *of;
        uint64_t value;

        check_ok(lares_rows_text(rows, "labels", &of));
        check_ok(lares_rows_u64(rows, "value", &value));
        if (labels == NULL || strcmp(of, labels) == 0)
            sum += value;
    }
    lares_rows_free(rows);
    return sum;
}

static inline const char *state_of(lares_node *node)
{
    return cell_text(node, "node", "name", "east", "state");
}

static inline void check_stopped(lares_node *node, uint64_t leftover,
                                 uint64_t abandoned)
{
    check_str(state_of(node), "STOPPED");
    check_u64(node_fact(node, "leftover"), leftover);
    check_u64(node_fact(node, "abandoned"), abandoned);
    check_u64(node_fact(node, "daemons"), leftover);
}

/* -- inboxes -------------------------------------------------------------- */

/* Takes everything that has come and comes within the time, one text after the
 * other with a blank behind each; answers how many. */
static inline uint64_t inbox_read(lares_inbox *inbox, int64_t timeout_ms,
                                  char *out, size_t size)
{
    const lares_event *event;
    lares_events *events;
    uint64_t count = 0;
    size_t used = 0;

    *out = '\0';
    while (lares_inbox_next(inbox, timeout_ms, &events) == LARES_OK) {
        while ((event = lares_events_next(events)) != NULL) {
            size_t room = size - used;

            count++;
            if (room > 1 && event->len <= room - 2) {
                memcpy(out + used, event->data, event->len);
                used += event->len;
                out[used++] = ' ';
                out[used] = '\0';
            }
        }
        lares_events_free(events);
    }
    return count;
}

static inline uint64_t inbox_count(lares_inbox *inbox)
{
    char none[1];

    return inbox_read(inbox, 0, none, sizeof none);
}

/* A verifier that goes on where the events of one inbox end. */
static inline void chain_follow(lares_chain *chain, lares_inbox *inbox,
                                int count)
{
    lares_events *events = NULL;
    const lares_event *event;

    while (lares_inbox_next(inbox, 0, &events) == LARES_OK) {
        for (; (event = lares_events_next(events)) != NULL; count--)
            check_ok(lares_chain_check(chain, event));
        lares_events_free(events);
    }
    check_i64(count, 0);
}

/* The same from the genesis on, for outputs of one daemon. */
static inline void check_chain(lares_inbox *inbox, lares_daemon *daemon,
                               int count)
{
    lares_chain *chain = NULL;

    check_ok(lares_chain_new(lares_daemon_origin(daemon), &chain));
    chain_follow(chain, inbox, count);
    lares_chain_free(chain);
}

static inline lares_bytes *image_of(lares_daemon *daemon)
{
    lares_bytes *image = NULL;

    check_ok(lares_daemon_snapshot(daemon, 1000, &image));
    return image;
}

static inline lares_status restore_at(lares_node *at, const lares_bytes *image,
                                      const lares_key *key, lares_daemon **out)
{
    return lares_node_restore(at, lares_bytes_data(image),
                              lares_bytes_len(image), key, NULL, out);
}

#endif
