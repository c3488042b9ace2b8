/*
 * The vectorised passes of the onednn engine against plain loops over the same memory: 8 and 16 lanes, odd sizes,
 * images that lie apart, several pieces, and results that do not depend on the number of threads.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#ifdef HAVE_ONEDNN

#include "base/memory.h"
#include "base/random.h"
#include "engine/onednn/kernels.h"

/* 2100 pixels make two pieces */
static const extent EXTENTS[] = {
    {1, 1, 8, 1, 1, ELEMENT_F32},     {3, 2, 8, 35, 2, ELEMENT_F32},    {1, 3, 16, 1, 2, ELEMENT_F32},
    {2, 1, 16, 63, 2, ELEMENT_F32},   {2, 2, 8, 2100, 2, ELEMENT_F32},  {1, 1, 16, 2100, 1, ELEMENT_F32},
    {1, 2, 16, 1, 2, ELEMENT_BF16},   {3, 2, 16, 35, 2, ELEMENT_BF16},  {2, 1, 16, 2100, 1, ELEMENT_BF16},
};
enum { EXTENT_COUNT = sizeof EXTENTS / sizeof EXTENTS[0] };

static size_t channels(const extent *e)
{
    return (size_t)e->blocks * (size_t)e->lanes;
}

static float *values(size_t count, uint64_t seed)
{
    float *const v = memory_allocate(count, sizeof *v);
    assert_non_null(v);
    random_stream r = random_open(seed, RANDOM_TEST, 9, 0);
    for (size_t i = 0; i < count; i++) v[i] = (float)random_normal(&r);
    return v;
}

/* To the nearest bf16, ties to even, as the arithmetic says it: 8 significant bits. */
static float rounded_to_bf16(float value)
{
    int exponent;
    const double fraction = frexp((double)value, &exponent);
    return (float)ldexp(nearbyint(fraction * 256), exponent - 8);
}

