/* heap.h - the memory of one Lua state of the script host. */
#ifndef LARES_LUA_HEAP_H
#define LARES_LUA_HEAP_H

#include <stddef.h>

struct lares__heap;

/* NULL without memory. */
struct lares__heap *lares__heap_new(void);

/* Give all back, behind lua_close. */
void lares__heap_free(struct lares__heap *heap);

/* A lua_Alloc. */
void *lares__heap_realloc(void *heap, void *block, size_t old, size_t size);

#endif
