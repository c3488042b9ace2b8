/* The data linter: each kind of trouble in a small set, leaks across splits and sets, and the real set's known ones. */
#define _GNU_SOURCE /* open_memstream() */

#include "data_help.h"

#include <jansson.h>
#include <unistd.h>

#include "commands.h"
#include "learn/check_impl.h"
#include "scene_help.h"

/* ---- small sets ---------------------------------------------------------------------------- */

/* A mask of the scene's size: a rectangle of `level` on black. */
static polyp_image box_mask(int width, int height, int left, int top, int right, int bottom, int level)
{
    polyp_image mask = plain_image(width, height, 1, 0);
    for (int y = top; y < bottom; y++) memset(mask.pixels + y * width + left, level, (size_t)(right - left));
    return mask;
}

static polyp_image scene_mask(void)
{
    return box_mask(WIDTH, HEIGHT, 100, 80, 200, 180, 255);
}

/* images/NAME.png and masks/NAME.png, both freed. */
static void put_pair(void **state, const char *name, polyp_image picture, polyp_image mask)
{
    char path[64];
    (void)snprintf(path, sizeof path, "images/%s.png", name);
    put_png(in(state, path), picture);
    (void)snprintf(path, sizeof path, "masks/%s.png", name);
    put_png(in(state, path), mask);
}

/* `count` different scenes s00, s01 ... of which nothing is wrong. */
static void put_good(void **state, int count)
{
    for (int i = 0; i < count; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "s%02d", i);
        put_pair(state, name, draw_scene((uint64_t)i, 0, 0), scene_mask());
    }
}

static check_report *run(const char *folder)
{
    check_report *report = NULL;
    assert_ok(check_run(&report, &(check_settings){.folders = &folder, .folder_count = 1, .threads = 2}));
    return report;
}

/* The only finding of a kind, whose words hold `words`. */
static const check_finding *only(const check_report *r, enum check_kind kind, const char *words)
{
    const check_finding *found = NULL;
    assert_int_equal(r->counts[kind], 1);
    for (size_t i = 0; i < r->finding_count; i++)
        if (r->findings[i].kind == kind) found = &r->findings[i];
    assert_non_null(found);
    if (!strstr(found->words, words)) fail_msg("'%s' does not say '%s'", found->words, words);
    return found;
}

static const check_picture *picture(const check_report *r, const char *stem)
{
    for (size_t i = 0; i < r->count; i++)
        if (strcmp(r->pictures[i].stem, stem) == 0) return &r->pictures[i];
    fail_msg("%s is not there", stem);
    return NULL;
}

/* ---- nothing wrong ------------------------------------------------------------------------- */

static void test_good_set_has_no_findings(void **state)
{
    put_good(state, 6);
    put(in(state, "splits/train.txt"), "s00\ns01\n# a comment\n\ns02.png\r\ns03\n");
    put(in(state, "splits/val.txt"), "\xef\xbb\xbfs04\ns05\n");
    check_report *const r = run(*state);
    assert_int_equal(r->finding_count, 0);
    assert_int_equal(r->count, 6);
    assert_int_equal(r->split_count, 3);
    assert_int_equal(r->splits[1].count, 4);
    assert_int_equal(r->splits[2].count, 2);
    const check_picture *const p = picture(r, "s03");
    assert_true(p->image_read && p->mask_read && p->mask_good);
    assert_int_equal(p->width, WIDTH);
    assert_int_equal(p->parts, 1);
    assert_near(p->polyp_share, 10000.0 / (WIDTH * HEIGHT), 1e-12);
    check_facts f;
    assert_ok(check_facts_of(&f, r, 1));
    assert_int_equal(f.pictures, 4);
    assert_near(f.share_50, p->polyp_share, 1e-12);
    assert_near(f.width, WIDTH, 0);
    check_report_free(r);
}

static void test_no_folder_fails(void **state)
{
    check_report *r = NULL;
    const char *folder = in(state, "nothing");
    const check_settings one = {.folders = &folder, .folder_count = 1, .threads = 1};
    assert_failed(check_run(&r, &one), POLYP_ERR_FILE, "no such folder");
    assert_ok(folder_create(in(state, "images")));
    folder = *state;
    assert_failed(check_run(&r, &one), POLYP_ERR_FILE, "masks: no such folder");
    assert_ok(folder_create(in(state, "masks")));
    assert_failed(check_run(&r, &one), POLYP_ERR_FORMAT, "hold no pictures");
    assert_failed(check_run(&r, &(check_settings){0}), POLYP_ERR_ARGUMENT, "no folder");
    assert_null(r);
}

