/* image.h - images put together byte by byte, as the contract says it.
 *
 * Independent of the codec, so that the two can be compared; and it composes
 * what the codec never writes: any tags, lengths, counts, well sealed.
 */
#ifndef TESTS_IMAGE_H
#define TESTS_IMAGE_H

#include "support/check.h"
#include "support/hex.h"

#include "base/hash.h"
#include "identity/key.h"

#include <sodium.h>

enum {
    IMAGE_MAX = 16384,
    PIECE_MAX = 6144,
    PIECES_MAX = 20,
    IMAGE_TABLE = 56,
    IMAGE_ENTRY = 48
};

/* a section */
struct piece {
    uint32_t tag;
    uint32_t flags;
    size_t len;
    uint8_t data[PIECE_MAX];
};

/* the pieces in the order in which they are written */
struct composition {
    uint16_t format;
    uint16_t flags;
    uint32_t zero;
    uint8_t seed[32]; /* of the key that signs */
    uint8_t public[32];
    uint32_t count;
    struct piece pieces[PIECES_MAX];
    size_t manifest_len; /* of what was composed, and all of it */
    size_t len;
    uint8_t bytes[IMAGE_MAX];
};

static inline void put(uint8_t **at, const void *data, size_t len)
{
    if (len > 0)
        memcpy(*at, data, len);
    *at += len;
}

/* the low `len` bytes of a number */
static inline void put_number(uint8_t **at, uint64_t number, size_t len)
{
    for (; len > 0; len--, number >>= 8)
        *(*at)++ = (uint8_t)number;
}

/* -- pieces -- */

static inline struct piece *piece_add(struct composition *composition,
                                      uint32_t tag, const void *data,
                                      size_t len)
{
    struct piece *piece;

    check(composition->count < PIECES_MAX && len <= PIECE_MAX);
    piece = &composition->pieces[composition->count++ % PIECES_MAX];
    piece->tag = tag;
    piece->flags = 1;
    piece->len = len;
    if (len > 0)
        memcpy(piece->data, data, len);
    return piece;
}

static inline struct piece *piece_hex(struct composition *composition,
                                      uint32_t tag, const char *hex)
{
    struct piece *piece = piece_add(composition, tag, NULL, 0);

    check(strlen(hex) / 2 <= PIECE_MAX);
    piece->len = hex_read(hex, piece->data);
    return piece;
}

static inline struct piece *piece_find(struct composition *composition,
                                       uint32_t tag)
{
    for (uint32_t i = 0; i < composition->count; i++)
        if (composition->pieces[i].tag == tag)
            return &composition->pieces[i];
    check(0);
    return NULL;
}

static inline void piece_remove(struct composition *composition, uint32_t tag)
{
    struct piece *piece = piece_find(composition, tag);
    struct piece *end = composition->pieces + composition->count--;

    memmove(piece, piece + 1, (size_t)(end - piece - 1) * sizeof *piece);
}

static inline void piece_swap(struct composition *composition, uint32_t tag,
                              uint32_t other)
{
    struct piece *first = piece_find(composition, tag);
    struct piece *second = piece_find(composition, other);
    struct piece kept = *first;

    *first = *second;
    *second = kept;
}

/* -- composing -- */

static inline void digest_of(const struct composition *composition,
                             const struct piece *piece, uint8_t out[32])
{
    struct lares__hash128 hash;
    uint8_t *at = out;

    if ((composition->flags & 2) == 0) {
        crypto_generichash(out, 32, piece->data, piece->len, NULL, 0);
        return;
    }
    hash = lares__hash128(piece->data, piece->len);
    put_number(&at, hash.low, 8);
    put_number(&at, hash.high, 8);
    memset(at, 0, 16);
}

/* Signs what the table says now, also after it was tampered with. */
static inline void compose_sign(struct composition *composition)
{
    static const char label[] = "lares-snapshot-v1";
    size_t signed_len = composition->manifest_len - 64;
    uint8_t message[IMAGE_MAX];
    uint8_t public[32], secret[64];
    uint8_t *at = message;

    put(&at, label, sizeof label - 1);
    put(&at, composition->bytes, signed_len);
    crypto_sign_seed_keypair(public, secret, composition->seed);
    crypto_sign_detached(composition->bytes + signed_len, NULL, message,
                         (size_t)(at - message), secret);
}

