#include "support/heap.h"

#include "base/thread.h"
#include "identity/key.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

enum {
    KEYS = SANITIZED ? 10000 : 100000
};

/* -- many keys ----------------------------------------------------------- */

/* Seeds are spread by a bijection of 64 bits, and made where they are used:
 * nothing here holds one. The search knows their first half complemented. */
static uint64_t seed_word(uint64_t index)
{
    uint64_t word = (index + 1) * UINT64_C(0x9e3779b97f4a7c15);

    word = (word ^ word >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    return word ^ word >> 31;
}

static void seed_make(uint64_t index, uint8_t seed[LARES__KEY_LEN])
{
    uint64_t word = seed_word(index);
    size_t i;

    for (i = 0; i < LARES__KEY_LEN / sizeof word; i++)
        memcpy(seed + i * sizeof word, &word, sizeof word);
}

static lares_key *key_make(uint64_t index)
{
    uint8_t seed[LARES__KEY_LEN];
    lares_key *key = NULL;

    seed_make(index, seed);
    check_ok(lares__key_from_seed(seed, &key));
    explicit_bzero(seed, sizeof seed);
    return key;
}

/* -- search through the memory of the process ---------------------------- */

enum {
    SET_SIZE = 1 << 18, /* of a table that KEYS fill to less than a half */
    WINDOW = 1 << 20,
    OVERLAP = 15 /* a hex spelling of one word, less one */
};

struct search {
    uint64_t set[SET_SIZE]; /* words complemented, 0: empty */
    uint8_t window[WINDOW + OVERLAP];
    uint64_t found;
};

static size_t set_at(const struct search *search, uint64_t word)
{
    size_t at = (size_t)(word * UINT64_C(0x9e3779b97f4a7c15) >> 46);

    while (search->set[at] != 0 && search->set[at] != ~word)
        at = (at + 1) % SET_SIZE;
    return at;
}

/* The bytes that 16 hex digits spell; 0 if they are none. */
static uint64_t hex_word(const uint8_t *text)
{
    uint64_t word = 0;
    size_t i;

    for (i = 0; i < 16; i++) {
        uint64_t digit = (uint64_t)text[i] - '0';

        if (digit > 9)
            digit = ((uint64_t)text[i] | 32) - 'a' + 10;
        if (digit > 15)
            return 0;
        word |= digit << (8 * (i / 2) + (i % 2 == 0 ? 4 : 0));
    }
    return word;
}

static void window_search(struct search *search, size_t len)
{
    uint64_t word;
    size_t i;

    for (i = 0; i + sizeof word <= len; i++) {
        memcpy(&word, search->window + i, sizeof word);
        if (search->set[set_at(search, word)] != 0)
            search->found++;
        if (i + 16 > len || (word = hex_word(search->window + i)) == 0)
            continue;
        if (search->set[set_at(search, word)] != 0)
            search->found++;
    }
}

/* Words of a seed repeat in it, so a window that ends inside one loses none.
 * Pages that are guarded cannot be read, and are passed over. */
static void range_search(struct search *search, int memory, uint64_t from,
                         uint64_t to)
{
    ssize_t got;

    for (; from < to; from += WINDOW) {
        got = pread(memory, search->window,
                    to - from < WINDOW ? (size_t)(to - from)
                                       : sizeof search->window,
                    (off_t)from);
        if (got > 0)
            window_search(search, (size_t)got);
    }
}

/* How often a word of any seed stands in writable memory, raw or as hex. */
static uint64_t seeds_in_memory(void)
{
    struct search *search = calloc(1, sizeof *search);
    FILE *maps = fopen("/proc/self/maps", "r");
    int memory = open("/proc/self/mem", O_RDONLY);
    uint64_t from, to, i;
    char line[512], mode[8];

    check(search != NULL && maps != NULL && memory >= 0);
    for (i = 0; i < KEYS; i++)
        search->set[set_at(search, seed_word(i))] = ~seed_word(i);
    while (fgets(line, sizeof line, maps) != NULL)
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s", &from, &to, mode) ==
                3 &&
            mode[1] == 'w')
            range_search(search, memory, from, to);
    i = search->found;
    close(memory);
    fclose(maps);
    explicit_bzero(search, sizeof *search); /* a copy of all that was there */
    free(search);
    return i;
}

/* -- threads ------------------------------------------------------------- */

