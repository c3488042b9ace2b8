/* Test-time augmentation: every turn is another one, and is undone exactly. */
#include "data_help.h"

#include "base/random.h"
#include "predict/turns.h"

static void test_names_and_sizes(void **state)
{
    (void)state;
    const tta_kind *found;
    assert_ok(tta_find(&found, NULL));
    assert_int_equal(found->turns * found->scales, 1);
    assert_ok(tta_find(&found, "flips"));
    assert_int_equal(found->turns, 4);
    assert_ok(tta_find(&found, "full"));
    assert_int_equal(found->turns * found->scales, 24);
    assert_near(found->scale[0], 1, 0);
    assert_failed(tta_find(&found, "spin"), POLYP_ERR_ARGUMENT, "none, flips, dihedral and full");
    assert_int_equal(tta_size(256, 1), 256);
    assert_int_equal(tta_size(256, 0.75), 192);
    assert_int_equal(tta_size(352, 1.25), 448);
    assert_int_equal(tta_size(32, 0.25), 32);
}

/* By hand: a picture of 2 x 2 whose pixels say where they were. */
static void test_turns_by_hand(void **state)
{
    (void)state;
    static const float in[4] = {1, 2, 3, 4};
    static const float wanted[TURNS][4] = {{1, 2, 3, 4}, {2, 1, 4, 3}, {3, 4, 1, 2}, {4, 3, 2, 1},
                                           {1, 3, 2, 4}, {3, 1, 4, 2}, {2, 4, 1, 3}, {4, 2, 3, 1}};
    /* turn 5 is a quarter to the right, turn 6 one to the left, turn 3 half of it */
    for (int turn = 0; turn < TURNS; turn++) {
        float out[4];
        turn_apply(out, in, 1, 2, turn);
        for (int i = 0; i < 4; i++) assert_near(out[i], wanted[turn][i], 0);
    }
}

static void test_turns_are_undone(void **state)
{
    (void)state;
    enum { N = 5, PLANES = 3 };
    float in[PLANES * N * N], out[PLANES * N * N], sum[N * N];
    random_stream r = random_open(2, RANDOM_TEST, 0, 0);
    for (size_t i = 0; i < PLANES * N * N; i++) in[i] = (float)random_uniform(&r, -1, 1);
    for (int turn = 0; turn < TURNS; turn++) {
        turn_apply(out, in, PLANES, N, turn);
        for (size_t c = 0; c < PLANES; c++) {
            for (size_t i = 0; i < N * N; i++) sum[i] = 1;
            turn_undo_add(sum, out + c * N * N, N, turn);
            for (size_t i = 0; i < N * N; i++) assert_near(sum[i], 1 + in[c * N * N + i], 1e-6);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_and_sizes),
        cmocka_unit_test(test_turns_by_hand),
        cmocka_unit_test(test_turns_are_undone),
    };
    return cmocka_run_group_tests_name("turns", tests, NULL, NULL);
}
