/* What a run shows: the worst validation pictures, TensorBoard's events, the same after a stop as without. */
#include "trainer_help.h"

#include <math.h>

#include "learn/run_figures.h"
#include "media/canvas.h"
#include "model_help.h"

/* ---- which pictures --------------------------------------------------------------------------------- */

static void test_the_worst_come_first(void **state)
{
    (void)state;
    const evaluate_row rows[] = {
        {.counts = {.tp = 90, .fp = 5, .fn = 5, .tn = 900}},  /* Jaccard .9 */
        {.counts = {.tp = 0, .fp = 0, .fn = 100, .tn = 900}}, /* missed: 0 */
        {.counts = {.tp = 0, .fp = 0, .fn = 0, .tn = 1000}},  /* no polyp, none found: 1 */
        {.counts =
             {.tp = 0, .fp = 10, .fn = 0, .tn = 990}}, /* a false alarm: 0, but fewer pixels than the missed one */
        {.counts = {.tp = 50, .fp = 25, .fn = 25, .tn = 900}}, /* .5 */
        {.counts = {.tp = 45, .fp = 0, .fn = 5, .tn = 900}},   /* .9 again: fewer wrong pixels than the first */
        {.counts = {.tp = 50, .fp = 25, .fn = 25, .tn = 900}}, /* equal to number 4 */
    };
    static const size_t expected[] = {1, 3, 4, 6, 0, 5, 2};
    size_t index[7], found;
    assert_ok(worst_find(index, &found, 7, rows, 7));
    assert_int_equal(found, 7);
    for (int i = 0; i < 7; i++) assert_int_equal(index[i], expected[i]);
    assert_ok(worst_find(index, &found, 2, rows, 7));
    assert_int_equal(found, 2);
    assert_true(index[0] == 1 && index[1] == 3);
    assert_ok(worst_find(index, &found, 5, rows, 0));
    assert_int_equal(found, 0);
    memory_fail_at(1);
    assert_int_equal(worst_find(index, &found, 5, rows, 7), POLYP_ERR_MEMORY);
    memory_fail_at(0);
}

/* ---- the sheet -------------------------------------------------------------------------------------- */

/* A network that calls everything polyp: its outline would be the picture's edge, which is no border; the truth is drawn. */
static void test_a_sheet_of_the_worst(void **state)
{
    (void)state;
    if (!canvas_available()) skip();
    graph g = {0};
    params p;
    const engine *e;
    polyp_predictor *predictor;
    dataset data;
    evaluate_row rows[PICTURES];
    polyp_image sheet, again;
    make_constant_network(&g, &p, 3.0f);
    assert_ok(engine_find(&e, "reference"));
    const plan_options options = {.mode = PLAN_INFER, .threads = 1};
    assert_ok(predictor_create(&predictor, e, &g, 32, 0.5, &options));
    assert_ok(predictor_load(predictor, &p));
    assert_ok(dataset_open(&data, help_path(folder, "data"), NULL));
    const evaluate_watch watch = {.phase = "evaluate"};
    assert_ok(evaluate_pictures(rows, predictor, &data, 1, &watch));
    assert_ok(worst_sheet_draw(&sheet, "title", predictor, &data, rows));
    assert_int_equal(sheet.width, 12 + 6 * 192 + 5 * 8 + 12);
    assert_true(sheet.height > 4 * 160 && sheet.height < 4 * 230); /* 24 of the 26 */
    size_t truth = 0, prediction = 0;
    for (size_t i = 0; i < (size_t)sheet.width * (size_t)sheet.height; i++) {
        truth += memcmp(sheet.pixels + 3 * i, (unsigned char[]){240, 228, 66}, 3) == 0;
        prediction += memcmp(sheet.pixels + 3 * i, (unsigned char[]){86, 180, 233}, 3) == 0;
    }
    assert_true(truth > 24 * 50);      /* an outline in each */
    assert_true(prediction < 24 * 20); /* the legend's patch alone */
    assert_ok(worst_sheet_draw(&again, "title", predictor, &data, rows));
    assert_memory_equal(sheet.pixels, again.pixels, (size_t)sheet.width * (size_t)sheet.height * 3);
    polyp_image_free(&sheet);
    polyp_image_free(&again);
    polyp_predictor_close(predictor);
    dataset_free(&data);
    params_free(&p);
    graph_free(&g);
}

