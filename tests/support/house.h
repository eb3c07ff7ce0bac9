/* house.h - after a test the process is as it was before: no block, thread,
 * descriptor or held lock is left.
 *
 * For tests that are linked with the core's objects.
 */
#ifndef TESTS_HOUSE_H
#define TESTS_HOUSE_H

#include "support/heap.h"
#include "support/node.h"

#include "base/pool.h"
#include "base/thread.h"

#include <fcntl.h>
#include <sys/stat.h>

static int house_threads, house_fds;

/* Neither opens a descriptor: a sanitizer takes one for that of a loop. */
static inline int threads_count(void)
{
    struct stat task;

    check(stat("/proc/self/task", &task) == 0);
    return (int)task.st_nlink - 2; /* each is a folder in it */
}

static inline int fds_count(void)
{
    int count = 0;

    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static inline void *house_idle(void *arg)
{
    return arg;
}

/* With the first loop of a process libuv opens a pipe, and with the first
 * thread a sanitizer starts one of its own. */
static inline void house_warm(void)
{
    static int warm;
    pthread_t thread;

    if (warm)
        return;
    warm = 1;
    node_close(node_open("0"));
    check(pthread_create(&thread, NULL, house_idle, NULL) == 0);
    check(pthread_join(thread, NULL) == 0);
}

static inline int house_setup(void **state)
{
    house_warm();
    house_threads = threads_count();
    house_fds = fds_count();
    return heap_setup(state);
}

/* A thread is counted until the kernel has buried it, also as we begin. */
static inline int threads_left(void)
{
    int left = threads_count() - house_threads;

    return left > 0 ? left : 0;
}

/* A detached thread may still be on its way out, with the last reference. */
static inline int house_empty(void)
{
    lares__pool_trim();
    return lares__alloc_living() == heap_baseline && threads_left() == 0 &&
           fds_count() == house_fds;
}

static inline int house_teardown(void **state)
{
    for (int i = 0; i < 2000 && !house_empty(); i++)
        nap_ms(1);
    if (threads_left() != 0 || fds_count() != house_fds) {
        print_error("%d threads, %d descriptors more than before\n",
                    threads_left(), fds_count() - house_fds);
        return 1;
    }
#ifndef NDEBUG
    if (lares__lock_depth() != 0)
        return 1;
#endif
    return heap_teardown(state);
}

#define house_test(test)                                                       \
    cmocka_unit_test_setup_teardown(test, house_setup, house_teardown)

/* Locks that the thread holds: 0 in builds that do not count them. */
static inline int locks_held(void)
{
#ifndef NDEBUG
    return lares__lock_depth();
#else
    return 0;
#endif
}

/* Locks taken so far by the process: 0 in builds that do not count them. */
static inline uint64_t locks_taken(void)
{
#ifndef NDEBUG
    return lares__lock_count();
#else
    return 0;
#endif
}

#endif
