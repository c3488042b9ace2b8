/*
 * Whole networks of every engine against PyTorch in double precision: logits, gradients, ten training steps, running
 * statistics. Weights, pictures and masks come from our generator here and, written a second time, in
 * golden/make_network.py; network.golden holds PyTorch's results, smp.golden those of segmentation_models_pytorch's Unet
 * (golden/make_smp.py).
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "engine/engine.h"
#include "net/loss.h"

enum { SEED = 42, SAMPLES = 64, SAMPLED = SAMPLES + 1, STEPS = 10, MAX_RECORDS = 1024 };

/* ---- the golden file ------------------------------------------------------------------------------------ */

typedef struct record {
    char name[88];
    uint64_t count;
    float *values;
} record;

static record records[MAX_RECORDS];
static int record_count;

static int golden_read_file(const char *name)
{
    const char *const source = getenv("POLYP_SOURCE");
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/tests/golden/%s", source == NULL ? "." : source, name);
    FILE *const file = fopen(path, "rb");
    char magic[8];
    if (file == NULL || fread(magic, 1, 8, file) != 8 || memcmp(magic, "polypgld", 8) != 0) return -1;
    for (; record_count < MAX_RECORDS; record_count++) {
        record *const r = &records[record_count];
        if (fread(r->name, sizeof r->name, 1, file) != 1) break;
        if (fread(&r->count, sizeof r->count, 1, file) != 1) return -1;
        r->values = calloc(r->count, sizeof *r->values);
        if (r->values == NULL || fread(r->values, sizeof *r->values, r->count, file) != r->count) return -1;
    }
    return fclose(file);
}

static int golden_read(void **state)
{
    (void)state;
    return golden_read_file("network.golden") == 0 && golden_read_file("smp.golden") == 0 ? 0 : -1;
}

static int golden_free(void **state)
{
    (void)state;
    for (int i = 0; i < record_count; i++) free(records[i].values);
    return 0;
}

static const record *golden(const char *format, ...) __attribute__((format(printf, 1, 2)));
static const record *golden(const char *format, ...)
{
    char name[88];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(name, sizeof name, format, arguments);
    va_end(arguments);
    for (int i = 0; i < record_count; i++) {
        if (strcmp(records[i].name, name) == 0) return &records[i];
    }
    fail_msg("the golden files have no %s", name);
    return NULL;
}

/* ---- the same networks and batches as in make_network.py ------------------------------------------------ */

typedef struct network {
    graph g;
    params p;
} network;

