/*
 * Inference in whole numbers: the onednn engine's against the reference engine's, which imitates them in double precision,
 * op by op and for whole networks; which kernels run; memory; threads; refusals.
 */
#include "twin_help.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/quantise.h"
#ifdef HAVE_ONEDNN
#include "engine/onednn/int8_kernels.h"
#endif

/* ---- a network in 8 bits --------------------------------------------------------------------------------- */

typedef struct network {
    graph g;
    params floats, eights;
    float *largest; /* [ops]: size of each value in the f32 pass */
    shape input;
} network;

static void see(void *context, int value, const float *values, size_t count)
{
    float *const largest = context;
    for (size_t i = 0; i < count; i++) largest[value] = fmaxf(largest[value], fabsf(values[i]));
}

static bool has_int8(void)
{
    network n = {0};
    const engine *e = NULL;
    enum precision found;
    const float scale = 1;
    n.eights.value_scales = &scale;
    return engine_find(&e, "onednn") == POLYP_OK && engine_precision_for(&found, e, "int8", &n.eights) == POLYP_OK;
}

#define NEEDS_INT8()                                                   \
    do {                                                               \
        if (!has_int8()) {                                             \
            print_message("no AVX512_VNNI here, or no oneDNN\n");      \
            skip();                                                    \
        }                                                              \
    } while (0)

static plan *open_plan_for(const network *n, const char *name, enum precision precision, int threads, int passes)
{
    const engine *e = NULL;
    plan *p = NULL;
    const plan_options options = {.precision = precision, .threads = threads, .passes = passes};
    assert_ok(engine_find(&e, name));
    assert_ok(plan_create(&p, e, &n->g, n->input, &options));
    return p;
}

static plan *open_plan(const network *n, const char *name, enum precision precision, int threads)
{
    return open_plan_for(n, name, precision, threads, 0);
}

static tensor run_plan(plan *p)
{
    const tensor input = plan_input(p);
    fill_uniform(input.data, shape_count(input.shape), -2, 2, 7);
    assert_ok(plan_forward(p));
    return plan_logits(p);
}

/* Norms that shift, turn and, one channel in five, silence what they get. */
static void unsettle_norms(network *n)
{
    for (int i = 0; i < n->g.params.count; i++) {
        const param *const p = &n->g.params.entries[i];
        float *const values = n->floats.flat + p->offset;
        if (p->role == PARAM_RUNNING_VAR) fill_uniform(values, p->count, 0.5, 2, (uint64_t)i);
        if (p->role == PARAM_NORM_BIAS || p->role == PARAM_RUNNING_MEAN || p->role == PARAM_BIAS)
            fill_uniform(values, p->count, -0.3, 0.3, (uint64_t)i);
        if (p->role != PARAM_NORM_WEIGHT) continue;
        fill_uniform(values, p->count, 0.5, 1.5, (uint64_t)i);
        for (size_t c = 0; c < p->count; c++) values[c] *= c % 5 == 3 ? 0.0F : c % 5 == 4 ? -1.0F : 1.0F;
    }
}

/* `n->g` is built; weights are drawn, quantised, and the values' ranges are those of one pass of the reference engine. */
static void quantise(network *n, shape input)
{
    n->input = input;
    assert_ok(params_create(&n->floats, &n->g.params));
    params_initialise(&n->floats, 3);
    unsettle_norms(n);
    assert_ok(quantise_weights(&n->eights, &n->g, &n->floats, 2));
    bool *const points = calloc((size_t)n->g.count, 2), *const is_signed = points + n->g.count;
    float *const scales = calloc((size_t)n->g.count, sizeof *scales);
    n->largest = calloc((size_t)n->g.count, sizeof *n->largest);
    assert_true(points && scales && n->largest);
    plan *const p = open_plan(n, "reference", PRECISION_F32, 2);
    assert_ok(plan_load(p, &n->floats));
    assert_ok(plan_observe(p, see, n->largest));
    (void)run_plan(p);
    plan_destroy(p);
    quantise_points(points, &n->g);
    quantise_signed(is_signed, &n->g);
    for (int i = 0; i < n->g.count; i++) {
        /* a little is cut off, so that saturation happens */
        if (points[i]) scales[i] = 0.9F * n->largest[i] / (is_signed[i] ? 127.0F : 255.0F);
    }
    assert_ok(quantise_set_values(&n->eights, &n->g, scales));
    free(points);
    free(scales);
}

