/* kinds.h - the named recipes from which a node makes daemons. */
#ifndef LARES_KINDS_H
#define LARES_KINDS_H

#include "base/thread.h"
#include "lares.h"

enum {
    LARES__NAME_MAX = 64,
    LARES__KINDS_MAX = 4096
};

/* the plug-in load under which kinds are registered */
struct lares__load {
    uint32_t number; /* from 1; 0: none, the program itself */
    const char *path;
};

/* set at open, but for the counts */
struct lares__kind {
    char name[LARES__NAME_MAX + 1];
    char lane[LARES__NAME_MAX + 1]; /* label, "" for none */
    char *plugin;         /* path of who registered it, NULL: the program */
    uint32_t load;        /* number of that load, or 0 */
    lares_daemon_ops ops; /* zero behind what the author knew */
    int pull;
    int stateful; /* it can snapshot */
    uint32_t version;
    uint32_t lease_ms; /* of a pulled call */
    void *user;
    lares_release_fn release;
    struct lares__kind *next;
    uint32_t instances; /* guarded by the table's lock */
};

struct lares__kinds {
    struct lares__mutex lock;
    struct lares__kind *first; /* guarded by lock */
    uint32_t count;            /* guarded by lock */
};

void lares__kinds_init(struct lares__kinds *kinds);
/* releases every kind; no daemon is left */
void lares__kinds_clear(struct lares__kinds *kinds);
void lares__kinds_fini(struct lares__kinds *kinds);

/* takes `user`, whatever the result */
lares_status lares__kinds_add(struct lares__kinds *kinds, const char *name,
                              const lares_options *options,
                              const lares_daemon_ops *ops, void *user,
                              lares_release_fn release,
                              const struct lares__load *load);
lares_status lares__kinds_remove(struct lares__kinds *kinds, const char *name);
/* removes what a load registered that failed in the end */
void lares__kinds_remove_load(struct lares__kinds *kinds, uint32_t load);

/* one more instance of a kind, which cannot be removed until it is given back */
lares_status lares__kinds_acquire(struct lares__kinds *kinds, const char *name,
                                  struct lares__kind **out);
void lares__kinds_give_back(struct lares__kinds *kinds,
                            struct lares__kind *kind);

/* calls fn for each kind, under the lock: it only copies facts */
void lares__kinds_each(struct lares__kinds *kinds,
                       void (*fn)(void *context,
                                  const struct lares__kind *kind),
                       void *context);

#endif
