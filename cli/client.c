#include "client.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/base64.h"
#include "nodes.h"

enum {
    PATIENCE_MS = 60000,
    ROOM = 128 * 1024, /* a line of a node is shorter */
    DIGITS_MIN = 4     /* of an origin */
};

int lares__client_open(struct lares__client *client,
                       const struct lares__words *words)
{
    memset(client, 0, sizeof *client);
    client->console = &words->console;
    client->node = words->node;
    client->patience_ms = PATIENCE_MS;
    client->room = ROOM;
    client->line = malloc(ROOM);
    client->fd = -1;
    if (client->line == NULL)
        return lares__console_fail(client->console, LARES_ENOMEM, "node");
    return 0;
}

void lares__client_close(struct lares__client *client)
{
    if (client->fd >= 0)
        close(client->fd);
    free(client->line);
}

/* -- asking --------------------------------------------------------------- */

FILE *lares__client_begin(struct lares__client *client, const char *verb)
{
    client->request = open_memstream(&client->text, &client->len);
    if (client->request == NULL) {
        (void)lares__console_fail(client->console, LARES_ENOMEM, verb);
        return NULL;
    }
    fprintf(client->request, "{\"id\":%u,\"verb\":\"%s\",\"args\":{",
            ++client->id, verb);
    return client->request;
}

/* A request may have held a seed. */
static void request_drop(struct lares__client *client)
{
    explicit_bzero(client->text, client->len);
    free(client->text);
    client->text = NULL;
}

/* 0: it is on its way. -1: the node takes nothing any more. */
static int text_send(const struct lares__client *client)
{
    const char *at = client->text;
    size_t left = client->len;
    ssize_t put;

    while (left > 0) {
        put = send(client->fd, at, left, MSG_NOSIGNAL);
        if (put < 0 && errno != EINTR)
            return -1;
        at += put > 0 ? put : 0;
        left -= put > 0 ? (size_t)put : 0;
    }
    return 0;
}

/* What the node cannot take it has said why: that is read next. */
static int request_send(struct lares__client *client, const char *end)
{
    int rc = 0;

    fputs(end, client->request);
    if (fclose(client->request) != 0) {
        request_drop(client);
        return lares__console_fail(client->console, LARES_ENOMEM, "request");
    }
    if (client->fd < 0)
        rc = lares__nodes_connect(client->console, client->node, &client->fd);
    if (rc == 0)
        rc = text_send(client);
    request_drop(client);
    return rc;
}

/* -- being answered ------------------------------------------------------- */

static int answer_lost(struct lares__client *client, lares_status status,
                       const char *why)
{
    client->broken = 1;
    return lares__console_fail_text(client->console, status, why);
}

static int bytes_wait(struct lares__client *client)
{
    struct pollfd one = {client->fd, POLLIN, 0};
    int count;

    do
        count = poll(&one, 1, client->patience_ms);
    while (count < 0 && errno == EINTR);
    if (count == 0)
        return answer_lost(client, LARES_ETIMEDOUT, "the node does not answer");
    return 0;
}

static int bytes_read(struct lares__client *client)
{
    ssize_t got;
    int code = bytes_wait(client);

    if (code != 0)
        return code;
    client->used -= client->taken;
    memmove(client->line, client->line + client->taken, client->used);
    client->taken = 0;
    if (client->used == client->room)
        return answer_lost(client, LARES_EUNKNOWN,
                           "the node answers an endless line");
    got = recv(client->fd, client->line + client->used,
               client->room - client->used, 0);
    if (got == 0 || (got < 0 && errno != EINTR))
        return answer_lost(client, LARES_EUNKNOWN, "the node has gone");
    client->used += got > 0 ? (size_t)got : 0;
    return 0;
}

static int line_read(struct lares__client *client, char **out)
{
    char *start, *end;
    int code = 0;

    for (;;) {
        start = client->line + client->taken;
        end = memchr(start, '\n', client->used - client->taken);
        if (end != NULL)
            break;
        code = bytes_read(client);
        if (code != 0)
            return code;
    }
    *end = '\0';
    client->taken = (size_t)(end - client->line) + 1;
    *out = start;
    return 0;
}

static int error_tell(const struct lares__client *client, const char *error)
{
    struct lares__json value;
    char code[16] = "0", detail[1024] = "", text[1280];

    if (lares__json_member(error, "code", &value))
        lares__json_read(value, code, sizeof code);
    if (lares__json_member(error, "detail", &value))
        lares__json_read(value, detail, sizeof detail);
    snprintf(text, sizeof text, "%s%s%s",
             client->about != NULL ? client->about : "",
             client->about != NULL ? ": " : "", detail);
    return lares__console_fail_text(client->console, atoi(code), text);
}

