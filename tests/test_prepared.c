/* How the onednn engine prepares weights for inference: by how many passes are expected. */
#include "op_patterns.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_ONEDNN
#include "engine/onednn/dnn.h"
#endif

#define NEEDS_ONEDNN()                                  \
    do {                                                \
        const engine *found_ = NULL;                    \
        if (engine_find(&found_, "onednn") != POLYP_OK) \
            skip();                                     \
    } while (0)

/* ---- expected passes ------------------------------------------------------------------------------------- */

static const shape PICTURE = {1, 3, 16, 16};

/* Convolutions that Winograd's algorithm suits. */
static void build_network(rig *r)
{
    const op_case c = {.in = 32, .out = 48, .kernel = 3, .stride = 1, .padding = 1};
    const int x = graph_conv(&r->g, graph_input(&r->g, 3), c.in, 1, 1, 0, false, 2, "probe");
    const int y = conv_norm_relu(&r->g, x, &c);
    assert_true(graph_conv(&r->g, y, 32, 3, 1, 1, true, 2, "last") > 0);
}

/* A pass of a plan that `passes` are expected of; the caller frees the logits. */
static float *logits_of(rig *r, int passes, bool *has_winograd)
{
    const engine *e = NULL;
    plan *p = NULL;
    char *text = NULL;
    size_t size = 0;
    const plan_options options = {.threads = 2, .passes = passes};
    assert_ok(engine_find(&e, "onednn"));
    assert_ok(plan_create(&p, e, &r->g, PICTURE, &options));
    assert_ok(plan_load(p, &r->weights));
    const tensor input = plan_input(p);
    fill_uniform(input.data, shape_count(input.shape), -2, 2, 7);
    assert_ok(plan_forward(p));
    const size_t bytes = shape_count(plan_logits(p).shape) * sizeof(float);
    float *const out = malloc(bytes);
    assert_non_null(out);
    memcpy(out, plan_logits(p).data, bytes);
    FILE *const to = open_memstream(&text, &size);
    plan_describe(p, to);
    assert_int_equal(fclose(to), 0);
    *has_winograd = strstr(text, "wino") != NULL;
    free(text);
    plan_destroy(p);
    return out;
}

static double largest_difference(const float *a, const float *b, size_t count)
{
    double largest = 0;
    for (size_t i = 0; i < count; i++) largest = fmax(largest, fabs((double)a[i] - (double)b[i]));
    return largest;
}

static void few_passes_are_prepared_for_in_less_time(void **state)
{
    (void)state;
    NEEDS_ONEDNN();
    const int counts[] = {0, 1, 7, 8, 1000};
    enum { COUNTS = sizeof counts / sizeof counts[0] };
    float *logits[COUNTS];
    rig r = {0};
    build_network(&r);
    assert_ok(params_create(&r.weights, &r.g.params));
    params_initialise(&r.weights, 1);
    const size_t count = 32 * 16 * 16;
    for (int i = 0; i < COUNTS; i++) {
        bool has_winograd;
        logits[i] = logits_of(&r, counts[i], &has_winograd);
#ifdef HAVE_ONEDNN
        assert_int_equal(has_winograd, dnn_lanes() == 16 && (i == 0 || i >= 3));
#endif
    }
    for (int i = 3; i < COUNTS; i++) assert_memory_equal(logits[i], logits[0], count * sizeof(float));
    assert_memory_equal(logits[1], logits[2], count * sizeof(float));
    const double difference = largest_difference(logits[0], logits[1], count);
    print_message("for many and for few passes: largest difference %.3g\n", difference);
    assert_true(difference < 2e-5);
    for (int i = 0; i < COUNTS; i++) free(logits[i]);
    rig_stop(&r);
}

static void a_negative_number_of_passes_is_refused(void **state)
{
    (void)state;
    const engine *e = NULL;
    plan *p = NULL;
    rig r = {0};
    const plan_options options = {.threads = 1, .passes = -1};
    build_network(&r);
    assert_ok(engine_find(&e, "auto"));
    assert_int_equal(plan_create(&p, e, &r.g, PICTURE, &options), POLYP_ERR_ARGUMENT);
    assert_string_equal(polyp_error(), "-1 forward passes: give 1 or more, or 0 for many");
    rig_stop(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_passes_are_prepared_for_in_less_time),
        cmocka_unit_test(a_negative_number_of_passes_is_refused),
    };
    return cmocka_run_group_tests_name("prepared", tests, NULL, NULL);
}
