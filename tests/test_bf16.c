/*
 * bf16 in the onednn engine. What needs no rounding must be exact: with small whole numbers everywhere every op gives
 * `reference`'s bits, forward and backward, in all the shapes of test_ops. Batch norm and whole networks are compared
 * with f32 at stated tolerances. Skipped where the processor does not compute in bf16.
 */
#include "op_patterns.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "net/loss.h"

static bool has_bf16(void)
{
    const engine *e = NULL;
    enum precision found;
    return engine_find(&e, "onednn") == POLYP_OK && engine_precision(&found, e, "auto") == POLYP_OK &&
           found == PRECISION_BF16;
}

#define NEEDS_BF16() \
    if (!has_bf16()) skip()

/* ---- one engine's results --------------------------------------------------------------------------------- */

typedef struct outcome {
    tensor output;
    params gradients, after; /* training */
} outcome;

static void outcome_free(outcome *o)
{
    tensor_free(&o->output);
    params_free(&o->gradients);
    params_free(&o->after);
}

/* `numbers` fills a tensor; the same for pictures and gradients. */
typedef void (*filling)(float *values, size_t count, uint64_t seed);

static void run_engine(outcome *o, rig *r, const char *name, shape input, enum plan_mode mode, filling numbers)
{
    rig_start(r, name, input, mode, 2);
    const tensor in = plan_input(r->p);
    numbers(in.data, shape_count(in.shape), 1);
    assert_ok(plan_forward(r->p));
    const tensor out = plan_logits(r->p);
    assert_ok(tensor_create(&o->output, out.shape));
    memcpy(o->output.data, out.data, shape_count(out.shape) * sizeof(float));
    if (mode == PLAN_TRAIN) {
        tensor gradient = {0};
        assert_ok(tensor_create(&gradient, out.shape));
        numbers(gradient.data, shape_count(out.shape), 2);
        assert_ok(plan_backward(r->p, &gradient));
        assert_ok(params_create(&o->gradients, &r->g.params));
        assert_ok(params_create(&o->after, &r->g.params));
        assert_ok(plan_save_gradients(r->p, &o->gradients));
        assert_ok(plan_save(r->p, &o->after));
        tensor_free(&gradient);
    }
    plan_destroy(r->p);
    r->p = NULL;
}

/* `want` in f32 by `name`, `got` in bf16 by onednn; `r` keeps its graph and weights. */
static void run_both(outcome *want, outcome *got, rig *r, const char *name, shape input, enum plan_mode mode,
                     filling numbers)
{
    r->precision = PRECISION_F32;
    run_engine(want, r, name, input, mode, numbers);
    r->precision = PRECISION_BF16;
    run_engine(got, r, "onednn", input, mode, numbers);
}

/* ---- exact ------------------------------------------------------------------------------------------------ */

/* -1, 0 and 1, mostly 0: sums stay under 256, below which bf16 holds every whole number. */
static void few_ones(float *values, size_t count, uint64_t seed)
{
    random_stream stream = random_open(seed, RANDOM_TEST, 7, 0);
    for (size_t i = 0; i < count; i++) {
        const uint64_t draw = random_below(&stream, 8);
        values[i] = draw == 0 ? 1.0F : draw == 1 ? -1.0F : 0.0F;
    }
}

static bool equal_values(const op_case *c, const char *what, const float *want, const float *got, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (want[i] == got[i]) continue;
        print_error("%s %s: %dx%dx%dx%d to %d channels, kernel %d stride %d%s: [%zu] is %.9g, not %.9g\n", c->pattern,
                    what, c->n, c->in, c->h, c->w, c->out, c->kernel, c->stride, c->bias ? " bias" : "", i,
                    (double)got[i], (double)want[i]);
        return false;
    }
    return true;
}

static int exact_case(const op_case *c)
{
    int failures = 0;
    rig r = {0};
    build(&r.g, c);
    assert_ok(params_create(&r.weights, &r.g.params));
    few_ones(r.weights.flat, r.weights.table->values, 3);
    for (int mode = PLAN_INFER; mode <= PLAN_TRAIN; mode++) {
        outcome want = {0}, got = {0};
        const shape input = {c->n, c->no_probe ? c->in : 3, c->h, c->w};
        run_both(&want, &got, &r, "reference", input, (enum plan_mode)mode, few_ones);
        failures += !equal_values(c, mode == PLAN_TRAIN ? "trained" : "inferred", want.output.data, got.output.data,
                                  shape_count(want.output.shape));
        if (mode == PLAN_TRAIN) {
            failures += !equal_values(c, "gradient", want.gradients.flat, got.gradients.flat, r.g.params.values);
        }
        outcome_free(&want);
        outcome_free(&got);
    }
    rig_stop(&r);
    return failures;
}

