/* client.h - a conversation with a node over its admin socket. */
#ifndef LARES_CLI_CLIENT_H
#define LARES_CLI_CLIENT_H

#include "json.h"
#include "words.h"

enum {
    LARES__PIECE = 32768 /* bytes of a payload in a request */
};

struct lares__client {
    const struct lares__console *console;
    const char *node; /* NULL: the one that runs */
    int fd;           /* -1: nothing was asked yet */
    int broken;       /* nothing that is asked will be answered */
    unsigned int id;  /* of the last request */
    int patience_ms;  /* for each line of an answer; -1: for ever */
    /* what errors of the node are about; NULL: they say it */
    const char *about;
    char *line; /* what came, up to `used`; `taken` of it is read */
    size_t taken, used, room;
    /* the request that is being written */
    FILE *request;
    char *text;
    size_t len;
};

/* Each returns an exit code; what went wrong has been said. The node is looked
 * for as it is first asked: what the verb itself can see to be wrong is said
 * before, whether a node runs or not. */

int lares__client_open(struct lares__client *client,
                       const struct lares__words *words);
void lares__client_close(struct lares__client *client);

/* Begins a request: what is printed next are the members of its arguments.
 * NULL: there was no memory, and that has been said. */
FILE *lares__client_begin(struct lares__client *client, const char *verb);
/* Ends it, sends it, and hands each item of the answer to fn, which may be
 * NULL; an exit code of fn's ends that. */
int lares__client_ask(struct lares__client *client,
                      int (*fn)(void *context, const char *item),
                      void *context);

/* One request of a verb with a payload, in pieces; extra are more members of
 * its arguments, each with a comma behind. */
int lares__client_payload(struct lares__client *client, const char *verb,
                          const char *extra, const void *data, size_t len,
                          int (*fn)(void *context, const char *item),
                          void *context);

/* The one daemon whose name this is, or whose origin begins with it. */
int lares__client_find(struct lares__client *client, const char *name,
                       char origin_out[17]);

#endif
