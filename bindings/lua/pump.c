/* Design notes
 *
 * One thread reads lines, publishes them, and prints outputs. It never waits
 * for room while outputs lie in the inbox, and never for outputs while there
 * is input: so a daemon that is held back by a full inbox cannot hold the pump
 * back for ever, and memory stays within the bounds of mailbox and inbox.
 *
 * The same loop drives a node with lanes and one without, whose daemons run
 * inside the waits below. With nothing to do it looks at the input a hundred
 * times a second.
 */
#include "pump.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    LINE_MAX_BYTES = 16 * 1024 * 1024, /* what the core takes */
    BLOCK = 64 * 1024,
    IDLE_MS = 10,
    GRACE_MS = 5000,
    PROGRESS_NS = 250 * 1000 * 1000
};

struct pump {
    const struct lares__job *job;
    lares_node *node;
    lares_inbox *inbox;
    char channel[LARES__CHANNEL_SIZE];
    char end[LARES__CHANNEL_SIZE + 4]; /* with ".end" */
    char *block; /* what was read, up to `used`; `taken` of it is published */
    size_t room, taken, used;
    uint64_t lines, outputs, progress_at; /* ns */
    uint64_t unheard;                     /* of the lines: by nobody */
    int exhausted;                        /* the input has ended */
    int progress;
    int code; /* not 0: something failed, and was said */
};

/* -- signals -------------------------------------------------------------- */

static volatile sig_atomic_t interrupted;

static void signal_note(int number)
{
    (void)number;
    if (interrupted)
        _exit(LARES__EXIT_INTERRUPTED);
    interrupted = 1;
}

static void signals_take(struct sigaction saved[2])
{
    struct sigaction action;

    memset(&action, 0, sizeof action);
    action.sa_handler = signal_note;
    sigemptyset(&action.sa_mask);
    interrupted = 0;
    sigaction(SIGINT, &action, &saved[0]);
    sigaction(SIGTERM, &action, &saved[1]);
}

static void signals_return(const struct sigaction saved[2])
{
    sigaction(SIGINT, &saved[0], NULL);
    sigaction(SIGTERM, &saved[1], NULL);
}

/* -- output --------------------------------------------------------------- */

static void event_print_json(const lares_event *event)
{
    printf("{\"channel\":");
    lares__json_text(stdout, event->channel);
    printf(",\"origin\":\"%016" PRIx64 "\",\"sequence\":%" PRIu64 ",",
           event->origin, event->sequence);
    lares__json_data(stdout, event->data, event->len);
    fputs("}\n", stdout);
}

static void events_print(struct pump *pump, lares_events *events)
{
    const lares_event *event;

    while ((event = lares_events_next(events)) != NULL) {
        if (pump->job->console.json) {
            event_print_json(event);
        } else {
            fwrite(event->data, 1, event->len, stdout);
            putc('\n', stdout);
        }
        pump->outputs++;
    }
}

static void pump_fail(struct pump *pump, lares_status rc, const char *what)
{
    if (pump->code == 0)
        pump->code = lares__console_fail(&pump->job->console, rc, what);
}

static void output_flush(struct pump *pump)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return;
    if (pump->code == 0)
        pump->code = lares__console_fail_errno(&pump->job->console, "output");
}

/* Print what has come, waiting for it if there is nothing yet; flush when no
 * more is ready. Returns LARES_OK if something came. */
static lares_status pump_drain(struct pump *pump, int64_t wait_ms)
{
    lares_events *events;
    lares_status rc = lares_inbox_next(pump->inbox, wait_ms, &events);
    lares_status first = rc;

    while (rc == LARES_OK) {
        events_print(pump, events);
        lares_events_free(events);
        rc = lares_inbox_next(pump->inbox, 0, &events);
    }
    if (first == LARES_OK)
        output_flush(pump);
    return rc == LARES_ETIMEDOUT ? first : rc;
}

/* -- progress ------------------------------------------------------------- */

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void progress_show(struct pump *pump)
{
    uint64_t now;

    if (!pump->progress)
        return;
    now = now_ns();
    if (now < pump->progress_at)
        return;
    pump->progress_at = now + PROGRESS_NS;
    fprintf(stderr, "\r%" PRIu64 " line%s in, %" PRIu64 " out", pump->lines,
            pump->lines == 1 ? "" : "s", pump->outputs);
}

static void progress_clear(const struct pump *pump)
{
    if (pump->progress)
        fprintf(stderr, "\r%40s\r", "");
}

/* -- input ---------------------------------------------------------------- */

/* Publish one event. Without room, print what is there first: it may be what
 * holds the daemon back. */
static lares_status pump_publish(struct pump *pump, const char *channel,
                                 const char *data, size_t len)
{
    int64_t wait_ms = 0;
    lares_status rc, drained;

    for (;;) {
        rc = lares_node_publish(pump->node, channel, data, len, wait_ms);
        if ((rc != LARES_EAGAIN && rc != LARES_ETIMEDOUT) || interrupted)
            return rc;
        drained = pump_drain(pump, 0);
        if (drained < 0 && drained != LARES_ETIMEDOUT)
            return drained;
        wait_ms = drained == LARES_OK ? 0 : 1;
    }
}

