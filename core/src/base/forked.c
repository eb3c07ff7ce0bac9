#include "base/forked.h"

#include "base/error.h"

#include <pthread.h>
#include <stdatomic.h>

static atomic_int forked;
static pthread_once_t armed = PTHREAD_ONCE_INIT;

static void forked_child(void)
{
    atomic_store_explicit(&forked, 1, memory_order_relaxed);
}

static void forked_register(void)
{
    pthread_atfork(NULL, NULL, forked_child);
}

void lares__forked_arm(void)
{
    pthread_once(&armed, forked_register);
}

int lares__forked(void)
{
    return atomic_load_explicit(&forked, memory_order_relaxed);
}

int lares__refused(void)
{
    lares__error_clear();
    return lares__forked();
}

lares_status lares__forked_refuse(void)
{
    return lares__error(LARES_EFORKED,
                        "a child of fork cannot use what its parent made");
}
