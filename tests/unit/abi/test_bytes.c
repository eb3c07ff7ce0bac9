#include "support/heap.h"

#include "base/bytes.h"

/* -- cases --------------------------------------------------------------- */

static void test_bytes__tell_data_and_length(void **state)
{
    lares_bytes *bytes;

    (void)state;
    check_ok(lares__bytes_new(3, &bytes));
    memcpy(lares__bytes_writable(bytes), "abc", 3);
    check_u64(lares_bytes_len(bytes), 3);
    check_mem(lares_bytes_data(bytes), "abc", 3);
    lares_bytes_free(bytes);
}

static void test_bytes__of_length_0_have_an_address(void **state)
{
    lares_bytes *bytes;

    (void)state;
    check_ok(lares__bytes_new(0, &bytes));
    check_u64(lares_bytes_len(bytes), 0);
    check(lares_bytes_data(bytes) != NULL);
    lares_bytes_free(bytes);
}

static void test_bytes__may_be_null(void **state)
{
    (void)state;
    check(lares_bytes_data(NULL) == NULL);
    check_u64(lares_bytes_len(NULL), 0);
    lares_bytes_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        heap_test(test_bytes__tell_data_and_length),
        heap_test(test_bytes__of_length_0_have_an_address),
        heap_test(test_bytes__may_be_null),
    };

    return check_run(tests);
}
