/* Intervals and tests against numpy and SciPy (golden/make_scores.py, make_statistics.py), and what they mean. */
#include "data_help.h"

#include <jansson.h>

#include "base/random.h"
#include "score/claims.h"
#include "score/statistics.h"

enum { MOST = 64 };

static json_t *load_golden_file(const char *name)
{
    char path[1024];
    const char *const source = getenv("POLYP_SOURCE");
    (void)snprintf(path, sizeof path, "%s/tests/golden/%s", source ? source : ".", name);
    json_t *const golden = json_load_file(path, 0, NULL);
    if (!golden) fail_msg("%s cannot be read", path);
    return golden;
}

static json_t *load_golden(void)
{
    return load_golden_file("scores.json");
}

static double number(const json_t *object, const char *key)
{
    const json_t *const value = json_object_get(object, key);
    assert_true(json_is_number(value));
    return json_number_value(value);
}

static size_t read_list(double out[MOST], const json_t *object, const char *key)
{
    const json_t *const list = json_object_get(object, key);
    const size_t count = json_array_size(list);
    assert_in_range(count, 1, MOST);
    for (size_t i = 0; i < count; i++) out[i] = json_number_value(json_array_get(list, i));
    return count;
}

static size_t read_groups(int out[MOST], const json_t *object)
{
    double values[MOST];
    const size_t count = read_list(values, object, "groups");
    for (size_t i = 0; i < count; i++) out[i] = (int)values[i];
    return count;
}

/* ---- bootstrap ----------------------------------------------------------------------------- */

static void test_bootstrap_agrees_with_numpy(void **state)
{
    (void)state;
    json_t *golden = load_golden();
    const json_t *cases = json_object_get(golden, "bootstrap");
    assert_int_equal(json_array_size(cases), 3);
    for (size_t i = 0; i < 3; i++) {
        const json_t *one = json_array_get(cases, i), *list = json_object_get(one, "values");
        double values[MOST];
        const size_t count = json_array_size(list);
        assert_in_range(count, 1, 64);
        for (size_t k = 0; k < count; k++) values[k] = json_number_value(json_array_get(list, k));
        polyp_interval interval;
        assert_ok(bootstrap_mean(&interval, values, NULL, count));
        assert_near(interval.low, number(one, "low"), 1e-12);
        assert_near(interval.high, number(one, "high"), 1e-12);
    }
    json_decref(golden);
}

/* For many values the interval is that of the normal law: mean -+ 1.96 s / sqrt(n). */
static void test_bootstrap_width(void **state)
{
    (void)state;
    double values[400], sum = 0, squares = 0;
    random_stream r = random_open(5, RANDOM_TEST, 2, 0);
    for (int i = 0; i < 400; i++) {
        values[i] = random_normal(&r);
        sum += values[i];
        squares += values[i] * values[i];
    }
    const double mean = sum / 400, half = 1.96 * sqrt(squares / 400 - mean * mean) / 20;
    polyp_interval interval;
    assert_ok(bootstrap_mean(&interval, values, NULL, 400));
    assert_near(interval.low, mean - half, half / 20);
    assert_near(interval.high, mean + half, half / 20);
}

static void test_bootstrap_leaves_out_nan(void **state)
{
    (void)state;
    const double with[] = {0.5, NAN, 0.7, 0.9, NAN}, without[] = {0.5, 0.7, 0.9}, none[] = {NAN, NAN};
    polyp_interval a, b;
    assert_ok(bootstrap_mean(&a, with, NULL, 5));
    assert_ok(bootstrap_mean(&b, without, NULL, 3));
    assert_near(a.low, b.low, 0);
    assert_near(a.high, b.high, 0);
    assert_ok(bootstrap_mean(&a, none, NULL, 2));
    assert_true(isnan(a.low) && isnan(a.high));
    assert_ok(bootstrap_mean(&a, none, NULL, 0));
    assert_true(isnan(a.low) && isnan(a.high));
}

static void test_bootstrap_without_memory(void **state)
{
    (void)state;
    const double values[] = {1, 2, 3};
    polyp_interval interval = {7, 7};
    for (size_t k = 1; k <= 2; k++) {
        (void)memory_fail_at(k);
        assert_int_equal(bootstrap_mean(&interval, values, NULL, 3), POLYP_ERR_MEMORY);
        (void)memory_fail_at(0);
        assert_near(interval.low, 7, 0);
    }
}

