/* channels.h - where the daemon of an image listens and publishes. */
#ifndef LARES_LUA_CHANNELS_H
#define LARES_LUA_CHANNELS_H

#include <stddef.h>

enum {
    LARES__CHANNEL_SIZE = 256 /* of a name, with its end */
};

struct lares__channels {
    char output[LARES__CHANNEL_SIZE]; /* "": none */
    char first[LARES__CHANNEL_SIZE];  /* by name, of those it hears; "": none */
    int several;                      /* it hears another, not by a pattern */
};

/* 0: it is no image. What an image says is believed here, and proved as it is
 * restored. */
int lares__channels_read(const void *data, size_t len,
                         struct lares__channels *out);

#endif