/* A line that is too long is the fault of the input: no usage error. 0: the
 * line is still here. */
static int line_publish(struct pump *pump, const char *data, size_t len)
{
    lares_status rc = pump_publish(pump, pump->channel, data, len);

    if (rc == LARES_OK) {
        pump->lines++;
    } else if (!interrupted) {
        pump_fail(pump, rc, pump->channel);
        if (rc == LARES_ETOOBIG)
            pump->code = LARES__EXIT_FAILED;
    }
    return rc == LARES_OK;
}

/* Publish the whole lines of what was read, and the last one of all. */
static void lines_publish(struct pump *pump)
{
    const char *line, *end;

    while (pump->code == 0 && !interrupted) {
        line = pump->block + pump->taken;
        end = memchr(line, '\n', pump->used - pump->taken);
        if (end == NULL)
            break;
        if (line_publish(pump, line, (size_t)(end - line)))
            pump->taken += (size_t)(end - line) + 1;
    }
    if (pump->exhausted && pump->code == 0 && !interrupted &&
        pump->taken < pump->used &&
        line_publish(pump, pump->block + pump->taken, pump->used - pump->taken))
        pump->taken = pump->used;
}

/* Lines that were read and not published. */
static uint64_t lines_kept(const struct pump *pump)
{
    const char *at = pump->block + pump->taken, *end;
    size_t len = pump->used - pump->taken;
    uint64_t count = 0;

    for (; len > 0; count++) {
        end = memchr(at, '\n', len);
        len = end != NULL ? len - (size_t)(end + 1 - at) : 0;
        at = end != NULL ? end + 1 : at;
    }
    return count;
}

/* Move what is left of a line to the front, and make room behind it. */
static int block_make_room(struct pump *pump)
{
    size_t left = pump->used - pump->taken;
    char *block;

    memmove(pump->block, pump->block + pump->taken, left);
    pump->taken = 0;
    pump->used = left;
    if (pump->room - left >= BLOCK / 2)
        return 1;
    block = realloc(pump->block, pump->room * 2);
    if (block == NULL)
        return 0;
    pump->block = block;
    pump->room *= 2;
    return 1;
}

static void input_read(struct pump *pump)
{
    ssize_t got;

    if (pump->used - pump->taken > LINE_MAX_BYTES) { /* ETOOBIG, as a whole */
        (void)line_publish(pump, pump->block + pump->taken,
                           pump->used - pump->taken);
        return;
    }
    if (!block_make_room(pump)) {
        pump_fail(pump, LARES_ENOMEM, "input");
        return;
    }
    got = read(STDIN_FILENO, pump->block + pump->used, pump->room - pump->used);
    if (got < 0 && errno != EINTR && errno != EAGAIN)
        pump->code = lares__console_fail_errno(&pump->job->console, "input");
    pump->exhausted = got == 0;
    if (got > 0)
        pump->used += (size_t)got;
}

static int input_is_ready(void)
{
    struct pollfd input = {STDIN_FILENO, POLLIN, 0};

    return poll(&input, 1, 0) > 0; /* an error, too: read will say */
}

static void input_pump(struct pump *pump)
{
    lares_status rc;

    while (!pump->exhausted && pump->code == 0 && !interrupted) {
        if (input_is_ready()) {
            input_read(pump);
            lines_publish(pump);
            rc = pump_drain(pump, 0);
        } else {
            rc = pump_drain(pump, IDLE_MS);
        }
        if (rc < 0 && rc != LARES_ETIMEDOUT)
            pump_fail(pump, rc, "outputs");
        progress_show(pump);
    }
}

/* -- the end -------------------------------------------------------------- */

/* Up to the end of the input hardly anybody but us publishes from outside. */
static void unheard_count(struct pump *pump)
{
    const char *name, *labels;
    lares_rows *rows;
    lares_status rc = lares_node_report(pump->node, "counters", &rows);

    if (rc < 0) {
        pump_fail(pump, rc, "counters");
        return;
    }
    while (lares_rows_next(rows) == LARES_OK)
        if (lares_rows_text(rows, "name", &name) == LARES_OK &&
            strcmp(name, "publish_total") == 0 &&
            lares_rows_text(rows, "labels", &labels) == LARES_OK &&
            strcmp(labels, "result=\"none\"") == 0)
            (void)lares_rows_u64(rows, "value", &pump->unheard);
    lares_rows_free(rows);
    if (pump->unheard > pump->lines) /* a plug-in may have published, too */
        pump->unheard = pump->lines;
}

/* Nobody can listen where `.end` makes a name too long. */
static void end_announce(struct pump *pump)
{
    lares_status rc;

    if (pump->code != 0 || interrupted)
        return;
    rc = pump_publish(pump, pump->end, NULL, 0);
    if (rc < 0 && rc != LARES_ENAME && !interrupted)
        pump_fail(pump, rc, pump->end);
}

