/* Whole-number sums of levels, then the formulas: so that the order of pixels never matters. */
#include "score/structure.h"

#include <float.h>
#include <math.h>

#include "base/clones.h"

/* ---- what a histogram tells ---------------------------------------------------------------- */

typedef struct moments {
    double count, sum, squares; /* of (level - low) */
} moments;

static moments moments_of(const uint32_t counts[LEVELS], int low)
{
    moments m = {0};
    for (int b = 0; b < LEVELS; b++) {
        const double level = b - low, pixels = counts[b];
        m.count += pixels;
        m.sum += pixels * level;
        m.squares += pixels * level * level;
    }
    return m;
}

double mean_absolute_error(const level_counts *c, level_range range)
{
    const moments polyp = moments_of(c->polyp, range.low), other = moments_of(c->other, range.low);
    const double span = range.high - range.low;
    return (polyp.count - polyp.sum / span + other.sum / span) / (polyp.count + other.count);
}

/* ---- object -------------------------------------------------------------------------------- */

/* 2 m / (m^2 + 1 + s) of the values (level / span), or of 1 less them: the deviation s (of n - 1) is the same. */
static double object_score(const moments *m, double span, bool inverted)
{
    const double mean = m->sum / m->count / span;
    const double variance =
        m->count > 1 ? (m->squares - m->sum * m->sum / m->count) / (m->count - 1) / (span * span) : 0;
    const double x = inverted ? 1 - mean : mean;
    return 2 * x / (x * x + 1 + sqrt(fmax(variance, 0)) + DBL_EPSILON);
}

/* ---- region -------------------------------------------------------------------------------- */

/* Sums over a rectangle: levels, their squares, levels where truth is polyp, polyp pixels. */
typedef struct region_sums {
    uint64_t levels, squares, common, polyp;
} region_sums;

FAST_CLONES static void add_row(region_sums *sums, const unsigned char *probability, const unsigned char *truth,
                                int width)
{
    uint32_t levels = 0, squares = 0, common = 0, polyp = 0; /* 2^32 / 255^2: rows of 66,000 pixels fit */
    for (int x = 0; x < width; x++) {
        const uint32_t p = probability[x], t = truth[x] >> 7;
        levels += p;
        squares += p * p;
        common += p & (0u - t);
        polyp += t;
    }
    sums->levels += levels;
    sums->squares += squares;
    sums->common += common;
    sums->polyp += polyp;
}

static void add_long_row(region_sums *sums, const unsigned char *probability, const unsigned char *truth, int width)
{
    enum { PIECE = 1 << 15 };
    for (int x = 0; x < width; x += PIECE)
        add_row(sums, probability + x, truth + x, width - x < PIECE ? width - x : PIECE);
}

/* Likeness of a rectangle of n pixels: luminance, contrast and structure in one. */
static double region_score(const region_sums *s, double n, level_range range)
{
    if (n == 0) return 0;
    const double span = range.high - range.low, low = range.low;
    const double levels = (double)s->levels, polyp = (double)s->polyp;
    const double x = (levels / n - low) / span, y = polyp / n;
    const double variance_x = ((double)s->squares - levels * levels / n) / (span * span) / (n - 1 + DBL_EPSILON);
    const double variance_y = (polyp - polyp * polyp / n) / (n - 1 + DBL_EPSILON);
    const double covariance = ((double)s->common - levels * polyp / n) / span / (n - 1 + DBL_EPSILON);
    const double above = 4 * x * y * covariance, below = (x * x + y * y) * (variance_x + variance_y);
    if (above != 0) return above / (below + DBL_EPSILON);
    return below == 0 ? 1 : 0;
}

/* Centre of truth's polyp, rounded to even as numpy does, plus one: the first part holds the centre's row and column. */
static void find_centre(int *cx, int *cy, const unsigned char *truth, int width, int height)
{
    uint64_t count = 0, sum_x = 0, sum_y = 0;
    for (int y = 0; y < height; y++) {
        const unsigned char *const row = truth + (size_t)y * (size_t)width;
        uint64_t in_row = 0;
        for (int x = 0; x < width; x++) {
            const uint64_t polyp = row[x] >> 7;
            in_row += polyp;
            sum_x += polyp * (uint64_t)x;
        }
        count += in_row;
        sum_y += in_row * (uint64_t)y;
    }
    *cx = (int)rint((double)sum_x / (double)count) + 1;
    *cy = (int)rint((double)sum_y / (double)count) + 1;
}

static double region_measure(const unsigned char *probability, const unsigned char *truth, int width, int height,
                             level_range range)
{
    region_sums parts[4] = {0}; /* left and right above the centre, left and right below */
    int cx, cy;
    find_centre(&cx, &cy, truth, width, height);
    for (int y = 0; y < height; y++) {
        region_sums *const left = &parts[y < cy ? 0 : 2];
        const size_t row = (size_t)y * (size_t)width, middle = row + (size_t)cx;
        add_long_row(&left[0], probability + row, truth + row, cx);
        add_long_row(&left[1], probability + middle, truth + middle, width - cx);
    }
    const double all = (double)width * height, right = width - cx, lower = height - cy;
    const double sizes[4] = {(double)cx * cy, right * cy, cx * lower, right * lower};
    double score = 0;
    for (int k = 0; k < 4; k++) score += region_score(&parts[k], sizes[k], range) * sizes[k] / all;
    return score;
}

double structure_measure(const unsigned char *probability, const unsigned char *truth, int width, int height,
                         const level_counts *c, level_range range)
{
    const moments polyp = moments_of(c->polyp, range.low), other = moments_of(c->other, range.low);
    const double span = range.high - range.low, all = polyp.count + other.count;
    if (polyp.count == 0) return 1 - other.sum / span / all;
    if (other.count == 0) return polyp.sum / span / all;
    const double object =
        object_score(&polyp, span, false) * polyp.count / all + object_score(&other, span, true) * other.count / all;
    const double region = region_measure(probability, truth, width, height, range);
    return fmax(0, 0.5 * object + 0.5 * region);
}
