/* How the onednn engine prepares weights for inference: by how many passes are expected; in one pass over them, with the bits
 * of a plain array and a reorder; primitives on several threads. */
#include "op_patterns.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/each.h"
#ifdef HAVE_ONEDNN
#include "engine/onednn/blocked.h"
#include "engine/onednn/winograd/f32.h"
#endif

#define NEEDS_ONEDNN()                                  \
    do {                                                \
        const engine *found_ = NULL;                    \
        if (engine_find(&found_, "onednn") != POLYP_OK) \
            skip();                                     \
    } while (0)

/* ---- expected passes ------------------------------------------------------------------------------------- */

/* 2048 pixels of a result pay for Winograd's weights: here 8 passes. */
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
static float *logits_of(rig *r, shape picture, int passes, bool *has_winograd)
{
    const engine *e = NULL;
    plan *p = NULL;
    char *text = NULL;
    size_t size = 0;
    const plan_options options = {.threads = 2, .passes = passes};
    assert_ok(engine_find(&e, "onednn"));
    assert_ok(plan_create(&p, e, &r->g, picture, &options));
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
        logits[i] = logits_of(&r, PICTURE, counts[i], &has_winograd);
#ifdef HAVE_ONEDNN
        assert_int_equal(has_winograd, (dnn_lanes() == 16 || winograd_f32_runs()) && (i == 0 || i >= 3));
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

static void one_pass_of_a_large_picture_pays(void **state)
{
    (void)state;
    NEEDS_ONEDNN();
    rig r = {0};
    bool has_winograd = false;
    build_network(&r);
    assert_ok(params_create(&r.weights, &r.g.params));
    params_initialise(&r.weights, 1);
    free(logits_of(&r, (shape){1, 3, 48, 48}, 1, &has_winograd));
#ifdef HAVE_ONEDNN
    assert_int_equal(has_winograd, dnn_lanes() == 16 || winograd_f32_runs());
#endif
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

/* ---- jobs on several threads ----------------------------------------------------------------------------- */

static status count_one(void *context, int i)
{
    int *const counts = context;
    counts[i]++;
    return i % 10 == 7 ? (fail)(POLYP_ERR_SIZE, "number %d is odd", i) : POLYP_OK;
}

static void jobs_run_once_and_failures_keep_their_words(void **state)
{
    (void)state;
    int counts[7] = {0}, more[40] = {0};
    assert_ok(each_in_parallel(count_one, counts, 7, 3));
    for (int i = 0; i < 7; i++) assert_int_equal(counts[i], 1);
    assert_int_equal(each_in_parallel(count_one, more, 40, 3), POLYP_ERR_SIZE);
    int failed;
    char after;
    assert_int_equal(sscanf(polyp_error(), "number %d is od%c", &failed, &after), 2);
    assert_int_equal(failed % 10, 7);
    assert_int_equal(more[failed], 1);
    for (int i = 0; i < 40; i++) assert_true(more[i] <= 1);
    assert_ok(each_in_parallel(count_one, NULL, 0, 3));
}

/* ---- weights in one pass --------------------------------------------------------------------------------- */

#ifdef HAVE_ONEDNN
/* Channels of the graph, and padded to; `gap` canonical input channels come before the padding between two parts. */
typedef struct weights_case {
    int oc, ic, oc_padded, ic_padded, kernel, gap;
    bool up, planar, factors, dead;
} weights_case;

static const weights_case WEIGHTS_CASES[] = {
    {.oc = 16, .ic = 16, .oc_padded = 16, .ic_padded = 16, .kernel = 1},
    {.oc = 64, .ic = 256, .oc_padded = 64, .ic_padded = 256, .kernel = 1, .factors = true},
    {.oc = 48, .ic = 1040, .oc_padded = 48, .ic_padded = 1040, .kernel = 1, .factors = true, .dead = true},
    {.oc = 2048, .ic = 32, .oc_padded = 2048, .ic_padded = 32, .kernel = 1, .dead = true},
    {.oc = 32, .ic = 48, .oc_padded = 32, .ic_padded = 48, .kernel = 3, .factors = true},
    {.oc = 144, .ic = 128, .oc_padded = 144, .ic_padded = 128, .kernel = 3, .factors = true, .dead = true},
    {.oc = 21, .ic = 37, .oc_padded = 32, .ic_padded = 48, .kernel = 3, .factors = true},
    {.oc = 16, .ic = 19, .oc_padded = 16, .ic_padded = 48, .kernel = 3, .gap = 16, .factors = true},
    {.oc = 16, .ic = 16, .oc_padded = 16, .ic_padded = 16, .kernel = 5},
    {.oc = 32, .ic = 16, .oc_padded = 32, .ic_padded = 16, .kernel = 7, .factors = true},
    {.oc = 64, .ic = 3, .oc_padded = 64, .ic_padded = 3, .kernel = 7, .planar = true, .factors = true},
    {.oc = 32, .ic = 64, .oc_padded = 32, .ic_padded = 64, .kernel = 2, .up = true},
    {.oc = 5, .ic = 30, .oc_padded = 16, .ic_padded = 32, .kernel = 2, .up = true, .factors = true, .dead = true},
};
enum { WEIGHTS_CASE_COUNT = sizeof WEIGHTS_CASES / sizeof WEIGHTS_CASES[0] };

static conv_spec spec_of(const weights_case *c, enum blocked_type type, const float *scales)
{
    enum { SIDE = 12 };
    const int kernel = c->up ? 1 : c->kernel, padding = kernel / 2;
    return (conv_spec){.n = 1,
                       .ic = c->ic_padded,
                       .ih = SIDE,
                       .iw = SIDE,
                       .oc = c->oc_padded * (c->up ? 4 : 1),
                       .oh = SIDE,
                       .ow = SIDE,
                       .kernel = kernel,
                       .stride = 1,
                       .padding = padding,
                       .planar = c->planar,
                       .bias = true,
                       .bf16 = type == BLOCKED_BF16,
                       .int8 = {.scales = type == BLOCKED_S8 ? scales : NULL}};
}

/* Among ordinary numbers: zeros of both signs, what has no leading bit, ties, what bf16 rounds to infinity. */
static void fill_table(float *floats, signed char *bytes, size_t count, uint64_t seed)
{
    static const float ODD[] = {0.0F, -0.0F, 1e-40F, -1e-39F, 1.00390625F, 1.01171875F, 3.4e38F, -3.4e38F, 1.2e-38F};
    fill_uniform(floats, count, -1, 1, seed);
    for (size_t i = 0; i < count; i += 13) floats[i] = ODD[i / 13 % (sizeof ODD / sizeof ODD[0])];
    for (size_t i = 0; i < count; i++) bytes[i] = (signed char)(i * 37 % 255 - 127);
}

/* Where the weight lies among (oc, ic, kh, kw) of the engine. */
static size_t plain_place(const weights_case *c, const int *map, int oc, int ic, int tap)
{
    const int taps = c->kernel * c->kernel;
    if (c->up) return ((size_t)tap * (size_t)c->oc_padded + (size_t)oc) * (size_t)c->ic_padded + (size_t)map[ic];
    return ((size_t)oc * (size_t)c->ic_padded + (size_t)map[ic]) * (size_t)taps + (size_t)tap;
}

static size_t table_place(const weights_case *c, int oc, int ic, int tap)
{
    const int row = c->up ? ic * c->oc + oc : oc * c->ic + ic;
    return (size_t)(row * c->kernel * c->kernel + tap);
}

typedef struct weights_scene {
    const weights_case *c;
    float *floats, *factors;
    signed char *bytes;
    bool *dead;
    int *map;
} weights_scene;

/* Straightforward: a plain array, then oneDNN's reorder. */
static unsigned char *reordered(const weights_scene *w, dnn *d, const dnn_conv *conv, bool is_bytes, size_t count)
{
    const weights_case *const c = w->c;
    unsigned char *const to = memory_allocate(dnn_conv_weights_bytes(conv), 1);
    float *const plain = memory_allocate(count, sizeof *plain);
    dnn_reorder *r = NULL;
    assert_non_null(to);
    assert_non_null(plain);
    for (int oc = 0; oc < c->oc; oc++) {
        for (int ic = 0; ic < c->ic && !w->dead[oc]; ic++) {
            for (int tap = 0; tap < c->kernel * c->kernel; tap++) {
                const size_t from = table_place(c, oc, ic, tap), at = plain_place(c, w->map, oc, ic, tap);
                if (is_bytes) ((signed char *)plain)[at] = w->bytes[from];
                else plain[at] = w->factors[oc] * w->floats[from];
            }
        }
    }
    assert_ok(dnn_reorder_open(&r, d, NULL, conv));
    void *const scratch = memory_allocate(dnn_reorder_scratch_size(r), 1);
    assert_ok(dnn_reorder_run(r, plain, to, scratch));
    dnn_reorder_close(r);
    memory_free(scratch);
    memory_free(plain);
    return to;
}

/* True: the layout is one of blocks, and the bits are the reorder's for 1 to 3 threads. */
static bool compare_weights(const weights_scene *w, dnn *d, enum blocked_type type, size_t count)
{
    const weights_case *const c = w->c;
    const weight_shape shape_of = {.oc = c->oc,
                                   .ic = c->ic,
                                   .taps = c->kernel * c->kernel,
                                   .oc_padded = c->oc_padded,
                                   .ic_padded = c->ic_padded,
                                   .ic_map = w->map,
                                   .up = c->up};
    dnn_conv *conv = NULL;
    arena *owner = NULL;
    const conv_spec spec = spec_of(c, type, w->factors);
    assert_ok(dnn_conv_open(&conv, d, &spec, CONV_INFER));
    blocked_job job = {.type = type, .table = type == BLOCKED_S8 ? (void *)w->bytes : (void *)w->floats};
    const bool suits = blocked_suits(&job.blocks, conv, type, shape_of.taps);
    if (suits) {
        const size_t bytes = dnn_conv_weights_bytes(conv);
        unsigned char *const want = reordered(w, d, conv, type == BLOCKED_S8, count);
        unsigned char *const got = memory_allocate(bytes, 1);
        assert_non_null(got);
        assert_ok(arena_create(&owner, 1 << 12));
        job.to = got;
        assert_ok(blocked_describe(&job, owner, &shape_of, type == BLOCKED_S8 ? NULL : w->factors, w->dead));
        for (int threads = 1; threads <= 3; threads++) {
            memset(got, 0xA5, bytes);
            blocked_place(&job, 1, threads);
            if (memcmp(want, got, bytes) != 0) {
                fail_msg("%s: %d to %d channels, kernel %d%s: other bits than the reorder's", dnn_conv_name(conv), c->ic, c->oc,
                         c->kernel, c->up ? ", transposed" : "");
            }
        }
        memory_free(want);
        memory_free(got);
        arena_destroy(owner);
    }
    dnn_conv_close(conv);
    return suits;
}

static bool compare_case(const weights_case *c, dnn *d, enum blocked_type type, uint64_t seed)
{
    const size_t values = (size_t)c->oc * (size_t)c->ic * (size_t)(c->kernel * c->kernel);
    const size_t padded = (size_t)c->oc_padded * (size_t)c->ic_padded * (size_t)(c->kernel * c->kernel);
    /* oneDNN wants a scale for every padded channel of four groups */
    weights_scene w = {.c = c,
                       .floats = calloc(values, sizeof(float)),
                       .factors = calloc(4 * (size_t)c->oc_padded, sizeof(float)),
                       .bytes = calloc(values, 1),
                       .dead = calloc((size_t)c->oc, sizeof(bool)),
                       .map = calloc((size_t)c->ic, sizeof(int))};
    assert_true(w.floats && w.factors && w.bytes && w.dead && w.map);
    fill_table(w.floats, w.bytes, values, seed);
    for (int k = 0; k < 4 * c->oc_padded; k++) w.factors[k] = c->factors ? 0.25F + (float)(k % 7) * 0.3F : 1.0F;
    for (int k = 0; k < c->oc; k++) w.dead[k] = c->dead && k % 5 == 2;
    for (int k = 0; k < c->ic; k++) w.map[k] = c->gap > 0 && k >= c->gap ? k + 16 : k;
    const bool suits = compare_weights(&w, d, type, padded);
    free(w.floats);
    free(w.factors);
    free(w.bytes);
    free(w.dead);
    free(w.map);
    return suits;
}

static void one_pass_gives_the_bits_of_a_reorder(void **state)
{
    (void)state;
    dnn *d = NULL;
    dnn_use_threads(2);
    assert_ok(dnn_open(&d));
    const bool can[] = {[BLOCKED_F32] = true, [BLOCKED_BF16] = dnn_has_bf16(), [BLOCKED_S8] = dnn_has_int8()};
    for (int type = BLOCKED_F32; type <= BLOCKED_S8; type++) {
        int suited = 0;
        for (int i = 0; i < WEIGHTS_CASE_COUNT && can[type]; i++) {
            const weights_case *const c = &WEIGHTS_CASES[i];
            if (type == BLOCKED_S8 && c->planar) continue;
            suited += compare_case(c, d, (enum blocked_type)type, (uint64_t)i);
        }
        print_message("type %d: %d of %d layouts are made of blocks\n", type, suited, WEIGHTS_CASE_COUNT);
        if (can[type] && dnn_lanes() == 16) assert_true(suited >= WEIGHTS_CASE_COUNT - 2);
    }
    dnn_close(d);
}
#endif

/* ---- what is no number ----------------------------------------------------------------------------------- */

static void assert_refused(rig *r, const param *entry, size_t at, enum precision precision)
{
    float *const value = &r->weights.flat[entry->offset + at], kept = *value;
    *value = at % 2 ? NAN : -INFINITY;
    assert_int_equal(plan_load(r->p, &r->weights), POLYP_ERR_FORMAT);
    if (strstr(polyp_error(), entry->name) == NULL) {
        fail_msg("%s: %s[%zu] was bad, but %s", precision_name(precision), entry->name, at, polyp_error());
    }
    *value = kept;
}

/* The first, the last and one value of every tensor: of blocks, of a transposed convolution, of Winograd's, of a head. */
static void every_weight_is_looked_at(void **state)
{
    (void)state;
    NEEDS_ONEDNN();
    const op_case c = {.in = 48, .out = 32, .kernel = 3, .stride = 1, .padding = 1, .bias = true};
    const engine *e = NULL;
    enum precision best = PRECISION_F32;
    rig r = {0};
    const int x = graph_conv(&r.g, graph_input(&r.g, 3), c.in, 7, 1, 3, true, 2, "stem");
    assert_true(graph_conv(&r.g, decoder(&r.g, conv_norm(&r.g, x, &c), &c), 1, 1, 1, 0, true, 2, "head") > 0);
    assert_ok(engine_find(&e, "onednn"));
    assert_ok(engine_precision(&best, e, "auto"));
    for (int precision = PRECISION_F32; precision <= (int)best; precision++) {
        r.precision = (enum precision)precision;
        rig_start(&r, "onednn", PICTURE, PLAN_INFER, 2);
        for (int i = 0; i < r.g.params.count; i++) {
            const param *const entry = &r.g.params.entries[i];
            const size_t places[] = {0, entry->count / 3, entry->count - 1};
            for (int k = 0; k < 3; k++) assert_refused(&r, entry, places[k], r.precision);
        }
        assert_ok(plan_load(r.p, &r.weights));
        plan_destroy(r.p);
        r.p = NULL;
    }
    rig_stop(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_passes_are_prepared_for_in_less_time),
        cmocka_unit_test(one_pass_of_a_large_picture_pays),
        cmocka_unit_test(a_negative_number_of_passes_is_refused),
        cmocka_unit_test(every_weight_is_looked_at),
        cmocka_unit_test(jobs_run_once_and_failures_keep_their_words),
#ifdef HAVE_ONEDNN
        cmocka_unit_test(one_pass_gives_the_bits_of_a_reorder),
#endif
    };
    return cmocka_run_group_tests_name("prepared", tests, NULL, NULL);
}
