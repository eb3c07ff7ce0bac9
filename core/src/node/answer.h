/* answer.h - what goes back over an admin socket: any number of items, then ok
 * or an error, an object a line. */
#ifndef LARES_ANSWER_H
#define LARES_ANSWER_H

#include "lares.h"

struct lares__answer {
    lares_status (*send)(void *context, const char *line, size_t len);
    void *context;
    uint64_t id;     /* of the request */
    lares_status rc; /* what could not be sent latches: nothing follows */
};

/* the row in hand, as an item */
void lares__answer_row(struct lares__answer *answer, const lares_rows *rows);
/* bytes, as items of 32 KiB; at least one */
void lares__answer_data(struct lares__answer *answer, const void *data,
                        size_t len);
/* whose daemon it is, as an item */
void lares__answer_origin(struct lares__answer *answer, uint64_t origin);
void lares__answer_ok(struct lares__answer *answer);
/* with the detail of this thread */
void lares__answer_error(struct lares__answer *answer, lares_status status);

#endif
