#include "case.h"

#include <assert.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SKIPS_MAX = 64,
    QUOTED_MAX = 64
};

void *must_realloc(void *block, size_t size)
{
    void *out = realloc(block, size);

    if (out == NULL) {
        perror("runner");
        exit(2);
    }
    return out;
}

/* -- text ---------------------------------------------------------------- */

static struct text text_new(void)
{
    struct text text = {must_realloc(NULL, 1), 0};

    text.data[0] = '\0';
    return text;
}

void text_add(struct text *text, const char *format, ...)
{
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    assert(len >= 0);
    text->data = must_realloc(text->data, text->len + (size_t)len + 1);
    va_start(args, format);
    vsnprintf(text->data + text->len, (size_t)len + 1, format, args);
    va_end(args);
    text->len += (size_t)len;
}

static void text_add_byte(struct text *text, unsigned char byte)
{
    if (byte == '\n')
        text_add(text, "\\n");
    else if (byte == '\t')
        text_add(text, "\\t");
    else if (byte == '"' || byte == '\\')
        text_add(text, "\\%c", byte);
    else if (byte >= 0x20 && byte < 0x7f)
        text_add(text, "%c", byte);
    else
        text_add(text, "\\x%02x", byte);
}

void text_add_bytes(struct text *text, const void *data, size_t len)
{
    const unsigned char *bytes = data;
    size_t i;

    text_add(text, "\"");
    for (i = 0; i < len; i++)
        text_add_byte(text, bytes[i]);
    text_add(text, "\"");
}

void text_add_payload(struct text *text, const void *data, size_t len)
{
    const unsigned char *bytes = data;
    uint64_t sum = 0;
    size_t i;

    if (len <= QUOTED_MAX) {
        text_add_bytes(text, data, len);
        return;
    }
    for (i = 0; i < len; i++)
        sum += bytes[i];
    text_add(text, "%zu bytes sum=%" PRIu64, len, sum);
}

/* Cut a failure's text to what the author said: the first line, from behind
 * its last ": " on; return its length. */
static size_t failure_cut(const char **failure)
{
    const char *end = *failure + strcspn(*failure, "\n");
    const char *at;

    for (at = *failure; at + 1 < end; at++)
        if (at[0] == ':' && at[1] == ' ')
            *failure = at + 2;
    return (size_t)(end - *failure);
}

void text_add_failure(struct text *text, const char *failure)
{
    size_t len = failure_cut(&failure);

    text_add_bytes(text, failure, len);
}

static void text_add_cell(struct text *text, const char *cell, size_t len)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ_.-"
                                "abcdefghijklmnopqrstuvwxyz0123456789";

    if (len > 0 && strspn(cell, plain) >= len)
        text_add(text, "%.*s", (int)len, cell);
    else
        text_add_bytes(text, cell, len);
}

/* The columns that hold a failure's text. */
static int column_fails(const char *column)
{
    return strcmp(column, "text") == 0 || strcmp(column, "error") == 0;
}

void text_add_row(struct text *text, const lares_rows *rows,
                  const struct word *columns)
{
    const char *cell;
    size_t len;

    text_add(text, "=");
    for (; columns->data != NULL; columns++) {
        if (lares_rows_text(rows, columns->data, &cell) < 0)
            cell = "";
        len = column_fails(columns->data) ? failure_cut(&cell) : strlen(cell);
        text_add(text, " %s=", columns->data);
        text_add_cell(text, cell, len);
    }
    text_add(text, "\n");
}

/* -- words --------------------------------------------------------------- */

/* Read the escape that `*at` stands on, and leave it on its last byte. */
static char escape_read(const char **at)
{
    const char *code = ++*at;
    char digits[3] = {0};

    if (*code == 'n')
        return '\n';
    if (*code == 't')
        return '\t';
    if (*code != 'x')
        return *code;
    memcpy(digits, code + 1, 2);
    *at += 2;
    return (char)strtoul(digits, NULL, 16);
}

