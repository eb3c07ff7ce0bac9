#include "support/check.h"

#include "base/bytes.h"
#include "base/thread.h"
#include "bus/letter.h"
#include "support/heap.h"

#include <stdlib.h>

/* -- tools -- */

static const struct lares__letter plain = {
    .time = 1,
    .receiver = 2,
    .origin = 3,
    .sequence = 4,
    .name = "counter",
    .channel = "ticks",
    .text = "boom",
    .data = "payload",
    .len = 7,
    .reason = LARES__LETTER_FAILED,
};

/* what a walk saw */
struct view {
    uint64_t count;
    uint64_t first_id;
    uint64_t last_id;
    struct lares__letter last; /* its pointers are not for use */
    char text[LARES__LETTER_TEXT_MAX + 1];
    int data_kept;
};

static lares_status view_letter(void *context,
                                const struct lares__letter *letter)
{
    struct view *view = context;

    if (view->count++ == 0)
        view->first_id = letter->id;
    view->last_id = letter->id;
    view->last = *letter;
    view->data_kept = letter->data != NULL;
    strcpy(view->text, letter->text);
    return LARES_OK;
}

static struct view look(struct lares__letters *letters)
{
    struct view view = {0};

    check_ok(lares__letters_each(letters, view_letter, &view));
    return view;
}

static struct lares__letters_tally tally(struct lares__letters *letters)
{
    struct lares__letters_tally tally;

    lares__letters_tally(letters, &tally);
    return tally;
}

/* -- cases -- */

/* part of BD01: 1 025 letters: the oldest out, counted */
static void test_letter__the_oldest_goes_out(void **state)
{
    struct lares__letters letters;
    struct view view;

    (void)state;
    lares__letters_init(&letters, 1024, 8 * 1024 * 1024);
    for (int i = 0; i < 1025; i++)
        lares__letters_add(&letters, &plain);
    view = look(&letters);
    check_u64(view.count, 1024);
    check_u64(view.first_id, 2);
    check_u64(view.last_id, 1025);
    check_u64(tally(&letters).count, 1024);
    check_u64(tally(&letters).lost, 1);
    check_u64(tally(&letters).made[LARES__LETTER_FAILED], 1025);
    lares__letters_fini(&letters);
}

static lares_status view_plain(void *context,
                               const struct lares__letter *letter)
{
    (void)context;
    check_u64(letter->id, 1);
    check_u64(letter->time, 1);
    check_u64(letter->receiver, 2);
    check_u64(letter->origin, 3);
    check_u64(letter->sequence, 4);
    check_u64(letter->reason, LARES__LETTER_FAILED);
    check_str(letter->name, "counter");
    check_str(letter->channel, "ticks");
    check_str(letter->text, "boom");
    check_u64(letter->len, 7);
    check_mem(letter->data, "payload", 7);
    return LARES_OK;
}

static void test_letter__copies_its_facts(void **state)
{
    char name[] = "counter", channel[] = "ticks", text[] = "boom";
    char data[] = "payload";
    struct lares__letter facts = plain;
    struct lares__letters letters;

    (void)state;
    facts.name = name;
    facts.channel = channel;
    facts.text = text;
    facts.data = data;
    lares__letters_init(&letters, 10, 10000);
    lares__letters_add(&letters, &facts);
    name[0] = channel[0] = text[0] = data[0] = '!';
    check_ok(lares__letters_each(&letters, view_plain, NULL));
    lares__letters_fini(&letters);
}

static void test_letter__may_have_no_channel_and_no_payload(void **state)
{
    struct lares__letter facts = plain;
    struct lares__letters letters;
    struct view view;

    (void)state;
    facts.channel = NULL;
    facts.data = NULL;
    facts.len = 0;
    facts.text = "";
    lares__letters_init(&letters, 10, 10000);
    lares__letters_add(&letters, &facts);
    view = look(&letters);
    check(view.last.channel == NULL);
    check_u64(view.last.len, 0);
    check_str(view.text, "");
    lares__letters_fini(&letters);
}

