#include "base/reader.h"

#include "base/error.h"

const uint8_t *lares__reader_take(struct lares__reader *reader, size_t size)
{
    const uint8_t *data = reader->at;

    if (size > reader->left) {
        (void)lares__error(LARES_EFORMAT, "%s: %zu bytes are missing",
                           reader->what, size - reader->left);
        return NULL;
    }
    reader->at += size;
    reader->left -= size;
    return data;
}
