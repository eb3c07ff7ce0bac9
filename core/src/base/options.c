#include "base/options.h"

#include "base/alloc.h"
#include "base/error.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Key and value share one block, which begins at key. */
struct pair {
    char *key;
    const char *value;
};

struct lares_options {
    size_t count;
    struct pair *pairs; /* count of them: sets are small and seldom grow */
};

/* -- pairs --------------------------------------------------------------- */

static lares_status pair_new(const char *key, const char *value,
                             struct pair *out)
{
    size_t key_size = strlen(key) + 1;
    size_t value_size = strlen(value) + 1;
    char *block = lares__alloc(key_size + value_size);

    if (block == NULL)
        return lares__error(LARES_ENOMEM, "no memory for option '%s'", key);
    memcpy(block, key, key_size);
    memcpy(block + key_size, value, value_size);
    out->key = block;
    out->value = block + key_size;
    return LARES_OK;
}

static struct pair *pair_find(const lares_options *options, const char *key)
{
    size_t i;

    for (i = 0; options != NULL && i < options->count; i++)
        if (strcmp(options->pairs[i].key, key) == 0)
            return &options->pairs[i];
    return NULL;
}

int lares__options_key_formed(const char *key, size_t len)
{
    size_t i;
    char before = '.';

    if (len > LARES__OPTIONS_KEY_MAX)
        return 0;
    for (i = 0; i < len; i++) {
        if (key[i] == '.' ? before == '.' : key[i] < 'a' || key[i] > 'z')
            return 0;
        before = key[i];
    }
    return before != '.';
}

static lares_status pair_check(const char *key, const char *value)
{
    if (!lares__options_key_formed(key,
                                   strnlen(key, LARES__OPTIONS_KEY_MAX + 1)))
        return lares__error(LARES_ENAME,
                            "an option is lower-case words joined by dots, "
                            "at most %d bytes, not '%s'",
                            LARES__OPTIONS_KEY_MAX, key);
    if (strnlen(value, LARES__OPTIONS_VALUE_MAX + 1) > LARES__OPTIONS_VALUE_MAX)
        return lares__error(LARES_ETOOBIG,
                            "the value of option '%s' is over %d bytes", key,
                            LARES__OPTIONS_VALUE_MAX);
    return LARES_OK;
}

/* -- sets ---------------------------------------------------------------- */

lares_status lares__options_new(lares_options **out)
{
    lares_options *options = lares__calloc(1, sizeof *options);

    if (options == NULL)
        return lares__error(LARES_ENOMEM, "no memory for options");
    *out = options;
    return LARES_OK;
}

lares_status lares__options_copy(const lares_options *options,
                                 lares_options **out)
{
    lares_options *copy = NULL;
    lares_status rc;
    size_t i;

    rc = lares__options_new(&copy);
    if (rc < 0)
        return rc;
    for (i = 0; i < lares__options_count(options); i++) {
        rc = lares__options_set(copy, options->pairs[i].key,
                                options->pairs[i].value);
        if (rc < 0)
            goto fail_copy;
    }
    *out = copy;
    return LARES_OK;

fail_copy:
    lares__options_free(copy);
    return rc;
}

void lares__options_free(lares_options *options)
{
    size_t i;

    if (options == NULL)
        return;
    for (i = 0; i < options->count; i++)
        lares__free(options->pairs[i].key);
    lares__free(options->pairs);
    lares__free(options);
}

static lares_status options_add(lares_options *options, const struct pair *pair)
{
    struct pair *pairs;

    if (options->count == LARES__OPTIONS_MAX)
        return lares__error(LARES_ELIMIT, "option '%s' is one more than %d",
                            pair->key, LARES__OPTIONS_MAX);
    pairs =
        lares__realloc(options->pairs, (options->count + 1) * sizeof *pairs);
    if (pairs == NULL)
        return lares__error(LARES_ENOMEM, "no memory for option '%s'",
                            pair->key);
    pairs[options->count] = *pair;
    options->pairs = pairs;
    options->count++;
    return LARES_OK;
}

lares_status lares__options_set(lares_options *options, const char *key,
                                const char *value)
{
    struct pair pair, *old;
    lares_status rc;

    rc = pair_check(key, value);
    if (rc < 0)
        return rc;
    rc = pair_new(key, value, &pair);
    if (rc < 0)
        return rc;
    old = pair_find(options, key);
    if (old != NULL) {
        lares__free(old->key);
        *old = pair;
        return LARES_OK;
    }
    rc = options_add(options, &pair);
    if (rc < 0)
        lares__free(pair.key);
    return rc;
}

/* -- reading ------------------------------------------------------------- */

const char *lares__options_get(const lares_options *options, const char *key)
{
    const struct pair *pair = pair_find(options, key);

    return pair != NULL ? pair->value : NULL;
}

size_t lares__options_count(const lares_options *options)
{
    return options != NULL ? options->count : 0;
}

void lares__options_at(const lares_options *options, size_t index,
                       const char **key_out, const char **value_out)
{
    assert(index < lares__options_count(options));
    *key_out = options->pairs[index].key;
    *value_out = options->pairs[index].value;
}

static int list_has(const char *const list[], const char *key)
{
    for (; *list != NULL; list++)
        if (strcmp(*list, key) == 0)
            return 1;
    return 0;
}

static lares_status options_unknown(const char *key, const char *const known[])
{
    char list[LARES__ERROR_MAX + 1] = "";
    size_t len = 0;

    for (; *known != NULL && len < sizeof list; known++)
        len += (size_t)snprintf(list + len, sizeof list - len, " %s", *known);
    return lares__error(LARES_EOPTION, "'%s' is none of:%s", key, list);
}

lares_status lares__options_known(const lares_options *options,
                                  const char *const known[])
{
    size_t i;

    for (i = 0; i < lares__options_count(options); i++)
        if (!list_has(known, options->pairs[i].key))
            return options_unknown(options->pairs[i].key, known);
    return LARES_OK;
}

/* 0 unless text is all digits and its value fits. */
static int number_read(const char *text, uint64_t *out)
{
    uint64_t value = 0;

    if (*text == '\0')
        return 0;
    for (; *text >= '0' && *text <= '9'; text++)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value))
            return 0;
    *out = value;
    return *text == '\0';
}

lares_status lares__options_u64(const lares_options *options, const char *key,
                                uint64_t min, uint64_t max, uint64_t *inout)
{
    const char *text = lares__options_get(options, key);
    uint64_t value;

    if (text == NULL)
        return LARES_OK;
    if (!number_read(text, &value) || value < min || value > max)
        return lares__error(LARES_ERANGE,
                            "option '%s' is a number from %" PRIu64
                            " to %" PRIu64 ", not '%s'",
                            key, min, max, text);
    *inout = value;
    return LARES_OK;
}

lares_status lares__options_flag(const lares_options *options, const char *key,
                                 int *inout)
{
    const char *text = lares__options_get(options, key);

    if (text == NULL)
        return LARES_OK;
    if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
        return lares__error(
            LARES_ERANGE, "option '%s' is true or false, not '%s'", key, text);
    *inout = *text == 't';
    return LARES_OK;
}
