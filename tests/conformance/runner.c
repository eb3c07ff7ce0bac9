/* Play conformance cases through lares.h: runner SKIP CASE...
 *
 * case.c reads cases and compares transcripts, things.c keeps what a case has
 * named, verbs.c does the commands; kinds.c and handlers.c are what an author
 * writes.
 */
#include "case.h"
#include "verbs.h"

#include <stdlib.h>
#include <string.h>

static void *runner_begin(void)
{
    return memset(must_realloc(NULL, sizeof(struct play)), 0,
                  sizeof(struct play));
}

static void runner_play(void *context, const struct command *command,
                        struct text *results)
{
    struct play *play = context;
    lares_status rc = command->options_status;

    play->words = command->words;
    play->options = command->options;
    play->results = results;
    if (rc == LARES_OK)
        rc = verb_play(play);
    if (rc == LARES_OK)
        return;
    text_add(results, "= %s", lares_status_name(rc));
    if (rc == LARES_ECALLBACK &&
        strcmp(command->words[0].data, "deliver") == 0) {
        text_add(results, " ");
        text_add_failure(results, lares_error_detail());
    }
    text_add(results, "\n");
}

static void runner_end(void *context)
{
    struct play *play = context;

    things_fini(&play->things);
    lares_world_free(play->world);
    free(play);
}

int main(int argc, char **argv)
{
    static const struct case_player player = {runner_begin, runner_play,
                                              runner_end};

    return case_main(argc, argv, &player);
}
