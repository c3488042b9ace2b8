/* Resizing: PIL's bilinear filter, the exact mean of an area, the nearest pixel. */
#include "media/resize.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/clones.h"
#include "base/memory.h"
#include "media/image.h"

/* ---- bilinear: weights ------------------------------------------------------------------- */

/* PIL's fixed point: 8 bits of sample, 2 of headroom, the rest of an int32 for the fraction. */
enum { FRACTION_BITS = 32 - 8 - 2, HALF = 1 << (FRACTION_BITS - 1) };

static void mixture_free(resize_mixture *m)
{
    memory_free(m->first);
    memory_free(m->count);
    memory_free(m->weights);
    memory_free(m->scratch);
}

/* One output position: a triangle around its centre, as wide as `reach` to either side. */
static void mix_one(resize_mixture *m, int i, int from, double scale, double reach)
{
    const double centre = (i + 0.5) * scale;
    const int first = (int)fmax(centre - reach + 0.5, 0.0);
    const int end = (int)fmin(centre + reach + 0.5, from);
    const int count = end - first;
    double sum = 0.0;
    for (int k = 0; k < count; k++) {
        m->scratch[k] = fmax(0.0, 1.0 - fabs((first + k - centre + 0.5) * (1.0 / reach)));
        sum += m->scratch[k];
    }
    int32_t *const weights = m->weights + (size_t)i * (size_t)m->most;
    for (int k = 0; k < count; k++) weights[k] = (int32_t)(0.5 + m->scratch[k] / sum * (1 << FRACTION_BITS));
    m->first[i] = first;
    m->count[i] = count;
}

/* All positions mix equally many pixels, some by 0, so that loops over them have one length; none reaches past the end. */
static void level_out(resize_mixture *m)
{
    m->taps = 0;
    for (int i = 0; i < m->size; i++) m->taps = m->count[i] > m->taps ? m->count[i] : m->taps;
    for (int i = 0; i < m->size; i++) {
        int32_t *const weights = m->weights + (size_t)i * (size_t)m->most;
        const int beyond = m->first[i] + m->taps - m->from, shift = beyond > 0 ? beyond : 0;
        m->first[i] -= shift;
        m->count[i] += shift;
        for (int k = m->taps - 1; k >= 0; k--)
            weights[k] = k >= m->count[i] || k < shift ? 0 : weights[k - shift];
    }
}

/* Of the last sizes they are there already. */
static status mixture_prepare(resize_mixture *m, int from, int to)
{
    if (m->from == from && m->size == to) return POLYP_OK;
    const double scale = (double)from / to;
    const double reach = fmax(scale, 1.0); /* wider than the input's pixels when shrinking: that is the antialias */
    m->from = 0;
    m->size = to;
    m->most = (int)ceil(reach) * 2 + 1;
    size_t all;
    if (!size_multiply((size_t)to, (size_t)m->most, &all))
        return fail(POLYP_ERR_MEMORY, "no memory to resize a picture");
    TRY(memory_reuse(&m->first, (size_t)to));
    TRY(memory_reuse(&m->count, (size_t)to));
    TRY(memory_reuse(&m->weights, all));
    TRY(memory_reuse(&m->scratch, (size_t)m->most));
    for (int i = 0; i < to; i++) mix_one(m, i, from, scale, reach);
    m->from = from;
    level_out(m);
    return POLYP_OK;
}

static inline unsigned char to_level(int32_t sum)
{
    const int32_t level = sum >> FRACTION_BITS;
    return (unsigned char)(level > 255 ? 255 : level); /* never negative: no weight is */
}

/* ---- bilinear: the two passes ------------------------------------------------------------ */

/* `channels` is a constant at each call, so that the innermost loops disappear. */
static inline __attribute__((always_inline)) void mix_along_row(unsigned char *out, const unsigned char *in,
                                                                const resize_mixture *m, int channels)
{
    for (int x = 0; x < m->size; x++, out += channels) {
        const unsigned char *p = in + (size_t)m->first[x] * (size_t)channels;
        const int32_t *const weights = m->weights + (size_t)x * (size_t)m->most;
        int32_t sum[4] = {HALF, HALF, HALF, HALF};
        for (int k = 0; k < m->taps; k++, p += channels)
            for (int c = 0; c < channels; c++) sum[c] += p[c] * weights[k];
        for (int c = 0; c < channels; c++) out[c] = to_level(sum[c]);
    }
}

typedef int32_t four_sums __attribute__((vector_size(16)));
typedef unsigned char four_bytes __attribute__((vector_size(4)));

/* The same for three channels, four at a time: the fourth is the next pixel's first. It reads one byte past the last pixel that
 * it needs, and writes one past the row: not for the picture's last. */
