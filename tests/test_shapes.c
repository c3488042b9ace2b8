/* Outlines and run lengths against pycocotools (golden/make_shapes.py) and by hand. */
#include "data_help.h"

#include <jansson.h>

#include "base/random.h"
#include "media/shapes.h"

static polyp_image draw(const mask_shapes *s)
{
    polyp_image mask = {0};
    assert_ok(shapes_draw(&mask, s, s->width, s->height));
    return mask;
}

static polyp_image draw_polygon(const double *points, size_t corners, int width, int height)
{
    const mask_polygon p = {points, corners};
    return draw(&(mask_shapes){.width = width, .height = height, .polygons = &p, .polygon_count = 1});
}

static void assert_rows(polyp_image mask, const char *rows)
{
    for (int i = 0; i < mask.width * mask.height; i++) assert_int_equal(mask.pixels[i], rows[i] == '#' ? 255 : 0);
    polyp_image_free(&mask);
}

/* ---- by hand ------------------------------------------------------------------------------- */

static void test_pixels_whose_centre_is_inside(void **state)
{
    (void)state;
    static const double square[] = {1, 1, 4, 1, 4, 3, 1, 3}, turned[] = {1, 3, 4, 3, 4, 1, 1, 1};
    assert_rows(draw_polygon(square, 4, 5, 4), "....." ".###." ".###." ".....");
    assert_rows(draw_polygon(turned, 4, 5, 4), "....." ".###." ".###." ".....");
    static const double inner[] = {1.6, 1, 3.4, 1, 3.4, 2.4, 1.6, 2.4}; /* centres at 1.5 and 3.5, 2.5 are outside */
    assert_rows(draw_polygon(inner, 4, 5, 4), "....." "..#.." "....." ".....");
    static const double on[] = {1.5, 1.5, 3.5, 1.5, 3.5, 2.5, 1.5, 2.5}; /* an edge has its left and upper centres */
    assert_rows(draw_polygon(on, 4, 5, 4), "....." ".##.." "....." ".....");
    static const double triangle[] = {0, 0, 4, 0, 0, 4};
    assert_rows(draw_polygon(triangle, 3, 4, 4), "###." "##.." "#..." "....");
}

static void test_even_odd_and_union(void **state)
{
    (void)state;
    /* one outline that goes around twice leaves a hole, two outlines are joined */
    static const double twice[] = {0, 0, 5, 0, 5, 5, 0, 5, 0, 0, 1, 1, 4, 1, 4, 4, 1, 4, 1, 1};
    assert_rows(draw_polygon(twice, 10, 5, 5), "#####" "#...#" "#...#" "#...#" "#####");
    const mask_polygon two[] = {{(double[]){0, 0, 3, 0, 3, 3, 0, 3}, 4}, {(double[]){1, 1, 5, 1, 5, 2, 1, 2}, 4}};
    assert_rows(draw(&(mask_shapes){.width = 5, .height = 3, .polygons = two, .polygon_count = 2}), "###.." "#####" "###..");
}

static void test_parts_beyond_the_picture(void **state)
{
    (void)state;
    static const double wide[] = {-1e9, -5, 1e9, -5, 1e9, 1.6, -1e9, 1.6}, outside[] = {7, 7, 9, 7, 9, 9},
                        left[] = {-3, 0, 1, 0, 1, 3, -3, 3};
    assert_rows(draw_polygon(wide, 4, 3, 3), "###" "###" "...");
    assert_rows(draw_polygon(outside, 3, 3, 3), "..." "..." "...");
    assert_rows(draw_polygon(left, 4, 3, 3), "#.." "#.." "#..");
    static const double point[] = {1.5, 1.5, 1.5, 1.5, 1.5, 1.5};
    assert_rows(draw_polygon(point, 3, 3, 3), "..." "..." "...");
}

static void test_runs_by_hand(void **state)
{
    (void)state;
    const mask_runs r = {(uint32_t[]){1, 2, 3, 1, 1, 1}, 6};
    assert_true(runs_fit(&r, 3, 3));
    assert_false(runs_fit(&r, 3, 4));
    assert_rows(draw(&(mask_shapes){.width = 3, .height = 3, .runs = &r, .runs_count = 1}), "..#" "#.." "#.#");
    const mask_runs wrong = {(uint32_t[]){1, 2}, 2};
    polyp_image mask = {.width = 77};
    assert_failed(shapes_draw(&mask, &(mask_shapes){.runs = &wrong, .runs_count = 1}, 3, 3), POLYP_ERR_SIZE, "do not add up to 3 x 3");
    assert_int_equal(mask.width, 77);
}

static void test_damaged_text(void **state)
{
    (void)state;
    static const char *const damaged[] = {"P", "Q", "oooooooooooooooo0", "0\x7f", " ", "0~0", "O", "0000O"};
    uint32_t lengths[64];
    size_t count;
    for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) {
        assert_failed(runs_decode(lengths, &count, damaged[i]), POLYP_ERR_FORMAT, "run lengths are damaged");
    }
    assert_ok(runs_decode(lengths, &count, ""));
    assert_int_equal(count, 0);
    random_stream r = random_open(1, RANDOM_TEST, 0, 0); /* anything else ends well or says so */
    for (int i = 0; i < 20000; i++) {
        char text[48];
        const size_t length = random_below(&r, sizeof text);
        for (size_t k = 0; k < length; k++) text[k] = (char)(40 + random_below(&r, 80));
        text[length] = '\0';
        if (runs_decode(lengths, &count, text) == POLYP_OK) assert_true(count <= length);
    }
}

