#include "node/inbox.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/options.h"
#include "daemon/name.h"
#include "node/spawn.h"
#include "node/wait.h"

#include <assert.h>
#include <string.h>

enum {
    TAKE_COUNT = 64,
    TAKE_BYTES = 1048576
};

static const char *const known_options[] = {
    "group", "mailbox.count", "mailbox.bytes", "mailbox.policy", NULL};

/* -- what comes ----------------------------------------------------------- */

static struct lares__input *pop_locked(lares_inbox *inbox)
{
    struct lares__input *input = inbox->first;

    inbox->first = input->next;
    return input;
}

static int over_locked(const lares_inbox *inbox)
{
    const struct lares__receiver *receiver = &inbox->receiver;
    struct lares__level level = lares__receiver_level(receiver);

    return level.count > receiver->count_max ||
           level.bytes > receiver->bytes_max;
}

/* evict: the oldest go, but never the one that has just come */
static struct lares__input *evict_locked(lares_inbox *inbox)
{
    struct lares__input *gone = NULL;

    while (inbox->first != inbox->last && over_locked(inbox)) {
        struct lares__input *input = pop_locked(inbox);

        (void)lares__receiver_settle(&inbox->receiver, 1, input->cost);
        atomic_fetch_add(&inbox->node->evicted, 1);
        input->next = gone;
        gone = input;
    }
    return gone;
}

static void inbox_accept(struct lares__receiver *receiver,
                         struct lares__input *input)
{
    lares_inbox *inbox = (lares_inbox *)receiver;
    struct lares__input *gone = NULL;

    input->next = NULL;
    lares__mutex_lock(&inbox->lock);
    if (inbox->first == NULL)
        inbox->first = input;
    else
        inbox->last->next = input;
    inbox->last = input;
    if (receiver->evicts)
        gone = evict_locked(inbox);
    lares__mutex_unlock(&inbox->lock);
    while (gone != NULL) {
        struct lares__input *next = gone->next;

        lares__input_free(gone, NULL);
        gone = next;
    }
    lares__node_notify(inbox->node);
}

/* -- life ----------------------------------------------------------------- */

static void inbox_destroy(struct lares__receiver *receiver)
{
    lares_inbox *inbox = (lares_inbox *)receiver;
    lares_node *node = inbox->node;

    while (inbox->first != NULL)
        lares__input_free(pop_locked(inbox), NULL);
    lares__mutex_fini(&inbox->lock);
    lares__free(inbox->pattern);
    lares__free(inbox->group);
    lares__free(inbox);
    lares__node_release(node);
}

static const struct lares__receiver_ops inbox_ops = {inbox_accept,
                                                     inbox_destroy};

static lares_status inbox_configure(lares_inbox *inbox,
                                    const lares_options *options)
{
    const char *policy = lares__options_get(options, "mailbox.policy");
    const char *group = lares__options_get(options, "group");
    lares_status rc = lares__options_known(options, known_options);

    if (rc == LARES_OK)
        rc = lares__mailbox_options(options, &inbox->receiver);
    if (rc == LARES_OK && group != NULL)
        rc = lares__group_check(group);
    if (rc < 0)
        return rc;
    if (policy != NULL && strcmp(policy, "evict") == 0)
        inbox->receiver.evicts = 1;
    else if (policy != NULL && strcmp(policy, "refuse") != 0)
        return lares__error(LARES_ERANGE,
                            "mailbox.policy is '%s', not refuse or evict",
                            policy);
    if (group != NULL && (inbox->group = lares__strdup(group)) == NULL)
        return LARES_ENOMEM;
    return LARES_OK;
}

static void inbox_list(lares_inbox *inbox)
{
    lares_node *node = inbox->node;

    lares__mutex_lock(&node->directory.lock);
    inbox->next = node->directory.inboxes;
    node->directory.inboxes = inbox;
    lares__mutex_unlock(&node->directory.lock);
}

static void inbox_unlist(lares_inbox *inbox)
{
    struct lares_inbox **place = &inbox->node->directory.inboxes;

    lares__mutex_lock(&inbox->node->directory.lock);
    while (*place != inbox)
        place = &(*place)->next;
    *place = inbox->next;
    lares__mutex_unlock(&inbox->node->directory.lock);
}

static lares_status inbox_alloc(const char *pattern,
                                const lares_options *options, lares_inbox **out)
{
    lares_inbox *inbox = lares__calloc(1, sizeof *inbox);
    lares_status rc;

    if (inbox == NULL)
        return LARES_ENOMEM;
    rc = inbox_configure(inbox, options);
    if (rc == LARES_OK && (inbox->pattern = lares__strdup(pattern)) == NULL)
        rc = LARES_ENOMEM;
    if (rc < 0) {
        lares__free(inbox->group);
        lares__free(inbox);
        return rc;
    }
    *out = inbox;
    return LARES_OK;
}

