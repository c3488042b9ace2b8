/*
 * Winograd's algorithm in bf16: the plain steps against the convolution as it is defined, exactly where no rounding is
 * needed; the fast ones against the plain ones; and where an engine uses them.
 */
#include "engine_help.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#ifdef HAVE_ONEDNN

#include "winograd_help.h"

enum { LANES = 16 };

typedef struct map_case {
    int ic, oc, h, w;
    bool sum, relu;
} map_case;

/* One pixel, odd sides, a row, a column, one tile too many; one block of output channels, pairs of them, and more than
 * one chunk of tiles. */
static const map_case CASES[] = {
    {16, 16, 1, 1, false, false},  {16, 16, 1, 2, true, false},   {32, 16, 2, 1, false, true},
    {16, 48, 3, 5, true, true},    {32, 32, 6, 6, false, true},   {64, 64, 7, 9, true, true},
    {640, 32, 8, 8, false, false}, {128, 96, 13, 11, true, false}, {16, 16, 37, 41, false, true},
    {256, 64, 4, 30, true, true},  {32, 64, 1, 31, false, false}, {48, 32, 29, 1, true, true},
};
enum { CASE_COUNT = sizeof CASES / sizeof CASES[0] };

static conv_spec spec_of(const map_case *c)
{
    return (conv_spec){.n = 1, .ic = c->ic, .ih = c->h, .iw = c->w, .oc = c->oc, .oh = c->h, .ow = c->w, .kernel = 3,
                       .stride = 1, .padding = 1, .bias = true, .bf16 = true, .sum = c->sum, .relu = c->relu};
}

static size_t values_of(int channels, const map_case *c)
{
    return (size_t)channels * (size_t)c->h * (size_t)c->w;
}

/* What a convolution reads; the result lies between two stretches of GUARD values that nobody may touch. */
typedef struct data {
    uint16_t *source, *before;
    float *weights, *bias;
} data;

enum { GUARD = 64 };
static const uint16_t UNTOUCHED = 0x4242;

typedef float (*drawing)(random_stream *r);

/* Few sums of these pass 256, below which bf16 holds every whole number. */
static float few_ones(random_stream *r)
{
    const uint64_t draw = random_below(r, 16);
    return draw == 0 ? 1.0F : draw == 1 ? -1.0F : 0.0F;
}

static float any_value(random_stream *r)
{
    return (float)random_uniform(r, -1, 1);
}

static data data_of(const map_case *c, drawing draw, float weight_scale)
{
    data d = {0};
    random_stream r = random_open(5, RANDOM_TEST, 11, 0);
    const size_t sources = values_of(c->ic, c), results = values_of(c->oc, c);
    const size_t weights = (size_t)c->oc * (size_t)c->ic * TAPS;
    assert_ok(memory_new(&d.source, sources));
    assert_ok(memory_new(&d.before, results));
    assert_ok(memory_new(&d.weights, weights));
    assert_ok(memory_new(&d.bias, (size_t)c->oc));
    for (size_t i = 0; i < sources; i++) d.source[i] = cut(draw(&r));
    for (size_t i = 0; i < results; i++) d.before[i] = cut(draw(&r));
    for (size_t i = 0; i < weights; i++) d.weights[i] = draw(&r) * weight_scale;
    for (size_t i = 0; i < (size_t)c->oc; i++) d.bias[i] = draw(&r);
    return d;
}

static void data_free(data *d)
{
    memory_free(d->source);
    memory_free(d->before);
    memory_free(d->weights);
    memory_free(d->bias);
}

