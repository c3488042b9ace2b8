/* What a run trains on, chooses by and reports on: parts that never share a group, of one data set and of several. */
#include "scene_help.h"

#include "commands.h"
#include "learn/groups.h"
#include "learn/sampling.h"
#include "learn/training_data.h"

/* ---- parts of a list ----------------------------------------------------------------------- */

enum { COUNT = 240, GROUPS = 90, FOLDS = 5 };

static void uneven_groups(size_t *group)
{
    for (size_t i = 0; i < COUNT; i++) group[i] = i < GROUPS ? i : (i * i) % 31;
}

static void test_three_parts(void **state)
{
    (void)state;
    size_t group[COUNT], reported = 0;
    int dealt[COUNT];
    uneven_groups(group);
    assert_ok(groups_deal(dealt, group, COUNT, GROUPS, FOLDS, 8));
    for (int fold = 0; fold < FOLDS; fold++) {
        enum sample_part part[COUNT], again[COUNT];
        int of_group[GROUPS];
        size_t sizes[3] = {0};
        memset(of_group, -1, sizeof of_group);
        assert_ok(groups_three_parts(part, group, COUNT, GROUPS, fold, FOLDS, 0.2, 8));
        assert_ok(groups_three_parts(again, group, COUNT, GROUPS, fold, FOLDS, 0.2, 8));
        assert_memory_equal(part, again, sizeof part);
        for (size_t i = 0; i < COUNT; i++) {
            assert_int_equal(part[i] == PART_REPORT, dealt[i] == fold); /* the same folds as polyp split's */
            if (of_group[group[i]] < 0) of_group[group[i]] = (int)part[i];
            assert_int_equal(of_group[group[i]], part[i]); /* no group on two sides */
            sizes[part[i]]++;
        }
        assert_in_range(sizes[PART_REPORT], 47, 49);
        assert_in_range(sizes[PART_CHOOSE], 36, 40); /* a fifth of the other four folds' 192 */
        reported += sizes[PART_REPORT];
    }
    assert_int_equal(reported, COUNT);
}

static void test_parts_that_cannot_be(void **state)
{
    (void)state;
    size_t group[COUNT];
    enum sample_part part[COUNT];
    uneven_groups(group);
    assert_failed(groups_three_parts(part, group, COUNT, GROUPS, 5, 5, 0.2, 1), POLYP_ERR_ARGUMENT, "give 0 to 4");
    assert_failed(groups_three_parts(part, group, COUNT, GROUPS, -1, 5, 0.2, 1), POLYP_ERR_ARGUMENT, "give 0 to 4");
    assert_failed(groups_three_parts(part, group, COUNT, GROUPS, 0, 1, 0.2, 1), POLYP_ERR_ARGUMENT, "1 folds of");
    assert_failed(groups_three_parts(part, group, COUNT, GROUPS, 0, 5, 1.5, 1), POLYP_ERR_ARGUMENT, "between 0 and 1");
    const size_t two[] = {0, 0, 1}; /* one fold is reported, nothing of the other can be held out */
    assert_failed(groups_three_parts(part, two, 3, 2, 0, 2, 0.5, 1), POLYP_ERR_ARGUMENT, "nothing can be held out");
}

static void test_every_allocation_of_the_parts_may_fail(void **state)
{
    (void)state;
    size_t group[COUNT];
    enum sample_part part[COUNT];
    uneven_groups(group);
    for (size_t k = 1;; k++) {
        (void)memory_fail_at(k);
        const status got = groups_three_parts(part, group, COUNT, GROUPS, 0, FOLDS, 0.2, 8);
        (void)memory_fail_at(0);
        if (got == POLYP_OK) {
            assert_in_range(k, 10, 30);
            return;
        }
        assert_int_equal(got, POLYP_ERR_MEMORY);
    }
}

