/* The range test on a training: it makes training's own steps, tells the same each time, and keeps no weights. */
#include "trainer_help.h"

#include <math.h>

#include "learn/find_lr.h"
#include "learn/tensorboard.h"
#include "media/canvas.h"

static lr_finder test_at(const char *run, double lowest, double highest, int steps, lr_suggestions *s)
{
    lr_finder f;
    const polyp_train_options o = small_options(run);
    assert_ok(lr_finder_create(&f, lowest, highest, steps));
    assert_ok(find_lr(s, &f, &o));
    return f;
}

/* The smoothed losses of the run's steps, from its event file. */
static int losses_of_run(const char *run, double *out, int most)
{
    file_bytes bytes;
    event e;
    event_value v;
    double smooth = 0.0;
    int count = 0;
    assert_ok(file_read(&bytes, help_run_path(folder, run, TENSORBOARD_FILE), 0));
    for (size_t at = 0; count < most && event_read(&e, bytes.data, bytes.size, at); at = e.end) {
        if (!event_find_value(&v, &e, 0) || v.tag_size != 9 || memcmp(v.tag, "step/loss", 9) != 0) continue;
        smooth = 0.98 * smooth + 0.02 * (double)v.scalar;
        out[count] = smooth / (1.0 - pow(0.98, count + 1));
        count++;
    }
    file_close(&bytes);
    return count;
}

/* At rates that hardly grow, the steps are those of a training at a constant rate: over several epochs, with two batches a
 * step. */
static void test_the_steps_are_trainings(void **state)
{
    enum { STEPS = LR_FINDER_LEAST_STEPS };
    static const char *settings[3] = {"schedule.kind=constant", "optimiser.rate=0.002", "training.accumulate=2"};
    (void)state;
    double trained[STEPS];
    lr_finder f;
    lr_suggestions s;
    polyp_train_options o = small_options("trained");
    o.learning_rate = 0.0;
    o.settings = settings;
    o.setting_count = 3;
    o.epochs = 10; /* of two steps each */
    assert_ok(polyp_train(&o));
    assert_int_equal(losses_of_run("trained", trained, STEPS), STEPS);
    o.out = small_options("tested").out;
    assert_ok(lr_finder_create(&f, 0.002, 0.002 * (1.0 + 1e-12), STEPS));
    assert_ok(find_lr(&s, &f, &o));
    double largest = 0.0;
    for (int i = 0; i < STEPS; i++) largest = fmax(largest, fabs(f.losses[i] / trained[i] - 1.0));
    printf("smoothed losses against training's: largest relative difference %.2g\n", largest);
    assert_true(largest < 1e-6);
    assert_true(fabs(f.losses[STEPS - 1] / f.losses[0] - 1.0) > 0.01); /* it learnt, so the steps count */
    lr_finder_free(&f);
}

static void test_it_finds_rates_and_keeps_nothing(void **state)
{
    (void)state;
    static const char *const gone[] = {"model.safetensors", "last.safetensors", "history.csv", TENSORBOARD_FILE};
    lr_suggestions s, again;
    lr_finder f = test_at("found", 1e-5, 10.0, 30, &s), g = test_at("found", 1e-5, 10.0, 30, &again);
    assert_true(f.count > 20 && f.count == g.count);
    assert_memory_equal(f.losses, g.losses, (size_t)f.count * sizeof *f.losses);
    assert_memory_equal(&s, &again, sizeof s);
    assert_true(s.valley > 1e-5 && s.valley < 10.0 && s.steep > 1e-5 && s.steep < 10.0);
    assert_true(s.minimum > 1e-6 && s.minimum < 1.0);
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++)
        assert_false(file_exists(help_run_path(folder, "found", gone[i])));
    assert_true(file_exists(help_path(folder, "found/lr.csv")) && file_exists(help_path(folder, "found/recipe.json")));
    assert_int_equal(file_exists(help_path(folder, "found/lr.svg")), canvas_available());
    assert_int_equal(file_exists(help_path(folder, "found/lr.png")), canvas_available());
    lr_finder_free(&f);
    lr_finder_free(&g);
}

/* A loss that is no number ends the test; the points up to there are kept. */
static void test_divergence(void **state)
{
    (void)state;
    lr_finder f;
    lr_suggestions s;
    const polyp_train_options o = small_options("diverged");
    assert_ok(lr_finder_create(&f, 1e30, 1e38, 20));
    assert_fails(POLYP_ERR_ENGINE, "begin with a lower rate", find_lr(&s, &f, &o));
    assert_true(f.count >= 1 && f.count < 20);
    assert_true(file_exists(help_path(folder, "diverged/lr.csv")));
    assert_false(file_exists(help_path(folder, "diverged/lr.svg")));
    lr_finder_free(&f);
}

static void test_stop_and_refusals(void **state)
{
    (void)state;
    lr_finder f;
    lr_suggestions s;
    stopper left = {30};
    polyp_train_options o = small_options("stopped");
    o.watch = (polyp_watch){count_down, &left};
    assert_ok(lr_finder_create(&f, 1e-6, 1.0, 100));
    assert_int_equal(find_lr(&s, &f, &o), POLYP_STOPPED);
    assert_false(file_exists(help_path(folder, "stopped/lr.csv")));
    lr_finder_free(&f);
    o = small_options("a-run");
    assert_ok(folder_create(help_path(folder, "a-run")));
    assert_ok(file_replace(help_path(folder, "a-run/last.safetensors"), "x", 1));
    assert_ok(lr_finder_create(&f, 1e-6, 1.0, 100));
    assert_fails(POLYP_ERR_ARGUMENT, "take another folder", find_lr(&s, &f, &o));
    lr_finder_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_steps_are_trainings),
        cmocka_unit_test(test_it_finds_rates_and_keeps_nothing),
        cmocka_unit_test(test_divergence),
        cmocka_unit_test(test_stop_and_refusals),
    };
    return cmocka_run_group_tests_name("find_lr", tests, make_data, remove_data);
}
