/*
 * Each op's backward pass of the reference engine against differences of its forward pass, with sign. Pictures are
 * parameters here (graph_picture), so that every value's gradient is seen, not only the weights'.
 *
 * The loss is a sum of outputs times fixed random factors, in double. A difference over 2 H has an error of H^2 from
 * the third derivative and of 1e-7 / H from the engine's floats: TOLERANCE of the tensor's largest gradient covers
 * both. ReLU and max pool get values that no step of H carries over a kink.
 */
#include "engine_help.h"

#include <math.h>
#include <string.h>

static const float H = 1.0F / 128;
static const double TOLERANCE = 2e-3;

enum { PICTURES = 2, CHANNELS = 3, SIZE = 5 };

typedef struct check {
    rig r;
    params gradients;
    tensor factors[GRAPH_OUTPUTS]; /* of the outputs */
} check;

static tensor output_of(check *c, int k)
{
    return k == 0 ? plan_logits(c->r.p) : plan_auxiliary(c->r.p, k - 1);
}

static double loss_of(check *c)
{
    assert_ok(plan_load(c->r.p, &c->r.weights));
    assert_ok(plan_forward(c->r.p));
    double sum = 0;
    for (int k = 0; k <= c->r.g.auxiliary_count; k++) {
        const tensor out = output_of(c, k);
        const float *const factors = c->factors[k].data;
        for (size_t i = 0; i < shape_count(out.shape); i++) sum += (double)out.data[i] * (double)factors[i];
    }
    return sum;
}

/* d loss / d *value, by the step that float really makes */
static double difference(check *c, float *value)
{
    const float kept = *value, above = kept + H, below = kept - H;
    *value = above;
    const double high = loss_of(c);
    *value = below;
    const double low = loss_of(c);
    *value = kept;
    return (high - low) / ((double)above - (double)below);
}

static void compare_entry(check *c, const param *entry)
{
    float *const values = c->r.weights.flat + entry->offset, *const got = c->gradients.flat + entry->offset;
    double largest = 0;
    for (size_t i = 0; i < entry->count; i++) largest = fmax(largest, fabs((double)got[i]));
    for (size_t i = 0; i < entry->count; i++) {
        const double want = difference(c, &values[i]);
        if (!(fabs((double)got[i] - want) <= TOLERANCE * fmax(largest, 0.1))) {
            fail_msg("%s[%zu]: gradient %.7g, difference %.7g, largest %.3g", entry->name, i, (double)got[i], want,
                     largest);
        }
    }
    assert_true(largest > 0);
}

/* `c->r` has its graph and weights. Input: one-hot pictures. */
static void check_gradients(check *c)
{
    rig_start(&c->r, "reference", (shape){PICTURES, PICTURES, 1, 1}, PLAN_TRAIN, 1);
    const tensor in = plan_input(c->r.p);
    for (int i = 0; i < PICTURES; i++) in.data[i * PICTURES + i] = 1;
    for (int k = 0; k <= c->r.g.auxiliary_count; k++) {
        assert_ok(tensor_create(&c->factors[k], output_of(c, k).shape));
        fill_uniform(c->factors[k].data, shape_count(c->factors[k].shape), -1, 1, 5 + (uint64_t)k);
    }
    assert_ok(params_create(&c->gradients, &c->r.g.params));
    (void)loss_of(c);
    assert_ok(plan_backward(c->r.p, c->factors));
    assert_ok(plan_save_gradients(c->r.p, &c->gradients));
    for (int i = 0; i < c->r.g.params.count; i++) {
        if (c->r.g.params.entries[i].trained) compare_entry(c, &c->r.g.params.entries[i]);
    }
    for (int k = 0; k < GRAPH_OUTPUTS; k++) tensor_free(&c->factors[k]);
    params_free(&c->gradients);
    rig_stop(&c->r);
}

/* All weights uniform in [-1, 1], variances kept. */
static void random_weights(check *c)
{
    params *const w = &c->r.weights;
    assert_ok(params_create(w, &c->r.g.params));
    params_initialise(w, 1);
    for (int i = 0; i < w->table->count; i++) {
        const param *const entry = &w->table->entries[i];
        if (entry->trained) fill_uniform(w->flat + entry->offset, entry->count, -1, 1, (uint64_t)i);
    }
}

/* Pixels that differ from each other and from 0 by more than 2 H: shuffled odd multiples of 4 H, of both signs. */
static void spread_picture(check *c)
{
    enum { COUNT = PICTURES * CHANNELS * SIZE * SIZE };
    size_t order[COUNT];
    random_stream stream = random_open(3, RANDOM_TEST, 0, 0);
    for (size_t i = 0; i < COUNT; i++) order[i] = i;
    random_shuffle(&stream, order, COUNT);
    float *const pixels = rig_param(&c->r, "picture.weight");
    for (size_t i = 0; i < COUNT; i++) pixels[i] = (2 * (float)order[i] - COUNT + 1) * 4 * H;
}

