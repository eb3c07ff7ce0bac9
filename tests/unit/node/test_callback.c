#include "support/house.h"

/* What works inside the callbacks of a daemon, and what is refused there. */

/* -- fixture -------------------------------------------------------------- */

/* Where something was tried, and what came of it. */
enum place {
    IN_CREATE,
    IN_PROCESS,
    IN_DESTROY,
    PLACES
};

struct tried {
    int times;
    int locks; /* held by the thread */
    lares_status publish, send, spawn, find, stop, subscribe, unsubscribe;
    lares_status register_, unregister, report, inbox, start, full;
    lares_status deliver, pull, wait, run, world, next, load;
};

static struct {
    lares_node *node;
    lares_world *world;
    lares_daemon *friend; /* a daemon that stands by */
    lares_daemon *puller;
    struct tried at[PLACES];
    int releases;
    int release_locks;
} stage;

static void try_what_works(struct tried *tried)
{
    lares_options *set = NULL;
    lares_daemon *made = NULL, *found = NULL;
    lares_inbox *inbox = NULL;
    lares_rows *rows = NULL;

    if (lares_options_new(&set) < 0)
        return;
    tried->publish = publish(stage.node, "news", "x", -1);
    tried->send = say(stage.friend, "x", -1);
    tried->spawn = lares_node_spawn(stage.node, "echo", NULL, set, &made);
    tried->find =
        lares_node_find(stage.node, lares_daemon_origin(made), &found);
    tried->subscribe = lares_daemon_subscribe(found, "nothing", NULL);
    tried->unsubscribe = lares_daemon_unsubscribe(found, "nothing", NULL);
    tried->stop = lares_daemon_stop(made, -1);
    tried->register_ =
        lares_node_register(stage.node, "brief", NULL, NULL, NULL, NULL);
    tried->unregister = lares_node_unregister(stage.node, "brief");
    tried->report = lares_node_report(stage.node, "daemons", &rows);
    tried->inbox = lares_node_subscribe(stage.node, "none", NULL, &inbox);
    tried->start = lares_node_start(stage.node);
    lares_inbox_free(inbox);
    lares_rows_free(rows);
    lares_daemon_free(made);
    lares_daemon_free(found);
    lares_options_free(set);
}

static void try_what_waits(struct tried *tried)
{
    lares_events *events = NULL;
    lares_inbox *inbox = NULL;
    lares_call *call = NULL;

    tried->full = publish(stage.node, "full", "x", 1000);
    tried->deliver = ask(stage.friend, "x", 0, &events);
    tried->pull = lares_daemon_pull(stage.puller, 0, &call);
    tried->wait = lares_node_wait(stage.node, 0);
    tried->run = lares_node_run(stage.node, 0);
    tried->world = LARES_EDEADLK;
    if (stage.world != NULL)
        tried->world = lares_world_run(stage.world, 0);
    if (lares_node_subscribe(stage.node, "none", NULL, &inbox) == LARES_OK)
        tried->next = lares_inbox_next(inbox, 10, &events);
    lares_inbox_free(inbox);
}

static void try_everything(enum place place)
{
    struct tried *tried = &stage.at[place];

    tried->locks = locks_held();
    try_what_works(tried);
    try_what_waits(tried);
    tried->locks |= locks_held();
    tried->times++;
}

static lares_verdict try_create(lares_call *call, lares_daemon *daemon,
                                void **instance_out, void *user)
{
    (void)call;
    (void)daemon;
    *instance_out = user;
    try_everything(IN_CREATE);
    return LARES_DONE;
}

static lares_verdict try_process(lares_call *call, void *instance)
{
    (void)instance;
    while (lares_call_next(call) != NULL)
        try_everything(IN_PROCESS);
    return LARES_DONE;
}

static void try_destroy(void *instance)
{
    (void)instance;
    try_everything(IN_DESTROY);
}

static void try_release(void *user)
{
    (void)user;
    stage.releases++;
    stage.release_locks |= locks_held();
}

static const lares_daemon_ops try_ops = {
    .size = sizeof try_ops,
    .create = try_create,
    .destroy = try_destroy,
    .process = try_process,
};

static void stage_set(lares_node *node, lares_world *world)
{
    memset(&stage, 0, sizeof stage);
    stage.node = node;
    stage.world = world;
    kind_add(node, "echo", echo, NULL);
    check_ok(lares_node_register(node, "pull", NULL, NULL, NULL, NULL));
    check_ok(
        lares_node_register(node, "try", NULL, &try_ops, NULL, try_release));
    stage.friend = spawn(node, "echo", options("name", "friend"));
    stage.puller =
        spawn(node, "pull", options("subscribe", "full", "mailbox.count", "1"));
    check_ok(publish(node, "full", "x", 0));
}

static void check_tried(enum place place)
{
    const struct tried *tried = &stage.at[place];

    check_i64(tried->times, 1);
    check_i64(tried->locks, 0);
    check_ok(tried->publish);
    check_ok(tried->send);
    check_ok(tried->spawn);
    check_ok(tried->find);
    check_ok(tried->subscribe);
    check_ok(tried->unsubscribe);
    check_ok(tried->stop);
    check_ok(tried->register_);
    check_ok(tried->unregister);
    check_ok(tried->report);
    check_ok(tried->inbox);
    check_ok(tried->start);
    check_status(tried->full, LARES_EDEADLK);
    check_status(tried->deliver, LARES_EDEADLK);
    check_status(tried->pull, LARES_EDEADLK);
    check_status(tried->wait, LARES_EDEADLK);
    check_status(tried->run, LARES_EDEADLK);
    check_status(tried->world, LARES_EDEADLK);
    check_status(tried->next, LARES_EDEADLK);
}

