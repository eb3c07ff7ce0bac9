#include "support/heap.h"
#include "support/image.h"

#include "base/options.h"
#include "chain/horizon.h"
#include "chain/record.h"
#include "daemon/image.h"

/* -- fixture -- */

enum {
    BYTES_MAX = 16384
};

static const char *const known[] = {"argument", "batch", "horizon.count",
                                    "restart.max", NULL};
static struct composition composition;
static uint8_t bytes[BYTES_MAX];
static uint8_t horizon[PIECE_MAX], ledger[PIECE_MAX], timers[PIECE_MAX];
static lares_key *key;

static int image_setup(void **state)
{
    uint8_t seed[LARES__KEY_LEN];
    int rc = heap_setup(state);

    memset(seed, 0x42, sizeof seed);
    check_ok(lares__key_from_seed(seed, &key));
    memset(bytes, 0xa5, sizeof bytes); /* nothing is taken to be zero */
    return rc;
}

static int image_teardown(void **state)
{
    lares__key_release(key);
    return heap_teardown(state);
}

#define image_test(test)                                                       \
    cmocka_unit_test_setup_teardown(test, image_setup, image_teardown)

/* -- tools -- */

/* The daemon of G10, its output "1" emitted. */
static struct lares__image image_g10(void)
{
    struct lares__image image = {
        .has_state = 1,
        .epoch = 1,
        .arrival = 1,
        .kind = "counter",
        .kind_len = 7,
        .name = "counter",
        .name_len = 7,
        .horizon = horizon,
        .horizon_len = hex_read(horizon_hex, horizon),
        .ledger = ledger,
        .ledger_len = hex_read(ledger_hex, ledger),
        .state_len = 8,
    };

    memcpy(image.public, lares__key_public(key), LARES__KEY_LEN);
    lares__head_genesis(&image.head, lares__key_origin(key));
    image.head.link.parent = image.head.hash;
    image.head.link.horizon = UINT64_C(0x2000000050);
    image.head.link.sequence = 1;
    image.head.hash = lares__link_hash(&image.head.link, "1", 1);
    return image;
}

/* All of an image; the state is written first, as its author does. */
static size_t written(const struct lares__image *image, const void *state)
{
    size_t prefix = lares__image_prefix(image);

    check(prefix + image->state_len <= sizeof bytes);
    if (image->state_len > 0)
        memcpy(bytes + prefix, state, image->state_len);
    lares__image_write(image, bytes);
    return prefix + image->state_len;
}

static void check_written(const struct lares__image *image, const void *state,
                          int plain, const struct composition *expected)
{
    size_t len = written(image, state);

    check_ok(lares__image_seal(bytes, len, plain ? NULL : key));
    check_u64(len, expected->len);
    check_mem(bytes, expected->bytes, len);
}

static struct lares__image check_read(int plain, size_t len)
{
    struct lares__image_rules rules = {
        .identity = lares__key_public(key),
        .plain = plain,
        .max = len,
        .known = known,
    };
    struct lares__image image;

    check_ok(lares__image_read(bytes, len, &rules, &image));
    return image;
}

static void check_text(const char *text, size_t len, const char *expected)
{
    check_u64(len, strlen(expected));
    check_mem(text, expected, len);
}

static lares_options *options_of(const char *const pairs[][2], size_t count)
{
    lares_options *options;

    check_ok(lares__options_new(&options));
    for (size_t i = 0; i < count; i++)
        check_ok(lares__options_set(options, pairs[i][0], pairs[i][1]));
    return options;
}

/* -- cases: writing -- */

/* golden vector G10, byte for byte; part of S01 */
static void test_image__writes_the_vector(void **state)
{
    static const uint8_t one[8] = {1};
    struct lares__image image = image_g10();
    size_t len = written(&image, one);

    (void)state;
    check_ok(lares__image_seal(bytes, len, key));
    check_u64(len, 559);
    check_u64(lares__image_prefix(&image), 559 - 8);
    check_u64(image.head.hash, UINT64_C(0x4307a83c07a30bce));
    check_u64(lares__hash64(bytes, len), UINT64_C(0xcb610e3a1cc4bc7d));
    check_hex(bytes + 360 - 64, 64,
              "e78a1733eee67eacd616af3c535d5b5fac311e632446d239be741f4a5d532a58"
              "98f5e916b7ecfe51ca6c1b6ca1f30fa7808ee95ad9b9bd900899978a3dba"
              "2903");
}

/* both forms, as they are put together from the contract's words */
static void test_image__writes_what_the_contract_says(void **state)
{
    static const uint8_t one[8] = {1};
    struct lares__image image = image_g10();

    (void)state;
    compose_g10(&composition);
    check_written(&image, one, 0, &composition);
    composition.flags = 3;
    compose(&composition);
    check_written(&image, one, 1, &composition);
}

/* An image may be sealed again in the other form. */
static void test_image__is_sealed_anew(void **state)
{
    static const uint8_t one[8] = {1};
    struct lares__image image = image_g10();
    size_t len = written(&image, one);

    (void)state;
    check_ok(lares__image_seal(bytes, len, NULL));
    check_ok(lares__image_seal(bytes, len, key));
    check_u64(lares__hash64(bytes, len), UINT64_C(0xcb610e3a1cc4bc7d));
}

