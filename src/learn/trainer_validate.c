/* The end of an epoch: the weights, or their average, scored on the validation pictures and written down. */
#include <string.h>

#include "learn/trainer_impl.h"

enum {
    DECODERS = 2,
    /* Batches that estimate statistics are drawn as those of an epoch that training never reaches. */
    ESTIMATION_EPOCH = 1 << 24,
};

checkpoint_tensors trainer_tensors(trainer *t)
{
    return (checkpoint_tensors){&t->weights, &t->moment1, &t->moment2, t->recipe.average > 0.0 ? &t->average : NULL};
}

/* ---- the average ------------------------------------------------------------------------------------ */

/* The plain mean of the statistics of some batches: 1 / k of the k-th. */
static status estimate_norms(trainer *t)
{
    loader_seek(t->loader, ESTIMATION_EPOCH + t->state.epoch, 0);
    for (int k = 1; k <= t->recipe.average_batches; k++) {
        batch b;
        TRY(loader_next(t->loader, &b));
        const tensor input = plan_input(t->plan);
        memcpy(input.data, b.images.data, shape_count(input.shape) * sizeof *input.data);
        TRY(plan_norm_momentum(t->plan, 1.0 / k));
        TRY(plan_forward(t->plan));
    }
    return POLYP_OK;
}

/* Averaged weights never met a batch: their batch-norm statistics are found by forward passes alone (Izmailov et al.,
 * "Averaging weights leads to wider optima", 2018, section 3.1), with the plan's own weights set aside meanwhile. */
static status make_average(trainer *t)
{
    TRY(params_copy_shared(&t->average, &t->weights)); /* statistics that are numbers, until they are found */
    TRY(plan_save_average(t->plan, &t->average));
    TRY(plan_load(t->plan, &t->average));
    const status result = estimate_norms(t);
    TRY(plan_norm_momentum(t->plan, (double)NORM_MOMENTUM));
    TRY(plan_save(t->plan, &t->average));
    TRY(plan_load(t->plan, &t->weights));
    return result;
}

/* ---- scores ----------------------------------------------------------------------------------------- */

bool trainer_validates(const trainer *t)
{
    return t->data.valid.count > 0;
}

static status score(trainer *t, polyp_evaluation *out)
{
    const evaluate_watch watch = {&t->options->watch, "validate", t->state.epoch + 1, t->recipe.epochs, t->valid_loss};
    if (trainer_validates(t)) {
        TRY(predictor_load(t->validator, &t->validated));
        TRY(evaluate_pictures(t->rows, t->validator, &t->data.valid, DECODERS, &watch));
    }
    out->threshold = t->facts.threshold;
    return evaluate_sum_up(out, t->rows, t->data.valid.count, false);
}

status trainer_validate(trainer *t, polyp_evaluation *out)
{
    TRY(plan_save(t->plan, &t->weights));
    if (t->recipe.average > 0.0) TRY(make_average(t));
    loader_seek(t->loader, t->state.epoch + 1, 0);
    params_free(&t->validated);
    TRY(params_share(&t->validated, &t->plain.params, t->recipe.average > 0.0 ? &t->average : &t->weights));
    return score(t, out);
}

static double mean_loss(const trainer *t)
{
    double sum = 0.0;
    for (size_t i = 0; i < t->data.valid.count; i++) sum += t->rows[i].loss;
    return sum / (double)t->data.valid.count;
}

status trainer_write_history(trainer *t, const polyp_evaluation *e)
{
    history_row *const row = &t->history.rows[t->state.epoch];
    const schedule_point point = trainer_point(t);
    row->values[HISTORY_LEARNING_RATE] = point.rate[PARAM_GROUP_DECODER];
    row->values[HISTORY_ENCODER_LEARNING_RATE] = point.frozen[0] ? 0.0 : point.rate[0];
    row->values[HISTORY_TRAIN_LOSS] = t->state.epoch_loss / (double)trainer_batches_an_epoch(t);
    row->values[HISTORY_VALID_LOSS] = mean_loss(t);
    if (trainer_validates(t)) history_set_scores(row, e);
    t->history.count = t->state.epoch + 1;
    TRY(history_write(&t->history, t->paths.history));
    return curves_write(&t->history, t->paths.curves);
}
