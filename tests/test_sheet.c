/* Canvas and contact sheets: sizes, colours where they should be, text that stays in its place. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "media/canvas.h"
#include "media/sheet.h"
#include "media_help.h"

/* Text falls back where the build has no Cairo: those tests are skipped, one of them holds the sentence. */
#define NEED_CANVAS() \
    if (!canvas_available()) skip()

static polyp_image grey_picture(int width, int height)
{
    polyp_image picture;
    assert_int_equal(image_create(&picture, width, height, 3), POLYP_OK);
    memset(picture.pixels, 100, image_size(&picture));
    return picture;
}

/* A polyp between two columns, over the middle half of the rows. */
static polyp_image box_mask(int width, int height, int left, int right)
{
    polyp_image mask;
    assert_int_equal(image_create(&mask, width, height, 1), POLYP_OK);
    for (int y = height / 4; y < 3 * height / 4; y++)
        for (int x = left; x < right; x++) mask.pixels[y * width + x] = 255;
    return mask;
}

static const unsigned char *pixel_at(const polyp_image *picture, int x, int y)
{
    return picture->pixels + 3 * ((size_t)y * (size_t)picture->width + (size_t)x);
}

static bool is_colour(const unsigned char *pixel, int red, int green, int blue)
{
    return pixel[0] == red && pixel[1] == green && pixel[2] == blue;
}

#define TRUTH      240, 228, 66
#define PREDICTION 86, 180, 233

/* How many pixels of a rectangle are not white. */
static size_t inked(const polyp_image *picture, int left, int top, int right, int bottom)
{
    size_t count = 0;
    for (int y = top; y < bottom; y++)
        for (int x = left; x < right; x++) count += !is_colour(pixel_at(picture, x, y), 255, 255, 255);
    return count;
}

/* ---- canvas ----------------------------------------------------------------------------------------- */

static void test_areas_and_lines_land_where_told(void **state)
{
    (void)state;
    NEED_CANVAS();
    canvas *c;
    polyp_image picture;
    const double across[] = {0, 20.5, 15, 20.5, (double)NAN, 0, 25, 20.5, 40, 20.5};
    const canvas_pen pen = {{0, 0, 255}, 1.0, 0.0};
    assert_int_equal(canvas_create(&c, CANVAS_PICTURE, 40, 30, 1), POLYP_OK);
    canvas_area(c, 5, 6, 10, 4, (canvas_colour){255, 0, 0});
    canvas_line(c, across, 5, &pen);
    assert_int_equal(canvas_finish_picture(&picture, c), POLYP_OK);
    assert_true(picture.width == 40 && picture.height == 30 && picture.channels == 3);
    assert_true(is_colour(pixel_at(&picture, 5, 6), 255, 0, 0) && is_colour(pixel_at(&picture, 14, 9), 255, 0, 0));
    assert_true(is_colour(pixel_at(&picture, 4, 6), 255, 255, 255));
    assert_true(is_colour(pixel_at(&picture, 15, 9), 255, 255, 255));
    assert_true(is_colour(pixel_at(&picture, 10, 20), 0, 0, 255));
    assert_true(is_colour(pixel_at(&picture, 20, 20), 255, 255, 255)); /* the gap of the point that is none */
    assert_true(is_colour(pixel_at(&picture, 30, 20), 0, 0, 255));
    polyp_image_free(&picture);
    canvas_destroy(c);
}

static void test_text_is_cut_to_its_width(void **state)
{
    (void)state;
    NEED_CANVAS();
    canvas *c;
    polyp_image picture;
    const canvas_font font = {12.0, false, {0, 0, 0}};
    assert_int_equal(canvas_create(&c, CANVAS_PICTURE, 300, 60, 1), POLYP_OK);
    const double width = canvas_text_width(c, "a line of words", &font);
    assert_true(width > 60.0 && width < 140.0);
    canvas_text_within(c, 10, 20, 50, "a line of words that has no room", &font);
    canvas_text_within(c, 10, 50, 2, "none", &font);
    assert_int_equal(canvas_finish_picture(&picture, c), POLYP_OK);
    assert_true(inked(&picture, 10, 0, 60, 30) > 40);
    assert_int_equal(inked(&picture, 62, 0, 300, 60), 0);
    polyp_image_free(&picture);
    canvas_destroy(c);
}

