#include "node/spawn.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/options.h"
#include "daemon/name.h"
#include "daemon/rebuild.h"
#include "daemon/snapshot.h"
#include "identity/key.h"
#include "node/alarm.h"
#include "node/directory.h"
#include "node/pull.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* Design notes
 * - The order: image, key, kind, host, the origin's place, create, restore,
 *   subscriptions, the claim, then it is open. The daemon counts as busy until
 *   then, so a lane that hears of it goes on: what is sent to it waits, and
 *   becomes letters if it fails to be.
 * - The claim is the last that can fail, so no failure leaves one behind.
 * - create and restore run on the caller's thread, outside every lock. */

enum {
    MAILBOX_COUNT = 1024,
    MAILBOX_COUNT_MAX = 1048576,
    MAILBOX_BYTES = 8388608,
    MAILBOX_BYTES_MIN = 1024,
    MAILBOX_BYTES_MAX = 1073741824
};

_Static_assert(sizeof(lares_daemon) <= 640, "idle daemons are many");

static const char *const spawn_options[] = {
    "name",        "argument",         "subscribe",
    "publish",     "mailbox.count",    "mailbox.bytes",
    "batch",       "horizon.count",    "restart.initial",
    "restart.max", "restart.attempts", "snapshot.max",
    NULL};

/* the image says to what it is subscribed, and where it publishes */
static const char *const restore_options[] = {"name",
                                              "argument",
                                              "mailbox.count",
                                              "mailbox.bytes",
                                              "batch",
                                              "horizon.count",
                                              "restart.initial",
                                              "restart.max",
                                              "restart.attempts",
                                              "snapshot.max",
                                              NULL};

/* what an image may hold */
static const char *const *const image_options = restore_options + 1;

/* A daemon on its way to be. */
struct birth {
    lares_node *node;
    struct lares__kind *kind;
    lares_key *key; /* from the first step on the daemon has it, too */
    const lares_options *options;
    const struct lares__image *image; /* NULL: it begins at its genesis */
    uint8_t known;                    /* somebody else has its identity, too */
};

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
    receiver->bytes_max = (uint32_t)bytes;
    return LARES_OK;
}