/* Read "string" or "string"*times, and return what follows it. */
static const char *string_read(const char *at, struct word *out)
{
    char *once = must_realloc(NULL, strlen(at));
    size_t times = 1;
    size_t len = 0;
    char *end;
    size_t i;

    for (at++; *at != '"'; at++) {
        assert(*at != '\0'); /* a string that nobody closed */
        once[len++] = *at == '\\' ? escape_read(&at) : *at;
    }
    at++;
    if (*at == '*') {
        times = strtoul(at + 1, &end, 10);
        at = end;
    }
    out->len = len * times;
    out->data = must_realloc(NULL, out->len + 1);
    for (i = 0; i < times; i++)
        memcpy(out->data + i * len, once, len);
    out->data[out->len] = '\0';
    free(once);
    return at;
}

/* Read a word, and return what follows it. */
static const char *word_read(const char *at, struct word *out)
{
    if (*at == '"')
        return string_read(at, out);
    out->len = strcspn(at, " ");
    out->data = must_realloc(NULL, out->len + 1);
    memcpy(out->data, at, out->len);
    out->data[out->len] = '\0';
    return at + out->len;
}

/* Read key=value into the options, and return what follows it. */
static const char *option_read(const char *at, size_t key_len,
                               struct command *command)
{
    char key[64] = {0};
    struct word value;
    lares_status rc;

    assert(key_len < sizeof key);
    memcpy(key, at, key_len);
    at = word_read(at + key_len + 1, &value);
    rc = lares_options_set(command->options, key, value.data);
    if (command->options_status == LARES_OK)
        command->options_status = rc;
    free(value.data);
    return at;
}

static void command_init(struct command *command, const char *line)
{
    size_t key_len;
    size_t count = 0;

    memset(command, 0, sizeof *command);
    if (lares_options_new(&command->options) < 0)
        exit(2);
    while (*line != '\0') {
        key_len = strspn(line, "abcdefghijklmnopqrstuvwxyz.");
        if (line[key_len] == '=') {
            line = option_read(line, key_len, command);
        } else {
            assert(count + 1 < CASE_WORDS_MAX);
            line = word_read(line, &command->words[count++]);
        }
        line += strspn(line, " ");
    }
}

static void command_fini(struct command *command)
{
    size_t i;

    for (i = 0; i < CASE_WORDS_MAX; i++)
        free(command->words[i].data);
    lares_options_free(command->options);
}

/* -- lines --------------------------------------------------------------- */

/* Squeeze the blanks of a line that stand outside its strings. */
static void line_squeeze(char *line)
{
    const char *from = line;
    char *to = line;
    int quoted = 0;

    for (; *from != '\0'; from++) {
        if (quoted && *from == '\\')
            *to++ = *from++;
        else if (*from == '"')
            quoted = !quoted;
        if (quoted || (*from != ' ' && *from != '\t'))
            *to++ = *from;
        else if (to > line && to[-1] != ' ')
            *to++ = ' ';
    }
    if (to > line && to[-1] == ' ')
        to--;
    *to = '\0';
}

/* Read a file without comments, empty lines and runs of blanks. */
static struct text lines_read(const char *path)
{
    FILE *file = fopen(path, "r");
    struct text lines = text_new();
    char *line = NULL;
    size_t size = 0;

    if (file == NULL) {
        perror(path);
        exit(2);
    }
    while (getline(&line, &size, file) >= 0) {
        line[strcspn(line, "\n")] = '\0';
        line_squeeze(line);
        if (*line != '\0' && *line != '#')
            text_add(&lines, "%s\n", line);
    }
    free(line);
    fclose(file);
    return lines;
}

/* Cut the first line off, and return it; NULL behind the last. */
static char *line_next(char **lines)
{
    return **lines != '\0' ? strsep(lines, "\n") : NULL;
}

/* -- playing ------------------------------------------------------------- */

static void diff_print(char sign, char *lines)
{
    char *line;

    while ((line = line_next(&lines)) != NULL)
        fprintf(stderr, "%c%s\n", sign, line);
}

