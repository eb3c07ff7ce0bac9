#include "node/report.h"

#include "base/error.h"
#include "base/rows.h"
#include "identity/key.h"
#include "node/directory.h"
#include "node/inbox.h"

#include <stdio.h>
#include <string.h>

/* Design notes
 * - A table is copied under the lock that guards its facts; what a daemon
 *   counts is read from atomics, so no report waits for a daemon.
 * - A new column goes where it belongs in its table: readers ask by name. */

#define U64(name)                                                              \
    {                                                                          \
        name, LARES_ROWS_U64                                                   \
    }
#define TEXT(name)                                                             \
    {                                                                          \
        name, LARES_ROWS_TEXT                                                  \
    }
#define ID(name)                                                               \
    {                                                                          \
        name, LARES_ROWS_ID                                                    \
    }

static uint64_t get(const atomic_ullong *fact)
{
    return atomic_load_explicit(fact, memory_order_relaxed);
}

static uint64_t get_narrow(const atomic_uint *fact)
{
    return atomic_load_explicit(fact, memory_order_relaxed);
}

/* -- node ----------------------------------------------------------------- */

static const struct lares__column node_columns[] = {
    TEXT("name"),     ID("id"),     TEXT("state"),  TEXT("version"),
    U64("uptime_ms"), U64("lanes"), U64("daemons"), U64("leftover"),
    U64("abandoned"), {NULL, 0}
};

static const char *state_name(const lares_node *node)
{
    static const char *const names[] = {"", "NEW", "READY", "STOPPING",
                                        "STOPPED"};

    return names[atomic_load(&node->state)];
}

static uint64_t uptime(const lares_node *node)
{
    int stopped = lares__node_is(node, LARES__NODE_STOPPED);
    uint64_t since = get(&node->started_at);
    uint64_t till = stopped ? node->stopping.ended_at : lares__node_now(node);

    return since != 0 && till > since ? till - since : 0;
}

static lares_status report_node(lares_node *node, lares_rows *rows)
{
    int stopped = lares__node_is(node, LARES__NODE_STOPPED);
    char version[32];

    (void)snprintf(version, sizeof version, "%d.%d", LARES_ABI_MAJOR,
                   LARES_ABI_MINOR);
    lares__rows_text_add(rows, node->name);
    lares__rows_u64(rows, lares__key_node_name(node->key));
    lares__rows_text_add(rows, state_name(node));
    lares__rows_text_add(rows, version);
    lares__rows_u64(rows, uptime(node) / 1000000);
    lares__rows_u64(rows, node->lane_count);
    lares__rows_u64(rows, lares__directory_count(node));
    lares__rows_u64(rows, stopped ? node->stopping.leftover : 0);
    lares__rows_u64(rows, stopped ? node->stopping.abandoned : 0);
    return LARES_OK;
}

/* -- daemons -------------------------------------------------------------- */

static const struct lares__column daemon_columns[] = {
    ID("origin"),    TEXT("name"),      TEXT("kind"),      TEXT("state"),
    U64("lane"),     U64("epoch"),      U64("sequence"),   U64("arrival"),
    U64("failures"), U64("gate_ms"),    U64("queued"),     U64("queued_bytes"),
    U64("parked"),   TEXT("waits_for"), U64("inputs"),     U64("outputs"),
    U64("crashes"),  U64("rebuilds"),   U64("duplicates"), U64("forks"),
    U64("diverged"), U64("lost"),       TEXT("error"),     {NULL, 0}
};

static uint64_t gate_left(const lares_daemon *daemon)
{
    uint64_t gate = get(&daemon->host.restart.gate);
    uint64_t now = gate == 0 ? 0 : lares__node_now(daemon->node);

    return gate > now ? gate - now : 0;
}

static const char *daemon_state(const lares_daemon *daemon)
{
    if (atomic_load(&daemon->stopping))
        return "DRAINING";
    if (gate_left(daemon) > 0)
        return atomic_load(&daemon->receiver.posture) == LARES__SICK
                   ? "LOOPING"
                   : "BACKOFF";
    return atomic_load(&daemon->host.object) == LARES__SOUND ? "RUNNING"
                                                             : "STARTING";
}

/* in whose line it stands; the bus lock keeps that one alive */
static void add_waits_for(lares_daemon *daemon, lares_rows *rows)
{
    struct lares__bus *bus = &daemon->node->bus;

    lares__mutex_lock(&bus->lock);
    lares__rows_text_add(
        rows, daemon->waiter.at != NULL ? daemon->waiter.at->name : "");
    lares__mutex_unlock(&bus->lock);
}

