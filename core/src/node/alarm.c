#include "node/alarm.h"

#include "node/lane.h"

#include <string.h>

static const uint64_t retry_ns = 1000000;

/* UINT64_MAX: none is due, ever */
static uint64_t alarm_due(const lares_daemon *daemon)
{
    if (atomic_load_explicit(&daemon->stopping, memory_order_relaxed))
        return UINT64_MAX;
    return lares__timers_due(daemon->host.timers);
}

/* nobody has emitted it, so it is not linked; NULL without memory */
static struct lares__input *firing_input(lares_daemon *daemon,
                                         struct lares__pool_cache *pool,
                                         const struct lares__firing *firing)
{
    struct lares__envelope *event =
        lares__envelope_new(pool, firing->len, "", 0);

    if (event == NULL)
        return NULL;
    event->link = (struct lares__link){.sequence = firing->id};
    event->hash = 0;
    event->received_at = lares__node_wall(daemon->node);
    if (firing->len > 0)
        memcpy(event->data, firing->data, firing->len);
    event->input = (struct lares__input){
        .event = event, .to = daemon, .flags = LARES__INPUT_FIRING};
    return &event->input;
}

uint64_t lares__alarm_fire(lares_daemon *daemon, struct lares__runner *runner)
{
    struct lares__timers *timers = daemon->host.timers;
    struct lares__firing firing;
    uint64_t now;

    if (alarm_due(daemon) == UINT64_MAX)
        return 0;
    now = lares__node_now(daemon->node);
    while (lares__timers_find(timers, now, &firing)) {
        struct lares__input *input =
            firing_input(daemon, &runner->publisher.pool, &firing);

        if (input == NULL)
            return now + retry_ns;
        lares__timers_fired(timers, firing.id);
        lares__daemon_append(daemon, input);
    }
    return 0;
}

/* 1: the lane is to look earlier than it knew */
static int alarm_move(lares_daemon *daemon, uint64_t earliest)
{
    uint64_t due = alarm_due(daemon);

    return due != UINT64_MAX &&
           lares__lane_gate_by(lares__daemon_lane(daemon), &daemon->gate,
                               due > earliest ? due : earliest);
}

void lares__alarm_set(lares_daemon *daemon, uint64_t earliest)
{
    (void)alarm_move(daemon, earliest);
}

void lares__alarm_tell(lares_daemon *daemon)
{
    if (alarm_move(daemon, 0))
        lares__daemon_poke(daemon);
}