/* Play one command, and say whether its results are the expected. */
static int line_play(const char *line, char *expected,
                     const struct case_player *player, void *context)
{
    struct command command;
    struct text results = text_new();
    int equal;

    command_init(&command, line);
    player->play(context, &command, &results);
    command_fini(&command);
    printf("%s\n%s", line, results.data);
    equal = strcmp(results.data, expected) == 0;
    if (!equal) {
        fprintf(stderr, " %s\n", line);
        diff_print('-', expected);
        diff_print('+', results.data);
    }
    free(results.data);
    return equal;
}

/* Play a case, and say whether it is its own transcript. */
static int case_play(char *lines, const struct case_player *player)
{
    void *context = player->begin();
    struct text expected;
    int equal = 1;
    char *line;

    while ((line = line_next(&lines)) != NULL) {
        expected = text_new();
        while (*lines == '=')
            text_add(&expected, "%s\n", line_next(&lines));
        equal &= line_play(line, expected.data, player, context);
        free(expected.data);
    }
    player->end(context);
    return equal;
}

/* -- skipping ------------------------------------------------------------ */

/* A line "verb NAME: reason" or "case NAME: reason". */
struct skip {
    const char *what;
    const char *reason;
    int used;
};

static size_t skips_read(char *lines, struct skip *skips)
{
    size_t count = 0;
    char *line;

    while ((line = line_next(&lines)) != NULL) {
        assert(count < SKIPS_MAX);
        skips[count].what = strsep(&line, ":");
        skips[count].reason = line != NULL ? line : "";
        skips[count++].used = 0;
    }
    return count;
}

/* Does a line of the case begin with the verb? */
static int lines_have_verb(const char *lines, const char *verb)
{
    size_t len = strlen(verb);

    while (*lines != '\0') {
        if (strncmp(lines, verb, len) == 0 && strchr(" \n", lines[len]))
            return 1;
        lines += strcspn(lines, "\n") + 1;
    }
    return 0;
}

static int skip_matches(const struct skip *skip, const char *name,
                        const char *lines)
{
    if (strncmp(skip->what, "verb ", 5) == 0)
        return lines_have_verb(lines, skip->what + 5);
    return strncmp(skip->what, "case ", 5) == 0 &&
           strncmp(skip->what + 5, name, strcspn(name, ".")) == 0 &&
           skip->what[5 + strcspn(name, ".")] == '\0';
}

/* Find why a case is skipped, and mark all lines that say so. */
static const char *skips_find(struct skip *skips, size_t count,
                              const char *name, const char *lines)
{
    const char *reason = NULL;
    size_t i;

    for (i = 0; i < count; i++) {
        if (skip_matches(&skips[i], name, lines)) {
            skips[i].used = 1;
            reason = skips[i].reason;
        }
    }
    return reason;
}

static size_t skips_print_stale(const struct skip *skips, size_t count)
{
    size_t stale = 0;
    size_t i;

    for (i = 0; i < count; i++) {
        if (skips[i].used)
            continue;
        fprintf(stderr, "%s: skips no case\n", skips[i].what);
        stale++;
    }
    return stale;
}

int case_main(int argc, char **argv, const struct case_player *player)
{
    struct text skip_lines = lines_read(argc > 1 ? argv[1] : "");
    struct skip skips[SKIPS_MAX];
    size_t count = skips_read(skip_lines.data, skips);
    size_t stale;
    int skipped = 0;
    int failed = 0;
    int i;

    for (i = 2; i < argc; i++) {
        struct text lines = lines_read(argv[i]);
        const char *name = basename(argv[i]);
        const char *reason = skips_find(skips, count, name, lines.data);

        skipped += reason != NULL;
        printf("# %s%s%s\n", name, reason != NULL ? " skipped:" : "",
               reason != NULL ? reason : "");
        if (reason == NULL && !case_play(lines.data, player)) {
            fprintf(stderr, "%s differs\n", argv[i]);
            failed++;
        }
        free(lines.data);
    }
    stale = skips_print_stale(skips, count);
    free(skip_lines.data);
    printf("# %d cases, %d skipped, %d differ\n", argc - 2, skipped, failed);
    return failed > 0 || stale > 0;
}
