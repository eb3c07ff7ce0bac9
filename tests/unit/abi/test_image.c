#include "node/node.h"

#include "support/tally.h"

/* What an image says, without a restore. */

/* -- fixture -------------------------------------------------------------- */

/* What a test leaves, the teardown frees. */
static lares_daemon *daemon;
static lares_bytes *image;

static int image_teardown(void **state)
{
    lares_daemon_free(daemon);
    daemon = NULL;
    lares_bytes_free(image);
    image = NULL;
    return tally_teardown(state);
}

#define image_test(test)                                                       \
    cmocka_unit_test_setup_teardown(test, tally_setup, image_teardown)

/* -- tools ---------------------------------------------------------------- */

static lares_rows *says(const char *what)
{
    lares_rows *rows = NULL;

    check_ok(lares_image_report(lares_bytes_data(image), lares_bytes_len(image),
                                what, &rows));
    return rows;
}

static uint64_t number(const char *column)
{
    lares_rows *rows = says("image");
    uint64_t value = 0;

    check_ok(lares_rows_next(rows));
    check_ok(lares_rows_u64(rows, column, &value));
    check_status(lares_rows_next(rows), LARES_EDONE);
    lares_rows_free(rows);
    return value;
}

static void check_text(const char *column, const char *expected)
{
    lares_rows *rows = says("image");
    const char *text;

    check_ok(lares_rows_next(rows));
    check_ok(lares_rows_text(rows, column, &text));
    check_str(text, expected);
    lares_rows_free(rows);
}

/* The next row has these two cells, and no more. */
static void check_pair(lares_rows *rows, const char *first, const char *second)
{
    const char *name;
    const char *text;
    uint32_t type;

    check_ok(lares_rows_next(rows));
    check_ok(lares_rows_column(rows, 0, &name, &type));
    check_ok(lares_rows_text(rows, name, &text));
    check_str(text, first);
    check_ok(lares_rows_column(rows, 1, &name, &type));
    check_ok(lares_rows_text(rows, name, &text));
    check_str(text, second);
    check_status(lares_rows_column(rows, 2, &name, &type), LARES_EDONE);
}

static void check_end(lares_rows *rows)
{
    check_status(lares_rows_next(rows), LARES_EDONE);
    lares_rows_free(rows);
}

/* -- cases ---------------------------------------------------------------- */

static void test_image__says_whose_it_is(void **state)
{
    (void)state;
    daemon = spawn(node, "counter",
                   options("publish", "out", "name", "north", "subscribe",
                           "in more.>", "argument", "7", "batch", "3"));
    check_ok(lares_daemon_subscribe(daemon, "in", "some"));
    check_ask(daemon, "x", "1");
    check_ok(say(daemon, "lost", 0)); /* it emits nothing */
    pass_ms(70);
    image = image_of(daemon);
    check_u64(number("origin"), lares_daemon_origin(daemon));
    check_text("name", "north");
    check_text("kind", "counter");
    check_text("publish", "out");
    check_u64(number("epoch"), 1);
    check_u64(number("sequence"), daemon_fact(node, "north", "sequence"));
    check_u64(number("arrival"), daemon_fact(node, "north", "arrival"));
    check_u64(number("arrival"), 2);
    check_u64(number("time"), lares__node_wall(node));
    check_u64(number("parked"), 0);
    check_u64(number("stateful"), 1);
    check_u64(number("state_bytes"), sizeof(uint64_t));
}

static void test_image__lists_what_comes_with_it(void **state)
{
    lares_rows *rows;

    (void)state;
    daemon =
        spawn(node, "counter",
              options("subscribe", "more.> in", "argument", "7", "batch", "3"));
    check_ok(lares_daemon_subscribe(daemon, "in", "some"));
    image = image_of(daemon);
    rows = says("subscriptions");
    check_pair(rows, "in", "");
    check_pair(rows, "in", "some");
    check_pair(rows, "more.>", "");
    check_end(rows);
    rows = says("options");
    check_pair(rows, "argument", "7");
    check_pair(rows, "batch", "3");
    check_end(rows);
    check_text("publish", "");
}

static void test_image__tells_what_is_parked(void **state)
{
    lares_inbox *full = subscribe(node, "out", options("mailbox.count", "1"));

    (void)state;
    daemon = spawn(node, "counter", options("publish", "out", "batch", "1"));
    for (int i = 0; i < 4; i++)
        check_ok(say(daemon, "x", 0));
    pass_ms(0);
    check_u64(fact("parked"), 1);
    image = image_of(daemon);
    check_u64(number("parked"), 1);
    check_u64(number("sequence"), 2);
    lares_inbox_free(full);
}

static void test_image__believes_no_bad_bytes(void **state)
{
    lares_rows *rows = NULL;
    uint8_t *copy;
    size_t len;

    (void)state; /* id: S05 */
    daemon = spawn(node, "counter", NULL);
    image = image_of(daemon);
    len = lares_bytes_len(image);
    copy = malloc(len);
    check(copy != NULL);
    memcpy(copy, lares_bytes_data(image), len);
    for (size_t i = 0; i < len; i++) {
        check(lares_image_report(copy, i, "image", &rows) < 0);
        copy[i] ^= (uint8_t)(1u << i % 8);
        check(lares_image_report(copy, len, "image", &rows) < 0);
        copy[i] ^= (uint8_t)(1u << i % 8);
    }
    check_status(lares_image_report(copy, len, "picture", &rows),
                 LARES_ENOTFOUND);
    check_detail("'picture'");
    check(rows == NULL);
    check_ok(lares_image_report(copy, len, "image", &rows));
    lares_rows_free(rows);
    free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        image_test(test_image__says_whose_it_is),
        image_test(test_image__lists_what_comes_with_it),
        image_test(test_image__tells_what_is_parked),
        image_test(test_image__believes_no_bad_bytes),
    };

    return check_run(tests);
}
