/* The range test against fastai's own on scripted losses: rates, smoothing, where it stops, what it suggests. */
#include "learn_help.h"

#include <jansson.h>
#include <math.h>

#include "learn/lr_finder.h"
#include "media/canvas.h"

static json_t *golden(void)
{
    const char *const source = getenv("POLYP_SOURCE");
    char *const path = memory_format("%s/tests/golden/lr_finder.json", source ? source : ".");
    json_error_t error;
    json_t *const root = json_load_file(path, 0, &error);
    if (!root) fail_msg("%s: %s", path, error.text);
    memory_free(path);
    return root;
}

static double number_at(const json_t *array, size_t i)
{
    const json_t *const item = json_array_get(array, i);
    return json_is_null(item) ? (double)NAN : json_number_value(item);
}

static double field(const json_t *c, const char *name)
{
    return json_number_value(json_object_get(c, name));
}

/* Runs the case's raw losses; what is told is the largest relative difference. */
static lr_finder run_case(const json_t *c)
{
    const json_t *const raw = json_object_get(c, "raw");
    lr_finder f;
    assert_ok(lr_finder_create(&f, field(c, "lowest"), field(c, "highest"), (int)json_array_size(raw)));
    for (size_t i = 0; lr_finder_add(&f, number_at(raw, i)); i++) continue;
    return f;
}

static double compare_steps(const json_t *c, const lr_finder *f)
{
    const json_t *const rates = json_object_get(c, "rates"), *const losses = json_object_get(c, "losses");
    double largest = 0.0;
    /* fastai goes on behind a loss that is no number, all of them no numbers, too */
    const bool broke = isnan(f->losses[f->count - 1]);
    if (!broke) assert_int_equal(f->count, json_array_size(losses));
    for (int i = 0; i < f->count; i++) {
        const double rate = number_at(rates, (size_t)i), loss = number_at(losses, (size_t)i);
        assert_int_equal(isnan(loss), isnan(f->losses[i]));
        largest = fmax(largest, fabs(f->rates[i] / rate - 1.0));
        if (!isnan(loss)) largest = fmax(largest, fabs(f->losses[i] / loss - 1.0));
    }
    return largest;
}

static void test_fastai(void **state)
{
    (void)state;
    json_t *const root = golden();
    double steps = 0.0, suggested = 0.0;
    assert_true(json_array_size(root) >= 9);
    for (size_t i = 0; i < json_array_size(root); i++) {
        const json_t *const c = json_array_get(root, i);
        lr_suggestions s;
        lr_finder f = run_case(c);
        steps = fmax(steps, compare_steps(c, &f));
        assert_ok(lr_finder_suggest(&s, &f));
        const double differences[3] = {fabs(s.valley / field(c, "valley") - 1.0),
                                       fabs(s.steep / field(c, "steep") - 1.0),
                                       fabs(s.minimum / field(c, "minimum") - 1.0)};
        for (int k = 0; k < 3; k++) {
            if (differences[k] > 1e-5)
                fail_msg("%s: suggestion %d is off by %g", json_string_value(json_object_get(c, "name")), k,
                         differences[k]);
            suggested = fmax(suggested, differences[k]);
        }
        lr_finder_free(&f);
    }
    json_decref(root);
    printf("largest relative differences: rates and smoothed losses %.2g, suggestions %.2g\n", steps, suggested);
    assert_true(steps < 1e-5);
}

static void test_the_end(void **state)
{
    (void)state;
    lr_finder f;
    lr_suggestions s;
    assert_ok(lr_finder_create(&f, 1e-7, 10.0, 100));
    assert_true(lr_finder_rate(&f) == 1e-7);
    for (int i = 1; i < 100; i++) assert_true(lr_finder_add(&f, 1.0));
    assert_false(lr_finder_add(&f, 1.0)); /* all steps are made */
    assert_int_equal(f.count, 100);
    lr_finder_free(&f);
    assert_ok(lr_finder_create(&f, 1e-7, 10.0, 100));
    assert_true(lr_finder_add(&f, 1.0));
    assert_false(lr_finder_add(&f, 9.0)); /* the smoothed loss is above 4 at once: 5.04 */
    assert_fails(POLYP_ERR_ENGINE, "diverged after 2 steps", lr_finder_suggest(&s, &f));
    lr_finder_free(&f);
    assert_ok(lr_finder_create(&f, 1e-7, 10.0, 100));
    assert_false(lr_finder_add(&f, (double)NAN));
    assert_fails(POLYP_ERR_ENGINE, "begin with a lower rate", lr_finder_suggest(&s, &f));
    lr_finder_free(&f);
}

static void test_refusals(void **state)
{
    (void)state;
    lr_finder f;
    assert_fails(POLYP_ERR_ARGUMENT, "lowest", lr_finder_create(&f, 0.0, 1.0, 100));
    assert_fails(POLYP_ERR_ARGUMENT, "lowest", lr_finder_create(&f, 1.0, 1.0, 100));
    assert_fails(POLYP_ERR_ARGUMENT, "lowest", lr_finder_create(&f, 1.0, (double)NAN, 100));
    assert_fails(POLYP_ERR_ARGUMENT, "20 or more", lr_finder_create(&f, 1e-7, 1.0, 19));
    for (size_t k = 1; k <= 2; k++) {
        memory_fail_at(k);
        assert_int_equal(lr_finder_create(&f, 1e-7, 1.0, 100), POLYP_ERR_MEMORY);
        memory_fail_at(0);
        lr_finder_free(&f);
    }
}

/* ---- files ------------------------------------------------------------------------------------------ */

static void test_files(void **state)
{
    (void)state;
    char *const folder = help_folder();
    json_t *const root = golden();
    lr_finder f = run_case(json_array_get(root, 7)); /* ends with a loss that is no number */
    lr_suggestions s;
    assert_ok(lr_finder_suggest(&s, &f));
    assert_ok(lr_finder_write_csv(help_path(folder, "lr.csv"), &f));
    char *const text = help_text(help_path(folder, "lr.csv"));
    assert_memory_equal(text, "rate,smoothed_loss\n1e-07,0.", 27);
    assert_string_equal(text + strlen(text) - 2, ",\n");
    memory_free(text);
    assert_ok(lr_finder_write_json(help_path(folder, "lr.json"), &f, &s));
    json_t *const written = json_load_file(help_path(folder, "lr.json"), 0, NULL);
    assert_true(fabs(field(written, "valley") / s.valley - 1.0) < 1e-8);
    assert_int_equal(json_integer_value(json_object_get(written, "steps")), 71);
    assert_true(json_is_true(json_object_get(written, "diverged")));
    json_decref(written);
    assert_true(fabs(lr_finder_loss_at(&f, f.rates[20]) - f.losses[20]) < 1e-12);
    assert_true(isnan(lr_finder_loss_at(&f, 1e-9)));
    if (canvas_available()) {
        assert_ok(lr_finder_draw(help_path(folder, "lr.svg"), &f, &s));
        assert_ok(lr_finder_draw(help_path(folder, "again.svg"), &f, &s));
        assert_true(help_same_files(help_path(folder, "lr.svg"), help_path(folder, "again.svg")));
        assert_ok(lr_finder_draw(help_path(folder, "lr.png"), &f, &s));
    }
    json_decref(root);
    lr_finder_free(&f);
    help_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fastai),
        cmocka_unit_test(test_the_end),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests_name("lr_finder", tests, NULL, NULL);
}
