#include "support/heap.h"
#include "support/hex.h"

#include "base/hash.h"
#include "chain/link.h"

/* -- tools --------------------------------------------------------------- */

/* A link with its payload behind it, as an envelope has them. */
struct event {
    struct lares__link link;
    uint8_t data[8192];
};

static void event_fill(struct event *event)
{
    size_t i;

    for (i = 0; i < sizeof event->data; i++)
        event->data[i] = (uint8_t)(31 * i);
}

/* Link an event behind the head, and move the head to it. */
static void head_append(struct lares__head *head, uint64_t sketch,
                        const char *text)
{
    struct lares__link link = {head->link.origin, sketch,
                               head->link.sequence + 1, head->hash};

    head->hash = lares__link_hash(&link, text, strlen(text));
    head->link = link;
}

/* -- cases --------------------------------------------------------------- */

static void test_link__hash_is_golden(void **state)
{
    static const struct {
        size_t len;
        uint64_t hash;
    } golden[] = {
        {0,    UINT64_C(0x75f558efecf82a99)},
        {1,    UINT64_C(0x3f44ea7e9f8b99fd)},
        {32,   UINT64_C(0x42b6f55d0c88ff36)},
        {1024, UINT64_C(0x7c2bb8e64cf13113)},
        {8192, UINT64_C(0x1f2481f378ade1b5)},
    };
    struct event event = {
        .link = {0xdeadbeef, 0x2a, 0, 0}
    };
    uint8_t apart[8193];
    size_t i;

    (void)state; /* id: C01, vector G3 */
    event_fill(&event);
    memcpy(apart + 1, event.data, sizeof event.data);
    for (i = 0; i < sizeof golden / sizeof *golden; i++) {
        check_u64(lares__link_hash(&event.link, event.data, golden[i].len),
                  golden[i].hash);
        check_u64(lares__link_hash(&event.link, apart + 1, golden[i].len),
                  golden[i].hash);
    }
    check_u64(lares__link_hash(&event.link, NULL, 0), golden[0].hash);
}

static void test_link__chain_is_golden(void **state)
{
    static const uint64_t parents[] = {UINT64_C(0x83481f3fc4c5ca7b),
                                       UINT64_C(0x52e87fea37a1bb93),
                                       UINT64_C(0x6087dac2a7046da9)};
    static const char *const texts[] = {"event1", "event2", "event3"};
    struct lares__head head;
    size_t i;

    (void)state; /* id: C01, vector G4 */
    lares__head_genesis(&head, 0xabcd);
    for (i = 0; i < 3; i++) {
        head_append(&head, 0, texts[i]);
        check_u64(head.link.parent, parents[i]);
        check_u64(head.link.sequence, i + 1);
    }
    check_u64(head.hash, UINT64_C(0xaea1b854c1acfb47));
}

static void test_link__bytes_are_golden(void **state)
{
    struct lares__head head;

    (void)state; /* vector G6 */
    lares__head_genesis(&head, UINT64_C(0xd1f5819b4e248d1b));
    check_u64(head.hash, UINT64_C(0x44802bab06065ab0));
    head_append(&head, 0, "e1");
    check_u64(head.hash, UINT64_C(0xa74254633b953840));
    check_hex(&head.link, sizeof head.link,
              "1b8d244e9b81f5d10000000000000000"
              "0100000000000000b05a0606ab2b8044");
}

static void test_link__genesis_is_empty(void **state)
{
    static const struct lares__link link = {.origin = 0xabcd};
    struct lares__head head;

    (void)state;
    memset(&head, 0xff, sizeof head);
    lares__head_genesis(&head, 0xabcd);
    check_mem(&head.link, &link, sizeof link);
    check_u64(head.hash, lares__hash64(&link, sizeof link));
}

static void test_link__events_verify_pairwise(void **state)
{
    struct lares__head heads[101];
    size_t i;

    (void)state; /* id: C01 */
    lares__head_genesis(&heads[0], 0xabcd);
    for (i = 1; i <= 100; i++) {
        heads[i] = heads[i - 1];
        head_append(&heads[i], i * 0x1111, "payload");
    }
    for (i = 1; i <= 100; i++)
        check_ok(lares__head_check(&heads[i - 1], &heads[i].link));
}

