#include "support/heap.h"

#include "base/rows.h"

/* -- fixture ------------------------------------------------------------- */

static const struct lares__column columns[] = {
    {"origin", LARES_ROWS_ID  },
    {"name",   LARES_ROWS_TEXT},
    {"queued", LARES_ROWS_U64 },
    {NULL,     0              },
};

static lares_status table_make(size_t count, lares_rows **out)
{
    lares_rows *rows = NULL;
    lares_status rc = lares__rows_new(columns, &rows);
    size_t i;

    if (rc < 0)
        return rc;
    for (i = 0; i < count; i++) {
        lares__rows_u64(rows, 0xab00 + i);
        lares__rows_text_add(rows, i % 2 == 0 ? "even" : NULL);
        lares__rows_u64(rows, UINT64_MAX - i);
    }
    rc = lares__rows_done(rows);
    if (rc == LARES_OK)
        *out = rows;
    return rc;
}

static lares_status rows_scenario(void)
{
    lares_rows *rows = NULL;
    lares_status rc = table_make(5, &rows);

    lares__rows_free(rows);
    return rc;
}

/* -- cases --------------------------------------------------------------- */

static void test_rows__list_their_columns(void **state)
{
    lares_rows *rows = NULL;
    const char *name = "untouched";
    uint32_t type = 77;
    size_t i;

    (void)state;
    check_ok(table_make(0, &rows));
    for (i = 0; i < 3; i++) {
        check_ok(lares__rows_column(rows, i, &name, &type));
        check_str(name, columns[i].name);
        check_u64(type, columns[i].type);
    }
    check_status(lares__rows_column(rows, 3, &name, &type), LARES_EDONE);
    check_str(name, "queued");
    check_u64(type, LARES_ROWS_U64);
    lares__rows_free(rows);
    lares__rows_free(NULL);
}

static void test_rows__are_read_in_order(void **state)
{
    lares_rows *rows = NULL;
    const char *text;
    uint64_t value;
    size_t i;

    (void)state;
    check_ok(table_make(100, &rows));
    for (i = 0; i < 100; i++) {
        check_ok(lares__rows_next(rows));
        check_ok(lares__rows_get_u64(rows, "origin", &value));
        check_u64(value, 0xab00 + i);
        check_ok(lares__rows_get_u64(rows, "queued", &value));
        check_u64(value, UINT64_MAX - i);
        check_ok(lares__rows_get_text(rows, "name", &text));
        check_str(text, i % 2 == 0 ? "even" : "");
    }
    for (i = 0; i < 3; i++)
        check_status(lares__rows_next(rows), LARES_EDONE);
    lares__rows_free(rows);
}

static void test_rows__numbers_read_as_text(void **state)
{
    lares_rows *rows = NULL;
    const char *origin, *queued;

    (void)state;
    check_ok(table_make(1, &rows));
    check_ok(lares__rows_next(rows));
    check_ok(lares__rows_get_text(rows, "origin", &origin));
    check_ok(lares__rows_get_text(rows, "queued", &queued));
    check_str(origin, "000000000000ab00");
    check_str(queued, "18446744073709551615");
    lares__rows_free(rows);
}

static void test_rows__refuse_text_as_number_and_no_column(void **state)
{
    lares_rows *rows = NULL;
    const char *text = "untouched";
    uint64_t value = 5;

    (void)state;
    check_ok(table_make(1, &rows));
    check_ok(lares__rows_next(rows));
    check_status(lares__rows_get_u64(rows, "name", &value), LARES_EINVAL);
    check_detail("'name'");
    check_status(lares__rows_get_u64(rows, "nome", &value), LARES_ENOTFOUND);
    check_detail("'nome'");
    check_status(lares__rows_get_text(rows, "nome", &text), LARES_ENOTFOUND);
    check_u64(value, 5);
    check_str(text, "untouched");
    lares__rows_free(rows);
}

static void test_rows__have_no_cells_outside_a_row(void **state)
{
    lares_rows *rows = NULL;
    const char *text;
    uint64_t value;

    (void)state;
    check_ok(table_make(1, &rows));
    check_status(lares__rows_get_u64(rows, "queued", &value), LARES_EDONE);
    check_status(lares__rows_get_text(rows, "name", &text), LARES_EDONE);
    check_ok(lares__rows_next(rows));
    check_ok(lares__rows_get_u64(rows, "queued", &value));
    check_status(lares__rows_next(rows), LARES_EDONE);
    check_status(lares__rows_get_u64(rows, "queued", &value), LARES_EDONE);
    check_status(lares__rows_get_text(rows, "name", &text), LARES_EDONE);
    lares__rows_free(rows);
}

static void test_rows__text_is_valid_utf8(void **state)
{
    lares_rows *rows = NULL;
    const char *text;

    (void)state;
    check_ok(lares__rows_new(columns, &rows));
    lares__rows_u64(rows, 1);
    lares__rows_text_add(rows, "caf\xc3\xa9 \xff");
    lares__rows_u64(rows, 2);
    check_ok(lares__rows_done(rows));
    check_ok(lares__rows_next(rows));
    check_ok(lares__rows_get_text(rows, "name", &text));
    check_str(text, "caf\xc3\xa9 ?");
    lares__rows_free(rows);
}

static lares_status numbers_make(lares_rows **out)
{
    static const struct lares__column pairs[] = {
        {"a",  LARES_ROWS_U64},
        {"b",  LARES_ROWS_ID },
        {NULL, 0             }
    };
    static const uint64_t values[] = {1, 2, 3, 4, 5, 6};
    lares_status rc = lares__rows_new(pairs, out);

    if (rc < 0)
        return rc;
    lares__rows_numbers(*out, values, 4);
    lares__rows_numbers(*out, values, 0);
    lares__rows_u64(*out, values[4]);
    lares__rows_numbers(*out, values + 5, 1);
    return lares__rows_done(*out);
}

static lares_status numbers_scenario(void)
{
    lares_rows *rows = NULL;
    lares_status rc = numbers_make(&rows);

    if (rc == LARES_OK)
        lares__rows_free(rows);
    return rc;
}

static void test_rows__numbers_come_in_a_row(void **state)
{
    lares_rows *rows = NULL;
    uint64_t value = 0;

    (void)state;
    check_ok(numbers_make(&rows));
    for (uint64_t i = 1; i < 6; i += 2) {
        check_ok(lares__rows_next(rows));
        check_ok(lares__rows_get_u64(rows, "a", &value));
        check_u64(value, i);
        check_ok(lares__rows_get_u64(rows, "b", &value));
        check_u64(value, i + 1);
    }
    check_status(lares__rows_next(rows), LARES_EDONE);
    lares__rows_free(rows);
    heap_torture(numbers_scenario);
}

static void test_rows__every_allocation_fails(void **state)
{
    (void)state;
    heap_torture(rows_scenario);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        heap_test(test_rows__list_their_columns),
        heap_test(test_rows__are_read_in_order),
        heap_test(test_rows__numbers_read_as_text),
        heap_test(test_rows__refuse_text_as_number_and_no_column),
        heap_test(test_rows__have_no_cells_outside_a_row),
        heap_test(test_rows__text_is_valid_utf8),
        heap_test(test_rows__numbers_come_in_a_row),
        heap_test(test_rows__every_allocation_fails),
    };

    return check_run(tests);
}
