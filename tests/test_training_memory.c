/* What training does not keep is made again with the same bits; memory between steps is lent; frozen gradients are left out. */
#include "engine_help.h"

#include <math.h>
#include <string.h>

static const shape INPUT = {2, 3, 20, 20};
static const step_rule RULE = {.beta1 = .9,
                               .beta2 = .99,
                               .epsilon = 1e-5,
                               .rate = {.01, .01, .01, .01, .01, .01},
                               .gradient_scale = 1,
                               .step = 1};

static int normed(graph *g, int source, int channels, int kernel, int group, const char *name)
{
    char norm[32];
    (void)snprintf(norm, sizeof norm, "%s_norm", name);
    return graph_norm(g, graph_conv(g, source, channels, kernel, 1, kernel / 2, false, group, name), group, norm);
}

/*
 * A little of everything that is not kept: rectified norms, wide 1x1 convolutions before a sum, and concatenations of what
 * is made again, of what is kept, of both kinds of upsampling and of the picture. Some of its convolutions have the 32
 * channels that Winograd's algorithm wants, on maps of 10 x 10.
 */
static void build(graph *g)
{
    const int x = graph_input(g, 3);
    const int stem = graph_relu(g, normed(g, x, 8, 3, 0, "stem"), "stem_relu");
    const int low = graph_max_pool(g, stem, 3, 2, 1, "pool");
    const int a = graph_relu(g, normed(g, low, 8, 1, 1, "a"), "a_relu");
    const int wide = graph_add(g, normed(g, a, 32, 1, 1, "wide"), normed(g, low, 32, 1, 1, "shortcut"), "add");
    const int first = graph_relu(g, wide, "first");
    const int b = graph_relu(g, normed(g, first, 32, 3, 1, "b"), "b_relu");
    const int second = graph_relu(g, graph_add(g, normed(g, b, 32, 1, 1, "wide2"), first, "add2"), "second");
    const int deep = graph_relu(g, normed(g, graph_max_pool(g, second, 3, 2, 1, "pool2"), 16, 3, 2, "deep"), "deep_relu");
    const int up = graph_upconv(g, deep, 8, PARAM_GROUP_DECODER, "up");
    const int joined = graph_concat(g, up, second, "joined");
    const int c = graph_relu(g, normed(g, joined, 32, 3, PARAM_GROUP_DECODER, "c"), "c_relu");
    const int joined2 = graph_concat(g, graph_upsample(g, c, "up2"), stem, "joined2");
    const int d = graph_relu(g, normed(g, joined2, 8, 3, PARAM_GROUP_DECODER, "d"), "d_relu");
    const int joined3 = graph_concat(g, d, x, "joined3");
    const int e = graph_relu(g, normed(g, joined3, 8, 3, PARAM_GROUP_DECODER, "e"), "e_relu");
    assert_true(graph_conv(g, e, 1, 1, 1, 0, true, PARAM_GROUP_DECODER, "head") > 0);
}

static bool start(rig *r, const char *name, enum precision precision)
{
    const engine *e = NULL;
    enum precision found;
    if (engine_find(&e, name) != POLYP_OK) return false;
    if (engine_precision(&found, e, precision_name(precision)) != POLYP_OK) return false;
    *r = (rig){.precision = precision};
    build(&r->g);
    rig_start(r, name, INPUT, PLAN_TRAIN, 2);
    const tensor in = plan_input(r->p);
    fill_uniform(in.data, shape_count(in.shape), -1, 1, 9);
    return true;
}

/* The loss is half the sum of squares of the logits. */
static params gradients_of(rig *r)
{
    params p = {0};
    assert_ok(params_create(&p, &r->g.params));
    assert_ok(plan_forward(r->p));
    const tensor gradient = plan_logits(r->p);
    assert_ok(plan_backward(r->p, &gradient));
    assert_ok(plan_save_gradients(r->p, &p));
    return p;
}

