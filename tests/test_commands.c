/* The functions behind the commands when memory runs out at the k-th allocation: a failure in words, no leak, no crash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "commands.h"
#include "media/image.h"
#include "predict/model.h"

enum { EVERY = 40, STEP = 13 }; /* the first 40 allocations one by one, then every 13th: a network has many alike */

static char folder[64], model_path[96], picture_path[96], masks[96], copy_path[96];

static void join(char out[96], const char *name)
{
    snprintf(out, 96, "%s/%s", folder, name);
}

/* A network with random weights and one small picture. */
static int prepare(void **state)
{
    graph g = {0};
    params weights = {0};
    unet_spec spec;
    polyp_image picture = {0};
    (void)state;
    strcpy(folder, "/tmp/polyp-commands-XXXXXX");
    if (!mkdtemp(folder)) return -1;
    join(model_path, "model.safetensors");
    join(picture_path, "picture.png");
    join(masks, "masks");
    join(copy_path, "copy.safetensors");
    status result;
    TRY_DONE(unet_preset(&spec, "slim18"));
    TRY_DONE(unet_build(&g, &spec));
    TRY_DONE(params_create(&weights, &g.params));
    params_initialise(&weights, 1);
    model_facts facts = model_facts_default("slim18");
    facts.size = 32;
    TRY_DONE(model_write(model_path, &g, &weights, &facts));
    TRY_DONE(image_create(&picture, 40, 30, 3));
    TRY_DONE(image_write_png(&picture, picture_path));
done:
    polyp_image_free(&picture);
    params_free(&weights);
    graph_free(&g);
    return result;
}

static int clean_up(void **state)
{
    char line[128];
    (void)state;
    snprintf(line, sizeof line, "rm -rf '%s'", folder);
    return system(line);
}

/* One of the commands. Returns its status; true in *skipped when a picture was skipped for want of memory. */
typedef status (*command_function)(bool *skipped);

static status run_predict(bool *skipped)
{
    const char *const paths[] = {picture_path};
    const predict_options options = {.model = model_path,
                                     .paths = paths,
                                     .path_count = 1,
                                     .out = masks,
                                     .overlay = true,
                                     .probability = true,
                                     .threshold = -1,
                                     .engine = "reference",
                                     .threads = 1};
    predict_result result = {0};
    const status s = command_predict(&result, &options);
    *skipped = result.failed > 0;
    return s;
}

static status run_import(bool *skipped)
{
    const import_options options = {.in = model_path, .out = copy_path};
    import_result result;
    (void)skipped;
    return command_import(&result, &options);
}

static status run_info(bool *skipped)
{
    FILE *const nowhere = fopen("/dev/null", "w");
    (void)skipped;
    assert_non_null(nowhere);
    const status s = command_info(model_path, false, nowhere);
    fclose(nowhere);
    return s;
}

static status run_bench(bool *skipped)
{
    static const int size = 32;
    const bench_options options = {
        .model = model_path, .sizes = &size, .size_count = 1, .train = true, .runs = 1, .engine = "reference", .threads = 1};
    bench_result result;
    (void)skipped;
    return command_bench(&result, &options, NULL);
}

static void fail_at_each(command_function run)
{
    bool skipped = false;
    assert_int_equal(run(&skipped), POLYP_OK); /* the first run makes a folder, too */
    memory_fail_at(0);
    assert_int_equal(run(&skipped), POLYP_OK);
    const size_t count = memory_fail_at(0);
    assert_true(count > 3);
    for (size_t k = 1; k <= count; k += k < EVERY ? 1 : STEP) {
        skipped = false;
        memory_fail_at(k);
        const status s = run(&skipped);
        if (s != POLYP_ERR_MEMORY && !skipped)
            fail_msg("allocation %zu of %zu failed, but the result is %d", k, count, s);
        assert_true(strlen(polyp_error()) > 0 || skipped);
    }
    memory_fail_at(0);
    assert_int_equal(run(&skipped), POLYP_OK);
}

static void predict_without_memory(void **state)
{
    (void)state;
    fail_at_each(run_predict);
}

static void import_without_memory(void **state)
{
    (void)state;
    fail_at_each(run_import);
}

static void info_without_memory(void **state)
{
    (void)state;
    fail_at_each(run_info);
}

static void bench_without_memory(void **state)
{
    (void)state;
    fail_at_each(run_bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(predict_without_memory),
        cmocka_unit_test(import_without_memory),
        cmocka_unit_test(info_without_memory),
        cmocka_unit_test(bench_without_memory),
    };
    return cmocka_run_group_tests(tests, prepare, clean_up);
}
