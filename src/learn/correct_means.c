/* Two passes over the pictures in training mode: the statistics of both networks. */
#include "learn/correct_means.h"

#include <math.h>

#include "base/memory.h"
#include "engine/engine.h"
#include "learn/run_log.h"
#include "net/quantise.h"
#include "predict/prepare.h"

enum { BATCH = 4 };

/* One run over the pictures. */
typedef struct passes {
    const dataset *pictures;
    const polyp_watch *watch;
    const char *phase;
} passes;

static status read_batch(tensor *input, const dataset *pictures, size_t first)
{
    for (int i = 0; i < input->shape.n; i++) {
        polyp_image picture = {0};
        status result = sample_read(&picture, NULL, &pictures->samples[(first + (size_t)i) % pictures->count]);
        if (result == POLYP_OK) result = prepare_input(input, i, &picture);
        polyp_image_free(&picture);
        if (result != POLYP_OK) return result;
    }
    return POLYP_OK;
}

/* The running statistics become the plain mean over the batches. */
static status run_batches(plan *p, const passes *w)
{
    tensor input = plan_input(p);
    const size_t count = w->pictures->count, batches = (count + BATCH - 1) / BATCH;
    for (size_t k = 0; k < batches; k++) {
        const polyp_progress progress = {.phase = w->phase,
                                         .done = k * BATCH + BATCH < count ? k * BATCH + BATCH : count,
                                         .total = count,
                                         .unit = "picture",
                                         .loss = NAN,
                                         .learning_rate = NAN};
        TRY(read_batch(&input, w->pictures, k * BATCH));
        TRY(plan_norm_momentum(p, 1.0 / (double)(k + 1)));
        TRY(plan_forward(p));
        TRY(watch_report(w->watch, &progress));
    }
    return POLYP_OK;
}

/* `weights` in, with the statistics of the pictures out. */
static status estimate(params *weights, plan *p, const passes *w)
{
    TRY(plan_load(p, weights));
    TRY(run_batches(p, w));
    return plan_save(p, weights);
}

static void move_means(params *out, const params *before, const params *after)
{
    for (int i = 0; i < out->table->count; i++) {
        const param *const entry = &out->table->entries[i];
        if (entry->role != PARAM_RUNNING_MEAN) continue;
        float *const mean = out->flat + entry->offset;
        for (size_t c = 0; c < entry->count; c++) mean[c] += params_f32(after, i)[c] - params_f32(before, i)[c];
    }
}

status correct_means(params *out, const polyp_model *model, const params *rounded, const dataset *pictures,
                     const char *engine_called, int threads, const polyp_watch *watch)
{
    const plan_options options = {.mode = PLAN_TRAIN, .precision = PRECISION_F32, .threads = threads};
    const shape input = {BATCH, 3, model->facts.size, model->facts.size};
    passes before_passes = {pictures, watch, "means before"}, after_passes = {pictures, watch, "means after"};
    params before = {0}, after = {0}, corrected = {0};
    const engine *e;
    plan *p = NULL;
    status result;
    TRY_DONE(params_create(&before, &model->graph.params));
    TRY_DONE(params_create(&corrected, &model->graph.params));
    TRY_DONE(params_copy_shared(&before, &model->weights));
    TRY_DONE(params_copy_shared(&corrected, &model->weights));
    TRY_DONE(quantise_undo(&after, rounded));
    TRY_DONE(engine_find(&e, engine_called));
    TRY_DONE(plan_create(&p, e, &model->graph, input, &options));
    TRY_DONE(estimate(&before, p, &before_passes));
    TRY_DONE(estimate(&after, p, &after_passes));
    move_means(&corrected, &before, &after);
    *out = corrected;
    corrected = (params){0};
done:
    plan_destroy(p);
    params_free(&before);
    params_free(&after);
    params_free(&corrected);
    return result;
}