/* The result by `steps`, yours to free. */
static uint16_t *run(const map_case *c, const data *d, const winograd_bf16_steps *steps, int threads)
{
    const conv_spec spec = spec_of(c);
    const size_t results = values_of(c->oc, c);
    uint16_t *out = NULL;
    unsigned char *weights = NULL, *scratch = NULL;
    assert_ok(memory_new(&out, results + 2 * GUARD));
    assert_ok(memory_new(&weights, winograd_bf16_weights_bytes(&spec)));
    assert_ok(memory_new(&scratch, winograd_bf16_scratch_bytes(&spec, threads)));
    for (size_t i = 0; i < results + 2 * GUARD; i++) out[i] = UNTOUCHED;
    memcpy(out + GUARD, d->before, results * sizeof *out);
    winograd_bf16_prepare(weights, d->weights, NULL, &spec, threads);
    winograd_bf16_run(&(winograd_job){.spec = &spec,
                                 .steps = steps,
                                 .source = d->source,
                                 .weights = weights,
                                 .bias = d->bias,
                                 .destination = out + GUARD,
                                 .scratch = scratch,
                                 .threads = threads});
    for (size_t i = 0; i < GUARD; i++) {
        assert_int_equal(out[i], UNTOUCHED);
        assert_int_equal(out[GUARD + results + i], UNTOUCHED);
    }
    memory_free(weights);
    memory_free(scratch);
    return out;
}

static size_t place_of(const map_case *c, int channel, int y, int x)
{
    const size_t block = (size_t)(channel / LANES) * (size_t)c->h + (size_t)y;
    return (block * (size_t)c->w + (size_t)x) * LANES + (size_t)(channel % LANES);
}

/* As a convolution is defined. */
static double defined(const map_case *c, const data *d, int oc, int y, int x)
{
    double sum = (double)d->bias[oc];
    for (int ic = 0; ic < c->ic; ic++) {
        const float *const taps = d->weights + ((size_t)oc * (size_t)c->ic + (size_t)ic) * TAPS;
        for (int tap = 0; tap < TAPS; tap++) {
            const int sy = y + tap / 3 - 1, sx = x + tap % 3 - 1;
            if (sy < 0 || sy >= c->h || sx < 0 || sx >= c->w) continue;
            sum += (double)taps[tap] * (double)widen(d->source[place_of(c, ic, sy, sx)]);
        }
    }
    if (c->sum) sum += (double)widen(d->before[place_of(c, oc, y, x)]);
    return c->relu && sum < 0 ? 0 : sum;
}

/* Largest difference from the definition; a tolerance of 0 asks for every bit. */
static double compare(const map_case *c, const data *d, const uint16_t *out, double tolerance)
{
    double worst = 0;
    for (int oc = 0; oc < c->oc; oc++) {
        for (int y = 0; y < c->h; y++) {
            for (int x = 0; x < c->w; x++) {
                const double want = defined(c, d, oc, y, x), got = (double)widen(out[GUARD + place_of(c, oc, y, x)]);
                worst = fmax(worst, fabs(got - want));
                if (fabs(got - want) <= tolerance) continue;
                fail_msg("%d to %d channels, %d x %d: channel %d at %d, %d is %g, not %g", c->ic, c->oc, c->h, c->w, oc,
                         y, x, got, want);
            }
        }
    }
    return worst;
}

static void whole_numbers_are_exact(void **state)
{
    (void)state;
    const winograd_bf16_steps *const all[] = {winograd_bf16_plain(), winograd_bf16_fast()};
    for (int i = 0; i < CASE_COUNT; i++) {
        data d = data_of(&CASES[i], few_ones, 1);
        for (int k = 0; k < 2; k++) {
            if (all[k] == NULL) continue;
            uint16_t *const out = run(&CASES[i], &d, all[k], 2);
            (void)compare(&CASES[i], &d, out, 0);
            memory_free(out);
        }
        data_free(&d);
    }
}

/* Results of about 1: of what is multiplied, and of the result, half a unit in the last of 8 bits is lost. */
static void rounding_costs_little(void **state)
{
    (void)state;
    double worst = 0;
    for (int i = 0; i < CASE_COUNT; i++) {
        data d = data_of(&CASES[i], any_value, 1 / sqrtf(3.0F * (float)CASES[i].ic));
        uint16_t *const out = run(&CASES[i], &d, winograd_bf16_plain(), 2);
        worst = fmax(worst, compare(&CASES[i], &d, out, 0.03));
        memory_free(out);
        data_free(&d);
    }
    print_message("largest difference from the convolution without rounding: %.2e\n", worst);
}

