/* wordcount.c - counts the words of its events; on channel lines.end it emits
 * the counts: sorted lines "count word" in blocks, then an empty event. Such
 * lines are its state, too.
 *
 *     cc -shared -fPIC wordcount.c -o wordcount.so \
 *         $(pkg-config --cflags --libs lares)
 *     lares run ./wordcount.so --subscribe "lines lines.end" < text.txt
 */
#include <inttypes.h>
#include <lares.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BLOCK = 1000 /* lines; an input may have 1 024 outputs */
};

/* A hash table with open addressing; a free slot has count 0. */
struct slot {
    uint64_t hash;
    uint64_t count;
    size_t at; /* of the word, in the text */
    size_t len;
};

struct wordcount {
    struct slot *slots;
    size_t slots_size; /* a power of two, never more than half in use */
    size_t slots_used;
    char *text; /* all words, one behind the other */
    size_t text_size;
    size_t text_len;
};

/* -- table --------------------------------------------------------------- */

static struct slot *slot_find(const struct wordcount *words, const char *word,
                              size_t len, uint64_t hash)
{
    size_t mask = words->slots_size - 1;
    size_t i = hash & mask;
    struct slot *slot;

    for (;; i = (i + 1) & mask) {
        slot = &words->slots[i];
        if (slot->count == 0 ||
            (slot->hash == hash && slot->len == len &&
             memcmp(words->text + slot->at, word, len) == 0))
            return slot;
    }
}

static int slots_grow(struct wordcount *words, size_t size)
{
    struct wordcount grown = *words;
    size_t i;

    grown.slots_size = size;
    grown.slots = calloc(size, sizeof *grown.slots);
    if (grown.slots == NULL)
        return 0;
    for (i = 0; i < words->slots_size; i++) {
        const struct slot *old = &words->slots[i];

        if (old->count > 0)
            *slot_find(&grown, words->text + old->at, old->len, old->hash) =
                *old;
    }
    free(words->slots);
    *words = grown;
    return 1;
}

/* Make room for all words of a line, so that it is counted whole or not. */
static int wordcount_reserve(struct wordcount *words, size_t line_len)
{
    size_t text_size = words->text_len + line_len;
    size_t slots_size = words->slots_size > 0 ? words->slots_size : 1024;
    char *text;

    if (text_size > words->text_size) {
        text = realloc(words->text, 2 * text_size);
        if (text == NULL)
            return 0;
        words->text = text;
        words->text_size = 2 * text_size;
    }
    while (slots_size / 2 < words->slots_used + line_len / 2 + 1)
        slots_size *= 2;
    return slots_size == words->slots_size || slots_grow(words, slots_size);
}

static void wordcount_add(struct wordcount *words, const char *word, size_t len,
                          uint64_t hash, uint64_t count)
{
    struct slot *slot = slot_find(words, word, len, hash);
    int known = slot->count > 0;

    slot->count += count;
    if (known)
        return;
    slot->hash = hash;
    slot->at = words->text_len;
    slot->len = len;
    memcpy(words->text + slot->at, word, len);
    words->text_len += len;
    words->slots_used++;
}

static int is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Counts each word of a line so many times. */
static int wordcount_add_line(struct wordcount *words, const char *at,
                              size_t len, uint64_t count)
{
    const char *end = at + len;
    const char *word;
    uint64_t hash;

    if (!wordcount_reserve(words, len))
        return 0;
    while (at < end) {
        hash = 14695981039346656037u; /* FNV-1a */
        for (word = at; at < end && is_letter(*at); at++)
            hash = (hash ^ (unsigned char)*at) * 1099511628211u;
        if (at > word)
            wordcount_add(words, word, (size_t)(at - word), hash, count);
        else
            at++;
    }
    return 1;
}

/* -- report and state: lines "count word" ------------------------------- */

struct line {
    const char *word;
    size_t len;
    uint64_t count;
};

static int line_compare(const void *a, const void *b)
{
    const struct line *left = a;
    const struct line *right = b;
    size_t len = left->len < right->len ? left->len : right->len;
    int order = memcmp(left->word, right->word, len);

    if (order != 0)
        return order;
    return (left->len > right->len) - (left->len < right->len);
}

static struct line *wordcount_sort(const struct wordcount *words)
{
    struct line *lines = malloc((words->slots_used + 1) * sizeof *lines);
    size_t count = 0;
    size_t i;

    for (i = 0; lines != NULL && i < words->slots_size; i++) {
        const struct slot *slot = &words->slots[i];

        if (slot->count > 0)
            lines[count++] =
                (struct line){words->text + slot->at, slot->len, slot->count};
    }
    if (lines != NULL)
        qsort(lines, count, sizeof *lines, line_compare);
    return lines;
}

