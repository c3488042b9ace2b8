/*
 * Every op of every other engine against `reference`, as dav1d's checkasm does it: awkward shapes, zeros, huge
 * values; forward in both modes, all gradients, running statistics. A failure prints the op, its shape, the fill, the
 * seed and the first bad index.
 *
 * Engines give no gradient of their input, so a 1x1 convolution ("probe") comes before the op: its weights' gradient
 * is made of the op's data gradient. Values compared may differ by the rounding of a sum in float: TOLERANCE * (4 +
 * sqrt(length)) of the tensor's largest value, where length is that of the longest sum. A gradient that vanishes by
 * its nature (batch norm takes off what scales or shifts a channel) is measured by the case's largest gradient.
 */
#include "op_patterns.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const double TOLERANCE = 6e-7;

enum fill { FILL_RANDOM, FILL_ZERO, FILL_HUGE };
static const char *const FILL_NAMES[] = {"random", "zeros", "huge"};
static const double HUGE_FACTOR = 1e12;

/* ---- comparing ------------------------------------------------------------------------------------------- */

/* What one engine made of a case. */
typedef struct outcome {
    tensor inferred, trained; /* outputs */
    params gradients, after;  /* after: the running statistics have moved */
} outcome;

static void outcome_free(outcome *o)
{
    tensor_free(&o->inferred);
    tensor_free(&o->trained);
    params_free(&o->gradients);
    params_free(&o->after);
}

static void copy_tensor(tensor *out, tensor from)
{
    assert_ok(tensor_create(out, from.shape));
    memcpy(out->data, from.data, shape_count(from.shape) * sizeof(float));
}

/* Kaiming's weights; norms and statistics get values that a mix-up would show. */
static void random_weights(params *w, uint64_t seed)
{
    params_initialise(w, seed);
    for (int i = 0; i < w->table->count; i++) {
        const param *const entry = &w->table->entries[i];
        float *const values = w->flat + entry->offset;
        if (entry->role == PARAM_CONV_WEIGHT || entry->role == PARAM_UPCONV_WEIGHT) continue;
        const bool positive = entry->role == PARAM_NORM_WEIGHT || entry->role == PARAM_RUNNING_VAR;
        fill_uniform(values, entry->count, positive ? 0.5 : -0.5, positive ? 1.5 : 0.5, seed + (uint64_t)i);
    }
}

static void run_mode(outcome *o, rig *r, const char *name, const op_case *c, enum plan_mode mode, enum fill kind,
                     uint64_t seed)
{
    rig_start(r, name, (shape){c->n, c->no_probe ? c->in : 3, c->h, c->w}, mode, 2);
    const tensor in = plan_input(r->p);
    const double limit = kind == FILL_RANDOM ? 1 : kind == FILL_HUGE ? HUGE_FACTOR : 0;
    fill_uniform(in.data, shape_count(in.shape), -limit, limit, seed);
    assert_ok(plan_forward(r->p));
    copy_tensor(mode == PLAN_TRAIN ? &o->trained : &o->inferred, plan_logits(r->p));
    if (mode == PLAN_INFER) return;
    tensor gradient = {0};
    assert_ok(tensor_create(&gradient, o->trained.shape));
    fill_uniform(gradient.data, shape_count(gradient.shape), -1, 1, seed + 1);
    assert_ok(plan_backward(r->p, &gradient));
    assert_ok(params_create(&o->gradients, &r->g.params));
    assert_ok(params_create(&o->after, &r->g.params));
    assert_ok(plan_save_gradients(r->p, &o->gradients));
    assert_ok(plan_save(r->p, &o->after));
    tensor_free(&gradient);
}

/* `r` keeps its graph and weights; its plan is made anew. */
static void run_engine(outcome *o, rig *r, const char *name, const op_case *c, enum fill kind, uint64_t seed)
{
    for (int mode = PLAN_INFER; mode <= PLAN_TRAIN; mode++) {
        run_mode(o, r, name, c, (enum plan_mode)mode, kind, seed);
        plan_destroy(r->p);
        r->p = NULL;
    }
}

static double longest_sum(const op_case *c)
{
    const double window = (double)c->in * fmax(c->kernel * c->kernel, 4) + (double)c->out * 9;
    return window + (double)c->n * c->h * c->w * 4;
}

