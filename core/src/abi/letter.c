#include "base/error.h"
#include "base/forked.h"
#include "node/letters.h"

static lares_status check_node(const lares_node *node)
{
    if (lares__refused())
        return lares__forked_refuse();
    if (node == NULL)
        return lares__error(LARES_EINVAL, "node is NULL");
    return LARES_OK;
}

lares_status lares_letter_data(lares_node *node, uint64_t id, lares_bytes **out)
{
    lares_status rc = check_node(node);
    uint64_t receiver;

    if (rc < 0)
        return rc;
    if (out == NULL)
        return lares__error(LARES_EINVAL, "out is NULL");
    return lares__letters_data(&node->bus.letters, id, &receiver, out);
}

lares_status lares_letter_replay(lares_node *node, uint64_t id)
{
    lares_status rc = check_node(node);

    if (rc < 0)
        return rc;
    return lares__letter_replay(node, id);
}

lares_status lares_letter_drop(lares_node *node, uint64_t id)
{
    lares_status rc = check_node(node);

    if (rc < 0)
        return rc;
    if (id != 0)
        return lares__letters_drop(&node->bus.letters, id);
    lares__letters_clear(&node->bus.letters);
    return LARES_OK;
}
