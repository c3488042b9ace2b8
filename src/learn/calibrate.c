/* Every picture through an f32 plan that tells its values. */
#include "learn/calibrate.h"

#include <math.h>

#include "engine/engine.h"
#include "learn/run_log.h"
#include "net/quantise.h"
#include "predict/prepare.h"

static void take(void *context, int value, const float *values, size_t count)
{
    calibration *const c = context;
    if (c->points[value]) range_add(&c->ranges[value], values, count);
}

static status tell(const polyp_watch *watch, size_t done, size_t total)
{
    const polyp_progress p = {
        .phase = "ranges", .done = done, .total = total, .unit = "picture", .loss = NAN, .learning_rate = NAN};
    return watch_report(watch, &p);
}

static status run_picture(plan *p, const sample *s)
{
    tensor input = plan_input(p);
    polyp_image picture = {0};
    status result = sample_read(&picture, NULL, s);
    if (result == POLYP_OK) result = prepare_input(&input, 0, &picture);
    if (result == POLYP_OK) result = plan_forward(p);
    polyp_image_free(&picture);
    return result;
}

static status run_pictures(plan *p, const dataset *pictures, const polyp_watch *watch)
{
    for (size_t i = 0; i < pictures->count; i++) {
        TRY(run_picture(p, &pictures->samples[i]));
        TRY(tell(watch, i + 1, pictures->count));
    }
    return POLYP_OK;
}

/* A failure of the weights names their file. */
static status load(plan *p, const polyp_model *model)
{
    const status result = plan_load(p, &model->weights);
    return result == POLYP_ERR_FORMAT ? fail_within(result, model->path) : result;
}

status calibrate(calibration *out, const polyp_model *model, const dataset *pictures, const char *engine_called,
                 int threads, const polyp_watch *watch)
{
    const graph *const g = &model->graph;
    const shape input = {1, 3, model->facts.size, model->facts.size};
    const plan_options options = {.mode = PLAN_INFER, .precision = PRECISION_F32, .threads = threads};
    const engine *e;
    plan *p = NULL;
    status result;
    *out = (calibration){.graph = g};
    TRY_DONE(memory_new(&out->ranges, (size_t)g->count));
    TRY_DONE(memory_new(&out->points, (size_t)g->count));
    TRY_DONE(memory_new(&out->is_signed, (size_t)g->count));
    quantise_points(out->points, g);
    quantise_signed(out->is_signed, g);
    TRY_DONE(engine_find(&e, engine_called));
    TRY_DONE(plan_create(&p, e, g, input, &options));
    TRY_DONE(load(p, model));
    TRY_DONE(plan_observe(p, take, out));
    result = run_pictures(p, pictures, watch);
done:
    plan_destroy(p);
    return result;
}

void calibration_free(calibration *c)
{
    memory_free(c->ranges);
    memory_free(c->points);
    memory_free(c->is_signed);
    *c = (calibration){0};
}

void calibration_scales(float *out, const calibration *c, enum range_method method)
{
    for (int i = 0; i < c->graph->count; i++) {
        const int most = c->is_signed[i] ? QUANTISE_SIGNED_MOST : QUANTISE_UNSIGNED_MOST;
        out[i] = c->points[i] ? range_scale(&c->ranges[i], method, most) : 0;
    }
}