/* Sums in another order are rounded to the same bf16 or to the next. */
static void fast_steps_are_near_the_plain_ones(void **state)
{
    (void)state;
    if (winograd_bf16_fast() == NULL) skip();
    int differ = 0;
    size_t all = 0;
    for (int i = 0; i < CASE_COUNT; i++) {
        const map_case *const c = &CASES[i];
        data d = data_of(c, any_value, 1 / sqrtf(3.0F * (float)c->ic));
        uint16_t *const plain = run(c, &d, winograd_bf16_plain(), 2), *const fast = run(c, &d, winograd_bf16_fast(), 2);
        for (size_t k = GUARD; k < GUARD + values_of(c->oc, c); k++, all++) {
            const float a = widen(plain[k]), b = widen(fast[k]);
            differ += plain[k] != fast[k];
            if (fabsf(a - b) > 0x1p-7F * fabsf(a) + 1e-5F) {
                fail_msg("%d to %d channels, %d x %d: %g is not %g", c->ic, c->oc, c->h, c->w, (double)b, (double)a);
            }
        }
        memory_free(plain);
        memory_free(fast);
        data_free(&d);
    }
    print_message("%d of %zu results are rounded to a neighbour\n", differ, all);
    assert_true((size_t)differ * 100 < all);
}

/* Powers of two, so that no bit is rounded: as if the weights had been multiplied. */
static void factors_are_of_output_channels(void **state)
{
    (void)state;
    const map_case *const c = &CASES[7];
    const conv_spec spec = spec_of(c);
    const size_t bytes = winograd_bf16_weights_bytes(&spec), of_channel = (size_t)c->ic * TAPS;
    data d = data_of(c, any_value, 0.1F);
    float *factors = NULL;
    unsigned char *want = NULL, *got = NULL;
    assert_ok(memory_new(&factors, (size_t)c->oc));
    assert_ok(memory_new(&want, bytes));
    assert_ok(memory_new(&got, bytes));
    for (size_t i = 0; i < (size_t)c->oc; i++) factors[i] = i % 3 == 0 ? 0.25F : i % 3 == 1 ? -2 : 8;
    winograd_bf16_prepare(got, d.weights, factors, &spec, 2);
    for (size_t i = 0; i < (size_t)c->oc * of_channel; i++) d.weights[i] *= factors[i / of_channel];
    winograd_bf16_prepare(want, d.weights, NULL, &spec, 2);
    assert_memory_equal(want, got, bytes);
    memory_free(factors);
    memory_free(want);
    memory_free(got);
    data_free(&d);
}

static void threads_change_nothing(void **state)
{
    (void)state;
    const winograd_bf16_steps *const steps = winograd_bf16_fast() != NULL ? winograd_bf16_fast() : winograd_bf16_plain();
    for (int i = 0; i < CASE_COUNT; i++) {
        data d = data_of(&CASES[i], any_value, 0.1F);
        uint16_t *const one = run(&CASES[i], &d, steps, 1);
        for (int threads = 2; threads <= 9; threads += 7) {
            uint16_t *const many = run(&CASES[i], &d, steps, threads);
            assert_memory_equal(one, many, (values_of(CASES[i].oc, &CASES[i]) + 2 * GUARD) * sizeof *one);
            memory_free(many);
        }
        memory_free(one);
        data_free(&d);
    }
}

static void what_is_no_number_is_noticed(void **state)
{
    (void)state;
    const map_case c = {32, 32, 6, 6, false, true};
    const winograd_bf16_steps *const all[] = {winograd_bf16_plain(), winograd_bf16_fast()};
    for (int k = 0; k < 2; k++) {
        if (all[k] == NULL) continue;
        data d = data_of(&c, any_value, 1);
        d.source[place_of(&c, 7, 3, 3)] = 0x7FC0;
        uint16_t *out = run(&c, &d, all[k], 1);
        for (int oc = 0; oc < c.oc; oc++) assert_true(isnan(widen(out[GUARD + place_of(&c, oc, 3, 3)])) != 0);
        assert_true(isfinite(widen(out[GUARD + place_of(&c, 0, 0, 0)])) != 0);
        memory_free(out);
        d.source[place_of(&c, 7, 3, 3)] = 0;
        const uint32_t payload = 0x7FFFFFFF; /* whose rounding would carry into the sign */
        memcpy(d.weights, &payload, sizeof payload);
        out = run(&c, &d, all[k], 1);
        assert_true(isnan(widen(out[GUARD + place_of(&c, 0, 3, 3)])) != 0);
        memory_free(out);
        data_free(&d);
    }
}

