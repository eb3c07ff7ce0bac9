#include "support/heap.h"
#include "support/hex.h"

#include "chain/envelope.h"
#include "chain/record.h"

#include <stdlib.h>

/* -- fixture ------------------------------------------------------------- */

#define LINK_AND_DATA                                                          \
    "1b8d244e9b81f5d10000000000000000"                                         \
    "0100000000000000b05a0606ab2b8044"                                         \
    "6531"

/* vector G11 */
static const char *const golden[] = {
    "000500000200000000000000000000000100000000000000"
    "7469636b73" LINK_AND_DATA,
    "000504000200000000000000000000000100000000000000"
    "7469636b73706f6f6c" LINK_AND_DATA,
    "04000000020000003d89f84e888f090e0100000000000000" LINK_AND_DATA,
};

enum {
    ON_CHANNEL,
    IN_GROUP,
    DIRECT,
    OWN_CHANNEL,
    FORMS
};

static struct lares__record record_of(int form)
{
    struct lares__record record = {
        .channel = "ticks",
        .channel_len = form == ON_CHANNEL || form == IN_GROUP ? 5 : 0,
        .group = "pool",
        .group_len = form == IN_GROUP ? 4 : 0,
        .direct = form == DIRECT,
        .receiver = form == DIRECT ? UINT64_C(0x0e098f884ef8893d) : 0,
        .epoch = 1,
        .link = {UINT64_C(0xd1f5819b4e248d1b), 0, 1,
                 UINT64_C(0x44802bab06065ab0)},
        .data = "e1",
        .len = 2
    };

    return record;
}

/* -- tools --------------------------------------------------------------- */

static void check_record(const struct lares__record *record,
                         const struct lares__record *expected)
{
    check_u64(record->direct != 0, expected->direct != 0);
    check_u64(record->channel_len, expected->channel_len);
    check_mem(record->channel, expected->channel, expected->channel_len);
    check_u64(record->group_len, expected->group_len);
    check_mem(record->group, expected->group, expected->group_len);
    check_u64(record->receiver, expected->receiver);
    check_u64(record->epoch, expected->epoch);
    check_mem(&record->link, &expected->link, sizeof record->link);
    check_u64(record->len, expected->len);
    check_mem(record->data, expected->data, expected->len);
}

static void check_round_trip(const struct lares__record *record)
{
    size_t len = lares__record_encoded_len(record);
    uint8_t *bytes = malloc(len);
    const uint8_t *at = bytes;
    struct lares__record out;

    check_ok(lares__record_encode(record, bytes));
    check_ok(lares__record_check(bytes, len, 1));
    check_ok(lares__record_next(&at, &len, &out));
    check_record(&out, record);
    check_u64(len, 0);
    check(at == bytes + lares__record_encoded_len(record));
    free(bytes);
}

/* Refused with that status, and the buffer is as it was. */
static void check_unwritable(const struct lares__record *record,
                             lares_status expected)
{
    uint8_t bytes[1024], before[1024];

    memset(bytes, 0x5a, sizeof bytes);
    memset(before, 0x5a, sizeof before);
    check_status(lares__record_encode(record, bytes), expected);
    check_mem(bytes, before, sizeof bytes);
}

/* Refused as one record; nothing is written, and nothing allocated. */
static void check_unreadable(const uint8_t *data, size_t len,
                             lares_status expected)
{
    uint64_t calls = lares__alloc_count();
    struct lares__record out = {.epoch = 77};
    const uint8_t *at = data;
    size_t left = len;

    check_status(lares__record_check(data, len, 1), expected);
    if (lares__record_next(&at, &left, &out) < 0) {
        check(at == data);
        check_u64(left, len);
        check_u64(out.epoch, 77);
    }
    check_u64(lares__alloc_count(), calls);
}

/* A golden record with one byte replaced. */
static void check_byte(int form, size_t at, uint8_t value,
                       lares_status expected)
{
    uint8_t bytes[128];
    size_t len = hex_read(golden[form], bytes);

    bytes[at] = value;
    check_unreadable(bytes, len, expected);
}

/* -- cases --------------------------------------------------------------- */

