#include "support/heap.h"
#include "support/image.h"

#include "daemon/image.h"

#include <stdio.h>

/* -- fixture -- */

enum {
    PLAIN = 2, /* in flags of an image */
    HEAD = 1,
    SPEC = 2,
    HORIZON = 3,
    LEDGER = 4,
    FORK = 5,
    OUTBOX = 6,
    TIMERS = 7,
    STATE = 64
};

static const char *const known[] = {"argument", "batch", "name", NULL};
static struct composition full; /* every section; put together anew each test */
static struct chain chain;      /* its chain, of three events in the outbox */
static uint8_t public_b[LARES__KEY_LEN];

static const char full_spec_hex[] = "00000000"
                                    "07636f756e746572"
                                    "0161"
                                    "0200"
                                    "08617267756d656e74010078"
                                    "056261746368010037";

/* Events 4 to 6 of the chain. */
static void outbox_compose(struct piece *outbox)
{
    static const char *const channels[] = {"sums", "", "a.b"};
    static const char *const payloads[] = {"2", "", "three"};
    uint8_t *at = outbox->data;

    put_number(&at, 3, 4);
    outbox->len = 4;
    for (int i = 0; i < 3; i++) {
        chain_next(&chain, UINT64_C(0x2000000050), payloads[i]);
        piece_output(outbox, channels[i], &chain);
    }
}

static void full_begin(void)
{
    static struct piece outbox;

    compose_begin(&full, &chain);
    full.flags = 1;
    chain_step(&chain, UINT64_C(0x2000000050), 3, 77, "an event of yore");
    outbox_compose(&outbox);
    piece_head(&full, &chain, 2, 9, 1);
    piece_hex(&full, SPEC, full_spec_hex);
    piece_hex(&full, HORIZON, horizon_hex);
    piece_hex(&full, LEDGER, ledger_hex);
    piece_add(&full, OUTBOX, outbox.data, outbox.len);
    piece_hex(&full, TIMERS, timers_hex);
    piece_add(&full, STATE, "a state of some bytes", 21);
    compose(&full);
}

static int read_setup(void **state)
{
    int rc = heap_setup(state);

    hex_read("03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8",
             public_b);
    full_begin();
    return rc;
}

#define read_test(test)                                                        \
    cmocka_unit_test_setup_teardown(test, read_setup, heap_teardown)

/* -- tools -- */

static lares_status read_as(const uint8_t *data, size_t len, int plain,
                            const uint8_t *identity)
{
    struct lares__image_rules rules = {
        .identity = identity,
        .plain = plain,
        .max = IMAGE_MAX,
        .known = known,
    };
    struct lares__image image, before;
    lares_status rc;

    memset(&image, 0x5a, sizeof image);
    before = image;
    rc = lares__image_read(data, len, &rules, &image);
    if (rc < 0)
        check_mem(&image, &before, sizeof image);
    return rc;
}

/* Read what was composed, in the form in which it was. */
static lares_status read_bytes(void)
{
    return read_as(full.bytes, full.len, (full.flags & PLAIN) != 0, NULL);
}

/* Both forms of what the pieces say now, well sealed, are refused alike. */
static void check_refused(lares_status expected, const char *detail)
{
    for (int plain = 0; plain <= PLAIN; plain += PLAIN) {
        full.flags = (uint16_t)((full.flags & ~PLAIN) | plain);
        compose(&full);
        check_status(read_bytes(), expected);
        check_detail(detail);
    }
}

static void check_accepted(void)
{
    for (int plain = 0; plain <= PLAIN; plain += PLAIN) {
        full.flags = (uint16_t)((full.flags & ~PLAIN) | plain);
        compose(&full);
        check_ok(read_bytes());
    }
}

/* The same, of one byte of a section. */
static void check_byte_refused(uint32_t tag, size_t at, uint8_t byte,
                               lares_status expected, const char *detail)
{
    struct piece *piece = piece_find(&full, tag);
    uint8_t kept = piece->data[at];

    check(at < piece->len && byte != kept);
    piece->data[at] = byte;
    check_refused(expected, detail);
    piece->data[at] = kept;
}

static void piece_set(uint32_t tag, const char *hex)
{
    struct piece *piece = piece_find(&full, tag);

    piece->len = hex_read(hex, piece->data);
}

