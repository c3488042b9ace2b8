/* last.safetensors: weights, both moments, step, place in the data, best score so far: all that exact resume needs. */
#ifndef POLYP_LEARN_CHECKPOINT_H
#define POLYP_LEARN_CHECKPOINT_H

#include "predict/model.h"

typedef struct checkpoint {
    int epoch;    /* the next batch's epoch, from 0 */
    size_t batch; /* the next batch's number in it */
    long step;    /* optimiser steps done */
    double best;  /* best validation Jaccard; negative: none yet */
    int best_epoch;
    double smooth_loss; /* state of the smoothed loss shown */
    double epoch_loss;  /* sum of this epoch's batch losses so far */
    char recipe
        [2048]; /* JSON of the options that change the result; resume refuses others, naming the first that differs */
    char data_hash[17]; /* dataset_fingerprint() */
} checkpoint;

#define CHECKPOINT_FORMAT "polyp-checkpoint-1" /* "format" in its __metadata__ */

/* Written beside, then renamed: a kill at any time leaves the old or the new one whole. Doubles are stored exactly (hex). */
status checkpoint_write(const char *path, const params *weights, const params *moment1, const params *moment2,
                        const checkpoint *c, const model_facts *facts);
/* Into flat params over the network's table. Errors: FILE, FORMAT (damaged, not a checkpoint), MISMATCH (another network). */
status checkpoint_read(const char *path, params *weights, params *moment1, params *moment2, checkpoint *c);

#endif
