/* net: the presets against published counts, shapes, names, and networks that cannot be built. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "net/graph.h"

static graph built(const char *preset)
{
    unet_spec spec;
    assert_int_equal(unet_preset(&spec, preset), POLYP_OK);
    graph g;
    assert_int_equal(unet_build(&g, &spec), POLYP_OK);
    return g;
}

static size_t trained_values(const graph *g)
{
    size_t sum = 0;
    for (int i = 0; i < g->params.count; i++) {
        if (g->params.entries[i].trained) sum += g->params.entries[i].count;
    }
    return sum;
}

static double giga_macs(const graph *g, int size)
{
    shape *const shapes = calloc((size_t)g->count, sizeof *shapes);
    assert_int_equal(graph_shapes(g, (shape){1, 3, size, size}, shapes), POLYP_OK);
    const double macs = graph_multiply_adds(g, shapes) * 1e-9;
    assert_int_equal(shapes[g->output].c, 1);
    assert_int_equal(shapes[g->output].h, size);
    free(shapes);
    return macs;
}

/* design: the table of presets, to the digits it gives; torchvision's ResNet-50 without fc has 23,508,032 values */
static void test_presets_have_the_published_size_and_cost(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        double macs, millions;
    } expected[] = {{"slim", 9.3, 30.5}, {"wide", 16.5, 40.9}, {"coauthor", 31.9, 20.6}, {"smp-resnet50", 10.6, 32.5}};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        graph g = built(expected[i].name);
        const double macs = giga_macs(&g, 256), millions = (double)trained_values(&g) * 1e-6;
        print_message("%s: %.2f GMAC, %.2f M parameters\n", expected[i].name, macs, millions);
        assert_true(fabs(macs - expected[i].macs) < 0.06);
        assert_true(fabs(millions - expected[i].millions) < 0.06);
        graph_free(&g);
    }
}

static void test_encoders_have_torchvisions_parameter_counts(void **state)
{
    (void)state;
    /* torchvision's published counts less the classifier's (512 or 2048) * 1000 + 1000 */
    static const struct {
        int depth;
        size_t values;
    } expected[] = {
        {18, 11689512 - 513000}, {34, 21797672 - 513000}, {50, 25557032 - 2049000}, {101, 44549160 - 2049000}};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        graph g = {0};
        resnet_values values;
        assert_int_equal(resnet_build(&g, graph_input(&g, 3), "", expected[i].depth, 64, 4, &values), POLYP_OK);
        assert_int_equal(trained_values(&g), expected[i].values);
        graph_free(&g);
    }
}

static void assert_param(const graph *g, const char *name, int a, int b, int c, int d)
{
    const int i = param_find(&g->params, name);
    if (i < 0) fail_msg("%s is missing", name);
    const int expected[4] = {a, b, c, d};
    for (int k = 0; k < g->params.entries[i].rank; k++) assert_int_equal(g->params.entries[i].shape[k], expected[k]);
}

static void test_names_and_shapes_are_pytorchs(void **state)
{
    (void)state;
    graph g = built("slim");
    assert_param(&g, "encoder.conv1.weight", 64, 3, 7, 7);
    assert_param(&g, "encoder.layer1.0.downsample.0.weight", 256, 64, 1, 1);
    assert_param(&g, "encoder.layer4.2.bn3.running_var", 2048, 0, 0, 0);
    assert_param(&g, "decoder.0.up.weight", 2048, 256, 2, 2);
    assert_param(&g, "decoder.0.conv1.weight", 256, 256 + 1024, 3, 3);
    assert_param(&g, "decoder.4.conv1.weight", 16, 16 + 3, 3, 3);
    assert_param(&g, "decoder.4.bn2.bias", 16, 0, 0, 0);
    assert_param(&g, "head.weight", 1, 16, 1, 1);
    assert_param(&g, "head.bias", 1, 0, 0, 0);
    assert_int_equal(param_find(&g.params, "encoder.fc.weight"), -1);
    graph_free(&g);
    g = built("smp-resnet50");
    assert_int_equal(param_find(&g.params, "decoder.0.up.weight"), -1);
    assert_param(&g, "decoder.0.conv1.weight", 256, 2048 + 1024, 3, 3);
    assert_param(&g, "decoder.4.conv1.weight", 16, 32, 3, 3);
    assert_param(&g, "head.weight", 1, 16, 3, 3);
    graph_free(&g);
}