/* Put a number over what was composed, and sign again what then stands. */
static void patch(size_t at, uint64_t number, size_t len)
{
    uint8_t *place = full.bytes + at;

    put_number(&place, number, len);
    if ((full.flags & PLAIN) == 0)
        compose_sign(&full);
}

static void check_patch_refused(size_t at, uint64_t number, size_t len,
                                lares_status expected, const char *detail)
{
    for (int plain = 0; plain <= PLAIN; plain += PLAIN) {
        full.flags = (uint16_t)((full.flags & ~PLAIN) | plain);
        compose(&full);
        patch(at, number, len);
        check_status(read_bytes(), expected);
        check_detail(detail);
    }
}

/* where the i-th entry of the table says its tag, flags, length, digest */
static size_t entry_at(uint32_t i, size_t field)
{
    return IMAGE_TABLE + (size_t)i * IMAGE_ENTRY + field;
}

/* -- every bit, every length -- */

/* What may answer a flipped bit, by the place of its byte. */
static int flip_fits(size_t at, int plain, int expected, lares_status rc)
{
    size_t table = full.manifest_len - 64;

    if (at >= full.manifest_len)
        return rc == LARES_EDIGEST;
    if (at >= table)
        return rc == (plain ? LARES_EFORMAT : LARES_ESIGNATURE);
    if (at >= IMAGE_TABLE && (at - IMAGE_TABLE) % IMAGE_ENTRY >= 16)
        return rc == (plain ? LARES_EDIGEST : LARES_ESIGNATURE);
    if (at >= IMAGE_TABLE) /* an unknown tag is required, or out of order */
        return rc == LARES_EFORMAT || rc == LARES_EVERSION;
    if (at >= 24)
        return rc == (plain || expected ? LARES_EIDENTITY : LARES_ESIGNATURE);
    return rc == (at == 4 || at == 5 ? LARES_EVERSION : LARES_EFORMAT);
}

static void check_flips(int plain, const uint8_t *identity)
{
    for (size_t bit = 0; bit < 8 * full.len; bit++) {
        uint8_t mask = (uint8_t)(1 << bit % 8);
        lares_status rc;

        full.bytes[bit / 8] ^= mask;
        rc = read_as(full.bytes, full.len, plain, identity);
        if (!flip_fits(bit / 8, plain, identity != NULL, rc))
            print_error("bit %zu of byte %zu\n", bit % 8, bit / 8);
        check(flip_fits(bit / 8, plain, identity != NULL, rc));
        full.bytes[bit / 8] ^= mask;
    }
}

/* id: S05 (each bit flipped, the signed form) */
static void test_image_read__refuses_every_flipped_bit(void **state)
{
    (void)state;
    check_ok(read_bytes());
    check_flips(0, NULL);
}

/* id: S05 (each bit flipped, the plain form) */
static void test_image_read__refuses_every_flipped_bit_of_plain(void **state)
{
    (void)state;
    full.flags |= PLAIN;
    compose(&full);
    check_ok(read_bytes());
    check_flips(1, NULL);
    check_flips(1, full.public);
}

/* In a block of its own, so that a sanitizer sees a step beyond its end. */
static void check_cut(size_t len, int plain)
{
    uint8_t *block = malloc(len + (len == 0));

    check(block != NULL);
    memcpy(block, full.bytes, len);
    check_status(read_as(block, len, plain, NULL), LARES_EFORMAT);
    free(block);
}

/* id: S05 (each truncation, a byte more) */
static void test_image_read__refuses_other_lengths(void **state)
{
    (void)state;
    for (int plain = 0; plain <= 1; plain++) {
        full.flags = plain ? 1 | PLAIN : 1;
        compose(&full);
        for (size_t len = 0; len < full.len; len++)
            check_cut(len, plain);
        full.bytes[full.len] = 0;
        check_cut(full.len + 1, plain);
    }
}

/* A truncation that owns up to its length: the last body is too short. */
static void test_image_read__refuses_honest_truncations(void **state)
{
    (void)state;
    for (size_t len = 120; len < full.len; len++) {
        compose(&full);
        patch(8, len, 8);
        check_cut(len, 0);
    }
}

