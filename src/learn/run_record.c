/* A run's record as JSON. */
#include "learn/run_record.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "learn/recipe_json.h"

static status no_memory(void)
{
    return fail(POLYP_ERR_MEMORY, "no memory for the run's record");
}

static json_t *text_or_null(const char *text)
{
    return text ? json_string(text) : json_null();
}

/* Of several data sets: one weight each. */
static json_t *weights_json(const polyp_train_options *o)
{
    json_t *const list = json_array();
    for (size_t i = 0; i <= o->more_count; i++) {
        (void)json_array_append_new(list, json_real(o->weights ? o->weights[i] : 1.0));
    }
    return list;
}

/* What is there in some runs only. */
static bool add_rare(json_t *run, const polyp_train_options *o)
{
    if (o->more_count > 0 && json_object_set_new(run, "weights", weights_json(o)) != 0) return false;
    return !o->fold || json_object_set_new(run, "fold", json_string(o->fold)) == 0;
}

/* Beside the recipe, what changes the result. NULL when there is no memory, as all json_... functions. */
static json_t *record_json(const run_record *r)
{
    json_t *const root = recipe_to_json(r->recipe);
    json_t *const run = json_pack("{sI ss ss ss ss ss ss si}", "seed", (json_int_t)r->options->seed, "split", r->split,
                                  "valid", r->valid, "encoder", r->encoder_hash, "init", r->init_hash, "engine",
                                  r->engine, "precision", r->precision, "threads", r->threads);
    if (root && run && add_rare(run, r->options) && json_object_set(root, "run", run) == 0) {
        json_decref(run);
        return root;
    }
    json_decref(run);
    json_decref(root);
    return NULL;
}

/* Takes over `root`. */
static status dump(char out[RUN_RECORD_ROOM], json_t *root)
{
    char *const text = root ? json_dumps(root, JSON_COMPACT | RECIPE_JSON_FLAGS) : NULL;
    json_decref(root);
    if (!text) return no_memory();
    const size_t length = strlen(text);
    if (length < RUN_RECORD_ROOM) memcpy(out, text, length + 1);
    free(text);
    return length < RUN_RECORD_ROOM ? POLYP_OK
                                    : fail(POLYP_ERR_SIZE, "the run's record is longer than %d bytes; use shorter names",
                                           RUN_RECORD_ROOM - 1);
}

status run_record_print(char out[RUN_RECORD_ROOM], const run_record *r)
{
    return dump(out, record_json(r));
}

/* ---- comparing -------------------------------------------------------------------------------------- */

/* A value as words for a message. */
static void print_value(char out[64], const json_t *value)
{
    char *const text = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | RECIPE_JSON_FLAGS) : NULL;
    (void)snprintf(out, 64, "%s", text ? text : "nothing");
    free(text);
}

/* Words about the recipe change nothing. */
static bool is_words(const char *key)
{
    return strcmp(key, "name") == 0 || strcmp(key, "about") == 0;
}

static status compare_values(const char *path, const char *prefix, const json_t *old, const json_t *new)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)new, key, value)
    {
        const json_t *const before = json_object_get(old, key);
        char name[128], was[64], is[64];
        if (json_equal(before, value) || is_words(key)) continue;
        (void)snprintf(name, sizeof name, "%s%s%s", prefix, *prefix ? "." : "", key);
        if (json_is_object(value) && json_is_object(before)) {
            TRY(compare_values(path, name, before, value));
            continue;
        }
        print_value(was, before);
        print_value(is, value);
        return fail(POLYP_ERR_MISMATCH,
                    "%s: was trained with %s %s, now it is %s; resume with the same, or take another folder", path,
                    name, was, is);
    }
    return POLYP_OK;
}

status run_record_compare(const char *path, const char *stored, const char *mine)
{
    json_t *const old = json_loads(stored, 0, NULL), *const new = json_loads(mine, 0, NULL);
    status result = POLYP_OK;
    if (!json_is_object(old)) {
        result = fail(POLYP_ERR_FORMAT, "%s: its recipe is damaged; delete it to train from the start", path);
    } else if (!new) {
        result = no_memory();
    } else {
        result = compare_values(path, "", old, new);
    }
    json_decref(old);
    json_decref(new);
    return result;
}

/* ---- writing ---------------------------------------------------------------------------------------- */

typedef struct fact {
    const char *key;
    json_t *value; /* taken over */
} fact;

static status add_facts(json_t *to, const fact *facts, size_t count)
{
    status result = POLYP_OK;
    for (size_t i = 0; i < count; i++) {
        if (json_object_set_new(to, facts[i].key, facts[i].value) != 0) result = no_memory();
    }
    return result;
}

static json_t *more_data_json(const polyp_train_options *o)
{
    json_t *const list = json_array();
    for (size_t i = 0; i < o->more_count; i++) (void)json_array_append_new(list, json_string(o->more_data[i]));
    return list;
}

static status add_paths(json_t *root, const run_record *r)
{
    const polyp_train_options *const o = r->options;
    const fact facts[] = {
        {"data", json_string(o->data)},
        {"more_data", more_data_json(o)},
        {"data_hash", json_string(r->data_hash)},
        {"pictures", json_integer((json_int_t)r->pictures)},
        {"valid_pictures", json_integer((json_int_t)r->valid_pictures)},
        {"out", json_string(o->out)},
        {"encoder_path", text_or_null(o->encoder)},
        {"init_path", text_or_null(o->init)},
        {"memory_limit", json_integer((json_int_t)o->memory_limit)},
        {"this_is_the_test", json_boolean(o->allow_test)},
        {"version", json_string(POLYP_VERSION)},
    };
    return add_facts(json_object_get(root, "run"), facts, sizeof facts / sizeof facts[0]);
}

status run_record_write(const char *path, const run_record *r)
{
    json_t *const root = record_json(r);
    char *text = NULL;
    if (!root) return no_memory();
    status result = add_paths(root, r);
    if (result == POLYP_OK) {
        text = json_dumps(root, JSON_INDENT(2) | RECIPE_JSON_FLAGS);
        result = text ? file_replace(path, text, strlen(text)) : no_memory();
    }
    free(text);
    json_decref(root);
    return result;
}

static json_t *score(double value)
{
    return isnan(value) ? json_null() : json_real(value);
}

status run_record_print_facts(char out[RUN_RECORD_ROOM], const run_record *r, int epoch, const polyp_evaluation *reached)
{
    json_t *const root = record_json(r);
    if (!root) return no_memory();
    const fact facts[] = {
        {"data", json_string(r->data_hash)},
        {"pictures", json_integer((json_int_t)r->pictures)},
        {"valid_pictures", json_integer((json_int_t)r->valid_pictures)},
        {"version", json_string(POLYP_VERSION)},
        {"epoch", json_integer(epoch)},
        {"valid_jaccard", score(reached->per_image.jaccard)},
        {"valid_dsc", score(reached->per_image.dsc)},
    };
    const status result = add_facts(json_object_get(root, "run"), facts, sizeof facts / sizeof facts[0]);
    if (result == POLYP_OK) return dump(out, root);
    json_decref(root);
    return result;
}
