/* Whole data sets scored: models, masks of other programs, groups, breakdowns, two compared, and what is refused. */
#include "learn_help.h"

#include <jansson.h>
#include <math.h>

#include "learn/score_set.h"
#include "media/mask.h"
#include "model_help.h"

enum { PICTURES = 5 };

static char *folder, *data, *masks;

/* Four pictures with a disc, number 4 without; a folder with their own masks as predictions. */
static int make_data(void **state)
{
    (void)state;
    folder = help_folder();
    data = memory_text(help_path(folder, "data"));
    masks = memory_text(help_path(folder, "data/masks"));
    help_write_data(data, PICTURES, 2);
    help_write_pair(data, 4, 50, 40, true);
    return 0;
}

static int remove_data(void **state)
{
    (void)state;
    memory_free(data);
    memory_free(masks);
    help_remove(folder);
    return 0;
}

static const score_options plain = {.engine = "reference", .threads = 1, .threshold = -1};

static score_options options_for_data(void)
{
    static const polyp_watch nobody = {0};
    score_options o = plain;
    o.data = data;
    o.watch = &nobody;
    return o;
}

static const char *write_file(const char *name, const char *text)
{
    const char *const path = help_path(folder, name);
    assert_ok(file_replace(path, text, strlen(text)));
    return path;
}

/* ---- masks of other programs ----------------------------------------------------------------------------- */

static void test_truth_scores_one(void **state)
{
    (void)state;
    score_set s;
    const score_options o = options_for_data();
    assert_ok(score_set_masks(&s, &(foreign_masks){.folder = masks}, &o));
    assert_int_equal(s.report.count, 5);
    assert_int_equal(s.report.all.without_polyp, 1);
    assert_int_equal(s.report.false_alarms, 0);
    assert_true(s.report.all.mean[SCORE_DSC] == 1 && s.report.all.mean[SCORE_HAUSDORFF] == 0);
    assert_true(s.report.conventions[CONVENTION_POOLED].jaccard == 1);
    assert_true(isnan(s.report.conventions[CONVENTION_POOLED_NETWORK].jaccard));
    assert_int_equal(s.report.with_polyp.counts.found[0], 4);
    assert_int_equal(s.report.groups, 5);
    score_set_free(&s);
}

/* The order of the workers changes nothing. */
static void test_threads_change_nothing(void **state)
{
    (void)state;
    score_set one, many;
    score_options o = options_for_data();
    assert_ok(score_set_masks(&one, &(foreign_masks){.folder = masks}, &o));
    o.threads = 4;
    assert_ok(score_set_masks(&many, &(foreign_masks){.folder = masks}, &o));
    for (size_t i = 0; i < PICTURES; i++) {
        assert_memory_equal(one.report.rows[i].values, many.report.rows[i].values, sizeof one.report.rows[i].values);
    }
    assert_memory_equal(one.report.all.mean_95, many.report.all.mean_95, sizeof one.report.all.mean_95);
    score_set_free(&one);
    score_set_free(&many);
}

/* Maps that stand at 128 where truth is polyp and 120 elsewhere: decided by the threshold, told by calibration. */
static void write_maps(const char *name, int inside, int outside)
{
    char *const to = memory_text(help_path(folder, name));
    assert_ok(folder_create(to));
    for (int i = 0; i < PICTURES; i++) {
        char file[32];
        polyp_image mask;
        (void)snprintf(file, sizeof file, "p%03d.png", i);
        assert_ok(image_read(&mask, help_path(masks, file)));
        for (int k = 0; k < mask.width * mask.height; k++) {
            mask.pixels[k] = (unsigned char)(mask.pixels[k] > 127 ? inside : outside);
        }
        (void)snprintf(file, sizeof file, "p%03d.probability.png", i);
        assert_ok(image_write_png(&mask, help_path(to, file)));
        polyp_image_free(&mask);
    }
    memory_free(to);
}

