#include "node/spawn.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/options.h"
#include "daemon/name.h"
#include "identity/key.h"
#include "node/directory.h"
#include "node/pull.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* Design notes
 * - The order: key, kind, host, the origin's place, create, subscriptions,
 *   then it is open. The daemon counts as busy until then, so a lane that
 *   hears of it goes on: what is sent to it waits, and becomes letters if it
 *   fails to be.
 * - create runs on the caller's thread, outside every lock. */

enum {
    MAILBOX_COUNT = 1024,
    MAILBOX_COUNT_MAX = 1048576,
    MAILBOX_BYTES = 8388608,
    MAILBOX_BYTES_MIN = 1024,
    MAILBOX_BYTES_MAX = 1073741824
};

static const char *const known_options[] = {
    "name",        "argument",         "subscribe",
    "publish",     "mailbox.count",    "mailbox.bytes",
    "batch",       "horizon.count",    "restart.initial",
    "restart.max", "restart.attempts", NULL};

lares_status lares__mailbox_options(const lares_options *options,
                                    struct lares__receiver *receiver)
{
    uint64_t count = MAILBOX_COUNT;
    uint64_t bytes = MAILBOX_BYTES;
    lares_status rc = lares__options_u64(options, "mailbox.count", 1,
                                         MAILBOX_COUNT_MAX, &count);

    if (rc == LARES_OK)
        rc = lares__options_u64(options, "mailbox.bytes", MAILBOX_BYTES_MIN,
                                MAILBOX_BYTES_MAX, &bytes);
    if (rc < 0)
        return rc;
    receiver->count_max = (uint32_t)count;
    receiver->bytes_max = bytes;
    return LARES_OK;
}

static void daemon_free(struct lares__receiver *receiver)
{
    lares_daemon *daemon = lares__daemon_of(receiver);
    lares_node *node = daemon->node;

    lares__host_fini(&daemon->host, NULL);
    lares__pull_free(daemon->pull);
    lares__free(daemon->error);
    lares__free(daemon);
    lares__node_release(node);
}

static const struct lares__receiver_ops daemon_ops = {NULL, daemon_free};

/* somebody of the line it stands in made space */
static void daemon_woken(struct lares__waiter *waiter)
{
    lares__daemon_poke(
        (lares_daemon *)((char *)waiter - offsetof(lares_daemon, waiter)));
}

static lares_status daemon_new(lares_node *node, struct lares__kind *kind,
                               lares_key *key, const lares_options *options,
                               lares_daemon **out)
{
    lares_daemon *daemon = lares__calloc(1, sizeof *daemon);
    lares_status rc;

    if (daemon == NULL)
        return LARES_ENOMEM;
    rc = lares__mailbox_options(options, &daemon->receiver);
    if (rc < 0)
        goto fail;
    rc = lares__host_init(&daemon->host, kind, key, options, node->seed);
    if (rc < 0)
        goto fail;
    if (kind->pull && (daemon->pull = lares__pull_new()) == NULL) {
        rc = LARES_ENOMEM;
        goto fail_host;
    }
    daemon->node = node;
    daemon->receiver.ops = &daemon_ops;
    daemon->receiver.name = daemon->host.name;
    daemon->receiver.origin = lares__key_origin(key);
    daemon->waiter.wake = daemon_woken;
    atomic_init(&daemon->receiver.refs, 1);
    atomic_init(&daemon->busy, LARES__INSIDE);
    lares__node_retain(node);
    *out = daemon;
    return LARES_OK;

fail_host:
    lares__host_fini(&daemon->host, NULL);
fail:
    lares__free(daemon);
    assert(rc < 0);
    return rc;
}

/* Each word of `subscribe` is a pattern; daemon NULL only checks them. */
static lares_status subscribe_all(lares_daemon *daemon, const char *patterns)
{
    char *words;
    char *rest;
    const char *word;
    lares_status rc = LARES_OK;

    if (patterns == NULL)
        return LARES_OK;
    words = lares__strdup(patterns);
    if (words == NULL)
        return LARES_ENOMEM;
    rest = words;
    while (rc == LARES_OK && (word = strtok_r(rest, " \t\n", &rest)) != NULL)
        rc = daemon != NULL ? lares__daemon_subscribe(daemon, word, NULL)
                            : lares__pattern_check(word);
    lares__free(words);
    return rc;
}