/* id: S05 (body of another image) */
static void test_image_read__refuses_the_body_of_another(void **state)
{
    static struct composition other;

    (void)state;
    for (int plain = 0; plain <= 1; plain++) {
        full.flags = plain ? 1 | PLAIN : 1;
        compose(&full);
        other = full;
        memcpy(piece_find(&other, STATE)->data, "A STATE OF SOME BYTES", 21);
        compose(&other);
        check_ok(read_as(other.bytes, other.len, plain, NULL));
        memcpy(full.bytes + full.len - 21, other.bytes + other.len - 21, 21);
        check_status(read_bytes(), LARES_EDIGEST);
        check_detail("section 64");
    }
}

/* id: S05 (a plain image where a signed one is due); and the reverse */
static void test_image_read__tells_the_forms_apart(void **state)
{
    (void)state;
    check_status(read_as(full.bytes, full.len, 1, NULL), LARES_EFORMAT);
    check_detail("signed form, where the plain one is due");
    full.flags |= PLAIN;
    compose(&full);
    check_status(read_as(full.bytes, full.len, 0, NULL), LARES_EFORMAT);
    check_detail("plain form, where the signed one is due");
}

/* -- step 1 and 2: header and table -- */

/* id: S06 (header) */
static void test_image_read__checks_the_header(void **state)
{
    (void)state;
    check_patch_refused(0, 'l', 1, LARES_EFORMAT, "begin with LARS");
    check_patch_refused(4, 0, 2, LARES_EVERSION, "format 0, not 1");
    check_patch_refused(4, 2, 2, LARES_EVERSION, "format 2, not 1");
    check_patch_refused(4, 257, 2, LARES_EVERSION, "format 257, not 1");
    full.flags = 1 | 4;
    check_refused(LARES_EFORMAT, "flags");
    full.flags = 1 | 0x8000;
    check_refused(LARES_EFORMAT, "flags");
    full.flags = 1;
    full.zero = UINT32_C(0x01000000);
    check_refused(LARES_EFORMAT, "bytes 20 to 23");
    full.zero = 0;
    check_patch_refused(8, full.len - 1, 8, LARES_EFORMAT, "declares");
    check_patch_refused(8, full.len + 1, 8, LARES_EFORMAT, "declares");
    check_patch_refused(8, UINT64_MAX, 8, LARES_EFORMAT, "declares");
}

/* Sections that nobody knows, and nobody has to. */
static void strangers_add(uint32_t count)
{
    static struct piece state;

    state = *piece_find(&full, STATE);
    piece_remove(&full, STATE);
    for (uint32_t i = 0; i < count; i++)
        piece_add(&full, 10 + i, "?", i % 2)->flags = 0;
    piece_add(&full, STATE, state.data, state.len);
}

/* id: S06 (an unknown optional section is skipped), S07 (n = 17) */
static void test_image_read__skips_what_it_need_not_know(void **state)
{
    (void)state;
    strangers_add(1);
    check_accepted();
    full_begin();
    strangers_add(9);
    check_u64(full.count, 16);
    check_accepted();
    full_begin();
    strangers_add(10);
    check_refused(LARES_EFORMAT, "17 sections, not 4 to 16");
    full_begin();
    strangers_add(1);
    piece_find(&full, 10)->flags = 1;
    check_refused(LARES_EVERSION, "section 10 is not understood");
}

/* a stranger's body is vouched for like any other */
static void test_image_read__checks_the_digest_of_a_stranger(void **state)
{
    (void)state;
    strangers_add(2);
    compose(&full);
    full.bytes[full.len - 21 - 1] ^= 1;
    check_status(read_bytes(), LARES_EDIGEST);
    check_detail("section 11");
}

/* id: S06 (n, presence) */
static void test_image_read__needs_its_sections(void **state)
{
    (void)state;
    for (uint32_t tag = HEAD; tag <= LEDGER; tag++) {
        full_begin();
        piece_remove(&full, tag);
        check_refused(LARES_EFORMAT, "no section");
    }
    full_begin();
    piece_remove(&full, OUTBOX);
    piece_remove(&full, TIMERS);
    check_accepted();
    piece_remove(&full, STATE);
    check_refused(LARES_EFORMAT, "a state, and none is there");
    full.flags = 0;
    check_accepted();
    piece_remove(&full, SPEC);
    check_refused(LARES_EFORMAT, "3 sections, not 4 to 16");
    full_begin();
    full.flags = 0;
    check_refused(LARES_EFORMAT, "no state, and one is there");
}