static inline __attribute__((always_inline)) void mix_along_colours(unsigned char *out, const unsigned char *in,
                                                                    const resize_mixture *m)
{
    for (int x = 0; x < m->size; x++, out += 3) {
        const unsigned char *p = in + (size_t)m->first[x] * 3;
        const int32_t *const weights = m->weights + (size_t)x * (size_t)m->most;
        four_sums sum = {HALF, HALF, HALF, HALF};
        for (int k = 0; k < m->taps; k++, p += 3) {
            four_bytes pixel;
            memcpy(&pixel, p, sizeof pixel);
            sum += __builtin_convertvector(pixel, four_sums) * weights[k];
        }
        const four_sums level = sum >> FRACTION_BITS, over = level > 255; /* never negative: no weight is */
        const four_bytes mixed = __builtin_convertvector((level & ~over) | (over & 255), four_bytes);
        memcpy(out, &mixed, sizeof mixed);
    }
}

FAST_CLONES static void mix_rows(polyp_image *out, const polyp_image *in, const resize_mixture *m)
{
    const size_t in_stride = (size_t)in->width * (size_t)in->channels;
    const size_t out_stride = (size_t)out->width * (size_t)in->channels;
    for (int y = 0; y < in->height; y++) {
        unsigned char *const to = out->pixels + (size_t)y * out_stride;
        const unsigned char *const from = in->pixels + (size_t)y * in_stride;
        switch (in->channels) {
        case 1: mix_along_row(to, from, m, 1); break;
        case 3:
            if (y + 1 < in->height) mix_along_colours(to, from, m);
            else mix_along_row(to, from, m, 3);
            break;
        default: mix_along_row(to, from, m, 4); break;
        }
    }
}

/* Bytes of a row that are mixed together, so that their sums stay in registers. */
enum { STRIP = 64 };

static inline __attribute__((always_inline)) void mix_strip(unsigned char *out, const unsigned char *in, size_t stride,
                                                            const int32_t *weights, int count, size_t width)
{
    int32_t sum[STRIP];
    for (size_t i = 0; i < width; i++) sum[i] = HALF;
    for (int k = 0; k < count; k++, in += stride)
        for (size_t i = 0; i < width; i++) sum[i] += in[i] * weights[k];
    for (size_t i = 0; i < width; i++) out[i] = to_level(sum[i]);
}

FAST_CLONES static void mix_columns(polyp_image *out, const polyp_image *in, const resize_mixture *m)
{
    const size_t stride = (size_t)in->width * (size_t)in->channels;
    for (int y = 0; y < m->size; y++) {
        unsigned char *const to = out->pixels + (size_t)y * stride;
        const unsigned char *const from = in->pixels + (size_t)m->first[y] * stride;
        const int32_t *const weights = m->weights + (size_t)y * (size_t)m->most;
        size_t i = 0;
        for (; i + STRIP <= stride; i += STRIP) mix_strip(to + i, from + i, stride, weights, m->count[y], STRIP);
        mix_strip(to + i, from + i, stride, weights, m->count[y], stride - i);
    }
}

static status copy(polyp_image *out, const polyp_image *in)
{
    TRY(image_reuse(out, in->width, in->height, in->channels));
    memcpy(out->pixels, in->pixels, (size_t)in->width * (size_t)in->height * (size_t)in->channels);
    return POLYP_OK;
}

static status resize_rows(polyp_image *out, const polyp_image *in, int width, resize_kept *kept)
{
    TRY(mixture_prepare(&kept->rows, in->width, width));
    TRY(image_reuse(out, width, in->height, in->channels));
    mix_rows(out, in, &kept->rows);
    return POLYP_OK;
}

static status resize_columns(polyp_image *out, const polyp_image *in, int height, resize_kept *kept)
{
    TRY(mixture_prepare(&kept->columns, in->height, height));
    TRY(image_reuse(out, in->width, height, in->channels));
    mix_columns(out, in, &kept->columns);
    return POLYP_OK;
}

static status resize_both(polyp_image *out, const polyp_image *in, int width, int height, resize_kept *kept)
{
    if (width == in->width && height == in->height) return copy(out, in);
    if (height == in->height) return resize_rows(out, in, width, kept);
    if (width == in->width) return resize_columns(out, in, height, kept);
    /* mix_columns() is several times faster a pixel, so it takes the larger picture */
    if (height < in->height) {
        TRY(resize_columns(&kept->between, in, height, kept));
        return resize_rows(out, &kept->between, width, kept);
    }
    TRY(resize_rows(&kept->between, in, width, kept));
    return resize_columns(out, &kept->between, height, kept);
}

