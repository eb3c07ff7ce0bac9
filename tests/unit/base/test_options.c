#include "support/heap.h"

#include "base/options.h"

/* -- tools --------------------------------------------------------------- */

static lares_options *options_of(const char *key, const char *value)
{
    lares_options *options = NULL;

    check_ok(lares__options_new(&options));
    check_ok(lares__options_set(options, key, value));
    return options;
}

static void check_pair(const lares_options *options, size_t index,
                       const char *key, const char *value)
{
    const char *key_found, *value_found;

    lares__options_at(options, index, &key_found, &value_found);
    check_str(key_found, key);
    check_str(value_found, value);
}

static lares_status set_and_copy(lares_options *options)
{
    lares_options *copy = NULL;
    lares_status rc = lares__options_set(options, "name", "east");

    if (rc == LARES_OK)
        rc = lares__options_set(options, "mailbox.count", "16");
    if (rc == LARES_OK)
        rc = lares__options_set(options, "name", "west");
    if (rc == LARES_OK)
        rc = lares__options_copy(options, &copy);
    lares__options_free(copy);
    return rc;
}

static lares_status options_scenario(void)
{
    lares_options *options = NULL;
    lares_status rc = lares__options_new(&options);

    if (rc == LARES_OK)
        rc = set_and_copy(options);
    lares__options_free(options);
    return rc;
}

/* -- cases --------------------------------------------------------------- */

static void test_options__keep_pairs_in_order(void **state)
{
    lares_options *options = options_of("name", "east");

    (void)state;
    check_ok(lares__options_set(options, "mailbox.count", "16"));
    check_ok(lares__options_set(options, "argument", ""));
    check_ok(lares__options_set(options, "name", "west"));
    check_u64(lares__options_count(options), 3);
    check_pair(options, 0, "name", "west");
    check_pair(options, 1, "mailbox.count", "16");
    check_pair(options, 2, "argument", "");
    check_str(lares__options_get(options, "mailbox.count"), "16");
    check(lares__options_get(options, "mailbox") == NULL);
    lares__options_free(options);
    lares__options_free(NULL);
}

static void test_options__missing_reads_as_empty(void **state)
{
    static const char *const none[] = {NULL};
    lares_options *copy = NULL;
    uint64_t value = 7;

    (void)state;
    check(lares__options_get(NULL, "name") == NULL);
    check_u64(lares__options_count(NULL), 0);
    check_ok(lares__options_known(NULL, none));
    check_ok(lares__options_u64(NULL, "lanes", 0, 1, &value));
    check_u64(value, 7);
    check_ok(lares__options_copy(NULL, &copy));
    check_u64(lares__options_count(copy), 0);
    lares__options_free(copy);
}

static void test_options__copy_stands_alone(void **state)
{
    lares_options *options = options_of("name", "east");
    lares_options *copy = NULL;

    (void)state;
    check_ok(lares__options_copy(options, &copy));
    check_ok(lares__options_set(options, "name", "west"));
    lares__options_free(options);
    check_u64(lares__options_count(copy), 1);
    check_pair(copy, 0, "name", "east");
    lares__options_free(copy);
}

static void test_options__refuse_a_malformed_key(void **state)
{
    static const char *const bad[] = {
        "",
        ".",
        "a.",
        ".a",
        "a..b",
        "A",
        "name_",
        "mail box",
        "a-b",
        "n\xc3\xa4me",
        "a.b.",
        "lanes2",
        "abcdefghabcdefghabcdefghabcdefghabcdefghabcdefghabcdefghabcdefghi"};
    lares_options *options = options_of("name", "east");
    size_t i;

    (void)state;
    for (i = 0; i < sizeof bad / sizeof *bad; i++) {
        check_status(lares__options_set(options, bad[i], "1"), LARES_ENAME);
        check_detail(bad[i]);
    }
    check_u64(lares__options_count(options), 1);
    lares__options_free(options);
}

static void test_options__bound_a_value(void **state)
{
    static char value[LARES__OPTIONS_VALUE_MAX + 2];
    lares_options *options = options_of("argument", "before");

    (void)state;
    memset(value, 'v', sizeof value - 1);
    check_status(lares__options_set(options, "argument", value), LARES_ETOOBIG);
    check_detail("'argument'");
    check_str(lares__options_get(options, "argument"), "before");
    value[LARES__OPTIONS_VALUE_MAX] = '\0';
    check_ok(lares__options_set(options, "argument", value));
    check_str(lares__options_get(options, "argument"), value);
    lares__options_free(options);
}