/* ---- a run ------------------------------------------------------------------------------------------ */

/* "s1 s2 ... e4 w4": scalars of steps, of epochs, the worst pictures, with their step. */
static void events_of(const char *run, char seen[1024])
{
    file_bytes bytes;
    event e;
    event_value v;
    seen[0] = '\0';
    assert_ok(file_read(&bytes, help_run_path(folder, run, TENSORBOARD_FILE), 0));
    for (size_t at = 0; event_read(&e, bytes.data, bytes.size, at); at = e.end) {
        if (!event_find_value(&v, &e, 0)) continue;
        const size_t used = strlen(seen);
        const char kind = v.is_image ? 'w' : memcmp(v.tag, "step/", 5) == 0 ? 's' : 'e';
        (void)snprintf(seen + used, 1024 - used, "%s%c%d", used ? " " : "", kind, (int)e.step);
    }
    file_close(&bytes);
}

static void train_whole(void)
{
    if (file_exists(help_path(folder, "whole/model.safetensors"))) return;
    const polyp_train_options o = small_options("whole");
    assert_ok(polyp_train(&o));
}

static void test_a_run_shows_itself(void **state)
{
    (void)state;
    char seen[1024];
    train_whole();
    events_of("whole", seen);
    assert_string_equal(seen, canvas_available() ? "s1 s2 s3 s4 e4 w4 s5 s6 s7 s8 e8 w8 s9 s10 s11 s12 e12 w12"
                                                 : "s1 s2 s3 s4 e4 s5 s6 s7 s8 e8 s9 s10 s11 s12 e12");
    if (!canvas_available()) return;
    polyp_image sheet;
    assert_ok(polyp_image_read(&sheet, help_path(folder, "whole/validation.png")));
    assert_int_equal(sheet.channels, 3);
    polyp_image_free(&sheet);
}

static void test_the_same_after_a_stop(void **state)
{
    (void)state;
    char whole[1024], stopped[1024];
    train_whole();
    for (int stop = 3; stop < 24; stop += 5) {
        char run[16];
        (void)snprintf(run, sizeof run, "stop%d", stop);
        stopper s = {stop};
        polyp_train_options o = small_options(run);
        o.watch = (polyp_watch){count_down, &s};
        assert_int_equal(polyp_train(&o), POLYP_STOPPED);
        o.watch = (polyp_watch){0};
        o.resume = 1;
        assert_ok(polyp_train(&o));
        events_of("whole", whole);
        events_of(run, stopped);
        assert_string_equal(stopped, whole);
        if (!canvas_available()) continue;
        assert_true(
            help_same_files(help_path(folder, "whole/validation.png"), help_run_path(folder, run, "validation.png")));
    }
}

/* What cannot be written is noted, and the run goes on to the same model. */
static void test_figures_that_cannot_be_written(void **state)
{
    (void)state;
    train_whole();
    const polyp_train_options o = small_options("blocked");
    assert_ok(folder_create(help_path(folder, "blocked/validation.png")));
    assert_ok(folder_create(help_path(folder, "blocked/" TENSORBOARD_FILE)));
    assert_ok(polyp_train(&o));
    assert_true(
        help_same_files(help_path(folder, "whole/model.safetensors"), help_path(folder, "blocked/model.safetensors")));
    char *const log = help_text(help_path(folder, "blocked/log.txt"));
    assert_non_null(strstr(log, TENSORBOARD_FILE ": cannot be written"));
    assert_non_null(strstr(log, "the run goes on without"));
    memory_free(log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_worst_come_first),
        cmocka_unit_test(test_a_sheet_of_the_worst),
        cmocka_unit_test(test_a_run_shows_itself),
        cmocka_unit_test(test_the_same_after_a_stop),
        cmocka_unit_test(test_figures_that_cannot_be_written),
    };
    return cmocka_run_group_tests_name("run_figures", tests, make_data, remove_data);
}
