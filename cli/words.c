#include "words.h"

#include <string.h>

/* The length of a flag's name in a word: --name, --name=value, -n; 0: it is
 * another one. */
static size_t flag_matches(const char *name, const char *word)
{
    size_t len = name != NULL ? strlen(name) : 0;

    if (len == 0 || strncmp(name, word, len) != 0)
        return 0;
    return word[len] == '\0' || (word[len] == '=' && word[1] == '-') ? len : 0;
}

/* Where the value of a flag goes; NULL: the word is no flag with a value. */
static const char **flag_find(struct lares__words *words,
                              const struct lares__spelling *spelling,
                              const char *word, size_t *len_out)
{
    int i;

    *len_out = words->asks_node ? flag_matches("--node", word) : 0;
    if (*len_out > 0)
        return &words->node;
    for (i = 0; i < LARES__FLAGS_MAX; i++) {
        *len_out = flag_matches(spelling->flags[i], word);
        if (*len_out > 0)
            return &words->values[i];
    }
    return NULL;
}

/* Errors are printed as --json wants it, wherever on the line it stands; what
 * is the value of a flag is none of these. */
static void words_look_ahead(struct lares__words *words,
                             const struct lares__spelling *spelling, int count,
                             const char *const list[])
{
    size_t len;
    int i;

    for (i = 0; i < count; i++) {
        if (flag_find(words, spelling, list[i], &len) != NULL) {
            i += list[i][len] == '\0';
            continue;
        }
        words->console.json |= strcmp(list[i], "--json") == 0;
        words->help |=
            strcmp(list[i], "--help") == 0 || strcmp(list[i], "-h") == 0;
    }
}

static int place_take(struct lares__words *words,
                      const struct lares__spelling *spelling, const char *word)
{
    if (strcmp(word, "--json") == 0)
        return 0;
    if (*word == '-')
        return lares__console_usage(&words->console, "%s: no such option",
                                    word);
    if (words->count == LARES__PLACES_MAX ||
        spelling->places[words->count] == NULL)
        return lares__console_usage(&words->console, "%s: unexpected", word);
    words->places[words->count++] = word;
    return 0;
}

static int words_take(struct lares__words *words,
                      const struct lares__spelling *spelling, int count,
                      const char *const list[])
{
    const char **value;
    size_t len;
    int i, code = 0;

    for (i = 0; i < count && code == 0; i++) {
        value = flag_find(words, spelling, list[i], &len);
        if (value == NULL)
            code = place_take(words, spelling, list[i]);
        else if (list[i][len] == '=')
            *value = list[i] + len + 1;
        else if (i + 1 < count)
            *value = list[++i];
        else
            code = lares__console_usage(&words->console, "%s: expected a value",
                                        list[i]);
    }
    return code;
}

static int words_complete(const struct lares__words *words,
                          const struct lares__spelling *spelling)
{
    int i;

    if (words->count < spelling->places_needed)
        return lares__console_usage(&words->console, "expected %s",
                                    spelling->places[words->count]);
    for (i = 0; i < spelling->flags_needed; i++)
        if (words->values[i] == NULL)
            return lares__console_usage(&words->console, "expected %s",
                                        spelling->flags[i]);
    return 0;
}

int lares__words_read(struct lares__words *words,
                      const struct lares__spelling *spelling, int asks_node,
                      int count, const char *const list[])
{
    int code;

    memset(words, 0, sizeof *words);
    words->asks_node = asks_node;
    words->console.program = spelling->program;
    words_look_ahead(words, spelling, count, list);
    if (words->help)
        return 0;
    code = words_take(words, spelling, count, list);
    return code != 0 ? code : words_complete(words, spelling);
}
