#include "support/heap.h"
#include "support/hex.h"

#include "base/hash.h"
#include "chain/horizon.h"

#include <stdlib.h>

/* -- tools --------------------------------------------------------------- */

enum {
    BOUND = 1024,
    HEADER_LEN = 20,
    ENTRY_LEN = 24
};

static const uint64_t origin_b = UINT64_C(0x0e098f884ef8893d);

static uint64_t random_next(uint64_t *random)
{
    uint64_t value = (*random += UINT64_C(0x9e3779b97f4a7c15));

    value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
    return value ^ value >> 31;
}

static void observe(struct lares__horizon *horizon, uint64_t origin,
                    uint64_t sequence, uint64_t hash)
{
    check_ok(lares__horizon_reserve(horizon, 1));
    lares__horizon_observe(horizon, origin, sequence, hash);
}

static void check_entry(const struct lares__horizon *horizon, uint64_t origin,
                        uint64_t sequence, uint64_t hash)
{
    const struct lares__seen *seen = lares__horizon_find(horizon, origin);

    check(seen != NULL);
    check_u64(seen->origin, origin);
    check_u64(seen->sequence, sequence);
    check_u64(seen->hash, hash);
}

static uint8_t *encoded(const struct lares__horizon *horizon, size_t *len_out)
{
    uint8_t *bytes;

    *len_out = lares__horizon_encoded_len(horizon);
    bytes = malloc(*len_out);
    lares__horizon_encode(horizon, bytes);
    return bytes;
}

/* Refused, and the horizon is as empty as it was. */
static void check_undecodable(const void *data, size_t len)
{
    struct lares__horizon horizon;

    lares__horizon_init(&horizon, BOUND, 9);
    check_status(lares__horizon_check(data, len, 9), LARES_EFORMAT);
    check_status(lares__horizon_decode(&horizon, data, len), LARES_EFORMAT);
    check_u64(horizon.count, 0);
    check_u64(horizon.sketch, 0);
    check_u64(horizon.evicted, 0);
    lares__horizon_fini(&horizon);
}

/* Places looked at, in all, to find each entry. */
static uint64_t probes_of(const struct lares__horizon *horizon)
{
    uint64_t hash, probes = 0;
    uint32_t slot, mask = horizon->slot_count - 1;
    const struct lares__seen *seen;

    for (slot = 0; slot <= mask; slot++) {
        if (horizon->slots[slot] == 0)
            continue;
        seen = &horizon->entries[horizon->slots[slot] - 1];
        hash = lares__hash64_seeded(&seen->origin, sizeof seen->origin,
                                    horizon->seed);
        probes += ((slot - (uint32_t)hash) & mask) + 1;
    }
    return probes;
}

static uint64_t probes_of_origins(const uint64_t *origins, size_t count,
                                  uint64_t seed)
{
    struct lares__horizon horizon;
    uint64_t probes;
    size_t i;

    lares__horizon_init(&horizon, BOUND, seed);
    check_ok(lares__horizon_reserve(&horizon, BOUND));
    for (i = 0; i < count; i++)
        lares__horizon_observe(&horizon, origins[i], 1, 0);
    check_u64(horizon.count, count);
    probes = probes_of(&horizon);
    lares__horizon_fini(&horizon);
    return probes;
}

/* -- a naive model ------------------------------------------------------- */

enum {
    ORIGINS = 2000,
    STEPS = 1000000
};

/* What each origin was last shown, and when; the log of all observations
 * tells the order: those that a later one outdated are passed over. */
struct model {
    uint64_t origins[ORIGINS];
    struct {
        uint64_t sequence; /* 0: not in the table */
        uint64_t hash;
        uint32_t when;
    } shown[ORIGINS];
    uint32_t log[STEPS + 1]; /* by time, from 1 */
    uint32_t now, first;     /* nothing stands before first */
    uint32_t count;
    uint64_t evicted;
    uint64_t sketch;
};

static int model_stands(const struct model *model, uint32_t when)
{
    uint32_t i = model->log[when];

    return model->shown[i].sequence > 0 && model->shown[i].when == when;
}

static void model_evict(struct model *model)
{
    while (!model_stands(model, model->first))
        model->first++;
    model->shown[model->log[model->first]].sequence = 0;
    model->count--;
    model->evicted++;
}

static void model_observe(struct model *model, uint32_t i, uint64_t sequence,
                          uint64_t hash)
{
    if (sequence <= model->shown[i].sequence)
        return;
    if (model->shown[i].sequence == 0) {
        if (model->count == BOUND)
            model_evict(model);
        model->count++;
    }
    model->log[++model->now] = i;
    model->shown[i].sequence = sequence;
    model->shown[i].hash = hash;
    model->shown[i].when = model->now;
    model->sketch |= lares__horizon_mask(model->origins[i]);
}

