/* One picture measured in every way. */
#include <math.h>
#include <string.h>

#include "media/augment.h"
#include "media/image.h"
#include "media/mask.h"
#include "score/report.h"
#include "score/structure.h"
#include "score/surface.h"
#include "score/weighted.h"

/* ---- masks --------------------------------------------------------------------------------- */

static void set_overlap(score_row *row, const score_settings *settings)
{
    const double pixels = (double)row->width * row->height;
    const polyp_metrics m = scores_by_rule(&row->counts, settings->empty);
    const double polyp = (double)(row->counts.tp + row->counts.fn);
    row->share = polyp / pixels;
    row->predicted_share = (double)(row->counts.tp + row->counts.fp) / pixels;
    row->size = polyp_size_of(row->share);
    scores_to_array(row->values, &m);
    row->values[SCORE_SPECIFICITY] = scores_specificity(&row->counts);
}

static status set_surface(score_row *row, const unsigned char *truth, const unsigned char *mask, scratch *s)
{
    const double diagonal = hypot(row->width, row->height);
    surface_scores found;
    TRY(surface_score(&found, truth, mask, row->width, row->height, s));
    row->values[SCORE_BOUNDARY_F] = found.boundary_f;
    row->values[SCORE_HAUSDORFF] = found.hausdorff_95;
    row->values[SCORE_HAUSDORFF_PERCENT] = 100 * found.hausdorff_95 / diagonal;
    row->values[SCORE_SURFACE] = found.distance;
    row->values[SCORE_SURFACE_PERCENT] = 100 * found.distance / diagonal;
    return POLYP_OK;
}

static status set_network(score_row *row, const score_input *in)
{
    polyp_image small = {0};
    row->network = (pixel_counts){0};
    if (!in->network_mask) return POLYP_OK;
    TRY(mask_shrink(&small, in->truth, in->network_mask->width, in->network_mask->height));
    const status result = scores_count(&row->network, in->network_mask, &small);
    polyp_image_free(&small);
    return result;
}

/* ---- the probability map ------------------------------------------------------------------- */

/* What the metrics beside the six look at: ignored pixels, if there are any, are background in all three. */
typedef struct planes {
    const unsigned char *truth, *mask, *map;
    size_t pixels, ignored;
} planes;

static status set_map(score_row *row, const planes *p, bool min_max, scratch *s)
{
    level_curves curves;
    levels_count(&row->levels, p->map, p->truth, p->pixels);
    row->levels.other[0] -= (uint32_t)p->ignored;
    row->range = levels_range(&row->levels, min_max);
    levels_curves(&curves, &row->levels, row->range);
    row->values[SCORE_S_MEASURE] =
        structure_measure(p->map, p->truth, row->width, row->height, &row->levels, row->range);
    row->values[SCORE_MEAN_E] = curve_mean(curves.e_measure);
    row->values[SCORE_MEAN_DICE] = curve_mean(curves.dice);
    row->values[SCORE_MEAN_IOU] = curve_mean(curves.iou);
    row->values[SCORE_MAE] = mean_absolute_error(&row->levels, row->range);
    return weighted_f(&row->values[SCORE_WEIGHTED_F], p->map, p->truth, row->width, row->height, row->range, s);
}

/* The mask itself as a map: whatever its levels are, it says 0 or 1. */
static status map_of_mask(planes *p, scratch *s)
{
    unsigned char *map;
    TRY(scratch_take(s, &map, p->pixels));
    for (size_t i = 0; i < p->pixels; i++) map[i] = p->mask[i] > 127 ? 255 : 0;
    p->map = map;
    return POLYP_OK;
}

static status cleared(const unsigned char **plane, const unsigned char *truth, size_t pixels, scratch *s)
{
    unsigned char *copy;
    TRY(scratch_take(s, &copy, pixels));
    for (size_t i = 0; i < pixels; i++) copy[i] = truth[i] == MASK_IGNORED ? 0 : (*plane)[i];
    *plane = copy;
    return POLYP_OK;
}

static status clear_ignored(planes *p, scratch *s)
{
    const unsigned char *const truth = p->truth;
    if (!memchr(truth, MASK_IGNORED, p->pixels)) return POLYP_OK;
    for (size_t i = 0; i < p->pixels; i++) p->ignored += truth[i] == MASK_IGNORED;
    TRY(cleared(&p->mask, truth, p->pixels, s));
    TRY(cleared(&p->map, truth, p->pixels, s));
    return cleared(&p->truth, truth, p->pixels, s);
}

static status check_map(const polyp_image *map, const polyp_image *truth)
{
    if (map->width == truth->width && map->height == truth->height && map->channels == 1) return POLYP_OK;
    return fail(POLYP_ERR_SIZE, "the probabilities are %d x %d with %d channels, but the truth is %d x %d", map->width,
                map->height, map->channels, truth->width, truth->height);
}

static status open_planes(planes *p, const score_input *in, scratch *s)
{
    *p = (planes){in->truth->pixels, in->mask->pixels, NULL, (size_t)in->truth->width * (size_t)in->truth->height, 0};
    if (in->probability) {
        TRY(check_map(in->probability, in->truth));
        p->map = in->probability->pixels;
    } else {
        TRY(map_of_mask(p, s));
    }
    return clear_ignored(p, s);
}

/* ---- all of it ----------------------------------------------------------------------------- */

status score_picture(score_row *row, const score_input *in, const score_settings *settings, scratch *s)
{
    planes p;
    s->taken = 0;
    TRY(scores_count(&row->counts, in->mask, in->truth));
    row->width = in->truth->width;
    row->height = in->truth->height;
    set_overlap(row, settings);
    TRY(set_network(row, in));
    TRY(open_planes(&p, in, s));
    TRY(set_surface(row, p.truth, p.mask, s));
    TRY(objects_match(&row->objects, p.truth, p.mask, row->width, row->height, s));
    return set_map(row, &p, settings->min_max, s);
}
