#include "support/check.h"

#include "base/thread.h"
#include "io/io.h"
#include "support/heap.h"

#include <dirent.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

/* -- fixture: one io -- */

static struct lares__io *io;

static int io_setup(void **state)
{
    int rc = heap_setup(state);

    return rc != 0 ? rc : lares__io_uv_new(&io) < 0;
}

static int io_teardown(void **state)
{
    io->ops->close(io);
    return heap_teardown(state);
}

#define io_test(test)                                                          \
    cmocka_unit_test_setup_teardown(test, io_setup, io_teardown)

/* -- tools -- */

enum {
    MS = 1000000, /* ns */
    ROUNDS = 20000
};

static const uint64_t second = 1000000000;

static uint64_t now(void)
{
    return io->ops->now(io);
}

static int open_files(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int count = 0;

    check(dir != NULL);
    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count;
}

/* -- cases -- */

static void test_uv_loop__clocks_tell_the_time(void **state)
{
    uint64_t first = now();
    uint64_t unix_s = (uint64_t)time(NULL);
    uint64_t wall_s = io->ops->wall(io) / second;

    (void)state;
    check(first > 0);
    check(now() >= first);
    check(wall_s + 1 >= unix_s && wall_s <= unix_s + 1);
}

static void test_uv_loop__entropy_differs(void **state)
{
    uint8_t bytes[2][1000] = {{0}};

    (void)state;
    check_ok(io->ops->entropy(io, bytes[0], sizeof bytes[0]));
    check_ok(io->ops->entropy(io, bytes[1], sizeof bytes[1]));
    check(memcmp(bytes[0], bytes[1], sizeof bytes[0]) != 0);
    check(memcmp(bytes[0], bytes[0] + 500, 500) != 0);
    check_ok(io->ops->entropy(io, bytes[0], 0));
}

static void test_uv_loop__waits_until_the_deadline(void **state)
{
    static const uint64_t waits[] = {1, 300000, 999999, 5 * MS, 20 * MS + 1};

    (void)state;
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
        uint64_t deadline = now() + waits[i];

        check_status(io->ops->wait(io, deadline), LARES_ETIMEDOUT);
        check(now() >= deadline);
        check(now() < deadline + second);
    }
}

static void test_uv_loop__only_looks_behind_the_deadline(void **state)
{
    (void)state;
    check_status(io->ops->wait(io, 0), LARES_ETIMEDOUT);
    check_status(io->ops->wait(io, now()), LARES_ETIMEDOUT);
    io->ops->wake(io);
    check_ok(io->ops->wait(io, 0));
    check_status(io->ops->wait(io, 0), LARES_ETIMEDOUT);
}

static void test_uv_loop__several_wakes_are_one(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        io->ops->wake(io);
    check_ok(io->ops->wait(io, UINT64_MAX));
    check_status(io->ops->wait(io, now() + MS), LARES_ETIMEDOUT);
}

static void test_uv_loop__a_wake_outlives_a_deadline(void **state)
{
    (void)state;
    check_status(io->ops->wait(io, now() + MS), LARES_ETIMEDOUT);
    io->ops->wake(io);
    check_ok(io->ops->wait(io, UINT64_MAX));
}

static void wake_late(void *arg)
{
    struct timespec pause = {.tv_nsec = 20 * MS};

    (void)arg;
    nanosleep(&pause, NULL);
    io->ops->wake(io);
}

static void test_uv_loop__a_wake_ends_a_wait(void **state)
{
    struct lares__thread waker;

    (void)state;
    check_ok(lares__thread_start(&waker, wake_late, NULL));
    check_ok(io->ops->wait(io, UINT64_MAX));
    lares__thread_join(&waker);
}

/* what two threads share: `told` is plain, as what a queue carries is */
static struct {
    int told;
    atomic_int heard;
} talk;

static void tell(void *arg)
{
    (void)arg;
    for (int i = 1; i <= ROUNDS; i++) {
        talk.told = i;
        io->ops->wake(io);
        while (atomic_load(&talk.heard) < i)
            sched_yield();
    }
}

/* Where many share a processor each round takes long. */
static int goes_on(int rounds, uint64_t end)
{
    return rounds < ROUNDS && now() < end;
}

static void test_uv_loop__loses_no_wake(void **state)
{
    struct lares__thread teller;
    uint64_t end = now() + second;
    int rounds = 0, lost = 0;

    (void)state;
    talk.told = 0;
    atomic_store(&talk.heard, 0);
    check_ok(lares__thread_start(&teller, tell, NULL));
    while (!lost && goes_on(rounds, end)) {
        lost =
            io->ops->wait(io, now() + 5 * second) < 0 || talk.told != ++rounds;
        atomic_store(&talk.heard, rounds);
    }
    atomic_store(&talk.heard, ROUNDS); /* the teller goes, too */
    lares__thread_join(&teller);
    check(!lost && rounds > 0);
}

/* relaxed: only wake and wait order these words */
static struct {
    atomic_int said;
    atomic_int heard;
} chat;

static void say_often(void *arg)
{
    (void)arg;
    for (int i = 1; i <= ROUNDS; i++) {
        atomic_store_explicit(&chat.said, i, memory_order_relaxed);
        io->ops->wake(io);
        while (i % 4 == 0 && atomic_load(&chat.heard) < i)
            sched_yield();
    }
}

/* some wakes meet a flag that the wait is about to take */
static void test_uv_loop__shows_what_was_written_before(void **state)
{
    struct lares__thread sayer;
    uint64_t end = now() + second;
    int heard = 0, lost = 0;

    (void)state;
    atomic_store(&chat.said, 0);
    atomic_store(&chat.heard, 0);
    check_ok(lares__thread_start(&sayer, say_often, NULL));
    while (!lost && goes_on(heard, end)) {
        lost = io->ops->wait(io, now() + 5 * second) < 0;
        heard = atomic_load_explicit(&chat.said, memory_order_relaxed);
        atomic_store(&chat.heard, heard);
    }
    atomic_store(&chat.heard, ROUNDS); /* the sayer goes, too */
    lares__thread_join(&sayer);
    check(!lost && heard > 0);
}

static void test_uv_loop__leaves_no_file_open(void **state)
{
    int before = open_files();

    (void)state;
    for (int i = 0; i < 50; i++) {
        struct lares__io *other;

        check_ok(lares__io_uv_new(&other));
        other->ops->wake(other);
        other->ops->close(other);
    }
    check_i64(open_files(), before);
}

static lares_status scenario_new(void)
{
    struct lares__io *other;
    lares_status rc = lares__io_uv_new(&other);

    if (rc == LARES_OK)
        other->ops->close(other);
    return rc;
}

static void test_uv_loop__survives_every_failed_allocation(void **state)
{
    (void)state;
    heap_torture(scenario_new);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        io_test(test_uv_loop__clocks_tell_the_time),
        io_test(test_uv_loop__entropy_differs),
        io_test(test_uv_loop__waits_until_the_deadline),
        io_test(test_uv_loop__only_looks_behind_the_deadline),
        io_test(test_uv_loop__several_wakes_are_one),
        io_test(test_uv_loop__a_wake_outlives_a_deadline),
        io_test(test_uv_loop__a_wake_ends_a_wait),
        io_test(test_uv_loop__loses_no_wake),
        io_test(test_uv_loop__shows_what_was_written_before),
        io_test(test_uv_loop__leaves_no_file_open),
        io_test(test_uv_loop__survives_every_failed_allocation),
    };

    return check_run(tests);
}
