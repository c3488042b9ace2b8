/* Homographies, and the places of one row. */
#include "media/augment_geometry.h"

#include <math.h>

#include "base/clones.h"

const homography HOMOGRAPHY_IDENTITY = {{1, 0, 0, 0, 1, 0, 0, 0, 1}};

homography homography_after(const homography *outer, const homography *inner)
{
    homography product = {{0}};
    for (int i = 0; i < 9; i++) {
        for (int k = 0; k < 3; k++) product.m[i] += outer->m[i / 3 * 3 + k] * inner->m[3 * k + i % 3];
    }
    return product;
}

place homography_place(const homography *h, double x, double y)
{
    const double w = h->m[6] * x + h->m[7] * y + h->m[8];
    return (place){(h->m[0] * x + h->m[1] * y + h->m[2]) / w, (h->m[3] * x + h->m[4] * y + h->m[5]) / w};
}

static homography stretch(double x, double y)
{
    return (homography){{x, 0, 0, 0, y, 0, 0, 0, 1}};
}

static homography move(double x, double y)
{
    return (homography){{1, 0, x, 0, 1, y, 0, 0, 1}};
}

/* `h` acts after all that *so_far does. */
static void then(homography *so_far, homography h)
{
    *so_far = homography_after(&h, so_far);
}

/* ---- warp ----------------------------------------------------------------------------------------------- */

/* Gauss with the largest pivot; rows of 8 coefficients and the right side. */
static void solve(double rows[8][9], double out[8])
{
    for (int i = 0; i < 8; i++) {
        int best = i;
        for (int k = i + 1; k < 8; k++)
            if (fabs(rows[k][i]) > fabs(rows[best][i])) best = k;
        for (int c = 0; c < 9; c++) {
            const double kept = rows[i][c];
            rows[i][c] = rows[best][c];
            rows[best][c] = kept;
        }
        for (int k = i + 1; k < 8; k++) {
            const double factor = rows[k][i] / rows[i][i];
            for (int c = i; c < 9; c++) rows[k][c] -= factor * rows[i][c];
        }
    }
    for (int i = 7; i >= 0; i--) {
        out[i] = rows[i][8];
        for (int c = i + 1; c < 8; c++) out[i] -= rows[i][c] * out[c];
        out[i] /= rows[i][i];
    }
}

homography homography_warp(double x, double y)
{
    const double from[4][2] = {{-1 - y, -1 - x}, {-1 + y, 1 + x}, {1 + y, -1 + x}, {1 - y, 1 - x}};
    static const double to[4][2] = {{-1, -1}, {-1, 1}, {1, -1}, {1, 1}};
    double rows[8][9];
    homography h = HOMOGRAPHY_IDENTITY;
    for (int i = 0; i < 4; i++) {
        const double u = from[i][0], v = from[i][1];
        const double across[9] = {u, v, 1, 0, 0, 0, -to[i][0] * u, -to[i][0] * v, to[i][0]};
        const double down[9] = {0, 0, 0, u, v, 1, -to[i][1] * u, -to[i][1] * v, to[i][1]};
        for (int c = 0; c < 9; c++) {
            rows[2 * i][c] = across[c];
            rows[2 * i + 1][c] = down[c];
        }
    }
    solve(rows, h.m);
    return h;
}

/* ---- the whole ------------------------------------------------------------------------------------------ */

/* fastai's dihedral_mat, in its order: 0 is the picture as it is, 3, 5, 6 and 7 swap the axes. */
static const signed char SYMMETRIES[8][4] = {{1, 0, 0, 1},   {-1, 0, 0, 1}, {1, 0, 0, -1}, {0, -1, 1, 0},
                                             {-1, 0, 0, -1}, {0, 1, -1, 0}, {0, 1, 1, 0},  {0, -1, -1, 0}};

static const signed char *symmetry_of(const augment_draws *draws)
{
    const augment_draw *const d = &draws->of[AUGMENT_DIHEDRAL];
    return SYMMETRIES[d->on ? (int)(8 * d->pick) : 0];
}

static homography turn(double degrees)
{
    const double angle = degrees * (M_PI / 180), c = cos(angle), s = sin(angle);
    return (homography){{c, s, 0, -s, c, 0, 0, 0, 1}};
}

