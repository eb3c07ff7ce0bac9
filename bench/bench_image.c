/* bench_image.c - images in the plain form and in the signed one, beside the
 * copying and hashing that they are made of: rows 13, signed, N8 and N9. It is
 * linked with the static library, because no public function makes a plain image. */
#include "daemon/rebuild.h"
#include "daemon/snapshot.h"

#include "bench.h"
#include "counter.h"

#include <lares.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum {
    WORDS = 10240, /* records of a counter, and operations of its snapshot */
    WALL = 1
};

static const uint8_t seed[LARES__KEY_LEN] = {1};

static void core_check(lares_status status, const char *what)
{
    bench_check(status == LARES_OK, what);
}

/* -- daemons without a node ----------------------------------------------- */

/* a state of some bytes and no sense */
struct blob {
    uint8_t *data;
    size_t len;
};

static lares_verdict blob_create(lares_call *call, lares_daemon *daemon,
                                 void **instance_out, void *user)
{
    (void)call;
    (void)daemon;
    (void)user;
    *instance_out = calloc(1, sizeof(struct blob));
    return *instance_out != NULL ? LARES_DONE : LARES_FAILED;
}

static void blob_destroy(void *instance)
{
    struct blob *blob = instance;

    free(blob->data);
    free(blob);
}

static lares_verdict blob_process(lares_call *call, void *instance)
{
    (void)instance;
    while (lares_call_next(call) != NULL)
        continue;
    return LARES_DONE;
}

static lares_verdict blob_snapshot(lares_call *call, void *instance)
{
    struct blob *blob = instance;

    lares_call_state(call, blob->data, blob->len);
    return LARES_DONE;
}

static lares_verdict blob_restore(lares_call *call, uint32_t version,
                                  const void *data, size_t len, void *instance)
{
    struct blob *blob = instance;

    (void)call;
    (void)version;
    blob->data = malloc(len);
    if (blob->data == NULL)
        return LARES_FAILED;
    memcpy(blob->data, data, len);
    blob->len = len;
    return LARES_DONE;
}

static const lares_daemon_ops blob_ops = {
    .size = sizeof(lares_daemon_ops),
    .create = blob_create,
    .destroy = blob_destroy,
    .process = blob_process,
    .snapshot = blob_snapshot,
    .restore = blob_restore,
};

struct subject {
    const lares_daemon_ops *ops;
    void *user;
    size_t len; /* of the state of a blob */
    struct lares__kind kind;
    struct lares__host host;
    struct lares_call call;
    struct lares__pool_cache cache;
    lares_key *key;
    const lares_key *signer; /* NULL: its images are plain */
    lares_bytes *last;       /* image, until it was proved */
    uint64_t done;           /* operations of this run */
};

static uint64_t clock_now(void *context)
{
    (void)context;
    return bench_now();
}

static const struct lares__clock bench_clock = {clock_now, NULL};

static void host_open(struct subject *subject, struct lares__host *host)
{
    core_check(lares__host_init(host, subject->kind.name, &subject->kind,
                                subject->key, NULL, 1),
               "host");
}

static void host_close(struct subject *subject, struct lares__host *host)
{
    lares__host_destroy(host, &subject->call);
    lares__host_fini(host, &subject->cache);
}

static void subject_open(void *context)
{
    struct subject *subject = context;

    strcpy(subject->kind.name, "subject");
    subject->kind.ops = *subject->ops;
    subject->kind.user = subject->user;
    subject->kind.stateful = 1;
    subject->call.cache = &subject->cache;
    core_check(lares__key_from_seed(seed, &subject->key), "key");
    host_open(subject, &subject->host);
    core_check(lares__host_create(&subject->host, &subject->call, NULL, WALL),
               "create");
    lares__host_activate(&subject->host, 1, WALL);
}

/* what a blob holds */
static uint8_t *bytes_new(size_t len)
{
    uint8_t *bytes = malloc(len);

    bench_check(bytes != NULL, "memory");
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(i * 31 >> 3);
    return bytes;
}

static void blob_open(void *context)
{
    struct subject *subject = context;
    struct blob *blob;

    subject_open(subject);
    blob = subject->host.instance;
    blob->data = bytes_new(subject->len);
    blob->len = subject->len;
}

