/* Pairs, splits and masks of a data set, each way in which they can be wrong. */
#include "data_help.h"

#include "learn/dataset.h"
#include "media/augment.h"

/* A set of empty files: listing never opens a picture. */
static void put_pairs(void **state, const char *const *stems)
{
    char name[64];
    for (; *stems != NULL; stems++) {
        (void)snprintf(name, sizeof name, "images/%s.jpg", *stems);
        put(in(state, name), "");
        (void)snprintf(name, sizeof name, "masks/%s.png", *stems);
        put(in(state, name), "");
    }
}

static void put_three(void **state)
{
    static const char *const stems[] = {"b", "a", "c.1", NULL};
    put_pairs(state, stems);
}

static void assert_open_fails(void **state, const char *split, status expected, const char *words)
{
    dataset d = {.count = 77};
    assert_failed(dataset_open(&d, *state, split), expected, words);
    assert_int_equal(d.count, 77); /* left as it was */
}

/* ---- pairs --------------------------------------------------------------------------------- */

static void test_pairs_are_sorted_by_stem(void **state)
{
    put_three(state);
    put(in(state, "images/notes.txt"), "not a picture");
    put(in(state, "masks/Thumbs.db"), "not a picture");
    dataset d;
    assert_ok(dataset_open(&d, *state, NULL));
    assert_int_equal(d.count, 3);
    assert_string_equal(d.samples[0].stem, "a");
    assert_string_equal(d.samples[1].stem, "b");
    assert_string_equal(d.samples[2].stem, "c.1");
    assert_string_equal(d.samples[2].image, in(state, "images/c.1.jpg"));
    assert_string_equal(d.samples[2].mask, in(state, "masks/c.1.png"));
    dataset_free(&d);
    dataset_free(&d); /* a second time does nothing */
    dataset_free(NULL);
}

/* By file name "a-1.jpg" comes before "a.jpg", by stem after it. */
static void test_order_is_of_stems_not_of_names(void **state)
{
    static const char *const stems[] = {"a", "a-1", "a0", NULL};
    put_pairs(state, stems);
    dataset d;
    assert_ok(dataset_open(&d, *state, NULL));
    for (int i = 0; i < 3; i++) assert_string_equal(d.samples[i].stem, stems[i]);
    dataset_free(&d);
}

static void test_pictures_without_mask(void **state)
{
    put_three(state);
    put(in(state, "images/x1.png"), "");
    assert_open_fails(state, NULL, POLYP_ERR_MISMATCH, "1 of the pictures have no mask of the same stem: x1;");
    put(in(state, "images/x2.png"), "");
    put(in(state, "images/x3.png"), "");
    put(in(state, "images/x4.png"), "");
    assert_open_fails(state, NULL, POLYP_ERR_MISMATCH, "4 of the pictures have no mask of the same stem: x1, x2, x3, ...;");
}

static void test_masks_without_picture(void **state)
{
    put_three(state);
    put(in(state, "masks/0.png"), "");
    put(in(state, "masks/zz.png"), "");
    assert_open_fails(state, NULL, POLYP_ERR_MISMATCH, "2 of the masks have no picture of the same stem: 0, zz;");
    put(in(state, "images/bb.png"), "");
    assert_open_fails(state, NULL, POLYP_ERR_MISMATCH, "1 of the pictures have no mask of the same stem: bb; 2 of the masks");
}

static void test_one_stem_twice(void **state)
{
    put_three(state);
    put(in(state, "images/a.png"), "");
    assert_open_fails(state, NULL, POLYP_ERR_MISMATCH, "images/a.png have the same stem");
    assert_int_equal(unlink(in(state, "images/a.png")), 0);
    put(in(state, "masks/b.TIF"), "");
    assert_open_fails(state, NULL, POLYP_ERR_MISMATCH, "masks/b.TIF and ");
}

