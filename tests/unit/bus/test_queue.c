#include "support/check.h"

#include "base/thread.h"
#include "bus/queue.h"

/* -- fixture: a queue that counts its wake-ups -- */

enum {
    WORKERS = 3,
    EACH = 10000 /* inputs of a worker */
};

static struct lares__queue queue;
static atomic_uint wakes;
static struct lares__input inputs[WORKERS * EACH];

static void queue_wake(struct lares__queue *woken)
{
    if (woken == &queue)
        atomic_fetch_add(&wakes, 1);
}

static int queue_setup(void **state)
{
    (void)state;
    memset(inputs, 0, sizeof inputs);
    memset(&queue, 0, sizeof queue);
    queue.wake = queue_wake;
    atomic_store(&wakes, 0);
    return 0;
}

#define queue_test(test) cmocka_unit_test_setup(test, queue_setup)

/* -- tools -- */

static void push(struct lares__input *input)
{
    lares__queue_push(&queue, input, input);
}

/* pushes `count` inputs from `first` on as one chain, newest first */
static void push_chain(struct lares__input *first, int count)
{
    for (int i = 1; i < count; i++)
        first[i].next = &first[i - 1];
    lares__queue_push(&queue, &first[count - 1], first);
}

static void check_taken(int from, int count)
{
    struct lares__input *taken = lares__queue_take(&queue);

    for (int i = from; i < from + count; i++) {
        check(taken == &inputs[i]);
        taken = taken->next;
    }
    check(taken == NULL);
}

/* -- cases -- */

static void test_queue__is_empty_at_first(void **state)
{
    (void)state;
    check(lares__queue_take(&queue) == NULL);
    check_u64(wakes, 0);
}

static void test_queue__oldest_comes_first(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++)
        push(&inputs[i]);
    check_taken(0, 5);
    check(lares__queue_take(&queue) == NULL);
}

static void test_queue__chains_keep_their_order(void **state)
{
    (void)state;
    push_chain(&inputs[0], 3);
    push(&inputs[3]);
    push_chain(&inputs[4], 4);
    push_chain(&inputs[8], 1);
    check_taken(0, 9);
}

/* The end of a chain may still point to where it stood before. */
static void test_queue__chain_ends_at_its_oldest(void **state)
{
    (void)state;
    inputs[0].next = &inputs[9];
    push_chain(&inputs[0], 2);
    check_taken(0, 2);
}

static void test_queue__who_finds_it_empty_wakes(void **state)
{
    (void)state;
    push(&inputs[0]);
    check_u64(wakes, 1);
    push(&inputs[1]);
    push_chain(&inputs[2], 2);
    check_u64(wakes, 1);
    check_taken(0, 4);
    push_chain(&inputs[4], 2);
    check_u64(wakes, 2);
    check_taken(4, 2);
}

/* -- cases: threads -- */

static atomic_int at_work;

/* one by one, and in chains of up to four */
static void worker_push(void *arg)
{
    struct lares__input *mine = arg;

    for (int i = 0; i < EACH;) {
        int count = 1 + i % 4;

        if (count > EACH - i)
            count = EACH - i;
        push_chain(&mine[i], count);
        i += count;
    }
    atomic_fetch_sub(&at_work, 1);
}

/* the next input that is due from each worker */
static int due[WORKERS];
static uint32_t takes; /* that found something */

static void take_in_order(void)
{
    struct lares__input *input = lares__queue_take(&queue);

    takes += input != NULL;
    for (; input != NULL; input = input->next) {
        int index = (int)(input - inputs);

        check_i64(index % EACH, due[index / EACH]++);
    }
}

/* Each take that finds something was preceded by one wake-up. */
static void test_queue__threads_push_in_order(void **state)
{
    struct lares__thread threads[WORKERS];

    (void)state;
    atomic_store(&at_work, WORKERS);
    for (int i = 0; i < WORKERS; i++)
        check_ok(
            lares__thread_start(&threads[i], worker_push, &inputs[i * EACH]));
    while (atomic_load(&at_work) > 0)
        take_in_order();
    for (int i = 0; i < WORKERS; i++)
        lares__thread_join(&threads[i]);
    take_in_order();
    for (int i = 0; i < WORKERS; i++)
        check_i64(due[i], EACH);
    check_u64(wakes, takes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        queue_test(test_queue__is_empty_at_first),
        queue_test(test_queue__oldest_comes_first),
        queue_test(test_queue__chains_keep_their_order),
        queue_test(test_queue__chain_ends_at_its_oldest),
        queue_test(test_queue__who_finds_it_empty_wakes),
        queue_test(test_queue__threads_push_in_order),
    };

    return check_run(tests);
}
