/* Weights summed in double, divided, written as one model. */
#include "learn/average_models.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "learn/recipe_json.h"
#include "predict/shipped.h"

typedef struct averaging {
    polyp_model **models; /* [count], those that are open */
    const char *const *paths;
    size_t count;
    params mean; /* over the last model's table */
} averaging;

/* ---- may they be averaged ------------------------------------------------------------------------------ */

static status check_model(const averaging *a, size_t i)
{
    const polyp_model *const first = a->models[0], *const model = a->models[i];
    if (model_is_quantised(model)) {
        return fail(POLYP_ERR_UNSUPPORTED, "%s: its weights are in 8 bits; average needs the model that it was made from",
                    model->path);
    }
    if (strcmp(model->facts.preset, first->facts.preset) != 0) {
        return fail(POLYP_ERR_MISMATCH, "%s: its preset is %s, but %s of %s", model->path, model->facts.preset,
                    first->facts.preset, first->path);
    }
    if (strcmp(model->facts.licence, first->facts.licence) != 0) {
        return fail(POLYP_ERR_MISMATCH, "%s: its licence is \"%s\", but \"%s\" of %s; `polyp import --licence` sets one",
                    model->path, model->facts.licence, first->facts.licence, first->path);
    }
    if (params_check_finite(&model->weights, 1) != POLYP_OK) return fail_within(POLYP_ERR_FORMAT, model->path);
    return POLYP_OK;
}

static status open_models(averaging *a)
{
    TRY(memory_new(&a->models, a->count));
    for (size_t i = 0; i < a->count; i++) {
        const char *path = a->paths[i];
        char shipped[SHIPPED_PATH];
        TRY(shipped_model_named(shipped, &path));
        TRY(model_open(&a->models[i], path));
        TRY(check_model(a, i));
    }
    return POLYP_OK;
}

/* ---- the mean ------------------------------------------------------------------------------------------ */

static void average_entry(const averaging *a, int entry, const param *p)
{
    float *const to = a->mean.flat + p->offset;
    for (size_t k = 0; k < p->count; k++) {
        double sum = 0;
        for (size_t i = 0; i < a->count; i++) sum += (double)params_f32(&a->models[i]->weights, entry)[k];
        to[k] = (float)(sum / (double)a->count);
    }
}

static status make_mean(averaging *a)
{
    const param_table *const table = &a->models[a->count - 1]->graph.params;
    TRY(params_create(&a->mean, table));
    for (int entry = 0; entry < table->count; entry++) average_entry(a, entry, &table->entries[entry]);
    return POLYP_OK;
}

/* ---- where it comes from ------------------------------------------------------------------------------- */

static json_t *hashes_of(const averaging *a)
{
    json_t *const hashes = json_array();
    for (size_t i = 0; i < a->count; i++) {
        char hash[17];
        if (weights_hash_file(hash, a->models[i]->path) != POLYP_OK || json_array_append_new(hashes, json_string(hash)) != 0) {
            json_decref(hashes);
            return NULL;
        }
    }
    return hashes;
}

/* Facts of a model that polyp did not train are kept as they are. */
static status describe(model_facts *facts, const averaging *a)
{
    json_t *const root = json_loads(facts->training, 0, NULL), *const run = json_object_get(root, "run");
    char *text = NULL;
    status result = POLYP_OK;
    if (json_is_object(run)) {
        if (json_object_set_new(run, "averaged", hashes_of(a)) == 0) text = json_dumps(root, RECIPE_JSON_FLAGS);
        if (!text) result = fail(POLYP_ERR_MEMORY, "no memory for what is said of the training");
        else if (strlen(text) >= sizeof facts->training) result = fail(POLYP_ERR_SIZE, "too many models to name them all");
        else (void)snprintf(facts->training, sizeof facts->training, "%s", text);
    }
    free(text);
    json_decref(root);
    return result;
}

static status write_mean(const char *path, const averaging *a)
{
    const polyp_model *const last = a->models[a->count - 1];
    model_facts facts = last->facts;
    TRY(describe(&facts, a));
    return model_write(path, &last->graph, &a->mean, &facts);
}

static void close_all(averaging *a)
{
    params_free(&a->mean);
    for (size_t i = 0; a->models && i < a->count; i++) polyp_model_close(a->models[i]);
    memory_free(a->models);
}

status average_models(const char *path, const char *const *models, size_t count)
{
    averaging a = {.paths = models, .count = count};
    status result;
    if (count < 2) return fail(POLYP_ERR_ARGUMENT, "a mean needs two models or more");
    TRY_DONE(open_models(&a));
    TRY_DONE(make_mean(&a));
    TRY_DONE(write_mean(path, &a));
done:
    close_all(&a);
    return result;
}