static void test_folders_missing_or_empty(void **state)
{
    assert_open_fails(state, NULL, POLYP_ERR_FILE, "images: no such folder");
    assert_ok(folder_create(in(state, "images")));
    assert_open_fails(state, NULL, POLYP_ERR_FILE, "masks: no such folder");
    assert_ok(folder_create(in(state, "masks")));
    assert_open_fails(state, NULL, POLYP_ERR_FORMAT, "hold no pictures");
    dataset d;
    assert_failed(dataset_open(&d, in(state, "nowhere"), NULL), POLYP_ERR_FILE, "nowhere: no such folder");
}

/* ---- negatives ----------------------------------------------------------------------------- */

static void test_declared_negatives_need_no_mask(void **state)
{
    put_three(state);
    put(in(state, "images/n1.jpg"), "");
    put(in(state, "images/n2.jpg"), "");
    assert_open_fails(state, NULL, POLYP_ERR_MISMATCH, "n1, n2; add the masks, or name pictures that show no polyp in negatives.txt");
    put(in(state, "negatives.txt"), "# looked through\nn2.jpg\n\nn1\na\n");
    dataset d;
    assert_ok(dataset_open(&d, *state, NULL));
    assert_int_equal(d.count, 5);
    assert_true(d.samples[0].negative); /* a: has a mask too */
    assert_non_null(d.samples[0].mask);
    assert_false(d.samples[1].negative);
    assert_true(d.samples[3].negative);
    assert_null(d.samples[3].mask);
    assert_string_equal(d.samples[4].stem, "n2");
    dataset_free(&d);
    put(in(state, "negatives.txt"), "n1\nn2\nn3\n");
    assert_open_fails(state, NULL, POLYP_ERR_MISMATCH, "negatives.txt:3: n3 is not in the data set");
    put(in(state, "negatives.txt"), "n1\nn2\nn1\n");
    assert_open_fails(state, NULL, POLYP_ERR_MISMATCH, "negatives.txt:3: n1 is named twice");
}

static void test_negatives_read_as_all_background(void **state)
{
    put_png(in(state, "images/n.png"), plain_image(20, 10, 3, 90));
    put_png(in(state, "images/m.png"), plain_image(9, 7, 3, 90));
    put_png(in(state, "masks/m.png"), plain_image(9, 7, 1, 0));
    put(in(state, "negatives.txt"), "n\nm\n");
    dataset d;
    assert_ok(dataset_open(&d, *state, NULL));
    for (size_t i = 0; i < 2; i++) {
        for (int with_picture = 0; with_picture < 2; with_picture++) {
            polyp_image picture = {0}, mask = {0};
            assert_ok(sample_read(with_picture ? &picture : NULL, &mask, &d.samples[i]));
            assert_int_equal(mask.width, i == 0 ? 9 : 20);
            assert_int_equal(mask.height, i == 0 ? 7 : 10);
            assert_int_equal(mask.channels, 1);
            for (int k = 0; k < mask.width * mask.height; k++) assert_int_equal(mask.pixels[k], 0);
            polyp_image_free(&picture);
            polyp_image_free(&mask);
        }
    }
    polyp_image mask = plain_image(9, 7, 1, 0);
    mask.pixels[62] = 255;
    put_png(in(state, "masks/m.png"), mask);
    mask = (polyp_image){.width = 77};
    assert_failed(sample_read(NULL, &mask, &d.samples[0]), POLYP_ERR_MISMATCH, "m.png is declared to show no polyp, but its mask ");
    assert_int_equal(mask.width, 77);
    dataset_free(&d);
}

/* ---- splits -------------------------------------------------------------------------------- */

static void test_split_keeps_its_order(void **state)
{
    put_three(state);
    put(in(state, "splits/train.txt"), "\xef\xbb\xbf# chosen by hand\r\nc.1\r\n\r\n  a \r\n");
    dataset d;
    assert_ok(dataset_open(&d, *state, "train"));
    assert_int_equal(d.count, 2);
    assert_string_equal(d.samples[0].stem, "c.1");
    assert_string_equal(d.samples[1].stem, "a");
    dataset_free(&d);
    assert_true(dataset_has_split(*state, "train"));
    assert_false(dataset_has_split(*state, "val"));
    assert_false(dataset_has_split(*state, "../splits/train"));
}

