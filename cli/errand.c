#include "errand.h"

int lares__errand_run(const struct lares__errand *errand, int count,
                      const char *const words[])
{
    struct lares__words line;
    struct lares__client client;
    int code = lares__words_read(&line, &errand->spelling, 1, count, words);

    if (code != 0)
        return code;
    if (line.help) {
        fputs(errand->help, stdout);
        fputs("  --node NAME     of several that run; or the path of a socket\n"
              "  --json          print one object a line\n",
              stdout);
        return 0;
    }
    code = lares__client_open(&client, &line);
    if (code == 0)
        code = errand->run(&client, &line);
    lares__client_close(&client);
    return code;
}

int lares__errand_ask(struct lares__client *client, const char *verb,
                      const char *origin, const char *more,
                      int (*fn)(void *context, const char *item), void *context)
{
    FILE *args = lares__client_begin(client, verb);

    if (args == NULL)
        return LARES__EXIT_FAILED;
    fprintf(args, "\"daemon\":\"%s\"%s", origin, more);
    return lares__client_ask(client, fn, context);
}

int lares__item_print(void *context, const char *item)
{
    (void)context;
    puts(item);
    return 0;
}
