#include "bus/publish.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"
#include "bus/route.h"

#include <assert.h>
#include <string.h>

/* Design notes
 * - Look, then reserve: looking is loads only, so a publisher that finds
 *   somebody full has disturbed nobody. Reserving is one compare-and-swap per
 *   receiver, in rising order of their numbers; who finds no space after all
 *   gives back and looks again.
 * - What could fail (an input for each further receiver) is had before the
 *   event is linked: an event that has a sequence always reaches its
 *   receivers.
 * - Inputs are collected per lane, newest first, and pushed once. */

enum {
    ROUTE_BUCKETS = 256,
    ROUTES_MAX = 1024, /* then all are forgotten */
    RUN_MAX = 64       /* outputs reserved at once */
};

lares_status lares__publisher_init(struct lares__publisher *publisher,
                                   struct lares__bus *bus, uint32_t lanes)
{
    memset(publisher, 0, sizeof *publisher);
    publisher->bus = bus;
    publisher->lanes = lanes;
    publisher->pending = lares__calloc(lanes, sizeof *publisher->pending);
    publisher->table = lares__calloc(ROUTE_BUCKETS, sizeof *publisher->table);
    if (publisher->pending != NULL && publisher->table != NULL)
        return LARES_OK;
    lares__free(publisher->pending);
    lares__free(publisher->table);
    return LARES_ENOMEM;
}

void lares__publisher_forget(struct lares__publisher *publisher)
{
    for (uint32_t i = 0; i < ROUTE_BUCKETS; i++)
        while (publisher->table[i] != NULL) {
            struct lares__route *route = publisher->table[i];

            publisher->table[i] = route->next;
            lares__route_free(route);
        }
    publisher->routes = 0;
    publisher->last = NULL;
}

void lares__publisher_fini(struct lares__publisher *publisher)
{
    lares__publisher_forget(publisher);
    lares__pool_flush(&publisher->pool);
    lares__free(publisher->table);
    lares__free(publisher->pending);
    lares__free(publisher->chosen);
}

/* -- routes --------------------------------------------------------------- */

static lares_status route_make(struct lares__publisher *publisher,
                               const char *channel, size_t len, uint64_t hash,
                               struct lares__route **out)
{
    struct lares__route **bucket;
    lares_status rc;

    if (publisher->routes == ROUTES_MAX)
        lares__publisher_forget(publisher);
    rc = lares__route_new(publisher->bus, channel, len, hash, out);
    if (rc < 0)
        return rc;
    bucket = &publisher->table[hash % ROUTE_BUCKETS];
    (*out)->next = *bucket;
    *bucket = *out;
    publisher->routes++;
    return LARES_OK;
}

static int route_is(const struct lares__route *route, const char *channel,
                    size_t len)
{
    return route->len == len && memcmp(route->channel, channel, len) == 0;
}

/* hot path: the channel of last time needs no hash */
static lares_status route_find(struct lares__publisher *publisher,
                               const char *channel, size_t len,
                               struct lares__route **out)
{
    unsigned long long generation =
        atomic_load_explicit(&publisher->bus->generation, memory_order_acquire);
    struct lares__route *route;
    uint64_t hash;

    if (generation != publisher->generation) {
        lares__publisher_forget(publisher);
        publisher->generation = generation;
    }
    if (publisher->last != NULL && route_is(publisher->last, channel, len)) {
        *out = publisher->last;
        return LARES_OK;
    }
    hash = lares__hash64(channel, len);
    for (route = publisher->table[hash % ROUTE_BUCKETS]; route != NULL;
         route = route->next)
        if (route->hash == hash && route_is(route, channel, len))
            break;
    if (route == NULL) {
        lares_status rc = route_make(publisher, channel, len, hash, &route);

        if (rc < 0)
            return rc;
    }
    publisher->last = route;
    *out = route;
    return LARES_OK;
}

/* -- choose and look ------------------------------------------------------ */

static lares_status chosen_reserve(struct lares__publisher *publisher,
                                   uint32_t room)
{
    struct lares__receiver **chosen;

    if (room <= publisher->chosen_room)
        return LARES_OK;
    chosen = lares__realloc(publisher->chosen, room * sizeof *chosen);
    if (chosen == NULL)
        return LARES_ENOMEM;
    publisher->chosen = chosen;
    publisher->chosen_room = room;
    return LARES_OK;
}

/* Somebody counts whom the event must reach: is there space? */
static lares_status choose(struct lares__publisher *publisher,
                           struct lares__receiver *receiver,
                           const struct lares__address *address, uint32_t units,
                           struct lares__receiver **full_out)
{
    enum lares__room room =
        lares__receiver_look(receiver, units, address->first == receiver);

