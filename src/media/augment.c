/* The table of kinds, and recipes made from it. */
#include "media/augment.h"

#include <string.h>

/* name, low, high, least, most, neutral, by ratio, meaning */
#define RANGE(...)  \
    {               \
        __VA_ARGS__ \
    }
#define ONE_COIN  false
#define COIN_EACH true
#define BOTH      false
#define ONCE      true

const augment_kind_row augment_kinds[AUGMENT_KINDS] = {
    [AUGMENT_FLIP] = {"flip", "left and right change places", 0.5, ONE_COIN, BOTH, {{0}}},
    [AUGMENT_FLIP_VERTICAL] = {"flip_vertical", "top and bottom change places", 0.5, ONE_COIN, BOTH, {{0}}},
    [AUGMENT_DIHEDRAL] = {"dihedral", "one of the square's eight symmetries", 0.5, ONE_COIN, BOTH, {{0}}},
    [AUGMENT_ROTATE] = {"rotate",
                        "turned about its middle",
                        0.75,
                        ONE_COIN,
                        BOTH,
                        {RANGE("degrees", -10, 10, -180, 180, 0, false, "anticlockwise")}},
    [AUGMENT_ZOOM] = {"zoom",
                      "enlarged about a point of the picture",
                      0.75,
                      ONE_COIN,
                      BOTH,
                      {RANGE("factor", 1, 1.1, 1, 10, 1, false, "of the magnification"),
                       RANGE("x", 0, 1, 0, 1, 0.5, false, "where the point is: 0 left, 1 right"),
                       RANGE("y", 0, 1, 0, 1, 0.5, false, "0 top, 1 bottom")}},
    [AUGMENT_SCALE] = {"scale",
                       "made larger or smaller about its middle",
                       0.75,
                       ONE_COIN,
                       ONCE,
                       {RANGE("factor", 0.35, 1.6, 0.1, 10, 1, false, "of the magnification")}},
    [AUGMENT_ASPECT] = {"aspect",
                        "stretched across or down, the area kept",
                        0.5,
                        ONE_COIN,
                        ONCE,
                        {RANGE("ratio", 0.8, 1.25, 0.25, 4, 1, true, "of width to height, times the picture's own")}},
    [AUGMENT_SHIFT] = {"shift",
                       "moved",
                       0.5,
                       ONE_COIN,
                       ONCE,
                       {RANGE("x", -0.15, 0.15, -1, 1, 0, false, "in widths of what is seen, to the right"),
                        RANGE("y", -0.15, 0.15, -1, 1, 0, false, "in heights, down")}},
    [AUGMENT_WARP] = {"warp",
                      "seen from the side: a perspective that tilts the picture",
                      0.75,
                      COIN_EACH,
                      BOTH,
                      {RANGE("x", -0.2, 0.2, -0.5, 0.5, 0, false, "how far corners move, in halves of the side"),
                       RANGE("y", -0.2, 0.2, -0.5, 0.5, 0, false, "the same for the other axis")}},
    [AUGMENT_ELASTIC] = {"elastic",
                         "bent softly by a smooth random displacement",
                         0.3,
                         ONE_COIN,
                         ONCE,
                         {RANGE("amount", 0.005, 0.025, 0, 0.2, 0, false, "root mean square displacement, in sides"),
                          RANGE("waves", 2, 5, 1, 16, 2, false, "independent displacements along a side")}},
    [AUGMENT_BRIGHTNESS] = {"brightness",
                            "lighter or darker: the logit of this level is added to each level's",
                            0.75,
                            ONE_COIN,
                            BOTH,
                            {RANGE("level", 0.4, 0.6, 0.05, 0.95, 0.5, false, "that middle grey becomes")}},
    [AUGMENT_CONTRAST] = {"contrast",
                          "logits of all levels times a factor",
                          0.75,
                          ONE_COIN,
                          BOTH,
                          {RANGE("factor", 0.8, 1.25, 0.2, 5, 1, true, "of the logits")}},
    [AUGMENT_SATURATION] = {"saturation",
                            "further from grey or nearer to it",
                            0.5,
                            ONE_COIN,
                            BOTH,
                            {RANGE("factor", 0.7, 1.4, 0.05, 5, 1, true, "of the distance from grey")}},
    [AUGMENT_HUE] = {"hue",
                     "colours turned about the grey axis",
                     0.5,
                     ONE_COIN,
                     BOTH,
                     {RANGE("degrees", -8, 8, -180, 180, 0, false, "of the colour circle, red towards yellow")}},
    [AUGMENT_GAINS] = {"gains",
                       "another white balance",
                       0.3,
                       ONE_COIN,
                       BOTH,
                       {RANGE("red", 0.85, 1.15, 0.2, 5, 1, true, "factor"),
                        RANGE("green", 0.85, 1.15, 0.2, 5, 1, true, "factor"),
                        RANGE("blue", 0.85, 1.15, 0.2, 5, 1, true, "factor")}},
    [AUGMENT_COLOURS_OF_ANOTHER] = {"colours_of_another",
                                    "mean and deviation in CIELAB taken over from another training picture",
                                    0.3,
                                    ONE_COIN,
                                    BOTH,
                                    {RANGE("share", 0.3, 1, 0, 1, 0, false, "of the way to the other picture's"),
                                     RANGE("which", 0, 1, 0, 1, 0, false,
                                           "place of the other in the training set, first to last")}},
    [AUGMENT_BLUR] = {"blur",
                      "out of focus: a Gaussian",
                      0.15,
                      ONE_COIN,
                      BOTH,
                      {RANGE("sigma", 0.4, 1.6, 0, 10, 0, false, "in pixels of the network's input")}},
    [AUGMENT_NOISE] = {"noise",
                       "of a sensor: normal, apart for each channel and pixel",
                       0.3,
                       ONE_COIN,
                       BOTH,
                       {RANGE("deviation", 1, 8, 0, 60, 0, false, "in levels of 255")}},
    [AUGMENT_BORDER] = {"border",
                        "the black frame of another endoscope: octagon, circle, rounded corners or bars at the sides",
                        0.15,
                        ONE_COIN,
                        BOTH,
                        {RANGE("cut", 0.05, 0.25, 0, 0.5, 0, false, "how far it reaches in, in sides")}},
    [AUGMENT_INSET] = {"inset",
                       "a box in the lower left corner, black or with the shape of the endoscope on green",
                       0.1,
                       ONE_COIN,
                       BOTH,
                       {RANGE("width", 0.2, 0.36, 0, 0.6, 0, false, "in sides"),
                        RANGE("height", 0.2, 0.36, 0, 0.6, 0, false, "in sides")}},
    [AUGMENT_DOWN_AND_UP] = {"down_and_up",
                             "made smaller and large again, as a recording of low resolution",
                             0.15,
                             ONE_COIN,
                             BOTH,
                             {RANGE("factor", 0.4, 0.9, 0.05, 1, 1, false, "of the smaller size")}},
    [AUGMENT_JPEG] = {"jpeg",
                      "compressed as JPEG and read again",
                      0.2,
                      ONE_COIN,
                      BOTH,
                      {RANGE("quality", 30, 90, 1, 100, 100, false, "libjpeg's")}},
    [AUGMENT_CUTOUT] = {"cutout",
                        "square holes of the picture's mean colour; the mask stays",
                        0.1,
                        ONE_COIN,
                        BOTH,
                        {RANGE("holes", 1, 6, 1, 64, 1, false, "how many"),
                         RANGE("size", 0.04, 0.15, 0, 1, 0, false, "of each, in sides")}},
};