static void test_image__needs_the_secret_only_when_signed(void **state)
{
    static const uint8_t one[8] = {1};
    struct lares__image image = image_g10();
    size_t len = written(&image, one);
    lares_key *public;

    (void)state;
    check_ok(lares__key_from_public(lares__key_public(key), &public));
    check_status(lares__image_seal(bytes, len, public), LARES_EKEY);
    check_ok(lares__image_seal(bytes, len, NULL));
    lares__key_release(public);
}

/* Pairs ascend by key, whatever the order of the calls; what the image holds
 * elsewhere is left out. */
static void test_image__writes_options_in_order(void **state)
{
    static const char *const pairs[][2] = {
        {"restart.max",   "9"  },
        {"name",          "n"  },
        {"batch",         "7"  },
        {"subscribe",     "a b"},
        {"argument",      ""   },
        {"publish",       "c"  },
        {"horizon.count", "5"  },
    };
    struct lares__image image = image_g10();
    lares_options *options = options_of(pairs, 7);
    struct piece *spec;

    (void)state;
    image.options = options;
    image.has_state = 0;
    image.state_len = 0;
    image.version = UINT32_C(0x01020304);
    compose_g10(&composition);
    composition.flags = 0;
    piece_remove(&composition, 64);
    spec = piece_find(&composition, 2);
    spec->len = hex_read("04030201"
                         "07636f756e74657207636f756e746572"
                         "0400"
                         "08617267756d656e740000"
                         "0562617463680100"
                         "37"
                         "0d686f72697a6f6e2e636f756e74010035"
                         "0b726573746172742e6d6178010039",
                         spec->data);
    compose(&composition);
    check_written(&image, NULL, 0, &composition);
    lares__options_free(options);
}

/* -- cases: round trips -- */

/* part of S01: what was written is read */
static void test_image__reads_what_it_wrote(void **state)
{
    static const uint8_t one[8] = {1};
    struct lares__image image = image_g10();

    (void)state;
    image.taken_at = UINT64_C(1700000000000000000);
    image.version = 3;
    for (int plain = 0; plain <= 1; plain++) {
        size_t len = written(&image, one);
        struct lares__image read;

        check_ok(lares__image_seal(bytes, len, plain ? NULL : key));
        read = check_read(plain, len);
        check_mem(read.public, image.public, LARES__KEY_LEN);
        check_mem(&read.head, &image.head, sizeof read.head);
        check_u64(read.epoch, 1);
        check_u64(read.arrival, 1);
        check_u64(read.taken_at, image.taken_at);
        check_u64(read.version, 3);
        check_text(read.kind, read.kind_len, "counter");
        check_text(read.name, read.name_len, "counter");
        check(read.options == NULL);
        check_u64(read.option_count, 0);
        check_hex(read.horizon, read.horizon_len, horizon_hex);
        check_hex(read.ledger, read.ledger_len, ledger_hex);
        check_u64(read.outbox_count, 0);
        check_u64(read.timers_len, 0);
        check(read.has_state);
        check_hex(read.state, read.state_len, "0100000000000000");
    }
}

/* part of S02: no state, and a state of 0 bytes, are two things */
static void test_image__tells_no_state_from_an_empty_one(void **state)
{
    struct lares__image image = image_g10();
    struct lares__image read;
    size_t len;

    (void)state;
    image.state_len = 0;
    len = written(&image, NULL);
    check_ok(lares__image_seal(bytes, len, key));
    read = check_read(0, len);
    check(read.has_state);
    check(read.state == bytes + len);
    check_u64(read.state_len, 0);

    image.has_state = 0;
    check_u64(written(&image, NULL), len - IMAGE_ENTRY);
    len -= IMAGE_ENTRY;
    check_ok(lares__image_seal(bytes, len, key));
    check(!check_read(0, len).has_state);
}

/* the genesis is a head, too */
static void test_image__of_a_daemon_that_never_emitted(void **state)
{
    struct lares__image image = image_g10();
    size_t len;

    (void)state;
    image.has_state = 0;
    image.state_len = 0;
    lares__head_genesis(&image.head, lares__key_origin(key));
    len = written(&image, NULL);
    check_ok(lares__image_seal(bytes, len, key));
    check_u64(check_read(0, len).head.link.sequence, 0);
}

static size_t record_write(const struct lares__head *head, const char *channel,
                           const char *payload, uint8_t *out)
{
    struct lares__record record = {
        .channel = channel,
        .channel_len = strlen(channel),
        .epoch = 1,
        .link = head->link,
        .data = payload,
        .len = strlen(payload),
    };

    check_ok(lares__record_encode(&record, out));
    return lares__record_encoded_len(&record);
}

/* part of S04: outputs that wait, on a channel, on none, on another; and
 * timers */
