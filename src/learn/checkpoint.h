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
    char record[MODEL_TRAINING_ROOM]; /* run_record_print()'s; resume refuses another, naming the first key that differs */
    char data_hash[17]; /* dataset_fingerprint() */
} checkpoint;

/* Flat tables over one network's parameters. */
typedef struct checkpoint_tensors {
    params *weights, *moment1, *moment2;
    params *average; /* NULL: the run keeps none */
} checkpoint_tensors;

#define CHECKPOINT_FORMAT "polyp-checkpoint-2" /* "format" in its __metadata__ */

/* Written beside, then renamed: a kill at any time leaves the old or the new one whole. Doubles are stored exactly (hex). */
status checkpoint_write(const char *path, const checkpoint_tensors *tensors, const checkpoint *c,
                        const model_facts *facts);
/* Into flat params over the network's table. Errors: FILE, FORMAT (damaged, not a checkpoint), MISMATCH (another network). */
status checkpoint_read(const char *path, const checkpoint_tensors *tensors, checkpoint *c);

#endif
