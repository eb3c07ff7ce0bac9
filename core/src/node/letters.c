#include "node/letters.h"

#include "base/bytes.h"
#include "base/error.h"
#include "node/directory.h"
#include "node/program.h"

#include <inttypes.h>

/* never waits: the receiver has space now, or the letter stays */
static lares_status letter_send(lares_node *node, uint64_t receiver,
                                const lares_bytes *data)
{
    lares_daemon *daemon = lares__directory_find(node, receiver);
    lares_status rc;

    if (daemon == NULL)
        return lares__error(LARES_ECLOSED, "daemon %016" PRIx64 " has ended",
                            receiver);
    rc = lares__daemon_send(daemon, data->data, data->len, 0);
    lares__receiver_release(&daemon->receiver);
    return rc;
}

/* From the look through the drop under one lock: two threads that replay one
 * letter send it once, and the second finds it gone. */
lares_status lares__letter_replay(lares_node *node, uint64_t id)
{
    struct lares__letters *letters = &node->bus.letters;
    lares_bytes *data = NULL;
    uint64_t receiver = 0;
    lares_status rc;

    lares__mutex_lock(&node->replay_lock);
    rc = lares__letters_data(letters, id, &receiver, &data);
    if (rc == LARES_OK)
        rc = letter_send(node, receiver, data);
    if (rc == LARES_OK)
        (void)lares__letters_drop(letters, id); /* or it went out meanwhile */
    lares__mutex_unlock(&node->replay_lock);
    lares__bytes_free(data);
    return rc;
}
