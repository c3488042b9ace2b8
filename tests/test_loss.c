/* Losses: values and gradients against other libraries' in float64, against differences with their sign, at extremes. */
#include "weights_help.h"

#include <math.h>

#include "net/loss.h"
#ifdef _OPENMP
#include <omp.h>
#endif

static tensor read_tensor(const weights_file *file, const char *name)
{
    const weights_entry *const entry = weights_find(file, name);
    assert_non_null(entry);
    tensor t;
    assert_ok(tensor_create(&t, (shape){(int)entry->shape[0], 1, (int)entry->shape[2], (int)entry->shape[3]}));
    assert_ok(weights_to_f32(t.data, entry));
    return t;
}

static double read_double(const weights_file *file, const char *name, const char *part, size_t i)
{
    char whole[64];
    (void)snprintf(whole, sizeof whole, "%s.%s", name, part);
    const weights_entry *const entry = weights_find(file, whole);
    if (entry == NULL) fail_msg("no %s", whole);
    assert_true(entry->dtype == DTYPE_F64 && i < entry->count);
    double value;
    memcpy(&value, entry->data + i * sizeof value, sizeof value);
    return value;
}

static void assert_close(double got, double want, double tolerance)
{
    if (!(fabs(got - want) <= tolerance)) fail_msg("%.17g, not %.17g", got, want);
}

/* One computation with a loss of its own. */
static double compute(const loss_spec *spec, tensor *gradient, const tensor *logits, const tensor *masks)
{
    loss_function *l = NULL;
    assert_ok(loss_open(&l, spec, logits->shape));
    const double value = loss_compute(l, gradient, logits, masks);
    loss_close(l);
    return value;
}

static loss_spec spec_of(enum loss_kind kind)
{
    loss_spec spec = loss_defaults();
    spec.kind = kind;
    return spec;
}

/* ---- what other libraries compute ---------------------------------------------------------------------- */

/* Numbers that are 0 here are the usual ones. */
typedef struct golden_case {
    const char *golden;
    loss_spec spec;
    const char *logits, *masks;
} golden_case;

static const golden_case CASES[] = {
    {"bce", {.kind = LOSS_BCE}, "logits", "masks"},
    {"dice", {.kind = LOSS_DICE}, "logits", "masks"},
    {"dice.smooth", {.kind = LOSS_DICE, .smooth = 1e-6}, "logits", "masks"},
    {"bce+dice", {.kind = LOSS_BCE_DICE}, "logits", "masks"},
    {"bce+dice.dice", {.kind = LOSS_BCE_DICE, .dice = 0.3}, "logits", "masks"},
    {"focal", {.kind = LOSS_FOCAL}, "logits", "masks"},
    {"focal.plain", {.kind = LOSS_FOCAL, .gamma = 1.5, .balance = -1}, "logits", "masks"},
    {"tversky", {.kind = LOSS_TVERSKY}, "logits", "masks"},
    {"tversky.smooth", {.kind = LOSS_TVERSKY, .alpha = 0.8, .beta = 0.1, .smooth = 0.01}, "logits", "masks"},
    {"lovasz", {.kind = LOSS_LOVASZ}, "mild", "masks"},
    {"structure", {.kind = LOSS_STRUCTURE}, "logits", "masks"},
    {"structure-intended", {.kind = LOSS_STRUCTURE_INTENDED}, "logits", "masks"},
    {"structure-intended.small", {.kind = LOSS_STRUCTURE_INTENDED, .border = 2, .radius = 3}, "logits", "masks"},
    {"ignored.bce", {.kind = LOSS_BCE}, "mild", "ignored"},
    {"ignored.dice", {.kind = LOSS_DICE}, "mild", "ignored"},
    {"ignored.focal", {.kind = LOSS_FOCAL}, "mild", "ignored"},
    {"ignored.tversky", {.kind = LOSS_TVERSKY}, "mild", "ignored"},
    {"ignored.lovasz", {.kind = LOSS_LOVASZ}, "mild", "ignored"},
    {"ignored.structure", {.kind = LOSS_STRUCTURE}, "mild", "ignored"},
};

