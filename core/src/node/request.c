#include "node/request.h"

#include "base/error.h"

#include <cjson/cJSON.h>
#include <string.h>

/* Design notes
 * - cJSON goes down one call for each level, so levels are counted before it
 *   sees the line.
 * - Its texts end at a 0, so a line that would put one into a text is refused:
 *   no payload is cut short without a word.
 * - Its numbers are doubles: whole ones are exact up to 2^53, which is checked.
 *   Ids are text. */

static const uint64_t exact_max = UINT64_C(1) << 53;

/* -- parsing -------------------------------------------------------------- */

/* How the characters up to here nest. */
struct nesting {
    int depth;
    int text;    /* inside a text */
    int escaped; /* behind a backslash */
};

static int nesting_step(struct nesting *nesting, char c)
{
    if (nesting->escaped)
        nesting->escaped = 0;
    else if (nesting->text && c == '\\')
        nesting->escaped = 1;
    else if (c == '"')
        nesting->text = !nesting->text;
    else if (!nesting->text && (c == '{' || c == '['))
        nesting->depth++;
    else if (!nesting->text && (c == '}' || c == ']'))
        nesting->depth--;
    return nesting->depth <= LARES__NESTING_MAX;
}

static lares_status line_check(const char *line, size_t len)
{
    struct nesting nesting = {0};

    for (size_t i = 0; i < len; i++) {
        if (line[i] == '\0' || (nesting.escaped && len - i >= 5 &&
                                memcmp(line + i, "u0000", 5) == 0))
            return lares__error(LARES_EFORMAT,
                                "a text holds U+0000: such data is base64");
        if (!nesting_step(&nesting, line[i]))
            return lares__error(LARES_ELIMIT, "nested deeper than %d",
                                LARES__NESTING_MAX);
    }
    return LARES_OK;
}

static int number_is_whole(const cJSON *item, uint64_t *out)
{
    double value = item->valuedouble;

    if (!cJSON_IsNumber(item) || !(value >= 0 && value <= (double)exact_max) ||
        (double)(uint64_t)value != value)
        return 0;
    *out = (uint64_t)value;
    return 1;
}

static lares_status whole_read(struct lares__request *request)
{
    const cJSON *id = cJSON_GetObjectItemCaseSensitive(request->whole, "id");
    const cJSON *verb =
        cJSON_GetObjectItemCaseSensitive(request->whole, "verb");

    if (id == NULL || !number_is_whole(id, &request->id))
        return lares__error(LARES_EFORMAT, "`id` is no whole number");
    request->args = cJSON_GetObjectItemCaseSensitive(request->whole, "args");
    request->more =
        cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(request->whole, "more"));
    if (!cJSON_IsString(verb))
        return lares__error(LARES_EFORMAT, "`verb` is no text");
    request->verb = verb->valuestring;
    if (request->args != NULL && !cJSON_IsObject(request->args))
        return lares__error(LARES_EFORMAT, "`args` is no object");
    return LARES_OK;
}

static int is_blank(const char *text, size_t len)
{
    for (; len > 0; text++, len--)
        if (*text != ' ' && *text != '\t' && *text != '\r')
            return 0;
    return 1;
}

lares_status lares__request_parse(struct lares__request *request,
                                  const char *line, size_t len)
{
    const char *end = line;
    lares_status rc;

    memset(request, 0, sizeof *request);
    rc = line_check(line, len);
    if (rc < 0)
        return rc;
    request->whole = cJSON_ParseWithLengthOpts(line, len, &end, 0);
    if (request->whole == NULL || !cJSON_IsObject(request->whole))
        return lares__error(LARES_EFORMAT, "the line is no JSON object");
    if (!is_blank(end, len - (size_t)(end - line)))
        return lares__error(LARES_EFORMAT, "more than an object on a line");
    return whole_read(request);
}

static void texts_wipe(const cJSON *item)
{
    for (; item != NULL; item = item->next) {
        if (item->valuestring != NULL)
            explicit_bzero(item->valuestring, strlen(item->valuestring));
        texts_wipe(item->child);
    }
}

void lares__request_free(struct lares__request *request)
{
    texts_wipe(request->whole);
    cJSON_Delete(request->whole);
}

/* -- arguments ------------------------------------------------------------ */

static int is_known(const char *key, const char *const known[])
{
    for (; *known != NULL; known++)
        if (strcmp(key, *known) == 0)
            return 1;
    return 0;
}

lares_status lares__request_known(const struct lares__request *request,
                                  const char *const known[])
{
    const cJSON *item = request->args != NULL ? request->args->child : NULL;

    for (; item != NULL; item = item->next)
        if (!is_known(item->string, known))
            return lares__error(LARES_EOPTION, "'%s' takes no argument '%s'",
                                request->verb, item->string);
    return LARES_OK;
}

static cJSON *argument(const struct lares__request *request, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(request->args, key);
}

lares_status lares__request_text(const struct lares__request *request,
                                 const char *key, const char **out)
{
    const cJSON *item = argument(request, key);

    if (item != NULL && !cJSON_IsString(item))
        return lares__error(LARES_EINVAL, "`%s` is no text", key);
    *out = item != NULL ? item->valuestring : NULL;
    return LARES_OK;
}

lares_status lares__request_flag(const struct lares__request *request,
                                 const char *key, int *out)
{
    const cJSON *item = argument(request, key);

    if (item != NULL && !cJSON_IsBool(item))
        return lares__error(LARES_EINVAL, "`%s` is neither true nor false",
                            key);
    *out = cJSON_IsTrue(item);
    return LARES_OK;
}

lares_status lares__request_number(const struct lares__request *request,
                                   const char *key, uint64_t max,
                                   uint64_t *inout)
{
    const cJSON *item = argument(request, key);
    uint64_t value;

    if (item == NULL)
        return LARES_OK;
    if (!number_is_whole(item, &value))
        return lares__error(LARES_EINVAL, "`%s` is no whole number", key);
    if (value > max)
        return lares__error(LARES_ERANGE, "`%s` is %llu, at most %llu", key,
                            (unsigned long long)value, (unsigned long long)max);
    *inout = value;
    return LARES_OK;
}

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

lares_status lares__request_id(const struct lares__request *request,
                               const char *key, uint64_t *out)
{
    const cJSON *item = argument(request, key);
    const char *text = cJSON_IsString(item) ? item->valuestring : "";
    uint64_t id = 0;
    size_t len = 0;

    for (; len < 16 && hex_value(text[len]) >= 0; len++)
        id = id << 4 | (uint64_t)hex_value(text[len]);
    if (len != 16 || text[len] != '\0')
        return lares__error(LARES_EINVAL, "`%s` is not 16 hex digits", key);
    *out = id;
    return LARES_OK;
}