static lares_status daemon_row(void *context, lares_daemon *daemon)
{
    lares_rows *rows = context;
    const struct lares__counters *counters = &daemon->host.counters;
    struct lares__level level = lares__receiver_level(&daemon->receiver);

    lares__rows_u64(rows, daemon->receiver.origin);
    lares__rows_text_add(rows, daemon->host.name);
    lares__rows_text_add(rows, daemon->host.kind->name);
    lares__rows_text_add(rows, daemon_state(daemon));
    lares__rows_u64(rows, lares__daemon_lane(daemon)->queue.number);
    lares__rows_u64(rows, lares__daemon_epoch(daemon));
    lares__rows_u64(rows, get(&counters->sequence));
    lares__rows_u64(rows, get(&daemon->host.arrival));
    lares__rows_u64(rows, get(&daemon->host.restart.n));
    lares__rows_u64(rows, gate_left(daemon) / 1000000);
    lares__rows_u64(rows, level.count);
    lares__rows_u64(rows, level.bytes);
    lares__rows_u64(rows, atomic_load(&daemon->parked));
    add_waits_for(daemon, rows);
    lares__rows_u64(rows, get(&counters->committed));
    lares__rows_u64(rows, get(&counters->emitted));
    lares__rows_u64(rows, get(&counters->failures));
    lares__rows_u64(rows, get_narrow(&counters->rebuilds));
    lares__rows_u64(rows, get(&counters->duplicates));
    lares__rows_u64(rows, get_narrow(&counters->forks));
    lares__rows_u64(rows, get_narrow(&counters->diverged));
    lares__rows_u64(rows, get_narrow(&counters->lost));
    lares__rows_text_add(rows, daemon->error);
    return LARES_OK;
}

static lares_status report_daemons(lares_node *node, lares_rows *rows)
{
    return lares__directory_each(node, daemon_row, rows);
}

/* -- kinds ---------------------------------------------------------------- */

static const struct lares__column kind_columns[] = {
    TEXT("name"), U64("version"),   TEXT("lane"),   U64("stateful"),
    U64("pull"),  U64("instances"), TEXT("plugin"), {NULL, 0}
};

static void kind_row(void *context, const struct lares__kind *kind)
{
    lares_rows *rows = context;

    lares__rows_text_add(rows, kind->name);
    lares__rows_u64(rows, kind->version);
    lares__rows_text_add(rows, kind->lane);
    lares__rows_u64(rows, (uint64_t)kind->stateful);
    lares__rows_u64(rows, (uint64_t)kind->pull);
    lares__rows_u64(rows, kind->instances);
    lares__rows_text_add(rows, kind->plugin);
}

static lares_status report_kinds(lares_node *node, lares_rows *rows)
{
    lares__kinds_each(&node->kinds, kind_row, rows);
    return LARES_OK;
}

/* -- lanes ---------------------------------------------------------------- */

static const struct lares__column lane_columns[] = {
    U64("lane"),      TEXT("label"),   U64("daemons"),
    U64("crossings"), TEXT("running"), {NULL, 0}
};

static const char *lane_label(const lares_node *node, uint32_t lane)
{
    for (const struct lares__label *label = node->directory.labels;
         label != NULL; label = label->next)
        if (label->lane == lane)
            return label->name;
    return "";
}

static void lane_row_locked(lares_node *node, uint32_t number, lares_rows *rows)
{
    struct lares__lane *lane = &node->lanes[number];
    const lares_daemon *running = atomic_load(&lane->running);
    const char *name = "";

    for (uint32_t i = 0; running != NULL && i < node->directory.room; i++)
        if (node->directory.slots[i] == running)
            name = running->host.name; /* listed, so it is alive */
    lares__rows_u64(rows, number);
    lares__rows_text_add(rows, lane_label(node, number));
    lares__rows_u64(rows, lane->daemons);
    lares__rows_u64(rows, get(&lane->crossings));
    lares__rows_text_add(rows, name);
}

static lares_status report_lanes(lares_node *node, lares_rows *rows)
{
    if (atomic_load(&node->started_at) == 0)
        return LARES_OK; /* it has none yet */
    lares__mutex_lock(&node->directory.lock);
    for (uint32_t i = 0; i < node->lane_count; i++)
        lane_row_locked(node, i, rows);
    lares__mutex_unlock(&node->directory.lock);
    return LARES_OK;
}

/* -- subscriptions -------------------------------------------------------- */

