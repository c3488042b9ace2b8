/* Ops without parameters: ReLU, addition, max pooling, upsampling, concatenation. */
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "engine/reference/kernels.h"

/* NaN passes: it must reach the loss. */
void relu_forward(float *out, const float *in, size_t count, int threads)
{
#pragma omp parallel for simd schedule(static) num_threads(threads)
    for (size_t i = 0; i < count; i++) out[i] = in[i] <= 0 ? 0 : in[i];
}

void relu_backward(float *in_gradient, const float *out, const float *out_gradient, size_t count, int threads)
{
#pragma omp parallel for simd schedule(static) num_threads(threads)
    for (size_t i = 0; i < count; i++) in_gradient[i] += out[i] <= 0 ? 0 : out_gradient[i];
}

void add_forward(float *out, const float *a, const float *b, size_t count, int threads)
{
#pragma omp parallel for simd schedule(static) num_threads(threads)
    for (size_t i = 0; i < count; i++) out[i] = a[i] + b[i];
}

void add_backward(float *in_gradient, const float *out_gradient, size_t count, int threads)
{
#pragma omp parallel for simd schedule(static) num_threads(threads)
    for (size_t i = 0; i < count; i++) in_gradient[i] += out_gradient[i];
}

/* Where in the plane `in` the largest value of the window of out pixel (y, x) is. Padding is never looked at. */
static size_t largest(const float *in, const conv_size *s, int y, int x)
{
    size_t best = SIZE_MAX;
    for (int j = 0; j < s->kernel; j++) {
        const int in_y = y * s->stride + j - s->padding;
        if (in_y < 0 || in_y >= s->in.h) continue;
        for (int i = 0; i < s->kernel; i++) {
            const int in_x = x * s->stride + i - s->padding;
            if (in_x < 0 || in_x >= s->in.w) continue;
            const size_t at = (size_t)in_y * (size_t)s->in.w + (size_t)in_x;
            if (best == SIZE_MAX || in[at] > in[best] || (isnan(in[at]) && !isnan(in[best]))) best = at;
        }
    }
    return best;
}

void pool_forward(float *out, const float *in, const conv_size *s, int threads)
{
    const size_t planes = (size_t)s->in.n * (size_t)s->in.c;
    const size_t in_pixels = (size_t)s->in.h * (size_t)s->in.w, out_pixels = (size_t)s->out.h * (size_t)s->out.w;
#pragma omp parallel for schedule(static) num_threads(threads)
    for (size_t p = 0; p < planes; p++) {
        const float *const from = in + p * in_pixels;
        float *to = out + p * out_pixels;
        for (int y = 0; y < s->out.h; y++) {
            for (int x = 0; x < s->out.w; x++) *to++ = from[largest(from, s, y, x)];
        }
    }
}

void pool_backward(float *in_gradient, const float *in, const float *out_gradient, const conv_size *s, int threads)
{
    const size_t planes = (size_t)s->in.n * (size_t)s->in.c;
    const size_t in_pixels = (size_t)s->in.h * (size_t)s->in.w, out_pixels = (size_t)s->out.h * (size_t)s->out.w;
#pragma omp parallel for schedule(static) num_threads(threads)
    for (size_t p = 0; p < planes; p++) {
        const float *const values = in + p * in_pixels;
        const float *from = out_gradient + p * out_pixels;
        float *const to = in_gradient + p * in_pixels;
        for (int y = 0; y < s->out.h; y++) {
            for (int x = 0; x < s->out.w; x++) to[largest(values, s, y, x)] += *from++;
        }
    }
}

void upsample_forward(float *out, const float *in, shape in_shape, int threads)
{
    const size_t rows = (size_t)in_shape.n * (size_t)in_shape.c * (size_t)in_shape.h, w = (size_t)in_shape.w;
#pragma omp parallel for schedule(static) num_threads(threads)
    for (size_t r = 0; r < rows; r++) {
        float *const upper = out + r * 4 * w, *const lower = upper + 2 * w;
        for (size_t x = 0; x < 2 * w; x++) upper[x] = lower[x] = in[r * w + x / 2];
    }
}

void upsample_backward(float *in_gradient, const float *out_gradient, shape in_shape, int threads)
{
    const size_t rows = (size_t)in_shape.n * (size_t)in_shape.c * (size_t)in_shape.h, w = (size_t)in_shape.w;
#pragma omp parallel for schedule(static) num_threads(threads)
    for (size_t r = 0; r < rows; r++) {
        const float *const upper = out_gradient + r * 4 * w, *const lower = upper + 2 * w;
        for (size_t x = 0; x < w; x++) {
            const double above = (double)upper[2 * x] + (double)upper[2 * x + 1];
            const double below = (double)lower[2 * x] + (double)lower[2 * x + 1];
            in_gradient[r * w + x] = (float)((double)in_gradient[r * w + x] + above + below);
        }
    }
}

void concat_forward(float *out, const float *a, const float *b, shape a_shape, shape b_shape)
{
    const size_t pixels = (size_t)a_shape.h * (size_t)a_shape.w;
    const size_t a_count = (size_t)a_shape.c * pixels, b_count = (size_t)b_shape.c * pixels;
    for (int n = 0; n < a_shape.n; n++) {
        memcpy(out, a, a_count * sizeof *out);
        memcpy(out + a_count, b, b_count * sizeof *out);
        out += a_count + b_count;
        a += a_count;
        b += b_count;
    }
}

void concat_backward(float *in_gradient, const float *out_gradient, int first, int channels, shape out, int threads)
{
    const size_t pixels = (size_t)out.h * (size_t)out.w, count = (size_t)channels * pixels;
    for (size_t n = 0; n < (size_t)out.n; n++) {
        const size_t start = (n * (size_t)out.c + (size_t)first) * pixels;
        add_backward(in_gradient + n * count, out_gradient + start, count, threads);
    }
}