    if (room == LARES__CLOSED)
        return LARES_OK;
    if (room == LARES__ROOM) {
        publisher->chosen[publisher->chosen_count++] = receiver;
        return LARES_OK;
    }
    if (atomic_load_explicit(&receiver->posture, memory_order_relaxed) ==
        LARES__SICK) {
        publisher->chosen[publisher->chosen_room - ++publisher->sick_count] =
            receiver;
        return LARES_OK;
    }
    *full_out = receiver;
    return LARES_EAGAIN;
}

static int member_ready(const struct lares__receiver *member, uint32_t units,
                        const struct lares__address *address)
{
    return atomic_load_explicit(&member->posture, memory_order_relaxed) ==
               LARES__RUNNING &&
           lares__receiver_look(member, units, address->first == member) ==
               LARES__ROOM;
}

/* The member whose turn it is, or the next that is ready; if none is, the one
 * whose turn it is counts. NULL: all are closed, or it is the sender alone. The
 * turn moves on when the event is let in. */
static struct lares__receiver *
group_choose(struct lares__route_group *group,
             const struct lares__address *address, uint32_t units)
{
    struct lares__receiver *chosen = NULL;
    int ready = 0;

    group->next = group->turn;
    for (uint32_t i = 0; i < group->count && !ready; i++) {
        uint32_t turn = (group->turn + i) % group->count;
        struct lares__receiver *member = group->members[turn];

        if (member == address->self || lares__receiver_closed(member))
            continue;
        ready = member_ready(member, units, address);
        if (ready || chosen == NULL) {
            chosen = member;
            group->next = turn + 1;
        }
    }
    return chosen;
}

/* by another group: it gets the event once all the same */
static int is_chosen(const struct lares__publisher *publisher,
                     const struct lares__receiver *receiver)
{
    for (uint32_t i = 0; i < publisher->chosen_count; i++)
        if (publisher->chosen[i] == receiver)
            return 1;
    for (uint32_t i = 1; i <= publisher->sick_count; i++)
        if (publisher->chosen[publisher->chosen_room - i] == receiver)
            return 1;
    return 0;
}

static lares_status look_route(struct lares__publisher *publisher,
                               struct lares__route *route,
                               const struct lares__address *address,
                               uint32_t units,
                               struct lares__receiver **full_out)
{
    lares_status rc =
        chosen_reserve(publisher, route->plain_count + route->group_count);

    for (uint32_t i = 0; rc == LARES_OK && i < route->plain_count; i++)
        if (route->plain[i] != address->self)
            rc = choose(publisher, route->plain[i], address, units, full_out);
    for (uint32_t g = 0; rc == LARES_OK && g < route->group_count; g++) {
        struct lares__receiver *member =
            group_choose(&route->groups[g], address, units);

        if (member != NULL && (g == 0 || !is_chosen(publisher, member)))
            rc = choose(publisher, member, address, units, full_out);
    }
    return rc;
}

static void route_turn(struct lares__route *route)
{
    for (uint32_t g = 0; g < route->group_count; g++)
        route->groups[g].turn = route->groups[g].next;
}

static lares_status look_one(struct lares__publisher *publisher,
                             const struct lares__address *address,
                             uint32_t units, struct lares__receiver **full_out)
{
    struct lares__receiver *to = address->to;
    lares_status rc = chosen_reserve(publisher, 1);

    if (rc == LARES_OK)
        rc = choose(publisher, to, address, units, full_out);
    if (rc < 0 || publisher->chosen_count == 1)
        return rc;
    if (publisher->sick_count == 0)
        return lares__error(LARES_ECLOSED, "daemon '%s' has ended", to->name);
    return lares__error(LARES_EDOWN, "daemon '%s' keeps failing and is full",
                        to->name);
}

/* -- reserve -------------------------------------------------------------- */

static void extra_free(struct lares__publisher *publisher)
{
    while (publisher->extra != NULL) {
        struct lares__input *input = publisher->extra;

        publisher->extra = input->next;
        lares__pool_put(&publisher->pool, 0, input);
    }
}

static lares_status extra_reserve(struct lares__publisher *publisher)
{
    for (uint32_t i = 1; i < publisher->chosen_count; i++) {
        struct lares__input *input = lares__input_new(&publisher->pool);

        if (input == NULL) {
            extra_free(publisher);
            return LARES_ENOMEM;
        }
        input->next = publisher->extra;
        publisher->extra = input;
    }
    return LARES_OK;
}

