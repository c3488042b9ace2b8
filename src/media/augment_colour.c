/* Saturation, hue and white balance: one matrix. */
#include <math.h>

#include "base/clones.h"
#include "media/augment_impl.h"

typedef struct matrix {
    double m[3][3];
} matrix;

static matrix product(const matrix *a, const matrix *b)
{
    matrix out;
    for (int i = 0; i < 3; i++) {
        for (int j = 0; j < 3; j++)
            out.m[i][j] = a->m[i][0] * b->m[0][j] + a->m[i][1] * b->m[1][j] + a->m[i][2] * b->m[2][j];
    }
    return out;
}

/* factor * colour + (1 - factor) * grey, grey by the weights of ITU-R BT.601 */
static matrix saturation_matrix(double factor)
{
    static const double grey[3] = {0.299, 0.587, 0.114};
    matrix out;
    for (int i = 0; i < 3; i++) {
        for (int j = 0; j < 3; j++) out.m[i][j] = (1 - factor) * grey[j] + (i == j ? factor : 0);
    }
    return out;
}

/* Rodrigues: a turn about (1, 1, 1), so that grey stays grey and red goes towards green. */
static matrix hue_matrix(double degrees)
{
    const double angle = degrees * (M_PI / 180), c = cos(angle), s = sin(angle) / sqrt(3), third = (1 - c) / 3;
    return (matrix){
        {{c + third, third - s, third + s}, {third + s, c + third, third - s}, {third - s, third + s, c + third}}};
}

static matrix gain_matrix(const double gains[3])
{
    return (matrix){{{gains[0], 0, 0}, {0, gains[1], 0}, {0, 0, gains[2]}}};
}

static inline __attribute__((always_inline)) float within(float level)
{
    const float positive = level > 0.0f ? level : 0.0f;
    return positive < 255.0f ? positive : 255.0f;
}

FAST_CLONES static void mix_channels(float *red, float *green, float *blue, const float m[9], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const float r = red[i], g = green[i], b = blue[i];
        red[i] = within(m[0] * r + m[1] * g + m[2] * b);
        green[i] = within(m[3] * r + m[4] * g + m[5] * b);
        blue[i] = within(m[6] * r + m[7] * g + m[8] * b);
    }
}

void colours_apply(float *levels, const augment_draws *draws, size_t count)
{
    const augment_draw *const of = draws->of;
    if (!of[AUGMENT_SATURATION].on && !of[AUGMENT_HUE].on && !of[AUGMENT_GAINS].on) return;
    const matrix saturation = saturation_matrix(of[AUGMENT_SATURATION].value[0]);
    const matrix hue = hue_matrix(of[AUGMENT_HUE].value[0]), gains = gain_matrix(of[AUGMENT_GAINS].value);
    const matrix turned = product(&hue, &saturation), all = product(&gains, &turned);
    float m[9];
    for (int i = 0; i < 9; i++) m[i] = (float)all.m[i / 3][i % 3];
    mix_channels(levels, levels + count, levels + 2 * count, m, count);
}
