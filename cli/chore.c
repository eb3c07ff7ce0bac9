#include "chore.h"

#include <stdio.h>

int lares__chore_run(const struct lares__chore *chore, int count,
                     const char *const words[])
{
    struct lares__words line;
    int code = lares__words_read(&line, &chore->spelling, 0, count, words);

    if (code != 0)
        return code;
    if (line.help) {
        fputs(chore->help, stdout);
        return 0;
    }
    return chore->run(&line);
}