static void daemon_free(struct lares__receiver *receiver)
{
    lares_daemon *daemon = lares__daemon_of(receiver);
    lares_node *node = daemon->node;

    if (!atomic_load(&daemon->known)) /* nobody has its key any more */
        lares__store_drop(&node->store, lares__key_public(daemon->host.key));
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

static lares_status daemon_alloc(const struct birth *birth, lares_daemon **out)
{
    const char *name;
    size_t size;
    lares_status rc = lares__host_name(birth->kind, birth->options, &name);

    if (rc < 0)
        return rc;
    size = strlen(name) + 1;
    *out = lares__calloc(1, sizeof **out + size);
    if (*out == NULL)
        return LARES_ENOMEM;
    memcpy((*out)->name, name, size);
    return LARES_OK;
}

static lares_status daemon_new(const struct birth *birth, lares_daemon **out)
{
    lares_daemon *daemon;
    struct lares__kind *kind = birth->kind;
    lares_status rc = daemon_alloc(birth, &daemon);

    if (rc < 0)
        return rc;
    rc = lares__mailbox_options(birth->options, &daemon->receiver);
    if (rc < 0)
        goto fail;
    rc = lares__host_init(&daemon->host, daemon->name, kind, birth->key,
                          birth->options, birth->node->seed);
    if (rc < 0)
        goto fail;
    if (birth->image != NULL)
        rc = lares__host_adopt(&daemon->host, birth->image);
    if (rc == LARES_OK && kind->pull &&
        (daemon->pull = lares__pull_new(kind->stateful)) == NULL)
        rc = LARES_ENOMEM;
    if (rc < 0)
        goto fail_host;
    daemon->node = birth->node;
    daemon->subscribed = birth->image == NULL;
    daemon->receiver.ops = &daemon_ops;
    daemon->receiver.name = daemon->name;
    daemon->receiver.origin = lares__key_origin(birth->key);
    daemon->waiter.wake = daemon_woken;
    atomic_init(&daemon->known, birth->known);
    atomic_init(&daemon->receiver.refs, 1);
    atomic_init(&daemon->busy, LARES__INSIDE);
    lares__node_retain(birth->node);
    *out = daemon;
    return LARES_OK;

fail_host:
    lares__host_fini(&daemon->host, NULL);
fail:
    lares__free(daemon);
    assert(rc < 0);
    return rc;
}

/* -- the last steps, inside the daemon ------------------------------------ */

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

static lares_status daemon_create(lares_daemon *daemon,
                                  const struct birth *birth)
{
    struct lares_call call = {0};
    struct lares__host *host = &daemon->host;
    lares_status rc =
        lares__host_create(host, &call, daemon, lares__node_wall(birth->node));

    if (rc == LARES_OK && birth->image != NULL && host->keep != NULL &&
        !host->kind->pull) /* a puller takes the state first of all */
        rc = lares__host_restore(host, &call, lares__node_wall(birth->node));
    return rc;
}

/* says of a claim that came too late what the caller can do */
static lares_status claim_lost(lares_daemon *daemon, const struct birth *birth)
{
    uint64_t claimed = lares__store_claimed(&daemon->node->store,
                                            lares__key_public(birth->key));

    if (birth->image == NULL)
        return lares__error(LARES_ESTALE,
                            "identity %016llx has lived here: restore its "
                            "image",
                            (unsigned long long)daemon->receiver.origin);
    return lares__error(LARES_ESTALE,
                        "identity %016llx was activated in epoch %llu since "
                        "the image of epoch %llu was taken",
                        (unsigned long long)daemon->receiver.origin,
                        (unsigned long long)claimed,
                        (unsigned long long)birth->image->epoch);
}

/* one instance of an identity in an epoch */
static lares_status daemon_claim(lares_daemon *daemon,
                                 const struct birth *birth)
{
    uint64_t epoch = birth->image != NULL ? birth->image->epoch + 1 : 1;
    lares_status rc = lares__store_claim(&daemon->node->store,
                                         lares__key_public(birth->key), epoch);

    if (rc == LARES_ESTALE)
        return claim_lost(daemon, birth);
    if (rc == LARES_OK)
        lares__host_activate(
            &daemon->host, epoch,
            daemon->host.timers != NULL ? lares__node_now(daemon->node) : 0);
    return rc;
}

static lares_status daemon_open(lares_daemon *daemon, const struct birth *birth)
{
    const char *patterns = lares__options_get(birth->options, "subscribe");
    lares_status rc = subscribe_all(NULL, patterns);

    if (rc == LARES_OK)
        rc = daemon_create(daemon, birth);
    if (rc == LARES_OK)
        rc = birth->image != NULL ? lares__daemon_resubscribe(daemon)
                                  : subscribe_all(daemon, patterns);
    if (rc == LARES_OK)
        rc = lares__node_ready(daemon->node);
    if (rc == LARES_OK)
        rc = daemon_claim(daemon, birth);
    return rc;
}

/* It stands in the directory, so its lane takes it out again. Answers why it
 * failed, whatever happened meanwhile. */
static lares_status daemon_undo(lares_daemon *daemon, lares_status why)
{
    char detail[LARES__ERROR_MAX + 1];

    (void)snprintf(detail, sizeof detail, "%s", lares__error_detail());
    atomic_store(&daemon->known, 1); /* the claim that stands is not its own */
    lares__daemon_begin_stop(daemon, 0);
    lares__daemon_leave(daemon);
    if (lares__call_current() == NULL)
        (void)lares__daemon_stop(daemon, 0);
    return lares__error(why, "%s", detail);
}

/* Most begin at their genesis, and need no number printed. */
static void record_started(lares_daemon *daemon, const struct birth *birth)
{
    char text[48] = "epoch 1, sequence 0";

    if (birth->image != NULL)
        (void)snprintf(text, sizeof text, "epoch %llu, sequence %llu",
                       (unsigned long long)daemon->host.epoch,
                       (unsigned long long)daemon->host.head.link.sequence);
    lares__daemon_record(daemon, LARES__RECORD_STARTED, text);
}

static void daemon_begins(lares_daemon *daemon, const struct birth *birth)
{
    record_started(daemon, birth);
    if (daemon->host.outbox.first != NULL) {
        atomic_store(&daemon->parked, 1);
        lares__daemon_poke(daemon); /* what the image held goes out first */
    }
    if (daemon->host.timers != NULL)
        lares__alarm_tell(daemon);
    lares__daemon_posture(daemon);
    lares__daemon_leave(daemon);
}

static lares_status birth_run(const struct birth *birth, lares_daemon **out)
{
    lares_node *node = birth->node;
    lares_daemon *daemon;
    lares_status rc;

    lares__store_expect(&node->store, lares__key_public(birth->key));
    rc = daemon_new(birth, &daemon);
    if (rc < 0) {
        lares__kinds_give_back(&node->kinds, birth->kind);
        return rc;
    }
    lares__receiver_retain(&daemon->receiver); /* the caller's */
    rc = lares__directory_add(node, daemon);
    if (rc < 0) {
        lares__kinds_give_back(&node->kinds, birth->kind);
        lares__receiver_release(&daemon->receiver); /* the directory's */
        lares__receiver_release(&daemon->receiver);
        return rc;
    }
    lares__daemon_record(daemon, LARES__RECORD_REGISTERED, "");
    rc = daemon_open(daemon, birth);
    if (rc == LARES_OK)
        daemon_begins(daemon, birth);
    else
        rc = daemon_undo(daemon, rc);
    if (rc == LARES_OK && out != NULL)
        *out = daemon;
    else
        lares__receiver_release(&daemon->receiver);
    return rc;
}

/* -- spawn ---------------------------------------------------------------- */

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
    struct birth birth = {
        .node = node, .key = key, .options = options, .known = key != NULL};
    lares_status rc = lares__options_known(options, spawn_options);

    if (rc == LARES_OK)
        rc = lares__kinds_acquire(&node->kinds, kind_name, &birth.kind);
    if (rc < 0)
        return rc;
    if (key == NULL)
        rc = fresh_key(node, &birth.key);
    if (rc < 0) {
        lares__kinds_give_back(&node->kinds, birth.kind);
        return rc;
    }
    rc = birth_run(&birth, out);
    if (key == NULL)
        lares__key_release(birth.key);
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

/* -- restore -------------------------------------------------------------- */

static lares_status image_key(const struct lares__image *image, lares_key *key,
                              lares_key **out)
{
    if (key != NULL) {
        *out = lares__key_retain(key); /* it is the image's: read said so */
        return LARES_OK;
    }
    if (lares__key_find(image->public, out) == LARES_OK)
        return LARES_OK;
    return lares__error(LARES_EKEY, "the image's secret is not in this "
                                    "process: pass the identity");
}

/* Before anything is made: a living identity says so first. */
static lares_status origin_check(lares_node *node, const lares_key *key)
{
    uint64_t origin = lares__key_origin(key);
    lares_daemon *living = lares__directory_find(node, origin);

    if (living == NULL)
        return LARES_OK;
    lares__receiver_release(&living->receiver);
    return lares__error(LARES_EEXIST, "identity %016llx lives here already",
                        (unsigned long long)origin);
}

static lares_status image_kind(lares_node *node,
                               const struct lares__image *image,
                               struct lares__kind **out)
{
    char name[LARES__NAME_MAX + 1];

    lares__image_name(name, image->kind, image->kind_len);
    return lares__kinds_acquire(&node->kinds, name, out);
}

/* the image's options and its name, replaced by those given */
static lares_status image_options_merge(const struct lares__image *image,
                                        const lares_options *given,
                                        lares_options **out)
{
    char name[LARES__NAME_MAX + 1];
    size_t count = given != NULL ? lares__options_count(given) : 0;
    lares_options *merged;
    lares_status rc = lares__image_options(image, &merged);

    if (rc < 0)
        return rc;
    lares__image_name(name, image->name, image->name_len);
    rc = lares__options_set(merged, "name", name);
    for (size_t i = 0; rc == LARES_OK && i < count; i++) {
        const char *key;
        const char *value;

        lares__options_at(given, i, &key, &value);
        rc = lares__options_set(merged, key, value);
    }
    if (rc < 0)
        lares__options_free(merged);
    else
        *out = merged;
    return rc;
}

static lares_status restore_image(lares_node *node,
                                  const struct lares__image *image,
                                  lares_key *key, const lares_options *options,
                                  lares_daemon **out)
{
    struct birth birth = {.node = node, .image = image, .known = 1};
    lares_options *merged = NULL;
    lares_status rc = image_key(image, key, &birth.key);

    if (rc < 0)
        return rc;
    rc = origin_check(node, birth.key);
    if (rc == LARES_OK)
        rc = image_kind(node, image, &birth.kind);
    if (rc < 0)
        goto out;
    rc = image_options_merge(image, options, &merged);
    if (rc < 0) {
        lares__kinds_give_back(&node->kinds, birth.kind);
        goto out;
    }
    birth.options = merged;
    rc = birth_run(&birth, out);
out:
    lares__options_free(merged);
    lares__key_release(birth.key);
    return rc;
}

/* Its bound is the one given, or else that of any image: the image's own was
 * its maker's to keep. */
static lares_status restore_entered(lares_node *node, const void *data,
                                    size_t len, lares_key *key,
                                    const lares_options *options,
                                    lares_daemon **out)
{
    struct lares__image image;
    struct lares__image_rules rules = {
        .identity = key != NULL ? lares__key_public(key) : NULL,
        .known = image_options,
    };
    lares_status rc = lares__options_known(options, restore_options);

    if (rc == LARES_OK)
        rc = lares__host_image_max(options, &rules.max);
    if (rc == LARES_OK)
        rc = lares__image_read(data, len, &rules, &image);
    if (rc == LARES_OK)
        rc = restore_image(node, &image, key, options, out);
    return rc;
}

lares_status lares__node_restore(lares_node *node, const void *data, size_t len,
                                 lares_key *key, const lares_options *options,
                                 lares_daemon **out)
{
    lares_status rc = lares__directory_enter(node);

    if (rc < 0)
        return rc;
    lares__node_retain(node); /* create may drop the last ticket */
    rc = restore_entered(node, data, len, key, options, out);
    lares__directory_leave(node);
    lares__node_release(node);
    return rc;
}
