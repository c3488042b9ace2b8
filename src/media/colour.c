/* sRGB to CIELAB and back, statistics, their transfer. */
#include "media/colour.h"

#include <math.h>
#include <stdbool.h>

#include "base/clones.h"
#include "base/fast_math.h"

/* ---- one pixel ------------------------------------------------------------------------------------------ */

/* IEC 61966-2-1 */
FAST_MATH float to_linear(float level)
{
    const float v = level * (1.0f / 255.0f), base = (v + 0.055f) * (1.0f / 1.055f);
    return v <= 0.04045f ? v * (1.0f / 12.92f) : fast_power(base, 2.4f);
}

FAST_MATH float from_linear(float v)
{
    const float positive = v > 1e-6f ? v : 1e-6f;
    const float level = v <= 0.0031308f ? 12.92f * v : 1.055f * fast_power(positive, 1.0f / 2.4f) - 0.055f;
    const float above = level > 0.0f ? level : 0.0f;
    return 255.0f * (above < 1.0f ? above : 1.0f);
}

/* Of the white point's share: CIE 15, with its linear part below (6/29)^3. */
FAST_MATH float to_lightness(float t)
{
    const float positive = t > 1e-6f ? t : 1e-6f;
    return t > 0.008856452f ? fast_power(positive, 1.0f / 3.0f) : t * 7.787037f + 0.13793103f;
}

FAST_MATH float from_lightness(float f)
{
    return f > 0.20689655f ? f * f * f : (f - 0.13793103f) * 0.12841855f;
}

typedef struct three {
    float a, b, c;
} three;

/* Rec. 709's matrix, its rows divided by the white point (D65, 2 degrees: .95047, 1, 1.08883). */
FAST_MATH three lab_of(float red, float green, float blue)
{
    const float r = to_linear(red), g = to_linear(green), b = to_linear(blue);
    const float x = to_lightness(r * 0.433946363f + g * 0.376213873f + b * 0.189825034f);
    const float y = to_lightness(r * 0.212671f + g * 0.715160f + b * 0.072169f);
    const float z = to_lightness(r * 0.017756675f + g * 0.109468879f + b * 0.872704646f);
    return (three){116.0f * y - 16.0f, 500.0f * (x - y), 200.0f * (y - z)};
}

FAST_MATH three levels_of(float l, float a, float b)
{
    const float y = (l + 16.0f) * (1.0f / 116.0f);
    const float x = from_lightness(y + a * 0.002f), z = from_lightness(y - b * 0.005f), w = from_lightness(y);
    return (three){from_linear(3.079980302f * x - 1.537151516f * w - 0.542821308f * z),
                   from_linear(-0.921247752f * x + 1.875990001f * w + 0.045247340f * z),
                   from_linear(0.052890461f * x - 0.204041338f * w + 1.151232012f * z)};
}

void colour_to_lab(float lab[3], const float levels[3])
{
    const three out = lab_of(levels[0], levels[1], levels[2]);
    lab[0] = out.a;
    lab[1] = out.b;
    lab[2] = out.c;
}

void colour_from_lab(float levels[3], const float lab[3])
{
    const three out = levels_of(lab[0], lab[1], lab[2]);
    levels[0] = out.a;
    levels[1] = out.b;
    levels[2] = out.c;
}

/* ---- whole pictures ------------------------------------------------------------------------------------- */

enum { SAMPLES = 1 << 14, BLOCK = 256 };

/* Of the largest of R, G, B: below the first a pixel counts as black, above the second it does not. Of the smallest: from the
 * first on a pixel begins to count as blown out, from the second on it is. */
#define DARK  16.0f
#define LIGHT 40.0f
#define PALE  220.0f
#define WHITE 250.0f

FAST_CLONES static void block_to_lab(float lab[3][BLOCK], float rgb[3][BLOCK])
{
    for (int i = 0; i < BLOCK; i++) {
        const three out = lab_of(rgb[0][i], rgb[1][i], rgb[2][i]);
        lab[0][i] = out.a;
        lab[1][i] = out.b;
        lab[2][i] = out.c;
    }
}

typedef struct sums {
    double count, of[3], squares[3];
} sums;

static void add_block(sums *s, float rgb[3][BLOCK], int count)
{
    float lab[3][BLOCK];
    block_to_lab(lab, rgb);
    for (int c = 0; c < 3; c++) {
        for (int i = 0; i < count; i++) {
            s->of[c] += (double)lab[c][i];
            s->squares[c] += (double)lab[c][i] * (double)lab[c][i];
        }
    }
    s->count += count;
}

static bool is_dark(const unsigned char *rgb)
{
    return (float)rgb[0] < LIGHT && (float)rgb[1] < LIGHT && (float)rgb[2] < LIGHT;
}

void colour_statistics_find(colour_statistics *out, const polyp_image *picture)
{
    const size_t pixels = (size_t)picture->width * (size_t)picture->height;
    const size_t step = pixels / SAMPLES | 1; /* odd: all columns have their turn, whatever the width */
    float rgb[3][BLOCK] = {{0}};
    sums s = {0};
    int filled = 0;
    for (size_t i = 0; i < pixels; i += step) {
        const unsigned char *const pixel = picture->pixels + 3 * i;
        if (is_dark(pixel)) continue;
        for (int c = 0; c < 3; c++) rgb[c][filled] = (float)pixel[c];
        if (++filled == BLOCK) add_block(&s, rgb, filled);
        filled %= BLOCK;
    }
    add_block(&s, rgb, filled);
    for (int c = 0; c < 3; c++) {
        const double mean = s.count > 0 ? s.of[c] / s.count : 0;
        const double variance = s.count > 0 ? s.squares[c] / s.count - mean * mean : 1;
        out->mean[c] = (float)mean;
        out->deviation[c] = (float)sqrt(fmax(variance, 1e-4));
    }
}

FAST_MATH float ramp(float v)
{
    const float positive = v > 0.0f ? v : 0.0f;
    return positive < 1.0f ? positive : 1.0f;
}

/* How far a colour may move: neither black nor blown out, it is free. */
FAST_MATH float freedom(float r, float g, float b)
{
    const float rg_most = r > g ? r : g, most = rg_most > b ? rg_most : b;
    const float rg_least = r < g ? r : g, least = rg_least < b ? rg_least : b;
    return ramp((most - DARK) * (1.0f / (LIGHT - DARK))) * ramp((WHITE - least) * (1.0f / (WHITE - PALE)));
}

FAST_CLONES static void transfer(float *red, float *green, float *blue, const float factor[3], const float shift[3],
                                 size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const float r = red[i], g = green[i], b = blue[i];
        const float change = freedom(r, g, b);
        const three lab = lab_of(r, g, b);
        const three to =
            levels_of(lab.a * factor[0] + shift[0], lab.b * factor[1] + shift[1], lab.c * factor[2] + shift[2]);
        red[i] = r + change * (to.a - r);
        green[i] = g + change * (to.b - g);
        blue[i] = b + change * (to.c - b);
    }
}

void colour_statistics_transfer(float *levels, const colour_statistics *own, const colour_statistics *other,
                                float share, size_t count)
{
    float factor[3], shift[3];
    for (int c = 0; c < 3; c++) {
        const float ratio = fminf(fmaxf(other->deviation[c] / own->deviation[c], 0.5f), 2.0f);
        factor[c] = 1.0f + share * (ratio - 1.0f);
        shift[c] = share * (other->mean[c] - ratio * own->mean[c]);
    }
    transfer(levels, levels + count, levels + 2 * count, factor, shift, count);
}
