/*
 * Exact Euclidean distance transform in linear time: Meijster, Roerdink, Hesselink, "A general algorithm for computing
 * distance transforms in linear time", 2000; in whole numbers, so that it is exact.
 */
#ifndef POLYP_SCORE_DISTANCE_H
#define POLYP_SCORE_DISTANCE_H

#include <stdint.h>

#include "score/scratch.h"

#define DISTANCE_NONE UINT32_MAX

/*
 * nearest[i]: index y * width + x of the marked (not 0) pixel nearest to pixel i; DISTANCE_NONE everywhere when none is.
 * Of several equally near ones the uppermost of the leftmost column, as SciPy's distance_transform_edt() gives it.
 * Errors: MEMORY.
 */
status distance_nearest(uint32_t *nearest, const unsigned char *marked, int width, int height, scratch *s);

/* Squared distance between two pixels given by their index. */
static inline uint64_t distance_squared(uint32_t a, uint32_t b, uint32_t width)
{
    const int64_t dx = (int64_t)(a % width) - (int64_t)(b % width), dy = (int64_t)(a / width) - (int64_t)(b / width);
    return (uint64_t)(dx * dx + dy * dy);
}

#endif
