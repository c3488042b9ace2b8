/* Smooth random displacements: normal at the points of a lattice, cubic B-splines between them. */
#include <math.h>

#include "base/clones.h"
#include "base/random.h"
#include "media/augment_geometry.h"

/* Weights of the four lattice points around a place that lies `t` behind the second. */
static void spline(float weights[4], double t)
{
    const double u = 1 - t;
    weights[0] = (float)(u * u * u / 6);
    weights[1] = (float)((3 * t * t * t - 6 * t * t + 4) / 6);
    weights[2] = (float)((3 * u * u * u - 6 * u * u + 4) / 6);
    weights[3] = (float)(t * t * t / 6);
}

/* A sum of 16 points with these weights has this share of one point's deviation, on the average over all places. */
static const double SMOOTHED = 0.4794; /* integral of the squared weights along one axis: 151 / 315 */

void elastic_draw(elastic *out, const augment_draw *draw, int size)
{
    out->on = draw->on;
    if (!draw->on) return;
    random_stream r = {draw->seed};
    const double deviation = draw->value[0] * size / (SMOOTHED * sqrt(2));
    out->waves = (int)fmin(fmax(round(draw->value[1]), 1), ELASTIC_WAVES);
    out->size = size;
    for (int row = 0; row < out->waves + 3; row++) {
        for (int column = 0; column < out->waves + 3; column++) {
            out->x[row][column] = (float)(deviation * random_normal(&r));
            out->y[row][column] = (float)(deviation * random_normal(&r));
        }
    }
}

/* One row of the lattice, smoothed down. */
static void mix_rows(float x[ELASTIC_SIDE], float y[ELASTIC_SIDE], const elastic *e, double row)
{
    const double at = fmin(fmax((row + 0.5) / e->size, 0), 1) * e->waves;
    const int first = (int)fmin(at, e->waves - 1);
    float weights[4];
    spline(weights, at - first);
    for (int column = 0; column < e->waves + 3; column++) {
        x[column] = y[column] = 0;
        for (int k = 0; k < 4; k++) {
            x[column] += weights[k] * e->x[first + k][column];
            y[column] += weights[k] * e->y[first + k][column];
        }
    }
}

/* The four polynomials of a cell become one: c0 + t (c1 + t (c2 + t c3)). */
static void cell_polynomial(float c[4], const float p[4])
{
    c[0] = (p[0] + 4 * p[1] + p[2]) / 6;
    c[1] = (p[2] - p[0]) / 2;
    c[2] = (p[0] - 2 * p[1] + p[2]) / 2;
    c[3] = (p[3] - 3 * p[2] + 3 * p[1] - p[0]) / 6;
}

FAST_CLONES static void fill_cell(float *out, const float c[4], float t, float step, int count)
{
    for (int i = 0; i < count; i++) {
        const float at = t + step * (float)i;
        out[i] = c[0] + at * (c[1] + at * (c[2] + at * c[3]));
    }
}

void elastic_row(float *dx, float *dy, const elastic *e, double row)
{
    float x[ELASTIC_SIDE], y[ELASTIC_SIDE], cx[4], cy[4];
    const double step = (double)e->waves / e->size; /* cells a pixel */
    mix_rows(x, y, e, row);
    int begin = 0;
    for (int cell = 0; cell < e->waves; cell++) {
        const int end = cell + 1 < e->waves ? (int)ceil((cell + 1) / step - 0.5) : e->size;
        const float t = (float)((begin + 0.5) * step - cell);
        cell_polynomial(cx, x + cell);
        cell_polynomial(cy, y + cell);
        fill_cell(dx + begin, cx, t, (float)step, end - begin);
        fill_cell(dy + begin, cy, t, (float)step, end - begin);
        begin = end;
    }
}
