/* facts.h - what an image says, as tables for whoever asks. */
#ifndef LARES_FACTS_H
#define LARES_FACTS_H

#include "lares.h"

/* The table of that name of a signed image, up to LARES__IMAGE_LIMIT bytes.
 * ENOTFOUND: there is no such table; as lares__image_read; ENOMEM */
lares_status lares__facts_report(const void *data, size_t len, const char *what,
                                 lares_rows **out);

#endif
