/* The order in which an epoch sees its samples: a pure function of seed, epoch and the samples' weights. */
#ifndef POLYP_LEARN_ORDER_H
#define POLYP_LEARN_ORDER_H

#include "learn/dataset.h"

/*
 * order[0 .. count-1]: sample numbers, as many as there are samples. `order` has room for twice as many: the rest is
 * scratch.
 * Equal weights: every sample once, shuffled by (seed, RANDOM_ORDER, epoch).
 * Else sample i comes n_i times, |n_i - e_i| < 1 with e_i = count w_i / sum w, and e_i times on average over epochs:
 * systematic sampling with one random start (Madow: "On the theory of systematic sampling, II", Ann. Math. Statist. 20,
 * 1949) over the shuffled samples, shuffled again. A weight of 0: never.
 */
void order_of_epoch(size_t *order, const sample *samples, size_t count, uint64_t seed, uint64_t epoch);

#endif