static void test_options__bound_their_number(void **state)
{
    lares_options *options = options_of("first", "1");
    char key[] = "key.aa";
    int i;

    (void)state;
    for (i = 1; i < LARES__OPTIONS_MAX; i++) {
        key[4] = (char)('a' + i / 26);
        key[5] = (char)('a' + i % 26);
        check_ok(lares__options_set(options, key, "1"));
    }
    check_status(lares__options_set(options, "last", "1"), LARES_ELIMIT);
    check_detail("'last'");
    check_ok(lares__options_set(options, "first", "2"));
    check_u64(lares__options_count(options), LARES__OPTIONS_MAX);
    lares__options_free(options);
}

static void test_options__unknown_key_is_named(void **state)
{
    static const char *const known[] = {"name", "lanes", NULL};
    lares_options *options = options_of("name", "east");

    (void)state;
    check_ok(lares__options_known(options, known));
    check_ok(lares__options_set(options, "lames", "3"));
    check_status(lares__options_known(options, known), LARES_EOPTION);
    check_detail("'lames'");
    check_detail("name lanes");
    lares__options_free(options);
}

static void test_options__list_of_known_keys_may_be_long(void **state)
{
    static const char *known[100];
    lares_options *options = options_of("lames", "3");
    size_t i;

    (void)state;
    for (i = 0; i < 99; i++)
        known[i] = "letters.count";
    check_status(lares__options_known(options, known), LARES_EOPTION);
    check_detail("'lames'");
    lares__options_free(options);
}

static void test_options__read_numbers(void **state)
{
    static const struct {
        const char *text;
        uint64_t value;
    } good[] = {
        {"0",                    0         },
        {"16",                   16        },
        {"007",                  7         },
        {"18446744073709551615", UINT64_MAX},
    };
    lares_options *options;
    uint64_t value;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof good / sizeof *good; i++) {
        options = options_of("lanes", good[i].text);
        check_ok(lares__options_u64(options, "lanes", 0, UINT64_MAX, &value));
        check_u64(value, good[i].value);
        lares__options_free(options);
    }
}

static void test_options__refuse_numbers_out_of_range(void **state)
{
    static const char *const bad[] = {"",
                                      "-1",
                                      "+1",
                                      " 1",
                                      "1 ",
                                      "x",
                                      "0x10",
                                      "1.5",
                                      "4",
                                      "257",
                                      "18446744073709551616",
                                      "184467440737095516150"};
    lares_options *options;
    uint64_t value = 99;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof bad / sizeof *bad; i++) {
        options = options_of("lanes", bad[i]);
        check_status(lares__options_u64(options, "lanes", 5, 256, &value),
                     LARES_ERANGE);
        check_detail("'lanes'");
        check_detail("from 5 to 256");
        check_detail(bad[i]);
        check_u64(value, 99);
        lares__options_free(options);
    }
}

static void test_options__every_allocation_fails(void **state)
{
    (void)state;
    heap_torture(options_scenario);
}

static void test_options__failure_changes_nothing(void **state)
{
    lares_options *options = options_of("name", "east");
    int64_t n;

    (void)state;
    for (n = 1; n <= 2; n++) {
        lares__alloc_fail(n, 0);
        check_status(lares__options_set(options, "lanes", "2"), LARES_ENOMEM);
    }
    lares__alloc_fail(1, 0);
    check_status(lares__options_set(options, "name", "west"), LARES_ENOMEM);
    check_u64(lares__options_count(options), 1);
    check_pair(options, 0, "name", "east");
    lares__options_free(options);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        heap_test(test_options__keep_pairs_in_order),
        heap_test(test_options__missing_reads_as_empty),
        heap_test(test_options__copy_stands_alone),
        heap_test(test_options__refuse_a_malformed_key),
        heap_test(test_options__bound_a_value),
        heap_test(test_options__bound_their_number),
        heap_test(test_options__unknown_key_is_named),
        heap_test(test_options__list_of_known_keys_may_be_long),
        heap_test(test_options__read_numbers),
        heap_test(test_options__refuse_numbers_out_of_range),
        heap_test(test_options__every_allocation_fails),
        heap_test(test_options__failure_changes_nothing),
    };

    return check_run(tests);
}
