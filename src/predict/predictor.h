/* Picture to mask: owns one inference plan and its buffers. polyp_predict() is a wrapper over submit and collect. */
#ifndef POLYP_PREDICT_PREDICTOR_H
#define POLYP_PREDICT_PREDICTOR_H

#include "engine/engine.h"
#include "predict/model.h"

/* polyp_predictor is this struct; opened by polyp_predictor_open(). Two slots: while one picture is computed, another
 * may be prepared by the caller's thread. */

/* For pictures squished to size x size, without weights yet: predictor_load() before the first collect. `g` must stay
 * as long as the predictor; of `options` threads and precision count. Training validates through one that it loads
 * after each epoch. */
status predictor_create(polyp_predictor **out, const engine *e, const graph *g, int size, double threshold,
                        const plan_options *options);
status predictor_load(polyp_predictor *p, const params *weights);

/* Both for an opened model, which must stay open as long. Errors of its weights name its file. */
status predictor_open_model(polyp_predictor **out, const polyp_model *model, const polyp_predictor_options *options);

/* Resize and normalise into slot 0 or 1. */
status predictor_submit(polyp_predictor *p, int slot, const polyp_image *picture);

/* Run the network on a submitted slot and make the pictures wanted (NULL: not wanted), `width` x `height`. */
status predictor_collect(polyp_predictor *p, int slot, int width, int height, polyp_image *probability,
                         polyp_image *mask);

/* The same of the run that was collected last, at another size. */
status predictor_collect_again(polyp_predictor *p, int width, int height, polyp_image *probability, polyp_image *mask);

/* Logits (1, 1, size, size) of the run that was collected last; valid until the next. */
tensor predictor_logits(const polyp_predictor *p);

/* Threshold used for masks instead of the model's; negative: the model's. */
void predictor_set_threshold(polyp_predictor *p, double threshold);

#endif
