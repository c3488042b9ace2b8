/*
 * What a run shows while it goes on, beside its results: RUN/validation.png and TensorBoard's event file. None of it decides
 * anything, so a file that cannot be written is noted in the log and stops nothing.
 */
#ifndef POLYP_LEARN_RUN_FIGURES_H
#define POLYP_LEARN_RUN_FIGURES_H

#include "learn/history.h"
#include "learn/run_log.h"
#include "learn/tensorboard.h"
#include "learn/worst_sheet.h"

typedef struct run_figures {
    run_log *log;
    char *validation;    /* path */
    tensorboard *events; /* NULL: could not be opened */
} run_figures;

/* `log` must outlive it. last_step: of a run that goes on, the steps done; negative: it begins. Errors: MEMORY; what cannot be
 * written is noted. */
status run_figures_open(run_figures *out, const char *folder, int64_t last_step, run_log *log);
void run_figures_close(run_figures *f);

/* After each step: its loss and the rate it was made with. Error: MEMORY. */
status run_figures_step(run_figures *f, int64_t step, double loss, double rate);

/*
 * After each epoch (from 1), `step` steps in all: its row of the history, and the validation pictures that went worst, with
 * what validation had (worst_sheet.h). Errors: MEMORY and those of reading and predicting.
 */
status run_figures_epoch(run_figures *f, int64_t step, int epoch, const history_row *row, polyp_predictor *predictor,
                         const dataset *data, const evaluate_row *rows);

#endif