static void give_back(struct lares__publisher *publisher, uint32_t count,
                      uint32_t units)
{
    for (uint32_t i = 0; i < count; i++) {
        struct lares__receiver *receiver = publisher->chosen[i];

        lares__receiver_give_back(receiver, units);
        if (atomic_load_explicit(&receiver->waiting, memory_order_seq_cst) > 0)
            lares__bus_room(publisher->bus, receiver);
    }
}

/* 0: somebody found no space after all, and nothing is reserved */
static int reserve_chosen(struct lares__publisher *publisher,
                          const struct lares__address *address, uint32_t units)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < publisher->chosen_count; i++) {
        struct lares__receiver *receiver = publisher->chosen[i];

        switch (lares__receiver_reserve(receiver, 1, units,
                                        address->first == receiver)) {
        case LARES__ROOM:
            publisher->chosen[kept++] = receiver;
            break;
        case LARES__FULL:
            give_back(publisher, kept, units);
            return 0;
        case LARES__CLOSED: /* is no receiver any more */
            break;
        }
    }
    publisher->chosen_count = kept;
    return 1;
}

lares_status lares__publish_reserve(struct lares__publisher *publisher,
                                    const struct lares__address *address,
                                    size_t len,
                                    struct lares__receiver **full_out)
{
    uint32_t units = lares__cost(len);
    struct lares__route *route = NULL;
    lares_status rc = LARES_OK;

    if (address->to == NULL)
        rc = route_find(publisher, address->channel, address->channel_len,
                        &route);
    if (rc < 0)
        return rc;
    for (;;) {
        publisher->chosen_count = 0;
        publisher->sick_count = 0;
        rc = route != NULL
                 ? look_route(publisher, route, address, units, full_out)
                 : look_one(publisher, address, units, full_out);
        if (rc < 0)
            return rc;
        rc = extra_reserve(publisher);
        if (rc < 0)
            return rc;
        if (reserve_chosen(publisher, address, units))
            break;
        extra_free(publisher);
    }
    if (route != NULL)
        route_turn(route);
    if (address->to != NULL && publisher->chosen_count == 0)
        return lares__error(LARES_ECLOSED, "daemon '%s' has ended",
                            address->to->name);
    return LARES_OK;
}

/* -- queue ---------------------------------------------------------------- */

static void pending_add(struct lares__publisher *publisher,
                        struct lares__queue *queue, struct lares__input *input)
{
    struct lares__pending *pending = &publisher->pending[queue->number];

    input->next = pending->newest;
    if (pending->newest == NULL) {
        pending->queue = queue;
        pending->oldest = input;
    }
    pending->newest = input;
}

static void input_fill(struct lares__input *input,
                       struct lares__receiver *receiver,
                       struct lares__envelope *event,
                       struct lares__reply *reply)
{
    input->event = event;
    input->to = receiver;
    input->reply = reply;
    input->arrival = 0;
    input->cost = lares__cost(event->len);
    input->outputs = 0;
}

struct lares__receiver *
lares__publish_sole(const struct lares__publisher *publisher,
                    const char *channel, size_t *len_out)
{
    const struct lares__route *last = publisher->last;

    if (last == NULL || last->sole == NULL ||
        strcmp(last->channel, channel) != 0 ||
        publisher->generation !=
            atomic_load_explicit(&publisher->bus->generation,
                                 memory_order_acquire))
        return NULL;
    *len_out = last->len;
    return last->sole;
}

void lares__publish_post(struct lares__receiver *receiver,
                         struct lares__envelope *event,
                         struct lares__reply *reply)
{
    event->input.flags = 0;
    input_fill(&event->input, receiver, event, reply);
    lares__queue_push(receiver->queue, &event->input, &event->input);
}

static void post(struct lares__publisher *publisher,
                 struct lares__receiver *receiver, struct lares__input *input,
                 struct lares__envelope *event, struct lares__reply *reply)
{
    input_fill(input, receiver, event, reply);
    if (receiver->queue != NULL)
        pending_add(publisher, receiver->queue, input);
    else
        receiver->ops->accept(receiver, input);
}

static void letter_full(struct lares__publisher *publisher,
                        const struct lares__receiver *receiver,
                        const struct lares__envelope *event)
{
    struct lares__letter letter = {
        .reason = LARES__LETTER_FULL,
        .time = event->received_at,
        .channel = lares__envelope_channel(event),
        .receiver = receiver->origin,
        .name = receiver->name,
        .origin = event->link.origin,
        .sequence = event->link.sequence,
        .data = event->data,
        .len = event->len,
        .text = "its mailbox is full, and it keeps failing",
    };

    lares__letters_add(&publisher->bus->letters, &letter);
}

