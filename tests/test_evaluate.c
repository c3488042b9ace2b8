/* Scoring a data set: counts at own size, the summary, both files. */
#include "learn_help.h"

#include <jansson.h>
#include <math.h>

#include "learn/score_set.h"
#include "model_help.h"

enum { PICTURES = 5 };

static char *folder, *data, *path;

/* Four pictures with a disc, number 4 without. */
static int make_data(void **state)
{
    (void)state;
    folder = help_folder();
    data = memory_text(help_path(folder, "data"));
    path = memory_text(help_path(folder, "model.safetensors"));
    help_write_data(data, PICTURES, 2);
    help_write_pair(data, 4, 50, 40, true);
    return 0;
}

static int remove_data(void **state)
{
    (void)state;
    memory_free(data);
    memory_free(path);
    help_remove(folder);
    return 0;
}

static polyp_evaluation evaluate(polyp_evaluate_options o)
{
    polyp_model *model;
    polyp_evaluation e;
    assert_ok(polyp_model_open(&model, path));
    o.data = data;
    o.engine = "reference";
    o.threads = 1;
    assert_ok(polyp_evaluate(&e, model, &o));
    polyp_model_close(model);
    return e;
}

/* Pixels of picture `i` and of its disc. */
static void count_disc(int i, double *area, double *pixels)
{
    char name[32];
    polyp_image mask;
    (void)snprintf(name, sizeof name, "masks/p%03d.png", i);
    assert_ok(image_read(&mask, help_path(data, name)));
    *pixels = mask.width * mask.height;
    *area = 0;
    for (int k = 0; k < mask.width * mask.height; k++) *area += mask.pixels[k] > 127;
    polyp_image_free(&mask);
}

/* Everything is called polyp: TP is the disc, FP the rest. */
static void test_everything_predicted(void **state)
{
    (void)state;
    write_constant_model(path, 3.0f);
    const polyp_evaluation e = evaluate(polyp_evaluate_defaults());
    double mean = 0, area_sum = 0, pixel_sum = 0;
    for (int i = 0; i < PICTURES; i++) {
        double area, pixels;
        count_disc(i, &area, &pixels);
        if (i < 4) mean += area / pixels / 4;
        area_sum += area;
        pixel_sum += pixels;
    }
    assert_int_equal(e.images, 5);
    assert_int_equal(e.without_polyp, 1);
    assert_int_equal(e.false_alarms, 1);
    assert_true(e.threshold == 0.5);
    assert_true(fabs(e.per_image.jaccard - mean) < 1e-12);
    assert_true(fabs(e.per_image.precision - mean) < 1e-12);
    assert_true(e.per_image.recall == 1.0);
    assert_true(fabs(e.pooled.jaccard - area_sum / pixel_sum) < 1e-12);
    assert_true(e.jaccard_95.low <= mean && mean <= e.jaccard_95.high && e.jaccard_95.low < e.jaccard_95.high);
    assert_true(e.seconds > 0);
}

static void test_nothing_predicted(void **state)
{
    (void)state;
    write_constant_model(path, -3.0f);
    const polyp_evaluation e = evaluate(polyp_evaluate_defaults());
    assert_int_equal(e.false_alarms, 0);
    assert_true(e.per_image.jaccard == 0.0 && e.per_image.precision == 0.0 && e.pooled.recall == 0.0);
    polyp_evaluate_options o = polyp_evaluate_defaults();
    o.threshold = 0.01; /* sigmoid(-3) is 0.047 */
    assert_true(evaluate(o).per_image.recall == 1.0);
}

static void test_split(void **state)
{
    (void)state;
    write_constant_model(path, 3.0f);
    polyp_evaluate_options o = polyp_evaluate_defaults();
    o.split = "val";
    const polyp_evaluation e = evaluate(o);
    assert_int_equal(e.images, 2);
    assert_int_equal(e.without_polyp, 1);
}

/* A list that lies elsewhere, as valid.txt of a run does. */
static void test_split_by_path(void **state)
{
    (void)state;
    write_constant_model(path, 3.0f);
    polyp_evaluate_options o = polyp_evaluate_defaults();
    char *const list = memory_text(help_path(folder, "valid.txt"));
    assert_ok(file_replace(list, "p002\np000\np001\n", 15));
    o.split = list;
    const polyp_evaluation e = evaluate(o);
    assert_int_equal(e.images, 3);
    assert_int_equal(e.without_polyp, 0);
    memory_free(list);
}

static double number_at(const json_t *root, const char *first, const char *second)
{
    const json_t *const value =
        second ? json_object_get(json_object_get(root, first), second) : json_object_get(root, first);
    if (!json_is_number(value)) fail_msg("%s %s is no number", first, second ? second : "");
    return json_number_value(value);
}

