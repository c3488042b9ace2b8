/* The structure losses' weights: large where a pixel differs from the mean of its surroundings (Fan et al. 2020). */
#include <math.h>

#include "net/loss_impl.h"

static inline double label(float mask)
{
    return mask < 0 ? 0.0 : (double)mask;
}

/* Adds `sign` times a row of the mask; nothing outside the picture. */
FAST_CLONES static void add_row(double *columns, const float *masks, int y, int h, int w, double sign)
{
    if (y < 0 || y >= h) return;
    const float *const row = masks + (size_t)y * (size_t)w;
    for (int x = 0; x < w; x++) columns[x] += sign * label(row[x]);
}

/* From the sums of `2 radius + 1` rows to the weights of the row in their middle. */
static void weigh_row(float *weights, const float *masks, const double *columns, int w, int radius, double border)
{
    const double area = (2.0 * radius + 1) * (2.0 * radius + 1);
    double sum = 0;
    for (int x = 0; x < radius && x < w; x++) sum += columns[x];
    for (int x = 0; x < w; x++) {
        if (x + radius < w) sum += columns[x + radius];
        weights[x] = (float)(1 + border * fabs(sum / area - label(masks[x])));
        if (x - radius >= 0) sum -= columns[x - radius];
    }
}

void border_weights(float *weights, const float *masks, int h, int w, const loss_spec *spec, double *columns)
{
    const int radius = spec->radius;
    for (int x = 0; x < w; x++) columns[x] = 0;
    for (int y = 0; y < radius && y < h; y++) add_row(columns, masks, y, h, w, 1);
    for (int y = 0; y < h; y++) {
        const size_t start = (size_t)y * (size_t)w;
        add_row(columns, masks, y + radius, h, w, 1);
        weigh_row(weights + start, masks + start, columns, w, radius, spec->border);
        add_row(columns, masks, y - radius, h, w, -1);
    }
}
