/* Quick scoring for training: every picture through the predictor at its own size, counted and summed up. Everything else
 * that can be said of a data set is score_set.h's. */
#ifndef POLYP_LEARN_EVALUATE_H
#define POLYP_LEARN_EVALUATE_H

#include "learn/dataset.h"
#include "score/scores.h"
#include "net/loss.h"
#include "predict/predictor.h"

/* One picture's counts at its own size. */
typedef struct evaluate_row {
    pixel_counts counts;
    int width, height;
    double loss; /* at the network's size; NaN unless asked for */
} evaluate_row;

/* What is told to a watcher while pictures are scored. */
typedef struct evaluate_watch {
    const polyp_watch *watch;
    const char *phase; /* "evaluate", "validate" */
    int epoch, epochs;
    loss_function *loss; /* for one picture's logits; NULL: not wanted */
} evaluate_watch;

/* rows[data->count], in the data set's order. Files are read ahead on `workers`; POLYP_STOPPED when the watcher says so. */
status evaluate_pictures(evaluate_row *rows, polyp_predictor *predictor, const dataset *data, int workers,
                         const evaluate_watch *watch);

/* Means, pooled metrics and, when `intervals`, bootstrap intervals over rows. `threshold` and `seconds` stay as they are. */
status evaluate_sum_up(polyp_evaluation *out, const evaluate_row *rows, size_t count, bool intervals);

#endif