/* What is not UTF-8 would end every later call of Cairo. */
static void test_bytes_that_are_no_text(void **state)
{
    (void)state;
    NEED_CANVAS();
    static const char *const bad[] = {"\xff",     "\xc3", "a\xe2\x82",   "\xed\xa0\x80", "\xf5\x80\x80\x80",
                                      "\xc0\xaf", "\x01", "\xe0\x80\x80"};
    const canvas_font font = {12.0, false, {0, 0, 0}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        canvas *c;
        polyp_image picture;
        assert_int_equal(canvas_create(&c, CANVAS_PICTURE, 60, 30, 1), POLYP_OK);
        canvas_text(c, 5, 20, bad[i], CANVAS_LEFT, &font);
        assert_int_equal(canvas_finish_picture(&picture, c), POLYP_OK);
        assert_true(inked(&picture, 0, 0, 60, 30) > 5); /* a question mark */
        polyp_image_free(&picture);
        canvas_destroy(c);
    }
}

static char *draw_svg(const char *text, size_t *size)
{
    canvas *c;
    char *svg;
    const canvas_font font = {12.0, false, {0, 0, 0}};
    assert_int_equal(canvas_create(&c, CANVAS_SVG, 200, 50, 1), POLYP_OK);
    canvas_clip(c, 0, 0, 100, 50);
    canvas_dot(c, 99, 20, 10, (canvas_colour){1, 2, 3});
    canvas_unclip(c);
    canvas_text(c, 5, 20, text, CANVAS_LEFT, &font);
    assert_int_equal(canvas_finish_svg(&svg, size, c), POLYP_OK);
    canvas_destroy(c);
    return svg;
}

static void test_equal_drawings_are_equal_svg(void **state)
{
    (void)state;
    NEED_CANVAS();
    size_t sizes[3];
    char *const svg[3] = {draw_svg("one", &sizes[0]), draw_svg("one", &sizes[1]), draw_svg("two", &sizes[2])};
    assert_int_equal(sizes[0], sizes[1]);
    assert_memory_equal(svg[0], svg[1], sizes[0]);
    assert_memory_equal(svg[0], "<?xml", 5);
    assert_memory_equal(svg[0] + sizes[0] - 7, "</svg>\n", 7);
    /* ids differ between drawings that share a page, and every reference has its id */
    const char *const first = strstr(svg[0], "id=\"p"), *const other = strstr(svg[2], "id=\"p");
    assert_non_null(first);
    assert_non_null(other);
    assert_memory_not_equal(first, other, 13);
    for (const char *at = svg[0]; (at = strstr(at, "#p")); at++) {
        char id[64];
        const size_t length = strcspn(at + 1, "\")");
        snprintf(id, sizeof id, "id=\"%.*s\"", (int)length, at + 1);
        assert_non_null(strstr(svg[0], id));
    }
    for (int i = 0; i < 3; i++) memory_free(svg[i]);
}

static void test_canvas_refusals(void **state)
{
    (void)state;
    canvas *c = NULL;
    if (!canvas_available()) {
        assert_int_equal(canvas_create(&c, CANVAS_PICTURE, 10, 10, 1), POLYP_ERR_UNSUPPORTED);
        assert_non_null(strstr(polyp_error(), "built without Cairo"));
        return;
    }
    assert_int_equal(canvas_create(&c, CANVAS_PICTURE, 0, 10, 1), POLYP_ERR_SIZE);
    assert_int_equal(canvas_create(&c, CANVAS_SVG, 10, 40000, 1), POLYP_ERR_SIZE);
    memory_fail_at(1);
    assert_int_equal(canvas_create(&c, CANVAS_PICTURE, 10, 10, 1), POLYP_ERR_MEMORY);
    memory_fail_at(0);
    assert_null(c);
}

/* Any of our own allocations may fail while SVG is gathered. */
static void test_svg_without_memory(void **state)
{
    (void)state;
    NEED_CANVAS();
    status result = POLYP_ERR_MEMORY;
    for (size_t k = 1; result != POLYP_OK; k++) {
        canvas *c;
        char *svg = NULL;
        size_t size;
        assert_int_equal(canvas_create(&c, CANVAS_SVG, 200, 50, 1), POLYP_OK);
        canvas_dot(c, 99, 20, 10, (canvas_colour){1, 2, 3});
        memory_fail_at(k);
        result = canvas_finish_svg(&svg, &size, c);
        memory_fail_at(0);
        assert_true(result == POLYP_OK || (result == POLYP_ERR_MEMORY && !svg));
        memory_free(svg);
        canvas_destroy(c);
        assert_true(k < 1000);
    }
}

/* ---- sheets ----------------------------------------------------------------------------------------- */

