/* Connected regions of a mask: found as runs of rows, largest first. For cleaning masks, outlines, boxes and objects. */
#ifndef POLYP_MEDIA_REGIONS_H
#define POLYP_MEDIA_REGIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

enum region_kind {
    REGION_POLYP,     /* > 127; pixels that touch with an edge or a corner belong together (8 neighbours) */
    REGION_BACKGROUND /* the rest; only edges count (4 neighbours), so that no line is crossed by both */
};

typedef struct region {
    size_t area;                  /* pixels */
    int left, top, right, bottom; /* right and bottom: one past the last */
    bool at_edge;                 /* touches the picture's edge */
} region;

typedef struct region_run {
    int row, from, to; /* to: one past the last */
    size_t region;     /* place in `items` */
} region_run;

typedef struct regions {
    region *items; /* largest first; of equal ones the one met first from the top left */
    size_t count;
    region_run *runs; /* row by row, from the left */
    size_t run_count;
} regions;

/* mask: 1 channel. Free with regions_free(). Errors: ARGUMENT (channels), MEMORY. */
status regions_find(regions *out, const polyp_image *mask, enum region_kind kind);
void regions_free(regions *r);

/* Set every pixel of region `which` of the same mask to `level`. */
void regions_paint(polyp_image *mask, const regions *r, size_t which, unsigned char level);

#endif
