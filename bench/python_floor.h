/* python_floor.h - calls into Python with no hub around them: 64 bytes in,
 * bytes out. The GIL is held throughout. */
#ifndef PYTHON_FLOOR_H
#define PYTHON_FLOOR_H

#include <stddef.h>
#include <stdint.h>

/* Calls a Python callable with the numbers below count, by the C API, and
 * answers the sum of the numbers that came back. */
uint64_t python_floor_raw(uintptr_t callable, uint64_t count);

/* The same through a function of the type of CFFI's `extern "Python"`: it
 * answers how many bytes it has put into out. */
uint64_t python_floor_extern(size_t (*function)(void *user, const char *data,
                                                size_t len, char *out),
                             void *user, uint64_t count);

#endif
