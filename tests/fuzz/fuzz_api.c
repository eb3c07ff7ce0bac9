/* Calls of the public header in any order, with tickets that are absent, that
 * have ended, or that belong elsewhere.
 *
 * A byte chooses a call, those behind it its arguments. Everything happens in
 * a world, so nothing waits, and an input is played alike each time. What
 * daemons do is in their inputs, too; a purse bounds what they cause. */
#include "fuzz.h"

enum {
    SLOTS = 4,  /* tickets of each sort */
    PURSE = 96, /* outputs, sends, timers, restarts of one input, in all */
    TIME = 800  /* ms: a node that stops abandons whoever stays a second more */
};

/* -- the tickets, and what is left of the input -- */

static struct {
    const uint8_t *data;
    size_t left;
    int purse;
    int64_t time;
    lares_world *world;
    lares_node *nodes[SLOTS];
    lares_daemon *daemons[SLOTS];
    lares_inbox *inboxes[SLOTS];
    lares_key *keys[SLOTS];
    lares_chain *chains[SLOTS];
    lares_recovery *recoveries[SLOTS];
    lares_bytes *images[SLOTS];
    lares_call *calls[SLOTS];
} house;

static unsigned take(unsigned bound)
{
    if (house.left == 0)
        return 0;
    house.left--;
    return *house.data++ % bound;
}

/* A payload: a few bytes of the input itself. */
static const void *take_data(size_t *len_out)
{
    const uint8_t *data = house.data;
    size_t len = take(5);

    *len_out = len < house.left ? len : house.left;
    house.left -= *len_out;
    house.data += *len_out;
    return *len_out > 0 ? house.data - *len_out : data;
}

static int64_t take_timeout(void)
{
    static const int64_t timeouts[] = {0, 1, -1, -2, 1000, INT64_MAX};

    return timeouts[take(sizeof timeouts / sizeof timeouts[0])];
}

static const char *take_channel(void)
{
    static const char *const channels[] = {"a",   "b",  "a.b", "c", ">",
                                           "a.*", "$a", "",    NULL};

    return channels[take(sizeof channels / sizeof channels[0])];
}

static const char *take_kind(void)
{
    static const char *const kinds[] = {"state", "plain",  "pull", "saver",
                                        "other", "No one", NULL};

    return kinds[take(sizeof kinds / sizeof kinds[0])];
}

static lares_options *take_options(void)
{
    static const char *const pairs[][2] = {
        {"subscribe",        "a"    },
        {"publish",          "b"    },
        {"argument",         "fail" },
        {"batch",            "1"    },
        {"mailbox.count",    "2"    },
        {"restart.attempts", "1"    },
        {"snapshot.max",     "64"   },
        {"stateful",         "true" },
        {"version",          "3"    },
        {"lease",            "1"    },
        {"mailbox.policy",   "evict"},
        {"batch",            "-1"   },
        {"Not a key",        ""     },
    };
    lares_options *options = NULL;

    if (take(2) == 0 || lares_options_new(&options) < 0)
        return NULL;
    for (unsigned count = take(4); count > 0; count--) {
        unsigned i = take(sizeof pairs / sizeof pairs[0]);

        (void)lares_options_set(options, pairs[i][0], pairs[i][1]);
    }
    return options;
}

/* -- what is made, and how calls answer -- */

#define NOTHING ((void *)&house) /* what stands where nothing was written */

static void answers(lares_status rc)
{
    promise(rc <= LARES_OK && strcmp(lares_status_name(rc), "UNKNOWN") != 0);
}

/* Nothing is written unless it was made; then it takes a slot, whose ticket is
 * dropped. */
#define SORT(sort, type, free_fn)                                              \
    static void sort##_keep(lares_status rc, type *made)                       \
    {                                                                          \
        type **slot = &house.sort[take(SLOTS)];                                \
                                                                               \
        answers(rc);                                                           \
        promise((rc == LARES_OK) == (made != NOTHING));                        \
        if (rc < 0)                                                            \
            return;                                                            \
        free_fn(*slot);                                                        \
        *slot = made;                                                          \
    }

