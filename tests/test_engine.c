/* Engines from outside: choosing, refusals, what goes in comes out, memory, threads. */
#include "engine/denormals.h"
#include "engine_help.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Two convolutions with norm, pool, upconv, a skip and an add: every kind of op. */
static void build_every_op(graph *g)
{
    const int x = graph_input(g, 3);
    const int a = graph_relu(g, graph_norm(g, graph_conv(g, x, 8, 3, 1, 1, false, 0, "a"), 0, "a_norm"), "a_relu");
    const int low = graph_max_pool(g, a, 3, 2, 1, "pool");
    const int b = graph_relu(g, graph_norm(g, graph_conv(g, low, 8, 3, 1, 1, false, 1, "b"), 1, "b_norm"), "b_relu");
    const int up = graph_upconv(g, graph_add(g, low, b, "add"), 4, 2, "up");
    assert_true(graph_conv(g, graph_concat(g, up, a, "concat"), 1, 1, 1, 0, true, 2, "head") > 0);
}

static const shape INPUT = {2, 3, 12, 10};

static void start(rig *r, enum plan_mode mode, int threads)
{
    build_every_op(&r->g);
    rig_start(r, "reference", INPUT, mode, threads);
    const tensor in = plan_input(r->p);
    fill_uniform(in.data, shape_count(in.shape), -1, 1, 9);
}

/* ---- choosing and refusing ----------------------------------------------------------------------------- */

static void engines_are_found_by_name(void **state)
{
    (void)state;
    const engine *e = NULL;
    assert_ok(engine_find(&e, "reference"));
    assert_string_equal(engine_name(e), "reference");
    assert_ok(engine_find(&e, "auto"));
#ifdef HAVE_ONEDNN
    assert_string_equal(engine_name(e), "onednn");
#else
    assert_string_equal(engine_name(e), "reference");
    assert_int_equal(engine_find(&e, "onednn"), POLYP_ERR_UNSUPPORTED);
#endif
    assert_int_equal(engine_find(&e, "cuda"), POLYP_ERR_ARGUMENT);
    assert_non_null(strstr(polyp_error(), "auto, onednn, reference"));
}

static void the_memory_limit_is_kept(void **state)
{
    (void)state;
    graph g = {0};
    build_every_op(&g);
    const engine *e = NULL;
    assert_ok(engine_find(&e, "reference"));
    plan_options options = {.mode = PLAN_TRAIN, .threads = 1};
    size_t needed = 0;
    assert_ok(plan_memory_needed(&needed, e, &g, INPUT, &options));
    plan *p = NULL;
    options.memory_limit = needed - 1;
    assert_int_equal(plan_create(&p, e, &g, INPUT, &options), POLYP_ERR_MEMORY);
    assert_null(p);
    char number[32];
    (void)snprintf(number, sizeof number, "%zu", needed);
    assert_non_null(strstr(polyp_error(), number));
    (void)snprintf(number, sizeof number, "%zu", needed - 1);
    assert_non_null(strstr(polyp_error(), number));
    options.memory_limit = needed;
    assert_ok(plan_create(&p, e, &g, INPUT, &options));
    plan_destroy(p);
    graph_free(&g);
}

static void wrong_plans_are_refused(void **state)
{
    (void)state;
    graph g = {0}, empty = {0};
    build_every_op(&g);
    const engine *e = NULL;
    assert_ok(engine_find(&e, "reference"));
    const plan_options options = {.mode = PLAN_INFER}, negative = {.threads = -1};
    plan *p = NULL;
    assert_int_equal(plan_create(&p, e, &g, (shape){1, 4, 8, 8}, &options), POLYP_ERR_MISMATCH);
    assert_int_equal(plan_create(&p, e, &g, (shape){1, 3, 7, 8}, &options), POLYP_ERR_SIZE);
    assert_int_equal(plan_create(&p, e, &g, (shape){1, 3, 1 << 30, 1 << 30}, &options), POLYP_ERR_SIZE);
    assert_int_equal(plan_create(&p, e, &g, (shape){0, 3, 8, 8}, &options), POLYP_ERR_SIZE);
    assert_int_equal(plan_create(&p, e, &g, INPUT, &negative), POLYP_ERR_ARGUMENT);
    assert_int_equal(plan_create(&p, e, &empty, INPUT, &options), POLYP_ERR_ARGUMENT);
    assert_null(p);
    plan_destroy(NULL);
    graph_free(&g);
}