static void test_record__bytes_are_golden(void **state)
{
    struct lares__record record, out;
    uint8_t bytes[128];
    const uint8_t *at;
    size_t len;
    int form;

    (void)state; /* id: F03, vector G11 */
    for (form = ON_CHANNEL; form <= DIRECT; form++) {
        record = record_of(form);
        check_ok(lares__record_encode(&record, bytes));
        check_hex(bytes, lares__record_encoded_len(&record), golden[form]);
        at = bytes;
        len = lares__record_encoded_len(&record);
        check_ok(lares__record_next(&at, &len, &out));
        check_record(&out, &record);
    }
}

static void test_record__every_form_round_trips(void **state)
{
    static char name[255];
    struct lares__record record;
    int form;

    (void)state; /* id: F01, F03 */
    memset(name, 'n', sizeof name);
    for (form = 0; form < FORMS; form++) {
        record = record_of(form);
        check_round_trip(&record);
        record.data = NULL;
        record.len = 0;
        record.epoch = UINT64_MAX;
        check_round_trip(&record);
    }
    record = record_of(IN_GROUP);
    record.channel = record.group = name;
    record.channel_len = record.group_len = sizeof name;
    check_round_trip(&record);
}

static void test_record__payload_reaches_its_bound(void **state)
{
    struct lares__record record = record_of(ON_CHANNEL);
    void *data = calloc(1, LARES__PAYLOAD_MAX);

    (void)state; /* id: F01 */
    record.data = data;
    record.len = LARES__PAYLOAD_MAX;
    check_round_trip(&record);
    record.len++;
    check_unwritable(&record, LARES_ETOOBIG);
    check_detail("16777217");
    free(data);
}

static void test_record__three_stand_back_to_back(void **state)
{
    struct lares__record out,
        records[3] = {record_of(ON_CHANNEL), record_of(DIRECT),
                      record_of(IN_GROUP)};
    uint8_t bytes[512];
    const uint8_t *at = bytes;
    size_t i, len = 0;

    (void)state; /* id: F01 */
    for (i = 0; i < 3; i++) {
        records[i].link.sequence = i + 1;
        check_ok(lares__record_encode(&records[i], bytes + len));
        len += lares__record_encoded_len(&records[i]);
    }
    check_ok(lares__record_check(bytes, len, 3));
    check_status(lares__record_check(bytes, len, 2), LARES_EFORMAT);
    check_status(lares__record_check(bytes, len, 4), LARES_EFORMAT);
    check_status(lares__record_check(bytes, len, UINT32_MAX), LARES_EFORMAT);
    for (i = 0; i < 3; i++) {
        check_ok(lares__record_next(&at, &len, &out));
        check_record(&out, &records[i]);
    }
    check_u64(len, 0);
    check_ok(lares__record_check(bytes, 0, 0));
    check_status(lares__record_check(bytes, 1, 0), LARES_EFORMAT);
}

static void test_record__every_truncation_is_refused(void **state)
{
    uint8_t bytes[128], *exact;
    size_t whole, len;
    int form;

    (void)state; /* id: F02 */
    for (form = ON_CHANNEL; form <= DIRECT; form++) {
        whole = hex_read(golden[form], bytes);
        for (len = 0; len < whole; len++) {
            exact = malloc(len + 1); /* so that ASan sees a byte too far */
            memcpy(exact + 1, bytes, len);
            check_unreadable(exact + 1, len, LARES_EFORMAT);
            free(exact);
        }
        bytes[whole] = 0;
        check_unreadable(bytes, whole + 1, LARES_EFORMAT);
    }
}

static void test_record__lengths_are_checked_first(void **state)
{
    uint8_t bytes[128];
    size_t i, len = hex_read(golden[ON_CHANNEL], bytes);
    static const uint32_t lengths[] = {1, 3, LARES__PAYLOAD_MAX,
                                       LARES__PAYLOAD_MAX + 1, UINT32_MAX};

    (void)state; /* id: F02 */
    for (i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        memcpy(bytes + 4, &lengths[i], 4);
        check_unreadable(bytes, len, LARES_EFORMAT);
    }
    for (i = 0; i < 256; i++) {
        check_byte(ON_CHANNEL, 1, (uint8_t)i,
                   i == 5 ? LARES_OK : LARES_EFORMAT);
        check_byte(IN_GROUP, 2, (uint8_t)i, i == 4 ? LARES_OK : LARES_EFORMAT);
    }
}

