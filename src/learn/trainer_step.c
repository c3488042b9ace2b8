/* One optimiser step: batches through forward, loss and backward, then Adam by the recipe. */
#include <math.h>
#include <string.h>

#include "learn/trainer_impl.h"

static const double SMOOTHING = 0.98; /* of the loss shown (fastai's Recorder) */

size_t trainer_steps_an_epoch(const trainer *t)
{
    return loader_batches(t->loader) / (size_t)t->recipe.accumulate;
}

size_t trainer_batches_an_epoch(const trainer *t)
{
    return trainer_steps_an_epoch(t) * (size_t)t->recipe.accumulate;
}

schedule_point trainer_point(const trainer *t)
{
    return phases_at(&t->phases, (long)trainer_steps_an_epoch(t), t->state.step);
}

double trainer_rate(const trainer *t)
{
    return trainer_point(t).rate[PARAM_GROUP_DECODER];
}

double trainer_smooth_loss(const trainer *t)
{
    const double passes = (double)t->state.step * t->recipe.accumulate;
    return t->state.smooth_loss / (1.0 - pow(SMOOTHING, passes));
}

/* Decay of the moving average: a part of the run, so that it means the same in short and long ones; less in the first
 * steps, so that the first weights are soon forgotten (Tensorflow's ExponentialMovingAverage with num_updates). */
static double average_decay(const trainer *t)
{
    const double steps = (double)trainer_steps_an_epoch(t) * t->recipe.epochs, done = (double)t->state.step;
    const double span = fmax(t->recipe.average * steps, 1.0);
    return t->recipe.average > 0.0 ? fmin(1.0 - 1.0 / span, (1.0 + done) / (10.0 + done)) : 0.0;
}

static step_rule rule_of(const trainer *t, const schedule_point *point)
{
    const recipe *const r = &t->recipe;
    step_rule rule = {.beta1 = point->beta1,
                      .beta2 = r->beta2,
                      .epsilon = r->epsilon,
                      .decay = r->weight_decay,
                      .gradient_scale = 1.0 / r->accumulate,
                      .average = average_decay(t),
                      .step = point->phase_step + 1};
    memcpy(rule.rate, point->rate, sizeof rule.rate);
    memcpy(rule.frozen, point->frozen, sizeof rule.frozen);
    return rule;
}

static status refuse_not_a_number(trainer *t, const char *what, double value)
{
    t->diverged = !isfinite(value);
    if (!t->diverged) return POLYP_OK;
    return fail(
        POLYP_ERR_ENGINE,
        "epoch %d, batch %zu: the %s is %f; lower --lr (it is %g), then start again from the last checkpoint or from "
        "scratch",
        t->state.epoch + 1, t->state.batch + 1, what, value, t->recipe.rate);
}

/* The auxiliary heads' losses and gradients, weighed; returns the losses' sum. */
static double auxiliary_losses(trainer *t, const tensor *masks)
{
    const double weight = t->recipe.auxiliary_weight;
    double sum = 0.0;
    for (int k = 1; k <= t->graph.auxiliary_count; k++) {
        const tensor logits = plan_auxiliary(t->plan, k - 1);
        loss_shrink_masks(&t->masks[k], masks);
        sum += weight * loss_compute(t->losses[k], &t->gradients[k], &logits, &t->masks[k]);
        const size_t count = shape_count(logits.shape);
        for (size_t i = 0; i < count; i++) t->gradients[k].data[i] *= (float)weight;
    }
    return sum;
}

/* Forward, loss, backward of the next batch; gradients are left in the plan. The loss that is told is that of the logits
 * alone, so that runs with and without auxiliary heads compare. */
static status run_batch(trainer *t)
{
    batch b;
    TRY(loader_next(t->loader, &b));
    const tensor input = plan_input(t->plan);
    memcpy(input.data, b.images.data, shape_count(input.shape) * sizeof *input.data);
    TRY(plan_forward(t->plan));
    const tensor logits = plan_logits(t->plan);
    const double loss = loss_compute(t->losses[0], &t->gradients[0], &logits, &b.masks);
    TRY(refuse_not_a_number(t, "loss", loss + auxiliary_losses(t, &b.masks)));
    TRY(plan_backward(t->plan, t->gradients));
    t->state.epoch_loss += loss;
    t->state.smooth_loss = SMOOTHING * t->state.smooth_loss + (1.0 - SMOOTHING) * loss;
    t->state.batch++;
    return POLYP_OK;
}

/* gradient_scale takes the norm of the mean gradient down to the recipe's limit. */
static status clip(trainer *t, step_rule *rule)
{
    const double norm = plan_gradient_norm(t->plan, rule) * rule->gradient_scale;
    TRY(refuse_not_a_number(t, "gradient", norm));
    if (t->recipe.clip > 0.0 && norm > t->recipe.clip) rule->gradient_scale *= t->recipe.clip / norm;
    return POLYP_OK;
}

status trainer_step(trainer *t)
{
    const schedule_point point = trainer_point(t);
    step_rule rule = rule_of(t, &point);
    if (point.clear) TRY(plan_clear_moments(t->plan));
    TRY(plan_leave_out(t->plan, &rule));
    for (int i = 0; i < t->recipe.accumulate; i++) {
        if (i > 0) TRY(plan_hold_gradients(t->plan));
        TRY(run_batch(t));
    }
    TRY(clip(t, &rule));
    TRY(plan_step(t->plan, &rule));
    t->state.step++;
    return POLYP_OK;
}