static void test_probability_maps(void **state)
{
    (void)state;
    score_set s;
    score_options o = options_for_data();
    write_maps("maps", 128, 120);
    const foreign_masks maps = {.folder = help_path(folder, "maps"), .probabilities = true};
    assert_ok(score_set_masks(&s, &maps, &o));
    assert_true(s.report.all.mean[SCORE_DSC] == 1 && s.report.settings.threshold == 0.5);
    assert_true(fabs(s.report.all.mean[SCORE_MAE] - 0.47) < 0.03);
    assert_true(s.report.sweep.best_dsc == 128 && s.report.sweep.dsc[128] == 1 && s.report.sweep.dsc[129] == 0);
    assert_true(s.report.calibration.expected_error > 0.3);
    score_set_free(&s);
    o.threshold = 0.45; /* 120 / 255 is above it: everything is polyp */
    o.min_max = true;   /* stretched, the maps are perfect all the same */
    assert_ok(score_set_masks(&s, &maps, &o));
    assert_true(s.report.all.mean[SCORE_RECALL] == 1 && s.report.all.mean[SCORE_PRECISION] < 0.5);
    assert_int_equal(s.report.false_alarms, 1);
    /* but for the picture without a polyp, whose map has one level */
    for (size_t i = 0; i < 4; i++) assert_true(s.report.rows[i].values[SCORE_MAE] == 0);
    score_set_free(&s);
}

/* Masks shrunk by area as the truth is, maps bilinear before the threshold; without a size nothing of it exists. */
static void test_network_size(void **state)
{
    (void)state;
    enum { SIZE = 24 };
    score_set s;
    polyp_image truth, small;
    const score_options o = options_for_data();
    assert_ok(score_set_masks(&s, &(foreign_masks){.folder = masks, .network_size = SIZE}, &o));
    assert_ok(sample_read(NULL, &truth, &s.data.samples[0]));
    assert_ok(mask_shrink(&small, &truth, SIZE, SIZE));
    uint64_t polyp = 0;
    for (int i = 0; i < SIZE * SIZE; i++) polyp += small.pixels[i] == 255;
    const pixel_counts *const c = &s.report.rows[0].network;
    assert_true(polyp > 0 && c->tp == polyp && c->fp == 0 && c->fn == 0 && c->tn == SIZE * SIZE - polyp);
    assert_true(s.report.conventions[CONVENTION_PER_IMAGE_NETWORK].dsc == 1 && s.report.settings.foreign);
    score_set_free(&s);
    write_maps("maps", 140, 120);
    const foreign_masks maps = {.folder = help_path(folder, "maps"), .probabilities = true, .network_size = SIZE};
    assert_ok(score_set_masks(&s, &maps, &o));
    const double dsc = s.report.conventions[CONVENTION_PER_IMAGE_NETWORK].dsc;
    assert_true(dsc > 0.9 && dsc <= 1); /* a triangle filter moves the outline by a pixel at most */
    score_set_free(&s);
    assert_ok(score_set_masks(&s, &(foreign_masks){.folder = masks}, &o));
    assert_true(isnan(s.report.conventions[CONVENTION_PER_IMAGE_NETWORK].dsc));
    score_set_free(&s);
    polyp_image_free(&truth);
    polyp_image_free(&small);
}

/* A prediction of half the size is an error, or made to fit. */
static void test_other_sizes(void **state)
{
    (void)state;
    score_set s;
    score_options o = options_for_data();
    char *const half = memory_text(help_path(folder, "half"));
    assert_ok(folder_create(half));
    o.split = write_file("./one.txt", "p001\n");
    polyp_image small;
    assert_ok(image_create(&small, 40, 36, 1));
    memset(small.pixels, 255, 40 * 36);
    assert_ok(image_write_png(&small, help_path(half, "p001.png")));
    polyp_image_free(&small);
    foreign_masks m = {.folder = half};
    assert_fails(POLYP_ERR_SIZE, "p001.png is 40 x 36, but the picture is 81 x 73", score_set_masks(&s, &m, &o));
    assert_non_null(strstr(polyp_error(), "--resize"));
    score_set_free(&s);
    m.resize = true;
    assert_ok(score_set_masks(&s, &m, &o));
    assert_int_equal(s.report.rows[0].counts.tp + s.report.rows[0].counts.fp, 81 * 73);
    score_set_free(&s);
    memory_free(half);
}

