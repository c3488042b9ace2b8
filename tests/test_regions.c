/* Connected regions: by hand, and against a flood fill on random masks. */
#include "base/random.h"
#include "mask_help.h"
#include "media/regions.h"

static void test_corners_join_polyps_not_background(void **state)
{
    (void)state;
    static const char *const rows[] = {"#....##", ".#...##", "..#....", "#......", NULL};
    polyp_image mask = mask_of(rows);
    regions r;
    assert_ok(regions_find(&r, &mask, REGION_POLYP));
    assert_int_equal(r.count, 3);
    assert_int_equal(r.items[0].area, 4); /* the square; the diagonal of three comes next */
    assert_int_equal(r.items[0].left, 5);
    assert_int_equal(r.items[0].right, 7);
    assert_int_equal(r.items[0].bottom, 2);
    assert_true(r.items[0].at_edge);
    assert_int_equal(r.items[1].area, 3);
    assert_int_equal(r.items[2].area, 1);
    regions_free(&r);
    polyp_image_free(&mask);

    static const char *const ring[] = {".....", ".###.", "#.#.#", ".###.", ".....", NULL};
    mask = mask_of(ring);
    assert_ok(regions_find(&r, &mask, REGION_BACKGROUND));
    assert_int_equal(r.count, 4); /* above with its corners, below, and two holes that touch by corners alone */
    assert_false(r.items[2].at_edge);
    assert_false(r.items[3].at_edge);
    assert_int_equal(r.items[2].area, 1);
    assert_int_equal(r.items[2].left, 1); /* of equal ones the first from the top left */
    regions_paint(&mask, &r, 2, 255);
    assert_int_equal(mask.pixels[2 * 5 + 1], 255);
    assert_int_equal(mask.pixels[2 * 5 + 3], 0);
    regions_free(&r);
    polyp_image_free(&mask);
}

static void test_empty_and_full(void **state)
{
    (void)state;
    polyp_image mask = plain_image(7, 3, 1, 127);
    regions r;
    assert_ok(regions_find(&r, &mask, REGION_POLYP));
    assert_int_equal(r.count, 0);
    regions_free(&r);
    memset(mask.pixels, 128, 21);
    assert_ok(regions_find(&r, &mask, REGION_POLYP));
    assert_int_equal(r.count, 1);
    assert_int_equal(r.items[0].area, 21);
    regions_free(&r);
    regions_free(NULL);
    mask.channels = 3;
    mask.width = 1;
    assert_failed(regions_find(&r, &mask, REGION_POLYP), POLYP_ERR_ARGUMENT, "1 channel");
    mask.channels = 1;
    polyp_image_free(&mask);
}

/* Labels by flood fill, from 1 by first appearance; returns their number. */
static int flood(int *labels, const polyp_image *mask, bool polyp)
{
    int stack[4096], count = 0;
    const int width = mask->width, height = mask->height;
    memset(labels, 0, (size_t)(width * height) * sizeof *labels);
    for (int start = 0; start < width * height; start++) {
        if (labels[start] || (mask->pixels[start] > 127) != polyp) continue;
        int depth = 0;
        labels[start] = ++count;
        stack[depth++] = start;
        while (depth > 0) {
            const int here = stack[--depth], x = here % width, y = here / width;
            for (int dy = -1; dy <= 1; dy++) {
                for (int dx = -1; dx <= 1; dx++) {
                    const int u = x + dx, v = y + dy, there = v * width + u;
                    if ((!polyp && dx != 0 && dy != 0) || u < 0 || v < 0 || u >= width || v >= height) continue;
                    if (labels[there] || (mask->pixels[there] > 127) != polyp) continue;
                    labels[there] = count;
                    stack[depth++] = there;
                }
            }
        }
    }
    return count;
}

/* Every run lies in one flood region, and areas agree; so the partitions are the same. */
static void compare_with_flood(const polyp_image *mask, enum region_kind kind)
{
    static int labels[4096];
    regions r;
    const int count = flood(labels, mask, kind == REGION_POLYP);
    assert_ok(regions_find(&r, mask, kind));
    assert_int_equal(r.count, count);
    size_t areas[4096] = {0}, pixels = 0;
    int label_of[4096] = {0};
    for (size_t i = 0; i < r.run_count; i++) {
        const region_run *const run = &r.runs[i];
        for (int x = run->from; x < run->to; x++) {
            const int label = labels[run->row * mask->width + x];
            assert_int_not_equal(label, 0);
            if (label_of[run->region] == 0) label_of[run->region] = label;
            assert_int_equal(label, label_of[run->region]);
            areas[run->region]++;
            pixels++;
        }
    }
    size_t wanted = 0;
    for (int i = 0; i < mask->width * mask->height; i++) wanted += labels[i] > 0;
    assert_int_equal(pixels, wanted);
    for (size_t i = 0; i < r.count; i++) {
        assert_int_equal(areas[i], r.items[i].area);
        if (i > 0) assert_true(r.items[i].area <= r.items[i - 1].area);
    }
    regions_free(&r);
}

static void test_random_masks_against_flood(void **state)
{
    (void)state;
    random_stream r = random_open(5, RANDOM_TEST, 0, 0);
    for (int i = 0; i < 300; i++) {
        const int width = 1 + (int)random_below(&r, 40), height = 1 + (int)random_below(&r, 40);
        const uint64_t share = 1 + random_below(&r, 9);
        polyp_image mask = plain_image(width, height, 1, 0);
        for (int k = 0; k < width * height; k++) mask.pixels[k] = random_below(&r, 10) < share ? 200 : 30;
        compare_with_flood(&mask, REGION_POLYP);
        compare_with_flood(&mask, REGION_BACKGROUND);
        polyp_image_free(&mask);
    }
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    static const char *const rows[] = {"#.#", ".#.", "#.#", NULL};
    polyp_image mask = mask_of(rows);
    regions r = {0};
    memory_fail_at(0);
    assert_ok(regions_find(&r, &mask, REGION_POLYP));
    regions_free(&r);
    const size_t count = memory_fail_at(0);
    for (size_t k = 1; k <= count; k++) {
        memory_fail_at(k);
        assert_int_equal(regions_find(&r, &mask, REGION_POLYP), POLYP_ERR_MEMORY);
        memory_fail_at(0);
        assert_null(r.items);
    }
    polyp_image_free(&mask);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_corners_join_polyps_not_background),
        cmocka_unit_test(test_empty_and_full),
        cmocka_unit_test(test_random_masks_against_flood),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests_name("regions", tests, NULL, NULL);
}
