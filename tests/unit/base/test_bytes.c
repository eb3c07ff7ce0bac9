#include "support/heap.h"

#include "base/bytes.h"

/* -- tools --------------------------------------------------------------- */

static size_t wiped; /* bytes, since the fixture */

/* In place of the C library's: what is freed cannot be looked at. */
void explicit_bzero(void *data, size_t len)
{
    volatile unsigned char *at = data;
    size_t i;

    for (i = 0; i < len; i++)
        at[i] = 0;
    wiped += len;
}

static int bytes_setup(void **state)
{
    wiped = 0;
    return heap_setup(state);
}

static lares_status bytes_scenario(void)
{
    lares_bytes *bytes = NULL;
    lares_status rc = lares__bytes_new(100, &bytes);

    lares__bytes_free(bytes);
    return rc;
}

/* -- cases --------------------------------------------------------------- */

static void test_bytes__are_writable_to_their_length(void **state)
{
    lares_bytes *bytes;

    (void)state;
    check_ok(lares__bytes_new(5, &bytes));
    memcpy(lares__bytes_writable(bytes), "hello", 5);
    check_u64(bytes->len, 5);
    check_mem(bytes->data, "hello", 5);
    lares__bytes_free(bytes);
    check_u64(wiped, 0);
}

static void test_bytes__may_be_none(void **state)
{
    lares_bytes *bytes;

    (void)state;
    check_ok(lares__bytes_new(0, &bytes));
    check(lares__bytes_writable(bytes) != NULL);
    lares__bytes_free(bytes);
    lares__bytes_free(NULL);
}

static void test_bytes__wipe_a_secret(void **state)
{
    lares_bytes *bytes;

    (void)state;
    check_ok(lares__bytes_new(32, &bytes));
    bytes->secret = 1;
    lares__bytes_free(bytes);
    check_u64(wiped, 32);
}

static void test_bytes__refuse_what_no_memory_holds(void **state)
{
    lares_bytes *bytes = (lares_bytes *)&wiped;

    (void)state;
    check_status(lares__bytes_new(SIZE_MAX, &bytes), LARES_ENOMEM);
    check(bytes == (lares_bytes *)&wiped);
    heap_torture(bytes_scenario);
}

int main(void)
{
#define bytes_test(test)                                                       \
    cmocka_unit_test_setup_teardown(test, bytes_setup, heap_teardown)
    const struct CMUnitTest tests[] = {
        bytes_test(test_bytes__are_writable_to_their_length),
        bytes_test(test_bytes__may_be_none),
        bytes_test(test_bytes__wipe_a_secret),
        bytes_test(test_bytes__refuse_what_no_memory_holds),
    };

    return check_run(tests);
}