static lares_status daemon_create(lares_daemon *daemon)
{
    struct lares_call *call = lares__calloc(1, sizeof *call);
    lares_node *node = daemon->node;
    lares_status rc;

    if (call == NULL)
        return LARES_ENOMEM;
    rc = lares__host_create(&daemon->host, call, daemon,
                            node->io->ops->wall(node->io));
    lares__free(call);
    return rc;
}

/* the last steps, inside the daemon */
static lares_status daemon_open(lares_daemon *daemon,
                                const lares_options *options)
{
    const char *patterns = lares__options_get(options, "subscribe");
    lares_status rc = subscribe_all(NULL, patterns);

    if (rc == LARES_OK)
        rc = daemon_create(daemon);
    if (rc == LARES_OK)
        rc = subscribe_all(daemon, patterns);
    if (rc == LARES_OK)
        rc = lares__node_ready(daemon->node);
    return rc;
}

/* It stands in the directory, so its lane takes it out again. Answers why it
 * failed, whatever happened meanwhile. */
static lares_status daemon_undo(lares_daemon *daemon, lares_status why)
{
    char detail[512];

    (void)snprintf(detail, sizeof detail, "%s", lares__error_detail());
    lares__daemon_begin_stop(daemon, 0);
    lares__daemon_leave(daemon);
    if (lares__call_current() == NULL)
        (void)lares__daemon_stop(daemon, 0);
    return lares__error(why, "%s", detail);
}

static lares_status spawn_kind(lares_node *node, struct lares__kind *kind,
                               lares_key *key, const lares_options *options,
                               lares_daemon **out)
{
    lares_daemon *daemon;
    lares_status rc = daemon_new(node, kind, key, options, &daemon);

    if (rc < 0) {
        lares__kinds_give_back(&node->kinds, kind);
        return rc;
    }
    lares__receiver_retain(&daemon->receiver); /* the caller's */
    rc = lares__directory_add(node, daemon);
    if (rc < 0) {
        lares__kinds_give_back(&node->kinds, kind);
        lares__receiver_release(&daemon->receiver); /* the directory's */
        lares__receiver_release(&daemon->receiver);
        return rc;
    }
    rc = daemon_open(daemon, options);
    if (rc == LARES_OK)
        lares__daemon_leave(daemon);
    else
        rc = daemon_undo(daemon, rc);
    if (rc == LARES_OK && out != NULL)
        *out = daemon;
    else
        lares__receiver_release(&daemon->receiver);
    return rc;
}

static lares_status fresh_key(lares_node *node, lares_key **out)
{
    uint8_t seed[LARES__KEY_LEN];
    lares_status rc = node->io->ops->entropy(node->io, seed, sizeof seed);

    if (rc == LARES_OK)
        rc = lares__key_from_seed(seed, out);
    explicit_bzero(seed, sizeof seed);
    return rc;
}

static lares_status spawn_entered(lares_node *node, const char *kind_name,
                                  lares_key *key, const lares_options *options,
                                  lares_daemon **out)
{
    struct lares__kind *kind;
    lares_status rc = lares__options_known(options, known_options);

    if (rc == LARES_OK)
        rc = lares__kinds_acquire(&node->kinds, kind_name, &kind);
    if (rc < 0)
        return rc;
    if (key != NULL)
        (void)lares__key_retain(key);
    else
        rc = fresh_key(node, &key);
    if (rc < 0) {
        lares__kinds_give_back(&node->kinds, kind);
        return rc;
    }
    rc = spawn_kind(node, kind, key, options, out);
    lares__key_release(key);
    return rc;
}

lares_status lares__node_spawn(lares_node *node, const char *kind,
                               lares_key *key, const lares_options *options,
                               lares_daemon **out)
{
    lares_status rc = lares__directory_enter(node);

    if (rc < 0)
        return rc;
    lares__node_retain(node); /* create may drop the last ticket */
    rc = spawn_entered(node, kind, key, options, out);
    lares__directory_leave(node);
    lares__node_release(node);
    return rc;
}
