/* Golden files of tests/golden and pictures for the tests of media. A golden file is a row of records: a line of words,
 * then bytes whose number the line tells. */
#ifndef POLYP_TESTS_MEDIA_HELP_H
#define POLYP_TESTS_MEDIA_HELP_H

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "media/image.h"

typedef struct golden {
    file_bytes file;
    size_t position;
} golden;

static inline golden golden_open(const char *name)
{
    golden g = {0};
    const char *const source = getenv("POLYP_SOURCE");
    char *const path = memory_format("%s/tests/golden/%s", source ? source : ".", name);
    if (file_read(&g.file, path, 0) != POLYP_OK) fail_msg("%s", polyp_error());
    memory_free(path);
    return g;
}

/* The next record's line, or false at the end. */
static inline bool golden_line(golden *g, char line[256])
{
    if (g->position >= g->file.size) return false;
    const unsigned char *const start = g->file.data + g->position;
    const unsigned char *const end = memchr(start, '\n', g->file.size - g->position);
    assert_non_null(end);
    const size_t length = (size_t)(end - start);
    assert_true(length < 256);
    memcpy(line, start, length);
    line[length] = '\0';
    g->position += length + 1;
    return true;
}

static inline const unsigned char *golden_bytes(golden *g, size_t size)
{
    const unsigned char *const bytes = g->file.data + g->position;
    g->position += size;
    assert_true(g->position <= g->file.size);
    return bytes;
}

static inline size_t image_size(const polyp_image *image)
{
    return (size_t)image->width * (size_t)image->height * (size_t)image->channels;
}

static inline int largest_difference(const unsigned char *a, const unsigned char *b, size_t count)
{
    int largest = 0;
    for (size_t i = 0; i < count; i++)
        if (abs(a[i] - b[i]) > largest) largest = abs(a[i] - b[i]);
    return largest;
}

/* A view of bytes that stay elsewhere; not to be freed. */
static inline polyp_image image_view(const unsigned char *pixels, int width, int height, int channels)
{
    return (polyp_image){
        .pixels = (unsigned char *)(uintptr_t)pixels, .width = width, .height = height, .channels = channels};
}

#endif
