/* Pictures and masks sampled at given places. */
#include <math.h>
#include <string.h>

#include "base/clones.h"
#include "base/memory.h"
#include "media/augment_impl.h"

/* ---- packing -------------------------------------------------------------------------------------------- */

void packed_free(packed_picture *p)
{
    memory_free(p->pixels);
    memory_free(p->sums);
    *p = (packed_picture){0};
}

/* Contents are not kept. */
static status have_room(uint32_t **block, size_t *room, size_t wanted)
{
    if (*room >= wanted) return POLYP_OK;
    memory_free(*block);
    *block = NULL;
    *room = 0;
    TRY(memory_new(block, wanted));
    *room = wanted;
    return POLYP_OK;
}

FAST_CLONES static void pack_row(uint32_t *out, const unsigned char *rgb, int width)
{
    for (int x = 0; x < width; x++)
        out[x] = rgb[3 * x] | (uint32_t)rgb[3 * x + 1] << 8 | (uint32_t)rgb[3 * x + 2] << 16;
}

FAST_CLONES static void add_row(uint32_t *sums, const unsigned char *row, size_t count)
{
    for (size_t i = 0; i < count; i++) sums[i] += row[i];
}

/* From sums over `rows` rows: the mean pixel of a block. */
static uint32_t block_mean(const uint32_t *sums, int columns, int rows)
{
    uint32_t total[3] = {0};
    const uint32_t count = (uint32_t)(columns * rows);
    for (int i = 0; i < 3 * columns; i += 3) {
        for (int c = 0; c < 3; c++) total[c] += sums[i + c];
    }
    for (int c = 0; c < 3; c++) total[c] = (total[c] + count / 2) / count;
    return total[0] | total[1] << 8 | total[2] << 16;
}

static void pack_blocks(uint32_t *out, uint32_t *sums, const polyp_image *picture, int block, int first)
{
    const size_t stride = (size_t)picture->width * 3;
    const int rows = first + block < picture->height ? block : picture->height - first;
    memset(sums, 0, stride * sizeof *sums);
    for (int y = first; y < first + rows; y++) add_row(sums, picture->pixels + (size_t)y * stride, stride);
    for (int x = 0; x < picture->width; x += block) {
        const int columns = x + block < picture->width ? block : picture->width - x;
        *out++ = block_mean(sums + 3 * x, columns, rows);
    }
}

status packed_fill(packed_picture *out, const polyp_image *picture, int block)
{
    const int width = (picture->width + block - 1) / block, height = (picture->height + block - 1) / block;
    const size_t stride = (size_t)width + 1;
    TRY(have_room(&out->pixels, &out->room, stride * ((size_t)height + 1)));
    TRY(have_room(&out->sums, &out->sums_room, (size_t)picture->width * 3));
    out->width = width;
    out->height = height;
    for (int y = 0; y < height; y++) {
        uint32_t *const row = out->pixels + (size_t)y * stride;
        if (block == 1) pack_row(row, picture->pixels + (size_t)y * (size_t)width * 3, width);
        else pack_blocks(row, out->sums, picture, block, y * block);
        row[width] = row[width - 1];
    }
    memcpy(out->pixels + (size_t)height * stride, out->pixels + (size_t)(height - 1) * stride,
           stride * sizeof(uint32_t));
    return POLYP_OK;
}

/* ---- the picture ---------------------------------------------------------------------------------------- */

/* To 0 .. pixels - 1, mirrored at both ends as often as it takes. */
FAST_CLONES static void fold(float *at, int pixels, int count)
{
    const float last = (float)(pixels - 1), period = last > 0 ? 2 * last : 1;
    for (int i = 0; i < count; i++) {
        const float there = fabsf(at[i]), within = there - period * floorf(there / period);
        const float folded = within > last ? period - within : within;
        at[i] = folded > 0 ? (folded < last ? folded : last) : 0;
    }
}