static void close_network(network *n)
{
    free(n->largest);
    params_free(&n->eights);
    params_free(&n->floats);
    graph_free(&n->g);
    *n = (network){0};
}

/* ---- op by op -------------------------------------------------------------------------------------------- */

typedef struct op_case {
    const char *name;
    int (*build)(graph *g, int x, const struct op_case *c);
    int n, in, out, h, w, kernel, stride, padding;
} op_case;

static int conv(graph *g, int x, const op_case *c)
{
    return graph_conv(g, x, c->out, c->kernel, c->stride, c->padding, true, 2, "op");
}

static int conv_norm_relu(graph *g, int x, const op_case *c)
{
    const int y = graph_conv(g, x, c->out, c->kernel, c->stride, c->padding, false, 2, "op");
    return graph_relu(g, graph_norm(g, y, 2, "norm"), "relu");
}

/* The source is unsigned, and the sum is made where it lies. */
static int block(graph *g, int x, const op_case *c)
{
    const int y = graph_relu(g, graph_conv(g, x, c->out, 1, 1, 0, true, 2, "before"), "identity");
    const int z = graph_conv(g, y, c->out, c->kernel, 1, c->padding, false, 2, "op");
    return graph_relu(g, graph_add(g, graph_norm(g, z, 2, "norm"), y, "add"), "relu");
}

/* The addend is signed. */
static int projected(graph *g, int x, const op_case *c)
{
    const int y = graph_conv(g, x, c->out, c->kernel, c->stride, c->padding, false, 2, "op");
    const int z = graph_norm(g, y, 2, "norm");
    const int shortcut = graph_norm(g, graph_conv(g, x, c->out, 1, c->stride, 0, false, 2, "down"), 2, "down.norm");
    return graph_relu(g, graph_add(g, z, shortcut, "add"), "relu");
}

/* The addend is read again later: it must be copied. */
static int addend_stays(graph *g, int x, const op_case *c)
{
    const int y = graph_relu(g, graph_conv(g, x, c->out, 1, 1, 0, true, 2, "before"), "identity");
    const int z = graph_conv(g, y, c->out, c->kernel, 1, c->padding, true, 2, "op");
    const int sum = graph_relu(g, graph_add(g, z, y, "add"), "relu");
    return graph_concat(g, sum, y, "both");
}

static int pooled(graph *g, int x, const op_case *c)
{
    const int y = conv_norm_relu(g, x, &(op_case){.out = c->out, .kernel = 3, .stride = 1, .padding = 1});
    return graph_max_pool(g, y, c->kernel, c->stride, c->padding, "pool");
}

/* A transposed convolution beside a picture, and beside a ReLU's value: both kinds of bytes. */
static int joined(graph *g, int x, const op_case *c)
{
    const int small = conv_norm_relu(g, x, &(op_case){.out = 12, .kernel = 2, .stride = 2});
    return graph_concat(g, graph_upconv(g, small, c->out, 2, "op"), x, "both");
}

static int joined_relu(graph *g, int x, const op_case *c)
{
    const int skip = graph_relu(g, graph_conv(g, x, c->out, 3, 1, 1, true, 2, "skip"), "skip.relu");
    const int small = graph_relu(g, graph_conv(g, skip, 12, 2, 2, 0, true, 2, "small"), "small.relu");
    return graph_concat(g, graph_upconv(g, small, c->out + 1, 2, "op"), skip, "both");
}