/* id: S06 (order of the table) */
static void test_image_read__needs_their_order(void **state)
{
    (void)state;
    piece_swap(&full, HORIZON, LEDGER);
    check_refused(LARES_EFORMAT, "section 3 behind section 4");
    full_begin();
    piece_find(&full, TIMERS)->tag = OUTBOX;
    check_refused(LARES_EFORMAT, "section 6 behind section 6");
    full_begin();
    piece_add(&full, STATE + 1, "", 0)->flags = 0;
    check_refused(LARES_EFORMAT, "section 65 behind the state");
}

/* id: S06 (flags of sections, fixed lengths) */
static void test_image_read__checks_the_entries(void **state)
{
    static const uint32_t tags[] = {HEAD,   SPEC,   HORIZON, LEDGER,
                                    OUTBOX, TIMERS, STATE};

    (void)state;
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
        full_begin();
        piece_find(&full, tags[i])->flags = 0;
        check_refused(LARES_EFORMAT, "has flags 0");
        piece_find(&full, tags[i])->flags = 3;
        check_refused(LARES_EFORMAT, "has flags 0x3");
    }
    full_begin();
    piece_find(&full, HEAD)->len = 63;
    check_refused(LARES_EFORMAT, "a head of 63 bytes, not 64");
    piece_find(&full, HEAD)->len = 65;
    check_refused(LARES_EFORMAT, "a head of 65 bytes, not 64");
}

/* the fork record is known, and comes with stage 2 */
static void test_image_read__does_not_understand_forks(void **state)
{
    static struct piece pieces[2];
    uint8_t record[193] = {0};

    (void)state;
    pieces[0] = *piece_find(&full, TIMERS);
    pieces[1] = *piece_find(&full, STATE);
    piece_remove(&full, STATE);
    piece_remove(&full, TIMERS);
    piece_remove(&full, OUTBOX);
    piece_add(&full, FORK, record, sizeof record);
    piece_add(&full, TIMERS, pieces[0].data, pieces[0].len);
    piece_add(&full, STATE, pieces[1].data, pieces[1].len);
    check_refused(LARES_EVERSION, "section 5 is not understood");
    piece_find(&full, FORK)->flags = 0;
    check_refused(LARES_EFORMAT, "section 5 has flags 0");
}

/* id: S06 (bound) */
static void test_image_read__is_bounded(void **state)
{
    struct lares__image_rules rules = {.max = full.len, .known = known};
    struct lares__image image;

    (void)state;
    check_ok(lares__image_read(full.bytes, full.len, &rules, &image));
    rules.max--;
    check_status(lares__image_read(full.bytes, full.len, &rules, &image),
                 LARES_ETOOBIG);
    check_detail("is over snapshot.max, ");
}

/* id: S07 (sums over u64, counts 2^32 - 1): nothing was allocated */
static void test_image_read__believes_no_number(void **state)
{
    static const uint64_t lengths[] = {UINT64_MAX, UINT64_MAX - 63,
                                       UINT64_C(1) << 63, UINT64_C(1) << 32};
    uint64_t count = lares__alloc_count();

    (void)state;
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
        for (uint32_t entry = 1; entry < full.count; entry++)
            check_patch_refused(entry_at(entry, 8), lengths[i], 8,
                                LARES_EFORMAT, "declares");
    /* two lengths whose sum is right again, beyond 2^64 */
    compose(&full);
    patch(entry_at(1, 8), piece_find(&full, SPEC)->len + (UINT64_C(1) << 63),
          8);
    patch(entry_at(2, 8), piece_find(&full, HORIZON)->len + (UINT64_C(1) << 63),
          8);
    check_status(read_bytes(), LARES_EFORMAT);
    check_patch_refused(16, UINT32_MAX, 4, LARES_EFORMAT, "sections, not");
    check_patch_refused(16, 17, 4, LARES_EFORMAT, "17 sections, not");
    check_u64(lares__alloc_count(), count);
}