const char *const augment_pipeline_names[AUGMENT_PIPELINES] = {"fastai", "once"};
const char *const augment_fill_names[AUGMENT_FILLS] = {"reflect", "black", "either"};

/* ---- the table ------------------------------------------------------------------------------------------ */

enum augment_kind augment_find(const char *name)
{
    int kind = 0;
    while (kind < AUGMENT_KINDS && strcmp(augment_kinds[kind].name, name) != 0) kind++;
    return (enum augment_kind)kind;
}

int augment_range_count(enum augment_kind kind)
{
    int count = 0;
    while (count < AUGMENT_RANGES && augment_kinds[kind].ranges[count].name) count++;
    return count;
}

augment_entry augment_entry_default(enum augment_kind kind)
{
    augment_entry entry = {.probability = augment_kinds[kind].probability};
    for (int i = 0; i < AUGMENT_RANGES; i++) {
        entry.range[i][0] = augment_kinds[kind].ranges[i].low;
        entry.range[i][1] = augment_kinds[kind].ranges[i].high;
    }
    return entry;
}

/* ---- recipes -------------------------------------------------------------------------------------------- */

static void switch_on(augment_recipe *recipe, const enum augment_kind *kinds, int count)
{
    for (int i = 0; i < count; i++) recipe->entries[kinds[i]].probability = augment_kinds[kinds[i]].probability;
}

