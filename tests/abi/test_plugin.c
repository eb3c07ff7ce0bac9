#include "support/node.h"

#include "plugin.h"

#include <dlfcn.h>

/* Plug-ins: shared objects that register kinds. The build says where they are:
 * PLUGIN, and those that are refused, MUTE and TWIN. */

/* -- fixture -------------------------------------------------------------- */

static lares_node *node;

static int plugin_setup(void **state)
{
    (void)state;
    node = node_open("1");
    return 0;
}

static int plugin_teardown(void **state)
{
    (void)state;
    node_close(node);
    return 0;
}

/* -- tools ---------------------------------------------------------------- */

static int releases(void)
{
    void *handle = dlopen(PLUGIN, RTLD_NOW | RTLD_NOLOAD);
    int (*count)(void);
    void *address;

    check(handle != NULL);
    address = dlsym(handle, "lares_test_releases");
    memcpy(&count, &address, sizeof count);
    dlclose(handle);
    return count();
}

static void check_loud(const char *kind)
{
    lares_daemon *daemon = spawn(node, kind, NULL);
    lares_events *events = NULL;

    check_ok(ask(daemon, "x", 1000, &events));
    check_mem(lares_events_next(events)->data, "loud!", 5);
    lares_events_free(events);
    check_ok(lares_daemon_stop(daemon, 0));
    lares_daemon_free(daemon);
}

/* -- cases ---------------------------------------------------------------- */

static void test_plugin__by_path(void **state)
{
    (void)state; /* id: NL08 */
    check_ok(lares_node_load(node, PLUGIN, "kinds loud"));
    check_loud("loud");
    check_str(cell_text(node, "kinds", "name", "loud", "plugin"), PLUGIN);
}

static void test_plugin__by_short_name(void **state)
{
    (void)state; /* id: NL08 */
    check_ok(lares_node_load(node, TEST_PLUGIN_NAME, "kinds loud"));
    check_loud("loud");
    check_str(cell_text(node, "kinds", "name", "loud", "plugin"),
              TEST_PLUGIN_NAME);
}

static void test_plugin__twice(void **state)
{
    (void)state; /* id: NL08 */
    check_ok(lares_node_load(node, PLUGIN, "kinds loud"));
    check_ok(lares_node_load(node, PLUGIN, "kinds louder"));
    check_ok(lares_node_load(node, PLUGIN, NULL));
    check_ok(lares_node_load(node, TEST_PLUGIN_NAME, "kinds loudest"));
    check_loud("loud");
    check_loud("louder");
    check_loud("loudest");
    check_status(lares_node_load(node, PLUGIN, "kinds loud"), LARES_EEXIST);
    check_detail("'loud'");
    check_loud("loud");
}

static void test_plugin__of_a_new_node(void **state)
{
    lares_node *fresh = NULL;

    (void)state;
    check_ok(lares_node_new("fresh", NULL, &fresh));
    check_ok(lares_node_load(fresh, PLUGIN, "kinds loud"));
    check_ok(lares_node_start(fresh));
    lares_daemon_free(spawn(fresh, "loud", NULL));
    check_ok(lares_node_stop(fresh, 0));
    check_ok(lares_node_wait(fresh, 5000));
    check_status(lares_node_load(fresh, PLUGIN, "kinds loud"), LARES_ECLOSED);
    lares_node_free(fresh);
}

static void test_plugin__that_is_not_there(void **state)
{
    (void)state; /* id: NL08 */
    check_status(lares_node_load(node, "./nowhere.so", ""), LARES_ENOTFOUND);
    check_detail("nowhere.so");
    check_status(lares_node_load(node, "nobody-s", ""), LARES_ENOTFOUND);
    check_detail("lares-nobody-s.so");
    check_status(lares_node_load(node, "", ""), LARES_ENOTFOUND);
    check_status(lares_node_load(node, "/", ""), LARES_ENOTFOUND);
}

static void test_plugin__that_is_none(void **state)
{
    (void)state; /* id: NL08 */
    check_status(lares_node_load(node, MUTE, ""), LARES_EABI);
    check_detail("lares_plugin_open");
}

static void test_plugin__with_a_core_of_its_own(void **state)
{
    (void)state; /* id: NL08 */
    check_status(lares_node_load(node, TWIN, "kinds loud"), LARES_EABI);
    check_detail("core");
    check_u64(rows_count(node, "kinds"), 0);
}

