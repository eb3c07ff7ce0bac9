#include "floor.h"

#include "bench.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum {
    PAYLOAD = 64
};

struct item {
    _Atomic(struct item *) next;
    uint64_t link[4];
    unsigned char data[PAYLOAD];
};

/* Vyukov's intrusive list: producers exchange the head, one consumer */
struct list {
    _Atomic(struct item *) head;
    struct item *tail;
    struct item stub;
};

static void list_init(struct list *list)
{
    atomic_init(&list->stub.next, NULL);
    atomic_init(&list->head, &list->stub);
    list->tail = &list->stub;
}

static inline void list_push(struct list *list, struct item *item)
{
    struct item *before;

    atomic_store_explicit(&item->next, NULL, memory_order_relaxed);
    before = atomic_exchange_explicit(&list->head, item, memory_order_acq_rel);
    atomic_store_explicit(&before->next, item, memory_order_release);
}

static inline struct item *list_pop(struct list *list)
{
    struct item *tail = list->tail;
    struct item *next = atomic_load_explicit(&tail->next, memory_order_acquire);

    if (tail == &list->stub) {
        tail = next;
        next = atomic_load_explicit(&tail->next, memory_order_acquire);
    }
    if (next == NULL) {
        list_push(list, &list->stub);
        next = atomic_load_explicit(&tail->next, memory_order_acquire);
    }
    list->tail = next;
    return tail;
}

void floor_event_run(uint64_t count,
                     void (*handle)(void *user, const void *data), void *user)
{
    void (*volatile indirect)(void *, const void *) = handle;
    uint64_t data[PAYLOAD / sizeof(uint64_t)] = {0};
    uint64_t parent = 0;
    struct list list;

    list_init(&list);
    for (data[0] = 0; data[0] < count; data[0]++) {
        struct item *item = malloc(sizeof *item);

        bench_check(item != NULL, "memory");
        item->link[0] = item->link[1] = 1;
        item->link[2] = data[0] + 1;
        item->link[3] = parent;
        memcpy(item->data, data, sizeof data);
        parent = XXH3_64bits(item->link, sizeof item->link + PAYLOAD);
        list_push(&list, item);
        item = list_pop(&list);
        indirect(user, item->data);
        free(item);
    }
    bench_keep(parent);
}

uint64_t floor_chain_run(uint64_t *image, size_t len, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        image[2]++;
        image[3] = XXH3_64bits(image, len);
    }
    return image[3];
}

/* -- table ---------------------------------------------------------------- */

void floor_table_init(struct floor_table *table, size_t count)
{
    uint64_t room = 1;

    while (room < count * 2)
        room *= 2;
    table->mask = room - 1;
    table->keys = calloc(room, sizeof *table->keys);
    table->values = calloc(room, sizeof *table->values);
    bench_check(table->keys != NULL && table->values != NULL, "memory");
}

void floor_table_add(struct floor_table *table, uint64_t key, void *value)
{
    uint64_t slot = floor_table_slot(table, key);

    while (table->keys[slot] != 0)
        slot = (slot + 1) & table->mask;
    table->keys[slot] = key;
    table->values[slot] = value;
}
