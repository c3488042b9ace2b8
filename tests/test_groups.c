/* Near-duplicates found, whole groups dealt and held out; and the commands that make and divide a data set. */
#include "scene_help.h"

#include <unistd.h>

#include "commands.h"
#include "learn/groups.h"
#include "learn/signature.h"

/* ---- finding ------------------------------------------------------------------------------- */

static void test_same_scene_is_one_group(void **state)
{
    put_scene(state, "a0", draw_scene(1, 0, 0));
    put_jpeg(in(state, "images/a1.jpg"), draw_scene(1, 0, 0), 50);
    put(in(state, "masks/a1.png"), "");
    put_scene(state, "a2", draw_scene(1, 5, 0));
    put_scene(state, "a3", draw_scene(1, 0, 15));
    put_scene(state, "a4", on_screen(draw_scene(1, 0, 0)));
    put_scene(state, "a5", smaller(draw_scene(1, -3, -8)));
    put_scene(state, "b0", draw_scene(2, 0, 0));
    put_scene(state, "b1", on_screen(draw_scene(2, 0, 0)));
    dataset d;
    size_t group[8], groups = 0;
    assert_ok(dataset_open(&d, *state, NULL));
    assert_ok(groups_find(group, &groups, &d, 2, NULL));
    const size_t expected[] = {0, 0, 0, 0, 0, 0, 1, 1};
    assert_int_equal(groups, 2);
    assert_memory_equal(group, expected, sizeof expected);
    dataset_free(&d);
}

static void test_different_scenes_stay_apart(void **state)
{
    enum { SCENES = 24 };
    put_scenes(state, SCENES);
    dataset d;
    size_t group[SCENES], groups = 0;
    assert_ok(dataset_open(&d, *state, NULL));
    assert_ok(groups_find(group, &groups, &d, 2, NULL));
    assert_int_equal(groups, SCENES);
    for (size_t i = 0; i < SCENES; i++) assert_int_equal(group[i], i);
    dataset_free(&d);
}

/* a is near b and b near c, but a and c are not: still one group. */
static void test_groups_are_transitive(void **state)
{
    polyp_image scenes[3] = {draw_scene(7, 0, 0), draw_scene(7, 16, 0), draw_scene(7, 32, 0)};
    signature s[3];
    for (int i = 0; i < 3; i++) signature_of(&s[i], &scenes[i]);
    assert_true(signature_near(&s[0], &s[1]) && signature_near(&s[1], &s[2]));
    assert_false(signature_near(&s[0], &s[2]));
    put_scene(state, "a", scenes[0]);
    put_scene(state, "b", draw_scene(8, 0, 0));
    put_scene(state, "c", scenes[2]);
    put_scene(state, "d", scenes[1]);
    dataset d;
    size_t group[4], groups = 0;
    assert_ok(dataset_open(&d, *state, NULL));
    assert_ok(groups_find(group, &groups, &d, 1, NULL));
    const size_t expected[] = {0, 1, 0, 0};
    assert_int_equal(groups, 2);
    assert_memory_equal(group, expected, sizeof expected);
    dataset_free(&d);
}

/* ---- declared ------------------------------------------------------------------------------ */

static void test_declared_groups_join_near_duplicates(void **state)
{
    put_scenes(state, 6);
    put_scene(state, "s02x", draw_scene(2, 4, 5));
    put(in(state, "groups.csv"), "patient,group,stem\n7,walk b,s05\n7,\"walk, a\",s02.png\n7,\"walk, a\",s04\n9,,s00\n9,,s01\n");
    dataset d;
    size_t group[7], groups = 0;
    assert_ok(dataset_open(&d, *state, NULL));
    const int declared[] = {-1, -1, 1, -1, -1, 1, 0}; /* s00 s01 s02 s02x s03 s04 s05 */
    for (int i = 0; i < 7; i++) assert_int_equal(d.samples[i].group, declared[i]);
    assert_ok(groups_declared(group, &groups, &d));
    const size_t by_list[] = {0, 1, 2, 3, 4, 2, 5};
    assert_int_equal(groups, 6);
    assert_memory_equal(group, by_list, sizeof by_list);
    assert_ok(groups_find(group, &groups, &d, 2, NULL));
    const size_t both[] = {0, 1, 2, 2, 3, 2, 4};
    assert_int_equal(groups, 5);
    assert_memory_equal(group, both, sizeof both);
    dataset_free(&d);
}