static void call_drop(lares_call *call)
{
    if (call != NULL)
        answers(lares_call_end(call, LARES_DONE));
}

SORT(nodes, lares_node, lares_node_free)
SORT(daemons, lares_daemon, lares_daemon_free)
SORT(inboxes, lares_inbox, lares_inbox_free)
SORT(keys, lares_key, lares_key_free)
SORT(chains, lares_chain, lares_chain_free)
SORT(recoveries, lares_recovery, lares_recovery_free)
SORT(images, lares_bytes, lares_bytes_free)
SORT(calls, lares_call, call_drop)

#define pick(sort) house.sort[take(SLOTS)]

static void rows_read(lares_status rc, lares_rows *rows)
{
    const char *name, *text;
    uint32_t type;

    answers(rc);
    promise((rc == LARES_OK) == (rows != NOTHING));
    if (rc < 0)
        return;
    while (lares_rows_next(rows) == LARES_OK)
        for (size_t i = 0; lares_rows_column(rows, i, &name, &type) == LARES_OK;
             i++)
            promise(lares_rows_text(rows, name, &text) == LARES_OK &&
                    text != NULL);
    lares_rows_free(rows);
}

static void events_read(lares_status rc, lares_events *events)
{
    lares_chain *chain = pick(chains);
    const lares_event *event;

    answers(rc);
    promise((rc == LARES_OK) == (events != NOTHING));
    if (rc < 0)
        return;
    while ((event = lares_events_next(events)) != NULL)
        answers(lares_chain_check(chain, event));
    lares_events_free(events);
}

/* -- daemons -- */

struct instance {
    lares_daemon *self;
    uint64_t n;
};

static int spend(void)
{
    return house.purse > 0 && house.purse-- > 0;
}

/* What may be done inside a turn, by the first byte of an input; the verdict
 * that is due, -1: go on. */
static int turn_do(lares_call *call, lares_daemon *self, unsigned what)
{
    lares_bytes *image = NULL;
    uint64_t id;

    if (what < 5 && !spend())
        return -1;
    switch (what) {
    case 0:
        answers(lares_call_emit(call, NULL, "out", 3));
        break;
    case 1:
        answers(lares_call_emit(call, take_channel(), "out", 3));
        break;
    case 2:
        answers(lares_daemon_send(self, "\5", 1, 0));
        break;
    case 3:
        answers(lares_call_timer(call, (int64_t)take(3) - 1, take(2), "\0", 1,
                                 &id));
        break;
    case 4: /* also in the replay that it causes */
        answers(lares_daemon_restart(self));
        break;
    case 5:
        answers(lares_call_cancel(call, take(4)));
        break;
    case 6:
        answers(lares_call_state(call, "s", 1));
        break;
    case 7:
        answers(lares_call_recovered(call, 0, 1));
        break;
    case 8:
        promise(lares_daemon_snapshot(self, 0, &image) < 0);
        break;
    case 9:
        promise(lares_daemon_deliver(self, "", 0, 0, NULL) < 0);
        break;
    case 10:
        answers(lares_daemon_stop(self, 0));
        break;
    case 11:
        lares_call_fail(call, lares_call_argument(call));
        return LARES_FAILED;
    case 12:
        return LARES_LOST;
    case 13:
        return 99;
    default:
        break;
    }
    return -1;
}

static lares_verdict process(lares_call *call, void *user)
{
    struct instance *instance = user;
    const lares_event *event;

    while ((event = lares_call_next(call)) != NULL) {
        const uint8_t *data = event->data;
        unsigned what = event->len > 0 ? data[0] % 16u : 15;
        int verdict = turn_do(call, instance->self, what);

        if (verdict >= 0)
            return verdict;
        instance->n++;
    }
    return LARES_DONE;
}