/* hot path: reference counts are stored before anything is visible */
void lares__publish_queue(struct lares__publisher *publisher,
                          struct lares__envelope *event,
                          struct lares__reply *reply)
{
    uint32_t count = publisher->chosen_count;

    for (uint32_t i = 1; i <= publisher->sick_count; i++)
        letter_full(publisher, publisher->chosen[publisher->chosen_room - i],
                    event);
    if (count == 0) {
        extra_free(publisher); /* of receivers that closed meanwhile */
        lares__envelope_release(event, &publisher->pool);
        return;
    }
    if (count > 1)
        lares__envelope_retain(event, count - 1);
    event->input.flags = 0;
    for (uint32_t i = 1; i < count; i++) {
        struct lares__input *input = publisher->extra;

        publisher->extra = input->next;
        post(publisher, publisher->chosen[i], input, event, NULL);
    }
    extra_free(publisher); /* likewise */
    post(publisher, publisher->chosen[0], &event->input, event, reply);
}

static struct lares__input *reversed(struct lares__input *newest)
{
    struct lares__input *oldest = NULL;

    while (newest != NULL) {
        struct lares__input *next = newest->next;

        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    return oldest;
}

void lares__publish_flush(struct lares__publisher *publisher)
{
    for (uint32_t i = 0; i < publisher->lanes; i++) {
        struct lares__pending *pending = &publisher->pending[i];
        struct lares__input *newest = pending->newest;

        if (newest == NULL)
            continue;
        pending->newest = NULL;
        if (pending->queue == publisher->own)
            publisher->append(publisher->own, reversed(newest));
        else
            lares__queue_push(pending->queue, newest, pending->oldest);
    }
}

/* -- outputs of daemons --------------------------------------------------- */

static struct lares__address
output_address(const struct lares__envelope *output,
               const struct lares__receiver *self,
               const struct lares__receiver *first)
{
    return (struct lares__address){
        .channel = (const char *)output->data + output->len,
        .channel_len = output->channel_len,
        .self = self,
        .first = first,
    };
}

/* how many outputs from `first` on go where it goes, and what they cost */
static uint32_t outputs_run(const struct lares__envelope *first,
                            uint32_t *units)
{
    const char *channel = (const char *)first->data + first->len;
    uint32_t count = 1;

    *units = lares__cost(first->len);
    for (const struct lares__envelope *output = first->next;
         output != NULL && count < RUN_MAX; output = output->next) {
        if (output->channel_len != first->channel_len ||
            memcmp(output->data + output->len, channel, first->channel_len) !=
                0)
            break;
        *units += lares__cost(output->len);
        count++;
    }
    return count;
}

/* Outputs for one receiver with space for all of them: one compare-and-swap.
 * 1: all that go there are queued. 0: none, and another way must be tried. */
static int outputs_at_once(struct lares__publisher *publisher,
                           struct lares__envelope **first,
                           const struct lares__receiver *self)
{
    struct lares__envelope *output = *first;
    struct lares__route *route;
    uint32_t units;
    uint32_t count = outputs_run(output, &units);

    if (route_find(publisher, (const char *)output->data + output->len,
                   output->channel_len, &route) < 0 ||
        route->sole == NULL || route->sole == self ||
        lares__receiver_reserve(route->sole, count, units, 0) != LARES__ROOM)
        return 0;
    for (uint32_t i = 0; i < count; i++) {
        struct lares__envelope *next = output->next;

        output->input.flags = 0;
        post(publisher, route->sole, &output->input, output, NULL);
        output = next;
    }
    *first = output;
    return 1;
}

struct lares__envelope *lares__publish_outputs(
    struct lares__publisher *publisher, struct lares__envelope *first,
    struct lares__receiver *self, const struct lares__receiver *first_at,
    struct lares__receiver **full_out)
{
    while (first != NULL) {
        struct lares__envelope *next = first->next;
        struct lares__address address;

        if (first->channel_len == 0) {
            lares__envelope_release(first, &publisher->pool);
            first = next;
            continue;
        }
        if (first_at == NULL && outputs_at_once(publisher, &first, self))
            continue;
        address = output_address(first, self, first_at);
        if (lares__publish_reserve(publisher, &address, first->len, full_out) <
            0)
            break;
        lares__publish_queue(publisher, first, NULL);
        first = next;
    }
    lares__publish_flush(publisher);
    return first;
}
