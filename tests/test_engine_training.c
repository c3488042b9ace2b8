/* What training asks of every engine beside its passes: averages, frozen groups, held gradients, estimated norms. */
#include "engine_help.h"

#include <math.h>
#include <string.h>

static const shape INPUT = {2, 3, 12, 10};
static const step_rule RULE = {.beta1 = .9,
                               .beta2 = .99,
                               .epsilon = 1e-5,
                               .rate = {.01, .01, .01, .01, .01, .01},
                               .decay = .1,
                               .gradient_scale = 1,
                               .step = 1};
static const char *const ENGINES[] = {"reference", "onednn"};

/* Groups 0, 1 and the decoder's, each with a convolution, a norm or a bias. */
static void build(graph *g)
{
    const int x = graph_input(g, 3);
    const int a = graph_relu(g, graph_norm(g, graph_conv(g, x, 8, 3, 1, 1, false, 0, "a"), 0, "a_norm"), "a_relu");
    const int low = graph_max_pool(g, a, 3, 2, 1, "pool");
    const int b = graph_relu(g, graph_norm(g, graph_conv(g, low, 8, 3, 1, 1, true, 1, "b"), 1, "b_norm"), "b_relu");
    const int up = graph_upconv(g, graph_add(g, low, b, "add"), 4, PARAM_GROUP_DECODER, "up");
    assert_true(graph_conv(g, graph_concat(g, up, a, "skip"), 1, 1, 1, 0, true, PARAM_GROUP_DECODER, "head") > 0);
}

static void fill_input(rig *r, uint64_t seed)
{
    const tensor in = plan_input(r->p);
    fill_uniform(in.data, shape_count(in.shape), -1, 1, seed);
}

/* False: the engine is not built in. */
static bool start(rig *r, const char *name, bool average, bool accumulate)
{
    const engine *e = NULL;
    if (engine_find(&e, name) != POLYP_OK) return false;
    const plan_options options = {.mode = PLAN_TRAIN, .threads = 2, .average = average, .accumulate = accumulate};
    *r = (rig){0};
    build(&r->g);
    assert_ok(params_create(&r->weights, &r->g.params));
    params_initialise(&r->weights, 1);
    assert_ok(plan_create(&r->p, e, &r->g, INPUT, &options));
    assert_ok(plan_load(r->p, &r->weights));
    fill_input(r, 9);
    return true;
}

/* Forward and backward; the loss is half the sum of squares of the logits. */
static void run_passes(rig *r)
{
    assert_ok(plan_forward(r->p));
    const tensor gradient = plan_logits(r->p);
    assert_ok(plan_backward(r->p, &gradient));
}

static params fresh(const rig *r)
{
    params p = {0};
    assert_ok(params_create(&p, &r->g.params));
    return p;
}

static params saved_weights(const rig *r)
{
    params p = fresh(r);
    assert_ok(plan_save(r->p, &p));
    return p;
}

static params saved_gradients(const rig *r)
{
    params p = fresh(r);
    assert_ok(plan_save_gradients(r->p, &p));
    return p;
}

static bool entry_equals(const params *a, const params *b, int i)
{
    const size_t bytes = a->table->entries[i].count * sizeof(float);
    return memcmp(params_f32(a, i), params_f32(b, i), bytes) == 0;
}

static void averages_follow_the_weights(void **state)
{
    (void)state;
    for (size_t e = 0; e < 2; e++) {
        rig r;
        if (!start(&r, ENGINES[e], true, false)) continue;
        assert_ok(plan_load_average(r.p, &r.weights));
        double want[4096];
        const size_t count = r.g.params.values;
        assert_true(count <= 4096);
        for (size_t i = 0; i < count; i++) want[i] = (double)r.weights.flat[i];
        for (long step = 1; step <= 5; step++) {
            step_rule rule = RULE;
            rule.step = step;
            rule.average = step < 5 ? 0.7 : 0; /* the last step leaves it alone */
            rule.frozen[0] = step > 3;         /* then it still nears the weights, which keep still */
            run_passes(&r);
            assert_ok(plan_step(r.p, &rule));
            params now = saved_weights(&r);
            for (size_t i = 0; i < count && step < 5; i++) want[i] = 0.7 * want[i] + 0.3 * (double)now.flat[i];
            params_free(&now);
        }
        params got = fresh(&r);
        assert_ok(plan_save_average(r.p, &got));
        for (int i = 0; i < r.g.params.count; i++) {
            const param *const entry = &r.g.params.entries[i];
            for (size_t k = entry->offset; entry->trained && k < entry->offset + entry->count; k++) {
                assert_float_equal(got.flat[k], (float)want[k], 1e-6F);
            }
        }
        params_free(&got);
        rig_stop(&r);
    }
}

