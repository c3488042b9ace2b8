/* Which samples an epoch has more often than others: weights from what the masks show. */
#ifndef POLYP_LEARN_SAMPLING_H
#define POLYP_LEARN_SAMPLING_H

#include "learn/dataset.h"

/* share[i]: polyp's part of picture i, 0 .. 1, counted in its mask; ignored pixels are no polyp. Masks are read by
 * `threads` workers (0: every core). Errors: those of sample_read(), STOPPED, MEMORY. */
status shares_find(double *share, const dataset *d, int threads, const polyp_watch *watch);

/* Multiply by `weight` the weights of the samples that show a polyp of less than `share` of the picture; *found is how
 * many. share 0 or weight 1: no mask is read. Errors: ARGUMENT (a weight that is not above 0), those of shares_find(). */
status sampling_weigh_small(size_t *found, dataset *d, double share, double weight, int threads,
                            const polyp_watch *watch);

#endif
