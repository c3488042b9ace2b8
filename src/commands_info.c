/* The command that tells what a file is: a model, an encoder's weights, a checkpoint of PyTorch, an ONNX file. */
#include "commands.h"

#include <inttypes.h>
#include <string.h>

#include <jansson.h>

#include "base/memory.h"
#include "commands_info.h"
#include "net/onnx.h"
#include "predict/model.h"

/* ---- a model -------------------------------------------------------------------------------------------- */

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

static status print_model(const weights_file *file, const char *path, FILE *to)
{
    polyp_model *model = NULL;
    status result;
    TRY_DONE(model_open(&model, path));
    const model_facts *const facts = &model->facts;
    fprintf(to, "preset      %s\nsize        %d x %d\nthreshold   %g\n", facts->preset, facts->size, facts->size,
            facts->threshold);
    fprintf(to, "parameters  %zu trained of %zu values, %d tensors\n", polyp_model_about(model).parameters,
            model->graph.params.values, model->graph.params.count);
    TRY_DONE(print_work(model, to));
    if (model_is_quantised(model)) info_print_quantisation(facts->quantisation, to);
    fprintf(to, "licence     %s\n", facts->licence[0] ? facts->licence : "unknown");
    print_checksum(file, to);
    if (facts->training[0]) info_print_training(facts->training, to);
    fprintf(to, "tensors\n");
    print_table(&model->graph.params, to);
done:
    polyp_model_close(model);
    return result;
}

/* ---- other files ---------------------------------------------------------------------------------------- */

static size_t values_of(const weights_file *file)
{
    size_t sum = 0;
    for (size_t i = 0; i < file->count; i++) sum += file->entries[i].count;
    return sum;
}

static void print_encoder(const weights_file *file, int depth, FILE *to)
{
    const char *const licence = weights_metadata(file, "licence");
    fprintf(to, "encoder     resnet%d, for `polyp train --encoder`\nparameters  %zu values, %zu tensors\n", depth,
            values_of(file), file->count);
    fprintf(to, "licence     %s\n", licence && licence[0] ? licence : "unknown");
    if (file->data) print_checksum(file, to);
}

/* A whole network that PyTorch saved: not a model yet. */
static status print_checkpoint(weights_file *file, const char *path, FILE *to)
{
    unet_spec spec;
    TRY(weights_translate(file, path));
    TRY(unet_recognise(&spec, file, path));
    fprintf(to, "checkpoint  of PyTorch; `polyp import` makes a model of it\npreset      %s\n", spec.name);
    fprintf(to, "parameters  %zu values, %zu tensors\n", values_of(file), file->count);
    return POLYP_OK;
}

static void print_entry(void *to, const char *key, const char *value)
{
    if (value[0]) fprintf(to, "%-11s %s\n", key, value);
}

/* Sets *is_onnx to whether it was one. */
static status print_onnx(bool *is_onnx, const char *path, FILE *to)
{
    onnx_about about;
    TRY(onnx_outline(&about, is_onnx, path, NULL, NULL));
    if (!*is_onnx) return POLYP_OK;
    fprintf(to, "ONNX        opset %d, IR version %d, written by %s %s\n", about.opset, about.ir_version,
            about.producer[0] ? about.producer : "an unnamed program", about.version);
    fprintf(to, "parameters  %zu values, %zu tensors, %zu nodes\n", about.values, about.initialisers, about.nodes);
    return onnx_outline(&about, is_onnx, path, print_entry, to);
}

/* The recipe and the run that a model carries, as JSON that `train --recipe` takes. */
static status print_recipe(const char *path, FILE *to)
{
    polyp_model *model = NULL;
    TRY(model_open(&model, path));
    json_t *const root = json_loads(model->facts.training, 0, NULL);
    status result = POLYP_OK;
    if (!root) {
        result = fail(POLYP_ERR_FORMAT, "%s: does not say how it was trained", path);
    } else if (json_dumpf(root, to, JSON_INDENT(2)) != 0 || fputc('\n', to) == EOF) {
        result = fail(POLYP_ERR_FILE, "the recipe of %s cannot be written", path);
    }
    json_decref(root);
    polyp_model_close(model);
    return result;
}

status command_info(const char *path, bool recipe, FILE *to)
{
    if (recipe) return print_recipe(path, to);

    weights_file file = {0};
    bool is_onnx = false;
    TRY(print_onnx(&is_onnx, path, to));
    if (is_onnx) return POLYP_OK;
    TRY(weights_open(&file, path));
    const int depth = resnet_recognise(&file);
    status result = POLYP_OK;
    if (depth > 0) {
        print_encoder(&file, depth, to);
    } else {
        result = file.data ? print_model(&file, path, to) : print_checkpoint(&file, path, to);
    }
    weights_close(&file);
    return result;
}
