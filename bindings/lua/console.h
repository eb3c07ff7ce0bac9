/* console.h - how the `lares` program, and a Lua program that is run like it,
 * speak: errors, exit codes, JSON. */
#ifndef LARES_LUA_CONSOLE_H
#define LARES_LUA_CONSOLE_H

#include <stdio.h>

#include "lares.h"

enum {
    LARES__EXIT_DONE = 0,
    LARES__EXIT_FAILED = 1,
    LARES__EXIT_USAGE = 2,
    LARES__EXIT_UNREACHABLE = 3,
    LARES__EXIT_NOT_FOUND = 4,
    LARES__EXIT_REFUSED = 5,
    LARES__EXIT_TIMED_OUT = 6,
    LARES__EXIT_PARTLY = 7,
    LARES__EXIT_INTERRUPTED = 130
};

/* Hold the place of each standard stream that is closed, before a descriptor
 * of the core takes it: its use fails then, and harms nobody. */
void lares__console_open(void);

struct lares__console {
    const char *program; /* what messages begin with: "lares run" */
    int json;            /* one object a line, errors too */
};

/* Say that a call failed, and why, and return the exit code for it. Use it
 * directly behind the call; `what` is what was tried, such as a file; NULL: the
 * detail says it. */
int lares__console_fail(const struct lares__console *console,
                        lares_status status, const char *what);

/* The same for a failure whose one line of why is known. */
int lares__console_fail_text(const struct lares__console *console,
                             lares_status status, const char *text);

/* The same for a failure that is no status of the core: errno. */
int lares__console_fail_errno(const struct lares__console *console,
                              const char *what);

/* Say that the command line is wrong, and return that exit code. */
int lares__console_usage(const struct lares__console *console,
                         const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Print a JSON string. Bytes that are no UTF-8 become '?'. */
void lares__json_text(FILE *file, const char *text);

/* Print the member `"text":"…"`, or `"base64":"…"` if data is no UTF-8. */
void lares__json_data(FILE *file, const void *data, size_t len);

#endif
