/* request.h - one line that came over an admin socket, taken apart. */
#ifndef LARES_REQUEST_H
#define LARES_REQUEST_H

#include "lares.h"

struct cJSON;

enum {
    LARES__NESTING_MAX = 16
};

/* {"id":1,"verb":"report","args":{"what":"daemons"}} */
struct lares__request {
    uint64_t id;
    const char *verb;
    int more;            /* a piece of a payload that goes on */
    struct cJSON *args;  /* NULL: none */
    struct cJSON *whole; /* owns all of it */
};

/* Free it, whatever comes back; the id may be known though the rest is wrong.
 * ELIMIT: whoever sends this is not to be listened to any more. EFORMAT */
lares_status lares__request_parse(struct lares__request *request,
                                  const char *line, size_t len);
/* Wipes it, too: a request may hold the seed of an identity. */
void lares__request_free(struct lares__request *request);

/* EOPTION for an argument that is not in known, which NULL ends. */
lares_status lares__request_known(const struct lares__request *request,
                                  const char *const known[]);

/* Each answers EINVAL when the argument is there, but not of that form. */

/* NULL: it is not there */
lares_status lares__request_text(const struct lares__request *request,
                                 const char *key, const char **out);
/* 0: it is not there */
lares_status lares__request_flag(const struct lares__request *request,
                                 const char *key, int *out);
/* keeps what stands in inout when it is not there; ERANGE */
lares_status lares__request_number(const struct lares__request *request,
                                   const char *key, uint64_t max,
                                   uint64_t *inout);
/* an id of 16 hex digits, which must be there */
lares_status lares__request_id(const struct lares__request *request,
                               const char *key, uint64_t *out);

#endif
