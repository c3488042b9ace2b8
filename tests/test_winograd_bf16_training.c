/*
 * Winograd's algorithm in bf16 training: weights that are transformed from a training plan's blocks, gradients of the source,
 * several images at once, and plans that use it against `reference`.
 */
#include "engine_help.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#ifdef HAVE_ONEDNN

#include "winograd_help.h"

enum { LANES = 16, IMAGES = 3, GAP = 48 };
static const uint16_t UNTOUCHED = 0x4242;

typedef struct map_case {
    int ic, oc, h, w;
} map_case;

/* Odd sides; one, two, three, four and five blocks of channels, of which pairs are multiplied together. */
static const map_case CASES[] = {{16, 16, 5, 7},  {32, 16, 1, 9}, {16, 48, 7, 3},
                                 {96, 32, 9, 1},  {64, 80, 7, 11}, {48, 96, 13, 9}};
enum { CASE_COUNT = sizeof CASES / sizeof CASES[0] };

static conv_spec spec_of(const map_case *c)
{
    return (conv_spec){.n = IMAGES, .ic = c->ic, .ih = c->h, .iw = c->w, .oc = c->oc, .oh = c->h, .ow = c->w, .kernel = 3,
                       .stride = 1, .padding = 1, .bf16 = true};
}

/* ---- weights ---------------------------------------------------------------------------------------------- */

static weights_blocks blocks_of(const map_case *c)
{
    return blocks_for(c->ic, c->oc, LANES);
}

static size_t weights_of(const map_case *c)
{
    return (size_t)c->oc * (size_t)c->ic * TAPS;
}

static unsigned char *bytes(size_t count)
{
    unsigned char *values = NULL;
    assert_ok(memory_new(&values, count));
    return values;
}

static void blocks_give_the_bits_of_plain_weights(void **state)
{
    (void)state;
    for (int i = 0; i < CASE_COUNT; i++) {
        const map_case *const c = &CASES[i];
        const conv_spec spec = spec_of(c), turned_spec = winograd_turned(&spec);
        const weights_blocks b = blocks_of(c);
        float *const plain = floats(weights_of(c)), *const blocked = floats(weights_of(c));
        float *const turned = floats(weights_of(c));
        const size_t size = winograd_bf16_weights_bytes(&spec);
        unsigned char *const want = bytes(size), *const got = bytes(size);
        fill_uniform(plain, weights_of(c), -1, 1, 21);
        arrange_weights(blocked, turned, plain, &b);
        assert_true(winograd_bf16_reads(&b, &spec));
        assert_int_equal(winograd_bf16_weights_bytes(&turned_spec), size);
        for (int threads = 1; threads <= 3; threads++) {
            winograd_bf16_prepare(want, plain, NULL, &spec, 1);
            winograd_bf16_prepare_forward(got, blocked, &b, &spec, threads);
            assert_memory_equal(want, got, size);
            winograd_bf16_prepare(want, turned, NULL, &turned_spec, 1);
            winograd_bf16_prepare_backward(got, blocked, &b, &turned_spec, threads);
            assert_memory_equal(want, got, size);
        }
        memory_free(plain);
        memory_free(blocked);
        memory_free(turned);
        memory_free(want);
        memory_free(got);
    }
}

static void other_layouts_are_not_read(void **state)
{
    (void)state;
    const map_case *const c = &CASES[1];
    const conv_spec spec = spec_of(c);
    weights_blocks b = blocks_of(c);
    b.ic_inner = 2;
    assert_false(winograd_bf16_reads(&b, &spec));
    b = blocks_of(c);
    b.oc_block = 8;
    assert_false(winograd_bf16_reads(&b, &spec));
    b = blocks_of(c);
    b.ic = 48;
    assert_false(winograd_bf16_reads(&b, &spec));
}

/* ---- the gradient of the source --------------------------------------------------------------------------- */

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

/* As backward data is defined: each pixel of the result's gradient goes to the nine that it was made of. */
static double defined(const map_case *c, const float *plain, const uint16_t *dy, int image, int ic, int y, int x)
{
    double sum = 0;
    for (int tap = 0; tap < TAPS; tap++) {
        const int oy = y - (tap / 3 - 1), ox = x - (tap % 3 - 1);
        if (oy < 0 || oy >= c->h || ox < 0 || ox >= c->w) continue;
        for (int oc = 0; oc < c->oc; oc++) {
            sum += (double)plain[plain_place(c->ic, oc, ic, tap)] *
                   (double)widen(dy[place_of(c, c->oc, image, oc, oy, ox)]);
        }
    }
    return sum;
}

