#include "bus/route.h"

#include "base/alloc.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* one entry of the table that matches */
struct match {
    struct lares__receiver *receiver;
    const char *group; /* NULL: plain; owned by the table */
};

struct matches {
    struct match *items;
    uint32_t count;
    uint32_t room;
};

static lares_status matches_add(void *context, void *receiver,
                                const char *group)
{
    struct matches *matches = context;

    if (matches->count == matches->room) {
        uint32_t room = matches->room == 0 ? 16 : matches->room * 2;
        struct match *items =
            lares__realloc(matches->items, room * sizeof *items);

        if (items == NULL)
            return LARES_ENOMEM;
        matches->items = items;
        matches->room = room;
    }
    if (group != NULL && *group == '\0')
        group = NULL;
    matches->items[matches->count++] = (struct match){receiver, group};
    return LARES_OK;
}

static int receiver_order(const struct lares__receiver *a,
                          const struct lares__receiver *b)
{
    return a->number < b->number ? -1 : a->number > b->number;
}

/* plain ones first, then by group; within each by the receiver's number */
static int match_order(const void *left, const void *right)
{
    const struct match *a = left;
    const struct match *b = right;

    if ((a->group == NULL) != (b->group == NULL))
        return a->group == NULL ? -1 : 1;
    if (a->group != NULL && strcmp(a->group, b->group) != 0)
        return strcmp(a->group, b->group);
    return receiver_order(a->receiver, b->receiver);
}

static int plain_find(const struct lares__route *route,
                      const struct lares__receiver *receiver)
{
    for (uint32_t i = 0; i < route->plain_count; i++)
        if (route->plain[i] == receiver)
            return 1;
    return 0;
}

static struct lares__route_group *route_group(struct lares__route *route,
                                              const char *name,
                                              struct lares__receiver **members)
{
    struct lares__route_group *group;

    if (route->group_count > 0) {
        group = &route->groups[route->group_count - 1];
        if (strcmp(group->name, name) == 0)
            return group;
    }
    group = &route->groups[route->group_count++];
    *group = (struct lares__route_group){.members = members, .name = name};
    return group;
}

/* the matches are sorted, so doubles and groups are neighbours */
static void route_fill(struct lares__route *route,
                       struct lares__receiver **places,
                       const struct matches *matches)
{
    struct lares__receiver **place = places;

    route->plain = places;
    for (uint32_t i = 0; i < matches->count; i++) {
        const struct match *match = &matches->items[i];
        struct lares__route_group *group;

        if (match->group == NULL) {
            if (route->plain_count > 0 && place[-1] == match->receiver)
                continue;
            route->plain_count++;
        } else {
            if (plain_find(route, match->receiver))
                continue; /* who matches plainly is no member */
            group = route_group(route, match->group, place);
            if (group->count > 0 && place[-1] == match->receiver)
                continue;
            group->count++;
        }
        lares__receiver_retain(match->receiver);
        *place++ = match->receiver;
    }
}

/* Members that share many channels by a wildcard must not all begin with the
 * same one: the channel's name says where its turn begins. */
static void route_begin(struct lares__route *route)
{
    for (uint32_t g = 0; g < route->group_count; g++)
        route->groups[g].turn =
            (uint32_t)(route->hash % route->groups[g].count);
}

static struct lares__route *route_alloc(const struct matches *matches,
                                        const char *channel, size_t len)
{
    struct lares__route *route = lares__calloc(1, sizeof *route);

    if (route == NULL)
        return NULL;
    route->channel = lares__alloc(len + 1);
    route->plain = lares__calloc(matches->count, sizeof *route->plain);
    route->groups = lares__calloc(matches->count, sizeof *route->groups);
    if (route->channel == NULL || route->plain == NULL ||
        route->groups == NULL) {
        lares__route_free(route);
        return NULL;
    }
    memcpy(route->channel, channel, len);
    route->channel[len] = '\0';
    route->len = len;
    return route;
}

lares_status lares__route_new(struct lares__bus *bus, const char *channel,
                              size_t len, uint64_t hash,
                              struct lares__route **out)
{
    struct matches matches = {NULL, 0, 0};
    struct lares__route *route = NULL;
    lares_status rc;

    lares__mutex_lock(&bus->lock);
    rc =
        lares__subscriptions_match(&bus->table, channel, matches_add, &matches);
    if (rc == LARES_OK && (route = route_alloc(&matches, channel, len)) == NULL)
        rc = LARES_ENOMEM;
    if (rc == LARES_OK) {
        if (matches.count > 1)
            qsort(matches.items, matches.count, sizeof *matches.items,
                  match_order);
        route_fill(route, route->plain, &matches);
        if (route->plain_count == 1 && route->group_count == 0 &&
            route->plain[0]->queue != NULL)
            route->sole = route->plain[0];
        route->hash = hash;
        route_begin(route);
        *out = route;
    }
    lares__mutex_unlock(&bus->lock);
    lares__free(matches.items);
    return rc;
}

void lares__route_free(struct lares__route *route)
{
    if (route == NULL)
        return;
    for (uint32_t i = 0; i < route->plain_count; i++)
        lares__receiver_release(route->plain[i]);
    for (uint32_t g = 0; g < route->group_count; g++)
        for (uint32_t i = 0; i < route->groups[g].count; i++)
            lares__receiver_release(route->groups[g].members[i]);
    lares__free(route->groups);
    lares__free(route->plain);
    lares__free(route->channel);
    lares__free(route);
}