/* ---- files --------------------------------------------------------------------------------- */

static void test_files_that_are_wrong(void **state)
{
    put_good(state, 2);
    put_png(in(state, "images/alone.png"), draw_scene(20, 0, 0));
    put_png(in(state, "masks/lost.png"), scene_mask());
    put_jpeg(in(state, "images/s01.jpg"), draw_scene(21, 0, 0), 90);
    put(in(state, "images/Thumbs.db"), "not a picture");
    put_pair(state, "bad", draw_scene(22, 0, 0), scene_mask());
    put(in(state, "images/bad.png"), "not a picture either");
    put_pair(state, "worse", draw_scene(23, 0, 0), scene_mask());
    put(in(state, "masks/worse.png"), "");
    put_pair(state, "size", draw_scene(24, 0, 0), box_mask(WIDTH, HEIGHT - 1, 10, 10, 60, 60, 255));
    check_report *const r = run(*state);
    only(r, CHECK_NO_MASK, "images/alone.png");
    only(r, CHECK_NO_PICTURE, "masks/lost.png");
    only(r, CHECK_SAME_STEM, "s01.png");
    only(r, CHECK_OTHER_FILES, "Thumbs.db");
    only(r, CHECK_SIZE, "320 x 255");
    assert_int_equal(r->counts[CHECK_UNREADABLE], 2);
    assert_int_equal(r->level_counts[CHECK_ERROR], 6);
    assert_int_equal(r->finding_count, 7);
    assert_false(picture(r, "size")->mask_good);
    assert_false(picture(r, "bad")->image_read);
    assert_true(picture(r, "bad")->mask_read);
    check_report_free(r);
}

static polyp_image coloured_mask(void)
{
    polyp_image grey = scene_mask();
    polyp_image mask = plain_image(WIDTH, HEIGHT, 3, 0);
    for (size_t i = 0; i < (size_t)WIDTH * HEIGHT; i++)
        if (grey.pixels[i]) memcpy(mask.pixels + 3 * i, (unsigned char[]){255, 255, 140}, 3);
    polyp_image_free(&grey);
    return mask;
}

static void test_masks_that_are_odd(void **state)
{
    put_good(state, 1);
    put_pair(state, "empty", draw_scene(30, 0, 0), plain_image(WIDTH, HEIGHT, 1, 0));
    put_pair(state, "full", draw_scene(31, 0, 0), plain_image(WIDTH, HEIGHT, 1, 255));
    put_pair(state, "ones", draw_scene(32, 0, 0), box_mask(WIDTH, HEIGHT, 10, 10, 90, 90, 1));
    put_pair(state, "grey", draw_scene(33, 0, 0), box_mask(WIDTH, HEIGHT, 10, 10, 200, 200, 100));
    put_pair(state, "classes", draw_scene(34, 0, 0), box_mask(WIDTH, HEIGHT, 10, 10, 90, 90, 3));
    put_pair(state, "colour", draw_scene(35, 0, 0), coloured_mask());
    put_pair(state, "noise", draw_scene(36, 0, 0), box_mask(WIDTH, HEIGHT, 10, 10, 90, 90, 251));
    polyp_image speck = scene_mask();
    speck.pixels[0] = 255;
    put_pair(state, "speck", draw_scene(37, 0, 0), speck);
    check_report *const r = run(*state);
    only(r, CHECK_MASK_EMPTY, "empty");
    only(r, CHECK_MASK_FULL, "100.0 %");
    only(r, CHECK_MASK_ONES, "ones");
    only(r, CHECK_MASK_COLOUR, "colour");
    only(r, CHECK_SPECKS, "1 of its 2 parts, the largest 1 pixel at 0, 0");
    assert_int_equal(r->counts[CHECK_MASK_LEVELS], 2);
    assert_int_equal(r->counts[CHECK_MASK_NOISE], 2); /* noise, and the colours' grey */
    assert_int_equal(r->finding_count, 9);
    assert_false(picture(r, "classes")->mask_good);
    assert_true(picture(r, "ones")->mask_good);
    check_report_free(r);
}

