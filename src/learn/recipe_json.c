/* Recipes from and to JSON: the keys say what is accepted, this file only walks the tree. */
#include "learn/recipe_json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "learn/recipe_keys.h"

/* ---- one value -------------------------------------------------------------------------------------- */

static bool is_step_of(const recipe_key *key, double value)
{
    return key->kind != RECIPE_INTEGER || fmod(value, key->step) == 0.0;
}

static bool number_fits(const recipe_key *key, const json_t *value)
{
    if (!(key->kind == RECIPE_INTEGER ? json_is_integer(value) : json_is_number(value))) return false;
    const double number = json_number_value(value);
    return number >= key->low && number <= key->high && is_step_of(key, number);
}

static bool store_range(const recipe_key *key, const json_t *value)
{
    double *const range = key->value;
    const json_t *const low = json_array_get(value, 0), *const high = json_array_get(value, 1);
    if (json_array_size(value) != 2 || !number_fits(key, low) || !number_fits(key, high)) return false;
    if (json_number_value(low) > json_number_value(high)) return false;
    range[0] = json_number_value(low);
    range[1] = json_number_value(high);
    return true;
}

/* Number of `text` in "a|b|c", or -1. */
static int choice_of(const char *choices, const char *text)
{
    const size_t length = strlen(text);
    int number = 0;
    for (const char *at = choices;; at++, number++) {
        const char *const end = strchr(at, '|');
        const size_t here = end ? (size_t)(end - at) : strlen(at);
        if (here == length && memcmp(at, text, length) == 0) return number;
        if (!end) return -1;
        at = end;
    }
}

static bool store_choice(const recipe_key *key, const json_t *value)
{
    const int choice = json_is_string(value) ? choice_of(key->choices, json_string_value(value)) : -1;
    if (choice < 0) return false;
    *(int *)key->value = choice;
    return true;
}

static bool store_text(const recipe_key *key, const json_t *value)
{
    if (!json_is_string(value) || json_string_length(value) >= (size_t)key->step) return false;
    memset(key->value, 0, (size_t)key->step);
    memcpy(key->value, json_string_value(value), json_string_length(value));
    return true;
}

/* False: not what the key accepts. */
static bool store(const recipe_key *key, const json_t *value)
{
    switch (key->kind) {
    case RECIPE_INTEGER:
        if (!number_fits(key, value)) return false;
        *(int *)key->value = (int)json_integer_value(value);
        return true;
    case RECIPE_REAL:
        if (!number_fits(key, value)) return false;
        *(double *)key->value = json_number_value(value);
        return true;
    case RECIPE_SWITCH:
        if (!json_is_boolean(value)) return false;
        *(bool *)key->value = json_is_true(value);
        return true;
    case RECIPE_CHOICE: return store_choice(key, value);
    case RECIPE_TEXT: return store_text(key, value);
    case RECIPE_RANGE: return store_range(key, value);
    }
    return false;
}

static status refuse_value(const char *origin, const recipe_key *key, const json_t *value)
{
    char accepted[256];
    char *const text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | RECIPE_JSON_FLAGS);
    recipe_key_accepts(key, accepted, sizeof accepted);
    const status result =
        fail(POLYP_ERR_ARGUMENT, "%s: %s is %s; it must be %s", origin, key->name, text ? text : "?", accepted);
    free(text);
    return result;
}

/* ---- the tree --------------------------------------------------------------------------------------- */

static bool is_section(const recipe_keys *keys, const char *name)
{
    const size_t length = strlen(name);
    for (int i = 0; i < keys->count; i++) {
        if (strncmp(keys->rows[i].name, name, length) == 0 && keys->rows[i].name[length] == '.') return true;
    }
    return false;
}

/* What is no part of a recipe but may stand in its file. */
static bool is_beside(const char *name)
{
    return strcmp(name, "based_on") == 0 || strcmp(name, "run") == 0;
}

static status apply(const recipe_keys *keys, const char *origin, const char *name, const json_t *value);

static status apply_section(const recipe_keys *keys, const char *origin, const char *prefix, const json_t *section)
{
    const char *member;
    json_t *value;
    json_object_foreach((json_t *)section, member, value)
    {
        char name[128];
        (void)snprintf(name, sizeof name, "%s%s%s", prefix, *prefix ? "." : "", member);
        if (!*prefix && is_beside(member)) continue;
        TRY(apply(keys, origin, name, value));
    }
    return POLYP_OK;
}

