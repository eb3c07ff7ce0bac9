/* json.h - reads what a node answers: flat objects, whose numbers may not pass
 * through a double, so they stay text. */
#ifndef LARES_CLI_JSON_H
#define LARES_CLI_JSON_H

#include <stddef.h>

/* A piece of JSON as it stands in the line. */
struct lares__json {
    const char *text;
    size_t len;
};

/* Steps through the members of an object: at begins as its text. The key is
 * without its quotes. 0: no more. */
int lares__json_next(const char **at, struct lares__json *key,
                     struct lares__json *value);

/* The value of a member; 0: there is none. */
int lares__json_member(const char *object, const char *key,
                       struct lares__json *out);

/* Writes a value as text, cut to size: a string without quotes and escapes,
 * anything else as it stands. Returns its length. */
size_t lares__json_read(struct lares__json value, char *out, size_t size);

#endif
