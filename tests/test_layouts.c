/* Data sets in the layouts of the field, each opened by what is there, and each way in which it can be unclear. */
#include "scene_help.h"

#include "learn/check.h"
#include "learn/dataset.h"
#include "media/augment.h"

static void assert_open_fails(const char *data, const char *split, status expected, const char *words)
{
    dataset d = {.count = 77};
    assert_failed(dataset_open(&d, data, split), expected, words);
    assert_int_equal(d.count, 77);
}

static void assert_stems(const char *data, const char *split, const char *const *stems)
{
    dataset d;
    assert_ok(dataset_open(&d, data, split));
    for (size_t i = 0; i < d.count; i++) {
        assert_non_null(stems[i]);
        assert_string_equal(d.samples[i].stem, stems[i]);
    }
    assert_null(stems[d.count]);
    dataset_free(&d);
}
#define STEMS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* FOLDER/IMAGES/STEM.png and its mask, both without contents. */
static void put_pair(void **state, const char *folder, const char *images, const char *masks, const char *stem)
{
    char name[128];
    (void)snprintf(name, sizeof name, "%s/%s/%s.png", folder, images, stem);
    put(in(state, name), stem);
    (void)snprintf(name, sizeof name, "%s/%s/%s.png", folder, masks, stem);
    put(in(state, name), folder);
}

/* ---- two folders --------------------------------------------------------------------------- */

static void test_names_of_two_folders(void **state)
{
    static const char *const names[][2] = {
        {"images", "masks"}, {"image", "mask"}, {"image", "masks"}, {"images", "mask"}, {"Original", "Ground Truth"}};
    for (int i = 0; i < 5; i++) {
        char data[8], path[64];
        (void)snprintf(data, sizeof data, "d%d", i);
        put_pair(state, data, names[i][0], names[i][1], "2");
        put_pair(state, data, names[i][0], names[i][1], "10");
        dataset d;
        assert_ok(dataset_open(&d, in(state, data), NULL));
        assert_int_equal(d.count, 2);
        assert_string_equal(d.samples[0].stem, "10");
        (void)snprintf(path, sizeof path, "%s/%s/10.png", data, names[i][1]);
        assert_string_equal(d.samples[0].mask, in(state, path));
        dataset_free(&d);
    }
}

/* CVC-ClinicDB as it is published: TIFF or PNG, the masks under the pictures' names. */
static void test_clinicdb(void **state)
{
    for (int i = 1; i <= 3; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "PNG/Original/%d.png", i);
        put_png(in(state, name), plain_image(12, 9, 3, 10 * i));
        (void)snprintf(name, sizeof name, "PNG/Ground Truth/%d.png", i);
        put_png(in(state, name), plain_image(12, 9, 3, i == 2 ? 255 : 0));
    }
    dataset d;
    polyp_image picture, mask;
    assert_ok(dataset_open(&d, in(state, "PNG"), NULL));
    assert_int_equal(d.count, 3);
    assert_ok(sample_read(&picture, &mask, &d.samples[1]));
    assert_int_equal(mask.pixels[0], 255);
    polyp_image_free(&picture);
    polyp_image_free(&mask);
    dataset_free(&d);
    put_pair(state, "TIF", "Original", "Ground Truth", "1");
    assert_open_fails(*state, NULL, POLYP_ERR_FILE, "a folder of some: PNG, TIF; name one of them");
}

static void test_two_folders_that_are_unclear(void **state)
{
    put_pair(state, ".", "images", "masks", "a");
    put_pair(state, ".", "Original", "Ground Truth", "b");
    assert_open_fails(*state, NULL, POLYP_ERR_MISMATCH,
                      "holds images/ with masks/ and Original/ with Ground Truth/, so it is not clear which are meant");
    put_pair(state, "x", "image", "mask", "a");
    assert_ok(folder_create(in(state, "x/images")));
    assert_open_fails(in(state, "x"), NULL, POLYP_ERR_MISMATCH, "holds image/ with mask/ and images/ with mask/");
    put_pair(state, "y", "images", "masks", "a");
    assert_ok(folder_create(in(state, "y/TrainDataset")));
    assert_open_fails(in(state, "y"), NULL, POLYP_ERR_MISMATCH, "holds images/ and also TrainDataset/");
}

