/* Connected regions: runs of each row joined with those of the row above by union-find. */
#include "media/regions.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* ---- runs ----------------------------------------------------------------------------------------------- */

/* First pixel from `x` on that is polyp (or is not); the width when there is none. Eight at once: the top bit decides. */
static int next_pixel(const unsigned char *row, int x, int width, bool polyp)
{
    const uint64_t tops = 0x8080808080808080, other = polyp ? 0 : tops;
    uint64_t eight;
    for (; x + 8 <= width; x += 8) {
        memcpy(&eight, row + x, sizeof eight);
        if ((eight & tops) != other) break;
    }
    while (x < width && (row[x] > 127) != polyp) x++;
    return x;
}

/* The runs of one row; `out` NULL: only counted. `region` of each is its own number, its own root. */
static size_t row_runs(region_run *out, size_t number, const polyp_image *mask, int row, enum region_kind kind)
{
    const unsigned char *const pixels = mask->pixels + (size_t)row * (size_t)mask->width;
    const bool polyp = kind == REGION_POLYP;
    size_t count = 0;
    for (int from = next_pixel(pixels, 0, mask->width, polyp); from < mask->width; count++) {
        const int to = next_pixel(pixels, from, mask->width, !polyp);
        if (out) out[count] = (region_run){row, from, to, number + count};
        from = next_pixel(pixels, to, mask->width, polyp);
    }
    return count;
}

static size_t root_of(region_run *runs, size_t i)
{
    while (runs[i].region != i) {
        runs[i].region = runs[runs[i].region].region;
        i = runs[i].region;
    }
    return i;
}

/* The lower number becomes the root: the region's first run from the top left. */
static void join(region_run *runs, size_t a, size_t b)
{
    const size_t first = root_of(runs, a), second = root_of(runs, b);
    if (first < second) runs[second].region = first;
    else runs[first].region = second;
}

/* Join the runs above .. here-1 (one row) with here .. end-1 (the next). reach 1: corners count. */
static void join_rows(region_run *runs, size_t above, size_t here, size_t end, int reach)
{
    const size_t first = here;
    while (above < first && here < end) {
        if (runs[above].from < runs[here].to + reach && runs[here].from < runs[above].to + reach) {
            join(runs, above, here);
        }
        if (runs[above].to < runs[here].to) above++;
        else here++;
    }
}

static status find_runs(regions *r, const polyp_image *mask, enum region_kind kind)
{
    for (int y = 0; y < mask->height; y++) r->run_count += row_runs(NULL, 0, mask, y, kind);
    TRY(memory_new(&r->runs, r->run_count));
    size_t above = 0, here = 0;
    for (int y = 0; y < mask->height; y++) {
        const size_t end = here + row_runs(r->runs + here, here, mask, y, kind);
        join_rows(r->runs, above, here, end, kind == REGION_POLYP ? 1 : 0);
        above = here;
        here = end;
    }
    return POLYP_OK;
}

/* ---- regions -------------------------------------------------------------------------------------------- */

static void add_run(region *to, const region_run *run, const polyp_image *mask)
{
    if (to->area == 0) *to = (region){.left = run->from, .top = run->row};
    to->area += (size_t)(run->to - run->from);
    if (run->from < to->left) to->left = run->from;
    if (run->to > to->right) to->right = run->to;
    to->bottom = run->row + 1;
    to->at_edge |= run->from == 0 || run->to == mask->width || run->row == 0 || run->row == mask->height - 1;
}

/* A region on its way into order. */
typedef struct placed {
    region found;
    size_t number; /* in order of appearance */
} placed;

static int compare_placed(const void *a, const void *b)
{
    const placed *const x = a, *const y = b;
    if (x->found.area != y->found.area) return x->found.area < y->found.area ? 1 : -1;
    return (x->number > y->number) - (x->number < y->number);
}

/* Roots to numbers by appearance; `list` has room for all of them. */
static void gather(placed *list, regions *r, const polyp_image *mask)
{
    for (size_t i = 0; i < r->run_count; i++) {
        region_run *const run = &r->runs[i];
        /* a root stands before its runs and has its number already */
        const size_t number = run->region == i ? r->count++ : r->runs[run->region].region;
        run->region = number;
        list[number].number = number;
        add_run(&list[number].found, run, mask);
    }
}

static status sort_regions(regions *r, const polyp_image *mask)
{
    placed *list = NULL;
    size_t *place = NULL, roots = 0;
    status result;
    for (size_t i = 0; i < r->run_count; i++) {
        r->runs[i].region = root_of(r->runs, i);
        roots += r->runs[i].region == i;
    }
    TRY_DONE(memory_new(&list, roots));
    TRY_DONE(memory_new(&place, roots));
    TRY_DONE(memory_new(&r->items, roots));
    gather(list, r, mask);
    qsort(list, roots, sizeof *list, compare_placed);
    for (size_t i = 0; i < roots; i++) {
        r->items[i] = list[i].found;
        place[list[i].number] = i;
    }
    for (size_t i = 0; i < r->run_count; i++) r->runs[i].region = place[r->runs[i].region];
done:
    memory_free(list);
    memory_free(place);
    return result;
}

status regions_find(regions *out, const polyp_image *mask, enum region_kind kind)
{
    if (mask->channels != 1) {
        return fail(POLYP_ERR_ARGUMENT, "regions are looked for in masks of 1 channel, not %d", mask->channels);
    }
    regions r = {0};
    status result;
    TRY_DONE(find_runs(&r, mask, kind));
    TRY_DONE(sort_regions(&r, mask));
    *out = r;
    return POLYP_OK;
done:
    regions_free(&r);
    return result;
}

void regions_free(regions *r)
{
    if (!r) return;
    memory_free(r->items);
    memory_free(r->runs);
    *r = (regions){0};
}

void regions_paint(polyp_image *mask, const regions *r, size_t which, unsigned char level)
{
    for (size_t i = 0; i < r->run_count; i++) {
        const region_run *const run = &r->runs[i];
        if (run->region != which) continue;
        memset(mask->pixels + (size_t)run->row * (size_t)mask->width + (size_t)run->from, level,
               (size_t)(run->to - run->from));
    }
}