/* Reads up to the end of an answer, also behind a failure of fn. */
static int answer_read(struct lares__client *client,
                       int (*fn)(void *context, const char *item),
                       void *context)
{
    struct lares__json value;
    char *line;
    int code = 0, failed;

    for (;;) {
        failed = line_read(client, &line);
        if (failed != 0)
            return failed;
        if (lares__json_member(line, "ok", &value))
            return code;
        if (lares__json_member(line, "error", &value))
            return error_tell(client, value.text);
        if (!lares__json_member(line, "item", &value))
            continue;
        line[value.text + value.len - line] = '\0';
        if (fn != NULL && code == 0)
            code = fn(context, value.text);
    }
}

int lares__client_ask(struct lares__client *client,
                      int (*fn)(void *context, const char *item), void *context)
{
    int code = request_send(client, "}}\n");

    return code > 0 ? code : answer_read(client, fn, context);
}

/* -- payloads ------------------------------------------------------------- */

static int piece_begin(struct lares__client *client, const char *verb,
                       const char *extra, const void *data, size_t len)
{
    char text[LARES__BASE64_LEN(LARES__PIECE)];
    FILE *args = lares__client_begin(client, verb);

    if (args == NULL)
        return LARES__EXIT_FAILED;
    lares__base64_encode(data, len, text);
    fprintf(args, "%s\"base64\":\"%.*s\"", extra, (int)LARES__BASE64_LEN(len),
            text);
    return 0;
}

int lares__client_payload(struct lares__client *client, const char *verb,
                          const char *extra, const void *data, size_t len,
                          int (*fn)(void *context, const char *item),
                          void *context)
{
    const char *at = data;
    unsigned int id = client->id;
    int code = 0;

    while (len > LARES__PIECE && code == 0) {
        client->id = id; /* all pieces have one */
        code = piece_begin(client, verb, "", at, LARES__PIECE);
        if (code == 0)
            code = request_send(client, "},\"more\":true}\n");
        at += LARES__PIECE;
        len -= LARES__PIECE;
    }
    if (code < 0)
        return answer_read(client, fn, context);
    client->id = id;
    if (code == 0)
        code = piece_begin(client, verb, extra, at, len);
    return code != 0 ? code : lares__client_ask(client, fn, context);
}

/* -- whose ---------------------------------------------------------------- */

struct search {
    const char *name;
    int digits; /* might it be the beginning of an origin? */
    int count;
    char origin[17];
    char all[512]; /* of those that fit, with commas */
};

static int digits_enough(const char *name)
{
    size_t len = strspn(name, "0123456789abcdefABCDEF");

    return len >= DIGITS_MIN && name[len] == '\0';
}

static int daemon_fits(const struct search *search, const char *origin,
                       const char *name)
{
    return strcmp(name, search->name) == 0 ||
           (search->digits &&
            strncasecmp(origin, search->name, strlen(search->name)) == 0);
}

static int daemon_look(void *context, const char *item)
{
    struct search *search = context;
    struct lares__json value;
    char origin[17] = "", name[256] = "";
    size_t used = strlen(search->all);

    if (lares__json_member(item, "origin", &value))
        lares__json_read(value, origin, sizeof origin);
    if (lares__json_member(item, "name", &value))
        lares__json_read(value, name, sizeof name);
    if (!daemon_fits(search, origin, name))
        return 0;
    strcpy(search->origin, origin);
    snprintf(search->all + used, sizeof search->all - used, "%s%s (%s)",
             search->count++ > 0 ? ", " : "", origin, name);
    return 0;
}

int lares__client_find(struct lares__client *client, const char *name,
                       char origin_out[17])
{
    struct search search = {.name = name, .digits = digits_enough(name)};
    FILE *args = lares__client_begin(client, "report");
    char text[512];
    int code;

    if (args == NULL)
        return LARES__EXIT_FAILED;
    fputs("\"what\":\"daemons\"", args);
    code = lares__client_ask(client, daemon_look, &search);
    if (code != 0)
        return code;
    if (search.count > 1)
        return lares__console_usage(client->console, "%s fits %d: %s", name,
                                    search.count, search.all);
    if (search.count == 1) {
        strcpy(origin_out, search.origin);
        return 0;
    }
    snprintf(text, sizeof text,
             "%s: no daemon has that name, or an origin that begins so (%d "
             "digits or more)",
             name, DIGITS_MIN);
    return lares__console_fail_text(client->console, LARES_ENOTFOUND, text);
}
