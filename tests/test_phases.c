/* Phases: which one a step lies in, its rates, and fastai's freezing. */
#include "learn_help.h"

#include <math.h>

#include "learn/phases.h"

static phase_list one_phase(int epochs)
{
    phase_list list = {.count = 1, .beta1 = 0.9};
    list.items[0] = (phase){.epochs = epochs, .schedule = schedule_defaults(), .rate = 1e-2};
    for (int i = 0; i < PARAM_GROUPS; i++) list.items[0].factors[i] = 1.0;
    return list;
}

static void assert_near(double value, double expected)
{
    if (fabs(value - expected) > 1e-9 * fabs(expected)) fail_msg("%.17g, not %.17g", value, expected);
}

static void test_one_cycle_over_all_steps(void **state)
{
    (void)state;
    const phase_list list = one_phase(4);
    const schedule_point first = phases_at(&list, 25, 0), peak = phases_at(&list, 25, 25), end = phases_at(&list, 25, 100);
    assert_near(first.rate[0], 1e-2 / 25);
    assert_near(first.beta1, 0.95);
    assert_near(peak.rate[PARAM_GROUP_DECODER], 1e-2);
    assert_near(peak.beta1, 0.85);
    assert_near(end.rate[0], 1e-7);
    assert_false(first.clear || peak.clear || first.frozen[0]);
    assert_int_equal(peak.phase_step, 25);
}

static void test_frozen_body(void **state)
{
    (void)state;
    phase_list list = one_phase(2);
    phases_freeze_body(&list);
    const schedule_point p = phases_at(&list, 10, 5);
    for (int i = 0; i < PARAM_GROUPS; i++) assert_int_equal(p.frozen[i], i != PARAM_GROUP_DECODER);
    assert_near(p.rate[0], p.rate[PARAM_GROUP_DECODER]); /* norms of frozen groups are trained, at the full rate */
}

/* fastai's fine_tune(4, base_lr=1e-2, freeze_epochs=1): slice(1e-2) first, then slice(5e-5, 5e-3). */
static void test_fine_tune(void **state)
{
    (void)state;
    phase_list list = one_phase(5);
    phases_fine_tune(&list, 1);
    const schedule_point first = phases_at(&list, 100, 0), top = phases_at(&list, 100, 99);
    assert_true(first.frozen[0] && first.frozen[4] && !first.frozen[PARAM_GROUP_DECODER]);
    assert_near(first.rate[PARAM_GROUP_DECODER], 1e-2 / 25);
    assert_near(first.rate[0], 1e-3 / 25);
    assert_near(top.rate[PARAM_GROUP_DECODER], 1e-2);
    const schedule_point second = phases_at(&list, 100, 100), peak = phases_at(&list, 100, 220);
    assert_true(second.clear);
    assert_int_equal(second.phase_step, 0);
    assert_false(second.frozen[0]);
    assert_near(second.rate[PARAM_GROUP_DECODER], 5e-3 / 5);
    assert_near(peak.rate[0], 5e-5);
    assert_near(peak.rate[2], 5e-5);
    assert_near(peak.rate[3], 5e-4);
    assert_near(peak.rate[4], 5e-4);
    assert_near(peak.rate[PARAM_GROUP_DECODER], 5e-3);
    assert_false(phases_at(&list, 100, 101).clear);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_cycle_over_all_steps),
        cmocka_unit_test(test_frozen_body),
        cmocka_unit_test(test_fine_tune),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