static void test_outlines_on_a_sheet(void **state)
{
    (void)state;
    NEED_CANVAS();
    polyp_image picture = grey_picture(400, 320), truth = box_mask(400, 320, 100, 300),
                found = box_mask(200, 160, 20, 75);
    const sheet_tile tiles[] = {
        {&picture, &truth, &truth, "both"}, {&picture, &truth, &found, "apart"}, {&picture, 0, 0, 0}};
    polyp_image sheet;
    assert_int_equal(sheet_draw(&sheet, "three", tiles, 3, 2, 200), POLYP_OK);
    assert_int_equal(sheet.width, 12 + 200 + 8 + 200 + 12);
    /* a tile is 200 x 160 and a caption of 22 stands below it: from the bottom up */
    const int second = sheet.height - 12 - 22 - 160, first = second - 8 - 22 - 160;
    assert_true(first > 30 && first < 70);
    const int row = first + 80;
    /* truth from column 50 to 150 of a tile: four pixels, the inner two of them the prediction's */
    assert_true(is_colour(pixel_at(&sheet, 12 + 48, row), TRUTH) && is_colour(pixel_at(&sheet, 12 + 51, row), TRUTH));
    assert_true(is_colour(pixel_at(&sheet, 12 + 49, row), PREDICTION) &&
                is_colour(pixel_at(&sheet, 12 + 50, row), PREDICTION));
    assert_true(is_colour(pixel_at(&sheet, 12 + 47, row), 100, 100, 100) &&
                is_colour(pixel_at(&sheet, 12 + 100, row), 100, 100, 100));
    /* the second: prediction of another size, from column 20 to 75 */
    assert_true(is_colour(pixel_at(&sheet, 220 + 20, row), PREDICTION) &&
                is_colour(pixel_at(&sheet, 220 + 149, row), TRUTH));
    /* the third has neither */
    for (int x = 0; x < 200; x++) assert_true(is_colour(pixel_at(&sheet, 12 + x, second + 80), 100, 100, 100));
    assert_int_equal(inked(&sheet, 220, second, 420, second + 160), 0);
    /* legend: both colours above the tiles */
    size_t keys[2] = {0};
    for (int y = 0; y < first; y++)
        for (int x = 0; x < sheet.width; x++) {
            keys[0] += is_colour(pixel_at(&sheet, x, y), TRUTH);
            keys[1] += is_colour(pixel_at(&sheet, x, y), PREDICTION);
        }
    assert_true(keys[0] >= 64 && keys[1] >= 64);
    polyp_image_free(&sheet);
    polyp_image_free(&picture);
    polyp_image_free(&truth);
    polyp_image_free(&found);
}

/* Tall, wide, tiny, grey and RGBA pictures all stay inside their tiles. */
static void test_pictures_of_all_shapes_fit(void **state)
{
    (void)state;
    NEED_CANVAS();
    static const int shapes[][3] = {{100, 500, 3}, {500, 60, 1}, {1, 1, 4}, {3000, 10, 3}, {64, 64, 3}};
    enum { COUNT = sizeof shapes / sizeof *shapes };
    polyp_image pictures[COUNT], sheet;
    sheet_tile tiles[COUNT] = {0};
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(image_create(&pictures[i], shapes[i][0], shapes[i][1], shapes[i][2]), POLYP_OK);
        tiles[i].picture = &pictures[i]; /* black */
    }
    assert_int_equal(sheet_draw(&sheet, "", tiles, COUNT, 3, 80), POLYP_OK);
    const int height = 100; /* 1.25 times the width */
    assert_int_equal(sheet.width, 12 + 3 * 80 + 2 * 8 + 12);
    const int second = sheet.height - 12 - height, first = second - 8 - height;
    for (int column = 0; column < 3; column++) {
        const int left = 12 + column * 88;
        assert_int_equal(inked(&sheet, left - 4, first, left, second + height), 0);
        assert_int_equal(inked(&sheet, left + 80, first, left + 84, second + height), 0);
    }
    assert_int_equal(inked(&sheet, 12, first, 92, first + height), 20 * 100);    /* 100 x 500 */
    assert_int_equal(inked(&sheet, 100, first, 180, first + height), 80 * 10);   /* 500 x 60 */
    assert_int_equal(inked(&sheet, 12, second, 92, second + height), 80 * 1);    /* 3000 x 10 */
    assert_int_equal(inked(&sheet, 100, second, 180, second + height), 80 * 80); /* 64 x 64 */
    polyp_image_free(&sheet);
    for (int i = 0; i < COUNT; i++) polyp_image_free(&pictures[i]);
}

