/* A plug-in for test_plugin.c: its argument says what its open does.
 *
 *     kinds [NAME…]   registers a kind of each name
 *     fail NAME…      registers them and a recovery handler, then fails with
 *                     ELIMIT
 *     start, load, stop   asks that of the node that opens it
 */
#include "plugin.h"

#include <lares.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

LARES_API lares_status lares_plugin_open(lares_node *node,
                                         const char *argument);
LARES_API const char *lares_plugin_error(void);
LARES_API int lares_test_releases(void);

static atomic_int releases;
static _Thread_local char reason[128] = "nothing was wrong";

static void count_release(void *user)
{
    (void)user;
    atomic_fetch_add(&releases, 1);
}

int lares_test_releases(void)
{
    return atomic_load(&releases);
}

const char *lares_plugin_error(void)
{
    return reason;
}

static lares_verdict loud_process(lares_call *call, void *instance)
{
    const lares_event *event;

    (void)instance;
    while ((event = lares_call_next(call)) != NULL)
        lares_call_emit(call, NULL, "loud!", 5);
    return LARES_DONE;
}

static lares_status kinds_register(lares_node *node, const char *names)
{
    const lares_daemon_ops ops = {.size = sizeof ops, .process = loud_process};
    lares_status rc = LARES_OK;
    char words[128];
    char *rest = words;
    const char *word;

    (void)snprintf(words, sizeof words, "%s", names);
    while (rc == LARES_OK && (word = strtok_r(rest, " ", &rest)) != NULL)
        rc = lares_node_register(node, word, NULL, &ops, NULL, count_release);
    if (rc < 0)
        (void)snprintf(reason, sizeof reason, "%s", lares_error_detail());
    return rc;
}

static lares_verdict recover_nothing(lares_call *call, void *user)
{
    (void)call;
    (void)user;
    return LARES_DONE;
}

static lares_status handler_register(lares_node *node)
{
    lares_recovery *recovery = NULL;
    lares_status rc = lares_node_recovery(node, &recovery);

    if (rc == LARES_OK)
        rc = lares_recovery_register(recovery, "testing", recover_nothing, NULL,
                                     count_release, NULL, NULL);
    lares_recovery_free(recovery);
    return rc;
}

lares_status lares_plugin_open(lares_node *node, const char *argument)
{
    lares_status rc;

    if (strcmp(argument, "start") == 0)
        return lares_node_start(node);
    if (strcmp(argument, "stop") == 0)
        return lares_node_stop(node, 0);
    if (strcmp(argument, "load") == 0)
        return lares_node_load(node, TEST_PLUGIN_NAME, "kinds");
    if (strncmp(argument, "kinds", 5) == 0)
        return kinds_register(node, argument + 5);
    if (strncmp(argument, "fail ", 5) != 0)
        return LARES_OK;
    rc = kinds_register(node, argument + 5);
    if (rc == LARES_OK)
        rc = handler_register(node);
    (void)snprintf(reason, sizeof reason, "it was told to fail");
    return rc < 0 ? rc : LARES_ELIMIT;
}
