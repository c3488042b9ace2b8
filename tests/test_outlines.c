/* Outlines: by hand; filled again they give the mask; simplified ones stay near. */
#include "mask_help.h"

#include "base/random.h"
#include "predict/outlines.h"

static void assert_points(const outlines *o, size_t item, const int (*wanted)[2], size_t count)
{
    assert_int_equal(o->items[item].count, count);
    for (size_t i = 0; i < count; i++) {
        const outline_point p = o->points[o->items[item].first + i];
        if (p.x != wanted[i][0] || p.y != wanted[i][1]) fail_msg("point %zu is (%d, %d)", i, p.x, p.y);
    }
}

static void test_by_hand(void **state)
{
    (void)state;
    static const char *const rows[] = {"......", ".##...", "...#..", "......", NULL};
    static const int around[][2] = {{3, 1}, {3, 2}, {4, 2}, {4, 3}, {3, 3}, {3, 2}, {1, 2}, {1, 1}};
    polyp_image mask = mask_of(rows);
    regions r;
    outlines o;
    assert_ok(regions_find(&r, &mask, REGION_POLYP));
    assert_int_equal(r.count, 1);
    assert_ok(outlines_of(&o, &r, 0, 0));
    assert_int_equal(o.count, 1);
    assert_false(o.items[0].hole);
    assert_points(&o, 0, around, 8);
    outlines_free(&o);
    regions_free(&r);
    polyp_image_free(&mask);
}

static void test_holes_come_after(void **state)
{
    (void)state;
    static const char *const rows[] = {"####", "#.##", "##.#", "####", NULL};
    static const int outer[][2] = {{4, 0}, {4, 4}, {0, 4}, {0, 0}};
    static const int first[][2] = {{2, 2}, {2, 1}, {1, 1}, {1, 2}};
    polyp_image mask = mask_of(rows);
    regions r;
    outlines o;
    assert_ok(regions_find(&r, &mask, REGION_POLYP));
    assert_ok(outlines_of(&o, &r, 0, 0));
    assert_int_equal(o.count, 3);
    assert_false(o.items[0].hole);
    assert_true(o.items[1].hole && o.items[2].hole);
    assert_points(&o, 0, outer, 4);
    assert_points(&o, 1, first, 4);
    outlines_free(&o);
    regions_free(&r);
    polyp_image_free(&mask);
}

/* Is the middle of pixel (x, y) inside? Even-odd over all polygons. */
static bool inside(const outlines *o, int x, int y)
{
    bool in = false;
    for (size_t k = 0; k < o->count; k++) {
        const outline_point *const p = o->points + o->items[k].first;
        for (size_t i = 0; i < o->items[k].count; i++) {
            const outline_point a = p[i], b = p[(i + 1) % o->items[k].count];
            const double row = y + 0.5;
            if ((a.y > row) == (b.y > row)) continue;
            if (a.x + (row - a.y) / (b.y - a.y) * (b.x - a.x) > x + 0.5) in = !in;
        }
    }
    return in;
}

static void random_mask(polyp_image *mask, random_stream *r)
{
    const int width = 1 + (int)random_below(r, 30), height = 1 + (int)random_below(r, 30);
    const uint64_t share = 1 + random_below(r, 9);
    *mask = plain_image(width, height, 1, 0);
    for (int k = 0; k < width * height; k++) mask->pixels[k] = random_below(r, 10) < share ? 255 : 0;
}

static void test_filled_they_are_the_region(void **state)
{
    (void)state;
    random_stream r = random_open(8, RANDOM_TEST, 0, 0);
    for (int n = 0; n < 200; n++) {
        polyp_image mask, one;
        random_mask(&mask, &r);
        regions all;
        assert_ok(regions_find(&all, &mask, REGION_POLYP));
        for (size_t k = 0; k < all.count; k++) {
            outlines o;
            one = plain_image(mask.width, mask.height, 1, 0);
            regions_paint(&one, &all, k, 255);
            assert_ok(outlines_of(&o, &all, k, 0));
            assert_false(o.items[0].hole);
            for (size_t i = 1; i < o.count; i++) assert_true(o.items[i].hole);
            for (int y = 0; y < mask.height; y++)
                for (int x = 0; x < mask.width; x++)
                    assert_int_equal(inside(&o, x, y), one.pixels[y * mask.width + x] > 127);
            outlines_free(&o);
            polyp_image_free(&one);
        }
        regions_free(&all);
        polyp_image_free(&mask);
    }
}