static void inference_does_not_train(void **state)
{
    (void)state;
    rig r = {0};
    start(&r, PLAN_INFER, 0);
    const tensor logits = plan_logits(r.p);
    const step_rule rule = {.step = 1};
    size_t count = 9;
    assert_int_equal(plan_backward(r.p, &logits), POLYP_ERR_ARGUMENT);
    assert_int_equal(plan_step(r.p, &rule), POLYP_ERR_ARGUMENT);
    assert_int_equal(plan_save(r.p, &r.weights), POLYP_ERR_ARGUMENT);
    assert_int_equal(plan_save_gradients(r.p, &r.weights), POLYP_ERR_ARGUMENT);
    assert_int_equal(plan_save_moments(r.p, &r.weights, &r.weights), POLYP_ERR_ARGUMENT);
    assert_int_equal(plan_load_moments(r.p, &r.weights, &r.weights), POLYP_ERR_ARGUMENT);
    assert_null(plan_state(r.p, PLAN_GRADIENTS, &count));
    assert_int_equal(count, 0);
    rig_stop(&r);
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    rig r = {0};
    start(&r, PLAN_TRAIN, 1);
    graph other = {0};
    assert_true(graph_conv(&other, graph_input(&other, 3), 1, 1, 1, 0, true, 2, "head") > 0);
    params foreign = {0};
    assert_ok(params_create(&foreign, &other.params));
    assert_int_equal(plan_load(r.p, &foreign), POLYP_ERR_MISMATCH);
    assert_int_equal(plan_save(r.p, &foreign), POLYP_ERR_MISMATCH);
    tensor gradient = plan_logits(r.p);
    gradient.shape.h--;
    assert_int_equal(plan_backward(r.p, &gradient), POLYP_ERR_SIZE);
    const step_rule never = {.step = 0};
    assert_int_equal(plan_step(r.p, &never), POLYP_ERR_ARGUMENT);
    r.weights.dtype[1] = DTYPE_BF16;
    assert_int_equal(plan_load(r.p, &r.weights), POLYP_ERR_UNSUPPORTED);
    params_free(&foreign);
    graph_free(&other);
    rig_stop(&r);
}

/* ---- in and out ------------------------------------------------------------------------------------------ */

static void weights_and_moments_come_back(void **state)
{
    (void)state;
    rig r = {0};
    start(&r, PLAN_TRAIN, 1);
    const size_t values = r.g.params.values;
    params in[3] = {0}, out[3] = {0};
    for (int i = 0; i < 3; i++) {
        assert_ok(params_create(&in[i], &r.g.params));
        assert_ok(params_create(&out[i], &r.g.params));
        fill_uniform(in[i].flat, values, 0, 1, (uint64_t)(20 + i));
    }
    assert_ok(plan_load(r.p, &in[0]));
    assert_ok(plan_load_moments(r.p, &in[1], &in[2]));
    assert_ok(plan_save(r.p, &out[0]));
    assert_ok(plan_save_moments(r.p, &out[1], &out[2]));
    assert_memory_equal(in[0].flat, out[0].flat, values * sizeof(float));
    for (int i = 0; i < r.g.params.count; i++) {
        const param *const entry = &r.g.params.entries[i];
        for (int k = 1; k < 3; k++) {
            for (size_t v = entry->offset; v < entry->offset + entry->count; v++) {
                assert_true(out[k].flat[v] == (entry->trained ? in[k].flat[v] : 0));
            }
        }
    }
    for (int i = 0; i < 3; i++) {
        params_free(&in[i]);
        params_free(&out[i]);
    }
    rig_stop(&r);
}

static void slots_point_into_the_spans(void **state)
{
    (void)state;
    rig r = {0};
    start(&r, PLAN_TRAIN, 1);
    size_t count = 0, covered = 0;
    const float *const weights = plan_state(r.p, PLAN_WEIGHTS, &count);
    for (int i = 0; i < r.g.params.count; i++) {
        const param *const entry = &r.g.params.entries[i];
        const plan_slot slot = plan_slot_of(r.p, i);
        assert_int_equal(slot.count, entry->trained ? entry->count : 0);
        assert_memory_equal(weights + slot.offset, r.weights.flat + entry->offset, slot.count * sizeof(float));
        covered += slot.count;
    }
    assert_int_equal(covered, count);
    rig_stop(&r);
}