lares_status lares__inbox_new(lares_node *node, const char *pattern,
                              const lares_options *options, lares_inbox **out)
{
    lares_inbox *inbox;
    lares_status rc = lares__node_ready(node);

    if (rc == LARES_OK)
        rc = lares__pattern_check(pattern);
    if (rc == LARES_OK)
        rc = inbox_alloc(pattern, options, &inbox);
    if (rc < 0)
        return rc;
    lares__mutex_init(&inbox->lock, LARES__FLOOR_INBOX);
    inbox->node = node;
    inbox->receiver.ops = &inbox_ops;
    inbox->receiver.name = "inbox";
    /* behind all daemons, so that lanes stand together in a publish */
    inbox->receiver.number = 1ULL << 63 | atomic_fetch_add(&node->serial, 1);
    atomic_init(&inbox->receiver.refs, 1);
    lares__node_retain(node);
    rc = lares__bus_subscribe(&node->bus, pattern, inbox->group,
                              &inbox->receiver);
    if (rc < 0) {
        lares__receiver_release(&inbox->receiver);
        return rc;
    }
    inbox_list(inbox);
    rc = lares__node_ready(node);
    if (rc < 0) { /* its end may have come before it was listed */
        lares__inbox_free(inbox);
        return rc;
    }
    *out = inbox;
    return LARES_OK;
}

void lares__inbox_free(lares_inbox *inbox)
{
    lares_node *node = inbox->node;

    lares__receiver_close(&inbox->receiver);
    lares__bus_unsubscribe(&node->bus, inbox->pattern, inbox->group,
                           &inbox->receiver);
    lares__bus_dissolve(&node->bus, &inbox->receiver);
    inbox_unlist(inbox);
    lares__receiver_release(&inbox->receiver);
}

void lares__inboxes_end(lares_node *node)
{
    lares__mutex_lock(&node->directory.lock);
    for (lares_inbox *inbox = node->directory.inboxes; inbox != NULL;
         inbox = inbox->next)
        atomic_store(&inbox->ended, 1);
    lares__mutex_unlock(&node->directory.lock);
}

/* -- reading -------------------------------------------------------------- */

static int inbox_ready(void *context)
{
    const lares_inbox *inbox = context;

    return atomic_load(&inbox->ended) ||
           lares__receiver_level(&inbox->receiver).count > 0;
}

static void take_locked(lares_inbox *inbox, lares_events *events,
                        struct lares__input **taken, uint32_t *units)
{
    uint64_t bytes = 0;

    while (events->count < TAKE_COUNT && inbox->first != NULL) {
        struct lares__input *input = inbox->first;

        if (events->count > 0 && bytes + input->event->len > TAKE_BYTES)
            break;
        bytes += input->event->len;
        *units += input->cost;
        (void)pop_locked(inbox);
        lares__events_add(events, input->event);
        if (input->flags & LARES__INPUT_POOLED) {
            input->next = *taken;
            *taken = input;
        }
    }
}

/* what is there now, possibly nothing */
static void inbox_take(lares_inbox *inbox, lares_events *events)
{
    struct lares__input *taken = NULL;
    uint32_t units = 0;
    int room = 0;

    lares__mutex_lock(&inbox->lock);
    take_locked(inbox, events, &taken, &units);
    if (events->count > 0)
        room = lares__receiver_settle(&inbox->receiver, (uint32_t)events->count,
                                      units);
    lares__mutex_unlock(&inbox->lock);
    while (taken != NULL) {
        struct lares__input *next = taken->next;

        lares__pool_put(NULL, 0, taken);
        taken = next;
    }
    if (room)
        lares__bus_room(&inbox->node->bus, &inbox->receiver);
}

lares_status lares__inbox_next(lares_inbox *inbox, int64_t timeout_ms,
                               lares_events **out)
{
    lares_node *node = inbox->node;
    uint64_t deadline = lares__node_deadline(node, timeout_ms);
    lares_events *events;
    lares_status rc = LARES_OK;

    if (!inbox_ready(inbox) && lares__call_current() != NULL)
        return timeout_ms == 0
                   ? LARES_ETIMEDOUT
                   : lares__error(LARES_EDEADLK,
                                  "inbox of '%s' is empty, inside a callback",
                                  inbox->pattern);
    events = lares__events_new(TAKE_COUNT);
    if (events == NULL)
        return LARES_ENOMEM;
    while (rc == LARES_OK && events->count == 0) {
        if (lares__call_current() == NULL)
            rc = lares__node_await(node, inbox_ready, inbox, deadline);
        if (rc == LARES_OK)
            inbox_take(inbox, events);
        if (rc == LARES_OK && events->count == 0 && atomic_load(&inbox->ended))
            rc = lares__error(LARES_ECLOSED, "node '%s' has stopped",
                              node->name);
        if (rc == LARES_OK && lares__call_current() != NULL)
            break;
    }
    if (events->count > 0) {
        *out = events;
        return LARES_OK;
    }
    lares__events_free(events);
    return rc < 0 ? rc : LARES_ETIMEDOUT;
}
