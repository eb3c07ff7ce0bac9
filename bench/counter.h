/* counter.h - a daemon with a state of some size: it counts words, of which
 * there are so many. A word is a payload of hub.h; its record in the state is
 * how often it came, then the word. */
#ifndef COUNTER_H
#define COUNTER_H

#include <lares.h>
#include <stddef.h>
#include <stdint.h>

enum {
    COUNTER_WORD = 64,
    COUNTER_RECORD = sizeof(uint64_t) + COUNTER_WORD,
    COUNTER_CHUNK = 64 * 1024 /* bytes of state that it writes at a time */
};

/* the one number whose word it cannot stand */
#define COUNTER_POISON UINT64_MAX

struct counter {
    uint64_t words;
    uint64_t total; /* of all counts */
    struct counter_word {
        uint64_t count;
        unsigned char word[COUNTER_WORD];
    } * table;
    uint64_t *saving; /* adds up the ns that it spends in snapshots, or NULL */
};

void counter_init(struct counter *counter, uint64_t words);
void counter_fini(struct counter *counter);

/* Counts the word of a payload; 0: it cannot. */
int counter_hear(struct counter *counter, const void *data);

/* Writes the records from `first` on into out, as many as have room; answers
 * the first that had none. */
uint64_t counter_write(const struct counter *counter, uint64_t first,
                       unsigned char *out, size_t room, size_t *len_out);
/* Becomes what such records say; 0: they are of another counter. */
int counter_read(struct counter *counter, const void *data, size_t len);

/* What makes a counter a daemon. */
struct counter_recipe {
    uint64_t words;
    uint64_t saved;          /* ns in snapshots, ever */
    struct counter *counter; /* the youngest instance */
};

/* `user` is the recipe; one is stateful, the other cannot snapshot */
extern const lares_daemon_ops counter_ops;
extern const lares_daemon_ops counter_plain_ops;

#endif
