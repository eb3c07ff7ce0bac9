/* uv_entropy.h - bytes that nobody can foretell, from the system. */
#ifndef LARES_IO_UV_ENTROPY_H
#define LARES_IO_UV_ENTROPY_H

#include "lares.h"

/* blocks only until the system's generator is seeded, once after boot. EIO */
lares_status lares__uv_entropy(void *out, size_t len);

#endif