static void test_fold_texts(void **state)
{
    (void)state;
    int fold = 77, folds = 77;
    assert_ok(fold_parse(&fold, &folds, "0/5"));
    assert_int_equal(fold, 0);
    assert_int_equal(folds, 5);
    assert_ok(fold_parse(&fold, &folds, "9/10"));
    assert_int_equal(fold, 9);
    static const char *const wrong[] = {"", "5", "5/5", "-1/5", "1/", "/5", "1/5x", "x", "0/1", "0/1001", "1:5", "1//5"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_failed(fold_parse(&fold, &folds, wrong[i]), POLYP_ERR_ARGUMENT, "0/5 to 4/5");
        assert_int_equal(fold, 9);
    }
}

/* ---- one data set -------------------------------------------------------------------------- */

static bool has_stem(const dataset *d, const char *stem)
{
    for (size_t i = 0; i < d->count; i++) {
        if (strcmp(d->samples[i].stem, stem) == 0) return true;
    }
    return false;
}

/* Which of the three holds it: 't', 'v', 'r'. In exactly one. */
static char part_of(const training_data *d, const char *stem)
{
    const bool t = has_stem(&d->train, stem), v = has_stem(&d->valid, stem), r = has_stem(&d->report, stem);
    assert_int_equal(t + v + r, 1);
    return t ? 't' : v ? 'v' : 'r';
}

static polyp_train_options options_for(const char *data)
{
    polyp_train_options o = polyp_train_defaults();
    o.data = data;
    o.seed = 3;
    return o;
}

/* Nine scenes, two of them twice, and two others that only groups.csv ties together. */
static void put_nine(void **state)
{
    put_scenes(state, 9);
    put_scene(state, "s02x", draw_scene(2, 4, 5));
    put_scene(state, "s05x", draw_scene(5, 4, 5));
    put(in(state, "groups.csv"), "stem,group\ns00,walk\ns08,walk\n");
}

static void test_folds_are_those_of_split(void **state)
{
    put_nine(state);
    split_result dealt;
    assert_ok(command_split(&dealt, &(split_options){.data = *state, .folds = 3, .seed = 3}));
    char hashes[3][17], all_hash[17] = "";
    for (int fold = 0; fold < 3; fold++) {
        char text[8], name[16];
        training_data d = {0};
        dataset same;
        (void)snprintf(text, sizeof text, "%d/3", fold);
        (void)snprintf(name, sizeof name, "fold%d.valid", fold);
        polyp_train_options o = options_for(*state);
        o.fold = text;
        o.valid = "0.3";
        assert_ok(training_data_open(&d, &o));
        assert_ok(dataset_open(&same, *state, name));
        assert_int_equal(d.fold, fold);
        assert_int_equal(d.folds, 3);
        assert_int_equal(d.report.count, same.count);
        for (size_t i = 0; i < same.count; i++) assert_string_equal(d.report.samples[i].stem, same.samples[i].stem);
        assert_int_equal(d.train.count + d.valid.count + d.report.count, 11);
        assert_in_range(d.valid.count, 1, 3);
        assert_int_equal(part_of(&d, "s02"), part_of(&d, "s02x"));
        assert_int_equal(part_of(&d, "s05"), part_of(&d, "s05x"));
        assert_int_equal(part_of(&d, "s00"), part_of(&d, "s08"));
        memcpy(hashes[fold], d.hash, sizeof d.hash);
        if (fold > 0) assert_string_equal(all_hash, d.all_hash);
        memcpy(all_hash, d.all_hash, sizeof all_hash);
        dataset_free(&same);
        training_data_free(&d);
    }
    assert_string_not_equal(hashes[0], hashes[1]);
}

static void test_a_share_is_held_out_in_whole_groups(void **state)
{
    put_nine(state);
    for (uint64_t seed = 1; seed < 5; seed++) {
        training_data d = {0};
        polyp_train_options o = options_for(*state);
        o.valid = "0.4";
        o.seed = seed;
        assert_ok(training_data_open(&d, &o));
        assert_int_equal(d.folds, 0);
        assert_int_equal(d.report.count, 0);
        assert_int_equal(d.valid.count, 4);
        assert_int_equal(part_of(&d, "s02"), part_of(&d, "s02x"));
        assert_int_equal(part_of(&d, "s05"), part_of(&d, "s05x"));
        assert_int_equal(part_of(&d, "s00"), part_of(&d, "s08"));
        training_data_free(&d);
    }
}

