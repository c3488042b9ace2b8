/* The commands about model files: import, info; and what was built in. */
#include "commands.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "net/graph.h"
#include "net/weights.h"
#include "predict/model.h"

#define ENCODER_FORMAT "polyp-encoder-1"
#define ENCODER_PREFIX "encoder."

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
#ifdef _OPENMP
#define THREADS "threads: OpenMP"
#else
#define THREADS "threads: one (built without OpenMP)"
#endif

const char *const *command_features(void)
{
    static const char *const lines[] = {ENGINES, PICTURES, ORIENTATION, PLOTS, THREADS, NULL};
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

/* torchvision's ResNets differ in which blocks there are; 0: not one of them. */
static int encoder_depth(const weights_file *file)
{
    if (!weights_find(file, "layer1.0.conv1.weight")) return 0;
    if (weights_find(file, "layer1.0.conv3.weight")) return weights_find(file, "layer3.6.conv1.weight") ? 101 : 50;
    return weights_find(file, "layer1.2.conv1.weight") ? 34 : 18;
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
        {"format", ENCODER_FORMAT}, {"preset", preset}, {"licence", options->licence ? options->licence : ""}};
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
    const int depth = encoder_depth(&file);
    status result;
    if (depth > 0) {
        result = import_encoder(out, &file, depth, options);
    } else {
        TRY_DONE(weights_translate_smp(&file, options->in));
        TRY_DONE(unet_recognise(&spec, &file, options->in));
        result = import_model(out, &file, &spec, options);
    }
done:
    weights_close(&file);
    return result;
}

/* ---- info ----------------------------------------------------------------------------------------------- */

static void print_table(const param_table *table, FILE *to)
{
    for (int i = 0; i < table->count; i++) {
        const param *const p = &table->entries[i];
        fprintf(to, "  %-48s", p->name);
        for (int d = 0; d < p->rank; d++) fprintf(to, "%s%d", d ? " x " : " ", p->shape[d]);
        fprintf(to, "\n");
    }
}

static status print_work(const polyp_model *model, FILE *to)
{
    const shape input = {1, 3, model->facts.size, model->facts.size};
    shape *shapes = NULL;
    TRY(memory_new(&shapes, (size_t)model->graph.count));
    const status result = graph_shapes(&model->graph, input, shapes);
    if (result == POLYP_OK) {
        fprintf(to, "work        %.2f GMAC a picture\n", graph_multiply_adds(&model->graph, shapes) * 1e-9);
    }
    memory_free(shapes);
    return result;
}

/* A file that another program wrote has no checksum. */
static void print_checksum(const weights_file *file, FILE *to)
{
    const char *const stored = weights_metadata(file, "xxh3");
    char computed[17];
    weights_hash(computed, file->data, file->data_size);
    fprintf(to, "checksum    %s%s\n", computed,
            !stored                         ? " (none stored)"
            : strcmp(stored, computed) == 0 ? ""
                                            : " (NOT the stored one: the file is damaged)");
}

status command_info(const char *path, FILE *to)
{
    polyp_model *model = NULL;
    weights_file file = {0};
    status result;
    TRY_DONE(model_open(&model, path));
    TRY_DONE(weights_open(&file, path));
    const model_facts *const facts = &model->facts;
    fprintf(to, "preset      %s\nsize        %d x %d\nthreshold   %g\n", facts->preset, facts->size, facts->size,
            facts->threshold);
    fprintf(to, "parameters  %zu trained of %zu values, %d tensors\n", polyp_model_about(model).parameters,
            model->graph.params.values, model->graph.params.count);
    TRY_DONE(print_work(model, to));
    fprintf(to, "licence     %s\n", facts->licence[0] ? facts->licence : "unknown");
    print_checksum(&file, to);
    if (facts->training[0]) fprintf(to, "training    %s\n", facts->training);
    fprintf(to, "tensors\n");
    print_table(&model->graph.params, to);
done:
    weights_close(&file);
    polyp_model_close(model);
    return result;
}