static void test_frames_without_polyps_alone(void **state)
{
    put(in(state, "images/a.jpg"), "");
    put(in(state, "images/b.jpg"), "");
    assert_open_fails(*state, NULL, POLYP_ERR_FILE, "masks: no such folder");
    put(in(state, "negatives.txt"), "a\nb\n");
    assert_stems(*state, NULL, STEMS("a", "b"));
    put(in(state, "negatives.txt"), "a\n");
    assert_open_fails(*state, NULL, POLYP_ERR_MISMATCH, "1 of the pictures have no mask of the same stem: b;");
}

static void test_files_that_are_no_data_sets(void **state)
{
    put(in(state, "model.safetensors"), "");
    assert_open_fails(in(state, "model.safetensors"), NULL, POLYP_ERR_FORMAT, "neither a folder nor a data set's .csv or .json");
    assert_open_fails(in(state, "none.csv"), NULL, POLYP_ERR_FILE, "none.csv: no such folder");
}

/* ---- PraNet -------------------------------------------------------------------------------- */

static void put_pranet(void **state)
{
    put_pair(state, "TrainDataset", "image", "mask", "1");
    put_pair(state, "TrainDataset", "image", "mask", "2");
    put_pair(state, "TestDataset/CVC-300", "images", "masks", "1");
    put_pair(state, "TestDataset/CVC-300", "images", "masks", "149");
    put_pair(state, "TestDataset/Kvasir", "images", "masks", "cju1");
}

static void test_pranet_folders_are_splits(void **state)
{
    put_pranet(state);
    assert_stems(*state, NULL, STEMS("149", "2", "CVC-300-1", "TrainDataset-1", "cju1"));
    assert_stems(*state, "train", STEMS("2", "TrainDataset-1"));
    assert_stems(*state, "test", STEMS("149", "CVC-300-1", "cju1"));
    assert_stems(*state, "CVC-300", STEMS("149", "CVC-300-1"));
    assert_stems(in(state, "TestDataset/CVC-300"), NULL, STEMS("1", "149"));
    assert_open_fails(*state, "CVC-301", POLYP_ERR_FILE, "has no split 'CVC-301'");
    assert_open_fails(in(state, "TestDataset"), NULL, POLYP_ERR_FILE, "a folder of some: CVC-300, Kvasir; name one of them");
    assert_true(dataset_has_split(*state, "train") && dataset_has_split(*state, "test") && dataset_has_split(*state, "Kvasir"));
    assert_false(dataset_has_split(*state, "val"));
}

/* Lists over all of it go by the names that its pictures have in it. */
static void test_pranet_with_lists(void **state)
{
    put_pranet(state);
    put(in(state, "splits/mine.txt"), "TrainDataset-1\n2\n");
    put(in(state, "groups.csv"), "stem,group\n2,walk\nCVC-300-1,walk\n");
    put(in(state, "TestDataset/Kvasir/images/empty.png"), "");
    put(in(state, "TestDataset/Kvasir/negatives.txt"), "empty\n");
    assert_stems(*state, "mine", STEMS("TrainDataset-1", "2"));
    dataset d;
    assert_ok(dataset_open(&d, *state, NULL));
    assert_int_equal(d.samples[1].group, d.samples[2].group);
    assert_int_equal(d.samples[0].group, -1);
    assert_string_equal(d.samples[5].stem, "empty");
    assert_true(d.samples[5].negative);
    dataset_free(&d);
    put(in(state, "splits/Kvasir.txt"), "2\n");
    assert_open_fails(*state, "Kvasir", POLYP_ERR_MISMATCH, "split 'Kvasir' is in ");
    put(in(state, "TestDataset/Odd/readme.txt"), "");
    assert_open_fails(*state, NULL, POLYP_ERR_FILE, "TestDataset/Odd/images: no such folder");
}

