#include "base/error.h"
#include "base/forked.h"
#include "daemon/facts.h"

lares_status lares_image_report(const void *data, size_t len, const char *what,
                                lares_rows **out)
{
    if (lares__refused())
        return lares__forked_refuse();
    if (data == NULL || what == NULL || out == NULL)
        return lares__error(LARES_EINVAL, "data, what or out is NULL");
    lares__forked_arm(); /* it looks among the living keys, under their lock */
    return lares__facts_report(data, len, what, out);
}