static struct model *model_new(uint64_t *random)
{
    struct model *model = calloc(1, sizeof *model);
    uint32_t i;

    check(model != NULL);
    model->first = 1;
    for (i = 0; i < ORIGINS; i++)
        model->origins[i] = random_next(random);
    return model;
}

static void check_touched(const struct model *model,
                          const struct lares__horizon *horizon, uint32_t i)
{
    if (model->shown[i].sequence > 0)
        check_entry(horizon, model->origins[i], model->shown[i].sequence,
                    model->shown[i].hash);
    else
        check(lares__horizon_find(horizon, model->origins[i]) == NULL);
    check_u64(horizon->count, model->count);
    check_u64(horizon->evicted, model->evicted);
    check_u64(horizon->sketch, model->sketch);
}

static void check_order(const struct model *model,
                        const struct lares__horizon *horizon)
{
    size_t len;
    uint8_t *bytes = encoded(horizon, &len);
    uint8_t *at = bytes + HEADER_LEN;
    uint32_t when, i;

    for (when = model->first; when <= model->now; when++) {
        if (!model_stands(model, when))
            continue;
        i = model->log[when];
        check_mem(at, &model->origins[i], 8);
        check_mem(at + 8, &model->shown[i].sequence, 8);
        check_mem(at + 16, &model->shown[i].hash, 8);
        at += ENTRY_LEN;
    }
    check(at == bytes + len);
    free(bytes);
}

/* -- cases --------------------------------------------------------------- */

static void test_horizon__empty_knows_and_owns_nothing(void **state)
{
    struct lares__horizon horizon;
    uint64_t calls = lares__alloc_count();

    (void)state; /* id: Z01 */
    lares__horizon_init(&horizon, BOUND, 1);
    check_u64(horizon.sketch, 0);
    check_u64(horizon.evicted, 0);
    check(lares__horizon_find(&horizon, 0) == NULL);
    check(lares__horizon_find(&horizon, 1) == NULL);
    lares__horizon_fini(&horizon);
    check_u64(lares__alloc_count(), calls);
}

static void test_horizon__keeps_the_highest_sequence(void **state)
{
    struct lares__horizon horizon;

    (void)state; /* id: Z01 */
    lares__horizon_init(&horizon, BOUND, 1);
    observe(&horizon, 0xaaaa, 5, 50);
    observe(&horizon, 0xaaaa, 4, 40);
    observe(&horizon, 0xaaaa, 5, 51);
    check_entry(&horizon, 0xaaaa, 5, 50);
    observe(&horizon, 0xaaaa, 6, 60);
    check_entry(&horizon, 0xaaaa, 6, 60);
    check_u64(horizon.count, 1);
    check_u64(horizon.sketch, lares__horizon_mask(0xaaaa));
    lares__horizon_fini(&horizon);
}

static void test_horizon__origin_0_leaves_no_trace(void **state)
{
    struct lares__horizon horizon;

    (void)state; /* id: Z01 */
    lares__horizon_init(&horizon, BOUND, 1);
    observe(&horizon, 0, 5, 50);
    observe(&horizon, 0xaaaa, 0, 50);
    check_u64(horizon.count, 0);
    check_u64(horizon.sketch, 0);
    observe(&horizon, 0xaaaa, 1, 10);
    observe(&horizon, 0, 5, 50);
    check_u64(horizon.count, 1);
    check(lares__horizon_find(&horizon, 0) == NULL);
    lares__horizon_fini(&horizon);
}

static void test_horizon__masks_are_golden(void **state)
{
    static const struct {
        uint64_t origin;
        uint64_t mask;
    } golden[] = {
        {0,                            UINT64_C(0x0000000002108000)},
        {0xaaaa,                       UINT64_C(0x0020040080000000)},
        {0xbbbb,                       UINT64_C(0x8001000000004000)},
        {UINT64_MAX,                   UINT64_C(0x0100000020080000)},
        {UINT64_C(0xd1f5819b4e248d1b), UINT64_C(0x7000000000000000)},
        {UINT64_C(0x0e098f884ef8893d), UINT64_C(0x0000002000000050)},
    };
    size_t i;

    (void)state; /* id: Z01, vector G5 */
    for (i = 0; i < sizeof golden / sizeof *golden; i++)
        check_u64(lares__horizon_mask(golden[i].origin), golden[i].mask);
}

