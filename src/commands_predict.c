/* polyp predict: masks for pictures. The next picture is decoded on a worker while this one is computed. */
#include "commands.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/thread.h"
#include "commands_predict.h"
#include "media/image.h"
#include "media/overlay.h"
#include "predict/model_set.h"
#include "predict/predictor.h"

enum { OVERLAY_QUALITY = 92 };

/* A picture on its way from the worker. */
typedef struct decoding {
    const char *path;
    polyp_image picture;
    status result;
    char words[512]; /* polyp_error() belongs to the worker's thread */
} decoding;

/* One run of the command. */
typedef struct run {
    const predict_options *options;
    picture_list inputs;
    model_set models;
    polyp_predictor *predictor;
    worker_pool *worker;
    decoding slots[2]; /* one is computed while the other is decoded */
    predict_record *records;
    predict_result result;
} run;

/* ---- reading -------------------------------------------------------------------------------------------- */

static void decode(void *argument)
{
    decoding *const d = argument;
    d->result = polyp_image_read(&d->picture, d->path);
    if (d->result != POLYP_OK) snprintf(d->words, sizeof d->words, "%s", polyp_error());
}

static void decode_ahead(run *r, size_t index)
{
    decoding *const d = &r->slots[index % 2];
    if (index >= r->inputs.count) return;
    d->path = r->inputs.items[index].path;
    worker_submit(r->worker, decode, d);
}

/* ---- one picture ---------------------------------------------------------------------------------------- */

static status write_named(const run *r, const char *stem, const char *ending, const polyp_image *image, bool as_jpeg)
{
    char *const name = memory_format("%s%s", stem, ending);
    char *const path = name ? path_join(r->options->out, name) : NULL;
    status result = POLYP_ERR_MEMORY;
    if (path) result = as_jpeg ? image_write_jpeg(image, path, OVERLAY_QUALITY) : image_write_png(image, path);
    memory_free(path);
    memory_free(name);
    return result;
}

static status write_overlay(const run *r, const char *stem, const polyp_image *picture, const polyp_image *mask)
{
    polyp_image drawn = {0};
    const overlay_style style = overlay_prediction();
    status result;
    TRY_DONE(image_to_rgb(&drawn, picture));
    TRY_DONE(overlay_draw(&drawn, mask, &style));
    TRY_DONE(write_named(r, stem, ".overlay.jpg", &drawn, true));
done:
    polyp_image_free(&drawn);
    return result;
}

static size_t count_polyp(const polyp_image *mask)
{
    const size_t pixels = (size_t)mask->width * (size_t)mask->height;
    size_t count = 0;
    for (size_t i = 0; i < pixels; i++) count += mask->pixels[i] > 127;
    return count;
}

/* Is anything written about the polyps themselves? */
static bool wants_shapes(const predict_options *o)
{
    return o->json || o->coco;
}

static status write_results(const run *r, const char *stem, const polyp_image *picture, const polyp_image *mask,
                            const polyp_image *probability)
{
    TRY(write_named(r, stem, ".png", mask, false));
    if (r->options->probability) TRY(write_named(r, stem, ".probability.png", probability, false));
    if (r->options->overlay) TRY(write_overlay(r, stem, picture, mask));
    return POLYP_OK;
}

static status predict_one(run *r, size_t index, const polyp_image *picture)
{
    predict_record *const record = &r->records[index];
    polyp_image probability = {0}, mask = {0};
    polyp_image *const wanted = r->options->probability || wants_shapes(r->options) ? &probability : NULL;
    const double begin = clock_seconds();
    status result;
    TRY_DONE(predictor_submit(r->predictor, 0, picture));
    TRY_DONE(predictor_collect(r->predictor, 0, picture->width, picture->height, wanted, &mask));
    TRY_DONE(write_results(r, r->inputs.items[index].stem, picture, &mask, &probability));
    if (wants_shapes(r->options)) {
        TRY_DONE(predictor_uncertainty(&record->uncertainty, r->predictor));
        TRY_DONE(found_polyps_of(&record->found, &mask, &probability));
    }
    const size_t polyp = count_polyp(&mask);
    record->share = (double)polyp / ((double)mask.width * mask.height);
    record->width = mask.width;
    record->height = mask.height;
    record->seconds = clock_seconds() - begin;
    record->done = true;
    r->result.with_polyp += polyp > 0;
done:
    polyp_image_free(&probability);
    polyp_image_free(&mask);
    return result;
}