static const struct lares__column subscription_columns[] = {
    TEXT("receiver"), ID("origin"), TEXT("pattern"), TEXT("group"), {NULL, 0}
};

static lares_status subscription_row(void *context, void *receiver,
                                     const char *pattern, const char *group)
{
    lares_rows *rows = context;
    const struct lares__receiver *r = receiver;

    lares__rows_text_add(rows, r->name);
    lares__rows_u64(rows, r->origin);
    lares__rows_text_add(rows, pattern);
    lares__rows_text_add(rows, group);
    return LARES_OK;
}

static lares_status report_subscriptions(lares_node *node, lares_rows *rows)
{
    lares_status rc;

    lares__mutex_lock(&node->bus.lock);
    rc = lares__subscriptions_each(&node->bus.table, subscription_row, rows);
    lares__mutex_unlock(&node->bus.lock);
    return rc;
}

/* -- letters -------------------------------------------------------------- */

static const struct lares__column letter_columns[] = {
    U64("id"),      U64("time"),  TEXT("reason"), TEXT("channel"),
    ID("receiver"), TEXT("name"), ID("origin"),   U64("sequence"),
    U64("size"),    TEXT("text"), {NULL, 0}
};

static lares_status letter_row(void *context,
                               const struct lares__letter *letter)
{
    lares_rows *rows = context;

    lares__rows_u64(rows, letter->id);
    lares__rows_u64(rows, letter->time);
    lares__rows_text_add(rows, lares__letter_reason(letter->reason));
    lares__rows_text_add(rows, letter->channel);
    lares__rows_u64(rows, letter->receiver);
    lares__rows_text_add(rows, letter->name);
    lares__rows_u64(rows, letter->origin);
    lares__rows_u64(rows, letter->sequence);
    lares__rows_u64(rows, letter->len);
    lares__rows_text_add(rows, letter->text);
    return LARES_OK;
}

static lares_status report_letters(lares_node *node, lares_rows *rows)
{
    return lares__letters_each(&node->bus.letters, letter_row, rows);
}

/* -- recovery ------------------------------------------------------------- */

static lares_status report_recovery(lares_node *node, lares_rows *rows)
{
    lares__recovery_report(&node->recovery, rows);
    return LARES_OK;
}

/* -- records -------------------------------------------------------------- */

static const struct lares__column record_columns[] = {
    U64("n"),     U64("time"),  TEXT("what"), ID("origin"), TEXT("name"),
    TEXT("kind"), TEXT("text"), U64("lost"),  {NULL, 0}
};

static lares_status record_row(void *context, const struct lares__fact *record)
{
    lares_rows *rows = context;

    lares__rows_u64(rows, record->n);
    lares__rows_u64(rows, record->time);
    lares__rows_text_add(rows, lares__record_what_name(record->what));
    lares__rows_u64(rows, record->origin);
    lares__rows_text_add(rows, record->name);
    lares__rows_text_add(rows, record->kind);
    lares__rows_text_add(rows, record->text);
    lares__rows_u64(rows, record->lost);
    return LARES_OK;
}

static lares_status report_records(lares_node *node, lares_rows *rows)
{
    return lares__records_each(&node->records, record_row, rows);
}

/* -- counters ------------------------------------------------------------- */

static const struct lares__column counter_columns[] = {
    TEXT("name"), TEXT("labels"), U64("value"), {NULL, 0}
};

struct sums {
    uint64_t starting, running, backoff, looping, draining;
    uint64_t events, bytes;
};

static lares_status sums_add(void *context, lares_daemon *daemon)
{
    struct sums *sums = context;
    struct lares__level level = lares__receiver_level(&daemon->receiver);
    const char *state = daemon_state(daemon);

    sums->events += level.count;
    sums->bytes += level.bytes;
    sums->starting += strcmp(state, "STARTING") == 0;
    sums->running += strcmp(state, "RUNNING") == 0;
    sums->backoff += strcmp(state, "BACKOFF") == 0;
    sums->looping += strcmp(state, "LOOPING") == 0;
    sums->draining += strcmp(state, "DRAINING") == 0;
    return LARES_OK;
}

static void counter(lares_rows *rows, const char *name, const char *labels,
                    uint64_t value)
{
    lares__rows_text_add(rows, name);
    lares__rows_text_add(rows, labels);
    lares__rows_u64(rows, value);
}

