/* The misuse matrix in C: a callback or a puller does what it must not, and
 * nobody else is harmed. Each cell is played by a process of its own (run.py).
 *
 *     misuse --list       names, and what is expected
 *     misuse NAME         plays that cell
 */
#include "misuse.h"

static const struct cell *const columns[] = {
    vtable_cells,
    pull_cells,
#ifdef SCRIPT_HOST
    script_cells,
#endif
};

enum {
    COLUMNS = sizeof columns / sizeof *columns
};

static void cells_list(const struct cell *cells)
{
    for (; cells->name != NULL; cells++)
        printf("%s: %s\n", cells->name, cells->expected);
}

static int cells_play(const struct cell *cells, const char *name)
{
    for (; cells->name != NULL; cells++)
        if (strcmp(cells->name, name) == 0) {
            cells->play();
            return 1;
        }
    return 0;
}

int main(int argc, char **argv)
{
    int list = argc == 2 && strcmp(argv[1], "--list") == 0;

    for (size_t i = 0; argc == 2 && i < COLUMNS; i++) {
        if (list)
            cells_list(columns[i]);
        else if (cells_play(columns[i], argv[1]))
            return 0;
    }
    return !list;
}
