/* job.h - what `lares run` and a Lua program are asked to do: their command
 * line, and the daemon that it means. */
#ifndef LARES_LUA_JOB_H
#define LARES_LUA_JOB_H

#include "console.h"

enum {
    LARES__CHANNEL_SIZE = 256, /* of a name, with its end */
    LARES__PATTERNS_MAX = 4096 /* of an option's value */
};

struct lares__job {
    struct lares__console console;
    const char *file;     /* NULL: none was named */
    const char *kind;     /* NULL: the first by name */
    const char *argument; /* NULL: none */
    const char *publish;  /* an image's own, if it is not said */
    const char *key;      /* a file; NULL: a fresh identity */
    const char *restore;  /* an image's file; NULL: spawn */
    unsigned char *image; /* what stands in it */
    size_t image_len;
    const char *node;       /* NULL: run-<process id> */
    lares_options *options; /* for the daemon that is spawned */
    char subscribe[LARES__PATTERNS_MAX + 1]; /* as publish */
    char output[LARES__CHANNEL_SIZE];        /* of the image */
    int help;
};

/* Read a command line behind the verb, and the image that it names; `file` is
 * what runs, NULL if the words say so. Fini it, whatever comes back: an exit
 * code other than 0 has been explained. */
int lares__job_parse(struct lares__job *job, const char *program,
                     const char *file, int count, const char *const words[]);

void lares__job_fini(struct lares__job *job);

/* The first channel that the job's daemon hears: it gets the lines. Into out,
 * which holds `size` bytes. Returns an exit code. */
int lares__job_channel(const struct lares__job *job, char *out, size_t size);

/* Start the daemon: restored from its image, or spawned of the kind that was
 * named, or else of the first by name. Returns an exit code; what went wrong
 * has been said. */
int lares__job_start(const struct lares__job *job, lares_node *node);

/* Print the options that a job has. */
void lares__job_help(FILE *file);

#endif