static void test_horizon__equals_a_naive_model(void **state)
{
    uint64_t sequence, hash, random = 20240229;
    struct model *model = model_new(&random);
    struct lares__horizon horizon;
    uint32_t i, step;

    (void)state; /* id: Z02 */
    lares__horizon_init(&horizon, BOUND, random_next(&random));
    for (step = 0; step < STEPS; step++) {
        i = (uint32_t)(random_next(&random) % ORIGINS);
        if (step % 4 == 0) /* the youngest once more: the short way */
            i = model->log[model->now];
        sequence = model->shown[i].sequence + random_next(&random) % 4;
        hash = random_next(&random);
        model_observe(model, i, sequence, hash);
        observe(&horizon, model->origins[i], sequence, hash);
        check_touched(model, &horizon, i);
        if (step % 20000 == 0)
            check_order(model, &horizon);
    }
    check_order(model, &horizon);
    check(horizon.evicted > 0);
    lares__horizon_fini(&horizon);
    free(model);
}

static void test_horizon__may_hold_one_entry_only(void **state)
{
    struct lares__horizon horizon;
    uint64_t i;

    (void)state;
    lares__horizon_init(&horizon, 1, 1);
    for (i = 1; i <= 5; i++) {
        observe(&horizon, i, 1, i);
        observe(&horizon, i, 2, i);
        check_entry(&horizon, i, 2, i);
        check(lares__horizon_find(&horizon, i - 1) == NULL);
        check_u64(horizon.evicted, i - 1);
    }
    check_u64(horizon.count, 1);
    lares__horizon_fini(&horizon);
}

static void test_horizon__sketch_keeps_the_bits_of_the_evicted(void **state)
{
    struct lares__horizon horizon;

    (void)state;
    lares__horizon_init(&horizon, 1, 1);
    observe(&horizon, 0xaaaa, 1, 0);
    observe(&horizon, 0xbbbb, 1, 0);
    check_u64(horizon.sketch,
              lares__horizon_mask(0xaaaa) | lares__horizon_mask(0xbbbb));
    lares__horizon_fini(&horizon);
}

static void test_horizon__scratch_begins_at_0(void **state)
{
    struct lares__horizon horizon;
    struct lares__seen *seen;

    (void)state;
    lares__horizon_init(&horizon, 1, 1);
    observe(&horizon, 0xaaaa, 1, 0);
    seen = lares__horizon_find(&horizon, 0xaaaa);
    seen->crossing = seen->shown_sequence = seen->shown_hash = 7;
    observe(&horizon, 0xaaaa, 2, 0);
    check_u64(lares__horizon_find(&horizon, 0xaaaa)->crossing, 7);
    observe(&horizon, 0xbbbb, 1, 0);
    seen = lares__horizon_find(&horizon, 0xbbbb);
    check_u64(seen->crossing, 0);
    check_u64(seen->shown_sequence, 0);
    check_u64(seen->shown_hash, 0);
    lares__horizon_fini(&horizon);
}

static void test_horizon__observes_without_memory_once_reserved(void **state)
{
    struct lares__horizon horizon;
    uint64_t i, calls;

    (void)state;
    lares__horizon_init(&horizon, 100, 1);
    check_ok(lares__horizon_reserve(&horizon, 64));
    calls = lares__alloc_count();
    for (i = 1; i <= 64; i++)
        lares__horizon_observe(&horizon, i, 1, i);
    check_u64(lares__alloc_count(), calls);
    check_ok(lares__horizon_reserve(&horizon, UINT32_MAX));
    check_u64(horizon.room, 100);
    calls = lares__alloc_count();
    for (i = 1; i <= 1000; i++)
        lares__horizon_observe(&horizon, i, 2, i);
    check_ok(lares__horizon_reserve(&horizon, UINT32_MAX));
    check_u64(lares__alloc_count(), calls);
    check_u64(horizon.count, 100);
    lares__horizon_fini(&horizon);
}

static void test_horizon__strangers_cannot_make_it_slow(void **state)
{
    enum {
        COUNT = 1000,
        SLOTS = 2 * BOUND
    };
    uint64_t ground[COUNT], other[COUNT], origin, random = 7, usual;
    size_t i = 0;

    (void)state; /* id: Z04 */
    for (origin = 1; i < COUNT; origin++)
        if (lares__hash64_seeded(&origin, sizeof origin, 1) % SLOTS == 0)
            ground[i++] = origin;
    for (i = 0; i < COUNT; i++)
        other[i] = random_next(&random);
    usual = probes_of_origins(other, COUNT, 2);
    check(probes_of_origins(ground, COUNT, 1) > 100 * usual);
    check(probes_of_origins(ground, COUNT, 2) <= 2 * usual);
    check(probes_of_origins(ground, COUNT, 3) <= 2 * usual);
}

