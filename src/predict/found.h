/* What a mask holds, polyp by polyp: boxes, areas, outlines, so that a prediction can seed an annotation. */
#ifndef POLYP_PREDICT_FOUND_H
#define POLYP_PREDICT_FOUND_H

#include <stdint.h>

#include "predict/outlines.h"

/* No point of an exact outline lies farther than this from the polygon, in pixels. */
#define FOUND_TOLERANCE 1.0

typedef struct found_polyp {
    region region;      /* box and area */
    double probability; /* mean over its pixels, 0..1 */
    outlines outlines;  /* within FOUND_TOLERANCE; holes after the polyp itself */
    uint32_t *runs;     /* where it has holes: COCO's run lengths down the columns, none first; else NULL */
    size_t run_count;
} found_polyp;

typedef struct found_polyps {
    found_polyp *items; /* the largest first */
    size_t count;
} found_polyps;

/* mask, probability: 1 channel, the same size. found_polyps_free() it. Errors: SIZE, MEMORY. */
status found_polyps_of(found_polyps *out, const polyp_image *mask, const polyp_image *probability);
void found_polyps_free(found_polyps *f);

#endif
