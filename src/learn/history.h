/* history.csv, one line an epoch, and curves.svg drawn from it. */
#ifndef POLYP_LEARN_HISTORY_H
#define POLYP_LEARN_HISTORY_H

#include <stddef.h>

#include "base/status.h"

/* Columns of history.csv after "epoch", in order. */
enum history_column {
    HISTORY_LEARNING_RATE, /* after the last step */
    HISTORY_TRAIN_LOSS,    /* mean over the epoch's batches */
    HISTORY_JACCARD,       /* validation, per image */
    HISTORY_DSC,
    HISTORY_RECALL,
    HISTORY_PRECISION,
    HISTORY_ACCURACY,
    HISTORY_F2,
    HISTORY_POOLED_JACCARD,
    HISTORY_POOLED_DSC,
    HISTORY_COLUMNS
};

typedef struct history_row {
    double values[HISTORY_COLUMNS]; /* NaN: an empty field */
} history_row;

typedef struct history {
    history_row *rows; /* [capacity]; row i is epoch i + 1 */
    int count, capacity;
} history;

status history_create(history *h, int epochs);
void history_free(history *h);

/* The first `epochs` lines of a file; later ones are of steps that were not kept. Lines that are not there are empty ones. */
status history_read(history *h, const char *path, int epochs);
status history_write(const history *h, const char *path);

/* Training loss; validation Jaccard and DSC. */
status curves_write(const history *h, const char *path);

#endif