static lares_verdict create(lares_call *call, lares_daemon *daemon, void **out,
                            void *user)
{
    struct instance *instance;

    (void)user;
    if (strcmp(lares_call_argument(call), "fail") == 0)
        return LARES_FAILED;
    instance = calloc(1, sizeof *instance);
    promise(instance != NULL);
    instance->self = daemon;
    *out = instance;
    return LARES_DONE;
}

/* One in eight fails. */
static lares_verdict snapshot(lares_call *call, void *user)
{
    struct instance *instance = user;

    answers(lares_call_state(call, &instance->n, sizeof instance->n));
    return instance->n % 8 == 7 ? LARES_FAILED : LARES_DONE;
}

static lares_verdict restore(lares_call *call, uint32_t version,
                             const void *data, size_t len, void *user)
{
    struct instance *instance = user;

    (void)version;
    if (len > 0 && *(const uint8_t *)data % 4 == 3) /* which fails it */
        answers(lares_call_emit(call, NULL, "", 0));
    if (len != sizeof instance->n)
        return LARES_FAILED;
    memcpy(&instance->n, data, len);
    return LARES_DONE;
}

static struct instance plain; /* of every daemon that has no create */

static void kinds_register(lares_node *node)
{
    lares_daemon_ops ops = {.size = sizeof ops, .process = process};
    lares_options *saves = NULL;

    answers(lares_node_register(node, "plain", NULL, &ops, &plain, NULL));
    ops.create = create;
    ops.destroy = free;
    ops.snapshot = snapshot;
    ops.restore = restore;
    answers(lares_node_register(node, "state", NULL, &ops, NULL, NULL));
    answers(lares_node_register(node, "pull", NULL, NULL, NULL, NULL));
    if (lares_options_new(&saves) < 0)
        return;
    answers(lares_options_set(saves, "stateful", "true"));
    answers(lares_node_register(node, "saver", saves, NULL, NULL, NULL));
    lares_options_free(saves);
}

/* -- calls: nodes -- */

static void node_make(void)
{
    static const char *const names[] = {"east", "west", "No one", NULL};
    lares_options *options = take_options();
    lares_node *node = NOTHING;
    lares_status rc =
        lares_world_node(house.world, names[take(4)], options, &node);

    lares_options_free(options);
    if (rc == LARES_OK)
        kinds_register(node);
    nodes_keep(rc, node);
}

static void node_drop(void)
{
    lares_node **node = &pick(nodes);

    lares_node_free(*node);
    *node = NULL;
}

static void node_stop(void)
{
    lares_node *node = pick(nodes);

    answers(lares_node_stop(node, take_timeout()));
}

static void node_wait(void)
{
    lares_node *node = pick(nodes);

    answers(lares_node_wait(node, take_timeout()));
}

static void node_run(void)
{
    lares_node *node = pick(nodes);

    answers(lares_node_start(node));
    answers(lares_node_run(node, take_timeout()));
}

static void world_run(void)
{
    int64_t duration = (int64_t)take(64) - 1;

    if (duration > house.time)
        return;
    house.time -= duration > 0 ? duration : 0;
    answers(lares_world_run(house.world, duration));
}

/* A table of any size, also of one from the future. */
static void kind_register(void)
{
    struct {
        lares_daemon_ops ops;
        uint64_t future[2];
    } table = {
        .ops = {.size = 40 + 8 * take(4), .flags = take(8) == 7}
    };
    lares_options *options = take_options();
    lares_node *node = pick(nodes);

    table.ops.process = take(4) > 0 ? process : NULL;
    table.ops.create = take(2) > 0 ? create : NULL;
    table.ops.destroy = take(2) > 0 ? free : NULL;
    table.ops.snapshot = take(2) > 0 ? snapshot : NULL;
    table.ops.restore = take(2) > 0 ? restore : NULL;
    table.future[0] = take(8) == 7;
    answers(lares_node_register(node, take_kind(), options,
                                take(4) > 0 ? &table.ops : NULL, &plain, NULL));
    lares_options_free(options);
}

