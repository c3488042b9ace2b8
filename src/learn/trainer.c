/* The loop: steps, validation, checkpoints. */
#include "learn/trainer.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "learn/trainer_impl.h"

/* fastai's optimiser (field notes 2.2): beta1 is the schedule's momentum. */
static const double BETA2 = 0.99, EPSILON = 1e-5;
static const double CLIP_NORM = 1.0;  /* global norm of the gradients that a step may have */
static const double SMOOTHING = 0.98; /* of the loss shown */
static const double SECONDS_BETWEEN = 300.0;

enum { DECODERS = 2 };

/* ---- one step --------------------------------------------------------------------------------------- */

static double progress_of(const trainer *t)
{
    return (double)t->state.step / ((double)t->options->epochs * (double)loader_batches(t->loader));
}

static step_rule rule_of(const trainer *t)
{
    const double progress = progress_of(t), rate = one_cycle_rate(&t->schedule, progress);
    step_rule rule = {.beta1 = one_cycle_momentum(&t->schedule, progress),
                      .beta2 = BETA2,
                      .epsilon = EPSILON,
                      .decay = t->options->weight_decay,
                      .gradient_scale = 1.0,
                      .step = t->state.step + 1};
    for (int i = 0; i < PARAM_GROUPS; i++) rule.rate[i] = rate * t->group_rate[i];
    return rule;
}

static status refuse_not_a_number(const trainer *t, const char *what, double value)
{
    if (isfinite(value)) return POLYP_OK;
    return fail(
        POLYP_ERR_ENGINE,
        "epoch %d, batch %zu: the %s is %f; lower --lr (it is %g), then start again from the last checkpoint or from "
        "scratch",
        t->state.epoch + 1, t->state.batch + 1, what, value, t->options->learning_rate);
}

static void add_loss(checkpoint *state, double loss)
{
    state->epoch_loss += loss;
    state->smooth_loss = SMOOTHING * state->smooth_loss + (1.0 - SMOOTHING) * loss;
}

/* One batch through forward, loss, backward and the optimiser. */
static status train_step(trainer *t)
{
    batch b;
    TRY(loader_next(t->loader, &b));
    const tensor input = plan_input(t->plan);
    memcpy(input.data, b.images.data, shape_count(input.shape) * sizeof *input.data);
    TRY(plan_forward(t->plan));
    const tensor logits = plan_logits(t->plan);
    const double loss = loss_compute(t->loss, &t->gradient, &logits, &b.masks);
    TRY(refuse_not_a_number(t, "loss", loss));
    TRY(plan_backward(t->plan, &t->gradient));
    step_rule rule = rule_of(t);
    const double norm = plan_gradient_norm(t->plan, &rule);
    TRY(refuse_not_a_number(t, "gradient", norm));
    if (norm > CLIP_NORM) rule.gradient_scale = CLIP_NORM / norm;
    TRY(plan_step(t->plan, &rule));
    add_loss(&t->state, loss);
    t->state.step++;
    t->state.batch++;
    return POLYP_OK;
}

/* ---- checkpoints ------------------------------------------------------------------------------------ */

static status save_checkpoint(trainer *t)
{
    TRY(plan_save(t->plan, &t->weights));
    TRY(plan_save_moments(t->plan, &t->moment1, &t->moment2));
    TRY(checkpoint_write(t->paths.last, &t->weights, &t->moment1, &t->moment2, &t->state, &t->facts));
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
    const double unbiased = 1.0 - pow(SMOOTHING, (double)t->state.step);
    const polyp_progress progress = {.phase = "train",
                                     .done = (size_t)t->state.step,
                                     .total = loader_batches(t->loader) * (size_t)t->options->epochs,
                                     .unit = "step",
                                     .epoch = t->state.epoch + 1,
                                     .epochs = t->options->epochs,
                                     .loss = t->state.smooth_loss / unbiased,
                                     .learning_rate = one_cycle_rate(&t->schedule, progress_of(t))};
    return watch_report(&t->options->watch, &progress);
}

