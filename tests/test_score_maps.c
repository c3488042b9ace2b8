/* Every score of a picture against MONAI, PySODMetrics, segmentation_models_pytorch, scikit-learn and SciPy
 * (golden/make_score_maps.py); distances against searching by hand; the odd cases. */
#include "data_help.h"

#include <jansson.h>

#include "base/random.h"
#include "media/augment.h"
#include "score/distance.h"
#include "score/report.h"

/* ---- the golden file ------------------------------------------------------------------------------------- */

static json_t *golden;

/* Largest differences seen, by library, told at the end. */
static double worst_monai, worst_pysod, worst_smp, worst_sklearn, worst_scipy;

static int open_golden(void **state)
{
    char path[1024];
    const char *const source = getenv("POLYP_SOURCE");
    (void)state;
    (void)snprintf(path, sizeof path, "%s/tests/golden/score_maps.json", source ? source : ".");
    golden = json_load_file(path, 0, NULL);
    return golden ? 0 : -1;
}

static int close_golden(void **state)
{
    (void)state;
    json_decref(golden);
    print_message("# largest differences: MONAI %.1e (relative), PySODMetrics %.1e, segmentation_models_pytorch %.1e, "
                  "scikit-learn %.1e, SciPy %.1e\n",
                  worst_monai, worst_pysod, worst_smp, worst_sklearn, worst_scipy);
    return 0;
}

static const json_t *at(const json_t *object, const char *key)
{
    const json_t *const value = json_object_get(object, key);
    if (!value) fail_msg("the golden file has no %s", key);
    return value;
}

static double number(const json_t *object, const char *key)
{
    return json_number_value(at(object, key));
}

static void compare(double value, double expected, double tolerance, double *worst)
{
    const double difference = fabs(value - expected);
    if (difference > *worst) *worst = difference;
    assert_near(value, expected, tolerance);
}

/* ---- drawing --------------------------------------------------------------------------------------------- */

static int64_t integer(const json_t *list, size_t i)
{
    return json_integer_value(json_array_get(list, i));
}

/* 1000 on the ellipse's outline. */
static int64_t ellipse_at(const json_t *e, int64_t x, int64_t y)
{
    const int64_t dx = x - integer(e, 0), dy = y - integer(e, 1), rx = integer(e, 2), ry = integer(e, 3);
    return 1000 * (dx * dx * ry * ry + dy * dy * rx * rx) / (rx * rx * ry * ry);
}

static int64_t level_at(const json_t *ellipses, int64_t x, int64_t y, int64_t soft)
{
    int64_t level = -9999;
    for (size_t i = 0; i < json_array_size(ellipses); i++) {
        const int64_t here = 128 + soft - ellipse_at(json_array_get(ellipses, i), x, y) * soft / 1000;
        if (here > level) level = here;
    }
    return level;
}

static bool truth_at(const json_t *ellipses, int64_t x, int64_t y)
{
    for (size_t i = 0; i < json_array_size(ellipses); i++) {
        if (ellipse_at(json_array_get(ellipses, i), x, y) < 1000) return true;
    }
    return false;
}

typedef struct drawn {
    polyp_image truth, level, mask;
} drawn;

static drawn draw(size_t number)
{
    const json_t *const p = at(json_array_get(at(golden, "cases"), number), "draw");
    const int width = (int)integer(p, 0), height = (int)integer(p, 1);
    const int64_t soft = integer(p, 4), noise = integer(p, 5);
    drawn d = {plain_image(width, height, 1, 0), plain_image(width, height, 1, 0), plain_image(width, height, 1, 0)};
    random_stream r = random_open(number, RANDOM_TEST, 3, 0);
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            const int i = y * width + x;
            int64_t level = level_at(json_array_get(p, 3), x, y, soft);
            level += (int64_t)random_below(&r, (uint64_t)(2 * noise + 1)) - noise;
            d.truth.pixels[i] = truth_at(json_array_get(p, 2), x, y) ? 255 : 0;
            d.level.pixels[i] = (unsigned char)(level < 0 ? 0 : level > 255 ? 255 : level);
            d.mask.pixels[i] = d.level.pixels[i] > 127 ? 255 : 0;
        }
    }
    return d;
}