static double number_or(double number, double usual)
{
    return number == 0 ? usual : number;
}

static loss_spec spec_of_case(const golden_case *c)
{
    const loss_spec usual = loss_defaults(), *const s = &c->spec;
    return (loss_spec){.kind = s->kind,
                       .smooth = number_or(s->smooth, usual.smooth),
                       .dice = number_or(s->dice, usual.dice),
                       .gamma = number_or(s->gamma, usual.gamma),
                       .balance = number_or(s->balance, usual.balance),
                       .alpha = number_or(s->alpha, usual.alpha),
                       .beta = number_or(s->beta, usual.beta),
                       .border = number_or(s->border, usual.border),
                       .radius = s->radius == 0 ? usual.radius : s->radius};
}

/* Largest difference of the gradient, relative to the golden one's largest value. */
static double gradient_difference(const weights_file *file, const char *name, const tensor *gradient)
{
    double worst = 0, largest = 0;
    for (size_t i = 0; i < shape_count(gradient->shape); i++) {
        const double want = read_double(file, name, "gradient", i);
        const double difference = fabs((double)gradient->data[i] - want);
        if (!(difference <= worst)) worst = isnan(difference) ? (double)INFINITY : difference;
        largest = fmax(largest, fabs(want));
    }
    return worst / largest;
}

static void compare_case(const weights_file *file, const golden_case *c, const tensor *masks, double limit)
{
    const loss_spec spec = spec_of_case(c);
    tensor z = read_tensor(file, c->logits), gradient;
    assert_ok(tensor_create(&gradient, z.shape));
    const double want = read_double(file, c->golden, "value", 0), got = compute(&spec, &gradient, &z, masks);
    const double of_value = fabs(got - want) / (1 + fabs(want));
    const double of_gradient = gradient_difference(file, c->golden, &gradient);
    print_message("%-26s largest difference of value %.1e, gradient %.1e\n", c->golden, of_value, of_gradient);
    if (!(of_value <= limit && of_gradient <= fmax(limit, 1e-7))) fail_msg("%s: %.17g", c->golden, got);
    assert_close(compute(&spec, NULL, &z, masks), got, 0);
    tensor_free(&z);
    tensor_free(&gradient);
}

static void test_against_other_libraries(void **state)
{
    (void)state;
    weights_file file;
    assert_ok(weights_open(&file, golden("loss.safetensors")));
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        tensor masks = read_tensor(&file, CASES[i].masks);
        const bool has_weights = CASES[i].spec.kind >= LOSS_STRUCTURE; /* which are floats */
        compare_case(&file, &CASES[i], &masks, has_weights ? 1e-7 : 1e-12);
        tensor_free(&masks);
    }
    weights_close(&file);
}

/* fastai's softmax over two channels, which it computes in float, on hard labels. */
static void test_bce_is_fastais_cross_entropy(void **state)
{
    (void)state;
    weights_file file;
    assert_ok(weights_open(&file, golden("loss.safetensors")));
    tensor masks = read_tensor(&file, "masks");
    for (size_t i = 0; i < shape_count(masks.shape); i++) masks.data[i] = masks.data[i] > 0.5F ? 1 : 0;
    const golden_case c = {"fastai", {.kind = LOSS_BCE}, "logits", "masks"};
    compare_case(&file, &c, &masks, 1e-6);
    tensor_free(&masks);
    weights_close(&file);
}

/* ---- by hand and by differences ------------------------------------------------------------------------ */

