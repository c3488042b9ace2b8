/* The steps in plain C: one value at a time. */
#include <string.h>

#include "engine/onednn/winograd/bf16.h"
#include "engine/onednn/winograd/bf16_steps.h"

enum { SIDE = 4, LANES = BF16_LANES };

static float widen(bf16 value)
{
    const uint32_t bits = (uint32_t)value << 16;
    float wide;
    memcpy(&wide, &bits, sizeof wide);
    return wide;
}

static float pixel(const bf16 *image, const tile_range *r, int y, int x, int lane)
{
    if (y < 0 || y >= r->h || x < 0 || x >= r->w) return 0;
    return widen(image[((size_t)y * (size_t)r->w + (size_t)x) * LANES + (size_t)lane]);
}

/* B of the paper, transposed, along one axis. */
static void spread(float to[SIDE], const float d[SIDE])
{
    to[0] = d[0] - d[2];
    to[1] = d[1] + d[2];
    to[2] = d[2] - d[1];
    to[3] = d[1] - d[3];
}

static void source_tile(bf16 *v, size_t points, const bf16 *image, const tile_range *r, int tile, int lane)
{
    const int top = tile / r->across * 2 - 1, left = tile % r->across * 2 - 1;
    float columns[SIDE][SIDE], row[SIDE], out[SIDE];
    for (int x = 0; x < SIDE; x++) {
        float column[SIDE];
        for (int y = 0; y < SIDE; y++) column[y] = pixel(image, r, top + y, left + x, lane);
        spread(columns[x], column);
    }
    for (int y = 0; y < SIDE; y++) {
        for (int x = 0; x < SIDE; x++) row[x] = columns[x][y];
        spread(out, row);
        for (int x = 0; x < SIDE; x++) v[(size_t)(SIDE * y + x) * points] = winograd_bf16_narrow(out[x]);
    }
}

static void source(bf16 *v, size_t points, const bf16 *image, const tile_range *r)
{
    for (int t = 0; t < r->count; t++) {
        for (int lane = 0; lane < LANES; lane++) {
            source_tile(v + (size_t)t * LANES + lane, points, image, r, r->first + t, lane);
        }
    }
}

static void multiply(float *m, const bf16 *v, size_t apart, const bf16 *u, int blocks, int vectors, int tiles)
{
    const size_t channels = (size_t)vectors * LANES;
    for (size_t t = 0; t < (size_t)tiles; t++) {
        for (size_t o = 0; o < channels; o++) {
            float sum = 0;
            for (size_t c = 0; c < (size_t)blocks * LANES; c++) {
                sum += widen(v[c / LANES * apart + t * LANES + c % LANES]) *
                       widen(u[(c / 2 * channels + o) * 2 + c % 2]);
            }
            m[t * channels + o] = sum;
        }
    }
}

/* A of the paper, transposed, along one axis. */
static void gather(float to[2], const float m[SIDE])
{
    to[0] = m[0] + m[1] + m[2];
    to[1] = m[1] - m[2] - m[3];
}

static void write_pixel(bf16 *to, float value, const tile_tail *tail, int lane)
{
    float v = value + tail->bias[lane];
    if (tail->sum) v += widen(*to);
    if (tail->relu && v < 0) v = 0;
    *to = winograd_bf16_narrow(v);
}

static void result_tile(bf16 *image, const float *m, size_t points, const tile_range *r, const tile_tail *tail,
                        int tile, int lane)
{
    const int top = tile / r->across * 2, left = tile % r->across * 2;
    float rows[SIDE][2], out[2];
    for (int y = 0; y < SIDE; y++) {
        float row[SIDE];
        for (int x = 0; x < SIDE; x++) row[x] = m[(size_t)(SIDE * y + x) * points];
        gather(rows[y], row);
    }
    for (int x = 0; x < 2 && left + x < r->w; x++) {
        gather(out, (const float[SIDE]){rows[0][x], rows[1][x], rows[2][x], rows[3][x]});
        for (int y = 0; y < 2 && top + y < r->h; y++) {
            const size_t at = (size_t)(top + y) * (size_t)r->w + (size_t)(left + x);
            write_pixel(image + at * LANES + lane, out[y], tail, lane);
        }
    }
}

static void result(bf16 *image, const float *m, size_t points, size_t tiles, const tile_range *r, const tile_tail *tail)
{
    for (int t = 0; t < r->count; t++) {
        for (int lane = 0; lane < LANES; lane++) {
            result_tile(image, m + (size_t)t * tiles + lane, points, r, tail, r->first + t, lane);
        }
    }
}

const winograd_bf16_steps *winograd_bf16_plain(void)
{
    static const winograd_bf16_steps STEPS = {source, multiply, result};
    return &STEPS;
}