/* One step on known gradients moves each weight by the rate, against the gradient's sign. */
static void a_step_goes_downhill(void **state)
{
    (void)state;
    rig r = {0};
    start(&r, PLAN_TRAIN, 1);
    size_t count = 0;
    float *const gradients = plan_state(r.p, PLAN_GRADIENTS, &count);
    for (size_t i = 0; i < count; i++) gradients[i] = i % 2 == 0 ? 0.5F : -3;
    float *const weights = plan_state(r.p, PLAN_WEIGHTS, &count), *before = NULL;
    assert_ok(memory_new(&before, count));
    memcpy(before, weights, count * sizeof(float));
    const step_rule rule = {
        .beta1 = .9, .beta2 = .999, .epsilon = 1e-8, .rate = {.01, .01, .01, .01, .01, .01}, .gradient_scale = 1, .step = 1};
    assert_ok(plan_step(r.p, &rule));
    for (size_t i = 0; i < count; i++) {
        assert_float_equal((weights[i] - before[i]), (i % 2 == 0 ? -0.01F : 0.01F), 1e-5F);
    }
    memory_free(before);
    rig_stop(&r);
}

/* ---- passes ---------------------------------------------------------------------------------------------- */

/* Bytes of values are shared in inference; nothing may be overwritten too early. Without norms both modes agree. */
static void sharing_memory_changes_nothing(void **state)
{
    (void)state;
    rig r[2] = {0};
    size_t needed[2];
    for (int mode = PLAN_INFER; mode <= PLAN_TRAIN; mode++) {
        graph *const g = &r[mode].g;
        int y = graph_input(g, 3);
        char name[16];
        for (int i = 0; i < 12; i++) {
            (void)snprintf(name, sizeof name, "conv%d", i);
            const int next = graph_relu(g, graph_conv(g, y, 6, 3, 1, 1, true, 2, name), "relu");
            y = i % 3 == 2 ? graph_add(g, next, y, "add") : next;
        }
        rig_start(&r[mode], "reference", INPUT, (enum plan_mode)mode, 1);
        const tensor in = plan_input(r[mode].p);
        fill_uniform(in.data, shape_count(in.shape), -1, 1, 9);
        const engine *e = NULL;
        const plan_options options = {.mode = (enum plan_mode)mode, .threads = 1};
        assert_ok(engine_find(&e, "reference"));
        assert_ok(plan_memory_needed(&needed[mode], e, g, INPUT, &options));
        assert_ok(plan_forward(r[mode].p));
        assert_ok(plan_forward(r[mode].p)); /* the picture is still there */
    }
    const tensor shared = plan_logits(r[PLAN_INFER].p), kept = plan_logits(r[PLAN_TRAIN].p);
    assert_memory_equal(shared.data, kept.data, shape_count(kept.shape) * sizeof(float));
    assert_true(needed[PLAN_INFER] * 4 < needed[PLAN_TRAIN]);
    rig_stop(&r[0]);
    rig_stop(&r[1]);
}

/* Three steps from the same start; weights, statistics and moments must be equal bit by bit. */
static void threads_change_no_bit(void **state)
{
    (void)state;
    params seen[3] = {0};
    rig r[3] = {0};
    for (int t = 0; t < 3; t++) {
        start(&r[t], PLAN_TRAIN, t + 1);
        for (long step = 1; step <= 3; step++) {
            const step_rule rule = {.beta1 = .9,
                                    .beta2 = .999,
                                    .epsilon = 1e-8,
                                    .rate = {.01, .01, .01, .01, .01, .01},
                                    .gradient_scale = 1,
                                    .step = step};
            assert_ok(plan_forward(r[t].p));
            const tensor gradient = plan_logits(r[t].p); /* of half the sum of squares */
            assert_ok(plan_backward(r[t].p, &gradient));
            assert_ok(plan_step(r[t].p, &rule));
        }
        assert_ok(params_create(&seen[t], &r[t].g.params));
        assert_ok(plan_save(r[t].p, &seen[t]));
        assert_memory_equal(seen[t].flat, seen[0].flat, seen[0].table->values * sizeof(float));
        assert_memory_not_equal(seen[t].flat, r[t].weights.flat, seen[0].table->values * sizeof(float));
    }
    for (int t = 0; t < 3; t++) {
        params_free(&seen[t]);
        rig_stop(&r[t]);
    }
}