enum {
    THREADS = 4,
    ROUNDS = 500,
    SHARED_KEYS = 3
};

/* Makes, signs with and drops keys that the other threads use too. */
static void worker_sign(void *data)
{
    atomic_uint *faults = data;
    uint8_t seed[LARES__KEY_LEN] = {0}, signature[LARES__SIGNATURE_LEN];
    lares_key *key = NULL, *found;
    int i;

    for (i = 0; i < ROUNDS; i++) {
        seed[0] = (uint8_t)(i % SHARED_KEYS);
        if (lares__key_from_seed(seed, &key) != LARES_OK ||
            lares__key_sign(key, seed, 32, signature) != LARES_OK ||
            lares__key_find(lares__key_public(key), &found) != LARES_OK ||
            found != key) {
            atomic_fetch_add(faults, 1);
            return;
        }
        lares__key_release(found);
        if (i % 50 == 0 && lares__key_verify(lares__key_public(key), seed, 32,
                                             signature) != LARES_OK)
            atomic_fetch_add(faults, 1);
        lares__key_release(key);
    }
}

/* -- cases --------------------------------------------------------------- */

static void test_vault__search_finds_a_seed_that_is_there(void **state)
{
    uint8_t raw[LARES__KEY_LEN];
    char text[2 * LARES__KEY_LEN + 1];
    size_t i;

    (void)state;
    if (SANITIZED)
        skip(); /* the shadow is memory too, and terabytes of it */
    check_u64(seeds_in_memory(), 0);
    seed_make(7, raw);
    for (i = 0; i < sizeof raw; i++)
        snprintf(text + 2 * i, 3, "%02x", raw[i]);
    check(seeds_in_memory() >= 8);
    explicit_bzero(raw, sizeof raw);
    check(seeds_in_memory() >= 4);
    explicit_bzero(text, sizeof text);
}

static void test_vault__holds_many_keys_and_forgets_them(void **state)
{
    lares_key **keys = calloc(KEYS, sizeof(lares_key *));
    uint8_t signature[LARES__SIGNATURE_LEN];
    uint64_t i;

    (void)state; /* id: I04 */
    for (i = 0; i < KEYS; i++)
        keys[i] = key_make(i);
    for (i = 0; i < KEYS; i++) {
        check_ok(lares__key_sign(keys[i], &i, sizeof i, signature));
        if (i % 100 == 0)
            check_ok(lares__key_verify(lares__key_public(keys[i]), &i, sizeof i,
                                       signature));
    }
    for (i = 0; i < KEYS; i += 2) /* in an order that leaves holes */
        lares__key_release(keys[i]);
    for (i = 1; i < KEYS; i += 2)
        lares__key_release(keys[i]);
    free(keys);
    if (!SANITIZED)
        check_u64(seeds_in_memory(), 0);
}

static void test_vault__finds_the_rest_while_keys_come_and_go(void **state)
{
    enum {
        COUNT = 600
    };
    lares_key *keys[COUNT], *found = NULL;
    uint64_t i, step;

    (void)state;
    for (i = 0; i < COUNT; i++)
        keys[i] = key_make(i);
    for (step = 0; step < 3 * COUNT; step++) {
        i = seed_word(step) % COUNT;
        lares__key_release(keys[i]);
        keys[i] = key_make(COUNT + step);
    }
    for (i = 0; i < COUNT; i++) {
        check_ok(lares__key_find(lares__key_public(keys[i]), &found));
        check(found == keys[i]);
        lares__key_release(found);
    }
    for (i = 0; i < COUNT; i++)
        lares__key_release(keys[i]);
}

static void test_vault__serves_any_thread(void **state)
{
    struct lares__thread threads[THREADS];
    atomic_uint faults = 0;
    int i;

    (void)state;
    for (i = 0; i < THREADS; i++)
        check_ok(lares__thread_start(&threads[i], worker_sign, &faults));
    for (i = 0; i < THREADS; i++)
        lares__thread_join(&threads[i]);
    check_u64(atomic_load(&faults), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        heap_test(test_vault__search_finds_a_seed_that_is_there),
        heap_test(test_vault__holds_many_keys_and_forgets_them),
        heap_test(test_vault__finds_the_rest_while_keys_come_and_go),
        heap_test(test_vault__serves_any_thread),
    };

    return check_run(tests);
}