/* What should have moved did, what should not did not. */
static void compare_groups(const rig *r, const params *after, const step_rule *rule)
{
    params moment1 = fresh(r), moment2 = fresh(r);
    assert_ok(plan_save_moments(r->p, &moment1, &moment2));
    for (int i = 0; i < r->g.params.count; i++) {
        const param *const entry = &r->g.params.entries[i];
        const bool statistics = !entry->trained, norm = entry->role == PARAM_NORM_WEIGHT || entry->role == PARAM_NORM_BIAS;
        const bool still = rule->rate[entry->group] == 0 || (rule->frozen[entry->group] && !norm);
        if (entry_equals(after, &r->weights, i) != (still && !statistics)) fail_msg("%s", entry->name);
        double sum = 0;
        for (size_t k = 0; k < entry->count; k++) sum += (double)moment2.flat[entry->offset + k];
        if ((sum > 0) != (!still && !statistics)) fail_msg("moments of %s", entry->name);
    }
    params_free(&moment1);
    params_free(&moment2);
}

static void frozen_groups_train_their_norms_alone(void **state)
{
    (void)state;
    for (size_t e = 0; e < 2; e++) {
        for (int frozen = 0; frozen < 2; frozen++) {
            rig r;
            if (!start(&r, ENGINES[e], false, false)) continue;
            step_rule rule = RULE;
            if (frozen) rule.frozen[0] = rule.frozen[1] = true;
            rule.rate[1] = frozen ? .01 : 0;
            run_passes(&r);
            assert_ok(plan_step(r.p, &rule));
            params after = saved_weights(&r);
            compare_groups(&r, &after, &rule);
            params_free(&after);
            rig_stop(&r);
        }
    }
}

static double plain_norm(const params *gradients, const step_rule *rule)
{
    double sum = 0;
    for (int i = 0; i < gradients->table->count; i++) {
        const param *const entry = &gradients->table->entries[i];
        const bool norm = entry->role == PARAM_NORM_WEIGHT || entry->role == PARAM_NORM_BIAS;
        if (!entry->trained || rule->rate[entry->group] == 0 || (rule->frozen[entry->group] && !norm)) continue;
        for (size_t k = 0; k < entry->count; k++) sum += pow((double)gradients->flat[entry->offset + k], 2);
    }
    return sqrt(sum);
}

static void norms_count_what_is_trained(void **state)
{
    (void)state;
    for (size_t e = 0; e < 2; e++) {
        rig r;
        if (!start(&r, ENGINES[e], false, false)) continue;
        run_passes(&r);
        params gradients = saved_gradients(&r);
        step_rule rule = RULE;
        const double all = plan_gradient_norm(r.p, &rule);
        assert_true(fabs(all - plain_norm(&gradients, &rule)) < 1e-9 * all);
        rule.frozen[0] = true;
        rule.rate[1] = 0;
        const double some = plan_gradient_norm(r.p, &rule);
        assert_true(fabs(some - plain_norm(&gradients, &rule)) < 1e-9 * all && some < all);
        params_free(&gradients);
        rig_stop(&r);
    }
}

static void held_gradients_are_added(void **state)
{
    (void)state;
    for (size_t e = 0; e < 2; e++) {
        rig r;
        if (!start(&r, ENGINES[e], false, true)) continue;
        params parts[3];
        for (int k = 0; k < 3; k++) {
            fill_input(&r, (uint64_t)(30 + k));
            run_passes(&r);
            parts[k] = saved_gradients(&r);
        }
        for (int k = 0; k < 3; k++) {
            fill_input(&r, (uint64_t)(30 + k));
            run_passes(&r);
            if (k < 2) assert_ok(plan_hold_gradients(r.p));
        }
        params sum = saved_gradients(&r);
        for (size_t i = 0; i < r.g.params.values; i++) {
            const float want = parts[0].flat[i] + parts[1].flat[i] + parts[2].flat[i];
            if (!(fabsf(sum.flat[i] - want) <= 1e-5F * (1 + fabsf(want)))) fail_msg("value %zu", i);
        }
        run_passes(&r); /* nothing is held any more */
        params last = saved_gradients(&r);
        assert_memory_equal(last.flat, parts[2].flat, r.g.params.values * sizeof(float));
        for (int k = 0; k < 3; k++) params_free(&parts[k]);
        params_free(&sum);
        params_free(&last);
        rig_stop(&r);
    }
}

