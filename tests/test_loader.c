/* Batches depend on seed, epoch and data alone; flips treat picture and mask alike. */
#include "learn_help.h"

#include <math.h>

#include "learn/loader.h"
#include "learn/recipe.h"
#include "predict/prepare.h"

enum { PICTURES = 11, SIZE = 32, BATCH = 3, BATCHES = PICTURES / BATCH, EPOCHS = 3 };

static char *folder;
static dataset data;
static augment_recipe flips, wide; /* made by make_data() */

static augment_recipe built_in(const char *name)
{
    recipe r;
    assert_ok(recipe_read(&r, name));
    return r.augment;
}

static int make_data(void **state)
{
    (void)state;
    flips = built_in("quick");
    wide = built_in("wide");
    wide.entries[AUGMENT_COLOURS_OF_ANOTHER].probability = 0.7; /* other pictures are asked for often */
    folder = help_folder();
    help_write_data(folder, PICTURES, 1);
    return dataset_open(&data, folder, NULL) == POLYP_OK ? 0 : -1;
}

static int remove_data(void **state)
{
    (void)state;
    dataset_free(&data);
    help_remove(folder);
    return 0;
}

static const loader_options OPTIONS = {.size = SIZE, .batch = BATCH, .seed = 7, .augment = &flips, .shuffle = true};

enum { IMAGE_VALUES = BATCH * 3 * SIZE * SIZE, MASK_VALUES = BATCH * SIZE * SIZE, VALUES = IMAGE_VALUES + MASK_VALUES };

/* The next `count` batches as one block of VALUES each; memory_free() it. */
static float *collect(loader *l, int count)
{
    float *const all = memory_allocate((size_t)count * VALUES, sizeof(float));
    for (int i = 0; i < count; i++) {
        batch b;
        assert_ok(loader_next(l, &b));
        assert_int_equal(b.count, BATCH);
        memcpy(all + i * VALUES, b.images.data, IMAGE_VALUES * sizeof(float));
        memcpy(all + i * VALUES + IMAGE_VALUES, b.masks.data, MASK_VALUES * sizeof(float));
    }
    return all;
}

static float *collect_with(const loader_options *options, int count)
{
    loader *l;
    assert_ok(loader_open(&l, &data, options));
    float *const all = collect(l, count);
    loader_close(l);
    return all;
}

/* Nor does it matter which pictures are kept. */
static void workers_do_not_matter(const augment_recipe *augment)
{
    const int count = EPOCHS * BATCHES;
    loader_options o = OPTIONS;
    o.augment = augment;
    float *const wanted = collect_with(&o, count);
    for (int workers = 1; workers <= 4; workers++) {
        o.workers = workers;
        o.cache_bytes = (size_t[]){0, 1, 30000, 100000}[workers - 1]; /* all, none, one or two, a few */
        o.ahead = 2 * workers - 1;
        float *const got = collect_with(&o, count);
        assert_memory_equal(got, wanted, (size_t)count * VALUES * sizeof(float));
        memory_free(got);
    }
    memory_free(wanted);
}

static void test_workers_do_not_matter(void **state)
{
    (void)state;
    workers_do_not_matter(&flips);
    workers_do_not_matter(&wide);
}

static void test_seek_equals_going_on(void **state)
{
    (void)state;
    float *const wanted = collect_with(&OPTIONS, EPOCHS * BATCHES);
    loader *l;
    assert_ok(loader_open(&l, &data, &OPTIONS));
    assert_int_equal(loader_batches(l), BATCHES);
    static const int places[][2] = {{1, 1}, {0, 0}, {2, 2}, {0, 2}, {1, 0}};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        loader_seek(l, places[i][0], (size_t)places[i][1]);
        const int first = places[i][0] * BATCHES + places[i][1];
        float *const got = collect(l, 1);
        assert_memory_equal(got, wanted + first * VALUES, VALUES * sizeof(float));
        memory_free(got);
    }
    loader_close(l);
    memory_free(wanted);
}

static void test_seed_and_epoch_matter(void **state)
{
    (void)state;
    loader_options o = OPTIONS;
    float *const a = collect_with(&o, 2 * BATCHES);
    o.seed++;
    float *const b = collect_with(&o, BATCHES);
    assert_memory_not_equal(a, b, BATCHES * VALUES * sizeof(float));
    assert_memory_not_equal(a, a + BATCHES * VALUES, BATCHES * VALUES * sizeof(float));
    memory_free(a);
    memory_free(b);
}

/* The disc is lighter than anything around it: where the mask is 1 the picture must be light, flipped or not. */
static void test_picture_and_mask_flip_alike(void **state)
{
    (void)state;
    float *const all = collect_with(&OPTIONS, EPOCHS * BATCHES);
    for (int i = 0; i < EPOCHS * BATCHES * BATCH; i++) {
        const float *const block = all + i / BATCH * VALUES;
        const float *const red = block + i % BATCH * 3 * SIZE * SIZE;
        const float *const mask = block + IMAGE_VALUES + i % BATCH * SIZE * SIZE;
        double inside = 0, outside = 0, area = 0;
        for (int k = 0; k < SIZE * SIZE; k++) {
            assert_true(mask[k] == 0.0f || mask[k] == 1.0f);
            *(mask[k] == 1.0f ? &inside : &outside) += (double)red[k];
            area += (double)mask[k];
        }
        assert_true(area > 10);
        assert_true(inside / area > outside / (SIZE * SIZE - area) + 1.5);
    }
    memory_free(all);
}