static void test_folds_that_cannot_be(void **state)
{
    put_nine(state);
    put(in(state, "splits/mine.txt"), "s00\n");
    training_data d = {0};
    polyp_train_options o = options_for(*state);
    o.fold = "3/3";
    assert_failed(training_data_open(&d, &o), POLYP_ERR_ARGUMENT, "--fold 3/3");
    o.fold = "0/20";
    assert_failed(training_data_open(&d, &o), POLYP_ERR_ARGUMENT, "20 folds of 11 pictures in 8 groups");
    training_data_free(&d);
    o.fold = "0/3";
    o.valid = "mine";
    assert_failed(training_data_open(&d, &o), POLYP_ERR_ARGUMENT, "give --valid as a share such as 0.1, not 'mine'");
    training_data_free(&d);
}

/* ---- several data sets --------------------------------------------------------------------- */

/* `b` has scene 1 of `a` under another name and brightness, and a stem in common. */
static void put_two(void **state)
{
    for (int i = 0; i < 4; i++) {
        char name[8];
        (void)snprintf(name, sizeof name, "s%d", i);
        put_scene_in(state, "a", name, draw_scene((uint64_t)i, 0, 0));
    }
    put_scene_in(state, "b", "s0", draw_scene(10, 0, 0));
    put_scene_in(state, "b", "again", draw_scene(1, 4, 5));
    put_scene_in(state, "b", "t1", draw_scene(11, 0, 0));
}

static void test_near_duplicates_across_sets_stay_together(void **state)
{
    put_two(state);
    int in_validation = 0;
    for (uint64_t seed = 1; seed < 9; seed++) {
        const char *const more[] = {in(state, "b")};
        const double weights[] = {1.0, 0.5};
        training_data d = {0};
        polyp_train_options o = options_for(in(state, "a"));
        o.more_data = more;
        o.more_count = 1;
        o.weights = weights;
        o.valid = "0.4";
        o.seed = seed;
        assert_ok(training_data_open(&d, &o));
        assert_int_equal(d.train.count + d.valid.count, 7);
        assert_int_equal(part_of(&d, "s1"), part_of(&d, "again"));
        (void)part_of(&d, "a-s0");
        (void)part_of(&d, "b-s0");
        in_validation += part_of(&d, "again") == 'v';
        for (size_t i = 0; i < d.train.count; i++) {
            assert_true(d.train.samples[i].weight == weights[d.train.samples[i].set]);
        }
        training_data_free(&d);
    }
    assert_in_range(in_validation, 1, 7);
}

static void test_a_named_split_of_the_first_set(void **state)
{
    put_two(state);
    put(in(state, "a/splits/train.txt"), "s2\ns3\n");
    put(in(state, "a/splits/mine.txt"), "s1\ns0\n");
    const char *const more[] = {in(state, "b")};
    training_data d = {0};
    polyp_train_options o = options_for(in(state, "a"));
    o.more_data = more;
    o.more_count = 1;
    o.valid = "mine";
    assert_ok(training_data_open(&d, &o));
    assert_int_equal(d.left_out, 1); /* b's picture of what s1 shows */
    assert_false(has_stem(&d.train, "again"));
    assert_int_equal(d.train.count, 4);
    assert_true(has_stem(&d.train, "b-s0") && has_stem(&d.train, "t1"));
    assert_int_equal(d.valid.count, 2);
    assert_string_equal(d.valid.samples[0].stem, "s1");
    assert_string_equal(d.valid.samples[1].stem, "a-s0");
    assert_ok(write_stems(in(state, "run-train.txt"), &d.train));
    assert_ok(write_stems(in(state, "run-valid.txt"), &d.valid));
    char hash[17];
    memcpy(hash, d.hash, sizeof hash);
    training_data_free(&d);
    const char *const again[] = {in(state, "b")}; /* a run's own lists give the same run */
    o = options_for(in(state, "a"));
    o.more_data = again;
    o.more_count = 1;
    o.split = in(state, "run-train.txt");
    o.valid = in(state, "run-valid.txt");
    d = (training_data){0};
    assert_ok(training_data_open(&d, &o));
    assert_string_equal(d.hash, hash);
    assert_int_equal(d.left_out, 0);
    training_data_free(&d);
}