static double largest_of(const float *values, size_t count)
{
    double largest = 0;
    for (size_t i = 0; i < count; i++) largest = fmax(largest, fabs((double)values[i]));
    return largest;
}

/* Index of the first value that is too far off, or `count`. */
static size_t first_bad(const float *want, const float *got, size_t count, double tolerance, double least_scale)
{
    const double largest = fmax(least_scale, largest_of(want, count));
    for (size_t i = 0; i < count; i++) {
        if (isnan(want[i]) && isnan(got[i])) continue;
        if (!(fabs((double)got[i] - (double)want[i]) <= tolerance * largest)) return i;
    }
    return count;
}

/* A norm divides by the deviation: what was rounded grows, most where a picture is constant. */
static double norm_factor(const op_case *c, enum fill kind)
{
    if (!c->has_norm) return 1;
    return kind == FILL_RANDOM ? 4 : 64;
}

typedef struct comparison {
    const op_case *c;
    const char *engine;
    enum fill kind;
    uint64_t seed;
    int failures;
} comparison;

static void compare(comparison *k, const char *what, const float *want, const float *got, size_t count,
                    double least_scale)
{
    const op_case *const c = k->c;
    const double tolerance = TOLERANCE * (4 + sqrt(longest_sum(c))) * norm_factor(c, k->kind);
    const size_t bad = first_bad(want, got, count, tolerance, least_scale);
    if (bad == count) return;
    k->failures++;
    print_error("%s %s: %dx%dx%dx%d to %d channels, kernel %d stride %d padding %d%s, %s, seed %llu: "
                "%s[%zu] is %.9g, not %.9g\n",
                k->engine, c->pattern, c->n, c->in, c->h, c->w, c->out, c->kernel, c->stride, c->padding,
                c->bias ? " bias" : "", FILL_NAMES[k->kind], (unsigned long long)k->seed, what, bad, (double)got[bad],
                (double)want[bad]);
}

static void compare_params(comparison *k, const char *what, const params *want, const params *got, double least_scale)
{
    for (int i = 0; i < want->table->count; i++) {
        const param *const entry = &want->table->entries[i];
        char name[96];
        (void)snprintf(name, sizeof name, "%s %s", what, entry->name);
        compare(k, name, want->flat + entry->offset, got->flat + entry->offset, entry->count, least_scale);
    }
}

/* Batch norm of one value: x - mean is nothing but rounding, divided by the root of epsilon. PyTorch refuses it. */
static bool norm_sees_one_value(const op_case *c)
{
    const int h = (c->h + 2 * c->padding - c->kernel) / c->stride + 1,
              w = (c->w + 2 * c->padding - c->kernel) / c->stride + 1;
    return c->has_norm && c->n * h * w == 1;
}

static void compare_training(comparison *k, const outcome *want, const outcome *got)
{
    const double gradient_scale = 0.5 * largest_of(want->gradients.flat, want->gradients.table->values);
    compare(k, "trained", want->trained.data, got->trained.data, shape_count(want->trained.shape), 1e-3);
    compare_params(k, "gradient", &want->gradients, &got->gradients, fmax(gradient_scale, 1e-3));
    compare_params(k, "after", &want->after, &got->after, 1e-3);
}

static int check_case(const char *name, const op_case *c, enum fill kind, uint64_t seed)
{
    rig r = {0};
    outcome want = {0}, got = {0};
    build(&r.g, c);
    assert_ok(params_create(&r.weights, &r.g.params));
    random_weights(&r.weights, seed);
    run_engine(&want, &r, "reference", c, kind, seed);
    run_engine(&got, &r, name, c, kind, seed);
    comparison k = {c, name, kind, seed, 0};
    compare(&k, "inferred", want.inferred.data, got.inferred.data, shape_count(want.inferred.shape), 1e-3);
    if (!norm_sees_one_value(c)) compare_training(&k, &want, &got);
    outcome_free(&want);
    outcome_free(&got);
    rig_stop(&r);
    return k.failures;
}

/* ---- cases ----------------------------------------------------------------------------------------------- */

typedef struct size_case {
    int n, h, w;
} size_case;
typedef struct channel_case {
    int in, out;
} channel_case;
typedef struct kernel_case {
    int kernel, stride, padding;
    bool bias;
} kernel_case;