static int up_alone(graph *g, int x, const op_case *c)
{
    return graph_upconv(g, x, c->out, 2, "op");
}

static int nearest_joined(graph *g, int x, const op_case *c)
{
    const int skip = graph_relu(g, graph_conv(g, x, c->out, 3, 1, 1, true, 2, "skip"), "skip.relu");
    const int small = graph_relu(g, graph_conv(g, skip, 20, 2, 2, 0, true, 2, "small"), "small.relu");
    return graph_concat(g, graph_upsample(g, small, "op"), skip, "both");
}

static int nearest_alone(graph *g, int x, const op_case *c)
{
    const int y = graph_relu(g, graph_conv(g, x, c->out, 3, 1, 1, true, 2, "before"), "relu");
    return conv_norm_relu(g, graph_upsample(g, y, "up"), c);
}

static const op_case CASES[] = {
    {"1x1", conv, 1, 3, 16, 5, 7, 1, 1, 0},
    {"1x1 wide", conv, 2, 48, 33, 9, 4, 1, 1, 0},
    {"3x3", conv_norm_relu, 1, 16, 16, 8, 8, 3, 1, 1},
    {"3x3 odd", conv_norm_relu, 3, 19, 7, 11, 5, 3, 1, 1},
    {"3x3 stride 2", conv_norm_relu, 2, 32, 64, 13, 10, 3, 2, 1},
    {"one pixel", conv_norm_relu, 1, 64, 32, 1, 1, 3, 1, 1},
    {"7x7 stem", conv_norm_relu, 1, 3, 64, 32, 32, 7, 2, 3},
    {"block", block, 1, 6, 32, 6, 6, 3, 1, 1},
    {"block 1x1", block, 2, 6, 20, 7, 5, 1, 1, 0},
    {"projected", projected, 1, 16, 64, 8, 8, 1, 2, 0},
    {"projected 3x3", projected, 2, 8, 16, 9, 9, 3, 1, 1},
    {"addend stays", addend_stays, 1, 8, 16, 6, 6, 3, 1, 1},
    {"pool", pooled, 2, 3, 16, 12, 9, 3, 2, 1},
    {"up, joined with the picture", joined, 1, 3, 16, 8, 8, 0, 0, 0},
    {"up, joined with a ReLU", joined_relu, 2, 5, 32, 6, 10, 0, 0, 0},
    {"up alone", up_alone, 1, 16, 8, 3, 4, 0, 0, 0},
    {"nearest, joined", nearest_joined, 1, 3, 12, 4, 6, 0, 0, 0},
    {"nearest alone", nearest_alone, 1, 3, 16, 4, 4, 3, 1, 1},
};

/* A head that copies: logits are the values themselves. */
static void add_copying_head(network *n, int value)
{
    const int channels = n->g.ops[value].channels;
    n->g.output = graph_conv(&n->g, value, channels, 1, 1, 0, true, 2, "head");
    assert_true(n->g.output > 0);
}

static void make_head_copy(network *n)
{
    const op *const head = &n->g.ops[n->g.output];
    float *const weights = n->floats.flat + n->g.params.entries[head->param].offset;
    float *const bias = n->floats.flat + n->g.params.entries[head->param + 1].offset;
    for (int i = 0; i < head->channels * head->channels; i++) weights[i] = i % (head->channels + 1) == 0 ? 1.0F : 0.0F;
    for (int i = 0; i < head->channels; i++) bias[i] = 0;
}

