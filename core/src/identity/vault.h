/* vault.h - where the process keeps each secret once.
 *
 * Secrets lie in guarded pages, locked into memory if the system allows it,
 * and out of core dumps. One lock stands around every use of one, so a secret
 * is never wiped while somebody signs with it.
 */
#ifndef LARES_VAULT_H
#define LARES_VAULT_H

#include "identity/key.h"

enum {
    LARES__SECRET_LEN = 64 /* seed || public: libsodium's secret key */
};

struct lares_key {
    /* set at open */
    uint8_t public[LARES__KEY_LEN];
    uint64_t origin;
    uint64_t node_name;
    /* guarded by the vault's lock */
    uint64_t holders;
    uint8_t *secret; /* in the vault; NULL: a read-only key */
};

void lares__vault_lock(void);
void lares__vault_unlock(void);

/* The key object whose secret is in the vault, or NULL. */
lares_key *lares__vault_find_locked(const uint8_t public[LARES__KEY_LEN]);

/* Take in the secret of a key that is not here yet. ENOMEM. */
lares_status lares__vault_add_locked(lares_key *key,
                                     const uint8_t secret[LARES__SECRET_LEN]);

/* Wipe the secret of a key; the last one takes all memory with it. */
void lares__vault_remove_locked(lares_key *key);

#endif