/* ---- all of them ---------------------------------------------------------------------------------------- */

static status report(const run *r, size_t done, const char *message)
{
    const polyp_watch *const watch = &r->options->watch;
    const polyp_progress p = {.phase = "predict",
                              .done = done,
                              .total = r->inputs.count,
                              .unit = "picture",
                              .loss = NAN,
                              .learning_rate = NAN,
                              .message = message};
    if (!watch->report || watch->report(watch->context, &p) == 0) return POLYP_OK;
    return fail(POLYP_STOPPED, "stopped after %zu of %zu pictures", done, r->inputs.count);
}

/* A picture that cannot be read is told and skipped. */
static status skip(run *r, size_t index, const char *words)
{
    predict_record *const record = &r->records[index];
    r->result.failed++;
    snprintf(record->error, sizeof record->error, "%s", words);
    char line[sizeof record->error + 32];
    snprintf(line, sizeof line, "polyp: skipped: %s", record->error);
    return report(r, index + 1, line);
}

static status step(run *r, size_t index)
{
    decoding *const d = &r->slots[index % 2];
    worker_wait(r->worker);
    decode_ahead(r, index + 1);
    r->result.pictures++;
    if (d->result != POLYP_OK) return skip(r, index, d->words);
    const status result = predict_one(r, index, &d->picture);
    polyp_image_free(&d->picture);
    return result == POLYP_OK ? report(r, index + 1, NULL) : result;
}

static status open_all(run *r)
{
    const polyp_predictor_options options = {.engine = r->options->engine,
                                             .threads = r->options->threads,
                                             .precision = r->options->precision,
                                             .tta = r->options->tta,
                                             .rules = r->options->rules};
    TRY(predict_inputs(&r->inputs, r->options));
    TRY(memory_new(&r->records, r->inputs.count));
    TRY(worker_pool_create(&r->worker, 1, 2));
    decode_ahead(r, 0);
    TRY(model_set_open(&r->models, &r->options->model, 1));
    TRY(folder_create(r->options->out));
    TRY(polyp_predictor_open_ensemble(&r->predictor, (const polyp_model *const *)r->models.items, r->models.count,
                                      &options));
    return predictor_set_threshold(r->predictor, r->options->threshold);
}

static void close_all(run *r)
{
    worker_pool_destroy(r->worker);
    polyp_image_free(&r->slots[0].picture);
    polyp_image_free(&r->slots[1].picture);
    polyp_predictor_close(r->predictor);
    model_set_close(&r->models);
    for (size_t i = 0; r->records && i < r->inputs.count; i++) found_polyps_free(&r->records[i].found);
    memory_free(r->records);
    picture_list_free(&r->inputs);
}

status command_predict(predict_result *out, const predict_options *options)
{
    run r = {.options = options};
    const double begin = clock_seconds();
    status result;
    TRY_DONE(open_all(&r));
    for (size_t i = 0; i < r.inputs.count; i++) TRY_DONE(step(&r, i));
    r.result.seconds = clock_seconds() - begin;
    const double threshold = options->threshold < 0 ? r.models.items[0]->facts.threshold : options->threshold;
    if (options->json) TRY_DONE(predict_write_json(options, &r.inputs, r.records, threshold));
    if (options->coco) TRY_DONE(predict_write_coco(options, &r.inputs, r.records));
    *out = r.result;
done:
    close_all(&r);
    return result;
}
