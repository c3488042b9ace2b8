/*
 * polyp predict: masks for pictures, in a pipeline. Workers decode and prepare the next pictures and write the last one's
 * files; the caller's thread computes. Whatever is told is told in the pictures' order.
 */
#include "commands.h"

#include <limits.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/thread.h"
#include "commands_predict.h"
#include "learn/ahead.h"
#include "media/image.h"
#include "media/overlay.h"
#include "predict/model_set.h"
#include "predict/predictor.h"

enum { OVERLAY_QUALITY = 92, DECODERS_MOST = 3 };

/* A picture on its way from the decoder. */
typedef struct decoding {
    polyp_image picture;
    bool submitted; /* the predictor has it in this slot */
    status result;  /* of reading it */
    char words[512]; /* polyp_error() belongs to the worker's thread */
} decoding;

struct run;

/* A picture on its way to its files. */
typedef struct writing {
    struct run *run;
    size_t index;
    polyp_image picture, mask, probability;
    status result;
    char words[512];
} writing;

/* One run of the command. */
typedef struct run {
    const predict_options *options;
    picture_list inputs;
    model_set models;
    polyp_predictor *predictor;
    atomic_bool ready; /* the predictor is open */
    ahead *ahead;
    decoding slots[PREDICTOR_SLOTS];
    worker_pool *writer;
    writing writings[2]; /* one is written while the other is computed */
    predict_record *records;
    predict_result result;
} run;

/* ---- reading -------------------------------------------------------------------------------------------- */

