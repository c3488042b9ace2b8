/* Training: it learns, it resumes to the same bytes after any kill, it refuses what cannot be. */
#include "trainer_help.h"

#include <math.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "predict/model.h"

/* ---- learning --------------------------------------------------------------------------------------- */

static void unbroken_run(void)
{
    if (file_exists(help_path(folder, "whole/model.safetensors"))) return;
    const polyp_train_options o = small_options("whole");
    assert_ok(polyp_train(&o));
}

static void test_learns(void **state)
{
    (void)state;
    polyp_train_options o = small_options("learns");
    o.epochs = 12;
    assert_ok(polyp_train(&o));
    history h;
    assert_ok(history_create(&h, o.epochs));
    assert_ok(history_read(&h, help_path(o.out, "history.csv"), o.epochs));
    assert_int_equal(h.count, o.epochs);
    const double first = h.rows[0].values[HISTORY_TRAIN_LOSS], last = h.rows[11].values[HISTORY_TRAIN_LOSS];
    if (!(last < 0.6 * first)) fail_msg("loss went from %g to %g", first, last);
    const double valid_first = h.rows[0].values[HISTORY_VALID_LOSS], valid = h.rows[11].values[HISTORY_VALID_LOSS];
    if (!(valid < 0.8 * valid_first)) fail_msg("validation loss went from %g to %g", valid_first, valid);
    if (!(h.rows[11].values[HISTORY_JACCARD] > 0.6)) fail_msg("Jaccard %g", h.rows[11].values[HISTORY_JACCARD]);
    history_free(&h);
}

static void test_leaves_its_files(void **state)
{
    (void)state;
    static const char *const names[] = {"model.safetensors", "last.safetensors", "history.csv", "recipe.json",
                                        "curves.svg",        "log.txt",          "train.txt",   "valid.txt"};
    unbroken_run();
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (!curves_available() && strcmp(names[i], "curves.svg") == 0) continue;
        if (!file_exists(help_run_path(folder, "whole", names[i]))) fail_msg("%s is not there", names[i]);
    }
    polyp_model *model;
    assert_ok(polyp_model_open(&model, help_path(folder, "whole/model.safetensors")));
    assert_string_equal(polyp_model_about(model).preset, "tiny");
    assert_int_equal(polyp_model_about(model).size, 32);
    assert_non_null(strstr(model->facts.training, "\"epochs\":3"));
    assert_null(strstr(model->facts.training, folder)); /* no path */
    polyp_model_close(model);
}

static void test_equal_runs_give_equal_bytes(void **state)
{
    (void)state;
    unbroken_run();
    const polyp_train_options o = small_options("again");
    assert_ok(polyp_train(&o));
    assert_true(
        help_same_files(help_path(folder, "whole/model.safetensors"), help_path(folder, "again/model.safetensors")));
    assert_true(
        help_same_files(help_path(folder, "whole/last.safetensors"), help_path(folder, "again/last.safetensors")));
    assert_true(help_same_files(help_path(folder, "whole/history.csv"), help_path(folder, "again/history.csv")));
    if (!curves_available()) return;
    assert_true(help_same_files(help_path(folder, "whole/curves.svg"), help_path(folder, "again/curves.svg")));
}

static void test_seed_matters(void **state)
{
    (void)state;
    unbroken_run();
    polyp_train_options o = small_options("seed");
    o.seed = 2;
    assert_ok(polyp_train(&o));
    assert_false(help_same_files(help_path(folder, "whole/history.csv"), help_path(folder, "seed/history.csv")));
}

/* ---- going on --------------------------------------------------------------------------------------- */

static void assert_equals_unbroken(const char *run)
{
    unbroken_run();
    static const char *const names[] = {"model.safetensors", "last.safetensors", "history.csv", "curves.svg"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (!curves_available() && strcmp(names[i], "curves.svg") == 0) continue;
        if (!help_same_files(help_run_path(folder, "whole", names[i]), help_run_path(folder, run, names[i]))) {
            fail_msg("%s/%s differs", run, names[i]);
        }
    }
}

/* This program again, as a process of its own that trains: OpenMP's threads do not survive a fork alone. */
static pid_t start_child(const char *run, const char *mode)
{
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)execl("/proc/self/exe", "test_trainer", folder, run, mode, (char *)NULL);
        _exit(4);
    }
    return child;
}

/* What start_child() runs: goes on in `run`; "steps" saves after every step, "full" may not write long files. */
static int be_child(char **arguments)
{
    folder = arguments[1];
    polyp_train_options o = small_options(arguments[2]);
    o.resume = 1;
    if (strcmp(arguments[3], "full") == 0) {
        const struct rlimit limit = {100000, 100000};
        (void)signal(SIGXFSZ, SIG_IGN);
        (void)setrlimit(RLIMIT_FSIZE, &limit);
        return polyp_train(&o) == POLYP_ERR_FILE ? 0 : 3;
    }
    return trainer_run_saving(&o, strcmp(arguments[3], "steps") == 0 ? 0.0 : 1e9) == POLYP_OK ? 0 : 3;
}

