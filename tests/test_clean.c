/* Rules that make masks better, each by hand. */
#include "mask_help.h"

#include "predict/clean.h"

static const char *const drawn[] = {
    "..........#", ".#####.....", ".#...#..##.", ".#.#.#..##.", ".#...#.....",
    ".#####...##", ".........#.", "#........##", NULL,
};

static void clean(const polyp_mask_rules *rules, const char *const *wanted)
{
    polyp_image mask = mask_of(drawn);
    assert_ok(mask_rules_check(rules, 0.5));
    assert_true(mask_rules_any(rules));
    assert_ok(mask_clean(&mask, rules));
    assert_mask(&mask, wanted);
    polyp_image_free(&mask);
}

static void test_nothing_asked_nothing_done(void **state)
{
    (void)state;
    polyp_image mask = mask_of(drawn);
    const polyp_mask_rules none = {0};
    assert_false(mask_rules_any(&none));
    assert_ok(mask_clean(&mask, &none));
    assert_mask(&mask, drawn);
    polyp_image_free(&mask);
}

/* The bay at the right edge is no hole: it reaches the edge. */
static void test_holes(void **state)
{
    (void)state;
    static const char *const wanted[] = {"..........#", ".#####.....", ".#####..##.", ".#####..##.", ".#####.....",
                                         ".#####...##", ".........#.", "#........##", NULL};
    clean(&(polyp_mask_rules){.fill_holes = 1}, wanted);
}

static void test_least_area_and_largest(void **state)
{
    (void)state;
    static const char *const least[] = {"...........", ".#####.....", ".#...#..##.", ".#...#..##.", ".#...#.....",
                                        ".#####...##", ".........#.", ".........##", NULL};
    static const char *const largest[] = {"...........", ".#####.....", ".#...#.....", ".#...#.....", ".#...#.....",
                                          ".#####.....", "...........", "...........", NULL};
    static const char *const both[] = {"...........", ".#####.....", ".#####.....", ".#####.....", ".#####.....",
                                       ".#####.....", "...........", "...........", NULL};
    clean(&(polyp_mask_rules){.minimum_area = 3.5 / 88}, least); /* exactly 4 pixels stay */
    clean(&(polyp_mask_rules){.minimum_area = 4.0 / 88}, least);
    clean(&(polyp_mask_rules){.largest_only = 1}, largest);
    clean(&(polyp_mask_rules){.fill_holes = 1, .minimum_area = 0.01, .largest_only = 1}, both);
}

static void test_hysteresis(void **state)
{
    (void)state;
    static const char *const high[] = {"#......", ".......", "....#..", ".......", NULL};
    static const char *const low[] = {"##..###", ".#....#", "..###..", "#......", NULL};
    static const char *const wanted[] = {"##.....", ".#.....", "..###..", ".......", NULL};
    polyp_image mask = mask_of(high), lower = mask_of(low);
    assert_ok(mask_grow(&mask, &lower));
    assert_mask(&mask, wanted);
    polyp_image_free(&mask);
    polyp_image_free(&lower);
}

static void test_rules_are_checked(void **state)
{
    (void)state;
    assert_failed(mask_rules_check(&(polyp_mask_rules){.minimum_area = 1}, 0.5), POLYP_ERR_ARGUMENT,
                  "share of the picture");
    assert_failed(mask_rules_check(&(polyp_mask_rules){.minimum_area = -0.1}, 0.5), POLYP_ERR_ARGUMENT, "-0.1");
    assert_failed(mask_rules_check(&(polyp_mask_rules){.low_threshold = 0.6}, 0.5), POLYP_ERR_ARGUMENT, "a lower one");
    assert_failed(mask_rules_check(&(polyp_mask_rules){.low_threshold = NAN}, 0.5), POLYP_ERR_ARGUMENT,
                  "low threshold");
    assert_ok(mask_rules_check(&(polyp_mask_rules){.low_threshold = 0.5}, 0.5));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_asked_nothing_done), cmocka_unit_test(test_holes),
        cmocka_unit_test(test_least_area_and_largest),     cmocka_unit_test(test_hysteresis),
        cmocka_unit_test(test_rules_are_checked),
    };
    return cmocka_run_group_tests_name("clean", tests, NULL, NULL);
}