/* Runs on a worker. The first pictures are read while the model is opened. */
static status decode(void *context, size_t number, size_t slot)
{
    run *const r = context;
    decoding *const d = &r->slots[slot];
    polyp_image_free(&d->picture);
    d->submitted = false;
    d->result = polyp_image_read(&d->picture, r->inputs.items[number].path);
    if (d->result != POLYP_OK) snprintf(d->words, sizeof d->words, "%s", polyp_error());
    if (d->result != POLYP_OK || !atomic_load(&r->ready)) return POLYP_OK;
    d->submitted = true;
    return predictor_submit(r->predictor, (int)slot, &d->picture);
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

/* What is found in the picture, and its files. */
static status finish(writing *w)
{
    const run *const r = w->run;
    predict_record *const record = &r->records[w->index];
    const double begin = clock_seconds();
    TRY(write_results(r, r->inputs.items[w->index].stem, &w->picture, &w->mask, &w->probability));
    if (wants_shapes(r->options)) TRY(found_polyps_of(&record->found, &w->mask, &w->probability));
    record->width = w->mask.width;
    record->height = w->mask.height;
    record->share = (double)count_polyp(&w->mask) / ((double)w->mask.width * w->mask.height);
    record->seconds += clock_seconds() - begin;
    record->done = true;
    return POLYP_OK;
}

/* Runs on the writer. */
static void write_picture(void *argument)
{
    writing *const w = argument;
    w->result = finish(w);
    if (w->result != POLYP_OK) snprintf(w->words, sizeof w->words, "%s", polyp_error());
}

/* The decoded picture goes over to `w`. */
static status predict_one(writing *w, run *r, decoding *d, size_t slot)
{
    predict_record *const record = &r->records[w->index];
    polyp_image *const wanted = r->options->probability || wants_shapes(r->options) ? &w->probability : NULL;
    const double begin = clock_seconds();
    w->picture = d->picture;
    d->picture = (polyp_image){0};
    if (!d->submitted) TRY(predictor_submit(r->predictor, (int)slot, &w->picture));
    TRY(predictor_collect(r->predictor, (int)slot, w->picture.width, w->picture.height, wanted, &w->mask));
    if (wants_shapes(r->options)) TRY(predictor_uncertainty(&record->uncertainty, r->predictor));
    record->seconds = clock_seconds() - begin;
    return POLYP_OK;
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
static status skip(run *r, size_t index)
{
    r->result.failed++;
    char line[sizeof r->records[index].error + 32];
    snprintf(line, sizeof line, "polyp: skipped: %s", r->records[index].error);
    return report(r, index + 1, line);
}

static void free_writing(writing *w)
{
    polyp_image_free(&w->picture);
    polyp_image_free(&w->mask);
    polyp_image_free(&w->probability);
}

/* Picture `index` is behind us, its files are there. */
static status retire(run *r, size_t index)
{
    writing *const w = &r->writings[index % 2];
    const predict_record *const record = &r->records[index];
    worker_wait(r->writer);
    free_writing(w);
    r->result.pictures++;
    if (w->result != POLYP_OK) return fail(w->result, "%s", w->words);
    if (!record->done) return skip(r, index);
    r->result.with_polyp += record->share > 0.0;
    return report(r, index + 1, NULL);
}

static status step(run *r, size_t index)
{
    size_t slot;
    TRY(ahead_next(r->ahead, &slot));
    decoding *const d = &r->slots[slot];
    writing *const w = &r->writings[index % 2];
    *w = (writing){.run = r, .index = index};
    if (d->result == POLYP_OK) TRY(predict_one(w, r, d, slot));
    else snprintf(r->records[index].error, sizeof r->records[index].error, "%s", d->words);
    if (index > 0) TRY(retire(r, index - 1));
    if (d->result == POLYP_OK) worker_submit(r->writer, write_picture, w);
    return POLYP_OK;
}

static status predict_all(run *r)
{
    for (size_t i = 0; i < r->inputs.count; i++) TRY(step(r, i));
    return retire(r, r->inputs.count - 1);
}

static int decoders(void)
{
    const int half = processor_count() / 2;
    return half < 1 ? 1 : half > DECODERS_MOST ? DECODERS_MOST : half;
}

/* How many pictures the predictor is opened for. */
static int expected(const run *r)
{
    if (r->options->expect > 0) return r->options->expect;
    return r->inputs.count < INT_MAX ? (int)r->inputs.count : INT_MAX;
}

static status open_all(run *r)
{
    polyp_predictor_options options = {.engine = r->options->engine,
                                       .threads = r->options->threads,
                                       .precision = r->options->precision,
                                       .tta = r->options->tta,
                                       .rules = r->options->rules};
    TRY(predict_inputs(&r->inputs, r->options));
    options.pictures = expected(r);
    TRY(memory_new(&r->records, r->inputs.count));
    TRY(worker_pool_create(&r->writer, 1, 1));
    TRY(ahead_open(&r->ahead, decode, r, r->inputs.count, PREDICTOR_SLOTS, decoders()));
    ahead_begin(r->ahead);
    TRY(model_set_open(&r->models, &r->options->model, 1));
    TRY(folder_create(r->options->out));
    TRY(polyp_predictor_open_ensemble(&r->predictor, (const polyp_model *const *)r->models.items, r->models.count,
                                      &options));
    TRY(predictor_set_threshold(r->predictor, r->options->threshold));
    predictor_tell(r->predictor, &r->options->watch);
    atomic_store(&r->ready, true);
    return POLYP_OK;
}

static void close_all(run *r)
{
    ahead_close(r->ahead);
    worker_pool_destroy(r->writer);
    for (int i = 0; i < PREDICTOR_SLOTS; i++) polyp_image_free(&r->slots[i].picture);
    for (int i = 0; i < 2; i++) free_writing(&r->writings[i]);
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
    TRY_DONE(predict_all(&r));
    r.result.seconds = clock_seconds() - begin;
    const double threshold = options->threshold < 0 ? r.models.items[0]->facts.threshold : options->threshold;
    if (options->json) TRY_DONE(predict_write_json(options, &r.inputs, r.records, threshold));
    if (options->coco) TRY_DONE(predict_write_coco(options, &r.inputs, r.records));
    *out = r.result;
done:
    close_all(&r);
    return result;
}
