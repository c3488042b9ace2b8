/* Several data sets as one: stems told apart, weights, splits of each, lists over all. */
#include "data_help.h"

#include "learn/dataset.h"

/* DATA/images/STEM.jpg and its mask, both without contents: listing never opens a picture. */
static void put_pair(void **state, const char *data, const char *stem)
{
    char name[96];
    (void)snprintf(name, sizeof name, "%s/images/%s.jpg", data, stem);
    put(in(state, name), stem);
    (void)snprintf(name, sizeof name, "%s/masks/%s.png", data, stem);
    put(in(state, name), data);
}

/* kvasir: a b c; other/clinic: b c d; other/kvasir: c */
static void put_sets(void **state)
{
    put_pair(state, "kvasir", "a");
    put_pair(state, "kvasir", "b");
    put_pair(state, "kvasir", "c");
    put_pair(state, "other/clinic", "b");
    put_pair(state, "other/clinic", "c");
    put_pair(state, "other/clinic", "d");
    put_pair(state, "other/kvasir", "c");
}

/* The three sets; paths live until the fourth call of in() from here. */
static status open_three(dataset *d, void **state, const char *const splits[3], const char *list)
{
    const data_source sources[] = {
        {in(state, "kvasir"), splits[0], 1.0},
        {in(state, "other/clinic/"), splits[1], 0.5},
        {in(state, "other/kvasir"), splits[2], 2.0},
    };
    return dataset_open_many(d, sources, 3, list);
}

static void assert_stems(const dataset *d, const char *const *stems)
{
    size_t i = 0;
    for (; i < d->count && stems[i] != NULL; i++) assert_string_equal(d->samples[i].stem, stems[i]);
    assert_int_equal(i, d->count);
    assert_null(stems[i]);
}

static const char *const EVERY_PAIR[3];

static void test_stems_are_told_apart(void **state)
{
    put_sets(state);
    dataset d;
    assert_ok(open_three(&d, state, EVERY_PAIR, NULL));
    static const char *const stems[] = {"a", "kvasir1-b", "kvasir1-c", "clinic-b", "clinic-c", "d", "kvasir3-c", NULL};
    static const int sets[] = {0, 0, 0, 1, 1, 1, 2};
    static const double weights[] = {1, 1, 1, 0.5, 0.5, 0.5, 2};
    assert_stems(&d, stems);
    for (size_t i = 0; i < d.count; i++) {
        assert_int_equal(d.samples[i].set, sets[i]);
        assert_true(d.samples[i].weight == weights[i]);
    }
    assert_string_equal(d.samples[6].name, "c");
    assert_string_equal(d.samples[3].image, in(state, "other/clinic/images/b.jpg"));
    dataset_free(&d);
}

/* Which stems get a prefix does not depend on what is chosen: lists of one run serve every other. */
static void test_splits_of_each(void **state)
{
    put_sets(state);
    put(in(state, "kvasir/splits/train.txt"), "c\na\n");
    put(in(state, "other/clinic/splits/odd.txt"), "d\nb\n");
    dataset d = {.count = 77};
    assert_ok(open_three(&d, state, (const char *const[]){"train", "odd", NULL}, NULL));
    static const char *const stems[] = {"kvasir1-c", "a", "d", "clinic-b", "kvasir3-c", NULL};
    assert_stems(&d, stems);
    dataset_free(&d);
    d = (dataset){.count = 77};
    assert_failed(open_three(&d, state, (const char *const[]){"train", "train", NULL}, NULL), POLYP_ERR_FILE,
                  "other/clinic/splits/train.txt");
    assert_int_equal(d.count, 77);
}

static void test_a_list_over_all(void **state)
{
    put_sets(state);
    put(in(state, "run/valid.txt"), "kvasir3-c\nd\nkvasir1-c\n");
    dataset d;
    assert_ok(open_three(&d, state, EVERY_PAIR, in(state, "run/valid.txt")));
    static const char *const stems[] = {"kvasir3-c", "d", "kvasir1-c", NULL};
    assert_stems(&d, stems);
    assert_int_equal(d.samples[1].set, 1);
    dataset_free(&d);
    put(in(state, "run/valid.txt"), "c\n");
    assert_failed(open_three(&d, state, EVERY_PAIR, in(state, "run/valid.txt")), POLYP_ERR_MISMATCH,
                  "valid.txt:1: c is not in the data set");
}