static void test_split_may_name_files(void **state)
{
    put_three(state);
    put(in(state, "splits/train.txt"), "a.jpg\nc.1\nb.png"); /* and no line end at the end */
    dataset d;
    assert_ok(dataset_open(&d, *state, "train"));
    assert_int_equal(d.count, 3);
    assert_string_equal(d.samples[2].stem, "b");
    dataset_free(&d);
}

static void test_split_that_is_wrong(void **state)
{
    put_three(state);
    assert_open_fails(state, "val", POLYP_ERR_FILE, "splits/val.txt");
    put(in(state, "splits/val.txt"), "a\nmissing\nb\ngone\n");
    assert_open_fails(state, "val", POLYP_ERR_MISMATCH, "splits/val.txt:2: missing is not in the data set (2 such lines)");
    put(in(state, "splits/val.txt"), "a\nb\na\n");
    assert_open_fails(state, "val", POLYP_ERR_MISMATCH, "splits/val.txt:3: a is named twice");
    put(in(state, "splits/val.txt"), "\n# nothing\n");
    assert_open_fails(state, "val", POLYP_ERR_FORMAT, "names no pictures");
    put(in(state, "splits/val.txt"), "");
    assert_open_fails(state, "val", POLYP_ERR_FORMAT, "names no pictures");
    assert_ok(file_replace(in(state, "splits/val.txt"), "a\0b\n", 4));
    assert_open_fails(state, "val", POLYP_ERR_FORMAT, "not a text file");
    assert_open_fails(state, "../secret", POLYP_ERR_ARGUMENT, "give the name of a file in splits/");
}

static void test_select_shares_strings(void **state)
{
    put_three(state);
    dataset d, some;
    assert_ok(dataset_open(&d, *state, NULL));
    assert_ok(dataset_select(&some, &d, (const size_t[]){2, 0}, 2));
    assert_int_equal(some.count, 2);
    assert_ptr_equal(some.samples[0].stem, d.samples[2].stem);
    assert_ptr_equal(some.samples[1].image, d.samples[0].image);
    dataset_free(&some);
    assert_string_equal(d.samples[2].stem, "c.1"); /* still alive */
    dataset_free(&d);
}

/* ---- memory -------------------------------------------------------------------------------- */

static void test_every_allocation_may_fail(void **state)
{
    put_three(state);
    put(in(state, "splits/train.txt"), "a\nc.1\n");
    put(in(state, "negatives.txt"), "b\n");
    put(in(state, "groups.csv"), "stem,group\na,1\nb,1\n");
    for (size_t k = 1;; k++) {
        dataset d = {0};
        (void)memory_fail_at(k);
        const status got = dataset_open(&d, *state, "train");
        (void)memory_fail_at(0);
        if (got == POLYP_OK) {
            assert_in_range(k, 10, 100);
            dataset_free(&d);
            return;
        }
        assert_int_equal(got, POLYP_ERR_MEMORY);
        assert_null(d.samples);
    }
}

/* ---- reading a sample ---------------------------------------------------------------------- */

/* Put one pair: an RGB picture and the given mask; read it back. */
static status read_mask(void **state, polyp_image *out, polyp_image mask)
{
    put_png(in(state, "images/s.png"), plain_image(20, 10, 3, 90));
    put_png(in(state, "masks/s.png"), mask);
    dataset d;
    assert_ok(dataset_open(&d, *state, NULL));
    const status result = sample_read(NULL, out, &d.samples[0]);
    dataset_free(&d);
    return result;
}

/* 20 x 10 of `low` with a square of 5 x 5 of `high` from (3, 2) on. */
static polyp_image square_mask(int channels, int low, int high)
{
    polyp_image mask = plain_image(20, 10, channels, low);
    for (int y = 2; y < 7; y++) {
        memset(mask.pixels + (size_t)((y * 20 + 3) * channels), high, (size_t)(5 * channels));
    }
    return mask;
}

static void assert_square(polyp_image *mask)
{
    assert_int_equal(mask->channels, 1);
    assert_int_equal(mask->width, 20);
    assert_int_equal(mask->height, 10);
    for (int y = 0; y < 10; y++) {
        for (int x = 0; x < 20; x++) {
            const int expected = x >= 3 && x < 8 && y >= 2 && y < 7 ? 255 : 0;
            assert_int_equal(mask->pixels[y * 20 + x], expected);
        }
    }
    polyp_image_free(mask);
}