static void test_what_is_a_test(void **state)
{
    put_pranet(state);
    put_pair(state, "plain", "images", "masks", "1");
    put(in(state, "plain/splits/mine.txt"), "1\n");
    assert_true(dataset_split_is_test(*state, "CVC-300"));
    assert_true(dataset_split_is_test(*state, "test"));
    assert_false(dataset_split_is_test(*state, "train"));
    assert_false(dataset_split_is_test(*state, "mine"));
    assert_true(dataset_split_is_test(in(state, "plain"), "val"));
    assert_false(dataset_split_is_test(in(state, "plain"), "mine"));
    assert_false(dataset_split_is_test(in(state, "nowhere"), "mine"));
}

/* ---- a table ------------------------------------------------------------------------------- */

static void put_table(void **state, const char *text)
{
    static const char *const files[] = {"t/seq1/0001.png", "t/seq1/0002.png", "t/seq2/0001.png", "t/truth/1.png", "t/truth/2.png"};
    for (int i = 0; i < 5; i++) put(in(state, files[i]), files[i]);
    put(in(state, "t/pairs.csv"), text);
}

static void test_table_of_pairs(void **state)
{
    put_table(state, "image,mask,group,split,size\nseq1/0002.png,truth/2.png,7,train,1\n./seq1/0001.png,truth/1.png,7,train,1\n"
                     "seq2/0001.png,,8,odd one,2\n");
    const char *const data = in(state, "t/pairs.csv");
    dataset d;
    assert_ok(dataset_open(&d, data, NULL));
    assert_int_equal(d.count, 3);
    assert_string_equal(d.samples[0].stem, "0002"); /* only what is not unique gets its folder's name */
    assert_string_equal(d.samples[1].stem, "seq1-0001");
    assert_string_equal(d.samples[2].stem, "seq2-0001");
    assert_string_equal(d.samples[0].mask, in(state, "t/truth/2.png"));
    assert_true(d.samples[2].negative);
    assert_null(d.samples[2].mask);
    assert_int_equal(d.samples[0].group, d.samples[1].group);
    assert_int_not_equal(d.samples[0].group, d.samples[2].group);
    dataset_free(&d);
    assert_stems(data, "train", STEMS("0002", "seq1-0001"));
    assert_stems(data, "odd one", STEMS("seq2-0001"));
    assert_true(dataset_has_split(data, "train"));
    assert_false(dataset_has_split(data, "val"));
    assert_open_fails(data, "val", POLYP_ERR_FILE, "has no split 'val'");
    put(in(state, "t/splits/mine.txt"), "seq2-0001\n0002.png\n");
    assert_true(dataset_has_split(data, "mine"));
    assert_stems(data, "mine", STEMS("seq2-0001", "0002"));
}

static void test_table_with_absolute_paths_and_few_columns(void **state)
{
    char text[1024];
    (void)snprintf(text, sizeof text, "mask;image\n%s;%s\n", in(state, "t/truth/1.png"), in(state, "t/seq1/0001.png"));
    put_table(state, text);
    put(in(state, "t/groups.csv"), "stem,group\n0001,5\nof another table,5\n");
    dataset d;
    assert_ok(dataset_open(&d, in(state, "t/pairs.csv"), NULL));
    assert_int_equal(d.count, 1);
    assert_string_equal(d.samples[0].stem, "0001");
    assert_int_equal(d.samples[0].group, 0);
    assert_null(d.samples[0].split);
    dataset_free(&d);
}

