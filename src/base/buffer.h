/* Bytes that grow at the end. */
#ifndef POLYP_BASE_BUFFER_H
#define POLYP_BASE_BUFFER_H

#include <stddef.h>

#include "base/status.h"

/* {0} is an empty one. */
typedef struct buffer {
    unsigned char *data; /* memory_free() it, or buffer_free() */
    size_t size, capacity;
} buffer;

/* Untouched on failure. Error: MEMORY. */
status buffer_add(buffer *b, const void *bytes, size_t size);
void buffer_free(buffer *b);

#endif
