/* polyp predict as a pipeline: order, what fails and what stops it, and the masks of one picture at a time. */
#include "learn_help.h"

#include "base/pipeline.h"
#include "commands.h"
#include "predict/lanes.h"
#include "predict/model.h"

enum { PICTURES = 8, BROKEN_AT = 5 /* images/p004x.png comes sixth */ };

static char *folder;

/* A tiny untrained network, eight pictures and one that is none among them. */
static int make_files(void **state)
{
    (void)state;
    unet_spec spec;
    graph network = {0};
    params weights;
    folder = help_folder();
    assert_ok(unet_preset(&spec, "tiny"));
    assert_ok(unet_build(&network, &spec));
    assert_ok(params_create(&weights, &network.params));
    params_initialise(&weights, 5);
    model_facts facts = model_facts_default("tiny");
    facts.size = 64;
    assert_ok(model_write(help_path(folder, "m.safetensors"), &network, &weights, &facts));
    params_free(&weights);
    graph_free(&network);
    help_write_data(folder, PICTURES, 1);
    assert_ok(file_replace(help_path(folder, "images/p004x.png"), "no picture", 10));
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    help_remove(folder);
    return 0;
}

/* What the watcher was told. */
typedef struct story {
    size_t told, skipped_at, stop_at; /* stop_at 0: never */
} story;

static int listen(void *context, const polyp_progress *p)
{
    story *const s = context;
    assert_int_equal(p->done, ++s->told); /* one after the other, in order */
    if (p->message) {
        assert_non_null(strstr(p->message, "p004x.png"));
        s->skipped_at = p->done;
    }
    return s->told == s->stop_at;
}

static status run_on(int threads, predict_result *result, story *s, const char *const *paths, size_t count,
                     const char *out)
{
    const predict_options o = {.model = help_path(folder, "m.safetensors"),
                               .paths = paths,
                               .path_count = count,
                               .out = out,
                               .probability = true,
                               .threshold = -1,
                               .engine = "reference",
                               .threads = threads,
                               .watch = {listen, s}};
    return command_predict(result, &o);
}

static status run(predict_result *result, story *s, const char *const *paths, size_t count, const char *out)
{
    return run_on(1, result, s, paths, count, out);
}

/* One picture at a time, on one thread. */
static void everything_is_told_in_order_on(int threads)
{
    story s = {0};
    predict_result result;
    char images[512], all[512], alone[512], name[64];
    (void)snprintf(images, sizeof images, "%s", help_path(folder, "images"));
    (void)snprintf(all, sizeof all, "%s", help_path(folder, "all"));
    (void)snprintf(alone, sizeof alone, "%s", help_path(folder, "alone"));
    const char *paths[] = {images};
    assert_ok(run_on(threads, &result, &s, paths, 1, all));
    assert_int_equal(s.told, PICTURES + 1);
    assert_int_equal(s.skipped_at, BROKEN_AT + 1);
    assert_int_equal(result.pictures, PICTURES + 1);
    assert_int_equal(result.failed, 1);
    for (int i = 0; i < PICTURES; i++) {
        char one[600];
        story other = {0};
        (void)snprintf(one, sizeof one, "%s/p%03d.png", images, i);
        paths[0] = one;
        assert_ok(run(&result, &other, paths, 1, alone));
        (void)snprintf(name, sizeof name, "p%03d.png", i);
        assert_true(help_same_files(help_run_path(folder, "all", name), help_run_path(folder, "alone", name)));
        (void)snprintf(name, sizeof name, "p%03d.probability.png", i);
        assert_true(help_same_files(help_run_path(folder, "all", name), help_run_path(folder, "alone", name)));
    }
}

static void everything_is_told_in_order(void **state)
{
    (void)state;
    static const int threads[] = {1, 2, 5, 20};
    for (size_t i = 0; i < sizeof threads / sizeof threads[0]; i++) everything_is_told_in_order_on(threads[i]);
}

