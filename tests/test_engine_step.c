/* AdamW: two steps worked by hand, long spans against a plain version in double, ten steps by fastai itself. */
#include "engine_help.h"
#include "weights_help.h"

#include <math.h>

#include "engine/step.h"

static const step_rule RULE = {.beta1 = 0.9,
                               .beta2 = 0.99,
                               .epsilon = 1e-8,
                               .rate = {0.1, 0.1, 0.1, 0.1, 0.1, 0.1},
                               .decay = 0.01,
                               .gradient_scale = 1,
                               .step = 1};

/*
 * w = 1, gradient 2, then 1; rate .1, decay .01.
 * Step 1: m = .2, v = .04; debiased 2 and 4; w = 1 - .1 (2 / 2 + .01) = .899
 * Step 2: m = .28, v = .0496; debiased .28 / .19 = 1.4736842 and .0496 / .0199 = 2.4924623, root 1.5787534;
 *         w = .899 - .1 (.9334481 + .00899) = .8047562
 */
static void two_steps_by_hand(void **state)
{
    (void)state;
    float w = 1, g = 2, m = 0, v = 0;
    const step_values values = {&w, &g, &m, &v, NULL, 1};
    step_rule rule = RULE;
    step_adamw(&values, &rule, 0.1, 0.01, 1);
    assert_float_equal(m, 0.2, 1e-7);
    assert_float_equal(v, 0.04, 1e-8);
    assert_float_equal(w, 0.899, 1e-6);
    g = 1;
    rule.step = 2;
    step_adamw(&values, &rule, 0.1, 0.01, 1);
    assert_float_equal(m, 0.28, 1e-7);
    assert_float_equal(v, 0.0496, 1e-8);
    assert_float_equal(w, 0.8047562, 1e-6);
}

/* Scaling by a power of two changes nothing but the moments, exactly. */
static void gradients_are_scaled(void **state)
{
    (void)state;
    float w[2] = {1, 1}, g[2] = {2, 0.5F}, m[2] = {0, 0}, v[2] = {0, 0};
    step_rule rule = RULE;
    step_adamw(&(step_values){&w[0], &g[0], &m[0], &v[0], NULL, 1}, &rule, 0.1, 0, 1);
    rule.gradient_scale = 4;
    step_adamw(&(step_values){&w[1], &g[1], &m[1], &v[1], NULL, 1}, &rule, 0.1, 0, 1);
    assert_true(w[0] == w[1] && m[0] == m[1] && v[0] == v[1]);
}

typedef struct spans {
    float *all[PLAN_SPANS];
    size_t count;
} spans;

static void spans_make(spans *s, size_t count)
{
    s->count = count;
    for (int i = 0; i < PLAN_SPANS; i++) {
        assert_ok(memory_new(&s->all[i], count));
        fill_uniform(s->all[i], count, i == PLAN_MOMENT2 ? 0 : -1, 1, (uint64_t)i);
    }
}

static void spans_free(spans *s)
{
    for (int i = 0; i < PLAN_SPANS; i++) memory_free(s->all[i]);
}

static step_values all_values(const spans *s)
{
    return (step_values){s->all[PLAN_WEIGHTS], s->all[PLAN_GRADIENTS], s->all[PLAN_MOMENT1], s->all[PLAN_MOMENT2],
                         s->all[PLAN_AVERAGE], s->count};
}

/* The formula as the paper writes it, in double. */
static double plain_step(double w, double g, double m, double v, const step_rule *rule, double rate, double decay)
{
    g *= rule->gradient_scale;
    m = rule->beta1 * m + (1 - rule->beta1) * g;
    v = rule->beta2 * v + (1 - rule->beta2) * g * g;
    const double m_hat = m / (1 - pow(rule->beta1, (double)rule->step));
    const double v_hat = v / (1 - pow(rule->beta2, (double)rule->step));
    return w - rate * (m_hat / (sqrt(v_hat) + rule->epsilon) + decay * w);
}