/* Running statistics by 1, 1/2, 1/3 are the mean of three batches', each seen by a momentum of 1. */
static void norms_are_estimated_anew(void **state)
{
    (void)state;
    for (size_t e = 0; e < 2; e++) {
        rig r;
        if (!start(&r, ENGINES[e], false, false)) continue;
        params one[3];
        for (int k = 0; k < 3; k++) {
            assert_ok(plan_norm_momentum(r.p, 1));
            fill_input(&r, (uint64_t)(40 + k));
            assert_ok(plan_forward(r.p));
            one[k] = saved_weights(&r);
        }
        for (int k = 0; k < 3; k++) {
            assert_ok(plan_norm_momentum(r.p, 1.0 / (k + 1)));
            fill_input(&r, (uint64_t)(40 + k));
            assert_ok(plan_forward(r.p));
        }
        params all = saved_weights(&r);
        for (size_t i = 0; i < r.g.params.values; i++) {
            const float want = (one[0].flat[i] + one[1].flat[i] + one[2].flat[i]) / 3;
            if (!(fabsf(all.flat[i] - want) <= 1e-6F * (1 + fabsf(want)))) fail_msg("value %zu", i);
        }
        for (int k = 0; k < 3; k++) params_free(&one[k]);
        params_free(&all);
        rig_stop(&r);
    }
}

static void moments_are_cleared(void **state)
{
    (void)state;
    for (size_t e = 0; e < 2; e++) {
        rig r;
        if (!start(&r, ENGINES[e], false, false)) continue;
        run_passes(&r);
        assert_ok(plan_step(r.p, &RULE));
        assert_ok(plan_clear_moments(r.p));
        params moment1 = fresh(&r), moment2 = fresh(&r);
        moment1.flat[0] = moment2.flat[0] = 1;
        assert_ok(plan_save_moments(r.p, &moment1, &moment2));
        for (size_t i = 0; i < r.g.params.values; i++) assert_true(moment1.flat[i] == 0 && moment2.flat[i] == 0);
        params_free(&moment1);
        params_free(&moment2);
        rig_stop(&r);
    }
}

static size_t needed_by(const char *name, const graph *g, bool average, bool accumulate)
{
    const engine *e = NULL;
    size_t bytes = 0;
    const plan_options options = {.mode = PLAN_TRAIN, .threads = 2, .average = average, .accumulate = accumulate};
    assert_ok(engine_find(&e, name));
    assert_ok(plan_memory_needed(&bytes, e, g, INPUT, &options));
    return bytes;
}

static void only_what_is_asked_for_takes_memory(void **state)
{
    (void)state;
    for (size_t e = 0; e < 2; e++) {
        rig r;
        if (!start(&r, ENGINES[e], true, false)) continue;
        size_t values = 0, none = 1;
        assert_non_null(plan_state(r.p, PLAN_AVERAGE, &values));
        assert_null(plan_state(r.p, PLAN_HELD, &none));
        assert_int_equal(none, 0);
        const size_t plain = needed_by(ENGINES[e], &r.g, false, false), span = values * sizeof(float);
        assert_int_equal(needed_by(ENGINES[e], &r.g, true, false), plain + span);
        assert_int_equal(needed_by(ENGINES[e], &r.g, true, true), plain + 2 * span);
        rig_stop(&r);
    }
}

static void what_was_not_asked_for_is_refused(void **state)
{
    (void)state;
    rig r;
    assert_true(start(&r, "reference", false, false));
    assert_int_equal(plan_load_average(r.p, &r.weights), POLYP_ERR_ARGUMENT);
    assert_int_equal(plan_save_average(r.p, &r.weights), POLYP_ERR_ARGUMENT);
    assert_int_equal(plan_hold_gradients(r.p), POLYP_ERR_ARGUMENT);
    assert_int_equal(plan_norm_momentum(r.p, 1.5), POLYP_ERR_ARGUMENT);
    assert_int_equal(plan_norm_momentum(r.p, NAN), POLYP_ERR_ARGUMENT);
    rig_stop(&r);
    assert_true(start(&r, "reference", false, true));
    run_passes(&r);
    assert_ok(plan_hold_gradients(r.p));
    assert_int_equal(plan_hold_gradients(r.p), POLYP_ERR_ARGUMENT);
    rig_stop(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(averages_follow_the_weights),
        cmocka_unit_test(frozen_groups_train_their_norms_alone),
        cmocka_unit_test(norms_count_what_is_trained),
        cmocka_unit_test(held_gradients_are_added),
        cmocka_unit_test(norms_are_estimated_anew),
        cmocka_unit_test(moments_are_cleared),
        cmocka_unit_test(only_what_is_asked_for_takes_memory),
        cmocka_unit_test(what_was_not_asked_for_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
