/* Recipes as JSON. */
#include "learn/recipe.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

/* 15 digits: every decimal that a user types comes back as typed. */
static const size_t FLAGS = JSON_COMPACT | JSON_REAL_PRECISION(15);

/* NULL when there is no memory, as all json_... functions. */
static json_t *recipe_json(const recipe *r)
{
    const polyp_train_options *const o = r->options;
    return json_pack("{ss si si si sf sf sf ss sI ss ss ss ss ss si}", "preset", r->preset, "size", r->size, "epochs",
                     o->epochs, "batch", o->batch, "learning_rate", o->learning_rate, "encoder_rate", o->encoder_rate,
                     "weight_decay", o->weight_decay, "loss", o->loss, "seed", (json_int_t)o->seed, "split", r->split,
                     "valid", r->valid, "encoder", r->encoder_hash, "init", r->init_hash, "engine", r->engine,
                     "threads", r->threads);
}

static status no_memory(void)
{
    return fail(POLYP_ERR_MEMORY, "no memory for the recipe");
}

/* Takes over `root`. */
static status dump(char *out, size_t room, json_t *root)
{
    char *const text = root ? json_dumps(root, FLAGS) : NULL;
    json_decref(root);
    if (!text) return no_memory();
    const size_t length = strlen(text);
    if (length < room) memcpy(out, text, length + 1);
    free(text);
    return length < room ? POLYP_OK
                         : fail(POLYP_ERR_SIZE, "the recipe is longer than %zu bytes; use shorter names", room - 1);
}

status recipe_print(char *out, size_t room, const recipe *r)
{
    return dump(out, room, recipe_json(r));
}

/* A value as words for a message. */
static void print_value(char out[64], const json_t *value)
{
    char *const text = value ? json_dumps(value, JSON_ENCODE_ANY | FLAGS) : NULL;
    (void)snprintf(out, 64, "%s", text ? text : "nothing");
    free(text);
}

static status compare_values(const char *path, const json_t *old, const json_t *new)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)new, key, value)
    {
        const json_t *const before = json_object_get(old, key);
        if (json_equal(before, value)) continue;
        char was[64], is[64];
        print_value(was, before);
        print_value(is, value);
        return fail(POLYP_ERR_MISMATCH,
                    "%s: was trained with %s %s, now it is %s; resume with the same, or take another folder", path, key,
                    was, is);
    }
    return POLYP_OK;
}

status recipe_compare(const char *path, const char *stored, const char *mine)
{
    json_t *const old = json_loads(stored, 0, NULL), *const new = json_loads(mine, 0, NULL);
    status result = POLYP_OK;
    if (!json_is_object(old)) {
        result = fail(POLYP_ERR_FORMAT, "%s: its recipe is damaged; delete it to train from the start", path);
    } else if (!new) {
        result = no_memory();
    } else {
        result = compare_values(path, old, new);
    }
    json_decref(old);
    json_decref(new);
    return result;
}

static status add(json_t *root, const char *key, json_t *value)
{
    return json_object_set_new(root, key, value) == 0 ? POLYP_OK : no_memory();
}

static status add_paths(json_t *root, const recipe *r)
{
    const polyp_train_options *const o = r->options;
    TRY(add(root, "data", json_string(o->data)));
    TRY(add(root, "data_hash", json_string(r->data_hash)));
    TRY(add(root, "pictures", json_integer((json_int_t)r->pictures)));
    TRY(add(root, "valid_pictures", json_integer((json_int_t)r->valid_pictures)));
    TRY(add(root, "out", json_string(o->out)));
    TRY(add(root, "encoder_path", o->encoder ? json_string(o->encoder) : json_null()));
    TRY(add(root, "init_path", o->init ? json_string(o->init) : json_null()));
    TRY(add(root, "memory_limit", json_integer((json_int_t)o->memory_limit)));
    return add(root, "this_is_the_test", json_boolean(o->allow_test));
}

status recipe_write(const char *path, const recipe *r)
{
    json_t *const root = recipe_json(r);
    char *text = NULL;
    if (!root) return no_memory();
    status result = add_paths(root, r);
    if (result == POLYP_OK) {
        text = json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
        result = text ? file_replace(path, text, strlen(text)) : no_memory();
    }
    free(text);
    json_decref(root);
    return result;
}

status recipe_print_facts(char *out, size_t room, const recipe *r, int epoch, const polyp_evaluation *reached)
{
    json_t *const root = recipe_json(r);
    if (!root) return no_memory();
    const double jaccard = reached->per_image.jaccard, dsc = reached->per_image.dsc;
    status result = add(root, "data", json_string(r->data_hash));
    if (result == POLYP_OK) result = add(root, "pictures", json_integer((json_int_t)r->pictures));
    if (result == POLYP_OK) result = add(root, "valid_pictures", json_integer((json_int_t)r->valid_pictures));
    if (result == POLYP_OK) result = add(root, "epoch", json_integer(epoch));
    if (result == POLYP_OK) result = add(root, "valid_jaccard", isnan(jaccard) ? json_null() : json_real(jaccard));
    if (result == POLYP_OK) result = add(root, "valid_dsc", isnan(dsc) ? json_null() : json_real(dsc));
    if (result == POLYP_OK) return dump(out, room, root);
    json_decref(root);
    return result;
}
