#include "daemon/kinds.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/options.h"
#include "daemon/call.h"
#include "daemon/name.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum {
    LOCK_FLOOR = 2,
    OPS_MIN = offsetof(lares_daemon_ops, restore) + sizeof(lares_restore_fn),
    LEASE_DEFAULT = 30000,
    LEASE_MAX = 86400000
};

static const char *const known_options[] = {"version", "lane", "lease",
                                            "stateful", NULL};

void lares__kinds_init(struct lares__kinds *kinds)
{
    lares__mutex_init(&kinds->lock, LOCK_FLOOR);
    kinds->first = NULL;
    kinds->count = 0;
}

static void kind_free(struct lares__kind *kind)
{
    if (kind != NULL)
        lares__free(kind->plugin);
    lares__free(kind);
}

/* No lock is held: release is foreign code. Whichever thread it runs on, also
 * the node's own, it may wait for nothing. */
static void user_release(lares_release_fn release, void *user)
{
    struct lares_call none = {0};
    struct lares_call *before;

    if (release == NULL)
        return;
    before = lares__call_enter(&none);
    release(user);
    lares__call_leave(before);
}

static void kind_release(struct lares__kind *kind)
{
    user_release(kind->release, kind->user);
    kind_free(kind);
}

void lares__kinds_clear(struct lares__kinds *kinds)
{
    struct lares__kind *kind;

    lares__mutex_lock(&kinds->lock);
    kind = kinds->first;
    kinds->first = NULL;
    kinds->count = 0;
    lares__mutex_unlock(&kinds->lock);
    while (kind != NULL) {
        struct lares__kind *next = kind->next;

        kind_release(kind);
        kind = next;
    }
}

void lares__kinds_fini(struct lares__kinds *kinds)
{
    lares__kinds_clear(kinds);
    lares__mutex_fini(&kinds->lock);
}

static int is_zero(const unsigned char *data, size_t len)
{
    while (len > 0 && *data == 0) {
        data++;
        len--;
    }
    return len == 0;
}

/* what the author knew may be more than we do, or less, but never wrong */
static lares_status ops_check(const lares_daemon_ops *ops)
{
    if (ops->size < OPS_MIN)
        return lares__error(LARES_EINVAL, "ops.size is %u, below %u", ops->size,
                            (unsigned)OPS_MIN);
    if (ops->flags != 0)
        return lares__error(LARES_EINVAL, "ops.flags is %u, known is 0",
                            ops->flags);
    if (ops->process == NULL)
        return lares__error(LARES_EINVAL, "ops.process is NULL");
    if ((ops->snapshot == NULL) != (ops->restore == NULL))
        return lares__error(LARES_EINVAL,
                            "snapshot and restore go together, or not at all");
    if (ops->destroy != NULL && ops->create == NULL)
        return lares__error(LARES_EINVAL, "ops.destroy without ops.create");
    if (ops->size > sizeof *ops &&
        !is_zero((const unsigned char *)ops + sizeof *ops,
                 ops->size - sizeof *ops))
        return lares__error(LARES_EVERSION,
                            "ops of %u bytes use slots behind byte %zu",
                            ops->size, sizeof *ops);
    return LARES_OK;
}

static lares_status kind_configure(struct lares__kind *kind,
                                   const lares_options *options)
{
    uint64_t version = 0;
    uint64_t lease = LEASE_DEFAULT;
    const char *lane = lares__options_get(options, "lane");
    lares_status rc = lares__options_known(options, known_options);

    if (rc == LARES_OK)
        rc = lares__options_u64(options, "version", 0, UINT32_MAX, &version);
    if (rc == LARES_OK)
        rc = lares__options_u64(options, "lease", 1, LEASE_MAX, &lease);
    if (rc == LARES_OK)
        rc = lares__options_flag(options, "stateful", &kind->stateful);
    if (rc == LARES_OK && lane != NULL)
        rc = lares__kind_check(lane);
    if (rc == LARES_OK && !kind->pull &&
        lares__options_get(options, "stateful") != NULL)
        rc = lares__error(LARES_EOPTION, "option 'stateful' is for pull kinds: "
                                         "the ops of others say it");
    if (rc < 0)
        return rc;
    if (!kind->pull)
        kind->stateful = kind->ops.snapshot != NULL;
    if (lane != NULL)
        strcpy(kind->lane, lane);
    kind->version = (uint32_t)version;
    kind->lease_ms = (uint32_t)lease;
    return LARES_OK;
}

static lares_status kind_new(const char *name, const lares_options *options,
                             const lares_daemon_ops *ops,
                             const struct lares__load *load,
                             struct lares__kind **out)
{
    struct lares__kind *kind;
    lares_status rc = lares__kind_check(name);

    if (rc == LARES_OK && ops != NULL)
        rc = ops_check(ops);
    if (rc < 0)
        return rc;
    kind = lares__calloc(1, sizeof *kind);
    if (kind == NULL)
        return LARES_ENOMEM;
    strcpy(kind->name, name);
    kind->pull = ops == NULL;
    if (ops != NULL)
        memcpy(&kind->ops, ops,
               ops->size < sizeof *ops ? ops->size : sizeof *ops);
    rc = kind_configure(kind, options);
    kind->load = load->number;
    if (rc == LARES_OK && load->path != NULL &&
        (kind->plugin = lares__strdup(load->path)) == NULL)
        rc = LARES_ENOMEM;
    if (rc < 0)
        kind_free(kind);
    else
        *out = kind;
    return rc;
}

