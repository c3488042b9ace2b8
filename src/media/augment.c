/* The table of kinds, and what a recipe may ask of it. */
#include "media/augment.h"

#define ONE_COIN  false
#define COIN_EACH true
#define BOTH      false
#define ONCE      true
#define EVEN      false
#define BY_RATIO  true

/* clang-format off */
/* Ranges: name, low, high, least, most, neutral, law, meaning. */
const augment_kind_row augment_kinds[AUGMENT_KINDS] = {
    [AUGMENT_FLIP] = {"flip", "left and right change places", ONE_COIN, BOTH, {{0}}},
    [AUGMENT_FLIP_VERTICAL] = {"flip_vertical", "top and bottom change places", ONE_COIN, BOTH, {{0}}},
    [AUGMENT_DIHEDRAL] = {"dihedral", "one of the square's eight symmetries", ONE_COIN, BOTH, {{0}}},
    [AUGMENT_ROTATE] = {"rotate", "turned about its middle", ONE_COIN, BOTH, {
        {"degrees", -10, 10, -180, 180, 0, EVEN, "clockwise"}}},
    [AUGMENT_ZOOM] = {"zoom", "enlarged about a point of the picture", ONE_COIN, BOTH, {
        {"factor", 1, 1.1, 1, 10, 1, EVEN, "of the magnification"},
        {"x", 0, 1, 0, 1, 0.5, EVEN, "where the point is: 0 left, 1 right"},
        {"y", 0, 1, 0, 1, 0.5, EVEN, "0 top, 1 bottom"}}},
    [AUGMENT_SCALE] = {"scale", "made larger or smaller about its middle", ONE_COIN, ONCE, {
        {"factor", 0.35, 1.6, 0.1, 10, 1, EVEN, "of the magnification"}}},
    [AUGMENT_ASPECT] = {"aspect", "stretched across or down, the area kept", ONE_COIN, ONCE, {
        {"ratio", 0.8, 1.25, 0.25, 4, 1, BY_RATIO, "of width to height, times the picture's own"}}},
    [AUGMENT_SHIFT] = {"shift", "moved", ONE_COIN, ONCE, {
        {"x", -0.15, 0.15, -1, 1, 0, EVEN, "in widths of what is seen, to the right"},
        {"y", -0.15, 0.15, -1, 1, 0, EVEN, "in heights, down"}}},
    [AUGMENT_WARP] = {"warp", "seen from the side: a perspective that tilts the picture", COIN_EACH, BOTH, {
        {"x", -0.2, 0.2, -0.5, 0.5, 0, EVEN, "how far corners move, in halves of the side"},
        {"y", -0.2, 0.2, -0.5, 0.5, 0, EVEN, "the same for the other axis"}}},
    [AUGMENT_ELASTIC] = {"elastic", "bent softly by a smooth random displacement", ONE_COIN, ONCE, {
        {"amount", 0.005, 0.025, 0, 0.2, 0, EVEN, "root mean square displacement, in sides"},
        {"waves", 2, 5, 1, 16, 2, EVEN, "independent displacements along a side"}}},
    [AUGMENT_COLOURS_OF_ANOTHER] = {
        "colours_of_another", "mean and deviation in CIELAB taken over from another training picture", ONE_COIN, BOTH, {
        {"share", 0.3, 1, 0, 1, 0, EVEN, "of the way to the other picture's"},
        {"which", 0, 1, 0, 1, 0, EVEN, "place of the other in the training set, first to last"}}},
    [AUGMENT_BRIGHTNESS] = {
        "brightness", "lighter or darker: the logit of this level is added to each level's", ONE_COIN, BOTH, {
        {"level", 0.4, 0.6, 0.05, 0.95, 0.5, EVEN, "that middle grey becomes"}}},
    [AUGMENT_CONTRAST] = {"contrast", "logits of all levels times a factor", ONE_COIN, BOTH, {
        {"factor", 0.8, 1.25, 0.2, 5, 1, BY_RATIO, "of the logits"}}},
    [AUGMENT_SATURATION] = {"saturation", "further from grey or nearer to it", ONE_COIN, BOTH, {
        {"factor", 0.7, 1.4, 0.05, 5, 1, BY_RATIO, "of the distance from grey"}}},
    [AUGMENT_HUE] = {"hue", "colours turned about the grey axis", ONE_COIN, BOTH, {
        {"degrees", -8, 8, -180, 180, 0, EVEN, "of the colour circle, red towards yellow"}}},
    [AUGMENT_GAINS] = {"gains", "another white balance", ONE_COIN, BOTH, {
        {"red", 0.85, 1.15, 0.2, 5, 1, BY_RATIO, "factor"},
        {"green", 0.85, 1.15, 0.2, 5, 1, BY_RATIO, "factor"},
        {"blue", 0.85, 1.15, 0.2, 5, 1, BY_RATIO, "factor"}}},
    [AUGMENT_BLUR] = {"blur", "out of focus: a Gaussian", ONE_COIN, BOTH, {
        {"sigma", 0.4, 1.6, 0, 10, 0, EVEN, "in pixels of the network's input"}}},
    [AUGMENT_NOISE] = {"noise", "of a sensor: normal, apart for each channel and pixel", ONE_COIN, BOTH, {
        {"deviation", 1, 8, 0, 60, 0, EVEN, "in levels of 255"}}},
    [AUGMENT_BORDER] = {
        "border", "the black frame of another endoscope: octagon, circle, rounded corners or bars", ONE_COIN, BOTH, {
        {"cut", 0.05, 0.25, 0, 0.5, 0, EVEN, "how far it reaches in, in sides"}}},
    [AUGMENT_INSET] = {
        "inset", "a box in the lower left corner, black or with the endoscope's shape on green", ONE_COIN, BOTH, {
        {"width", 0.2, 0.36, 0, 0.6, 0, EVEN, "in sides"},
        {"height", 0.2, 0.36, 0, 0.6, 0, EVEN, "in sides"}}},
    [AUGMENT_DOWN_AND_UP] = {
        "down_and_up", "made smaller and large again, as a recording of low resolution", ONE_COIN, BOTH, {
        {"factor", 0.4, 0.9, 0.05, 1, 1, EVEN, "of the smaller size"}}},
    [AUGMENT_JPEG] = {"jpeg", "compressed as JPEG and read again", ONE_COIN, BOTH, {
        {"quality", 30, 90, 1, 100, 100, EVEN, "libjpeg's"}}},
    [AUGMENT_CUTOUT] = {"cutout", "square holes of the picture's mean colour; the mask stays", ONE_COIN, BOTH, {
        {"holes", 1, 6, 1, 64, 1, EVEN, "how many"},
        {"size", 0.04, 0.15, 0, 1, 0, EVEN, "of each, in sides"}}},
};
/* clang-format on */

augment_recipe augment_recipe_none(void)
{
    augment_recipe recipe = {.pipeline = AUGMENT_FASTAI, .fill = AUGMENT_FILL_REFLECT};
    for (int kind = 0; kind < AUGMENT_KINDS; kind++) {
        for (int i = 0; i < AUGMENT_RANGES; i++) {
            recipe.entries[kind].range[i][0] = augment_kinds[kind].ranges[i].low;
            recipe.entries[kind].range[i][1] = augment_kinds[kind].ranges[i].high;
        }
    }
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
    for (int i = 0; i < AUGMENT_RANGES && row->ranges[i].name; i++)
        TRY(check_range(row, &row->ranges[i], entry->range[i]));
    return POLYP_OK;
}

status augment_check(const augment_recipe *recipe)
{
    for (int kind = 0; kind < AUGMENT_KINDS; kind++) TRY(check_entry(recipe, (enum augment_kind)kind));
    return POLYP_OK;
}