/* Kills a child after some microseconds; true when it ended by itself before. */
static bool run_and_kill(const char *run, const char *mode, useconds_t after)
{
    const pid_t child = start_child(run, mode);
    int how;
    for (useconds_t waited = 0; waited < after; waited += 1000) {
        if (waitpid(child, &how, WNOHANG) == child) {
            assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 0);
            return true;
        }
        usleep(1000);
    }
    (void)kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &how, 0), child);
    return WIFEXITED(how);
}

static void kill_until_done(const char *run, const char *mode, uint64_t seed)
{
    random_stream r = random_open(seed, RANDOM_TEST, 1, 0);
    unbroken_run();
    int kills = 0;
    useconds_t most = 150000;
    while (!run_and_kill(run, mode, (useconds_t)random_uniform(&r, 1000, most))) {
        if (++kills % 3 == 0) most += most / 2; /* a slow machine must come to an end as well */
    }
    print_message("%s: killed %d times\n", run, kills);
    assert_true(kills > 0);
    assert_equals_unbroken(run);
}

static void test_killed_between_epochs(void **state)
{
    (void)state;
    kill_until_done("killed", "epochs", 5);
}

static void test_killed_while_saving_every_step(void **state)
{
    (void)state;
    kill_until_done("killed-saving", "steps", 6);
}

/* Stops in the second epoch's second step. */
static int stop_in_second_epoch(void *context, const polyp_progress *progress)
{
    (void)context;
    return progress->epoch == 2 && strcmp(progress->phase, "train") == 0 && progress->done == 6;
}

/* Every place where a watcher can say stop: while grouping, in a step, in validation, between epochs. */
static void test_stopped_everywhere_resumes(void **state)
{
    (void)state;
    polyp_train_options o = small_options("stopped");
    o.resume = 1;
    status result = POLYP_STOPPED;
    for (long n = 1; result == POLYP_STOPPED; n++) {
        stopper s = {n};
        o.watch = (polyp_watch){count_down, &s};
        result = polyp_train(&o);
        assert_true(n < 200);
    }
    if (result != POLYP_OK) fail_msg("%s", polyp_error());
    assert_equals_unbroken("stopped");
}

/* The fastest engine on two threads: sums are split by thread, never by chance. */
static void fast_engine_resumes(const char *precision, const char *whole, const char *stopped)
{
    polyp_train_options o = small_options(whole), again = small_options(stopped);
    o.engine = again.engine = "auto";
    o.threads = again.threads = 2;
    o.precision = again.precision = precision;
    assert_ok(polyp_train(&o));
    again.watch = (polyp_watch){stop_in_second_epoch, NULL};
    assert_int_equal(polyp_train(&again), POLYP_STOPPED);
    again.watch = (polyp_watch){0};
    again.resume = 1;
    assert_ok(polyp_train(&again));
    static const char *const files[] = {"last.safetensors", "model.safetensors"};
    for (size_t i = 0; i < 2; i++) {
        char one[512], two[512];
        (void)snprintf(one, sizeof one, "%s/%s", o.out, files[i]);
        (void)snprintf(two, sizeof two, "%s/%s", again.out, files[i]);
        assert_true(help_same_files(one, two));
    }
}

/* "auto" is bf16 where the processor has it: the checkpoint holds all that is needed, the rounded copies follow. */
static void test_fast_engine_resumes(void **state)
{
    (void)state;
    fast_engine_resumes("f32", "fast", "fast-stopped");
    fast_engine_resumes("auto", "fast-auto", "fast-auto-stopped");
}

static void test_stop_leaves_a_checkpoint(void **state)
{
    (void)state;
    polyp_train_options o = small_options("ask");
    o.watch = (polyp_watch){stop_in_second_epoch, NULL};
    assert_fails(POLYP_STOPPED, "--resume", polyp_train(&o));
    assert_true(file_exists(help_path(folder, "ask/last.safetensors")));
}

static void test_finished_run_resumes_to_nothing(void **state)
{
    (void)state;
    polyp_train_options o = small_options("finished");
    assert_ok(polyp_train(&o));
    o.resume = 1;
    assert_ok(polyp_train(&o));
    assert_equals_unbroken("finished");
}

static void test_lost_history_is_no_reason_to_stop(void **state)
{
    (void)state;
    polyp_train_options o = small_options("lost");
    o.watch = (polyp_watch){stop_in_second_epoch, NULL};
    assert_int_equal(polyp_train(&o), POLYP_STOPPED);
    (void)unlink(help_path(folder, "lost/history.csv"));
    o.watch = (polyp_watch){0};
    o.resume = 1;
    assert_ok(polyp_train(&o));
    unbroken_run();
    assert_true(
        help_same_files(help_path(folder, "whole/model.safetensors"), help_path(folder, "lost/model.safetensors")));
}

