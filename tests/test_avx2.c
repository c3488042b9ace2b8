/*
 * A processor with AVX2 and no more: this program is linked with avx2_only.c and runs with ONEDNN_MAX_CPU_ISA=AVX2, as
 * do further runs of the engine's tests. Here: that both have worked, and what such a processor is told.
 */
#include "engine_help.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_ONEDNN
#include "engine/onednn/winograd/bf16.h"
#endif
#include "net/graph.h"

static void both_are_held_down(void **state)
{
    (void)state;
    assert_string_equal(getenv("ONEDNN_MAX_CPU_ISA"), "AVX2");
    __builtin_cpu_init();
    assert_false(__builtin_cpu_supports("x86-64-v4"));
}

static void bf16_is_refused_in_a_sentence(void **state)
{
    const engine *e = NULL;
    enum precision found;
    graph g = {0};
    unet_spec spec;
    plan *p = NULL;
    (void)state;
    if (engine_find(&e, "onednn") != POLYP_OK) skip();
    assert_int_equal(engine_precision(&found, e, "bf16"), POLYP_ERR_UNSUPPORTED);
    assert_non_null(strstr(polyp_error(), "use f32"));
    assert_ok(engine_precision(&found, e, "auto"));
    assert_int_equal(found, PRECISION_F32);
    assert_ok(unet_preset(&spec, "slim18"));
    assert_ok(unet_build(&g, &spec));
    const plan_options options = {.precision = PRECISION_BF16, .threads = 1};
    assert_int_equal(plan_create(&p, e, &g, (shape){1, 3, 32, 32}, &options), POLYP_ERR_UNSUPPORTED);
    graph_free(&g);
}

static void our_own_bf16_convolutions_do_not_run(void **state)
{
    (void)state;
#ifdef HAVE_ONEDNN
    assert_null(winograd_bf16_fast());
    assert_non_null(winograd_bf16_plain());
#else
    skip();
#endif
}

/* Logits of slim18 with random weights; `lines` gets what runs. */
static void logits_of(tensor *out, const char *name, char *lines, size_t size)
{
    const shape input = {2, 3, 64, 64};
    rig r = {0};
    unet_spec spec;
    assert_ok(unet_preset(&spec, "slim18"));
    assert_ok(unet_build(&r.g, &spec));
    rig_start(&r, name, input, PLAN_INFER, 2);
    const tensor in = plan_input(r.p);
    fill_uniform(in.data, shape_count(in.shape), -2, 2, 3);
    assert_ok(plan_forward(r.p));
    const tensor logits = plan_logits(r.p);
    assert_ok(tensor_create(out, logits.shape));
    memcpy(out->data, logits.data, shape_count(logits.shape) * sizeof(float));
    FILE *const to = fmemopen(lines, size, "w");
    assert_non_null(to);
    plan_describe(r.p, to);
    fclose(to);
    rig_stop(&r);
}

static void a_network_agrees_with_the_reference(void **state)
{
    enum { ROOM = 1 << 16 };
    static char lines[ROOM];
    const engine *e = NULL;
    tensor want = {0}, got = {0};
    double largest = 0, scale = 0;
    (void)state;
    if (engine_find(&e, "onednn") != POLYP_OK) skip();
    logits_of(&want, "reference", lines, ROOM);
    logits_of(&got, "onednn", lines, ROOM);
    assert_null(strstr(lines, "avx512"));
    for (size_t i = 0; i < shape_count(want.shape); i++) {
        largest = fmax(largest, fabs((double)got.data[i] - (double)want.data[i]));
        scale = fmax(scale, fabs((double)want.data[i]));
    }
    printf("# largest difference %.2g of %.3g\n", largest, scale);
    assert_true(scale > 0 && largest <= 1e-5 * scale);
    tensor_free(&want);
    tensor_free(&got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_are_held_down),
        cmocka_unit_test(bf16_is_refused_in_a_sentence),
        cmocka_unit_test(our_own_bf16_convolutions_do_not_run),
        cmocka_unit_test(a_network_agrees_with_the_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