static void assert_interval(const polyp_interval *i, const json_t *one, const char *key)
{
    double ends[MOST];
    assert_int_equal(read_list(ends, one, key), 2);
    assert_near(i->low, ends[0], 1e-12);
    assert_near(i->high, ends[1], 1e-12);
}

/* Groups are drawn whole; a negative number is a group of its own. */
static void test_groups_agree_with_numpy(void **state)
{
    (void)state;
    json_t *const golden = load_golden_file("statistics.json");
    const json_t *const cases = json_object_get(golden, "intervals");
    assert_int_equal(json_array_size(cases), 3);
    for (size_t k = 0; k < 3; k++) {
        const json_t *const one = json_array_get(cases, k);
        double above[MOST], below[MOST];
        int groups[MOST];
        polyp_interval interval;
        size_t found;
        const size_t count = read_list(above, one, "above");
        (void)read_list(below, one, "below");
        (void)read_groups(groups, one);
        assert_ok(groups_count(&found, groups, count));
        assert_int_equal(found, (size_t)number(one, "count"));
        assert_ok(bootstrap_ratios(&(ratio){above, below, &interval}, 1, groups, count));
        assert_interval(&interval, one, "ratio");
        assert_ok(bootstrap_mean(&interval, above, groups, count));
        assert_interval(&interval, one, "mean");
    }
    json_decref(golden);
}

/* Ten copies of each picture say no more than one: with groups the interval knows it, without it is far too narrow. */
static void test_copies_do_not_narrow_it(void **state)
{
    (void)state;
    double values[200];
    int groups[200];
    polyp_interval one, grouped, naive;
    random_stream r = random_open(9, RANDOM_TEST, 6, 0);
    for (int i = 0; i < 20; i++) values[i] = random_uniform(&r, 0, 1);
    assert_ok(bootstrap_mean(&one, values, NULL, 20));
    for (int i = 0; i < 200; i++) {
        values[i] = values[i % 20];
        groups[i] = 7 * (i % 20);
    }
    assert_ok(bootstrap_mean(&grouped, values, groups, 200));
    assert_ok(bootstrap_mean(&naive, values, NULL, 200));
    assert_near(grouped.low, one.low, 1e-12);
    assert_near(grouped.high, one.high, 1e-12);
    assert_true(naive.high - naive.low < (one.high - one.low) / 2);
}

/* ---- sign flips ---------------------------------------------------------------------------- */

static void test_sign_flips_agree_with_scipy(void **state)
{
    (void)state;
    json_t *const golden = load_golden_file("statistics.json");
    const json_t *const cases = json_object_get(golden, "paired");
    int exact = 0, sampled = 0;
    assert_int_equal(json_array_size(cases), 5);
    for (size_t k = 0; k < 5; k++) {
        const json_t *const one = json_array_get(cases, k);
        double first[MOST], second[MOST];
        int groups[MOST];
        paired_test test;
        const double p = number(one, "p");
        const size_t count = read_list(first, one, "first");
        (void)read_list(second, one, "second");
        (void)read_groups(groups, one);
        assert_ok(paired_compare(&test, first, second, groups, count));
        assert_int_equal(test.groups, (size_t)number(one, "count"));
        assert_int_equal(test.pictures, count);
        assert_near(test.effect, number(one, "effect"), 1e-12);
        assert_int_equal(test.exact, test.groups <= 13);
        if (test.exact) assert_near(test.p, p, 1e-12);
        else assert_near(test.p, p, 4 * sqrt(p * (1 - p) / RESAMPLES) + 1.5 / RESAMPLES);
        assert_true(test.interval.low <= test.effect && test.effect <= test.interval.high);
        exact += test.exact;
        sampled += !test.exact;
    }
    assert_true(exact >= 2 && sampled >= 2);
    json_decref(golden);
}

/* Six equal differences: only all plus and all minus are as far: 2 / 64. */
static void test_sign_flips_by_hand(void **state)
{
    (void)state;
    const double a[] = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, NAN}, b[] = {0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.9};
    paired_test test;
    assert_ok(paired_compare(&test, a, b, NULL, 7)); /* the picture with NaN counts for neither */
    assert_int_equal(test.pictures, 6);
    assert_near(test.effect, 0.1, 1e-12);
    assert_near(test.p, 2.0 / 64, 0);
    assert_ok(paired_compare(&test, a, a, NULL, 6));
    assert_near(test.p, 1, 0);
    assert_near(test.effect, 0, 0);
    assert_ok(paired_compare(&test, a, b, NULL, 0));
    assert_true(isnan(test.p) && isnan(test.effect) && test.groups == 0);
}