/* `share` inside the picture, 0 outside. */
FAST_CLONES static void shares_inside(float *out, float share, const float *x, const float *y, int width, int height,
                                      int count)
{
    const float right = (float)width - 0.5f, bottom = (float)height - 0.5f;
    for (int i = 0; i < count; i++) {
        const bool inside = (x[i] > -0.5f) & (x[i] < right) & (y[i] > -0.5f) & (y[i] < bottom);
        out[i] = inside ? share : 0.0f;
    }
}

static inline __attribute__((always_inline)) float level_of(uint32_t pixel, int shift)
{
    return (float)(int32_t)(pixel >> shift & 255);
}

/* Adds share times the bilinear sample at (x, y), places within the picture. */
FAST_CLONES static void add_samples(float *restrict red, float *restrict green, float *restrict blue,
                                    const float *restrict share, const float *restrict x, const float *restrict y,
                                    const uint32_t *restrict pixels, int stride, int count)
{
    for (int i = 0; i < count; i++) {
        const int column = (int)x[i], row = (int)y[i], at = row * stride + column;
        const float right = x[i] - (float)column, below = y[i] - (float)row;
        const uint32_t a = pixels[at], b = pixels[at + 1], c = pixels[at + stride], d = pixels[at + stride + 1];
        const float wd = share[i] * right * below, wc = share[i] * below - wd;
        const float wb = share[i] * right - wd, wa = share[i] - share[i] * right - wc;
        red[i] += wa * level_of(a, 0) + wb * level_of(b, 0) + wc * level_of(c, 0) + wd * level_of(d, 0);
        green[i] += wa * level_of(a, 8) + wb * level_of(b, 8) + wc * level_of(c, 8) + wd * level_of(d, 8);
        blue[i] += wa * level_of(a, 16) + wb * level_of(b, 16) + wc * level_of(c, 16) + wd * level_of(d, 16);
    }
}

static void places_of_row(const place_rows *rows, const homography *h, const elastic *bent, double first, double row,
                          int size)
{
    if (bent->on) elastic_row(rows->dx, rows->dy, bent, row);
    augment_row_places(rows->x, rows->y, h, first, row, bent->on ? rows->dx : NULL, rows->dy, size);
}

void resample_picture(float *levels, const packed_picture *picture, const homography *h, const elastic *bent, int taps,
                      bool black, int size, const place_rows *rows)
{
    const size_t width = (size_t)size, plane = width * width;
    const float share = 1.0f / (float)(taps * taps);
    memset(levels, 0, 3 * plane * sizeof *levels);
    for (int i = 0; i < size; i++) rows->share[i] = share;
    for (int tap = 0; tap < size * taps * taps; tap++) {
        const int row = tap / (taps * taps), down = tap / taps % taps, across = tap % taps;
        float *const out = levels + (size_t)row * width;
        places_of_row(rows, h, bent, (across + 0.5) / taps - 0.5, row + (down + 0.5) / taps - 0.5, size);
        if (black) shares_inside(rows->share, share, rows->x, rows->y, picture->width, picture->height, size);
        fold(rows->x, picture->width, size);
        fold(rows->y, picture->height, size);
        add_samples(out, out + plane, out + 2 * plane, rows->share, rows->x, rows->y, picture->pixels,
                    picture->width + 1, size);
    }
}

/* ---- the mask ------------------------------------------------------------------------------------------- */

void resample_mask(unsigned char *out, const polyp_image *mask, const homography *h, const elastic *bent, bool black,
                   int size, const place_rows *rows)
{
    for (int row = 0; row < size; row++, out += size) {
        places_of_row(rows, h, bent, 0, row, size);
        for (int i = 0; i < size; i++) rows->share[i] = 1;
        if (black) shares_inside(rows->share, 1, rows->x, rows->y, mask->width, mask->height, size);
        fold(rows->x, mask->width, size);
        fold(rows->y, mask->height, size);
        for (int i = 0; i < size; i++) {
            const size_t at = (size_t)rintf(rows->y[i]) * (size_t)mask->width + (size_t)rintf(rows->x[i]);
            out[i] = rows->share[i] > 0 ? mask->pixels[at] : MASK_BACKGROUND;
        }
    }
}