static void test_masks_that_are_missing_or_odd(void **state)
{
    (void)state;
    score_set s;
    const score_options o = options_for_data();
    char *const some = memory_text(help_path(folder, "some"));
    assert_fails(POLYP_ERR_FILE, "no such folder of masks",
                 score_set_masks(&s, &(foreign_masks){.folder = help_path(folder, "nowhere")}, &o));
    score_set_free(&s);
    write_maps("some", 255, 0);
    assert_fails(POLYP_ERR_MISMATCH, "5 of 5 pictures have no mask of the same stem: p000, p001, p002, ...",
                 score_set_masks(&s, &(foreign_masks){.folder = some}, &o));
    score_set_free(&s);
    (void)remove(help_path(some, "p003.probability.png"));
    assert_fails(POLYP_ERR_MISMATCH, "1 of 5 pictures have no probability map of the same stem: p003;",
                 score_set_masks(&s, &(foreign_masks){.folder = some, .probabilities = true}, &o));
    score_set_free(&s);
    (void)write_file("some/p003.png", "no picture");
    assert_fails(POLYP_ERR_FORMAT, "p003.png",
                 score_set_masks(&s, &(foreign_masks){.folder = some, .probabilities = true}, &o));
    score_set_free(&s);
    (void)write_file("some/p003.jpg", "no picture either");
    assert_fails(POLYP_ERR_MISMATCH, "p003.jpg and p003.png have the same stem",
                 score_set_masks(&s, &(foreign_masks){.folder = some, .probabilities = true}, &o));
    score_set_free(&s);
    memory_free(some);
}

/* ---- groups ---------------------------------------------------------------------------------------------- */

static void test_groups_and_breakdown(void **state)
{
    (void)state;
    score_set s;
    score_options o = options_for_data();
    o.groups = write_file("groups.csv", "stem,group\np000,a\np001,a\np002,b\nelsewhere,c\n");
    o.by = write_file("by.csv", "group;stem\nright;p001\nleft;p000\nleft;p004\n");
    assert_ok(score_set_masks(&s, &(foreign_masks){.folder = masks}, &o));
    assert_int_equal(s.report.groups, 4); /* a, b, and two alone */
    assert_int_equal(s.report.rows[0].group, s.report.rows[1].group);
    assert_int_equal(s.report.rows[3].group, -1);
    assert_int_equal(s.report.part_count, 2);
    assert_string_equal(s.report.parts[0].name, "left"); /* by the pictures' order */
    assert_int_equal(s.report.parts[0].images, 2);
    assert_int_equal(s.report.parts[0].without_polyp, 1);
    assert_int_equal(s.report.parts[1].images, 1);
    assert_int_equal(s.report.rows[2].part, -1);
    score_set_free(&s);
    o.groups = write_file("groups.csv", "stem,group\nq000,a\n");
    assert_fails(POLYP_ERR_MISMATCH, "gives none of the pictures a group",
                 score_set_masks(&s, &(foreign_masks){.folder = masks}, &o));
    score_set_free(&s);
    o.groups = write_file("groups.csv", "picture,group\np000,a\n");
    assert_fails(POLYP_ERR_FORMAT, "columns `stem` and `group`",
                 score_set_masks(&s, &(foreign_masks){.folder = masks}, &o));
    score_set_free(&s);
    o.groups = write_file("groups.csv", "stem,group\np000,a\np001,b\np000,b\n");
    assert_fails(POLYP_ERR_FORMAT, "groups.csv:4: p000 has a group already",
                 score_set_masks(&s, &(foreign_masks){.folder = masks}, &o));
    score_set_free(&s);
}

/* ---- models ---------------------------------------------------------------------------------------------- */

/* memory_free() it. */
static char *constant_model(const char *name, float bias)
{
    char *const path = memory_text(help_path(folder, name));
    write_constant_model(path, bias);
    return path;
}

static score_set score_model(const char *path, polyp_model **model, const score_options *o)
{
    score_set s;
    assert_ok(model_open(model, path));
    assert_ok(score_set_models(&s, (const polyp_model *const *)model, 1, o));
    return s;
}

