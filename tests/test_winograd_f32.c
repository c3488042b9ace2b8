/*
 * Winograd's algorithm in f32: forward, backward data and the gradient of the weights against the convolution as it is
 * defined; weights from blocks against plain ones; and plans that use it against `reference`.
 */
#include "engine_help.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#ifdef HAVE_ONEDNN

#include "engine/onednn/winograd/f32.h"
#include "winograd_help.h"

enum { LANES = 8, IMAGES = 3, GAP = 48 };
static const float UNTOUCHED = 12345;

typedef struct map_case {
    int ic, oc, h, w;
    bool bias, sum, relu;
} map_case;

/* One pixel, odd sides, a row, a column, one tile too many, tiles that stand out on two sides; more channels than are
 * added up at once, and than one rectangle of a gradient has. */
static const map_case CASES[] = {
    {8, 16, 1, 1, false, false, false},  {16, 16, 1, 9, true, true, false},     {24, 32, 9, 1, true, false, true},
    {32, 16, 4, 4, false, false, false}, {16, 48, 5, 7, true, true, true},      {264, 16, 7, 9, true, false, false},
    {40, 272, 8, 6, false, true, false}, {136, 144, 13, 11, false, false, true}, {16, 32, 37, 41, true, true, true},
};
enum { CASE_COUNT = sizeof CASES / sizeof CASES[0] };

static conv_spec spec_of(const map_case *c)
{
    return (conv_spec){.n = IMAGES, .ic = c->ic, .ih = c->h, .iw = c->w, .oc = c->oc, .oh = c->h, .ow = c->w, .kernel = 3,
                       .stride = 1, .padding = 1, .bias = c->bias, .sum = c->sum, .relu = c->relu};
}

/* Images lie GAP values apart, as if something else were between them. */
static size_t image_values(int channels, const map_case *c)
{
    return (size_t)channels * (size_t)c->h * (size_t)c->w + GAP;
}

static size_t place_of(const map_case *c, int channels, int image, int channel, int y, int x)
{
    const size_t row = (size_t)(channel / LANES) * (size_t)c->h + (size_t)y;
    return (size_t)image * image_values(channels, c) + (row * (size_t)c->w + (size_t)x) * LANES + (size_t)(channel % LANES);
}

/* ---- weights ------------------------------------------------------------------------------------------------ */

static weights_blocks blocks_of(const map_case *c)
{
    return blocks_for(c->ic, c->oc, LANES);
}

static size_t weights_of(const map_case *c)
{
    return (size_t)c->oc * (size_t)c->ic * TAPS;
}

/* What a case reads. `turned`: plain weights as the gradient of the source reads them. */
typedef struct data {
    float *source, *before, *result_gradient, *plain, *blocked, *turned, *bias;
} data;

static float *uniform(size_t count, double most, uint64_t seed)
{
    float *const values = floats(count);
    fill_uniform(values, count, -most, most, seed);
    return values;
}

/* Results of about 1. */
static data data_of(const map_case *c)
{
    const weights_blocks b = blocks_of(c);
    data d = {.source = uniform(IMAGES * image_values(c->ic, c), 1, 1),
              .before = uniform(IMAGES * image_values(c->oc, c), 1, 2),
              .result_gradient = uniform(IMAGES * image_values(c->oc, c), 1, 3),
              .plain = uniform(weights_of(c), 1 / sqrt(c->ic), 4),
              .blocked = floats(weights_of(c)),
              .turned = floats(weights_of(c)),
              .bias = uniform((size_t)c->oc, 1, 5)};
    arrange_weights(d.blocked, d.turned, d.plain, &b);
    return d;
}

static void data_free(data *d)
{
    float *const all[] = {d->source, d->before, d->result_gradient, d->plain, d->blocked, d->turned, d->bias};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) memory_free(all[i]);
}