static void test_letter__cuts_text_between_characters(void **state)
{
    char text[2000];
    struct lares__letter facts = plain;
    struct lares__letters letters;

    (void)state;
    memset(text, 'a', sizeof text);
    memcpy(text + LARES__LETTER_TEXT_MAX - 1, "\xc3\xa9", 2);
    text[sizeof text - 1] = '\0';
    facts.text = text;
    lares__letters_init(&letters, 10, 10000);
    lares__letters_add(&letters, &facts);
    check_u64(strlen(look(&letters).text), LARES__LETTER_TEXT_MAX - 1);
    lares__letters_fini(&letters);
}

static void test_letter__keeps_payloads_up_to_a_bound(void **state)
{
    char *data = calloc(1, LARES__LETTER_DATA_MAX + 1);
    struct lares__letter facts = plain;
    struct lares__letters letters;
    struct view view;

    (void)state;
    facts.data = data;
    facts.len = LARES__LETTER_DATA_MAX;
    lares__letters_init(&letters, 10, 4 * LARES__LETTER_DATA_MAX);
    lares__letters_add(&letters, &facts);
    check(look(&letters).data_kept);
    facts.len++;
    lares__letters_add(&letters, &facts);
    view = look(&letters);
    check(!view.data_kept);
    check_u64(view.last.len, LARES__LETTER_DATA_MAX + 1);
    check_u64(tally(&letters).count, 2);
    lares__letters_fini(&letters);
    free(data);
}

static void test_letter__bytes_are_bounded(void **state)
{
    static const char data[3000];
    struct lares__letter facts = plain;
    struct lares__letters letters;
    struct view view;

    (void)state;
    facts.data = data;
    facts.len = sizeof data;
    lares__letters_init(&letters, 1000, 10000);
    for (int i = 0; i < 7; i++) {
        lares__letters_add(&letters, &facts);
        check(tally(&letters).bytes <= 10000);
    }
    check_u64(tally(&letters).count, 3);
    check_u64(tally(&letters).lost, 4);
    check_u64(look(&letters).first_id, 5);
    lares__letters_fini(&letters);

    /* a payload that the ring cannot hold costs no other letter its place */
    lares__letters_init(&letters, 1000, 2000);
    lares__letters_add(&letters, &plain);
    lares__letters_add(&letters, &facts);
    view = look(&letters);
    check_u64(view.count, 2);
    check(!view.data_kept);
    lares__letters_fini(&letters);
}

static void test_letter__a_ring_of_nothing_counts(void **state)
{
    struct lares__letters letters;

    (void)state;
    lares__letters_init(&letters, 0, 0);
    lares__letters_add(&letters, &plain);
    check_u64(look(&letters).count, 0);
    check_u64(tally(&letters).lost, 1);
    check_u64(tally(&letters).bytes, 0);
    check_u64(tally(&letters).made[LARES__LETTER_FAILED], 1);
    lares__letters_fini(&letters);
}

static void test_letter__without_memory_is_lost_and_counted(void **state)
{
    struct lares__letters letters;

    (void)state;
    lares__letters_init(&letters, 10, 10000);
    lares__letters_add(&letters, &plain);
    lares__alloc_fail(1, 0);
    lares__letters_add(&letters, &plain);
    lares__letters_add(&letters, &plain);
    check_u64(tally(&letters).count, 2);
    check_u64(tally(&letters).lost, 1);
    check_u64(tally(&letters).made[LARES__LETTER_FAILED], 3);
    check_u64(look(&letters).last_id, 2);
    lares__letters_fini(&letters);
}

static lares_status refuse(void *context, const struct lares__letter *letter)
{
    (void)letter;
    ++*(int *)context;
    return LARES_ENOMEM;
}

static void test_letter__a_refusal_ends_the_walk(void **state)
{
    struct lares__letters letters;
    int calls = 0;

    (void)state;
    lares__letters_init(&letters, 10, 10000);
    lares__letters_add(&letters, &plain);
    lares__letters_add(&letters, &plain);
    check_status(lares__letters_each(&letters, refuse, &calls), LARES_ENOMEM);
    check_i64(calls, 1);
    lares__letters_fini(&letters);
}

static void test_letter__reasons_have_names(void **state)
{
    (void)state;
    check_str(lares__letter_reason(LARES__LETTER_FULL), "FULL");
    check_str(lares__letter_reason(LARES__LETTER_FAILED), "FAILED");
    check_str(lares__letter_reason(LARES__LETTER_CLOSED), "CLOSED");
}

