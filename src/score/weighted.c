/* Errors, smoothed where truth is polyp, weighted by distance where it is not. */
#include "score/weighted.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/clones.h"
#include "score/distance.h"

enum { REACH = 3, TAPS = 2 * REACH + 1 }; /* 7 x 7 */

typedef struct weighing {
    const unsigned char *probability, *truth;
    const uint32_t *nearest;                         /* polyp pixel nearest to each */
    double error_polyp[LEVELS], error_other[LEVELS]; /* |probability - truth| of a level */
    int width, height;
} weighing;

static void fill_errors(weighing *w, level_range range)
{
    const double span = range.high - range.low;
    for (int b = 0; b < LEVELS; b++) {
        w->error_other[b] = (b - range.low) / span;
        w->error_polyp[b] = 1 - w->error_other[b];
    }
}

/* Sampled e^(-x^2 / (2 sigma^2)) with sum 1; the 7 x 7 window is this times this. */
static void gaussian(double taps[TAPS])
{
    double sum = 0;
    for (int i = 0; i < TAPS; i++) sum += taps[i] = exp(-(i - REACH) * (i - REACH) / 50.0);
    for (int i = 0; i < TAPS; i++) taps[i] /= sum;
}

/* ---- on the polyp -------------------------------------------------------------------------- */

/* Row y of the errors as they are smoothed: each pixel has that of its nearest polyp pixel. REACH zeros at both ends. */
static void spread_row(double *out, const weighing *w, int y)
{
    const size_t row = (size_t)y * (size_t)w->width;
    for (int x = 0; x < w->width; x++) out[REACH + x] = w->error_polyp[w->probability[w->nearest[row + (size_t)x]]];
}

FAST_CLONES static void smooth_along(double *out, const double *row, const double taps[TAPS], int width)
{
    for (int x = 0; x < width; x++) {
        double sum = 0;
        for (int k = 0; k < TAPS; k++) sum += taps[k] * row[x + k];
        out[x] = sum;
    }
}

FAST_CLONES static void smooth_across(double *out, const double *const rows[TAPS], const double taps[TAPS], int width)
{
    for (int x = 0; x < width; x++) {
        double sum = 0;
        for (int k = 0; k < TAPS; k++) sum += taps[k] * rows[k][x];
        out[x] = sum;
    }
}

/* A turning window over rows that are smoothed along already. */
typedef struct row_window {
    double *rows[TAPS]; /* row y lies in rows[y % TAPS] */
    double *zeros, *line, *smoothed;
    int next; /* first row that was not made yet */
} row_window;

static status window_create(row_window *r, int width, int first, scratch *s)
{
    for (int k = 0; k < TAPS; k++) TRY(scratch_take(s, &r->rows[k], (size_t)width));
    TRY(scratch_take(s, &r->zeros, (size_t)width));
    TRY(scratch_take(s, &r->line, (size_t)width + 2 * REACH));
    TRY(scratch_take(s, &r->smoothed, (size_t)width));
    memset(r->zeros, 0, (size_t)width * sizeof *r->zeros);
    memset(r->line, 0, ((size_t)width + 2 * REACH) * sizeof *r->line);
    r->next = first;
    return POLYP_OK;
}

/* r->smoothed becomes row y; rows are asked for from above to below. */
static void window_move(row_window *r, const weighing *w, const double taps[TAPS], int y)
{
    const double *around[TAPS];
    if (r->next < y - REACH) r->next = y - REACH;
    for (; r->next <= y + REACH && r->next < w->height; r->next++) {
        spread_row(r->line, w, r->next);
        smooth_along(r->rows[r->next % TAPS], r->line, taps, w->width);
    }
    for (int k = 0; k < TAPS; k++) {
        const int row = y - REACH + k;
        around[k] = row < 0 || row >= w->height ? r->zeros : r->rows[row % TAPS];
    }
    smooth_across(r->smoothed, around, taps, w->width);
}

/* Sum over polyp pixels of the smaller of error and smoothed error. */
static double row_error(const weighing *w, const double *smoothed, int y)
{
    const size_t row = (size_t)y * (size_t)w->width;
    double sum = 0;
    for (int x = 0; x < w->width; x++) {
        if (w->truth[row + (size_t)x] <= 127) continue;
        const double error = w->error_polyp[w->probability[row + (size_t)x]];
        sum += smoothed[x] < error ? smoothed[x] : error;
    }
    return sum;
}

static bool has_polyp(const unsigned char *row, int width)
{
    unsigned char all = 0;
    for (int x = 0; x < width; x++) all |= row[x];
    return all > 127;
}

static status polyp_errors(double *out, const weighing *w, scratch *s)
{
    row_window r;
    double taps[TAPS], sum = 0;
    const int taken = s->taken;
    gaussian(taps);
    TRY(window_create(&r, w->width, 0, s));
    for (int y = 0; y < w->height; y++) {
        if (!has_polyp(w->truth + (size_t)y * (size_t)w->width, w->width)) continue;
        window_move(&r, w, taps, y);
        sum += row_error(w, r.smoothed, y);
    }
    *out = sum;
    s->taken = taken;
    return POLYP_OK;
}

/* ---- beside it ----------------------------------------------------------------------------- */

/* Errors weigh 1 at the polyp's edge and nearly 2 far from it. */
static double other_errors(const weighing *w)
{
    const uint32_t wide = (uint32_t)w->width, pixels = wide * (uint32_t)w->height;
    const double decay = log(0.5) / 5;
    double sum = 0;
    for (uint32_t i = 0; i < pixels; i++) {
        const double error = w->error_other[w->probability[i]];
        if (w->truth[i] > 127 || error == 0) continue;
        sum += error * (2 - exp(decay * sqrt((double)distance_squared(i, w->nearest[i], wide))));
    }
    return sum;
}

static uint64_t count_polyp(const unsigned char *truth, size_t pixels)
{
    uint64_t count = 0;
    for (size_t i = 0; i < pixels; i++) count += truth[i] >> 7;
    return count;
}

status weighted_f(double *out, const unsigned char *probability, const unsigned char *truth, int width, int height,
                  level_range range, scratch *s)
{
    const int taken = s->taken;
    const size_t pixels = (size_t)width * (size_t)height;
    const double polyp = (double)count_polyp(truth, pixels);
    weighing w = {.probability = probability, .truth = truth, .width = width, .height = height};
    double missed = 0;
    *out = 0;
    if (polyp == 0) return POLYP_OK;
    uint32_t *nearest;
    TRY(scratch_take(s, &nearest, pixels));
    unsigned char *marked;
    TRY(scratch_take(s, &marked, pixels));
    for (size_t i = 0; i < pixels; i++) marked[i] = truth[i] >> 7;
    TRY(distance_nearest(nearest, marked, width, height, s));
    w.nearest = nearest;
    fill_errors(&w, range);
    TRY(polyp_errors(&missed, &w, s));
    s->taken = taken;
    const double found = polyp - missed, alarms = other_errors(&w);
    const double recall = 1 - missed / polyp, precision = found / (found + alarms + DBL_EPSILON);
    *out = 2 * recall * precision / (recall + precision + DBL_EPSILON);
    return POLYP_OK;
}
