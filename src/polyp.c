/* The public functions of polyp.h: options checked, then the work handed to the floors below. */
#include <limits.h>
#include <math.h>
#include <string.h>

#include "engine/engine.h"
#include "learn/score_set.h"
#include "learn/trainer.h"
#include "media/image.h"
#include "predict/predictor.h"
#include "train_checks.h"

/* ---- checks ----------------------------------------------------------------------------------------- */

static status check_name(const char *function, const char *what, const char *value)
{
    if (value && *value) return POLYP_OK;
    return fail(POLYP_ERR_ARGUMENT, "%s: %s is missing", function, what);
}

static status check_more(const char *function, const char *const *data, size_t count)
{
    for (size_t i = 0; i < count; i++) TRY(check_name(function, "a further data folder", data ? data[i] : NULL));
    return POLYP_OK;
}

/* Range of an option; the message names what is accepted. */
static status check_range(const char *function, const char *what, double value, double low, double high)
{
    if (value >= low && value <= high) return POLYP_OK;
    return fail(POLYP_ERR_ARGUMENT, "%s: %s is %g; it must lie between %g and %g", function, what, value, low, high);
}

enum { THREADS_LIMIT = 1024 };

static status check_engine(const char *function, const char *name, int threads, const char *precision)
{
    const engine *found;
    enum precision chosen;
    TRY(check_name(function, "the engine's name", name));
    TRY(engine_find(&found, name));
    if (!precision || strcmp(precision, precision_name(PRECISION_INT8)) != 0) {
        TRY(engine_precision(&chosen, found, precision)); /* int8 is checked with its model */
    }
    return check_range(function, "threads", threads, 0, THREADS_LIMIT);
}

static status check_picture(const polyp_image *picture)
{
    if (!picture || !picture->pixels) return fail(POLYP_ERR_ARGUMENT, "there is no picture");
    if (picture->width < 1 || picture->height < 1) {
        return fail(POLYP_ERR_SIZE, "the picture is %d x %d; it needs a pixel at least", picture->width,
                    picture->height);
    }
    if (picture->channels == 1 || picture->channels == 3 || picture->channels == 4) return POLYP_OK;
    return fail(POLYP_ERR_ARGUMENT, "the picture has %d channels; 1, 3 and 4 are known", picture->channels);
}

/* ---- pictures --------------------------------------------------------------------------------------- */

polyp_status polyp_image_read(polyp_image *out, const char *path)
{
    TRY(check_name("polyp_image_read", "the path", path));
    return image_read(out, path);
}

polyp_status polyp_image_decode(polyp_image *out, const void *bytes, size_t size)
{
    if (!bytes) return fail(POLYP_ERR_ARGUMENT, "polyp_image_decode: there are no bytes");
    return image_decode(out, bytes, size, "picture in memory");
}

polyp_status polyp_image_write_png(const polyp_image *image, const char *path)
{
    TRY(check_name("polyp_image_write_png", "the path", path));
    TRY(check_picture(image));
    return image_write_png(image, path);
}

/* ---- models ----------------------------------------------------------------------------------------- */

polyp_status polyp_model_open(polyp_model **out, const char *path)
{
    TRY(check_name("polyp_model_open", "the path", path));
    return model_open(out, path);
}

polyp_model_facts polyp_model_about(const polyp_model *model)
{
    polyp_model_facts facts = {.preset = model->facts.preset,
                               .size = model->facts.size,
                               .threshold = model->facts.threshold,
                               .licence = model->facts.licence};
    for (int i = 0; i < model->graph.params.count; i++) {
        const param *const entry = &model->graph.params.entries[i];
        if (entry->trained) facts.parameters += entry->count;
    }
    return facts;
}

/* ---- finding polyps --------------------------------------------------------------------------------- */

polyp_predictor_options polyp_predictor_defaults(void)
{
    return (polyp_predictor_options){.engine = "auto", .precision = "auto"};
}

polyp_status polyp_predictor_open(polyp_predictor **out, const polyp_model *model,
                                  const polyp_predictor_options *options)
{
    const polyp_predictor_options o = options ? *options : polyp_predictor_defaults();
    if (!model) return fail(POLYP_ERR_ARGUMENT, "polyp_predictor_open: there is no model");
    return polyp_predictor_open_ensemble(out, &model, 1, &o);
}

polyp_status polyp_predictor_open_ensemble(polyp_predictor **out, const polyp_model *const *models, size_t count,
                                           const polyp_predictor_options *options)
{
    const polyp_predictor_options o = options ? *options : polyp_predictor_defaults();
    TRY(check_engine("polyp_predictor_open", o.engine, o.threads, o.precision));
    TRY(check_range("polyp_predictor_open", "pictures", o.pictures, 0, INT_MAX));
    return predictor_open_models(out, models, count, &o, 0);
}

polyp_status polyp_predictor_uncertainty(polyp_uncertainty *out, const polyp_predictor *predictor)
{
    if (!out || !predictor) return fail(POLYP_ERR_ARGUMENT, "polyp_predictor_uncertainty: there is no predictor");
    return predictor_uncertainty(out, predictor);
}