static void kind_unregister(void)
{
    lares_node *node = pick(nodes);

    answers(lares_node_unregister(node, take_kind()));
}

static void publish(void)
{
    lares_node *node = pick(nodes);
    const char *channel = take_channel();
    size_t len;
    const void *data = take_data(&len);

    answers(lares_node_publish(node, channel, data, len, take_timeout()));
}

static void subscribe(void)
{
    lares_options *options = take_options();
    lares_node *node = pick(nodes);
    lares_inbox *inbox = NOTHING;
    lares_status rc =
        lares_node_subscribe(node, take_channel(), options, &inbox);

    lares_options_free(options);
    inboxes_keep(rc, inbox);
}

static void inbox_read(void)
{
    lares_inbox *inbox = pick(inboxes);
    lares_events *events = NOTHING;
    lares_status rc = lares_inbox_next(inbox, take_timeout(), &events);

    events_read(rc, events);
}

static void inbox_drop(void)
{
    lares_inbox **inbox = &pick(inboxes);

    lares_inbox_free(*inbox);
    *inbox = NULL;
}

static void report(void)
{
    static const char *const tables[] = {
        "node",          "daemons",  "kinds",   "lanes",
        "subscriptions", "letters",  "records", "recovery",
        "rooms",         "counters", NULL};
    lares_node *node = pick(nodes);
    lares_rows *rows = NOTHING;
    lares_status rc = lares_node_report(
        node, tables[take(sizeof tables / sizeof tables[0])], &rows);

    rows_read(rc, rows);
}

static void letter(void)
{
    lares_node *node = pick(nodes);
    uint64_t id = take(6);
    lares_bytes *data = NOTHING;
    lares_status rc;

    switch (take(3)) {
    case 0:
        answers(lares_letter_replay(node, id));
        break;
    case 1:
        answers(lares_letter_drop(node, id));
        break;
    default:
        rc = lares_letter_data(node, id, &data);
        images_keep(rc, data);
        break;
    }
}

/* -- calls: daemons -- */

static void spawn(void)
{
    lares_options *options = take_options();
    lares_node *node = pick(nodes);
    lares_key *key = pick(keys);
    lares_daemon *daemon = NOTHING;
    lares_status rc =
        lares_node_spawn(node, take_kind(), key, options, &daemon);

    lares_options_free(options);
    daemons_keep(rc, daemon);
}

static void find(void)
{
    lares_node *node = pick(nodes);
    const lares_daemon *known = pick(daemons);
    lares_daemon *daemon = NOTHING;
    lares_status rc;

    promise((lares_daemon_epoch(known) > 0) == (known != NULL));
    rc = lares_node_find(node, lares_daemon_origin(known), &daemon);
    daemons_keep(rc, daemon);
}

static void daemon_drop(void)
{
    lares_daemon **daemon = &pick(daemons);

    lares_daemon_free(*daemon);
    *daemon = NULL;
}

static void daemon_stop(void)
{
    lares_daemon *daemon = pick(daemons);

    answers(lares_daemon_stop(daemon, take_timeout()));
}

static void daemon_restart(void)
{
    answers(lares_daemon_restart(pick(daemons)));
}

static void deliver(void)
{
    lares_daemon *daemon = pick(daemons);
    lares_events *events = NOTHING;
    size_t len;
    const void *data = take_data(&len);
    lares_status rc =
        lares_daemon_deliver(daemon, data, len, take_timeout(), &events);

    events_read(rc, events);
}

static void send(void)
{
    lares_daemon *daemon = pick(daemons);
    size_t len;
    const void *data = take_data(&len);

    answers(lares_daemon_send(daemon, data, len, take_timeout()));
}

