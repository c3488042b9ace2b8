/* Contact sheets: many pictures with the outlines of their masks, for a person to look over. Need Cairo (media/canvas.h). */
#ifndef POLYP_MEDIA_SHEET_H
#define POLYP_MEDIA_SHEET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

typedef struct sheet_tile {
    const polyp_image *picture;    /* any size, 1, 3 or 4 channels */
    const polyp_image *truth;      /* 1 channel, any size over the same view, > 127 is polyp; NULL: no outline */
    const polyp_image *prediction; /* the same; its thinner outline lies on the truth's, so that both are seen */
    const char *caption; /* one line of UTF-8, cut where it is too long: the important first; NULL or "": none */
} sheet_tile;

/*
 * A grid of `columns` columns, filled row by row. Each picture is scaled to fit tile_width (48 to 2048) with its shape
 * kept; all tiles have the height of the tallest. Above stand the title and what the outlines' colours mean: the truth
 * yellow, the prediction blue (told apart by colour-blind people, too, and rare in the bowel).
 * Errors: UNSUPPORTED (built without Cairo), ARGUMENT (no tiles, columns, tile_width, channels), SIZE, MEMORY.
 */
status sheet_draw(polyp_image *out, const char *title, const sheet_tile *tiles, size_t count, int columns,
                  int tile_width);

/* The same as a file, replaced whole: JPEG when `path` ends in .jpg or .jpeg, else PNG. */
status sheet_write(const char *path, const char *title, const sheet_tile *tiles, size_t count, int columns,
                   int tile_width);

/* Before a tile's picture or mask is kept: in place, no wider than tile_width, its shape kept; of a mask (MASK_... levels,
 * media/augment.h) the polyp alone, by area. Error: MEMORY. */
status sheet_shrink(polyp_image *image, bool mask, int tile_width);

#endif