static inline void compose(struct composition *composition)
{
    uint32_t count = composition->count;
    uint8_t *at = composition->bytes;
    size_t len = 120 + (size_t)IMAGE_ENTRY * count;

    composition->manifest_len = len;
    for (uint32_t i = 0; i < count; i++)
        len += composition->pieces[i].len;
    check(len <= IMAGE_MAX);
    composition->len = len;
    put(&at, "LARS", 4);
    put_number(&at, composition->format, 2);
    put_number(&at, composition->flags, 2);
    put_number(&at, len, 8);
    put_number(&at, count, 4);
    put_number(&at, composition->zero, 4);
    put(&at, composition->public, 32);
    for (uint32_t i = 0; i < count; i++, at += 32) {
        put_number(&at, composition->pieces[i].tag, 4);
        put_number(&at, composition->pieces[i].flags, 4);
        put_number(&at, composition->pieces[i].len, 8);
        digest_of(composition, &composition->pieces[i], at);
    }
    memset(at, 0, 64);
    at += 64;
    for (uint32_t i = 0; i < count; i++)
        put(&at, composition->pieces[i].data, composition->pieces[i].len);
    if ((composition->flags & 2) == 0)
        compose_sign(composition);
}

/* -- what stands in the contract -- */

/* G9, G13, G14 */
static const char ledger_hex[] = "06636f756e747302000000"
                                 "0d636f6e74726f6c2f6573746f70"
                                 "000000000000000000"
                                 "0d73656e736f72732f6c69646172"
                                 "04706f6f6c0700000000000000";
static const char horizon_hex[] = "50000000200000000000000000000000"
                                  "010000003d89f84e888f090e0500000000000000"
                                  "8877665544332211";
static const char timers_hex[] = "0800000000000000010000000700000000000000"
                                 "002f68590000000000ca9a3b00000000010074";

/* kind and name "counter", without options, version 0 */
static const char spec_hex[] = "00000000"
                               "07636f756e746572"
                               "07636f756e746572"
                               "0000";

/* The bytes of an event: link, then payload; the head moves to it. */
struct chain {
    uint64_t origin;
    uint64_t sequence;
    uint64_t hash; /* of the last */
    uint8_t bytes[32 + 64];
    size_t len;
};

static inline void chain_step(struct chain *chain, uint64_t sketch,
                              uint64_t sequence, uint64_t parent,
                              const char *payload)
{
    uint8_t *at = chain->bytes;

    put_number(&at, chain->origin, 8);
    put_number(&at, sketch, 8);
    put_number(&at, chain->sequence = sequence, 8);
    put_number(&at, parent, 8);
    put(&at, payload, strlen(payload));
    chain->len = (size_t)(at - chain->bytes);
    chain->hash = lares__hash64(chain->bytes, chain->len);
}

static inline void chain_next(struct chain *chain, uint64_t sketch,
                              const char *payload)
{
    chain_step(chain, sketch, chain->sequence + 1, chain->hash, payload);
}

/* The head section of the chain as it stands. */
static inline struct piece *piece_head(struct composition *composition,
                                       const struct chain *chain,
                                       uint64_t epoch, uint64_t arrival,
                                       uint64_t taken_at)
{
    struct piece *piece = piece_add(composition, 1, chain->bytes, 32);
    uint8_t *at = piece->data + 32;

    put_number(&at, chain->hash, 8);
    put_number(&at, epoch, 8);
    put_number(&at, arrival, 8);
    put_number(&at, taken_at, 8);
    piece->len = 64;
    return piece;
}

/* An event of the outbox, on a channel, or "" for the output channel. */
static inline void piece_output(struct piece *outbox, const char *channel,
                                const struct chain *chain)
{
    uint8_t *at = outbox->data + outbox->len;

    put_number(&at, 0, 1);
    put_number(&at, strlen(channel), 1);
    put_number(&at, 0, 2);
    put_number(&at, chain->len - 32, 4);
    put_number(&at, 0, 8); /* receiver */
    put_number(&at, 1, 8); /* epoch */
    put(&at, channel, strlen(channel));
    put(&at, chain->bytes, chain->len);
    outbox->len = (size_t)(at - outbox->data);
    check(outbox->len <= PIECE_MAX);
}

/* A composition for key A, without sections, and its chain at the genesis. */
static inline void compose_begin(struct composition *composition,
                                 struct chain *chain)
{
    uint8_t secret[64];

    memset(composition, 0, sizeof *composition);
    composition->format = 1;
    memset(composition->seed, 0x42, 32);
    crypto_sign_seed_keypair(composition->public, secret, composition->seed);
    memset(chain, 0, sizeof *chain);
    chain->origin = UINT64_C(0xd1f5819b4e248d1b);
    chain_step(chain, 0, 0, 0, "");
}

/* G10: horizon G13, ledger G9, output "1", state 1 as u64 */
static inline void compose_g10(struct composition *composition)
{
    struct chain chain;

    compose_begin(composition, &chain);
    composition->flags = 1;
    chain_next(&chain, UINT64_C(0x2000000050), "1");
    piece_head(composition, &chain, 1, 1, 0);
    piece_hex(composition, 2, spec_hex);
    piece_hex(composition, 3, horizon_hex);
    piece_hex(composition, 4, ledger_hex);
    piece_hex(composition, 64, "0100000000000000");
    compose(composition);
}

#endif
