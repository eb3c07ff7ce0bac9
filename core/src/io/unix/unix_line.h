/* unix_line.h - lines over a connected socket, each within a time. */
#ifndef LARES_IO_UNIX_LINE_H
#define LARES_IO_UNIX_LINE_H

#include "lares.h"

enum {
    LARES__LINE_MAX = 65536 /* bytes, without its end */
};

struct lares__line {
    int fd; /* borrowed */
    size_t taken;
    size_t used;
    char data[LARES__LINE_MAX + 1];
};

void lares__line_init(struct lares__line *line, int fd);
/* Forgets what was read: it may have been a secret. */
void lares__line_wipe(struct lares__line *line);

/* Reads one line: out is within the buffer, ended by 0 in place of its newline,
 * and valid until the next call. ECLOSED: nothing whole comes any more.
 * ETIMEDOUT: no whole line within the time. ETOOBIG: it is too long. EIO */
lares_status lares__line_read(struct lares__line *line, int timeout_ms,
                              char **out, size_t *len_out);

/* Writes all of it. ECLOSED: nobody reads it any more. ETIMEDOUT: not all was
 * taken within the time. EIO */
lares_status lares__line_write(int fd, const void *data, size_t len,
                               int timeout_ms);

#endif
