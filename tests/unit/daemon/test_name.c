#include "support/check.h"

#include "base/error.h"
#include "daemon/name.h"

#include <string.h>

/* -- tools -- */

static char long_text[400];

/* `len` times the letter a */
static const char *letters(size_t len)
{
    memset(long_text, 'a', len);
    long_text[len] = '\0';
    return long_text;
}

/* `count` tokens of one letter, joined by dots */
static const char *tokens(int count)
{
    long_text[0] = '\0';
    for (int i = 0; i < count; i++)
        strcat(long_text, i == 0 ? "a" : ".a");
    return long_text;
}

static lares_status channel_status(const char *name)
{
    size_t len;

    return lares__channel_check(name, &len);
}

static void check_refused(lares_status status, const char *detail)
{
    check_status(status, LARES_ENAME);
    check_str(lares__error_detail(), detail);
}

/* -- cases -- */

static void test_name__channels(void **state)
{
    static const char *const good[] = {"a",   "sensors/lidar", "a.b.c", "-._./",
                                       "0.Z", "$lares.tick",   "$x"};
    static const char *const bad[] = {
        "",  ".",   ".a",  "a.",   "a..b", "a b",         "a\n", "*",  ">",
        "$", "$.a", "$$a", "a.$b", "a$b",  "caf\xc3\xa9", "a*",  "a,b"};
    size_t len;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        len = 0;
        check_ok(lares__channel_check(good[i], &len));
        check_u64(len, strlen(good[i]));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        len = 77;
        check_status(lares__channel_check(bad[i], &len), LARES_ENAME);
        check_u64(len, 77);
    }
}

static void test_name__channels_have_bounds(void **state)
{
    (void)state;
    check_ok(channel_status(letters(255)));
    check_status(channel_status(letters(256)), LARES_ENAME);
    check_ok(channel_status(tokens(16)));
    check_status(channel_status(tokens(17)), LARES_ENAME);
    check_status(lares__pattern_check(letters(256)), LARES_ENAME);
    check_status(lares__pattern_check(tokens(17)), LARES_ENAME);
}

static void test_name__each_byte_has_its_class(void **state)
{
    (void)state;
    for (int byte = 1; byte < 256; byte++) {
        const char name[] = {(char)byte, '\0'};
        int lower = byte >= 'a' && byte <= 'z';
        int digit = byte >= '0' && byte <= '9';
        int token = lower || digit || (byte >= 'A' && byte <= 'Z') ||
                    byte == '_' || byte == '-' || byte == '/';

        check_i64(channel_status(name) == LARES_OK, token);
        check_i64(lares__group_check(name) == LARES_OK, token);
        check_i64(lares__pattern_check(name) == LARES_OK,
                  token || byte == '*' || byte == '>');
        check_i64(lares__kind_check(name) == LARES_OK, lower);
        check_i64(lares__node_name_check(name) == LARES_OK, lower || digit);
    }
}

static void test_name__own_channels_open_with_a_dollar(void **state)
{
    (void)state;
    check(lares__channel_reserved("$x"));
    check(!lares__channel_reserved("x"));
}