static void test_group_lists_that_are_wrong(void **state)
{
    put_scenes(state, 2);
    dataset d = {.count = 77};
    put(in(state, "groups.csv"), "s00,1\ns01,1\n");
    assert_failed(dataset_open(&d, *state, NULL), POLYP_ERR_FORMAT, "groups.csv: the first line must name the columns stem and group");
    put(in(state, "groups.csv"), "stem,group\ns00,1\ns02,1\n");
    assert_failed(dataset_open(&d, *state, NULL), POLYP_ERR_MISMATCH, "groups.csv:3: s02 is not in the data set");
    put(in(state, "groups.csv"), "stem,group\ns00,1\n\ns00,2\n");
    assert_failed(dataset_open(&d, *state, NULL), POLYP_ERR_MISMATCH, "groups.csv:4: s00 is named twice");
    assert_int_equal(d.count, 77);
    put(in(state, "groups.csv"), "stem,group\n"); /* no groups are none */
    assert_ok(dataset_open(&d, *state, NULL));
    dataset_free(&d);
}

static void test_signature_of_odd_pictures(void **state)
{
    (void)state;
    const int sizes[][2] = {{1, 1}, {1, 40}, {40, 1}, {15, 17}, {16, 16}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        for (int level = 0; level < 256; level += 255) {
            polyp_image image = plain_image(sizes[i][0], sizes[i][1], 3, level);
            signature s;
            signature_of(&s, &image);
            assert_near(signature_distance(&s, &s), 0, 0);
            for (int c = 0; c < SIGNATURE_COLOURS; c++) assert_int_equal(s.colours[c], level);
            polyp_image_free(&image);
        }
    }
}

/* Half the bits differ: 50, and every colour by 10 levels: 60 in all. */
static void test_distance_by_hand(void **state)
{
    (void)state;
    signature a = {0}, b = {0};
    for (int i = 0; i < SIGNATURE_BITS; i += 2) b.bits[i / 64] |= (uint64_t)1 << (i % 64);
    for (int i = 0; i < SIGNATURE_COLOURS; i++) b.colours[i] = 10;
    assert_near(signature_distance(&a, &b), 60, 1e-12);
    assert_near(signature_distance(&b, &a), 60, 1e-12);
    for (int i = 0; i < SIGNATURE_COLOURS / 2; i++) b.colours[i] = 200; /* the median is that of the smaller half */
    assert_near(signature_distance(&a, &b), 60, 1e-12);
    b.colours[SIGNATURE_COLOURS - 1] = 200;
    assert_near(signature_distance(&a, &b), 250, 1e-12);
}

static int stop_at_third(void *context, const polyp_progress *progress)
{
    *(size_t *)context = progress->done;
    assert_int_equal(progress->total, 6);
    return progress->done == 3;
}

static void test_watcher_stops_and_bad_picture_is_named(void **state)
{
    put_scenes(state, 6);
    dataset d;
    size_t group[6], groups = 77, seen = 0;
    assert_ok(dataset_open(&d, *state, NULL));
    const polyp_watch watch = {stop_at_third, &seen};
    assert_int_equal(groups_find(group, &groups, &d, 2, &watch), POLYP_STOPPED);
    assert_int_equal(seen, 3);
    assert_int_equal(groups, 77);
    put(in(state, "images/s04.png"), "not a picture");
    assert_failed(groups_find(group, &groups, &d, 2, NULL), POLYP_ERR_FORMAT, "images/s04.png");
    dataset_free(&d);
}

/* ---- dealing ------------------------------------------------------------------------------- */

enum { COUNT = 200, GROUPS = 60 };

/* Groups of uneven size: a few large ones, many of one. */
static void uneven_groups(size_t *group)
{
    for (size_t i = 0; i < COUNT; i++) group[i] = i < GROUPS ? i : (i * i) % 23;
}