static void test_sets_that_cannot_be_told_apart(void **state)
{
    put_sets(state);
    put_pair(state, "kvasir", "clinic-b");
    dataset d;
    assert_failed(open_three(&d, state, EVERY_PAIR, NULL), POLYP_ERR_MISMATCH,
                  "are both called clinic-b among all data sets; rename one");
    const double wrong[] = {0, -1, NAN, INFINITY};
    for (int i = 0; i < 4; i++) {
        const data_source sources[] = {{in(state, "kvasir"), NULL, 1.0}, {in(state, "other/clinic"), NULL, wrong[i]}};
        assert_failed(dataset_open_many(&d, sources, 2, NULL), POLYP_ERR_ARGUMENT, "clinic: its weight is ");
    }
}

/* Group 1 of one set is not group 1 of another; negatives are each set's own. */
static void test_groups_and_negatives_stay_apart(void **state)
{
    put_sets(state);
    put(in(state, "kvasir/groups.csv"), "stem,group\na,1\nb,1\n");
    put(in(state, "other/clinic/groups.csv"), "stem,group\nb,1\nc,2\nd,1\n");
    put(in(state, "other/clinic/negatives.txt"), "c\n");
    dataset d;
    assert_ok(open_three(&d, state, EVERY_PAIR, NULL));
    static const int groups[] = {0, 0, -1, 1, 2, 1, -1};
    for (size_t i = 0; i < d.count; i++) {
        assert_int_equal(d.samples[i].group, groups[i]);
        assert_int_equal(d.samples[i].negative, i == 4);
    }
    dataset_free(&d);
}

static void test_names_of_unusual_paths(void **state)
{
    put_pair(state, "v1.0", "a");
    put_pair(state, "sub", "a");
    dataset d;
    char here[512];
    (void)snprintf(here, sizeof here, "%s/v1.0/../sub/.", (const char *)*state);
    const data_source sources[] = {{in(state, "v1.0"), NULL, 1.0}, {here, NULL, 1.0}};
    assert_ok(dataset_open_many(&d, sources, 2, NULL));
    static const char *const stems[] = {"v1.0-a", "set-a", NULL};
    assert_stems(&d, stems);
    dataset_free(&d);
}

static void test_fingerprint_covers_all(void **state)
{
    put_sets(state);
    dataset d;
    char before[17], after[17];
    assert_ok(open_three(&d, state, EVERY_PAIR, NULL));
    assert_ok(dataset_fingerprint(before, &d));
    put(in(state, "other/kvasir/masks/c.png"), "changed");
    assert_ok(dataset_fingerprint(after, &d));
    assert_string_not_equal(before, after);
    dataset_free(&d);
}

static void test_every_allocation_may_fail(void **state)
{
    put_sets(state);
    put(in(state, "run/valid.txt"), "kvasir3-c\nd\n");
    for (size_t k = 1;; k++) {
        dataset d = {0};
        (void)memory_fail_at(k);
        const status got = open_three(&d, state, EVERY_PAIR, in(state, "run/valid.txt"));
        (void)memory_fail_at(0);
        if (got == POLYP_OK) {
            assert_in_range(k, 20, 120);
            dataset_free(&d);
            return;
        }
        assert_int_equal(got, POLYP_ERR_MEMORY);
        assert_null(d.samples);
    }
}

#define in_folder(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_folder(test_stems_are_told_apart),
        in_folder(test_splits_of_each),
        in_folder(test_a_list_over_all),
        in_folder(test_sets_that_cannot_be_told_apart),
        in_folder(test_groups_and_negatives_stay_apart),
        in_folder(test_names_of_unusual_paths),
        in_folder(test_fingerprint_covers_all),
        in_folder(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests_name("join", tests, NULL, NULL);
}
