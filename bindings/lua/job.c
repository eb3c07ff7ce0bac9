#include "job.h"

#include "file.h"

#include <stdlib.h>
#include <string.h>

/* -- options that a job has ----------------------------------------------- */

static int take_subscribe(struct lares__job *job, const char *value)
{
    size_t have = strlen(job->subscribe), len = strlen(value);

    if (have + len + 1 > LARES__PATTERNS_MAX)
        return lares__console_usage(&job->console,
                                    "--subscribe: more than %d bytes",
                                    LARES__PATTERNS_MAX);
    if (have > 0)
        job->subscribe[have++] = ' ';
    memcpy(job->subscribe + have, value, len + 1);
    return 0;
}

static int take_publish(struct lares__job *job, const char *value)
{
    job->publish = value;
    return 0;
}

static int take_argument(struct lares__job *job, const char *value)
{
    job->argument = value;
    return 0;
}

static int take_kind(struct lares__job *job, const char *value)
{
    job->kind = value;
    return 0;
}

static int take_key(struct lares__job *job, const char *value)
{
    job->key = value;
    return 0;
}

static int take_restore(struct lares__job *job, const char *value)
{
    job->restore = value;
    return 0;
}

static int take_node(struct lares__job *job, const char *value)
{
    job->node = value;
    return 0;
}

/* --option key=value */
static int take_option(struct lares__job *job, const char *value)
{
    const char *equals = strchr(value, '=');
    char key[128];
    size_t len;
    lares_status rc;

    if (equals == NULL)
        return lares__console_usage(&job->console,
                                    "--option %s: expected key=value", value);
    len = (size_t)(equals - value);
    if (len >= sizeof key)
        len = sizeof key - 1; /* no option has such a name: EOPTION will say */
    memcpy(key, value, len);
    key[len] = '\0';
    rc = lares_options_set(job->options, key, equals + 1);
    return rc < 0 ? lares__console_fail(&job->console, rc, "--option") : 0;
}

static const struct flag {
    const char *name, *value;
    int (*take)(struct lares__job *job, const char *value);
} flags[] = {
    {"subscribe", "CHANNEL",   take_subscribe},
    {"publish",   "CHANNEL",   take_publish  },
    {"argument",  "TEXT",      take_argument },
    {"option",    "KEY=VALUE", take_option   },
    {"kind",      "NAME",      take_kind     },
    {"key",       "FILE",      take_key      },
    {"restore",   "IMAGE",     take_restore  },
    {"node",      "NAME",      take_node     },
};

/* -- the image ------------------------------------------------------------ */

static lares_status image_output(struct lares__job *job)
{
    lares_rows *rows;
    const char *channel = "";
    lares_status rc =
        lares_image_report(job->image, job->image_len, "image", &rows);

    if (rc < 0)
        return rc;
    if (lares_rows_next(rows) == LARES_OK)
        (void)lares_rows_text(rows, "publish", &channel);
    if (*channel != '\0') {
        snprintf(job->output, sizeof job->output, "%s", channel);
        job->publish = job->output;
    }
    lares_rows_free(rows);
    return LARES_OK;
}

/* The end of a channel comes with it, and is no other. */
static int is_same_channel(const char *channel, const char *name)
{
    size_t len = strlen(channel);

    return strncmp(name, channel, len) == 0 &&
           (name[len] == '\0' || strcmp(name + len, ".end") == 0);
}

/* The first channel, by name. */
static lares_status image_input(struct lares__job *job)
{
    lares_rows *rows;
    const char *pattern;
    int several = 0;
    lares_status rc =
        lares_image_report(job->image, job->image_len, "subscriptions", &rows);

    if (rc < 0)
        return rc;
    while (lares_rows_next(rows) == LARES_OK &&
           lares_rows_text(rows, "pattern", &pattern) == LARES_OK) {
        if (strpbrk(pattern, "*>") != NULL || *pattern == '$')
            continue; /* no channel, or none that takes lines */
        if (job->subscribe[0] == '\0')
            snprintf(job->subscribe, sizeof job->subscribe, "%s", pattern);
        else if (!is_same_channel(job->subscribe, pattern))
            several = 1;
    }
    lares_rows_free(rows);
    if (several)
        fprintf(stderr,
                "%s: one of several channels: %s (--subscribe chooses)\n",
                job->console.program, job->subscribe);
    return LARES_OK;
}

/* What the command line does not say of channels, the image says. */
static int image_channels(struct lares__job *job)
{
    lares_status rc = LARES_OK;

    if (job->publish == NULL)
        rc = image_output(job);
    if (rc == LARES_OK && job->subscribe[0] == '\0')
        rc = image_input(job);
    return rc < 0 ? lares__console_fail(&job->console, rc, job->restore) : 0;
}