static void test_record__zero_origin_or_sequence_is_refused(void **state)
{
    struct lares__record record = record_of(ON_CHANNEL);
    uint8_t bytes[128];
    size_t len = hex_read(golden[DIRECT], bytes);

    (void)state; /* id: F02 */
    memset(bytes + 24, 0, 8);
    check_unreadable(bytes, len, LARES_EFORMAT);
    hex_read(golden[DIRECT], bytes);
    memset(bytes + 40, 0, 8);
    check_unreadable(bytes, len, LARES_EFORMAT);
    record.link.origin = 0;
    check_unwritable(&record, LARES_EINVAL);
    record = record_of(ON_CHANNEL);
    record.link.sequence = 0;
    check_unwritable(&record, LARES_EINVAL);
}

static void test_record__reserved_flags_are_a_version(void **state)
{
    int bit;

    (void)state; /* id: F03 */
    for (bit = 0; bit < 8; bit++) {
        if (bit == 2)
            continue;
        check_byte(ON_CHANNEL, 0, (uint8_t)(1 << bit), LARES_EVERSION);
        check_byte(DIRECT, 0, (uint8_t)(4 | 1 << bit), LARES_EVERSION);
    }
}

static void test_record__set_zero_byte_or_no_epoch_is_refused(void **state)
{
    struct lares__record record = record_of(DIRECT);

    (void)state; /* id: F03 */
    check_byte(ON_CHANNEL, 3, 1, LARES_EFORMAT);
    check_byte(DIRECT, 3, 128, LARES_EFORMAT);
    check_byte(DIRECT, 16, 0, LARES_EFORMAT);
    record.epoch = 0;
    check_unwritable(&record, LARES_EINVAL);
}

/* Each record as its writer must refuse it, and as a reader would meet it. */
static void test_record__other_combinations_are_refused(void **state)
{
    struct lares__record record;
    uint8_t bytes[128];
    size_t len = hex_read(golden[DIRECT], bytes);
    int form;

    (void)state; /* id: F03 */
    for (form = 0; form < FORMS; form++) {
        record = record_of(form); /* direct the other way round */
        record.direct = !record.direct;
        check_unwritable(&record, LARES_EINVAL);
        record = record_of(form); /* a receiver too many, or none */
        record.receiver = record.receiver == 0;
        check_unwritable(&record, LARES_EINVAL);
        record = record_of(form); /* a group without a channel */
        record.channel_len = 0;
        record.group_len = 4;
        check_unwritable(&record, LARES_EINVAL);
    }
    check_byte(ON_CHANNEL, 0, 4, LARES_EFORMAT);
    check_byte(ON_CHANNEL, 8, 1, LARES_EFORMAT);
    check_byte(DIRECT, 0, 0, LARES_EFORMAT);
    memset(bytes + 8, 0, 8); /* to nobody */
    check_unreadable(bytes, len, LARES_EFORMAT);
    len = hex_read(golden[ON_CHANNEL], bytes); /* its name is a group's */
    bytes[1] = 0;
    bytes[2] = 5;
    check_unreadable(bytes, len, LARES_EFORMAT);
}

static void test_record__too_long_a_name_is_refused(void **state)
{
    struct lares__record record = record_of(IN_GROUP);
    char name[300] = {0};

    (void)state;
    record.channel = name;
    record.channel_len = 256;
    check_unwritable(&record, LARES_EINVAL);
    record = record_of(IN_GROUP);
    record.group = name;
    record.group_len = 300;
    check_unwritable(&record, LARES_EINVAL);
}

/* It allocates nothing, so there is no allocation that could fail. */
static void test_record__allocates_nothing(void **state)
{
    struct lares__record record = record_of(IN_GROUP);
    uint64_t calls = lares__alloc_count();

    (void)state;
    check_round_trip(&record);
    check_u64(lares__alloc_count(), calls);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        heap_test(test_record__bytes_are_golden),
        heap_test(test_record__every_form_round_trips),
        heap_test(test_record__payload_reaches_its_bound),
        heap_test(test_record__three_stand_back_to_back),
        heap_test(test_record__every_truncation_is_refused),
        heap_test(test_record__lengths_are_checked_first),
        heap_test(test_record__zero_origin_or_sequence_is_refused),
        heap_test(test_record__reserved_flags_are_a_version),
        heap_test(test_record__set_zero_byte_or_no_epoch_is_refused),
        heap_test(test_record__other_combinations_are_refused),
        heap_test(test_record__too_long_a_name_is_refused),
        heap_test(test_record__allocates_nothing),
    };

    return check_run(tests);
}
