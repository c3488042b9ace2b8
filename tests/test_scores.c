/* Counts and metrics against hand-worked numbers and scikit-learn (golden/make_scores.py). */
#include "data_help.h"

#include <jansson.h>

#include "base/random.h"
#include "learn/dataset.h"
#include "media/augment.h"
#include "score/scores.h"

static void assert_metrics(const polyp_metrics *m, double jaccard, double dsc, double recall, double precision, double accuracy,
                           double f2)
{
    assert_near(m->jaccard, jaccard, 1e-12);
    assert_near(m->dsc, dsc, 1e-12);
    assert_near(m->recall, recall, 1e-12);
    assert_near(m->precision, precision, 1e-12);
    assert_near(m->accuracy, accuracy, 1e-12);
    assert_near(m->f2, f2, 1e-12);
}

static void assert_nan_but_accuracy(const polyp_metrics *m)
{
    assert_true(isnan(m->jaccard) && isnan(m->dsc) && isnan(m->recall) && isnan(m->precision) && isnan(m->f2));
}

/* ---- counts -------------------------------------------------------------------------------- */

static void test_counts_by_hand(void **state)
{
    (void)state;
    unsigned char prediction[] = {255, 128, 127, 0, 200, 0, 0, 255};
    unsigned char truth[] = {255, 255, 255, 0, 127, 129, 1, 0};
    const polyp_image p = {prediction, 4, 2, 1}, t = {truth, 4, 2, 1};
    pixel_counts c;
    assert_ok(scores_count(&c, &p, &t));
    assert_int_equal(c.tp, 2); /* pixels 0 1 */
    assert_int_equal(c.fn, 2); /* pixels 2 5 */
    assert_int_equal(c.fp, 2); /* pixels 4 7 */
    assert_int_equal(c.tn, 2); /* pixels 3 6 */
    truth[1] = truth[3] = truth[7] = MASK_IGNORED; /* a true positive, a true negative, a false alarm */
    assert_ok(scores_count(&c, &p, &t));
    assert_int_equal(c.tp, 1);
    assert_int_equal(c.fn, 2);
    assert_int_equal(c.fp, 1);
    assert_int_equal(c.tn, 1);
}

static void test_counts_refuse_other_shapes(void **state)
{
    (void)state;
    unsigned char pixels[12] = {0};
    const polyp_image wide = {pixels, 4, 2, 1}, high = {pixels, 2, 4, 1}, colour = {pixels, 2, 2, 3};
    pixel_counts c = {.tp = 77};
    assert_failed(scores_count(&c, &wide, &high), POLYP_ERR_SIZE, "the prediction is 4 x 2, but the truth is 2 x 4");
    assert_failed(scores_count(&c, &colour, &colour), POLYP_ERR_ARGUMENT, "1 channel");
    assert_int_equal(c.tp, 77);
}

/* ---- metrics ------------------------------------------------------------------------------- */

static void test_metrics_by_hand(void **state)
{
    (void)state;
    /* J 6/12, D 12/18, R 6/10, P 6/8, accuracy 94/100, F2 30/(30 + 16 + 2) */
    const polyp_metrics m = scores_of(&(pixel_counts){.tp = 6, .fp = 2, .fn = 4, .tn = 88});
    assert_metrics(&m, 0.5, 2.0 / 3, 0.6, 0.75, 0.94, 0.625);
    const polyp_metrics perfect = scores_of(&(pixel_counts){.tp = 5, .tn = 3});
    assert_metrics(&perfect, 1, 1, 1, 1, 1, 1);
}

static void test_empties(void **state)
{
    (void)state;
    const polyp_metrics missed = scores_of(&(pixel_counts){.fn = 25, .tn = 75});
    assert_metrics(&missed, 0, 0, 0, 0, 0.75, 0);
    const polyp_metrics elsewhere = scores_of(&(pixel_counts){.fp = 5, .fn = 25, .tn = 70});
    assert_metrics(&elsewhere, 0, 0, 0, 0, 0.7, 0);
    const polyp_metrics false_alarm = scores_of(&(pixel_counts){.fp = 25, .tn = 75});
    assert_nan_but_accuracy(&false_alarm);
    assert_near(false_alarm.accuracy, 0.75, 0);
    const polyp_metrics both_empty = scores_of(&(pixel_counts){.tn = 100});
    assert_nan_but_accuracy(&both_empty);
    assert_near(both_empty.accuracy, 1, 0);
    const polyp_metrics nothing = scores_of(&(pixel_counts){0});
    assert_true(isnan(nothing.accuracy));
}