typedef struct seen {
    size_t pictures, polyp;
} seen;

static status look(void *context, size_t index, const polyp_image *picture, const score_input *in)
{
    seen *const s = context;
    assert_int_equal(index, s->pictures);
    s->pictures++;
    assert_true(picture->channels == 3 && picture->width == in->truth->width && in->mask->height == in->truth->height);
    for (int i = 0; i < in->truth->width * in->truth->height; i++) s->polyp += in->mask->pixels[i] > 127;
    return s->pictures == 4 ? (fail)(POLYP_STOPPED, "seen enough") : POLYP_OK;
}

static void test_model_at_both_sizes(void **state)
{
    (void)state;
    polyp_model *model;
    const score_options o = options_for_data();
    char *const path = constant_model("all.safetensors", 3.0f);
    score_set s = score_model(path, &model, &o);
    const score_row *const row = &s.report.rows[0];
    assert_int_equal(row->network.tp + row->network.fp, 32 * 32);
    assert_true(fabs((double)row->network.tp / 1024 - row->share) < 0.02);
    assert_true(fabs(s.report.all.mean[SCORE_MAE] - (1 - 0.9526)) > 0.5); /* mostly background is called polyp */
    assert_true(s.report.conventions[CONVENTION_PER_IMAGE_NETWORK].recall == 1);
    assert_true(isnan(s.report.rows[4].values[SCORE_DSC]) && s.report.false_alarms == 1);
    score_set_free(&s);
    polyp_model_close(model);
    memory_free(path);
}

static void test_observer(void **state)
{
    (void)state;
    polyp_model *model;
    score_set s;
    seen found = {0};
    score_options o = options_for_data();
    char *const path = constant_model("all.safetensors", 3.0f);
    o.each = look;
    o.context = &found;
    assert_ok(model_open(&model, path));
    assert_fails(POLYP_STOPPED, "seen enough", score_set_models(&s, (const polyp_model *const *)&model, 1, &o));
    assert_int_equal(found.pictures, 4);
    assert_true(found.polyp > 4 * 70 * 70);
    score_set_free(&s);
    found = (seen){0};
    assert_fails(POLYP_STOPPED, "seen enough", score_set_masks(&s, &(foreign_masks){.folder = masks}, &o));
    assert_int_equal(found.pictures, 4);
    score_set_free(&s);
    polyp_model_close(model);
    memory_free(path);
}

/* Everything against nothing: recall differs by one in each of four pictures, so p is 2 / 16. */
static void test_two_models_compared(void **state)
{
    (void)state;
    polyp_model *models[2];
    const score_options o = options_for_data();
    char *const all = constant_model("all.safetensors", 3.0f), *const none = constant_model(
                                                                         "none.safetensors", -3.0f);
    score_set first = score_model(none, &models[0], &o), second = score_model(all, &models[1], &o);
    score_comparison c;
    assert_ok(score_compare(&c, &first.report, &second.report));
    const paired_test *const t = &c.tests[SCORE_RECALL];
    assert_true(t->effect == 1 && t->p == 2.0 / 16 && t->exact && t->pictures == 4 && t->groups == 4);
    assert_int_equal(c.tests[SCORE_MAE].pictures, 5);
    const char *const file = help_path(folder, "two.json");
    assert_ok(score_report_write_json(file, &first.report, &second.report, &c));
    json_t *const root = json_load_file(file, 0, NULL);
    const json_t *const test = json_object_get(json_object_get(root, "comparison"), "recall");
    assert_true(json_number_value(json_object_get(test, "p")) == 0.125);
    assert_int_equal(json_array_size(json_object_get(root, "models")), 2);
    json_decref(root);
    score_set_free(&first);
    score_set_free(&second);
    for (int i = 0; i < 2; i++) polyp_model_close(models[i]);
    memory_free(all);
    memory_free(none);
}

/* ---- on paper -------------------------------------------------------------------------------------------- */

static json_t *json_of(const score_report *r)
{
    const char *const file = help_path(folder, "report.json");
    assert_ok(score_report_write_json(file, r, NULL, NULL));
    json_t *const root = json_load_file(file, 0, NULL);
    assert_non_null(root);
    return root;
}

