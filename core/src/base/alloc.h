/* alloc.h - the heap of the core: counted, and able to fail on demand. */
#ifndef LARES_ALLOC_H
#define LARES_ALLOC_H

#include <stddef.h>
#include <stdint.h>

/* A size of 0 gives a block too, so NULL always says: out of memory. */
void *lares__alloc(size_t size);
void *lares__calloc(size_t count, size_t size);
void *lares__realloc(void *block, size_t size);
char *lares__strdup(const char *text);
void lares__free(void *block); /* NULL is fine */

/* Calls that asked for memory, in the life of the process. */
uint64_t lares__alloc_count(void);

/* Blocks that were given and not yet taken back. */
int64_t lares__alloc_living(void);

/* Let the nth call from now fail, counted from 1; sticky: all later too.
 *
 * -1 switches it off. For tests: every allocation of a scenario fails once. */
void lares__alloc_fail(int64_t nth, int sticky);

#endif