/* Unshuffled sample i is sample i of the data set, flipped in one of four ways; over the epochs all four occur. */
static void test_all_four_flips_occur(void **state)
{
    (void)state;
    loader_options plain = OPTIONS, flipped = OPTIONS;
    plain.shuffle = flipped.shuffle = false;
    plain.augment = NULL;
    const int epochs = 8;
    float *const a = collect_with(&plain, BATCHES), *const b = collect_with(&flipped, epochs * BATCHES);
    int seen[4] = {0};
    for (int i = 0; i < epochs * BATCHES * BATCH; i++) {
        const float *const from = a + i / BATCH % BATCHES * VALUES + i % BATCH * 3 * SIZE * SIZE;
        const float *const to = b + i / BATCH * VALUES + i % BATCH * 3 * SIZE * SIZE;
        bool fits[4] = {true, true, true, true};
        for (int k = 0; k < 3 * SIZE * SIZE; k++) {
            const int c = k / (SIZE * SIZE), y = k / SIZE % SIZE, x = k % SIZE;
            for (int f = 0; f < 4; f++) {
                const int from_y = f & 2 ? SIZE - 1 - y : y, from_x = f & 1 ? SIZE - 1 - x : x;
                if (to[k] != from[(c * SIZE + from_y) * SIZE + from_x]) fits[f] = false;
            }
        }
        assert_int_equal(fits[0] + fits[1] + fits[2] + fits[3], 1);
        for (int f = 0; f < 4; f++) seen[f] += fits[f];
    }
    for (int f = 0; f < 4; f++) assert_in_range(seen[f], 6, 36); /* of 72, 18 are expected */
    memory_free(a);
    memory_free(b);
}

/* Every picture comes at most once an epoch, and one epoch's batches hold BATCH * BATCHES different ones. */
static void test_epoch_draws_without_repeats(void **state)
{
    (void)state;
    loader_options o = OPTIONS;
    o.augment = NULL;
    float *const all = collect_with(&o, BATCHES);
    for (int i = 0; i < BATCHES * BATCH; i++) {
        for (int j = 0; j < i; j++) {
            const float *const a = all + i / BATCH * VALUES + i % BATCH * 3 * SIZE * SIZE;
            const float *const b = all + j / BATCH * VALUES + j % BATCH * 3 * SIZE * SIZE;
            assert_memory_not_equal(a, b, 3 * SIZE * SIZE * sizeof(float));
        }
    }
    memory_free(all);
}

/* With weights a picture may come several times an epoch: each time with other draws. */
static void test_second_visits_are_other_pictures(void **state)
{
    (void)state;
    loader_options o = OPTIONS;
    o.augment = &wide;
    dataset one;
    size_t index[PICTURES] = {0, 1, 2};
    assert_ok(dataset_select(&one, &data, index, 3));
    for (int i = 1; i < 3; i++) one.samples[i].weight = 0; /* the first fills the batch */
    loader *l;
    assert_ok(loader_open(&l, &one, &o));
    float *const all = collect(l, 1);
    for (int i = 1; i < BATCH; i++)
        assert_memory_not_equal(all, all + i * 3 * SIZE * SIZE, 3 * SIZE * SIZE * sizeof(float));
    loader_close(l);
    dataset_free(&one);
    memory_free(all);
}

/* Level 200 is ignored in a mask whose left half has it: -1 in the batch, in both pipelines, and no polyp of it. */
static void test_ignored_pixels_are_minus_one(void **state)
{
    (void)state;
    char *const other = help_folder();
    help_write_data(other, BATCH, 0);
    polyp_image mask;
    assert_ok(image_create(&mask, 80, 72, 1));
    for (int i = 0; i < 80 * 72; i++) mask.pixels[i] = i % 80 < 40 ? 200 : i % 80 < 60 ? 255 : 0;
    assert_ok(image_write_png(&mask, help_path(other, "masks/p000.png")));
    polyp_image_free(&mask);
    dataset d;
    assert_ok(dataset_open(&d, other, NULL));
    assert_ok(dataset_set_ignore(&d, 200));
    for (int pipeline = 0; pipeline < AUGMENT_PIPELINES; pipeline++) {
        augment_recipe none = augment_recipe_none();
        none.pipeline = (enum augment_pipeline)pipeline;
        loader_options o = OPTIONS;
        loader *l;
        o.augment = &none;
        o.shuffle = false;
        assert_ok(loader_open(&l, &d, &o));
        float *const all = collect(l, 1), *const got = all + IMAGE_VALUES;
        for (int i = 0; i < SIZE * SIZE; i++)
            assert_true(got[i] == (i % SIZE < SIZE / 2 ? -1.0f : i % SIZE < SIZE * 3 / 4 ? 1.0f : 0.0f));
        memory_free(all);
        loader_close(l);
    }
    dataset_free(&d);
    help_remove(other);
}