static float get(field f, const extent *e, size_t i)
{
    if (e->element == ELEMENT_F32) return ((const float *)f.data)[i];
    const uint32_t bits = (uint32_t)((const uint16_t *)f.data)[i] << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void put(field f, const extent *e, size_t i, float value)
{
    if (e->element == ELEMENT_F32) {
        ((float *)f.data)[i] = value;
        return;
    }
    const float rounded = rounded_to_bf16(value);
    uint32_t bits;
    memcpy(&bits, &rounded, sizeof bits);
    ((uint16_t *)f.data)[i] = (uint16_t)(bits >> 16);
}

/* A tensor whose images lie `gap` blocks apart, as inside a concatenation. */
static field tensor_of(const extent *e, int gap, uint64_t seed)
{
    const size_t image = (size_t)(e->blocks + gap) * e->pixels * (size_t)e->lanes, count = image * (size_t)e->n;
    const field f = {memory_allocate(count, element_bytes(e->element)), image};
    assert_non_null(f.data);
    float *const v = values(count, seed);
    for (size_t i = 0; i < count; i++) put(f, e, i, v[i]);
    memory_free(v);
    return f;
}

static size_t index_of(field f, const extent *e, size_t n, size_t c, size_t p)
{
    const size_t lanes = (size_t)e->lanes;
    return n * f.image + (c / lanes * e->pixels + p) * lanes + c % lanes;
}

static float at(field f, const extent *e, size_t n, size_t c, size_t p)
{
    return get(f, e, index_of(f, e, n, c, p));
}

static void near(double a, double b, double tolerance, const extent *e, size_t c, size_t p)
{
    if (fabs(a - b) <= tolerance * (1 + fabs(b))) return;
    fail_msg("%g is not %g: %d images, %d blocks of %d, %zu pixels, %zu bytes; channel %zu, pixel %zu", a, b, e->n,
             e->blocks, e->lanes, e->pixels, element_bytes(e->element), c, p);
}

/* A value that was written to a tensor: half a unit in the last of bf16's 8 bits more. */
static void stored_near(field f, double b, double tolerance, const extent *e, size_t n, size_t c, size_t p)
{
    near((double)at(f, e, n, c, p), b, e->element == ELEMENT_F32 ? tolerance : tolerance + 1.0 / 256, e, c, p);
}

static void each_extent(void (*test)(const extent *e))
{
    for (int i = 0; i < EXTENT_COUNT; i++) test(&EXTENTS[i]);
}

/* ---- forward ----------------------------------------------------------------------------------- */

static void statistics(const extent *e)
{
    field y = tensor_of(e, 1, 1);
    /* a mean far from zero: a careless sum of squares loses the variance */
    for (size_t i = 0; i < y.image * (size_t)e->n; i++) put(y, e, i, 1000.0F + get(y, e, i));
    float *const mean = values(channels(e), 2), *const variance = values(channels(e), 3);
    double *const partials = memory_allocate(kernel_partials(e), sizeof *partials);
    kernel_statistics(mean, variance, y, e, partials);
    const double count = (double)e->n * (double)e->pixels;
    for (size_t c = 0; c < channels(e); c++) {
        double sum = 0, squares = 0;
        for (size_t n = 0; n < (size_t)e->n; n++) {
            for (size_t p = 0; p < e->pixels; p++) sum += (double)at(y, e, n, c, p);
        }
        for (size_t n = 0; n < (size_t)e->n; n++) {
            for (size_t p = 0; p < e->pixels; p++) {
                const double d = (double)at(y, e, n, c, p) - sum / count;
                squares += d * d;
            }
        }
        near((double)mean[c], sum / count, 1e-6, e, c, 0);
        near((double)variance[c], squares / count, 1e-5, e, c, 0);
    }
    memory_free(y.data);
    memory_free(mean);
    memory_free(variance);
    memory_free(partials);
}

static void test_statistics(void **state)
{
    (void)state;
    each_extent(statistics);
}

static void apply(const extent *e)
{
    field y = tensor_of(e, 0, 1), residual = tensor_of(e, 2, 2), out = tensor_of(e, 1, 3), copy = tensor_of(e, 3, 4);
    float *const scale = values(channels(e), 5), *const shift = values(channels(e), 6);
    kernel_apply(&(apply_job){out, copy, y, residual, scale, shift, true}, e);
    for (size_t n = 0; n < (size_t)e->n; n++) {
        for (size_t c = 0; c < channels(e); c++) {
            for (size_t p = 0; p < e->pixels; p++) {
                const float v = at(y, e, n, c, p) * scale[c] + shift[c] + at(residual, e, n, c, p);
                stored_near(out, v > 0 ? (double)v : 0, 1e-5, e, n, c, p);
                assert_true(at(copy, e, n, c, p) == at(out, e, n, c, p));
            }
        }
    }
    memory_free(y.data);
    memory_free(residual.data);
    memory_free(out.data);
    memory_free(copy.data);
    memory_free(scale);
    memory_free(shift);
}

static void test_apply(void **state)
{
    (void)state;
    each_extent(apply);
}

static void test_relu_keeps_nan(void **state)
{
    (void)state;
    const extent e = {1, 1, 8, 1, 1, ELEMENT_F32};
    field y = tensor_of(&e, 0, 1), out = tensor_of(&e, 0, 2);
    put(y, &e, 3, NAN);
    put(y, &e, 4, -INFINITY);
    kernel_apply(&(apply_job){.out = out, .y = y, .relu = true}, &e);
    assert_true(isnan(get(out, &e, 3)));
    assert_true(get(out, &e, 4) == 0.0F);
    memory_free(y.data);
    memory_free(out.data);
}

/* ---- backward ---------------------------------------------------------------------------------- */

/* All tensors of a gradient job, sources in places of their own. */
typedef struct gradient_case {
    gradient_job job;
    float *scale, *shift, *mean;
} gradient_case;

static gradient_case gradient_case_of(const extent *e, int sources, bool relu, bool with_output)
{
    gradient_case k = {
        .scale = values(channels(e), 21), .shift = values(channels(e), 22), .mean = values(channels(e), 23)};
    k.job =
        (gradient_job){.count = sources, .relu = relu, .y = tensor_of(e, 0, 24), .scale = k.scale, .shift = k.shift};
    for (int i = 0; i < sources; i++) k.job.sources[i] = tensor_of(e, i, 30 + (uint64_t)i);
    if (with_output) k.job.output = tensor_of(e, 2, 40);
    return k;
}

static void gradient_case_free(gradient_case *k)
{
    for (int i = 0; i < k->job.count; i++) memory_free(k->job.sources[i].data);
    memory_free(k->job.output.data);
    memory_free(k->job.y.data);
    memory_free(k->scale);
    memory_free(k->shift);
    memory_free(k->mean);
}

static double plain_dz(const gradient_job *j, const extent *e, size_t n, size_t c, size_t p)
{
    double g = 0;
    for (int i = 0; i < j->count; i++) g += (double)at(j->sources[i], e, n, c, p);
    if (!j->relu) return g;
    if (j->output.data != NULL) return at(j->output, e, n, c, p) > 0 ? g : 0;
    return fmaf(at(j->y, e, n, c, p), j->scale[c], j->shift[c]) > 0 ? g : 0;
}

static void norm_gradient(const extent *e, int sources, bool relu, bool with_output)
{
    gradient_case k = gradient_case_of(e, sources, relu, with_output);
    field dz = tensor_of(e, 1, 50), dy = tensor_of(e, 0, 51);
    float *const sum = values(channels(e), 52), *const centred = values(channels(e), 53);
    double *const partials = memory_allocate(kernel_partials(e), sizeof *partials);
    kernel_norm_sums(sum, centred, dz, &k.job, k.mean, e, partials);
    kernel_norm_gradient(dy, &k.job, k.scale, k.shift, k.mean, e);
    for (size_t c = 0; c < channels(e); c++) {
        double s = 0, q = 0;
        for (size_t n = 0; n < (size_t)e->n; n++) {
            for (size_t p = 0; p < e->pixels; p++) {
                const double g = plain_dz(&k.job, e, n, c, p), y = (double)at(k.job.y, e, n, c, p);
                stored_near(dz, g, 1e-5, e, n, c, p);
                stored_near(dy, g * (double)k.scale[c] + y * (double)k.shift[c] + (double)k.mean[c], 2e-5, e, n, c, p);
                s += g;
                q += g * (y - (double)k.mean[c]);
            }
        }
        near((double)sum[c], s, 1e-5 * sqrt((double)e->pixels), e, c, 0);
        near((double)centred[c], q, 1e-5 * sqrt((double)e->pixels), e, c, 0);
    }
    kernel_gradient(dy, &k.job, e);
    stored_near(dy, plain_dz(&k.job, e, 0, 1, 0), 1e-5, e, 0, 1, 0);
    gradient_case_free(&k);
    memory_free(dz.data);
    memory_free(dy.data);
    memory_free(sum);
    memory_free(centred);
    memory_free(partials);
}

static void test_gradients_of_tails(void **state)
{
    (void)state;
    for (int i = 0; i < EXTENT_COUNT; i++) {
        for (int sources = 1; sources <= FIELD_SOURCES; sources++) {
            norm_gradient(&EXTENTS[i], sources, false, false);
            norm_gradient(&EXTENTS[i], sources, true, false);
            norm_gradient(&EXTENTS[i], sources, true, true);
        }
    }
}

static void test_sums_do_not_depend_on_threads(void **state)
{
    (void)state;
    extent one = {3, 2, 8, 2100, 1, ELEMENT_F32}, two = one;
    two.threads = 2;
    field y = tensor_of(&one, 0, 1);
    float mean[2][16] __attribute__((aligned(64))), variance[2][16] __attribute__((aligned(64)));
    double *const partials = memory_allocate(kernel_partials(&one), sizeof *partials);
    kernel_statistics(mean[0], variance[0], y, &one, partials);
    kernel_statistics(mean[1], variance[1], y, &two, partials);
    assert_memory_equal(mean[0], mean[1], sizeof mean[0]);
    assert_memory_equal(variance[0], variance[1], sizeof variance[0]);
    memory_free(y.data);
    memory_free(partials);
}

/* ---- pool, deal, gather, plain order ------------------------------------------------------------- */

static void pool_case(int lanes, int ih, int iw, enum element element)
{
    const pool_shape s = {ih, iw, (ih - 1) / 2 + 1, (iw - 1) / 2 + 1, 3, 2, 1};
    const extent large = {2, 2, lanes, (size_t)ih * (size_t)iw, 2, element};
    const extent small = {2, 2, lanes, (size_t)s.oh * (size_t)s.ow, 2, element};
    field in = tensor_of(&large, 0, 60), out = tensor_of(&small, 0, 61), gradient = tensor_of(&large, 0, 62);
    /* whole numbers make ties */
    for (size_t i = 0; i < in.image * 2; i++) put(in, &large, i, (float)(int)get(in, &large, i));
    unsigned char *const places = memory_allocate(out.image * 2, 1);
    double *const expected = memory_allocate(in.image * 2, sizeof *expected);
    kernel_max_pool(out, places, in, &s, &small);
    for (size_t n = 0; n < 2; n++) {
        for (size_t c = 0; c < channels(&small); c++) {
            for (int p = 0; p < s.oh * s.ow; p++) {
                const int oy = p / s.ow, ox = p % s.ow;
                float best = -INFINITY;
                int from = -1;
                for (int y = 2 * oy - 1; y <= 2 * oy + 1; y++) {
                    for (int x = 2 * ox - 1; x <= 2 * ox + 1; x++) {
                        if (y < 0 || x < 0 || y >= ih || x >= iw) continue;
                        const float v = at(in, &large, n, c, (size_t)(y * iw + x));
                        if (v > best) {
                            best = v;
                            from = y * iw + x;
                        }
                    }
                }
                assert_true(at(out, &small, n, c, (size_t)p) == best);
                const size_t to = (n * channels(&large) + c) * large.pixels + (size_t)from;
                expected[to] += (double)best; /* the output serves as its own gradient */
            }
        }
    }
    kernel_max_pool_gradient(gradient, out, places, &s, &small);
    for (size_t i = 0; i < in.image * 2; i++) {
        const size_t plane = i / large.pixels, p = i % large.pixels;
        near((double)at(gradient, &large, plane / channels(&large), plane % channels(&large), p), expected[i], 1e-6,
             &large, plane, p);
    }
    memory_free(in.data);
    memory_free(out.data);
    memory_free(gradient.data);
    memory_free(places);
    memory_free(expected);
}

static void test_max_pool(void **state)
{
    (void)state;
    pool_case(8, 1, 1, ELEMENT_F32);
    pool_case(8, 7, 10, ELEMENT_F32);
    pool_case(16, 12, 5, ELEMENT_F32);
    pool_case(16, 9, 6, ELEMENT_BF16);
}

static void deal_case(int lanes, int h, int w, enum element element)
{
    const extent small = {2, 2, lanes, (size_t)h * (size_t)w, 2, element};
    const extent groups_extent = {2, 8, lanes, small.pixels, 2, element};
    const extent large = {2, 2, lanes, 4 * small.pixels, 2, element};
    field groups = tensor_of(&groups_extent, 0, 70), out = tensor_of(&large, 1, 71), copy = tensor_of(&large, 0, 72);
    field back = tensor_of(&groups_extent, 0, 73);
    float *const bias = values(channels(&small), 74), *const sum = values(channels(&small), 75);
    double *const partials = memory_allocate(kernel_partials(&large), sizeof *partials);
    kernel_deal(out, copy, groups, bias, h, w, &small);
    kernel_gather(back, sum, out, h, w, &small, partials);
    for (size_t c = 0; c < channels(&small); c++) {
        double total = 0;
        for (size_t n = 0; n < 2; n++) {
            for (size_t p = 0; p < large.pixels; p++) {
                const size_t y = p / (2 * (size_t)w), x = p % (2 * (size_t)w), group = y % 2 * 2 + x % 2;
                const size_t from = y / 2 * (size_t)w + x / 2, g = group * channels(&small) + c;
                const float sum_of = at(groups, &groups_extent, n, g, from) + bias[c];
                const float v = element == ELEMENT_F32 ? sum_of : rounded_to_bf16(sum_of);
                assert_true(at(out, &large, n, c, p) == v);
                assert_true(at(copy, &large, n, c, p) == v);
                assert_true(at(back, &groups_extent, n, g, from) == v);
                total += (double)v;
            }
        }
        near((double)sum[c], total, 1e-5, &small, c, 0);
    }
    memory_free(groups.data);
    memory_free(out.data);
    memory_free(copy.data);
    memory_free(back.data);
    memory_free(bias);
    memory_free(sum);
    memory_free(partials);
}

static void test_deal_and_gather(void **state)
{
    (void)state;
    deal_case(8, 1, 1, ELEMENT_F32);
    deal_case(8, 3, 5, ELEMENT_F32);
    deal_case(16, 4, 3, ELEMENT_F32);
    deal_case(16, 3, 5, ELEMENT_BF16);
}

static void plain_order(const extent *e)
{
    const int map[5] = {0, 1, 2, e->lanes, e->lanes + 1}; /* parts of 3 and 2 channels, each from a block's start */
    const size_t count = (size_t)e->n * 5 * e->pixels;
    float *const planar = values(count, 80), *const back = values(count, 81);
    field f = tensor_of(e, 1, 82);
    for (size_t i = 0; i < count && e->element == ELEMENT_BF16; i++) planar[i] = rounded_to_bf16(planar[i]);
    kernel_block(f, planar, map, 5, e);
    const size_t lanes = (size_t)e->lanes, last = e->pixels - 1;
    assert_true(at(f, e, 1, lanes, 7) == planar[(5 + 3) * e->pixels + 7]);
    assert_true(at(f, e, 0, 2, last) == planar[2 * e->pixels + last]);
    assert_true(at(f, e, 0, 3, 0) == 0.0F && at(f, e, 1, 2 * lanes - 1, last) == 0.0F);
    kernel_unblock(back, f, map, 5, e);
    assert_memory_equal(back, planar, count * sizeof *back);
    memory_free(planar);
    memory_free(back);
    memory_free(f.data);
}

static void upsample_case(int lanes, int h, int w, enum element element)
{
    const extent small = {2, 3, lanes, (size_t)h * (size_t)w, 2, element};
    const extent large = {2, 3, lanes, 4 * small.pixels, 2, element};
    field in = tensor_of(&small, 1, 90), out = tensor_of(&large, 2, 91), copy = tensor_of(&large, 0, 92);
    field gradient = tensor_of(&large, 1, 93), back = tensor_of(&small, 0, 94);
    float *const expected = memory_allocate(channels(&small) * small.pixels * 2, sizeof *expected);
    kernel_upsample(out, copy, in, h, w, &small);
    kernel_upsample_gradient(back, gradient, h, w, &small);
    for (size_t n = 0; n < 2; n++) {
        for (size_t c = 0; c < channels(&small); c++) {
            for (size_t p = 0; p < large.pixels; p++) {
                const size_t y = p / (2 * (size_t)w), x = p % (2 * (size_t)w), from = y / 2 * (size_t)w + x / 2;
                const float v = at(in, &small, n, c, from);
                assert_true(at(out, &large, n, c, p) == v);
                assert_true(at(copy, &large, n, c, p) == v);
                expected[(n * channels(&small) + c) * small.pixels + from] += at(gradient, &large, n, c, p);
            }
            for (size_t p = 0; p < small.pixels; p++) {
                const float sum = expected[(n * channels(&small) + c) * small.pixels + p];
                stored_near(back, (double)sum, 1e-6, &small, n, c, p);
            }
        }
    }
    memory_free(expected);
    memory_free(gradient.data);
    memory_free(in.data);
    memory_free(out.data);
    memory_free(copy.data);
    memory_free(back.data);
}

static void test_upsample(void **state)
{
    (void)state;
    upsample_case(8, 1, 1, ELEMENT_F32);
    upsample_case(8, 3, 5, ELEMENT_F32);
    upsample_case(16, 4, 3, ELEMENT_F32);
    upsample_case(16, 3, 5, ELEMENT_BF16);
}

/* ---- one output channel ------------------------------------------------------------------------ */

static void check_dot(const extent *e, field in, const float *weights, const float *gradient)
{
    const size_t pixels = (size_t)e->n * e->pixels;
    float *const out = values(pixels, 4);
    field back = tensor_of(e, 1, 5);
    kernel_dot(out, in, weights, 0.5F, e);
    kernel_dot_gradient(back, gradient, weights, e);
    for (size_t i = 0; i < pixels; i++) {
        const size_t n = i / e->pixels, p = i % e->pixels;
        double want = 0.5;
        for (size_t c = 0; c < channels(e); c++) {
            want += (double)at(in, e, n, c, p) * (double)weights[c];
            stored_near(back, (double)gradient[i] * (double)weights[c], 1e-6, e, n, c, p);
        }
        near((double)out[i], want, 1e-5, e, 0, p);
    }
    memory_free(out);
    memory_free(back.data);
}

static void check_dot_weights(const extent *e, field in, const float *gradient)
{
    float *const weights = values(channels(e), 6), bias = 0;
    double *const partials = memory_allocate(kernel_partials(e), sizeof *partials);
    kernel_dot_weights(weights, &bias, in, gradient, e, partials);
    for (size_t c = 0; c < channels(e); c++) {
        double want = 0, sum = 0;
        for (size_t i = 0; i < (size_t)e->n * e->pixels; i++) {
            want += (double)at(in, e, i / e->pixels, c, i % e->pixels) * (double)gradient[i];
            sum += (double)gradient[i];
        }
        near((double)weights[c], want, 1e-4, e, c, 0);
        near((double)bias, sum, 1e-4, e, c, 0);
    }
    memory_free(weights);
    memory_free(partials);
}

static void dot(const extent *e)
{
    field in = tensor_of(e, 1, 1);
    float *const weights = values(channels(e), 2), *const gradient = values((size_t)e->n * e->pixels, 3);
    check_dot(e, in, weights, gradient);
    check_dot_weights(e, in, gradient);
    memory_free(in.data);
    memory_free(weights);
    memory_free(gradient);
}

static void test_dot(void **state)
{
    (void)state;
    each_extent(dot);
}

static void test_plain_order_and_back(void **state)
{
    (void)state;
    plain_order(&(extent){2, 2, 8, 15, 2, ELEMENT_F32});
    plain_order(&(extent){2, 2, 16, 600, 2, ELEMENT_F32});
    plain_order(&(extent){2, 2, 16, 600, 2, ELEMENT_BF16});
}

/* ---- bf16 ------------------------------------------------------------------------------------------ */

/* Ties, carries into the exponent, the smallest and the largest, infinities and a NaN that rounding would carry over. */
static void test_rounding_to_bf16(void **state)
{
    (void)state;
    static const struct {
        uint32_t bits;
        uint16_t want;
    } cases[] = {{0x3F808000, 0x3F80}, {0x3F818000, 0x3F82}, {0x3F808001, 0x3F81}, {0x3F807FFF, 0x3F80},
                 {0x3FFFFFFF, 0x4000}, {0xBF818000, 0xBF82}, {0x00000001, 0x0000}, {0x80000000, 0x8000},
                 {0x7F7FFFFF, 0x7F80}, {0x7F800000, 0x7F80}, {0xFF800000, 0xFF80}};
    enum { COUNT = sizeof cases / sizeof cases[0] };
    float in[COUNT + 1];
    uint16_t out[COUNT + 1];
    const uint32_t nan_bits = 0x7FFFFFFF;
    for (size_t i = 0; i < COUNT; i++) memcpy(&in[i], &cases[i].bits, sizeof in[i]);
    memcpy(&in[COUNT], &nan_bits, sizeof nan_bits);
    kernel_narrow(out, in, COUNT + 1, 2);
    for (size_t i = 0; i < COUNT; i++) assert_int_equal(out[i], cases[i].want);
    assert_true((out[COUNT] & 0x7FFF) > 0x7F80);
    /* the vector loops round alike */
    const extent e = {1, 1, 16, 1, 1, ELEMENT_BF16};
    float wide[16] __attribute__((aligned(64))) = {0}, zeros[16] __attribute__((aligned(64))) = {0};
    uint16_t y[16] __attribute__((aligned(64))) = {0}, stored[16] __attribute__((aligned(64)));
    memcpy(wide, in, sizeof in);
    kernel_apply(&(apply_job){.out = {stored, 16}, .y = {y, 16}, .scale = zeros, .shift = wide}, &e);
    /* -0 + 0 is 0 */
    for (size_t i = 0; i <= COUNT; i++) assert_int_equal(stored[i], out[i] == 0x8000 ? 0 : out[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statistics),
        cmocka_unit_test(test_apply),
        cmocka_unit_test(test_relu_keeps_nan),
        cmocka_unit_test(test_gradients_of_tails),
        cmocka_unit_test(test_sums_do_not_depend_on_threads),
        cmocka_unit_test(test_max_pool),
        cmocka_unit_test(test_deal_and_gather),
        cmocka_unit_test(test_upsample),
        cmocka_unit_test(test_dot),
        cmocka_unit_test(test_plain_order_and_back),
        cmocka_unit_test(test_rounding_to_bf16),
    };
    return cmocka_run_group_tests_name("kernels", tests, NULL, NULL);
}

#else

#include "without_onednn.h"

int main(void)
{
    return skip_without_onednn("kernels");
}

#endif
