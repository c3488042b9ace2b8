/* Runs side by side: names, best and first epochs, one figure. */
#include "learn_help.h"

#include <math.h>

#include "learn/compare.h"
#include "media/canvas.h"

static char *folder;

static int make(void **state)
{
    (void)state;
    folder = help_folder();
    return 0;
}

static int clear(void **state)
{
    (void)state;
    help_remove(folder);
    return 0;
}

/* A run with Jaccards, and losses that fall by .1 an epoch; NaN: a field that is empty. */
static const char *put_run(const char *name, const double *jaccards, int epochs)
{
    history h;
    char file[256];
    assert_ok(history_create(&h, epochs));
    for (h.count = 0; h.count < epochs; h.count++) {
        h.rows[h.count].values[HISTORY_JACCARD] = jaccards[h.count];
        h.rows[h.count].values[HISTORY_TRAIN_LOSS] = 1.0 - 0.1 * h.count;
    }
    assert_ok(folder_create(help_path(folder, name)));
    (void)snprintf(file, sizeof file, "%s/history.csv", name);
    assert_ok(history_write(&h, help_path(folder, file)));
    history_free(&h);
    return help_path(folder, name);
}

static const double FAST[] = {0.5, 0.71, 0.69, 0.8, 0.8}, SLOW[] = {0.1, (double)NAN, 0.3, 0.2};

static char *table_of(const comparison *c)
{
    static char text[2048];
    FILE *const f = fmemopen(text, sizeof text, "w");
    assert_non_null(f);
    comparison_print(c, f);
    (void)fclose(f);
    return text;
}

static void test_the_table(void **state)
{
    (void)state;
    const char *const paths[] = {put_run("fast", FAST, 5), put_run("slow", SLOW, 4)};
    comparison c;
    assert_ok(comparison_open(&c, paths, 2, "valid_jaccard", 0.7));
    assert_true(comparison_best(&c, 0) == 4 && comparison_best(&c, 1) == 3);
    assert_true(comparison_reached(&c, 0) == 2 && comparison_reached(&c, 1) == 0);
    assert_string_equal(table_of(&c), "valid_jaccard by epoch\n"
                                      "run   epochs        best  in epoch      >= 0.7\n"
                                      "fast       5         0.8         4           2\n"
                                      "slow       4         0.3         3           -\n");
    comparison_free(&c);
    assert_ok(comparison_open(&c, paths, 2, "train_loss", 0.8)); /* less is better */
    assert_true(comparison_best(&c, 0) == 5 && comparison_reached(&c, 0) == 3);
    assert_non_null(strstr(table_of(&c), "<= 0.8"));
    comparison_free(&c);
    assert_ok(comparison_open(&c, paths, 1, "valid_loss", (double)NAN)); /* a column without values */
    assert_int_equal(comparison_best(&c, 0), 0);
    assert_string_equal(
        table_of(&c), "valid_loss by epoch\nrun   epochs        best  in epoch\nfast       5           -         -\n");
    comparison_free(&c);
}

static void test_names(void **state)
{
    (void)state;
    put_run("a/run", FAST, 5);
    put_run("b/run", SLOW, 4);
    put_run("c", SLOW, 4);
    char paths[4][512];
    (void)snprintf(paths[0], sizeof *paths, "%s/a/run", folder);
    (void)snprintf(paths[1], sizeof *paths, "%s/b/run", folder);
    (void)snprintf(paths[2], sizeof *paths, "%s/c//", folder);
    (void)snprintf(paths[3], sizeof *paths, "%s/c/history.csv", folder);
    const char *const all[] = {paths[0], paths[1], paths[2], paths[3]};
    comparison c;
    assert_ok(comparison_open(&c, all, 4, "valid_jaccard", (double)NAN));
    assert_string_equal(c.runs[0].name, paths[0]);
    assert_string_equal(c.runs[1].name, paths[1]);
    assert_string_equal(c.runs[2].name, "c");
    assert_string_equal(c.runs[3].name, "history.csv");
    comparison_free(&c);
}

static void test_the_figure(void **state)
{
    (void)state;
    if (!canvas_available()) skip();
    const char *const paths[] = {put_run("fast", FAST, 5), put_run("slow", SLOW, 4)};
    comparison c;
    polyp_image picture;
    assert_ok(comparison_open(&c, paths, 2, "valid_jaccard", 0.7));
    assert_ok(comparison_draw(help_path(folder, "one.svg"), &c));
    assert_ok(comparison_draw(help_path(folder, "two.svg"), &c));
    assert_true(help_same_files(help_path(folder, "one.svg"), help_path(folder, "two.svg")));
    assert_ok(comparison_draw(help_path(folder, "one.png"), &c));
    assert_ok(polyp_image_read(&picture, help_path(folder, "one.png")));
    assert_true(picture.width == 1440 && picture.height == 920);
    polyp_image_free(&picture);
    comparison_free(&c);
}

static void test_refusals(void **state)
{
    (void)state;
    const char *const paths[] = {put_run("fast", FAST, 5), help_path(folder, "none")};
    comparison c;
    assert_fails(POLYP_ERR_ARGUMENT, "valid_pooled_dsc", comparison_open(&c, paths, 1, "jaccard", 0.7));
    comparison_free(&c);
    assert_fails(POLYP_ERR_FILE, "none", comparison_open(&c, paths, 2, "valid_jaccard", 0.7));
    comparison_free(&c);
    for (size_t k = 1; k < 12; k++) {
        memory_fail_at(k);
        const status result = comparison_open(&c, paths, 1, "valid_jaccard", 0.7);
        memory_fail_at(0);
        assert_true(result == POLYP_OK || result == POLYP_ERR_MEMORY);
        comparison_free(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_table),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_the_figure),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests_name("compare", tests, make, clear);
}