static void test_tables_that_are_wrong(void **state)
{
    put_table(state, "picture,mask\nseq1/0001.png,truth/1.png\n");
    const char *const data = in(state, "t/pairs.csv");
    char path[512];
    (void)snprintf(path, sizeof path, "%s", data);
    assert_open_fails(path, NULL, POLYP_ERR_FORMAT, "pairs.csv: the first line must name the columns image and mask");
    put_table(state, "image,mask\n");
    assert_open_fails(path, NULL, POLYP_ERR_FORMAT, "pairs.csv: lists no pictures");
    put_table(state, "image,mask\nseq1/0001.png,truth/1.png\nseq1/0003.png,truth/1.png\n");
    assert_open_fails(path, NULL, POLYP_ERR_FILE, "pairs.csv:3: there is no file ");
    put_table(state, "image,mask\nseq1/0001.png,truth/9.png\n");
    assert_open_fails(path, NULL, POLYP_ERR_FILE, "truth/9.png; paths are relative to the table");
    put_table(state, "image,mask\n\n,truth/1.png\n");
    assert_open_fails(path, NULL, POLYP_ERR_FORMAT, "pairs.csv:3: names no picture");
    put_table(state, "image,mask\nseq1/0001.png,truth/1.png\n./seq1/0001.png,truth/2.png\n");
    assert_open_fails(path, NULL, POLYP_ERR_MISMATCH, "would both be called seq1-0001; list each picture once");
    put_table(state, "image,mask,group\nseq1/0001.png\n");
    assert_open_fails(path, NULL, POLYP_ERR_FORMAT, "pairs.csv:2: 1 cells");
}

/* ---- COCO ---------------------------------------------------------------------------------- */

#define COCO_IMAGES                                                                                                   \
    "\"images\": [{\"id\": 5, \"file_name\": \"b.png\", \"width\": 6, \"height\": 4},"                                \
    "{\"id\": 2, \"file_name\": \"a.png\", \"width\": 6, \"height\": 4}, {\"id\": 9, \"file_name\": \"c.png\"}]"
#define COCO_ONE "\"categories\": [{\"id\": 1, \"name\": \"lesion\"}]"
#define COCO_SQUARE "{\"image_id\": 2, \"category_id\": 1, \"segmentation\": [[1, 1, 3, 1, 3, 3, 1, 3]]}"

/* Pictures of 6 x 4 in `folder`, and the file. */
static const char *put_coco(void **state, const char *folder, const char *text)
{
    static const char *const names[] = {"a", "b", "c"};
    static char path[512];
    for (int i = 0; i < 3; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "%s%s.png", folder, names[i]);
        put_png(in(state, name), plain_image(6, 4, 3, 50));
    }
    (void)snprintf(path, sizeof path, "%s/marks/all.json", (const char *)*state);
    put(path, text);
    return path;
}

static void assert_mask(const sample *s, const char *rows)
{
    for (int with_picture = 0; with_picture < 2; with_picture++) {
        polyp_image picture = {0}, mask = {0};
        assert_ok(sample_read(with_picture ? &picture : NULL, &mask, s));
        assert_int_equal(mask.width, 6);
        assert_int_equal(mask.height, 4);
        for (int i = 0; i < 24; i++) assert_int_equal(mask.pixels[i], rows[i] == '#' ? MASK_POLYP : MASK_BACKGROUND);
        polyp_image_free(&picture);
        polyp_image_free(&mask);
    }
}

/* A polygon and run lengths in both forms on one picture; a picture with nothing. */
static void test_coco(void **state)
{
    const char *const data = put_coco(state, "marks/images/",
        "{" COCO_IMAGES "," COCO_ONE ", \"annotations\": [" COCO_SQUARE
        ", {\"image_id\": 5, \"category_id\": 1, \"iscrowd\": 1, \"segmentation\": {\"size\": [4, 6], \"counts\": [1, 2, 21]}}"
        ", {\"image_id\": 5, \"category_id\": 1, \"segmentation\": {\"size\": [4, 6], \"counts\": \"d0120\"}}]}");
    dataset d;
    assert_ok(dataset_open(&d, data, NULL));
    assert_int_equal(d.count, 3);
    assert_string_equal(d.samples[0].stem, "a");
    assert_mask(&d.samples[0], "......" ".##..." ".##..." "......");
    assert_mask(&d.samples[1], ".....#" "#....." "#....." ".....#");
    assert_true(d.samples[2].negative);
    assert_mask(&d.samples[2], "......" "......" "......" "......");
    char first[17], again[17];
    assert_ok(dataset_fingerprint(first, &d));
    dataset_free(&d);
    assert_ok(dataset_open(&d, put_coco(state, "marks/images/", "{" COCO_IMAGES ", \"annotations\": [" COCO_SQUARE "]}"), NULL));
    assert_ok(dataset_fingerprint(again, &d));
    assert_string_not_equal(first, again);
    dataset_free(&d);
    put(in(state, "marks/splits/mine.txt"), "c\n");
    assert_stems(data, "mine", STEMS("c"));
    assert_open_fails(data, "train", POLYP_ERR_FILE, "has no split 'train'");
}

