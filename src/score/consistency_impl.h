/* What the files of the consistency check share: bounds of the metrics over a range of counts, and the two searches. */
#ifndef POLYP_SCORE_CONSISTENCY_IMPL_H
#define POLYP_SCORE_CONSISTENCY_IMPL_H

#include "score/consistency.h"

typedef struct span {
    double low, high;
} span;

/* Counts up to a factor: the Jaccard indices of polyp and background, and the false positives' share of all errors. Any
 * three numbers from 0 to 1 are counts, and every metric rises or falls in each of them. */
enum { CELL_POLYP, CELL_ALARMS, CELL_BACKGROUND, CELL_SIDES };
typedef struct cell {
    span sides[CELL_SIDES];
} cell;

/* Metrics of the polyp class (the background is then free, and accuracy with it: from Jaccard to 1); means of both
 * classes; Jaccard of both, the rest of the polyp class. */
enum count_model { MODEL_POLYP, MODEL_CLASSES, MODEL_MIXED };

/* Sides that matter to a model: the polyp class does not see the background. */
int model_sides(enum count_model model);

/* Bounds of the six over a cell, exact for a cell that is a point. */
void model_bounds(span out[SIX_METRICS], const cell *c, enum count_model model);

/* ---- consistency_search.c ------------------------------------------------------------------ */

/* One set of counts: the least misfit, by branch and bound. */
status search_counts(consistency *out, const published_scores *scores, enum count_model model);

/* Is sum(weights * metrics) above `least` for all counts? False when it is not, and when it could not be settled. */
bool search_above(const double weights[SIX_METRICS], double least, enum count_model model);

/* ---- consistency_hull.c -------------------------------------------------------------------- */

/* Means of many counts. */
status search_hull(consistency *out, const published_scores *scores, enum count_model model);

#endif
