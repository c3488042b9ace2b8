/* The reference engine's ops against cases worked by hand: values first, then where gradients go. */
#include "engine_help.h"

#include <math.h>
#include <string.h>

/* ---- one op on a given picture -------------------------------------------------------------------------- */

static void rig_forward(rig *r, const float *picture)
{
    const tensor in = plan_input(r->p);
    memcpy(in.data, picture, shape_count(in.shape) * sizeof *picture);
    assert_ok(plan_forward(r->p));
}

static void check_shape(rig *r, int n, int c, int h, int w)
{
    const shape s = plan_logits(r->p).shape;
    assert_int_equal(s.n, n);
    assert_int_equal(s.c, c);
    assert_int_equal(s.h, h);
    assert_int_equal(s.w, w);
}

static void check_output(rig *r, const float *want)
{
    const tensor out = plan_logits(r->p);
    for (size_t i = 0; i < shape_count(out.shape); i++) {
        if (fabsf(out.data[i] - want[i]) > 1e-6F * fmaxf(1, fabsf(want[i]))) {
            fail_msg("value %zu is %.9g, not %.9g", i, (double)out.data[i], (double)want[i]);
        }
    }
}

static void fill(float *values, size_t count, float value)
{
    for (size_t i = 0; i < count; i++) values[i] = value;
}

/* A graph of one convolution; the weights are set by the caller before rig_start(). */
static void rig_conv(rig *r, int in, int out, int kernel, int stride, int padding, bool bias)
{
    assert_true(graph_conv(&r->g, graph_input(&r->g, in), out, kernel, stride, padding, bias, 2, "op") > 0);
    assert_ok(params_create(&r->weights, &r->g.params));
}

static void ones_over_ones_count_the_window(void **state)
{
    (void)state;
    rig r = {0};
    rig_conv(&r, 1, 1, 3, 1, 1, false);
    fill(rig_param(&r, "op.weight"), 9, 1);
    rig_start(&r, "reference", (shape){1, 1, 4, 4}, PLAN_INFER, 1);
    float picture[16];
    fill(picture, 16, 1);
    rig_forward(&r, picture);
    check_output(&r, (const float[16]){4, 6, 6, 4, 6, 9, 9, 6, 6, 9, 9, 6, 4, 6, 6, 4});
    rig_stop(&r);
}

/* Kernel place (0, 2) alone: out(y, x) = in(y - 1, x + 1). */
static void kernel_places_are_not_flipped(void **state)
{
    (void)state;
    rig r = {0};
    rig_conv(&r, 1, 1, 3, 1, 1, false);
    rig_param(&r, "op.weight")[2] = 1;
    rig_start(&r, "reference", (shape){1, 1, 2, 3}, PLAN_INFER, 1);
    rig_forward(&r, (const float[6]){1, 2, 3, 4, 5, 6});
    check_output(&r, (const float[6]){0, 0, 0, 2, 3, 0});
    rig_stop(&r);
}

static void stride_two_takes_every_other(void **state)
{
    (void)state;
    rig r = {0};
    rig_conv(&r, 1, 1, 3, 2, 1, false);
    rig_param(&r, "op.weight")[4] = 1;
    rig_start(&r, "reference", (shape){1, 1, 5, 4}, PLAN_INFER, 1);
    float picture[20];
    for (int i = 0; i < 20; i++) picture[i] = (float)i;
    rig_forward(&r, picture);
    check_shape(&r, 1, 1, 3, 2);
    check_output(&r, (const float[6]){0, 2, 8, 10, 16, 18});
    rig_stop(&r);
}

/* Rows -3..3, -1..5, 1..7 of 5 meet 4, 5, 4 rows; columns -3..3, -1..5 of 3 meet all 3. */
static void the_stem_on_odd_sizes(void **state)
{
    (void)state;
    rig r = {0};
    rig_conv(&r, 3, 1, 7, 2, 3, false);
    fill(rig_param(&r, "op.weight"), 147, 1);
    rig_start(&r, "reference", (shape){1, 3, 5, 3}, PLAN_INFER, 1);
    float picture[45];
    fill(picture, 45, 1);
    rig_forward(&r, picture);
    check_shape(&r, 1, 1, 3, 2);
    check_output(&r, (const float[6]){36, 36, 45, 45, 36, 36});
    rig_stop(&r);
}