static void ledger(void)
{
    lares_daemon *daemon = pick(daemons);
    const char *pattern = take_channel();
    const char *group = take_channel();

    answers(take(2) > 0 ? lares_daemon_subscribe(daemon, pattern, group)
                        : lares_daemon_unsubscribe(daemon, pattern, group));
}

static void daemon_key(void)
{
    lares_daemon *daemon = pick(daemons);
    lares_key *key = NOTHING;
    lares_status rc;

    rc = lares_daemon_key(daemon, &key);
    keys_keep(rc, key);
}

static void save(void)
{
    lares_daemon *daemon = pick(daemons);
    lares_bytes *image = NOTHING;
    lares_status rc = lares_daemon_snapshot(daemon, take_timeout(), &image);

    images_keep(rc, image);
}

static void retire(void)
{
    lares_daemon *daemon = pick(daemons);
    lares_bytes *image = NOTHING;
    lares_status rc = lares_daemon_retire(daemon, take_timeout(), &image);

    images_keep(rc, image);
}

/* Whether it says something of itself: what does not is no image. */
static int image_ask(const uint8_t *data, size_t len)
{
    static const char *const tables[] = {"image", "subscriptions", "options"};
    lares_rows *rows = NOTHING;
    lares_status rc = lares_image_report(data, len, tables[len % 3], &rows);

    rows_read(rc, rows);
    return rc == LARES_OK;
}

/* An image as it was taken, or with one bit changed. */
static void load(void)
{
    lares_options *options = take_options();
    lares_node *node = pick(nodes);
    lares_key *key = pick(keys);
    const lares_bytes *image = pick(images);
    size_t len = lares_bytes_len(image);
    uint8_t *data = block_new(len);
    lares_daemon *daemon = NOTHING;
    lares_status rc;

    if (len > 0)
        memcpy(data, lares_bytes_data(image), len);
    if (len > 0 && take(2) > 0)
        data[(take(256) * 256 + take(256)) % len] ^= (uint8_t)(1 << take(8));
    rc = lares_node_restore(node, data, len, key, options, &daemon);
    promise(image_ask(data, len) || rc < 0);
    free(data);
    lares_options_free(options);
    daemons_keep(rc, daemon);
}

/* -- calls: pulled calls -- */

static void pull(void)
{
    lares_daemon *daemon = pick(daemons);
    lares_call *call = NOTHING;
    lares_status rc;

    rc = lares_daemon_pull(daemon, take_timeout(), &call);
    calls_keep(rc, call);
}

static void call_next(void)
{
    lares_call *call = pick(calls);
    const lares_event *event = lares_call_next(call);

    if (event != NULL && event->kind == LARES_INPUT_SNAPSHOT)
        answers(lares_call_state(call, "a state", 7));
}

static void call_do(void)
{
    lares_call *call = pick(calls);

    (void)turn_do(call, pick(daemons), take(8));
}

static void call_end(void)
{
    lares_call **call = &pick(calls);

    if (*call != NULL)
        answers(lares_call_end(*call, (lares_verdict)take(4)));
    *call = NULL;
}

/* -- calls: what belongs to no node -- */

static void key_make(void)
{
    uint8_t seed[32];
    lares_key *key = NOTHING;
    lares_status rc;

    memset(seed, (int)take(4), sizeof seed);
    rc = lares_key_new(take(4) > 0 ? seed : NULL, take(4) > 0 ? 32 : 0, &key);
    keys_keep(rc, key);
}

static void key_read(void)
{
    const lares_key *key = pick(keys);
    lares_bytes *seed = NOTHING;
    lares_status rc;

    rc = lares_key_seed(key, &seed);
    images_keep(rc, seed);
}

static void key_drop(void)
{
    lares_key **key = &pick(keys);

    lares_key_free(*key);
    *key = NULL;
}