static void test_means_by_hand(void **state)
{
    (void)state;
    const pixel_counts c[] = {
        {.tp = 6, .fp = 2, .fn = 4, .tn = 88}, /* J .5 */
        {.fp = 40, .tn = 60},                  /* no polyp: only in the pooled numbers */
        {.fn = 20, .tn = 80},                  /* missed: 0 */
    };
    const polyp_metrics mean = scores_per_image(c, 3);
    assert_metrics(&mean, 0.25, 1.0 / 3, 0.3, 0.375, 0.87, 0.3125);
    const polyp_metrics pooled = scores_pooled(c, 3); /* tp 6, fp 42, fn 24, tn 228 */
    assert_metrics(&pooled, 6.0 / 72, 12.0 / 78, 0.2, 0.125, 234.0 / 300, 30.0 / (30 + 96 + 42));
    const polyp_metrics none = scores_per_image(c + 1, 1);
    assert_nan_but_accuracy(&none);
    assert_true(isnan(none.accuracy));
    const polyp_metrics empty = scores_per_image(NULL, 0);
    assert_nan_but_accuracy(&empty);
}

/* Empty on empty, empty on a polyp, a false alarm: by scikit-learn as the challenge's authors call it, and with epsilons. */
static void test_other_rules_for_empties(void **state)
{
    (void)state;
    const pixel_counts nothing = {.tn = 10}, missed = {.fn = 5, .tn = 5}, alarm = {.fp = 4, .tn = 6};
    polyp_metrics m = scores_by_rule(&nothing, EMPTY_SKLEARN);
    assert_metrics(&m, 0, 0, 0, 1, 1, 0);
    m = scores_by_rule(&missed, EMPTY_SKLEARN);
    assert_metrics(&m, 0, 0, 0, 1, 0.5, 0);
    m = scores_by_rule(&alarm, EMPTY_SKLEARN);
    assert_metrics(&m, 0, 0, 0, 0, 0.6, 0);
    m = scores_by_rule(&nothing, EMPTY_EPS);
    assert_metrics(&m, 1, 1, 1, 1, 1, 1);
    m = scores_by_rule(&missed, EMPTY_EPS);
    assert_metrics(&m, 0, 0, 0, 1, 0.5, 0);
    m = scores_by_rule(&alarm, EMPTY_EPS);
    assert_metrics(&m, 0, 0, 1, 0, 0.6, 0);
    enum empty_rule rule;
    assert_ok(empty_rule_parse(&rule, "eps"));
    assert_int_equal(rule, EMPTY_EPS);
    assert_failed(empty_rule_parse(&rule, "zero"), POLYP_ERR_ARGUMENT, "none, sklearn and eps");
}

/* A class that is nowhere is left out of the mean over classes. */
static void test_classes_by_hand(void **state)
{
    (void)state;
    const polyp_metrics m = scores_of_classes(&(pixel_counts){.tp = 6, .fp = 2, .fn = 4, .tn = 88});
    assert_metrics(&m, (0.5 + 88.0 / 94) / 2, (12.0 / 18 + 176.0 / 182) / 2, (0.6 + 88.0 / 90) / 2, (0.75 + 88.0 / 92) / 2, 0.94,
                   (30.0 / 48 + 440.0 / (440 + 8 + 4)) / 2);
    const polyp_metrics background = scores_of_classes(&(pixel_counts){.tn = 7});
    assert_metrics(&background, 1, 1, 1, 1, 1, 1);
}

/* Sums over a large set pass 32 bits. */
static void test_large_counts(void **state)
{
    (void)state;
    const uint64_t huge = (uint64_t)3 << 32;
    const pixel_counts c[] = {{.tp = huge, .fp = huge, .fn = huge, .tn = huge}, {.tp = huge, .tn = huge}};
    const polyp_metrics m = scores_pooled(c, 2);
    assert_metrics(&m, 0.5, 2.0 / 3, 2.0 / 3, 2.0 / 3, 4.0 / 6, 10.0 / 15);
}

/* ---- scikit-learn -------------------------------------------------------------------------- */

static json_t *load_golden(void)
{
    char path[1024];
    const char *source = getenv("POLYP_SOURCE");
    (void)snprintf(path, sizeof path, "%s/tests/golden/scores.json", source != NULL ? source : ".");
    json_error_t error;
    json_t *golden = json_load_file(path, 0, &error);
    if (golden == NULL) fail_msg("%s: %s", path, error.text);
    return golden;
}

static double number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    assert_true(json_is_number(value));
    return json_number_value(value);
}