/* -- by id -- */

static void add_letters(struct lares__letters *letters, int count)
{
    lares__letters_init(letters, 10, 10000);
    for (int i = 0; i < count; i++)
        lares__letters_add(letters, &plain);
}

/* The ring holds the letters of these ids, and counts their bytes. */
static void check_held(struct lares__letters *letters, uint64_t count,
                       uint64_t first, uint64_t last)
{
    struct view view = look(letters);

    check_u64(view.count, count);
    check_u64(view.first_id, first);
    check_u64(view.last_id, last);
    check_u64(tally(letters).count, count);
    check_u64(tally(letters).lost, 0);
}

static void test_letter__drops_by_id(void **state)
{
    struct lares__letters letters;
    uint64_t each;

    (void)state;
    add_letters(&letters, 1);
    each = tally(&letters).bytes;
    for (int i = 1; i < 5; i++)
        lares__letters_add(&letters, &plain);
    check_ok(lares__letters_drop(&letters, 3));
    check_held(&letters, 4, 1, 5);
    check_ok(lares__letters_drop(&letters, 1)); /* the oldest */
    check_held(&letters, 3, 2, 5);
    check_ok(lares__letters_drop(&letters, 5)); /* the youngest */
    check_held(&letters, 2, 2, 4);
    lares__letters_add(&letters, &plain); /* its id is not used again */
    check_held(&letters, 3, 2, 6);
    check_u64(tally(&letters).bytes, 3 * each);
    for (uint64_t id = 2; id <= 6; id += 2)
        check_ok(lares__letters_drop(&letters, id));
    check_held(&letters, 0, 0, 0);
    check_u64(tally(&letters).bytes, 0);
    lares__letters_add(&letters, &plain);
    check_held(&letters, 1, 7, 7);
    lares__letters_fini(&letters);
}

static void test_letter__an_unknown_id_drops_nothing(void **state)
{
    struct lares__letters letters;

    (void)state;
    add_letters(&letters, 2);
    check_ok(lares__letters_drop(&letters, 1));
    check_status(lares__letters_drop(&letters, 1), LARES_ENOTFOUND);
    check_detail("no letter 1");
    check_status(lares__letters_drop(&letters, 0), LARES_ENOTFOUND);
    check_status(lares__letters_drop(&letters, 3), LARES_ENOTFOUND);
    check_held(&letters, 1, 2, 2);
    lares__letters_fini(&letters);
}

static void test_letter__clears(void **state)
{
    struct lares__letters letters;

    (void)state;
    add_letters(&letters, 3);
    lares__letters_clear(&letters);
    lares__letters_clear(&letters);
    check_held(&letters, 0, 0, 0);
    check_u64(tally(&letters).bytes, 0);
    check_u64(tally(&letters).made[LARES__LETTER_FAILED], 3);
    lares__letters_add(&letters, &plain);
    check_held(&letters, 1, 4, 4);
    lares__letters_fini(&letters);
}

static void test_letter__hands_out_a_copy_of_its_payload(void **state)
{
    struct lares__letter facts = plain;
    struct lares__letters letters;
    lares_bytes *bytes = NULL;
    uint64_t receiver = 0;

    (void)state;
    add_letters(&letters, 1);
    facts.receiver = 7;
    facts.data = NULL;
    facts.len = 0;
    lares__letters_add(&letters, &facts);
    check_ok(lares__letters_data(&letters, 1, &receiver, &bytes));
    lares__letters_clear(&letters);
    lares__letters_add(&letters, &facts);
    check_u64(receiver, 2);
    check_u64(bytes->len, 7);
    check_mem(bytes->data, "payload", 7);
    lares__bytes_free(bytes);
    check_ok(lares__letters_data(&letters, 3, &receiver, &bytes));
    check_u64(receiver, 7);
    check_u64(bytes->len, 0); /* no payload is one, too */
    lares__bytes_free(bytes);
    lares__letters_fini(&letters);
}