static int image_read(struct lares__job *job)
{
    int code;

    if (job->restore == NULL)
        return 0;
    if (job->kind != NULL)
        return lares__console_usage(&job->console,
                                    "--kind: the image says which kind it is");
    code = lares__file_read(&job->console, job->restore, LARES__IMAGE_FILE_MAX,
                            &job->image, &job->image_len);
    return code != 0 ? code : image_channels(job);
}

/* -- parsing -------------------------------------------------------------- */

static const struct flag *flag_find(const char *name, size_t len)
{
    size_t i;

    for (i = 0; i < sizeof flags / sizeof *flags; i++)
        if (strlen(flags[i].name) == len &&
            memcmp(flags[i].name, name, len) == 0)
            return &flags[i];
    return NULL;
}

/* Take --name value or --name=value; `next` is the word behind it, or NULL. */
static int flag_take(struct lares__job *job, const char *word, const char *next,
                     int *used_out)
{
    const char *name = word + 2, *equals = strchr(name, '=');
    size_t len = equals != NULL ? (size_t)(equals - name) : strlen(name);
    const struct flag *flag = flag_find(name, len);
    const char *value = equals != NULL ? equals + 1 : next;

    *used_out = equals != NULL ? 1 : 2;
    if (flag == NULL)
        return lares__console_usage(&job->console, "%s: no such option", word);
    if (value == NULL)
        return lares__console_usage(&job->console, "%s: expected %s", word,
                                    flag->value);
    return flag->take(job, value);
}

static int word_take(struct lares__job *job, const char *word)
{
    if (*word == '-')
        return lares__console_usage(&job->console, "%s: no such option", word);
    if (job->file != NULL)
        return lares__console_usage(&job->console, "%s: one file, not two",
                                    word);
    job->file = word;
    return 0;
}

/* Is the word behind this one its value, whatever it looks like? */
static int word_takes_next(const char *word)
{
    return strncmp(word, "--", 2) == 0 &&
           flag_find(word + 2, strlen(word + 2)) != NULL;
}

/* Errors are printed as --json wants it, wherever on the line it stands. */
static void job_look_ahead(struct lares__job *job, int count,
                           const char *const words[])
{
    int i;

    for (i = 0; i < count; i += word_takes_next(words[i]) ? 2 : 1) {
        job->console.json |= strcmp(words[i], "--json") == 0;
        job->help |=
            strcmp(words[i], "--help") == 0 || strcmp(words[i], "-h") == 0;
    }
}

static int words_take(struct lares__job *job, int count,
                      const char *const words[])
{
    int i, used, code = 0;

    for (i = 0; i < count && code == 0; i += used) {
        used = 1;
        if (strcmp(words[i], "--json") == 0)
            continue;
        if (strncmp(words[i], "--", 2) == 0)
            code = flag_take(job, words[i], i + 1 < count ? words[i + 1] : NULL,
                             &used);
        else
            code = word_take(job, words[i]);
    }
    return code;
}

int lares__job_parse(struct lares__job *job, const char *program,
                     const char *file, int count, const char *const words[])
{
    lares_status rc;
    int code;

    memset(job, 0, sizeof *job);
    job->console.program = program;
    job->file = file;
    job_look_ahead(job, count, words);
    if (job->help)
        return 0;
    rc = lares_options_new(&job->options);
    if (rc < 0)
        return lares__console_fail(&job->console, rc, "options");
    code = words_take(job, count, words);
    if (code == 0)
        code = image_read(job);
    if (job->subscribe[0] == '\0')
        strcpy(job->subscribe, "in");
    if (job->publish == NULL)
        job->publish = "out";
    return code;
}

void lares__job_fini(struct lares__job *job)
{
    lares_options_free(job->options);
    free(job->image);
}

/* -- the daemon ----------------------------------------------------------- */

int lares__job_channel(const struct lares__job *job, char *out, size_t size)
{
    size_t len = strcspn(job->subscribe, " ");

    if (len == 0 || len >= size)
        return lares__console_usage(&job->console,
                                    "--subscribe: no channel comes first");
    if (strcspn(job->subscribe, "*>") < len)
        return lares__console_usage(
            &job->console,
            "--subscribe %s: the first takes the lines, so it "
            "must be a channel",
            job->subscribe);
    memcpy(out, job->subscribe, len);
    out[len] = '\0';
    return 0;
}

