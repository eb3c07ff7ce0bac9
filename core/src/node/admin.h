/* admin.h - the socket by which the program `lares` speaks to a node. */
#ifndef LARES_ADMIN_H
#define LARES_ADMIN_H

#include "node/node.h"

/* Reads the option `admin`; out NULL: there is to be none. EOPTION, EIO,
 * ENOMEM */
lares_status lares__admin_new(const lares_node *node,
                              const lares_options *options,
                              struct lares__admin **out);
void lares__admin_free(struct lares__admin *admin); /* NULL is fine */

/* The last step of a start that may fail. EIO, EEXIST, ENOMEM */
lares_status lares__admin_open(lares_node *node);
/* Undoes it, and waits until it is. */
void lares__admin_undo(lares_node *node);

/* As the node begins to stop: nobody comes any more, and whoever is here is
 * answered once more. */
void lares__admin_close(lares_node *node);
/* As it ends: how many of its threads still run. From some time after the first
 * look on, connections are cut. Of the thread that carries out the stop. */
uint32_t lares__admin_left(lares_node *node);

#endif