static void test_folds_are_whole_and_balanced(void **state)
{
    (void)state;
    size_t group[COUNT], sizes[5] = {0};
    int fold[COUNT], of_group[GROUPS];
    uneven_groups(group);
    assert_ok(groups_deal(fold, group, COUNT, GROUPS, 5, 3));
    memset(of_group, -1, sizeof of_group);
    for (size_t i = 0; i < COUNT; i++) {
        assert_in_range(fold[i], 0, 4);
        sizes[fold[i]]++;
        if (of_group[group[i]] < 0) of_group[group[i]] = fold[i];
        assert_int_equal(of_group[group[i]], fold[i]);
    }
    for (int f = 0; f < 5; f++) assert_in_range(sizes[f], 39, 41);
}

static void test_folds_depend_on_the_seed_alone(void **state)
{
    (void)state;
    size_t group[COUNT];
    int first[COUNT], again[COUNT], other[COUNT];
    uneven_groups(group);
    assert_ok(groups_deal(first, group, COUNT, GROUPS, 5, 3));
    assert_ok(groups_deal(again, group, COUNT, GROUPS, 5, 3));
    assert_ok(groups_deal(other, group, COUNT, GROUPS, 5, 4));
    assert_memory_equal(first, again, sizeof first);
    assert_memory_not_equal(first, other, sizeof first);
}

static void test_folds_that_cannot_be(void **state)
{
    (void)state;
    const size_t group[] = {0, 1, 1, 2};
    int fold[4];
    assert_failed(groups_deal(fold, group, 4, 3, 1, 0), POLYP_ERR_ARGUMENT, "give 2 to 3");
    assert_failed(groups_deal(fold, group, 4, 3, 4, 0), POLYP_ERR_ARGUMENT, "4 folds of 4 pictures in 3 groups");
    assert_ok(groups_deal(fold, group, 4, 3, 3, 0));
    assert_int_equal(fold[1], fold[2]);
    assert_int_equal(fold[0] + fold[1] + fold[3], 3); /* each fold once */
}

/* ---- holding out --------------------------------------------------------------------------- */

static size_t count_chosen(const bool *chosen, size_t count)
{
    size_t sum = 0;
    for (size_t i = 0; i < count; i++) sum += chosen[i];
    return sum;
}

static void test_hold_out_is_whole_and_near_its_size(void **state)
{
    (void)state;
    size_t group[COUNT];
    bool chosen[COUNT], again[COUNT], other[COUNT];
    uneven_groups(group);
    for (uint64_t seed = 0; seed < 20; seed++) {
        assert_ok(groups_hold_out(chosen, group, COUNT, GROUPS, 0.1, seed));
        assert_in_range(count_chosen(chosen, COUNT), 18, 20);
        for (size_t i = 0; i < COUNT; i++) {
            for (size_t j = 0; j < i; j++) {
                if (group[i] == group[j]) assert_int_equal(chosen[i], chosen[j]);
            }
        }
    }
    assert_ok(groups_hold_out(chosen, group, COUNT, GROUPS, 0.1, 5));
    assert_ok(groups_hold_out(again, group, COUNT, GROUPS, 0.1, 5));
    assert_ok(groups_hold_out(other, group, COUNT, GROUPS, 0.1, 6));
    assert_memory_equal(chosen, again, sizeof chosen);
    assert_memory_not_equal(chosen, other, sizeof chosen);
}

static void test_hold_out_takes_some_but_not_all(void **state)
{
    (void)state;
    const size_t large[] = {0, 0, 0, 0, 1, 1}, one[] = {0, 0};
    bool chosen[6];
    assert_ok(groups_hold_out(chosen, large, 6, 2, 0.01, 0)); /* less than any group: the smallest one */
    assert_false(chosen[0]);
    assert_true(chosen[4] && chosen[5]);
    assert_ok(groups_hold_out(chosen, large, 6, 2, 0.999, 0));
    assert_in_range(count_chosen(chosen, 6), 2, 4);
    assert_failed(groups_hold_out(chosen, one, 2, 1, 0.5, 0), POLYP_ERR_ARGUMENT, "near-duplicates");
    assert_failed(groups_hold_out(chosen, large, 6, 2, 0, 0), POLYP_ERR_ARGUMENT, "between 0 and 1");
    assert_failed(groups_hold_out(chosen, large, 6, 2, 1, 0), POLYP_ERR_ARGUMENT, "between 0 and 1");
    assert_failed(groups_hold_out(chosen, large, 6, 2, NAN, 0), POLYP_ERR_ARGUMENT, "between 0 and 1");
}

