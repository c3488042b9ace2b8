/* Outlines of a mask's regions as polygons along the edges of pixels, for annotation tools. */
#ifndef POLYP_PREDICT_OUTLINES_H
#define POLYP_PREDICT_OUTLINES_H

#include "media/regions.h"

/* A closed polygon; the last point is not the first again. */
typedef struct outline {
    size_t first, count; /* points first .. first + count - 1 */
    bool hole;           /* it runs around a hole, not around the region */
} outline;

/* Coordinates are those of COCO: pixel (x, y) covers x .. x+1, y .. y+1. */
typedef struct outline_point {
    int x, y;
} outline_point;

typedef struct outlines {
    outline *items; /* the region itself first, then its holes from the top */
    size_t count;
    outline_point *points;
    size_t point_count;
    size_t item_room, point_room;
} outlines;

/*
 * The outlines of region `which` (8 neighbours) of the mask that `r` was found in. With tolerance 0 exactly the edges of
 * its pixels, points only where they turn; else simplified (Douglas, Peucker 1973): no point of the exact outline lies
 * farther than `tolerance` pixels from the polygon. Never less than three points. outlines_free() it.
 */
status outlines_of(outlines *out, const regions *r, size_t which, double tolerance);
void outlines_free(outlines *o);

#endif