polyp_status polyp_predict(polyp_predictor *predictor, const polyp_image *picture, polyp_image *probability_out,
                           polyp_image *mask_out)
{
    if (!predictor) return fail(POLYP_ERR_ARGUMENT, "polyp_predict: there is no predictor");
    TRY(check_picture(picture));
    TRY(predictor_submit(predictor, 0, picture));
    polyp_image probability = {0}, mask = {0};
    const status result = predictor_collect(predictor, 0, picture->width, picture->height,
                                            probability_out ? &probability : NULL, mask_out ? &mask : NULL);
    if (result != POLYP_OK) {
        polyp_image_free(&probability);
        polyp_image_free(&mask);
        return result;
    }
    if (probability_out) *probability_out = probability;
    if (mask_out) *mask_out = mask;
    return POLYP_OK;
}

/* ---- scoring ---------------------------------------------------------------------------------------- */

polyp_evaluate_options polyp_evaluate_defaults(void)
{
    return (polyp_evaluate_options){.engine = "auto", .threshold = -1.0, .precision = "auto"};
}

/* The report's summary. */
static polyp_evaluation evaluation_of(const score_report *r)
{
    return (polyp_evaluation){.images = r->count,
                              .without_polyp = r->all.without_polyp,
                              .false_alarms = r->false_alarms,
                              .threshold = r->settings.threshold,
                              .per_image = r->conventions[CONVENTION_PER_IMAGE],
                              .pooled = r->conventions[CONVENTION_POOLED],
                              .jaccard_95 = r->all.mean_95[SCORE_JACCARD],
                              .dsc_95 = r->all.mean_95[SCORE_DSC],
                              .seconds = r->seconds};
}

static status evaluate_set(polyp_evaluation *out, const polyp_model *model, const polyp_evaluate_options *options)
{
    const score_options how = {.data = options->data,
                               .more_data = options->more_data,
                               .more_count = options->more_count,
                               .ignore = options->ignore,
                               .split = options->split,
                               .threshold = options->threshold,
                               .tta = options->tta,
                               .rules = options->rules,
                               .engine = options->engine,
                               .precision = options->precision,
                               .threads = options->threads,
                               .watch = &options->watch};
    score_set s = {0};
    status result;
    TRY_DONE(score_set_models(&s, &model, 1, &how));
    if (options->csv) TRY_DONE(score_report_write_csv(options->csv, &s.report, NULL));
    if (options->json) TRY_DONE(score_report_write_json(options->json, &s.report, NULL, NULL));
    *out = evaluation_of(&s.report);
done:
    score_set_free(&s);
    return result;
}

polyp_status polyp_evaluate(polyp_evaluation *out, const polyp_model *model, const polyp_evaluate_options *options)
{
    static const char function[] = "polyp_evaluate";
    if (!model || !options) return fail(POLYP_ERR_ARGUMENT, "%s: model and options are needed", function);
    TRY(check_name(function, "the data folder", options->data));
    TRY(check_more(function, options->more_data, options->more_count));
    TRY(check_engine(function, options->engine, options->threads, options->precision));
    if (isnan(options->threshold) || options->threshold > 1.0) {
        return fail(POLYP_ERR_ARGUMENT, "%s: the threshold is %g; it must not be above 1", function,
                    options->threshold);
    }
    return evaluate_set(out, model, options);
}

/* ---- training --------------------------------------------------------------------------------------- */

polyp_train_options polyp_train_defaults(void)
{
    return (polyp_train_options){.recipe = "best", .valid = "0.1", .seed = 1, .engine = "auto", .precision = "auto"};
}

static status check_train_numbers(const char *function, const polyp_train_options *o)
{
    enum { SIZE_STEP = 32, SIZE_LIMIT = 4096, EPOCHS_LIMIT = 100000, BATCH_LIMIT = 4096 };
    if (o->size != 0) TRY(check_range(function, "size", o->size, SIZE_STEP, SIZE_LIMIT));
    if (o->size % SIZE_STEP != 0) {
        return fail(POLYP_ERR_ARGUMENT, "%s: size is %d; it must be a multiple of %d", function, o->size, SIZE_STEP);
    }
    TRY(check_range(function, "epochs", o->epochs, 0, EPOCHS_LIMIT));
    TRY(check_range(function, "batch", o->batch, 0, BATCH_LIMIT));
    if (o->learning_rate == 0.0) return POLYP_OK;
    return check_range(function, "learning rate", o->learning_rate, 1e-12, 1e3);
}

static status check_train_names(const char *function, const polyp_train_options *o)
{
    unet_spec spec;
    TRY(check_name(function, "the data folder", o->data));
    TRY(check_more(function, o->more_data, o->more_count));
    TRY(check_name(function, "the run's folder", o->out));
    TRY(check_name(function, "the recipe", o->recipe));
    if (o->preset) TRY(unet_preset(&spec, o->preset));
    if (!o->encoder || !o->init) return POLYP_OK;
    return fail(POLYP_ERR_ARGUMENT, "%s: encoder and init exclude each other; a model to go on from has its encoder",
                function);
}

status train_options_check(const char *function, const polyp_train_options *options)
{
    if (!options) return fail(POLYP_ERR_ARGUMENT, "%s: there are no options", function);
    TRY(check_train_names(function, options));
    TRY(check_train_numbers(function, options));
    return check_engine(function, options->engine, options->threads, options->precision);
}

polyp_status polyp_train(const polyp_train_options *options)
{
    TRY(train_options_check("polyp_train", options));
    return trainer_run(options);
}
