/* Bytes that grow at the end, twice as large each time. */
#include "base/buffer.h"

#include <string.h>

#include "base/memory.h"

status buffer_add(buffer *b, const void *bytes, size_t size)
{
    if (b->capacity - b->size < size) {
        size_t larger;
        if (!size_multiply(b->capacity, 2, &larger) || !size_add(larger, size, &larger))
            return fail(POLYP_ERR_MEMORY, "too many bytes to gather");
        TRY(memory_resize(&b->data, b->capacity, larger));
        b->capacity = larger;
    }
    if (size) memcpy(b->data + b->size, bytes, size);
    b->size += size;
    return POLYP_OK;
}

void buffer_free(buffer *b)
{
    memory_free(b->data);
    *b = (buffer){0};
}