static void free_drawn(drawn *d)
{
    polyp_image_free(&d->truth);
    polyp_image_free(&d->level);
    polyp_image_free(&d->mask);
}

static size_t case_count(void)
{
    return json_array_size(at(golden, "cases"));
}

/* All cases scored into one report, summed up. */
static score_report score_all(bool min_max, enum empty_rule rule)
{
    const score_settings settings = {.threshold = 0.5, .min_max = min_max, .empty = rule, .probabilities = true};
    score_report r;
    scratch s = {0};
    assert_ok(score_report_open(&r, case_count(), &settings));
    for (size_t i = 0; i < r.count; i++) {
        drawn d = draw(i);
        const score_input in = {&d.truth, &d.mask, &d.level, NULL};
        assert_ok(score_picture(&r.rows[i], &in, &r.settings, &s));
        free_drawn(&d);
    }
    assert_ok(score_report_sum(&r));
    scratch_free(&s);
    return r;
}

/* ---- against the others ---------------------------------------------------------------------------------- */

/* MONAI computes in float32: hence relative. */
static void compare_monai(const json_t *monai, const char *key, double value)
{
    const json_t *const expected = json_object_get(monai, key);
    if (!json_is_number(expected)) return;
    const double scale = fmax(1, json_number_value(expected));
    compare(value / scale, json_number_value(expected) / scale, 1e-6, &worst_monai);
}

static void test_agrees_with_monai(void **state)
{
    (void)state;
    score_report r = score_all(false, EMPTY_LEFT_OUT);
    size_t distances = 0;
    for (size_t i = 0; i < r.count; i++) {
        const json_t *const monai = at(json_array_get(at(golden, "cases"), i), "monai");
        const double *const v = r.rows[i].values;
        compare_monai(monai, "dice", v[SCORE_DSC]);
        compare_monai(monai, "iou", v[SCORE_JACCARD]);
        compare_monai(monai, "hausdorff_95", v[SCORE_HAUSDORFF]);
        compare_monai(monai, "surface_distance", v[SCORE_SURFACE]);
        distances += json_is_number(json_object_get(monai, "hausdorff_95"));
    }
    assert_int_equal(distances, 13);
    score_report_free(&r);
}

static void test_agrees_with_scipy(void **state)
{
    (void)state;
    score_report r = score_all(false, EMPTY_LEFT_OUT);
    for (size_t i = 0; i < r.count; i++) {
        const json_t *const one = json_array_get(at(golden, "cases"), i), *const objects = at(one, "objects");
        const score_row *const row = &r.rows[i];
        if (json_is_number(at(one, "boundary_f"))) {
            compare(row->values[SCORE_BOUNDARY_F], number(one, "boundary_f"), 1e-12, &worst_scipy);
        }
        assert_int_equal(row->objects.polyps, (size_t)number(objects, "polyps"));
        assert_int_equal(row->objects.predicted, (size_t)number(objects, "predicted"));
        assert_int_equal(row->objects.found[0], (size_t)number(objects, "at_50"));
        assert_int_equal(row->objects.found[1], (size_t)number(objects, "at_10"));
    }
    score_report_free(&r);
}

static void compare_pysod(const score_report *r, const char *name)
{
    for (size_t i = 0; i < r->count; i++) {
        const json_t *const sod = at(json_array_get(at(golden, "cases"), i), name);
        const double *const v = r->rows[i].values;
        compare(v[SCORE_S_MEASURE], number(sod, "s_measure"), 1e-9, &worst_pysod);
        compare(v[SCORE_WEIGHTED_F], number(sod, "weighted_f"), 1e-9, &worst_pysod);
        compare(v[SCORE_MAE], number(sod, "mae"), 1e-9, &worst_pysod);
        compare(v[SCORE_MEAN_DICE], number(sod, "mean_dice"), 1e-9, &worst_pysod);
        compare(v[SCORE_MEAN_IOU], number(sod, "mean_iou"), 1e-9, &worst_pysod);
        compare(v[SCORE_MEAN_E], number(sod, "mean_e_measure"), 1e-9, &worst_pysod);
    }
}

