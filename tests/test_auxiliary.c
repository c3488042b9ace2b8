/* Auxiliary heads: where they stand, what they leave alone, and every engine's logits and gradients with them. */
#include "engine_help.h"

#include <math.h>
#include <string.h>

static const shape INPUT = {2, 3, 64, 96};

static graph build(const char *preset, bool auxiliary)
{
    unet_spec spec;
    graph g = {0};
    assert_ok(unet_preset(&spec, preset));
    assert_ok(unet_build(&g, &spec));
    if (auxiliary) assert_ok(unet_add_auxiliary(&g));
    return g;
}

static void heads_stand_at_a_quarter_and_an_eighth(void **state)
{
    (void)state;
    for (const char *const *name = unet_preset_names(); *name != NULL; name++) {
        graph g = build(*name, true), plain = build(*name, false);
        shape *shapes = NULL;
        assert_ok(memory_new(&shapes, (size_t)g.count));
        assert_ok(graph_shapes(&g, INPUT, shapes));
        assert_int_equal(g.output, plain.output);
        assert_int_equal(g.auxiliary_count, 2);
        for (int k = 0; k < 2; k++) {
            const shape s = shapes[g.auxiliary[k]];
            const int parts = k == 0 ? 4 : 8;
            assert_true(s.n == 2 && s.c == 1 && s.h == 64 / parts && s.w == 96 / parts);
        }
        /* the plain network is the beginning of this one */
        assert_int_equal(g.params.count, plain.params.count + 4);
        for (int i = 0; i < plain.params.count; i++) {
            assert_memory_equal(&g.params.entries[i], &plain.params.entries[i], sizeof(param));
        }
        assert_string_equal(g.params.entries[plain.params.count].name, "auxiliary.0.weight");
        assert_string_equal(g.params.entries[g.params.count - 1].name, "auxiliary.1.bias");
        memory_free(shapes);
        graph_free(&g);
        graph_free(&plain);
    }
}

static void the_plain_weights_are_copied_by_name(void **state)
{
    (void)state;
    graph g = build("tiny", true), plain = build("tiny", false), other = build("slim18", false);
    params with = {0}, without = {0}, third = {0};
    assert_ok(params_create(&with, &g.params));
    assert_ok(params_create(&without, &plain.params));
    assert_ok(params_create(&third, &other.params));
    params_initialise(&with, 3);
    params_initialise(&without, 3);
    assert_memory_equal(with.flat, without.flat, plain.params.values * sizeof(float)); /* heads change no first value */
    fill_uniform(with.flat, g.params.values, -1, 1, 4);
    assert_ok(params_copy_shared(&without, &with));
    assert_memory_equal(with.flat, without.flat, plain.params.values * sizeof(float));
    fill_uniform(without.flat, plain.params.values, -1, 1, 5);
    const float head = with.flat[plain.params.values];
    assert_ok(params_copy_shared(&with, &without));
    assert_memory_equal(with.flat, without.flat, plain.params.values * sizeof(float));
    assert_true(with.flat[plain.params.values] == head);
    assert_int_equal(params_copy_shared(&with, &third), POLYP_ERR_MISMATCH);
    assert_non_null(strstr(polyp_error(), "encoder.conv1.weight"));
    params_free(&with);
    params_free(&without);
    params_free(&third);
    graph_free(&g);
    graph_free(&plain);
    graph_free(&other);
}

static void networks_without_maps_are_refused(void **state)
{
    (void)state;
    graph g = {0};
    assert_true(graph_conv(&g, graph_input(&g, 3), 1, 1, 1, 0, true, 0, "head") > 0);
    assert_int_equal(unet_add_auxiliary(&g), POLYP_ERR_ARGUMENT);
    graph_free(&g);
}

/* ---- passes --------------------------------------------------------------------------------------------- */

typedef struct outcome {
    tensor logits[GRAPH_OUTPUTS];
    params gradients;
} outcome;

static void copy_tensor(tensor *to, tensor from)
{
    assert_ok(tensor_create(to, from.shape));
    memcpy(to->data, from.data, shape_count(from.shape) * sizeof(float));
}

