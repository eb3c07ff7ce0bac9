/* status.h - names and texts of the status codes of lares.h. */
#ifndef LARES_STATUS_H
#define LARES_STATUS_H

#include "lares.h"

/* "EINVAL"; "UNKNOWN" for a number that is no status. */
const char *lares__status_name(lares_status status);

/* "invalid argument"; "unknown status" for a number that is no status. */
const char *lares__status_text(lares_status status);

#endif
