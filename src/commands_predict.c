/*
 * polyp predict: masks for pictures, in a pipeline. Workers decode and prepare the next pictures and write the files of those
 * before; each lane computes one. Whatever is told is told in the pictures' order.
 */
#include "commands.h"

#include <limits.h>
#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "base/pipeline.h"
#include "commands_predict.h"
#include "media/image.h"
#include "media/overlay.h"
#include "predict/lanes.h"
#include "predict/model_set.h"

enum { OVERLAY_QUALITY = 92, WORKERS_LEAST = 2 };

/* A picture on its way; the slot's buffers go on to the next one. */
typedef struct job {
    file_bytes file;
    polyp_image picture, mask, probability, drawn;
    bool unreadable; /* the record says why */
    bool submitted;  /* the predictor has it in this slot */
} job;

/* One run of the command. */
typedef struct run {
    const predict_options *options;
    picture_list inputs;
    model_set models;
    lanes lanes;
    atomic_bool ready; /* the lanes are open */
    pipeline *pipeline;
    job jobs[PREDICTOR_SLOTS];
    predict_record *records;
    predict_result result;
} run;

/* ---- reading -------------------------------------------------------------------------------------------- */

static void free_job(job *j)
{
    file_close(&j->file);
    polyp_image_free(&j->picture);
    polyp_image_free(&j->mask);
    polyp_image_free(&j->probability);
    polyp_image_free(&j->drawn);
}

/* The first pictures are read while the model is opened. */
static status decode(void *context, size_t number, size_t slot)
{
    run *const r = context;
    job *const j = &r->jobs[slot];
    predict_record *const record = &r->records[number];
    j->submitted = false;
    j->unreadable = image_read_into(&j->picture, &j->file, r->inputs.items[number].path) != POLYP_OK;
    if (j->unreadable) snprintf(record->error, sizeof record->error, "%s", polyp_error());
    if (j->unreadable || !atomic_load(&r->ready)) return POLYP_OK;
    j->submitted = true;
    return predictor_submit(r->lanes.items[0], (int)slot, &j->picture);
}

/* ---- one picture ---------------------------------------------------------------------------------------- */

static status write_named(const run *r, const char *stem, const char *ending, const polyp_image *image, bool as_jpeg)
{
    char path[PATH_MAX];
    const char *const folder = r->options->out;
    const int length = snprintf(path, sizeof path, "%s/%s%s", folder[0] ? folder : ".", stem, ending);
    if (length < 0 || (size_t)length >= sizeof path)
        return fail(POLYP_ERR_FILE, "%s: the name of a mask in it would be too long", folder);
    unsigned char *bytes;
    size_t size;
    TRY(as_jpeg ? image_encode_jpeg(&bytes, &size, image, OVERLAY_QUALITY) : image_encode_png(&bytes, &size, image));
    const status result = file_place(path, bytes, size);
    memory_free(bytes);
    return result;
}

static status write_overlay(const run *r, const char *stem, job *j)
{
    const overlay_style style = overlay_prediction();
    TRY(image_to_rgb_into(&j->drawn, &j->picture));
    TRY(overlay_draw(&j->drawn, &j->mask, &style));
    return write_named(r, stem, ".overlay.jpg", &j->drawn, true);
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

static status write_results(const run *r, const char *stem, job *j)
{
    TRY(write_named(r, stem, ".png", &j->mask, false));
    if (r->options->probability) TRY(write_named(r, stem, ".probability.png", &j->probability, false));
    return r->options->overlay ? write_overlay(r, stem, j) : POLYP_OK;
}

static status compute(void *context, size_t number, size_t slot, int lane)
{
    run *const r = context;
    job *const j = &r->jobs[slot];
    polyp_predictor *const predictor = r->lanes.items[lane];
    predict_record *const record = &r->records[number];
    const bool wanted = r->options->probability || wants_shapes(r->options);
    const double begin = clock_seconds();
    if (j->unreadable) return POLYP_OK;
    if (!j->submitted) TRY(predictor_submit(predictor, (int)slot, &j->picture));
    TRY(predictor_collect(predictor, (int)slot, j->picture.width, j->picture.height, wanted ? &j->probability : NULL,
                          &j->mask));
    if (wants_shapes(r->options)) TRY(predictor_uncertainty(&record->uncertainty, predictor));
    record->seconds = clock_seconds() - begin;
    return POLYP_OK;
}

/* What is found in the picture, and its files. */
static status finish(void *context, size_t number, size_t slot)
{
    run *const r = context;
    job *const j = &r->jobs[slot];
    predict_record *const record = &r->records[number];
    const double begin = clock_seconds();
    if (j->unreadable) return POLYP_OK;
    TRY(write_results(r, r->inputs.items[number].stem, j));
    if (wants_shapes(r->options)) TRY(found_polyps_of(&record->found, &j->mask, &j->probability));
    record->width = j->mask.width;
    record->height = j->mask.height;
    record->share = (double)count_polyp(&j->mask) / ((double)j->mask.width * j->mask.height);
    record->seconds += clock_seconds() - begin;
    record->done = true;
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

/* The picture is behind us, its files are there. */
static status tell(void *context, size_t number, size_t slot)
{
    run *const r = context;
    const predict_record *const record = &r->records[number];
    (void)slot;
    r->result.pictures++;
    if (!record->done) return skip(r, number);
    r->result.with_polyp += record->share > 0.0;
    return report(r, number + 1, NULL);
}

static const pipeline_stages STAGES = {decode, compute, finish, tell};

/* Enough to wait for the disk in one and still decode. */
static int workers_for(int lane_count)
{
    const int workers = 1 + lane_count / 2;
    return workers < WORKERS_LEAST ? WORKERS_LEAST : workers;
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
    const int lane_count = lanes_count(options.threads, r->inputs.count);
    TRY(pipeline_open(&r->pipeline, &STAGES, r, r->inputs.count, pipeline_slots(lane_count), workers_for(lane_count)));
    TRY(model_set_open(&r->models, &r->options->model, 1));
    TRY(folder_create(r->options->out));
    TRY(lanes_open(&r->lanes, (const polyp_model *const *)r->models.items, r->models.count, &options,
                   r->options->threshold, r->inputs.count));
    predictor_tell(r->lanes.items[0], &r->options->watch);
    atomic_store(&r->ready, true);
    return POLYP_OK;
}

static void close_all(run *r)
{
    pipeline_close(r->pipeline);
    for (int i = 0; i < PREDICTOR_SLOTS; i++) free_job(&r->jobs[i]);
    lanes_close(&r->lanes);
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
    result = pipeline_run(r.pipeline, r.lanes.count);
    folder_sync(options->out);
    if (result != POLYP_OK) goto done;
    r.result.seconds = clock_seconds() - begin;
    const double threshold = options->threshold < 0 ? r.models.items[0]->facts.threshold : options->threshold;
    if (options->json) TRY_DONE(predict_write_json(options, &r.inputs, r.records, threshold));
    if (options->coco) TRY_DONE(predict_write_coco(options, &r.inputs, r.records));
    *out = r.result;
done:
    close_all(&r);
    return result;
}