static void exact_pattern(const char *name, int (*builder)(graph *, int, const op_case *), const op_case *kernels,
                          int kernel_count)
{
    static const int sizes[][3] = {{1, 1, 1}, {1, 2, 2}, {2, 5, 7}, {2, 16, 10}};
    static const int channels[][2] = {{3, 5}, {17, 67}, {67, 1}, {64, 32}};
    int failures = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (size_t k = 0; k < sizeof channels / sizeof channels[0]; k++) {
            for (int j = 0; j < kernel_count; j++) {
                op_case c = kernels[j];
                c.pattern = name, c.build = builder;
                c.n = sizes[i][0], c.h = sizes[i][1], c.w = sizes[i][2];
                c.in = channels[k][0], c.out = channels[k][1];
                if (c.h + 2 * c.padding < c.kernel || c.w + 2 * c.padding < c.kernel) continue;
                failures += exact_case(&c);
            }
        }
    }
    if (failures > 0) fail_msg("%s: %d tensors differ", name, failures);
}

static void whole_numbers_are_exact(void **state)
{
    (void)state;
    NEEDS_BF16();
    static const op_case convolutions[] = {{.kernel = 1, .stride = 1, .bias = true},
                                           {.kernel = 3, .stride = 1, .padding = 1},
                                           {.kernel = 3, .stride = 2, .padding = 1, .bias = true},
                                           {.kernel = 1, .stride = 2},
                                           {.kernel = 7, .stride = 2, .padding = 3}};
    static const op_case of_picture[] = {{.kernel = 3, .stride = 1, .padding = 1, .no_probe = true},
                                         {.kernel = 7, .stride = 2, .padding = 3, .no_probe = true}};
    static const op_case pools[] = {{.kernel = 3, .stride = 2, .padding = 1}, {.kernel = 2, .stride = 2}};
    static const op_case none[] = {{.kernel = 1, .stride = 1}};
    exact_pattern("conv", conv, convolutions, 5);
    exact_pattern("conv_of_picture", conv_of_picture, of_picture, 2);
    exact_pattern("conv_relu", conv_relu, convolutions, 5);
    exact_pattern("relu", relu, none, 1);
    exact_pattern("add_twice", add_twice, none, 1);
    exact_pattern("max_pool", max_pool, pools, 2);
    exact_pattern("upconv", upconv, none, 1);
    exact_pattern("upsample", upsample, none, 1);
    exact_pattern("concat", concat, none, 1);
}

/* ---- batch norm ------------------------------------------------------------------------------------------- */

static void uniform(float *values, size_t count, uint64_t seed)
{
    fill_uniform(values, count, -1, 1, seed);
}

/* Norms that keep their values away from 0, so that rounding turns no ReLU: 0.1 times the normalised, plus or minus 2
 * (or, on a shortcut, 1). */
static void settle(params *w)
{
    params_initialise(w, 5);
    for (int i = 0; i < w->table->count; i++) {
        const param *const entry = &w->table->entries[i];
        float *const values = w->flat + entry->offset;
        const float far = strstr(entry->name, "shortcut") != NULL ? 1.0F : 2.0F;
        if (entry->role == PARAM_NORM_WEIGHT) fill_uniform(values, entry->count, 0.05, 0.1, (uint64_t)i);
        if (entry->role != PARAM_NORM_BIAS) continue;
        for (size_t k = 0; k < entry->count; k++) values[k] = k % 3 == 0 ? -far : far;
    }
}

/* Root of the summed squares of the difference, relative to what is wanted. */
static double relative_difference(const float *want, const float *got, size_t count, double least)
{
    double difference = 0, square = 0;
    for (size_t i = 0; i < count; i++) {
        const double d = (double)got[i] - (double)want[i];
        difference += d * d;
        square += (double)want[i] * (double)want[i];
    }
    return sqrt(difference) / fmax(sqrt(square), least);
}