static void chain_make(void)
{
    uint64_t origin = lares_key_origin(pick(keys));
    lares_chain *chain = NOTHING;
    lares_status rc;

    rc = lares_chain_new(origin, &chain);
    chains_keep(rc, chain);
}

/* -- calls: recovery -- */

/* user says how it goes: it recovers slots, fails, calls the registry. */
static lares_verdict handler(lares_call *call, void *user)
{
    uintptr_t how = (uintptr_t)user;
    lares_recovery *recovery = house.recoveries[how % SLOTS];
    lares_rows *rows = NULL;

    answers(lares_call_recovered(call, how, (uint32_t)how));
    answers(lares_recovery_remove(recovery, how));
    if (recovery != NULL && lares_recovery_run(recovery, &rows) == LARES_OK)
        lares_rows_free(rows);
    return how % 4 == 3 ? LARES_FAILED : LARES_DONE;
}

static void registry_make(void)
{
    lares_node *node = pick(nodes);
    lares_recovery *recovery = NOTHING;
    lares_status rc = take(2) > 0 ? lares_recovery_new(&recovery)
                                  : lares_node_recovery(node, &recovery);

    recoveries_keep(rc, recovery);
}

static void registry_drop(void)
{
    lares_recovery **recovery = &pick(recoveries);

    lares_recovery_free(*recovery);
    *recovery = NULL;
}

static void registry_add(void)
{
    lares_recovery *recovery = pick(recoveries);
    void *how = (void *)(uintptr_t)take(8);
    uint64_t id;
    size_t count;

    answers(lares_recovery_register(recovery, take_channel(),
                                    take(8) > 0 ? handler : NULL, how, NULL,
                                    &id, &count));
}

static void registry_remove(void)
{
    lares_recovery *recovery = pick(recoveries);

    answers(lares_recovery_remove(recovery, take(8)));
}

static void registry_read(void)
{
    lares_recovery *recovery = pick(recoveries);
    lares_rows *rows = NOTHING, *handlers = NOTHING;
    lares_status rc = lares_recovery_run(recovery, &rows);
    size_t count;

    rows_read(rc, rows);
    rc = lares_recovery_report(recovery, &handlers);
    rows_read(rc, handlers);
    answers(lares_recovery_count(recovery, &count));
}

/* -- one input -- */

static void (*const calls[])(void) = {
    node_make,     node_drop,
    node_stop,     node_wait,
    node_run,      world_run,
    kind_register, publish,
    subscribe,     inbox_read,
    inbox_drop,    kind_unregister,
    report,        letter,
    spawn,         find,
    daemon_drop,   deliver,
    daemon_stop,   send,
    ledger,        daemon_restart,
    daemon_key,    save,
    load,          pull,
    call_next,     call_do,
    call_end,      key_make,
    key_read,      key_drop,
    chain_make,    registry_make,
    registry_add,  registry_drop,
    registry_read, registry_remove,
    retire,
};

/* In this order, or in that: tickets outlive what they stand for. */
static void tickets_drop(int nodes_first)
{
    for (int i = 0; i < SLOTS; i++) {
        if (nodes_first)
            lares_node_free(house.nodes[i]);
        call_drop(house.calls[i]);
        lares_daemon_free(house.daemons[i]);
        lares_inbox_free(house.inboxes[i]);
        lares_recovery_free(house.recoveries[i]);
        lares_key_free(house.keys[i]);
        lares_chain_free(house.chains[i]);
        lares_bytes_free(house.images[i]);
        if (!nodes_first)
            lares_node_free(house.nodes[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    int nodes_first;

    memset(&house, 0, sizeof house);
    house.data = data;
    house.left = len;
    house.purse = PURSE;
    house.time = TIME;
    promise(lares_world_new(1, &house.world) == LARES_OK);
    nodes_first = take(2) > 0;
    while (house.left > 0)
        calls[take(sizeof calls / sizeof calls[0])]();
    tickets_drop(nodes_first);
    lares_world_free(house.world);
    return 0;
}
