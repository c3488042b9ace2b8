/* Convolution and, as a convolution run backward, transposed convolution. */
#include <stddef.h>

#include "base/clones.h"
#include "base/parts.h"
#include "engine/reference/kernels.h"

/* Pixels of a row whose sums are kept in double at a time. */
enum { TILE = 512 };

/* a / b rounded up; b > 0 */
static int divide_up(int a, int b)
{
    return a > 0 ? (a + b - 1) / b : -(-a / b);
}

/* A 1x1 convolution sees no rows: its planes may be taken as one long row, which is quicker. */
static conv_size flattened(const conv_size *s)
{
    conv_size flat = *s;
    if (s->kernel == 1 && s->stride == 1 && s->padding == 0) {
        flat.in.w = flat.out.w = s->in.h * s->in.w;
        flat.in.h = flat.out.h = 1;
    }
    return flat;
}

static const float *plane(const float *data, shape s, size_t n, size_t c)
{
    return data + (n * (size_t)s.c + c) * (size_t)s.h * (size_t)s.w;
}

static void fill_with_bias(float *out, const float *bias, shape s, int threads)
{
    const size_t planes = (size_t)s.n * (size_t)s.c, pixels = (size_t)s.h * (size_t)s.w;
#pragma omp parallel for schedule(static) num_threads(threads)
    for (size_t i = 0; i < planes; i++) {
        const float value = bias != NULL ? bias[i % (size_t)s.c] : 0;
        for (size_t k = 0; k < pixels; k++) out[i * pixels + k] = value;
    }
}

/* ---- forward: out(y, x) += sum over kernel places of w(j, i) in(y stride + j - padding, x stride + i - padding) ---- */

/* sums of out pixels [start, end) += w * their pixels of `row`, an input row, for kernel column i */
static inline void add_from_row(double *sum, const float *row, float weight, int start, int end, int i,
                                const conv_size *s)
{
    const int shift = i - s->padding;
    const int first = at_least(start, divide_up(-shift, s->stride));
    const int last = at_most(end, divide_up(s->in.w - shift, s->stride));
    const double w = (double)weight;
    if (s->stride == 1) {
        for (int x = first; x < last; x++) sum[x - start] += w * (double)row[x + shift];
    } else {
        for (int x = first; x < last; x++) sum[x - start] += w * (double)row[x * s->stride + shift];
    }
}

/* Pixels [start, end) of out row y. `in` is one picture, `weight` one out channel's. */
FAST_CLONES
static void forward_row(float *out, const float *in, const float *weight, const conv_size *s, int y, int start, int end)
{
    double sum[TILE] = {0};
    for (int c = 0; c < s->in.c; c++) {
        for (int j = 0; j < s->kernel; j++) {
            const int in_y = y * s->stride + j - s->padding;
            if (in_y < 0 || in_y >= s->in.h) continue;
            const float *const row = in + ((size_t)c * (size_t)s->in.h + (size_t)in_y) * (size_t)s->in.w;
            const float *const w = weight + (c * s->kernel + j) * s->kernel;
            for (int i = 0; i < s->kernel; i++) add_from_row(sum, row, w[i], start, end, i, s);
        }
    }
    for (int x = start; x < end; x++) out[x] = (float)((double)out[x] + sum[x - start]);
}

static void add_forward_sums(float *out, const float *in, const float *weight, const conv_size *size, int threads)
{
    const conv_size s = flattened(size);
    const size_t channels = (size_t)s.out.c, height = (size_t)s.out.h;
    const size_t filter = (size_t)s.in.c * (size_t)s.kernel * (size_t)s.kernel;
    const size_t rows = (size_t)s.out.n * channels * height;
#pragma omp parallel for schedule(static) num_threads(threads)
    for (size_t r = 0; r < rows; r++) {
        const size_t n = r / height / channels, c = r / height % channels;
        for (int start = 0; start < s.out.w; start += TILE) {
            forward_row(out + r * (size_t)s.out.w, plane(in, s.in, n, 0), weight + c * filter, &s, (int)(r % height),
                        start, at_most(start + TILE, s.out.w));
        }
    }
}

/* ---- backward data: in(y, x) += sum of w(j, i) out(v, u), v stride + j - padding = y, u stride + i - padding = x ---- */

static inline void add_to_row(double *sum, const float *row, float weight, int start, int end, int i,
                              const conv_size *s)
{
    const int shift = i - s->padding;
    const int first = at_least(0, divide_up(start - shift, s->stride));
    const int last = at_most(s->out.w, divide_up(end - shift, s->stride));
    const double w = (double)weight;
    if (s->stride == 1) {
        for (int x = first; x < last; x++) sum[x + shift - start] += w * (double)row[x];
    } else {
        for (int x = first; x < last; x++) sum[x * s->stride + shift - start] += w * (double)row[x];
    }
}

/* Pixels [start, end) of row y of in channel c's gradient. `out` is one picture's gradient. */
FAST_CLONES
static void backward_row(float *in, const float *out, const float *weight, const conv_size *s, int c, int y, int start,
                         int end)
{
    double sum[TILE] = {0};
    for (int k = 0; k < s->out.c; k++) {
        for (int j = 0; j < s->kernel; j++) {
            const int below = y + s->padding - j;
            if (below < 0 || below % s->stride != 0 || below / s->stride >= s->out.h) continue;
            const size_t out_y = (size_t)(below / s->stride);
            const float *const row = out + ((size_t)k * (size_t)s->out.h + out_y) * (size_t)s->out.w;
            const float *const w =
                weight +
                (((size_t)k * (size_t)s->in.c + (size_t)c) * (size_t)s->kernel + (size_t)j) * (size_t)s->kernel;
            for (int i = 0; i < s->kernel; i++) add_to_row(sum, row, w[i], start, end, i, s);
        }
    }
    for (int x = start; x < end; x++) in[x] = (float)((double)in[x] + sum[x - start]);
}

