/* The range test on a training: what `train` would do with these options, but for the rate. */
#ifndef POLYP_LEARN_FIND_LR_H
#define POLYP_LEARN_FIND_LR_H

#include "learn/lr_finder.h"

/*
 * Makes the steps of trainer.h with the recipe's data, augmentation, loss, optimiser, factors of the layers and what is frozen
 * at its beginning, a constant beta1 and the finder's rates (those of a group with factor 1). No weights are kept. Writes
 * into options->out: lr.csv, lr.svg and lr.png (not in a build without Cairo, which is said), recipe.json, train.txt,
 * valid.txt and log.txt. `f` was created and is empty.
 * Errors: those of training; ARGUMENT (a run lies in the folder), ENGINE (it diverged at once), POLYP_STOPPED.
 */
status find_lr(lr_suggestions *out, lr_finder *f, const polyp_train_options *options);

#endif