/* Print until the node has nothing more to say. */
static void node_settle(struct pump *pump)
{
    int hurried = interrupted;
    lares_status rc;

    rc = lares_node_stop(pump->node, hurried ? GRACE_MS : -1);
    if (rc < 0)
        pump_fail(pump, rc, "stop");
    do {
        rc = pump_drain(pump, 10 * IDLE_MS);
        progress_show(pump);
        if (interrupted && !hurried) {
            hurried = 1;
            lares_node_stop(pump->node, GRACE_MS);
        }
    } while (rc == LARES_OK || rc == LARES_ETIMEDOUT);
    if (rc != LARES_ECLOSED)
        pump_fail(pump, rc, "outputs");
    rc = lares_node_run(pump->node, -1);
    if (rc < 0)
        pump_fail(pump, rc, "stop");
}

static void unheard_tell(struct pump *pump)
{
    const struct lares__console *console = &pump->job->console;

    if (pump->unheard == 0)
        return;
    if (console->json) {
        printf("{\"unheard\":%" PRIu64 ",\"channel\":", pump->unheard);
        lares__json_text(stdout, pump->channel);
        puts("}");
        fflush(stdout);
    } else {
        fprintf(stderr,
                "%s: %" PRIu64 " line%s reached nobody: nothing was subscribed "
                "to '%s'\n",
                console->program, pump->unheard, pump->unheard == 1 ? "" : "s",
                pump->channel);
    }
    if (pump->code == 0)
        pump->code = LARES__EXIT_PARTLY;
}

/* Events of a daemon that did not end in time: they became no letters. */
static uint64_t events_kept(struct pump *pump)
{
    uint64_t sum = 0, queued;
    lares_rows *rows;
    lares_status rc = lares_node_report(pump->node, "daemons", &rows);

    if (rc < 0) {
        pump_fail(pump, rc, "daemons");
        return 0;
    }
    while (lares_rows_next(rows) == LARES_OK)
        if (lares_rows_u64(rows, "queued", &queued) == LARES_OK)
            sum += queued;
    lares_rows_free(rows);
    return sum;
}

/* What an interruption left undone, beside the letters. */
static void left_tell(struct pump *pump)
{
    const struct lares__console *console = &pump->job->console;
    uint64_t left = lines_kept(pump) + events_kept(pump);

    if (left == 0)
        return;
    if (!console->json) {
        fprintf(stderr, "%s: interrupted: %" PRIu64 " line%s left undone\n",
                console->program, left, left == 1 ? "" : "s");
        return;
    }
    printf("{\"left\":%" PRIu64 "}\n", left);
    fflush(stdout);
}

static void letters_tell(const struct lares__console *console, int count,
                         const char *text)
{
    if (!console->json) {
        fprintf(stderr, "%s: %d dead letter%s, the first: %s\n",
                console->program, count, count == 1 ? "" : "s", text);
        return;
    }
    printf("{\"letters\":%d,\"text\":", count);
    lares__json_text(stdout, text);
    puts("}");
    fflush(stdout);
}

/* What could not be done left dead letters: the job is done in part. */
static void letters_check(struct pump *pump)
{
    char first[1024] = "";
    const char *text;
    int count = 0;
    lares_rows *rows;
    lares_status rc = lares_node_report(pump->node, "letters", &rows);

    if (rc < 0) {
        pump_fail(pump, rc, "letters");
        return;
    }
    while (lares_rows_next(rows) == LARES_OK)
        if (count++ == 0 && lares_rows_text(rows, "text", &text) == LARES_OK)
            snprintf(first, sizeof first, "%s", text);
    lares_rows_free(rows);
    if (count == 0)
        return;
    letters_tell(&pump->job->console, count, first);
    if (pump->code == 0)
        pump->code = LARES__EXIT_PARTLY;
}

static int pump_open(struct pump *pump)
{
    const struct lares__console *console = &pump->job->console;
    lares_status rc;
    int code;

    code = lares__job_channel(pump->job, pump->channel, sizeof pump->channel);
    if (code != 0)
        return code;
    snprintf(pump->end, sizeof pump->end, "%s.end", pump->channel);
    pump->block = malloc(BLOCK);
    if (pump->block == NULL)
        return lares__console_fail(console, LARES_ENOMEM, "input");
    pump->room = BLOCK;
    rc = lares_node_subscribe(pump->node, pump->job->publish, NULL,
                              &pump->inbox);
    if (rc < 0)
        return lares__console_fail(console, rc, "--publish");
    return lares__job_start(pump->job, pump->node);
}

int lares__pump_run(lares_node *node, const struct lares__job *job)
{
    struct pump pump = {.job = job, .node = node};
    struct sigaction saved[2];

    pump.progress = isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO);
    signals_take(saved);
    pump.code = pump_open(&pump);
    if (pump.code == 0) {
        input_pump(&pump);
        unheard_count(&pump);
        end_announce(&pump);
        node_settle(&pump);
        progress_clear(&pump);
        unheard_tell(&pump);
        letters_check(&pump);
        if (interrupted)
            left_tell(&pump);
    }
    signals_return(saved);
    lares_inbox_free(pump.inbox);
    free(pump.block);
    return interrupted ? LARES__EXIT_INTERRUPTED : pump.code;
}
