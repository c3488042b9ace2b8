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
static const extent EXTENTS[] = {{1, 1, 8, 1, 1},   {3, 2, 8, 35, 2},   {1, 3, 16, 1, 2},
                                 {2, 1, 16, 63, 2}, {2, 2, 8, 2100, 2}, {1, 1, 16, 2100, 1}};
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

/* A tensor whose images lie `gap` blocks apart, as inside a concatenation. */
static field tensor_of(const extent *e, int gap, uint64_t seed)
{
    const size_t image = (size_t)(e->blocks + gap) * e->pixels * (size_t)e->lanes;
    return (field){values(image * (size_t)e->n, seed), image};
}

static float at(field f, const extent *e, size_t n, size_t c, size_t p)
{
    const size_t lanes = (size_t)e->lanes;
    return f.data[n * f.image + (c / lanes * e->pixels + p) * lanes + c % lanes];
}

static void near(double a, double b, double tolerance, const extent *e, size_t c, size_t p)
{
    if (fabs(a - b) <= tolerance * (1 + fabs(b))) return;
    fail_msg("%g is not %g: %d images, %d blocks of %d, %zu pixels; channel %zu, pixel %zu", a, b, e->n, e->blocks,
             e->lanes, e->pixels, c, p);
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
    for (size_t i = 0; i < y.image * (size_t)e->n; i++) y.data[i] = 1000.0F + y.data[i];
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
                near((double)at(out, e, n, c, p), v > 0 ? (double)v : 0, 1e-5, e, c, p);
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
    const extent e = {1, 1, 8, 1, 1};
    field y = tensor_of(&e, 0, 1), out = tensor_of(&e, 0, 2);
    y.data[3] = NAN;
    y.data[4] = -INFINITY;
    kernel_apply(&(apply_job){.out = out, .y = y, .relu = true}, &e);
    assert_true(isnan(out.data[3]));
    assert_true(out.data[4] == 0.0F);
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
                near((double)at(dz, e, n, c, p), g, 1e-5, e, c, p);
                near((double)at(dy, e, n, c, p), g * (double)k.scale[c] + y * (double)k.shift[c] + (double)k.mean[c],
                     1e-5, e, c, p);
                s += g;
                q += g * (y - (double)k.mean[c]);
            }
        }
        near((double)sum[c], s, 1e-5 * sqrt((double)e->pixels), e, c, 0);
        near((double)centred[c], q, 1e-5 * sqrt((double)e->pixels), e, c, 0);
    }
    kernel_gradient(dy, &k.job, e);
    assert_true(fabs((double)at(dy, e, 0, 1, 0) - plain_dz(&k.job, e, 0, 1, 0)) < 1e-5);
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
    extent one = {3, 2, 8, 2100, 1}, two = one;
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

static void pool_case(int lanes, int ih, int iw)
{
    const pool_shape s = {ih, iw, (ih - 1) / 2 + 1, (iw - 1) / 2 + 1, 3, 2, 1};
    const extent large = {2, 2, lanes, (size_t)ih * (size_t)iw, 2};
    const extent small = {2, 2, lanes, (size_t)s.oh * (size_t)s.ow, 2};
    field in = tensor_of(&large, 0, 60), out = tensor_of(&small, 0, 61), gradient = tensor_of(&large, 0, 62);
    /* whole numbers make ties */
    for (size_t i = 0; i < in.image * 2; i++) in.data[i] = (float)(int)in.data[i];
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
    pool_case(8, 1, 1);
    pool_case(8, 7, 10);
    pool_case(16, 12, 5);
}

static void deal_case(int lanes, int h, int w)
{
    const extent small = {2, 2, lanes, (size_t)h * (size_t)w, 2};
    const extent groups_extent = {2, 8, lanes, small.pixels, 2}, large = {2, 2, lanes, 4 * small.pixels, 2};
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
                const float v = at(groups, &groups_extent, n, g, from) + bias[c];
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
    deal_case(8, 1, 1);
    deal_case(8, 3, 5);
    deal_case(16, 4, 3);
}

static void upsample_case(int lanes, int h, int w)
{
    const extent small = {2, 3, lanes, (size_t)h * (size_t)w, 2}, large = {2, 3, lanes, 4 * small.pixels, 2};
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
                near((double)at(back, &small, n, c, p), (double)sum, 1e-6, &small, c, p);
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
    upsample_case(8, 1, 1);
    upsample_case(8, 3, 5);
    upsample_case(16, 4, 3);
}

static void test_plain_order_and_back(void **state)
{
    (void)state;
    const extent e = {2, 2, 8, 15, 2};
    const int map[5] = {0, 1, 2, 8, 9}; /* parts of 3 and 2 channels, each from a block's start */
    float *const planar = values(2 * 5 * 15, 80), *const back = values(2 * 5 * 15, 81);
    field f = tensor_of(&e, 1, 82);
    kernel_block(f, planar, map, 5, &e);
    assert_true(at(f, &e, 1, 8, 7) == planar[(5 + 3) * 15 + 7]);
    assert_true(at(f, &e, 0, 3, 0) == 0.0F && at(f, &e, 1, 15, 14) == 0.0F);
    kernel_unblock(back, f, map, 5, &e);
    assert_memory_equal(back, planar, 2 * 5 * 15 * sizeof *back);
    memory_free(planar);
    memory_free(back);
    memory_free(f.data);
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
        cmocka_unit_test(test_plain_order_and_back),
    };
    return cmocka_run_group_tests_name("kernels", tests, NULL, NULL);
}

#else

static void test_needs_onednn(void **state)
{
    (void)state;
    skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_needs_onednn)};
    return cmocka_run_group_tests_name("kernels", tests, NULL, NULL);
}

#endif
