/* verb_image.c - lares image FILE: what an image says; no node is asked. */
#include <stdlib.h>

#include "chore.h"
#include "file.h"
#include "table.h"
#include "verb.h"

static int image_show(const struct lares__words *words, const void *image,
                      size_t len)
{
    static const char *const few[] = {
        "name",    "origin", "kind",    "epoch",       "sequence",
        "arrival", "time",   "publish", "state_bytes", NULL};
    const struct lares__console *console = &words->console;
    const char *what = words->places[1];
    lares_rows *rows = NULL;
    lares_status rc =
        lares_image_report(image, len, what != NULL ? what : "image", &rows);
    int code =
        rc < 0 ? lares__console_fail(console, rc, words->places[0])
               : lares__table_show(console, rows, what != NULL ? NULL : few);

    lares_rows_free(rows);
    return code;
}

static int image_run(const struct lares__words *words)
{
    unsigned char *image;
    size_t len;
    int code = lares__file_read(&words->console, words->places[0],
                                LARES__IMAGE_FILE_MAX, &image, &len);

    if (code != 0)
        return code;
    code = image_show(words, image, len);
    free(image);
    return code;
}

int verb_image(int count, const char *const words[])
{
    static const struct lares__chore chore = {
        {"lares image", {NULL}, {"FILE", "TABLE"}, 0, 1},
        "usage: lares image FILE [TABLE] [--json]\n\n"
        "Show what an image says: whose it is, its epoch and its place in\n"
        "the chain, when it was taken. It is checked as by a restore. Of two\n"
        "images of an identity that lives once at a time the newer has the\n"
        "higher epoch, or else arrival, or else time. TABLE shows another of\n"
        "its tables, with all columns: image, subscriptions, options.\n",
        image_run
    };

    return lares__chore_run(&chore, count, words);
}