static void compare_curve(const double curve[LEVELS], const json_t *curves, const char *key)
{
    const json_t *const expected = at(curves, key);
    assert_int_equal(json_array_size(expected), LEVELS);
    for (size_t k = 0; k < LEVELS; k++) {
        compare(curve[k], json_number_value(json_array_get(expected, k)), 1e-8, &worst_pysod);
    }
}

static void test_agrees_with_pysodmetrics(void **state)
{
    static const char *const names[] = {"plain", "min_max"};
    (void)state;
    for (int min_max = 0; min_max < 2; min_max++) {
        score_report r = score_all(min_max, EMPTY_LEFT_OUT);
        const json_t *const curves = at(at(golden, "curves"), names[min_max]);
        compare_pysod(&r, names[min_max]);
        compare_curve(r.curves.dice, curves, "dice");
        compare_curve(r.curves.iou, curves, "iou");
        compare_curve(r.curves.recall, curves, "recall");
        compare_curve(r.curves.precision, curves, "precision");
        compare_curve(r.curves.specificity, curves, "specificity");
        compare_curve(r.curves.e_measure, curves, "e_measure");
        score_report_free(&r);
    }
}

static void compare_six(const polyp_metrics *m, const json_t *expected, double *worst)
{
    compare(m->jaccard, number(expected, "jaccard"), 1e-9, worst);
    compare(m->dsc, number(expected, "dsc"), 1e-9, worst);
    compare(m->recall, number(expected, "recall"), 1e-9, worst);
    compare(m->precision, number(expected, "precision"), 1e-9, worst);
    compare(m->accuracy, number(expected, "accuracy"), 1e-9, worst);
    compare(m->f2, number(expected, "f2"), 1e-9, worst);
}

static void test_agrees_with_segmentation_models_pytorch(void **state)
{
    (void)state;
    score_report r = score_all(false, EMPTY_LEFT_OUT);
    compare_six(&r.conventions[CONVENTION_POOLED], at(at(golden, "smp"), "micro"), &worst_smp);
    compare_six(&r.conventions[CONVENTION_IMAGEWISE], at(at(golden, "smp"), "imagewise"), &worst_smp);
    score_report_free(&r);
}

static void test_agrees_with_scikit_learn(void **state)
{
    (void)state;
    score_report r = score_all(false, EMPTY_SKLEARN);
    const json_t *const classes = at(golden, "classes"), *const calibrated = at(golden, "calibration");
    pixel_counts first[8];
    for (size_t i = 0; i < r.count; i++) {
        const polyp_metrics m = scores_from_array(r.rows[i].values);
        compare_six(&m, at(json_array_get(at(golden, "cases"), i), "sklearn"), &worst_sklearn);
        if (i < 8) first[i] = r.rows[i].counts;
    }
    assert_int_equal((int)number(classes, "first"), 8);
    const polyp_metrics per_image = scores_mean(first, 8, scores_of_classes);
    compare_six(&per_image, at(classes, "per_image_of_first"), &worst_sklearn);
    compare_six(&r.conventions[CONVENTION_CLASSES_POOLED], at(classes, "pooled"), &worst_sklearn);
    compare(r.calibration.expected_error, number(calibrated, "expected_error"), 1e-9, &worst_sklearn);
    compare(r.calibration.brier, number(calibrated, "brier"), 1e-9, &worst_sklearn);
    score_report_free(&r);
}

/* ---- distances ------------------------------------------------------------------------------------------- */

static uint32_t squared_between(uint32_t a, uint32_t b, uint32_t width)
{
    const int64_t dx = (int64_t)(a % width) - (int64_t)(b % width), dy = (int64_t)(a / width) - (int64_t)(b / width);
    return (uint32_t)(dx * dx + dy * dy);
}

