/* Phases: which one a step lies in, its rates, fastai's freezing, and whole runs of fastai itself. */
#include "weights_help.h"

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

/* ---- whole runs of fastai itself (golden/make_optimiser.py) ---------------------------------------------- */

/* A row of a run: rates of fastai's three groups, momentum, frozen or not of each, steps since the moments were cleared. */
enum { FAST_GROUPS = 3, FAST_COLUMNS = 2 * FAST_GROUPS + 2, FAST_BATCHES = 13 };

static const int FAST_FIRST[FAST_GROUPS + 1] = {0, 3, PARAM_GROUP_DECODER, PARAM_GROUPS};

static double largest(double a, double b)
{
    return a > b || isnan(a) ? a : b;
}

/* Difference of one of fastai's groups' worth of ours from its row, rates relative to the peak. */
static double row_difference(const schedule_point *p, const double *row, double peak)
{
    double worst = fabs(p->beta1 - row[FAST_GROUPS]);
    for (int g = 0; g < FAST_GROUPS; g++) {
        for (int i = FAST_FIRST[g]; i < FAST_FIRST[g + 1]; i++) {
            worst = largest(worst, fabs(p->rate[i] - row[g]) / peak);
            assert_int_equal(p->frozen[i], row[FAST_GROUPS + 1 + g] != 0);
        }
    }
    assert_true((double)p->phase_step == row[FAST_COLUMNS - 1]);
    return worst;
}

static void compare_run(const char *name, const phase_list *list, double peak)
{
    weights_file file;
    assert_ok(weights_open(&file, golden("optimiser.safetensors")));
    const weights_entry *const entry = weights_find(&file, name);
    assert_true(entry != NULL && entry->dtype == DTYPE_F64 && entry->shape[1] == FAST_COLUMNS);
    double worst = 0;
    const long steps = (long)entry->shape[0];
    for (long step = 0; step < steps; step++) {
        double row[FAST_COLUMNS];
        memcpy(row, entry->data + (size_t)step * sizeof row, sizeof row);
        const schedule_point p = phases_at(list, FAST_BATCHES, step);
        worst = largest(worst, row_difference(&p, row, peak));
        assert_int_equal(p.clear, step > 0 && row[FAST_COLUMNS - 1] == 0);
    }
    print_message("fastai's %s, %ld steps: largest difference %.1e\n", name, steps, worst);
    assert_true(worst < 1e-5);
    weights_close(&file);
}

static void test_whole_runs_of_fastai(void **state)
{
    (void)state;
    phase_list list = one_phase(7);
    compare_run("one-cycle", &list, 1e-2);
    phase *const only = &list.items[0];
    only->schedule.divisor = 10;
    only->schedule.start = 0.4;
    for (int i = 0; i < PARAM_GROUP_DECODER; i++) only->factors[i] = i < 3 ? 0.01 : 0.1; /* slice(1e-4, 1e-2) */
    compare_run("one-cycle.slice", &list, 1e-2);
    list = one_phase(7);
    only->rate = 3e-3;
    only->schedule.kind = SCHEDULE_FLAT_COSINE;
    only->schedule.start = 0.75;
    compare_run("flat-cos", &list, 3e-3);
    list = one_phase(9);
    only->rate = 2e-3;
    phases_fine_tune(&list, 2);
    compare_run("fine-tune", &list, 2e-3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_cycle_over_all_steps),
        cmocka_unit_test(test_frozen_body),
        cmocka_unit_test(test_fine_tune),
        cmocka_unit_test(test_whole_runs_of_fastai),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