/* 1x1, two channels to two, with bias: (1 a + 2 b + 10, 3 a - b + 20), for two pictures. */
static void channels_mix_with_bias(void **state)
{
    (void)state;
    rig r = {0};
    rig_conv(&r, 2, 2, 1, 1, 0, true);
    memcpy(rig_param(&r, "op.weight"), (const float[4]){1, 2, 3, -1}, 4 * sizeof(float));
    memcpy(rig_param(&r, "op.bias"), (const float[2]){10, 20}, 2 * sizeof(float));
    rig_start(&r, "reference", (shape){2, 2, 1, 2}, PLAN_INFER, 1);
    rig_forward(&r, (const float[8]){1, 2, 3, 4, 5, 6, 7, 8});
    check_output(&r, (const float[8]){17, 20, 20, 22, 29, 32, 28, 30});
    rig_stop(&r);
}

/* A row longer than what is summed at a time must show no seam. */
static void long_rows_have_no_seam(void **state)
{
    (void)state;
    enum { WIDTH = 1301 };
    rig r = {0};
    rig_conv(&r, 1, 1, 3, 1, 1, false);
    fill(rig_param(&r, "op.weight"), 9, 1);
    rig_start(&r, "reference", (shape){1, 1, 1, WIDTH}, PLAN_INFER, 2);
    float picture[WIDTH], want[WIDTH];
    for (int i = 0; i < WIDTH; i++) picture[i] = (float)i;
    for (int i = 0; i < WIDTH; i++) want[i] = (float)(3 * i);
    want[0] = 1;
    want[WIDTH - 1] = (float)(2 * WIDTH - 3);
    rig_forward(&r, picture);
    check_output(&r, want);
    rig_stop(&r);
}

/* In a: 1, 2; in b: 10, 20. Kernels a: 1 2 / 3 4, b: 5 6 / 7 8; bias 100. */
static void upconv_by_hand(void **state)
{
    (void)state;
    rig r = {0};
    assert_true(graph_upconv(&r.g, graph_input(&r.g, 2), 1, 2, "op") > 0);
    assert_ok(params_create(&r.weights, &r.g.params));
    for (int i = 0; i < 8; i++) rig_param(&r, "op.weight")[i] = (float)(i + 1);
    rig_param(&r, "op.bias")[0] = 100;
    rig_start(&r, "reference", (shape){1, 2, 1, 2}, PLAN_INFER, 1);
    rig_forward(&r, (const float[4]){1, 2, 10, 20});
    check_shape(&r, 1, 1, 2, 4);
    check_output(&r, (const float[8]){151, 162, 202, 224, 173, 184, 246, 268});
    rig_stop(&r);
}

/* ---- batch norm ------------------------------------------------------------------------------------------ */

static void rig_norm(rig *r, float gamma, float beta, float mean, float variance)
{
    assert_true(graph_norm(&r->g, graph_input(&r->g, 1), 2, "op") > 0);
    assert_ok(params_create(&r->weights, &r->g.params));
    *rig_param(r, "op.weight") = gamma;
    *rig_param(r, "op.bias") = beta;
    *rig_param(r, "op.running_mean") = mean;
    *rig_param(r, "op.running_var") = variance;
}

/* Values 1..4: mean 2.5, variance 1.25, unbiased 5/3. Deviation with epsilon: 1.118038. */
static void norm_in_training(void **state)
{
    (void)state;
    rig r = {0};
    rig_norm(&r, 2, 10, 7, 1);
    rig_start(&r, "reference", (shape){2, 1, 1, 2}, PLAN_TRAIN, 1);
    rig_forward(&r, (const float[4]){1, 2, 3, 4});
    check_output(&r, (const float[4]){7.3167296F, 9.1055765F, 10.8944235F, 12.6832704F});
    assert_ok(plan_save(r.p, &r.weights));
    assert_float_equal(*rig_param(&r, "op.running_mean"), (float)(0.9 * 7 + 0.1 * 2.5), 1e-6);
    assert_float_equal(*rig_param(&r, "op.running_var"), (float)(0.9 + 0.1 * 5 / 3), 1e-6);
    assert_ok(plan_forward(r.p));
    assert_ok(plan_save(r.p, &r.weights));
    assert_float_equal(*rig_param(&r, "op.running_mean"), (float)(0.9 * 6.55 + 0.1 * 2.5), 1e-6);
    rig_stop(&r);
}