static bool contains(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

/* Where one entry's values are drawn from: [low, high), times scale. */
typedef struct draw {
    double low, high, scale;
    bool split; /* a quarter of the values changes its sign */
} draw;

static draw draw_of(const param *entry, const char *last_norm, bool settled)
{
    const bool last = contains(entry->name, ".layer") && contains(entry->name, last_norm);
    const double scale = last ? 0.3 : 1.0;
    switch (entry->role) {
    case PARAM_NORM_WEIGHT: return (draw){0.5, 1.5, settled ? 0.5 * scale : scale, false};
    case PARAM_NORM_BIAS: return settled ? (draw){1.5, 2.5, scale, true} : (draw){-0.2, 0.2, scale, false};
    case PARAM_RUNNING_VAR: return (draw){0.5, 1.5, 1, false};
    case PARAM_RUNNING_MEAN: return (draw){-0.2, 0.2, 1, false};
    default: return (draw){-0.1, 0.1, 1, false};
    }
}

/* harden() of make_network.py: norms and biases away from their defaults. */
static void harden(params *p, bool settled)
{
    const char *const last_norm = param_find(p->table, "encoder.layer1.0.bn3.weight") < 0 ? "bn2." : "bn3.";
    for (int i = 0; i < p->table->count; i++) {
        const param *const entry = &p->table->entries[i];
        if (entry->rank == 4) continue;
        const draw d = draw_of(entry, last_norm, settled);
        random_stream r = random_open(SEED, RANDOM_TEST, 1, (uint64_t)i);
        for (size_t k = 0; k < entry->count; k++) {
            double value = random_uniform(&r, d.low, d.high) * d.scale;
            if (d.split && random_uniform(&r, 0, 1) < 0.25) value = -value;
            p->flat[entry->offset + k] = (float)value;
        }
    }
}

static void network_build(network *out, const char *preset, bool settled)
{
    unet_spec spec = {"narrow", 50, 8, 4, 5, {32, 16, 8, 4, 2}, DECODER_TRANSPOSED};
    if (strcmp(preset, "narrow") != 0) assert_int_equal(unet_preset(&spec, preset), POLYP_OK);
    *out = (network){0};
    assert_int_equal(unet_build(&out->g, &spec), POLYP_OK);
    assert_int_equal(params_create(&out->p, &out->g.params), POLYP_OK);
    params_initialise(&out->p, SEED);
    harden(&out->p, settled);
}

static void network_free(network *n)
{
    params_free(&n->p);
    graph_free(&n->g);
}

static void fill_picture(tensor t)
{
    random_stream r = random_open(SEED, RANDOM_TEST, 2, 0);
    const size_t count = shape_count(t.shape);
    for (size_t i = 0; i < count; i++) t.data[i] = (float)random_normal(&r);
}

static void fill_masks(tensor t)
{
    random_stream r = random_open(SEED, RANDOM_TEST, 3, 0);
    const size_t count = shape_count(t.shape);
    for (size_t i = 0; i < count; i++) t.data[i] = random_uniform(&r, 0, 1) > 0.7 ? 1 : 0;
}

/* ---- comparing ------------------------------------------------------------------------------------------- */

/* Largest |got - want|; infinite when any difference is not a number. */
static double largest_difference(const float *got, const float *want, size_t count)
{
    double worst = 0;
    for (size_t i = 0; i < count; i++) {
        const double difference = fabs((double)got[i] - (double)want[i]);
        if (!(difference <= worst)) worst = isnan(difference) ? (double)INFINITY : difference;
    }
    return worst;
}

static double largest(const float *values, size_t count)
{
    double worst = 0;
    for (size_t i = 0; i < count; i++) worst = fmax(worst, fabs((double)values[i]));
    return worst;
}

/* `want`: the norm and SAMPLES drawn elements of tensor `index`. The worst of both differences, relative to the
 * norm and to `scale`. */
static double sampled_difference(const float *got, size_t count, int index, const float *want, double scale)
{
    double square = 0;
    for (size_t i = 0; i < count; i++) square += (double)got[i] * (double)got[i];
    random_stream r = random_open(SEED, RANDOM_TEST, 4, (uint64_t)index);
    float samples[SAMPLES];
    for (int i = 0; i < SAMPLES; i++) samples[i] = got[random_below(&r, count)];
    const double of_samples = largest_difference(samples, want + 1, SAMPLES) / scale;
    const double of_norm = fabs(sqrt(square) - (double)want[0]) / fmax((double)want[0], scale);
    return isnan(of_norm) || of_norm > of_samples ? of_norm : of_samples;
}

/* The worst of several checks, and where it was. */
typedef struct finding {
    double worst;
    const char *where;
} finding;

static void note(finding *f, double difference, const char *where)
{
    if (difference <= f->worst) return;
    *f = (finding){isnan(difference) ? (double)INFINITY : difference, where};
}

/* Running statistics, norm and samples per tensor. */
static finding compare_running(const params *p, const record *want)
{
    finding f = {0, ""};
    const float *next = want->values;
    for (int i = 0; i < p->table->count; i++) {
        const param *const entry = &p->table->entries[i];
        if (entry->trained) continue;
        const float *const values = params_f32(p, i);
        note(&f, sampled_difference(values, entry->count, i, next, largest(next + 1, SAMPLES)), entry->name);
        next += SAMPLED;
    }
    assert_int_equal(next - want->values, want->count);
    return f;
}

/* ---- the checks ------------------------------------------------------------------------------------------ */

typedef struct check {
    const char *engine, *preset;
    int side, batch; /* in training */
} check;

static void conclude(const check *c, const char *what, finding f, double limit)
{
    print_message("%s, %s, %s: largest difference %.2e (limit %.0e) %s\n", c->engine, c->preset, what, f.worst, limit,
                  f.where);
    if (!(f.worst <= limit)) fail_msg("%s of %s with %s differ from PyTorch's", what, c->preset, c->engine);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

static bool is_narrow(const check *c)
{
    return strcmp(c->preset, "narrow") == 0;
}

/* A sanitized reference engine needs minutes to train full networks, and `narrow` runs the same code: those wait for
 * POLYP_SLOW. */
static void skip_when_slow(const check *c)
{
    if (SANITIZED && strcmp(c->engine, "reference") == 0 && !is_narrow(c) && getenv("POLYP_SLOW") == NULL) skip();
}

/* The engine, or a skipped test where it was not built in. */
static const engine *engine_or_skip(const check *c)
{
    const engine *found = NULL;
    const status result = engine_find(&found, c->engine);
    if (result == POLYP_ERR_UNSUPPORTED) skip();
    assert_int_equal(result, POLYP_OK);
    return found;
}

static plan *make_plan(const engine *e, const network *n, shape input, enum plan_mode mode)
{
    plan *p = NULL;
    const plan_options options = {.mode = mode, .threads = 2};
    if (plan_create(&p, e, &n->g, input, &options) != POLYP_OK) fail_msg("plan_create: %s", polyp_error());
    assert_int_equal(plan_load(p, &n->p), POLYP_OK);
    return p;
}

static void run_forward(plan *p)
{
    fill_picture(plan_input(p));
    if (plan_forward(p) != POLYP_OK) fail_msg("plan_forward: %s", polyp_error());
}

static void compare_logits(plan *p, const check *c, const char *mode)
{
    const record *const want = golden("%s/%s", c->preset, mode);
    const tensor logits = plan_logits(p);
    assert_int_equal(shape_count(logits.shape), want->count);
    const double difference = largest_difference(logits.data, want->values, want->count);
    conclude(c, mode, (finding){difference / largest(want->values, want->count), ""}, 1e-4);
}

static void test_eval(void **state)
{
    const check *const c = *state;
    const engine *const e = engine_or_skip(c);
    network n;
    network_build(&n, c->preset, false);
    plan *const p = make_plan(e, &n, (shape){2, 3, 64, 64}, PLAN_INFER);
    run_forward(p);
    compare_logits(p, c, "eval");
    if (is_narrow(c)) {
        run_forward(p); /* a plan runs many times: nothing of the first run may be left in its memory */
        compare_logits(p, c, "eval");
    }
    plan_destroy(p);
    network_free(&n);
}

static void test_train(void **state)
{
    const check *const c = *state;
    skip_when_slow(c);
    const engine *const e = engine_or_skip(c);
    network n;
    network_build(&n, c->preset, false);
    plan *const p = make_plan(e, &n, (shape){c->batch, 3, c->side, c->side}, PLAN_TRAIN);
    run_forward(p);
    compare_logits(p, c, "train");
    assert_int_equal(plan_save(p, &n.p), POLYP_OK);
    conclude(c, "running statistics", compare_running(&n.p, golden("%s/train/running", c->preset)),
             1e-4);
    plan_destroy(p);
    network_free(&n);
}

/*
 * A tensor's differences are relative to its largest gradient. The next norm may take a norm's beta away again, so that
 * nothing but rounding is left of its gradient: it counts as no smaller than a hundredth of its gamma's.
 */
static void compare_gradients(const plan *p, const check *c, const network *n)
{
    params gradients;
    assert_int_equal(params_create(&gradients, &n->g.params), POLYP_OK);
    assert_int_equal(plan_save_gradients(p, &gradients), POLYP_OK);
    const record *const scales = golden("%s/largest", c->preset);
    finding f = {0, ""};
    const float *scale = scales->values;
    for (int i = 0; i < n->g.params.count; i++) {
        const param *const entry = &n->g.params.entries[i];
        if (!entry->trained) continue;
        const record *const want = golden("%s/gradient/%s", c->preset, entry->name);
        const float *const got = params_f32(&gradients, i);
        const double floor = entry->role == PARAM_NORM_BIAS ? 1e-2 * (double)scale[-1] : 0;
        const double one = fmax((double)*scale++, floor);
        if (is_narrow(c)) {
            assert_int_equal(want->count, entry->count);
            note(&f, largest_difference(got, want->values, entry->count) / one, entry->name);
        } else {
            assert_int_equal(want->count, SAMPLED);
            note(&f, sampled_difference(got, entry->count, i, want->values, one), entry->name);
        }
    }
    assert_int_equal(scale - scales->values, scales->count);
    conclude(c, "gradients", f, 1e-3);
    params_free(&gradients);
}

static double loss_of(tensor *gradient, const tensor *logits, const tensor *masks)
{
    loss_spec spec = loss_defaults();
    loss_function *l = NULL;
    spec.kind = LOSS_BCE_DICE;
    assert_int_equal(loss_open(&l, &spec, logits->shape), POLYP_OK);
    const double value = loss_compute(l, gradient, logits, masks);
    loss_close(l);
    return value;
}

/* With settled norms (make_network.py). One training step; returns the loss before it. */
static double train_step(plan *p, const tensor *masks, tensor *gradient, long step)
{
    const step_rule rule = {.beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8, .rate = {1e-3, 1e-3, 1e-3, 1e-3, 1e-3, 1e-3},
                            .decay = 0.01, .gradient_scale = 1, .step = step};
    run_forward(p);
    const tensor logits = plan_logits(p);
    const double loss = loss_of(gradient, &logits, masks);
    assert_int_equal(plan_backward(p, gradient), POLYP_OK);
    assert_int_equal(plan_step(p, &rule), POLYP_OK);
    return loss;
}

static void compare_first_step(plan *p, const check *c, const network *n, tensor *masks, tensor *gradient)
{
    run_forward(p);
    fill_masks(*masks);
    const tensor logits = plan_logits(p);
    (void)loss_of(gradient, &logits, masks);
    assert_int_equal(plan_backward(p, gradient), POLYP_OK);
    compare_gradients(p, c, n);
    /* the forward pass moved the running statistics */
    assert_int_equal(plan_load(p, &n->p), POLYP_OK);
}

static void compare_ten_steps(plan *p, const check *c, network *n, const tensor *masks, tensor *gradient)
{
    const record *const want = golden("%s/losses", c->preset);
    assert_int_equal(want->count, STEPS);
    finding f = {0, ""};
    for (int i = 0; i < STEPS; i++) {
        const double loss = train_step(p, masks, gradient, i + 1);
        note(&f, fabs(loss - (double)want->values[i]) / (double)want->values[i], "");
    }
    conclude(c, "ten losses", f, 1e-3);
    assert_int_equal(plan_save(p, &n->p), POLYP_OK);
    conclude(c, "running statistics", compare_running(&n->p, golden("%s/running", c->preset)), 1e-3);
}

static void run_training(const check *c, bool with_steps)
{
    skip_when_slow(c);
    const engine *const e = engine_or_skip(c);
    network n;
    network_build(&n, c->preset, true);
    plan *const p = make_plan(e, &n, (shape){c->batch, 3, c->side, c->side}, PLAN_TRAIN);
    tensor masks, gradient;
    assert_int_equal(tensor_create(&masks, plan_logits(p).shape), POLYP_OK);
    assert_int_equal(tensor_create(&gradient, masks.shape), POLYP_OK);
    compare_first_step(p, c, &n, &masks, &gradient);
    if (with_steps) compare_ten_steps(p, c, &n, &masks, &gradient);
    tensor_free(&gradient);
    tensor_free(&masks);
    plan_destroy(p);
    network_free(&n);
}

static void test_steps(void **state)
{
    run_training(*state, true);
}

/* The reference engine needs minutes for ten steps of a full network: with POLYP_SLOW only. */
static void test_gradients(void **state)
{
    run_training(*state, getenv("POLYP_SLOW") != NULL);
}

/* ---- which kernels oneDNN chose -------------------------------------------------------------------------- */

/* Lines of plan_describe() of convolutions that run on one of oneDNN's plain loops. */
static int plain_convolutions(const plan *p, int *lines)
{
    char *text = NULL;
    size_t size = 0;
    FILE *const memory = open_memstream(&text, &size);
    assert_non_null(memory);
    plan_describe(p, memory);
    (void)fclose(memory);
    int plain = 0;
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        if (!contains(line, "conv")) continue;
        *lines += 1;
        if (!contains(line, " ref") && !contains(line, ":any")) continue;
        print_message("%s\n", line);
        plain++;
    }
    free(text);
    return plain;
}

static void test_kernels(void **state)
{
    const check *const c = *state;
    const engine *const e = engine_or_skip(c);
    const enum plan_mode modes[] = {PLAN_INFER, PLAN_TRAIN};
    network n;
    network_build(&n, c->preset, false);
    int convolutions = 0;
    for (int i = 0; i < n.g.count; i++) convolutions += n.g.ops[i].kind == OP_CONV || n.g.ops[i].kind == OP_UPCONV;
    for (int i = 0; i < 2; i++) {
        int lines = 0;
        plan *const p = make_plan(e, &n, (shape){1, 3, 256, 256}, modes[i]);
        assert_int_equal(plain_convolutions(p, &lines), 0);
        assert_true(lines >= convolutions);
        plan_destroy(p);
    }
    network_free(&n);
}

/* ---- the list -------------------------------------------------------------------------------------------- */

static check CHECKS[] = {
    {"reference", "narrow", 64, 4},
    {"reference", "slim18", 64, 4},
    {"reference", "slim", 96, 4},
    {"reference", "coauthor", 64, 4},
    {"onednn", "narrow", 64, 4},
    {"onednn", "slim18", 64, 4},
    {"onednn", "slim", 96, 4},
    {"onednn", "coauthor", 64, 4},
    {"onednn", "wide", 0, 0},
    {"reference", "smp-resnet18", 64, 4},
    {"onednn", "smp-resnet18", 64, 4},
    {"onednn", "smp-resnet34", 0, 0},
    {"onednn", "smp-resnet50", 0, 0},
    {"onednn", "smp-resnet101", 0, 0},
};

#define CASE(test, i) {#test " " #i, test, NULL, NULL, &CHECKS[i]}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_eval, 0), CASE(test_eval, 1), CASE(test_eval, 2), CASE(test_eval, 3),
        CASE(test_eval, 4), CASE(test_eval, 5), CASE(test_eval, 6), CASE(test_eval, 7),
        CASE(test_train, 0), CASE(test_train, 1), CASE(test_train, 2), CASE(test_train, 3),
        CASE(test_train, 4), CASE(test_train, 5), CASE(test_train, 6), CASE(test_train, 7),
        CASE(test_steps, 0), CASE(test_gradients, 2), CASE(test_steps, 4), CASE(test_steps, 6),
        CASE(test_kernels, 5), CASE(test_kernels, 6), CASE(test_kernels, 7), CASE(test_kernels, 8),
        CASE(test_eval, 9), CASE(test_eval, 10), CASE(test_eval, 11), CASE(test_eval, 12), CASE(test_eval, 13),
        CASE(test_train, 9), CASE(test_train, 10),
        CASE(test_gradients, 9), CASE(test_gradients, 10), CASE(test_kernels, 12),
    };
    cmocka_set_test_filter(getenv("POLYP_FILTER"));
    return cmocka_run_group_tests(tests, golden_read, golden_free);
}
