/* The training loop: order, schedule, steps, validation, checkpoints, resume. */
#ifndef POLYP_LEARN_TRAINER_H
#define POLYP_LEARN_TRAINER_H

#include "base/status.h"

/* polyp_train() after its options were checked. Writes into options->out: model.safetensors (best per-image Jaccard on
 * validation), last.safetensors (everything to go on exactly, see checkpoint.h), history.csv, recipe.json, curves.svg,
 * log.txt, and the stems of both parts (train.txt, valid.txt). With options->fold all of that is in OUT/fold-I, with
 * report.txt and fold.json beside it, and the last fold to end writes OUT/folds.json and OUT/folds.csv (folds.h). */
status trainer_run(const polyp_train_options *options);

/* The same with another time between checkpoints inside an epoch (0: after every step). */
status trainer_run_saving(const polyp_train_options *options, double seconds_between);

#endif
