/* The loop over epochs: steps, validation, checkpoints, an early end. */
#include "learn/trainer.h"

#include <math.h>

#include "base/clock.h"
#include "base/memory.h"
#include "learn/folds.h"
#include "learn/trainer_impl.h"

static const double SECONDS_BETWEEN = 300.0;

/* ---- checkpoints ------------------------------------------------------------------------------------ */

static status save_checkpoint(trainer *t)
{
    const checkpoint_tensors tensors = trainer_tensors(t);
    TRY(plan_save(t->plan, &t->weights));
    TRY(plan_save_moments(t->plan, &t->moment1, &t->moment2));
    if (tensors.average) TRY(plan_save_average(t->plan, tensors.average));
    TRY(checkpoint_write(t->paths.last, &tensors, &t->state, &t->facts));
    t->saved_at = clock_seconds();
    return POLYP_OK;
}

/* A watcher's "stop" becomes a checkpoint; what else failed goes up as it is. */
static status save_when_stopped(trainer *t, status result)
{
    if (result != POLYP_STOPPED) return result;
    TRY(save_checkpoint(t));
    return fail(POLYP_STOPPED, "stopped at epoch %d, batch %zu; go on with --resume", t->state.epoch + 1,
                t->state.batch);
}

/* ---- one epoch -------------------------------------------------------------------------------------- */

static status report_step(const trainer *t)
{
    const polyp_progress progress = {.phase = "train",
                                     .done = (size_t)t->state.step,
                                     .total = trainer_steps_an_epoch(t) * (size_t)t->recipe.epochs,
                                     .unit = "step",
                                     .pictures = t->recipe.batch * t->recipe.accumulate,
                                     .epoch = t->state.epoch + 1,
                                     .epochs = t->recipe.epochs,
                                     .loss = trainer_smooth_loss(t),
                                     .learning_rate = trainer_rate(t)};
    return watch_report(&t->options->watch, &progress);
}

/* A step, shown with its own loss and the rate it was made with. */
static status make_step(trainer *t)
{
    const double before = t->state.epoch_loss, rate = trainer_rate(t);
    TRY(trainer_step(t));
    const double loss = (t->state.epoch_loss - before) / t->recipe.accumulate;
    return run_figures_step(&t->figures, t->state.step, loss, rate);
}

static status train_epoch(trainer *t)
{
    while (t->state.batch < trainer_batches_an_epoch(t)) {
        TRY(make_step(t));
        TRY(save_when_stopped(t, report_step(t)));
        if (clock_seconds() - t->saved_at >= t->seconds_between) TRY(save_checkpoint(t));
    }
    return POLYP_OK;
}

/* Without a validation, or a polyp in it, there is nothing to choose by: the last epoch is kept. */
static bool is_better(const checkpoint *state, double jaccard)
{
    return isnan(jaccard) || jaccard > state->best;
}

static status write_model(trainer *t, const polyp_evaluation *e)
{
    TRY(run_record_print_facts(t->facts.training, &t->record, t->state.epoch + 1, e));
    return model_write(t->paths.model, &t->plain, &t->validated, &t->facts);
}

/* model.safetensors comes before the checkpoint that knows of it: a run killed between the two repeats the decision. */
static status keep(trainer *t, const polyp_evaluation *e)
{
    const bool better = is_better(&t->state, e->per_image.jaccard);
    if (better || t->recipe.keep == KEEP_LAST) TRY(write_model(t, e));
    if (!better) return POLYP_OK;
    if (!isnan(e->per_image.jaccard)) t->state.best = e->per_image.jaccard;
    t->state.best_epoch = t->state.epoch + 1;
    return POLYP_OK;
}

static status tell_epoch(trainer *t, double loss, const polyp_evaluation *e)
{
    const int epoch = t->state.epoch, epochs = t->recipe.epochs;
    if (!trainer_validates(t)) return run_log_line(&t->log, "epoch %d of %d: loss %.4f", epoch, epochs, loss);
    return run_log_line(&t->log, "epoch %d of %d: loss %.4f, validation Jaccard %.4f, DSC %.4f%s", epoch, epochs, loss,
                        e->per_image.jaccard, e->per_image.dsc, t->state.best_epoch == epoch ? " (best)" : "");
}

static status finish_epoch(trainer *t)
{
    polyp_evaluation e = {0};
    TRY(save_when_stopped(t, trainer_validate(t, &e)));
    TRY(keep(t, &e));
    TRY(trainer_write_history(t, &e));
    TRY(run_figures_epoch(&t->figures, t->state.step, t->state.epoch + 1, &t->history.rows[t->state.epoch],
                          t->validator, &t->data.valid, t->rows));
    const double loss = t->state.epoch_loss / (double)trainer_batches_an_epoch(t);
    t->state.epoch++;
    t->state.batch = 0;
    t->state.epoch_loss = 0.0;
    TRY(save_checkpoint(t));
    const status told = tell_epoch(t, loss, &e);
    return t->state.epoch == t->recipe.epochs ? POLYP_OK : told; /* after the last there is nothing to stop */
}

static bool is_stale(const trainer *t)
{
    return t->recipe.patience > 0 && t->state.epoch - t->state.best_epoch >= t->recipe.patience;
}

static status run_epochs(trainer *t)
{
    while (t->state.epoch < t->recipe.epochs && !is_stale(t)) {
        TRY(train_epoch(t));
        TRY(finish_epoch(t));
    }
    if (!trainer_validates(t)) {
        run_log_note(&t->log, "done: nothing was validated, the last epoch is kept");
        return POLYP_OK;
    }
    const char *const early = t->state.epoch < t->recipe.epochs ? "stopped early" : "done";
    run_log_note(&t->log, "%s: best validation Jaccard %.4f in epoch %d", early, t->state.best, t->state.best_epoch);
    return POLYP_OK;
}

static status run_one(const polyp_train_options *options, double seconds_between)
{
    trainer *t;
    TRY(memory_new(&t, 1));
    status result = trainer_open(t, options, seconds_between);
    const int64_t last_step = t->state.step > 0 ? t->state.step : -1;
    if (result == POLYP_OK) result = run_figures_open(&t->figures, options->out, last_step, &t->log);
    if (result == POLYP_OK) result = run_epochs(t);
    if (result == POLYP_OK) result = trainer_report_fold(t);
    if (result != POLYP_OK) run_log_note(&t->log, "ended: %s", polyp_error());
    trainer_close(t);
    memory_free(t);
    return result;
}

/* A fold is a run in a folder of its own. */
status trainer_run_saving(const polyp_train_options *options, double seconds_between)
{
    polyp_train_options o = *options;
    int fold, folds;
    if (!o.fold) return run_one(&o, seconds_between);
    TRY(fold_parse(&fold, &folds, o.fold));
    char *const folder = fold_folder(options->out, fold);
    if (!folder) return POLYP_ERR_MEMORY;
    o.out = folder;
    const status result = run_one(&o, seconds_between);
    memory_free(folder);
    return result;
}

status trainer_run(const polyp_train_options *options)
{
    return trainer_run_saving(options, SECONDS_BETWEEN);
}