static void test_by_hand(void **state)
{
    (void)state;
    float logits[2] = {0, 0}, labels[2] = {1, 0}, slopes[2];
    const tensor z = {{1, 1, 1, 2}, logits}, t = {{1, 1, 1, 2}, labels};
    tensor gradient = {{1, 1, 1, 2}, slopes};
    const loss_spec bce = spec_of(LOSS_BCE), dice = spec_of(LOSS_DICE), lovasz = spec_of(LOSS_LOVASZ);
    assert_close(compute(&bce, &gradient, &z, &t), 0.6931471805599453, 1e-15); /* ln 2 */
    assert_true(slopes[0] == -0.25F && slopes[1] == 0.25F);                    /* (p - t) / 2 */
    /* p = 1/2: overlap 1/2, sums 1 and 1: 1 - (1 + 1) / 3 */
    assert_close(compute(&dice, &gradient, &z, &t), 1.0 / 3, 1e-15);
    /* d/dp = -(2 t (S + T + 1) - (2 I + 1)) / (S + T + 1)^2 = -(6 - 2) / 9 and 2 / 9; times p (1 - p) = 1/4 */
    assert_close((double)slopes[0], -1.0 / 9, 1e-8);
    assert_close((double)slopes[1], 0.5 / 9, 1e-8);
    /* errors 1 + 1/2 (no polyp), then 1 - 1/4: Jaccard losses 1/2, then 1: 1.5 / 2 + .75 / 2 */
    logits[0] = 0.25F;
    logits[1] = 0.5F;
    assert_close(compute(&lovasz, &gradient, &z, &t), 1.125, 1e-15);
    assert_true(slopes[0] == -0.5F && slopes[1] == 0.5F);
}

/* Gradients have the size and the sign of small differences; some pixels are ignored, some labels soft. */
static void check_differences(const loss_spec *spec)
{
    enum { N = 2 * 3 * 4 };
    float logits[N], labels[N], slopes[N];
    tensor z = {{2, 1, 3, 4}, logits}, t = {{2, 1, 3, 4}, labels}, gradient = {{2, 1, 3, 4}, slopes};
    random_stream r = random_open(1, RANDOM_TEST, 0, 0);
    for (int i = 0; i < N; i++) {
        logits[i] = (float)random_uniform(&r, -3, 3);
        labels[i] = (float)random_below(&r, 2);
    }
    labels[5] = 0.75F;
    labels[7] = labels[19] = -1;
    (void)compute(spec, &gradient, &z, &t);
    for (int i = 0; i < N; i++) {
        const float before = logits[i], step = 1.0F / 1024;
        logits[i] = before + step;
        const float above = logits[i];
        const double up = compute(spec, NULL, &z, &t);
        logits[i] = before - step;
        const double down = compute(spec, NULL, &z, &t);
        const double width = (double)above - (double)logits[i];
        logits[i] = before;
        assert_close((double)slopes[i], (up - down) / width, 1e-6);
        if (labels[i] < 0) assert_true(slopes[i] == 0);
    }
}

static void test_against_differences(void **state)
{
    (void)state;
    for (int kind = 0; kind < LOSS_KINDS; kind++) {
        const loss_spec spec = spec_of((enum loss_kind)kind);
        check_differences(&spec);
    }
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        const loss_spec spec = spec_of_case(&CASES[i]);
        check_differences(&spec);
    }
    loss_spec slow = spec_of(LOSS_FOCAL);
    slow.gamma = 0.5;
    check_differences(&slow);
    slow.gamma = 0;
    check_differences(&slow);
}

/* The weights of the structure losses, pixel by pixel from their definition: with a mask of one polyp and no prediction
 * elsewhere, the intended loss is recomputed here in plain loops. */
