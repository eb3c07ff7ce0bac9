#include "support/house.h"

#include "support/guest.h"

/* -- fixture: a folder for sockets ---------------------------------------- */

static int admin_setup(void **state)
{
    folder_make();
    return house_setup(state);
}

/* No file is left in the folder, either. */
static int admin_teardown(void **state)
{
    return house_teardown(state) != 0 || folder_drop() != 0;
}

#define admin_test(test)                                                       \
    cmocka_unit_test_setup_teardown(test, admin_setup, admin_teardown)

/* -- tools ---------------------------------------------------------------- */

#define REPORT "{\"id\":1,\"verb\":\"report\",\"args\":{\"what\":\"node\"}}\n"

static lares_node *node_new(const char *lanes, const char *admin)
{
    lares_options *set = options("lanes", lanes, "admin", admin);
    lares_node *node = NULL;

    check_ok(lares_node_new("east", set, &node));
    lares_options_free(set);
    return node;
}

static lares_node *admin_open(void)
{
    lares_node *node = node_new("1", path_in("a"));

    check_ok(lares_node_start(node));
    return node;
}

static struct guest *guests(int which)
{
    static struct guest all[17];

    return &all[which];
}

/* A guest of whom one knows that it is in. */
static struct guest *guest_in(int which)
{
    struct guest *guest = guests(which);

    guest_come(guest, path_in("a"));
    check(guest_say(guest, REPORT));
    check(strstr(guest_hear(guest), "\"name\":\"east\"") != NULL);
    check_str(guest_hear(guest), "{\"id\":1,\"ok\":{}}");
    return guest;
}

/* -- opening -------------------------------------------------------------- */

static void test_admin__missing_folder_leaves_the_node_new(void **state)
{
    lares_node *node = node_new("2", path_in("none/a"));
    int threads = threads_count(), fds = fds_count();

    (void)state; /* id: NL01 */
    check_status(lares_node_start(node), LARES_EIO);
    check_detail("none");
    check_str(state_of(node), "NEW");
    check_i64(fds_count(), fds);
    eventually(threads_count() <= threads);
    check(mkdir(path_in("none"), 0700) == 0);
    check_ok(lares_node_start(node));
    node_close(node);
    check(rmdir(path_in("none")) == 0);
}

static void check_refused(const char *lanes, const char *admin, lares_status rc,
                          const char *detail)
{
    lares_options *set = options("lanes", lanes, "admin", admin);
    lares_node *node = NULL;

    check_status(lares_node_new("east", set, &node), rc);
    check_detail(detail);
    check(node == NULL);
    lares_options_free(set);
}

static void test_admin__needs_threads_and_a_path(void **state)
{
    char longest[110];

    (void)state;
    check_refused("0", "true", LARES_EOPTION, "without lanes");
    check_refused("1", "", LARES_ERANGE, "107");
    memset(longest, 'a', 108);
    longest[108] = '\0';
    check_refused("1", longest, LARES_ERANGE, "107");
    lares_node_free(node_new("0", "false"));
}

static void test_admin__no_thread_comes_into_a_world(void **state)
{
    lares_options *set = options("admin", "true");
    lares_world *world = NULL;
    lares_node *node = NULL;

    (void)state;
    check_ok(lares_world_new(1, &world));
    check_status(lares_world_node(world, "east", set, &node), LARES_EOPTION);
    check_detail("in a world");
    lares_options_free(set);
    lares_world_free(world);
}

static void test_admin__usual_place_is_made(void **state)
{
    lares_node *node;
    struct guest *guest = guests(0);

    (void)state;
    check(setenv("XDG_RUNTIME_DIR", folder, 1) == 0);
    node = node_new("1", "true");
    check(unsetenv("XDG_RUNTIME_DIR") == 0);
    check_ok(lares_node_start(node));
    guest_come(guest, path_in("lares/east.sock"));
    guest_go(guest);
    node_close(node);
    check(rmdir(path_in("lares")) == 0);
}

static void test_admin__one_place_has_one_node(void **state)
{
    lares_node *first = admin_open();
    lares_node *second = node_new("1", path_in("a"));

    (void)state;
    check_status(lares_node_start(second), LARES_EEXIST);
    check_str(state_of(second), "NEW");
    guest_go(guest_in(0));
    node_close(first);
    check_ok(lares_node_start(second));
    guest_go(guest_in(0));
    node_close(second);
}

/* -- talking -------------------------------------------------------------- */

