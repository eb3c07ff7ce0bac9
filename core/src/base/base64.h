/* base64.h - bytes as text that passes through JSON (RFC 4648, with padding). */
#ifndef LARES_BASE64_H
#define LARES_BASE64_H

#include <stddef.h>

/* Characters of `len` bytes, without an end. */
#define LARES__BASE64_LEN(len) (((len) + 2) / 3 * 4)

/* Writes LARES__BASE64_LEN(len) characters, without an end. */
void lares__base64_encode(const void *data, size_t len, char *out);

/* Writes at most len / 4 * 3 bytes; 1: it was base64, 0: it was not, and what
 * out holds means nothing. */
int lares__base64_decode(const char *text, size_t len, void *out,
                         size_t *len_out);

#endif