static void the_rule_is_about_shapes(void **state)
{
    (void)state;
    const map_case good = {32, 16, 6, 6, false, false};
    conv_spec s = spec_of(&good);
    assert_true(winograd_bf16_suits(&s));
    s.ic = 16;
    assert_false(winograd_bf16_suits(&s));
    s = spec_of(&good);
    s.iw = s.ow = 5;
    assert_false(winograd_bf16_suits(&s));
    s = spec_of(&good);
    s.stride = 2;
    assert_false(winograd_bf16_suits(&s));
    s = spec_of(&good);
    s.bf16 = false;
    assert_false(winograd_bf16_suits(&s));
    s = spec_of(&good);
    s.f32_result = true;
    assert_false(winograd_bf16_suits(&s));
    s = spec_of(&good);
    s.kernel = 1;
    assert_false(winograd_bf16_suits(&s));
}

/* ---- in a plan -------------------------------------------------------------------------------------------- */

/* Two convolutions with what may follow them, the second with a residual sum; and one that writes logits. */
static void build(graph *g)
{
    const int x = graph_conv(g, graph_input(g, 3), 32, 1, 1, 0, true, 2, "widen");
    const int y = graph_relu(g, graph_conv(g, x, 48, 3, 1, 1, true, 2, "first"), "relu1");
    const int z = graph_norm(g, graph_conv(g, y, 32, 3, 1, 1, false, 2, "second"), 2, "norm");
    const int sum = graph_relu(g, graph_add(g, z, x, "sum"), "relu2");
    assert_true(graph_conv(g, sum, 3, 3, 1, 1, true, 2, "logits") > 0);
}

static void run_plan(tensor *out, rig *r, const char *name, char lines[2048])
{
    rig_start(r, name, (shape){2, 3, 7, 9}, PLAN_INFER, 2);
    const tensor in = plan_input(r->p);
    fill_uniform(in.data, shape_count(in.shape), -1, 1, 3);
    assert_ok(plan_forward(r->p));
    const tensor logits = plan_logits(r->p);
    assert_ok(tensor_create(out, logits.shape));
    memcpy(out->data, logits.data, shape_count(logits.shape) * sizeof(float));
    FILE *const to = fmemopen(lines, 2048, "w");
    assert_non_null(to);
    plan_describe(r->p, to);
    fclose(to);
    plan_destroy(r->p);
    r->p = NULL;
}

static int count_of(const char *lines, const char *word)
{
    int count = 0;
    for (const char *at = lines; (at = strstr(at, word)) != NULL; at++) count++;
    return count;
}

static void plans_that_infer_in_bf16_use_it(void **state)
{
    (void)state;
    if (winograd_bf16_fast() == NULL) skip();
    char lines[2048];
    double worst = 0, largest = 0;
    tensor want = {0}, got = {0};
    rig r = {0};
    build(&r.g);
    run_plan(&want, &r, "reference", lines);
    r.precision = PRECISION_BF16;
    run_plan(&got, &r, "onednn", lines);
    assert_int_equal(count_of(lines, "winograd bf16"), 2); /* logits are f32 */
    for (size_t i = 0; i < shape_count(want.shape); i++) {
        worst = fmax(worst, fabs((double)got.data[i] - (double)want.data[i]));
        largest = fmax(largest, fabs((double)want.data[i]));
    }
    print_message("logits differ from the reference's by %.2e of the largest\n", worst / largest);
    assert_true(worst <= 0.02 * largest);
    tensor_free(&want);
    tensor_free(&got);
    rig_stop(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_numbers_are_exact),
        cmocka_unit_test(rounding_costs_little),
        cmocka_unit_test(fast_steps_are_near_the_plain_ones),
        cmocka_unit_test(factors_are_of_output_channels),
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(what_is_no_number_is_noticed),
        cmocka_unit_test(the_rule_is_about_shapes),
        cmocka_unit_test(plans_that_infer_in_bf16_use_it),
    };
    return cmocka_run_group_tests_name("winograd_bf16", tests, NULL, NULL);
}

#else

#include "without_onednn.h"

int main(void)
{
    return skip_without_onednn("winograd_bf16");
}

#endif
