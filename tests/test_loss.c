/* Losses: values and gradients against PyTorch's in float64, against differences with their sign, at extremes. */
#include "weights_help.h"

#include <math.h>

#include "net/loss.h"
#ifdef _OPENMP
#include <omp.h>
#endif

static const char *const NAMES[] = {"bce", "dice", "bce+dice"};

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
    assert_non_null(entry);
    assert_true(entry->dtype == DTYPE_F64 && i < entry->count);
    double value;
    memcpy(&value, entry->data + i * sizeof value, sizeof value);
    return value;
}

static void assert_close(double got, double want, double tolerance)
{
    if (!(fabs(got - want) <= tolerance)) fail_msg("%.17g, not %.17g", got, want);
}

static void test_against_pytorch(void **state)
{
    (void)state;
    weights_file file;
    assert_ok(weights_open(&file, golden("loss.safetensors")));
    tensor z = read_tensor(&file, "logits"), t = read_tensor(&file, "masks"), gradient;
    assert_ok(tensor_create(&gradient, z.shape));
    for (int kind = 0; kind < 3; kind++) {
        const double want = read_double(&file, NAMES[kind], "value", 0);
        assert_close(loss_compute((enum loss_kind)kind, &gradient, &z, &t), want, 1e-12 * (1 + fabs(want)));
        for (size_t i = 0; i < shape_count(z.shape); i++) {
            const double slope = read_double(&file, NAMES[kind], "gradient", i);
            assert_close((double)gradient.data[i], slope, 1e-7 * fabs(slope) + 1e-12);
        }
        assert_close(loss_compute((enum loss_kind)kind, NULL, &z, &t), want, 1e-12 * (1 + fabs(want)));
    }
    tensor_free(&z);
    tensor_free(&t);
    tensor_free(&gradient);
    weights_close(&file);
}

static void test_by_hand(void **state)
{
    (void)state;
    float logits[2] = {0, 0}, labels[2] = {1, 0}, slopes[2];
    const tensor z = {{1, 1, 1, 2}, logits}, t = {{1, 1, 1, 2}, labels};
    tensor gradient = {{1, 1, 1, 2}, slopes};
    assert_close(loss_compute(LOSS_BCE, &gradient, &z, &t), 0.6931471805599453, 1e-15); /* ln 2 */
    assert_true(slopes[0] == -0.25F && slopes[1] == 0.25F); /* (p - t) / 2 */
    /* p = 1/2: overlap 1/2, sums 1 and 1: 1 - (1 + 1) / 3 */
    assert_close(loss_compute(LOSS_DICE, &gradient, &z, &t), 1.0 / 3, 1e-15);
    /* d/dp = -(2 t (S + T + 1) - (2 I + 1)) / (S + T + 1)^2 = -(6 - 2) / 9 and 2 / 9; times p (1 - p) = 1/4 */
    assert_close((double)slopes[0], -1.0 / 9, 1e-8);
    assert_close((double)slopes[1], 0.5 / 9, 1e-8);
}

/* Gradients have the size and the sign of small differences. */
static void test_against_differences(void **state)
{
    (void)state;
    enum { N = 2 * 3 * 4 };
    float logits[N], labels[N], slopes[N];
    tensor z = {{2, 1, 3, 4}, logits}, t = {{2, 1, 3, 4}, labels}, gradient = {{2, 1, 3, 4}, slopes};
    random_stream r = random_open(1, RANDOM_TEST, 0, 0);
    for (int i = 0; i < N; i++) {
        logits[i] = (float)random_uniform(&r, -3, 3);
        labels[i] = (float)random_below(&r, 2);
    }
    for (int kind = 0; kind < 3; kind++) {
        (void)loss_compute((enum loss_kind)kind, &gradient, &z, &t);
        for (int i = 0; i < N; i++) {
            const float before = logits[i], step = 1.0F / 1024;
            logits[i] = before + step;
            const float above = logits[i];
            const double up = loss_compute((enum loss_kind)kind, NULL, &z, &t);
            logits[i] = before - step;
            const double down = loss_compute((enum loss_kind)kind, NULL, &z, &t);
            const double width = (double)above - (double)logits[i];
            logits[i] = before;
            assert_close((double)slopes[i], (up - down) / width, 1e-6);
        }
    }
}

static void test_extreme_logits(void **state)
{
    (void)state;
    float logits[4] = {1e4F, -1e4F, 1e4F, -1e4F}, labels[4] = {1, 0, 0, 1}, slopes[4];
    const tensor z = {{1, 1, 2, 2}, logits}, t = {{1, 1, 2, 2}, labels};
    tensor gradient = {{1, 1, 2, 2}, slopes};
    assert_close(loss_compute(LOSS_BCE, &gradient, &z, &t), 5000, 1e-9); /* two right, two wrong by 10^4 */
    assert_true(slopes[0] == 0 && slopes[1] == 0 && slopes[2] == 0.25F && slopes[3] == -0.25F);
    assert_close(loss_compute(LOSS_DICE, &gradient, &z, &t), 1 - 3.0 / 5, 1e-15);
    for (size_t i = 0; i < 4; i++) assert_true(slopes[i] == 0);
}

static void test_not_finite_reaches_the_value(void **state)
{
    (void)state;
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    float logits[130] = {0}, labels[130] = {0};
    const tensor z = {{1, 1, 10, 13}, logits}, t = {{1, 1, 10, 13}, labels};
    for (int kind = 0; kind < 3; kind++) {
        for (int b = 0; b < 3; b++) {
            for (int label = 0; label < 2; label++) {
                logits[77] = bad[b];
                labels[77] = (float)label;
                assert_true(!isfinite(loss_compute((enum loss_kind)kind, NULL, &z, &t)));
            }
        }
        logits[77] = 0;
        assert_true(isfinite(loss_compute((enum loss_kind)kind, NULL, &z, &t)));
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
    omp_set_num_threads(1);
    const double a = loss_compute(LOSS_BCE_DICE, &one, &z, &t);
    omp_set_num_threads(3);
    const double b = loss_compute(LOSS_BCE_DICE, &three, &z, &t);
    omp_set_num_threads(before);
    assert_memory_equal(&a, &b, sizeof a);
    assert_memory_equal(one.data, three.data, shape_count(s) * sizeof(float));
    tensor_free(&z);
    tensor_free(&t);
    tensor_free(&one);
    tensor_free(&three);
#else
    skip();
#endif
}

static void test_names(void **state)
{
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        enum loss_kind parsed;
        assert_ok(loss_parse(&parsed, NAMES[kind]));
        assert_int_equal(parsed, kind);
        assert_string_equal(loss_name(parsed), NAMES[kind]);
    }
    enum loss_kind untouched = LOSS_DICE;
    assert_refused(loss_parse(&untouched, "focal"), POLYP_ERR_ARGUMENT, "bce+dice");
    assert_int_equal(untouched, LOSS_DICE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_pytorch),
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_against_differences),
        cmocka_unit_test(test_extreme_logits),
        cmocka_unit_test(test_not_finite_reaches_the_value),
        cmocka_unit_test(test_threads_do_not_change_a_bit),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