static void test_where_coco_keeps_its_pictures(void **state)
{
    static const char text[] = "{" COCO_IMAGES ", \"annotations\": [" COCO_SQUARE "]}";
    const char *const data = put_coco(state, "elsewhere/", text);
    assert_open_fails(data, NULL, POLYP_ERR_FILE, "all.json: its picture a.png is neither beside it nor in images/");
    (void)put_coco(state, "images/", text); /* one folder up, as CVAT exports it */
    assert_stems(data, NULL, STEMS("a", "b", "c"));
    (void)put_coco(state, "marks/", text);
    assert_open_fails(data, NULL, POLYP_ERR_MISMATCH, "so it is not clear which is meant");
    assert_int_equal(unlink(in(state, "marks/a.png")), 0);
    assert_int_equal(unlink(in(state, "images/c.png")), 0);
    assert_open_fails(data, NULL, POLYP_ERR_FILE, "there is no file ");
}

static void test_coco_categories(void **state)
{
    static const char two[] = "{" COCO_IMAGES ", \"categories\": [{\"id\": 1, \"name\": \"Polyp, flat\"}, {\"id\": 2, \"name\": \"snare\"}],"
                              "\"annotations\": [" COCO_SQUARE
                              ", {\"image_id\": 5, \"category_id\": 2, \"segmentation\": [[0, 0, 6, 0, 6, 4]]}]}";
    dataset d;
    assert_ok(dataset_open(&d, put_coco(state, "marks/", two), NULL));
    assert_mask(&d.samples[0], "......" ".##..." ".##..." "......");
    assert_true(d.samples[1].negative); /* a snare is no polyp */
    dataset_free(&d);
    static const char unclear[] = "{" COCO_IMAGES ", \"categories\": [{\"id\": 1, \"name\": \"lesion\"}, {\"id\": 2, \"name\": \"snare\"}],"
                                  "\"annotations\": [" COCO_SQUARE
                                  ", {\"image_id\": 5, \"category_id\": 2, \"segmentation\": [[0, 0, 6, 0, 6, 4]]}]}";
    assert_open_fails(put_coco(state, "marks/", unclear), NULL, POLYP_ERR_FORMAT,
                      "of several categories, none of which is named polyp");
}