static double worst_of_params(const params *want, const params *got, double least)
{
    double worst = 0;
    for (int i = 0; i < want->table->count; i++) {
        const param *const entry = &want->table->entries[i];
        const double d = relative_difference(want->flat + entry->offset, got->flat + entry->offset, entry->count, least);
        if (!(d <= worst)) worst = isnan(d) ? (double)INFINITY : d;
    }
    return worst;
}

static double norm_of(const float *values, size_t count)
{
    double square = 0;
    for (size_t i = 0; i < count; i++) square += (double)values[i] * (double)values[i];
    return sqrt(square);
}

static void compare_settled(const char *name, int (*builder)(graph *, int, const op_case *), op_case c, double limit)
{
    rig r = {0};
    outcome want = {0}, got = {0};
    c.build = builder;
    build(&r.g, &c);
    assert_ok(params_create(&r.weights, &r.g.params));
    settle(&r.weights);
    run_both(&want, &got, &r, "onednn", (shape){c.n, 3, c.h, c.w}, PLAN_TRAIN, uniform);
    const double output =
        relative_difference(want.output.data, got.output.data, shape_count(want.output.shape), 1e-6);
    /* a gradient that vanishes by its nature is measured by the others */
    const double least = 0.05 * norm_of(want.gradients.flat, want.gradients.table->values);
    const double gradients = worst_of_params(&want.gradients, &got.gradients, least);
    const double after = worst_of_params(&want.after, &got.after, 1e-3);
    print_message("%s: output %.1e, gradients %.1e, running statistics %.1e (limit %.0e)\n", name, output, gradients,
                  after, limit);
    assert_true(output <= limit && gradients <= limit && after <= limit);
    outcome_free(&want);
    outcome_free(&got);
    rig_stop(&r);
}

static void norms_are_near(void **state)
{
    (void)state;
    NEEDS_BF16();
    const op_case c = {.n = 3, .in = 17, .out = 32, .h = 16, .w = 14, .kernel = 3, .stride = 1, .padding = 1};
    compare_settled("norm", norm, c, 0.01);
    compare_settled("conv, norm", conv_norm, c, 0.01);
    compare_settled("conv, norm, relu", conv_norm_relu, c, 0.01);
    compare_settled("residual", residual, c, 0.01);
    /* rounding makes another pixel the largest of a window here and there */
    compare_settled("decoder", decoder, c, 0.15);
}

/* ---- whole networks --------------------------------------------------------------------------------------- */

enum { STEPS = 10, BATCH = 4, SIDE = 64 };

static void fill_masks(tensor t)
{
    for (size_t i = 0; i < shape_count(t.shape); i++) {
        const size_t x = i % SIDE, y = i / SIDE % SIDE, n = i / SIDE / SIDE;
        t.data[i] = x > 10 + 6 * n && x < 45 && y > 15 && y < 40 + 5 * n ? 1.0F : 0.0F;
    }
}

/* Pictures in which the mask can be seen. */
static void fill_pictures(tensor t, tensor masks)
{
    const size_t pixels = (size_t)SIDE * SIDE;
    fill_uniform(t.data, shape_count(t.shape), -1, 1, 11);
    for (size_t i = 0; i < shape_count(t.shape); i++) t.data[i] += masks.data[i / pixels / 3 * pixels + i % pixels];
}

static void ten_losses(double losses[STEPS], enum precision precision)
{
    rig r = {.precision = precision};
    unet_spec spec;
    assert_ok(unet_preset(&spec, "slim18"));
    assert_ok(unet_build(&r.g, &spec));
    rig_start(&r, "onednn", (shape){BATCH, 3, SIDE, SIDE}, PLAN_TRAIN, 2);
    tensor masks = {0}, gradient = {0};
    assert_ok(tensor_create(&masks, plan_logits(r.p).shape));
    assert_ok(tensor_create(&gradient, masks.shape));
    loss_spec spec_of_loss = loss_defaults();
    spec_of_loss.kind = LOSS_BCE_DICE;
    loss_function *loss = NULL;
    assert_ok(loss_open(&loss, &spec_of_loss, masks.shape));
    fill_masks(masks);
    fill_pictures(plan_input(r.p), masks);
    for (int i = 0; i < STEPS; i++) {
        step_rule rule = {.beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8, .decay = 0.01, .gradient_scale = 1};
        for (int k = 0; k < PARAM_GROUPS; k++) rule.rate[k] = 1e-3;
        rule.step = i + 1;
        assert_ok(plan_forward(r.p));
        const tensor logits = plan_logits(r.p);
        losses[i] = loss_compute(loss, &gradient, &logits, &masks);
        assert_ok(plan_backward(r.p, &gradient));
        assert_ok(plan_step(r.p, &rule));
    }
    loss_close(loss);
    tensor_free(&masks);
    tensor_free(&gradient);
    rig_stop(&r);
}