/* Put the first kind by name into out, and count all. */
static lares_status kind_first(lares_node *node, char *out, size_t size,
                               int *count_out)
{
    lares_rows *rows;
    const char *name;
    int count = 0;
    lares_status rc = lares_node_report(node, "kinds", &rows);

    if (rc < 0)
        return rc;
    while ((rc = lares_rows_next(rows)) == LARES_OK) {
        rc = lares_rows_text(rows, "name", &name);
        if (rc < 0)
            break;
        if (count == 0 || strcmp(name, out) < 0)
            snprintf(out, size, "%s", name);
        count++;
    }
    lares_rows_free(rows);
    *count_out = count;
    return rc == LARES_EDONE ? LARES_OK : rc;
}

static int kind_choose(const struct lares__job *job, lares_node *node,
                       char *out, size_t size)
{
    int count = 0;
    lares_status rc;

    if (job->kind != NULL) {
        snprintf(out, size, "%s", job->kind);
        return 0;
    }
    rc = kind_first(node, out, size, &count);
    if (rc < 0)
        return lares__console_fail(&job->console, rc, "kinds");
    if (count == 0)
        return lares__console_usage(&job->console, "no kind of daemon in %s",
                                    job->file);
    if (count > 1)
        fprintf(stderr, "%s: one of %d kinds: %s (--kind chooses)\n",
                job->console.program, count, out);
    return 0;
}

static int key_read(const struct lares__job *job, lares_key **out)
{
    unsigned char seed[LARES__SEED_LEN];
    int code = lares__seed_read(&job->console, job->key, seed);
    lares_status rc = LARES_OK;

    if (code == 0)
        rc = lares_key_new(seed, sizeof seed, out);
    explicit_bzero(seed, sizeof seed);
    return rc < 0 ? lares__console_fail(&job->console, rc, job->key) : code;
}

static lares_status argument_set(const struct lares__job *job)
{
    if (job->argument == NULL)
        return LARES_OK;
    return lares_options_set(job->options, "argument", job->argument);
}

/* What the image says of channels holds: the options name those of the lines
 * alone. */
static int daemon_restore(const struct lares__job *job, lares_node *node,
                          const lares_key *key)
{
    lares_status rc = argument_set(job);

    if (rc >= 0)
        rc = lares_node_restore(node, job->image, job->image_len, key,
                                job->options, NULL);
    return rc < 0 ? lares__console_fail(&job->console, rc, job->restore) : 0;
}

static int daemon_spawn(const struct lares__job *job, lares_node *node,
                        const lares_key *key)
{
    char kind[128];
    lares_status rc;
    int code = kind_choose(job, node, kind, sizeof kind);

    if (code != 0)
        return code;
    rc = lares_options_set(job->options, "subscribe", job->subscribe);
    if (rc >= 0)
        rc = lares_options_set(job->options, "publish", job->publish);
    if (rc >= 0)
        rc = argument_set(job);
    if (rc >= 0)
        rc = lares_node_spawn(node, kind, key, job->options, NULL);
    return rc < 0 ? lares__console_fail(&job->console, rc, NULL) : 0;
}

int lares__job_start(const struct lares__job *job, lares_node *node)
{
    lares_key *key = NULL;
    int code = job->key != NULL ? key_read(job, &key) : 0;

    if (code == 0)
        code = job->restore != NULL ? daemon_restore(job, node, key)
                                    : daemon_spawn(job, node, key);
    lares_key_free(key);
    return code;
}

/* -- help ----------------------------------------------------------------- */

void lares__job_help(FILE *file)
{
    fputs(
        "Each line of standard input is an event for the daemon; what it\n"
        "emits is printed, a line each. At the end of the input an empty\n"
        "event goes to CHANNEL.end, and what is still queued is done.\n"
        "\n"
        "  --subscribe CHANNEL   what the daemon hears; the first gets the\n"
        "                        lines (in); may be given again\n"
        "  --publish CHANNEL     where it emits; this is printed (out)\n"
        "  --argument TEXT       handed to the daemon as it is\n"
        "  --option KEY=VALUE    a spawn option, such as batch=1\n"
        "  --kind NAME           which kind of FILE to run (first by name)\n"
        "  --key FILE            its identity, from lares keygen (fresh)\n"
        "  --restore IMAGE       go on from an image, which holds kind and\n"
        "                        channels: lines go to the first channel that\n"
        "                        it hears, and its output is printed; what\n"
        "                        --subscribe and --publish say is about the\n"
        "                        lines alone\n"
        "  --node NAME           name of the node (run- and process id)\n"
        "  --json                print objects: outputs, letters, errors, "
        "counts\n"
        "  -h, --help            print this\n"
        "\n"
        "Exit codes: 0 done, 1 failed, 2 usage, 4 not found, 5 refused,\n"
        "6 timed out, 7 done in part: dead letters, or lines that reached\n"
        "nobody; 130 interrupted.\n",
        file);
}