typedef struct backward_data {
    float *plain, *blocked;
    uint16_t *dy;
} backward_data;

/* exact: -1, 0 and 1, mostly 0, so that nothing is rounded. */
static backward_data data_of(const map_case *c, bool exact)
{
    random_stream r = random_open(5, RANDOM_TEST, 12, 0);
    const size_t count = weights_of(c), gradients = IMAGES * image_values(c->oc, c);
    const float scale = exact ? 1 : 1 / sqrtf(3.0F * (float)c->oc);
    backward_data d = {.plain = floats(count), .blocked = floats(count)};
    assert_ok(memory_new(&d.dy, gradients));
    for (size_t i = 0; i < count + gradients; i++) {
        const uint64_t draw = random_below(&r, 16);
        float value = draw == 0 ? 1.0F : draw == 1 ? -1.0F : 0.0F;
        if (!exact) value = (float)random_uniform(&r, -1, 1);
        if (i < count) {
            d.plain[i] = value * scale;
        } else {
            d.dy[i - count] = cut(value);
        }
    }
    float *const turned = floats(count);
    const weights_blocks b = blocks_of(c);
    arrange_weights(d.blocked, turned, d.plain, &b);
    memory_free(turned);
    return d;
}

static void data_free(backward_data *d)
{
    memory_free(d->plain);
    memory_free(d->blocked);
    memory_free(d->dy);
}

/* The source's gradient, yours to free. */
static uint16_t *run_backward(const map_case *c, const backward_data *d, const winograd_bf16_steps *steps, int threads)
{
    const conv_spec spec = spec_of(c), turned = winograd_turned(&spec);
    const weights_blocks b = blocks_of(c);
    const size_t count = IMAGES * image_values(c->ic, c);
    uint16_t *out = NULL;
    assert_ok(memory_new(&out, count));
    for (size_t i = 0; i < count; i++) out[i] = UNTOUCHED;
    unsigned char *const weights = bytes(winograd_bf16_weights_bytes(&turned));
    unsigned char *const scratch = bytes(winograd_bf16_scratch_bytes(&turned, threads));
    winograd_bf16_prepare_backward(weights, d->blocked, &b, &turned, threads);
    winograd_bf16_run(&(winograd_job){.spec = &turned,
                                 .steps = steps,
                                 .source = d->dy,
                                 .source_image = image_values(c->oc, c),
                                 .weights = weights,
                                 .destination = out,
                                 .destination_image = image_values(c->ic, c),
                                 .scratch = scratch,
                                 .threads = threads});
    memory_free(weights);
    memory_free(scratch);
    return out;
}

static double compare(const map_case *c, const backward_data *d, const uint16_t *got, double tolerance)
{
    double worst = 0;
    for (int image = 0; image < IMAGES; image++) {
        for (int i = 0; i < c->ic * c->h * c->w; i++) {
            const int ic = i / (c->h * c->w), y = i / c->w % c->h, x = i % c->w;
            const double want = defined(c, d->plain, d->dy, image, ic, y, x);
            const double value = (double)widen(got[place_of(c, c->ic, image, ic, y, x)]);
            worst = fmax(worst, fabs(value - want));
            if (fabs(value - want) <= tolerance) continue;
            fail_msg("%d from %d channels, %d x %d: image %d, channel %d at %d, %d is %g, not %g", c->ic, c->oc, c->h, c->w,
                     image, ic, y, x, value, want);
        }
        for (size_t k = 1; k <= GAP; k++) {
            assert_int_equal(got[(size_t)(image + 1) * image_values(c->ic, c) - k], UNTOUCHED);
        }
    }
    return worst;
}

static void gradients_of_sources_are_as_defined(void **state)
{
    (void)state;
    const winograd_bf16_steps *const all[] = {winograd_bf16_plain(), winograd_bf16_fast()};
    double worst = 0;
    for (int i = 0; i < 2 * CASE_COUNT; i++) {
        const map_case *const c = &CASES[i / 2];
        const bool exact = i % 2 == 0;
        backward_data d = data_of(c, exact);
        for (int k = 0; k < 2; k++) {
            if (all[k] == NULL) continue;
            uint16_t *const got = run_backward(c, &d, all[k], 2);
            worst = fmax(worst, compare(c, &d, got, exact ? 0 : 0.03));
            memory_free(got);
        }
        data_free(&d);
    }
    print_message("largest difference from the gradient without rounding: %.2e\n", worst);
}