static void norm_in_inference(void **state)
{
    (void)state;
    rig r = {0};
    rig_norm(&r, 3, -1, 1, 4);
    rig_start(&r, "reference", (shape){1, 1, 1, 3}, PLAN_INFER, 1);
    rig_forward(&r, (const float[3]){1, 3, -3});
    check_output(&r, (const float[3]){-1, 1.9999962F, -6.9999925F});
    rig_stop(&r);
}

/* A constant channel becomes beta; one value has variance 0 and leaves finite running statistics. */
static void norm_of_constants(void **state)
{
    (void)state;
    for (int width = 1; width <= 4; width += 3) {
        rig r = {0};
        rig_norm(&r, 2, 5, 0, 1);
        rig_start(&r, "reference", (shape){1, 1, 1, width}, PLAN_TRAIN, 1);
        rig_forward(&r, (const float[4]){3, 3, 3, 3});
        check_output(&r, (const float[4]){5, 5, 5, 5});
        assert_ok(plan_save(r.p, &r.weights));
        assert_float_equal(*rig_param(&r, "op.running_var"), 0.9, 1e-6);
        rig_stop(&r);
    }
}

/* ---- ops without parameters ------------------------------------------------------------------------------ */

static void relu_keeps_nan(void **state)
{
    (void)state;
    rig r = {0};
    assert_true(graph_relu(&r.g, graph_input(&r.g, 1), "op") > 0);
    rig_start(&r, "reference", (shape){1, 1, 1, 4}, PLAN_INFER, 1);
    rig_forward(&r, (const float[4]){-2, 0, 3, NAN});
    const float *const out = plan_logits(r.p).data;
    assert_true(out[0] == 0 && out[1] == 0 && out[2] == 3 && isnan(out[3]));
    rig_stop(&r);
}

/* 4x4, values 0..15 negated by 20, window 3x3, stride 2, padding 1: padding (0) would win everywhere if it could. */
static void padding_never_wins(void **state)
{
    (void)state;
    rig r = {0};
    assert_true(graph_max_pool(&r.g, graph_input(&r.g, 1), 3, 2, 1, "op") > 0);
    rig_start(&r, "reference", (shape){1, 1, 4, 4}, PLAN_INFER, 1);
    float picture[16];
    for (int i = 0; i < 16; i++) picture[i] = (float)(i - 20);
    rig_forward(&r, picture);
    check_shape(&r, 1, 1, 2, 2);
    check_output(&r, (const float[4]){-15, -13, -7, -5});
    picture[5] = NAN;
    rig_forward(&r, picture);
    for (int i = 0; i < 4; i++) assert_true(isnan(plan_logits(r.p).data[i]));
    rig_stop(&r);
}

/* x: 1 channel; concatenate [relu x, x] per picture; add [that, that]. */
static void concat_and_add(void **state)
{
    (void)state;
    rig r = {0};
    const int x = graph_input(&r.g, 1);
    const int both = graph_concat(&r.g, graph_relu(&r.g, x, "relu"), x, "concat");
    assert_true(graph_add(&r.g, both, both, "add") > 0);
    rig_start(&r, "reference", (shape){2, 1, 1, 2}, PLAN_INFER, 1);
    rig_forward(&r, (const float[4]){1, -2, -3, 4});
    check_shape(&r, 2, 2, 1, 2);
    check_output(&r, (const float[8]){2, 0, 2, -4, 0, 8, -6, 8});
    rig_stop(&r);
}

/* ---- where gradients go ---------------------------------------------------------------------------------- */

/* Gradient of weight `name` for the given gradient of the logits. */
static void backward_to(rig *r, const char *name, const float *gradient, float *out)
{
    const tensor logits = plan_logits(r->p);
    tensor g = logits;
    g.data = memory_allocate(shape_count(logits.shape), sizeof(float));
    memcpy(g.data, gradient, shape_count(logits.shape) * sizeof(float));
    params all = {0};
    assert_ok(plan_backward(r->p, &g));
    assert_ok(params_create(&all, &r->g.params));
    assert_ok(plan_save_gradients(r->p, &all));
    const param *const entry = &r->g.params.entries[param_find(&r->g.params, name)];
    memcpy(out, all.flat + entry->offset, entry->count * sizeof(float));
    params_free(&all);
    memory_free(g.data);
}