static void signed_open(void *context)
{
    struct subject *subject = context;

    blob_open(subject);
    subject->signer = subject->key;
}

/* -- images --------------------------------------------------------------- */

static lares_bytes *image_take(struct subject *subject)
{
    struct lares__portrait portrait;
    lares_bytes *image;

    core_check(lares__portrait_take(&portrait, &subject->host, WALL, WALL),
               "portrait");
    core_check(lares__host_snapshot(&subject->host, &subject->call, &portrait,
                                    WALL, &bench_clock, &image),
               "snapshot");
    lares__portrait_fini(&portrait);
    core_check(lares__image_seal(image->data, image->len, subject->signer),
               "seal");
    return image;
}

/* the image before may go */
static void image_keep(struct subject *subject, lares_bytes *image)
{
    lares__bytes_free(subject->last);
    subject->last = image;
    subject->done++;
}

static void image_read(const struct subject *subject, const lares_bytes *bytes,
                       struct lares__image *out)
{
    static const char *const known[] = {NULL};
    const struct lares__image_rules rules = {
        .plain = subject->signer == NULL, .max = UINT64_MAX, .known = known};

    core_check(lares__image_read(bytes->data, bytes->len, &rules, out), "read");
}

static void save_run(void *context, uint64_t count)
{
    struct subject *subject = context;

    for (uint64_t i = 0; i < count; i++)
        image_keep(subject, image_take(subject));
}

/* how many operations it had; the next run begins */
static uint64_t run_end(struct subject *subject)
{
    uint64_t done = subject->done;

    image_keep(subject, NULL);
    subject->done = 0;
    return done;
}

/* The last image reads, and its state is the daemon's. */
static int blob_proved(void *context, uint64_t count)
{
    struct subject *subject = context;
    const struct blob *blob = subject->host.instance;
    struct lares__image image;
    int same;

    image_read(subject, subject->last, &image);
    same = image.state_len == blob->len &&
           memcmp(image.state, blob->data, blob->len) == 0;
    return run_end(subject) == count && same;
}

static void image_load(struct subject *subject, const lares_bytes *bytes)
{
    struct lares__image image;
    struct lares__host host;

    image_read(subject, bytes, &image);
    host_open(subject, &host);
    core_check(lares__host_adopt(&host, &image), "adopt");
    core_check(lares__host_create(&host, &subject->call, NULL, WALL), "create");
    core_check(lares__host_restore(&host, &subject->call, WALL), "restore");
    lares__host_activate(&host, 2, WALL);
    bench_keep((uintptr_t)host.instance);
    host_close(subject, &host);
}

static void load_run(void *context, uint64_t count)
{
    struct subject *subject = context;

    for (uint64_t i = 0; i < count; i++) {
        image_keep(subject, image_take(subject));
        image_load(subject, subject->last);
    }
}

/* -- the floor of a signed one -------------------------------------------- */

struct bare {
    size_t len;
    uint8_t *bytes;
    uint8_t public[crypto_sign_PUBLICKEYBYTES];
    uint8_t secret[crypto_sign_SECRETKEYBYTES];
    uint8_t digest[32]; /* of the last copy */
    uint8_t signature[crypto_sign_BYTES];
    uint64_t done;
};

static void bare_open(void *context)
{
    struct bare *bare = context;

    bench_check(sodium_init() >= 0, "sodium");
    bare->bytes = bytes_new(bare->len);
    crypto_sign_seed_keypair(bare->public, bare->secret, seed);
}

/* A copy, BLAKE2b over it, a signature over that. */
static void bare_run(void *context, uint64_t count)
{
    struct bare *bare = context;

    for (bare->done = 0; bare->done < count; bare->done++) {
        uint8_t *copy = malloc(bare->len);

        bench_check(copy != NULL, "memory");
        memcpy(copy, bare->bytes, bare->len);
        crypto_generichash(bare->digest, sizeof bare->digest, copy, bare->len,
                           NULL, 0);
        crypto_sign_detached(bare->signature, NULL, bare->digest,
                             sizeof bare->digest, bare->secret);
        free(copy);
    }
}

static int bare_proved(void *context, uint64_t count)
{
    const struct bare *bare = context;

    return bare->done == count &&
           crypto_sign_verify_detached(bare->signature, bare->digest,
                                       sizeof bare->digest, bare->public) == 0;
}