/* Equal but for sums that lie between two whole numbers, and then one step apart. */
static void case_agrees(const op_case *c, double *share)
{
    network n = {0};
    const int value = c->build(&n.g, graph_input(&n.g, c->in), c);
    add_copying_head(&n, value);
    quantise(&n, (shape){c->n, c->in, c->h, c->w});
    make_head_copy(&n);
    plan *const a = open_plan(&n, "reference", PRECISION_INT8, 1), *const b = open_plan(&n, "onednn", PRECISION_INT8, 2);
    assert_ok(plan_load(a, &n.eights));
    assert_ok(plan_load(b, &n.eights));
    const tensor want = run_plan(a), got = run_plan(b);
    const size_t count = shape_count(want.shape);
    double step = n.eights.value_scales[value] > 0 ? (double)n.eights.value_scales[value] : 0;
    if (!(step > 0)) step = (double)n.largest[value] / 100; /* pooled, upsampled */
    size_t unequal = 0, other = 0;
    for (size_t i = 0; i < count; i++) {
        const double apart = fabs((double)got.data[i] - (double)want.data[i]);
        if (apart > 1.01 * step) fail_msg("%s: value %zu is %g, not %g; a step is %g", c->name, i, (double)got.data[i],
                                          (double)want.data[i], step);
        unequal += apart > 0.01 * step;
        other += want.data[i] != 0;
    }
    if (other == 0) fail_msg("%s: nothing but zeros", c->name);
    if ((double)unequal > 0.02 * (double)count + 1) fail_msg("%s: %zu of %zu differ", c->name, unequal, count);
    *share = fmax(*share, (double)unequal / (double)count);
    plan_destroy(a);
    plan_destroy(b);
    close_network(&n);
}

static void each_op_agrees(void **state)
{
    (void)state;
    NEEDS_INT8();
    double share = 0;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) case_agrees(&CASES[i], &share);
    print_message("none further apart than a step; at most %.2g of the values by one\n", share);
}

#ifdef HAVE_ONEDNN

/* Every byte at several ratios, one to four channels looked up and more in vectors, beside neighbours that stay. */
static void copies_are_the_plain_ones(void **state)
{
    (void)state;
    static const float ratios[] = {1, 0.5F, 0.123F, 1.7F, 3};
    enum { PIXELS = 256, STRIDE = 64 };
    static unsigned char in[PIXELS * STRIDE], out[PIXELS * STRIDE], plain[STRIDE];
    for (size_t i = 0; i < sizeof in; i++) in[i] = (unsigned char)(i / STRIDE + i % STRIDE * 3);
    for (int kind = 0; kind < 20; kind++) {
        const bool from = kind % 2, to = kind / 2 % 2;
        for (size_t channels = 4; channels <= 52; channels += 12) {
            memset(out, 77, sizeof out);
            const byte_copy job = {{out, STRIDE, to}, {in, STRIDE, from}, PIXELS / 8, 8, channels, ratios[kind / 4]};
            bytes_rescale(&job, 2);
            for (size_t p = 0; p < PIXELS; p++) {
                bytes_rescale_plain(plain, in + p * STRIDE, channels, job.ratio, from, to);
                assert_memory_equal(out + p * STRIDE, plain, channels);
                assert_int_equal(out[p * STRIDE + channels], 77);
            }
        }
    }
}

#endif

/* ---- whole networks -------------------------------------------------------------------------------------- */

static void open_preset(network *n, const char *preset, shape input)
{
    unet_spec spec;
    *n = (network){0};
    assert_ok(unet_preset(&spec, preset));
    assert_ok(unet_build(&n->g, &spec));
    quantise(n, input);
}

/* Root of the mean squared difference, relative to b's own deviation. */
static double apart(const float *a, const float *b, size_t count)
{
    double sum = 0, mean = 0, squares = 0;
    for (size_t i = 0; i < count; i++) mean += (double)b[i] / (double)count;
    for (size_t i = 0; i < count; i++) {
        sum += pow((double)a[i] - (double)b[i], 2);
        squares += pow((double)b[i] - mean, 2);
    }
    return sqrt(sum / squares);
}

