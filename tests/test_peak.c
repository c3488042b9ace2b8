/* What the machine can do: each loop must do the work it claims, and speeds must be numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/memory.h"
#include "engine/peak.h"

/* Every product is 1: the sum of all results is how many there were. */
static void loops_do_what_they_claim(void **state)
{
    static const long ROUNDS[] = {0, 1, 2, 7, 1000, 65537};
    int count;
    const peak_loop *const loops = peak_loops(&count);
    (void)state;
    assert_true(count > 0);
    for (int i = 0; i < count; i++) {
        printf("# %s: %s\n", loops[i].name, loops[i].runs_here() ? "runs here" : "not on this processor");
        if (!loops[i].runs_here()) continue;
        for (size_t k = 0; k < sizeof ROUNDS / sizeof ROUNDS[0]; k++) {
            const double done = loops[i].run(ROUNDS[k]), claimed = loops[i].multiply_adds * (double)ROUNDS[k];
            if (done != claimed) fail_msg("%s: %ld rounds did %g of %g", loops[i].name, ROUNDS[k], done, claimed);
        }
    }
}

/* There is always one for f32, and the first that runs is taken. */
static void the_widest_is_chosen(void **state)
{
    int count;
    const peak_loop *const loops = peak_loops(&count);
    (void)state;
    assert_non_null(peak_loop_of(PEAK_F32));
    for (int kind = PEAK_F32; kind <= PEAK_INT8; kind++) {
        const peak_loop *const chosen = peak_loop_of((enum peak_kind)kind);
        for (int i = 0; i < count && &loops[i] != chosen; i++) {
            if (loops[i].kind == (enum peak_kind)kind) assert_false(loops[i].runs_here());
        }
        if (chosen) assert_true(chosen->kind == (enum peak_kind)kind && chosen->runs_here());
    }
}

static void speeds_are_measured(void **state)
{
    double bytes = 0;
    (void)state;
    for (int kind = PEAK_F32; kind <= PEAK_INT8; kind++) {
        const double one = peak_gflops((enum peak_kind)kind, 1);
        assert_true(peak_loop_of((enum peak_kind)kind) ? one > 0.1 : one == 0);
    }
    assert_true(peak_gflops(PEAK_F32, 2) > 0.1);
    assert_int_equal(peak_bandwidth(&bytes, 2), POLYP_OK);
    assert_true(bytes > 0.01 && bytes < 1e5);
}

static void memory_may_lack(void **state)
{
    double bytes = -1;
    (void)state;
    for (size_t k = 1; k <= 3; k++) {
        memory_fail_at(k);
        assert_int_equal(peak_bandwidth(&bytes, 1), POLYP_ERR_MEMORY);
    }
    memory_fail_at(0);
    assert_true(bytes == -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loops_do_what_they_claim),
        cmocka_unit_test(the_widest_is_chosen),
        cmocka_unit_test(speeds_are_measured),
        cmocka_unit_test(memory_may_lack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
