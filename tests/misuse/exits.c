/* How programs in C end, with live daemons and traffic. exits.py runs each way
 * many times.
 *
 *     exits --list       ways, and their exit status
 *     exits WAY          ends that way
 */
#include "misuse.h"

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

/* -- a program amid its work ---------------------------------------------- */

static lares_node *node;
static struct door door;

static void *feed(void *arg)
{
    while (publish(node, "in", "x", -1) == LARES_OK)
        ;
    return arg;
}

static void *read_all(void *arg)
{
    lares_events *events = NULL;

    while (lares_inbox_next(arg, -1, &events) == LARES_OK)
        lares_events_free(events);
    return NULL;
}

static lares_verdict quit(lares_call *call, void *instance)
{
    while (lares_call_next(call) != NULL)
        exit(*(int *)instance);
    return LARES_DONE;
}

static void work(void)
{
    static int three = 3;
    lares_inbox *inbox;
    pthread_t thread;

    node = node_open("2");
    kind_add(node, "echo", echo, NULL);
    kind_add(node, "quitter", quit, &three);
    kind_add(node, "porter", stand, &door);
    lares_daemon_free(
        spawn(node, "echo", options("subscribe", "in", "publish", "out")));
    inbox = subscribe(node, "out", NULL);
    check_i64(pthread_create(&thread, NULL, read_all, inbox), 0);
    check_i64(pthread_detach(thread), 0);
    check_i64(pthread_create(&thread, NULL, feed, NULL), 0);
    check_i64(pthread_detach(thread), 0);
}

/* -- ways ----------------------------------------------------------------- */

static int end(void)
{
    return 0;
}

static int stop_before(void)
{
    check_ok(lares_node_stop(node, 0));
    check_ok(lares_node_wait(node, 8000));
    lares_node_free(node);
    return 0;
}

static int drop_before(void)
{
    lares_node_free(node);
    return 0;
}

static int exit_delivered(void)
{
    return (int)ask(spawn(node, "quitter", NULL), "x", -1, NULL);
}

static int exit_on_a_lane(void)
{
    check_ok(say(spawn(node, "quitter", NULL), "x", -1));
    return (int)lares_node_wait(node, -1);
}

static int end_beside_a_callback(void)
{
    check_ok(say(spawn(node, "porter", NULL), "x", -1));
    eventually(atomic_load(&door.inside) == 1);
    return 0;
}

static int terminate(void)
{
    return kill(getpid(), SIGTERM) == 0 ? pause() : 1;
}

static int abort_at_once(void)
{
    const struct rlimit none = {0, 0};

    (void)setrlimit(RLIMIT_CORE, &none);
    abort();
}

static const struct way {
    const char *name;
    int status; /* of a shell's child; negative: the signal */
    int (*end)(void);
} ways[] = {
    {"end",                 0,        end                  },
    {"stopped before",      0,        stop_before          },
    {"dropped before",      0,        drop_before          },
    {"exit, delivered",     3,        exit_delivered       },
    {"exit on a lane",      3,        exit_on_a_lane       },
    {"callback still runs", 0,        end_beside_a_callback},
    {"SIGTERM",             -SIGTERM, terminate            },
    {"abort",               -SIGABRT, abort_at_once        },
};

int main(int argc, char **argv)
{
    int list = argc == 2 && strcmp(argv[1], "--list") == 0;

    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        if (list)
            printf("%s: %d\n", ways[i].name, ways[i].status);
        if (argc != 2 || strcmp(argv[1], ways[i].name) != 0)
            continue;
        work();
        return ways[i].end();
    }
    return !list;
}
