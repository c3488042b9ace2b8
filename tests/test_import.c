/*
 * A whole network from PyTorch to our logits: `import` reads what a training script saved (half precision, DataParallel's
 * names), writes a model, and the model computes what PyTorch does. golden/make_import.py made the files.
 */
#include "weights_help.h"

#include <math.h>

#include "commands.h"
#include "engine/engine.h"
#include "predict/model.h"

enum { SEED = 42, SIDE = 64, PIXELS = SIDE * SIDE }; /* as make_import.py has */

static const char *golden_file(const char *name)
{
    const char *const source = getenv("POLYP_SOURCE");
    char folder[400];
    (void)snprintf(folder, sizeof folder, "%s/tests/golden", source == NULL ? "." : source);
    return join(folder, name);
}

static void read_logits(float logits[PIXELS])
{
    FILE *const file = fopen(golden_file("tiny.logits"), "rb");
    assert_non_null(file);
    assert_int_equal(fread(logits, sizeof *logits, PIXELS, file), PIXELS);
    (void)fclose(file);
}

static void import_tiny(const char *out)
{
    const import_options options = {.in = golden_file("tiny.pth"), .out = out, .size = SIDE, .licence = "CC0"};
    import_result result;
    assert_ok(command_import(&result, &options));
    assert_string_equal(result.preset, "tiny");
    assert_false(result.encoder_only);
    assert_int_equal(result.values, 229217);
}

static plan *plan_of(const polyp_model *model, const char *engine_wanted)
{
    const engine *e = NULL;
    if (engine_find(&e, engine_wanted) == POLYP_ERR_UNSUPPORTED) return NULL;
    const plan_options options = {.mode = PLAN_INFER, .threads = 1};
    plan *p = NULL;
    assert_ok(plan_create(&p, e, &model->graph, (shape){1, 3, SIDE, SIDE}, &options));
    assert_ok(plan_load(p, &model->weights));
    return p;
}

/* Draws of normal values, as in make_network.py. */
static void fill_picture(tensor picture)
{
    random_stream r = random_open(SEED, RANDOM_TEST, 2, 0);
    const size_t count = shape_count(picture.shape);
    for (size_t i = 0; i < count; i++) picture.data[i] = (float)random_normal(&r);
}

static void compare_logits(const polyp_model *model, const char *engine_wanted)
{
    plan *const p = plan_of(model, engine_wanted);
    if (p == NULL) return;
    float want[PIXELS];
    read_logits(want);
    fill_picture(plan_input(p));
    assert_ok(plan_forward(p));
    const tensor logits = plan_logits(p);
    double most = 0, worst = 0;
    for (int i = 0; i < PIXELS; i++) {
        assert_true(isfinite(logits.data[i]) != 0);
        most = fmax(most, fabs((double)want[i]));
        worst = fmax(worst, fabs((double)logits.data[i] - (double)want[i]));
    }
    print_message("%s: largest difference %.2e of the largest logit\n", engine_wanted, worst / most);
    assert_true(worst <= 1e-4 * most);
    plan_destroy(p);
}

static void network_of_pytorch(void **state)
{
    const char *const out = join(*state, "tiny.safetensors");
    import_tiny(out);
    polyp_model *model = NULL;
    assert_ok(model_open(&model, out));
    assert_string_equal(model->facts.preset, "tiny");
    assert_string_equal(model->facts.licence, "CC0");
    assert_int_equal(model->facts.size, SIDE);
    compare_logits(model, "reference");
    compare_logits(model, "onednn");
    polyp_model_close(model);
}

/* Read again, the written model is the same file. */
static void import_twice(void **state)
{
    const char *const once = join(*state, "once.safetensors");
    const char *const twice = join(*state, "twice.safetensors");
    import_tiny(once);
    const import_options options = {.in = once, .out = twice};
    import_result result;
    assert_ok(command_import(&result, &options));
    file_bytes a = {0}, b = {0};
    assert_ok(file_map(&a, once));
    assert_ok(file_map(&b, twice));
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.data, b.data, a.size);
    file_close(&a);
    file_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(network_of_pytorch, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(import_twice, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