static void threads_change_nothing(void **state)
{
    (void)state;
    const winograd_bf16_steps *const steps = winograd_bf16_fast() != NULL ? winograd_bf16_fast() : winograd_bf16_plain();
    for (int i = 0; i < CASE_COUNT; i++) {
        backward_data d = data_of(&CASES[i], false);
        uint16_t *const one = run_backward(&CASES[i], &d, steps, 1);
        for (int threads = 2; threads <= 9; threads += 7) {
            uint16_t *const many = run_backward(&CASES[i], &d, steps, threads);
            assert_memory_equal(one, many, IMAGES * image_values(CASES[i].ic, &CASES[i]) * sizeof *one);
            memory_free(many);
        }
        memory_free(one);
        data_free(&d);
    }
}

static void the_rule_counts_pixels(void **state)
{
    (void)state;
    const map_case c = {32, 16, 8, 8};
    conv_spec s = spec_of(&c);
    s.n = 8;
    assert_true(winograd_bf16_suits_training(&s));
    s.n = 1;
    assert_true(winograd_bf16_suits(&s));
    assert_false(winograd_bf16_suits_training(&s));
    s.n = 8;
    s.bias = s.f32_result = true;
    assert_false(winograd_bf16_suits_training(&s));
    const conv_spec turned = winograd_turned(&s);
    assert_true(turned.ic == 16 && turned.oc == 32 && !turned.bias && !turned.f32_result);
    assert_false(winograd_bf16_suits_training(&turned)); /* 16 channels are too few */
}

/* ---- in a plan -------------------------------------------------------------------------------------------- */

/* Convolutions with and without a bias, a batch norm, a sum; one that makes few channels of many, whose gradient has few
 * to read; and two heads. Nothing is rectified: rounding would turn some pixels. */
static void build(graph *g)
{
    const int x = graph_conv(g, graph_input(g, 3), 32, 1, 1, 0, true, 0, "widen");
    const int y = graph_conv(g, x, 48, 3, 1, 1, true, 1, "first");
    const int z = graph_norm(g, graph_conv(g, y, 32, 3, 1, 1, false, 2, "second"), 2, "norm");
    const int sum = graph_add(g, z, x, "sum");
    const int few = graph_conv(g, sum, 16, 3, 1, 1, false, 2, "few");
    g->auxiliary[g->auxiliary_count++] = graph_conv(g, y, 1, 1, 1, 0, true, 2, "head1");
    assert_true(graph_conv(g, few, 1, 1, 1, 0, true, 2, "head0") > 0);
    g->output = g->count - 1;
}

static const step_rule RULE = {.beta1 = .9, .beta2 = .99, .epsilon = 1e-5, .rate = {.01, .01, .01}, .gradient_scale = 1,
                               .step = 1};

typedef struct outcome {
    tensor logits;
    params gradients, after;
} outcome;

static void outcome_free(outcome *o)
{
    tensor_free(&o->logits);
    params_free(&o->gradients);
    params_free(&o->after);
}

static void start(rig *r, const char *name, enum precision precision)
{
    const engine *e = NULL;
    const plan_options options = {.mode = PLAN_TRAIN, .precision = precision, .threads = 2, .accumulate = true};
    *r = (rig){.precision = precision};
    build(&r->g);
    assert_ok(params_create(&r->weights, &r->g.params));
    params_initialise(&r->weights, 1);
    assert_ok(engine_find(&e, name));
    assert_ok(plan_create(&r->p, e, &r->g, (shape){2, 3, 17, 19}, &options));
    assert_ok(plan_load(r->p, &r->weights));
    const tensor in = plan_input(r->p);
    fill_uniform(in.data, shape_count(in.shape), -1, 1, 3);
}

/* Forward and backward, from half the sum of squares of all logits. */
static void pass(rig *r)
{
    assert_ok(plan_forward(r->p));
    const tensor gradients[GRAPH_OUTPUTS] = {plan_logits(r->p), plan_auxiliary(r->p, 0)};
    assert_ok(plan_backward(r->p, gradients));
}

static params gradients_of(const rig *r)
{
    params p = {0};
    assert_ok(params_create(&p, &r->g.params));
    assert_ok(plan_save_gradients(r->p, &p));
    return p;
}