static void test_coco_that_is_wrong(void **state)
{
#define SAYS(text, words) assert_open_fails(put_coco(state, "marks/", text), NULL, POLYP_ERR_FORMAT, words)
#define WITH(annotation) "{" COCO_IMAGES ", \"annotations\": [" annotation "]}"
#define RUNS(object) WITH("{\"image_id\": 2, \"segmentation\": {" object "}}")
    SAYS("{\"images\": [", "all.json:1: not JSON");
    SAYS("[1]", "not COCO: it lacks the lists images and annotations");
    SAYS("{\"images\": []}", "not COCO");
    SAYS("{\"images\": [], \"annotations\": []}", "lists no pictures");
    SAYS("{\"images\": [{\"id\": \"x\", \"file_name\": \"a.png\"}], \"annotations\": []}", "entry 0 of images lacks a whole number as id");
    SAYS("{\"images\": [{\"id\": 1, \"file_name\": \"a.png\"}, {\"id\": 1, \"file_name\": \"b.png\"}], \"annotations\": []}",
         "two pictures have the id 1");
    SAYS(WITH("{\"image_id\": 7, \"segmentation\": [[0, 0, 1, 0, 1, 1]]}"), "entry 0 of annotations has an image_id that no picture has");
    SAYS(WITH("{\"image_id\": 2, \"bbox\": [0, 0, 1, 1], \"segmentation\": []}"), "a box alone is no mask");
    SAYS(WITH("{\"image_id\": 2, \"segmentation\": [[0, 0, 1, 1]]}"), "three pairs x, y at least");
    SAYS(WITH("{\"image_id\": 2, \"segmentation\": [[0, 0, 1, 0, 1, 1, 2]]}"), "three pairs x, y at least");
    SAYS(WITH("{\"image_id\": 2, \"segmentation\": [[0, 0, 1, 0, 1, \"1\"]]}"), "a corner that is no number");
    SAYS(RUNS("\"size\": [6, 4], \"counts\": [24]"), "of another size than its picture");
    SAYS(RUNS("\"counts\": [24]"), "of another size than its picture");
    SAYS(RUNS("\"size\": [4, 6], \"counts\": [1, 2]"), "do not add up to its picture's pixels");
    SAYS(RUNS("\"size\": [4, 6], \"counts\": [1.5, 2]"), "that are no whole numbers");
    SAYS(RUNS("\"size\": [4, 6], \"counts\": [-1, 25]"), "that are no whole numbers");
    SAYS(RUNS("\"size\": [4, 6], \"counts\": \"~\""), "entry 0 of annotations has damaged run lengths");
    SAYS(RUNS("\"size\": [4, 6]"), "do not add up to its picture's pixels");
    put_png(in(state, "marks/a.png"), plain_image(7, 4, 3, 50));
    dataset d;
    polyp_image picture, mask;
    put(in(state, "marks/all.json"), WITH(COCO_SQUARE));
    assert_ok(dataset_open(&d, in(state, "marks/all.json"), NULL));
    assert_failed(sample_read(&picture, &mask, &d.samples[0]), POLYP_ERR_SIZE, "a.png is 7 x 4, but its annotations are for 6 x 4");
    dataset_free(&d);
}

/* ---- all of them --------------------------------------------------------------------------- */

static void fail_each_allocation(const char *data, const char *split, size_t least)
{
    for (size_t k = 1;; k++) {
        dataset d = {0};
        (void)memory_fail_at(k);
        const status got = dataset_open(&d, data, split);
        (void)memory_fail_at(0);
        if (got == POLYP_OK) {
            assert_true(k > least);
            dataset_free(&d);
            return;
        }
        assert_int_equal(got, POLYP_ERR_MEMORY);
        assert_null(d.samples);
    }
}

static void test_every_allocation_may_fail(void **state)
{
    put_pranet(state);
    fail_each_allocation(*state, "train", 20);
    put_table(state, "image,mask,group,split\nseq1/0002.png,truth/2.png,7,train\nseq2/0001.png,,8,train\n");
    fail_each_allocation(in(state, "t/pairs.csv"), "train", 10);
    fail_each_allocation(put_coco(state, "marks/", "{" COCO_IMAGES ", \"annotations\": [" COCO_SQUARE "]}"), NULL, 6);
}

/* ---- polyp check --------------------------------------------------------------------------- */

static check_report *run_check(const char *data)
{
    check_report *report = NULL;
    assert_ok(check_run(&report, &(check_settings){.folders = &data, .folder_count = 1, .threads = 2}));
    return report;
}

static void put_scene_pair(void **state, const char *folder, const char *name, uint64_t scene)
{
    char path[96];
    put_scene_in(state, folder, name, draw_scene(scene, 0, 0));
    polyp_image mask = plain_image(WIDTH, HEIGHT, 1, 0);
    memset(mask.pixels, 255, 8192);
    (void)snprintf(path, sizeof path, "%s/masks/%s.png", folder, name);
    put_png(in(state, path), mask);
}

/* PraNet's folders are compared as splits: the field's classic leak. */
static void test_check_of_pranet(void **state)
{
    put_scene_pair(state, "TrainDataset", "1", 1);
    put_scene_pair(state, "TrainDataset", "2", 2);
    put_scene_pair(state, "TestDataset/CVC-300", "1", 2);
    check_report *const r = run_check(*state);
    assert_int_equal(r->count, 3);
    assert_int_equal(r->split_count, 3);
    assert_string_equal(r->splits[1].name, "train");
    assert_int_equal(r->splits[1].count, 2);
    assert_string_equal(r->splits[2].name, "CVC-300");
    assert_int_equal(r->counts[CHECK_LEAK], 1);
    assert_int_equal(r->counts[CHECK_NO_MASK] + r->counts[CHECK_NO_SPLIT], 0);
    check_report_free(r);
}