/* -- records: row 13 ------------------------------------------------------ */

static void records_run(void *context, uint64_t count)
{
    save_run(context, count / WORDS);
}

/* a counter's state, and the hashes of its chunks */
struct table {
    struct counter counter;
    unsigned char state[WORDS * COUNTER_RECORD];
    uint64_t hash;
};

static void table_open(void *context)
{
    struct table *table = context;

    counter_init(&table->counter, WORDS);
}

/* Each chunk of records is written and hashed. */
static void table_run(void *context, uint64_t count)
{
    struct table *table = context;

    for (uint64_t i = 0; i < count; i += WORDS) {
        size_t at = 0, len;

        table->hash = 0;
        for (uint64_t first = 0; first < WORDS; at += len) {
            size_t room = sizeof table->state - at;

            first = counter_write(&table->counter, first, table->state + at,
                                  room < COUNTER_CHUNK ? room : COUNTER_CHUNK,
                                  &len);
            table->hash ^= XXH3_64bits(table->state + at, len);
        }
    }
}

static int table_proved(void *context, uint64_t count)
{
    struct table *table = context;
    struct counter read;
    int same;

    counter_init(&read, WORDS);
    same = counter_read(&read, table->state, sizeof table->state);
    counter_fini(&read);
    return same && table->hash != 0 && count % WORDS == 0;
}

/* The last image reads, and its state is that of a counter. */
static int records_proved(void *context, uint64_t count)
{
    struct subject *subject = context;
    struct lares__image image;
    struct counter read;
    int same;

    image_read(subject, subject->last, &image);
    counter_init(&read, WORDS);
    same = counter_read(&read, image.state, image.state_len);
    counter_fini(&read);
    return run_end(subject) * WORDS == count && same;
}

int main(int argc, char **argv)
{
    static const struct bench_subject blobs = {blob_open, blob_proved,
                                               BENCH_CPU};
    static const struct bench_subject signeds = {signed_open, blob_proved,
                                                 BENCH_CPU};
    static const struct bench_subject bares = {bare_open, bare_proved,
                                               BENCH_CPU};
    static const struct bench_subject counters = {subject_open, records_proved,
                                                  BENCH_CPU};
    static const struct bench_subject tables = {table_open, table_proved,
                                                BENCH_CPU};
    static struct counter_recipe recipe = {.words = WORDS};
    static struct subject counter = {.ops = &counter_ops, .user = &recipe};
    static struct table table;
    static struct subject kilobyte = {.ops = &blob_ops, .len = 1 << 10};
    static struct subject chunk = {.ops = &blob_ops, .len = 1 << 16};
    static struct subject megabyte = {.ops = &blob_ops, .len = 1 << 20};
    static struct subject large = {.ops = &blob_ops, .len = 1 << 24};
    static struct subject signed_1k = {.ops = &blob_ops, .len = 1 << 10};
    static struct subject signed_1m = {.ops = &blob_ops, .len = 1 << 20};
    static struct bare bare_1k = {.len = 1 << 10};
    static struct bare bare_1m = {.len = 1 << 20};
    static const struct bench_variant variants[] = {
        {"save 1 KiB",                 save_run,    &blobs,    &kilobyte },
        {"save 64 KiB",                save_run,    &blobs,    &chunk    },
        {"save 1 MiB",                 save_run,    &blobs,    &megabyte },
        {"save and load 1 KiB",        load_run,    &blobs,    &kilobyte },
        {"save and load 16 MiB",       load_run,    &blobs,    &large    },
        {"save and sign 1 KiB",        save_run,    &signeds,  &signed_1k},
        {"save and sign 1 MiB",        save_run,    &signeds,  &signed_1m},
        {"copy, hash and sign 1 KiB",  bare_run,    &bares,    &bare_1k  },
        {"copy, hash and sign 1 MiB",  bare_run,    &bares,    &bare_1m  },
        {"snapshot of records",        records_run, &counters, &counter  },
        {"records written and hashed", table_run,   &tables,   &table    },
        {NULL,                         NULL,        NULL,      NULL      },
    };

    return bench_main(argc, argv, variants);
}