static status train_epoch(trainer *t)
{
    while (t->state.batch < loader_batches(t->loader)) {
        TRY(train_step(t));
        TRY(save_when_stopped(t, report_step(t)));
        if (clock_seconds() - t->saved_at >= t->seconds_between) TRY(save_checkpoint(t));
    }
    return POLYP_OK;
}

/* The weights as they are now, through the same path as prediction. */
static status validate(trainer *t, polyp_evaluation *out)
{
    const evaluate_watch watch = {&t->options->watch, "validate", t->state.epoch + 1, t->options->epochs};
    TRY(plan_save(t->plan, &t->weights));
    TRY(predictor_load(t->validator, &t->weights));
    TRY(evaluate_pictures(t->rows, t->validator, &t->data.valid, DECODERS, &watch));
    out->threshold = t->facts.threshold;
    return evaluate_sum_up(out, t->rows, t->data.valid.count, false);
}

/* Without a polyp in validation there is nothing to choose by: the last epoch is kept. */
static bool is_better(const checkpoint *state, double jaccard)
{
    return isnan(jaccard) || jaccard > state->best;
}

/* model.safetensors comes before the checkpoint that knows of it: a run killed between the two repeats the decision. */
static status keep_if_better(trainer *t, const polyp_evaluation *e)
{
    if (!is_better(&t->state, e->per_image.jaccard)) return POLYP_OK;
    TRY(recipe_print_facts(t->facts.training, sizeof t->facts.training, &t->recipe, t->state.epoch + 1, e));
    TRY(model_write(t->paths.model, &t->graph, &t->weights, &t->facts));
    if (!isnan(e->per_image.jaccard)) t->state.best = e->per_image.jaccard;
    t->state.best_epoch = t->state.epoch + 1;
    return POLYP_OK;
}

static status add_history(trainer *t, const polyp_evaluation *e)
{
    const double loss = t->state.epoch_loss / (double)loader_batches(t->loader);
    history_row *const row = &t->history.rows[t->state.epoch];
    row->values[HISTORY_LEARNING_RATE] = one_cycle_rate(&t->schedule, progress_of(t));
    row->values[HISTORY_ENCODER_LEARNING_RATE] = row->values[HISTORY_LEARNING_RATE] * t->group_rate[0];
    row->values[HISTORY_TRAIN_LOSS] = loss;
    history_set_scores(row, e);
    t->history.count = t->state.epoch + 1;
    TRY(history_write(&t->history, t->paths.history));
    return curves_write(&t->history, t->paths.curves);
}

static status finish_epoch(trainer *t)
{
    polyp_evaluation e = {0};
    TRY(save_when_stopped(t, validate(t, &e)));
    TRY(keep_if_better(t, &e));
    TRY(add_history(t, &e));
    const double loss = t->state.epoch_loss / (double)loader_batches(t->loader);
    t->state.epoch++;
    t->state.batch = 0;
    t->state.epoch_loss = 0.0;
    TRY(save_checkpoint(t));
    const bool best = t->state.best_epoch == t->state.epoch;
    const status told =
        run_log_line(&t->log, "epoch %d of %d: loss %.4f, validation Jaccard %.4f, DSC %.4f%s", t->state.epoch,
                     t->options->epochs, loss, e.per_image.jaccard, e.per_image.dsc, best ? " (best)" : "");
    return t->state.epoch == t->options->epochs ? POLYP_OK : told; /* after the last there is nothing to stop */
}

static status run_epochs(trainer *t)
{
    while (t->state.epoch < t->options->epochs) {
        TRY(train_epoch(t));
        TRY(finish_epoch(t));
    }
    run_log_note(&t->log, "done: best validation Jaccard %.4f in epoch %d", t->state.best, t->state.best_epoch);
    return POLYP_OK;
}

status trainer_run_saving(const polyp_train_options *options, double seconds_between)
{
    trainer *t;
    TRY(memory_new(&t, 1));
    status result = trainer_open(t, options, seconds_between);
    if (result == POLYP_OK) result = run_epochs(t);
    if (result != POLYP_OK) run_log_note(&t->log, "ended: %s", polyp_error());
    trainer_close(t);
    memory_free(t);
    return result;
}

status trainer_run(const polyp_train_options *options)
{
    return trainer_run_saving(options, SECONDS_BETWEEN);
}