static void long_spans_match_the_formula(void **state)
{
    (void)state;
    step_rule rule = RULE;
    rule.gradient_scale = 0.37;
    rule.step = 17;
    const size_t counts[] = {1, 7, 64, 16384, 50001};
    for (size_t k = 0; k < sizeof counts / sizeof counts[0]; k++) {
        spans before, after;
        spans_make(&before, counts[k]);
        spans_make(&after, counts[k]);
        const step_values values = all_values(&after);
        step_adamw(&values, &rule, 0.003, 0.05, 2);
        for (size_t i = 0; i < counts[k]; i++) {
            const double want = plain_step((double)before.all[PLAN_WEIGHTS][i], (double)before.all[PLAN_GRADIENTS][i],
                                           (double)before.all[PLAN_MOMENT1][i], (double)before.all[PLAN_MOMENT2][i],
                                           &rule, 0.003, 0.05);
            if (!(fabs((double)after.all[PLAN_WEIGHTS][i] - want) < 2e-6)) fail_msg("value %zu of %zu", i, counts[k]);
        }
        spans_free(&before);
        spans_free(&after);
    }
}

static void threads_change_nothing(void **state)
{
    (void)state;
    spans one, three;
    spans_make(&one, 100003);
    spans_make(&three, 100003);
    const step_values by_one = all_values(&one), by_three = all_values(&three);
    step_adamw(&by_one, &RULE, 0.01, 0.01, 1);
    step_adamw(&by_three, &RULE, 0.01, 0.01, 3);
    for (int i = 0; i < PLAN_SPANS; i++) assert_memory_equal(one.all[i], three.all[i], one.count * sizeof(float));
    spans_free(&one);
    spans_free(&three);
}

static void padding_stays_zero(void **state)
{
    (void)state;
    float zeros[4][5] = {{0}};
    const step_values values = {zeros[0], zeros[1], zeros[2], zeros[3], NULL, 5};
    step_adamw(&values, &RULE, 0.1, 0.01, 1);
    for (int i = 0; i < 20; i++) assert_true(zeros[i / 5][i % 5] == 0);
}

/* A table of four: a weight that decays, a bias that does not, a weight of a frozen group, a running mean. */
static void parameters_follow_their_group_and_role(void **state)
{
    (void)state;
    enum { COUNT = 4 };
    param_table table = {0};
    const int four[4] = {1, 1, 1, 1};
    assert_int_equal(param_append(&table, "a.weight", PARAM_CONV_WEIGHT, 4, four, 2), 0);
    assert_int_equal(param_append(&table, "a.bias", PARAM_BIAS, 1, four, 2), 1);
    assert_int_equal(param_append(&table, "b.weight", PARAM_CONV_WEIGHT, 4, four, 0), 2);
    assert_int_equal(param_append(&table, "c.running_mean", PARAM_RUNNING_MEAN, 1, four, 2), 3);
    const plan_slot slots[COUNT] = {{2, 1}, {1, 1}, {0, 1}, {0, 0}};
    float w[3] = {1, 1, 1}, g[3] = {2, 2, 2}, m[3] = {0}, v[3] = {0};
    float *const all[PLAN_SPANS] = {[PLAN_WEIGHTS] = w, [PLAN_GRADIENTS] = g, [PLAN_MOMENT1] = m, [PLAN_MOMENT2] = v};
    step_rule rule = RULE;
    rule.rate[0] = 0;
    step_parameters(all, &table, slots, &rule, 1);
    assert_float_equal(w[2], 0.899, 1e-6);
    assert_float_equal(w[1], 0.9, 1e-6);
    assert_true(w[0] == 1 && m[0] == 0 && v[0] == 0);
    param_table_free(&table);
}

/* ---- fastai's ten steps (golden/make_optimiser.py) ------------------------------------------------------- */

/* Groups 0, 3 and 5, each a convolution's weight, gamma, beta, a bias; group 0 and 3 are frozen for five steps. */
enum { FAST_GROUPS = 3, FAST_STEPS = 10, FAST_VALUES = FAST_GROUPS * (108 + 3 * 4) };
static const int FAST_GROUP[FAST_GROUPS] = {0, 3, PARAM_GROUP_DECODER};

