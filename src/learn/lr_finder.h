/*
 * The learning-rate range test (Smith: "Cyclical learning rates for training neural networks", 2017) as fastai 2 has it
 * (callback/schedule.py: LRFinder, valley, steep, minimum): the rate grows geometrically from step to step, the smoothed loss
 * is watched, and three rates are read off its curve. Arithmetic alone; what makes the steps is find_lr.h.
 */
#ifndef POLYP_LEARN_LR_FINDER_H
#define POLYP_LEARN_LR_FINDER_H

#include <stdbool.h>

#include "base/status.h"

enum { LR_FINDER_LEAST_STEPS = 20, LR_FINDER_STEPS = 100 };

typedef struct lr_finder {
    double lowest, highest;
    int steps;              /* of a whole test */
    int count;              /* made so far */
    double *rates, *losses; /* [steps]: of each step made, its rate and the smoothed loss after it */
    double smooth, best;
} lr_finder;

/* Rates from `lowest` towards `highest` (1e-7, 10: fastai's). Errors: ARGUMENT (0 < lowest < highest, at least
 * LR_FINDER_LEAST_STEPS), MEMORY. */
status lr_finder_create(lr_finder *f, double lowest, double highest, int steps);
void lr_finder_free(lr_finder *f);

/* Of the next step, i from 0: lowest * (highest / lowest)^(i / steps). */
double lr_finder_rate(const lr_finder *f);

/*
 * The next step's loss. False when the test ends: all steps are made, the smoothed loss is above four times its lowest so
 * far, or it is no number. Smoothed: s = .98 s + .02 loss, over 1 - .98^k after k steps.
 */
bool lr_finder_add(lr_finder *f, double loss);

typedef struct lr_suggestions {
    double valley;  /* two thirds down the longest valley of the curve */
    double steep;   /* where the loss falls fastest against the rate's logarithm */
    double minimum; /* a tenth of the rate of the lowest loss */
} lr_suggestions;

/* Without the first tenth of the steps and the last five, up to the first loss that is no number. Error: ENGINE, when fewer
 * than two points are left: it diverged at once. */
status lr_finder_suggest(lr_suggestions *out, const lr_finder *f);

/* The smoothed loss at a rate between those that were made, along the curve; NaN outside. */
double lr_finder_loss_at(const lr_finder *f, double rate);

/* rate and smoothed loss, a line a step. */
status lr_finder_write_csv(const char *path, const lr_finder *f);

/* The curve with the suggestions marked on it: SVG, or PNG by the path's ending (media/plot.h). */
status lr_finder_draw(const char *path, const lr_finder *f, const lr_suggestions *s);

/* {"valley": ..., "steep": ..., "minimum": ..., "steps": ..., "diverged": ...} */
status lr_finder_write_json(const char *path, const lr_finder *f, const lr_suggestions *s);

#endif
