/* recovery.h - handlers that do what a test says, and passes in a few words.
 *
 * By the public header alone.
 */
#ifndef TESTS_RECOVERY_H
#define TESTS_RECOVERY_H

#include "support/node.h"

/* What a handler reports and answers, and how often it was called. */
struct worker {
    uint64_t group;
    uint32_t first; /* of `count` slots in a row */
    uint32_t count;
    lares_verdict verdict; /* 0: DONE */
    const char *text;      /* for lares_call_fail, or NULL */
    atomic_int calls;
    atomic_int releases;
    uint64_t id;
};

/* a verdict that is LARES_FAILED, which a zeroed worker must not answer */
#define FAILS (-99)

static inline lares_verdict work(lares_call *call, void *user)
{
    struct worker *worker = user;

    atomic_fetch_add(&worker->calls, 1);
    for (uint32_t i = 0; i < worker->count; i++)
        (void)lares_call_recovered(call, worker->group, worker->first + i);
    if (worker->text != NULL)
        lares_call_fail(call, worker->text);
    if (worker->verdict == FAILS)
        return LARES_FAILED;
    return worker->verdict == 0 ? LARES_DONE : worker->verdict;
}

static inline void work_release(void *user)
{
    atomic_fetch_add(&((struct worker *)user)->releases, 1);
}

static inline void handler_add(lares_recovery *recovery, const char *name,
                               struct worker *worker)
{
    check_ok(lares_recovery_register(recovery, name, work, worker, work_release,
                                     &worker->id, NULL));
}

static inline lares_recovery *registry_open(void)
{
    lares_recovery *recovery = NULL;

    check_ok(lares_recovery_new(&recovery));
    return recovery;
}

static inline lares_recovery *registry_of(lares_node *node)
{
    lares_recovery *recovery = NULL;

    check_ok(lares_node_recovery(node, &recovery));
    return recovery;
}

static inline uint64_t handlers(const lares_recovery *recovery)
{
    size_t count = 0;

    check_ok(lares_recovery_count(recovery, &count));
    return count;
}

/* The rows of a table as "a b c; d e f", which stands until the next call. */
static inline const char *rows_spell(lares_rows *rows,
                                     const char *const *columns)
{
    static char line[8192];
    size_t used = 0;

    line[0] = '\0';
    while (lares_rows_next(rows) == LARES_OK) {
        for (size_t i = 0; columns[i] != NULL; i++) {
            uint64_t value = 0;

            check_ok(lares_rows_u64(rows, columns[i], &value));
            used += (size_t)snprintf(line + used, sizeof line - used, "%s%llu",
                                     i > 0      ? " "
                                     : used > 0 ? "; "
                                                : "",
                                     (unsigned long long)value);
            check(used < sizeof line);
        }
    }
    lares_rows_free(rows);
    return line;
}

/* One pass; the slots that it recovered, as "0; 1". */
static inline const char *pass_slots(lares_recovery *recovery)
{
    lares_rows *rows = NULL;

    check_ok(lares_recovery_run(recovery, &rows));
    return rows_spell(rows, (const char *const[]){"slot", NULL});
}

/* One pass; handler, group and slot of each row. */
static inline const char *pass_rows(lares_recovery *recovery)
{
    lares_rows *rows = NULL;

    check_ok(lares_recovery_run(recovery, &rows));
    return rows_spell(rows,
                      (const char *const[]){"handler", "group", "slot", NULL});
}

/* A cell of the handler with this id, as the registry reports it. */
static inline const char *handler_text(lares_recovery *recovery, uint64_t id,
                                       const char *column)
{
    static char copy[8192];
    lares_rows *rows = NULL;
    const char *cell;
    char wanted[24];

    (void)snprintf(wanted, sizeof wanted, "%llu", (unsigned long long)id);
    check_ok(lares_recovery_report(recovery, &rows));
    check(rows_seek(rows, "id", wanted));
    check_ok(lares_rows_text(rows, column, &cell));
    (void)snprintf(copy, sizeof copy, "%s", cell);
    lares_rows_free(rows);
    return copy;
}

static inline uint64_t handler_fact(lares_recovery *recovery, uint64_t id,
                                    const char *column)
{
    return strtoull(handler_text(recovery, id, column), NULL, 10);
}

#endif