static double largest(const params *p, const param *entry)
{
    double most = 0;
    for (size_t k = 0; k < entry->count; k++) most = fmax(most, fabs((double)p->flat[entry->offset + k]));
    return most;
}

/* Through six batch norms of few pixels f32 keeps about four digits. */
static void gradients_equal_the_reference(void **state)
{
    (void)state;
    rig r, reference;
    if (!start(&r, "onednn", PRECISION_F32)) skip();
    assert_true(start(&reference, "reference", PRECISION_F32));
    params got = gradients_of(&r), want = gradients_of(&reference);
    double worst = 0;
    for (int i = 0; i < r.g.params.count; i++) {
        const param *const entry = &r.g.params.entries[i];
        const double scale = largest(&want, entry);
        for (size_t k = entry->offset; k < entry->offset + entry->count; k++) {
            worst = fmax(worst, fabs((double)got.flat[k] - (double)want.flat[k]) / fmax(scale, 1e-6));
        }
    }
    print_message("gradients: largest difference %.2e of each tensor's largest\n", worst);
    assert_true(worst < 2e-4);
    params_free(&got);
    params_free(&want);
    rig_stop(&r);
    rig_stop(&reference);
}

static void lent_memory_changes_nothing(void **state)
{
    (void)state;
    int lent = 0;
    for (int precision = PRECISION_F32; precision <= PRECISION_BF16; precision++) {
        rig r;
        size_t bytes = 0, told = 1;
        if (!start(&r, "onednn", (enum precision)precision)) continue;
        params first = gradients_of(&r);
        void *const memory = plan_spare(r.p, &bytes);
        const plan_options options = {.mode = PLAN_TRAIN, .precision = r.precision, .threads = 2};
        const engine *e = NULL;
        assert_ok(engine_find(&e, "onednn"));
        assert_ok(plan_memory_spare(&told, e, &r.g, INPUT, &options));
        assert_int_equal(told, bytes);
        assert_true(bytes > 0);
        memset(memory, 0xFF, bytes); /* not a number in either precision */
        params second = gradients_of(&r);
        assert_memory_equal(first.flat, second.flat, first.table->values * sizeof(float));
        params_free(&first);
        params_free(&second);
        rig_stop(&r);
        lent++;
    }
    rig r;
    size_t bytes = 1;
    assert_true(start(&r, "reference", PRECISION_F32));
    assert_null(plan_spare(r.p, &bytes));
    assert_int_equal(bytes, 0);
    rig_stop(&r);
    if (lent == 0) skip();
}

/* Group 1's convolutions: untouched; all other gradients have the same bits. */
static void frozen_gradients_are_left_out(void **state)
{
    (void)state;
    rig r;
    if (!start(&r, "onednn", PRECISION_F32)) skip();
    params all = gradients_of(&r);
    step_rule rule = RULE;
    rule.frozen[1] = true;
    size_t count = 0;
    float *const span = plan_state(r.p, PLAN_GRADIENTS, &count);
    for (size_t i = 0; i < count; i++) span[i] = 77;
    assert_ok(plan_leave_out(r.p, &rule));
    params some = gradients_of(&r);
    int left = 0;
    for (int i = 0; i < r.g.params.count; i++) {
        const param *const entry = &r.g.params.entries[i];
        if (!entry->trained) continue;
        const bool convolution = entry->role == PARAM_CONV_WEIGHT && entry->group == 1;
        left += convolution;
        for (size_t k = entry->offset; k < entry->offset + entry->count; k++) {
            assert_true(some.flat[k] == (convolution ? 77.0F : all.flat[k]));
        }
    }
    assert_int_equal(left, 5);
    assert_ok(plan_leave_out(r.p, &RULE));
    params again = gradients_of(&r);
    assert_memory_equal(again.flat, all.flat, all.table->values * sizeof(float));
    params_free(&all);
    params_free(&some);
    params_free(&again);
    rig_stop(&r);
}

