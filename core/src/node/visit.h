/* visit.h - what somebody who came to the admin socket asks for. */
#ifndef LARES_VISIT_H
#define LARES_VISIT_H

#include "node/answer.h"
#include "node/node.h"

enum {
    LARES__STAGE_MAX = 64 * 1024 * 1024 /* bytes of a payload in pieces */
};

/* A payload that comes in pieces. */
struct lares__stage {
    uint64_t id; /* of the request whose pieces they are */
    uint8_t *data;
    size_t len;
    size_t room;
};

struct lares__visit {
    lares_node *node;
    struct lares__answer answer;
    struct lares__stage stage;
};

/* Does what one line says, and answers it. A negative status: this visit is
 * over, and what could be said about it was. May wait as the verb does. */
lares_status lares__visit_line(struct lares__visit *visit, const char *line,
                               size_t len);
void lares__visit_fini(struct lares__visit *visit);

#endif