void conv_backward_data(float *in_gradient, const float *out_gradient, const float *weight, const conv_size *size,
                        int threads)
{
    const conv_size s = flattened(size);
    const size_t channels = (size_t)s.in.c, height = (size_t)s.in.h;
    const size_t rows = (size_t)s.in.n * channels * height;
#pragma omp parallel for schedule(static) num_threads(threads)
    for (size_t r = 0; r < rows; r++) {
        const size_t n = r / height / channels, c = r / height % channels;
        for (int start = 0; start < s.in.w; start += TILE) {
            backward_row(in_gradient + r * (size_t)s.in.w, plane(out_gradient, s.out, n, 0), weight, &s, (int)c,
                         (int)(r % height), start, at_most(start + TILE, s.in.w));
        }
    }
}

/* ---- backward weight: w(j, i) += sum over pictures and out pixels of out(y, x) in(y stride + j - padding, ...) --- */

static inline double row_product(const float *out, const float *in, int i, const conv_size *s)
{
    const int shift = i - s->padding;
    const int first = at_least(0, divide_up(-shift, s->stride));
    const int last = at_most(s->out.w, divide_up(s->in.w - shift, s->stride));
    double sum = 0;
    if (s->stride == 1) {
#pragma omp simd reduction(+ : sum)
        for (int x = first; x < last; x++) sum += (double)out[x] * (double)in[x + shift];
    } else {
#pragma omp simd reduction(+ : sum)
        for (int x = first; x < last; x++) sum += (double)out[x] * (double)in[x * s->stride + shift];
    }
    return sum;
}

/* One picture's share of one kernel place's gradient. `out` and `in` are planes. */
static inline double plane_product(const float *out, const float *in, int j, int i, const conv_size *s)
{
    double sum = 0;
    for (int y = 0; y < s->out.h; y++) {
        const int in_y = y * s->stride + j - s->padding;
        if (in_y < 0 || in_y >= s->in.h) continue;
        sum += row_product(out + (size_t)y * (size_t)s->out.w, in + (size_t)in_y * (size_t)s->in.w, i, s);
    }
    return sum;
}

/* All kernel places between in channel c and out channel k. */
FAST_CLONES
static void weight_places(float *gradient, const float *in, const float *out, const conv_size *s, int k, int c)
{
    for (int j = 0; j < s->kernel; j++) {
        for (int i = 0; i < s->kernel; i++) {
            double sum = 0;
            for (int n = 0; n < s->in.n; n++) {
                sum += plane_product(plane(out, s->out, (size_t)n, (size_t)k), plane(in, s->in, (size_t)n, (size_t)c),
                                     j, i, s);
            }
            float *const place = &gradient[j * s->kernel + i];
            *place = (float)((double)*place + sum);
        }
    }
}

void conv_backward_weight(float *weight_gradient, const float *in, const float *out_gradient, const conv_size *size,
                          int threads)
{
    const conv_size s = flattened(size);
    const size_t pairs = (size_t)s.out.c * (size_t)s.in.c, places = (size_t)s.kernel * (size_t)s.kernel;
#pragma omp parallel for schedule(static) num_threads(threads)
    for (size_t i = 0; i < pairs; i++) {
        weight_places(weight_gradient + i * places, in, out_gradient, &s, (int)(i / (size_t)s.in.c),
                      (int)(i % (size_t)s.in.c));
    }
}

void bias_backward(float *bias_gradient, const float *out_gradient, shape out, int threads)
{
    const size_t pixels = (size_t)out.h * (size_t)out.w;
#pragma omp parallel for schedule(static) num_threads(threads)
    for (size_t c = 0; c < (size_t)out.c; c++) {
        double sum = 0;
        for (size_t n = 0; n < (size_t)out.n; n++) {
            const float *const row = plane(out_gradient, out, n, c);
            for (size_t i = 0; i < pixels; i++) sum += (double)row[i];
        }
        bias_gradient[c] = (float)((double)bias_gradient[c] + sum);
    }
}

void conv_forward(float *out, const float *in, const float *weight, const float *bias, const conv_size *s, int threads)
{
    fill_with_bias(out, bias, s->out, threads);
    add_forward_sums(out, in, weight, s, threads);
}

/* ---- transposed convolution: the convolution from its output to its input, run backward ------------------ */

static conv_size mirrored(shape in, shape out)
{
    return (conv_size){.in = out, .out = in, .kernel = 2, .stride = 2, .padding = 0};
}

void upconv_forward(float *out, const float *in, const float *weight, const float *bias, shape in_shape,
                    shape out_shape, int threads)
{
    const conv_size s = mirrored(in_shape, out_shape);
    fill_with_bias(out, bias, out_shape, threads);
    conv_backward_data(out, in, weight, &s, threads);
}

void upconv_backward_data(float *in_gradient, const float *out_gradient, const float *weight, shape in_shape,
                          shape out_shape, int threads)
{
    const conv_size s = mirrored(in_shape, out_shape);
    add_forward_sums(in_gradient, out_gradient, weight, &s, threads);
}

void upconv_backward_weight(float *weight_gradient, const float *in, const float *out_gradient, shape in_shape,
                            shape out_shape, int threads)
{
    const conv_size s = mirrored(in_shape, out_shape);
    conv_backward_weight(weight_gradient, out_gradient, in, &s, threads);
}
