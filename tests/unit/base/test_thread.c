#include "support/heap.h"

#include "base/thread.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* -- tools --------------------------------------------------------------- */

enum {
    THREADS = 4,
    ROUNDS = 20000
};

/* What the threads of a case share. */
struct shared {
    struct lares__mutex lock;
    struct lares__cond turned;
    uint64_t count; /* guarded by lock */
    int turn;       /* guarded by lock */
    atomic_int ended;
};

static void shared_init(struct shared *shared)
{
    memset(shared, 0, sizeof *shared);
    lares__mutex_init(&shared->lock, 3);
    lares__cond_init(&shared->turned);
}

static void shared_fini(struct shared *shared)
{
    lares__cond_fini(&shared->turned);
    lares__mutex_fini(&shared->lock);
}

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void worker_count(void *data)
{
    struct shared *shared = data;
    int i;

    for (i = 0; i < ROUNDS; i++) {
        if (i % 2 == 0 || !lares__mutex_trylock(&shared->lock))
            lares__mutex_lock(&shared->lock);
        shared->count++;
        lares__mutex_unlock(&shared->lock);
    }
}

/* Takes its turn whenever it is 1, and gives it back. */
static void worker_answer(void *data)
{
    struct shared *shared = data;
    int i;

    lares__mutex_lock(&shared->lock);
    for (i = 0; i < 1000; i++) {
        while (shared->turn != 1)
            lares__cond_wait(&shared->turned, &shared->lock);
        shared->turn = 0;
        shared->count++;
        lares__cond_signal(&shared->turned);
    }
    lares__mutex_unlock(&shared->lock);
}

static void worker_await(void *data)
{
    struct shared *shared = data;

    lares__mutex_lock(&shared->lock);
    while (shared->turn == 0)
        lares__cond_wait_until(&shared->turned, &shared->lock, UINT64_MAX);
    shared->count++;
    lares__mutex_unlock(&shared->lock);
}

static void worker_end(void *data)
{
    struct shared *shared = data;

    atomic_store(&shared->ended, 1);
}

static void threads_run(void (*fn)(void *), struct shared *shared)
{
    struct lares__thread threads[THREADS];
    int i;

    for (i = 0; i < THREADS; i++)
        check_ok(lares__thread_start(&threads[i], fn, shared));
    for (i = 0; i < THREADS; i++)
        lares__thread_join(&threads[i]);
}

/* -- cases --------------------------------------------------------------- */

static void test_thread__mutex_lets_one_in(void **state)
{
    struct shared shared;

    (void)state;
    shared_init(&shared);
    threads_run(worker_count, &shared);
    check_u64(shared.count, THREADS * ROUNDS);
    shared_fini(&shared);
}

static void worker_trylock(void *data)
{
    struct shared *shared = data;

    shared->count = (uint64_t)lares__mutex_trylock(&shared->lock);
}

static void test_thread__trylock_does_not_wait(void **state)
{
    struct lares__thread thread;
    struct shared shared;

    (void)state;
    shared_init(&shared);
    shared.count = 9;
    lares__mutex_lock(&shared.lock);
    check_ok(lares__thread_start(&thread, worker_trylock, &shared));
    lares__thread_join(&thread);
    lares__mutex_unlock(&shared.lock);
    check_u64(shared.count, 0);
    check(lares__mutex_trylock(&shared.lock));
    lares__mutex_unlock(&shared.lock);
    shared_fini(&shared);
}

static void test_thread__cond_hands_turns_over(void **state)
{
    struct lares__thread thread;
    struct shared shared;
    int i;

    (void)state;
    shared_init(&shared);
    check_ok(lares__thread_start(&thread, worker_answer, &shared));
    lares__mutex_lock(&shared.lock);
    for (i = 0; i < 1000; i++) {
        shared.turn = 1;
        lares__cond_signal(&shared.turned);
        while (shared.turn != 0)
            lares__cond_wait(&shared.turned, &shared.lock);
    }
    lares__mutex_unlock(&shared.lock);
    lares__thread_join(&thread);
    check_u64(shared.count, 1000);
    shared_fini(&shared);
}

