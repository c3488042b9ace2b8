/*
 * Exact Euclidean distance transform in linear time: Meijster, Roerdink, Hesselink, "A general algorithm for computing
 * distance transforms in linear time", 2000; in whole numbers, so that it is exact.
 */
#ifndef POLYP_SCORE_DISTANCE_H
#define POLYP_SCORE_DISTANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "score/scratch.h"

#define DISTANCE_NONE UINT32_MAX

/* Squares of distances fit 32 bits up to here. */
enum { DISTANCE_LONGEST_SIDE = 32767 };

/*
 * squared[i]: of the distance from pixel i to the nearest marked (not 0) one; nearest[i]: that one's index y * width + x.
 * DISTANCE_NONE everywhere when none is marked. Of several equally near ones the uppermost of the leftmost column, as
 * SciPy's distance_transform_edt() gives it. Only rows y with wanted[y] are filled; NULL: all.
 * Errors: SIZE (a longer side), MEMORY.
 */
status distance_transform(uint32_t *squared, uint32_t *nearest, const unsigned char *marked, const bool *wanted,
                          int width, int height, scratch *s);

/* The first half alone: rows[i] is the row of the nearest marked pixel in the column of pixel i (the upper of two), -1 when
 * the column has none. line: [width], for its own use. */
void distance_rows(int32_t *rows, int32_t *line, const unsigned char *marked, int width, int height);

/* Squared distance of pixel x of row y by looking to both sides along `rows`: for a few pixels that are not far away.
 * DISTANCE_NONE when none is marked. */
uint32_t distance_beside(const int32_t *rows, int x, int y, int width);

#endif
