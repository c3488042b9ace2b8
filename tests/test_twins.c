/* Plans that share weights: each engine and floating precision, and what cannot have a twin. (int8: test_int8.c) */
#include "twin_help.h"

static bool can_compute(const char *name, enum precision precision)
{
    const engine *e = NULL;
    enum precision found;
    return engine_find(&e, name) == POLYP_OK && engine_precision(&found, e, precision_name(precision)) == POLYP_OK;
}

static void start_network(rig *r, const char *name, const char *preset, int size, enum plan_mode mode, int threads)
{
    unet_spec spec;
    assert_ok(unet_preset(&spec, preset));
    assert_ok(unet_build(&r->g, &spec));
    rig_start(r, name, (shape){1, 3, size, size}, mode, threads);
}

static void twins_of_every_engine(void **state)
{
    (void)state;
    static const struct {
        const char *engine, *preset;
        enum precision precision;
        int size, threads;
    } cases[] = {{"reference", "tiny", PRECISION_F32, 32, 1},
                 {"onednn", "tiny", PRECISION_F32, 64, 1},
                 {"onednn", "slim18", PRECISION_F32, 64, 1}, /* Winograd, where the processor has it */
                 {"onednn", "slim18", PRECISION_F32, 64, 2},
                 {"onednn", "smp-resnet18", PRECISION_F32, 64, 1}, /* concatenations that are copied */
                 {"onednn", "slim18", PRECISION_BF16, 64, 1},
                 {"onednn", "slim18", PRECISION_BF16, 96, 3}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (!can_compute(cases[i].engine, cases[i].precision)) continue;
        rig r = {.precision = cases[i].precision};
        start_network(&r, cases[i].engine, cases[i].preset, cases[i].size, PLAN_INFER, cases[i].threads);
        expect_twin(r.p);
        rig_stop(&r);
    }
}

/* Logits of one picture by a plan on one thread that was made and loaded on several. */
static float *loaded_on(rig *r, const char *name, int load_threads)
{
    const engine *e = NULL;
    plan *p = NULL;
    const plan_options options = {.precision = r->precision, .threads = 1, .load_threads = load_threads};
    assert_ok(engine_find(&e, name));
    assert_ok(plan_create(&p, e, &r->g, plan_input(r->p).shape, &options));
    assert_ok(plan_load(p, &r->weights));
    twin_run run = twin_start(p, 1);
    twin_compute(&run);
    assert_int_equal(run.result, POLYP_OK);
    plan_destroy(p);
    return run.logits;
}

static void threads_that_load_change_nothing(void **state)
{
    (void)state;
    for (int precision = PRECISION_F32; precision <= PRECISION_BF16; precision++) {
        if (!can_compute("auto", (enum precision)precision)) continue;
        rig r = {.precision = (enum precision)precision};
        start_network(&r, "auto", "slim18", 64, PLAN_INFER, 1);
        const size_t bytes = TWIN_PASSES * shape_count(plan_logits(r.p).shape) * sizeof(float);
        float *const one = loaded_on(&r, "auto", 0), *const three = loaded_on(&r, "auto", 3);
        assert_memory_equal(one, three, bytes);
        free(one);
        free(three);
        rig_stop(&r);
    }
}

static void a_training_has_none(void **state)
{
    (void)state;
    rig r = {0};
    plan *twin = NULL;
    start_network(&r, "auto", "tiny", 32, PLAN_TRAIN, 1);
    assert_int_equal(plan_twin(&twin, r.p), POLYP_ERR_ARGUMENT);
    assert_string_equal(polyp_error(), "a training plan has no twin");
    rig_stop(&r);
}

/* Memory may end anywhere: nothing is lost, and the first plan goes on. */
static void memory_may_end(void **state)
{
    (void)state;
    rig r = {0};
    start_network(&r, "auto", "tiny", 32, PLAN_INFER, 1);
    status result = POLYP_ERR_MEMORY;
    for (size_t k = 1; result == POLYP_ERR_MEMORY; k += 1 + k / 4) {
        plan *twin = NULL;
        memory_fail_at(k);
        result = plan_twin(&twin, r.p);
        memory_fail_at(0);
        if (result == POLYP_OK) plan_destroy(twin);
        else assert_int_equal(result, POLYP_ERR_MEMORY);
    }
    assert_int_equal(result, POLYP_OK);
    expect_twin(r.p);
    rig_stop(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(twins_of_every_engine),
        cmocka_unit_test(threads_that_load_change_nothing),
        cmocka_unit_test(a_training_has_none),
        cmocka_unit_test(memory_may_end),
    };
    return cmocka_run_group_tests_name("twins", tests, NULL, NULL);
}
