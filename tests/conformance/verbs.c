#include "verbs.h"

#include "kinds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    WAIT_MS = 30000
};

/* What the first word behind the verb names. */
static struct thing *play_thing(struct play *play)
{
    return thing_get(&play->things, play->words[1].data);
}

static lares_status verb_world(struct play *play)
{
    return lares_world_new(strtoull(play->words[1].data, NULL, 10),
                           &play->world);
}

static lares_status node_open(const char *name, lares_options *options,
                              lares_node **out)
{
    lares_status rc;

    lares_options_set(options, "lanes", "0");
    rc = lares_node_new(name, options, out);
    return rc == LARES_OK ? lares_node_start(*out) : rc;
}

static lares_status verb_node(struct play *play)
{
    const char *name = play->words[1].data;
    lares_node **out = &play_thing(play)->node;
    lares_status rc;

    rc = play->world != NULL
             ? lares_world_node(play->world, name, play->options, out)
             : node_open(name, play->options, out);
    play->node = *out;
    return rc;
}

static lares_status verb_kind(struct play *play)
{
    return kind_register(play->node, play->words[1].data, play->options);
}

/* The key's seed is the daemon's name, padded with zeros. */
static lares_status verb_spawn(struct play *play)
{
    const struct word *name = &play->words[1];
    struct thing *thing = play_thing(play);
    char seed[32] = {0};
    lares_key *key;
    lares_status rc;

    memcpy(seed, name->data, name->len);
    rc = lares_key_new(seed, sizeof seed, &key);
    if (rc < 0)
        return rc;
    thing->origin = lares_key_origin(key);
    lares_options_set(play->options, "name", name->data);
    rc = lares_node_spawn(play->node, play->words[2].data, key, play->options,
                          &thing->daemon);
    lares_key_free(key);
    return rc;
}

static lares_status verb_deliver(struct play *play)
{
    const struct word *input = &play->words[2];
    lares_events *events;
    lares_status rc;

    rc = lares_daemon_deliver(play_thing(play)->daemon, input->data, input->len,
                              WAIT_MS, &events);
    if (rc == LARES_OK)
        things_show(&play->things, events, play->results);
    return rc;
}

static lares_status verb_send(struct play *play)
{
    return lares_daemon_send(play_thing(play)->daemon, play->words[2].data,
                             play->words[2].len, 0);
}

static lares_status verb_publish(struct play *play)
{
    return lares_node_publish(play->node, play->words[1].data,
                              play->words[2].data, play->words[2].len, 0);
}

static lares_status verb_subscribe(struct play *play)
{
    return lares_daemon_subscribe(play_thing(play)->daemon, play->words[2].data,
                                  play->words[3].data);
}

static lares_status verb_unsubscribe(struct play *play)
{
    return lares_daemon_unsubscribe(play_thing(play)->daemon,
                                    play->words[2].data, play->words[3].data);
}

static lares_status verb_inbox(struct play *play)
{
    return lares_node_subscribe(play->node, play->words[2].data, play->options,
                                &play_thing(play)->inbox);
}

static lares_status verb_run(struct play *play)
{
    const char *time = play->words[1].data;
    char *unit = NULL;
    int64_t ms = time != NULL ? strtoll(time, &unit, 10) : 0;
    lares_status rc;

    if (time != NULL && strcmp(unit, "s") == 0)
        ms *= 1000;
    if (play->world != NULL)
        return lares_world_run(play->world, ms);
    rc = lares_node_run(play->node, 0);
    return rc == LARES_ETIMEDOUT ? LARES_OK : rc;
}

static lares_status verb_next(struct play *play)
{
    lares_events *events;
    lares_status rc;

    while ((rc = lares_inbox_next(play_thing(play)->inbox, 0, &events)) ==
           LARES_OK)
        things_show(&play->things, events, play->results);
    return rc == LARES_ETIMEDOUT ? LARES_OK : rc;
}

static lares_status verb_stop(struct play *play)
{
    struct thing *thing = play_thing(play);
    lares_status rc;

    if (thing->node == NULL)
        return lares_daemon_stop(thing->daemon, WAIT_MS);
    rc = lares_node_stop(thing->node, WAIT_MS);
    return rc == LARES_OK ? lares_node_wait(thing->node, -1) : rc;
}

static lares_status verb_free(struct play *play)
{
    thing_free_tickets(play_thing(play));
    return LARES_OK;
}

static lares_status verb_check(struct play *play)
{
    size_t count;
    lares_status rc = thing_check(play_thing(play), &count);

    if (rc == LARES_OK)
        text_add(play->results, "= %zu OK\n", count);
    return rc;
}

static lares_status verb_report(struct play *play)
{
    const char *wanted = play->words[2].data;
    size_t before = play->results->len;
    const char *name;
    lares_rows *rows;
    lares_status rc;

    rc = lares_node_report(play->node, play->words[1].data, &rows);
    if (rc < 0)
        return rc;
    while (lares_rows_next(rows) == LARES_OK)
        if (lares_rows_text(rows, "name", &name) == LARES_OK &&
            strcmp(name, wanted) == 0)
            text_add_row(play->results, rows, &play->words[3]);
    lares_rows_free(rows);
    return play->results->len > before ? LARES_OK : LARES_ENOTFOUND;
}

static const struct {
    const char *name;
    lares_status (*play)(struct play *play);
} verbs[] = {
    {"world",       verb_world      },
    {"node",        verb_node       },
    {"kind",        verb_kind       },
    {"spawn",       verb_spawn      },
    {"deliver",     verb_deliver    },
    {"send",        verb_send       },
    {"publish",     verb_publish    },
    {"subscribe",   verb_subscribe  },
    {"unsubscribe", verb_unsubscribe},
    {"inbox",       verb_inbox      },
    {"run",         verb_run        },
    {"next",        verb_next       },
    {"stop",        verb_stop       },
    {"free",        verb_free       },
    {"check",       verb_check      },
    {"report",      verb_report     },
};

lares_status verb_play(struct play *play)
{
    const char *name = play->words[0].data;
    size_t i = 0;

    while (i < sizeof verbs / sizeof verbs[0] &&
           strcmp(verbs[i].name, name) != 0)
        i++;
    if (i == sizeof verbs / sizeof verbs[0]) {
        fprintf(stderr, "no verb is called %s\n", name);
        exit(2);
    }
    return verbs[i].play(play);
}