static void test_admin__a_bad_line_is_not_the_end(void **state)
{
    lares_node *node = admin_open();
    struct guest *guest = guest_in(0);

    (void)state;
    check(guest_say(guest, "what?\n" REPORT));
    check(strstr(guest_hear(guest), "EFORMAT") != NULL);
    check(strstr(guest_hear(guest), "\"item\"") != NULL);
    check(strstr(guest_hear(guest), "\"ok\"") != NULL);
    guest_go(guest);
    node_close(node);
}

/* What is beyond a bound: its reason, then the end. */
static void check_ended(struct guest *guest, const char *name)
{
    check(strstr(guest_hear(guest), name) != NULL);
    check_str(guest_hear(guest), "");
    guest_go(guest);
}

static void test_admin__ends_over_a_long_line(void **state)
{
    static char line[65 * 1024];
    lares_node *node = admin_open();
    struct guest *guest = guest_in(0);

    (void)state; /* id: NO03 */
    memset(line, ' ', sizeof line - 1);
    check(guest_say(guest, line));
    check_ended(guest, "ETOOBIG");
    guest_go(guest_in(0));
    node_close(node);
}

static void test_admin__ends_over_deep_nesting(void **state)
{
    lares_node *node = admin_open();
    struct guest *guest = guest_in(0);

    (void)state; /* id: NO03 */
    check(guest_say(guest, "[[[[[[[[[[[[[[[[[\n"));
    check_ended(guest, "ELIMIT");
    node_close(node);
}

/* Comes again until it is let in: that others have left may not have been seen
 * yet. */
static struct guest *guest_retry(int which)
{
    struct guest *guest = guests(which);

    for (int tries = 0;; tries++) {
        check(tries < 8000);
        guest_come(guest, path_in("a"));
        if (guest_say(guest, REPORT) &&
            strstr(guest_hear(guest), "\"item\"") != NULL)
            return guest;
        guest_go(guest);
        nap_ms(1);
    }
}

static void test_admin__seventeenth_is_turned_away(void **state)
{
    lares_node *node = admin_open();

    (void)state; /* id: NO03 */
    for (int i = 0; i < 16; i++)
        guest_in(i);
    guest_come(guests(16), path_in("a"));
    check_ended(guests(16), "ELIMIT");
    guest_go(guests(3));
    guest_retry(3);
    for (int i = 0; i < 16; i++)
        guest_go(guests(i));
    node_close(node);
}

static void test_admin__guests_come_and_go(void **state)
{
    lares_node *node = admin_open();

    (void)state; /* id: NL05 */
    for (int i = 0; i < rounds(500, 20000); i++)
        guest_go(guest_retry(0));
    node_close(node);
}

/* -- the end -------------------------------------------------------------- */

static void test_admin__stop_does_not_wait_for_guests(void **state)
{
    lares_node *node = admin_open();
    struct guest *idle = guest_in(0), *half = guest_in(1);
    uint64_t began = clock_ms();

    (void)state;
    check(guest_say(half, "{\"id\":1,"));
    check_ok(lares_node_stop(node, -1));
    check_ok(lares_node_wait(node, 8000));
    check(clock_ms() - began < 2000);
    check_stopped(node, 0, 0);
    check(access(path_in("a"), F_OK) != 0);
    check_str(guest_hear(idle), "");
    check_str(guest_hear(half), "");
    guest_go(idle);
    guest_go(half);
    lares_node_free(node);
}

static void daemon_say(struct guest *guest, const char *verb,
                       const lares_daemon *daemon, const char *more)
{
    char line[256];

    (void)snprintf(line, sizeof line,
                   "{\"id\":2,\"verb\":\"%s\",\"args\":{\"daemon\":"
                   "\"%016" PRIx64 "\"%s}}\n",
                   verb, lares_daemon_origin(daemon), more);
    check(guest_say(guest, line));
}

/* A verb that waits for a daemon holds up neither others nor the end; who asked
 * is told how it went. */
static void test_admin__a_verb_that_waits_ends_with_the_daemon(void **state)
{
    struct door door = {0};
    lares_node *node = admin_open();
    struct guest *waits = guest_in(0);
    lares_daemon *daemon;

    (void)state;
    kind_add(node, "door", stand, &door);
    daemon = spawn(node, "door", options("name", "d"));
    check_ok(say(daemon, "x", 0));
    eventually(atomic_load(&door.inside) == 1);
    daemon_say(waits, "snapshot", daemon, ",\"timeout_ms\":60000");
    guest_go(guest_in(1));
    check_ok(lares_node_stop(node, -1));
    atomic_store(&door.open, 1);
    check_ok(lares_node_wait(node, 8000));
    check(strstr(guest_hear(waits), "{\"id\":2,") != NULL);
    guest_go(waits);
    lares_daemon_free(daemon);
    check_stopped(node, 0, 0);
    lares_node_free(node);
}

