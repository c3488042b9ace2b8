/* polyp recipe: what recipes there are, what they say, what they may say. */
#include <stdlib.h>

#include "base/memory.h"
#include "commands.h"
#include "learn/recipe_json.h"
#include "learn/recipe_keys.h"

static status list_names(FILE *to)
{
    for (const char *const *name = recipe_names(); *name; name++) {
        recipe r;
        TRY(recipe_read(&r, *name));
        fprintf(to, "%-14s %s\n", *name, r.about);
    }
    return POLYP_OK;
}

static status print_keys(const recipe *r, FILE *to)
{
    recipe copy = *r;
    recipe_keys *keys;
    TRY(memory_new(&keys, 1));
    recipe_keys_bind(keys, &copy);
    for (int i = 0; i < keys->count; i++) {
        char accepts[256];
        recipe_key_accepts(&keys->rows[i], accepts, sizeof accepts);
        fprintf(to, "%-34s %s; %s\n", keys->rows[i].name, keys->rows[i].help, accepts);
    }
    memory_free(keys);
    return POLYP_OK;
}

static status print_json(const recipe *r, FILE *to)
{
    json_t *const root = recipe_to_json(r);
    char *const text = root ? json_dumps(root, JSON_INDENT(2) | RECIPE_JSON_FLAGS) : NULL;
    json_decref(root);
    if (!text) return fail(POLYP_ERR_MEMORY, "no memory for the recipe");
    fprintf(to, "%s\n", text);
    free(text);
    return POLYP_OK;
}

polyp_status command_recipe(const recipe_options *options, FILE *to)
{
    recipe r = recipe_defaults();
    if (options->recipe) TRY(recipe_read(&r, options->recipe));
    for (size_t i = 0; i < options->setting_count; i++) TRY(recipe_set(&r, options->settings[i]));
    if (options->keys) return print_keys(&r, to);
    if (!options->recipe) return list_names(to);
    TRY(recipe_check(&r));
    return print_json(&r, to);
}
