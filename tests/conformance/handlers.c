#include "handlers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct handler {
    lares_recovery *recovery;       /* the one it is registered with */
    char words[CASE_WORDS_MAX][32]; /* "" behind the last */
};

static void handler_add_slot(lares_recovery *recovery, const char *slot)
{
    char copy[32];
    struct word words[2] = {
        {copy, strlen(slot)},
        {NULL, 0           }
    };

    snprintf(copy, sizeof copy, "%s", slot);
    (void)handler_add(recovery, slot, words, NULL);
}

static lares_verdict handler_run(lares_call *call, void *user)
{
    const struct handler *handler = user;
    const char *word;
    size_t i;

    for (i = 0; *(word = handler->words[i]) != '\0'; i++) {
        if (strcmp(word, "fail") == 0) {
            lares_call_fail(call, "cannot recover");
            return LARES_FAILED;
        }
        if (strcmp(word, "add") == 0)
            handler_add_slot(handler->recovery, handler->words[++i]);
        else if (strcmp(word, "remove") == 0)
            (void)handler_remove(handler->recovery, handler->words[++i]);
        else
            lares_call_recovered(call, 0, (uint32_t)strtoul(word, NULL, 10));
    }
    return LARES_DONE;
}

lares_status handler_add(lares_recovery *recovery, const char *name,
                         const struct word *words, size_t *count_out)
{
    struct handler *handler = must_realloc(NULL, sizeof *handler);
    size_t i;

    memset(handler, 0, sizeof *handler);
    handler->recovery = recovery;
    for (i = 0; words[i].data != NULL; i++)
        snprintf(handler->words[i], sizeof handler->words[i], "%s",
                 words[i].data);
    return lares_recovery_register(recovery, name, handler_run, handler, free,
                                   NULL, count_out);
}

/* The id that goes with a name; one that was evicted has one, too. */
static lares_status handler_find(const lares_recovery *recovery,
                                 const char *name, uint64_t *id_out)
{
    const char *found = "";
    lares_rows *rows = NULL;
    lares_status rc;

    rc = lares_recovery_report(recovery, &rows);
    while (rc == LARES_OK && strcmp(found, name) != 0) {
        rc = lares_rows_next(rows);
        if (rc == LARES_OK)
            rc = lares_rows_text(rows, "name", &found);
    }
    if (rc == LARES_OK)
        rc = lares_rows_u64(rows, "id", id_out);
    lares_rows_free(rows);
    return rc == LARES_EDONE ? LARES_ENOTFOUND : rc;
}

lares_status handler_remove(lares_recovery *recovery, const char *name)
{
    uint64_t id;
    lares_status rc = handler_find(recovery, name, &id);

    return rc == LARES_OK ? lares_recovery_remove(recovery, id) : rc;
}