/* The sketch of a link is not checked itself: its successor's parent covers
 * it. */
static void test_link__altered_sketch_shows_at_the_next(void **state)
{
    struct lares__head before, altered, after;

    (void)state; /* id: C01 */
    lares__head_genesis(&before, 0xabcd);
    altered = before;
    head_append(&altered, 1, "a");
    after = altered;
    head_append(&after, 2, "b");
    altered.link.horizon ^= 4;
    altered.hash = lares__link_hash(&altered.link, "a", 1);
    check_ok(lares__head_check(&before, &altered.link));
    check_status(lares__head_check(&altered, &after.link), LARES_EPARENT);
}

static void test_link__check_stops_at_the_first_fault(void **state)
{
    struct lares__head head;
    struct lares__link good, bad;

    (void)state; /* id: C02 */
    lares__head_genesis(&head, 0xabcd);
    head_append(&head, 0, "a");
    good = (struct lares__link){0xabcd, 5, 2, head.hash};
    check_ok(lares__head_check(&head, &good));
    bad = good;
    bad.parent ^= 1;
    check_status(lares__head_check(&head, &bad), LARES_EPARENT);
    bad.sequence = 3;
    check_status(lares__head_check(&head, &bad), LARES_EGAP);
    bad.origin = 0xabce;
    check_status(lares__head_check(&head, &bad), LARES_EORIGIN);
    bad = good;
    for (bad.sequence = 0; bad.sequence < 5; bad.sequence++)
        check_status(lares__head_check(&head, &bad),
                     bad.sequence == 2 ? LARES_OK : LARES_EGAP);
}

static void test_link__detail_names_expected_and_given(void **state)
{
    struct lares__head head = {
        {0xabcd, 0, 7, 0},
        0xfeed
    };
    struct lares__link link = {0xabce, 0, 9, 0xfeee};

    (void)state;
    check_status(lares__head_check(&head, &link), LARES_EORIGIN);
    check_detail("expected origin 000000000000abcd, not 000000000000abce");
    link.origin = 0xabcd;
    check_status(lares__head_check(&head, &link), LARES_EGAP);
    check_detail("expected sequence 8, not 9");
    link.sequence = 8;
    check_status(lares__head_check(&head, &link), LARES_EPARENT);
    check_detail("expected parent 000000000000feed, not 000000000000feee");
}

static void test_link__sequence_ends_at_its_last_number(void **state)
{
    struct lares__head head = {
        {0xabcd, 0, UINT64_MAX - 1, 0},
        0xfeed
    };
    struct lares__link link = {0xabcd, 0, UINT64_MAX, 0xfeed};

    (void)state; /* id: C02 */
    check_ok(lares__head_room(&head, 0));
    check_ok(lares__head_room(&head, 1));
    check_status(lares__head_room(&head, 2), LARES_ESEQUENCE);
    check_ok(lares__head_check(&head, &link));
    head.link = link;
    check_ok(lares__head_room(&head, 0));
    check_status(lares__head_room(&head, 1), LARES_ESEQUENCE);
    check_status(lares__head_room(&head, UINT64_MAX), LARES_ESEQUENCE);
    check_status(lares__head_check(&head, &link), LARES_EGAP);
    link.sequence = 0;
    check_status(lares__head_check(&head, &link), LARES_EGAP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        heap_test(test_link__hash_is_golden),
        heap_test(test_link__chain_is_golden),
        heap_test(test_link__bytes_are_golden),
        heap_test(test_link__genesis_is_empty),
        heap_test(test_link__events_verify_pairwise),
        heap_test(test_link__altered_sketch_shows_at_the_next),
        heap_test(test_link__check_stops_at_the_first_fault),
        heap_test(test_link__detail_names_expected_and_given),
        heap_test(test_link__sequence_ends_at_its_last_number),
    };

    return check_run(tests);
}