/* ---- refusals --------------------------------------------------------------------------------------- */

static void test_refuses_to_overwrite(void **state)
{
    (void)state;
    unbroken_run();
    const polyp_train_options o = small_options("whole");
    assert_fails(POLYP_ERR_ARGUMENT, "--resume", polyp_train(&o));
}

static void test_resume_refuses_another_recipe(void **state)
{
    (void)state;
    unbroken_run();
    polyp_train_options o = small_options("whole");
    o.resume = 1;
    o.batch = 5;
    assert_fails(POLYP_ERR_MISMATCH, "batch 4, now it is 5", polyp_train(&o));
    o = small_options("whole");
    o.resume = 1;
    o.learning_rate = 2e-2;
    assert_fails(POLYP_ERR_MISMATCH, "optimiser.rate 0.01, now it is 0.02", polyp_train(&o));
    o = small_options("whole");
    o.resume = 1;
    o.threads = 2;
    assert_fails(POLYP_ERR_MISMATCH, "threads 1, now it is 2", polyp_train(&o));
    o = small_options("whole");
    o.resume = 1;
    o.preset = "slim18";
    assert_int_equal(polyp_train(&o), POLYP_ERR_MISMATCH);
}

static void test_resume_refuses_other_data(void **state)
{
    (void)state;
    polyp_train_options o = small_options("other-data");
    char *const data = memory_text(help_path(folder, "data2"));
    o.data = data;
    o.epochs = 1;
    help_write_data(data, PICTURES, TESTS);
    assert_ok(polyp_train(&o));
    help_write_pair(data, 3, 80, 72, false); /* another size than before */
    o.resume = 1;
    assert_fails(POLYP_ERR_MISMATCH, "have changed", polyp_train(&o));
    memory_free(data);
}

static void test_resume_refuses_a_damaged_checkpoint(void **state)
{
    (void)state;
    polyp_train_options o = small_options("damaged");
    o.epochs = 1;
    assert_ok(polyp_train(&o));
    char *const path = memory_text(help_path(folder, "damaged/last.safetensors"));
    file_bytes bytes;
    assert_ok(file_read(&bytes, path, 0));
    unsigned char *const changed = memory_allocate(bytes.size, 1);
    memcpy(changed, bytes.data, bytes.size);
    changed[bytes.size - 7] ^= 1;
    assert_ok(file_replace(path, changed, bytes.size));
    o.resume = 1;
    assert_fails(POLYP_ERR_FORMAT, "xxh3", polyp_train(&o));
    assert_ok(file_replace(path, changed, bytes.size / 2));
    assert_int_equal(polyp_train(&o), POLYP_ERR_FORMAT);
    memory_free(changed);
    file_close(&bytes);
    memory_free(path);
}

static void test_refuses_the_test_split(void **state)
{
    (void)state;
    polyp_train_options o = small_options("test-split");
    o.valid = "val";
    assert_fails(POLYP_ERR_ARGUMENT, "--this-is-the-test", polyp_train(&o));
    o.valid = "0.2";
    o.split = "val";
    assert_fails(POLYP_ERR_ARGUMENT, "--this-is-the-test", polyp_train(&o));
    o.split = NULL;
    o.valid = "val";
    o.epochs = 1;
    o.allow_test = 1;
    assert_ok(polyp_train(&o));
}

static void test_refuses_a_picture_in_both_parts(void **state)
{
    (void)state;
    polyp_train_options o = small_options("both");
    o.valid = "train";
    assert_fails(POLYP_ERR_ARGUMENT, "p000", polyp_train(&o));
}

static void test_refuses_wrong_options(void **state)
{
    (void)state;
    const struct {
        polyp_train_options o;
        const char *words;
    } cases[] = {
#define WITH(field, value, says)                         \
    {.o = ({                                             \
         polyp_train_options o = small_options("wrong"); \
         o.field = (value);                              \
         o;                                              \
     }),                                                 \
     .words = says}
        WITH(data, NULL, "data"),
        WITH(out, NULL, "folder"),
        WITH(size, 100, "multiple of 32"),
        WITH(size, -32, "size"),
        WITH(epochs, -1, "epochs"),
        WITH(batch, -1, "batch"),
        WITH(recipe, "bset", "best"),
        WITH(batch, 25, "smaller batch"),
        WITH(learning_rate, -1.0, "learning rate"),
        WITH(learning_rate, (double)NAN, "learning rate"),
        WITH(preset, "vast", "vast"),
        WITH(engine, "steam", "steam"),
        WITH(threads, -1, "threads"),
        WITH(valid, "1.5", "between 0 and 1"),
        WITH(valid, "nowhere", "nowhere"),
        WITH(split, "nowhere", "nowhere"),
        WITH(data, "/nowhere", "/nowhere"),
        WITH(encoder, "/nowhere.pth", "/nowhere.pth"),
        WITH(init, "/nowhere.safetensors", "/nowhere.safetensors"),
        WITH(memory_limit, 1000000, "limit"),
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const status result = polyp_train(&cases[i].o);
        if (result == POLYP_OK || !strstr(polyp_error(), cases[i].words)) {
            fail_msg("case %zu (%s): %d: %s", i, cases[i].words, result, polyp_error());
        }
    }
}

