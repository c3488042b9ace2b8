/* How far two outlines lie apart: boundary F, Hausdorff 95, average surface distance. */
#ifndef POLYP_SCORE_SURFACE_H
#define POLYP_SCORE_SURFACE_H

#include "score/scratch.h"

/* Boundary F: pixels of one outline nearer than this share of the picture's diagonal to the other one agree (Csurka,
 * Larlus, Perronnin, "What is a good evaluation measure for semantic segmentation?", 2013). */
#define SURFACE_TOLERANCE 0.0075

typedef struct surface_scores {
    double boundary_f;
    double hausdorff_95, distance; /* pixels */
} surface_scores;

/*
 * The outline of a mask is every polyp pixel with one of its four neighbours, or the picture's outside, not polyp.
 * hausdorff_95: the larger of the 95th percentiles (interpolated) of the distances from each outline's pixels to the
 * other outline; distance: the mean of all of them. As MONAI's HausdorffDistance(percentile=95) and
 * SurfaceDistance(symmetric=True).
 * boundary_f: harmonic mean of the shares of both outlines that agree.
 * Truth without a polyp: NaN. An empty prediction on a polyp: boundary_f 0, both distances the picture's diagonal.
 * truth and found: width * height bytes, > 127 is polyp. Errors: MEMORY.
 */
status surface_score(surface_scores *out, const unsigned char *truth, const unsigned char *found, int width, int height,
                     scratch *s);

#endif