static void check_stage(void)
{
    lares_daemon *daemon = spawn(stage.node, "try", NULL);

    check_tried(IN_CREATE);
    check_ok(ask(daemon, "x", 1000, NULL));
    check_tried(IN_PROCESS);
    check_ok(lares_daemon_stop(daemon, 1000));
    check_tried(IN_DESTROY);
    lares_daemon_free(daemon);
    lares_daemon_free(stage.friend);
    lares_daemon_free(stage.puller);
}

/* -- cases ---------------------------------------------------------------- */

static void test_callback__everything_but_waiting(void **state)
{
    static const char *const lanes[] = {"0", "1", "2"};

    (void)state; /* id: H15, AB06 */
    for (int i = 0; i < 3; i++) {
        stage_set(node_open(lanes[i]), NULL);
        check_stage();
        node_close(stage.node);
        check_i64(stage.releases, 1);
        check_i64(stage.release_locks, 0);
    }
}

static void test_callback__everything_but_waiting_in_a_world(void **state)
{
    lares_node *node = NULL;
    lares_world *world = world_open(1, "east", NULL, &node);

    (void)state; /* id: H15, AB06 */
    stage_set(node, world);
    check_stage();
    node_close(node);
    lares_world_free(world);
}

/* The same on a lane's thread, by way of the mailbox. */
static void test_callback__everything_but_waiting_on_a_lane(void **state)
{
    lares_daemon *daemon;

    (void)state; /* id: H15, AB06 */
    stage_set(node_open("1"), NULL);
    daemon = spawn(stage.node, "try", NULL);
    check_ok(say(daemon, "x", 0));
    eventually(daemon_fact(stage.node, "try", "inputs") == 1);
    check_tried(IN_PROCESS);
    check_ok(lares_daemon_stop(daemon, 1000));
    check_tried(IN_DESTROY);
    lares_daemon_free(daemon);
    lares_daemon_free(stage.friend);
    lares_daemon_free(stage.puller);
    node_close(stage.node);
}

/* -- to itself ------------------------------------------------------------ */

struct self {
    lares_daemon *daemon; /* as create was given it */
    lares_node *node;
    unsigned count;
    lares_status deliver, subscribe, send;
};

static lares_verdict self_create(lares_call *call, lares_daemon *daemon,
                                 void **instance_out, void *user)
{
    struct self *self = user;

    (void)call;
    self->daemon = daemon;
    self->subscribe = lares_daemon_subscribe(daemon, "mine", NULL);
    *instance_out = self;
    return LARES_DONE;
}

/* Sends itself what it gets, shorter by one, and publishes to itself. */
static lares_verdict self_process(lares_call *call, void *instance)
{
    struct self *self = instance;
    const lares_event *event;

    while ((event = lares_call_next(call)) != NULL) {
        self->count++;
        self->deliver = ask(self->daemon, "x", -1, NULL);
        if (event->len > 1)
            self->send =
                lares_daemon_send(self->daemon, event->data, event->len - 1, 0);
        if (event->len == 4)
            self->send = publish(self->node, "mine", "z", 0);
    }
    return LARES_DONE;
}

static lares_daemon *self_open(struct self *self, const char *lanes)
{
    const lares_daemon_ops ops = {
        .size = sizeof ops, .create = self_create, .process = self_process};

    *self = (struct self){.node = node_open(lanes)};
    check_ok(lares_node_register(self->node, "self", NULL, &ops, self, NULL));
    return spawn(self->node, "self", NULL);
}

static void check_self(const char *lanes)
{
    struct self self;
    lares_daemon *daemon = self_open(&self, lanes);

    check_ok(self.subscribe);
    check_ok(ask(daemon, "12345", -1, NULL));
    while (daemon_fact(self.node, "self", "queued") > 0)
        check_status(lares_node_run(self.node, 1), LARES_ETIMEDOUT);
    check_u64(self.count, 6);
    check_ok(self.send);
    check_status(self.deliver, LARES_EDEADLK);
    lares_daemon_free(daemon);
    node_close(self.node);
}

static void test_callback__sends_to_itself(void **state)
{
    (void)state;
    check_self("0");
    check_self("1");
}

/* A node that stops takes no more sends, from nowhere. */
static void test_callback__sends_nothing_while_it_stops(void **state)
{
    struct self self;
    lares_daemon *daemon = self_open(&self, "0");

    (void)state;
    check_ok(say(daemon, "12345", 0));
    check_ok(lares_node_stop(self.node, -1));
    check_ok(lares_node_wait(self.node, 5000));
    check_u64(self.count, 1);
    check_status(self.send, LARES_ECLOSED);
    lares_daemon_free(daemon);
    lares_node_free(self.node);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        house_test(test_callback__everything_but_waiting),
        house_test(test_callback__everything_but_waiting_in_a_world),
        house_test(test_callback__everything_but_waiting_on_a_lane),
        house_test(test_callback__sends_to_itself),
        house_test(test_callback__sends_nothing_while_it_stops),
    };

    return check_run(tests);
}
