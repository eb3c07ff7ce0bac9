#include "identity/key.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/little.h"
#include "identity/vault.h"

#include <assert.h>
#include <inttypes.h>
#include <sodium.h>
#include <string.h>

_Static_assert(LARES__KEY_LEN == crypto_sign_PUBLICKEYBYTES &&
                   LARES__KEY_LEN == crypto_sign_SEEDBYTES &&
                   LARES__SIGNATURE_LEN == crypto_sign_BYTES,
               "Ed25519 as libsodium has it");

/* -- making -------------------------------------------------------------- */

/* The first u64 of BLAKE2b-256, keyed with the label: a key shows no number
 * in two roles. */
static uint64_t public_name(const uint8_t *public, const char *label)
{
    uint8_t key[32] = {0};
    uint8_t hash[32];

    memcpy(key, label, strlen(label));
    crypto_generichash(hash, sizeof hash, public, LARES__KEY_LEN, key,
                       sizeof key);
    return lares__little_u64(hash);
}

static uint64_t public_origin(const uint8_t *public)
{
    return public_name(public, "lares-origin-v1");
}

/* A living key knows its own: an image is most often of one. */
uint64_t lares__key_origin_of(const uint8_t public[LARES__KEY_LEN])
{
    const lares_key *living;
    uint64_t origin = 0;

    lares__vault_lock();
    living = lares__vault_find_locked(public);
    if (living != NULL)
        origin = living->origin;
    lares__vault_unlock();
    return living != NULL ? origin : public_origin(public);
}

/* A key object without a secret: to be given one, or read-only. */
static lares_status key_new(const uint8_t *public, lares_key **out)
{
    lares_key *key = lares__calloc(1, sizeof *key);

    if (key == NULL)
        return lares__error(LARES_ENOMEM, "no memory for a key");
    memcpy(key->public, public, LARES__KEY_LEN);
    key->origin = public_origin(public);
    key->node_name = public_name(public, "lares-node-v1");
    key->holders = 1;
    if (key->origin == 0 || key->node_name == 0) {
        lares__free(key);
        return lares__error(LARES_EINVAL, "a key without a name");
    }
    *out = key;
    return LARES_OK;
}

static lares_status sodium_start(void)
{
    if (sodium_init() < 0)
        return lares__error(LARES_EIO, "libsodium does not start");
    return LARES_OK;
}

/* A reference to the living key of this identity, or NULL. */
static lares_key *key_living_locked(const uint8_t *public)
{
    lares_key *key = lares__vault_find_locked(public);

    if (key != NULL)
        key->holders++;
    return key;
}

static lares_status key_with_secret(const uint8_t *public,
                                    const uint8_t *secret, lares_key **out)
{
    lares_key *key = NULL, *living;
    lares_status rc;

    rc = key_new(public, &key);
    if (rc < 0)
        return rc;
    lares__vault_lock();
    living = key_living_locked(public);
    if (living == NULL)
        rc = lares__vault_add_locked(key, secret);
    lares__vault_unlock();
    if (living != NULL || rc < 0)
        lares__free(key);
    if (rc == LARES_OK)
        *out = living != NULL ? living : key;
    return rc;
}

lares_status lares__key_from_seed(const uint8_t seed[LARES__KEY_LEN],
                                  lares_key **out)
{
    uint8_t public[LARES__KEY_LEN];
    uint8_t secret[LARES__SECRET_LEN];
    lares_status rc;

    rc = sodium_start();
    if (rc < 0)
        return rc;
    crypto_sign_seed_keypair(public, secret, seed);
    rc = key_with_secret(public, secret, out);
    sodium_memzero(secret, sizeof secret);
    return rc;
}

lares_status lares__key_from_public(const uint8_t public[LARES__KEY_LEN],
                                    lares_key **out)
{
    lares_status rc = sodium_start();

    if (rc < 0)
        return rc;
    if (!crypto_core_ed25519_is_valid_point(public))
        return lares__error(LARES_EINVAL, "no public key: not a point");
    return key_new(public, out);
}

lares_status lares__key_find(const uint8_t public[LARES__KEY_LEN],
                             lares_key **out)
{
    lares_key *key;

    lares__vault_lock();
    key = key_living_locked(public);
    lares__vault_unlock();
    if (key == NULL)
        return lares__error(LARES_EKEY, "no secret of that identity is here");
    *out = key;
    return LARES_OK;
}

/* -- holding ------------------------------------------------------------- */

lares_key *lares__key_retain(lares_key *key)
{
    lares__vault_lock();
    assert(key->holders > 0);
    key->holders++;
    lares__vault_unlock();
    return key;
}

void lares__key_release(lares_key *key)
{
    int last;

    if (key == NULL)
        return;
    lares__vault_lock();
    assert(key->holders > 0);
    last = --key->holders == 0;
    if (last && key->secret != NULL)
        lares__vault_remove_locked(key);
    lares__vault_unlock();
    if (last)
        lares__free(key);
}

uint64_t lares__key_origin(const lares_key *key)
{
    return key->origin;
}

uint64_t lares__key_node_name(const lares_key *key)
{
    return key->node_name;
}

const uint8_t *lares__key_public(const lares_key *key)
{
    return key->public;
}

/* -- using --------------------------------------------------------------- */

static lares_status key_is_read_only(const lares_key *key)
{
    return lares__error(LARES_EKEY, "the key of %016" PRIx64 " is read-only",
                        key->origin);
}

lares_status lares__key_sign(const lares_key *key, const void *data, size_t len,
                             uint8_t signature[LARES__SIGNATURE_LEN])
{
    int secret;

    lares__vault_lock();
    secret = key->secret != NULL;
    if (secret)
        crypto_sign_detached(signature, NULL, data, len, key->secret);
    lares__vault_unlock();
    return secret ? LARES_OK : key_is_read_only(key);
}

lares_status lares__key_verify(const uint8_t public[LARES__KEY_LEN],
                               const void *data, size_t len,
                               const uint8_t signature[LARES__SIGNATURE_LEN])
{
    lares_status rc = sodium_start(); /* there may be no key yet */

    if (rc < 0)
        return rc;
    if (crypto_sign_verify_detached(signature, data, len, public) != 0)
        return lares__error(LARES_ESIGNATURE, "not signed by that key");
    return LARES_OK;
}

lares_status lares__key_seed(const lares_key *key, uint8_t out[LARES__KEY_LEN])
{
    int secret;

    lares__vault_lock();
    secret = key->secret != NULL;
    if (secret)
        crypto_sign_ed25519_sk_to_seed(out, key->secret);
    lares__vault_unlock();
    return secret ? LARES_OK : key_is_read_only(key);
}
