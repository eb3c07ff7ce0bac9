#include "node/answer.h"

#include "base/alloc.h"
#include "base/base64.h"
#include "base/error.h"
#include "base/rows.h"
#include "base/status.h"
#include "base/utf8.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A text of a row is cut: with every byte of it escaped, it still fits. */
enum {
    PIECE = 32768,  /* bytes of data in a line */
    CELL_MAX = 8192 /* bytes of a text in a row */
};

static void line_send(struct lares__answer *answer, const char *line,
                      size_t len)
{
    if (answer->rc == LARES_OK)
        answer->rc = answer->send(answer->context, line, len);
}

static void id_write(const struct lares__answer *answer, char out[24])
{
    (void)snprintf(out, 24, "%" PRIu64, answer->id);
}

/* Sends {"id":…,what:body}; takes body. NULL: there was no memory for it. */
static void body_send(struct lares__answer *answer, const char *what,
                      cJSON *body)
{
    cJSON *whole = cJSON_CreateObject();
    char id[24];
    char *line = NULL;
    size_t len;

    id_write(answer, id);
    if (body != NULL && cJSON_AddRawToObject(whole, "id", id) != NULL &&
        cJSON_AddItemToObject(whole, what, body)) {
        line = cJSON_PrintUnformatted(whole);
        body = NULL;
    }
    cJSON_Delete(body);
    cJSON_Delete(whole);
    if (line == NULL) {
        answer->rc = LARES_ENOMEM;
        return;
    }
    len = strlen(line);
    line[len] = '\n'; /* its end is not sent */
    line_send(answer, line, len + 1);
    cJSON_free(line);
}

/* -- rows ----------------------------------------------------------------- */

static int text_add(cJSON *item, const char *name, const char *text)
{
    size_t keep = lares__utf8_cut(text, strlen(text), CELL_MAX);
    char copy[CELL_MAX + 1];

    memcpy(copy, text, keep);
    copy[keep] = '\0';
    return cJSON_AddStringToObject(item, name, copy) != NULL;
}

static int cell_add(cJSON *item, const lares_rows *rows, const char *name,
                    uint32_t type)
{
    const char *text;

    if (lares__rows_get_text(rows, name, &text) < 0)
        return 0;
    if (type == LARES_ROWS_U64)
        return cJSON_AddRawToObject(item, name, text) != NULL;
    return text_add(item, name, text);
}

void lares__answer_row(struct lares__answer *answer, const lares_rows *rows)
{
    cJSON *item = cJSON_CreateObject();
    const char *name;
    uint32_t type;
    int whole = item != NULL;

    for (size_t i = 0;
         whole && lares__rows_column(rows, i, &name, &type) == LARES_OK; i++)
        whole = cell_add(item, rows, name, type);
    if (!whole) {
        cJSON_Delete(item);
        item = NULL;
    }
    body_send(answer, "item", item);
}

/* -- data ----------------------------------------------------------------- */

static void piece_send(struct lares__answer *answer, char *line,
                       const uint8_t *data, size_t len)
{
    size_t used = (size_t)sprintf(
        line, "{\"id\":%" PRIu64 ",\"item\":{\"base64\":\"", answer->id);

    lares__base64_encode(data, len, line + used);
    used += LARES__BASE64_LEN(len);
    memcpy(line + used, "\"}}\n", 4);
    line_send(answer, line, used + 4);
}

void lares__answer_data(struct lares__answer *answer, const void *data,
                        size_t len)
{
    const uint8_t *at = data;
    char *line = lares__alloc(LARES__BASE64_LEN(PIECE) + 64);

    if (line == NULL) {
        answer->rc = LARES_ENOMEM;
        return;
    }
    do {
        size_t piece = len < PIECE ? len : PIECE;

        piece_send(answer, line, at, piece);
        at += piece;
        len -= piece;
    } while (len > 0 && answer->rc == LARES_OK);
    lares__free(line);
}

/* -- the rest ------------------------------------------------------------- */

void lares__answer_origin(struct lares__answer *answer, uint64_t origin)
{
    cJSON *item = cJSON_CreateObject();
    char text[17];

    (void)snprintf(text, sizeof text, "%016" PRIx64, origin);
    if (cJSON_AddStringToObject(item, "origin", text) == NULL) {
        cJSON_Delete(item);
        item = NULL;
    }
    body_send(answer, "item", item);
}

void lares__answer_ok(struct lares__answer *answer)
{
    body_send(answer, "ok", cJSON_CreateObject());
}

void lares__answer_error(struct lares__answer *answer, lares_status status)
{
    const char *detail = lares__error_detail();
    cJSON *body = cJSON_CreateObject();

    if (*detail == '\0')
        detail = lares__status_text(status);
    if (cJSON_AddNumberToObject(body, "code", status) == NULL ||
        cJSON_AddStringToObject(body, "name", lares__status_name(status)) ==
            NULL ||
        cJSON_AddStringToObject(body, "detail", detail) == NULL) {
        cJSON_Delete(body);
        body = NULL;
    }
    body_send(answer, "error", body);
}