/* Near the imitation, and near f32: a scale in a wrong place would show in both. */
static void networks_agree(void **state)
{
    (void)state;
    static const char *const presets[] = {"tiny", "smp-resnet18"};
    NEEDS_INT8();
    for (size_t i = 0; i < 2; i++) {
        network n;
        open_preset(&n, presets[i], (shape){i == 0 ? 2 : 1, 3, 32, 32});
        plan *const f32 = open_plan(&n, "reference", PRECISION_F32, 2);
        plan *const imitation = open_plan(&n, "reference", PRECISION_INT8, 2);
        plan *const int8 = open_plan(&n, "onednn", PRECISION_INT8, 2);
        assert_ok(plan_load(f32, &n.floats));
        assert_ok(plan_load(imitation, &n.eights));
        assert_ok(plan_load(int8, &n.eights));
        const tensor a = run_plan(f32), b = run_plan(imitation), c = run_plan(int8);
        const size_t count = shape_count(a.shape);
        const double rounding = apart(b.data, a.data, count), arithmetic = apart(c.data, b.data, count);
        print_message("%s: int8 from its imitation %.2e, imitation from f32 %.2e of the logits' deviation\n", presets[i],
                      arithmetic, rounding);
        assert_true(arithmetic < 0.05 && arithmetic < 0.5 * rounding);
        assert_true(rounding < 0.5);
        plan_destroy(f32);
        plan_destroy(imitation);
        plan_destroy(int8);
        close_network(&n);
    }
}

/* Loaded again, with one thread and with three: the same bits. */
static void threads_and_loading_again_change_nothing(void **state)
{
    (void)state;
    NEEDS_INT8();
    network n;
    open_preset(&n, "tiny", (shape){1, 3, 64, 64});
    plan *const one = open_plan(&n, "onednn", PRECISION_INT8, 1), *const three = open_plan(&n, "onednn", PRECISION_INT8, 3);
    assert_int_equal(plan_forward(one), POLYP_ERR_ARGUMENT); /* no weights yet */
    assert_ok(plan_load(one, &n.eights));
    assert_ok(plan_load(three, &n.eights));
    assert_ok(plan_load(three, &n.eights));
    const tensor a = run_plan(one), b = run_plan(three);
    assert_memory_equal(a.data, b.data, shape_count(a.shape) * sizeof(float));
    plan_destroy(one);
    plan_destroy(three);
    close_network(&n);
}

static int count_kernels(const plan *p, const char *name)
{
    char *text = NULL;
    size_t length = 0;
    int count = 0;
    FILE *const to = open_memstream(&text, &length);
    plan_describe(p, to);
    assert_int_equal(fclose(to), 0);
    for (const char *found = text; (found = strstr(found, name)) != NULL; found++) count++;
    free(text);
    return count;
}

/* Kernels that are made in less time where there are such: the same bits, whatever oneDNN has in its cache by then. */
static void few_passes_change_no_bit(void **state)
{
    (void)state;
    NEEDS_INT8();
    static const char *const presets[] = {"tiny", "smp-resnet18"};
    static const int passes[] = {1, 0, 15, 16};
    enum { PLANS = sizeof passes / sizeof passes[0] };
    for (size_t i = 0; i < sizeof presets / sizeof presets[0]; i++) {
        network n;
        plan *plans[PLANS];
        tensor first = {0};
        open_preset(&n, presets[i], (shape){2 - (int)i, 3, 96, 64});
        for (int k = 0; k < PLANS; k++) {
            plans[k] = open_plan_for(&n, "onednn", PRECISION_INT8, 2, passes[k]);
            assert_ok(plan_load(plans[k], &n.eights));
            const tensor got = run_plan(plans[k]);
            if (k == 0) first = got;
            assert_memory_equal(first.data, got.data, shape_count(first.shape) * sizeof(float));
        }
        const int few = count_kernels(plans[0], "jit_int8"), all = count_kernels(plans[0], "conv forward");
        print_message("%s: for one pass %d of %d convolutions by kernels that are made quickly\n", presets[i], few, all);
        if (i == 1 && count_kernels(plans[0], "amx") == 0) assert_true(few > all / 2);
        for (int k = 0; k < PLANS; k++) plan_destroy(plans[k]);
        close_network(&n);
    }
}

