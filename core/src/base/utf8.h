/* utf8.h - text that leaves the core is valid UTF-8. */
#ifndef LARES_UTF8_H
#define LARES_UTF8_H

#include <stddef.h>

/* Length of the longest valid UTF-8 prefix of at most max bytes. */
size_t lares__utf8_cut(const char *text, size_t len, size_t max);

/* Replace each byte that belongs to no valid character by '?'. */
void lares__utf8_clean(char *text);

#endif
