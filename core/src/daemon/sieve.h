/* sieve.h - is an input shown, or is it a repeat? */
#ifndef LARES_SIEVE_H
#define LARES_SIEVE_H

#include "daemon/call.h"

/* Judges an input against the horizon and the inputs shown before it in this
 * crossing, notes it as shown if it is, and marks it REPEAT or FORK. */
int lares__sieve_show(struct lares_call *call, struct lares__input *input);

#endif
