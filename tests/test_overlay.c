/* Overlays: small masks worked by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "media/overlay.h"
#include "media_help.h"

/* Draws a mask given as rows of '#' and '.' over a grey 100 picture and compares, letter by letter:
 * O colour of the outline, t tinted, '.' untouched. */
static void check(const char *mask_text, const char *expected, int width, int height, const overlay_style *style)
{
    polyp_image picture, mask;
    assert_int_equal(image_create(&picture, width, height, 3), POLYP_OK);
    assert_int_equal(image_create(&mask, width, height, 1), POLYP_OK);
    memset(picture.pixels, 100, image_size(&picture));
    for (size_t i = 0; i < image_size(&mask); i++)
        mask.pixels[i] = mask_text[i] == '#' ? 128 : 127; /* the rule: > 127 */
    assert_int_equal(overlay_draw(&picture, &mask, style), POLYP_OK);
    char seen[256] = "";
    for (size_t i = 0; i < image_size(&mask); i++) {
        const unsigned char *const p = picture.pixels + 3 * i;
        const bool outline = p[0] == style->red && p[1] == style->green && p[2] == style->blue;
        const bool tinted = p[0] == 125 && p[1] == 75 && p[2] == 100; /* a quarter of the way to 200, 0, 100 */
        const bool untouched = p[0] == 100 && p[1] == 100 && p[2] == 100;
        seen[i] = outline ? 'O' : tinted ? 't' : untouched ? '.' : '?';
    }
    assert_string_equal(seen, expected);
    polyp_image_free(&picture);
    polyp_image_free(&mask);
}

/* clang-format off */

static const char square[] = "......."
                             ".#####."
                             ".#####."
                             ".#####."
                             ".#####."
                             ".#####."
                             ".......";

static overlay_style style_of(int outline)
{
    return (overlay_style){.red = 200, .green = 0, .blue = 100, .tint = 0.25, .outline = outline};
}

static void test_tint_alone(void **state)
{
    (void)state;
    const overlay_style style = style_of(0);
    check(square, "......."
                  ".ttttt."
                  ".ttttt."
                  ".ttttt."
                  ".ttttt."
                  ".ttttt."
                  ".......", 7, 7, &style);
}

static void test_outline_of_one_lies_inside(void **state)
{
    (void)state;
    const overlay_style style = style_of(1);
    check(square, "......."
                  ".OOOOO."
                  ".OtttO."
                  ".OtttO."
                  ".OtttO."
                  ".OOOOO."
                  ".......", 7, 7, &style);
}

static void test_outline_of_two_lies_on_both_sides(void **state)
{
    (void)state;
    const overlay_style style = style_of(2);
    check(square, ".OOOOO."
                  "OOOOOOO"
                  "OOtttOO"
                  "OOtttOO"
                  "OOtttOO"
                  "OOOOOOO"
                  ".OOOOO.", 7, 7, &style);
}

static void test_outline_of_three(void **state)
{
    (void)state;
    const overlay_style style = style_of(3);
    check(square, ".OOOOO."
                  "OOOOOOO"
                  "OOOOOOO"
                  "OOOtOOO"
                  "OOOOOOO"
                  "OOOOOOO"
                  ".OOOOO.", 7, 7, &style);
}

static void test_the_edge_of_the_picture_is_no_border(void **state)
{
    (void)state;
    const overlay_style style = style_of(1);
    check("###.."
          "###.."
          "###..", "ttO.."
                   "ttO.."
                   "ttO..", 5, 3, &style);
    check("####", "tttt", 2, 2, &style);
    check("....", "....", 2, 2, &style);
    check("#", "t", 1, 1, &style);
    check(".#.", ".O.", 3, 1, &style);
}

/* clang-format on */

static void test_width_follows_the_picture_when_not_given(void **state)
{
    (void)state;
    polyp_image picture, mask;
    assert_int_equal(image_create(&picture, 900, 20, 3), POLYP_OK);
    assert_int_equal(image_create(&mask, 900, 20, 1), POLYP_OK);
    for (size_t i = 0; i < image_size(&mask); i++) mask.pixels[i] = i % 900 < 450 ? 255 : 0;
    const overlay_style style = overlay_truth();
    assert_true(style.outline < 0);
    assert_int_equal(overlay_draw(&picture, &mask, &style), POLYP_OK);
    int white = 0;
    for (int x = 0; x < 900; x++) white += picture.pixels[(10 * 900 + x) * 3] == 255;
    assert_int_equal(white, 3); /* 1 + 900 / 400 */
    polyp_image_free(&picture);
    polyp_image_free(&mask);
}

static void test_refusals(void **state)
{
    (void)state;
    polyp_image picture, mask;
    overlay_style style = overlay_prediction();
    assert_int_equal(image_create(&picture, 4, 3, 3), POLYP_OK);
    assert_int_equal(image_create(&mask, 4, 3, 1), POLYP_OK);
    assert_int_equal(overlay_draw(&picture, &picture, &style), POLYP_ERR_ARGUMENT);
    assert_int_equal(overlay_draw(&mask, &mask, &style), POLYP_ERR_ARGUMENT);
    memory_fail_at(1);
    assert_int_equal(overlay_draw(&picture, &mask, &style), POLYP_ERR_MEMORY);
    memory_fail_at(0);
    style.tint = 1.5;
    assert_int_equal(overlay_draw(&picture, &mask, &style), POLYP_ERR_ARGUMENT);
    style.tint = 0.5;
    mask.width = 3;
    mask.height = 4;
    assert_int_equal(overlay_draw(&picture, &mask, &style), POLYP_ERR_SIZE);
    polyp_image_free(&picture);
    polyp_image_free(&mask);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tint_alone),
        cmocka_unit_test(test_outline_of_one_lies_inside),
        cmocka_unit_test(test_outline_of_two_lies_on_both_sides),
        cmocka_unit_test(test_outline_of_three),
        cmocka_unit_test(test_the_edge_of_the_picture_is_no_border),
        cmocka_unit_test(test_width_follows_the_picture_when_not_given),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests_name("overlay", tests, NULL, NULL);
}