static void assert_same(const polyp_metrics *m, const json_t *golden)
{
    assert_metrics(m, number(golden, "jaccard"), number(golden, "dsc"), number(golden, "recall"), number(golden, "precision"),
                   number(golden, "accuracy"), number(golden, "f2"));
}

/* The masks that make_scores.py drew for this case. */
static void draw_masks(polyp_image *truth, polyp_image *prediction, const json_t *parameters, uint64_t seed)
{
    int p[5];
    for (size_t i = 0; i < 5; i++) p[i] = (int)json_integer_value(json_array_get(parameters, i));
    *truth = plain_image(p[0], p[1], 1, 0);
    *prediction = plain_image(p[0], p[1], 1, 0);
    random_stream r = random_open(seed, RANDOM_TEST, 0, 0);
    for (int i = 0; i < p[0] * p[1]; i++) {
        const bool real = random_below(&r, 1000) < (uint64_t)p[2];
        const bool said = random_below(&r, 1000) < (uint64_t)(real ? p[3] : p[4]);
        truth->pixels[i] = real ? 255 : 0;
        prediction->pixels[i] = said ? 255 : 0;
    }
}

static void test_agrees_with_scikit_learn(void **state)
{
    (void)state;
    json_t *golden = load_golden();
    const json_t *cases = json_object_get(golden, "cases");
    pixel_counts counts[32];
    const size_t count = json_array_size(cases);
    assert_in_range(count, 10, 32);
    for (size_t i = 0; i < count; i++) {
        const json_t *one = json_array_get(cases, i);
        polyp_image truth, prediction;
        draw_masks(&truth, &prediction, json_object_get(one, "draw"), i);
        assert_ok(scores_count(&counts[i], &prediction, &truth));
        assert_int_equal(counts[i].tp, (uint64_t)number(one, "tp"));
        assert_int_equal(counts[i].fp, (uint64_t)number(one, "fp"));
        assert_int_equal(counts[i].fn, (uint64_t)number(one, "fn"));
        assert_int_equal(counts[i].tn, (uint64_t)number(one, "tn"));
        const polyp_metrics m = scores_of(&counts[i]);
        assert_same(&m, json_object_get(one, "metrics"));
        polyp_image_free(&truth);
        polyp_image_free(&prediction);
    }
    const polyp_metrics mean = scores_per_image(counts, count), pooled = scores_pooled(counts, count);
    assert_same(&mean, json_object_get(golden, "per_image"));
    assert_same(&pooled, json_object_get(golden, "pooled"));
    json_decref(golden);
}

/* ---- the real set -------------------------------------------------------------------------- */

static void test_official_split_of_the_real_set(void **state)
{
    (void)state;
    const char *folder = real_set();
    if (folder == NULL) skip();
    dataset all, train, val;
    assert_ok(dataset_open(&all, folder, NULL));
    assert_ok(dataset_open(&train, folder, "train"));
    assert_ok(dataset_open(&val, folder, "val"));
    assert_int_equal(all.count, 1000);
    assert_int_equal(train.count, 880);
    assert_int_equal(val.count, 120);
    dataset_free(&all);
    dataset_free(&train);
    dataset_free(&val);
}

/* Every twentieth real mask: a JPEG that holds a polyp and scores 1 against itself. */
static void test_real_masks_against_themselves(void **state)
{
    (void)state;
    const char *folder = real_set();
    if (folder == NULL) skip();
    dataset all;
    assert_ok(dataset_open(&all, folder, NULL));
    for (size_t i = 0; i < all.count; i += 20) {
        polyp_image picture, mask;
        pixel_counts c;
        assert_ok(sample_read(&picture, &mask, &all.samples[i]));
        assert_ok(scores_count(&c, &mask, &mask));
        const polyp_metrics m = scores_of(&c);
        assert_metrics(&m, 1, 1, 1, 1, 1, 1);
        assert_int_equal(c.tp + c.tn, (size_t)picture.width * (size_t)picture.height);
        polyp_image_free(&picture);
        polyp_image_free(&mask);
    }
    dataset_free(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts_by_hand),
        cmocka_unit_test(test_counts_refuse_other_shapes),
        cmocka_unit_test(test_metrics_by_hand),
        cmocka_unit_test(test_empties),
        cmocka_unit_test(test_means_by_hand),
        cmocka_unit_test(test_other_rules_for_empties),
        cmocka_unit_test(test_classes_by_hand),
        cmocka_unit_test(test_large_counts),
        cmocka_unit_test(test_agrees_with_scikit_learn),
        cmocka_unit_test(test_official_split_of_the_real_set),
        cmocka_unit_test(test_real_masks_against_themselves),
    };
    return cmocka_run_group_tests_name("scores", tests, NULL, NULL);
}