static void test_refuses_encoder_with_init(void **state)
{
    (void)state;
    polyp_train_options o = small_options("wrong");
    o.encoder = o.init = "x";
    assert_fails(POLYP_ERR_ARGUMENT, "exclude", polyp_train(&o));
}

static void expect_line(const char *file, const char *part)
{
    char *const text = help_text(help_path(folder, file));
    assert_non_null(strstr(text, part));
    memory_free(text);
}

/* The model brings its preset and size, and the log says where the recipe had another. */
static void test_goes_on_from_a_model(void **state)
{
    (void)state;
    unbroken_run();
    polyp_train_options o = small_options("from-model");
    char *const init = memory_text(help_path(folder, "whole/model.safetensors"));
    o.init = init;
    o.preset = NULL;
    o.size = 0;
    o.epochs = 1;
    assert_ok(polyp_train(&o));
    polyp_model *model;
    assert_ok(polyp_model_open(&model, help_path(folder, "from-model/model.safetensors")));
    assert_string_equal(polyp_model_about(model).preset, "tiny");
    assert_int_equal(polyp_model_about(model).size, 32);
    polyp_model_close(model);
    expect_line("from-model/log.txt", "32 x 32 as ");
    o = small_options("from-model-2");
    o.init = init;
    o.preset = "slim";
    assert_fails(POLYP_ERR_MISMATCH, "tiny", polyp_train(&o));
    memory_free(init);
}

static void test_stops_at_a_loss_that_is_no_number(void **state)
{
    (void)state;
    polyp_train_options o = small_options("diverges");
    static const char *const settings[] = {"optimiser.weight_decay=10"};
    o.learning_rate = 1e3;
    o.settings = settings;
    o.setting_count = 1;
    o.epochs = 20;
    assert_fails(POLYP_ERR_ENGINE, "lower --lr", polyp_train(&o));
}

/* A full disk, as a limit on the size of files: the run fails with words and the old files stay whole. */
static void test_full_disk(void **state)
{
    (void)state;
    polyp_train_options o = small_options("full");
    o.watch = (polyp_watch){stop_in_second_epoch, NULL};
    assert_int_equal(polyp_train(&o), POLYP_STOPPED);
    o.watch = (polyp_watch){0};
    o.resume = 1;
    const pid_t child = start_child("full", "full");
    int how;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 0);
    assert_ok(polyp_train(&o));
    assert_equals_unbroken("full");
}

static void test_unwritable_folder(void **state)
{
    (void)state;
    const polyp_train_options o = small_options("data/splits/train.txt/run");
    assert_int_equal(polyp_train(&o), POLYP_ERR_FILE);
}

int main(int count, char **arguments)
{
    if (count == 4) return be_child(arguments);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_learns),
        cmocka_unit_test(test_leaves_its_files),
        cmocka_unit_test(test_equal_runs_give_equal_bytes),
        cmocka_unit_test(test_seed_matters),
        cmocka_unit_test(test_killed_between_epochs),
        cmocka_unit_test(test_killed_while_saving_every_step),
        cmocka_unit_test(test_stopped_everywhere_resumes),
        cmocka_unit_test(test_fast_engine_resumes),
        cmocka_unit_test(test_stop_leaves_a_checkpoint),
        cmocka_unit_test(test_finished_run_resumes_to_nothing),
        cmocka_unit_test(test_lost_history_is_no_reason_to_stop),
        cmocka_unit_test(test_refuses_to_overwrite),
        cmocka_unit_test(test_resume_refuses_another_recipe),
        cmocka_unit_test(test_resume_refuses_other_data),
        cmocka_unit_test(test_resume_refuses_a_damaged_checkpoint),
        cmocka_unit_test(test_refuses_the_test_split),
        cmocka_unit_test(test_refuses_a_picture_in_both_parts),
        cmocka_unit_test(test_refuses_wrong_options),
        cmocka_unit_test(test_refuses_encoder_with_init),
        cmocka_unit_test(test_goes_on_from_a_model),
        cmocka_unit_test(test_stops_at_a_loss_that_is_no_number),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_unwritable_folder),
    };
    return cmocka_run_group_tests(tests, make_data, remove_data);
}