static void test_letter__refuses_a_payload_it_has_not(void **state)
{
    static const char data[LARES__LETTER_DATA_MAX + 1];
    struct lares__letter facts = plain;
    struct lares__letters letters;
    lares_bytes *bytes = NULL;
    uint64_t receiver = 0;

    (void)state;
    add_letters(&letters, 1);
    facts.data = data;
    facts.len = sizeof data;
    lares__letters_add(&letters, &facts);
    check_status(lares__letters_data(&letters, 2, &receiver, &bytes),
                 LARES_EMISSING);
    check_detail("1048577 bytes");
    check_status(lares__letters_data(&letters, 9, &receiver, &bytes),
                 LARES_ENOTFOUND);
    check_detail("no letter 9");
    lares__alloc_fail(1, 0);
    check_status(lares__letters_data(&letters, 1, &receiver, &bytes),
                 LARES_ENOMEM);
    check(bytes == NULL && receiver == 0);
    check_held(&letters, 2, 1, 2);
    lares__letters_fini(&letters);
}

/* -- threads -- */

enum {
    THREADS = 4,
    EACH = 2000
};

static void leave_letters(void *arg)
{
    for (int i = 0; i < EACH; i++)
        lares__letters_add(arg, &plain);
}

static lares_status check_rising(void *context,
                                 const struct lares__letter *letter)
{
    uint64_t *last = context;

    check(letter->id > *last);
    *last = letter->id;
    return LARES_OK;
}

static void test_letter__any_thread_leaves_letters(void **state)
{
    struct lares__thread threads[THREADS];
    struct lares__letters letters;
    uint64_t last = 0;

    (void)state;
    lares__letters_init(&letters, 100, 100000);
    for (int i = 0; i < THREADS; i++)
        check_ok(lares__thread_start(&threads[i], leave_letters, &letters));
    for (int i = 0; i < THREADS; i++)
        lares__thread_join(&threads[i]);
    check_ok(lares__letters_each(&letters, check_rising, &last));
    check_u64(last, THREADS * EACH);
    check_u64(tally(&letters).count, 100);
    check_u64(tally(&letters).lost, THREADS * EACH - 100);
    lares__letters_fini(&letters);
}

struct dropper {
    struct lares__letters *letters;
    uint64_t dropped;
};

static void drop_letters(void *arg)
{
    struct dropper *dropper = arg;

    for (uint64_t id = 1; id <= EACH; id++)
        dropper->dropped +=
            lares__letters_drop(dropper->letters, id) == LARES_OK;
}

static void test_letter__each_is_dropped_once(void **state)
{
    struct lares__thread threads[THREADS];
    struct dropper droppers[THREADS];
    struct lares__letters letters;
    uint64_t dropped = 0;

    (void)state;
    lares__letters_init(&letters, EACH, EACH * 1000);
    for (int i = 0; i < EACH; i++)
        lares__letters_add(&letters, &plain);
    for (int i = 0; i < THREADS; i++) {
        droppers[i] = (struct dropper){&letters, 0};
        check_ok(lares__thread_start(&threads[i], drop_letters, &droppers[i]));
    }
    for (int i = 0; i < THREADS; i++) {
        lares__thread_join(&threads[i]);
        dropped += droppers[i].dropped;
    }
    check_u64(dropped, EACH);
    check_u64(tally(&letters).count, 0);
    check_u64(tally(&letters).bytes, 0);
    lares__letters_fini(&letters);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        heap_test(test_letter__the_oldest_goes_out),
        heap_test(test_letter__copies_its_facts),
        heap_test(test_letter__may_have_no_channel_and_no_payload),
        heap_test(test_letter__cuts_text_between_characters),
        heap_test(test_letter__keeps_payloads_up_to_a_bound),
        heap_test(test_letter__bytes_are_bounded),
        heap_test(test_letter__a_ring_of_nothing_counts),
        heap_test(test_letter__without_memory_is_lost_and_counted),
        heap_test(test_letter__a_refusal_ends_the_walk),
        heap_test(test_letter__reasons_have_names),
        heap_test(test_letter__drops_by_id),
        heap_test(test_letter__an_unknown_id_drops_nothing),
        heap_test(test_letter__clears),
        heap_test(test_letter__hands_out_a_copy_of_its_payload),
        heap_test(test_letter__refuses_a_payload_it_has_not),
        heap_test(test_letter__any_thread_leaves_letters),
        heap_test(test_letter__each_is_dropped_once),
    };

    return check_run(tests);
}