/* The nearest marked pixel by looking at all of them: the leftmost column first, then the uppermost. */
static uint32_t search(const unsigned char *marked, int width, int height, uint32_t from)
{
    const uint32_t wide = (uint32_t)width;
    uint32_t best = DISTANCE_NONE;
    for (uint32_t x = 0; x < wide; x++) {
        for (uint32_t y = 0; y < (uint32_t)height; y++) {
            const uint32_t i = y * wide + x;
            if (!marked[i]) continue;
            if (best == DISTANCE_NONE || squared_between(from, i, wide) < squared_between(from, best, wide)) best = i;
        }
    }
    return best;
}

static void test_distances_are_exact(void **state)
{
    static const int sizes[][3] = {{1, 1, 500}, {1, 1, 0},    {17, 1, 200},  {1, 23, 200},   {19, 13, 0},
                                   {31, 29, 3}, {40, 33, 20}, {33, 40, 200}, {25, 25, 1000}, {2, 60, 50}};
    (void)state;
    scratch s = {0};
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        const int width = sizes[k][0], height = sizes[k][1];
        unsigned char marked[1600];
        uint32_t squared[1600], nearest[1600];
        int32_t rows[1600], line[64];
        random_stream r = random_open(k, RANDOM_TEST, 4, 0);
        for (int i = 0; i < width * height; i++) marked[i] = random_below(&r, 1000) < (uint64_t)sizes[k][2];
        assert_ok(distance_transform(squared, nearest, marked, NULL, width, height, &s));
        distance_rows(rows, line, marked, width, height);
        for (uint32_t i = 0; i < (uint32_t)(width * height); i++) {
            const uint32_t best = search(marked, width, height, i);
            const uint32_t expected = best == DISTANCE_NONE ? best : squared_between(i, best, (uint32_t)width);
            assert_int_equal(nearest[i], best);
            assert_int_equal(squared[i], expected);
            assert_int_equal(distance_beside(rows, (int)i % width, (int)i / width, width), expected);
        }
    }
    scratch_free(&s);
}

/* ---- odd cases ------------------------------------------------------------------------------------------- */

static score_row score_one(const polyp_image *truth, const polyp_image *mask, const polyp_image *map)
{
    const score_settings settings = {.threshold = 0.5};
    const score_input in = {truth, mask, map, NULL};
    scratch s = {0};
    score_row row = {0};
    assert_ok(score_picture(&row, &in, &settings, &s));
    scratch_free(&s);
    return row;
}

static void test_empties(void **state)
{
    (void)state;
    polyp_image nothing = plain_image(30, 40, 1, 0), all = plain_image(30, 40, 1, 255);
    score_row row = score_one(&all, &nothing, NULL); /* all missed */
    assert_near(row.values[SCORE_HAUSDORFF], 50, 0);
    assert_near(row.values[SCORE_SURFACE_PERCENT], 100, 0);
    assert_near(row.values[SCORE_BOUNDARY_F], 0, 0);
    assert_near(row.values[SCORE_DSC], 0, 0);
    assert_int_equal(row.objects.polyps - row.objects.found[1], 1);
    row = score_one(&nothing, &all, NULL); /* a false alarm */
    assert_true(isnan(row.values[SCORE_HAUSDORFF]) && isnan(row.values[SCORE_BOUNDARY_F]) &&
                isnan(row.values[SCORE_DSC]));
    assert_near(row.values[SCORE_S_MEASURE], 0, 0);
    assert_int_equal(row.objects.predicted, 1);
    row = score_one(&nothing, &nothing, NULL);
    assert_true(isnan(row.values[SCORE_SURFACE]));
    assert_near(row.values[SCORE_S_MEASURE], 1, 0);
    assert_near(row.values[SCORE_MAE], 0, 0);
    row = score_one(&all, &all, NULL);
    assert_near(row.values[SCORE_HAUSDORFF], 0, 0);
    assert_near(row.values[SCORE_BOUNDARY_F], 1, 0);
    assert_near(row.values[SCORE_WEIGHTED_F], 1, 1e-12);
    assert_true(isnan(row.values[SCORE_SPECIFICITY]));
    polyp_image_free(&nothing);
    polyp_image_free(&all);
}

