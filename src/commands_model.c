/* The command that makes models and encoder files of weights; and what was built in. */
#include "commands.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "net/graph.h"
#include "net/weights.h"
#include "predict/model.h"
#include "predict/shipped.h"

#define ENCODER_PREFIX "encoder."

/* ---- the word `shipped` --------------------------------------------------------------------------------- */

_Static_assert((int)COMMANDS_PATH == (int)SHIPPED_PATH, "one length: app/ cannot see the other header");

status command_model_path(char out[COMMANDS_PATH], const char **path)
{
    return shipped_model_named(out, path);
}

/* ---- --version ------------------------------------------------------------------------------------------ */

#ifdef HAVE_ONEDNN
#define ENGINES "engines: onednn, reference"
#else
#define ENGINES "engines: reference (built without oneDNN: slow)"
#endif
#ifdef HAVE_TIFF
#define PICTURES "pictures: JPEG, PNG, TIFF"
#else
#define PICTURES "pictures: JPEG, PNG (built without TIFF)"
#endif
#ifdef HAVE_EXIF
#define ORIENTATION "EXIF orientation: yes"
#else
#define ORIENTATION "EXIF orientation: no"
#endif
#ifdef HAVE_CAIRO
#define PLOTS "plots and contact sheets: yes"
#else
#define PLOTS "plots and contact sheets: no (built without Cairo)"
#endif
#ifdef HAVE_FETCH
#define FETCH "fetch: yes"
#else
#define FETCH "fetch: no (built without libcurl)"
#endif
#ifdef _OPENMP
#define THREADS "threads: OpenMP"
#else
#define THREADS "threads: one (built without OpenMP)"
#endif

const char *const *command_features(void)
{
    static const char *const lines[] = {ENGINES, PICTURES, ORIENTATION, PLOTS, FETCH, THREADS, NULL};
    return lines;
}

/* ---- import --------------------------------------------------------------------------------------------- */

/* Facts of a whole network: ours are kept, others get the defaults; what the options say goes before both. */
static status import_facts(model_facts *out, const weights_file *file, const unet_spec *spec,
                           const import_options *options)
{
    const char *const format = weights_metadata(file, "format");
    *out = model_facts_default(spec->name);
    if (format && strcmp(format, MODEL_FORMAT) == 0) {
        polyp_model *model = NULL;
        TRY(model_open(&model, options->in));
        *out = model->facts;
        polyp_model_close(model);
    }
    if (options->size > 0) out->size = options->size;
    if (!options->licence) return POLYP_OK;
    if (strlen(options->licence) >= sizeof out->licence) {
        return fail(POLYP_ERR_ARGUMENT, "the licence is longer than %zu bytes; shorten it", sizeof out->licence - 1);
    }
    snprintf(out->licence, sizeof out->licence, "%s", options->licence);
    return POLYP_OK;
}

static status import_model(import_result *out, const weights_file *file, const unet_spec *spec,
                           const import_options *options)
{
    graph g = {0};
    params weights = {0};
    model_facts facts;
    status result;
    TRY_DONE(import_facts(&facts, file, spec, options));
    TRY_DONE(unet_build(&g, spec));
    TRY_DONE(params_create(&weights, &g.params));
    TRY_DONE(weights_fill(&weights, file, options->in, "", true));
    TRY_DONE(model_write(options->out, &g, &weights, &facts));
    snprintf(out->preset, sizeof out->preset, "%s", spec->name);
    out->encoder_only = false;
    out->tensors = (size_t)g.params.count;
    out->values = g.params.values;
done:
    params_free(&weights);
    graph_free(&g);
    return result;
}

static status write_encoder(const params *weights, int depth, const import_options *options)
{
    const param_table *const table = weights->table;
    char preset[24];
    weights_item *items = NULL;
    TRY(memory_new(&items, (size_t)table->count));
    for (int i = 0; i < table->count; i++) {
        const param *const p = &table->entries[i];
        items[i] = (weights_item){.name = p->name + strlen(ENCODER_PREFIX),
                                  .dtype = DTYPE_F32,
                                  .rank = p->rank,
                                  .data = params_f32(weights, i)};
        for (int d = 0; d < p->rank; d++) items[i].shape[d] = p->shape[d];
    }
    snprintf(preset, sizeof preset, "resnet%d", depth);
    const weights_text metadata[] = {
        {"format", MODEL_ENCODER_FORMAT}, {"preset", preset}, {"licence", options->licence ? options->licence : ""}};
    const status result = weights_write(options->out, items, (size_t)table->count, metadata, 3);
    memory_free(items);
    return result;
}

static status import_encoder(import_result *out, const weights_file *file, int depth, const import_options *options)
{
    graph g = {0};
    params weights = {0};
    resnet_values values;
    status result;
    TRY_DONE(resnet_build(&g, graph_input(&g, 3), ENCODER_PREFIX, depth, 64, 4, &values));
    TRY_DONE(params_create(&weights, &g.params));
    TRY_DONE(weights_fill_encoder(&weights, file, options->in));
    TRY_DONE(write_encoder(&weights, depth, options));
    snprintf(out->preset, sizeof out->preset, "resnet%d", depth);
    out->encoder_only = true;
    out->tensors = (size_t)g.params.count;
    out->values = g.params.values;
done:
    params_free(&weights);
    graph_free(&g);
    return result;
}

status command_import(import_result *out, const import_options *options)
{
    weights_file file = {0};
    unet_spec spec;
    TRY(weights_open(&file, options->in));
    const char *const format = weights_metadata(&file, "format");
    const int depth = resnet_recognise(&file);
    status result;
    if (format && strcmp(format, MODEL_INT8_FORMAT) == 0) {
        result = fail(POLYP_ERR_UNSUPPORTED, "%s: is a model in 8 bits that needs no import", options->in);
    } else if (depth > 0) {
        result = import_encoder(out, &file, depth, options);
    } else {
        TRY_DONE(weights_translate(&file, options->in));
        TRY_DONE(unet_recognise(&spec, &file, options->in));
        result = import_model(out, &file, &spec, options);
    }
done:
    weights_close(&file);
    return result;
}
