/* Defaults, built-in recipes, and what must fit together. */
#include "learn/recipe.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "learn/recipes.h"
#include "net/graph.h"

recipe recipe_defaults(void)
{
    return (recipe){
        .preset = "slim",
        .size = 256,
        .auxiliary_weight = 0.4,
        .epochs = 20,
        .batch = 8,
        .accumulate = 1,
        .freeze_epochs = 1,
        .small_weight = 1.0,
        .ignore_level = -1,
        .rate = 1e-3,
        .factors = {1.0, 1.0, 1.0, 1.0, 1.0, 1.0},
        .weight_decay = 0.01,
        .beta1 = 0.9,
        .beta2 = 0.99,
        .epsilon = 1e-5,
        .average_batches = 50,
        .schedule = schedule_defaults(),
        .loss = loss_defaults(),
        .augment = augment_recipe_none(),
    };
}

/* ---- built in --------------------------------------------------------------------------------------- */

/* One order in both; a text ends with a zero byte. */
static const char *const names[] = {"best", "further", "paper", "paper-frozen", "quick", "wide", NULL};
static const unsigned char *const texts[] = {recipe_best,         recipe_further, recipe_paper,
                                             recipe_paper_frozen, recipe_quick,   recipe_wide};

const char *const *recipe_names(void)
{
    return names;
}

const char *recipe_text(const char *name)
{
    for (size_t i = 0; names[i]; i++) {
        if (strcmp(names[i], name) == 0) return (const char *)texts[i];
    }
    return NULL;
}

/* ---- reading ---------------------------------------------------------------------------------------- */

static status read_file(recipe *out, const char *path)
{
    enum { LIMIT = 1 << 20 };
    file_bytes bytes;
    TRY(file_read(&bytes, path, LIMIT));
    char *const text = memory_format("%.*s", (int)bytes.size, (const char *)bytes.data);
    file_close(&bytes);
    if (!text) return POLYP_ERR_MEMORY;
    const status result = recipe_parse(out, text, path);
    memory_free(text);
    return result;
}

static status no_such(const char *name)
{
    char all[128] = "";
    for (size_t i = 0; names[i]; i++) {
        const size_t used = strlen(all);
        (void)snprintf(all + used, sizeof all - used, "%s%s", i > 0 ? ", " : "", names[i]);
    }
    return fail(POLYP_ERR_ARGUMENT, "%s: is neither a file nor a built-in recipe; those are %s", name, all);
}

status recipe_read(recipe *out, const char *name_or_path)
{
    recipe r = recipe_defaults();
    const char *const text = recipe_text(name_or_path);
    if (!text && !file_exists(name_or_path)) return no_such(name_or_path);
    TRY(text ? recipe_parse(&r, text, name_or_path) : read_file(&r, name_or_path));
    *out = r;
    return POLYP_OK;
}

status recipe_check(const recipe *r)
{
    unet_spec spec;
    TRY(unet_preset(&spec, r->preset));
    if (r->freeze == FREEZE_FIRST && r->freeze_epochs >= r->epochs) {
        return fail(POLYP_ERR_ARGUMENT,
                    "training.freeze_epochs is %d and training.epochs %d: no epoch is left in which all is trained",
                    r->freeze_epochs, r->epochs);
    }
    return augment_check(&r->augment);
}

phase_list recipe_phases(const recipe *r)
{
    phase_list phases = {.count = 1, .beta1 = r->beta1};
    phase *const whole = &phases.items[0];
    *whole = (phase){.epochs = r->epochs, .schedule = r->schedule, .rate = r->rate};
    memcpy(whole->factors, r->factors, sizeof whole->factors);
    if (r->freeze == FREEZE_BODY) phases_freeze_body(&phases);
    if (r->freeze == FREEZE_FIRST) phases_fine_tune(&phases, r->freeze_epochs);
    return phases;
}