static void test_operands_stand_before_their_op(void **state)
{
    (void)state;
    for (const char *const *name = unet_preset_names(); *name != NULL; name++) {
        graph g = built(*name);
        for (int i = 0; i < g.count; i++) {
            assert_true(g.ops[i].input[0] < i && g.ops[i].input[1] < i);
            assert_true((g.ops[i].kind == OP_INPUT) == (g.ops[i].input[0] < 0));
        }
        graph_free(&g);
    }
}

static void test_encoder_strides_stand_on_the_3x3(void **state)
{
    (void)state;
    graph g = built("slim");
    for (int i = 0; i < g.count; i++) {
        if (strcmp(g.ops[i].name, "encoder.layer2.0.conv1") == 0) assert_int_equal(g.ops[i].stride, 1);
        if (strcmp(g.ops[i].name, "encoder.layer2.0.conv2") == 0) assert_int_equal(g.ops[i].stride, 2);
    }
    graph_free(&g);
}

static status shapes_for(const graph *g, shape input)
{
    shape *const shapes = calloc((size_t)g->count, sizeof *shapes);
    const status result = graph_shapes(g, input, shapes);
    free(shapes);
    return result;
}

static void test_inputs_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    graph g = built("tiny");
    assert_int_equal(shapes_for(&g, (shape){1, 3, 100, 96}), POLYP_ERR_SIZE);
    assert_non_null(strstr(polyp_error(), "multiples of 32"));
    assert_int_equal(shapes_for(&g, (shape){1, 1, 64, 64}), POLYP_ERR_MISMATCH);
    assert_int_equal(shapes_for(&g, (shape){0, 3, 64, 64}), POLYP_ERR_SIZE);
    assert_int_equal(shapes_for(&g, (shape){1, 3, 1 << 30, 1 << 30}), POLYP_ERR_SIZE);
    assert_int_equal(shapes_for(&g, (shape){2147483647, 3, 2147483616, 2147483616}), POLYP_ERR_SIZE);
    assert_int_equal(shapes_for(&g, (shape){2, 3, 32, 64}), POLYP_OK);
    graph_free(&g);
}

static void test_unknown_preset_and_depth_list_what_there_is(void **state)
{
    (void)state;
    unet_spec spec;
    assert_int_equal(unet_preset(&spec, "slimmer"), POLYP_ERR_ARGUMENT);
    for (const char *const *name = unet_preset_names(); *name != NULL; name++) {
        assert_non_null(strstr(polyp_error(), *name));
    }
    graph g = {0};
    resnet_values values;
    assert_int_equal(resnet_build(&g, graph_input(&g, 3), "", 42, 64, 4, &values), POLYP_ERR_ARGUMENT);
    graph_free(&g);
}

static void test_every_failed_allocation_is_reported(void **state)
{
    (void)state;
    unet_spec spec;
    assert_int_equal(unet_preset(&spec, "tiny"), POLYP_OK);
    size_t k = 1;
    for (;; k++) {
        graph g = {0};
        (void)memory_fail_at(k);
        const status result = unet_build(&g, &spec);
        (void)memory_fail_at(0);
        if (result == POLYP_OK) {
            graph_free(&g);
            break;
        }
        assert_int_equal(result, POLYP_ERR_MEMORY);
    }
    assert_true(k > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_presets_have_the_published_size_and_cost),
        cmocka_unit_test(test_encoders_have_torchvisions_parameter_counts),
        cmocka_unit_test(test_names_and_shapes_are_pytorchs),
        cmocka_unit_test(test_operands_stand_before_their_op),
        cmocka_unit_test(test_encoder_strides_stand_on_the_3x3),
        cmocka_unit_test(test_inputs_that_do_not_fit_are_refused),
        cmocka_unit_test(test_unknown_preset_and_depth_list_what_there_is),
        cmocka_unit_test(test_every_failed_allocation_is_reported),
    };
    return cmocka_run_group_tests_name("graph", tests, NULL, NULL);
}