/* part of BC01: the vector: which patterns are none */
static void test_name__patterns(void **state)
{
    static const char *const good[] = {"a",   "a.*", "a.>",   "*",    ">",
                                       "*.*", "*.>", "*.a.*", "$x.>", "$x.*"};
    static const char *const bad[] = {"",    "a.b*", "a.>.b", ".a",  "a..b",
                                      "a.",  "**",   ">>",    "*a",  "a>",
                                      ">.a", "$*",   "$>",    "a.$", "$"};

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        check_ok(lares__pattern_check(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        check_status(lares__pattern_check(bad[i]), LARES_ENAME);
}

/* part of BC01: the vector: what a pattern matches */
static void test_name__patterns_match(void **state)
{
    static const struct {
        const char *pattern, *channel;
        int matches;
    } cases[] = {
        {"a.*",   "a.b",   1},
        {"a.*",   "a",     0},
        {"a.*",   "a.b.c", 0},
        {"a.>",   "a.b",   1},
        {"a.>",   "a.b.c", 1},
        {"a.>",   "a",     0},
        {">",     "a.b",   1},
        {">",     "$x",    0},
        {"*",     "$x",    0},
        {"*.b",   "$x.b",  0},
        {"$x",    "$x",    1},
        {"$x.>",  "$x.b",  1},
        {"a",     "a",     1},
        {"a",     "ab",    0},
        {"ab",    "a",     0},
        {"*.b",   "a.b",   1},
        {"*.b",   "a.c",   0},
        {"*.*.c", "a.b.c", 1},
        {"*.b.>", "a.b",   0},
        {"a.b",   "a.b.c", 0},
        {"a.b.c", "a.b",   0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check_i64(lares__pattern_matches(cases[i].pattern, cases[i].channel),
                  cases[i].matches);
}

static void test_name__groups_are_one_token(void **state)
{
    (void)state;
    check_ok(lares__group_check("pool-1/A_b"));
    check_ok(lares__group_check(letters(255)));
    check_status(lares__group_check(letters(256)), LARES_ENAME);
    check_status(lares__group_check(""), LARES_ENAME);
    check_status(lares__group_check("a.b"), LARES_ENAME);
    check_status(lares__group_check("$a"), LARES_ENAME);
}

static void test_name__kinds_and_daemons(void **state)
{
    (void)state;
    check_ok(lares__kind_check("word_count-2"));
    check_ok(lares__kind_check(letters(64)));
    check_status(lares__kind_check(letters(65)), LARES_ENAME);
    check_status(lares__kind_check(""), LARES_ENAME);
    check_status(lares__kind_check("2a"), LARES_ENAME);
    check_status(lares__kind_check("_a"), LARES_ENAME);
    check_status(lares__kind_check("aB"), LARES_ENAME);
    check_ok(lares__daemon_name_check("word_count-2"));
    check_status(lares__daemon_name_check(letters(65)), LARES_ENAME);
}

static void test_name__nodes(void **state)
{
    (void)state;
    check_ok(lares__node_name_check("east-1"));
    check_ok(lares__node_name_check("1east"));
    check_ok(lares__node_name_check(letters(63)));
    check_status(lares__node_name_check(letters(64)), LARES_ENAME);
    check_status(lares__node_name_check(""), LARES_ENAME);
    check_status(lares__node_name_check("-east"), LARES_ENAME);
    check_status(lares__node_name_check("east_1"), LARES_ENAME);
    check_status(lares__node_name_check("East"), LARES_ENAME);
}

static void test_name__handlers(void **state)
{
    (void)state;
    check_ok(lares__handler_check("group:k\xc3\xa9 2"));
    check_ok(lares__handler_check(letters(63)));
    check_status(lares__handler_check(letters(64)), LARES_ENAME);
    check_status(lares__handler_check(""), LARES_ENAME);
    check_status(lares__handler_check("a\nb"), LARES_ENAME);
    check_status(lares__handler_check("a\x7f"), LARES_ENAME);
    check_status(lares__handler_check("\xc3"), LARES_ENAME);
}

static void test_name__details_name_value_and_rule(void **state)
{
    (void)state;
    check_refused(channel_status("a..b"),
                  "channel 'a..b': 1-16 tokens of A-Z a-z 0-9 _ - / joined by "
                  "dots, at most 255 bytes");
    check_refused(lares__pattern_check("a.b*"),
                  "pattern 'a.b*': a channel name in which whole tokens may be "
                  "'*', and the last '>'");
    check_refused(lares__group_check("a.b"),
                  "group 'a.b': 1-255 bytes of A-Z a-z 0-9 _ - /");
    check_refused(lares__kind_check("2a"),
                  "kind '2a': 1-64 bytes of a-z 0-9 _ -, the first a letter");
    check_refused(
        lares__daemon_name_check("A"),
        "daemon name 'A': 1-64 bytes of a-z 0-9 _ -, the first a letter");
    check_refused(
        lares__node_name_check("-a"),
        "node name '-a': 1-63 bytes of a-z 0-9 -, the first no hyphen");
    check_refused(
        lares__handler_check("\t"),
        "handler '?': 1-63 bytes of UTF-8 without control characters");
}

static void test_name__details_stay_one_line(void **state)
{
    (void)state;
    check_refused(lares__group_check("a\n\tb"),
                  "group 'a??b': 1-255 bytes of A-Z a-z 0-9 _ - /");
    check_status(lares__group_check(letters(300)), LARES_ENAME);
    check(strlen(lares__error_detail()) < 150);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_name__channels),
        cmocka_unit_test(test_name__channels_have_bounds),
        cmocka_unit_test(test_name__each_byte_has_its_class),
        cmocka_unit_test(test_name__own_channels_open_with_a_dollar),
        cmocka_unit_test(test_name__patterns),
        cmocka_unit_test(test_name__patterns_match),
        cmocka_unit_test(test_name__groups_are_one_token),
        cmocka_unit_test(test_name__kinds_and_daemons),
        cmocka_unit_test(test_name__nodes),
        cmocka_unit_test(test_name__handlers),
        cmocka_unit_test(test_name__details_name_value_and_rule),
        cmocka_unit_test(test_name__details_stay_one_line),
    };

    return check_run(tests);
}
