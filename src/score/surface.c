/* Outlines, the distances between them, and what is made of those. */
#include "score/surface.h"

#include <math.h>
#include <string.h>

#include "base/clones.h"
#include "score/distance.h"
#include "score/statistics.h"

/* ---- outlines ------------------------------------------------------------------------------ */

/* Both masks lie within it; nothing outside needs to be looked at. right, bottom: one past the last. */
typedef struct box {
    int left, top, right, bottom;
} box;

/* The mask's rows above and below an edge of the picture: no polyp. */
typedef struct three_rows {
    const unsigned char *above, *here, *below;
} three_rows;

static bool is_polyp(unsigned char level)
{
    return level > 127;
}

/* The top bit of a level says whether it is above 127. */
FAST_CLONES static void outline_inner(unsigned char *restrict out, const unsigned char *above,
                                      const unsigned char *here, const unsigned char *below, int from, int to)
{
    for (int x = from; x < to; x++) {
        const unsigned char inside = above[x] & below[x] & here[x - 1] & here[x + 1];
        out[x] = (unsigned char)(here[x] & ~inside & 128) ? 1 : 0;
    }
}

/* The first and the last pixel of a picture's row have a neighbour outside. */
static void outline_row(unsigned char *out, const three_rows *r, int width)
{
    out[0] = is_polyp(r->here[0]);
    out[width - 1] = is_polyp(r->here[width - 1]);
    outline_inner(out, r->above, r->here, r->below, 1, width - 1);
}

/* out: 1 on the outline, else 0. */
static void find_outline(unsigned char *out, const unsigned char *mask, const unsigned char *nothing, int width,
                         int height)
{
    for (int y = 0; y < height; y++) {
        const unsigned char *const row = mask + (size_t)y * (size_t)width;
        const three_rows r = {y > 0 ? row - width : nothing, row, y + 1 < height ? row + width : nothing};
        outline_row(out + (size_t)y * (size_t)width, &r, width);
    }
}

static bool any(const unsigned char *row, size_t count)
{
    return memchr(row, 1, count) != NULL;
}

/* Extends `b` by the marked pixels; an empty box has right 0. */
static void extend_box(box *b, const unsigned char *marked, int width, int height)
{
    for (int y = 0; y < height; y++) {
        const unsigned char *const row = marked + (size_t)y * (size_t)width;
        if (!any(row, (size_t)width)) continue;
        if (y < b->top) b->top = y;
        b->bottom = y + 1 > b->bottom ? y + 1 : b->bottom;
        int first = 0, last = width - 1;
        while (!row[first]) first++;
        while (!row[last]) last--;
        b->left = first < b->left ? first : b->left;
        b->right = last + 1 > b->right ? last + 1 : b->right;
    }
}

/* Moves the box's part of the picture to its front; returns how many pixels are marked. */
static size_t cut_out(unsigned char *marked, const box *b, int width)
{
    const size_t wide = (size_t)(b->right - b->left);
    size_t count = 0;
    for (int y = b->top; y < b->bottom; y++) {
        unsigned char *const to = marked + (size_t)(y - b->top) * wide;
        memmove(to, marked + (size_t)y * (size_t)width + (size_t)b->left, wide);
        for (size_t x = 0; x < wide; x++) count += to[x];
    }
    return count;
}

/* ---- distances ----------------------------------------------------------------------------- */

typedef struct one_way {
    double *distances; /* of each pixel of one outline to the other outline */
    size_t count;
    double sum, percentile, near; /* near: share within the tolerance */
} one_way;

/* rows: distance_rows() of the other outline. */
static void measure(one_way *way, const unsigned char *from, const int32_t *rows, const box *b, double tolerance)
{
    const int wide = b->right - b->left, high = b->bottom - b->top;
    size_t count = 0, close = 0;
    for (int y = 0; y < high; y++) {
        const unsigned char *const row = from + (size_t)y * (size_t)wide;
        for (int x = 0; x < wide; x++) {
            if (!row[x]) continue;
            const double distance = sqrt((double)distance_beside(rows, x, y, wide));
            way->distances[count++] = distance;
            way->sum += distance;
            close += distance < tolerance;
        }
    }
    way->count = count;
    way->percentile = percentile_of(way->distances, count, 95);
    way->near = (double)close / (double)count;
}

/* Distances from the pixels of one outline to the other one. */
static status measure_way(one_way *way, const unsigned char *from, const unsigned char *to, const box *b,
                          double tolerance, scratch *s)
{
    const int wide = b->right - b->left, high = b->bottom - b->top, taken = s->taken;
    int32_t *rows, *line;
    TRY(scratch_take(s, &rows, (size_t)wide * (size_t)high));
    TRY(scratch_take(s, &line, (size_t)wide));
    distance_rows(rows, line, to, wide, high);
    measure(way, from, rows, b, tolerance);
    s->taken = taken;
    return POLYP_OK;
}

static status measure_both(surface_scores *out, const unsigned char *truth, const unsigned char *found, const box *b,
                           const size_t counts[2], double tolerance, scratch *s)
{
    one_way to_truth = {0}, to_found = {0};
    TRY(scratch_take(s, &to_truth.distances, counts[1]));
    TRY(scratch_take(s, &to_found.distances, counts[0]));
    TRY(measure_way(&to_truth, found, truth, b, tolerance, s));
    TRY(measure_way(&to_found, truth, found, b, tolerance, s));
    const double agree = to_truth.near + to_found.near;
    out->boundary_f = agree > 0 ? 2 * to_truth.near * to_found.near / agree : 0;
    out->hausdorff_95 = fmax(to_truth.percentile, to_found.percentile);
    out->distance = (to_truth.sum + to_found.sum) / (double)(to_truth.count + to_found.count);
    return POLYP_OK;
}

status surface_score(surface_scores *out, const unsigned char *truth, const unsigned char *found, int width, int height,
                     scratch *s)
{
    const int taken = s->taken;
    const size_t pixels = (size_t)width * (size_t)height;
    const double diagonal = hypot(width, height);
    unsigned char *edges[2], *nothing;
    TRY(scratch_take(s, &edges[0], pixels));
    TRY(scratch_take(s, &edges[1], pixels));
    TRY(scratch_take(s, &nothing, (size_t)width));
    memset(nothing, 0, (size_t)width);
    find_outline(edges[0], truth, nothing, width, height);
    find_outline(edges[1], found, nothing, width, height);
    box b = {width, height, 0, 0};
    status result = POLYP_OK;
    if (!any(edges[0], pixels)) {
        *out = (surface_scores){NAN, NAN, NAN};
    } else if (!any(edges[1], pixels)) {
        *out = (surface_scores){0, diagonal, diagonal};
    } else {
        extend_box(&b, edges[0], width, height);
        extend_box(&b, edges[1], width, height);
        const size_t counts[2] = {cut_out(edges[0], &b, width), cut_out(edges[1], &b, width)};
        result = measure_both(out, edges[0], edges[1], &b, counts, SURFACE_TOLERANCE * diagonal, s);
    }
    s->taken = taken;
    return result;
}