/* What it had registered goes; what others have is left. */
static void test_plugin__that_fails_to_open(void **state)
{
    int before;

    (void)state; /* id: NL08 */
    check_ok(lares_node_load(node, PLUGIN, "kinds loud"));
    kind_add(node, "ours", echo, NULL);
    before = releases();
    check_status(lares_node_load(node, PLUGIN, "fail one two three"),
                 LARES_ELIMIT);
    check_str(lares_error_detail(), "it was told to fail");
    check_i64(releases() - before, 4);
    check_u64(rows_count(node, "kinds"), 2);
    check_u64(rows_count(node, "recovery"), 0);
    check_status(lares_node_load(node, PLUGIN, "kinds four ours"),
                 LARES_EEXIST);
    check_i64(releases() - before, 6);
    check_u64(rows_count(node, "kinds"), 2);
    check_loud("loud");
    check_ok(lares_node_load(node, PLUGIN, "kinds one"));
    check_loud("one");
}

static void test_plugin__asks_things_of_its_node(void **state)
{
    lares_node *fresh = NULL;

    (void)state;
    check_status(lares_node_load(node, PLUGIN, "load"), LARES_EDEADLK);
    check_ok(lares_node_load(node, PLUGIN, "start"));
    check_ok(lares_node_new("fresh", NULL, &fresh));
    check_ok(lares_node_load(fresh, PLUGIN, "start"));
    check_status(lares_node_wait(fresh, 0), LARES_ETIMEDOUT);
    check_ok(lares_node_load(fresh, PLUGIN, "stop"));
    check_ok(lares_node_wait(fresh, 5000));
    lares_node_free(fresh);
}

/* -- threads -------------------------------------------------------------- */

enum {
    LOADERS = 4,
    EACH = 50
};

struct loader {
    int number;
    lares_status rc;
};

/* Loads fail and succeed in turn, and never take what another registered. */
static void *load_often(void *arg)
{
    struct loader *loader = arg;
    char argument[64];

    for (int i = 0; i < EACH && loader->rc == LARES_OK; i++) {
        (void)snprintf(argument, sizeof argument, "%s k%d-%d",
                       i % 2 == 0 ? "kinds" : "fail", loader->number, i);
        loader->rc = lares_node_load(node, PLUGIN, argument);
        if (i % 2 == 1 && loader->rc == LARES_ELIMIT)
            loader->rc = LARES_OK;
    }
    return NULL;
}

/* Registers on its own account, while others load. */
static void *register_often(void *arg)
{
    const lares_daemon_ops ops = {.size = sizeof ops, .process = echo};
    struct loader *loader = arg;
    char name[32];

    for (int i = 0; i < EACH && loader->rc == LARES_OK; i++) {
        (void)snprintf(name, sizeof name, "own%d-%d", loader->number, i);
        loader->rc = lares_node_register(node, name, NULL, &ops, NULL, NULL);
    }
    return NULL;
}

static void test_plugin__many_at_once(void **state)
{
    struct loader loaders[LOADERS];
    pthread_t threads[LOADERS];
    int own = 0;

    (void)state;
    for (int i = 0; i < LOADERS; i++) {
        loaders[i] = (struct loader){i, LARES_OK};
        check(pthread_create(&threads[i], NULL,
                             i % 2 == 0 ? load_often : register_often,
                             &loaders[i]) == 0);
        own += i % 2;
    }
    for (int i = 0; i < LOADERS; i++) {
        check(pthread_join(threads[i], NULL) == 0);
        check_status(loaders[i].rc, LARES_OK);
    }
    check_u64(rows_count(node, "kinds"),
              (uint64_t)(own * EACH + (LOADERS - own) * EACH / 2));
}

int main(void)
{
#define plugin_test(test)                                                      \
    cmocka_unit_test_setup_teardown(test, plugin_setup, plugin_teardown)
    const struct CMUnitTest tests[] = {
        plugin_test(test_plugin__by_path),
        plugin_test(test_plugin__by_short_name),
        plugin_test(test_plugin__twice),
        plugin_test(test_plugin__of_a_new_node),
        plugin_test(test_plugin__that_is_not_there),
        plugin_test(test_plugin__that_is_none),
        plugin_test(test_plugin__with_a_core_of_its_own),
        plugin_test(test_plugin__that_fails_to_open),
        plugin_test(test_plugin__asks_things_of_its_node),
        plugin_test(test_plugin__many_at_once),
    };

    return check_run(tests);
}
