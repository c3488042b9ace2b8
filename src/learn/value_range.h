/* How large a value of the network gets over many pictures: a histogram of its sizes, and the range that 8 bits should cover. */
#ifndef POLYP_LEARN_VALUE_RANGE_H
#define POLYP_LEARN_VALUE_RANGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum { RANGE_BINS = 2048 };

typedef struct value_range {
    float limit;   /* of the last bin; doubled when a size goes beyond it; 0: nothing seen yet */
    float largest;
    uint64_t bins[RANGE_BINS]; /* sizes above 0; of large tensors some of the values, evenly spread */
} value_range;

/* What is beyond the range is cut off. */
enum range_method {
    RANGE_LEAST_SQUARES, /* the smallest sum of squared differences over the histogram */
    RANGE_9999,          /* 99.99 % of the sizes above 0 lie within */
    RANGE_999,           /* 99.9 % */
    RANGE_LARGEST,       /* nothing is cut */
    RANGE_METHODS
};
extern const char *const range_method_names[RANGE_METHODS]; /* "least-squares", "99.99", "99.9", "largest" */

void range_add(value_range *r, const float *values, size_t count);

/* Scale of whole numbers up to `most`: value = number * scale. 1 when the value was never other than 0. */
float range_scale(const value_range *r, enum range_method method, int most);

#endif
