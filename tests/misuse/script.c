/* The column "script": Lua on lanes, by the script host. What the subject does
 * stands in script.lua. */
#include "misuse.h"

static struct stage stage;

static void open_with(const char *argument)
{
    stage_open(&stage);
    check_ok(lares_node_load(stage.node, SCRIPT_HOST, SCRIPT));
    stage.subject = spawn(stage.node, "subject",
                          options("publish", "out", "argument", argument));
}

/* A bad turn leaves nothing behind: neither for who delivered it, nor after
 * three attempts from the mailbox. */
static void check_dropped(const char *way, const char *text)
{
    open_with("");
    check_turn(&stage, "a", "1");
    check_status(ask(stage.subject, way, 8000, NULL), LARES_ECALLBACK);
    check_detail(text);
    check_silent(&stage);
    check_ok(say(stage.subject, way, 0));
    check_ok(say(stage.subject, "b", 0));
    check_out(&stage, "2");
    check_u64(rows_count(stage.node, "letters"), 1);
    check_u64(subject_fact(&stage, "crashes"), 4);
    check_u64(subject_fact(&stage, "diverged"), 0);
    stage_close(&stage);
}

static void raises(void)
{
    check_dropped("raise", "naïve");
}

static void raises_a_table(void)
{
    check_dropped("raise_table", "error of type table");
}

static void recurses(void)
{
    check_dropped("recurse", "stack overflow");
}

static void yields(void)
{
    check_dropped("yield", "attempt to yield");
}

static void answers_0(void)
{
    check_dropped("number", "returned number");
}

static void answers_million(void)
{
    check_dropped("many", "1024");
}

static void answers_large(void)
{
    check_dropped("large", "67108864 bytes");
}

static void snapshot_fails(void)
{
    lares_bytes *image = NULL;

    open_with("snapshot");
    check_turn(&stage, "a", "1");
    check_status(lares_daemon_snapshot(stage.subject, 8000, &image),
                 LARES_ESNAPSHOT);
    check_detail("no state");
    check(image == NULL);
    check_turn(&stage, "b", "2");
    stage_close(&stage);
}

static void restore_fails(void)
{
    lares_options *set = options("argument", "restore");
    lares_bytes *image = NULL;
    lares_daemon *made = NULL;

    open_with("");
    check_turn(&stage, "a", "1");
    check_ok(lares_daemon_snapshot(stage.subject, 8000, &image));
    check_ok(lares_daemon_stop(stage.subject, -1));
    check_status(lares_node_restore(stage.node, lares_bytes_data(image),
                                    lares_bytes_len(image), NULL, set, &made),
                 LARES_ERESTORE);
    check_detail("no return");
    check(made == NULL);
    eventually(rows_count(stage.node, "daemons") == 1); /* no zombie */
    check_ok(restore_at(stage.node, image, NULL, &made));
    lares_bytes_free(image);
    lares_options_free(set);
    lares_daemon_free(made);
    stage_close(&stage);
}

static void constructor_fails(void)
{
    lares_options *set = options("argument", "init");

    open_with("");
    check_status(lares_node_spawn(stage.node, "subject", NULL, set, NULL),
                 LARES_ECALLBACK);
    check_detail("no start");
    check_u64(rows_count(stage.node, "daemons"), 2);
    lares_options_free(set);
    stage_close(&stage);
}

const struct cell script_cells[] = {
    {"raises/script",                   "turn dropped, a letter at the third attempt", raises         },
    {"raises a table/script",           "a failure that names its type",               raises_a_table },
    {"recurses for ever/script",        "a failure",                                   recurses       },
    {"yields/script",                   "a failure",                                   yields         },
    {"answers 0/script",                "a failure that names the type",               answers_0      },
    {"answers 10^6 outputs/script",     "quota: that input fails",                     answers_million},
    {"answers 64 MiB/script",           "refused",                                     answers_large  },
    {"fails in snapshot/script",        "ESNAPSHOT; the daemon is as it was",
     snapshot_fails                                                                                   },
    {"fails in restore/script",         "ERESTORE; no zombie, identity free",
     restore_fails                                                                                    },
    {"fails in its constructor/script", "ECALLBACK; no zombie",
     constructor_fails                                                                                },
    {NULL,                              NULL,                                          NULL           }
};