static void test_horizon__bytes_are_golden(void **state)
{
    static const char *const golden =
        "5000000020000000000000000000000001000000"
        "3d89f84e888f090e05000000000000008877665544332211";
    struct lares__horizon horizon, copy;
    uint8_t bytes[44];

    (void)state; /* id: Z05, vector G13 */
    lares__horizon_init(&horizon, BOUND, 1);
    observe(&horizon, origin_b, 5, UINT64_C(0x1122334455667788));
    check_u64(lares__horizon_encoded_len(&horizon), sizeof bytes);
    lares__horizon_encode(&horizon, bytes);
    check_hex(bytes, sizeof bytes, golden);
    lares__horizon_init(&copy, BOUND, 2);
    check_ok(lares__horizon_check(bytes, sizeof bytes, 9));
    check_ok(lares__horizon_decode(&copy, bytes, sizeof bytes));
    check_entry(&copy, origin_b, 5, UINT64_C(0x1122334455667788));
    check_u64(copy.sketch, horizon.sketch);
    lares__horizon_fini(&copy);
    lares__horizon_fini(&horizon);
}

static void test_horizon__round_trip_keeps_order_and_bytes(void **state)
{
    struct lares__horizon horizon, copy;
    uint64_t i, random = 3;
    uint8_t *bytes, *again;
    size_t len, len_again;

    (void)state; /* id: Z05 */
    lares__horizon_init(&horizon, 50, 1);
    lares__horizon_init(&copy, 50, 2);
    for (i = 0; i < 300; i++)
        observe(&horizon, random_next(&random) % 70 + 1, i + 1, i);
    bytes = encoded(&horizon, &len);
    check_ok(lares__horizon_decode(&copy, bytes, len));
    check_u64(copy.evicted, horizon.evicted);
    again = encoded(&copy, &len_again);
    check_u64(len_again, len);
    check_mem(again, bytes, len);
    free(again);
    free(bytes);
    lares__horizon_fini(&copy);
    lares__horizon_fini(&horizon);
}

static void test_horizon__empty_round_trips(void **state)
{
    static const uint8_t bytes[HEADER_LEN];
    struct lares__horizon horizon;
    uint8_t again[HEADER_LEN];

    (void)state; /* id: Z05 */
    lares__horizon_init(&horizon, BOUND, 1);
    check_ok(lares__horizon_decode(&horizon, bytes, sizeof bytes));
    check_u64(lares__horizon_encoded_len(&horizon), sizeof again);
    lares__horizon_encode(&horizon, again);
    check_mem(again, bytes, sizeof again);
    lares__horizon_fini(&horizon);
}

static void test_horizon__wrong_lengths_are_refused(void **state)
{
    struct lares__horizon horizon;
    uint64_t calls;
    uint32_t count;
    uint8_t *bytes, *exact;
    size_t whole, len;

    (void)state; /* id: Z05 */
    lares__horizon_init(&horizon, BOUND, 1);
    observe(&horizon, 0xaaaa, 1, 1);
    observe(&horizon, 0xbbbb, 2, 2);
    bytes = encoded(&horizon, &whole);
    lares__horizon_fini(&horizon);
    calls = lares__alloc_count();
    for (len = 0; len <= whole + 1; len++) {
        if (len == whole)
            continue;
        exact = calloc(1, len + 1); /* its end is the end for ASan too */
        memcpy(exact + 1, bytes, len < whole ? len : whole);
        check_undecodable(exact + 1, len);
        free(exact);
    }
    for (count = 0; count < 4; count++) {
        bytes[16] = (uint8_t)count;
        if (count != 2)
            check_undecodable(bytes, whole);
    }
    memset(bytes + 16, 0xff, 4);
    check_undecodable(bytes, whole);
    check_u64(lares__alloc_count(), calls);
    free(bytes);
}