static void test_border_weights_by_plain_loops(void **state)
{
    (void)state;
    enum { H = 11, W = 7, RADIUS = 2 };
    float logits[H * W], labels[H * W];
    const tensor z = {{1, 1, H, W}, logits}, t = {{1, 1, H, W}, labels};
    random_stream r = random_open(3, RANDOM_TEST, 0, 0);
    for (int i = 0; i < H * W; i++) {
        logits[i] = (float)random_uniform(&r, -2, 2);
        labels[i] = i % W > 2 && i / W > 3 ? 1 : 0;
    }
    double sums[5] = {0}; /* of w, w ce, w p t, w p, w t */
    for (int i = 0; i < H * W; i++) {
        double mean = 0;
        for (int y = i / W - RADIUS; y <= i / W + RADIUS; y++) {
            for (int x = i % W - RADIUS; x <= i % W + RADIUS; x++) {
                if (y >= 0 && y < H && x >= 0 && x < W) mean += (double)labels[y * W + x] / 25;
            }
        }
        const double label = (double)labels[i], w = 1 + 5 * fabs(mean - label), p = 1 / (1 + exp(-(double)logits[i]));
        sums[0] += w;
        sums[1] -= w * log(label > 0 ? p : 1 - p);
        sums[2] += w * p * label;
        sums[3] += w * p;
        sums[4] += w * label;
    }
    const double want = sums[1] / sums[0] + 1 - (sums[2] + 1) / (sums[3] + sums[4] - sums[2] + 1);
    loss_spec spec = spec_of(LOSS_STRUCTURE_INTENDED);
    spec.radius = RADIUS;
    assert_close(compute(&spec, NULL, &z, &t), want, 1e-6); /* weights are floats */
}

/* ---- extremes ------------------------------------------------------------------------------------------ */

static void test_extreme_logits(void **state)
{
    (void)state;
    float logits[4] = {1e4F, -1e4F, 1e4F, -1e4F}, labels[4] = {1, 0, 0, 1}, slopes[4];
    const tensor z = {{1, 1, 2, 2}, logits}, t = {{1, 1, 2, 2}, labels};
    tensor gradient = {{1, 1, 2, 2}, slopes};
    const loss_spec bce = spec_of(LOSS_BCE), dice = spec_of(LOSS_DICE);
    assert_close(compute(&bce, &gradient, &z, &t), 5000, 1e-9); /* two right, two wrong by 10^4 */
    assert_true(slopes[0] == 0 && slopes[1] == 0 && slopes[2] == 0.25F && slopes[3] == -0.25F);
    assert_close(compute(&dice, &gradient, &z, &t), 1 - 3.0 / 5, 1e-15);
    for (size_t i = 0; i < 4; i++) assert_true(slopes[i] == 0);
    for (int kind = 0; kind < LOSS_KINDS; kind++) {
        const loss_spec spec = spec_of((enum loss_kind)kind);
        assert_true(isfinite(compute(&spec, &gradient, &z, &t)));
        for (size_t i = 0; i < 4; i++) assert_true(isfinite(slopes[i]));
    }
}

static void test_not_finite_reaches_the_value(void **state)
{
    (void)state;
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    float logits[130] = {0}, labels[130] = {0};
    const tensor z = {{1, 1, 10, 13}, logits}, t = {{1, 1, 10, 13}, labels};
    for (int kind = 0; kind < LOSS_KINDS; kind++) {
        const loss_spec spec = spec_of((enum loss_kind)kind);
        for (int b = 0; b < 3; b++) {
            for (int label = -1; label < 2; label++) {
                logits[77] = bad[b];
                labels[77] = (float)label;
                assert_true(!isfinite(compute(&spec, NULL, &z, &t)));
            }
        }
        logits[77] = 0;
        assert_true(isfinite(compute(&spec, NULL, &z, &t)));
    }
}

static void test_all_ignored_is_nothing(void **state)
{
    (void)state;
    float logits[12], labels[12], slopes[12];
    const tensor z = {{1, 1, 3, 4}, logits}, t = {{1, 1, 3, 4}, labels};
    tensor gradient = {{1, 1, 3, 4}, slopes};
    for (int i = 0; i < 12; i++) {
        logits[i] = (float)i - 5;
        labels[i] = -1;
    }
    for (int kind = 0; kind < LOSS_KINDS; kind++) {
        const loss_spec spec = spec_of((enum loss_kind)kind);
        assert_close(compute(&spec, &gradient, &z, &t), 0, 0);
        for (int i = 0; i < 12; i++) assert_true(slopes[i] == 0);
    }
}

