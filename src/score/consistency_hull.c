/*
 * Can a mean over many counts have these numbers? It can when their box touches the convex hull of what single counts can
 * have. Wolfe, "Finding the nearest point in a polytope", 1976, finds the shortest vector between the two; when it is not
 * 0, it is the direction of a plane that parts them, which is then proven by branch and bound.
 */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "score/consistency_impl.h"
#include "score/facts.h"

enum { DIMENSIONS = SIX_METRICS, CORNERS_MOST = DIMENSIONS + 2, STEPS_MOST = 200 };

#define TOUCHES 1e-8 /* a distance below this is none */

typedef double vector[DIMENSIONS];

static double dot(const double *a, const double *b)
{
    double sum = 0;
    for (int i = 0; i < DIMENSIONS; i++) sum += a[i] * b[i];
    return sum;
}

/* ---- the farthest counts in a direction ---------------------------------------------------- */

/* Metrics over a grid of counts, worked out once. */
typedef struct sample_grid {
    enum count_model model;
    vector *metrics; /* accuracy of the polyp class: its lowest */
    cell *points;
    size_t count;
} sample_grid;

static void grid_free(sample_grid *g)
{
    memory_free(g->metrics);
    memory_free(g->points);
}

static cell grid_point(size_t number, size_t steps)
{
    cell c;
    for (int side = 0; side < CELL_SIDES; side++) {
        const double at = (double)(number % steps) / (double)(steps - 1);
        c.sides[side] = (span){at, at};
        number /= steps;
    }
    return c;
}

static void metrics_at(vector out, const cell *point, enum count_model model)
{
    span spans[SIX_METRICS];
    model_bounds(spans, point, model);
    for (int m = 0; m < SIX_METRICS; m++) out[m] = spans[m].low;
}

static status grid_open(sample_grid *g, enum count_model model)
{
    const size_t steps = model == MODEL_POLYP ? 129 : 33;
    const size_t all = model == MODEL_POLYP ? steps * steps : steps * steps * steps;
    g->model = model;
    g->count = all;
    TRY(memory_new(&g->metrics, all));
    TRY(memory_new(&g->points, all));
    for (size_t i = 0; i < all; i++) {
        g->points[i] = grid_point(i, steps);
        metrics_at(g->metrics[i], &g->points[i], model);
    }
    return POLYP_OK;
}

/* The polyp class leaves accuracy free up to 1. */
static double along(const vector metrics, const vector weights, enum count_model model)
{
    const double sum = dot(metrics, weights), accuracy = weights[SCORE_ACCURACY];
    return model == MODEL_POLYP && accuracy < 0 ? sum + accuracy * (1 - metrics[SCORE_ACCURACY]) : sum;
}

/* One step to a side if that goes down. */
static bool step_down(cell *point, vector metrics, const vector weights, enum count_model model, int side, double step)
{
    cell moved = *point;
    vector there;
    const double at = fmin(1, fmax(0, moved.sides[side].low + step));
    moved.sides[side] = (span){at, at};
    metrics_at(there, &moved, model);
    if (along(there, weights, model) >= along(metrics, weights, model)) return false;
    *point = moved;
    memcpy(metrics, there, sizeof there);
    return true;
}

static void refine(cell point, vector metrics, const vector weights, enum count_model model)
{
    for (double step = 0.01; step > 1e-11;) {
        bool moved = false;
        for (int side = 0; side < model_sides(model); side++) {
            moved |= step_down(&point, metrics, weights, model, side, step) ||
                     step_down(&point, metrics, weights, model, side, -step);
        }
        if (!moved) step /= 2;
    }
}

/* Metrics of the counts with the lowest sum of weights * metrics. */
static void lowest_metrics(vector out, const sample_grid *g, const vector weights)
{
    size_t best = 0;
    double lowest = INFINITY;
    for (size_t i = 0; i < g->count; i++) {
        const double here = along(g->metrics[i], weights, g->model);
        if (here < lowest) {
            lowest = here;
            best = i;
        }
    }
    memcpy(out, g->metrics[best], sizeof(vector));
    refine(g->points[best], out, weights, g->model);
    if (g->model == MODEL_POLYP && weights[SCORE_ACCURACY] < 0) out[SCORE_ACCURACY] = 1;
}

/* ---- the shortest vector ------------------------------------------------------------------- */

/* A point as a mean of corners of the difference of the two bodies. */
typedef struct corral {
    vector corners[CORNERS_MOST];
    double shares[CORNERS_MOST];
    int count;
} corral;

static void corral_point(vector out, const corral *c)
{
    memset(out, 0, sizeof(vector));
    for (int k = 0; k < c->count; k++)
        for (int i = 0; i < DIMENSIONS; i++) out[i] += c->shares[k] * c->corners[k][i];
}

static void corral_remove(corral *c, int k)
{
    c->count--;
    memmove(c->corners[k], c->corners[k + 1], (size_t)(c->count - k) * sizeof(vector));
    memmove(&c->shares[k], &c->shares[k + 1], (size_t)(c->count - k) * sizeof(double));
}

/* Without the corner that counts least. */
static void corral_drop(corral *c)
{
    int least = 0;
    double sum = 0;
    for (int k = 1; k < c->count; k++) least = c->shares[k] < c->shares[least] ? k : least;
    corral_remove(c, least);
    for (int k = 0; k < c->count; k++) sum += c->shares[k];
    for (int k = 0; k < c->count; k++) c->shares[k] /= sum;
}