static void blocks_give_the_bits_of_plain_weights(void **state)
{
    (void)state;
    for (int i = 0; i < CASE_COUNT; i++) {
        const map_case *const c = &CASES[i];
        const conv_spec spec = spec_of(c), turned = winograd_turned(&spec);
        const weights_blocks b = blocks_of(c);
        const size_t size = winograd_f32_weights_bytes(&spec);
        float *const want = floats(size / sizeof(float)), *const got = floats(size / sizeof(float));
        data d = data_of(c);
        assert_true(winograd_f32_reads(&b, &spec));
        for (int threads = 1; threads <= 3; threads++) {
            winograd_f32_prepare(want, d.plain, NULL, &spec, 1);
            winograd_f32_prepare_forward(got, d.blocked, &b, &spec, threads);
            assert_memory_equal(want, got, size);
            if (c->ic % 16 != 0) continue;
            winograd_f32_prepare(want, d.turned, NULL, &turned, 1);
            winograd_f32_prepare_backward(got, d.blocked, &b, &turned, threads);
            assert_memory_equal(want, got, size);
        }
        memory_free(want);
        memory_free(got);
        data_free(&d);
    }
}

static void other_layouts_are_not_read(void **state)
{
    (void)state;
    const map_case *const c = &CASES[3];
    const conv_spec spec = spec_of(c);
    weights_blocks b = blocks_of(c);
    b.ic_inner = 2;
    assert_false(winograd_f32_reads(&b, &spec));
    b = blocks_of(c);
    b.oc_block = 16;
    assert_false(winograd_f32_reads(&b, &spec));
    b = blocks_of(c);
    b.ic = 48;
    assert_false(winograd_f32_reads(&b, &spec));
}

/* Powers of two, so that no bit is rounded: as if the weights had been multiplied. */
static void factors_are_of_output_channels(void **state)
{
    (void)state;
    const map_case *const c = &CASES[4];
    const conv_spec spec = spec_of(c);
    const size_t count = winograd_f32_weights_bytes(&spec) / sizeof(float), of_channel = (size_t)c->ic * TAPS;
    float *const want = floats(count), *const got = floats(count), *const factors = floats((size_t)c->oc);
    data d = data_of(c);
    for (size_t i = 0; i < (size_t)c->oc; i++) factors[i] = i % 3 == 0 ? 0.25F : i % 3 == 1 ? -2 : 8;
    winograd_f32_prepare(got, d.plain, factors, &spec, 2);
    for (size_t i = 0; i < (size_t)c->oc * of_channel; i++) d.plain[i] *= factors[i / of_channel];
    winograd_f32_prepare(want, d.plain, NULL, &spec, 2);
    assert_memory_equal(want, got, count * sizeof(float));
    memory_free(want);
    memory_free(got);
    memory_free(factors);
    data_free(&d);
}

/* ---- passes ------------------------------------------------------------------------------------------------- */

typedef struct job_data {
    const conv_spec *spec;
    const float *source, *plain, *bias, *before; /* before: NULL without a sum */
} job_data;

/* The result of all images, yours to free. */
static float *run(const map_case *c, const job_data *d, int threads)
{
    const size_t apart = image_values(d->spec->oc, c), count = IMAGES * apart;
    float *const out = floats(count);
    float *const weights = floats(winograd_f32_weights_bytes(d->spec) / sizeof(float));
    float *const scratch = floats(winograd_f32_scratch_bytes(d->spec, threads) / sizeof(float));
    for (size_t i = 0; i < count; i++) out[i] = d->before != NULL && i % apart < apart - GAP ? d->before[i] : UNTOUCHED;
    winograd_f32_prepare(weights, d->plain, NULL, d->spec, threads);
    winograd_f32_run(&(winograd_job){.spec = d->spec,
                                     .source = d->source,
                                     .source_image = image_values(d->spec->ic, c),
                                     .weights = weights,
                                     .bias = d->bias,
                                     .destination = out,
                                     .destination_image = apart,
                                     .scratch = scratch,
                                     .threads = threads});
    for (size_t i = 0; i < count; i++) {
        if (i % apart >= apart - GAP) assert_true(out[i] == UNTOUCHED);
    }
    memory_free(weights);
    memory_free(scratch);
    return out;
}

