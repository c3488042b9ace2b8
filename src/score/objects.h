/* Polyps as objects: found, missed, or seen where none is. */
#ifndef POLYP_SCORE_OBJECTS_H
#define POLYP_SCORE_OBJECTS_H

#include <stddef.h>
#include <stdint.h>

#include "score/scratch.h"

/* Components under this share of the picture's pixels are specks, in truth and prediction alike. */
#define OBJECT_LEAST_SHARE 0.001

/* A polyp is found when its Jaccard index with one predicted object is at least this: strictly, and barely. */
enum { OBJECT_LEVELS = 2 };
extern const double object_overlaps[OBJECT_LEVELS]; /* .5, .1 */

typedef struct object_counts {
    size_t polyps, predicted;    /* objects that are no specks */
    size_t found[OBJECT_LEVELS]; /* misses: polyps - found; false alarms: predicted - found */
} object_counts;

/*
 * 8-connected components of both masks, matched one to one: of all pairs that touch the one with the largest Jaccard
 * index first, then the next whose two objects are both free, and so on.
 * truth and found: width * height bytes, > 127 is polyp. Errors: MEMORY.
 */
status objects_match(object_counts *out, const unsigned char *truth, const unsigned char *found, int width, int height,
                     scratch *s);

#endif