static void test_image__holds_outbox_and_timers(void **state)
{
    static const char *const channels[] = {"sums", "", "a.b"};
    static const char *const payloads[] = {"2", "", "three"};
    struct lares__image image = image_g10();
    struct lares__image read;
    uint8_t outbox[512];
    size_t len, left;
    const uint8_t *at;

    (void)state;
    image.outbox = outbox;
    for (int i = 0; i < 3; i++) {
        image.head.link.parent = image.head.hash;
        image.head.link.sequence++;
        image.head.hash = lares__link_hash(&image.head.link, payloads[i],
                                           strlen(payloads[i]));
        image.outbox_len += record_write(&image.head, channels[i], payloads[i],
                                         outbox + image.outbox_len);
    }
    image.outbox_count = 3;
    image.timers = timers;
    image.timers_len = hex_read(timers_hex, timers);
    len = written(&image, "12345678");
    check_ok(lares__image_seal(bytes, len, key));
    read = check_read(0, len);
    check_u64(read.outbox_count, 3);
    check_u64(read.outbox_len, image.outbox_len);
    check_mem(read.outbox, outbox, image.outbox_len);
    check_hex(read.timers, read.timers_len, timers_hex);
    check_mem(read.state, "12345678", 8);
    at = read.outbox;
    left = read.outbox_len;
    for (int i = 0; i < 3; i++) {
        struct lares__record record;

        check_ok(lares__record_next(&at, &left, &record));
        check_text(record.channel, record.channel_len, channels[i]);
        check_text(record.data, record.len, payloads[i]);
        check_u64(record.link.sequence, (uint64_t)i + 2);
    }
}

/* What was read is written to the same bytes. */
static void test_image__is_canonical(void **state)
{
    static const char *const pairs[][2] = {
        {"batch",    "7"},
        {"argument", "x"}
    };
    static uint8_t kept[BYTES_MAX];
    struct lares__image image = image_g10();
    lares_options *options = options_of(pairs, 2);
    struct lares__image_rules rules = {.plain = 1, .max = 4096, .known = known};
    size_t len;

    (void)state;
    image.options = options;
    image.timers = timers;
    image.timers_len = hex_read(timers_hex, timers);
    len = written(&image, "12345678");
    check_ok(lares__image_seal(bytes, len, NULL));
    memcpy(kept, bytes, len);
    check_ok(lares__image_read(kept, len, &rules, &image));
    memset(bytes, 0xa5, sizeof bytes);
    check_u64(written(&image, image.state), len);
    check_ok(lares__image_seal(bytes, len, NULL));
    check_mem(bytes, kept, len);
    lares__options_free(options);
}

static void test_image__gives_its_options_back(void **state)
{
    static const char *const pairs[][2] = {
        {"restart.max", "9"        },
        {"argument",    "two words"},
        {"name",        "n"        }
    };
    struct lares__image image = image_g10();
    lares_options *options = options_of(pairs, 3);
    lares_options *read = NULL;
    struct lares__image seen;
    size_t len;

    (void)state;
    image.options = options;
    len = written(&image, "12345678");
    check_ok(lares__image_seal(bytes, len, key));
    seen = check_read(0, len);
    check_u64(seen.option_count, 2);
    check_ok(lares__image_options(&seen, &read));
    check_u64(lares__options_count(read), 2);
    check_str(lares__options_get(read, "argument"), "two words");
    check_str(lares__options_get(read, "restart.max"), "9");
    lares__options_free(read);
    lares__options_free(options);
}

static lares_status scenario_read(void)
{
    struct lares__image_rules rules = {.max = 4096, .known = known};
    struct lares__image image;
    lares_options *options = NULL;
    lares_status rc;

    memset(&image, 0x5a, sizeof image);
    rc = lares__image_read(composition.bytes, composition.len, &rules, &image);
    if (rc < 0) {
        check_u64(image.epoch, UINT64_C(0x5a5a5a5a5a5a5a5a));
        return rc;
    }
    rc = lares__image_options(&image, &options);
    if (rc == LARES_OK)
        lares__options_free(options);
    else
        check(options == NULL);
    return rc;
}

static void test_image__survives_every_failed_allocation(void **state)
{
    struct piece *spec;

    (void)state;
    compose_g10(&composition);
    spec = piece_find(&composition, 2);
    spec->len = hex_read("0000000007636f756e74657207636f756e7465720200"
                         "08617267756d656e74010078"
                         "056261746368010037",
                         spec->data);
    compose(&composition);
    heap_torture(scenario_read);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        image_test(test_image__writes_the_vector),
        image_test(test_image__writes_what_the_contract_says),
        image_test(test_image__is_sealed_anew),
        image_test(test_image__needs_the_secret_only_when_signed),
        image_test(test_image__writes_options_in_order),
        image_test(test_image__reads_what_it_wrote),
        image_test(test_image__tells_no_state_from_an_empty_one),
        image_test(test_image__of_a_daemon_that_never_emitted),
        image_test(test_image__holds_outbox_and_timers),
        image_test(test_image__is_canonical),
        image_test(test_image__gives_its_options_back),
        image_test(test_image__survives_every_failed_allocation),
    };

    return check_run(tests);
}
