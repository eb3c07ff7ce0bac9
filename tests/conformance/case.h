/* The text of conformance cases: commands in, a transcript out.
 *
 * A case is its own transcript. case_main plays the cases of a command line,
 * prints each command with its results, compares them with the file, comments
 * and runs of blanks aside, and keeps the skip list. What commands do is the
 * runner's.
 */
#ifndef LARES_CONFORMANCE_CASE_H
#define LARES_CONFORMANCE_CASE_H

#include "lares.h"

enum {
    CASE_WORDS_MAX = 16
};

/* A word of a command; a NUL stands behind its bytes. */
struct word {
    char *data;
    size_t len;
};

/* verb words... key=value... */
struct command {
    struct word words[CASE_WORDS_MAX]; /* the verb first, then NULL data */
    lares_options *options;
    lares_status options_status; /* of the first option that was refused */
};

/* A text that grows. */
struct text {
    char *data; /* ended by a NUL */
    size_t len;
};

/* What plays the commands of one case. */
struct case_player {
    void *(*begin)(void);
    void (*play)(void *context, const struct command *command,
                 struct text *results);
    void (*end)(void *context);
};

__attribute__((format(printf, 2, 3))) void text_add(struct text *text,
                                                    const char *format, ...);

/* Add bytes as a quoted string. */
void text_add_bytes(struct text *text, const void *data, size_t len);

/* Add a payload: one over 64 bytes by their number and sum. */
void text_add_payload(struct text *text, const void *data, size_t len);

/* Add the text of a failure as far as it is the author's: the first line, from
 * behind its last ": " on. What stands before differs between languages. */
void text_add_failure(struct text *text, const char *failure);

/* Add the named columns of the current row; NULL data ends the names. Of the
 * columns `text` and `error` the author's part is added. */
void text_add_row(struct text *text, const lares_rows *rows,
                  const struct word *columns);

/* realloc that ends the program when there is no memory. */
void *must_realloc(void *block, size_t size);

/* Play `runner SKIP CASE...`; return the exit status of the program. */
int case_main(int argc, char **argv, const struct case_player *player);

#endif
