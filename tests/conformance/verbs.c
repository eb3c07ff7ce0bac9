#include "verbs.h"

#include "handlers.h"
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
static lares_status play_key(struct play *play, lares_key **out)
{
    const struct word *name = &play->words[1];
    char seed[32] = {0};
    lares_status rc;

    memcpy(seed, name->data, name->len);
    rc = lares_key_new(seed, sizeof seed, out);
    if (rc == LARES_OK)
        play_thing(play)->origin = lares_key_origin(*out);
    return rc;
}

static lares_status verb_spawn(struct play *play)
{
    struct thing *thing = play_thing(play);
    lares_key *key;
    lares_status rc;

    rc = play_key(play, &key);
    if (rc < 0)
        return rc;
    lares_options_set(play->options, "name", play->words[1].data);
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

typedef lares_status (*image_fn)(lares_daemon *daemon, int64_t ms,
                                 lares_bytes **out);

static lares_status image_take(struct play *play, image_fn take)
{
    struct thing *thing = thing_get(&play->things, play->words[2].data);
    lares_bytes *image;
    lares_status rc = take(play_thing(play)->daemon, WAIT_MS, &image);

    if (rc < 0)
        return rc;
    lares_bytes_free(thing->image);
    thing->image = image;
    return LARES_OK;
}

static lares_status verb_snapshot(struct play *play)
{
    return image_take(play, lares_daemon_snapshot);
}

static lares_status verb_retire(struct play *play)
{
    return image_take(play, lares_daemon_retire);
}

/* A word that names no image is one itself. */
static const void *image_find(struct play *play, const struct word *word,
                              size_t *len_out)
{
    const lares_bytes *image = thing_get(&play->things, word->data)->image;

    *len_out = image != NULL ? lares_bytes_len(image) : word->len;
    return image != NULL ? lares_bytes_data(image) : word->data;
}

static lares_status verb_restore(struct play *play)
{
    struct thing *thing = play_thing(play);
    size_t len;
    const void *image = image_find(play, &play->words[2], &len);
    lares_daemon *daemon;
    lares_key *key;
    lares_status rc;

    rc = play_key(play, &key);
    if (rc < 0)
        return rc;
    rc =
        lares_node_restore(play->node, image, len, key, play->options, &daemon);
    lares_key_free(key);
    if (rc < 0)
        return rc;
    lares_daemon_free(thing->daemon);
    thing->daemon = daemon;
    return LARES_OK;
}

static lares_status verb_restart(struct play *play)
{
    return lares_daemon_restart(play_thing(play)->daemon);
}

/* Find a dead letter by its place; the oldest is 1. */
static lares_status letter_find(struct play *play, uint64_t *id_out)
{
    unsigned long place = strtoul(play->words[1].data, NULL, 10);
    lares_rows *rows;
    lares_status rc;

    rc = lares_node_report(play->node, "letters", &rows);
    if (rc < 0)
        return rc;
    while (place-- > 0 && rc == LARES_OK)
        rc = lares_rows_next(rows);
    if (rc == LARES_OK)
        rc = lares_rows_u64(rows, "id", id_out);
    lares_rows_free(rows);
    return rc == LARES_EDONE ? LARES_ENOTFOUND : rc;
}

static lares_status verb_replay(struct play *play)
{
    uint64_t id;
    lares_status rc = letter_find(play, &id);

    return rc == LARES_OK ? lares_letter_replay(play->node, id) : rc;
}

static lares_status verb_drop(struct play *play)
{
    uint64_t id;
    lares_status rc = letter_find(play, &id);

    return rc == LARES_OK ? lares_letter_drop(play->node, id) : rc;
}

/* A node's own registry, or else a lone one; made when it is named first. */
static lares_status play_registry(struct play *play, lares_recovery **out)
{
    struct thing *thing = play_thing(play);
    lares_status rc = LARES_OK;

    if (thing->recovery == NULL && thing->node != NULL)
        rc = lares_node_recovery(thing->node, &thing->recovery);
    else if (thing->recovery == NULL)
        rc = lares_recovery_new(&thing->recovery);
    *out = thing->recovery;
    return rc;
}

static lares_status verb_handler(struct play *play)
{
    const struct word *words = play->words;
    lares_recovery *recovery;
    size_t count;
    lares_status rc;

    rc = play_registry(play, &recovery);
    if (rc == LARES_OK)
        rc = handler_add(recovery, words[2].data, &words[3], &count);
    if (rc == LARES_OK)
        text_add(play->results, "= %zu\n", count);
    return rc;
}

static lares_status verb_remove(struct play *play)
{
    lares_recovery *recovery;
    size_t count;
    lares_status rc;

    rc = play_registry(play, &recovery);
    if (rc == LARES_OK)
        rc = handler_remove(recovery, play->words[2].data);
    if (rc == LARES_OK)
        rc = lares_recovery_count(recovery, &count);
    if (rc == LARES_OK)
        text_add(play->results, "= %zu\n", count);
    return rc;
}

static lares_status verb_pass(struct play *play)
{
    lares_recovery *recovery;
    const char *slot;
    lares_rows *rows;
    lares_status rc;

    rc = play_registry(play, &recovery);
    if (rc == LARES_OK)
        rc = lares_recovery_run(recovery, &rows);
    if (rc < 0)
        return rc;
    text_add(play->results, "=");
    while (lares_rows_next(rows) == LARES_OK &&
           lares_rows_text(rows, "slot", &slot) == LARES_OK)
        text_add(play->results, " %s", slot);
    text_add(play->results, "\n");
    lares_rows_free(rows);
    return LARES_OK;
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

/* The name of a registry stands for its table. */
static lares_status play_table(struct play *play, lares_rows **out)
{
    const lares_recovery *recovery = play_thing(play)->recovery;

    return recovery != NULL
               ? lares_recovery_report(recovery, out)
               : lares_node_report(play->node, play->words[1].data, out);
}

static lares_status verb_report(struct play *play)
{
    const char *wanted = play->words[2].data;
    size_t before = play->results->len;
    const char *name;
    lares_rows *rows;
    lares_status rc;

    rc = play_table(play, &rows);
    if (rc < 0)
        return rc;
    while (lares_rows_next(rows) == LARES_OK)
        if (lares_rows_text(rows, "name", &name) == LARES_OK &&
            strcmp(name, wanted) == 0)
            text_add_row(play->results, rows, &play->words[3]);
    lares_rows_free(rows);
    return play->results->len > before ? LARES_OK : LARES_ENOTFOUND;
}

static lares_status verb_facts(struct play *play)
{
    size_t len;
    const void *image = image_find(play, &play->words[1], &len);
    lares_rows *rows;
    lares_status rc =
        lares_image_report(image, len, play->words[2].data, &rows);

    if (rc < 0)
        return rc;
    while (lares_rows_next(rows) == LARES_OK)
        text_add_row(play->results, rows, &play->words[3]);
    lares_rows_free(rows);
    return LARES_OK;
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
    {"snapshot",    verb_snapshot   },
    {"retire",      verb_retire     },
    {"restore",     verb_restore    },
    {"restart",     verb_restart    },
    {"replay",      verb_replay     },
    {"drop",        verb_drop       },
    {"handler",     verb_handler    },
    {"remove",      verb_remove     },
    {"pass",        verb_pass       },
    {"stop",        verb_stop       },
    {"free",        verb_free       },
    {"check",       verb_check      },
    {"report",      verb_report     },
    {"facts",       verb_facts      },
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
