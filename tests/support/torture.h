/* torture.h - a life in steps, of which each allocation fails: once, and from
 * there on.
 *
 * The n-th allocation fails. The step that reports it must leave everything as
 * it was, so the same step, with memory again, succeeds, and the rest of the
 * life comes out as ever.
 */
#ifndef TESTS_TORTURE_H
#define TESTS_TORTURE_H

#include "support/house.h"

/* -- fixture -------------------------------------------------------------- */

/* What lives have in common; a life of more begins with it. */
struct life {
    const char *lanes;   /* NULL: in a world */
    int64_t patience_ms; /* of whoever waits, short while memory is */
    lares_options *options;
    lares_key *key;
    lares_world *world;
    lares_node *node;
    lares_daemon *daemon;
    lares_inbox *inbox;
    lares_events *events;
    lares_rows *rows;
    lares_chain *chain;
    uint64_t sequence; /* of the last output that was read */
    int releases;
    int refused; /* registrations, which release as well */
};

struct step {
    const char *name;
    lares_status (*fn)(struct life *life);
};

struct story {
    const struct step *steps; /* up to one without a name */
    struct life *life;        /* zeroed before each, `size` bytes of it */
    size_t size;
    /* may the step answer this, beside ENOMEM, when memory runs out in it? */
    int (*allows)(const char *step, lares_status rc);
    /* nothing may show that memory was short for a moment */
    void (*judge)(struct life *life);
    void (*end)(struct life *life);
};

static const char torture_seed[32] = "nothing shall be lost, not a bit";

static inline void life_release(void *user)
{
    ((struct life *)user)->releases++;
}

static inline void life_free(struct life *life)
{
    lares_options_free(life->options);
    lares_key_free(life->key);
    lares_daemon_free(life->daemon);
    lares_inbox_free(life->inbox);
    lares_events_free(life->events);
    lares_rows_free(life->rows);
    lares_chain_free(life->chain);
    lares_node_free(life->node);
    lares_world_free(life->world);
}

/* Lets happen what is ready, and what is in so many ms. */
static inline void life_moment(struct life *life, int64_t ms)
{
    lares_status rc = LARES_OK;

    if (life->world != NULL)
        rc = lares_world_run(life->world, ms);
    else if (*life->lanes == '0')
        rc = lares_node_run(life->node, ms);
    else
        nap_ms((int)ms);
    check(rc != LARES_EDEADLK);
}

/* Waits for what another step has asked for. */
static inline lares_status life_await(struct life *life,
                                      int (*holds)(struct life *life))
{
    for (int64_t i = 0; i < life->patience_ms; i++) {
        if (holds(life))
            return LARES_OK;
        life_moment(life, i > 0);
    }
    return LARES_ETIMEDOUT;
}

/* -- steps that many lives take ------------------------------------------- */

/* From pairs of text: all of them, or nothing. */
static inline lares_status options_make(const char *const *pairs,
                                        lares_options **out)
{
    lares_options *set = NULL;
    lares_status rc = lares_options_new(&set);

    for (; rc == LARES_OK && *pairs != NULL; pairs += 2)
        rc = lares_options_set(set, pairs[0], pairs[1]);
    if (rc < 0)
        lares_options_free(set);
    else
        *out = set;
    return rc;
}

static inline lares_status step_options(struct life *life)
{
    const char *const pairs[] = {"lanes",
                                 life->lanes != NULL ? life->lanes : "0", NULL};

    return options_make(pairs, &life->options);
}

static inline lares_status step_key(struct life *life)
{
    return lares_key_new(torture_seed, 32, &life->key);
}

static inline lares_status step_chain(struct life *life)
{
    return lares_chain_new(lares_key_origin(life->key), &life->chain);
}

static inline lares_status step_world(struct life *life)
{
    return life->lanes == NULL ? lares_world_new(1, &life->world) : LARES_OK;
}

static inline lares_status step_node(struct life *life)
{
    if (life->lanes == NULL)
        return lares_world_node(life->world, "east", life->options,
                                &life->node);
    return lares_node_new("east", life->options, &life->node);
}

static inline lares_status step_start(struct life *life)
{
    return lares_node_start(life->node);
}

static inline lares_status step_subscribe(struct life *life)
{
    lares_options_free(life->options);
    life->options = NULL;
    return lares_node_subscribe(life->node, "out", NULL, &life->inbox);
}

static inline lares_status step_stop(struct life *life)
{
    lares_status rc = lares_node_stop(life->node, -1);

    return rc == LARES_OK ? lares_node_wait(life->node, 8000) : rc;
}

