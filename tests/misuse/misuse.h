/* misuse.h - a daemon that misbehaves, and a neighbour on another lane that
 * must not notice.
 *
 * By the public header alone. A cell is played in a process of its own, which
 * the first check that does not hold ends with 255.
 */
#ifndef TESTS_MISUSE_H
#define TESTS_MISUSE_H

#include "support/node.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* One field of the matrix: what is done, and in which language. */
struct cell {
    const char *name; /* row/column */
    const char *expected;
    void (*play)(void);
};

/* each up to one without a name */
extern const struct cell vtable_cells[];
extern const struct cell pull_cells[];
extern const struct cell script_cells[];

/* -- the neighbour -------------------------------------------------------- */

enum {
    PINGS = 100, /* at least, while a cell is played */
    PINGS_MAX = 4096,
    LATE_MS = 50 /* at the 99th percentile, on a machine with time to spare */
};

struct neighbour {
    lares_daemon *daemon;
    lares_inbox *inbox;
    pthread_t thread;
    atomic_int over;
    /* of its thread */
    uint64_t took[PINGS_MAX]; /* ms */
    int count;
    uint64_t overslept; /* ms, at worst, where the machine had other to do */
};

static inline lares_status ping(struct neighbour *neighbour)
{
    lares_events *events = NULL;
    lares_status rc = say(neighbour->daemon, "x", 5000);

    if (rc == LARES_OK)
        rc = lares_inbox_next(neighbour->inbox, 5000, &events);
    lares_events_free(events);
    return rc;
}

static inline uint64_t nap_overslept(void)
{
    uint64_t began = clock_ms();

    nap_ms(1);
    return clock_ms() - began;
}

/* Until its node stops, or the cell has been played. */
static inline void *neighbour_live(void *arg)
{
    struct neighbour *it = arg;

    while (it->count < PINGS_MAX &&
           (it->count < PINGS || !atomic_load(&it->over))) {
        uint64_t began = clock_ms(), overslept;
        lares_status rc = ping(it);

        if (rc == LARES_ECLOSED)
            break;
        it->took[it->count++] = rc < 0 ? UINT64_MAX : clock_ms() - began;
        overslept = nap_overslept();
        if (overslept > it->overslept)
            it->overslept = overslept;
    }
    return NULL;
}

static inline int compare_u64(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* A nap of 1 ms says how late the machine is by itself; a ping has as many as
 * four threads to wait for. */
static inline void neighbour_judge(struct neighbour *it)
{
    uint64_t limit = LATE_MS + 4 * it->overslept, late;

    if (it->count == 0)
        return; /* the node was stopped before it came to ask */
    qsort(it->took, (size_t)it->count, sizeof *it->took, compare_u64);
    check(it->took[it->count - 1] < UINT64_MAX); /* none failed */
    late = it->took[(it->count - 1) * 99 / 100];
    if (late > limit)
        print_error("the neighbour answered within %d ms\n", (int)late);
    check(late <= limit);
}

/* -- acts that several kinds of authors have ------------------------------- */

/* Of bytes that nobody can read: it is refused before one is read. */
static inline lares_status emit_gibibyte(lares_call *call)
{
    const size_t len = (size_t)1 << 30;
    void *data = mmap(NULL, len, PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    lares_status rc;

    check(data != MAP_FAILED);
    rc = lares_call_emit(call, NULL, data, len);
    munmap(data, len);
    return rc;
}

static inline lares_status emit_million(lares_call *call)
{
    lares_status rc = LARES_OK;

    for (int i = 0; i < 1000000; i++)
        rc = lares_call_emit(call, NULL, "x", 1);
    return rc;
}

/* -- fixture -------------------------------------------------------------- */

/* What a cell is played on. */
struct stage {
    lares_node *node; /* NULL: the cell has dropped it */
    lares_daemon *subject;
    lares_inbox *out;     /* what the subject emits */
    lares_events *events; /* what was taken from it */
    struct neighbour neighbour;
};

/* A node whose neighbour has a lane of its own. */
static inline void stage_open(struct stage *stage)
{
    const lares_daemon_ops ops = {.size = sizeof ops, .process = echo};
    lares_options *set = options("lane", "neighbour");
    struct neighbour *neighbour = &stage->neighbour;

    stage->node = node_open("2");
    check_ok(
        lares_node_register(stage->node, "neighbour", set, &ops, NULL, NULL));
    lares_options_free(set);
    stage->out = subscribe(stage->node, "out", NULL);
    neighbour->inbox = subscribe(stage->node, "pong", NULL);
    neighbour->daemon =
        spawn(stage->node, "neighbour", options("publish", "pong"));
    check_i64(
        pthread_create(&neighbour->thread, NULL, neighbour_live, neighbour), 0);
}

static inline void stage_close(struct stage *stage)
{
    struct neighbour *neighbour = &stage->neighbour;

    atomic_store(&neighbour->over, 1);
    check_i64(pthread_join(neighbour->thread, NULL), 0);
    neighbour_judge(neighbour);
    lares_daemon_free(neighbour->daemon);
    lares_inbox_free(neighbour->inbox);
    lares_daemon_free(stage->subject);
    lares_inbox_free(stage->out);
    lares_events_free(stage->events);
    if (stage->node != NULL)
        node_close(stage->node);
}

/* -- tools ---------------------------------------------------------------- */

/* The next output of the subject. */
static inline void check_out(struct stage *stage, const char *text)
{
    const lares_event *event = lares_events_next(stage->events);
    char said[64];

    if (event == NULL) {
        lares_events_free(stage->events);
        stage->events = NULL;
        check_ok(lares_inbox_next(stage->out, 8000, &stage->events));
        event = lares_events_next(stage->events);
    }
    event_text(event, said, sizeof said);
    check_str(said, text);
}

/* A turn that goes well. */
static inline void check_turn(struct stage *stage, const char *text,
                              const char *out)
{
    check_ok(ask(stage->subject, text, 8000, NULL));
    check_out(stage, out);
}

static inline void check_silent(struct stage *stage)
{
    check(lares_events_next(stage->events) == NULL);
    lares_events_free(stage->events);
    stage->events = NULL;
    check_status(lares_inbox_next(stage->out, 0, &stage->events),
                 LARES_ETIMEDOUT);
}

static inline uint64_t subject_fact(struct stage *stage, const char *column)
{
    return daemon_fact(stage->node, "subject", column);
}

/* -- what subjects do ----------------------------------------------------- */

/* It misbehaves then, but not when it is rebuilt. */
static inline int is_bad(const lares_event *event)
{
    return is_text(event, "bad") && !(event->flags & LARES_EVENT_REPLAY);
}

static inline lares_verdict act_fail(lares_call *call)
{
    lares_call_fail(call, "boom");
    return LARES_FAILED;
}

static inline lares_verdict act_answer_7(lares_call *call)
{
    (void)call;
    return 7;
}

static inline lares_verdict act_lose(lares_call *call)
{
    (void)call;
    return LARES_LOST;
}

/* 0: in a forked child everything is refused. */
static inline int fork_status(int (*is_refused)(void))
{
    int status = 1;
    pid_t child = fork();

    if (child == 0)
        _exit(!is_refused());
    return waitpid(child, &status, 0) == child ? status : -1;
}

#endif
