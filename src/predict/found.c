/* Regions with their probability and shape. */
#include "predict/found.h"

#include "base/memory.h"
#include "media/image.h"

/* ---- probability ---------------------------------------------------------------------------------------- */

/* Sums of levels, for every region in one walk. */
static status mean_probabilities(found_polyps *f, const regions *r, const polyp_image *probability)
{
    uint64_t *sums;
    TRY(memory_new(&sums, r->count));
    for (size_t i = 0; i < r->run_count; i++) {
        const region_run *const run = &r->runs[i];
        const unsigned char *const row = probability->pixels + (size_t)run->row * (size_t)probability->width;
        for (int x = run->from; x < run->to; x++) sums[run->region] += row[x];
    }
    for (size_t i = 0; i < r->count; i++)
        f->items[i].probability = (double)sums[i] / (255.0 * (double)r->items[i].area);
    memory_free(sums);
    return POLYP_OK;
}

/* ---- run lengths ---------------------------------------------------------------------------------------- */

/* Alternating lengths of background and polyp down the columns; counted first (`out` NULL), then written. */
static size_t column_runs(uint32_t *out, const polyp_image *only, const region *box)
{
    const size_t height = (size_t)only->height, all = (size_t)only->width * height;
    size_t count = 0, last = 0;
    bool inside = false;
    for (size_t place = (size_t)box->left * height; place < all && place <= (size_t)box->right * height; place++) {
        const bool here = only->pixels[place % height * (size_t)only->width + place / height] > 127;
        if (here == inside) continue;
        if (out) out[count] = (uint32_t)(place - last);
        count++;
        last = place;
        inside = here;
    }
    if (out) out[count] = (uint32_t)(all - last);
    return count + 1;
}

static status find_runs(found_polyp *p, const regions *r, size_t which, const polyp_image *mask)
{
    polyp_image only = {0};
    TRY(image_create(&only, mask->width, mask->height, 1));
    regions_paint(&only, r, which, 255);
    p->run_count = column_runs(NULL, &only, &p->region);
    const status result = memory_new(&p->runs, p->run_count);
    if (result == POLYP_OK) (void)column_runs(p->runs, &only, &p->region);
    polyp_image_free(&only);
    return result;
}

/* ---- all of them ---------------------------------------------------------------------------------------- */

static status fill(found_polyps *f, const regions *r, const polyp_image *mask, const polyp_image *probability)
{
    TRY(memory_new(&f->items, r->count));
    f->count = r->count;
    for (size_t i = 0; i < r->count; i++) {
        found_polyp *const p = &f->items[i];
        p->region = r->items[i];
        TRY(outlines_of(&p->outlines, r, i, FOUND_TOLERANCE));
        if (p->outlines.count > 1) TRY(find_runs(p, r, i, mask));
    }
    return mean_probabilities(f, r, probability);
}

status found_polyps_of(found_polyps *out, const polyp_image *mask, const polyp_image *probability)
{
    found_polyps f = {0};
    regions r;
    if (mask->width != probability->width || mask->height != probability->height) {
        return fail(POLYP_ERR_SIZE, "a mask of %d x %d has probabilities of %d x %d", mask->width, mask->height,
                    probability->width, probability->height);
    }
    TRY(regions_find(&r, mask, REGION_POLYP));
    const status result = fill(&f, &r, mask, probability);
    regions_free(&r);
    if (result == POLYP_OK) *out = f;
    else found_polyps_free(&f);
    return result;
}

void found_polyps_free(found_polyps *f)
{
    for (size_t i = 0; i < f->count; i++) {
        outlines_free(&f->items[i].outlines);
        memory_free(f->items[i].runs);
    }
    memory_free(f->items);
    *f = (found_polyps){0};
}