/* A table, in place of the one before. */
static inline lares_status life_report(struct life *life, const char *what)
{
    lares_rows_free(life->rows);
    life->rows = NULL;
    return lares_node_report(life->node, what, &life->rows);
}

static inline lares_status read_some(struct life *life)
{
    const lares_event *event;
    lares_events *events = NULL;
    lares_status rc = lares_inbox_next(life->inbox, life->patience_ms, &events);

    if (rc == LARES_ETIMEDOUT && life->world != NULL)
        return lares_world_run(life->world, 100);
    if (rc < 0)
        return rc;
    while ((event = lares_events_next(events)) != NULL) {
        check_ok(lares_chain_check(life->chain, event));
        life->sequence = event->sequence;
    }
    lares_events_free(events);
    return LARES_OK;
}

/* Each output up to this one must come, in order, along the chain. */
static inline lares_status read_until(struct life *life, uint64_t last)
{
    lares_status rc = LARES_OK;

    for (int i = 0; i < 100 && rc == LARES_OK && life->sequence < last; i++)
        rc = read_some(life);
    return rc == LARES_OK && life->sequence < last ? LARES_ETIMEDOUT : rc;
}

/* -- playing -------------------------------------------------------------- */

/* By repetition only: EDOWN ends with a gate that only time opens. */
static inline lares_status step_again(const struct step *step,
                                      struct life *life)
{
    lares_status rc = step->fn(life);

    for (int i = 0; i < 1000 && rc == LARES_EDOWN; i++) {
        life_moment(life, 1);
        rc = step->fn(life);
    }
    return rc;
}

/* A step has failed: for a good reason, and not for good. */
static inline void check_step(const struct story *story,
                              const struct step *step, lares_status rc,
                              struct life *life)
{
    int allowed = rc == LARES_ENOMEM || story->allows(step->name, rc);
    lares_status again = LARES_OK;

    lares__alloc_fail(-1, 0);
    if (rc != LARES_ETIMEDOUT) /* that may be a test's own, who says nothing */
        check(strcmp(lares_error_detail(), "out is NULL") != 0);
    life->patience_ms = 8000;
    if (allowed)
        again = step_again(step, life);
    if (allowed && again == LARES_OK)
        return;
    print_error("%s: %s, then %s\n", step->name, lares_status_name(rc),
                lares_status_name(again));
    check(0);
}

/* Plays it with the n-th allocation failing; 0: it made fewer. */
static inline int play(const struct story *story, const char *lanes, int64_t n,
                       int sticky)
{
    struct life *life = story->life;
    int64_t calls = (int64_t)lares__alloc_count();

    memset(life, 0, story->size);
    life->lanes = lanes;
    life->patience_ms = 100;
    lares__alloc_fail(n, sticky);
    for (const struct step *step = story->steps; step->name != NULL; step++) {
        lares_status rc = lares_options_new(NULL); /* leaves its detail */

        rc = step->fn(life);
        if (rc < 0)
            check_step(story, step, rc, life);
    }
    lares__alloc_fail(-1, 0);
    story->judge(life);
    story->end(life);
    return (int64_t)lares__alloc_count() - calls >= n;
}

/* The last thread may be on its way out yet. */
static inline void check_nothing_left(const char *lanes, int64_t n, int sticky)
{
    for (int i = 0; i < 2000 && !house_empty(); i++)
        nap_ms(1);
    if (!house_empty())
        print_error("lanes %s, allocation %d%s\n", lanes != NULL ? lanes : "",
                    (int)n, sticky ? " and all later" : "");
    check(house_empty());
}

static inline void play_all(const struct story *story, const char *lanes,
                            int sticky, int64_t stride)
{
    int64_t n = 1;

    while (play(story, lanes, n, sticky)) {
        check_nothing_left(lanes, n, sticky);
        n += stride;
    }
    check_nothing_left(lanes, n, sticky);
}

/* Without threads, by itself and in a world. */
static inline void play_alone(const struct story *story, int sticky)
{
    play_all(story, "0", sticky, 1);
    play_all(story, NULL, sticky, 1);
}

/* With threads the n-th is not always the same one: a sample, or all. */
static inline void play_with_a_lane(const struct story *story)
{
    int64_t stride = getenv("LARES_DEEP") != NULL ? 1 : 5;

    play_all(story, "1", 0, stride);
    play_all(story, "1", 1, stride);
}

#endif