/* When nothing differs but by chance, p is small as often as it says. */
static void test_p_is_uniform_under_chance(void **state)
{
    (void)state;
    int below = 0;
    for (uint64_t run = 0; run < 200; run++) {
        double a[12], b[12];
        paired_test test;
        random_stream r = random_open(run, RANDOM_TEST, 8, 0);
        for (int i = 0; i < 12; i++) {
            a[i] = random_normal(&r);
            b[i] = random_normal(&r);
        }
        assert_ok(paired_compare(&test, a, b, NULL, 12));
        below += test.p <= 0.2;
    }
    assert_in_range(below, 40 - 17, 40 + 17); /* three standard errors */
}

static void test_compare_without_memory(void **state)
{
    (void)state;
    const double a[] = {1, 2, 3}, b[] = {2, 3, 5};
    const int groups[] = {0, 0, 1};
    paired_test test = {.p = 7};
    status result = POLYP_ERR_MEMORY;
    for (size_t k = 1; result != POLYP_OK; k++) {
        (void)memory_fail_at(k);
        result = paired_compare(&test, a, b, groups, 3);
        (void)memory_fail_at(0);
        assert_true(k < 20 && (result == POLYP_OK || result == POLYP_ERR_MEMORY));
        if (result != POLYP_OK) assert_near(test.p, 7, 0);
    }
}

/* ---- words --------------------------------------------------------------------------------- */

static void test_claims(void **state)
{
    (void)state;
    const polyp_interval i = {0.75, 0.85};
    assert_int_equal(claim_of(0.8, &i, 0.74, false), CLAIM_EXCEEDS);
    assert_int_equal(claim_of(0.8, &i, 0.75, false), CLAIM_HIGHER);
    assert_int_equal(claim_of(0.8, &i, 0.8, false), CLAIM_NOT_HIGHER);
    assert_int_equal(claim_of(0.8, &i, 0.9, true), CLAIM_EXCEEDS);
    assert_int_equal(claim_of(0.8, &i, 0.82, true), CLAIM_HIGHER);
    assert_int_equal(claim_of(0.8, &i, 0.7, true), CLAIM_NOT_HIGHER);
    const polyp_interval none = {NAN, NAN};
    assert_int_equal(claim_of(0.8, &none, 0.7, false), CLAIM_HIGHER);
    assert_string_equal(claim_words(CLAIM_EXCEEDS, false), "exceeds");
    assert_string_equal(claim_words(CLAIM_EXCEEDS, true), "is below");
}

static void test_published_numbers(void **state)
{
    (void)state;
    published_score p[PUBLISHED_MOST];
    char many[PUBLISHED_MOST * 6 + 8] = "mae=0";
    size_t count;
    assert_ok(claims_parse(p, &count, "jaccard=.7871,hausdorff_95=12"));
    assert_true(count == 2 && p[0].metric == SCORE_JACCARD && p[0].value == .7871);
    assert_true(p[1].metric == SCORE_HAUSDORFF && p[1].value == 12);
    assert_ok(claims_parse(p, &count, NULL));
    assert_int_equal(count, 0);
    static const char *const wrong[] = {"dice=.9", "dsc", "dsc=", "=.9", "dsc=.9x", "dsc=.9,,mae=0"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_failed(claims_parse(p, &count, wrong[i]), POLYP_ERR_ARGUMENT, "is not a metric of the table and a number");
    }
    for (int i = 0; i < PUBLISHED_MOST; i++) strcat(many, ",mae=0");
    assert_failed(claims_parse(p, &count, many), POLYP_ERR_ARGUMENT, "more than 32");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bootstrap_agrees_with_numpy),
        cmocka_unit_test(test_bootstrap_width),
        cmocka_unit_test(test_bootstrap_leaves_out_nan),
        cmocka_unit_test(test_bootstrap_without_memory),
        cmocka_unit_test(test_groups_agree_with_numpy),
        cmocka_unit_test(test_copies_do_not_narrow_it),
        cmocka_unit_test(test_sign_flips_agree_with_scipy),
        cmocka_unit_test(test_sign_flips_by_hand),
        cmocka_unit_test(test_p_is_uniform_under_chance),
        cmocka_unit_test(test_compare_without_memory),
        cmocka_unit_test(test_claims),
        cmocka_unit_test(test_published_numbers),
    };
    return cmocka_run_group_tests_name("statistics", tests, NULL, NULL);
}
