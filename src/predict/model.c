/* A model file: written from flat weights, opened by mapping. */
#include "predict/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "net/quantise.h"
#include "predict/prepare.h"

enum { MODEL_SIZE_STEP = 32, MODEL_SIZE_LIMIT = 8192, MODEL_SIZE_DEFAULT = 256 };

model_facts model_facts_default(const char *preset)
{
    model_facts facts = {.size = MODEL_SIZE_DEFAULT, .threshold = 0.5};
    (void)snprintf(facts.preset, sizeof facts.preset, "%s", preset);
    return facts;
}

/* ---- writing ---------------------------------------------------------------------------------------- */

/* The file's tensors: f32 ones first, so that they are aligned; then weights in 8 bits. */
typedef struct item_list {
    weights_item *items;
    size_t count;
} item_list;

static weights_item *add_item(item_list *list, const char *name, enum dtype dtype, const void *data)
{
    weights_item *const item = &list->items[list->count++];
    *item = (weights_item){.name = name, .dtype = dtype, .data = data};
    return item;
}

static void add_params(item_list *list, const params *weights, enum dtype dtype)
{
    for (int i = 0; i < weights->table->count; i++) {
        const param *const entry = &weights->table->entries[i];
        if (weights->dtype[i] != dtype) continue;
        weights_item *const item = add_item(list, entry->name, dtype, weights->data[i]);
        item->rank = entry->rank;
        for (int d = 0; d < entry->rank; d++) item->shape[d] = entry->shape[d];
    }
}

static status add_scales(item_list *list, const params *weights, arena *names)
{
    for (int i = 0; i < weights->table->count && weights->scales != NULL; i++) {
        const param *const entry = &weights->table->entries[i];
        if (weights->scales[i] == NULL) continue;
        const char *const name = arena_format(names, "%s.scale", entry->name);
        if (name == NULL) return POLYP_ERR_MEMORY;
        weights_item *const item = add_item(list, name, DTYPE_F32, weights->scales[i]);
        item->rank = 1;
        item->shape[0] = quantise_channels(entry);
    }
    return POLYP_OK;
}

void model_describe(model_entries *out, const model_facts *facts)
{
    (void)snprintf(out->size, sizeof out->size, "%d", facts->size);
    (void)snprintf(out->threshold, sizeof out->threshold, "%.9g", facts->threshold);
    (void)snprintf(out->normalisation, sizeof out->normalisation, "mean %.3f %.3f %.3f std %.3f %.3f %.3f",
                   (double)PREPARE_MEAN[0], (double)PREPARE_MEAN[1], (double)PREPARE_MEAN[2], (double)PREPARE_STD[0],
                   (double)PREPARE_STD[1], (double)PREPARE_STD[2]);
    const weights_text items[MODEL_ENTRIES] = {
        {"preset", facts->preset},   {"size", out->size},           {"normalisation", out->normalisation},
        {"resize", "squish"},        {"threshold", out->threshold}, {"licence", facts->licence},
        {"training", facts->training},
    };
    memcpy(out->items, items, sizeof items);
}

static status add_value_scales(item_list *list, const params *weights, const graph *g, arena *names)
{
    for (int i = 0; i < g->count && weights->value_scales != NULL; i++) {
        if (weights->value_scales[i] <= 0) continue;
        const char *const name = arena_format(names, "%s.scale", g->ops[i].name);
        if (name == NULL) return POLYP_ERR_MEMORY;
        weights_item *const item = add_item(list, name, DTYPE_F32, &weights->value_scales[i]);
        item->rank = 1;
        item->shape[0] = 1;
    }
    return POLYP_OK;
}

static status write_items(const char *path, const item_list *list, bool quantised, const model_facts *facts)
{
    model_entries entries;
    weights_text metadata[MODEL_ENTRIES + 2] = {{"format", quantised ? MODEL_INT8_FORMAT : MODEL_FORMAT}};
    model_describe(&entries, facts);
    memcpy(metadata + 1, entries.items, sizeof entries.items);
    metadata[MODEL_ENTRIES + 1] = (weights_text){"quantisation", facts->quantisation};
    return weights_write(path, list->items, list->count, metadata, (size_t)MODEL_ENTRIES + 1 + quantised);
}

status model_write(const char *path, const graph *g, const params *weights, const model_facts *facts)
{
    item_list list = {0};
    arena *names = NULL;
    status result;
    TRY_DONE(arena_create(&names, 1 << 14));
    TRY_DONE(memory_new(&list.items, 2 * (size_t)g->params.count + (size_t)g->count));
    add_params(&list, weights, DTYPE_F32);
    TRY_DONE(add_scales(&list, weights, names));
    TRY_DONE(add_value_scales(&list, weights, g, names));
    add_params(&list, weights, DTYPE_S8);
    TRY_DONE(write_items(path, &list, weights->scales != NULL, facts));
done:
    memory_free(list.items);
    arena_destroy(names);
    return result;
}

/* ---- opening ---------------------------------------------------------------------------------------- */

