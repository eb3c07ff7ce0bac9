#include "io/sim/sim_world.h"

#include "base/alloc.h"
#include "base/little.h"

#include <assert.h>
#include <stdatomic.h>

/* Where the clocks of every world begin. Neither is 0, so nobody can take the
 * first instant for "never"; and they differ, so nobody can mix them up. */
static const uint64_t now_first = 1000000000;
static const uint64_t wall_first = 1700000000000000000;

/* any thread may read the clock and draw while another lets time pass */
struct lares__sim {
    atomic_uint refs;
    _Atomic uint64_t now;
    _Atomic uint64_t state; /* of the generator */
};

struct sim_io {
    struct lares__io io; /* first: the address of both is the same */
    struct lares__sim *sim;
    atomic_int woken;
};

lares_status lares__sim_new(uint64_t seed, struct lares__sim **out)
{
    struct lares__sim *sim = lares__alloc(sizeof *sim);

    if (sim == NULL)
        return LARES_ENOMEM;
    atomic_init(&sim->refs, 1);
    atomic_init(&sim->now, now_first);
    atomic_init(&sim->state, seed);
    *out = sim;
    return LARES_OK;
}

struct lares__sim *lares__sim_retain(struct lares__sim *sim)
{
    atomic_fetch_add_explicit(&sim->refs, 1, memory_order_relaxed);
    return sim;
}

void lares__sim_release(struct lares__sim *sim)
{
    if (sim != NULL && atomic_fetch_sub(&sim->refs, 1) == 1)
        lares__free(sim);
}

uint64_t lares__sim_now(const struct lares__sim *sim)
{
    return atomic_load_explicit(&sim->now, memory_order_relaxed);
}

void lares__sim_advance(struct lares__sim *sim, uint64_t to_ns)
{
    assert(to_ns >= lares__sim_now(sim));
    atomic_store_explicit(&sim->now, to_ns, memory_order_relaxed);
}

/* SplitMix64: every seed is a good one, and one addition makes a draw, so that
 * threads need no lock */
static uint64_t sim_draw(struct lares__sim *sim)
{
    const uint64_t step = 0x9e3779b97f4a7c15;
    uint64_t z = atomic_fetch_add(&sim->state, step) + step;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static struct lares__sim *sim_of(struct lares__io *io)
{
    return ((struct sim_io *)io)->sim;
}

static uint64_t sim_io_now(struct lares__io *io)
{
    return lares__sim_now(sim_of(io));
}

static uint64_t sim_io_wall(struct lares__io *io)
{
    return wall_first + (lares__sim_now(sim_of(io)) - now_first);
}

static lares_status sim_io_entropy(struct lares__io *io, void *out, size_t len)
{
    uint8_t *at = out;

    while (len > 0) {
        uint8_t drawn[8];
        size_t take = len < sizeof drawn ? len : sizeof drawn;

        lares__little_set_u64(drawn, sim_draw(sim_of(io)));
        memcpy(at, drawn, take);
        at += take;
        len -= take;
    }
    return LARES_OK;
}

static lares_status sim_io_wait(struct lares__io *io, uint64_t deadline_ns)
{
    struct sim_io *sim_io = (struct sim_io *)io;

    (void)deadline_ns; /* the world moves the clock, not who waits */
    return atomic_exchange(&sim_io->woken, 0) ? LARES_OK : LARES_ETIMEDOUT;
}

static void sim_io_wake(struct lares__io *io)
{
    atomic_store(&((struct sim_io *)io)->woken, 1);
}

static void sim_io_close(struct lares__io *io)
{
    lares__sim_release(sim_of(io));
    lares__free(io);
}

static const struct lares__io_ops sim_io_ops = {
    .now = sim_io_now,
    .wall = sim_io_wall,
    .entropy = sim_io_entropy,
    .wait = sim_io_wait,
    .wake = sim_io_wake,
    .close = sim_io_close,
};

lares_status lares__sim_io(struct lares__sim *sim, struct lares__io **out)
{
    struct sim_io *sim_io = lares__alloc(sizeof *sim_io);

    if (sim_io == NULL)
        return LARES_ENOMEM;
    sim_io->io.ops = &sim_io_ops;
    sim_io->sim = lares__sim_retain(sim);
    atomic_init(&sim_io->woken, 0);
    *out = &sim_io->io;
    return LARES_OK;
}
