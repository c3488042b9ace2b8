/* What a prediction tells about its polyps: regions, JSON, COCO (also read by pycocotools where a Python has it). */
#include "learn_help.h"

#include <jansson.h>

#include "commands.h"
#include "predict/found.h"
#include "predict/model.h"

/* ---- regions ----------------------------------------------------------------------------------------- */

/* COCO's run lengths drawn down the columns. */
static void draw_runs(unsigned char *out, const found_polyp *p, int width, int height)
{
    size_t place = 0;
    for (size_t i = 0; i < p->run_count; i++)
        for (uint32_t k = 0; k < p->runs[i]; k++, place++)
            out[place % (size_t)height * (size_t)width + place / (size_t)height] = i % 2 ? 255 : 0;
    assert_int_equal(place, width * height);
}

static void test_a_ring_and_a_speck(void **state)
{
    (void)state;
    enum { W = 8, H = 6 };
    static const char *const rows[H] = {"#####...", "#...#...", "#...#..#", "#####...", "........", "........"};
    unsigned char mask_pixels[W * H], levels[W * H], drawn[W * H];
    for (int i = 0; i < W * H; i++) {
        mask_pixels[i] = rows[i / W][i % W] == '#' ? 255 : 0;
        levels[i] = i / W == 0 ? 255 : 204; /* 1 and 0.8 */
    }
    const polyp_image mask = {mask_pixels, W, H, 1}, probability = {levels, W, H, 1}, other = {levels, H, W, 1};
    found_polyps f;
    assert_ok(found_polyps_of(&f, &mask, &probability));
    assert_int_equal(f.count, 2);
    assert_int_equal(f.items[0].region.area, 14);
    assert_int_equal(f.items[0].outlines.count, 2);
    assert_true(f.items[0].outlines.items[1].hole);
    assert_true(f.items[0].probability > 0.8713 && f.items[0].probability < 0.8715); /* (5 + 9 * .8) / 14 */
    draw_runs(drawn, &f.items[0], W, H);
    mask_pixels[2 * W + 7] = 0;
    assert_memory_equal(drawn, mask_pixels, W * H);
    assert_null(f.items[1].runs);
    assert_int_equal(f.items[1].region.left, 7);
    found_polyps_free(&f);
    assert_fails(POLYP_ERR_SIZE, "8 x 6", found_polyps_of(&f, &mask, &other));
}

/* Rings everywhere, also at the last column and the last row. */
static void test_runs_of_random_masks(void **state)
{
    (void)state;
    random_stream r = random_open(4, RANDOM_TEST, 0, 0);
    for (int n = 0; n < 200; n++) {
        const int width = 3 + (int)random_below(&r, 12), height = 3 + (int)random_below(&r, 12);
        polyp_image mask, only;
        unsigned char drawn[400];
        assert_ok(image_create(&mask, width, height, 1));
        for (int i = 0; i < width * height; i++) mask.pixels[i] = random_below(&r, 10) < 7 ? 255 : 0;
        found_polyps f;
        regions all;
        assert_ok(found_polyps_of(&f, &mask, &mask));
        assert_ok(regions_find(&all, &mask, REGION_POLYP));
        for (size_t i = 0; i < f.count; i++) {
            if (!f.items[i].runs) continue;
            assert_ok(image_create(&only, width, height, 1));
            regions_paint(&only, &all, i, 255);
            draw_runs(drawn, &f.items[i], width, height);
            assert_memory_equal(drawn, only.pixels, (size_t)(width * height));
            polyp_image_free(&only);
        }
        regions_free(&all);
        found_polyps_free(&f);
        polyp_image_free(&mask);
    }
}

/* ---- files ------------------------------------------------------------------------------------------- */

static char *folder;

/* A tiny untrained network, three pictures and one that is none. */
static int make_files(void **state)
{
    (void)state;
    unet_spec spec;
    graph network;
    params weights;
    folder = help_folder();
    if (unet_preset(&spec, "tiny") != POLYP_OK || unet_build(&network, &spec) != POLYP_OK) return -1;
    if (params_create(&weights, &network.params) != POLYP_OK) return -1;
    params_initialise(&weights, 5);
    model_facts facts = model_facts_default("tiny");
    facts.size = 64;
    if (model_write(help_path(folder, "m.safetensors"), &network, &weights, &facts) != POLYP_OK) return -1;
    params_free(&weights);
    graph_free(&network);
    help_write_data(folder, 3, 1);
    return file_replace(help_path(folder, "images/x.png"), "no picture", 10) == POLYP_OK ? 0 : -1;
}

static int remove_files(void **state)
{
    (void)state;
    help_remove(folder);
    return 0;
}

static json_t *load(const char *name)
{
    json_error_t error;
    json_t *const root = json_load_file(help_path(folder, name), 0, &error);
    if (!root) fail_msg("%s: line %d: %s", name, error.line, error.text);
    return root;
}

static int keep_quiet(void *context, const polyp_progress *p)
{
    (void)context;
    (void)p;
    return 0;
}

static void run_predict(const char *tta, polyp_mask_rules rules)
{
    const char *const model = help_path(folder, "m.safetensors");
    char *const twice = memory_format("%s,%s", model, model);
    const char *const images = help_path(folder, "images");
    const predict_options o = {.model = twice,
                               .tta = tta,
                               .rules = rules,
                               .paths = &images,
                               .path_count = 1,
                               .out = help_path(folder, "out"),
                               .threshold = -1,
                               .json = help_path(folder, "p.json"),
                               .coco = help_path(folder, "c.json"),
                               .engine = "reference",
                               .threads = 1,
                               .watch = {keep_quiet, NULL}};
    predict_result result;
    assert_ok(command_predict(&result, &o));
    assert_int_equal(result.pictures, 4);
    assert_int_equal(result.failed, 1);
    memory_free(twice);
}