static status read_size(int *out, const char *text, const char *path)
{
    char *end;
    const long size = strtol(text, &end, 10);
    if (end == text || *end || size < MODEL_SIZE_STEP || size > MODEL_SIZE_LIMIT || size % MODEL_SIZE_STEP != 0) {
        return fail(POLYP_ERR_FORMAT, "%s: its size is \"%s\", not a multiple of %d up to %d; the file is damaged",
                    path, text, MODEL_SIZE_STEP, MODEL_SIZE_LIMIT);
    }
    *out = (int)size;
    return POLYP_OK;
}

static status read_threshold(double *out, const char *text, const char *path)
{
    char *end;
    const double threshold = strtod(text, &end);
    if (end == text || *end || !(threshold >= 0.0 && threshold <= 1.0)) {
        return fail(POLYP_ERR_FORMAT, "%s: its threshold is \"%s\", not a number from 0 to 1; the file is damaged",
                    path, text);
    }
    *out = threshold;
    return POLYP_OK;
}

/* Refuse a text that would be cut off. */
static status read_text(char *out, size_t room, const weights_file *file, const char *key, const char *path)
{
    const char *const text = weights_metadata(file, key);
    if (text && strlen(text) >= room)
        return fail(POLYP_ERR_FORMAT, "%s: its %s is longer than %zu bytes", path, key, room - 1);
    (void)snprintf(out, room, "%s", text ? text : "");
    return POLYP_OK;
}

static status read_facts(model_facts *out, unet_spec *spec, weights_file *file, const char *path)
{
    const char *const format = weights_metadata(file, "format");
    if (!format || strcmp(format, "pt") == 0) { /* another program's safetensors: known by names and shapes */
        TRY(weights_translate(file, path));
        TRY(unet_recognise(spec, file, path));
        *out = model_facts_default(spec->name);
        return POLYP_OK;
    }
    if (strncmp(format, "polyp-checkpoint", 16) == 0) {
        return fail(POLYP_ERR_FORMAT,
                    "%s: is a training checkpoint; take model.safetensors beside it, or train --resume", path);
    }
    if (strcmp(format, MODEL_FORMAT) != 0 && strcmp(format, MODEL_INT8_FORMAT) != 0) {
        return fail(POLYP_ERR_UNSUPPORTED,
                    "%s: its format is \"%s\", this program reads " MODEL_FORMAT " and " MODEL_INT8_FORMAT, path, format);
    }
    *out = model_facts_default("");
    TRY(read_text(out->preset, sizeof out->preset, file, "preset", path));
    TRY(read_text(out->licence, sizeof out->licence, file, "licence", path));
    TRY(read_text(out->training, sizeof out->training, file, "training", path));
    TRY(read_text(out->quantisation, sizeof out->quantisation, file, "quantisation", path));
    const char *const size = weights_metadata(file, "size"), *const threshold = weights_metadata(file, "threshold");
    if (size) TRY(read_size(&out->size, size, path));
    if (threshold) TRY(read_threshold(&out->threshold, threshold, path));
    const char *const resize = weights_metadata(file, "resize");
    if (resize && strcmp(resize, "squish") != 0) {
        return fail(POLYP_ERR_UNSUPPORTED, "%s: its resize is \"%s\", this program knows squish", path, resize);
    }
    const status known = unet_preset(spec, out->preset);
    return known == POLYP_OK ? POLYP_OK : fail_within(known, path);
}

/* The weights, in the form that the file's format promises. */
static status attach(polyp_model *model, weights_file *file, const char *path)
{
    const char *const format = weights_metadata(file, "format");
    const bool quantised = format && strcmp(format, MODEL_INT8_FORMAT) == 0;
    TRY(weights_attach(&model->weights, &model->graph.params, file, quantised, path));
    if (!quantised) return POLYP_OK;
    if (model_is_quantised(model)) return quantise_attach_values(&model->weights, &model->graph, file, path);
    return fail(POLYP_ERR_FORMAT, "%s: its format is " MODEL_INT8_FORMAT ", but no weights are in 8 bits; it is damaged",
                path);
}

status model_open(polyp_model **out, const char *path)
{
    polyp_model *model = NULL;
    weights_file file = {0};
    status result;
    TRY_DONE(weights_open(&file, path));
    if (!file.data) {
        result = fail(POLYP_ERR_FORMAT, "%s: is a PyTorch checkpoint; make a model of it with polyp import", path);
        goto done;
    }
    TRY_DONE(memory_new(&model, 1));
    model->path = memory_text(path);
    if (!model->path) {
        result = POLYP_ERR_MEMORY;
        goto done;
    }
    unet_spec spec;
    TRY_DONE(read_facts(&model->facts, &spec, &file, path));
    TRY_DONE(unet_build(&model->graph, &spec));
    TRY_DONE(attach(model, &file, path));
    *out = model;
    model = NULL;
done:
    weights_close(&file);
    polyp_model_close(model);
    return result;
}

void polyp_model_close(polyp_model *model)
{
    if (!model) return;
    params_free(&model->weights);
    graph_free(&model->graph);
    memory_free(model->path);
    memory_free(model);
}
