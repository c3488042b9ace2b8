/* The mean of models: every value by hand, what the file says of itself, and what is refused. */
#include "learn_help.h"

#include <jansson.h>
#include <math.h>

#include "learn/average_models.h"
#include "model_help.h"

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

/* A network that begins with `seed`, with a training's facts, as a model of that size; its help_path(). */
static const char *write_model(const char *name, const char *preset, uint64_t seed, int size, const char *licence)
{
    graph g = {0};
    params p;
    unet_spec spec;
    model_facts facts = model_facts_default(preset);
    assert_ok(unet_preset(&spec, preset));
    assert_ok(unet_build(&g, &spec));
    assert_ok(params_create(&p, &g.params));
    params_initialise(&p, seed);
    facts.size = size;
    (void)snprintf(facts.licence, sizeof facts.licence, "%s", licence);
    (void)snprintf(facts.training, sizeof facts.training, "{\"name\": \"%s\", \"run\": {\"seed\": %d}}", name, (int)seed);
    const char *const path = help_path(folder, name);
    assert_ok(model_write(path, &g, &p, &facts));
    params_free(&p);
    graph_free(&g);
    return path;
}

static polyp_model *open_model(const char *path)
{
    polyp_model *model;
    assert_ok(model_open(&model, path));
    return model;
}

static void test_every_value_is_the_mean(void **state)
{
    (void)state;
    enum { COUNT = 3 };
    const char *const paths[COUNT] = {write_model("a", "tiny", 1, 32, "x"), write_model("b", "tiny", 2, 64, "x"),
                                      write_model("c", "tiny", 3, 96, "x")};
    const char *const out = help_path(folder, "mean");
    polyp_model *from[COUNT];
    assert_ok(average_models(out, paths, COUNT));
    polyp_model *const mean = open_model(out);
    for (int i = 0; i < COUNT; i++) from[i] = open_model(paths[i]);
    const param_table *const table = &mean->graph.params;
    size_t moved = 0;
    for (int e = 0; e < table->count; e++) {
        for (size_t k = 0; k < table->entries[e].count; k++) {
            const double a = params_f32(&from[0]->weights, e)[k], b = params_f32(&from[1]->weights, e)[k],
                         c = params_f32(&from[2]->weights, e)[k];
            const float value = params_f32(&mean->weights, e)[k];
            if (value != (float)((a + b + c) / 3)) fail_msg("%s[%zu]: %.9g", table->entries[e].name, k, (double)value);
            moved += (double)value != c;
        }
    }
    assert_true(moved > table->values / 2);
    assert_int_equal(mean->facts.size, 96);
    polyp_model_close(mean);
    for (int i = 0; i < COUNT; i++) polyp_model_close(from[i]);
}

/* The last one's facts, and which files the mean is of. */
static void test_says_where_it_comes_from(void **state)
{
    (void)state;
    const char *const paths[] = {write_model("first", "tiny", 1, 32, "terms"), write_model("last", "tiny", 2, 32, "terms")};
    const char *const out = help_path(folder, "facts");
    char hash[17];
    assert_ok(average_models(out, paths, 2));
    polyp_model *const mean = open_model(out);
    json_t *const root = json_loads(mean->facts.training, 0, NULL);
    const json_t *const run = json_object_get(root, "run"), *const averaged = json_object_get(run, "averaged");
    assert_string_equal(json_string_value(json_object_get(root, "name")), "last");
    assert_int_equal(json_integer_value(json_object_get(run, "seed")), 2);
    assert_int_equal(json_array_size(averaged), 2);
    for (size_t i = 0; i < 2; i++) {
        assert_ok(weights_hash_file(hash, paths[i]));
        assert_string_equal(json_string_value(json_array_get(averaged, i)), hash);
    }
    assert_string_equal(mean->facts.licence, "terms");
    json_decref(root);
    polyp_model_close(mean);
}

static void test_refuses(void **state)
{
    (void)state;
    const char *const good = write_model("good", "tiny", 1, 32, "x"), *const out = help_path(folder, "refused");
    const char *const other = write_model("other", "slim18", 1, 32, "x"), *const terms = write_model("terms", "tiny", 1, 32, "y");
    const char *const nowhere = help_path(folder, "nowhere"), *const nan = help_path(folder, "nan");
    write_constant_model(nan, NAN);
    assert_fails(POLYP_ERR_ARGUMENT, "two models", average_models(out, &good, 1));
    assert_fails(POLYP_ERR_MISMATCH, "slim18", average_models(out, (const char *const[]){good, other}, 2));
    assert_fails(POLYP_ERR_MISMATCH, "licence", average_models(out, (const char *const[]){good, terms}, 2));
    assert_fails(POLYP_ERR_FILE, "nowhere", average_models(out, (const char *const[]){good, nowhere}, 2));
    assert_fails(POLYP_ERR_FORMAT, "nan", average_models(out, (const char *const[]){nan, nan}, 2));
    assert_fails(POLYP_ERR_FILE, "no/folder",
                 average_models(help_path(folder, "no/folder/x"), (const char *const[]){good, good}, 2));
    assert_false(file_exists(out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_value_is_the_mean),
        cmocka_unit_test(test_says_where_it_comes_from),
        cmocka_unit_test(test_refuses),
    };
    return cmocka_run_group_tests_name("average_models", tests, make, clear);
}
