/* Masks drawn from outlines and run lengths, as COCO's files have them. */
#ifndef POLYP_MEDIA_SHAPES_H
#define POLYP_MEDIA_SHAPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef struct mask_polygon {
    const double *points; /* x0 y0 x1 y1 ..., in pixels from the picture's upper left corner: pixel i spans i .. i+1 */
    size_t corners;
} mask_polygon;

/* Column by column from the left, each from the top: how many pixels are background, then polyp, then background ... */
typedef struct mask_runs {
    const uint32_t *lengths;
    size_t count;
} mask_runs;

typedef struct mask_shapes {
    int width, height; /* of the picture; 0: as the picture is */
    const mask_polygon *polygons;
    size_t polygon_count;
    const mask_runs *runs;
    size_t runs_count;
} mask_shapes;

/*
 * 255 where any of the shapes is, else 0: width x height, 1 channel; polyp_image_free() it.
 * A pixel is in a polygon when its centre is, by the even-odd rule; parts beyond the picture are cut off. pycocotools
 * traces outlines on a grid five times as fine and differs by pixels at the edge alone. Errors: SIZE, MEMORY.
 */
status shapes_draw(polyp_image *out, const mask_shapes *s, int width, int height);

/* Do the run lengths add up to exactly width * height pixels? */
bool runs_fit(const mask_runs *r, int width, int height);

/*
 * COCO's text form of run lengths ("compressed RLE"): six bits a character, least significant first, the sixth says that
 * more follow; from the fourth number on the difference to the number two before. lengths has room for strlen(text).
 * Error: FORMAT.
 */
status runs_decode(uint32_t *lengths, size_t *count, const char *text);

#endif
