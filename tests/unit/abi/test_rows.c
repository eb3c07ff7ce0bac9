#include "support/heap.h"

#include "base/rows.h"

/* -- fixture ------------------------------------------------------------- */

static const struct lares__column columns[] = {
    {"origin", LARES_ROWS_ID  },
    {"name",   LARES_ROWS_TEXT},
    {NULL,     0              },
};

static int rows_setup(void **state)
{
    lares_rows *rows = NULL;

    heap_setup(state);
    check_ok(lares__rows_new(columns, &rows));
    lares__rows_u64(rows, 0xab);
    lares__rows_text_add(rows, "east");
    check_ok(lares__rows_done(rows));
    *state = rows;
    return 0;
}

static int rows_teardown(void **state)
{
    lares_rows_free(*state);
    return heap_teardown(state);
}

/* -- cases --------------------------------------------------------------- */

static void test_rows__step_through(void **state)
{
    lares_rows *rows = *state;
    const char *text;
    uint64_t value;

    check_status(lares_rows_u64(rows, "origin", &value), LARES_EDONE);
    check_ok(lares_rows_next(rows));
    check_ok(lares_rows_u64(rows, "origin", &value));
    check_u64(value, 0xab);
    check_ok(lares_rows_text(rows, "origin", &text));
    check_str(text, "00000000000000ab");
    check_ok(lares_rows_text(rows, "name", &text));
    check_str(text, "east");
    check_status(lares_rows_next(rows), LARES_EDONE);
    check_status(lares_rows_text(rows, "name", &text), LARES_EDONE);
}

static void test_rows__list_columns(void **state)
{
    lares_rows *rows = *state;
    const char *name;
    uint32_t type;

    check_ok(lares_rows_column(rows, 1, &name, &type));
    check_str(name, "name");
    check_u64(type, LARES_ROWS_TEXT);
    check_status(lares_rows_column(rows, 2, &name, &type), LARES_EDONE);
}

static void test_rows__refuse_what_is_not_there(void **state)
{
    lares_rows *rows = *state;
    const char *text;
    uint64_t value;

    check_ok(lares_rows_next(rows));
    check_status(lares_rows_u64(rows, "name", &value), LARES_EINVAL);
    check_status(lares_rows_u64(rows, "kind", &value), LARES_ENOTFOUND);
    check_status(lares_rows_text(rows, "kind", &text), LARES_ENOTFOUND);
}

static void test_rows__check_their_arguments(void **state)
{
    lares_rows *rows = *state;
    const char *text;
    uint64_t value;
    uint32_t type;

    check_status(lares_rows_next(NULL), LARES_EINVAL);
    check_status(lares_rows_column(NULL, 0, &text, &type), LARES_EINVAL);
    check_status(lares_rows_column(rows, 0, NULL, &type), LARES_EINVAL);
    check_status(lares_rows_column(rows, 0, &text, NULL), LARES_EINVAL);
    check_status(lares_rows_u64(NULL, "origin", &value), LARES_EINVAL);
    check_status(lares_rows_u64(rows, NULL, &value), LARES_EINVAL);
    check_status(lares_rows_u64(rows, "origin", NULL), LARES_EINVAL);
    check_status(lares_rows_text(NULL, "name", &text), LARES_EINVAL);
    check_status(lares_rows_text(rows, NULL, &text), LARES_EINVAL);
    check_status(lares_rows_text(rows, "name", NULL), LARES_EINVAL);
    lares_rows_free(NULL);
}

int main(void)
{
#define rows_test(test)                                                        \
    cmocka_unit_test_setup_teardown(test, rows_setup, rows_teardown)
    const struct CMUnitTest tests[] = {
        rows_test(test_rows__step_through),
        rows_test(test_rows__list_columns),
        rows_test(test_rows__refuse_what_is_not_there),
        rows_test(test_rows__check_their_arguments),
    };

    return check_run(tests);
}
