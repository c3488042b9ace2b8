/* The contact sheet of a check: which pictures it shows, outlined, pairs side by side; nothing to show, no file. */
#define _GNU_SOURCE /* open_memstream() */

#include "data_help.h"

#include "commands.h"
#include "learn/check.h"
#include "media/canvas.h"
#include "scene_help.h"

enum { TILE = 224, TILE_HEIGHT = 179 /* 256 / 320 of it */ };

static polyp_image box_mask(int level)
{
    polyp_image mask = plain_image(WIDTH, HEIGHT, 1, 0);
    for (int y = 80; y < 180; y++) memset(mask.pixels + y * WIDTH + 100, level, 100);
    return mask;
}

static void put_pair(void **state, const char *name, uint64_t scene)
{
    char path[64];
    (void)snprintf(path, sizeof path, "images/%s.png", name);
    put_png(in(state, path), draw_scene(scene, 0, 0));
    (void)snprintf(path, sizeof path, "masks/%s.png", name);
    put_png(in(state, path), box_mask(255));
}

static polyp_status check(void **state, const char *sheet, char **text)
{
    const char *const folder = *state;
    size_t size;
    check_result found;
    FILE *const to = open_memstream(text, &size);
    const check_options o = {.folders = &folder, .folder_count = 1, .sheet = sheet, .threads = 2};
    const polyp_status result = command_check(&found, &o, to);
    assert_int_equal(fclose(to), 0);
    return result;
}

/* Pixels of the outline's yellow in the rectangle. */
static int count_yellow(const polyp_image *p, int left, int top, int width, int height)
{
    int count = 0;
    for (int y = top; y < top + height; y++) {
        for (int x = left; x < left + width; x++) {
            const unsigned char *const c = p->pixels + (y * p->width + x) * 3;
            count += abs(c[0] - 240) < 12 && abs(c[1] - 228) < 12 && abs(c[2] - 66) < 12;
        }
    }
    return count;
}

/* The tile that begins there looks like `picture`. */
static double difference(const polyp_image *sheet, int left, int top, polyp_image picture)
{
    polyp_image small;
    double sum = 0;
    assert_ok(resize_bilinear(&small, &picture, TILE, TILE_HEIGHT));
    for (int y = 4; y < 40; y++) { /* above the outline */
        for (int x = 0; x < 3 * TILE; x++)
            sum += abs(sheet->pixels[((top + y) * sheet->width + left) * 3 + x] - small.pixels[y * TILE * 3 + x]);
    }
    polyp_image_free(&small);
    polyp_image_free(&picture);
    return sum / (36 * 3 * TILE);
}

/* a and b are one frame in two lists; c has no mask; d's mask is refused; e's picture cannot be read. */
static void make_set(void **state)
{
    put_pair(state, "a", 1);
    put_pair(state, "b", 1);
    put_png(in(state, "images/c.png"), draw_scene(3, 0, 0));
    put_png(in(state, "images/d.png"), draw_scene(4, 0, 0));
    put_png(in(state, "masks/d.png"), plain_image(WIDTH, HEIGHT, 1, 100));
    put(in(state, "images/e.png"), "no picture");
    put_png(in(state, "masks/e.png"), box_mask(255));
    put(in(state, "splits/train.txt"), "a\nc\nd\n");
    put(in(state, "splits/val.txt"), "b\ne\n");
}

static void test_what_is_shown(void **state)
{
    char *text;
    polyp_image sheet;
    if (!canvas_available()) skip();
    make_set(state);
    assert_ok(check(state, in(state, "sheet.png"), &text));
    assert_null(strstr(text, "not written"));
    free(text);
    assert_ok(image_read(&sheet, in(state, "sheet.png")));
    /* one row: no-mask c; unreadable e, as its mask; mask-levels d, as its mask; leak b and a */
    const int step = TILE + 8, left = 12;
    assert_true(sheet.width == 2 * 12 + 5 * TILE + 4 * 8);
    int top = 0; /* of the row: where c's picture fits best */
    double least = 256;
    for (int y = 20; y + TILE_HEIGHT < sheet.height; y++) {
        const double d = difference(&sheet, left, y, draw_scene(3, 0, 0));
        if (d < least) least = d, top = y;
    }
    assert_true(least < 1);
    assert_true(difference(&sheet, left + 3 * step, top, draw_scene(1, 0, 0)) < 1);
    assert_true(difference(&sheet, left + 4 * step, top, draw_scene(1, 0, 0)) < 1);
    assert_true(difference(&sheet, left + step, top, plain_image(WIDTH, HEIGHT, 3, 0)) < 1);
    assert_true(difference(&sheet, left + 2 * step, top, plain_image(WIDTH, HEIGHT, 3, 100)) < 1);
    for (int i = 0; i < 5; i++) {
        const int yellow = count_yellow(&sheet, left + i * step, top, TILE, TILE_HEIGHT);
        if (i < 3) assert_int_equal(yellow, 0);
        else assert_true(yellow > 200 && yellow < 1600); /* an outline of 70 x 70 */
    }
    polyp_image_free(&sheet);
}

static void test_nothing_to_show(void **state)
{
    char *text;
    if (!canvas_available()) skip();
    put_pair(state, "a", 1);
    put_pair(state, "b", 2);
    assert_ok(check(state, in(state, "sheet.png"), &text));
    assert_non_null(strstr(text, "sheet.png: not written, no finding shows a picture"));
    assert_false(file_exists(in(state, "sheet.png")));
    free(text);
}

static void test_many_findings(void **state)
{
    size_t shown;
    check_report *r;
    polyp_image sheet;
    const char *const folder = *state;
    if (!canvas_available()) skip();
    for (int i = 0; i < 9; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "images/c%d.png", i);
        put_png(in(state, name), draw_scene((uint64_t)i, 0, 0));
    }
    put_pair(state, "good", 20);
    assert_ok(check_run(&r, &(check_settings){.folders = &folder, .folder_count = 1, .threads = 2}));
    assert_int_equal(r->counts[CHECK_NO_MASK], 9);
    assert_ok(check_write_sheet(&shown, in(state, "sheet.jpg"), r, 0));
    assert_int_equal(shown, 6);
    assert_ok(image_read(&sheet, in(state, "sheet.jpg")));
    assert_int_equal(sheet.width, 2 * 12 + 6 * TILE + 5 * 8);
    polyp_image_free(&sheet);
    assert_failed(check_write_sheet(&shown, in(state, "nowhere/sheet.png"), r, 0), POLYP_ERR_FILE, "nowhere");
    check_report_free(r);
}

static void test_without_cairo(void **state)
{
    char *text;
    if (canvas_available()) skip();
    put_pair(state, "a", 1);
    assert_failed(check(state, in(state, "sheet.png"), &text), POLYP_ERR_UNSUPPORTED, "Cairo");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_is_shown, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_nothing_to_show, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_many_findings, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_without_cairo, make_folder, remove_folder),
    };
    return cmocka_run_group_tests_name("check_sheet", tests, NULL, NULL);
}