/* ---- kernels and memory ---------------------------------------------------------------------------------- */

/* All weights 0 and all scales 1: enough to see what oneDNN makes of the shapes. */
static void fill_with_nothing(network *n, const char *preset, void **zeros, float **ones)
{
    unet_spec spec;
    size_t most = 0;
    *n = (network){0};
    assert_ok(unet_preset(&spec, preset));
    assert_ok(unet_build(&n->g, &spec));
    const size_t count = (size_t)n->g.params.count, all = count > (size_t)n->g.count ? count : (size_t)n->g.count;
    for (size_t i = 0; i < count; i++) {
        if (n->g.params.entries[i].count > most) most = n->g.params.entries[i].count;
    }
    *zeros = calloc(most, sizeof(float));
    *ones = malloc((4096 + all) * sizeof **ones);
    assert_true(*zeros && *ones);
    for (size_t i = 0; i < 4096 + all; i++) (*ones)[i] = 1;
    n->eights.table = &n->g.params;
    assert_ok(memory_new(&n->eights.data, count));
    assert_ok(memory_new(&n->eights.dtype, count));
    assert_ok(arena_create(&n->eights.owned, 1 << 16));
    n->eights.scales = arena_take(n->eights.owned, count, sizeof *n->eights.scales);
    assert_non_null(n->eights.scales);
    for (size_t i = 0; i < count; i++) {
        const bool small = n->g.params.entries[i].rank == 4 && strncmp(n->g.params.entries[i].name, "head", 4) != 0;
        n->eights.data[i] = n->g.params.entries[i].role == PARAM_NORM_WEIGHT ? *ones : *zeros;
        n->eights.dtype[i] = small ? DTYPE_S8 : DTYPE_F32;
        n->eights.scales[i] = small ? *ones : NULL;
    }
    assert_ok(quantise_set_values(&n->eights, &n->g, *ones));
}

static void every_convolution_is_fast(void **state)
{
    (void)state;
    static const char *const presets[] = {"slim", "coauthor", "slim18", "smp-resnet18"};
    NEEDS_INT8();
    for (size_t i = 0; i < sizeof presets / sizeof presets[0]; i++) {
        network n;
        void *zeros;
        float *ones;
        char *text = NULL;
        size_t length = 0, lines = 0;
        fill_with_nothing(&n, presets[i], &zeros, &ones);
        n.input = (shape){1, 3, 256, 256};
        plan *const p = open_plan(&n, "onednn", PRECISION_INT8, 2);
        assert_ok(plan_load(p, &n.eights));
        FILE *const to = open_memstream(&text, &length);
        plan_describe(p, to);
        assert_int_equal(fclose(to), 0);
        for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
            if (strstr(line, "conv forward") == NULL) continue;
            lines++;
            if (strstr(line, "avx512_core_vnni") == NULL && strstr(line, "amx") == NULL) fail_msg("%s", line);
        }
        assert_true(lines > 25);
        free(text);
        plan_destroy(p);
        free(zeros);
        free(ones);
        close_network(&n);
    }
}

static size_t memory_of(enum precision precision)
{
    graph g = {0};
    unet_spec spec;
    const engine *e = NULL;
    size_t needed = 0;
    const plan_options options = {.precision = precision, .threads = 2};
    assert_ok(engine_find(&e, "onednn"));
    assert_ok(unet_preset(&spec, "slim"));
    assert_ok(unet_build(&g, &spec));
    assert_ok(plan_memory_needed(&needed, e, &g, (shape){1, 3, 256, 256}, &options));
    graph_free(&g);
    return needed;
}

static void int8_needs_less_memory(void **state)
{
    (void)state;
    NEEDS_INT8();
    assert_true(memory_of(PRECISION_INT8) * 10 < memory_of(PRECISION_F32) * 4);
}

