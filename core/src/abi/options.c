#include "base/options.h"

#include "base/error.h"
#include "base/forked.h"

lares_status lares_options_new(lares_options **out)
{
    if (lares__refused())
        return lares__forked_refuse();
    if (out == NULL)
        return lares__error(LARES_EINVAL, "out is NULL");
    return lares__options_new(out);
}

lares_status lares_options_set(lares_options *options, const char *key,
                               const char *value)
{
    if (lares__refused())
        return lares__forked_refuse();
    if (options == NULL || key == NULL || value == NULL)
        return lares__error(LARES_EINVAL, "options, key or value is NULL");
    return lares__options_set(options, key, value);
}

void lares_options_free(lares_options *options)
{
    lares__options_free(options);
}
