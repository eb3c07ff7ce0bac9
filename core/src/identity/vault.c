#include "identity/vault.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/thread.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

enum {
    VAULT_FLOOR = 1,
    BLOCK_SLOTS = 256,
    TABLE_MIN = 16
};

_Static_assert(LARES__SECRET_LEN == crypto_sign_SECRETKEYBYTES,
               "a slot holds libsodium's secret key");

/* Every slot of every block is either a living key's or in `unused`. The table
 * is open addressing with linear probing, at most half full. */
static struct {
    struct lares__mutex lock;
    uint8_t **blocks;
    size_t block_count;
    uint8_t **unused; /* room for every slot, so a wiped one always fits */
    size_t unused_count;
    lares_key **table;
    size_t table_size; /* a power of two, or 0 */
    size_t count;
} vault = {.lock = LARES__MUTEX_INIT(VAULT_FLOOR)};

void lares__vault_lock(void)
{
    lares__mutex_lock(&vault.lock);
}

void lares__vault_unlock(void)
{
    lares__mutex_unlock(&vault.lock);
}

/* -- slots --------------------------------------------------------------- */

static lares_status block_add(void)
{
    size_t blocks = vault.block_count + 1;
    uint8_t **list, **unused, *block;
    size_t i;

    list = lares__realloc(vault.blocks, blocks * sizeof *list);
    if (list == NULL)
        goto fail;
    vault.blocks = list;
    unused =
        lares__realloc(vault.unused, blocks * BLOCK_SLOTS * sizeof *unused);
    if (unused == NULL)
        goto fail;
    vault.unused = unused;
    block = sodium_malloc(BLOCK_SLOTS * LARES__SECRET_LEN);
    if (block == NULL)
        goto fail;
    vault.blocks[vault.block_count++] = block;
    for (i = 0; i < BLOCK_SLOTS; i++)
        vault.unused[vault.unused_count++] = block + i * LARES__SECRET_LEN;
    return LARES_OK;

fail: /* longer lists do no harm */
    return lares__error(LARES_ENOMEM, "no memory for a block of the vault");
}

static void vault_close(void)
{
    size_t i;

    for (i = 0; i < vault.block_count; i++)
        sodium_free(vault.blocks[i]);
    lares__free(vault.blocks);
    lares__free(vault.unused);
    lares__free(vault.table);
    vault.blocks = NULL;
    vault.unused = NULL;
    vault.table = NULL;
    vault.block_count = vault.unused_count = vault.table_size = 0;
}

/* -- table --------------------------------------------------------------- */

static size_t table_next(size_t at)
{
    return (at + 1) & (vault.table_size - 1);
}

static size_t table_home(const uint8_t *public)
{
    return (size_t)lares__hash64(public, LARES__KEY_LEN) &
           (vault.table_size - 1);
}

/* Where a public key stands, or the empty place where it would. */
static size_t table_find(const uint8_t *public)
{
    size_t at = table_home(public);

    while (vault.table[at] != NULL &&
           memcmp(vault.table[at]->public, public, LARES__KEY_LEN) != 0)
        at = table_next(at);
    return at;
}

static lares_status table_grow(void)
{
    size_t i, old_size = vault.table_size;
    size_t size = old_size > 0 ? old_size * 2 : TABLE_MIN;
    lares_key **old = vault.table;
    lares_key **table = lares__calloc(size, sizeof *table);

    if (table == NULL)
        return lares__error(LARES_ENOMEM, "no memory for %zu keys", size / 2);
    vault.table = table;
    vault.table_size = size;
    for (i = 0; i < old_size; i++)
        if (old[i] != NULL)
            table[table_find(old[i]->public)] = old[i];
    lares__free(old);
    return LARES_OK;
}

/* What follows is shifted back over the hole: no tombstones. */
static void table_remove(const uint8_t *public)
{
    size_t hole = table_find(public);
    size_t at = table_next(hole);
    size_t mask = vault.table_size - 1;
    size_t home;

    for (; vault.table[at] != NULL; at = table_next(at)) {
        home = table_home(vault.table[at]->public);
        if (((at - home) & mask) < ((at - hole) & mask))
            continue; /* its home lies between: it would not be found */
        vault.table[hole] = vault.table[at];
        hole = at;
    }
    vault.table[hole] = NULL;
}

/* -- keys ---------------------------------------------------------------- */

lares_key *lares__vault_find_locked(const uint8_t public[LARES__KEY_LEN])
{
    return vault.count > 0 ? vault.table[table_find(public)] : NULL;
}

lares_status lares__vault_add_locked(lares_key *key,
                                     const uint8_t secret[LARES__SECRET_LEN])
{
    lares_status rc = LARES_OK;

    assert(lares__vault_find_locked(key->public) == NULL);
    if (vault.table_size < 2 * (vault.count + 1))
        rc = table_grow();
    if (rc == LARES_OK && vault.unused_count == 0)
        rc = block_add();
    if (rc < 0)
        goto fail;
    key->secret = vault.unused[--vault.unused_count];
    memcpy(key->secret, secret, LARES__SECRET_LEN);
    vault.table[table_find(key->public)] = key;
    vault.count++;
    return LARES_OK;

fail:
    if (vault.count == 0)
        vault_close();
    return rc;
}

void lares__vault_remove_locked(lares_key *key)
{
    table_remove(key->public);
    sodium_memzero(key->secret, LARES__SECRET_LEN);
    vault.unused[vault.unused_count++] = key->secret;
    key->secret = NULL;
    if (--vault.count == 0)
        vault_close();
}
