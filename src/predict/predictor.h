/* Picture to mask: one or several models, each in one or several passes. polyp_predict() is a wrapper over submit and
 * collect. */
#ifndef POLYP_PREDICT_PREDICTOR_H
#define POLYP_PREDICT_PREDICTOR_H

#include "engine/engine.h"
#include "predict/model.h"

/* polyp_predictor is this struct; opened by polyp_predictor_open(). While the picture of one slot is computed, others may be
 * prepared in theirs, by any thread. */
enum { PREDICTOR_SLOTS = 32 };

/* For pictures squished to size x size, without weights yet: predictor_load() before the first collect. `g` must stay
 * as long as the predictor; of `options` threads and precision count. Training validates through one that it loads
 * after each epoch. */
status predictor_create(polyp_predictor **out, const engine *e, const graph *g, int size, double threshold,
                        const plan_options *options);
status predictor_load(polyp_predictor *p, const params *weights);

/*
 * For opened models, which must stay open as long. Several are an ensemble: the logits of all passes of all models are
 * averaged; the threshold is the first model's. load_threads: as in plan_options. Errors of weights name their file; ARGUMENT
 * (no model, options).
 */
status predictor_open_models(polyp_predictor **out, const polyp_model *const *models, size_t count,
                             const polyp_predictor_options *options, int load_threads);
status predictor_open_model(polyp_predictor **out, const polyp_model *model, const polyp_predictor_options *options);

/*
 * A second predictor with the models, passes, rules and threshold of `of`, for another thread that computes at the same time. It
 * holds activations alone: weights and slots are those of `of`, which must outlive it. Same results, bit for bit.
 */
status predictor_twin(polyp_predictor **out, const polyp_predictor *of);

/* Tell the watcher (NULL: nobody) when it computes in int8, which a quantised model does by itself where it can. */
void predictor_tell(const polyp_predictor *p, const polyp_watch *watch);

/* Resize and normalise into slot 0 to PREDICTOR_SLOTS - 1. Keeps to the calling thread. */
status predictor_submit(polyp_predictor *p, int slot, const polyp_image *picture);

/* Run all passes on a submitted slot and make the pictures wanted (NULL: not wanted), `width` x `height`, in the memory of
 * those given: {0} at first; free them after a failure, too. The mask is what is left after the rules; the probability is not
 * touched by them. */
status predictor_collect(polyp_predictor *p, int slot, int width, int height, polyp_image *probability,
                         polyp_image *mask);

/* The same of the run that was collected last, at another size. */
status predictor_collect_again(polyp_predictor *p, int width, int height, polyp_image *probability, polyp_image *mask);

/* Logits (1, 1, size, size) of the run that was collected last; valid until the next. Of several passes the mean over
 * those of the first model's own size, weighted as in the whole. */
tensor predictor_logits(const polyp_predictor *p);

/* How unsure the run that was collected last is: see polyp_predictor_uncertainty(). */
status predictor_uncertainty(polyp_uncertainty *out, const polyp_predictor *p);

/* Threshold used for masks instead of the model's; negative: the model's. Error: ARGUMENT (hysteresis begins above
 * it). */
status predictor_set_threshold(polyp_predictor *p, double threshold);

/* What it does, in words for files and reports: "mean of 2 models, test-time augmentation flips, holes filled"; "" for
 * one model in one pass without rules. memory_free() it; NULL after fail(MEMORY). */
char *predictor_words(size_t models, const polyp_predictor_options *options);

#endif
