/* verb_send.c - lares send NAME: events for one daemon. */
#include <stdlib.h>
#include <string.h>

#include "errand.h"
#include "verb.h"

static int event_send(struct lares__client *client, const char *extra,
                      const char *data, size_t len)
{
    return lares__client_payload(client, "send", extra, data, len, NULL, NULL);
}

/* Something went wrong behind so many lines. */
static int lines_fail(const struct lares__console *console, size_t sent,
                      int code)
{
    if (sent == 0)
        return code;
    if (console->json)
        printf("{\"sent\":%zu}\n", sent);
    else
        fprintf(stderr, "%s: %zu line%s went before that\n", console->program,
                sent, sent == 1 ? "" : "s");
    return LARES__EXIT_PARTLY;
}

/* A line each, as lares run takes them; the last may lack its end. */
static int lines_send(struct lares__client *client, const char *extra)
{
    char *line = NULL;
    size_t room = 0, sent = 0;
    ssize_t len;
    int code = 0;

    while (code == 0 && (len = getline(&line, &room, stdin)) > 0) {
        len -= line[len - 1] == '\n';
        code = event_send(client, extra, line, (size_t)len);
        sent += code == 0;
    }
    if (code == 0 && ferror(stdin))
        code = lares__console_fail_errno(client->console, "input");
    free(line);
    return code == 0 ? 0 : lines_fail(client->console, sent, code);
}

static int send_run(struct lares__client *client,
                    const struct lares__words *words)
{
    const char *text = words->values[0];
    char origin[17], extra[64];
    int code = lares__client_find(client, words->places[0], origin);

    if (code != 0)
        return code;
    snprintf(extra, sizeof extra, "\"daemon\":\"%s\",", origin);
    if (text != NULL)
        return event_send(client, extra, text, strlen(text));
    return lines_send(client, extra);
}

int verb_send(int count, const char *const words[])
{
    static const struct lares__errand errand = {
        {"lares send", {"--text"}, {"NAME"}, 0, 1},
        "usage: lares send NAME [options] < lines\n\n"
        "Send each line of standard input to one daemon, as an event. A full\n"
        "mailbox is waited for, 10 seconds; then lares exits with 6, or, if\n"
        "lines went before, says how many and exits with 7. NAME is its name,\n"
        "or at least 4 digits of its origin.\n\n"
        "  --text TEXT     send this instead\n",
        send_run
    };

    return lares__errand_run(&errand, count, words);
}
