/*
 * A picture of the page's galleries: a small JPEG and, as SVG paths over it, the outlines of its masks.
 */
#ifndef POLYP_REPORT_PAGE_TILE_H
#define POLYP_REPORT_PAGE_TILE_H

#include "base/buffer.h"
#include "base/file.h"
#include "report/page.h"

/* The mask, what was found, and what the second of two models found. */
enum tile_outline { TILE_TRUTH, TILE_FOUND, TILE_SECOND, TILE_OUTLINES };

typedef struct tile {
    unsigned char *jpeg; /* NULL: not drawn */
    size_t size;
    buffer outlines[TILE_OUTLINES]; /* over width x height */
    int width, height;
} tile;

/* The picture at 480 x 420 or less, grey where it is blanked. Errors: MEMORY, SIZE. */
status tile_draw(tile *t, const polyp_image *picture, const page_blank *blanks, size_t count);

/* After tile_draw(): the outlines of a mask of the picture's size; of many regions only the largest. Error: MEMORY. */
status tile_outline(tile *t, enum tile_outline which, const polyp_image *mask);

status tile_write(file_writer *w, const tile *t, const char *name);
void tile_free(tile *t); /* leaves zeros */

#endif
