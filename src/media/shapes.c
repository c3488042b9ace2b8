/* Polygons filled row by row between crossings; runs laid down column by column. */
#include "media/shapes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "media/image.h"

/* ---- polygons ------------------------------------------------------------------------------ */

static int compare_numbers(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Where the outline crosses the height `y`, from left to right. An edge has its upper end, not its lower one, so that a
 * corner at `y` counts once. */
static size_t find_crossings(double *x, const mask_polygon *p, double y)
{
    size_t count = 0;
    for (size_t i = 0; i < p->corners; i++) {
        const double *const a = p->points + 2 * i, *const b = p->points + 2 * ((i + 1) % p->corners);
        if ((a[1] <= y) == (b[1] <= y)) continue;
        x[count++] = a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0]);
    }
    qsort(x, count, sizeof *x, compare_numbers);
    return count;
}

/* The first pixel whose centre is at or right of x, within 0 .. width. */
static int first_pixel(double x, int width)
{
    const double pixel = ceil(x - 0.5);
    return pixel <= 0 ? 0 : pixel >= width ? width : (int)pixel;
}

static void fill_row(unsigned char *row, int width, const double *x, size_t count)
{
    for (size_t i = 0; i + 1 < count; i += 2) {
        const int from = first_pixel(x[i], width), to = first_pixel(x[i + 1], width);
        if (to > from) memset(row + from, 255, (size_t)(to - from));
    }
}

static status fill_polygon(polyp_image *mask, const mask_polygon *p)
{
    double *crossings, top = INFINITY, bottom = -INFINITY;
    TRY(memory_new(&crossings, p->corners));
    for (size_t i = 0; i < p->corners; i++) {
        top = fmin(top, p->points[2 * i + 1]);
        bottom = fmax(bottom, p->points[2 * i + 1]);
    }
    for (int y = first_pixel(top, mask->height), end = first_pixel(bottom, mask->height); y < end; y++) {
        const size_t count = find_crossings(crossings, p, y + 0.5);
        fill_row(mask->pixels + (size_t)y * (size_t)mask->width, mask->width, crossings, count);
    }
    memory_free(crossings);
    return POLYP_OK;
}

/* ---- runs ---------------------------------------------------------------------------------- */

bool runs_fit(const mask_runs *r, int width, int height)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < r->count; i++) sum += r->lengths[i];
    return sum == (uint64_t)width * (uint64_t)height;
}

static void lay_runs(polyp_image *mask, const mask_runs *r)
{
    size_t place = 0;
    const size_t height = (size_t)mask->height, width = (size_t)mask->width;
    for (size_t i = 0; i < r->count; i++) {
        const size_t end = place + r->lengths[i];
        for (; i % 2 == 1 && place < end; place++) mask->pixels[place % height * width + place / height] = 255;
        place = end;
    }
}

status runs_decode(uint32_t *lengths, size_t *count, const char *text)
{
    enum { FIRST_CHARACTER = 48, MORE = 32, SIGN = 16, BITS = 5, MOST_CHARACTERS = 7 };
    *count = 0;
    while (*text) {
        int64_t value = 0;
        int digit = MORE, used = 0;
        for (; digit & MORE; used++) {
            digit = (unsigned char)*text++ - FIRST_CHARACTER;
            if (digit < 0 || digit > 63 || used == MOST_CHARACTERS)
                return fail(POLYP_ERR_FORMAT, "its run lengths are damaged at number %zu", *count);
            value |= (int64_t)(digit & (MORE - 1)) << (BITS * used);
        }
        if (digit & SIGN) value -= (int64_t)1 << (BITS * used);
        if (*count > 2) value += lengths[*count - 2];
        if (value < 0 || value > UINT32_MAX)
            return fail(POLYP_ERR_FORMAT, "its run lengths are damaged at number %zu", *count);
        lengths[(*count)++] = (uint32_t)value;
    }
    return POLYP_OK;
}

/* ---- the mask ------------------------------------------------------------------------------ */

status shapes_draw(polyp_image *out, const mask_shapes *s, int width, int height)
{
    polyp_image mask = {0};
    status result;
    TRY_DONE(image_create(&mask, width, height, 1));
    for (size_t i = 0; i < s->polygon_count; i++) TRY_DONE(fill_polygon(&mask, &s->polygons[i]));
    for (size_t i = 0; i < s->runs_count; i++) {
        result = runs_fit(&s->runs[i], width, height)
                     ? POLYP_OK
                     : fail(POLYP_ERR_SIZE, "run lengths do not add up to %d x %d pixels", width, height);
        if (result != POLYP_OK) goto done;
        lay_runs(&mask, &s->runs[i]);
    }
    *out = mask;
    mask = (polyp_image){0};
done:
    polyp_image_free(&mask);
    return result;
}