/* A JPEG whose EXIF says "turn by a quarter". */
static void put_turned_jpeg(const char *path, polyp_image picture)
{
    static const unsigned char exif[] = {0xff, 0xe1, 0,    34,   'E', 'x', 'i', 'f', 0, 0, 'M', 'M', 0, 42, 0, 0, 0, 8,
                                         0,    1,    0x01, 0x12, 0,   3,   0,   0,   0, 1, 0,   6,   0, 0,  0, 0, 0, 0};
    unsigned char *bytes;
    size_t size;
    assert_ok(image_encode_jpeg(&bytes, &size, &picture, 95));
    unsigned char *const all = memory_allocate(size + sizeof exif, 1);
    memcpy(all, bytes, 2);
    memcpy(all + 2, exif, sizeof exif);
    memcpy(all + 2 + sizeof exif, bytes + 2, size - 2);
    put(path, "");
    assert_ok(file_replace(path, all, size + sizeof exif));
    memory_free(all);
    memory_free(bytes);
    polyp_image_free(&picture);
}

static polyp_image with_black_corner(polyp_image picture)
{
    for (int y = HEIGHT - 80; y < HEIGHT; y++) memset(picture.pixels + (size_t)y * WIDTH * 3, 4, 3 * 90);
    return picture;
}

/* The corners of an octagonal view, black. */
static polyp_image with_octagon(polyp_image picture)
{
    for (int y = 0; y < HEIGHT; y++) {
        const int edge = y < HEIGHT / 2 ? y : HEIGHT - 1 - y, cut = 70 - edge;
        if (cut <= 0) continue;
        unsigned char *const row = picture.pixels + (size_t)y * WIDTH * 3;
        memset(row, 4, (size_t)cut * 3);
        memset(row + (size_t)(WIDTH - cut) * 3, 4, (size_t)cut * 3);
    }
    return picture;
}

static void test_pictures_that_are_odd(void **state)
{
    put_good(state, 1);
    polyp_image screen = on_screen(draw_scene(40, 0, 0));
    const int width = screen.width, height = screen.height;
    put_pair(state, "screen", screen, box_mask(width, height, 100, 80, 200, 180, 255));
    put_pair(state, "blank", plain_image(WIDTH, HEIGHT, 3, 90), scene_mask());
    polyp_image grey = {0}, scene = draw_scene(41, 0, 0);
    assert_ok(image_to_grey(&grey, &scene));
    polyp_image_free(&scene);
    put_pair(state, "grey", grey, scene_mask());
    put_pair(state, "corner", with_black_corner(with_octagon(draw_scene(42, 0, 0))), scene_mask());
    put_pair(state, "octagon", with_octagon(draw_scene(43, 0, 0)), scene_mask());
    put_turned_jpeg(in(state, "images/turned.jpg"), draw_scene(44, 0, 0));
    put_png(in(state, "masks/turned.png"), box_mask(HEIGHT, WIDTH, 50, 60, 150, 160, 255));
    check_report *const r = run(*state);
    only(r, CHECK_BORDER, "screen: 40 left, 20 right");
    const check_picture *const p = picture(r, "screen");
    only(r, CHECK_BOX, "screen: 90 x 65 at 40, 210");
    assert_int_equal(p->box.left, 40);
    only(r, CHECK_BLANK, "blank");
    only(r, CHECK_GREY, "grey");
    only(r, CHECK_BLANKED_BOX, "corner: 90 x 8");
#ifdef HAVE_EXIF
    only(r, CHECK_TURNED, "turned: the picture's orientation is 6, the mask's 1");
    assert_int_equal(picture(r, "turned")->width, HEIGHT);
    assert_int_equal(r->counts[CHECK_SIZE], 0);
    assert_int_equal(r->finding_count, 6);
#endif
    check_report_free(r);
}

/* ---- splits -------------------------------------------------------------------------------- */

static void test_lists_that_are_wrong(void **state)
{
    put_good(state, 4);
    put(in(state, "splits/a.txt"), "s00\ns09\ns00\n");
    put(in(state, "splits/b.txt"), "# nothing\n");
    put(in(state, "splits/c.txt"), "s01\ns02\ns00\n");
    assert_ok(file_replace(in(state, "splits/d.txt"), "a\0b", 3));
    check_report *const r = run(*state);
    assert_int_equal(r->counts[CHECK_LIST], 4);
    assert_non_null(strstr(r->findings[0].words, "a.txt:2: s09 is not there"));
    assert_non_null(strstr(r->findings[1].words, "a.txt:3: s00 is named twice"));
    assert_non_null(strstr(r->findings[2].words, "b.txt: names no picture"));
    assert_non_null(strstr(r->findings[3].words, "d.txt: not a text file"));
    only(r, CHECK_NO_SPLIT, "s03");
    assert_int_equal(r->finding_count, 5); /* a lies within c, so it is a part of it */
    check_report_free(r);
}

