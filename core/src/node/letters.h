/* letters.h - what a program does with dead letters, beside reading them. */
#ifndef LARES_LETTERS_H
#define LARES_LETTERS_H

#include "node/node.h"

/* Sends the payload to its receiver as a new event of the node chain, and drops
 * the letter; it is kept when that fails. */
lares_status lares__letter_replay(lares_node *node, uint64_t id);

#endif
