/* verb_run.c - lares run FILE: a daemon from a script or a plug-in, as a
 * filter. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pump.h"
#include "verb.h"

static int path_is_plugin(const char *path)
{
    size_t len = strlen(path);

    return len > 3 && strcmp(path + len - 3, ".so") == 0;
}

/* A path without a slash would be a short name. */
static lares_status plugin_load(lares_node *node, const char *file)
{
    char path[4096];

    if (strchr(file, '/') != NULL)
        return lares_node_load(node, file, "");
    snprintf(path, sizeof path, "./%s", file);
    return lares_node_load(node, path, "");
}

static lares_status file_load(lares_node *node, const char *file)
{
    return path_is_plugin(file) ? plugin_load(node, file)
                                : lares_node_load(node, "lua", file);
}

static int node_run(lares_node *node, const struct lares__job *job)
{
    lares_status rc = lares_node_start(node);

    if (rc < 0)
        return lares__console_fail(&job->console, rc, "start");
    rc = file_load(node, job->file);
    if (rc < 0) { /* the file is there, and the command line is right */
        (void)lares__console_fail(&job->console, rc, "load");
        return LARES__EXIT_FAILED;
    }
    return lares__pump_run(node, job);
}

static int job_run(const struct lares__job *job)
{
    char name[32];
    lares_node *node;
    lares_status rc;
    int code;

    if (job->file == NULL)
        return lares__console_usage(&job->console, "expected a FILE");
    if (access(job->file, R_OK) != 0)
        return lares__console_fail_errno(&job->console, job->file);
    snprintf(name, sizeof name, "run-%ld", (long)getpid());
    rc = lares_node_new(job->node != NULL ? job->node : name, NULL, &node);
    if (rc < 0)
        return lares__console_fail(&job->console, rc, "--node");
    code = node_run(node, job);
    lares_node_free(node);
    return code;
}

static void help_print(void)
{
    fputs("usage: lares run FILE [options] < lines > lines\n\n"
          "Run a daemon from FILE: a Lua script, or a plug-in (.so).\n",
          stdout);
    lares__job_help(stdout);
}

int verb_run(int count, const char *const words[])
{
    struct lares__job job;
    int code = lares__job_parse(&job, "lares run", NULL, count, words);

    if (job.help)
        help_print();
    else if (code == 0)
        code = job_run(&job);
    lares__job_fini(&job);
    return code;
}