static double distance_to_polygon(outline_point p, const outlines *o, size_t item)
{
    double least = INFINITY;
    const outline_point *const q = o->points + o->items[item].first;
    for (size_t i = 0; i < o->items[item].count; i++) {
        const outline_point a = q[i], b = q[(i + 1) % o->items[item].count];
        const double dx = b.x - a.x, dy = b.y - a.y, length = dx * dx + dy * dy;
        double t = length > 0 ? ((p.x - a.x) * dx + (p.y - a.y) * dy) / length : 0;
        t = fmin(fmax(t, 0), 1);
        least = fmin(least, hypot(p.x - a.x - t * dx, p.y - a.y - t * dy));
    }
    return least;
}

/* A disc of radius 60: 1 pixel of tolerance saves four of five points. */
static void test_simplified_stays_near(void **state)
{
    (void)state;
    polyp_image mask = plain_image(200, 160, 1, 0);
    for (int y = 0; y < 160; y++)
        for (int x = 0; x < 200; x++)
            if ((x - 90) * (x - 90) + (y - 70) * (y - 70) <= 3600) mask.pixels[y * 200 + x] = 255;
    regions r;
    outlines exact, simple;
    assert_ok(regions_find(&r, &mask, REGION_POLYP));
    assert_ok(outlines_of(&exact, &r, 0, 0));
    assert_ok(outlines_of(&simple, &r, 0, 1));
    double most = 0;
    for (size_t i = 0; i < exact.point_count; i++) most = fmax(most, distance_to_polygon(exact.points[i], &simple, 0));
    print_message("points %zu of %zu, farthest %.3f pixels\n", simple.point_count, exact.point_count, most);
    assert_true(most <= 1);
    assert_true(simple.point_count * 5 < exact.point_count);
    outlines_free(&exact);
    outlines_free(&simple);
    regions_free(&r);
    polyp_image_free(&mask);
}

/* However small, a polygon keeps three points, and holes stay beside the region. */
static void test_simplified_random_masks(void **state)
{
    (void)state;
    random_stream r = random_open(9, RANDOM_TEST, 0, 0);
    for (int n = 0; n < 100; n++) {
        polyp_image mask;
        random_mask(&mask, &r);
        regions all;
        assert_ok(regions_find(&all, &mask, REGION_POLYP));
        for (size_t k = 0; k < all.count; k++) {
            outlines exact, simple;
            assert_ok(outlines_of(&exact, &all, k, 0));
            assert_ok(outlines_of(&simple, &all, k, 1.5));
            assert_int_equal(exact.count, simple.count);
            for (size_t i = 0; i < exact.count; i++) {
                assert_true(simple.items[i].count >= 3);
                assert_int_equal(simple.items[i].hole, exact.items[i].hole);
                for (size_t j = 0; j < exact.items[i].count; j++)
                    assert_true(distance_to_polygon(exact.points[exact.items[i].first + j], &simple, i) <= 1.5);
            }
            outlines_free(&exact);
            outlines_free(&simple);
        }
        regions_free(&all);
        polyp_image_free(&mask);
    }
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    static const char *const rows[] = {"#####", "#.#.#", "#####", NULL};
    polyp_image mask = mask_of(rows);
    regions r;
    outlines o = {0};
    assert_ok(regions_find(&r, &mask, REGION_POLYP));
    memory_fail_at(0);
    assert_ok(outlines_of(&o, &r, 0, 1));
    outlines_free(&o);
    const size_t count = memory_fail_at(0);
    for (size_t k = 1; k <= count; k++) {
        memory_fail_at(k);
        assert_int_equal(outlines_of(&o, &r, 0, 1), POLYP_ERR_MEMORY);
        memory_fail_at(0);
    }
    regions_free(&r);
    polyp_image_free(&mask);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_holes_come_after),
        cmocka_unit_test(test_filled_they_are_the_region),
        cmocka_unit_test(test_simplified_stays_near),
        cmocka_unit_test(test_simplified_random_masks),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests_name("outlines", tests, NULL, NULL);
}
