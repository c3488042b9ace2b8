/* Resizing: bilinear against PIL, area and nearest against whole numbers (tests/golden/make_resize.py). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/random.h"
#include "media/resize.h"
#include "media_help.h"

typedef status resize_function(polyp_image *out, const polyp_image *in, int width, int height);

static resize_function *function_of(const char *name)
{
    if (strcmp(name, "bilinear") == 0) return resize_bilinear;
    if (strcmp(name, "area") == 0) return resize_area;
    assert_string_equal(name, "nearest");
    return resize_nearest;
}

static void compare_with_golden(const char *wanted, int tolerance)
{
    golden g = golden_open("resize.golden");
    char line[256], name[16];
    int count = 0, largest = 0;
    while (golden_line(&g, line)) {
        int in_width, in_height, channels, width, height;
        assert_int_equal(sscanf(line, "%15s %d %d %d %d %d", name, &in_width, &in_height, &channels, &width, &height),
                         6);
        const polyp_image in =
            image_view(golden_bytes(&g, (size_t)(in_width * in_height * channels)), in_width, in_height, channels);
        const unsigned char *const expected = golden_bytes(&g, (size_t)(width * height * channels));
        if (strcmp(name, wanted) != 0) continue;
        polyp_image out;
        assert_int_equal(function_of(name)(&out, &in, width, height), POLYP_OK);
        const int difference = largest_difference(out.pixels, expected, image_size(&out));
        if (difference > tolerance) fail_msg("%s: differs by %d levels", line, difference);
        if (difference > largest) largest = difference;
        polyp_image_free(&out);
        count++;
    }
    print_message("# %s: %d sizes, largest difference %d levels\n", wanted, count, largest);
    assert_true(count >= 20);
    file_close(&g.file);
}

static void test_bilinear_is_pil(void **state)
{
    (void)state;
    compare_with_golden("bilinear", 1);
}

static void test_area_is_the_mean(void **state)
{
    (void)state;
    compare_with_golden("area", 0);
}

static void test_nearest_is_the_nearest(void **state)
{
    (void)state;
    compare_with_golden("nearest", 0);
}

static void check(resize_function *resize, const char *in, int in_width, int in_height, const char *out, int width,
                  int height)
{
    const polyp_image image = image_view((const unsigned char *)in, in_width, in_height, 1);
    polyp_image result;
    assert_int_equal(resize(&result, &image, width, height), POLYP_OK);
    assert_int_equal(result.width, width);
    assert_int_equal(result.height, height);
    assert_memory_equal(result.pixels, out, (size_t)(width * height));
    polyp_image_free(&result);
}

static void test_by_hand(void **state)
{
    (void)state;
    /* twice as wide: three quarters of the near, a quarter of the far */
    check(resize_bilinear, "\x00\x64", 2, 1, "\x00\x19\x4b\x64", 4, 1);
    /* half as wide: the triangle reaches 2 pixels to each side and is cut at the edge: (3 a + 3 b + c) / 7 */
    check(resize_bilinear, "\x07\x0e\x15\x1c", 4, 1, "\x0c\x17", 2, 1);
    /* 3 to 2: (2 a + b) / 3 */
    check(resize_area, "\x00\x03\x09", 3, 1, "\x01\x07", 2, 1);
    check(resize_area, "\x00\xff\xff\xff", 2, 2, "\xbf", 1, 1); /* 191.25 */
    check(resize_area, "\x00\x01", 2, 1, "\x01", 1, 1);         /* a half goes up */
    check(resize_nearest, "\x01\x02\x03", 3, 1, "\x02", 1, 1);
    check(resize_nearest, "\x01\x02", 2, 1, "\x02", 1, 1); /* between two: the later one */
    check(resize_nearest, "\x01\x02", 1, 2, "\x01\x01\x02\x02", 1, 4);
}

static void test_one_level_stays_one_level(void **state)
{
    (void)state;
    unsigned char pixels[37 * 23 * 3];
    memset(pixels, 255, sizeof pixels); /* weights that sum to less than one would show here */
    const polyp_image in = image_view(pixels, 37, 23, 3);
    for (int size = 1; size < 90; size += 7) {
        polyp_image out;
        assert_int_equal(resize_bilinear(&out, &in, size, 91 - size), POLYP_OK);
        for (size_t i = 0; i < image_size(&out); i++) assert_int_equal(out.pixels[i], 255);
        polyp_image_free(&out);
    }
}