static void test_negatives_and_groups(void **state)
{
    put_good(state, 5);
    put_png(in(state, "images/none.png"), draw_scene(60, 0, 0));
    put(in(state, "negatives.txt"), "none\ns00\nnowhere\n");
    put(in(state, "groups.csv"), "stem,group\ns01,patient 1\ns02,patient 1\ns03,\ns04,patient 1\nnone,\n");
    put(in(state, "splits/train.txt"), "s00\ns01\nnone\n");
    put(in(state, "splits/val.txt"), "s02\ns03\ns04\n");
    check_report *r = run(*state);
    only(r, CHECK_NEGATIVE, "s00.png");
    only(r, CHECK_LIST, "negatives.txt:3: nowhere is not there");
    only(r, CHECK_GROUP, "s02 (val) and s01 (train) are of one group");
    assert_int_equal(r->finding_count, 3);
    check_report_free(r);
    put(in(state, "groups.csv"), "stem,group\ns09,a\n");
    r = run(*state);
    assert_int_equal(r->counts[CHECK_LIST], 2);
    assert_int_equal(r->counts[CHECK_GROUP], 0);
    check_report_free(r);
}

static void test_ignored_level(void **state)
{
    polyp_image mask = box_mask(WIDTH, HEIGHT, 0, 0, WIDTH, 60, 90);
    for (int y = 100; y < 150; y++) memset(mask.pixels + y * WIDTH + 100, 255, 50);
    put_pair(state, "band", draw_scene(1, 0, 0), mask);
    const char *const folder = *state;
    check_settings s = {.folders = &folder, .folder_count = 1};
    check_report *r = NULL;
    assert_ok(check_run(&r, &s));
    only(r, CHECK_MASK_LEVELS, "lie between black and white");
    check_report_free(r);
    s.ignore = 90;
    assert_ok(check_run(&r, &s));
    assert_int_equal(r->counts[CHECK_MASK_LEVELS], 0);
    assert_near(r->pictures[0].polyp_share, 2500.0 / (WIDTH * HEIGHT), 1e-12);
    check_report_free(r);
}

/* The same frame in both lists; one frame twice in one; masks that disagree; one stem in both. */
static void test_leaks_across_splits(void **state)
{
    put_good(state, 8);
    put_pair(state, "t0", draw_scene(5, 0, 0), box_mask(WIDTH, HEIGHT, 100, 80, 200, 130, 255));
    put_jpeg(in(state, "images/t1.jpg"), draw_scene(6, 4, 5), 60);
    put_png(in(state, "masks/t1.png"), scene_mask());
    put_pair(state, "u0", draw_scene(1, 0, 0), scene_mask());
    put(in(state, "splits/train.txt"), "s00\ns01\ns02\ns03\nu0\nt0\ns07\n");
    put(in(state, "splits/val.txt"), "s04\ns05\ns06\ns07\n");
    put(in(state, "splits/test.txt"), "t1\n");
    check_report *const r = run(*state);
    assert_int_equal(r->counts[CHECK_LEAK], 2);
    const check_finding *const exact = &r->findings[1], *const near = &r->findings[2];
    only(r, CHECK_OVERLAP, "s07 is in val and in train");
    assert_int_equal(near->kind, CHECK_LEAK);
    assert_non_null(strstr(exact->words, "t1 (test) is s06 (val): nearly the same"));
    assert_non_null(strstr(near->words, "s05 (val) is t0 (train): the same pixels, distance 0.0"));
    assert_true(near->exact);
    assert_near(near->jaccard, 0.5, 0.02);
    assert_false(exact->exact);
    assert_near(exact->jaccard, 1, 0);
    only(r, CHECK_MASKS_DISAGREE, "Jaccard 0.50");
    only(r, CHECK_DUPLICATE, "u0 is s01: the same pixels");
    check_report_free(r);
}