/* The field's common mistake: an epoch chosen by the test. */
static void test_tests_are_refused(void **state)
{
    put_scene_in(state, "TrainDataset", "1", draw_scene(1, 0, 0));
    put_scene_in(state, "TrainDataset", "2", draw_scene(2, 0, 0));
    put_scene_in(state, "TestDataset/CVC-300", "1", draw_scene(3, 0, 0));
    training_data d = {0};
    polyp_train_options o = options_for(*state);
    static const char *const tests[] = {"val", "test", "CVC-300"};
    for (int i = 0; i < 3; i++) {
        o = options_for(*state);
        o.valid = tests[i];
        assert_failed(training_data_open(&d, &o), POLYP_ERR_ARGUMENT, "test, and what is chosen on it cannot be scored on it");
        o.valid = "0.5";
        o.split = tests[i];
        assert_failed(training_data_open(&d, &o), POLYP_ERR_ARGUMENT, "--this-is-the-test");
    }
    o = options_for(*state);
    o.valid = "CVC-300";
    o.allow_test = 1;
    assert_ok(training_data_open(&d, &o));
    assert_int_equal(d.train.count, 2); /* TrainDataset by itself */
    assert_int_equal(d.valid.count, 1);
    training_data_free(&d);
}

static void test_a_picture_on_both_sides(void **state)
{
    put_two(state);
    put(in(state, "a/splits/mine.txt"), "s1\ns0\n");
    training_data d = {0};
    polyp_train_options o = options_for(in(state, "a"));
    o.valid = "mine";
    assert_failed(training_data_open(&d, &o), POLYP_ERR_ARGUMENT, "s1 is in the training and in the validation pictures");
    training_data_free(&d);
}

/* ---- sampling ------------------------------------------------------------------------------ */

/* A mask of 20 x 10 with `polyp` pixels of polyp, then `ignored` of grey. */
static void put_area(void **state, const char *name, int polyp, int ignored)
{
    char path[64];
    (void)snprintf(path, sizeof path, "images/%s.png", name);
    put_png(in(state, path), plain_image(20, 10, 3, 90));
    polyp_image mask = plain_image(20, 10, 1, 0);
    memset(mask.pixels, 255, (size_t)polyp);
    memset(mask.pixels + polyp, 128, (size_t)ignored);
    (void)snprintf(path, sizeof path, "masks/%s.png", name);
    put_png(in(state, path), mask);
}

static void test_small_polyps_weigh_more(void **state)
{
    put_area(state, "a-large", 100, 0);
    put_area(state, "b-small", 6, 60);
    put_area(state, "c-none", 0, 0);
    put_area(state, "d-tiny", 1, 0);
    put_area(state, "e-border", 10, 0);
    dataset d;
    double share[5];
    size_t found = 77;
    assert_ok(dataset_open(&d, *state, NULL));
    assert_ok(dataset_set_ignore(&d, 128));
    for (int threads = 0; threads < 4; threads++) {
        assert_ok(shares_find(share, &d, threads, NULL));
        const double expected[] = {0.5, 0.03, 0, 0.005, 0.05};
        for (int i = 0; i < 5; i++) assert_near(share[i], expected[i], 1e-15);
    }
    d.samples[1].weight = 0.5; /* of its set */
    assert_ok(sampling_weigh_small(&found, &d, 0.05, 3, 2, NULL));
    assert_int_equal(found, 2);
    const double weights[] = {1, 1.5, 1, 3, 1};
    for (int i = 0; i < 5; i++) assert_near(d.samples[i].weight, weights[i], 0);
    assert_failed(sampling_weigh_small(&found, &d, 0.05, 0, 2, NULL), POLYP_ERR_ARGUMENT, "a weight of 0 for small polyps");
    put(in(state, "masks/d-tiny.png"), "not a mask");
    assert_failed(sampling_weigh_small(&found, &d, 0.05, 3, 2, NULL), POLYP_ERR_FORMAT, "d-tiny.png");
    assert_near(d.samples[1].weight, 1.5, 0); /* left as they were */
    assert_ok(sampling_weigh_small(&found, &d, 0, 3, 2, NULL)); /* off: nothing is read */
    assert_ok(sampling_weigh_small(&found, &d, 0.05, 1, 2, NULL));
    assert_int_equal(found, 0);
    dataset_free(&d);
}

