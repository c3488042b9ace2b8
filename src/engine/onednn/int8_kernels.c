/* The passes between int8 convolutions, row by row. */
#include "engine/onednn/int8_kernels.h"

#include <string.h>

#include "base/clones.h"
#include "base/parts.h"
#include "net/quantise.h"

#pragma GCC diagnostic ignored "-Wpsabi"

enum { QUAD = 4, LINE = 16 };

/* Four channels: the least that a tensor's are a multiple of. */
typedef float quad __attribute__((vector_size(16)));
typedef unsigned char quad_bytes __attribute__((vector_size(4)));
typedef signed char quad_signed __attribute__((vector_size(4)));

/* To the nearest whole number, ties to even, for |v| < 2^22; without a call, so that loops are vectorised. */
static inline float nearest(float v)
{
    const float shift = 0x1.8p23F;
    return (v + shift) - shift;
}

static inline float cut(float v, float least, float most)
{
    const float low = v > least ? v : least;
    return low < most ? low : most;
}

/* ---- the picture ----------------------------------------------------------------------------------------- */

FAST_CLONES static void row_from_floats(unsigned char *out, const float *plane, size_t count, size_t stride,
                                        float inverse)
{
    for (size_t i = 0; i < count; i++) {
        const float v = cut(plane[i] * inverse, QUANTISE_SIGNED_LEAST, QUANTISE_SIGNED_MOST);
        out[i * stride] = (unsigned char)(signed char)(int)nearest(v);
    }
}

void bytes_from_floats(unsigned char *out, const byte_input *job, int threads)
{
    enum { PIECE = 4096 };
    const size_t pieces = (job->pixels + PIECE - 1) / PIECE, stride = (size_t)job->padded;
    memset(out, 0, (size_t)job->n * job->pixels * stride);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (size_t i = 0; i < (size_t)job->n * pieces; i++) {
        const size_t n = i / pieces, first = i % pieces * PIECE;
        const size_t count = job->pixels - first < PIECE ? job->pixels - first : PIECE;
        for (int c = 0; c < job->channels; c++) {
            const float *const plane = job->planar + (n * (size_t)job->channels + (size_t)c) * job->pixels + first;
            row_from_floats(out + (n * job->pixels + first) * stride + job->map[c], plane, count, stride,
                            1.0F / job->scale);
        }
    }
    (void)threads;
}

/* ---- copies ---------------------------------------------------------------------------------------------- */

static inline __attribute__((always_inline)) void rescale(unsigned char *out, const unsigned char *in, size_t count,
                                                          float ratio, bool in_signed, bool out_signed)
{
    const float least = out_signed ? QUANTISE_SIGNED_LEAST : 0;
    const float most = out_signed ? QUANTISE_SIGNED_MOST : QUANTISE_UNSIGNED_MOST;
    for (size_t i = 0; i < count; i++) {
        const float q = in_signed ? (float)(signed char)in[i] : (float)in[i];
        out[i] = (unsigned char)(int)nearest(cut(q * ratio, least, most));
    }
}

void bytes_rescale_plain(unsigned char *out, const unsigned char *in, size_t count, float ratio, bool in_signed,
                         bool out_signed)
{
    rescale(out, in, count, ratio, in_signed, out_signed);
}

/* The kinds that there are, each with its own loop. */
FAST_CLONES static void rescale_run(unsigned char *out, const unsigned char *in, size_t count, float ratio,
                                    bool in_signed, bool out_signed)
{
    if (in_signed && out_signed) {
        rescale(out, in, count, ratio, true, true);
    } else if (in_signed) {
        rescale(out, in, count, ratio, true, false);
    } else if (out_signed) {
        rescale(out, in, count, ratio, false, true);
    } else {
        rescale(out, in, count, ratio, false, false);
    }
}

static inline __attribute__((always_inline)) void copy_lines(unsigned char *out, const unsigned char *in, size_t count)
{
    size_t i = 0;
    for (; i + LINE <= count; i += LINE) memcpy(out + i, in + i, LINE);
    for (; i + QUAD <= count; i += QUAD) memcpy(out + i, in + i, QUAD);
}

/* Few channels: what becomes of each byte is looked up. */
static void look_up(unsigned char *out, const unsigned char *in, size_t count, const unsigned char *table)
{
    for (size_t i = 0; i < count; i++) out[i] = table[in[i]];
}

static void make_table(unsigned char table[256], const byte_copy *job)
{
    unsigned char all[256];
    for (int i = 0; i < 256; i++) all[i] = (unsigned char)i;
    rescale_run(table, all, 256, job->ratio, job->in.is_signed, job->out.is_signed);
}

static void rescale_pixel(unsigned char *out, const unsigned char *in, const byte_copy *job, const unsigned char *table)
{
    if (job->channels < LINE) {
        look_up(out, in, job->channels, table);
    } else {
        rescale_run(out, in, job->channels, job->ratio, job->in.is_signed, job->out.is_signed);
    }
}