/* weight[k]: of output k's gradient. False: the engine is not built in. */
static bool run(outcome *o, rig *r, const char *name, const double weight[GRAPH_OUTPUTS])
{
    const engine *e = NULL;
    if (engine_find(&e, name) != POLYP_OK) return false;
    rig_start(r, name, INPUT, PLAN_TRAIN, 2);
    const tensor in = plan_input(r->p);
    fill_uniform(in.data, shape_count(in.shape), -1, 1, 9);
    assert_ok(plan_forward(r->p));
    tensor gradients[GRAPH_OUTPUTS] = {0};
    for (int k = 0; k <= r->g.auxiliary_count; k++) {
        copy_tensor(&o->logits[k], k == 0 ? plan_logits(r->p) : plan_auxiliary(r->p, k - 1));
        copy_tensor(&gradients[k], o->logits[k]);
        fill_uniform(gradients[k].data, shape_count(gradients[k].shape), -weight[k], weight[k], 20 + (uint64_t)k);
    }
    assert_ok(plan_backward(r->p, gradients));
    assert_ok(params_create(&o->gradients, &r->g.params));
    assert_ok(plan_save_gradients(r->p, &o->gradients));
    for (int k = 0; k < GRAPH_OUTPUTS; k++) tensor_free(&gradients[k]);
    plan_destroy(r->p);
    r->p = NULL;
    return true;
}

static void outcome_free(outcome *o)
{
    for (int k = 0; k < GRAPH_OUTPUTS; k++) tensor_free(&o->logits[k]);
    params_free(&o->gradients);
}

/* Largest difference over the largest value. */
static double difference(const float *got, const float *want, size_t count)
{
    double worst = 0, largest = 1e-30;
    for (size_t i = 0; i < count; i++) {
        worst = fmax(worst, fabs((double)got[i] - (double)want[i]));
        largest = fmax(largest, fabs((double)want[i]));
    }
    return worst / largest;
}

static void engines_agree(void **state)
{
    (void)state;
    const double weight[GRAPH_OUTPUTS] = {1, 0.5, 2};
    rig r = {.g = build("tiny", true)};
    outcome want = {0}, got = {0};
    assert_true(run(&want, &r, "reference", weight));
    if (run(&got, &r, "onednn", weight)) {
        double logits = 0, gradients = 0;
        for (int k = 0; k < GRAPH_OUTPUTS; k++) {
            const size_t count = shape_count(want.logits[k].shape);
            logits = fmax(logits, difference(got.logits[k].data, want.logits[k].data, count));
        }
        for (int i = 0; i < r.g.params.count; i++) {
            const param *const entry = &r.g.params.entries[i];
            if (entry->role != PARAM_CONV_WEIGHT && entry->role != PARAM_UPCONV_WEIGHT) continue;
            gradients = fmax(gradients, difference(got.gradients.flat + entry->offset,
                                                   want.gradients.flat + entry->offset, entry->count));
        }
        print_message("onednn against reference: largest difference of logits %.1e, of gradients %.1e\n", logits,
                      gradients);
        assert_true(logits < 1e-4 && gradients < 1e-3);
    }
    outcome_free(&want);
    outcome_free(&got);
    rig_stop(&r);
}

/* With gradients of 0 from the heads, the network learns what it would learn without them. */
static void heads_of_no_weight_change_nothing(void **state)
{
    (void)state;
    const char *const engines[] = {"reference", "onednn"};
    const double weight[GRAPH_OUTPUTS] = {1, 0, 0};
    for (size_t e = 0; e < 2; e++) {
        rig with = {.g = build("tiny", true)}, without = {.g = build("tiny", false)};
        outcome a = {0}, b = {0};
        if (run(&a, &with, engines[e], weight) && run(&b, &without, engines[e], weight)) {
            const size_t count = shape_count(a.logits[0].shape), values = without.g.params.values;
            assert_memory_equal(a.logits[0].data, b.logits[0].data, count * sizeof(float));
            for (size_t i = 0; i < values; i++) assert_true(a.gradients.flat[i] == b.gradients.flat[i]);
        }
        outcome_free(&a);
        outcome_free(&b);
        rig_stop(&with);
        rig_stop(&without);
    }
}

static void every_gradient_is_asked_for(void **state)
{
    (void)state;
    rig r = {.g = build("tiny", true)};
    rig_start(&r, "reference", INPUT, PLAN_TRAIN, 2);
    tensor gradients[GRAPH_OUTPUTS] = {plan_logits(r.p), plan_auxiliary(r.p, 0), plan_auxiliary(r.p, 1)};
    gradients[2].shape.h++;
    assert_int_equal(plan_backward(r.p, gradients), POLYP_ERR_SIZE);
    rig_stop(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads_stand_at_a_quarter_and_an_eighth),
        cmocka_unit_test(the_plain_weights_are_copied_by_name),
        cmocka_unit_test(networks_without_maps_are_refused),
        cmocka_unit_test(engines_agree),
        cmocka_unit_test(heads_of_no_weight_change_nothing),
        cmocka_unit_test(every_gradient_is_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