/* Zoom, shift: in the output's own -1..1. */
static homography choose_window(const augment_draws *draws)
{
    const double *const zoom = draws->of[AUGMENT_ZOOM].value, *const shift = draws->of[AUGMENT_SHIFT].value;
    const double part = 1 / zoom[0];
    homography h = move(-2 * shift[0], -2 * shift[1]);
    then(&h, stretch(part, part));
    then(&h, move((1 - part) * (2 * zoom[1] - 1), (1 - part) * (2 * zoom[2] - 1)));
    return h;
}

homography augment_homography(const augment_draws *draws, int width, int height)
{
    const signed char *const s = symmetry_of(draws);
    const bool swapped = s[0] == 0;
    const double seen_width = swapped ? height : width, seen_height = swapped ? width : height;
    const double scale = 1 / draws->of[AUGMENT_SCALE].value[0], aspect = sqrt(draws->of[AUGMENT_ASPECT].value[0]);
    const double *const warp = draws->of[AUGMENT_WARP].value;
    homography h = choose_window(draws);
    then(&h, stretch(seen_width * scale / aspect, seen_height * scale * aspect)); /* now in pixels: no shear below */
    then(&h, turn(draws->of[AUGMENT_ROTATE].value[0]));
    then(&h, (homography){{s[0], s[1], 0, s[2], s[3], 0, 0, 0, 1}});
    then(&h, stretch(draws->of[AUGMENT_FLIP].on ? -1 : 1, draws->of[AUGMENT_FLIP_VERTICAL].on ? -1 : 1));
    then(&h, stretch(1.0 / width, 1.0 / height));
    if (draws->of[AUGMENT_WARP].on) then(&h, homography_warp(warp[0], warp[1]));
    return h;
}

homography augment_pixels(const homography *h, int size, int width, int height, bool corners_aligned)
{
    const double less = corners_aligned ? 1 : 0, edge = corners_aligned ? 0 : 0.5;
    const double step = 2 / fmax(size - less, 1), first = edge * step - 1;
    homography pixels = {{step, 0, first, 0, step, first, 0, 0, 1}};
    then(&pixels, *h);
    const double across = 0.5 * (width - less), down = 0.5 * (height - less);
    then(&pixels, (homography){{across, 0, across - edge, 0, down, down - edge, 0, 0, 1}});
    return pixels;
}

/* ---- one row -------------------------------------------------------------------------------------------- */

/* Behind the eye there is nothing to see: the divisor stays positive. */
#define NEAREST 1e-3f

/* A homography along a row: numerators and divisor at its start, and what a step across or down adds. */
typedef struct row_start {
    float x, y, w;
    float x_across, y_across, w_across, x_down, y_down, w_down;
} row_start;

FAST_CLONES static void straight_places(float *restrict x, float *restrict y, const row_start *s, int count)
{
    const row_start h = *s;
    for (int i = 0; i < count; i++) {
        const float w = h.w + h.w_across * (float)i, positive = w > NEAREST ? w : NEAREST;
        x[i] = (h.x + h.x_across * (float)i) / positive;
        y[i] = (h.y + h.y_across * (float)i) / positive;
    }
}

FAST_CLONES static void bent_places(float *restrict x, float *restrict y, const row_start *s, const float *restrict dx,
                                    const float *restrict dy, int count)
{
    const row_start h = *s;
    for (int i = 0; i < count; i++) {
        const float a = (float)i + dx[i], b = dy[i];
        const float w = h.w + h.w_across * a + h.w_down * b, positive = w > NEAREST ? w : NEAREST;
        x[i] = (h.x + h.x_across * a + h.x_down * b) / positive;
        y[i] = (h.y + h.y_across * a + h.y_down * b) / positive;
    }
}

void augment_row_places(float *x, float *y, const homography *h, double first, double row, const float *dx,
                        const float *dy, int count)
{
    const double *const m = h->m;
    const row_start start = {
        .x = (float)(m[0] * first + m[1] * row + m[2]),
        .x_across = (float)m[0],
        .x_down = (float)m[1],
        .y = (float)(m[3] * first + m[4] * row + m[5]),
        .y_across = (float)m[3],
        .y_down = (float)m[4],
        .w = (float)(m[6] * first + m[7] * row + m[8]),
        .w_across = (float)m[6],
        .w_down = (float)m[7],
    };
    if (dx) bent_places(x, y, &start, dx, dy, count);
    else straight_places(x, y, &start, count);
}