/* id: S07 (counts 2^32 - 1 inside of bodies) */
static void test_image_read__believes_no_count(void **state)
{
    static const struct {
        uint32_t tag;
        size_t at;
        size_t len;
    } counts[] = {
        {SPEC,    14, 2},
        {HORIZON, 16, 4},
        {OUTBOX,  0,  4},
        {TIMERS,  8,  4},
        {LEDGER,  7,  4},
    };

    (void)state;
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        uint8_t *at;
        uint64_t count;
        int horizon_first = counts[i].tag != SPEC && counts[i].tag != HORIZON;

        full_begin();
        at = piece_find(&full, counts[i].tag)->data + counts[i].at;
        put_number(&at, UINT64_MAX, counts[i].len);
        compose(&full);
        count = lares__alloc_count();
        check_status(read_bytes(), LARES_EFORMAT);
        /* the table with which a good horizon is checked */
        check_u64(lares__alloc_count() - count, (uint64_t)horizon_first);
    }
}

/* -- step 3 to 5: identity, signature, digests -- */

/* id: S06 (identity) */
static void test_image_read__checks_the_identity(void **state)
{
    (void)state;
    check_ok(read_as(full.bytes, full.len, 0, full.public));
    check_status(read_as(full.bytes, full.len, 0, public_b), LARES_EIDENTITY);
    check_detail("of d1f5819b4e248d1b, not of 0e098f884ef8893d");
}

/* id: S06 (signature) */
static void test_image_read__checks_the_signature(void **state)
{
    (void)state;
    full.seed[0] ^= 1; /* of somebody else */
    compose(&full);
    check_status(read_bytes(), LARES_ESIGNATURE);
    full.seed[0] ^= 1;
    memcpy(full.public, public_b, sizeof public_b);
    compose(&full);
    check_status(read_bytes(), LARES_ESIGNATURE);
    full_begin();
    full.flags |= PLAIN;
    compose(&full);
    full.bytes[full.manifest_len - 1] = 0x80;
    check_status(read_bytes(), LARES_EFORMAT);
    check_detail("plain form, and signed");
}

/* id: S06 (digests) */
static void test_image_read__checks_the_digests(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < full.count; i++)
        for (size_t byte = 16; byte < 48; byte += 31)
            check_patch_refused(entry_at(i, byte), 0xff, 1, LARES_EDIGEST,
                                "digest of section");
}

/* -- step 6: bodies -- */

/* id: S06 (head) */
static void test_image_read__checks_the_head(void **state)
{
    (void)state;
    check_byte_refused(HEAD, 40, 0, LARES_EFORMAT, "epoch 0");
    check_byte_refused(HEAD, 0, 0x1c, LARES_EIDENTITY, "d1f5819b4e248d1c");
    check_byte_refused(HEAD, 8, 0x51, LARES_EPARENT, "outbox: ends at");
    check_byte_refused(HEAD, 16, 7, LARES_EPARENT, "the head is 7");
    check_byte_refused(HEAD, 24, 0, LARES_EPARENT, "outbox: ends at");
    check_byte_refused(HEAD, 32, 0, LARES_EPARENT, "outbox: ends at");
    /* without an outbox any head past the genesis may be true */
    piece_remove(&full, OUTBOX);
    piece_find(&full, HEAD)->data[32] ^= 1;
    check_accepted();
}

/* id: S06 (a head of sequence 0) */
static void test_image_read__checks_the_genesis(void **state)
{
    static const struct {
        size_t at;
        uint8_t byte;
    } cases[] = {
        {8,  1},
        {24, 1},
        {32, 0}
    };

    (void)state;
    compose_begin(&full, &chain);
    piece_head(&full, &chain, 1, 0, 0);
    piece_hex(&full, SPEC, spec_hex);
    piece_hex(&full, HORIZON, "0000000000000000000000000000000000000000");
    piece_hex(&full, LEDGER, "0000000000");
    check_accepted();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check_byte_refused(HEAD, cases[i].at, cases[i].byte, LARES_EPARENT,
                           "not the genesis of d1f5819b4e248d1b");
}

