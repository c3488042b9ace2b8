/* What folds report, read back and summed up; what does not belong together. */
#include "data_help.h"

#include <jansson.h>

#include "learn/folds.h"
#include "model_help.h"

static const char RECORD[] = "{\"rate\": 0.01, \"run\": {\"fold\": \"%d/3\", \"seed\": 1}, \"fold\": %d}";

/* The record differs between folds where it says which fold it is, and nowhere else. */
static status write_fold(void **state, int fold, double jaccard)
{
    char record[128];
    (void)snprintf(record, sizeof record, RECORD, fold, fold);
    const fold_facts facts = {fold, 3, "0123456789abcdef", record};
    const polyp_evaluation e = {.images = (size_t)(10 + fold),
                                .without_polyp = 1,
                                .per_image = {jaccard, jaccard + 0.1, 0.5, 0.5, 0.5, fold == 1 ? NAN : 0.5},
                                .pooled = {0.25, 0.5, 0.75, 1, 0, 0.125}};
    char *const folder = fold_folder(*state, fold);
    assert_ok(folder_create(folder));
    memory_free(folder);
    return fold_write(*state, &facts, &e);
}

static const fold_facts MINE = {0, 3, "0123456789abcdef", "{\"rate\": 0.01, \"run\": {\"fold\": \"7/9\", \"seed\": 1}}"};

static void assert_file(const char *path, const char *expected)
{
    file_bytes bytes;
    assert_ok(file_read(&bytes, path, 0));
    if (bytes.size != strlen(expected) || memcmp(bytes.data, expected, bytes.size) != 0) {
        fail_msg("%.*s\nis not\n%s", (int)bytes.size, (const char *)bytes.data, expected);
    }
    file_close(&bytes);
}

static void test_summary_by_hand(void **state)
{
    folds_summary s;
    char text[200];
    assert_ok(write_fold(state, 2, 0.8));
    assert_ok(write_fold(state, 0, 0.6));
    assert_ok(folds_sum_up(&s, *state, &MINE));
    assert_int_equal(s.present, 2);
    assert_int_equal(s.count, 0);
    folds_print(text, sizeof text, &s);
    assert_string_equal(text, "2 of 3 folds are finished");
    assert_false(file_exists(in(state, "folds.csv")));
    assert_ok(write_fold(state, 1, 0.7));
    assert_ok(folds_sum_up(&s, *state, &MINE));
    assert_int_equal(s.present, 3);
    assert_int_equal(s.pictures, 33);
    assert_int_equal(s.count, 12);
    assert_string_equal(s.scores[0].name, "per_image.jaccard");
    assert_near(s.scores[0].mean, 0.7, 1e-15);
    assert_near(s.scores[0].deviation, 0.1, 1e-15);
    assert_true(isnan(s.scores[5].mean));
    folds_print(text, sizeof text, &s);
    assert_string_equal(text, "3 folds, 33 pictures: Jaccard 0.7000, DSC 0.8000; standard deviation 0.1000, 0.1000");
    assert_file(in(state, "folds.csv"),
                "fold,images,per_image.jaccard,per_image.dsc,per_image.recall,per_image.precision,per_image.accuracy,"
                "per_image.f2,pooled.jaccard,pooled.dsc,pooled.recall,pooled.precision,pooled.accuracy,pooled.f2\n"
                "0,10,0.600000,0.700000,0.500000,0.500000,0.500000,0.500000,0.250000,0.500000,0.750000,1.000000,0.000000,0.125000\n"
                "1,11,0.700000,0.800000,0.500000,0.500000,0.500000,,0.250000,0.500000,0.750000,1.000000,0.000000,0.125000\n"
                "2,12,0.800000,0.900000,0.500000,0.500000,0.500000,0.500000,0.250000,0.500000,0.750000,1.000000,0.000000,0.125000\n"
                "mean,,0.700000,0.800000,0.500000,0.500000,0.500000,,0.250000,0.500000,0.750000,1.000000,0.000000,0.125000\n"
                "standard deviation,,0.100000,0.100000,0.000000,0.000000,0.000000,,0.000000,0.000000,0.000000,0.000000,0.000000,0.000000\n");
}

static double number_at(const json_t *root, const char *part, const char *key, const char *name)
{
    return json_number_value(json_object_get(json_object_get(json_object_get(root, part), key), name));
}

static void test_summary_as_json(void **state)
{
    folds_summary s;
    for (int i = 0; i < 3; i++) assert_ok(write_fold(state, i, 0.5 + 0.1 * i));
    assert_ok(folds_sum_up(&s, *state, &MINE));
    json_t *const root = json_load_file(in(state, "folds.json"), 0, NULL);
    assert_non_null(root);
    assert_int_equal(json_integer_value(json_object_get(root, "folds")), 3);
    assert_int_equal(json_integer_value(json_object_get(root, "images")), 33);
    assert_near(number_at(root, "mean", "per_image", "jaccard"), 0.6, 1e-12);
    assert_near(number_at(root, "standard_deviation", "per_image", "jaccard"), 0.1, 1e-12);
    assert_near(number_at(root, "mean", "pooled", "f2"), 0.125, 1e-12);
    assert_true(json_is_null(json_object_get(json_object_get(json_object_get(root, "mean"), "per_image"), "f2")));
    json_t *const each = json_object_get(root, "each");
    assert_int_equal(json_array_size(each), 3);
    const json_t *const second = json_object_get(json_array_get(each, 1), "per_image");
    assert_near(json_number_value(json_object_get(second, "jaccard")), 0.6, 1e-12);
    assert_null(json_object_get(json_array_get(each, 1), "record"));
    assert_non_null(json_object_get(root, "record"));
    json_decref(root);
}