/* As a convolution is defined. */
static double defined(const map_case *c, const job_data *d, int image, int oc, int y, int x)
{
    const int ic_count = d->spec->ic;
    double sum = d->bias == NULL ? 0 : (double)d->bias[oc];
    for (int tap = 0; tap < TAPS; tap++) {
        const int sy = y + tap / 3 - 1, sx = x + tap % 3 - 1;
        if (sy < 0 || sy >= c->h || sx < 0 || sx >= c->w) continue;
        for (int ic = 0; ic < ic_count; ic++) {
            sum += (double)d->plain[plain_place(ic_count, oc, ic, tap)] *
                   (double)d->source[place_of(c, ic_count, image, ic, sy, sx)];
        }
    }
    if (d->before != NULL) sum += (double)d->before[place_of(c, d->spec->oc, image, oc, y, x)];
    return d->spec->relu && sum < 0 ? 0 : sum;
}

/* Largest difference from the definition. */
static double compare(const map_case *c, const job_data *d, const float *out)
{
    const int pixels = c->h * c->w;
    double worst = 0;
    for (int i = 0; i < IMAGES * d->spec->oc * pixels; i++) {
        const int image = i / (d->spec->oc * pixels), oc = i / pixels % d->spec->oc, y = i / c->w % c->h, x = i % c->w;
        const double got = (double)out[place_of(c, d->spec->oc, image, oc, y, x)];
        worst = fmax(worst, fabs(got - defined(c, d, image, oc, y, x)));
    }
    return worst;
}

static void results_are_as_defined(void **state)
{
    (void)state;
    double worst = 0;
    for (int i = 0; i < CASE_COUNT; i++) {
        const map_case *const c = &CASES[i];
        const conv_spec spec = spec_of(c);
        data d = data_of(c);
        const job_data job = {&spec, d.source, d.plain, c->bias ? d.bias : NULL, c->sum ? d.before : NULL};
        float *const out = run(c, &job, 2);
        worst = fmax(worst, compare(c, &job, out));
        memory_free(out);
        data_free(&d);
    }
    print_message("largest difference from the convolution as defined: %.1e\n", worst);
    assert_true(worst < 2e-5);
}

/* Each pixel of the result's gradient goes to the nine that it was made of: the convolution by turned weights. */
static void gradients_of_sources_are_as_defined(void **state)
{
    (void)state;
    double worst = 0;
    for (int i = 0; i < CASE_COUNT; i++) {
        const map_case *const c = &CASES[i];
        if (c->ic % 16 != 0) continue;
        conv_spec spec = spec_of(c);
        spec.sum = spec.relu = false;
        const conv_spec turned = winograd_turned(&spec);
        data d = data_of(c);
        const job_data job = {&turned, d.result_gradient, d.turned, NULL, NULL};
        float *const out = run(c, &job, 2);
        worst = fmax(worst, compare(c, &job, out));
        memory_free(out);
        data_free(&d);
    }
    print_message("largest difference from the gradient of the source as defined: %.1e\n", worst);
    assert_true(worst < 2e-5);
}

/* Blocks; yours to free. */
static float *run_gradient(const map_case *c, const data *d, int threads)
{
    const conv_spec spec = spec_of(c);
    const weights_blocks b = blocks_of(c);
    float *const out = floats(weights_of(c) + GAP);
    float *const scratch = floats(winograd_f32_gradient_scratch_bytes(&spec, threads) / sizeof(float));
    for (size_t i = 0; i < weights_of(c) + GAP; i++) out[i] = UNTOUCHED;
    winograd_f32_gradient(&(winograd_gradient_job){.spec = &spec,
                                                   .blocks = &b,
                                                   .source = d->source,
                                                   .result_gradient = d->result_gradient,
                                                   .weights_gradient = out,
                                                   .scratch = scratch,
                                                   .source_image = image_values(c->ic, c),
                                                   .result_image = image_values(c->oc, c),
                                                   .threads = threads});
    for (size_t i = weights_of(c); i < weights_of(c) + GAP; i++) assert_true(out[i] == UNTOUCHED);
    memory_free(scratch);
    return out;
}

static double defined_gradient(const map_case *c, const data *d, int oc, int ic, int tap)
{
    double sum = 0;
    for (int i = 0; i < IMAGES * c->h * c->w; i++) {
        const int image = i / (c->h * c->w), y = i / c->w % c->h, x = i % c->w, sy = y + tap / 3 - 1, sx = x + tap % 3 - 1;
        if (sy < 0 || sy >= c->h || sx < 0 || sx >= c->w) continue;
        sum += (double)d->result_gradient[place_of(c, c->oc, image, oc, y, x)] *
               (double)d->source[place_of(c, c->ic, image, ic, sy, sx)];
    }
    return sum;
}