static void test_thread__broadcast_wakes_all(void **state)
{
    struct lares__thread threads[THREADS];
    struct shared shared;
    int i;

    (void)state;
    shared_init(&shared);
    for (i = 0; i < THREADS; i++)
        check_ok(lares__thread_start(&threads[i], worker_await, &shared));
    lares__mutex_lock(&shared.lock);
    shared.turn = 1;
    lares__cond_broadcast(&shared.turned);
    lares__mutex_unlock(&shared.lock);
    for (i = 0; i < THREADS; i++)
        lares__thread_join(&threads[i]);
    check_u64(shared.count, THREADS);
    shared_fini(&shared);
}

static void test_thread__wait_ends_at_its_deadline(void **state)
{
    struct shared shared;
    uint64_t deadline = now_ns() + 20000000;

    (void)state;
    shared_init(&shared);
    lares__mutex_lock(&shared.lock);
    while (!lares__cond_wait_until(&shared.turned, &shared.lock, deadline))
        continue;
    check(now_ns() >= deadline);
    check(lares__cond_wait_until(&shared.turned, &shared.lock, 0));
    lares__mutex_unlock(&shared.lock);
    shared_fini(&shared);
}

static void test_thread__detached_ends_by_itself(void **state)
{
    static struct shared shared; /* outlives the case, as the thread may */
    struct lares__thread thread;

    (void)state;
    check_ok(lares__thread_start(&thread, worker_end, &shared));
    lares__thread_detach(&thread);
    while (!atomic_load(&shared.ended))
        usleep(1000);
}

static lares_status start_scenario(void)
{
    static struct shared shared;
    struct lares__thread thread;
    lares_status rc = lares__thread_start(&thread, worker_end, &shared);

    if (rc == LARES_OK)
        lares__thread_join(&thread);
    return rc;
}

static void test_thread__start_without_memory(void **state)
{
    (void)state;
    heap_torture(start_scenario);
}

#ifndef NDEBUG

static void test_thread__locks_are_counted(void **state)
{
    struct lares__mutex high, low;
    uint64_t count = lares__lock_count();

    (void)state;
    lares__mutex_init(&high, 3);
    lares__mutex_init(&low, 0);
    check_i64(lares__lock_depth(), 0);
    lares__mutex_lock(&high);
    check_i64(lares__lock_depth(), 1);
    check(lares__mutex_trylock(&low));
    check_i64(lares__lock_depth(), 2);
    lares__mutex_unlock(&high);
    check_i64(lares__lock_depth(), 1);
    lares__mutex_unlock(&low);
    check_i64(lares__lock_depth(), 0);
    check_u64(lares__lock_count() - count, 2);
    lares__mutex_fini(&low);
    lares__mutex_fini(&high);
}

/* How a child ends that holds a lock of one floor and takes one of another. */
static int order_ends(int first, int second, int trying)
{
    const struct rlimit no_core = {0, 0};
    struct lares__mutex a, b;
    pid_t child = fork();
    int status;

    if (child == 0) {
        close(STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        setrlimit(RLIMIT_CORE, &no_core);
        lares__mutex_init(&a, first);
        lares__mutex_init(&b, second);
        lares__mutex_lock(&a);
        if (trying)
            _exit(!lares__mutex_trylock(&b));
        lares__mutex_lock(&b);
        _exit(0);
    }
    check(child > 0);
    check(waitpid(child, &status, 0) == child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
}

static void test_thread__locks_go_down_the_floors(void **state)
{
    (void)state;
    check_i64(order_ends(3, 2, 0), 0);
    check_i64(order_ends(3, 2, 1), 0);
    check_i64(order_ends(3, 3, 0), SIGABRT);
    check_i64(order_ends(3, 4, 0), SIGABRT);
    check_i64(order_ends(0, 8, 1), SIGABRT);
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        heap_test(test_thread__mutex_lets_one_in),
        heap_test(test_thread__trylock_does_not_wait),
        heap_test(test_thread__cond_hands_turns_over),
        heap_test(test_thread__broadcast_wakes_all),
        heap_test(test_thread__wait_ends_at_its_deadline),
        heap_test(test_thread__detached_ends_by_itself),
        heap_test(test_thread__start_without_memory),
#ifndef NDEBUG
        heap_test(test_thread__locks_are_counted),
        heap_test(test_thread__locks_go_down_the_floors),
#endif
    };

    return check_run(tests);
}