static void test_masks_of_all_kinds(void **state)
{
    polyp_image mask;
    const int channels[] = {1, 3, 4};
    for (int i = 0; i < 3; i++) {
        assert_ok(read_mask(state, &mask, square_mask(channels[i], 0, 255)));
        assert_square(&mask);
        assert_ok(read_mask(state, &mask, square_mask(channels[i], 0, 1)));
        assert_square(&mask);
        assert_ok(read_mask(state, &mask, square_mask(channels[i], 7, 248)));
        assert_square(&mask);
    }
}

static void test_threshold_is_127(void **state)
{
    polyp_image mask = square_mask(1, 0, 255), read;
    mask.pixels[0] = 127;
    mask.pixels[1] = 128;
    assert_ok(read_mask(state, &read, mask));
    assert_int_equal(read.pixels[0], 0);
    assert_int_equal(read.pixels[1], 255);
    polyp_image_free(&read);
}

static void test_empty_mask_stays_empty(void **state)
{
    polyp_image mask;
    assert_ok(read_mask(state, &mask, plain_image(20, 10, 1, 0)));
    for (int i = 0; i < 200; i++) assert_int_equal(mask.pixels[i], 0);
    polyp_image_free(&mask);
}

static void test_masks_that_are_not(void **state)
{
    polyp_image mask = {.width = 77};
    assert_failed(read_mask(state, &mask, square_mask(1, 0, 128)), POLYP_ERR_FORMAT, "12.5 % of the mask's pixels");
    assert_failed(read_mask(state, &mask, square_mask(1, 40, 255)), POLYP_ERR_FORMAT, "87.5 % of the mask's pixels");
    assert_failed(read_mask(state, &mask, square_mask(1, 0, 2)), POLYP_ERR_FORMAT, "largest level is 2");
    assert_int_equal(mask.width, 77);
    polyp_image just_under = plain_image(20, 10, 1, 0); /* 10 of 200 pixels: 5 %, not over it */
    memset(just_under.pixels, 200, 10);
    assert_ok(read_mask(state, &mask, just_under));
    assert_int_equal(mask.pixels[0], 255);
    polyp_image_free(&mask);
}

/* A mask saved as JPEG rings around its edges, as Kvasir-SEG's do; the square must come back but for its edge. */
static void test_jpeg_mask(void **state)
{
    polyp_image mask = plain_image(64, 64, 3, 0);
    for (int y = 16; y < 45; y++) memset(mask.pixels + (y * 64 + 13) * 3, 255, 30 * 3);
    put_png(in(state, "images/s.png"), plain_image(64, 64, 1, 90));
    put_jpeg(in(state, "masks/s.jpg"), mask, 60);
    dataset d;
    polyp_image picture, read;
    assert_ok(dataset_open(&d, *state, NULL));
    assert_ok(sample_read(&picture, &read, &d.samples[0]));
    assert_int_equal(picture.channels, 3); /* a grey picture becomes RGB */
    int wrong = 0;
    for (int y = 0; y < 64; y++) {
        for (int x = 0; x < 64; x++) {
            const int level = read.pixels[y * 64 + x];
            assert_true(level == 0 || level == 255);
            wrong += (level == 255) != (x >= 13 && x < 43 && y >= 16 && y < 45);
        }
    }
    assert_in_range(wrong, 0, 4);
    polyp_image_free(&picture);
    polyp_image_free(&read);
    dataset_free(&d);
}

/* ---- ignored pixels ------------------------------------------------------------------------ */

/* The square of polyp with a band of `level` over its upper two rows, and one pixel of `level` elsewhere. */
static polyp_image mask_with_band(int level, int high)
{
    polyp_image mask = square_mask(1, 0, high);
    memset(mask.pixels + 2 * 20 + 3, level, 5);
    memset(mask.pixels + 3 * 20 + 3, level, 5);
    mask.pixels[0] = (unsigned char)level;
    return mask;
}