static void ten_losses_stay_within_two_percent(void **state)
{
    (void)state;
    NEEDS_BF16();
    double f32[STEPS], bf16[STEPS], worst = 0;
    ten_losses(f32, PRECISION_F32);
    ten_losses(bf16, PRECISION_BF16);
    for (int i = 0; i < STEPS; i++) worst = fmax(worst, fabs(bf16[i] / f32[i] - 1));
    print_message("ten steps: loss %.4f to %.4f in f32, %.4f to %.4f in bf16, worst ratio off by %.2e\n", f32[0],
                  f32[STEPS - 1], bf16[0], bf16[STEPS - 1], worst);
    assert_true(worst <= 0.02);
    assert_true(f32[STEPS - 1] < 0.9 * f32[0]); /* something was learnt */
}

/* ---- memory and refusals ---------------------------------------------------------------------------------- */

static size_t memory_of(enum plan_mode mode, enum precision precision)
{
    graph g = {0};
    unet_spec spec;
    const engine *e = NULL;
    size_t needed = 0;
    assert_ok(engine_find(&e, "onednn"));
    assert_ok(unet_preset(&spec, "slim"));
    assert_ok(unet_build(&g, &spec));
    const plan_options options = {.mode = mode, .precision = precision, .threads = 2};
    assert_ok(plan_memory_needed(&needed, e, &g, (shape){8, 3, 256, 256}, &options));
    graph_free(&g);
    return needed;
}

static void bf16_needs_less_memory(void **state)
{
    (void)state;
    NEEDS_BF16();
    assert_true(memory_of(PLAN_INFER, PRECISION_BF16) * 10 < memory_of(PLAN_INFER, PRECISION_F32) * 6);
    assert_true(memory_of(PLAN_TRAIN, PRECISION_BF16) * 10 < memory_of(PLAN_TRAIN, PRECISION_F32) * 8);
}

static void precisions_have_names(void **state)
{
    (void)state;
    const engine *e = NULL;
    enum precision found = PRECISION_BF16;
    assert_ok(engine_find(&e, "reference"));
    assert_ok(engine_precision(&found, e, "auto"));
    assert_int_equal(found, PRECISION_F32);
    assert_ok(engine_precision(&found, e, "f32"));
    assert_string_equal(precision_name(found), "f32");
    assert_string_equal(precision_name(PRECISION_BF16), "bf16");
    assert_int_equal(engine_precision(&found, e, "bf16"), POLYP_ERR_UNSUPPORTED);
    assert_int_equal(engine_precision(&found, e, "f16"), POLYP_ERR_ARGUMENT);
    assert_non_null(strstr(polyp_error(), "auto, f32, bf16"));
}

static void the_reference_engine_refuses_bf16(void **state)
{
    (void)state;
    graph g = {0};
    plan *p = NULL;
    const engine *e = NULL;
    size_t needed;
    const plan_options options = {.precision = PRECISION_BF16, .threads = 1};
    assert_true(graph_conv(&g, graph_input(&g, 3), 1, 1, 1, 0, true, 2, "op") > 0);
    assert_ok(engine_find(&e, "reference"));
    assert_int_equal(plan_create(&p, e, &g, (shape){1, 3, 8, 8}, &options), POLYP_ERR_UNSUPPORTED);
    assert_null(p);
    assert_int_equal(plan_memory_needed(&needed, e, &g, (shape){1, 3, 8, 8}, &options), POLYP_ERR_UNSUPPORTED);
    graph_free(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_numbers_are_exact),
        cmocka_unit_test(norms_are_near),
        cmocka_unit_test(ten_losses_stay_within_two_percent),
        cmocka_unit_test(bf16_needs_less_memory),
        cmocka_unit_test(precisions_have_names),
        cmocka_unit_test(the_reference_engine_refuses_bf16),
    };
    return cmocka_run_group_tests_name("bf16", tests, NULL, NULL);
}
