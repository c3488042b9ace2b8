/* The one-cycle schedule against fastai 2's formulas, worked out in Python by hand (field notes 2.1). */
#include "learn_help.h"

#include <math.h>

#include "learn/schedule.h"

static void test_values(void **state)
{
    (void)state;
    /* progress, rate, momentum at a peak of 1e-2 */
    static const double golden[][3] = {
        {0, 0.0004, 0.95},
        {0.1, 0.0037167184270002532, 0.9154508497187474},
        {0.25, 0.01, 0.85},
        {0.5, 0.007500025000000001, 0.875},
        {0.9, 0.000432368389059877, 0.94567727288213},
        {0.999, 1.4386440566269143e-07, 0.9499995613515568},
    };
    const one_cycle s = one_cycle_defaults(1e-2);
    for (size_t i = 0; i < sizeof golden / sizeof golden[0]; i++) {
        const double rate = one_cycle_rate(&s, golden[i][0]), momentum = one_cycle_momentum(&s, golden[i][0]);
        if (fabs(rate - golden[i][1]) > 1e-12 * golden[i][1] + 1e-16) fail_msg("rate at %g: %.17g", golden[i][0], rate);
        if (fabs(momentum - golden[i][2]) > 1e-12) fail_msg("momentum at %g: %.17g", golden[i][0], momentum);
    }
}

static void test_rises_then_falls(void **state)
{
    (void)state;
    const one_cycle s = one_cycle_defaults(1.0);
    for (int i = 1; i < 1000; i++) {
        const double before = one_cycle_rate(&s, (i - 1) / 1000.0), now = one_cycle_rate(&s, i / 1000.0);
        assert_true(i <= 250 ? now > before : now < before);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_rises_then_falls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