static void read_ignoring(void **state, polyp_image *out, polyp_image mask, int level)
{
    put_png(in(state, "images/s.png"), plain_image(20, 10, 3, 90));
    put_png(in(state, "masks/s.png"), mask);
    dataset d;
    assert_ok(dataset_open(&d, *state, NULL));
    assert_int_equal(d.samples[0].ignore, -1);
    assert_ok(dataset_set_ignore(&d, level));
    assert_ok(sample_read(NULL, out, &d.samples[0]));
    dataset_free(&d);
}

static void assert_band(polyp_image *mask)
{
    for (int y = 0; y < 10; y++) {
        for (int x = 0; x < 20; x++) {
            const bool inside = x >= 3 && x < 8 && y >= 2 && y < 7;
            const int expected = (inside && y < 4) || x + y == 0 ? MASK_IGNORED : inside ? 255 : 0;
            assert_int_equal(mask->pixels[y * 20 + x], expected);
        }
    }
    polyp_image_free(mask);
}

static void test_ignored_level(void **state)
{
    const int levels[] = {128, 77, 200, 254, 1};
    polyp_image mask;
    for (int i = 0; i < 5; i++) {
        read_ignoring(state, &mask, mask_with_band(levels[i], 255), levels[i]);
        assert_band(&mask);
    }
    read_ignoring(state, &mask, mask_with_band(2, 1), 2); /* levels 0, 1 and 2 */
    assert_band(&mask);
    polyp_image all = plain_image(20, 10, 1, 128); /* nothing counts: no mask of odd levels either */
    read_ignoring(state, &mask, all, 128);
    for (int i = 0; i < 200; i++) assert_int_equal(mask.pixels[i], MASK_IGNORED);
    polyp_image_free(&mask);
    polyp_image near = square_mask(1, 0, 255); /* a PNG keeps levels: 129 is not 128 */
    near.pixels[0] = 129;
    near.pixels[1] = 127;
    read_ignoring(state, &mask, near, 128);
    assert_int_equal(mask.pixels[0], 255);
    assert_int_equal(mask.pixels[1], 0);
    polyp_image_free(&mask);
}

static void test_levels_that_cannot_be_ignored(void **state)
{
    put_three(state);
    dataset d;
    assert_ok(dataset_open(&d, *state, NULL));
    const int wrong[] = {0, 255, -2, 300};
    for (int i = 0; i < 4; i++) {
        assert_failed(dataset_set_ignore(&d, wrong[i]), POLYP_ERR_ARGUMENT, "give 1 to 254");
        assert_int_equal(d.samples[0].ignore, -1);
    }
    assert_ok(dataset_set_ignore(&d, 254));
    assert_ok(dataset_set_ignore(&d, -1));
    assert_int_equal(d.samples[2].ignore, -1);
    dataset_free(&d);
}

/* Without the option grey is refused as before. */
static void test_grey_is_refused_unless_ignored(void **state)
{
    polyp_image mask;
    assert_failed(read_mask(state, &mask, mask_with_band(128, 255)), POLYP_ERR_FORMAT, "5.5 % of the mask's pixels");
}

/* In a JPEG the level spreads: half of it polyp, half of it ignored, all but a narrow seam come back. */
static void test_ignored_level_in_a_jpeg(void **state)
{
    polyp_image mask = plain_image(64, 64, 3, 0);
    for (int y = 0; y < 64; y++) {
        memset(mask.pixels + y * 64 * 3, 255, 20 * 3);
        memset(mask.pixels + (y * 64 + 40) * 3, 128, 24 * 3);
    }
    put_png(in(state, "images/s.png"), plain_image(64, 64, 1, 90));
    put_jpeg(in(state, "masks/s.jpg"), mask, 60);
    dataset d;
    polyp_image read;
    assert_ok(dataset_open(&d, *state, NULL));
    assert_failed(sample_read(NULL, &read, &d.samples[0]), POLYP_ERR_FORMAT, "of the mask's pixels lie between");
    assert_ok(dataset_set_ignore(&d, 128));
    assert_ok(sample_read(NULL, &read, &d.samples[0]));
    int wrong = 0;
    for (int i = 0; i < 64 * 64; i++) {
        wrong += read.pixels[i] != (i % 64 < 20 ? MASK_POLYP : i % 64 < 40 ? MASK_BACKGROUND : MASK_IGNORED);
    }
    assert_in_range(wrong, 0, 2 * 64);
    polyp_image_free(&read);
    dataset_free(&d);
}