static void test_folds_are_compared_with_their_own(void **state)
{
    put_good(state, 4);
    put_pair(state, "x", draw_scene(0, 0, 0), scene_mask());
    put(in(state, "splits/fold0.train.txt"), "s00\nx\ns01\n");
    put(in(state, "splits/fold0.valid.txt"), "s02\ns03\n");
    put(in(state, "splits/fold1.train.txt"), "s02\ns03\ns00\n");
    put(in(state, "splits/fold1.valid.txt"), "x\ns01\n");
    put(in(state, "splits/train.txt"), "s00\ns01\ns02\n");
    check_report *const r = run(*state);
    assert_true(check_compared(r, 1, 2));
    assert_false(check_compared(r, 1, 3));
    assert_false(check_compared(r, 1, 5));
    assert_false(check_compared(r, 0, 1));
    only(r, CHECK_LEAK, "x (fold1.valid) is s00 (fold1.train)");
    assert_int_equal(r->finding_count, 1);
    check_report_free(r);
}

static void test_sets_are_compared(void **state)
{
    for (int set = 0; set < 2; set++) {
        for (int i = 0; i < 3; i++) {
            char image[64], mask[64];
            (void)snprintf(image, sizeof image, "%s/%s/p%d.png", set ? "second" : "first", set ? "image" : "images", i);
            (void)snprintf(mask, sizeof mask, "%s/%s/p%d.png", set ? "second" : "first", set ? "mask" : "masks", i);
            put_png(in(state, image), draw_scene((uint64_t)(i + 2 * set), 0, 0));
            put_png(in(state, mask), scene_mask());
        }
    }
    char first[512], second[512];
    (void)snprintf(first, sizeof first, "%s/", in(state, "first"));
    (void)snprintf(second, sizeof second, "%s", in(state, "second"));
    const char *const folders[] = {first, second};
    check_report *r = NULL;
    assert_ok(check_run(&r, &(check_settings){.folders = folders, .folder_count = 2, .threads = 2}));
    only(r, CHECK_LEAK, "p0 (second) is p2 (first)");
    assert_int_equal(r->finding_count, 1);
    check_report_free(r);
}

/* Twenty of forty with borders against none of forty; polyps of other sizes. */
static void test_make_up_differs(void **state)
{
    file_writer *train, *val;
    assert_ok(folder_create(in(state, "splits")));
    assert_ok(file_create(&train, in(state, "splits/train.txt")));
    assert_ok(file_create(&val, in(state, "splits/val.txt")));
    random_stream r = random_open(3, RANDOM_TEST, 0, 0);
    for (int i = 0; i < 80; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "p%02d", i);
        polyp_image p = plain_image(64, 48, 3, 0);
        const int border = i >= 60 ? 8 : 0;
        for (int y = 0; y < 48; y++)
            for (int x = border; x < 64; x++)
                for (int c = 0; c < 3; c++)
                    p.pixels[(y * 64 + x) * 3 + c] = (unsigned char)(60 + random_below(&r, 190));
        put_pair(state, name, p, box_mask(64, 48, 20, 10, i < 40 ? 30 : 50, 20 + i % 5, 255));
        assert_ok(file_print(i < 40 ? train : val, "%s\n", name));
    }
    assert_ok(file_commit(train));
    assert_ok(file_commit(val));
    check_report *const report = run(*state);
    assert_int_equal(report->counts[CHECK_MAKE_UP], 2);
    size_t first = 0;
    while (report->findings[first].kind != CHECK_MAKE_UP) first++;
    assert_non_null(
        strstr(report->findings[first].words, "black borders: 0.0 % of train (0 of 40), 50.0 % of val (20 of 40)"));
    assert_non_null(strstr(report->findings[first + 1].words, "the polyp's share"));
    check_report_free(report);
}

/* ---- what comes out ------------------------------------------------------------------------ */

