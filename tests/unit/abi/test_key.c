#include "support/heap.h"

#include "identity/key.h"

#include <errno.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

/* -- tools --------------------------------------------------------------- */

static int entropy_fails;

/* In place of the C library's. */
int getentropy(void *data, size_t len)
{
    if (entropy_fails) {
        errno = EIO;
        return -1;
    }
    return getrandom(data, len, 0) == (ssize_t)len ? 0 : -1;
}

static const uint8_t seed[33] = {1, 2, 3};

static lares_status key_scenario(void)
{
    lares_key *key = NULL;
    lares_bytes *bytes = NULL;
    lares_status rc = lares_key_new(seed, 32, &key);

    if (rc == LARES_OK)
        rc = lares_key_seed(key, &bytes);
    lares_bytes_free(bytes);
    lares_key_free(key);
    return rc;
}

/* -- cases --------------------------------------------------------------- */

static void test_key__fresh_ones_differ(void **state)
{
    lares_key *a = NULL, *b = NULL;

    (void)state; /* id: I06 */
    check_ok(lares_key_new(NULL, 0, &a));
    check_ok(lares_key_new(NULL, 0, &b));
    check(lares_key_origin(a) != 0);
    check(lares_key_origin(a) != lares_key_origin(b));
    lares_key_free(a);
    lares_key_free(b);
}

static void test_key__other_lengths_are_refused(void **state)
{
    static const size_t lengths[] = {0, 1, 31, 33, SIZE_MAX};
    lares_key *key = NULL;
    size_t i;

    (void)state; /* id: I06 */
    for (i = 0; i < sizeof lengths / sizeof *lengths; i++)
        check_status(lares_key_new(seed, lengths[i], &key), LARES_EINVAL);
    check_status(lares_key_new(NULL, 32, &key), LARES_EINVAL);
    check_status(lares_key_new(seed, 32, NULL), LARES_EINVAL);
    check(key == NULL);
}

static void test_key__without_entropy_there_is_none(void **state)
{
    lares_key *key = NULL;

    (void)state; /* id: I06 */
    entropy_fails = 1;
    check_status(lares_key_new(NULL, 0, &key), LARES_EIO);
    check(key == NULL);
    check_ok(lares_key_new(seed, 32, &key));
    lares_key_free(key);
    entropy_fails = 0;
}

static void test_key__gives_its_seed_back(void **state)
{
    lares_key *key = NULL, *again = NULL;
    lares_bytes *bytes = NULL;

    (void)state; /* id: I07 */
    check_ok(lares_key_new(seed, 32, &key));
    check_ok(lares_key_new(seed, 32, &again));
    check(key == again);
    lares_key_free(again);
    check_ok(lares_key_seed(key, &bytes));
    lares_key_free(key);
    check_u64(lares_bytes_len(bytes), 32);
    check_mem(lares_bytes_data(bytes), seed, 32);
    lares_bytes_free(bytes);
}

static void test_key__fresh_seed_makes_the_same_identity(void **state)
{
    lares_key *key = NULL, *again = NULL;
    lares_bytes *bytes = NULL;
    uint64_t origin;

    (void)state;
    check_ok(lares_key_new(NULL, 0, &key));
    check_ok(lares_key_seed(key, &bytes));
    origin = lares_key_origin(key);
    lares_key_free(key);
    check_ok(lares_key_new(lares_bytes_data(bytes), 32, &again));
    check_u64(lares_key_origin(again), origin);
    lares_bytes_free(bytes);
    lares_key_free(again);
}

static void test_key__read_only_has_no_seed(void **state)
{
    lares_key *key = NULL, *reader = NULL;
    lares_bytes *bytes = NULL;

    (void)state;
    check_ok(lares_key_new(seed, 32, &key));
    check_ok(lares__key_from_public(lares__key_public(key), &reader));
    check_status(lares_key_seed(reader, &bytes), LARES_EKEY);
    check(bytes == NULL);
    lares_key_free(reader);
    lares_key_free(key);
}

static void test_key__null_is_no_key(void **state)
{
    lares_key *key = NULL;
    lares_bytes *bytes = NULL;

    (void)state;
    check_ok(lares_key_new(seed, 32, &key));
    check_u64(lares_key_origin(NULL), 0);
    check_status(lares_key_seed(NULL, &bytes), LARES_EINVAL);
    check_status(lares_key_seed(key, NULL), LARES_EINVAL);
    lares_key_free(NULL);
    lares_key_free(key);
}

static void test_key__every_allocation_fails(void **state)
{
    (void)state;
    heap_torture(key_scenario);
}

/* Answers what went wrong in the child, 0 for nothing. */
static int child_of(lares_key *key)
{
    lares_bytes *bytes = NULL;
    lares_key *other = NULL;

    if (lares_key_new(seed, 32, &other) != LARES_EFORKED || other != NULL)
        return 1;
    if (lares_key_seed(key, &bytes) != LARES_EFORKED || bytes != NULL)
        return 2;
    if (strstr(lares_error_detail(), "fork") == NULL)
        return 3;
    lares_key_free(key);
    return 0;
}

static void test_key__is_dead_in_a_forked_child(void **state)
{
    lares_key *key = NULL;
    pid_t child;
    int status;

    (void)state;
    check_ok(lares_key_new(seed, 32, &key));
    child = fork();
    if (child == 0)
        _exit(child_of(key));
    check(child > 0);
    check(waitpid(child, &status, 0) == child);
    check(WIFEXITED(status));
    check_i64(WEXITSTATUS(status), 0);
    lares_key_free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        heap_test(test_key__fresh_ones_differ),
        heap_test(test_key__other_lengths_are_refused),
        heap_test(test_key__without_entropy_there_is_none),
        heap_test(test_key__gives_its_seed_back),
        heap_test(test_key__fresh_seed_makes_the_same_identity),
        heap_test(test_key__read_only_has_no_seed),
        heap_test(test_key__null_is_no_key),
        heap_test(test_key__every_allocation_fails),
        heap_test(test_key__is_dead_in_a_forked_child),
    };

    return check_run(tests);
}