static int picture(check *c)
{
    return graph_picture(&c->r.g, PICTURES, CHANNELS, SIZE);
}

/* kernel, stride, padding, bias */
static void of_conv(void **state)
{
    (void)state;
    const int cases[][4] = {{1, 1, 0, 0}, {1, 1, 0, 1}, {3, 1, 1, 0}, {3, 2, 1, 1},
                            {1, 2, 0, 0}, {7, 2, 3, 0}, {3, 1, 0, 0}, {2, 3, 1, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check c = {0};
        assert_true(
            graph_conv(&c.r.g, picture(&c), 2, cases[i][0], cases[i][1], cases[i][2], cases[i][3] != 0, 2, "op") > 0);
        random_weights(&c);
        check_gradients(&c);
    }
}

static void of_upconv(void **state)
{
    (void)state;
    check c = {0};
    assert_true(graph_upconv(&c.r.g, picture(&c), 2, 2, "op") > 0);
    random_weights(&c);
    check_gradients(&c);
}

static void of_upsample(void **state)
{
    (void)state;
    check c = {0};
    assert_true(graph_upsample(&c.r.g, picture(&c), "op") > 0);
    random_weights(&c);
    check_gradients(&c);
}

static void of_norm(void **state)
{
    (void)state;
    check c = {0};
    assert_true(graph_norm(&c.r.g, picture(&c), 2, "op") > 0);
    random_weights(&c);
    check_gradients(&c);
}

static void of_relu(void **state)
{
    (void)state;
    check c = {0};
    assert_true(graph_relu(&c.r.g, picture(&c), "op") > 0);
    random_weights(&c);
    spread_picture(&c);
    check_gradients(&c);
}

static void of_max_pool(void **state)
{
    (void)state;
    const int cases[][3] = {{3, 2, 1}, {2, 2, 0}, {3, 1, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check c = {0};
        assert_true(graph_max_pool(&c.r.g, picture(&c), cases[i][0], cases[i][1], cases[i][2], "op") > 0);
        random_weights(&c);
        spread_picture(&c);
        check_gradients(&c);
    }
}

static void of_add_and_concat(void **state)
{
    (void)state;
    check c = {0};
    const int x = picture(&c);
    const int y = graph_conv(&c.r.g, x, CHANNELS, 3, 1, 1, false, 2, "y");
    assert_true(graph_concat(&c.r.g, graph_add(&c.r.g, x, y, "add"), y, "concat") > 0);
    random_weights(&c);
    check_gradients(&c);
}

/* One down, one up, a residual, a skip: the U-Net's joints, without kinks. */
static void of_a_small_network_with_a_skip(void **state)
{
    (void)state;
    check c = {0};
    graph *const g = &c.r.g;
    const int x = graph_picture(g, PICTURES, CHANNELS, 4);
    const int wide = graph_norm(g, graph_conv(g, x, 4, 3, 1, 1, false, 2, "enter"), 2, "enter_norm");
    const int low = graph_norm(g, graph_conv(g, wide, 4, 3, 2, 1, false, 2, "down"), 2, "down_norm");
    const int residual =
        graph_add(g, low, graph_norm(g, graph_conv(g, low, 4, 1, 1, 0, false, 2, "same"), 2, "n"), "add");
    const int up = graph_upconv(g, residual, 3, 2, "up");
    assert_true(graph_conv(g, graph_concat(g, up, wide, "skip"), 1, 1, 1, 0, true, 2, "head") > 0);
    random_weights(&c);
    check_gradients(&c);
}

/* Outputs in the middle and at the side, one of them read by others too. */
static void of_auxiliary_outputs(void **state)
{
    (void)state;
    check c = {0};
    graph *const g = &c.r.g;
    const int x = graph_picture(g, PICTURES, CHANNELS, 4);
    const int low = graph_norm(g, graph_conv(g, x, 4, 3, 2, 1, false, 2, "down"), 2, "norm");
    const int up = graph_upconv(g, low, 3, 2, "up");
    const int head = graph_conv(g, graph_concat(g, up, x, "skip"), 1, 1, 1, 0, true, 2, "head");
    g->auxiliary[0] = graph_conv(g, low, 1, 1, 1, 0, true, 2, "auxiliary");
    g->auxiliary[1] = up;
    g->auxiliary_count = 2;
    g->output = head;
    assert_true(head > 0 && g->auxiliary[0] > 0);
    random_weights(&c);
    check_gradients(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_conv),
        cmocka_unit_test(of_upconv),
        cmocka_unit_test(of_upsample),
        cmocka_unit_test(of_norm),
        cmocka_unit_test(of_relu),
        cmocka_unit_test(of_max_pool),
        cmocka_unit_test(of_add_and_concat),
        cmocka_unit_test(of_a_small_network_with_a_skip),
        cmocka_unit_test(of_auxiliary_outputs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