/* ---- memory -------------------------------------------------------------------------------- */

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    const size_t group[] = {0, 1, 1, 2};
    int fold[4];
    bool chosen[4];
    for (size_t k = 1; k <= 6; k++) {
        (void)memory_fail_at(k);
        assert_int_equal(groups_deal(fold, group, 4, 3, 2, 0), POLYP_ERR_MEMORY);
    }
    for (size_t k = 1; k <= 4; k++) {
        (void)memory_fail_at(k);
        assert_int_equal(groups_hold_out(chosen, group, 4, 3, 0.5, 0), POLYP_ERR_MEMORY);
    }
    (void)memory_fail_at(0);
}

/* ---- the commands -------------------------------------------------------------------------- */

static void test_synth_writes_a_set(void **state)
{
    const char *out = in(state, "new/set");
    synth_options o = {.out = out, .count = 11, .seed = 9, .width = 96, .height = 64};
    assert_ok(command_synth(&o));
    dataset all, train, val;
    assert_ok(dataset_open(&all, out, NULL));
    assert_ok(dataset_open(&train, out, "train"));
    assert_ok(dataset_open(&val, out, "val"));
    assert_int_equal(all.count, 11);
    assert_int_equal(train.count, 9);
    assert_int_equal(val.count, 2);
    assert_string_equal(all.samples[0].stem, "synth-9-000000");
    assert_string_equal(val.samples[0].stem, "synth-9-000004");
    assert_string_equal(val.samples[1].stem, "synth-9-000009");
    polyp_image picture, mask;
    for (size_t i = 0; i < all.count; i++) {
        assert_ok(sample_read(&picture, &mask, &all.samples[i]));
        assert_int_equal(picture.width, 96);
        assert_int_equal(picture.height, 64);
        polyp_image_free(&picture);
        polyp_image_free(&mask);
    }
    assert_failed(command_synth(&o), POLYP_ERR_ARGUMENT, "holds images/ already");
    dataset_free(&all);
    dataset_free(&train);
    dataset_free(&val);
}

/* The same seed gives the same bytes, whatever the order of the workers; another seed others. */
static void test_synth_repeats_itself(void **state)
{
    char prints[3][17];
    for (int i = 0; i < 3; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "set%d", i);
        const char *out = in(state, name);
        const synth_options o = {.out = out, .count = 3, .seed = i < 2 ? 1 : 2, .height = 64, .width = i == 2 ? 0 : 80};
        assert_ok(command_synth(&o));
        dataset d;
        assert_ok(dataset_open(&d, out, NULL));
        assert_ok(dataset_fingerprint(prints[i], &d));
        dataset_free(&d);
        assert_false(dataset_has_split(out, "val")); /* three have no fifth */
    }
    assert_string_equal(prints[0], prints[1]);
    assert_string_not_equal(prints[0], prints[2]);
}

static void test_synth_refuses(void **state)
{
    const char *out = in(state, "set");
    assert_failed(command_synth(&(synth_options){.out = out}), POLYP_ERR_ARGUMENT, "count 0");
    assert_failed(command_synth(&(synth_options){.out = out, .count = 1, .width = 31}), POLYP_ERR_ARGUMENT, "width 31");
    assert_failed(command_synth(&(synth_options){.out = out, .count = 1, .height = -5}), POLYP_ERR_ARGUMENT, "height -5");
    assert_false(folder_exists(out));
    put(in(state, "file"), "");
    assert_failed(command_synth(&(synth_options){.out = in(state, "file"), .count = 1}), POLYP_ERR_FILE, "file");
}