static void test_json(void **state)
{
    (void)state;
    static const char *const metrics[] = {"jaccard", "dsc", "recall", "precision", "accuracy", "f2"};
    write_constant_model(path, 3.0f);
    polyp_evaluate_options o = polyp_evaluate_defaults();
    char *const file = memory_text(help_path(folder, "summary.json"));
    o.json = file;
    const polyp_evaluation e = evaluate(o);
    json_t *const root = json_load_file(file, 0, NULL);
    assert_non_null(root);
    assert_int_equal((int)number_at(root, "images", NULL), 5);
    assert_true(number_at(root, "threshold", NULL) == 0.5);
    assert_true(number_at(root, "seconds", NULL) > 0);
    for (size_t i = 0; i < 6; i++) {
        (void)number_at(root, "per_image", metrics[i]);
        (void)number_at(root, "pooled", metrics[i]);
    }
    assert_true(number_at(root, "per_image", "jaccard") == e.per_image.jaccard);
    const json_t *const interval = json_object_get(json_object_get(root, "confidence"), "jaccard");
    assert_true(json_number_value(json_array_get(interval, 1)) == e.jaccard_95.high);
    json_decref(root);
    memory_free(file);
}

static void test_csv(void **state)
{
    (void)state;
    write_constant_model(path, 3.0f);
    polyp_evaluate_options o = polyp_evaluate_defaults();
    char *const file = memory_text(help_path(folder, "pictures.csv"));
    o.csv = file;
    (void)evaluate(o);
    char *const text = help_text(file);
    double area, pixels;
    count_disc(0, &area, &pixels);
    char *const first = memory_format("\np000,80,72,%.0f,%.0f,0,0,%.6f,", area, pixels - area, area / pixels);
    if (strncmp(text, "stem,width,height,tp,fp,fn,tn,jaccard,dsc,recall,precision,accuracy,f2,specificity,", 83) != 0)
        fail_msg("%s", text);
    if (!strstr(text, first)) fail_msg("%s", text);
    /* without a polyp only accuracy and specificity mean something */
    if (!strstr(text, "\np004,50,40,0,2000,0,0,,,,,0.000000,,0.000000,,")) fail_msg("%s", text);
    memory_free(first);
    memory_free(text);
    memory_free(file);
}

static void test_csv_quotes(void **state)
{
    (void)state;
    const score_settings settings = {.threshold = 0.5};
    const char *const name = "group, \"x\"";
    score_report r;
    assert_ok(score_report_open(&r, 1, &settings));
    r.rows[0].stem = "a,\"b\"";
    r.rows[0].counts = (pixel_counts){1, 0, 0, 3};
    r.rows[0].part = 0;
    r.part_names = (const char **)(uintptr_t)&name;
    const char *const file = help_path(folder, "quoted.csv");
    assert_ok(score_report_write_csv(file, &r, NULL));
    char *const text = help_text(file);
    assert_non_null(strstr(text, "\n\"a,\"\"b\"\"\",0,0,1,0,0,3,"));
    assert_non_null(strstr(text, ",\"group, \"\"x\"\"\"\n"));
    memory_free(text);
    score_report_free(&r);
}

static int stop_at_second(void *context, const polyp_progress *progress)
{
    assert_string_equal(progress->phase, "evaluate");
    assert_int_equal(progress->total, 5);
    *(size_t *)context = progress->done;
    return progress->done == 2;
}

static void test_stops_and_refuses(void **state)
{
    (void)state;
    write_constant_model(path, 3.0f);
    polyp_model *model;
    polyp_evaluation e = {.images = 77};
    size_t done = 0;
    assert_ok(polyp_model_open(&model, path));
    polyp_evaluate_options o = polyp_evaluate_defaults();
    o.data = data;
    o.engine = "reference";
    o.watch = (polyp_watch){stop_at_second, &done};
    assert_int_equal(polyp_evaluate(&e, model, &o), POLYP_STOPPED);
    assert_int_equal(done, 2);
    o.watch = (polyp_watch){0};
    o.split = "nowhere";
    assert_fails(POLYP_ERR_FILE, "nowhere", polyp_evaluate(&e, model, &o));
    o.split = NULL;
    o.threshold = 1.5;
    assert_fails(POLYP_ERR_ARGUMENT, "threshold", polyp_evaluate(&e, model, &o));
    o.threshold = -1.0;
    o.json = "/nowhere/summary.json";
    assert_fails(POLYP_ERR_FILE, "/nowhere", polyp_evaluate(&e, model, &o));
    o.data = NULL;
    assert_int_equal(polyp_evaluate(&e, model, &o), POLYP_ERR_ARGUMENT);
    assert_int_equal(e.images, 77);
    polyp_model_close(model);
}

/* The worker's words about a picture reach the caller. */
static void test_unreadable_picture(void **state)
{
    (void)state;
    char *const other = help_folder();
    help_write_data(other, 3, 1);
    assert_ok(file_replace(help_path(other, "images/p001.png"), "no picture", 10));
    polyp_model *model;
    polyp_evaluation e;
    assert_ok(polyp_model_open(&model, path));
    polyp_evaluate_options o = polyp_evaluate_defaults();
    o.data = other;
    o.engine = "reference";
    assert_fails(POLYP_ERR_FORMAT, "p001", polyp_evaluate(&e, model, &o));
    polyp_model_close(model);
    help_remove(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_predicted),
        cmocka_unit_test(test_nothing_predicted),
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_split_by_path),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_csv),
        cmocka_unit_test(test_csv_quotes),
        cmocka_unit_test(test_stops_and_refuses),
        cmocka_unit_test(test_unreadable_picture),
    };
    return cmocka_run_group_tests(tests, make_data, remove_data);
}