/* The bytes of one channel. */
static polyp_image plane_of(const polyp_image *in, int channel)
{
    polyp_image plane;
    assert_int_equal(image_create(&plane, in->width, in->height, 1), POLYP_OK);
    for (size_t i = 0; i < image_size(&plane); i++)
        plane.pixels[i] = in->pixels[i * (size_t)in->channels + (size_t)channel];
    return plane;
}

/* What is vectorised over channels or strips is what the plain loop over one channel gives; buffers that held other sizes
 * change nothing. */
static void test_channels_and_kept_buffers_change_nothing(void **state)
{
    (void)state;
    static const int sizes[][4] = {{1, 1, 1, 1},     {1, 1, 5, 3},  {5, 3, 1, 1},    {64, 64, 32, 32}, {3, 200, 7, 31},
                                   {622, 53, 25, 9}, {61, 64, 64, 61}, {16, 4, 16, 9}, {16, 4, 33, 4},   {1350, 40, 256, 41}};
    resize_kept kept = {0};
    polyp_image out = {0};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (int channels = 3; channels <= 4; channels++) {
            polyp_image in;
            random_stream r = random_open(i, RANDOM_TEST, 0, 0);
            assert_int_equal(image_create(&in, sizes[i][0], sizes[i][1], channels), POLYP_OK);
            for (size_t k = 0; k < image_size(&in); k++) in.pixels[k] = (unsigned char)random_next(&r);
            assert_int_equal(resize_bilinear_into(&out, &in, sizes[i][2], sizes[i][3], &kept), POLYP_OK);
            for (int c = 0; c < channels; c++) {
                polyp_image plane = plane_of(&in, c), got = plane_of(&out, c), wanted;
                assert_int_equal(resize_bilinear(&wanted, &plane, sizes[i][2], sizes[i][3]), POLYP_OK);
                assert_memory_equal(got.pixels, wanted.pixels, image_size(&wanted));
                polyp_image_free(&plane);
                polyp_image_free(&got);
                polyp_image_free(&wanted);
            }
            polyp_image_free(&in);
        }
    }
    const polyp_image in = image_view((const unsigned char *)"abcdef", 3, 2, 1);
    assert_int_equal(resize_bilinear_into(&out, &in, 0, 4, &kept), POLYP_ERR_SIZE);
    assert_null(out.pixels);
    resize_kept_free(&kept);
}

static void test_refusals(void **state)
{
    (void)state;
    resize_function *const all[] = {resize_bilinear, resize_area, resize_nearest};
    const polyp_image in = image_view((const unsigned char *)"abcdef", 3, 2, 1);
    for (size_t i = 0; i < 3; i++) {
        polyp_image out = {0};
        assert_int_equal(all[i](&out, &in, 0, 4), POLYP_ERR_SIZE);
        assert_int_equal(all[i](&out, &in, 4, -4), POLYP_ERR_SIZE);
        assert_int_equal(all[i](&out, &in, 50000, 50000), POLYP_ERR_SIZE);
        assert_null(out.pixels);
    }
}

static void test_every_failing_allocation_is_reported(void **state)
{
    (void)state;
    resize_function *const all[] = {resize_bilinear, resize_area, resize_nearest};
    const polyp_image in = image_view((const unsigned char *)"abcdef", 3, 2, 1);
    for (size_t i = 0; i < 3; i++) {
        status result = POLYP_ERR_MEMORY;
        for (size_t k = 1; result != POLYP_OK; k++) {
            polyp_image out = {0};
            memory_fail_at(k);
            result = all[i](&out, &in, 5, 7);
            if (result != POLYP_OK) assert_int_equal(result, POLYP_ERR_MEMORY);
            polyp_image_free(&out);
        }
        memory_fail_at(0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bilinear_is_pil),
        cmocka_unit_test(test_area_is_the_mean),
        cmocka_unit_test(test_nearest_is_the_nearest),
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_one_level_stays_one_level),
        cmocka_unit_test(test_channels_and_kept_buffers_change_nothing),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_every_failing_allocation_is_reported),
    };
    return cmocka_run_group_tests_name("resize", tests, NULL, NULL);
}