/* A picture of one pixel, and rows and columns: nothing is read outside (the sanitizers look). */
static void test_thin_pictures(void **state)
{
    static const int sizes[][2] = {{1, 1}, {1, 9}, {9, 1}, {2, 2}};
    (void)state;
    for (size_t k = 0; k < 4; k++) {
        polyp_image all = plain_image(sizes[k][0], sizes[k][1], 1, 255),
                    some = plain_image(sizes[k][0], sizes[k][1], 1, 0);
        some.pixels[0] = 255;
        const score_row same = score_one(&some, &some, NULL), less = score_one(&all, &some, NULL);
        assert_near(same.values[SCORE_DSC], 1, 0);
        assert_near(same.values[SCORE_HAUSDORFF], 0, 0);
        assert_true(!isnan(less.values[SCORE_S_MEASURE]) && !isnan(less.values[SCORE_WEIGHTED_F]));
        polyp_image_free(&all);
        polyp_image_free(&some);
    }
}

/* Worked by hand: two squares of 3 x 3 whose outlines are the 8 pixels around the middle, 4 pixels apart. */
static void test_surface_by_hand(void **state)
{
    (void)state;
    polyp_image truth = plain_image(20, 9, 1, 0), found = plain_image(20, 9, 1, 0);
    for (int y = 3; y < 6; y++) {
        memset(truth.pixels + y * 20 + 4, 255, 3);
        memset(found.pixels + y * 20 + 8, 255, 3);
    }
    const score_row row = score_one(&truth, &found, NULL);
    /* of 8 pixels each: three at 2, two at 3, three at 4; 95 % of 7 steps lie at 6.65, between two fours */
    assert_near(row.values[SCORE_SURFACE], 3, 1e-12);
    assert_near(row.values[SCORE_HAUSDORFF], 4, 1e-12);
    assert_near(row.values[SCORE_HAUSDORFF_PERCENT], 400 / sqrt(481), 1e-12);
    polyp_image_free(&truth);
    polyp_image_free(&found);
}

/* Specks under 0.1 % are no objects; corners touch; of two predictions on one polyp the better one finds it. */
static void test_objects_by_hand(void **state)
{
    (void)state;
    polyp_image truth = plain_image(100, 100, 1, 0), found = plain_image(100, 100, 1, 0);
    for (int y = 10; y < 20; y++) memset(truth.pixels + y * 100 + 10, 255, 10); /* 100 pixels */
    for (int y = 20; y < 30; y++)
        memset(truth.pixels + y * 100 + 20, 255, 10); /* touches its corner: one polyp of 200 */
    for (int y = 60; y < 70; y++) memset(truth.pixels + y * 100 + 60, 255, 10); /* another */
    memset(truth.pixels + 9000, 255, 9);                                        /* 9 of 10,000: a speck */
    for (int y = 60; y < 66; y++) memset(found.pixels + y * 100 + 60, 255, 10); /* IoU .6 */
    for (int y = 67; y < 70; y++) memset(found.pixels + y * 100 + 60, 255, 10); /* IoU .3, but that polyp is taken */
    for (int y = 10; y < 14; y++) memset(found.pixels + y * 100 + 10, 255, 10); /* IoU .2 */
    memset(found.pixels + 9800, 255, 10);                                       /* a false alarm, just no speck */
    const score_row row = score_one(&truth, &found, NULL);
    assert_int_equal(row.objects.polyps, 2);
    assert_int_equal(row.objects.predicted, 4);
    assert_int_equal(row.objects.found[0], 1);
    assert_int_equal(row.objects.found[1], 2);
    polyp_image_free(&truth);
    polyp_image_free(&found);
}