/* ---- sizes --------------------------------------------------------------------------------- */

static void test_sizes_that_differ(void **state)
{
    put_png(in(state, "images/s.png"), plain_image(20, 10, 3, 90));
    put_png(in(state, "masks/s.png"), plain_image(21, 10, 1, 0));
    dataset d;
    polyp_image picture = {.width = 77}, mask = {.width = 77};
    assert_ok(dataset_open(&d, *state, NULL));
    assert_failed(sample_read(&picture, &mask, &d.samples[0]), POLYP_ERR_SIZE, "s.png is 20 x 10, but its mask ");
    assert_failed(sample_read(&picture, &mask, &d.samples[0]), POLYP_ERR_SIZE, "is 21 x 10");
    assert_int_equal(picture.width, 77);
    assert_int_equal(mask.width, 77);
    put(in(state, "images/s.png"), "not a picture");
    assert_failed(sample_read(&picture, &mask, &d.samples[0]), POLYP_ERR_FORMAT, "images/s.png");
    dataset_free(&d);
}

/* ---- fingerprint --------------------------------------------------------------------------- */

static void fingerprint(void **state, char out[17])
{
    dataset d;
    assert_ok(dataset_open(&d, *state, NULL));
    assert_ok(dataset_fingerprint(out, &d));
    dataset_free(&d);
}

static void test_fingerprint_sees_every_change(void **state)
{
    char first[17], again[17], changed[17], moved[17], renamed[17];
    put(in(state, "images/a.jpg"), "picture");
    put(in(state, "masks/a.png"), "mask");
    fingerprint(state, first);
    fingerprint(state, again);
    assert_int_equal(strlen(first), 16);
    assert_int_equal(strspn(first, "0123456789abcdef"), 16);
    assert_string_equal(first, again);
    put(in(state, "masks/a.png"), "mask2");
    fingerprint(state, changed);
    assert_string_not_equal(first, changed);
    put(in(state, "images/a.jpg"), "picturem"); /* the same bytes in a row, cut elsewhere */
    put(in(state, "masks/a.png"), "ask");
    fingerprint(state, moved);
    assert_string_not_equal(first, moved);
    assert_int_equal(rename(in(state, "images/a.jpg"), in(state, "images/b.jpg")), 0);
    assert_int_equal(rename(in(state, "masks/a.png"), in(state, "masks/b.png")), 0);
    fingerprint(state, renamed);
    assert_string_not_equal(moved, renamed);
}

#define in_folder(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_folder(test_pairs_are_sorted_by_stem),
        in_folder(test_order_is_of_stems_not_of_names),
        in_folder(test_pictures_without_mask),
        in_folder(test_masks_without_picture),
        in_folder(test_one_stem_twice),
        in_folder(test_folders_missing_or_empty),
        in_folder(test_declared_negatives_need_no_mask),
        in_folder(test_negatives_read_as_all_background),
        in_folder(test_split_keeps_its_order),
        in_folder(test_split_may_name_files),
        in_folder(test_split_that_is_wrong),
        in_folder(test_select_shares_strings),
        in_folder(test_every_allocation_may_fail),
        in_folder(test_masks_of_all_kinds),
        in_folder(test_threshold_is_127),
        in_folder(test_empty_mask_stays_empty),
        in_folder(test_masks_that_are_not),
        in_folder(test_jpeg_mask),
        in_folder(test_ignored_level),
        in_folder(test_levels_that_cannot_be_ignored),
        in_folder(test_grey_is_refused_unless_ignored),
        in_folder(test_ignored_level_in_a_jpeg),
        in_folder(test_sizes_that_differ),
        in_folder(test_fingerprint_sees_every_change),
    };
    return cmocka_run_group_tests_name("dataset", tests, NULL, NULL);
}