static double number_in(const json_t *root, const char *first, const char *second)
{
    const json_t *const value = json_object_get(json_object_get(root, first), second);
    if (!json_is_number(value)) fail_msg("%s %s is no number", first, second);
    return json_number_value(value);
}

/* All that JSON holds is what the report holds; what does not exist is null. */
static void test_json_holds_everything(void **state)
{
    (void)state;
    score_set s;
    score_options o = options_for_data();
    write_maps("maps", 200, 10);
    o.by = write_file("by.csv", "stem,group\np000,left\np001,r\xff\n"); /* not UTF-8 */
    assert_ok(score_set_masks(&s, &(foreign_masks){.folder = help_path(folder, "maps"), .probabilities = true}, &o));
    s.report.published = &(published_score){SCORE_DSC, 0.5};
    s.report.published_count = 1;
    json_t *const root = json_of(&s.report);
    for (int m = 0; m < SCORE_METRICS; m++) {
        assert_true(number_in(root, "per_image", score_facts[m].key) == s.report.all.mean[m]);
        assert_int_equal(json_array_size(json_object_get(json_object_get(root, "confidence"), score_facts[m].key)), 2);
    }
    for (int c = 0; c < CONVENTIONS; c++) {
        const json_t *const six = json_object_get(json_object_get(root, "conventions"), convention_facts[c].key);
        assert_int_equal(json_object_size(six), 6);
        assert_true(json_is_null(json_object_get(six, "dsc")) == isnan(s.report.conventions[c].dsc));
    }
    assert_true(fabs(number_in(root, "pranet", "max_dice") - 0.8) < 1e-12); /* all pictures count, the empty one with 0 */
    assert_int_equal(json_array_size(json_object_get(json_object_get(root, "sweep"), "dsc")), LEVELS);
    assert_int_equal(json_array_size(json_object_get(json_object_get(root, "calibration"), "bins")), CALIBRATION_BINS);
    assert_int_equal(json_array_size(json_object_get(root, "sizes")), POLYP_SIZES);
    assert_int_equal(json_array_size(json_object_get(root, "parts")), 2);
    const json_t *const claim = json_array_get(json_object_get(root, "published"), 0);
    assert_string_equal(json_string_value(json_object_get(claim, "claim")), "exceeds");
    assert_string_equal(json_string_value(json_object_get(claim, "metric")), "dsc");
    json_decref(root);
    score_set_free(&s);
}

static void test_tables(void **state)
{
    (void)state;
    score_set s;
    score_options o = options_for_data();
    char *text = NULL;
    size_t length;
    o.by = write_file("by.csv", "stem,group\np000,left\np001,right\n");
    assert_ok(score_set_masks(&s, &(foreign_masks){.folder = masks}, &o));
    FILE *const to = open_memstream(&text, &length);
    score_report_print(to, &s.report, true);
    assert_int_equal(fclose(to), 0);
    static const char *const wanted[] = {"Jaccard",
                                         "pooled, network size",
                                         "Hausdorff 95, % of diagonal",
                                         "Max E-measure",
                                         "4 polyps in 4 pictures",
                                         "found at IoU 0.5: 4",
                                         "left",
                                         "right",
                                         "1 pictures without a polyp are left out"};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        if (!strstr(text, wanted[i])) fail_msg("no '%s' in\n%s", wanted[i], text);
    }
    free(text);
    score_set_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_truth_scores_one),
        cmocka_unit_test(test_threads_change_nothing),
        cmocka_unit_test(test_probability_maps),
        cmocka_unit_test(test_network_size),
        cmocka_unit_test(test_other_sizes),
        cmocka_unit_test(test_masks_that_are_missing_or_odd),
        cmocka_unit_test(test_groups_and_breakdown),
        cmocka_unit_test(test_model_at_both_sizes),
        cmocka_unit_test(test_observer),
        cmocka_unit_test(test_two_models_compared),
        cmocka_unit_test(test_json_holds_everything),
        cmocka_unit_test(test_tables),
    };
    return cmocka_run_group_tests_name("score_set", tests, make_data, remove_data);
}
