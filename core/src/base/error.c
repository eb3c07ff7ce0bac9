#include "base/error.h"

#include "base/utf8.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char detail[LARES__ERROR_MAX + 1];

lares_status lares__error(lares_status code, const char *format, ...)
{
    /* Three bytes more than are kept: a character that the formatter cuts in
     * two then begins behind the end of the detail. */
    char line[sizeof detail + 3];
    va_list arguments;
    size_t len;

    assert(code < 0);
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    lares__utf8_clean(line);
    len = lares__utf8_cut(line, strlen(line), LARES__ERROR_MAX);
    memcpy(detail, line, len);
    detail[len] = '\0';
    return code;
}

void lares__error_clear(void)
{
    detail[0] = '\0';
}

const char *lares__error_detail(void)
{
    return detail;
}