static void test_strangers_are_refused(void **state)
{
    folds_summary s = {.count = 77};
    assert_ok(folds_check(*state, &MINE)); /* nothing is there yet */
    assert_ok(write_fold(state, 1, 0.7));
    assert_ok(folds_check(*state, &MINE));
    fold_facts other = MINE;
    other.folds = 4;
    assert_failed(folds_check(*state, &other), POLYP_ERR_MISMATCH, "fold-1/fold.json: one of 3 folds, not of 4; give each");
    other = MINE;
    other.data_hash = "0123456789abcdee";
    assert_failed(folds_sum_up(&s, *state, &other), POLYP_ERR_MISMATCH, "fold.json: of other pictures or masks");
    other = MINE;
    other.record = "{\"rate\": 0.02, \"run\": {\"seed\": 1}}";
    assert_failed(folds_sum_up(&s, *state, &other), POLYP_ERR_MISMATCH, "fold.json: trained in another way");
    assert_int_equal(s.count, 77);
    static const char *const damaged[] = {"", "[1]", "{\"fold\": 1", "{}", "{\"folds\": 3, \"data_hash\": 5}"};
    for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) {
        put(in(state, "fold-1/fold.json"), damaged[i]);
        const status got = folds_sum_up(&s, *state, &MINE);
        assert_true(got == POLYP_ERR_FORMAT || got == POLYP_ERR_MISMATCH);
        assert_non_null(strstr(polyp_error(), "fold-1/fold.json"));
    }
}

static void test_every_allocation_may_fail(void **state)
{
    for (int i = 0; i < 3; i++) assert_ok(write_fold(state, i, 0.5));
    for (size_t k = 1;; k++) {
        folds_summary s;
        (void)memory_fail_at(k);
        const status got = folds_sum_up(&s, *state, &MINE);
        (void)memory_fail_at(0);
        if (got == POLYP_OK) {
            assert_in_range(k, 8, 60);
            return;
        }
        assert_int_equal(got, POLYP_ERR_MEMORY);
    }
}

/* ---- a model on the report part ------------------------------------------------------------ */

/* Everything is polyp to the model: a picture scores what its mask covers, but for pixels that do not count. */
static void test_report(void **state)
{
    const char *const names[] = {"a", "b", "n"};
    for (int i = 0; i < 3; i++) {
        char path[32];
        (void)snprintf(path, sizeof path, "images/%s.png", names[i]);
        put_png(in(state, path), plain_image(40, 40, 3, 90));
        if (i == 2) continue;
        polyp_image mask = plain_image(40, 40, 1, 0);
        memset(mask.pixels, 255, 400);
        if (i == 1) memset(mask.pixels + 800, 128, 800);
        (void)snprintf(path, sizeof path, "masks/%s.png", names[i]);
        put_png(in(state, path), mask);
    }
    put(in(state, "negatives.txt"), "n\n");
    assert_ok(folder_create(in(state, "fold-0")));
    write_constant_model(in(state, "fold-0/model.safetensors"), 5.0f);
    dataset d;
    assert_ok(dataset_open(&d, *state, NULL));
    assert_ok(dataset_set_ignore(&d, 128));
    polyp_train_options o = polyp_train_defaults();
    o.engine = "reference";
    polyp_evaluation e = {0};
    const fold_facts facts = {0, 2, "0123456789abcdef", "{}"};
    assert_ok(fold_report(&e, *state, &facts, in(state, "fold-0/model.safetensors"), &d, &o));
    assert_int_equal(e.images, 3);
    assert_int_equal(e.without_polyp, 1);
    assert_int_equal(e.false_alarms, 1);
    assert_near(e.per_image.jaccard, (0.25 + 0.5) / 2, 1e-12);
    folds_summary s;
    assert_ok(folds_sum_up(&s, *state, &facts));
    assert_int_equal(s.present, 1);
    assert_failed(fold_report(&e, *state, &facts, in(state, "nowhere"), &d, &o), POLYP_ERR_FILE, "nowhere");
    dataset_free(&d);
}

#define in_folder(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_folder(test_summary_by_hand),
        in_folder(test_summary_as_json),
        in_folder(test_strangers_are_refused),
        in_folder(test_every_allocation_may_fail),
        in_folder(test_report),
    };
    return cmocka_run_group_tests_name("folds", tests, NULL, NULL);
}
