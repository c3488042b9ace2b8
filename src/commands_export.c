/* The command that writes a model for other programs: ONNX, or weights under the names that PyTorch's modules have. */
#include "commands.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "net/onnx.h"
#include "net/quantise.h"
#include "predict/model.h"
#include "predict/prepare.h"

static bool ends_with(const char *text, const char *ending)
{
    const size_t length = strlen(text), tail = strlen(ending);
    return length >= tail && strcmp(text + length - tail, ending) == 0;
}

static status check_combination(const export_options *o, bool onnx)
{
    if (!onnx && (o->size > 0 || o->any_size || o->preprocess || o->keep_norm)) {
        return fail(POLYP_ERR_ARGUMENT, "%s: --size, --any-size, --preprocess and --keep-norm are for ONNX files only",
                    o->out);
    }
    if (o->any_size && (o->preprocess || o->size > 0)) {
        return fail(POLYP_ERR_ARGUMENT, "--any-size excludes --size and --preprocess, which squishes to one size");
    }
    return POLYP_OK;
}

/* ---- ONNX ----------------------------------------------------------------------------------------------- */

static const char *description_of(const export_options *o)
{
    return o->preprocess
               ? "U-Net for polyps in colonoscopy pictures. picture: RGB bytes of any size. probability: of polyp, at the "
                 "picture's own size. logits: at the network's. Research software, not a medical device."
               : "U-Net for polyps in colonoscopy pictures. input: RGB / 255, less the mean, divided by the deviation "
                 "(see the metadata). logits: polyp where their sigmoid is above the threshold. Research software, not a "
                 "medical device.";
}

static status export_onnx(export_result *out, const polyp_model *model, const export_options *o)
{
    model_facts facts = model->facts;
    model_entries entries;
    if (o->size > 0) facts.size = o->size;
    model_describe(&entries, &facts);
    const onnx_options options = {
        .size = o->any_size ? 0 : facts.size,
        .keep_norm = o->keep_norm,
        .preprocess = o->preprocess,
        .mean = PREPARE_MEAN,
        .deviation = PREPARE_STD,
        .description = description_of(o),
        .metadata = entries.items,
        .metadata_count = MODEL_ENTRIES,
    };
    out->size = options.size;
    out->opset = ONNX_OPSET;
    return onnx_write(o->out, &model->graph, &model->weights, &options);
}

/* ---- PyTorch -------------------------------------------------------------------------------------------- */

typedef struct item_name {
    char text[96];
} item_name;

/* Presets of segmentation_models_pytorch get its names, all others keep ours. */
static status name_items(weights_item *items, item_name *names, const polyp_model *model)
{
    const bool smp = strncmp(model->facts.preset, "smp-", 4) == 0;
    const param_table *const table = &model->graph.params;
    for (int i = 0; i < table->count; i++) {
        const param *const entry = &table->entries[i];
        (void)snprintf(names[i].text, sizeof names[i].text, "%s", entry->name);
        if (smp && !weights_smp_name(names[i].text, sizeof names[i].text, entry->name)) {
            return fail(POLYP_ERR_SIZE, "the name of %s is too long", entry->name);
        }
        items[i] = (weights_item){.name = names[i].text,
                                  .dtype = model->weights.dtype[i],
                                  .rank = entry->rank,
                                  .data = model->weights.data[i]};
        for (int d = 0; d < entry->rank; d++) items[i].shape[d] = entry->shape[d];
    }
    return POLYP_OK;
}

static status export_weights(const polyp_model *model, const export_options *o)
{
    const size_t count = (size_t)model->graph.params.count;
    model_entries entries;
    weights_text metadata[MODEL_ENTRIES + 1] = {{"format", "pt"}};
    weights_item *items = NULL;
    item_name *names = NULL;
    status result;
    model_describe(&entries, &model->facts);
    memcpy(metadata + 1, entries.items, sizeof entries.items);
    TRY_DONE(memory_new(&items, count));
    TRY_DONE(memory_new(&names, count));
    TRY_DONE(name_items(items, names, model));
    result = weights_write(o->out, items, count, metadata, MODEL_ENTRIES + 1);
done:
    memory_free(items);
    memory_free(names);
    return result;
}

/* Weights in 8 bits are written scaled back, in f32. */
static status undo_quantisation(polyp_model *model)
{
    params floats;
    if (!model_is_quantised(model)) return POLYP_OK;
    TRY(quantise_undo(&floats, &model->weights));
    params_free(&model->weights);
    model->weights = floats;
    return POLYP_OK;
}

status command_export(export_result *out, const export_options *options)
{
    const bool onnx = ends_with(options->out, ".onnx");
    polyp_model *model = NULL;
    if (!onnx && !ends_with(options->out, ".safetensors")) {
        return fail(POLYP_ERR_ARGUMENT, "%s: the name must end in .onnx, or in .safetensors for PyTorch's weights",
                    options->out);
    }
    TRY(check_combination(options, onnx));
    TRY(model_open(&model, options->model));
    status result = undo_quantisation(model);
    if (result != POLYP_OK) goto done;
    *out = (export_result){.tensors = (size_t)model->graph.params.count, .values = model->graph.params.values};
    (void)snprintf(out->preset, sizeof out->preset, "%s", model->facts.preset);
    result = onnx ? export_onnx(out, model, options) : export_weights(model, options);
    if (result == POLYP_ERR_FORMAT || result == POLYP_ERR_UNSUPPORTED) result = fail_within(result, options->model);
done:
    polyp_model_close(model);
    return result;
}