/* The sums are of all pixels, so they are worth as much as the root of their number. */
static void gradients_of_weights_are_as_defined(void **state)
{
    (void)state;
    double worst = 0;
    for (int i = 0; i < CASE_COUNT; i++) {
        const map_case *const c = &CASES[i];
        const weights_blocks b = blocks_of(c);
        const double size = sqrt((double)IMAGES * c->h * c->w);
        data d = data_of(c);
        float *const got = run_gradient(c, &d, 2);
        for (int k = 0; k < c->oc * c->ic * TAPS; k++) {
            const int oc = k / (c->ic * TAPS), ic = k / TAPS % c->ic, tap = k % TAPS;
            const double value = (double)got[block_place(&b, oc, ic, tap)];
            worst = fmax(worst, fabs(value - defined_gradient(c, &d, oc, ic, tap)) / size);
        }
        memory_free(got);
        data_free(&d);
    }
    print_message("largest difference from the gradient of the weights as defined: %.1e\n", worst);
    assert_true(worst < 1e-5);
}

static void threads_change_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < CASE_COUNT; i++) {
        const map_case *const c = &CASES[i];
        const conv_spec spec = spec_of(c);
        data d = data_of(c);
        const job_data job = {&spec, d.source, d.plain, c->bias ? d.bias : NULL, c->sum ? d.before : NULL};
        float *const one = run(c, &job, 1), *const gradient = run_gradient(c, &d, 1);
        for (int threads = 2; threads <= 9; threads += 7) {
            float *const many = run(c, &job, threads), *const gradients = run_gradient(c, &d, threads);
            assert_memory_equal(one, many, IMAGES * image_values(c->oc, c) * sizeof *one);
            assert_memory_equal(gradient, gradients, weights_of(c) * sizeof *gradient);
            memory_free(many);
            memory_free(gradients);
        }
        memory_free(one);
        memory_free(gradient);
        data_free(&d);
    }
}

static void what_is_no_number_is_noticed(void **state)
{
    (void)state;
    const map_case c = {32, 32, 9, 9, true, false, true};
    const conv_spec spec = spec_of(&c);
    data d = data_of(&c);
    const job_data job = {&spec, d.source, d.plain, d.bias, NULL};
    d.source[place_of(&c, c.ic, 1, 7, 4, 4)] = NAN;
    float *const out = run(&c, &job, 2);
    for (int oc = 0; oc < c.oc; oc++) assert_true(isnan(out[place_of(&c, c.oc, 1, oc, 4, 4)]) != 0);
    assert_true(isfinite(out[place_of(&c, c.oc, 0, 0, 4, 4)]) != 0);
    memory_free(out);
    data_free(&d);
}

static void the_rules_are_about_shapes(void **state)
{
    (void)state;
    const map_case good = {32, 16, 8, 8, false, false, false};
    conv_spec s = spec_of(&good);
    assert_true(winograd_f32_suits(&s));
    assert_false(winograd_f32_suits_training(&s)); /* 192 pixels */
    s.n = 4;
    assert_true(winograd_f32_suits_training(&s));
    assert_true(winograd_f32_suits_gradient(&s));
    s.bias = true;
    assert_true(winograd_f32_suits_training(&s));
    assert_false(winograd_f32_suits_gradient(&s));
    s.oc = 24;
    assert_false(winograd_f32_suits(&s));
    s = spec_of(&good);
    s.iw = s.ow = 7;
    assert_false(winograd_f32_suits(&s));
    s = spec_of(&good);
    s.stride = 2;
    assert_false(winograd_f32_suits(&s));
    s = spec_of(&good);
    s.bf16 = true;
    assert_false(winograd_f32_suits(&s));
    s = spec_of(&good);
    s.kernel = 1;
    assert_false(winograd_f32_suits(&s));
}

/* ---- in a plan ---------------------------------------------------------------------------------------------- */

