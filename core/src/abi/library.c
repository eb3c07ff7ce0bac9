#include "base/error.h"
#include "base/status.h"

uint32_t lares_abi_version(void)
{
    return (uint32_t)LARES_ABI_MAJOR * 65536 + LARES_ABI_MINOR;
}

const char *lares_status_name(lares_status status)
{
    return lares__status_name(status);
}

const char *lares_status_text(lares_status status)
{
    return lares__status_text(status);
}

const char *lares_error_detail(void)
{
    return lares__error_detail();
}