static void test_threads_do_not_change_a_bit(void **state)
{
    (void)state;
#ifdef _OPENMP
    const shape s = {2, 1, 61, 67};
    tensor z, t, one, three;
    assert_ok(tensor_create(&z, s));
    assert_ok(tensor_create(&t, s));
    assert_ok(tensor_create(&one, s));
    assert_ok(tensor_create(&three, s));
    random_stream r = random_open(2, RANDOM_TEST, 0, 0);
    for (size_t i = 0; i < shape_count(s); i++) {
        z.data[i] = (float)random_uniform(&r, -8, 8);
        t.data[i] = (float)random_below(&r, 2);
    }
    const int before = omp_get_max_threads();
    for (int kind = 0; kind < LOSS_KINDS; kind++) {
        const loss_spec spec = spec_of((enum loss_kind)kind);
        omp_set_num_threads(1);
        const double a = compute(&spec, &one, &z, &t);
        omp_set_num_threads(3);
        const double b = compute(&spec, &three, &z, &t);
        assert_memory_equal(&a, &b, sizeof a);
        assert_memory_equal(one.data, three.data, shape_count(s) * sizeof(float));
    }
    omp_set_num_threads(before);
    tensor_free(&z);
    tensor_free(&t);
    tensor_free(&one);
    tensor_free(&three);
#else
    skip();
#endif
}

/* ---- names, coarser masks --------------------------------------------------------------------- */

/* One name a kind, in the enum's order: a recipe's choice is read as the kind. */
static void test_names(void **state)
{
    (void)state;
    static const char *const names[LOSS_KINDS] = {
        [LOSS_BCE] = "bce",         [LOSS_DICE] = "dice",     [LOSS_BCE_DICE] = "bce+dice",
        [LOSS_FOCAL] = "focal",     [LOSS_TVERSKY] = "tversky", [LOSS_LOVASZ] = "lovasz",
        [LOSS_STRUCTURE] = "structure", [LOSS_STRUCTURE_INTENDED] = "structure-intended",
    };
    char all[256] = "";
    for (int kind = 0; kind < LOSS_KINDS; kind++) {
        if (kind > 0) strcat(all, "|");
        strcat(all, names[kind]);
    }
    assert_string_equal(all, LOSS_CHOICES);
}

static void test_masks_are_shrunk_by_area(void **state)
{
    (void)state;
    float large[2 * 4 * 4] = {1, 1, 0, 0,  1, 0, 0, 0,  -1, -1, 1, -1,  -1, -1, 0, -1}, small[2 * 2 * 2];
    large[16] = 1;
    const tensor from = {{2, 1, 4, 4}, large};
    tensor to = {{2, 1, 2, 2}, small};
    loss_shrink_masks(&to, &from);
    const float want[8] = {0.75F, 0, -1, 0.5F, 0.25F, 0, 0, 0};
    assert_memory_equal(small, want, sizeof want);
    float stripe[2];
    tensor narrow = {{2, 1, 1, 1}, stripe}; /* sides may shrink unequally */
    loss_shrink_masks(&narrow, &from);
    assert_true(stripe[0] == 4.0F / 10 && stripe[1] == 1.0F / 16);
}

static void test_failed_allocations_are_reported(void **state)
{
    (void)state;
    for (int kind = 0; kind < LOSS_KINDS; kind++) {
        const loss_spec spec = spec_of((enum loss_kind)kind);
        loss_function *l = NULL;
        for (size_t k = 1; l == NULL; k++) {
            memory_fail_at(k);
            const status got = loss_open(&l, &spec, (shape){2, 1, 4, 4});
            memory_fail_at(0);
            if (got != POLYP_OK) assert_int_equal(got, POLYP_ERR_MEMORY);
        }
        loss_close(l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_other_libraries),
        cmocka_unit_test(test_bce_is_fastais_cross_entropy),
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_against_differences),
        cmocka_unit_test(test_border_weights_by_plain_loops),
        cmocka_unit_test(test_extreme_logits),
        cmocka_unit_test(test_not_finite_reaches_the_value),
        cmocka_unit_test(test_all_ignored_is_nothing),
        cmocka_unit_test(test_threads_do_not_change_a_bit),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_masks_are_shrunk_by_area),
        cmocka_unit_test(test_failed_allocations_are_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