/* the place that holds the kind of a name, or the end of the list */
static struct lares__kind **kinds_place_locked(struct lares__kinds *kinds,
                                               const char *name)
{
    struct lares__kind **place = &kinds->first;

    while (*place != NULL && strcmp((*place)->name, name) != 0)
        place = &(*place)->next;
    return place;
}

static lares_status kinds_insert_locked(struct lares__kinds *kinds,
                                        struct lares__kind *kind)
{
    struct lares__kind **place = kinds_place_locked(kinds, kind->name);

    if (*place != NULL)
        return lares__error(LARES_EEXIST, "kind '%s' is registered",
                            kind->name);
    if (kinds->count == LARES__KINDS_MAX)
        return lares__error(LARES_ELIMIT, "a node has at most %u kinds",
                            (unsigned)LARES__KINDS_MAX);
    *place = kind;
    kinds->count++;
    return LARES_OK;
}

lares_status lares__kinds_add(struct lares__kinds *kinds, const char *name,
                              const lares_options *options,
                              const lares_daemon_ops *ops, void *user,
                              lares_release_fn release,
                              const struct lares__load *load)
{
    struct lares__kind *kind = NULL;
    lares_status rc;

    rc = kind_new(name, options, ops, load, &kind);
    if (rc < 0)
        goto fail;
    kind->user = user;
    kind->release = release;
    lares__mutex_lock(&kinds->lock);
    rc = kinds_insert_locked(kinds, kind); /* last step: now it is visible */
    lares__mutex_unlock(&kinds->lock);
    if (rc < 0)
        goto fail_kind;
    return LARES_OK;

fail_kind:
    kind_free(kind); /* memory only: user has one release, below */
fail:
    assert(rc < 0);
    user_release(release, user); /* taken, whatever the result */
    return rc;
}

lares_status lares__kinds_remove(struct lares__kinds *kinds, const char *name)
{
    struct lares__kind *kind;
    struct lares__kind **place;
    lares_status rc = LARES_OK;

    lares__mutex_lock(&kinds->lock);
    place = kinds_place_locked(kinds, name);
    kind = *place;
    if (kind == NULL)
        rc = lares__error(LARES_ENOTFOUND, "no kind '%s'", name);
    else if (kind->instances > 0)
        rc = lares__error(LARES_EBUSY, "kind '%s' has %u daemons", name,
                          kind->instances);
    else {
        *place = kind->next;
        kinds->count--;
    }
    lares__mutex_unlock(&kinds->lock);
    if (rc == LARES_OK)
        kind_release(kind);
    return rc;
}

/* takes one idle kind of a load out of the table, NULL when there is none */
static struct lares__kind *kinds_take_load(struct lares__kinds *kinds,
                                           uint32_t load)
{
    struct lares__kind **place = &kinds->first;
    struct lares__kind *kind;

    lares__mutex_lock(&kinds->lock);
    while (*place != NULL &&
           ((*place)->load != load || (*place)->instances > 0))
        place = &(*place)->next;
    kind = *place;
    if (kind != NULL) {
        *place = kind->next;
        kinds->count--;
    }
    lares__mutex_unlock(&kinds->lock);
    return kind;
}

void lares__kinds_remove_load(struct lares__kinds *kinds, uint32_t load)
{
    struct lares__kind *kind;

    while ((kind = kinds_take_load(kinds, load)) != NULL)
        kind_release(kind);
}

/* says which there are, as far as a detail holds them */
static lares_status kind_missing_locked(const struct lares__kinds *kinds,
                                        const char *name)
{
    char names[LARES__ERROR_MAX + 1] = "";
    size_t used = 0;

    for (const struct lares__kind *kind = kinds->first;
         kind != NULL && used < sizeof names; kind = kind->next)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s",
                                 used > 0 ? ", " : "", kind->name);
    if (used == 0)
        return lares__error(LARES_EKIND, "no kind '%s', nor any other", name);
    return lares__error(LARES_EKIND, "no kind '%s', only %s", name, names);
}

lares_status lares__kinds_acquire(struct lares__kinds *kinds, const char *name,
                                  struct lares__kind **out)
{
    struct lares__kind *kind;
    lares_status rc = LARES_OK;

    lares__mutex_lock(&kinds->lock);
    kind = *kinds_place_locked(kinds, name);
    if (kind != NULL)
        kind->instances++;
    else
        rc = kind_missing_locked(kinds, name);
    lares__mutex_unlock(&kinds->lock);
    if (rc == LARES_OK)
        *out = kind;
    return rc;
}

void lares__kinds_give_back(struct lares__kinds *kinds,
                            struct lares__kind *kind)
{
    lares__mutex_lock(&kinds->lock);
    assert(kind->instances > 0);
    kind->instances--;
    lares__mutex_unlock(&kinds->lock);
}

void lares__kinds_each(struct lares__kinds *kinds,
                       void (*fn)(void *context,
                                  const struct lares__kind *kind),
                       void *context)
{
    lares__mutex_lock(&kinds->lock);
    for (struct lares__kind *kind = kinds->first; kind != NULL;
         kind = kind->next)
        fn(context, kind);
    lares__mutex_unlock(&kinds->lock);
}
