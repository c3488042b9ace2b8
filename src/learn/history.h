/* history.csv, one line an epoch, and curves.svg drawn from it. */
#ifndef POLYP_LEARN_HISTORY_H
#define POLYP_LEARN_HISTORY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

/* Columns of history.csv after "epoch", in order. */
enum history_column {
    HISTORY_LEARNING_RATE,         /* after the last step: the decoder's, the highest */
    HISTORY_ENCODER_LEARNING_RATE, /* the encoder's first layers', the lowest; 0 while frozen */
    HISTORY_TRAIN_LOSS,            /* mean over the epoch's batches */
    HISTORY_VALID_LOSS,            /* mean over the validation pictures */
    HISTORY_JACCARD,               /* validation, per image */
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
    history_row *rows; /* [capacity]; row i is epoch i + 1; all NaN at first */
    int count, capacity;
} history;

status history_create(history *h, int epochs);
void history_free(history *h);

/* The scores' columns of a row. */
void history_set_scores(history_row *row, const polyp_evaluation *e);

/*
 * The first `epochs` lines of a file; later ones are of steps that were not kept. Lines that are not there are empty ones.
 * Columns are found by their names: one that the file lacks is empty, one that is not known is passed over.
 * Errors: FORMAT (no history, or a damaged line), MEMORY.
 */
status history_read(history *h, const char *path, int epochs);

/* All lines of a file that must be there, into a new history. Errors: FILE as well. */
status history_open(history *h, const char *path);

status history_write(const history *h, const char *path);

/* The columns' names as the file has them. */
const char *history_column_name(enum history_column column);

/* Losses, validation Jaccard and DSC, and the rate, by epoch. In a build without Cairo nothing is written: the run says so
 * once with curves_available(). */
bool curves_available(void);
status curves_write(const history *h, const char *path);

#endif