static void test_admin__who_does_not_read_is_cut(void **state)
{
    lares_node *node = admin_open();
    struct guest *deaf = guest_in(0);
    uint64_t began;

    (void)state;
    kind_add(node, "echo", echo, NULL);
    for (int i = 0; i < 2000; i++)
        check_ok(lares_node_spawn(node, "echo", NULL, NULL, NULL));
    check(guest_say(deaf, "{\"id\":1,\"verb\":\"report\"}\n"));
    nap_ms(50); /* it has filled the socket, and waits */
    began = clock_ms();
    check_ok(lares_node_stop(node, -1));
    check_ok(lares_node_wait(node, 8000));
    check(clock_ms() - began < 4000);
    check_stopped(node, 0, 0);
    guest_go(deaf);
    lares_node_free(node);
}

static lares_verdict stand_there(lares_call *call, void *user)
{
    struct door *door = user;

    (void)call;
    atomic_fetch_add(&door->inside, 1);
    while (!atomic_load(&door->open))
        nap_ms(1);
    atomic_fetch_add(&door->passed, 1);
    return LARES_DONE;
}

static void test_admin__a_stuck_verb_is_left_behind(void **state)
{
    lares_options *set =
        options("lanes", "1", "admin", path_in("a"), "tick.interval", "60000");
    lares_recovery *recovery = NULL;
    lares_node *node = NULL;
    struct door door = {0};
    struct guest *guest;
    uint64_t began;

    (void)state;
    check_ok(lares_node_new("east", set, &node));
    lares_options_free(set);
    check_ok(lares_node_start(node));
    check_ok(lares_node_recovery(node, &recovery));
    check_ok(lares_recovery_register(recovery, "h", stand_there, &door, NULL,
                                     NULL, NULL));
    guest = guest_in(0);
    check(guest_say(guest, "{\"id\":1,\"verb\":\"recover\"}\n"));
    eventually(atomic_load(&door.inside) == 1);
    began = clock_ms();
    check_ok(lares_node_stop(node, 0));
    check_ok(lares_node_wait(node, 8000));
    check(clock_ms() - began < 4000);
    check_stopped(node, 0, 1);
    check_str(guest_hear(guest), "");
    guest_go(guest);
    atomic_store(&door.open, 1);
    eventually(atomic_load(&door.passed) == 1);
    lares_recovery_free(recovery);
    lares_node_free(node);
}

static void test_admin__last_ticket_ends_it(void **state)
{
    lares_node *node = admin_open();
    struct guest *guest = guest_in(0);

    (void)state;
    lares_node_free(node);
    check_str(guest_hear(guest), "");
    guest_go(guest);
    eventually(access(path_in("a"), F_OK) != 0);
}

static void *start_it(void *arg)
{
    return (void *)(intptr_t)lares_node_start(arg);
}

static void test_admin__stop_may_come_during_the_start(void **state)
{
    (void)state;
    for (int i = 0; i < rounds(200, 5000); i++) {
        lares_node *node = node_new("1", path_in("a"));
        pthread_t thread;
        void *rc;

        check(pthread_create(&thread, NULL, start_it, node) == 0);
        for (int spin = 0; spin < i * 997 % 20000; spin++)
            atomic_thread_fence(memory_order_seq_cst);
        check_ok(lares_node_stop(node, 0));
        pthread_join(thread, &rc);
        check((intptr_t)rc == LARES_OK || (intptr_t)rc == LARES_ECLOSED);
        check_ok(lares_node_wait(node, 8000));
        check(access(path_in("a"), F_OK) != 0);
        lares_node_free(node);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        admin_test(test_admin__missing_folder_leaves_the_node_new),
        admin_test(test_admin__needs_threads_and_a_path),
        admin_test(test_admin__no_thread_comes_into_a_world),
        admin_test(test_admin__usual_place_is_made),
        admin_test(test_admin__one_place_has_one_node),
        admin_test(test_admin__a_bad_line_is_not_the_end),
        admin_test(test_admin__ends_over_a_long_line),
        admin_test(test_admin__ends_over_deep_nesting),
        admin_test(test_admin__seventeenth_is_turned_away),
        admin_test(test_admin__guests_come_and_go),
        admin_test(test_admin__stop_does_not_wait_for_guests),
        admin_test(test_admin__a_verb_that_waits_ends_with_the_daemon),
        admin_test(test_admin__who_does_not_read_is_cut),
        admin_test(test_admin__a_stuck_verb_is_left_behind),
        admin_test(test_admin__last_ticket_ends_it),
        admin_test(test_admin__stop_may_come_during_the_start),
    };

    return check_run(tests);
}
