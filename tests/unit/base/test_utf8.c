#include "support/check.h"

#include "base/utf8.h"

/* -- tools --------------------------------------------------------------- */

struct sample {
    const char *text;
    const char *clean; /* the same, each byte of no character replaced */
};

static const struct sample samples[] = {
    {"",                         ""                        },
    {"plain",                    "plain"                   },
    {"\xc2\x80 \xdf\xbf",        "\xc2\x80 \xdf\xbf"       },
    {"\xe0\xa0\x80\xef\xbf\xbf", "\xe0\xa0\x80\xef\xbf\xbf"},
    {"\xed\x9f\xbf\xee\x80\x80", "\xed\x9f\xbf\xee\x80\x80"},
    {"\xf0\x90\x80\x80",         "\xf0\x90\x80\x80"        },
    {"\xf4\x8f\xbf\xbf",         "\xf4\x8f\xbf\xbf"        },
    {"a\x80z",                   "a?z"                     }, /* stray */
    {"\xc0\xaf\xc1\xbf",         "????"                    }, /* long */
    {"\xe0\x9f\xbf",             "???"                     },
    {"\xf0\x8f\xbf\xbf",         "????"                    },
    {"\xed\xa0\x80",             "???"                     }, /* half */
    {"\xf4\x90\x80\x80",         "????"                    }, /* over */
    {"\xf5\xff\xfe",             "???"                     },
    {"\xe2\x82z",                "??z"                     }, /* torn */
    {"\xe2\x82",                 "??"                      },
    {"\xf0\x9f\x8f",             "???"                     },
    {"\xc3\xc3\xa9",             "?\xc3\xa9"               },
};

static const size_t sample_count = sizeof samples / sizeof *samples;

/* -- cases --------------------------------------------------------------- */

static void test_utf8__clean_replaces_only_bad_bytes(void **state)
{
    char text[32];
    size_t i;

    (void)state;
    for (i = 0; i < sample_count; i++) {
        strcpy(text, samples[i].text);
        lares__utf8_clean(text);
        check_str(text, samples[i].clean);
    }
}

static void test_utf8__cut_stops_at_the_first_bad_byte(void **state)
{
    size_t i, len, good;

    (void)state;
    for (i = 0; i < sample_count; i++) {
        len = strlen(samples[i].text);
        for (good = 0; good < len; good++)
            if (samples[i].text[good] != samples[i].clean[good])
                break;
        check_u64(lares__utf8_cut(samples[i].text, len, SIZE_MAX), good);
    }
}

static void test_utf8__cut_keeps_whole_characters(void **state)
{
    const char *text = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x8f\xa0";
    static const size_t kept[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10};
    size_t max;

    (void)state;
    for (max = 0; max < 12; max++)
        check_u64(lares__utf8_cut(text, 10, max), kept[max]);
}

static void test_utf8__cut_takes_zero_bytes_as_text(void **state)
{
    (void)state;
    check_u64(lares__utf8_cut("a\0b", 3, 8), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_utf8__clean_replaces_only_bad_bytes),
        cmocka_unit_test(test_utf8__cut_stops_at_the_first_bad_byte),
        cmocka_unit_test(test_utf8__cut_keeps_whole_characters),
        cmocka_unit_test(test_utf8__cut_takes_zero_bytes_as_text),
    };

    return check_run(tests);
}