/* id: S06 (kind and name) */
static void test_image_read__checks_the_names(void **state)
{
    static const struct {
        const char *hex;
        const char *detail;
    } cases[] = {
        {"",                   "4 bytes are missing"  },
        {"000000",             "1 bytes are missing"  },
        {"00000000",           "1 bytes are missing"  },
        {"00000000ff61",       "254 bytes are missing"},
        {"0000000000",         "kind ''"              },
        {"000000000141",       "kind 'A'"             },
        {"00000000026100",     "0 byte"               },
        {"000000000161013a",   "daemon name ':'"      },
        {"0000000001610100",   "0 byte"               },
        {"000000000161016100", "1 bytes are missing"  },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        piece_set(SPEC, cases[i].hex);
        check_refused(LARES_EFORMAT, cases[i].detail);
    }
}

/* A kind of 64 letters is one, of 65 none. */
static void test_image_read__bounds_the_names(void **state)
{
    struct piece *spec = piece_find(&full, SPEC);

    (void)state;
    for (unsigned len = 64; len <= 65; len++) {
        uint8_t *at = spec->data + 4;

        put_number(&at, len, 1);
        memset(at, 'k', len);
        at += len;
        put(&at, "\1n\0\0", 4);
        spec->len = (size_t)(at - spec->data);
        if (len == 64)
            check_accepted();
        else
            check_refused(LARES_EFORMAT, "kind 'kkk");
    }
}

/* The pairs behind a kind and a name "a". */
static void pairs_set(const char *pairs)
{
    char hex[256];

    snprintf(hex, sizeof hex, "0000000001610161%s", pairs);
    piece_set(SPEC, hex);
}

/* id: S06 (options) */
static void test_image_read__checks_the_options(void **state)
{
    static const char *const cases[][2] = {
        {"0100",                                       "1 bytes are missing"},
        {"010005626174",                               "2 bytes are missing"},
        {"0100056261746368",                           "2 bytes are missing"},
        {"01000562617463680200",                       "2 bytes are missing"},
        {"010005626174636801003700",                   "1 bytes too many"   },
        {"000000",                                     "1 bytes too many"   },
        {"0100000000",                                 "is not"             },
        {"010001410000",                               "is not"             },
        {"010001000000",                               "is not"             },
        {"0100012e0000",                               "is not"             },
        {"010002612e0000",                             "is not"             },
        {"0100022e610000",                             "is not"             },
        {"010004612e2e620000",                         "is not"             },
        {"0100056261746368010000",                     "'batch' holds a 0"  },
        {"020005626174636800000562617463680000",       "'batch' is out"     },
        {"0200056261746368000008617267756d656e740000", "'argument' is"      },
        {"0200056261746368000004626174630000",         "'batc' is out"      },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        pairs_set(cases[i][0]);
        check_refused(LARES_EFORMAT, cases[i][1]);
    }
}

/* id: S06 (options that are not known); one is, to spawn, and yet no part of
 * an image */
static void test_image_read__knows_the_options(void **state)
{
    struct lares__image_rules rules = {.plain = 1};
    struct lares__image image;

    (void)state;
    pairs_set("010001780000");
    check_refused(LARES_EVERSION, "'x' is unknown");
    pairs_set("0100066261746368730000");
    check_refused(LARES_EVERSION, "'batchs' is unknown");
    pairs_set("0100046e616d6501006e");
    check_refused(LARES_EVERSION, "'name' is unknown");
    rules.max = full.len;
    check_ok(lares__image_read(full.bytes, full.len, &rules, &image));
    check_i64(image.option_count, 1); /* whoever only looks takes any */
}

/* `count` options, called aa, ab and so on, of kind and name a */
static void options_compose(struct piece *spec, unsigned count)
{
    uint8_t *at = spec->data + hex_read("0000000001610161", spec->data);

    put_number(&at, count, 2);
    for (unsigned i = 0; i < count; i++) {
        put_number(&at, 2, 1);
        put_number(&at, 'a' + i / 26, 1);
        put_number(&at, 'a' + i % 26, 1);
        put_number(&at, 0, 2);
    }
    spec->len = (size_t)(at - spec->data);
}

static void test_image_read__bounds_the_options(void **state)
{
    (void)state;
    options_compose(piece_find(&full, SPEC), 64);
    check_refused(LARES_EVERSION, "'aa' is unknown");
    options_compose(piece_find(&full, SPEC), 65);
    check_refused(LARES_EFORMAT, "65 options, at most 64");
}

