/* verb_run.c - lares run FILE: a daemon from a script or a plug-in, as a
 * filter. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pump.h"
#include "verb.h"

enum {
    END_MS = 2000
};

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
    lares_status rc = file_load(node, job->file);
    int says_where = *lares_error_detail() != '\0';

    if (rc < 0) { /* the file is there, and the command line is right */
        (void)lares__console_fail(&job->console, rc,
                                  says_where ? NULL : job->file);
        return LARES__EXIT_FAILED;
    }
    return lares__pump_run(node, job);
}

/* A node that has started. */
static lares_status node_open(const char *name, const char *admin,
                              lares_node **out)
{
    lares_options *options;
    lares_node *node = NULL;
    lares_status rc = lares_options_new(&options);

    if (rc < 0)
        return rc;
    rc = lares_options_set(options, "admin", admin);
    if (rc >= 0)
        rc = lares_node_new(name, options, &node);
    if (rc >= 0)
        rc = lares_node_start(node);
    lares_options_free(options);
    if (rc < 0)
        lares_node_free(node);
    else
        *out = node;
    return rc;
}

/* Where no socket can be, lines still can be handled. */
static lares_status node_open_anyway(const struct lares__job *job,
                                     const char *name, lares_node **out)
{
    lares_status rc = node_open(name, "true", out);

    if (rc != LARES_EIO && rc != LARES_ERANGE)
        return rc;
    fprintf(stderr, "%s: no admin socket: %s\n", job->console.program,
            lares_error_detail());
    return node_open(name, "false", out);
}

/* Its socket goes as it stops; one that stays behind harms nobody. */
static void node_end(lares_node *node)
{
    lares_status rc = lares_node_stop(node, 0);

    if (rc >= 0)
        rc = lares_node_wait(node, END_MS);
    (void)rc;
    lares_node_free(node);
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
    rc = node_open_anyway(job, job->node != NULL ? job->node : name, &node);
    if (rc < 0)
        return lares__console_fail(&job->console, rc, "--node");
    code = node_run(node, job);
    node_end(node);
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