static const size_case SIZES[] = {{1, 1, 1}, {3, 1, 1}, {1, 2, 2}, {1, 5, 7}, {3, 13, 9}, {1, 33, 3}, {3, 16, 16}};
static const size_case EVEN_SIZES[] = {{1, 4, 2}, {3, 2, 6}, {1, 10, 14}, {3, 16, 16}};
static const channel_case CHANNELS[] = {{1, 1}, {3, 5}, {16, 16}, {17, 67}, {67, 1}, {64, 32}};
/* of a convolution alone; before a norm; of pools; ops without a kernel */
static const kernel_case KERNELS[] = {
    {1, 1, 0, true}, {3, 1, 1, false}, {3, 2, 1, true}, {1, 2, 0, false}, {7, 2, 3, false}};
static const kernel_case NORMED[] = {{1, 1, 0, false}, {3, 1, 1, false}, {3, 2, 1, false}};
static const kernel_case STEM[] = {{7, 2, 3, false}};
static const kernel_case POOLS[] = {{3, 2, 1, false}, {2, 2, 0, false}};
static const kernel_case NONE[] = {{1, 1, 0, false}};
#define LENGTH(array) (sizeof(array) / sizeof *(array))

/* The engines beside the oracle; NULL ends. */
static const char *const OTHERS[] = {"onednn", NULL};

static bool fits(const op_case *c)
{
    return c->h + 2 * c->padding >= c->kernel && c->w + 2 * c->padding >= c->kernel;
}

/* Zeros and huge values on some cases: they find other faults than shapes do. */
static int check_fills(const char *name, const op_case *c, uint64_t seed)
{
    int failures = check_case(name, c, FILL_RANDOM, seed);
    if (seed % 5 == 0) failures += check_case(name, c, FILL_ZERO, seed);
    if (seed % 5 == 1) failures += check_case(name, c, FILL_HUGE, seed);
    return failures;
}

/* All combinations of `pattern`'s sizes, channels and kernels. */
static void check_pattern(const op_case *pattern, const size_case *sizes, size_t size_count, const kernel_case *kernels,
                          size_t kernel_count)
{
    int failures = 0, cases = 0;
    for (int e = 0; OTHERS[e] != NULL; e++) {
        const engine *found = NULL;
        if (engine_find(&found, OTHERS[e]) != POLYP_OK) continue;
        for (size_t i = 0; i < size_count * LENGTH(CHANNELS) * kernel_count; i++) {
            const size_case s = sizes[i % size_count];
            const channel_case ch = CHANNELS[i / size_count % LENGTH(CHANNELS)];
            const kernel_case kernel = kernels[i / size_count / LENGTH(CHANNELS)];
            op_case c = *pattern;
            c.n = s.n, c.h = s.h, c.w = s.w;
            c.in = ch.in, c.out = ch.out;
            c.kernel = kernel.kernel, c.stride = kernel.stride, c.padding = kernel.padding, c.bias = kernel.bias;
            if (!fits(&c)) continue;
            failures += check_fills(OTHERS[e], &c, i);
            cases++;
        }
    }
    if (cases == 0) skip();
    if (failures > 0) fail_msg("%s: %d tensors differ in %d cases", pattern->pattern, failures, cases);
}