static void test_check_of_a_table_and_of_coco(void **state)
{
    put_scene_pair(state, ".", "a", 1);
    put_scene_pair(state, ".", "b", 2);
    put(in(state, "pairs.csv"), "image,mask,split\nimages/a.png,masks/a.png,train\nimages/b.png,,odd\n");
    check_report *r = run_check(in(state, "pairs.csv"));
    assert_int_equal(r->count, 2);
    assert_int_equal(r->split_count, 3);
    assert_int_equal(r->level_counts[CHECK_ERROR], 0);
    assert_true(r->pictures[0].mask_good && r->pictures[1].negative);
    assert_near(r->pictures[0].polyp_share, 0.1, 1e-12);
    check_report_free(r);
    put(in(state, "marks.json"), "{\"images\": [{\"id\": 1, \"file_name\": \"a.png\"}, {\"id\": 2, \"file_name\": \"b.png\", \"width\": 5, "
                                 "\"height\": 5}], \"annotations\": [{\"image_id\": 1, \"segmentation\": [[0, 0, 32, 0, 32, 256, 0, 256]]},"
                                 "{\"image_id\": 2, \"segmentation\": [[0, 0, 5, 0, 5, 5, 0, 5]]}]}");
    r = run_check(in(state, "marks.json"));
    assert_near(r->pictures[0].polyp_share, 0.1, 1e-12);
    assert_true(r->pictures[0].mask_good);
    assert_int_equal(r->counts[CHECK_SIZE], 1);
    assert_int_equal(r->counts[CHECK_MASK_FULL], 1);
    for (size_t i = 0; i < r->finding_count; i++) {
        if (r->findings[i].kind == CHECK_MASK_FULL) assert_non_null(strstr(r->findings[i].words, "marks.json: b: 100.0 %"));
    }
    check_report_free(r);
}

static void test_layouts_together(void **state)
{
    put_pranet(state);
    put_table(state, "image,mask\nseq1/0002.png,truth/2.png\n");
    const char *const json = put_coco(state, "marks/", "{" COCO_IMAGES ", \"annotations\": [" COCO_SQUARE "]}");
    const data_source sources[] = {{*state, "train", 1}, {in(state, "t/pairs.csv"), NULL, 1}, {json, NULL, 1}};
    dataset d;
    assert_ok(dataset_open_many(&d, sources, 3, NULL));
    static const char *const stems[] = {"2", "TrainDataset-1", "0002", "a", "b", "c"};
    assert_int_equal(d.count, 6);
    for (int i = 0; i < 6; i++) assert_string_equal(d.samples[i].stem, stems[i]);
    dataset_free(&d);
}

#define in_folder(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_folder(test_names_of_two_folders),
        in_folder(test_clinicdb),
        in_folder(test_two_folders_that_are_unclear),
        in_folder(test_frames_without_polyps_alone),
        in_folder(test_files_that_are_no_data_sets),
        in_folder(test_pranet_folders_are_splits),
        in_folder(test_pranet_with_lists),
        in_folder(test_what_is_a_test),
        in_folder(test_table_of_pairs),
        in_folder(test_table_with_absolute_paths_and_few_columns),
        in_folder(test_tables_that_are_wrong),
        in_folder(test_coco),
        in_folder(test_where_coco_keeps_its_pictures),
        in_folder(test_coco_categories),
        in_folder(test_coco_that_is_wrong),
        in_folder(test_every_allocation_may_fail),
        in_folder(test_check_of_pranet),
        in_folder(test_check_of_a_table_and_of_coco),
        in_folder(test_layouts_together),
    };
    return cmocka_run_group_tests_name("layouts", tests, NULL, NULL);
}