/* `slim` at 256, eight pictures: without weights, gradients and moments, which nothing can leave out. */
static void activations_of_a_training_are_bounded(void **state)
{
    (void)state;
    static const double most_mib[] = {[PRECISION_F32] = 840, [PRECISION_BF16] = 420};
    const engine *e = NULL;
    unet_spec spec;
    graph g = {0};
    if (engine_find(&e, "onednn") != POLYP_OK) skip();
    assert_ok(unet_preset(&spec, "slim"));
    assert_ok(unet_build(&g, &spec));
    for (int precision = PRECISION_F32; precision <= PRECISION_BF16; precision++) {
        enum precision found;
        size_t needed = 0;
        if (engine_precision(&found, e, precision_name((enum precision)precision)) != POLYP_OK) continue;
        const plan_options options = {.mode = PLAN_TRAIN, .precision = (enum precision)precision, .threads = 2};
        assert_ok(plan_memory_needed(&needed, e, &g, (shape){8, 3, 256, 256}, &options));
        const double spans = 4.0 * (double)g.params.values * sizeof(float);
        const double mib = ((double)needed - spans) / 1048576.0;
        print_message("%s: %.0f MiB beside %.0f of weights and moments\n", precision_name((enum precision)precision), mib,
                      spans / 1048576.0);
        assert_true(mib < most_mib[precision]);
    }
    graph_free(&g);
}

static void tables_share_and_borrow_values(void **state)
{
    (void)state;
    graph g = {0}, other = {0};
    float values[4096];
    params own = {0}, view = {0}, borrowed = {0};
    build(&g);
    assert_true(graph_conv(&other, graph_input(&other, 3), 8, 3, 1, 1, false, 0, "stem") > 0);
    assert_true(other.params.values <= 4096);
    assert_ok(params_create(&own, &g.params));
    params_initialise(&own, 1);
    assert_ok(params_share(&view, &other.params, &own));
    assert_ptr_equal(params_f32(&view, 0), params_f32(&own, param_find(&g.params, "stem.weight")));
    params_free(&view);
    for (int i = 0; i < 4096; i++) values[i] = (float)i;
    assert_ok(params_create_in(&borrowed, &other.params, values));
    assert_true(params_f32(&borrowed, 0)[5] == 5.0F);
    assert_int_equal(params_share(&view, &g.params, &borrowed), POLYP_ERR_MISMATCH);
    assert_non_null(strstr(polyp_error(), "stem_norm.weight"));
    params_free(&borrowed);
    params_free(&own);
    graph_free(&g);
    graph_free(&other);
}

static void nothing_is_allocated_in_a_step(void **state)
{
    (void)state;
    static const char *const engines[] = {"reference", "onednn"};
    for (size_t i = 0; i < 2; i++) {
        rig r;
        if (!start(&r, engines[i], PRECISION_F32)) continue;
        (void)memory_fail_at(0);
        for (int k = 0; k < 3; k++) {
            assert_ok(plan_forward(r.p));
            const tensor gradient = plan_logits(r.p);
            assert_ok(plan_backward(r.p, &gradient));
            assert_ok(plan_step(r.p, &RULE));
        }
        assert_int_equal(memory_fail_at(0), 0);
        plan_destroy(r.p);
        rig_start(&r, engines[i], INPUT, PLAN_INFER, 2);
        (void)memory_fail_at(0);
        for (int k = 0; k < 3; k++) assert_ok(plan_forward(r.p));
        assert_int_equal(memory_fail_at(0), 0);
        rig_stop(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_equal_the_reference),
        cmocka_unit_test(lent_memory_changes_nothing),
        cmocka_unit_test(frozen_gradients_are_left_out),
        cmocka_unit_test(activations_of_a_training_are_bounded),
        cmocka_unit_test(nothing_is_allocated_in_a_step),
        cmocka_unit_test(tables_share_and_borrow_values),
    };
    return cmocka_run_group_tests_name("training_memory", tests, NULL, NULL);
}