typedef lares_status (*answer_fn)(lares_call *call, const void *data,
                                  size_t len);

static lares_status emit(lares_call *call, const void *data, size_t len)
{
    return lares_call_emit(call, NULL, data, len);
}

/* The status of the answer may be ignored: a refusal latches in the call. */
static int block_answer(lares_call *call, answer_fn answer,
                        const struct line *lines, size_t count)
{
    char *block = NULL;
    size_t len = 0;
    FILE *file = open_memstream(&block, &len);
    int complete;
    size_t i;

    if (file == NULL)
        return 0;
    for (i = 0; i < count; i++)
        fprintf(file, "%" PRIu64 " %.*s\n", lines[i].count, (int)lines[i].len,
                lines[i].word);
    complete = fclose(file) == 0;
    if (complete)
        answer(call, block, len);
    free(block);
    return complete;
}

static int wordcount_answer(const struct wordcount *words, lares_call *call,
                            answer_fn answer)
{
    struct line *lines = wordcount_sort(words);
    int complete = lines != NULL;
    size_t left;
    size_t i;

    for (i = 0; complete && i < words->slots_used; i += BLOCK) {
        left = words->slots_used - i;
        complete =
            block_answer(call, answer, lines + i, left < BLOCK ? left : BLOCK);
    }
    free(lines);
    return complete;
}

static int wordcount_report(const struct wordcount *words, lares_call *call)
{
    return wordcount_answer(words, call, emit) &&
           lares_call_emit(call, NULL, "", 0) == LARES_OK;
}

/* Reads one line of a state, and steps behind it. */
static int wordcount_read(struct wordcount *words, const char **at,
                          const char *end)
{
    const char *stop = memchr(*at, '\n', (size_t)(end - *at));
    const char *word = memchr(*at, ' ', (size_t)(end - *at));
    uint64_t count;

    if (stop == NULL || word == NULL || word > stop)
        return 0;
    count = strtoull(*at, NULL, 10);
    *at = stop + 1;
    return count > 0 &&
           wordcount_add_line(words, word, (size_t)(stop - word), count);
}

/* -- daemon -------------------------------------------------------------- */

static lares_verdict wordcount_create(lares_call *call, lares_daemon *daemon,
                                      void **instance_out, void *user)
{
    struct wordcount *words = calloc(1, sizeof *words);

    (void)call;
    (void)daemon;
    (void)user;
    if (words == NULL)
        return LARES_FAILED;
    *instance_out = words;
    return LARES_DONE;
}

static void wordcount_destroy(void *instance)
{
    struct wordcount *words = instance;

    free(words->slots);
    free(words->text);
    free(words);
}

static int wordcount_handle(struct wordcount *words, lares_call *call,
                            const lares_event *event)
{
    if (event->channel != NULL && strcmp(event->channel, "lines.end") == 0)
        return wordcount_report(words, call);
    return wordcount_add_line(words, event->data, event->len, 1);
}

static lares_verdict wordcount_process(lares_call *call, void *instance)
{
    const lares_event *event;

    while ((event = lares_call_next(call)) != NULL)
        if (!wordcount_handle(instance, call, event)) {
            lares_call_fail(call, "out of memory");
            return LARES_FAILED;
        }
    return LARES_DONE;
}

static lares_verdict wordcount_snapshot(lares_call *call, void *instance)
{
    return wordcount_answer(instance, call, lares_call_state) ? LARES_DONE
                                                              : LARES_FAILED;
}

static lares_verdict wordcount_restore(lares_call *call, uint32_t version,
                                       const void *data, size_t len,
                                       void *instance)
{
    const char *at = data;
    const char *end = at + len;

    (void)version;
    while (at < end)
        if (!wordcount_read(instance, &at, end)) {
            lares_call_fail(call, "a line of the state is no \"count word\"");
            return LARES_FAILED;
        }
    return LARES_DONE;
}

/* May a plug-in built with this lares.h use the library of the process? */
static int version_fits(void)
{
    uint32_t version = lares_abi_version();

    return version / 65536 == LARES_ABI_MAJOR &&
           version % 65536 >= LARES_ABI_MINOR;
}

LARES_API lares_status lares_plugin_open(lares_node *node,
                                         const char *argument);

lares_status lares_plugin_open(lares_node *node, const char *argument)
{
    static const lares_daemon_ops ops = {
        .size = sizeof ops,
        .create = wordcount_create,
        .destroy = wordcount_destroy,
        .process = wordcount_process,
        .snapshot = wordcount_snapshot,
        .restore = wordcount_restore,
    };

    (void)argument;
    if (!version_fits())
        return LARES_EABI;
    return lares_node_register(node, "wordcount-c", NULL, &ops, NULL, NULL);
}