static void test_text_and_json(void **state)
{
    put_good(state, 5);
    put_pair(state, "again", draw_scene(2, 0, 0), scene_mask());
    put_png(in(state, "images/\xff.png"), draw_scene(50, 0, 0)); /* a name that is not UTF-8 */
    put(in(state, "splits/train.txt"), "s00\ns01\ns02\n");
    put(in(state, "splits/val.txt"), "s03\ns04\nagain\n");
    char json_path[512];
    (void)snprintf(json_path, sizeof json_path, "%s", in(state, "check.json"));
    char *text = NULL;
    size_t size = 0;
    FILE *const to = open_memstream(&text, &size);
    check_result found;
    const char *const folder = *state;
    const check_options options = {.folders = &folder, .folder_count = 1, .json = json_path, .shown = 5, .threads = 2};
    assert_ok(command_check(&found, &options, to));
    (void)fclose(to);
    assert_int_equal(found.pictures, 7);
    assert_int_equal(found.errors, 2);
    assert_non_null(strstr(text, "error       1  pictures without a mask"));
    assert_non_null(
        strstr(text, "again (val) is s02 (train): the same pixels, distance 0.0; Jaccard of the masks 1.00"));
    assert_non_null(strstr(text, "7 pictures looked at: 2 errors, 0 warnings, 1 notes"));
    free(text);
    json_t *const root = json_load_file(json_path, 0, NULL);
    assert_non_null(root);
    assert_int_equal(json_integer_value(json_object_get(root, "errors")), 2);
    assert_int_equal(json_array_size(json_object_get(root, "pictures")), 7);
    assert_int_equal(json_array_size(json_object_get(root, "splits")), 3);
    const json_t *const leak = json_array_get(json_object_get(root, "findings"), 1);
    assert_string_equal(json_string_value(json_object_get(leak, "kind")), "leak");
    assert_string_equal(json_string_value(json_object_get(leak, "stem")), "again");
    assert_string_equal(json_string_value(json_object_get(leak, "other_split")), "train");
    assert_near(json_real_value(json_object_get(leak, "jaccard")), 1, 0);
    json_decref(root);
}

static int stop_at_once(void *context, const polyp_progress *p)
{
    (void)context;
    (void)p;
    return 1;
}

static void test_watcher_stops(void **state)
{
    put_good(state, 3);
    const char *const folder = *state;
    check_report *r = NULL;
    const check_settings s = {.folders = &folder, .folder_count = 1, .threads = 2, .watch = {.report = stop_at_once}};
    assert_failed(check_run(&r, &s), POLYP_STOPPED, "stopped");
    assert_null(r);
}

static void test_every_allocation_may_fail(void **state)
{
    put_good(state, 2);
    put_pair(state, "again", draw_scene(1, 0, 0), scene_mask());
    put(in(state, "splits/a.txt"), "s00\ns01\n");
    put(in(state, "splits/b.txt"), "again\n");
    put(in(state, "negatives.txt"), "s01\n");
    put(in(state, "groups.csv"), "stem,group\ns01,a\nagain,a\n");
    const char *const folder = *state;
    const check_settings one = {.folders = &folder, .folder_count = 1, .threads = 1};
    check_report *r = NULL;
    memory_fail_at(0);
    assert_ok(check_run(&r, &one));
    check_report_free(r);
    const size_t count = memory_fail_at(0);
    for (size_t k = 1; k <= count; k++) {
        r = NULL;
        memory_fail_at(k);
        const status result = check_run(&r, &one);
        memory_fail_at(0);
        assert_int_equal(result, POLYP_ERR_MEMORY);
        assert_null(r);
    }
}

/* ---- the real set -------------------------------------------------------------------------- */

static void link_pair(void **state, const char *set, const char *stem)
{
    static const char *const kinds[] = {"images", "masks"};
    for (int i = 0; i < 2; i++) {
        char from[1200], to[600];
        (void)snprintf(from, sizeof from, "%s/%s/%s.jpg", set, kinds[i], stem);
        (void)snprintf(to, sizeof to, "%s/%s/%s.jpg", (const char *)*state, kinds[i], stem);
        char *const whole = realpath(from, NULL);
        assert_non_null(whole);
        assert_int_equal(symlink(whole, to), 0);
        free(whole);
    }
}

/* The 23 pictures of the official validation split that are unlike the others, their twins in the training split, and
 * one that repeats a picture of the validation split itself. What was found by eye must be found. */
