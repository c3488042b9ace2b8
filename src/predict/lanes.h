/* Predictors that compute different pictures at the same time, with the same weights. */
#ifndef POLYP_PREDICT_LANES_H
#define POLYP_PREDICT_LANES_H

#include "predict/predictor.h"

/*
 * Several pictures with one core each leave no core waiting for another, as they do where all work on one picture: so many
 * pictures are done sooner, a single one is not. Each lane holds activations of its own; weights are held once.
 */
enum { LANES_MOST = 8 };

typedef struct lanes {
    polyp_predictor *items[LANES_MOST]; /* the first has the slots */
    int count;
} lanes;

/* How many lanes `pictures` pictures get with so many threads (0: every processor). */
int lanes_count(int threads, size_t pictures);

/* As predictor_open_models(), with the threads of `options` dealt to the lanes; threshold as in predictor_set_threshold().
 * lanes_close() it in every case. */
status lanes_open(lanes *out, const polyp_model *const *models, size_t count, const polyp_predictor_options *options,
                  double threshold, size_t pictures);
void lanes_close(lanes *l);

#endif