status resize_bilinear_into(polyp_image *out, const polyp_image *in, int width, int height, resize_kept *kept)
{
    const bool fits = width > 0 && height > 0;
    const status result = fits ? resize_both(out, in, width, height, kept)
                               : fail(POLYP_ERR_SIZE, "cannot resize a picture to %d x %d", width, height);
    if (result != POLYP_OK) polyp_image_free(out);
    return result;
}

void resize_kept_free(resize_kept *kept)
{
    mixture_free(&kept->rows);
    mixture_free(&kept->columns);
    polyp_image_free(&kept->between);
    *kept = (resize_kept){0};
}

status resize_bilinear(polyp_image *out, const polyp_image *in, int width, int height)
{
    resize_kept kept = {0};
    polyp_image image = {0};
    const status result = resize_bilinear_into(&image, in, width, height, &kept);
    resize_kept_free(&kept);
    if (result == POLYP_OK) *out = image;
    return result;
}

/* ---- area -------------------------------------------------------------------------------- */

/*
 * Exact in whole numbers: an input pixel is `to` units long and an output pixel `from` units, so that both pictures are
 * from * to units long, and input pixel i shares overlap(i, x) units with output pixel x.
 */
static uint64_t overlap(uint64_t i, uint64_t x, uint64_t from, uint64_t to)
{
    const uint64_t start = i * to > x * from ? i * to : x * from;
    const uint64_t end = (i + 1) * to < (x + 1) * from ? (i + 1) * to : (x + 1) * from;
    return end - start;
}

/* sums[x * channels + c]: one input row summed over each output pixel's width */
static void sum_row(uint64_t *sums, const polyp_image *in, uint64_t y, uint64_t width)
{
    const uint64_t from = (uint64_t)in->width, channels = (uint64_t)in->channels;
    const unsigned char *const row = in->pixels + y * from * channels;
    for (uint64_t x = 0; x < width; x++)
        for (uint64_t c = 0; c < channels; c++) {
            uint64_t sum = 0;
            for (uint64_t i = x * from / width; i * width < (x + 1) * from; i++)
                sum += overlap(i, x, from, width) * row[i * channels + c];
            sums[x * channels + c] = sum;
        }
}

typedef struct area_rows {
    uint64_t *row;   /* sums of input row `held` */
    uint64_t *total; /* of one output row */
    uint64_t held;
} area_rows;

static void area_row(unsigned char *out, const polyp_image *in, uint64_t y, uint64_t width, uint64_t height,
                     area_rows *r)
{
    const uint64_t from = (uint64_t)in->height, samples = width * (uint64_t)in->channels;
    const uint64_t whole = (uint64_t)in->width * from; /* units of one output pixel */
    memset(r->total, 0, samples * sizeof *r->total);
    for (uint64_t i = y * from / height; i * height < (y + 1) * from; i++) {
        if (r->held != i) sum_row(r->row, in, i, width);
        r->held = i;
        const uint64_t share = overlap(i, y, from, height);
        for (uint64_t s = 0; s < samples; s++) r->total[s] += share * r->row[s];
    }
    for (uint64_t s = 0; s < samples; s++) out[s] = (unsigned char)((2 * r->total[s] + whole) / (2 * whole));
}

status resize_area(polyp_image *out, const polyp_image *in, int width, int height)
{
    polyp_image image = {0};
    area_rows rows = {.held = UINT64_MAX};
    status result;
    TRY_DONE(image_create(&image, width, height, in->channels));
    const size_t samples = (size_t)width * (size_t)in->channels;
    TRY_DONE(memory_new(&rows.row, samples));
    TRY_DONE(memory_new(&rows.total, samples));
    for (size_t y = 0; y < (size_t)height; y++)
        area_row(image.pixels + y * samples, in, y, (uint64_t)width, (uint64_t)height, &rows);
    *out = image;
done:
    if (result != POLYP_OK) polyp_image_free(&image);
    memory_free(rows.row);
    memory_free(rows.total);
    return result;
}

/* ---- nearest ----------------------------------------------------------------------------- */

static size_t nearest(int position, int from, int to)
{
    return (2 * (size_t)position + 1) * (size_t)from / (2 * (size_t)to);
}

status resize_nearest(polyp_image *out, const polyp_image *in, int width, int height)
{
    polyp_image image;
    TRY(image_create(&image, width, height, in->channels));
    const size_t channels = (size_t)in->channels;
    unsigned char *to = image.pixels;
    for (int y = 0; y < height; y++) {
        const unsigned char *const row = in->pixels + nearest(y, in->height, height) * (size_t)in->width * channels;
        for (int x = 0; x < width; x++) {
            const unsigned char *const from = row + nearest(x, in->width, width) * channels;
            for (size_t c = 0; c < channels; c++) *to++ = from[c];
        }
    }
    *out = image;
    return POLYP_OK;
}