static double real(const json_t *object, const char *key)
{
    const json_t *const value = json_object_get(object, key);
    if (!json_is_number(value)) fail_msg("%s is no number", key);
    return json_number_value(value);
}

static void test_json_of_a_prediction(void **state)
{
    (void)state;
    run_predict("flips", (polyp_mask_rules){.fill_holes = 1, .minimum_area = 0.002});
    json_t *const root = load("p.json");
    assert_string_equal(json_string_value(json_object_get(root, "tta")), "flips");
    assert_true(json_is_true(json_object_get(json_object_get(root, "rules"), "fill_holes")));
    const json_t *const pictures = json_object_get(root, "pictures");
    assert_int_equal(json_array_size(pictures), 4);
    assert_non_null(json_object_get(json_array_get(pictures, 3), "error"));
    for (size_t i = 0; i < 3; i++) {
        const json_t *const p = json_array_get(pictures, i), *const polyps = json_object_get(p, "polyps");
        polyp_image mask;
        size_t wanted = 0, area = 0;
        assert_ok(image_read(&mask, json_string_value(json_object_get(p, "mask"))));
        for (int k = 0; k < mask.width * mask.height; k++) wanted += mask.pixels[k] > 127;
        for (size_t k = 0; k < json_array_size(polyps); k++) {
            const json_t *const polyp = json_array_get(polyps, k);
            area += (size_t)real(polyp, "area");
            assert_true(real(polyp, "probability") > 0.5 && real(polyp, "probability") <= 1);
            assert_true(json_array_size(json_object_get(polyp, "outline")) >= 3);
            assert_int_equal(json_array_size(json_object_get(polyp, "holes")), 0);
            assert_true(real(polyp, "share") >= 0.002);
        }
        assert_int_equal(area, wanted);
        assert_true(real(p, "uncertainty") >= 0 && real(p, "uncertainty") <= 1);
        assert_true(real(p, "disagreement") > 0 && real(p, "disagreement") <= 1);
        polyp_image_free(&mask);
    }
    json_decref(root);
}

/* A polygon's points lie in its box; run lengths fill the picture and sum to the area. */
static void check_annotation(const json_t *a, const json_t *image)
{
    const double width = real(image, "width"), height = real(image, "height");
    const json_t *const segmentation = json_object_get(a, "segmentation"), *const box = json_object_get(a, "bbox");
    const double left = json_number_value(json_array_get(box, 0)),
                 right = left + json_number_value(json_array_get(box, 2));
    if (json_is_array(segmentation)) {
        const json_t *const points = json_array_get(segmentation, 0);
        assert_true(json_array_size(points) >= 6 && json_array_size(points) % 2 == 0);
        for (size_t i = 0; i < json_array_size(points); i += 2) {
            const double x = json_number_value(json_array_get(points, i));
            assert_true(x >= left && x <= right && right <= width);
        }
        return;
    }
    const json_t *const counts = json_object_get(segmentation, "counts");
    double all = 0, area = 0;
    for (size_t i = 0; i < json_array_size(counts); i++) {
        const double run = json_number_value(json_array_get(counts, i));
        all += run;
        area += i % 2 ? run : 0;
    }
    assert_true(all == width * height && area == real(a, "area"));
}

/* An untrained network's masks are full of holes; filled ones have none. */
static void check_coco(polyp_mask_rules rules)
{
    run_predict("none", rules);
    json_t *const root = load("c.json");
    const json_t *const images = json_object_get(root, "images"), *const all = json_object_get(root, "annotations");
    assert_int_equal(json_array_size(images), 3);
    assert_true(json_array_size(all) >= 3);
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(json_object_get(root, "categories"), 0), "name")), "polyp");
    bool runs = false;
    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *const a = json_array_get(all, i);
        assert_true(real(a, "id") == (double)(i + 1) && real(a, "category_id") == 1 && real(a, "iscrowd") == 0);
        check_annotation(a, json_array_get(images, (size_t)real(a, "image_id") - 1));
        runs |= json_is_object(json_object_get(a, "segmentation"));
    }
    assert_int_equal(runs, !rules.fill_holes);
    json_decref(root);
}

static void test_coco_of_a_prediction(void **state)
{
    (void)state;
    check_coco((polyp_mask_rules){0});
    check_coco((polyp_mask_rules){.fill_holes = 1});
}

/* $POLYP_ORACLE_PYTHON, or python3. */
static void test_coco_by_pycocotools(void **state)
{
    (void)state;
    const char *const chosen = getenv("POLYP_ORACLE_PYTHON"), *const source = getenv("POLYP_SOURCE");
    const char *const python = chosen ? chosen : "python3";
    char *const has = memory_format("'%s' -c 'import pycocotools, PIL' >/dev/null 2>&1", python);
    const bool there = system(has) == 0;
    memory_free(has);
    if (!there) skip();
    char *const line =
        memory_format("PYTHONDONTWRITEBYTECODE=1 '%s' '%s/tests/golden/check_coco.py' '%s/c.json' '%s/out'", python,
                      source ? source : ".", folder, folder);
    for (int filled = 0; filled < 2; filled++) {
        run_predict("none", (polyp_mask_rules){.fill_holes = filled});
        assert_int_equal(system(line), 0);
    }
    memory_free(line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_ring_and_a_speck),   cmocka_unit_test(test_runs_of_random_masks),
        cmocka_unit_test(test_json_of_a_prediction), cmocka_unit_test(test_coco_of_a_prediction),
        cmocka_unit_test(test_coco_by_pycocotools),
    };
    return cmocka_run_group_tests_name("found", tests, make_files, remove_files);
}
