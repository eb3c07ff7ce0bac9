/* ledger.h - where a daemon publishes, and what it subscribed to.
 *
 * It travels with the daemon's image, so its bytes depend on its contents
 * alone, never on the order of the calls that made it. Names are well spelled
 * when they come here (daemon/name.h); only decoded ones are checked. */
#ifndef LARES_DAEMON_LEDGER_H
#define LARES_DAEMON_LEDGER_H

#include "lares.h"

enum {
    LARES__LEDGER_MAX = 256 /* entries */
};

struct lares__ledger_entry {
    uint64_t cursor;   /* last settled event at the engine; 0: none */
    const char *group; /* queue group, "" for none; behind the pattern */
    char pattern[];
};

struct lares__ledger {
    char *output;                         /* a channel; NULL: none */
    struct lares__ledger_entry **entries; /* by (pattern, group), ascending */
    uint32_t count;
    uint32_t room;
};

void lares__ledger_init(struct lares__ledger *ledger);
void lares__ledger_fini(struct lares__ledger *ledger);

/* channel NULL: none */
lares_status lares__ledger_set_output(struct lares__ledger *ledger,
                                      const char *channel);

/* Group NULL is none. An entry that stands is OK. ELIMIT, ENOMEM */
lares_status lares__ledger_add(struct lares__ledger *ledger,
                               const char *pattern, const char *group);
/* an entry that does not stand is fine */
void lares__ledger_remove(struct lares__ledger *ledger, const char *pattern,
                          const char *group);

uint32_t lares__ledger_count(const struct lares__ledger *ledger);
/* entries in ascending order, index below the count */
const struct lares__ledger_entry *
lares__ledger_at(const struct lares__ledger *ledger, uint32_t index);

size_t lares__ledger_size(const struct lares__ledger *ledger);
/* writes lares__ledger_size bytes */
void lares__ledger_encode(const struct lares__ledger *ledger, uint8_t *out);
/* whether `data` is a ledger; as decode, without any allocation */
lares_status lares__ledger_check(const void *data, size_t len);
/* Makes a ledger of exactly `len` bytes. `ledger` need not be initialised and
 * is written only on success. EFORMAT and ELIMIT before any allocation,
 * ENOMEM */
lares_status lares__ledger_decode(const void *data, size_t len,
                                  struct lares__ledger *ledger);

#endif
