#include "support/pool.h"

#include "base/thread.h"
#include "chain/envelope.h"

#include <stdlib.h>

/* -- tools -- */

static struct lares__envelope *event_new(const char *text, const char *channel)
{
    size_t len = strlen(text);
    struct lares__envelope *event =
        lares__envelope_new(&pool, len, channel, strlen(channel));

    check(event != NULL);
    memcpy(event->data, text, len);
    return event;
}

static struct lares__envelope *event_on(const char *channel)
{
    return event_new("payload", channel);
}

/* -- cases: making one -- */

static void test_envelope__is_made_with_one_reference(void **state)
{
    struct lares__envelope *event = event_on("ticks");

    (void)state;
    check_u64(atomic_load(&event->refs), 1);
    check_u64(event->len, 7);
    check(event->next == NULL);
    check_u64(event->direct, 0);
    lares__envelope_release(event, &pool);
}

/* One block: the hash of an event is one hash of contiguous bytes. */
static void test_envelope__link_stands_before_the_payload(void **state)
{
    struct lares__envelope *event = event_on("ticks");

    (void)state;
    check((unsigned char *)&event->link + 32 == event->data);
    check_mem(event->data, "payload\0", 7);
    lares__envelope_release(event, &pool);
}

static void test_envelope__channel_is_copied_and_ended(void **state)
{
    char name[] = "a.b";
    struct lares__envelope *event = event_on(name);

    (void)state;
    memset(name, 'x', sizeof name - 1);
    check_str(lares__envelope_channel(event), "a.b");
    lares__envelope_release(event, &pool);
}

static void test_envelope__longest_channel_fits(void **state)
{
    char name[256];
    struct lares__envelope *event;

    (void)state;
    memset(name, 'n', 255);
    name[255] = '\0';
    event = event_on(name);
    check_str(lares__envelope_channel(event), name);
    lares__envelope_release(event, &pool);
}

static void test_envelope__without_a_channel_names_none(void **state)
{
    struct lares__envelope *event = event_on("");

    (void)state;
    check(lares__envelope_channel(event) == NULL);
    lares__envelope_release(event, &pool);
}

static void test_envelope__direct_one_names_no_channel(void **state)
{
    struct lares__envelope *event = event_on("ticks");

    (void)state;
    event->direct = 1;
    check(lares__envelope_channel(event) == NULL);
    lares__envelope_release(event, &pool);
}

static void test_envelope__block_holds_every_length(void **state)
{
    (void)state;
    for (size_t len = 0; len < 1024; len++) {
        struct lares__envelope *event =
            lares__envelope_new(&pool, len, "ticks", 5);

        memset(event->data, 0xff, len);
        check_str(lares__envelope_channel(event), "ticks");
        check_u64(event->len, len);
        lares__envelope_release(event, &pool);
    }
}

static void test_envelope__largest_payload_is_a_block_of_its_own(void **state)
{
    int64_t living = lares__alloc_living();
    struct lares__envelope *event =
        lares__envelope_new(&pool, LARES__PAYLOAD_MAX, "ticks", 5);

    (void)state;
    check_u64(event->class, LARES__POOL_NONE);
    memset(event->data, 0xff, LARES__PAYLOAD_MAX);
    check_str(lares__envelope_channel(event), "ticks");
    lares__envelope_release(event, &pool);
    check_i64(lares__alloc_living(), living);
}

static void test_envelope__without_memory_is_null(void **state)
{
    (void)state;
    lares__alloc_fail(1, 1);
    check(lares__envelope_new(&pool, 4, "ticks", 5) == NULL);
    check(lares__envelope_new(NULL, LARES__PAYLOAD_MAX, "", 0) == NULL);
    check(lares__input_new(&pool) == NULL);
    check(lares__input_new(NULL) == NULL);
}

/* -- cases: links -- */

static void test_envelope__links_are_golden(void **state)
{
    static const char *const texts[] = {"event1", "event2", "event3"};
    struct lares__head head;

    (void)state; /* vector G4 */
    lares__head_genesis(&head, 0xabcd);
    for (size_t i = 0; i < 3; i++) {
        struct lares__envelope *event = event_new(texts[i], "ticks");
        struct lares__head before = head;

        lares__envelope_link(event, &head, 0);
        check_u64(event->link.sequence, i + 1);
        check_u64(event->link.parent, before.hash);
        check_mem(&head.link, &event->link, sizeof head.link);
        check_u64(head.hash, event->hash);
        lares__envelope_release(event, &pool);
    }
    check_u64(head.hash, UINT64_C(0xaea1b854c1acfb47));
}

/* Neither the channel behind the payload nor the flags before it. */
static void test_envelope__hash_covers_link_and_payload(void **state)
{
    static const char *const channels[] = {"", "ticks", "a.b.c"};
    uint64_t hashes[3];

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct lares__envelope *event = event_on(channels[i]);
        struct lares__head head;

        lares__head_genesis(&head, 7);
        event->received_at = i;
        lares__envelope_link(event, &head, 0x5a);
        hashes[i] = event->hash;
        check_u64(event->hash, lares__link_hash(&event->link, "payload", 7));
        check_u64(event->link.horizon, 0x5a);
        lares__envelope_release(event, &pool);
    }
    check_u64(hashes[1], hashes[0]);
    check_u64(hashes[2], hashes[0]);
}

static void test_envelope__last_sequence_can_be_linked(void **state)
{
    struct lares__envelope *event = event_on("");
    struct lares__head head = {
        {7, 0, UINT64_MAX - 1, 0},
        9
    };

    (void)state;
    lares__envelope_link(event, &head, 0);
    check_u64(event->link.sequence, UINT64_MAX);
    check_u64(event->link.parent, 9);
    lares__envelope_release(event, &pool);
}

