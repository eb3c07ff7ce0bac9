#include "console.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

void lares__console_open(void)
{
    static const int wrong_way[] = {O_WRONLY, O_RDONLY, O_RDONLY};
    int fd;

    for (fd = 0; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            (void)open("/dev/null", wrong_way[fd]); /* the lowest free: fd */
}

/* -- errors --------------------------------------------------------------- */

static int status_exit(lares_status status)
{
    switch (status) {
    case LARES_OK:
        return LARES__EXIT_DONE;
    case LARES_ENOTFOUND:
    case LARES_EKIND:
        return LARES__EXIT_NOT_FOUND;
    case LARES_ETIMEDOUT:
    case LARES_EUNKNOWN:
        return LARES__EXIT_TIMED_OUT;
    }
    if (status > -20)
        return LARES__EXIT_USAGE; /* an argument */
    if (status > -30 || (status <= -50 && status > -60))
        return LARES__EXIT_REFUSED; /* a state, a peer */
    return LARES__EXIT_FAILED;
}

static void error_json(lares_status status, const char *detail)
{
    printf("{\"error\":{\"code\":%d,\"name\":\"%s\",\"detail\":", (int)status,
           lares_status_name(status));
    lares__json_text(stdout, detail);
    puts("}}");
    fflush(stdout);
}

/* The code stands behind the first line: a traceback may follow. */
static void error_print(const struct lares__console *console,
                        lares_status status, const char *text)
{
    size_t line = strcspn(text, "\n");

    fprintf(stderr, "%s: %.*s (%s)%s\n", console->program, (int)line, text,
            lares_status_name(status), text + line);
    if (status == LARES_EKEY)
        fputs("an identity is a file of lares keygen: --key FILE\n", stderr);
}

int lares__console_fail_text(const struct lares__console *console,
                             lares_status status, const char *text)
{
    if (console->json)
        error_json(status, text);
    else
        error_print(console, status, text);
    return status_exit(status);
}

int lares__console_fail(const struct lares__console *console,
                        lares_status status, const char *what)
{
    const char *detail = lares_error_detail();
    char text[1024];

    if (*detail == '\0')
        detail = lares_status_text(status);
    if (what == NULL)
        return lares__console_fail_text(console, status, detail);
    snprintf(text, sizeof text, "%s: %s", what, detail);
    return lares__console_fail_text(console, status, text);
}

/* The status that stands for errno. */
static lares_status errno_status(int number)
{
    switch (number) {
    case ENOENT:
        return LARES_ENOTFOUND;
    case EEXIST:
        return LARES_EEXIST;
    case EACCES:
    case EPERM:
        return LARES_EDENIED;
    case ENOMEM:
        return LARES_ENOMEM;
    default:
        return LARES_EIO;
    }
}

int lares__console_fail_errno(const struct lares__console *console,
                              const char *what)
{
    int number = errno;
    lares_status status = errno_status(number);
    char text[1024];

    snprintf(text, sizeof text, "%s: %s", what, strerror(number));
    return lares__console_fail_text(console, status, text);
}

int lares__console_usage(const struct lares__console *console,
                         const char *format, ...)
{
    char text[1024];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (console->json)
        error_json(LARES_EINVAL, text);
    else
        fprintf(stderr, "%s: %s\nsee %s --help\n", console->program, text,
                console->program);
    return LARES__EXIT_USAGE;
}

/* -- JSON ----------------------------------------------------------------- */

/* The length of the UTF-8 character at text, 0 if it is none. */
static size_t utf8_step(const unsigned char *text, size_t len)
{
    static const struct {
        unsigned char lead, mask, low, high; /* of the second byte */
        size_t len;
    } forms[] = {
  /* leads that narrow their second byte, then the others */
        {0xe0, 0xff, 0xa0, 0xbf, 3},
        {0xed, 0xff, 0x80, 0x9f, 3},
        {0xf0, 0xff, 0x90, 0xbf, 4},
        {0xf4, 0xff, 0x80, 0x8f, 4},
        {0xc0, 0xe0, 0x80, 0xbf, 2},
        {0xe0, 0xf0, 0x80, 0xbf, 3},
        {0xf0, 0xfc, 0x80, 0xbf, 4},
    };
    size_t i, k;

    if (*text < 0x80)
        return 1;
    if (*text < 0xc2)
        return 0;
    for (i = 0; i < sizeof forms / sizeof *forms; i++)
        if ((*text & forms[i].mask) == forms[i].lead)
            break;
    if (i == sizeof forms / sizeof *forms || len < forms[i].len ||
        text[1] < forms[i].low || text[1] > forms[i].high)
        return 0;
    for (k = 2; k < forms[i].len; k++)
        if ((text[k] & 0xc0) != 0x80)
            return 0;
    return forms[i].len;
}

static int utf8_is_valid(const unsigned char *text, size_t len)
{
    size_t step;

    for (; len > 0; text += step, len -= step) {
        step = utf8_step(text, len);
        if (step == 0)
            return 0;
    }
    return 1;
}

static void json_char(FILE *file, const unsigned char *text, size_t step)
{
    if (step == 0)
        fputc('?', file);
    else if (*text == '"' || *text == '\\')
        fprintf(file, "\\%c", *text);
    else if (*text < 0x20 || *text == 0x7f)
        fprintf(file, "\\u%04x", *text);
    else
        fwrite(text, 1, step, file);
}

static void json_string(FILE *file, const unsigned char *text, size_t len)
{
    size_t step;

    fputc('"', file);
    while (len > 0) {
        step = utf8_step(text, len);
        json_char(file, text, step);
        step = step > 0 ? step : 1;
        text += step;
        len -= step;
    }
    fputc('"', file);
}

void lares__json_text(FILE *file, const char *text)
{
    json_string(file, (const unsigned char *)text, strlen(text));
}

static void base64_print(FILE *file, const unsigned char *data, size_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789+/";
    char four[5] = "";
    uint32_t bits;
    size_t i;

    for (; len > 0; data += i, len -= i) {
        bits = 0;
        for (i = 0; i < 3 && i < len; i++)
            bits |= (uint32_t)data[i] << (16 - 8 * i);
        four[0] = digits[bits >> 18];
        four[1] = digits[bits >> 12 & 63];
        four[2] = i > 1 ? digits[bits >> 6 & 63] : '=';
        four[3] = i > 2 ? digits[bits & 63] : '=';
        fputs(four, file);
    }
}

void lares__json_data(FILE *file, const void *data, size_t len)
{
    if (utf8_is_valid(data, len)) {
        fputs("\"text\":", file);
        json_string(file, data, len);
        return;
    }
    fputs("\"base64\":\"", file);
    base64_print(file, data, len);
    fputc('"', file);
}
