/* Hysteresis, holes, specks, the largest region. */
#include "predict/clean.h"

#include "base/memory.h"

status mask_rules_check(const polyp_mask_rules *rules, double threshold)
{
    if (!(rules->minimum_area >= 0.0 && rules->minimum_area < 1.0)) {
        return fail(POLYP_ERR_ARGUMENT,
                    "the least area of a region is %g; it must be a share of the picture from 0 to 1",
                    rules->minimum_area);
    }
    if (!(rules->low_threshold >= 0.0 && rules->low_threshold <= 1.0)) {
        return fail(POLYP_ERR_ARGUMENT, "the low threshold is %g; it must lie between 0 and 1", rules->low_threshold);
    }
    if (rules->low_threshold <= threshold) return POLYP_OK;
    return fail(POLYP_ERR_ARGUMENT, "the low threshold is %g, but masks begin at %g already; give a lower one",
                rules->low_threshold, threshold);
}

bool mask_rules_any(const polyp_mask_rules *rules)
{
    return rules->low_threshold > 0.0 || rules->minimum_area > 0.0 || rules->fill_holes || rules->largest_only;
}

status mask_grow(polyp_image *mask, const polyp_image *low)
{
    regions r;
    bool *kept = NULL;
    status result;
    TRY(regions_find(&r, low, REGION_POLYP));
    TRY_DONE(memory_new(&kept, r.count));
    for (size_t i = 0; i < r.run_count; i++) {
        const unsigned char *const row = mask->pixels + (size_t)r.runs[i].row * (size_t)mask->width;
        for (int x = r.runs[i].from; x < r.runs[i].to; x++) kept[r.runs[i].region] |= row[x] > 127;
    }
    for (size_t i = 0; i < r.count; i++)
        if (kept[i]) regions_paint(mask, &r, i, 255);
done:
    memory_free(kept);
    regions_free(&r);
    return result;
}

/* Background that does not reach the picture's edge. */
static status fill_holes(polyp_image *mask)
{
    regions r;
    TRY(regions_find(&r, mask, REGION_BACKGROUND));
    for (size_t i = 0; i < r.count; i++)
        if (!r.items[i].at_edge) regions_paint(mask, &r, i, 255);
    regions_free(&r);
    return POLYP_OK;
}

static status drop_regions(polyp_image *mask, double least_pixels, bool largest_only)
{
    regions r;
    TRY(regions_find(&r, mask, REGION_POLYP));
    for (size_t i = 0; i < r.count; i++) {
        const bool small = (double)r.items[i].area < least_pixels;
        if (small || (largest_only && i > 0)) regions_paint(mask, &r, i, 0);
    }
    regions_free(&r);
    return POLYP_OK;
}

status mask_clean(polyp_image *mask, const polyp_mask_rules *rules)
{
    const double pixels = (double)mask->width * (double)mask->height;
    if (rules->fill_holes) TRY(fill_holes(mask));
    if (rules->minimum_area <= 0.0 && !rules->largest_only) return POLYP_OK;
    return drop_regions(mask, rules->minimum_area * pixels, rules->largest_only);
}