static void plans_tell_what_they_run(void **state)
{
    (void)state;
    rig r = {0};
    start(&r, PLAN_TRAIN, 1);
    char *text = NULL;
    size_t size = 0;
    FILE *const to = open_memstream(&text, &size);
    plan_describe(r.p, to);
    (void)fclose(to);
    assert_non_null(strstr(text, "a: conv 2x8x12x10 reference\n"));
    free(text); /* open_memstream's own block */

    int count = 9;
    assert_null(plan_timings(r.p, &count));
    assert_int_equal(count, 0);
    assert_ok(plan_profile(r.p, true));
    assert_ok(plan_forward(r.p));
    assert_ok(plan_forward(r.p));
    const plan_timing *const lines = plan_timings(r.p, &count);
    assert_int_equal(count, 2 * r.g.count);
    assert_string_equal(lines[1].name, "a");
    assert_int_equal(lines[1].runs, 2);
    assert_int_equal(lines[r.g.count + 1].runs, 0);
    assert_true(lines[1].seconds > 0);
    assert_float_equal((float)lines[1].flops, 2.0F * 2 * 8 * 120 * 27, 1);
    rig_stop(&r);
}

/* Whatever allocation fails, plan_create() reports it and leaves nothing behind (the leak checker watches). */
static void allocations_fail_one_by_one(const char *name, const graph *g)
{
    const engine *e = NULL;
    if (engine_find(&e, name) != POLYP_OK) return; /* not built in */
    const plan_options options = {.mode = PLAN_TRAIN, .threads = 1};
    plan *p = NULL;
    size_t k = 1;
    for (;; k++) {
        memory_fail_at(k);
        const status got = plan_create(&p, e, g, INPUT, &options);
        memory_fail_at(0);
        if (got == POLYP_OK) break;
        assert_int_equal(got, POLYP_ERR_MEMORY);
        assert_null(p);
    }
    assert_true(k > 10);
    plan_destroy(p);
}

static void every_failed_allocation_is_reported(void **state)
{
    (void)state;
    graph g = {0};
    build_every_op(&g);
    allocations_fail_one_by_one("reference", &g);
    allocations_fail_one_by_one("onednn", &g);
    graph_free(&g);
}

static void weights_that_are_no_numbers_are_refused(void **state)
{
    (void)state;
    const float bad[] = {NAN, -NAN, INFINITY, -INFINITY};
    rig r = {0};
    start(&r, PLAN_INFER, 2);
    const param *const last = &r.g.params.entries[r.g.params.count - 1];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        float *const value = &r.weights.flat[last->offset + last->count - 1], kept = *value;
        *value = bad[i];
        assert_int_equal(plan_load(r.p, &r.weights), POLYP_ERR_FORMAT);
        assert_non_null(strstr(polyp_error(), last->name));
        *value = kept;
        assert_ok(plan_load(r.p, &r.weights));
    }
    rig_stop(&r);
}

/* A host program's own arithmetic must not change because it trains a network. */
static void denormals_of_the_caller_are_kept(void **state)
{
    (void)state;
    const volatile float tiny = 1e-40F;
    const unsigned before = denormals_flush(2);
#if defined(__SSE2__)
    assert_true(tiny * 1.0F == 0.0F);
#endif
    denormals_restore(before, 2);
    assert_true(tiny * 1.0F > 0.0F);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(engines_are_found_by_name),        cmocka_unit_test(the_memory_limit_is_kept),
        cmocka_unit_test(wrong_plans_are_refused),          cmocka_unit_test(inference_does_not_train),
        cmocka_unit_test(what_does_not_fit_is_refused),     cmocka_unit_test(weights_and_moments_come_back),
        cmocka_unit_test(slots_point_into_the_spans),       cmocka_unit_test(a_step_goes_downhill),
        cmocka_unit_test(sharing_memory_changes_nothing),   cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(plans_tell_what_they_run),         cmocka_unit_test(every_failed_allocation_is_reported),
        cmocka_unit_test(denormals_of_the_caller_are_kept), cmocka_unit_test(weights_that_are_no_numbers_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