static status apply(const recipe_keys *keys, const char *origin, const char *name, const json_t *value)
{
    const recipe_key *const key = recipe_keys_find(keys, name);
    if (key) return store(key, value) ? POLYP_OK : refuse_value(origin, key, value);
    if (json_is_object(value) && is_section(keys, name)) return apply_section(keys, origin, name, value);
    char nearest[64];
    (void)snprintf(nearest, sizeof nearest, "%s", recipe_keys_nearest(keys, name)->name);
    if (json_is_object(value)) recipe_keys_nearest_section(keys, name, nearest);
    return fail(POLYP_ERR_ARGUMENT, "%s: %s is no key of a recipe; the nearest is %s", origin, name, nearest);
}

/* ---- reading ---------------------------------------------------------------------------------------- */

/* The recipe that "based_on" names goes first. */
static status start_from_base(recipe *r, const json_t *root, const char *origin)
{
    const json_t *const base = json_object_get(root, "based_on");
    if (!base) return POLYP_OK;
    const char *const text = json_is_string(base) ? recipe_text(json_string_value(base)) : NULL;
    if (!text) {
        return fail(POLYP_ERR_ARGUMENT, "%s: based_on must name a built-in recipe; `polyp recipe` lists them", origin);
    }
    *r = recipe_defaults();
    return recipe_parse(r, text, json_string_value(base));
}

static status apply_root(recipe *r, const json_t *root, const char *origin)
{
    recipe read = *r;
    recipe_keys *keys;
    if (!json_is_object(root)) return fail(POLYP_ERR_FORMAT, "%s: is not a JSON object", origin);
    TRY(start_from_base(&read, root, origin));
    TRY(memory_new(&keys, 1));
    recipe_keys_bind(keys, &read);
    const status result = apply_section(keys, origin, "", root);
    memory_free(keys);
    if (result == POLYP_OK) *r = read;
    return result;
}

status recipe_parse(recipe *r, const char *text, const char *origin)
{
    json_error_t error;
    json_t *const root = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (!root) return fail(POLYP_ERR_FORMAT, "%s: line %d: %s", origin, error.line, error.text);
    const status result = apply_root(r, root, origin);
    json_decref(root);
    return result;
}

status recipe_set(recipe *r, const char *assignment)
{
    const char *const equals = strchr(assignment, '=');
    char name[128];
    if (!equals || equals == assignment || (size_t)(equals - assignment) >= sizeof name) {
        return fail(POLYP_ERR_ARGUMENT, "--set %s: must be KEY=VALUE, such as optimiser.rate=0.001", assignment);
    }
    memcpy(name, assignment, (size_t)(equals - assignment));
    name[equals - assignment] = '\0';
    recipe_keys *keys;
    TRY(memory_new(&keys, 1));
    recipe_keys_bind(keys, r);
    json_t *value = json_loads(equals + 1, JSON_DECODE_ANY, NULL);
    if (!value) value = json_string(equals + 1);
    const status result = value ? apply(keys, "--set", name, value) : fail(POLYP_ERR_MEMORY, "no memory for --set");
    json_decref(value);
    memory_free(keys);
    return result;
}

/* ---- writing ---------------------------------------------------------------------------------------- */

static json_t *choice_text(const recipe_key *key)
{
    const char *at = key->choices;
    for (int i = *(const int *)key->value; i > 0; i--) at = strchr(at, '|') + 1;
    return json_stringn(at, strcspn(at, "|"));
}

static json_t *value_of(const recipe_key *key)
{
    const double *const range = key->value;
    switch (key->kind) {
    case RECIPE_INTEGER: return json_integer(*(const int *)key->value);
    case RECIPE_REAL: return json_real(*range);
    case RECIPE_SWITCH: return json_boolean(*(const bool *)key->value);
    case RECIPE_CHOICE: return choice_text(key);
    case RECIPE_TEXT: return json_string(key->value);
    case RECIPE_RANGE: return json_pack("[ff]", range[0], range[1]);
    }
    return NULL;
}

/* Sets "a.b.c" in nested objects. False: no memory. */
static bool put(json_t *root, const char *name, json_t *value)
{
    const char *const dot = strchr(name, '.');
    if (!dot) return json_object_set_new(root, name, value) == 0;
    char section[64];
    (void)snprintf(section, sizeof section, "%.*s", (int)(dot - name), name);
    json_t *inner = json_object_get(root, section);
    if (!inner) {
        inner = json_object();
        if (json_object_set_new(root, section, inner) != 0) {
            json_decref(value);
            return false;
        }
    }
    return put(inner, dot + 1, value);
}

json_t *recipe_to_json(const recipe *r)
{
    recipe copy = *r;
    recipe_keys *keys;
    if (memory_new(&keys, 1) != POLYP_OK) return NULL;
    recipe_keys_bind(keys, &copy);
    json_t *root = json_object();
    for (int i = 0; root && i < keys->count; i++) {
        if (put(root, keys->rows[i].name, value_of(&keys->rows[i]))) continue;
        json_decref(root);
        root = NULL;
    }
    memory_free(keys);
    return root;
}