#define SWITCH_ON(recipe, kinds) switch_on(recipe, kinds, (int)(sizeof(kinds) / sizeof(kinds)[0]))

augment_recipe augment_recipe_none(void)
{
    augment_recipe recipe = {.pipeline = AUGMENT_FASTAI, .fill = AUGMENT_FILL_REFLECT};
    for (int kind = 0; kind < AUGMENT_KINDS; kind++) {
        recipe.entries[kind] = augment_entry_default((enum augment_kind)kind);
        recipe.entries[kind].probability = 0;
    }
    return recipe;
}

augment_recipe augment_recipe_flips(void)
{
    static const enum augment_kind kinds[] = {AUGMENT_FLIP, AUGMENT_FLIP_VERTICAL};
    augment_recipe recipe = augment_recipe_none();
    SWITCH_ON(&recipe, kinds);
    return recipe;
}

augment_recipe augment_recipe_fastai(void)
{
    static const enum augment_kind kinds[] = {AUGMENT_FLIP, AUGMENT_ROTATE,     AUGMENT_ZOOM,
                                              AUGMENT_WARP, AUGMENT_BRIGHTNESS, AUGMENT_CONTRAST};
    augment_recipe recipe = augment_recipe_none();
    SWITCH_ON(&recipe, kinds);
    return recipe;
}

static void set_range(augment_recipe *recipe, enum augment_kind kind, int range, double low, double high)
{
    recipe->entries[kind].range[range][0] = low;
    recipe->entries[kind].range[range][1] = high;
}

augment_recipe augment_recipe_best(void)
{
    static const enum augment_kind off[] = {AUGMENT_FLIP, AUGMENT_FLIP_VERTICAL, AUGMENT_ZOOM};
    augment_recipe recipe = {.pipeline = AUGMENT_ONCE, .fill = AUGMENT_FILL_EITHER};
    for (int kind = 0; kind < AUGMENT_KINDS; kind++)
        recipe.entries[kind] = augment_entry_default((enum augment_kind)kind);
    for (int i = 0; i < (int)(sizeof off / sizeof off[0]); i++) recipe.entries[off[i]].probability = 0;
    recipe.entries[AUGMENT_DIHEDRAL].probability = 1;
    recipe.entries[AUGMENT_WARP].probability = 0.3;
    set_range(&recipe, AUGMENT_ROTATE, 0, -45, 45);
    set_range(&recipe, AUGMENT_BRIGHTNESS, 0, 0.35, 0.65);
    return recipe;
}

/* ---- checking ------------------------------------------------------------------------------------------- */

static status check_range(const augment_kind_row *row, const augment_range *range, const double wanted[2])
{
    const double low = wanted[0], high = wanted[1];
    if (!(low >= range->least && high <= range->most)) {
        return fail(POLYP_ERR_ARGUMENT, "augment: %s: %s %g to %g: it must lie within %g to %g", row->name, range->name,
                    low, high, range->least, range->most);
    }
    if (low <= high) return POLYP_OK;
    return fail(POLYP_ERR_ARGUMENT, "augment: %s: %s %g to %g: the first must not be above the second", row->name,
                range->name, low, high);
}

static status check_entry(const augment_recipe *recipe, enum augment_kind kind)
{
    const augment_kind_row *const row = &augment_kinds[kind];
    const augment_entry *const entry = &recipe->entries[kind];
    if (!(entry->probability >= 0 && entry->probability <= 1)) {
        return fail(POLYP_ERR_ARGUMENT, "augment: %s: the probability is %g; it must lie within 0 to 1", row->name,
                    entry->probability);
    }
    if (entry->probability > 0 && row->once_only && recipe->pipeline == AUGMENT_FASTAI) {
        return fail(POLYP_ERR_ARGUMENT,
                    "augment: %s: the pipeline \"fastai\" does not know it; take the pipeline \"once\"", row->name);
    }
    for (int i = 0; i < augment_range_count(kind); i++) TRY(check_range(row, &row->ranges[i], entry->range[i]));
    return POLYP_OK;
}

status augment_check(const augment_recipe *recipe)
{
    for (int kind = 0; kind < AUGMENT_KINDS; kind++) TRY(check_entry(recipe, (enum augment_kind)kind));
    return POLYP_OK;
}