/* ---- pycocotools --------------------------------------------------------------------------- */

/* Distance of a pixel's centre to the nearest edge. */
static double edge_distance(const mask_polygon *all, size_t count, double x, double y)
{
    double nearest = INFINITY;
    for (size_t k = 0; k < count; k++) {
        for (size_t i = 0; i < all[k].corners; i++) {
            const double *const a = all[k].points + 2 * i, *const b = all[k].points + 2 * ((i + 1) % all[k].corners);
            const double dx = b[0] - a[0], dy = b[1] - a[1], length = dx * dx + dy * dy;
            double t = length > 0 ? ((x - a[0]) * dx + (y - a[1]) * dy) / length : 0;
            t = t < 0 ? 0 : t > 1 ? 1 : t;
            nearest = fmin(nearest, hypot(x - a[0] - t * dx, y - a[1] - t * dy));
        }
    }
    return nearest;
}

typedef struct golden_case {
    mask_shapes polygons, runs, text;
    mask_polygon polygon[4];
    mask_runs run, decoded;
} golden_case;

static void read_case(golden_case *c, const json_t *entry)
{
    const int width = (int)json_integer_value(json_object_get(entry, "width"));
    const int height = (int)json_integer_value(json_object_get(entry, "height"));
    const json_t *const polygons = json_object_get(entry, "polygons"), *const runs = json_object_get(entry, "runs");
    const char *const text = json_string_value(json_object_get(entry, "text"));
    *c = (golden_case){0};
    c->polygons = (mask_shapes){.width = width, .height = height, .polygons = c->polygon, .polygon_count = json_array_size(polygons)};
    assert_true(c->polygons.polygon_count <= 4);
    for (size_t i = 0; i < c->polygons.polygon_count; i++) {
        const json_t *const list = json_array_get(polygons, i);
        double *const points = memory_allocate(json_array_size(list), sizeof *points);
        for (size_t k = 0; k < json_array_size(list); k++) points[k] = json_number_value(json_array_get(list, k));
        c->polygon[i] = (mask_polygon){points, json_array_size(list) / 2};
    }
    uint32_t *const lengths = memory_allocate(json_array_size(runs), sizeof *lengths);
    uint32_t *const decoded = memory_allocate(strlen(text), sizeof *decoded);
    for (size_t k = 0; k < json_array_size(runs); k++) lengths[k] = (uint32_t)json_integer_value(json_array_get(runs, k));
    c->run = (mask_runs){lengths, json_array_size(runs)};
    c->runs = (mask_shapes){.width = width, .height = height, .runs = &c->run, .runs_count = 1};
    size_t count;
    assert_ok(runs_decode(decoded, &count, text));
    c->decoded = (mask_runs){decoded, count};
}

static void free_case(golden_case *c)
{
    for (size_t i = 0; i < c->polygons.polygon_count; i++) memory_free((void *)c->polygon[i].points);
    memory_free((void *)c->run.lengths);
    memory_free((void *)c->decoded.lengths);
}

static void test_against_pycocotools(void **state)
{
    (void)state;
    char path[1024];
    const char *source = getenv("POLYP_SOURCE");
    (void)snprintf(path, sizeof path, "%s/tests/golden/shapes.json", source != NULL ? source : ".");
    json_t *const golden = json_load_file(path, 0, NULL);
    if (golden == NULL) fail_msg("%s cannot be read", path);
    double farthest = 0, worst = 0;
    for (size_t i = 0; i < json_array_size(golden); i++) {
        golden_case c;
        read_case(&c, json_array_get(golden, i));
        assert_int_equal(c.decoded.count, c.run.count); /* both forms say the same */
        assert_memory_equal(c.decoded.lengths, c.run.lengths, c.run.count * sizeof(uint32_t));
        polyp_image ours = draw(&c.polygons), theirs = draw(&c.runs);
        size_t area = 0, different = 0;
        for (int k = 0; k < ours.width * ours.height; k++) {
            area += theirs.pixels[k] > 0;
            if (ours.pixels[k] == theirs.pixels[k]) continue;
            different++;
            farthest = fmax(farthest, edge_distance(c.polygon, c.polygons.polygon_count, k % ours.width + 0.5, k / ours.width + 0.5));
        }
        if (area > 400) worst = fmax(worst, (double)different / (double)area);
        if (i == 0) assert_int_equal(different, 0); /* whole pixels: no difference at all */
        polyp_image_free(&ours);
        polyp_image_free(&theirs);
        free_case(&c);
    }
    json_decref(golden);
    printf("# pixels that differ from pycocotools lie at most %.3f from an edge, and are %.2f %% of the area\n", farthest, 100 * worst);
    assert_true(farthest < 1.0);
    assert_true(worst < 0.04);
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    const mask_polygon p = {(double[]){0, 0, 3, 0, 3, 3}, 3};
    const mask_shapes s = {.width = 5, .height = 4, .polygons = &p, .polygon_count = 1};
    for (size_t k = 1; k < 3; k++) {
        polyp_image mask = {0};
        (void)memory_fail_at(k);
        assert_int_equal(shapes_draw(&mask, &s, 5, 4), POLYP_ERR_MEMORY);
        (void)memory_fail_at(0);
        assert_null(mask.pixels);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pixels_whose_centre_is_inside),
        cmocka_unit_test(test_even_odd_and_union),
        cmocka_unit_test(test_parts_beyond_the_picture),
        cmocka_unit_test(test_runs_by_hand),
        cmocka_unit_test(test_damaged_text),
        cmocka_unit_test(test_against_pycocotools),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests_name("shapes", tests, NULL, NULL);
}