/* And the weights after a step. */
static outcome outcome_of(rig *r)
{
    outcome o = {0};
    pass(r);
    const tensor logits = plan_logits(r->p);
    assert_ok(tensor_create(&o.logits, logits.shape));
    memcpy(o.logits.data, logits.data, shape_count(logits.shape) * sizeof(float));
    o.gradients = gradients_of(r);
    assert_ok(plan_step(r->p, &RULE));
    assert_ok(params_create(&o.after, &r->g.params));
    assert_ok(plan_save(r->p, &o.after));
    return o;
}

/* Root of the summed squares of the difference, of what is wanted. */
static double difference(const float *want, const float *got, size_t count)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < count; i++) {
        const double d = (double)got[i] - (double)want[i];
        sum += d * d;
        squares += (double)want[i] * (double)want[i];
    }
    return sqrt(sum / fmax(squares, 1e-12));
}

static void a_plan_that_trains_is_near_the_reference(void **state)
{
    (void)state;
    if (winograd_bf16_fast() == NULL) skip();
    rig r;
    start(&r, "reference", PRECISION_F32);
    outcome want = outcome_of(&r);
    rig_stop(&r);
    start(&r, "onednn", PRECISION_BF16);
    assert_int_equal(lines_with(&r, "conv forward", "winograd bf16"), 3);
    assert_int_equal(lines_with(&r, "conv backward data", "winograd bf16"), 2); /* of 16 channels directly */
    assert_int_equal(lines_with(&r, "conv backward weights", "winograd bf16"), 0);
    outcome got = outcome_of(&r);
    double worst = difference(want.logits.data, got.logits.data, shape_count(want.logits.shape));
    print_message("logits %.1e", worst);
    for (int i = 0; i < r.g.params.count; i++) {
        const param *const e = &r.g.params.entries[i];
        /* a running statistic, or a gradient */
        const params *const a = e->trained ? &want.gradients : &want.after, *const b = e->trained ? &got.gradients : &got.after;
        const double d = difference(a->flat + e->offset, b->flat + e->offset, e->count);
        print_message(", %s %.1e", e->name, d);
        worst = fmax(worst, d);
    }
    print_message("; worst of all %.1e\n", worst);
    assert_true(worst <= 0.03);
    outcome_free(&want);
    outcome_free(&got);
    rig_stop(&r);
}

static void equal_runs_give_equal_bits(void **state)
{
    (void)state;
    if (winograd_bf16_fast() == NULL) skip();
    outcome both[2];
    size_t size = 0;
    for (int i = 0; i < 2; i++) {
        rig r;
        start(&r, "onednn", PRECISION_BF16);
        both[i] = outcome_of(&r);
        size = r.g.params.values * sizeof(float);
        rig_stop(&r);
    }
    assert_true(size > 0);
    assert_memory_equal(both[0].gradients.flat, both[1].gradients.flat, size);
    assert_memory_equal(both[0].after.flat, both[1].after.flat, size);
    for (int i = 0; i < 2; i++) outcome_free(&both[i]);
}

/* Frozen convolutions hand their gradient on; two batches' gradients are added. */
static void frozen_and_accumulated_gradients(void **state)
{
    (void)state;
    if (winograd_bf16_fast() == NULL) skip();
    rig r;
    start(&r, "onednn", PRECISION_BF16);
    pass(&r);
    params all = gradients_of(&r);
    assert_ok(plan_hold_gradients(r.p));
    pass(&r);
    params twice = gradients_of(&r);
    step_rule rule = RULE;
    rule.frozen[1] = true;
    assert_ok(plan_leave_out(r.p, &rule));
    pass(&r);
    params some = gradients_of(&r);
    for (int i = 0; i < r.g.params.count; i++) {
        const param *const e = &r.g.params.entries[i];
        for (size_t k = e->offset; e->trained && k < e->offset + e->count; k++) {
            assert_true(twice.flat[k] == 2 * all.flat[k]);
            if (e->group != 1) assert_true(some.flat[k] == all.flat[k]);
        }
    }
    params_free(&all);
    params_free(&twice);
    params_free(&some);
    rig_stop(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_give_the_bits_of_plain_weights),
        cmocka_unit_test(other_layouts_are_not_read),
        cmocka_unit_test(gradients_of_sources_are_as_defined),
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(the_rule_counts_pixels),
        cmocka_unit_test(a_plan_that_trains_is_near_the_reference),
        cmocka_unit_test(equal_runs_give_equal_bits),
        cmocka_unit_test(frozen_and_accumulated_gradients),
    };
    return cmocka_run_group_tests_name("winograd_bf16_training", tests, NULL, NULL);
}

#else

#include "without_onednn.h"

int main(void)
{
    return skip_without_onednn("winograd_bf16_training");
}

#endif
