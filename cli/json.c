#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- finding -------------------------------------------------------------- */

/* Behind the string that begins at text, or its end. */
static const char *string_skip(const char *text)
{
    for (text++; *text != '\0' && *text != '"'; text++)
        if (*text == '\\' && text[1] != '\0')
            text++;
    return *text == '"' ? text + 1 : text;
}

/* Behind the value that begins at text: before a comma or an end. */
static const char *value_skip(const char *text)
{
    int depth = 0;

    while (*text != '\0') {
        if (*text == '"') {
            text = string_skip(text);
            continue;
        }
        if (*text == '{' || *text == '[')
            depth++;
        if (depth == 0 && (*text == ',' || *text == '}' || *text == ']'))
            break;
        if (*text == '}' || *text == ']')
            depth--;
        text++;
    }
    return text;
}

int lares__json_next(const char **at, struct lares__json *key,
                     struct lares__json *value)
{
    const char *text = *at + strspn(*at, "{, \t");
    const char *end;

    if (*text != '"')
        return 0;
    end = string_skip(text);
    if (end - text < 2 || end[-1] != '"')
        return 0;
    key->text = text + 1;
    key->len = (size_t)(end - text) - 2;
    text = end + strspn(end, ": \t");
    end = value_skip(text);
    value->text = text;
    value->len = (size_t)(end - text);
    *at = end;
    return 1;
}

int lares__json_member(const char *object, const char *key,
                       struct lares__json *out)
{
    struct lares__json name;

    while (lares__json_next(&object, &name, out))
        if (name.len == strlen(key) && memcmp(name.text, key, name.len) == 0)
            return 1;
    return 0;
}

/* -- reading -------------------------------------------------------------- */

struct out {
    char *text;
    size_t len, size;
};

static void out_add(struct out *out, unsigned int c)
{
    if (out->len + 1 < out->size)
        out->text[out->len++] = (char)c;
}

/* Control characters alone are written that way by a node. */
static const char *unicode_read(struct out *out, const char *text)
{
    char digits[5] = "";

    memcpy(digits, text, strnlen(text, 4));
    out_add(out, (unsigned int)strtoul(digits, NULL, 16) & 0x7f);
    return text + strlen(digits);
}

static const char *escape_read(struct out *out, const char *text)
{
    static const char letters[] = "bfnrt", meant[] = "\b\f\n\r\t";
    const char *letter = strchr(letters, *text);

    if (*text == 'u')
        return unicode_read(out, text + 1);
    out_add(out, letter != NULL ? (unsigned char)meant[letter - letters]
                                : (unsigned char)*text);
    return text + 1;
}

size_t lares__json_read(struct lares__json value, char *out, size_t size)
{
    struct out to = {out, 0, size};
    const char *at = value.text, *end = value.text + value.len;

    if (value.len >= 2 && *at == '"') {
        at++;
        end--;
        while (at < end)
            if (*at == '\\' && at + 1 < end)
                at = escape_read(&to, at + 1);
            else
                out_add(&to, (unsigned char)*at++);
    } else {
        while (at < end)
            out_add(&to, (unsigned char)*at++);
    }
    out[to.len] = '\0';
    return to.len;
}