static void test_split_writes_folds(void **state)
{
    put_scenes(state, 7);
    put_scene(state, "s02x", draw_scene(2, 4, 5));
    split_result r;
    assert_ok(command_split(&r, &(split_options){.data = *state, .folds = 3, .seed = 1}));
    assert_int_equal(r.pictures, 8);
    assert_int_equal(r.groups, 7);
    assert_int_equal(r.largest_group, 2);
    assert_int_equal(r.fold_sizes[0] + r.fold_sizes[1] + r.fold_sizes[2], 8);
    size_t valid_of_2 = 9, valid_of_2x = 9;
    for (size_t f = 0; f < 3; f++) {
        char train_name[32], valid_name[32];
        (void)snprintf(train_name, sizeof train_name, "fold%zu.train", f);
        (void)snprintf(valid_name, sizeof valid_name, "fold%zu.valid", f);
        dataset train, valid;
        assert_ok(dataset_open(&train, *state, train_name));
        assert_ok(dataset_open(&valid, *state, valid_name));
        assert_int_equal(train.count + valid.count, 8);
        assert_int_equal(valid.count, r.fold_sizes[f]);
        for (size_t i = 0; i < valid.count; i++) {
            for (size_t k = 0; k < train.count; k++) assert_string_not_equal(valid.samples[i].stem, train.samples[k].stem);
            if (strcmp(valid.samples[i].stem, "s02") == 0) valid_of_2 = f;
            if (strcmp(valid.samples[i].stem, "s02x") == 0) valid_of_2x = f;
        }
        dataset_free(&train);
        dataset_free(&valid);
    }
    assert_int_equal(valid_of_2, valid_of_2x);
    assert_in_range(valid_of_2, 0, 2);
    assert_failed(command_split(&r, &(split_options){.data = *state, .folds = 65}), POLYP_ERR_ARGUMENT, "give 2 to 64");
    assert_failed(command_split(&r, &(split_options){.data = *state, .folds = 8}), POLYP_ERR_ARGUMENT, "8 folds of 8 pictures");
}

/* ---- the real set -------------------------------------------------------------------------- */

static size_t find(const dataset *d, const char *stem)
{
    for (size_t i = 0; i < d->count; i++) {
        if (strcmp(d->samples[i].stem, stem) == 0) return i;
    }
    fail_msg("%s is not there", stem);
    return 0;
}

/* Pairs of one frame that a look confirmed; the first three lie within the training split, the others across. */
static void test_real_near_duplicates(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"cju30bmab08bi0835mvlr6e0r", "cju77k828z46w0871r0avuoo9"}, {"cju76lsehyia10987u54vn8rb", "cju772304yw5t0818vbw8kkjf"},
        {"cju886ryxnsl50801r93jai7q", "cju8amfdtqi4x09871tygrgqe"}, {"cju5jx7jzf7c90871c2i9aiov", "cjyzl833ndne80838pzuq6ila"},
        {"cju7b10ce1mnm08011c5bwyr4", "cjyzu3reghjya0794w7pwoi50"}, {"cju1dfeupuzlw0835gnxip369", "cjyzul1qggwwj07216mhiv5sy"},
    };
    const char *folder = real_set();
    if (folder == NULL) skip();
    dataset d;
    size_t group[1000], groups = 0;
    assert_ok(dataset_open(&d, folder, NULL));
    assert_int_equal(d.count, 1000);
    assert_ok(groups_find(group, &groups, &d, 2, NULL));
    assert_int_equal(groups, 972);
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        assert_int_equal(group[find(&d, pairs[i][0])], group[find(&d, pairs[i][1])]);
    }
    dataset_free(&d);
}

#define in_folder(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_folder(test_same_scene_is_one_group),
        in_folder(test_different_scenes_stay_apart),
        in_folder(test_groups_are_transitive),
        in_folder(test_declared_groups_join_near_duplicates),
        in_folder(test_group_lists_that_are_wrong),
        cmocka_unit_test(test_signature_of_odd_pictures),
        cmocka_unit_test(test_distance_by_hand),
        in_folder(test_watcher_stops_and_bad_picture_is_named),
        cmocka_unit_test(test_folds_are_whole_and_balanced),
        cmocka_unit_test(test_folds_depend_on_the_seed_alone),
        cmocka_unit_test(test_folds_that_cannot_be),
        cmocka_unit_test(test_hold_out_is_whole_and_near_its_size),
        cmocka_unit_test(test_hold_out_takes_some_but_not_all),
        cmocka_unit_test(test_every_allocation_may_fail),
        in_folder(test_synth_writes_a_set),
        in_folder(test_synth_repeats_itself),
        in_folder(test_synth_refuses),
        in_folder(test_split_writes_folds),
        cmocka_unit_test(test_real_near_duplicates),
    };
    return cmocka_run_group_tests_name("groups", tests, NULL, NULL);
}