static void counters_daemons(lares_node *node, lares_rows *rows)
{
    struct sums sums = {0};

    (void)lares__directory_each(node, sums_add, &sums);
    counter(rows, "daemons", "state=\"STARTING\"", sums.starting);
    counter(rows, "daemons", "state=\"RUNNING\"", sums.running);
    counter(rows, "daemons", "state=\"BACKOFF\"", sums.backoff);
    counter(rows, "daemons", "state=\"LOOPING\"", sums.looping);
    counter(rows, "daemons", "state=\"DRAINING\"", sums.draining);
    counter(rows, "mailbox_events", "", sums.events);
    counter(rows, "mailbox_bytes", "", sums.bytes);
}

static void counters_totals(lares_node *node, lares_rows *rows)
{
    struct lares__totals totals;

    lares__directory_totals(node, &totals);
    counter(rows, "crashes_total", "", totals.failures);
    counter(rows, "restarts_total", "", totals.rebuilds);
    counter(rows, "inputs_total", "result=\"committed\"", totals.committed);
    counter(rows, "inputs_total", "result=\"failed\"", totals.failures);
    counter(rows, "inputs_total", "result=\"duplicate\"", totals.duplicates);
    counter(rows, "outputs_total", "", totals.emitted);
    counter(rows, "snapshots_total", "result=\"ok\"", totals.snapshots);
    counter(rows, "snapshots_total", "result=\"failed\"", totals.unsaved);
}

static void counters_program(lares_node *node, lares_rows *rows)
{
    const struct lares__program *program = &node->program;
    uint64_t ok, none, refused, timeout, bytes;

    lares__latch_lock(&node->program.lock);
    ok = program->ok;
    none = program->none;
    refused = program->refused;
    timeout = program->timeout;
    bytes = program->bytes;
    lares__latch_unlock(&node->program.lock);
    counter(rows, "event_bytes_total", "", bytes);
    counter(rows, "publish_total", "result=\"ok\"", ok - none);
    counter(rows, "publish_total", "result=\"none\"", none);
    counter(rows, "publish_total", "result=\"refused\"", refused);
    counter(rows, "publish_total", "result=\"timeout\"", timeout);
    counter(rows, "publish_total", "result=\"evicted\"", get(&node->evicted));
}

static void counters_letters(lares_node *node, lares_rows *rows)
{
    static const uint32_t reasons[] = {LARES__LETTER_FULL, LARES__LETTER_FAILED,
                                       LARES__LETTER_CLOSED};
    struct lares__letters_tally tally;

    lares__letters_tally(&node->bus.letters, &tally);
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        char labels[32];

        (void)snprintf(labels, sizeof labels, "reason=\"%s\"",
                       lares__letter_reason(reasons[i]));
        counter(rows, "dead_letters_total", labels, tally.made[reasons[i]]);
    }
}

static lares_status report_counters(lares_node *node, lares_rows *rows)
{
    counter(rows, "node_state", "", (uint64_t)atomic_load(&node->state));
    counter(rows, "uptime_seconds", "", uptime(node));
    counters_daemons(node, rows);
    counters_totals(node, rows);
    counters_program(node, rows);
    counters_letters(node, rows);
    counter(rows, "recovery_slots_total", "", get(&node->recovery.recovered));
    counter(rows, "recovery_evictions_total", "",
            get(&node->recovery.evictions));
    return LARES_OK;
}

/* ------------------------------------------------------------------------- */

static const struct table {
    const char *name;
    const struct lares__column *columns;
    lares_status (*fill)(lares_node *node, lares_rows *rows);
} tables[] = {
    {"node",          node_columns,            report_node         },
    {"daemons",       daemon_columns,          report_daemons      },
    {"kinds",         kind_columns,            report_kinds        },
    {"lanes",         lane_columns,            report_lanes        },
    {"subscriptions", subscription_columns,    report_subscriptions},
    {"letters",       letter_columns,          report_letters      },
    {"recovery",      lares__recovery_columns, report_recovery     },
    {"records",       record_columns,          report_records      },
    {"counters",      counter_columns,         report_counters     },
};

lares_status lares__node_report(lares_node *node, const char *what,
                                lares_rows **out)
{
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        lares_rows *rows;
        lares_status rc;

        if (strcmp(tables[i].name, what) != 0)
            continue;
        rc = lares__rows_new(tables[i].columns, &rows);
        if (rc < 0)
            return rc;
        (void)tables[i].fill(node, rows);
        rc = lares__rows_done(rows);
        if (rc == LARES_OK)
            *out = rows;
        return rc;
    }
    return lares__error(LARES_ENOTFOUND, "no table '%s'", what);
}