static void twins_agree(void **state)
{
    (void)state;
    static const char *const engines[] = {"reference", "onednn"};
    for (int i = 0; i < (has_int8() ? 2 : 1); i++) {
        network n;
        open_preset(&n, "tiny", (shape){1, 3, 32, 32});
        plan *const p = open_plan(&n, engines[i], PRECISION_INT8, 1);
        assert_ok(plan_load(p, &n.eights));
        expect_twin(p);
        plan_destroy(p);
        close_network(&n);
    }
}

/* ---- refusals -------------------------------------------------------------------------------------------- */

static void expect_words(status got, status code, const char *words)
{
    if (got != code) fail_msg("status %d, not %d: %s", (int)got, (int)code, polyp_error());
    if (strstr(polyp_error(), words) == NULL) fail_msg("'%s' does not say '%s'", polyp_error(), words);
}

static void what_does_not_go_is_refused(void **state)
{
    (void)state;
    network n;
    const engine *reference = NULL;
    plan *p = NULL;
    enum precision found = PRECISION_F32;
    open_preset(&n, "tiny", (shape){1, 3, 32, 32});
    const plan_options trains = {.mode = PLAN_TRAIN, .precision = PRECISION_INT8, .threads = 1};
    assert_ok(engine_find(&reference, "reference"));
    expect_words(plan_create(&p, reference, &n.g, n.input, &trains), POLYP_ERR_UNSUPPORTED, "int8 is for inference");
    expect_words(engine_precision(&found, reference, "int8"), POLYP_ERR_ARGUMENT, "polyp quantize");
    expect_words(engine_precision_for(&found, reference, "int8", &n.floats), POLYP_ERR_UNSUPPORTED, "polyp quantize");
    assert_ok(engine_precision_for(&found, reference, "int8", &n.eights));
    assert_int_equal(found, PRECISION_INT8);
    assert_string_equal(precision_name(found), "int8");
    assert_ok(engine_precision_for(&found, reference, "auto", &n.eights)); /* an imitation is slower than f32 */
    assert_int_equal(found, PRECISION_F32);
    p = open_plan(&n, "reference", PRECISION_INT8, 1);
    expect_words(plan_load(p, &n.floats), POLYP_ERR_UNSUPPORTED, "8 bits");
    expect_words(plan_observe(p, see, n.largest), POLYP_ERR_UNSUPPORTED, "in f32");
    plan_destroy(p);
    close_network(&n);
}

static void odd_networks_are_refused(void **state)
{
    (void)state;
    NEEDS_INT8();
    const engine *e = NULL;
    plan *p = NULL;
    graph g = {0};
    const plan_options options = {.precision = PRECISION_INT8, .threads = 1};
    assert_ok(engine_find(&e, "onednn"));
    const int lone = graph_relu(&g, graph_max_pool(&g, graph_input(&g, 3), 2, 2, 0, "pool"), "relu");
    g.output = graph_conv(&g, lone, 1, 1, 1, 0, true, 2, "head");
    expect_words(plan_create(&p, e, &g, (shape){1, 3, 8, 8}, &options), POLYP_ERR_UNSUPPORTED, "not computed in int8");
    graph_free(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_op_agrees),
#ifdef HAVE_ONEDNN
        cmocka_unit_test(copies_are_the_plain_ones),
#endif
        cmocka_unit_test(networks_agree),
        cmocka_unit_test(threads_and_loading_again_change_nothing),
        cmocka_unit_test(few_passes_change_no_bit),
        cmocka_unit_test(every_convolution_is_fast),
        cmocka_unit_test(int8_needs_less_memory),
        cmocka_unit_test(twins_agree),
        cmocka_unit_test(what_does_not_go_is_refused),
        cmocka_unit_test(odd_networks_are_refused),
    };
    return cmocka_run_group_tests_name("int8", tests, NULL, NULL);
}