static void test_real_leaks_boxes_and_borders(void **state)
{
    static const char *const val[] = {
        "cjyzjzssvd8pq0838f4nolj5l", "cjyzk8qieoboa0848ogj51wwm", "cjyzkmjy8evns070165gf9dmq",
        "cjyzkpsbjdsjq07211dfi4sru", "cjyzl833ndne80838pzuq6ila", "cjyzlw7f9faqr070129au64sq",
        "cjyztzaqtrv430848l8xgcerw", "cjyzu3reghjya0794w7pwoi50", "cjyzu9th0qt4r0a46pyl4zik0",
        "cjyzufihqquiw0a46jatrbwln", "cjyzuio1qgh040763k56deohv", "cjyzul1qggwwj07216mhiv5sy",
        "cjyzurzvohqnr0794es1itzek", "cjz14qsk2wci60794un9ozwmw", "ck2395w2mb4vu07480otsu6tw",
        "ck2bxiswtxuw80838qkisqjwz", "ck2bxknhjvs1x0794iogrq49k", "ck2bxlujamu330725szlc2jdu",
        "ck2bxpfgxu2mk0748gsh7xelu", "ck2bxqz3evvg20794iiyv5v2m", "ck2bxskgxxzfv08386xkqtqdy",
        "ck2bxw18mmz1k0725litqq2mc", "ck2da7fwcjfis07218r1rvm95", "cju13hp5rnbjx0835bf0jowgx"};
    static const char *const train[] = {
        "cju33za6l2qy70988jhrlp2ev", "cju3tp94kfstl08181awh6z49", "cju45jpvfn6c809873pv1i34s",
        "cju5ddda9bkkt0850enzwatb1", "cju5jx7jzf7c90871c2i9aiov", "cju5y4hgqmk0i08180rjhbwvp",
        "cju77g99iyxc00817zqi2ppor", "cju7b10ce1mnm08011c5bwyr4", "cju7ehljc2or70871261br8ai",
        "cju7fnfv02tt90801djnix9m8", "cju1dfeupuzlw0835gnxip369", "cju1g20bdwq6u0835e16xugcd",
        "cju2i6acqvo6l0799u20fift8", "cju32fhnhbds40799broyoptc", "cju2igw4gvxds0878808qj398"};
    const char *const set = real_set();
    if (!set) skip();
    assert_ok(folder_create(in(state, "images")));
    assert_ok(folder_create(in(state, "masks")));
    assert_ok(folder_create(in(state, "splits")));
    file_writer *list;
    assert_ok(file_create(&list, in(state, "splits/val.txt")));
    for (size_t i = 0; i < sizeof val / sizeof *val; i++) link_pair(state, set, val[i]);
    for (size_t i = 0; i < sizeof val / sizeof *val; i++) assert_ok(file_print(list, "%s\n", val[i]));
    assert_ok(file_commit(list));
    assert_ok(file_create(&list, in(state, "splits/train.txt")));
    for (size_t i = 0; i < sizeof train / sizeof *train; i++) link_pair(state, set, train[i]);
    for (size_t i = 0; i < sizeof train / sizeof *train; i++) assert_ok(file_print(list, "%s\n", train[i]));
    assert_ok(file_commit(list));
    check_report *const r = run(*state);
    assert_int_equal(r->counts[CHECK_LEAK], 13);
    for (size_t i = 0; i < 13; i++) { /* in the order of stems, which is that of `train` but for the one at home */
        assert_string_equal(r->pictures[r->findings[i].other].stem, train[i]);
        assert_true(r->findings[i].jaccard > 0.6);
    }
    only(r, CHECK_DUPLICATE, "cjyzu9th0qt4r0a46pyl4zik0 is cju13hp5rnbjx0835bf0jowgx");
    assert_int_equal(r->counts[CHECK_BORDER], 18);
    assert_int_equal(r->counts[CHECK_BOX], 13); /* and none on the blue dye and the blue instrument of the last two */
    assert_int_equal(r->counts[CHECK_MASKS_DISAGREE], 2);
    assert_int_equal(r->counts[CHECK_MASK_NOISE], r->count);
    check_report_free(r);
}

#define in_folder(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_folder(test_good_set_has_no_findings),
        in_folder(test_no_folder_fails),
        in_folder(test_files_that_are_wrong),
        in_folder(test_masks_that_are_odd),
        in_folder(test_pictures_that_are_odd),
        in_folder(test_lists_that_are_wrong),
        in_folder(test_negatives_and_groups),
        in_folder(test_ignored_level),
        in_folder(test_leaks_across_splits),
        in_folder(test_folds_are_compared_with_their_own),
        in_folder(test_sets_are_compared),
        in_folder(test_make_up_differs),
        in_folder(test_text_and_json),
        in_folder(test_watcher_stops),
        in_folder(test_every_allocation_may_fail),
        in_folder(test_real_leaks_boxes_and_borders),
    };
    return cmocka_run_group_tests_name("check", tests, NULL, NULL);
}
