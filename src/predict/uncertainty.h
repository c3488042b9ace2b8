/* How unsure a prediction is, without knowing the truth: for ordering pictures, worst first. */
#ifndef POLYP_PREDICT_UNCERTAINTY_H
#define POLYP_PREDICT_UNCERTAINTY_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* A pixel whose probability is under this is taken for background for sure. */
#define UNCERTAIN_LEAST 0.05

/*
 * Mean over the pixels with a probability of at least UNCERTAIN_LEAST of the binary entropy in bits, 0 (sure) .. 1 (no idea);
 * 0 without such pixels. Sharp outlines around sure insides are near 0; so is a sure "no polyp".
 */
double uncertainty_entropy(const float *logits, size_t count);

/* In how many passes each pixel was polyp. */
typedef struct votes {
    uint16_t *of; /* [count] */
    size_t count;
    unsigned passes;
} votes;
status votes_create(votes *out, size_t count);
void votes_free(votes *v);
void votes_clear(votes *v);
void votes_add(votes *v, const float *logits, double threshold);

/*
 * 1 - the Jaccard index of the masks of two passes, over all pairs of passes: 1 - (sum over pixels of k (k - 1)) / (sum of
 * n (n - 1) - (n - k) (n - k - 1)) for k of n votes. 0: all agree, also on no polyp at all. NaN with fewer than two passes.
 */
double votes_disagreement(const votes *v);

#endif