/* the argument of 4 096 bytes, and one more */
static void test_image_read__bounds_a_value(void **state)
{
    struct piece *spec = piece_find(&full, SPEC);

    (void)state;
    for (size_t len = 4096; len <= 4097; len++) {
        uint8_t *at = spec->data;

        at += hex_read("0000000001610161010008617267756d656e74", at);
        put_number(&at, len, 2);
        memset(at, 'x', len);
        spec->len = (size_t)(at - spec->data) + len;
        if (len == 4096)
            check_accepted();
        else
            check_refused(LARES_EFORMAT, "'argument' has 4097 bytes");
    }
}

/* id: S06 (horizon, ledger, timers) */
static void test_image_read__checks_the_other_bodies(void **state)
{
    static const struct {
        uint32_t tag;
        size_t at;
        uint8_t byte;
        const char *detail;
    } cases[] = {
        {HORIZON, 16, 2,   "horizon"},
        {HORIZON, 28, 0,   "horizon"},
        {HORIZON, 0,  0,   "sketch" },
        {LEDGER,  0,  5,   "ledger" },
        {LEDGER,  1,  '.', "channel"},
        {LEDGER,  12, '.', "pattern"},
        {TIMERS,  0,  7,   "timers" },
        {TIMERS,  8,  2,   "timers" },
        {TIMERS,  8,  0,   "timers" },
        {TIMERS,  12, 0,   "timers" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check_byte_refused(cases[i].tag, cases[i].at, cases[i].byte,
                           LARES_EFORMAT, cases[i].detail);
}

/* Every body ends where its section does. */
static void test_image_read__wants_bodies_whole(void **state)
{
    static const uint32_t tags[] = {SPEC, HORIZON, LEDGER, OUTBOX, TIMERS};

    (void)state;
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
        struct piece *piece = piece_find(&full, tags[i]);
        size_t whole = piece->len;

        for (piece->len = 0; piece->len <= whole + 1; piece->len++)
            if (piece->len != whole)
                check_refused(LARES_EFORMAT, "");
        piece->len = whole;
        check_accepted();
    }
}

/* id: S06 (outbox) */
static void test_image_read__checks_the_outbox(void **state)
{
    enum {
        FIRST = 4,          /* the first record: 24 + 4 + 32 + 1 */
        SECOND = FIRST + 61 /* 24 + 32 */
    };

    (void)state;
    check_byte_refused(OUTBOX, 0, 2, LARES_EFORMAT, "behind the last");
    check_byte_refused(OUTBOX, 0, 4, LARES_EFORMAT, "no header");
    check_byte_refused(OUTBOX, 0, 0, LARES_EFORMAT, "no event in");
    check_byte_refused(OUTBOX, FIRST, 1, LARES_EVERSION, "flags 0x1");
    check_byte_refused(OUTBOX, FIRST + 3, 1, LARES_EFORMAT, "byte 3");
    check_byte_refused(OUTBOX, FIRST + 16, 0, LARES_EFORMAT, "epoch 0");
    check_byte_refused(OUTBOX, FIRST + 24, '.', LARES_EFORMAT, "'.ums'");
    check_byte_refused(OUTBOX, FIRST + 24, '$', LARES_EFORMAT, "reserved");
    check_byte_refused(OUTBOX, FIRST + 24, 0, LARES_EFORMAT, "0 byte");
    check_byte_refused(OUTBOX, FIRST + 28, 0, LARES_EPARENT, "");
    check_byte_refused(OUTBOX, FIRST + 44, 5, LARES_EPARENT, "");
    check_byte_refused(OUTBOX, FIRST + 60, '3', LARES_EPARENT, "parent");
    check_byte_refused(OUTBOX, SECOND + 24, 0, LARES_EPARENT, "origin");
    check_byte_refused(OUTBOX, SECOND + 40, 6, LARES_EPARENT, "sequence 5");
    check_byte_refused(OUTBOX, SECOND + 48, 1, LARES_EPARENT, "parent");
    piece_find(&full, OUTBOX)->len = 4;
    memset(piece_find(&full, OUTBOX)->data, 0, 4);
    check_refused(LARES_EFORMAT, "no event in 4 bytes");
    piece_find(&full, OUTBOX)->len = 3;
    check_refused(LARES_EFORMAT, "no event in 3 bytes");
}

/* Other addresses than a channel come with stage 2. */
static void test_image_read__understands_channels_alone(void **state)
{
    struct piece *outbox = piece_find(&full, OUTBOX);
    uint8_t *at = outbox->data;

    (void)state;
    outbox->data[4 + 1] = 2; /* "su" is the channel, "ms" the group */
    outbox->data[4 + 2] = 2;
    check_refused(LARES_EVERSION, "event 4 is for a group");
    put_number(&at, 1, 4);
    put_number(&at, 4, 4); /* direct, no names */
    put_number(&at, chain.len - 32, 4);
    put_number(&at, 99, 8);
    put_number(&at, 1, 8);
    put(&at, chain.bytes, chain.len);
    outbox->len = (size_t)(at - outbox->data);
    check_refused(LARES_EVERSION, "event 6 is for a daemon");
}

/* -- the order of the checks -- */

/* id: S06 (several at once: the first in order) */
static void test_image_read__goes_in_order(void **state)
{
    struct piece *spec = piece_find(&full, SPEC);

    (void)state;
    /* from the last check to the first: an unknown option, the chain, ... */
    memcpy(spec->data + 17, "brgument", 8);
    memcpy(spec->data + 29, "catch", 5);
    check_refused(LARES_EVERSION, "'brgument' is unknown");
    piece_find(&full, HEAD)->data[32] ^= 1;
    check_refused(LARES_EPARENT, "outbox: ends at");
    piece_find(&full, HEAD)->data[0] ^= 1;
    check_refused(LARES_EIDENTITY, "a head of origin");
    piece_find(&full, TIMERS)->data[0] = 1;
    check_refused(LARES_EFORMAT, "timers");
    /* then digest, signature, identity, bound, section, length, format */
    full.flags = 1;
    compose(&full);
    full.bytes[full.len - 1] ^= 1;
    check_status(read_bytes(), LARES_EDIGEST);
    full.bytes[full.manifest_len - 1] ^= 1;
    check_status(read_bytes(), LARES_ESIGNATURE);
    check_status(read_as(full.bytes, full.len, 0, public_b), LARES_EIDENTITY);
    full.bytes[entry_at(5, 0)] = 9;
    check_status(read_as(full.bytes, full.len, 0, public_b), LARES_EVERSION);
    full.bytes[8] ^= 1;
    check_status(read_as(full.bytes, full.len, 0, public_b), LARES_EFORMAT);
    full.bytes[4] ^= 2;
    check_status(read_as(full.bytes, full.len, 0, public_b), LARES_EVERSION);
    full.bytes[0] ^= 1;
    check_status(read_as(full.bytes, full.len, 0, public_b), LARES_EFORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        read_test(test_image_read__refuses_every_flipped_bit),
        read_test(test_image_read__refuses_every_flipped_bit_of_plain),
        read_test(test_image_read__refuses_other_lengths),
        read_test(test_image_read__refuses_honest_truncations),
        read_test(test_image_read__refuses_the_body_of_another),
        read_test(test_image_read__tells_the_forms_apart),
        read_test(test_image_read__checks_the_header),
        read_test(test_image_read__skips_what_it_need_not_know),
        read_test(test_image_read__checks_the_digest_of_a_stranger),
        read_test(test_image_read__needs_its_sections),
        read_test(test_image_read__needs_their_order),
        read_test(test_image_read__checks_the_entries),
        read_test(test_image_read__does_not_understand_forks),
        read_test(test_image_read__is_bounded),
        read_test(test_image_read__believes_no_number),
        read_test(test_image_read__believes_no_count),
        read_test(test_image_read__checks_the_identity),
        read_test(test_image_read__checks_the_signature),
        read_test(test_image_read__checks_the_digests),
        read_test(test_image_read__checks_the_head),
        read_test(test_image_read__checks_the_genesis),
        read_test(test_image_read__checks_the_names),
        read_test(test_image_read__bounds_the_names),
        read_test(test_image_read__checks_the_options),
        read_test(test_image_read__knows_the_options),
        read_test(test_image_read__bounds_the_options),
        read_test(test_image_read__bounds_a_value),
        read_test(test_image_read__checks_the_other_bodies),
        read_test(test_image_read__wants_bodies_whole),
        read_test(test_image_read__checks_the_outbox),
        read_test(test_image_read__understands_channels_alone),
        read_test(test_image_read__goes_in_order),
    };

    return check_run(tests);
}