/* All zeros: each 3x3 window's gradient goes to its first pixel inside the picture. */
static void ties_go_to_the_first(void **state)
{
    (void)state;
    rig r = {0};
    const int x = graph_picture(&r.g, 1, 1, 5);
    assert_true(graph_max_pool(&r.g, x, 3, 2, 1, "pool") > 0);
    assert_ok(params_create(&r.weights, &r.g.params));
    rig_start(&r, "reference", (shape){1, 1, 1, 1}, PLAN_TRAIN, 1);
    rig_forward(&r, (const float[1]){1});
    check_shape(&r, 1, 1, 3, 3);
    float got[25];
    backward_to(&r, "picture.weight", (const float[9]){1, 2, 3, 4, 5, 6, 7, 8, 9}, got);
    const float want[25] = {1, 2, 0, 3, 0, 4, 5, 0, 6, 0, 0, 0, 0, 0, 0, 7, 8, 0, 9, 0, 0, 0, 0, 0, 0};
    for (int i = 0; i < 25; i++) assert_true(got[24 - i] == want[i]); /* the kernel is the picture turned round */
    rig_stop(&r);
}

/* y = x + x, then [y, x]: dx = 2 (first) + second. A second backward pass overwrites, it does not add. */
static void gradients_of_what_is_read_twice_add_up(void **state)
{
    (void)state;
    rig r = {0};
    const int x = graph_picture(&r.g, 1, 1, 2);
    assert_true(graph_concat(&r.g, graph_add(&r.g, x, x, "add"), x, "concat") > 0);
    rig_start(&r, "reference", (shape){1, 1, 1, 1}, PLAN_TRAIN, 1);
    rig_forward(&r, (const float[1]){1});
    float got[4];
    for (int pass = 0; pass < 2; pass++) {
        backward_to(&r, "picture.weight", (const float[8]){1, 2, 3, 4, 10, 20, 30, 40}, got);
        for (int i = 0; i < 4; i++) assert_true(got[3 - i] == (float)(12 * (i + 1)));
    }
    rig_stop(&r);
}

static void upsampling_repeats_and_its_gradient_sums(void **state)
{
    (void)state;
    rig r = {0};
    const int x = graph_picture(&r.g, 1, 1, 2);
    assert_true(graph_upsample(&r.g, x, "op") > 0);
    assert_ok(params_create(&r.weights, &r.g.params));
    for (int i = 0; i < 4; i++) rig_param(&r, "picture.weight")[i] = (float)(i + 1);
    rig_start(&r, "reference", (shape){1, 1, 1, 1}, PLAN_TRAIN, 1);
    rig_forward(&r, (const float[1]){1});
    check_shape(&r, 1, 1, 4, 4);
    const float *const seen = plan_logits(r.p).data; /* the picture's own order is graph_picture()'s */
    const float a = seen[0], b = seen[2], c = seen[8], d = seen[10];
    check_output(&r, (const float[16]){a, a, b, b, a, a, b, b, c, c, d, d, c, c, d, d});
    assert_true(a + b + c + d == 10 && a * b * c * d == 24);
    float got[4];
    backward_to(&r, "picture.weight",
                (const float[16]){1, 2, 3, 4, 5, 6, 7, 8, 10, 20, 30, 40, 50, 60, 70, 80}, got);
    for (int i = 0; i < 4; i++) {
        const float value = rig_param(&r, "picture.weight")[i];
        assert_true(got[i] == (value == a ? 14.0F : value == b ? 22.0F : value == c ? 140.0F : 220.0F));
    }
    rig_stop(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ones_over_ones_count_the_window),
        cmocka_unit_test(kernel_places_are_not_flipped),
        cmocka_unit_test(stride_two_takes_every_other),
        cmocka_unit_test(the_stem_on_odd_sizes),
        cmocka_unit_test(channels_mix_with_bias),
        cmocka_unit_test(long_rows_have_no_seam),
        cmocka_unit_test(upconv_by_hand),
        cmocka_unit_test(upsampling_repeats_and_its_gradient_sums),
        cmocka_unit_test(norm_in_training),
        cmocka_unit_test(norm_in_inference),
        cmocka_unit_test(norm_of_constants),
        cmocka_unit_test(relu_keeps_nan),
        cmocka_unit_test(padding_never_wins),
        cmocka_unit_test(concat_and_add),
        cmocka_unit_test(ties_go_to_the_first),
        cmocka_unit_test(gradients_of_what_is_read_twice_add_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
