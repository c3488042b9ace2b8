/* What a recipe asks of training beyond plain steps: averages, accumulation, phases, patience. */
#include "trainer_help.h"

#include <math.h>

/* Everything of a recipe that a checkpoint must carry: an average of the weights, steps of two batches, a frozen phase. */
static polyp_train_options rich_options(const char *run)
{
    static const char *const settings[] = {
        "optimiser.average=0.3",   "optimiser.average_batches=3", "training.accumulate=2", "training.freeze=first",
        "training.freeze_epochs=1", "training.keep=last",          "schedule.kind=warm-cosine",
        "network.auxiliary=true",   "loss.kind=structure",
    };
    polyp_train_options o = small_options(run);
    o.settings = settings;
    o.setting_count = sizeof settings / sizeof settings[0];
    return o;
}

static void test_rich_recipe_resumes_from_everywhere(void **state)
{
    (void)state;
    static const char *const names[] = {"model.safetensors", "last.safetensors", "history.csv"};
    const polyp_train_options whole = rich_options("rich");
    assert_ok(polyp_train(&whole));
    polyp_train_options o = rich_options("rich-stopped");
    o.resume = 1;
    status result = POLYP_STOPPED;
    for (long n = 1; result == POLYP_STOPPED; n++) {
        stopper s = {n};
        o.watch = (polyp_watch){count_down, &s};
        result = polyp_train(&o);
        assert_true(n < 200);
    }
    if (result != POLYP_OK) fail_msg("%s", polyp_error());
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (!help_same_files(help_run_path(folder, "rich", names[i]), help_run_path(folder, "rich-stopped", names[i])))
            fail_msg("%s differs", names[i]);
    }
}

/* The model is the average, not the last weights; and it scores as the run said. */
static void test_model_is_the_average(void **state)
{
    (void)state;
    polyp_train_options o = rich_options("average");
    o.epochs = 8;
    assert_ok(polyp_train(&o));
    polyp_model *model;
    char *const path = memory_text(help_path(folder, "average/model.safetensors"));
    char *const valid = memory_text(help_path(folder, "average/valid.txt"));
    assert_ok(polyp_model_open(&model, path));
    polyp_evaluate_options e = polyp_evaluate_defaults();
    polyp_evaluation found;
    e.data = o.data;
    e.split = valid;
    e.engine = "reference";
    e.threads = 1;
    assert_ok(polyp_evaluate(&found, model, &e));
    history h;
    assert_ok(history_create(&h, o.epochs));
    assert_ok(history_read(&h, help_path(folder, "average/history.csv"), o.epochs));
    const double said = h.rows[o.epochs - 1].values[HISTORY_JACCARD];
    if (fabs(found.per_image.jaccard - said) > 1e-8) fail_msg("%g, not %g", found.per_image.jaccard, said);
    if (!(said > 0.3)) fail_msg("Jaccard %g", said);
    history_free(&h);
    polyp_model_close(model);
    memory_free(path);
    memory_free(valid);
}

/* Heads of no weight change nothing that is learnt; others do. */
static void test_auxiliary_heads_teach(void **state)
{
    (void)state;
    static const char *const settings[][2] = {{"network.auxiliary=false", "network.auxiliary_weight=0.5"},
                                              {"network.auxiliary=true", "network.auxiliary_weight=0"},
                                              {"network.auxiliary=true", "network.auxiliary_weight=0.5"}};
    const char *const runs[] = {"plain", "weightless", "deep"};
    for (int i = 0; i < 3; i++) {
        polyp_train_options o = small_options(runs[i]);
        o.settings = settings[i];
        o.setting_count = 2;
        assert_ok(polyp_train(&o));
    }
    const char *const plain = help_run_path(folder, "plain", "history.csv");
    assert_true(help_same_files(plain, help_run_path(folder, "weightless", "history.csv")));
    assert_false(help_same_files(plain, help_run_path(folder, "deep", "history.csv")));
    /* the saved model has no heads, and one that is trained on gets fresh ones */
    polyp_model *model;
    char *const saved = memory_text(help_run_path(folder, "deep", "model.safetensors"));
    assert_ok(polyp_model_open(&model, saved));
    polyp_model_close(model);
    polyp_train_options o = small_options("deeper");
    o.settings = settings[2];
    o.setting_count = 2;
    o.init = saved;
    o.preset = NULL;
    o.epochs = 1;
    assert_ok(polyp_train(&o));
    memory_free(saved);
}

static void test_patience(void **state)
{
    (void)state;
    static const char *const settings[] = {"training.patience=2", "optimiser.factors.decoder=0"};
    polyp_train_options o = small_options("patient");
    o.settings = settings; /* nothing is trained but the encoder, at a rate too small to matter: nothing gets better */
    o.setting_count = 2;
    o.epochs = 40;
    o.learning_rate = 1e-12;
    assert_ok(polyp_train(&o));
    history h;
    assert_ok(history_create(&h, o.epochs));
    assert_ok(history_read(&h, help_path(folder, "patient/history.csv"), o.epochs));
    int lines = 0;
    while (lines < h.count && !isnan(h.rows[lines].values[HISTORY_TRAIN_LOSS])) lines++;
    if (lines < 3 || lines > 12) fail_msg("%d epochs", lines);
    history_free(&h);
    o.resume = 1; /* and a stopped run stays stopped */
    assert_ok(polyp_train(&o));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rich_recipe_resumes_from_everywhere),
        cmocka_unit_test(test_model_is_the_average),
        cmocka_unit_test(test_auxiliary_heads_teach),
        cmocka_unit_test(test_patience),
    };
    return cmocka_run_group_tests(tests, make_data, remove_data);
}