static void test_long_words_stay_in_place(void **state)
{
    (void)state;
    NEED_CANVAS();
    polyp_image picture = grey_picture(100, 100), sheet;
    const char words[] = "words that go on and on without an end, far beyond any tile and beyond the sheet";
    const sheet_tile tiles[] = {{&picture, NULL, NULL, words}, {&picture, NULL, NULL, words}};
    assert_int_equal(sheet_draw(&sheet, words, tiles, 2, 2, 120), POLYP_OK);
    assert_int_equal(inked(&sheet, sheet.width - 11, 0, sheet.width, sheet.height), 0);
    assert_int_equal(inked(&sheet, 12 + 121, sheet.height - 31, 12 + 127, sheet.height), 0); /* between two captions */
    assert_true(inked(&sheet, 12, sheet.height - 31, 12 + 120, sheet.height) > 100);
    polyp_image_free(&sheet);
    polyp_image_free(&picture);
}

static void test_a_sheet_as_a_file(void **state)
{
    (void)state;
    NEED_CANVAS();
    static const char *const endings[] = {"png", "jpg", "JPEG"};
    polyp_image picture = grey_picture(90, 60), drawn, read;
    const sheet_tile tile = {&picture, NULL, NULL, "a picture"};
    assert_int_equal(sheet_draw(&drawn, "title", &tile, 1, 4, 160), POLYP_OK);
    for (size_t i = 0; i < 3; i++) {
        char path[64];
        file_bytes bytes;
        snprintf(path, sizeof path, "/tmp/polyp-test-sheet-%d.%s", (int)getpid(), endings[i]);
        assert_int_equal(sheet_write(path, "title", &tile, 1, 4, 160), POLYP_OK);
        assert_int_equal(file_read(&bytes, path, 0), POLYP_OK);
        assert_memory_equal(bytes.data, i == 0 ? "\x89PNG" : "\xff\xd8\xff", i == 0 ? 4 : 3);
        file_close(&bytes);
        assert_int_equal(polyp_image_read(&read, path), POLYP_OK);
        assert_true(read.width == drawn.width && read.height == drawn.height && read.channels == 3);
        if (i == 0) assert_memory_equal(read.pixels, drawn.pixels, image_size(&drawn));
        polyp_image_free(&read);
        unlink(path);
    }
    polyp_image_free(&drawn);
    polyp_image_free(&picture);
}

static void test_sheet_refusals(void **state)
{
    (void)state;
    NEED_CANVAS();
    polyp_image picture = grey_picture(90, 60), sheet = {0};
    const sheet_tile good = {&picture, NULL, NULL, ""}, colour_mask = {&picture, &picture, NULL, ""};
    sheet_tile *many;
    assert_int_equal(sheet_draw(&sheet, "", &good, 0, 1, 100), POLYP_ERR_ARGUMENT);
    assert_int_equal(sheet_draw(&sheet, "", &good, 1, 0, 100), POLYP_ERR_ARGUMENT);
    assert_int_equal(sheet_draw(&sheet, "", &good, 1, 1, 20), POLYP_ERR_ARGUMENT);
    assert_int_equal(sheet_draw(&sheet, "", &colour_mask, 1, 1, 100), POLYP_ERR_ARGUMENT);
    assert_int_equal(memory_new(&many, 1000), POLYP_OK);
    for (size_t i = 0; i < 1000; i++) many[i] = good;
    assert_int_equal(sheet_draw(&sheet, "", many, 1000, 4, 2000), POLYP_ERR_SIZE);
    memory_free(many);
    assert_int_equal(sheet_write("/nowhere/sheet.png", "", &good, 1, 1, 100), POLYP_ERR_FILE);
    status result = POLYP_ERR_MEMORY;
    for (size_t k = 1; result == POLYP_ERR_MEMORY; k++) {
        const sheet_tile tile = {&picture, NULL, NULL, "k-th allocation"};
        memory_fail_at(k);
        result = sheet_draw(&sheet, "title", &tile, 1, 1, 100);
        memory_fail_at(0);
    }
    assert_int_equal(result, POLYP_OK);
    polyp_image_free(&sheet);
    polyp_image_free(&picture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_areas_and_lines_land_where_told),
        cmocka_unit_test(test_text_is_cut_to_its_width),
        cmocka_unit_test(test_bytes_that_are_no_text),
        cmocka_unit_test(test_equal_drawings_are_equal_svg),
        cmocka_unit_test(test_canvas_refusals),
        cmocka_unit_test(test_svg_without_memory),
        cmocka_unit_test(test_outlines_on_a_sheet),
        cmocka_unit_test(test_pictures_of_all_shapes_fit),
        cmocka_unit_test(test_long_words_stay_in_place),
        cmocka_unit_test(test_a_sheet_as_a_file),
        cmocka_unit_test(test_sheet_refusals),
    };
    return cmocka_run_group_tests_name("sheet", tests, NULL, NULL);
}