/* Convolutions with and without a bias, a batch norm, a sum and a ReLU. */
static void build(graph *g)
{
    const int x = graph_conv(g, graph_input(g, 3), 32, 1, 1, 0, true, 0, "widen");
    const int y = graph_conv(g, x, 48, 3, 1, 1, true, 1, "first");
    const int z = graph_norm(g, graph_conv(g, y, 32, 3, 1, 1, false, 2, "second"), 2, "norm");
    const int sum = graph_relu(g, graph_add(g, z, x, "sum"), "relu");
    assert_true(graph_conv(g, sum, 1, 1, 1, 0, true, 2, "head0") > 0);
}

static void start(rig *r, const char *name, enum plan_mode mode)
{
    *r = (rig){0};
    build(&r->g);
    rig_start(r, name, (shape){2, 3, 17, 19}, mode, 2);
    const tensor in = plan_input(r->p);
    fill_uniform(in.data, shape_count(in.shape), -1, 1, 3);
    assert_ok(plan_forward(r->p));
}

/* Largest difference of the largest value. */
static double difference(const float *want, const float *got, size_t count)
{
    double largest = 0, scale = 1e-12;
    for (size_t i = 0; i < count; i++) {
        largest = fmax(largest, fabs((double)got[i] - (double)want[i]));
        scale = fmax(scale, fabs((double)want[i]));
    }
    return largest / scale;
}

static void a_plan_that_infers_is_near_the_reference(void **state)
{
    (void)state;
    if (!winograd_f32_runs()) skip();
    rig want, got;
    start(&want, "reference", PLAN_INFER);
    start(&got, "onednn", PLAN_INFER);
    assert_int_equal(lines_with(&got, "conv forward", "winograd f32"), 2);
    const tensor a = plan_logits(want.p), b = plan_logits(got.p);
    const double worst = difference(a.data, b.data, shape_count(a.shape));
    print_message("largest difference of logits: %.1e\n", worst);
    assert_true(worst < 1e-5);
    rig_stop(&want);
    rig_stop(&got);
}

static params gradients_of(rig *r)
{
    params p = {0};
    const tensor gradients[GRAPH_OUTPUTS] = {plan_logits(r->p)}; /* of half the sum of squares */
    assert_ok(plan_backward(r->p, gradients));
    assert_ok(params_create(&p, &r->g.params));
    assert_ok(plan_save_gradients(r->p, &p));
    return p;
}

static void a_plan_that_trains_is_near_the_reference(void **state)
{
    (void)state;
    if (!winograd_f32_runs()) skip();
    rig want, got;
    start(&want, "reference", PLAN_TRAIN);
    start(&got, "onednn", PLAN_TRAIN);
    assert_int_equal(lines_with(&got, "conv forward", "winograd f32"), 2);
    assert_int_equal(lines_with(&got, "conv backward data", "winograd f32"), 2);
    assert_int_equal(lines_with(&got, "conv backward weights", "winograd f32"), 1); /* not with a bias */
    params a = gradients_of(&want), b = gradients_of(&got);
    double worst = 0;
    for (int i = 0; i < got.g.params.count; i++) {
        const param *const e = &got.g.params.entries[i];
        if (e->trained) worst = fmax(worst, difference(a.flat + e->offset, b.flat + e->offset, e->count));
    }
    print_message("largest difference of gradients: %.1e\n", worst);
    assert_true(worst < 1e-4);
    params_free(&a);
    params_free(&b);
    rig_stop(&want);
    rig_stop(&got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_give_the_bits_of_plain_weights),
        cmocka_unit_test(other_layouts_are_not_read),
        cmocka_unit_test(factors_are_of_output_channels),
        cmocka_unit_test(results_are_as_defined),
        cmocka_unit_test(gradients_of_sources_are_as_defined),
        cmocka_unit_test(gradients_of_weights_are_as_defined),
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(what_is_no_number_is_noticed),
        cmocka_unit_test(the_rules_are_about_shapes),
        cmocka_unit_test(a_plan_that_infers_is_near_the_reference),
        cmocka_unit_test(a_plan_that_trains_is_near_the_reference),
    };
    return cmocka_run_group_tests_name("winograd_f32", tests, NULL, NULL);
}

#else

#include "without_onednn.h"

int main(void)
{
    return skip_without_onednn("winograd_f32");
}

#endif
