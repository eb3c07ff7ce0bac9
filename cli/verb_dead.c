/* verb_dead.c - lares dead: what could not be handled, and what is to become of
 * it. */
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "errand.h"
#include "table.h"
#include "verb.h"

/* -- showing -------------------------------------------------------------- */

static int letters_show(struct lares__client *client)
{
    static const char *const few[] = {"id",   "reason", "name", "channel",
                                      "size", "text",   NULL};
    FILE *args = lares__client_begin(client, "report");

    if (args == NULL)
        return LARES__EXIT_FAILED;
    fputs("\"what\":\"letters\"", args);
    return lares__table_ask(client, few);
}

struct payload {
    const struct lares__console *console;
    unsigned char *data;
    size_t len;
};

static int piece_take(void *context, const char *item)
{
    struct payload *payload = context;
    struct lares__json value = {"", 0};
    unsigned char *data;
    size_t len = 0;

    if (!lares__json_member(item, "base64", &value) || value.len < 2)
        return lares__console_fail_text(payload->console, LARES_EFORMAT,
                                        "a piece of the payload is missing");
    data = realloc(payload->data, payload->len + value.len);
    if (data == NULL)
        return lares__console_fail(payload->console, LARES_ENOMEM, "payload");
    payload->data = data;
    if (!lares__base64_decode(value.text + 1, value.len - 2,
                              data + payload->len, &len))
        return lares__console_fail_text(payload->console, LARES_EFORMAT,
                                        "a piece of the payload is no base64");
    payload->len += len;
    return 0;
}

static void payload_print(const struct payload *payload, const char *id)
{
    if (!payload->console->json) {
        fwrite(payload->data, 1, payload->len, stdout);
        putchar('\n');
        return;
    }
    printf("{\"id\":%s,", id);
    lares__json_data(stdout, payload->data, payload->len);
    puts("}");
}

/* -- asking about one ----------------------------------------------------- */

static int letter_ask(struct lares__client *client, const char *what,
                      const char *id,
                      int (*fn)(void *context, const char *item), void *context)
{
    FILE *args = lares__client_begin(client, "letter");

    if (args == NULL)
        return LARES__EXIT_FAILED;
    fprintf(args, "\"do\":\"%s\",\"id\":%s", what, id);
    return lares__client_ask(client, fn, context);
}

static int letter_print(struct lares__client *client, const char *id)
{
    struct payload payload = {.console = client->console};
    int code = letter_ask(client, "data", id, piece_take, &payload);

    if (code == 0)
        payload_print(&payload, id);
    free(payload.data);
    return code;
}

/* -- all of them ---------------------------------------------------------- */

struct ids {
    const struct lares__console *console;
    char (*list)[24];
    size_t count, room;
};

static int id_take(void *context, const char *item)
{
    struct ids *ids = context;
    struct lares__json value = {"", 0};
    char(*list)[24];

    if (ids->count == ids->room) {
        list = realloc(ids->list, (ids->room * 2 + 64) * sizeof *list);
        if (list == NULL)
            return lares__console_fail(ids->console, LARES_ENOMEM, "letters");
        ids->list = list;
        ids->room = ids->room * 2 + 64;
    }
    (void)lares__json_member(item, "id", &value);
    lares__json_read(value, ids->list[ids->count++], sizeof *ids->list);
    return 0;
}

/* Each on its own: one that cannot be sent does not hold back the others. */
static int ids_replay(struct lares__client *client, const struct ids *ids)
{
    char about[40];
    size_t i, sent = 0;
    int code, last = 0;

    client->about = about;
    for (i = 0; i < ids->count && !client->broken; i++) {
        snprintf(about, sizeof about, "letter %s", ids->list[i]);
        code = letter_ask(client, "replay", ids->list[i], NULL, NULL);
        sent += code == 0;
        last = code != 0 ? code : last;
    }
    client->about = NULL;
    return last != 0 && sent > 0 ? LARES__EXIT_PARTLY : last;
}

static int all_replay(struct lares__client *client)
{
    struct ids ids = {.console = client->console};
    FILE *args = lares__client_begin(client, "report");
    int code;

    if (args == NULL)
        return LARES__EXIT_FAILED;
    fputs("\"what\":\"letters\"", args);
    code = lares__client_ask(client, id_take, &ids);
    if (code == 0)
        code = ids_replay(client, &ids);
    free(ids.list);
    return code;
}

/* ------------------------------------------------------------------------- */

static int is_number(const char *text)
{
    size_t len = strlen(text);

    return len > 0 && len < 16 && strspn(text, "0123456789") == len &&
           (*text != '0' || len == 1);
}

static int dead_run(struct lares__client *client,
                    const struct lares__words *words)
{
    const char *what = words->places[0], *id = words->places[1];
    int drops = what != NULL && strcmp(what, "drop") == 0;
    int replays = what != NULL && strcmp(what, "replay") == 0;

    if (what == NULL)
        return letters_show(client);
    if (id == NULL && is_number(what))
        return letter_print(client, what);
    if ((!drops && !replays) || (id != NULL && !is_number(id)))
        return lares__console_usage(&words->console,
                                    "expected replay or drop, and an ID");
    if (drops)
        return letter_ask(client, "drop", id != NULL ? id : "0", NULL, NULL);
    if (id == NULL)
        return all_replay(client);
    return letter_ask(client, "replay", id, NULL, NULL);
}

int verb_dead(int count, const char *const words[])
{
    static const struct lares__errand errand = {
        {"lares dead", {NULL}, {"WHAT", "ID"}, 0, 0},
        "usage: lares dead [options]\n"
        "       lares dead ID\n"
        "       lares dead replay [ID]\n"
        "       lares dead drop [ID]\n\n"
        "Show the dead letters of a node: inputs that could not be handled.\n"
        "With an ID print the payload of one. replay sends it to its daemon\n"
        "again and drops the letter; drop only drops it. Without an ID both\n"
        "are about all.\n\n",
        dead_run
    };

    return lares__errand_run(&errand, count, words);
}