/* Gaussian elimination with pivots; `n` equations of n unknowns, the right side in column n. False: singular. */
static bool solve(double a[CORNERS_MOST + 1][CORNERS_MOST + 2], int n)
{
    for (int k = 0; k < n; k++) {
        int pivot = k;
        for (int i = k + 1; i < n; i++) pivot = fabs(a[i][k]) > fabs(a[pivot][k]) ? i : pivot;
        if (fabs(a[pivot][k]) < 1e-300) return false;
        for (int j = 0; j <= n; j++) {
            const double kept = a[k][j];
            a[k][j] = a[pivot][j];
            a[pivot][j] = kept;
        }
        for (int i = 0; i < n; i++) {
            const double factor = i == k ? 0 : a[i][k] / a[k][k];
            for (int j = k; j <= n; j++) a[i][j] -= factor * a[k][j];
        }
    }
    for (int k = 0; k < n; k++) a[k][n] /= a[k][k];
    return true;
}

/* Shares of the shortest vector in the plane through all corners: they sum to 1, but may be negative. */
static bool plane_shares(double out[CORNERS_MOST], const corral *c)
{
    double a[CORNERS_MOST + 1][CORNERS_MOST + 2] = {{0}};
    const int n = c->count;
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < n; k++) a[i][k] = dot(c->corners[i], c->corners[k]);
        a[i][n] = a[n][i] = 1;
    }
    a[n][n + 1] = 1;
    if (!solve(a, n + 1)) return false;
    for (int k = 0; k < n; k++) out[k] = a[k][n + 1];
    return true;
}

/* Moves to the shortest vector within the corners, dropping those that it does not need. */
static void corral_shrink(corral *c)
{
    double wanted[CORNERS_MOST];
    while (c->count > 1) {
        double reach = 1;
        int first = -1;
        if (!plane_shares(wanted, c)) {
            corral_drop(c); /* corners in one plane: one of them can go */
            continue;
        }
        for (int k = 0; k < c->count; k++) {
            if (wanted[k] > 0 || c->shares[k] / (c->shares[k] - wanted[k]) > reach) continue;
            reach = c->shares[k] / (c->shares[k] - wanted[k]);
            first = k;
        }
        for (int k = 0; k < c->count; k++) c->shares[k] += reach * (wanted[k] - c->shares[k]);
        if (first < 0) return;
        corral_remove(c, first);
    }
    c->shares[0] = 1;
}

/* The corner of the difference that lies lowest in a direction: lowest counts minus the box's highest corner. */
static void lowest_corner(vector out, const sample_grid *g, const published_scores *s, double extra,
                          const vector weights)
{
    lowest_metrics(out, g, weights);
    for (int m = 0; m < SIX_METRICS; m++) {
        const published_number *const n = &s->numbers[m];
        const double half = n->half + extra;
        out[m] = n->given ? out[m] - (n->value + (weights[m] > 0 ? half : -half)) : 0;
    }
}

enum meeting { MEETING_NONE, MEETING_TOUCHES, MEETING_OPEN };

/* Do box, widened by `extra`, and hull touch? If not, `plane` is a direction that parts them, by at least `part` of their
 * distance. */
static enum meeting meet(vector plane, const sample_grid *g, const published_scores *s, double extra, double part)
{
    corral c = {.count = 1, .shares = {1}};
    vector point = {0}, corner;
    for (int m = 0; m < SIX_METRICS; m++) point[m] = s->numbers[m].given ? 1 : 0;
    lowest_corner(c.corners[0], g, s, extra, point);
    for (int step = 0; step < STEPS_MOST; step++) {
        corral_point(point, &c);
        const double length = dot(point, point);
        if (length < TOUCHES * TOUCHES) return MEETING_TOUCHES;
        lowest_corner(corner, g, s, extra, point);
        memcpy(plane, point, sizeof(vector));
        if (dot(corner, point) > part * length) return MEETING_NONE; /* all of the difference lies beyond */
        if (c.count == CORNERS_MOST) break;
        memcpy(c.corners[c.count], corner, sizeof corner);
        c.shares[c.count++] = 0;
        corral_shrink(&c);
    }
    return MEETING_OPEN;
}

/* ---- the verdict --------------------------------------------------------------------------- */

/* Is the parting real? Weights * metrics of all counts must lie above those of the whole box. */
static bool prove(const vector plane, const published_scores *s, enum count_model model)
{
    double most = 0, weights[SIX_METRICS];
    for (int m = 0; m < SIX_METRICS; m++) {
        const published_number *const n = &s->numbers[m];
        weights[m] = n->given ? plane[m] / sqrt(dot(plane, plane)) : 0;
        if (n->given) most += weights[m] * (n->value + (weights[m] > 0 ? n->half : -n->half));
    }
    return search_above(weights, most, model);
}

/* The least widening that lets them touch. */
static double find_misfit(const sample_grid *g, const published_scores *s)
{
    double low = 0, high = 1;
    vector plane;
    while (high - low > 1e-5) {
        const double extra = low + (high - low) / (low == 0 && high > 1e-3 ? 8 : 2);
        if (meet(plane, g, s, extra, 0.01) == MEETING_NONE) low = extra;
        else high = extra;
    }
    return high;
}

status search_hull(consistency *out, const published_scores *scores, enum count_model model)
{
    sample_grid g = {0};
    vector plane;
    status result;
    TRY_DONE(grid_open(&g, model));
    const enum meeting meeting = meet(plane, &g, scores, 0, 0.95);
    *out = (consistency){meeting == MEETING_OPEN ? VERDICT_OPEN : VERDICT_POSSIBLE, 0};
    if (meeting != MEETING_NONE) goto done;
    out->verdict = prove(plane, scores, model) ? VERDICT_IMPOSSIBLE : VERDICT_OPEN;
    out->misfit = find_misfit(&g, scores);
done:
    grid_free(&g);
    return result;
}
