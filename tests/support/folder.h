/* folder.h - a folder of a test's own, with nothing left of it afterwards. */
#ifndef TESTS_FOLDER_H
#define TESTS_FOLDER_H

#include "support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

static inline void folder_make(void)
{
    strcpy(folder, "/tmp/lares-test-XXXXXX");
    check(mkdtemp(folder) != NULL); /* 0700 */
}

/* fails while a file is in it */
static inline int folder_drop(void)
{
    return rmdir(folder);
}

/* A path in the folder, which stands until the next but three. */
static inline const char *path_in(const char *name)
{
    static char paths[4][128];
    static int next;
    char *path = paths[next++ % 4];

    (void)snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

#endif
