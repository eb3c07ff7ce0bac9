#include "support/check.h"

#include "base/base64.h"

#include <stdlib.h>

static void check_pair(const char *plain, const char *text)
{
    char out[64];
    size_t len = 0;

    check_u64(LARES__BASE64_LEN(strlen(plain)), strlen(text));
    lares__base64_encode(plain, strlen(plain), out);
    check_mem(out, text, strlen(text));
    check(lares__base64_decode(text, strlen(text), out, &len));
    check_u64(len, strlen(plain));
    check_mem(out, plain, len);
}

/* RFC 4648, section 10 */
static void test_base64__knows_the_vectors(void **state)
{
    (void)state;
    check_pair("", "");
    check_pair("f", "Zg==");
    check_pair("fo", "Zm8=");
    check_pair("foo", "Zm9v");
    check_pair("foob", "Zm9vYg==");
    check_pair("fooba", "Zm9vYmE=");
    check_pair("foobar", "Zm9vYmFy");
}

static void test_base64__every_byte_comes_back(void **state)
{
    uint8_t data[256 * 3], back[sizeof data];
    char text[LARES__BASE64_LEN(sizeof data)];
    size_t len = 0;

    (void)state;
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7 + i / 256);
    for (size_t size = 0; size <= sizeof data; size++) {
        lares__base64_encode(data, size, text);
        check(lares__base64_decode(text, LARES__BASE64_LEN(size), back, &len));
        check_u64(len, size);
        check_mem(back, data, size);
    }
}

static void test_base64__refuses_all_else(void **state)
{
    static const char *const wrong[] = {
        "Z",    "Zg",   "Zg=",  "=",    "====", "Z===",     "Zg=a",  "Zg==Zg==",
        "Zh==", "Zm9=", "Zm 9", "Zm9_", "Zm9-", "\n\n\n\n", "Zg\0=",
    };
    char out[8];
    size_t len = 77;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        size_t size =
            i + 1 == sizeof wrong / sizeof *wrong ? 4 : strlen(wrong[i]);

        check(!lares__base64_decode(wrong[i], size, out, &len));
    }
    check_u64(len, 77);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base64__knows_the_vectors),
        cmocka_unit_test(test_base64__every_byte_comes_back),
        cmocka_unit_test(test_base64__refuses_all_else),
    };

    return check_run(tests);
}