/* What truth does not judge changes nothing, whatever is predicted there. */
static void test_ignored_pixels(void **state)
{
    (void)state;
    drawn d = draw(0);
    score_row plain, filled;
    for (int i = 0; i < 61 * 5; i++) d.truth.pixels[i] = MASK_IGNORED;
    memset(d.level.pixels, 0, 61 * 5);
    memset(d.mask.pixels, 0, 61 * 5);
    plain = score_one(&d.truth, &d.mask, &d.level);
    memset(d.level.pixels, 200, 61 * 5);
    memset(d.mask.pixels, 255, 61 * 5);
    filled = score_one(&d.truth, &d.mask, &d.level);
    assert_int_equal(plain.counts.tp + plain.counts.fp + plain.counts.fn + plain.counts.tn, 61 * 42);
    assert_memory_equal(plain.values, filled.values, sizeof plain.values);
    assert_memory_equal(&plain.levels, &filled.levels, sizeof plain.levels);
    assert_memory_equal(&plain.objects, &filled.objects, sizeof plain.objects);
    free_drawn(&d);
}

static void test_network_size(void **state)
{
    (void)state;
    polyp_image truth = plain_image(8, 8, 1, 0), mask = plain_image(8, 8, 1, 0), small = plain_image(4, 4, 1, 255);
    static const size_t widths[8] = {4, 4, 4, 4, 3, 3, 3, 2}; /* of column 1 four, four, two, one quarter */
    for (int y = 0; y < 8; y++) memset(truth.pixels + y * 8, 255, widths[y]);
    const score_settings settings = {.threshold = 0.5, .network_size = 4};
    const score_input in = {&truth, &mask, NULL, &small};
    scratch s = {0};
    score_row row = {0};
    assert_ok(score_picture(&row, &in, &settings, &s));
    assert_int_equal(row.network.tp, 4 + 3); /* half a pixel counts, as in training */
    assert_int_equal(row.network.fp, 9);
    scratch_free(&s);
    polyp_image_free(&truth);
    polyp_image_free(&mask);
    polyp_image_free(&small);
}

static void test_refuses_other_sizes(void **state)
{
    (void)state;
    polyp_image truth = plain_image(8, 8, 1, 0), wide = plain_image(9, 8, 1, 0);
    const score_settings settings = {.threshold = 0.5};
    scratch s = {0};
    score_row row;
    score_input in = {&truth, &wide, NULL, NULL};
    assert_failed(score_picture(&row, &in, &settings, &s), POLYP_ERR_SIZE, "9 x 8");
    in = (score_input){&truth, &truth, &wide, NULL};
    assert_failed(score_picture(&row, &in, &settings, &s), POLYP_ERR_SIZE, "the probabilities are 9 x 8");
    scratch_free(&s);
    polyp_image_free(&truth);
    polyp_image_free(&wide);
}

/* Every allocation fails once: an error, no leak; then it works. */
static void test_without_memory(void **state)
{
    (void)state;
    drawn d = draw(1);
    const score_settings settings = {.threshold = 0.5};
    const score_input in = {&d.truth, &d.mask, &d.level, NULL};
    status result = POLYP_ERR_MEMORY;
    for (size_t k = 1; result != POLYP_OK; k++) {
        scratch s = {0};
        score_row row;
        (void)memory_fail_at(k);
        result = score_picture(&row, &in, &settings, &s);
        (void)memory_fail_at(0);
        assert_true(result == POLYP_OK || result == POLYP_ERR_MEMORY);
        scratch_free(&s);
        assert_true(k < 100);
    }
    free_drawn(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agrees_with_monai),
        cmocka_unit_test(test_agrees_with_scipy),
        cmocka_unit_test(test_agrees_with_pysodmetrics),
        cmocka_unit_test(test_agrees_with_segmentation_models_pytorch),
        cmocka_unit_test(test_agrees_with_scikit_learn),
        cmocka_unit_test(test_distances_are_exact),
        cmocka_unit_test(test_empties),
        cmocka_unit_test(test_thin_pictures),
        cmocka_unit_test(test_surface_by_hand),
        cmocka_unit_test(test_objects_by_hand),
        cmocka_unit_test(test_ignored_pixels),
        cmocka_unit_test(test_network_size),
        cmocka_unit_test(test_refuses_other_sizes),
        cmocka_unit_test(test_without_memory),
    };
    return cmocka_run_group_tests_name("score_maps", tests, open_golden, close_golden);
}