static void test_too_few_pictures(void **state)
{
    (void)state;
    loader_options o = OPTIONS;
    loader *l = NULL;
    o.batch = PICTURES + 1;
    assert_fails(POLYP_ERR_ARGUMENT, "smaller batch", loader_open(&l, &data, &o));
    assert_null(l);
}

/* A picture that cannot be read fails the batch it is in, each time, and no other. */
static void test_unreadable_picture(void **state)
{
    (void)state;
    char *const other = help_folder();
    help_write_data(other, PICTURES, 1);
    assert_ok(file_replace(help_path(other, "images/p004.png"), "no picture", 10));
    dataset d;
    loader *l;
    assert_ok(dataset_open(&d, other, NULL));
    loader_options o = OPTIONS;
    o.shuffle = false;
    assert_ok(loader_open(&l, &d, &o));
    batch b;
    assert_ok(loader_next(l, &b));
    assert_fails(POLYP_ERR_FORMAT, "p004", loader_next(l, &b));
    assert_fails(POLYP_ERR_FORMAT, "p004", loader_next(l, &b));
    loader_seek(l, 0, 2);
    assert_ok(loader_next(l, &b));
    loader_close(l);
    dataset_free(&d);
    help_remove(other);
}

/* Kept pictures need no file any more; those beyond the budget do. */
static void test_budget_decides_what_is_kept(void **state)
{
    (void)state;
    static const size_t budgets[] = {0, (size_t)4 * SIZE * SIZE * BATCH, 1};
    for (int i = 0; i < 3; i++) {
        char *const other = help_folder();
        help_write_data(other, 2 * BATCH, 0);
        dataset d;
        loader *l;
        batch b;
        assert_ok(dataset_open(&d, other, NULL));
        loader_options o = OPTIONS;
        o.shuffle = false;
        o.workers = 1; /* first come, first kept: the first batch */
        o.cache_bytes = budgets[i];
        assert_ok(loader_open(&l, &d, &o));
        for (int n = 0; n < 2; n++) assert_ok(loader_next(l, &b));
        help_remove(other);
        loader_seek(l, 5, 0);
        if (i < 2) assert_ok(loader_next(l, &b));
        else assert_fails(POLYP_ERR_FILE, "p000", loader_next(l, &b));
        if (i < 1) assert_ok(loader_next(l, &b));
        else assert_int_not_equal(loader_next(l, &b), POLYP_OK);
        loader_close(l);
        dataset_free(&d);
    }
}

static void test_memory_is_told_beforehand(void **state)
{
    (void)state;
    loader_options o = OPTIONS;
    const size_t squished = loader_memory(&data, &o);
    assert_in_range(squished, PICTURES * 4 * SIZE * SIZE, 60 * PICTURES * SIZE * SIZE);
    o.cache_bytes = 1000;
    assert_int_equal(squished - loader_memory(&data, &o), data.count * 4 * SIZE * SIZE - 1000);
    o.augment = &wide; /* sizes are not known before decoding: all of what is allowed */
    o.cache_bytes = (size_t)1 << 30;
    assert_true(loader_memory(&data, &o) > (size_t)1 << 30);
}

static void test_cost_is_counted(void **state)
{
    (void)state;
    loader *l;
    batch b;
    assert_ok(loader_open(&l, &data, &OPTIONS));
    for (int i = 0; i < BATCHES; i++) assert_ok(loader_next(l, &b));
    const loader_cost cost = loader_spent(l);
    assert_in_range(cost.pictures, BATCHES * BATCH, (BATCHES + 3) * BATCH);
    assert_true(cost.seconds > 0);
    loader_close(l);
}

static void test_closing_in_the_middle(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        loader *l;
        batch b;
        assert_ok(loader_open(&l, &data, &OPTIONS));
        if (i % 2) assert_ok(loader_next(l, &b));
        loader_close(l);
    }
    loader_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_workers_do_not_matter),
        cmocka_unit_test(test_seek_equals_going_on),
        cmocka_unit_test(test_seed_and_epoch_matter),
        cmocka_unit_test(test_picture_and_mask_flip_alike),
        cmocka_unit_test(test_all_four_flips_occur),
        cmocka_unit_test(test_epoch_draws_without_repeats),
        cmocka_unit_test(test_too_few_pictures),
        cmocka_unit_test(test_unreadable_picture),
        cmocka_unit_test(test_closing_in_the_middle),
        cmocka_unit_test(test_budget_decides_what_is_kept),
        cmocka_unit_test(test_memory_is_told_beforehand),
        cmocka_unit_test(test_cost_is_counted),
        cmocka_unit_test(test_second_visits_are_other_pictures),
        cmocka_unit_test(test_ignored_pixels_are_minus_one),
    };
    return cmocka_run_group_tests(tests, make_data, remove_data);
}
