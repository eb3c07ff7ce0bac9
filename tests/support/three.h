/* three.h - a node without lanes, and kinds a, b and c that note. */
#ifndef TESTS_THREE_H
#define TESTS_THREE_H

#include "support/house.h"

/* -- fixture -------------------------------------------------------------- */

enum {
    THREE = 3
};

static lares_node *node;
static struct notes notes[THREE];

static inline int three_setup(void **state)
{
    static const char *const kinds[THREE] = {"a", "b", "c"};
    int rc = house_setup(state);

    node = node_open("0");
    memset(notes, 0, sizeof notes);
    for (int i = 0; i < THREE; i++)
        kind_add(node, kinds[i], note, &notes[i]);
    kind_add(node, "echo", echo, NULL);
    kind_add(node, "touchy", touchy, NULL);
    return rc;
}

static inline int three_teardown(void **state)
{
    node_close(node);
    return house_teardown(state);
}

/* How many events the kind was shown. */
static inline unsigned seen(int i)
{
    return atomic_load(&notes[i].count);
}

#define three_test(test)                                                       \
    cmocka_unit_test_setup_teardown(test, three_setup, three_teardown)

#endif
