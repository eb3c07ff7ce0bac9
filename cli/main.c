/* main.c - the `lares` program: finds the verb. */
#include <stdio.h>
#include <string.h>

#include "console.h"
#include "lares.h"
#include "verb.h"

static const struct verb {
    const char *name, *text;
    int (*run)(int count, const char *const words[]);
} verbs[] = {
    {"run",      "run a daemon as a filter of lines",          verb_run     },
    {"ps",       "show who lives on a node, or another table", verb_ps      },
    {"send",     "send lines to a daemon",                     verb_send    },
    {"snapshot", "take the image of a daemon",                 verb_snapshot},
    {"restore",  "start a daemon from its image",              verb_restore },
    {"stop",     "stop a daemon",                              verb_stop    },
    {"restart",  "forget a daemon's failures, try again",      verb_restart },
    {"dead",     "show dead letters; replay or drop them",     verb_dead    },
    {"recover",  "run the recovery handlers of a node now",    verb_recover },
    {"image",    "show what an image says",                    verb_image   },
    {"keygen",   "make an identity and store it",              verb_keygen  },
};

enum {
    VERBS = sizeof verbs / sizeof *verbs
};

static void help_print(FILE *file)
{
    size_t i;

    fputs("usage: lares VERB ...\n\n", file);
    for (i = 0; i < VERBS; i++)
        fprintf(file, "  %-10s %s\n", verbs[i].name, verbs[i].text);
    fputs("\nlares VERB --help tells more; lares --version, which one this "
          "is.\n",
          file);
}

static int version_print(void)
{
    uint32_t abi = lares_abi_version();

    printf("lares %s (library: ABI %u.%u)\n", LARES_VERSION, abi >> 16,
           abi & 0xffff);
    return LARES__EXIT_DONE;
}

static int verb_find_and_run(int count, const char *const words[])
{
    const struct lares__console console = {"lares", 0};
    size_t i;

    for (i = 0; i < VERBS; i++)
        if (strcmp(words[0], verbs[i].name) == 0)
            return verbs[i].run(count - 1, words + 1);
    return lares__console_usage(&console, "%s: no such verb", words[0]);
}

int main(int argc, char **argv)
{
    lares__console_open();
    if (argc < 2) {
        help_print(stderr);
        return LARES__EXIT_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0)
        return version_print();
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        help_print(stdout);
        return LARES__EXIT_DONE;
    }
    return verb_find_and_run(argc - 1, (const char *const *)(argv + 1));
}
