/* What the trainer's files share. */
#ifndef POLYP_LEARN_TRAINER_IMPL_H
#define POLYP_LEARN_TRAINER_IMPL_H

#include "learn/checkpoint.h"
#include "learn/evaluate.h"
#include "learn/history.h"
#include "learn/loader.h"
#include "learn/run_figures.h"
#include "learn/run_record.h"
#include "learn/training_data.h"

/* ---- the run's folder (run_paths.c) ----------------------------------------------------------------- */

typedef struct run_paths {
    char *model, *last, *history, *recipe, *curves, *log, *train, *valid, *report;
} run_paths;

/* Creates the folder. A folder that holds last.safetensors is refused unless `resume`. */
status run_paths_create(run_paths *out, const char *folder, bool resume);
void run_paths_free(run_paths *paths);

/* ---- one run (trainer_setup.c) ---------------------------------------------------------------------- */

typedef struct trainer {
    const polyp_train_options *options;
    char *encoder; /* the file that options->encoder is or names; NULL: none */
    double seconds_between; /* checkpoints inside an epoch */
    run_paths paths;
    run_log log;
    run_figures figures;
    training_data data;
    recipe recipe; /* as used */
    int recipe_size; /* network.size before anything overruled it */
    run_record record;
    char record_text[RUN_RECORD_ROOM];
    model_facts facts;
    graph graph; /* what is trained: with auxiliary heads where the recipe asks for them */
    graph plain; /* what is saved and validated: without */
    polyp_model *init; /* weights to start from; NULL: none */
    const engine *engine;
    int threads;
    enum precision precision;
    phase_list phases;
    plan *plan;
    polyp_predictor *validator;           /* NULL without validation, as valid_loss */
    loss_function *losses[GRAPH_OUTPUTS]; /* of the logits, then of the auxiliary ones */
    loss_function *valid_loss;            /* of one validation picture */
    tensor gradients[GRAPH_OUTPUTS];      /* (batch, 1, size, size), then those of the auxiliary logits */
    tensor masks[GRAPH_OUTPUTS];          /* from 1 on: shrunk to the auxiliary logits */
    /* Copies for checkpoints and validation, filled anew for each. They lie in plan_spare() where it has room, so that
     * the next forward pass destroys them; but not the weights where an average is validated first. */
    params weights, moment1, moment2;
    params average;   /* where the recipe asks for one, with batch norm's statistics found for it */
    params validated; /* `weights` or `average` over `plain`, of the last validation */
    loader *loader;
    evaluate_row *rows; /* [data.valid.count] */
    history history;
    checkpoint state;
    bool diverged;   /* the last step failed because its loss or its gradient is no number */
    double saved_at; /* monotonic seconds of the last checkpoint */
} trainer;

/* t->options, and t->init where there is one, are set: the recipe, what `init` is, the settings and the options, each over the
 * ones before. */
status trainer_choose_recipe(trainer *t);

/* By the recipe. */
loader_options trainer_loader_options(const trainer *t);

/* Everything up to the first step; when resuming, the state of last.safetensors. */
status trainer_open(trainer *t, const polyp_train_options *options, double seconds_between);
void trainer_close(trainer *t);

/* ---- one step (trainer_step.c) ---------------------------------------------------------------------- */

status trainer_step(trainer *t);

/* Batches that do not fill a step at the end of an epoch are left out. */
size_t trainer_steps_an_epoch(const trainer *t);
size_t trainer_batches_an_epoch(const trainer *t);

/* What the next step does; its rate for the decoder. */
schedule_point trainer_point(const trainer *t);
double trainer_rate(const trainer *t);

/* The smoothed loss (fastai's), after a step at least. */
double trainer_smooth_loss(const trainer *t);

/* ---- the end of an epoch (trainer_validate.c) ------------------------------------------------------- */

/* The weights as they are now, or their average, go into t->validated and through the same path as prediction; the loader
 * then stands at the next epoch's first batch. */
status trainer_validate(trainer *t, polyp_evaluation *out);

/* Are there pictures to validate on? Else every score is no number, and the last epoch is kept. */
bool trainer_validates(const trainer *t);

/* history.csv and what is drawn from it. */
status trainer_write_history(trainer *t, const polyp_evaluation *e);

/* ---- one fold of a cross-validation (trainer_fold.c); nothing for other runs ------------------------ */

/* Refuse a folder whose finished folds were trained in another way. */
status trainer_check_fold(const trainer *t);

/* Score model.safetensors on the part that chose nothing; when every fold is there, sum them up. */
status trainer_report_fold(trainer *t);

/* What a checkpoint holds. */
checkpoint_tensors trainer_tensors(trainer *t);

#endif