static void test_horizon__bad_entries_are_refused(void **state)
{
    struct lares__horizon horizon;
    uint8_t *bytes, bad[HEADER_LEN + 2 * ENTRY_LEN];
    size_t len, bit;

    (void)state; /* id: Z05 */
    lares__horizon_init(&horizon, BOUND, 1);
    observe(&horizon, 0xaaaa, 1, 1);
    observe(&horizon, 0xbbbb, 2, 2);
    bytes = encoded(&horizon, &len);
    lares__horizon_fini(&horizon);
    check_u64(len, sizeof bad);
    memcpy(bad, bytes, len);
    memset(bad, 0xff, 8); /* a sketch that lacks nothing */
    memset(bad + HEADER_LEN, 0, 8);
    check_undecodable(bad, len); /* origin 0 */
    memcpy(bad + HEADER_LEN, bytes + HEADER_LEN + ENTRY_LEN, 8);
    check_undecodable(bad, len); /* one origin twice */
    memcpy(bad + HEADER_LEN, bytes + HEADER_LEN, 8);
    memset(bad + HEADER_LEN + ENTRY_LEN + 8, 0, 8);
    check_undecodable(bad, len);     /* sequence 0 */
    for (bit = 0; bit < 64; bit++) { /* a mask without one of its bits */
        if ((bytes[bit / 8] >> bit % 8 & 1) == 0)
            continue;
        memcpy(bad, bytes, len);
        bad[bit / 8] ^= (uint8_t)(1 << bit % 8);
        check_undecodable(bad, len);
    }
    free(bytes);
}

static void test_horizon__lower_bound_keeps_the_youngest(void **state)
{
    struct lares__horizon wide, narrow;
    uint64_t i, calls;
    uint8_t *bytes;
    size_t len;

    (void)state; /* id: Z05 */
    lares__horizon_init(&wide, 1990, 1);
    lares__horizon_init(&narrow, BOUND, 2);
    for (i = 1; i <= 2000; i++)
        observe(&wide, i, 1, i);
    check_u64(wide.evicted, 10);
    bytes = encoded(&wide, &len);
    check_ok(lares__horizon_decode(&narrow, bytes, len));
    check_u64(narrow.count, BOUND);
    check_u64(narrow.evicted, 10 + 966);
    check_u64(narrow.sketch, wide.sketch);
    for (i = 1; i <= 2000; i++)
        check((lares__horizon_find(&narrow, i) != NULL) == (i > 976));
    calls = lares__alloc_count();
    observe(&narrow, 5000, 1, 1);
    check_u64(lares__alloc_count(), calls);
    check(lares__horizon_find(&narrow, 977) == NULL);
    free(bytes);
    lares__horizon_fini(&narrow);
    lares__horizon_fini(&wide);
}

static lares_status horizon_scenario(void)
{
    struct lares__horizon horizon, copy;
    lares_status rc = LARES_OK;
    uint8_t bytes[HEADER_LEN + 20 * ENTRY_LEN];
    uint64_t i;

    lares__horizon_init(&horizon, 20, 1);
    lares__horizon_init(&copy, 10, 1);
    for (i = 1; i <= 20 && rc == LARES_OK; i++) {
        rc = lares__horizon_reserve(&horizon, 1);
        if (rc == LARES_OK)
            lares__horizon_observe(&horizon, i, 1, i);
        else
            check_u64(horizon.count, i - 1);
    }
    if (rc == LARES_OK) {
        lares__horizon_encode(&horizon, bytes);
        rc = lares__horizon_decode(&copy, bytes, sizeof bytes);
        check_u64(copy.count, rc == LARES_OK ? 10 : 0);
    }
    lares__horizon_fini(&copy);
    lares__horizon_fini(&horizon);
    return rc;
}

static void test_horizon__every_allocation_fails(void **state)
{
    (void)state;
    heap_torture(horizon_scenario);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        heap_test(test_horizon__empty_knows_and_owns_nothing),
        heap_test(test_horizon__keeps_the_highest_sequence),
        heap_test(test_horizon__origin_0_leaves_no_trace),
        heap_test(test_horizon__masks_are_golden),
        heap_test(test_horizon__equals_a_naive_model),
        heap_test(test_horizon__may_hold_one_entry_only),
        heap_test(test_horizon__sketch_keeps_the_bits_of_the_evicted),
        heap_test(test_horizon__scratch_begins_at_0),
        heap_test(test_horizon__observes_without_memory_once_reserved),
        heap_test(test_horizon__strangers_cannot_make_it_slow),
        heap_test(test_horizon__bytes_are_golden),
        heap_test(test_horizon__round_trip_keeps_order_and_bytes),
        heap_test(test_horizon__empty_round_trips),
        heap_test(test_horizon__wrong_lengths_are_refused),
        heap_test(test_horizon__bad_entries_are_refused),
        heap_test(test_horizon__lower_bound_keeps_the_youngest),
        heap_test(test_horizon__every_allocation_fails),
    };

    return check_run(tests);
}