static void fast_table(param_table *table, plan_slot *slots)
{
    const int weight[4] = {4, 3, 3, 3}, four[1] = {4};
    const enum param_role roles[4] = {PARAM_CONV_WEIGHT, PARAM_NORM_WEIGHT, PARAM_NORM_BIAS, PARAM_BIAS};
    for (int i = 0; i < 4 * FAST_GROUPS; i++) {
        const bool is_weight = i % 4 == 0;
        assert_int_equal(param_append(table, "values", roles[i % 4], is_weight ? 4 : 1, is_weight ? weight : four,
                                      FAST_GROUP[i / 4]),
                         i);
        slots[i] = (plan_slot){table->entries[i].offset, table->entries[i].count};
    }
    assert_int_equal(table->values, FAST_VALUES);
}

static const void *fast_array(const weights_file *file, const char *name, enum dtype dtype, size_t count)
{
    const weights_entry *const entry = weights_find(file, name);
    if (entry == NULL || entry->dtype != dtype || entry->count != count) fail_msg("no array %s", name);
    return entry->data;
}

static const void *fast_step_array(const weights_file *file, const char *name, int step, enum dtype dtype)
{
    char whole[64];
    (void)snprintf(whole, sizeof whole, "adam.%s.%d", name, step);
    return fast_array(file, whole, dtype, FAST_VALUES);
}

static step_rule fast_rule(const weights_file *file, int step)
{
    double rates[FAST_STEPS][FAST_GROUPS], momenta[FAST_STEPS];
    memcpy(rates, fast_array(file, "adam.rates", DTYPE_F64, FAST_STEPS * FAST_GROUPS), sizeof rates);
    memcpy(momenta, fast_array(file, "adam.momenta", DTYPE_F64, FAST_STEPS), sizeof momenta);
    step_rule rule = {
        .beta1 = momenta[step], .beta2 = 0.99, .epsilon = 1e-5, .decay = 0.01, .gradient_scale = 1, .step = step % 5 + 1};
    for (int g = 0; g < FAST_GROUPS; g++) {
        rule.rate[FAST_GROUP[g]] = rates[step][g];
        rule.frozen[FAST_GROUP[g]] = step < 5 && g < FAST_GROUPS - 1;
    }
    return rule;
}

static void ten_steps_are_fastais(void **state)
{
    (void)state;
    weights_file file;
    assert_ok(weights_open(&file, golden("optimiser.safetensors")));
    param_table table = {0};
    plan_slot slots[4 * FAST_GROUPS];
    fast_table(&table, slots);
    float w[FAST_VALUES], g[FAST_VALUES], m[FAST_VALUES], v[FAST_VALUES];
    float *const all[PLAN_SPANS] = {[PLAN_WEIGHTS] = w, [PLAN_GRADIENTS] = g, [PLAN_MOMENT1] = m, [PLAN_MOMENT2] = v};
    memcpy(w, fast_array(&file, "adam.start", DTYPE_F32, FAST_VALUES), sizeof w);
    double worst = 0;
    for (int step = 0; step < FAST_STEPS; step++) {
        const step_rule rule = fast_rule(&file, step);
        memcpy(g, fast_step_array(&file, "gradients", step, DTYPE_F32), sizeof g);
        for (size_t i = 0; step % 5 == 0 && i < FAST_VALUES; i++) m[i] = v[i] = 0; /* cleared when unfrozen */
        step_parameters(all, &table, slots, &rule, 2);
        double want[FAST_VALUES];
        memcpy(want, fast_step_array(&file, "weights", step, DTYPE_F64), sizeof want);
        for (size_t i = 0; i < FAST_VALUES; i++) worst = fmax(worst, fabs((double)w[i] - want[i]));
    }
    print_message("ten steps of fastai's Adam: largest difference %.1e\n", worst);
    assert_true(worst < 1e-5);
    param_table_free(&table);
    weights_close(&file);
}

static void nan_is_not_hidden(void **state)
{
    (void)state;
    float w = 1, g = NAN, m = 0, v = 0;
    step_adamw(&(step_values){&w, &g, &m, &v, NULL, 1}, &RULE, 0.1, 0.01, 1);
    assert_true(isnan(w));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_steps_by_hand),
        cmocka_unit_test(gradients_are_scaled),
        cmocka_unit_test(long_spans_match_the_formula),
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(padding_stays_zero),
        cmocka_unit_test(parameters_follow_their_group_and_role),
        cmocka_unit_test(ten_steps_are_fastais),
        cmocka_unit_test(nan_is_not_hidden),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