/* -- cases: views -- */

static void test_envelope__view_shows_every_field(void **state)
{
    struct lares__envelope *event = event_on("ticks");
    lares_event view;

    (void)state;
    event->link = (struct lares__link){1, 2, 3, 4};
    event->hash = 5;
    event->received_at = 6;
    memset(&view, 0xff, sizeof view);
    lares__envelope_view(event, 7, &view);
    check_u64(view.origin, 1);
    check_u64(view.horizon, 2);
    check_u64(view.sequence, 3);
    check_u64(view.parent, 4);
    check_u64(view.hash, 5);
    check_u64(view.received_at, 6);
    check_u64(view.arrival, 7);
    check_u64(view.kind, LARES_INPUT_EVENT);
    check_u64(view.flags, 0);
    check(view.data == event->data);
    check_u64(view.len, 7);
    check_str(view.channel, "ticks");
    lares__envelope_release(event, &pool);
}

static void test_envelope__view_of_an_empty_payload_has_an_address(void **state)
{
    struct lares__envelope *event = event_new("", "");
    lares_event view;

    (void)state;
    event->direct = 1;
    lares__envelope_view(event, 0, &view);
    check(view.data != NULL);
    check_u64(view.len, 0);
    check(view.channel == NULL);
    lares__envelope_release(event, &pool);
}

/* -- cases: references -- */

static void test_envelope__last_release_recycles(void **state)
{
    struct lares__envelope *event = event_on("ticks");

    (void)state;
    lares__envelope_retain(event, 2);
    lares__envelope_release(event, &pool);
    lares__envelope_release(event, NULL);
    check_mem(event->data, "payload", 7);
    lares__envelope_release(event, &pool);
    check(event_on("other") == event);
    lares__envelope_release(event, &pool);
}

static void test_envelope__may_go_to_another_cache_or_to_none(void **state)
{
    int64_t living = lares__alloc_living();
    struct lares__envelope *event = event_on("ticks");

    (void)state;
    lares__envelope_release(event, NULL);
    check_i64(lares__alloc_living(), living);
    event = lares__envelope_new(NULL, 7, "ticks", 5);
    lares__envelope_release(event, &pool);
    check(event_on("ticks") == event);
    lares__envelope_release(event, &pool);
}

enum {
    WORKERS = 3,
    EVENTS = 2000
};

static struct lares__envelope *shared[EVENTS];

static void worker_release(void *arg)
{
    struct lares__pool_cache cache = {0};

    (void)arg;
    for (int i = 0; i < EVENTS; i++)
        lares__envelope_release(shared[i], &cache);
    lares__pool_flush(&cache);
}

static void test_envelope__is_recycled_once_by_many_threads(void **state)
{
    int64_t living = lares__alloc_living();
    struct lares__thread threads[WORKERS];

    (void)state;
    for (int i = 0; i < EVENTS; i++) {
        shared[i] = lares__envelope_new(NULL, 1, "", 0);
        lares__envelope_retain(shared[i], WORKERS - 1);
    }
    for (int i = 0; i < WORKERS; i++)
        check_ok(lares__thread_start(&threads[i], worker_release, NULL));
    for (int i = 0; i < WORKERS; i++)
        lares__thread_join(&threads[i]);
    lares__pool_trim();
    check_i64(lares__alloc_living(), living);
}

/* -- cases: inputs -- */

static void test_envelope__input_inside_goes_with_its_event(void **state)
{
    struct lares__envelope *event = event_on("ticks");
    uint64_t calls = lares__alloc_count();

    (void)state;
    event->input = (struct lares__input){.event = event};
    lares__input_free(&event->input, &pool);
    check(event_on("ticks") == event);
    check_u64(lares__alloc_count(), calls);
    lares__envelope_release(event, &pool);
}

static void test_envelope__input_of_its_own_holds_a_reference(void **state)
{
    struct lares__envelope *event = event_on("ticks");
    struct lares__input *input = lares__input_new(&pool);

    (void)state;
    check_u64(input->flags, LARES__INPUT_POOLED);
    input->event = event;
    lares__envelope_retain(event, 1);
    lares__input_free(input, &pool);
    check_u64(atomic_load(&event->refs), 1);
    check(lares__input_new(&pool) == input);
    input->event = event;
    lares__input_free(input, NULL); /* the last reference, to the heap */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        pool_test(test_envelope__is_made_with_one_reference),
        pool_test(test_envelope__link_stands_before_the_payload),
        pool_test(test_envelope__channel_is_copied_and_ended),
        pool_test(test_envelope__longest_channel_fits),
        pool_test(test_envelope__without_a_channel_names_none),
        pool_test(test_envelope__direct_one_names_no_channel),
        pool_test(test_envelope__block_holds_every_length),
        pool_test(test_envelope__largest_payload_is_a_block_of_its_own),
        pool_test(test_envelope__without_memory_is_null),
        pool_test(test_envelope__links_are_golden),
        pool_test(test_envelope__hash_covers_link_and_payload),
        pool_test(test_envelope__last_sequence_can_be_linked),
        pool_test(test_envelope__view_shows_every_field),
        pool_test(test_envelope__view_of_an_empty_payload_has_an_address),
        pool_test(test_envelope__last_release_recycles),
        pool_test(test_envelope__may_go_to_another_cache_or_to_none),
        pool_test(test_envelope__is_recycled_once_by_many_threads),
        pool_test(test_envelope__input_inside_goes_with_its_event),
        pool_test(test_envelope__input_of_its_own_holds_a_reference),
    };

    return check_run(tests);
}
