/* Errors, smoothed where truth is polyp, weighted by distance where it is not. */
#include "score/weighted.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/clones.h"
#include "base/memory.h"
#include "score/distance.h"

enum { REACH = 3, TAPS = 2 * REACH + 1 }; /* 7 x 7 */

typedef struct weighing {
    const unsigned char *probability, *truth;
    const uint32_t *squared, *nearest;               /* distance to the nearest polyp pixel, and its index */
    double error_polyp[LEVELS], error_other[LEVELS]; /* |probability - truth| of a level */
    bool *alarms;                                    /* rows that have an error beside the polyps */
    int width, height;
    int left, right, top, bottom; /* truth's polyps lie within; right, bottom: one past the last */
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

/* Row y of the errors as they are smoothed: each pixel has that of its nearest polyp pixel. From REACH pixels left of the
 * polyps to REACH right of them; zeros outside the picture. */
static void spread_row(double *out, const weighing *w, int y)
{
    const size_t row = (size_t)y * (size_t)w->width;
    for (int x = w->left - REACH; x < w->right + REACH; x++) {
        const bool inside = x >= 0 && x < w->width;
        *out++ = inside ? w->error_polyp[w->probability[w->nearest[row + (size_t)x]]] : 0;
    }
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

/* A turning window over rows that are smoothed along already; columns left .. right - 1. */
typedef struct row_window {
    double *rows[TAPS]; /* row y lies in rows[y % TAPS] */
    double *zeros, *line, *smoothed;
    int wide;
    int next; /* first row that was not made yet */
} row_window;

static status window_create(row_window *r, const weighing *w, scratch *s)
{
    r->wide = w->right - w->left;
    r->next = 0;
    const size_t wide = (size_t)r->wide;
    for (int k = 0; k < TAPS; k++) TRY(scratch_take(s, &r->rows[k], wide));
    TRY(scratch_take(s, &r->zeros, wide));
    TRY(scratch_take(s, &r->line, wide + 2 * REACH));
    TRY(scratch_take(s, &r->smoothed, wide));
    memset(r->zeros, 0, wide * sizeof *r->zeros);
    return POLYP_OK;
}

/* r->smoothed becomes row y; rows are asked for from above to below. */
static void window_move(row_window *r, const weighing *w, const double taps[TAPS], int y)
{
    const double *around[TAPS];
    if (r->next < y - REACH) r->next = y - REACH;
    for (; r->next <= y + REACH && r->next < w->height; r->next++) {
        spread_row(r->line, w, r->next);
        smooth_along(r->rows[r->next % TAPS], r->line, taps, r->wide);
    }
    for (int k = 0; k < TAPS; k++) {
        const int row = y - REACH + k;
        around[k] = row < 0 || row >= w->height ? r->zeros : r->rows[row % TAPS];
    }
    smooth_across(r->smoothed, around, taps, r->wide);
}

/* Sum over polyp pixels of the smaller of error and smoothed error. */
static double row_error(const weighing *w, const double *smoothed, int y)
{
    const size_t first = (size_t)y * (size_t)w->width + (size_t)w->left;
    double sum = 0;
    for (int x = 0; x < w->right - w->left; x++) {
        if (w->truth[first + (size_t)x] <= 127) continue;
        const double error = w->error_polyp[w->probability[first + (size_t)x]];
        sum += smoothed[x] < error ? smoothed[x] : error;
    }
    return sum;
}

static status polyp_errors(double *out, const weighing *w, scratch *s)
{
    row_window r;
    double taps[TAPS], sum = 0;
    const int taken = s->taken;
    gaussian(taps);
    TRY(window_create(&r, w, s));
    for (int y = w->top; y < w->bottom; y++) {
        window_move(&r, w, taps, y);
        sum += row_error(w, r.smoothed, y);
    }
    *out = sum;
    s->taken = taken;
    return POLYP_OK;
}

/* ---- beside it ----------------------------------------------------------------------------- */

/* Beyond this squared distance 2^(-distance / 5) is under 1e-17. */
enum { FAR = 80000 };

/* Errors weigh 1 at the polyp's edge and nearly 2 far from it: 2 - 2^(-distance / 5), by the squared distance. */
static status fading_weights(const double **out, scratch *s)
{
    if (!s->table) {
        TRY(memory_new(&s->table, FAR + 1));
        for (int i = 0; i <= FAR; i++) s->table[i] = 2 - exp2(-sqrt(i) / 5);
    }
    *out = s->table;
    return POLYP_OK;
}

static double row_alarms(const weighing *w, const double *weights, int y)
{
    const size_t first = (size_t)y * (size_t)w->width;
    double sum = 0;
    for (size_t i = first; i < first + (size_t)w->width; i++) {
        const double error = w->truth[i] > 127 ? 0 : w->error_other[w->probability[i]];
        if (error > 0) sum += error * weights[w->squared[i] < FAR ? w->squared[i] : FAR];
    }
    return sum;
}

static status other_errors(double *out, const weighing *w, scratch *s)
{
    const double *weights;
    double sum = 0;
    TRY(fading_weights(&weights, s));
    for (int y = 0; y < w->height; y++) {
        if (w->alarms[y]) sum += row_alarms(w, weights, y);
    }
    *out = sum;
    return POLYP_OK;
}

/* ---- both ---------------------------------------------------------------------------------- */

FAST_CLONES static int mark_row(unsigned char *restrict marked, const unsigned char *truth, int width)
{
    int count = 0;
    for (int x = 0; x < width; x++) {
        marked[x] = truth[x] >> 7;
        count += marked[x];
    }
    return count;
}

/* Marks truth's polyps and finds the box around them; returns how many pixels they have. */
static size_t mark_polyps(unsigned char *marked, weighing *w)
{
    size_t count = 0;
    w->left = w->width;
    w->top = w->height;
    w->right = w->bottom = 0;
    for (int y = 0; y < w->height; y++) {
        const size_t row = (size_t)y * (size_t)w->width;
        const int in_row = mark_row(marked + row, w->truth + row, w->width);
        if (in_row == 0) continue;
        const unsigned char *const first = memchr(marked + row, 1, (size_t)w->width);
        int last = w->width - 1;
        while (!marked[row + (size_t)last]) last--;
        w->left = first - (marked + row) < w->left ? (int)(first - (marked + row)) : w->left;
        w->right = last >= w->right ? last + 1 : w->right;
        w->top = y < w->top ? y : w->top;
        w->bottom = y + 1;
        count += (size_t)in_row;
    }
    return count;
}

/* A level above the lowest is an error beside a polyp. */
FAST_CLONES static unsigned char highest_beside(const unsigned char *probability, const unsigned char *truth, int width)
{
    unsigned char highest = 0;
    for (int x = 0; x < width; x++) {
        const unsigned char level = probability[x] & (unsigned char)((truth[x] >> 7) - 1);
        highest = level > highest ? level : highest;
    }
    return highest;
}

/* Rows whose distances matter: with errors, or smoothed with a polyp's. */
static void choose_rows(bool *wanted, const weighing *w, int lowest)
{
    for (int y = 0; y < w->height; y++) {
        const size_t row = (size_t)y * (size_t)w->width;
        w->alarms[y] = highest_beside(w->probability + row, w->truth + row, w->width) > lowest;
        wanted[y] = w->alarms[y] || (y >= w->top - REACH && y < w->bottom + REACH);
    }
}

static status find_errors(double *missed, double *alarms, weighing *w, const unsigned char *marked, int lowest,
                          scratch *s)
{
    bool *wanted;
    TRY(scratch_take(s, &wanted, (size_t)w->height));
    TRY(scratch_take(s, &w->alarms, (size_t)w->height));
    choose_rows(wanted, w, lowest);
    const size_t pixels = (size_t)w->width * (size_t)w->height;
    uint32_t *squared, *nearest;
    TRY(scratch_take(s, &squared, pixels));
    TRY(scratch_take(s, &nearest, pixels));
    TRY(distance_transform(squared, nearest, marked, wanted, w->width, w->height, s));
    w->squared = squared;
    w->nearest = nearest;
    TRY(polyp_errors(missed, w, s));
    return other_errors(alarms, w, s);
}

status weighted_f(double *out, const unsigned char *probability, const unsigned char *truth, int width, int height,
                  level_range range, scratch *s)
{
    const int taken = s->taken;
    weighing w = {.probability = probability, .truth = truth, .width = width, .height = height};
    double missed = 0, alarms = 0;
    unsigned char *marked;
    TRY(scratch_take(s, &marked, (size_t)width * (size_t)height));
    const double polyp = (double)mark_polyps(marked, &w);
    *out = 0;
    if (polyp > 0) {
        fill_errors(&w, range);
        TRY(find_errors(&missed, &alarms, &w, marked, range.low, s));
        const double found = polyp - missed;
        const double recall = 1 - missed / polyp, precision = found / (found + alarms + DBL_EPSILON);
        *out = 2 * recall * precision / (recall + precision + DBL_EPSILON);
    }
    s->taken = taken;
    return POLYP_OK;
}