void bytes_rescale(const byte_copy *job, int threads)
{
    unsigned char table[256];
    make_table(table, job);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (size_t y = 0; y < job->rows; y++) {
        for (size_t x = 0; x < job->row; x++) {
            const size_t pixel = y * job->row + x;
            rescale_pixel(job->out.data + pixel * job->out.stride, job->in.data + pixel * job->in.stride, job, table);
        }
    }
    (void)threads;
}

void bytes_upsample(const byte_copy *job, size_t h, size_t w, int threads)
{
    unsigned char table[256];
    make_table(table, job);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (size_t y = 0; y < h; y++) {
        for (size_t x = 0; x < w; x++) {
            const unsigned char *const in = job->in.data + (y * w + x) * job->in.stride;
            unsigned char *const first = job->out.data + (4 * y * w + 2 * x) * job->out.stride;
            rescale_pixel(first, in, job, table);
            copy_lines(first + job->out.stride, first, job->channels);
            copy_lines(first + 2 * w * job->out.stride, first, job->channels);
            copy_lines(first + (2 * w + 1) * job->out.stride, first, job->channels);
        }
    }
    (void)threads;
}

void bytes_deal(byte_field out, const unsigned char *groups, size_t h, size_t w, size_t channels, int threads)
{
#pragma omp parallel for num_threads(threads) schedule(static)
    for (size_t y = 0; y < 2 * h; y++) {
        for (size_t x = 0; x < 2 * w; x++) {
            const size_t small = y / 2 * w + x / 2, group = y % 2 * 2 + x % 2;
            copy_lines(out.data + (y * 2 * w + x) * out.stride, groups + (4 * small + group) * channels, channels);
        }
    }
    (void)threads;
}

/* ---- max pool -------------------------------------------------------------------------------------------- */

FAST_CLONES static void larger(unsigned char *out, const unsigned char *in, size_t count)
{
    for (size_t i = 0; i < count; i++) out[i] = out[i] > in[i] ? out[i] : in[i];
}

void bytes_max_pool(unsigned char *out, const unsigned char *in, const byte_pool *s, int threads)
{
    const size_t channels = (size_t)s->channels;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int row = 0; row < s->n * s->oh; row++) {
        const int n = row / s->oh, top = row % s->oh * s->stride - s->padding;
        unsigned char *const to = out + (size_t)row * (size_t)s->ow * channels;
        memset(to, 0, (size_t)s->ow * channels);
        for (int x = 0; x < s->ow; x++) {
            const int left = x * s->stride - s->padding;
            for (int y = at_least(top, 0); y < at_most(top + s->kernel, s->ih); y++) {
                for (int k = at_least(left, 0); k < at_most(left + s->kernel, s->iw); k++) {
                    const size_t pixel = ((size_t)n * (size_t)s->ih + (size_t)y) * (size_t)s->iw + (size_t)k;
                    larger(to + (size_t)x * channels, in + pixel * channels, channels);
                }
            }
        }
    }
    (void)threads;
}

/* ---- head ------------------------------------------------------------------------------------------------ */

/* Sum of the products of one pixel's channels. */
static inline __attribute__((always_inline)) quad dot(quad sum, const unsigned char *in, const float *weights,
                                                      int channels, bool is_signed)
{
    for (int c = 0; c < channels; c += QUAD) {
        quad w;
        quad_bytes q;
        memcpy(&w, weights + c, sizeof w);
        memcpy(&q, in + c, sizeof q);
        sum += w * (is_signed ? __builtin_convertvector((quad_signed)q, quad) : __builtin_convertvector(q, quad));
    }
    return sum;
}

static inline __attribute__((always_inline)) float head_pixel(const byte_head *job, const float *weights, int n, int y,
                                                              int x, bool is_signed)
{
    quad sum = {0, 0, 0, 0};
    for (int ky = at_least(job->padding - y, 0); ky < at_most(job->kernel, job->h + job->padding - y); ky++) {
        for (int kx = at_least(job->padding - x, 0); kx < at_most(job->kernel, job->w + job->padding - x); kx++) {
            const size_t row = (size_t)n * (size_t)job->h + (size_t)(y + ky - job->padding);
            const size_t pixel = row * (size_t)job->w + (size_t)(x + kx - job->padding);
            sum = dot(sum, job->in + pixel * (size_t)job->channels,
                      weights + (size_t)(ky * job->kernel + kx) * (size_t)job->channels, job->channels, is_signed);
        }
    }
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

FAST_CLONES static void head_row(float *out, const byte_head *job, int n, int oc, int y)
{
    const float *const weights = job->weights + (size_t)oc * (size_t)(job->kernel * job->kernel * job->channels);
    const float bias = job->bias[oc];
    if (job->is_signed) {
        for (int x = 0; x < job->w; x++) out[x] = head_pixel(job, weights, n, y, x, true) + bias;
    } else {
        for (int x = 0; x < job->w; x++) out[x] = head_pixel(job, weights, n, y, x, false) + bias;
    }
}

void bytes_head(float *out, const byte_head *job, int threads)
{
    const int planes = job->n * job->oc;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int row = 0; row < planes * job->h; row++) {
        const int plane = row / job->h;
        head_row(out + (size_t)row * (size_t)job->w, job, plane / job->oc, plane % job->oc, row % job->h);
    }
    (void)threads;
}