/* test_BUILDER: BUILDER over all sizes, channels and kernels; the last arguments set fields of its op_case. */
#define PATTERN_TEST(builder, sizes, kernels, ...)                                    \
    static void test_##builder(void **state)                                          \
    {                                                                                 \
        (void)state;                                                                  \
        const op_case pattern = {.pattern = #builder, .build = builder, __VA_ARGS__}; \
        check_pattern(&pattern, sizes, LENGTH(sizes), kernels, LENGTH(kernels));      \
    }

PATTERN_TEST(conv, SIZES, KERNELS, .has_norm = false)
PATTERN_TEST(conv_of_picture, SIZES, KERNELS, .no_probe = true)
PATTERN_TEST(conv_relu, SIZES, KERNELS, .has_norm = false)
PATTERN_TEST(conv_norm, SIZES, NORMED, .has_norm = true)
PATTERN_TEST(conv_norm_relu, SIZES, NORMED, .has_norm = true)
PATTERN_TEST(stem, SIZES, STEM, .has_norm = true, .no_probe = true)
PATTERN_TEST(residual, SIZES, NORMED, .has_norm = true)
PATTERN_TEST(identity_residual, SIZES, NONE, .has_norm = true)
PATTERN_TEST(norm, SIZES, NONE, .has_norm = true)
PATTERN_TEST(relu, SIZES, NONE, .has_norm = false)
PATTERN_TEST(add_twice, SIZES, NONE, .has_norm = false)
PATTERN_TEST(max_pool, SIZES, POOLS, .has_norm = false)
PATTERN_TEST(upconv, SIZES, NONE, .has_norm = false)
PATTERN_TEST(upsample, SIZES, NONE, .has_norm = false)
PATTERN_TEST(upsample_shared, SIZES, NONE, .has_norm = true)
PATTERN_TEST(concat, SIZES, NONE, .has_norm = false)
PATTERN_TEST(decoder, EVEN_SIZES, NONE, .has_norm = true)
PATTERN_TEST(nearest_decoder, EVEN_SIZES, NONE, .has_norm = true)

/* ---- NaN ------------------------------------------------------------------------------------------------- */

static size_t count_nan(tensor t)
{
    size_t count = 0;
    for (size_t i = 0; i < shape_count(t.shape); i++) count += isnan(t.data[i]) ? 1 : 0;
    return count;
}

/* How many outputs of a training pass are NaN when one pixel is. */
static size_t nan_outputs(const char *name, const op_case *c)
{
    rig r = {0};
    build(&r.g, c);
    rig_start(&r, name, (shape){c->n, 3, c->h, c->w}, PLAN_TRAIN, 2);
    const tensor in = plan_input(r.p);
    fill_uniform(in.data, shape_count(in.shape), -1, 1, 1);
    in.data[10] = NAN;
    assert_ok(plan_forward(r.p));
    const size_t count = count_nan(plan_logits(r.p));
    rig_stop(&r);
    return count;
}

/* A training that diverges must be noticed: where the oracle's output has NaN, so must every engine's. (Not so in
 * inference: oneDNN's fused ReLU makes 0 of NaN.) */
static void test_nan_is_not_hidden(void **state)
{
    (void)state;
    int (*const builders[])(graph *, int, const op_case *) = {conv,     conv_relu, conv_norm_relu, residual,
                                                              max_pool, upconv,    decoder,        upsample};
    const char *const names[] = {"conv",     "conv_relu", "conv_norm_relu", "residual",
                                 "max_pool", "upconv",    "decoder",        "upsample"};
    int hidden = 0, tried = 0;
    for (int e = 0; OTHERS[e] != NULL; e++) {
        const engine *found = NULL;
        if (engine_find(&found, OTHERS[e]) != POLYP_OK) continue;
        for (size_t i = 0; i < LENGTH(builders); i++) {
            const op_case c = {names[i], builders[i], 1, 16, 16, 8, 8, 3, 1, 1, false, false, false};
            tried++;
            if (nan_outputs("reference", &c) == 0 || nan_outputs(OTHERS[e], &c) > 0) continue;
            hidden++;
            print_error("%s %s hides NaN in training\n", OTHERS[e], c.pattern);
        }
    }
    if (tried == 0) skip();
    assert_int_equal(hidden, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conv),           cmocka_unit_test(test_conv_of_picture),
        cmocka_unit_test(test_conv_relu),      cmocka_unit_test(test_conv_norm),
        cmocka_unit_test(test_conv_norm_relu), cmocka_unit_test(test_stem),
        cmocka_unit_test(test_residual),       cmocka_unit_test(test_identity_residual),
        cmocka_unit_test(test_norm),           cmocka_unit_test(test_relu),
        cmocka_unit_test(test_add_twice),      cmocka_unit_test(test_max_pool),
        cmocka_unit_test(test_upconv),         cmocka_unit_test(test_concat),
        cmocka_unit_test(test_decoder),        cmocka_unit_test(test_nan_is_not_hidden),
        cmocka_unit_test(test_upsample),       cmocka_unit_test(test_upsample_shared),
        cmocka_unit_test(test_nearest_decoder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
