/* Rounding weights shifts the mean of what a convolution computes; batch norm's running mean takes the shift in. */
#ifndef POLYP_LEARN_CORRECT_MEANS_H
#define POLYP_LEARN_CORRECT_MEANS_H

#include "learn/dataset.h"
#include "predict/model.h"

/*
 * `out`: a copy of the model's f32 weights whose running means are moved by what `rounded` (8-bit weights of the same
 * network) shifts them, measured on the pictures: the mean before each batch norm with rounded weights less the one with
 * the model's, both with the batches' own statistics (bias correction as in Nagel et al. 2019, section 4.2, by data). Needs
 * a training plan's memory for batches of 4. params_free() it. Errors: those of reading, MEMORY, STOPPED.
 */
status correct_means(params *out, const polyp_model *model, const params *rounded, const dataset *pictures,
                     const char *engine_called, int threads, const polyp_watch *watch);

#endif
