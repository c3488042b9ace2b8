/* Schedules against fastai 2's formulas, worked out in Python by hand (field notes 2.1). */
#include "learn_help.h"

#include <math.h>

#include "learn/schedule.h"

static void test_one_cycle(void **state)
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
    const schedule_spec s = schedule_defaults();
    for (size_t i = 0; i < sizeof golden / sizeof golden[0]; i++) {
        const double rate = 1e-2 * schedule_factor(&s, golden[i][0]);
        const double momentum = schedule_momentum(&s, golden[i][0], 0.5);
        if (fabs(rate - golden[i][1]) > 1e-12 * golden[i][1] + 1e-16) fail_msg("rate at %g: %.17g", golden[i][0], rate);
        if (fabs(momentum - golden[i][2]) > 1e-12) fail_msg("momentum at %g: %.17g", golden[i][0], momentum);
    }
}

static void test_rises_then_falls(void **state)
{
    (void)state;
    const schedule_spec s = schedule_defaults();
    for (int i = 1; i < 1000; i++) {
        const double before = schedule_factor(&s, (i - 1) / 1000.0), now = schedule_factor(&s, i / 1000.0);
        assert_true(i <= 250 ? now > before : now < before);
    }
}

static void assert_factor(const schedule_spec *s, double progress, double expected)
{
    const double factor = schedule_factor(s, progress);
    if (fabs(factor - expected) > 1e-12) fail_msg("%.17g at %g, not %.17g", factor, progress, expected);
}

static void test_other_kinds(void **state)
{
    (void)state;
    schedule_spec s = {.kind = SCHEDULE_FLAT_COSINE, .start = 0.75, .divisor = 25, .final_divisor = 100};
    assert_factor(&s, 0, 1);
    assert_factor(&s, 0.74, 1);
    assert_factor(&s, 0.875, (1 + 0.01) / 2);
    assert_factor(&s, 1, 0.01);
    s.kind = SCHEDULE_WARM_COSINE;
    s.start = 0.1;
    assert_factor(&s, 0, 0.04);
    assert_factor(&s, 0.05, 0.52);
    assert_factor(&s, 0.1, 1);
    assert_factor(&s, 0.55, (1 + 0.01) / 2);
    s.start = 0; /* no warm-up at all */
    assert_factor(&s, 0, 1);
    s.kind = SCHEDULE_CONSTANT;
    assert_factor(&s, 0, 1);
    assert_factor(&s, 0.99, 1);
}

/* A start as long as the run leaves nothing to come down in. */
static void test_start_that_never_ends(void **state)
{
    (void)state;
    schedule_spec s = schedule_defaults();
    s.start = 1;
    for (int kind = 0; kind < SCHEDULE_KINDS; kind++) {
        s.kind = (enum schedule_kind)kind;
        assert_factor(&s, 1, 1);
    }
    s.kind = SCHEDULE_ONE_CYCLE;
    assert_true(schedule_momentum(&s, 1, 0.9) == 0.85);
}

static void test_momentum_only_where_asked(void **state)
{
    (void)state;
    schedule_spec s = schedule_defaults();
    s.cycle_momentum = false;
    assert_true(schedule_momentum(&s, 0.1, 0.9) == 0.9);
    s.cycle_momentum = true;
    s.kind = SCHEDULE_WARM_COSINE;
    assert_true(schedule_momentum(&s, 0.1, 0.9) == 0.9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_cycle),
        cmocka_unit_test(test_rises_then_falls),
        cmocka_unit_test(test_other_kinds),
        cmocka_unit_test(test_start_that_never_ends),
        cmocka_unit_test(test_momentum_only_where_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
