#include "base/status.h"

const char *lares__status_name(lares_status status)
{
    switch (status) {
#define XX(name, value, text)                                                  \
    case value:                                                                \
        return #name;
        LARES_STATUS_MAP(XX)
#undef XX
    default:
        return "UNKNOWN";
    }
}

const char *lares__status_text(lares_status status)
{
    switch (status) {
#define XX(name, value, text)                                                  \
    case value:                                                                \
        return text;
        LARES_STATUS_MAP(XX)
#undef XX
    default:
        return "unknown status";
    }
}
