/* polyp recipe: how networks are trained. */
#include "app.h"

typedef struct settings {
    common_settings common;
    option_list set;
    bool keys;
} settings;
SETTINGS_FIT(settings);

static const option_row rows[] = {
    ROW_LIST("set", set, "KEY=VALUE", "change one value first"),
    ROW_FLAG("keys", keys, "every key that a recipe may have, with its meaning and what it takes"),
    ROW_END,
};

static int run(const void *block, const arguments *rest)
{
    const settings *const s = block;
    const recipe_options options = {.recipe = rest->count ? rest->items[0] : NULL,
                                    .settings = s->set.items,
                                    .setting_count = s->set.count,
                                    .keys = s->keys};
    return finish(command_recipe(&options, stdout));
}

const command cmd_recipe = {
    .name = "recipe",
    .operands = "[NAME|FILE]",
    .summary = "list the recipes for training, or print one as JSON",
    .details = "A recipe holds everything that decides how a network is trained, but for data and seed. `polyp recipe best > "
               "mine.json` is a start for one of your own, to be given to `train --recipe mine.json`. RUN/recipe.json of a "
               "run is one too.",
    .operands_max = 1,
    .rows = rows,
    .run = run,
};