static int stop_at_second(void *context, const polyp_progress *progress)
{
    *(size_t *)context = progress->done;
    assert_int_equal(progress->total, 5);
    return progress->done == 2;
}

static void test_measuring_can_be_stopped(void **state)
{
    for (int i = 0; i < 5; i++) put_area(state, (const char *const[]){"a", "b", "c", "d", "e"}[i], i, 0);
    dataset d;
    size_t found, seen = 0;
    const polyp_watch watch = {stop_at_second, &seen};
    assert_ok(dataset_open(&d, *state, NULL));
    assert_failed(sampling_weigh_small(&found, &d, 0.5, 2, 1, &watch), POLYP_STOPPED, "stopped after 2 of 5 pictures");
    assert_int_equal(seen, 2);
    assert_near(d.samples[1].weight, 1, 0);
    dataset_free(&d);
}

/* Ignored levels reach every part, weights only what is trained on. */
static void test_what_a_recipe_says_of_data(void **state)
{
    for (int i = 0; i < 6; i++) put_area(state, (const char *const[]){"a", "b", "c", "d", "e", "f"}[i], 2, 100);
    put(in(state, "splits/train.txt"), "a\nb\nc\nd\n");
    put(in(state, "splits/mine.txt"), "e\nf\n");
    training_data d = {0};
    polyp_train_options o = options_for(*state);
    size_t small = 77;
    o.valid = "mine";
    assert_ok(training_data_open(&d, &o));
    assert_failed(training_data_apply(&small, &d, -1, 0.05, 4, NULL), POLYP_ERR_FORMAT, "50.0 % of the mask's pixels");
    assert_ok(training_data_apply(&small, &d, 128, 0.05, 4, NULL));
    assert_int_equal(small, 4);
    for (int i = 0; i < 4; i++) assert_near(d.train.samples[i].weight, 4, 0);
    for (int i = 0; i < 2; i++) {
        assert_near(d.valid.samples[i].weight, 1, 0);
        assert_int_equal(d.valid.samples[i].ignore, 128);
    }
    assert_failed(training_data_apply(&small, &d, 0, 0, 1, NULL), POLYP_ERR_ARGUMENT, "level 0 of ignored pixels");
    training_data_free(&d);
}

#define in_folder(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_three_parts),
        cmocka_unit_test(test_parts_that_cannot_be),
        cmocka_unit_test(test_every_allocation_of_the_parts_may_fail),
        cmocka_unit_test(test_fold_texts),
        in_folder(test_folds_are_those_of_split),
        in_folder(test_a_share_is_held_out_in_whole_groups),
        in_folder(test_folds_that_cannot_be),
        in_folder(test_near_duplicates_across_sets_stay_together),
        in_folder(test_a_named_split_of_the_first_set),
        in_folder(test_tests_are_refused),
        in_folder(test_a_picture_on_both_sides),
        in_folder(test_small_polyps_weigh_more),
        in_folder(test_measuring_can_be_stopped),
        in_folder(test_what_a_recipe_says_of_data),
    };
    return cmocka_run_group_tests_name("training_data", tests, NULL, NULL);
}
