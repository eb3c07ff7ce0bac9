/* check.h - cmocka as the tests of Lares use it.
 *
 * cmocka's own comparisons extend signs, so ours are typed: the value comes
 * first, then what it should be. Only the main thread of a test may check;
 * workers record.
 */
#ifndef CHECK_H
#define CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lares.h"

#include <inttypes.h>
#include <string.h>

#define check(condition)                                                       \
    check_at((condition) != 0, #condition, __FILE__, __LINE__)
#define check_u64(value, expected)                                             \
    check_u64_at((value), (expected), #value, __FILE__, __LINE__)
#define check_i64(value, expected)                                             \
    check_i64_at((value), (expected), #value, __FILE__, __LINE__)
#define check_status(value, expected)                                          \
    check_status_at((value), (expected), #value, __FILE__, __LINE__)
#define check_ok(value) check_status(value, LARES_OK)
#define check_str(value, expected)                                             \
    check_str_at((value), (expected), #value, __FILE__, __LINE__)
#define check_mem(value, expected, len)                                        \
    check_mem_at((value), (expected), (len), #value, __FILE__, __LINE__)

/* The error detail of this thread contains a text. */
#define check_detail(part) check_detail_at((part), __FILE__, __LINE__)

/* The last line of main: a count of failures must not wrap to 0. */
#define check_run(tests) (cmocka_run_group_tests(tests, NULL, NULL) != 0)

static inline void check_at(int holds, const char *text, const char *file,
                            int line)
{
    if (holds)
        return;
    print_error("%s does not hold\n", text);
    _fail(file, line);
}

static inline void check_u64_at(uint64_t value, uint64_t expected,
                                const char *text, const char *file, int line)
{
    if (value == expected)
        return;
    print_error("%s is %" PRIu64 " (%016" PRIx64 "), not %" PRIu64
                " (%016" PRIx64 ")\n",
                text, value, value, expected, expected);
    _fail(file, line);
}

static inline void check_i64_at(int64_t value, int64_t expected,
                                const char *text, const char *file, int line)
{
    if (value == expected)
        return;
    print_error("%s is %" PRId64 ", not %" PRId64 "\n", text, value, expected);
    _fail(file, line);
}

static inline void check_status_at(lares_status value, lares_status expected,
                                   const char *text, const char *file, int line)
{
    if (value == expected)
        return;
    print_error("%s is %s (%s), not %s\n", text, lares_status_name(value),
                lares_error_detail(), lares_status_name(expected));
    _fail(file, line);
}

static inline void check_str_at(const char *value, const char *expected,
                                const char *text, const char *file, int line)
{
    if (value != NULL && strcmp(value, expected) == 0)
        return;
    print_error("%s is \"%s\", not \"%s\"\n", text,
                value != NULL ? value : "(NULL)", expected);
    _fail(file, line);
}

static inline void check_mem_at(const void *value, const void *expected,
                                size_t len, const char *text, const char *file,
                                int line)
{
    const unsigned char *a = value, *b = expected;
    size_t i;

    for (i = 0; i < len; i++)
        if (a[i] != b[i]) {
            print_error("%s differs at byte %zu of %zu: %02x, not %02x\n", text,
                        i, len, a[i], b[i]);
            _fail(file, line);
        }
}

static inline void check_detail_at(const char *part, const char *file, int line)
{
    if (strstr(lares_error_detail(), part) != NULL)
        return;
    print_error("the detail \"%s\" lacks \"%s\"\n", lares_error_detail(), part);
    _fail(file, line);
}

#endif