static void threads_are_dealt_to_lanes(void **state)
{
    (void)state;
    static const struct {
        int threads;
        size_t pictures;
        int lanes;
    } cases[] = {{1, 100, 1}, {2, 1, 1}, {2, 2, 2}, {2, 100, 2},  {3, 2, 1},   {4, 3, 2},
                 {7, 100, 7}, {8, 9, 8}, {12, 100, 6}, {16, 100, 8}, {100, 100, 7}, {64, 0, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(lanes_count(cases[i].threads, cases[i].pictures), cases[i].lanes);
    assert_in_range(lanes_count(0, 100), 1, LANES_MOST);
    assert_true(pipeline_slots(LANES_MOST) <= PREDICTOR_SLOTS);
}

/* A folder lies where a mask belongs. */
static void what_cannot_be_written_is_named(void **state)
{
    (void)state;
    story s = {0};
    predict_result result;
    char images[512], out[512];
    (void)snprintf(images, sizeof images, "%s", help_path(folder, "images"));
    (void)snprintf(out, sizeof out, "%s", help_path(folder, "blocked"));
    assert_ok(folder_create(help_path(folder, "blocked/p002.png/in_the_way")));
    const char *paths[] = {images};
    assert_fails(POLYP_ERR_FILE, "p002.png", run(&result, &s, paths, 1, out));
    assert_int_equal(s.told, 2);
    assert_true(file_exists(help_path(folder, "blocked/p001.png")));
}

static void a_watcher_stops_it(void **state)
{
    (void)state;
    story s = {.stop_at = 3};
    predict_result result;
    char images[512], out[512];
    (void)snprintf(images, sizeof images, "%s", help_path(folder, "images"));
    (void)snprintf(out, sizeof out, "%s", help_path(folder, "stopped"));
    const char *paths[] = {images};
    assert_fails(POLYP_STOPPED, "stopped after 3 of 9 pictures", run(&result, &s, paths, 1, out));
    assert_true(file_exists(help_path(folder, "stopped/p002.png")));
    assert_false(file_exists(help_path(folder, "stopped/p007.png")));
}

enum { MANY = 60 };

/* Allocations between two moments of one run. */
typedef struct counted {
    size_t after_half;
} counted;

static int count(void *context, const polyp_progress *p)
{
    counted *const c = context;
    const size_t made = memory_fail_at(0); /* since the last time */
    if (p->done > MANY / 2) c->after_half += made;
    return 0;
}

/* Three pictures again and again: once each slot and lane has seen them, nothing is allocated. */
static void pictures_allocate_nothing(void **state)
{
    (void)state;
    static char paths[MANY][600];
    const char *all[MANY];
    char out[512];
    (void)snprintf(out, sizeof out, "%s", help_path(folder, "many"));
    for (int i = 0; i < MANY; i++) {
        const char *const name = help_path(folder, "many_pictures");
        assert_ok(folder_create(name));
        (void)snprintf(paths[i], sizeof paths[i], "%s/p%03d.jpg", name, i);
        polyp_image picture, truth;
        help_draw(&picture, &truth, i % 3, 90, 70, false);
        assert_ok(image_write_jpeg(&picture, paths[i], 90));
        polyp_image_free(&picture);
        polyp_image_free(&truth);
        all[i] = paths[i];
    }
    static const int threads[] = {1, 2};
    for (size_t i = 0; i < sizeof threads / sizeof threads[0]; i++) {
        counted c = {0};
        predict_result result;
        const predict_options o = {.model = help_path(folder, "m.safetensors"),
                                   .paths = all,
                                   .path_count = MANY,
                                   .out = out,
                                   .probability = true,
                                   .threshold = -1,
                                   .engine = "auto",
                                   .threads = threads[i],
                                   .watch = {count, &c}};
        assert_ok(command_predict(&result, &o));
        assert_int_equal(result.pictures, MANY);
        assert_int_equal(c.after_half, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_is_told_in_order),
        cmocka_unit_test(threads_are_dealt_to_lanes),
        cmocka_unit_test(what_cannot_be_written_is_named),
        cmocka_unit_test(a_watcher_stops_it),
        cmocka_unit_test(pictures_allocate_nothing),
    };
    return cmocka_run_group_tests_name("predict_pipeline", tests, make_files, remove_files);
}
