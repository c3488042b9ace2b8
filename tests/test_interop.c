/*
 * Exported files in other programs: ONNX's checker and ONNX Runtime, PyTorch through the lines that docs/interop.md shows.
 * The Python that has them is $POLYP_ORACLE or python3; without the packages the tests are skipped.
 */
#include "onnx_help.h"

#include <math.h>

#include "engine/engine.h"
#include "media/image.h"
#include "media/synth.h"
#include "predict/prepare.h"

enum { SIDE = 64, BATCH = 2 };

/* ---- Python --------------------------------------------------------------------------------------------- */

static const char *python(void)
{
    const char *const chosen = getenv("POLYP_ORACLE");
    return chosen == NULL ? "python3" : chosen;
}

static const char *script(const char *name)
{
    const char *const source = getenv("POLYP_SOURCE");
    static char path[512];
    (void)snprintf(path, sizeof path, "%s/tests/%s", source == NULL ? "." : source, name);
    return path;
}

static void skip_without(const char *script_name)
{
    char *const line = memory_format("'%s' '%s' --available >/dev/null 2>&1", python(), script(script_name));
    const int found = system(line);
    memory_free(line);
    if (found != 0) skip();
}

static bool python_has(const char *package)
{
    char *const line = memory_format("'%s' -c 'import %s' >/dev/null 2>&1", python(), package);
    const int found = system(line);
    memory_free(line);
    return found == 0;
}

/* The largest and the mean: of logits relative to the largest of them, of the others in levels of 255. */
typedef struct difference {
    double largest, mean;
} difference;
typedef struct differences {
    difference logits, prepared, probability;
} differences;

/* Runs the script with `arguments`; its lines are "logits LARGEST MEAN" and so on. */
static differences ask(const char *script_name, const char *arguments)
{
    char *const line = memory_format("PYTHONDONTWRITEBYTECODE=1 '%s' '%s' %s", python(), script(script_name), arguments);
    differences d = {{NAN, NAN}, {NAN, NAN}, {NAN, NAN}};
    char row[200];
    FILE *const answer = popen(line, "r");
    assert_non_null(answer);
    while (fgets(row, sizeof row, answer) != NULL) {
        (void)sscanf(row, "logits %lf %lf", &d.logits.largest, &d.logits.mean);
        (void)sscanf(row, "prepared %lf %lf", &d.prepared.largest, &d.prepared.mean);
        (void)sscanf(row, "probability %lf %lf", &d.probability.largest, &d.probability.mean);
    }
    if (pclose(answer) != 0) fail_msg("%s failed", line);
    memory_free(line);
    return d;
}

/* ---- what we compute ------------------------------------------------------------------------------------ */

static void put_floats(const char *path, tensor t)
{
    put_bytes(path, t.data, shape_count(t.shape) * sizeof *t.data);
}

static plan *plan_of(const polyp_model *model, shape input)
{
    const engine *e = NULL;
    plan *p = NULL;
    const plan_options options = {.mode = PLAN_INFER, .threads = 1};
    assert_ok(engine_find(&e, "auto"));
    assert_ok(plan_create(&p, e, &model->graph, input, &options));
    assert_ok(plan_load(p, &model->weights));
    return p;
}

/* Normal values through the network: input.f32 and logits.f32. */
static void compute(void **state, const char *path, shape input)
{
    polyp_model *model = NULL;
    assert_ok(model_open(&model, path));
    plan *const p = plan_of(model, input);
    const tensor in_tensor = plan_input(p);
    random_stream r = random_open(SEED, RANDOM_TEST, 2, 0);
    for (size_t i = 0; i < shape_count(input); i++) in_tensor.data[i] = (float)random_normal(&r);
    put_floats(in(state, "input.f32"), in_tensor);
    assert_ok(plan_forward(p));
    put_floats(in(state, "logits.f32"), plan_logits(p));
    plan_destroy(p);
    polyp_model_close(model);
}

/* ---- ONNX Runtime --------------------------------------------------------------------------------------- */

static void compare_onnx(void **state, const char *model, const char *what, export_options options, shape input)
{
    const char *const out = in(state, "m.onnx");
    export_as(model, out, options);
    compute(state, model, input);
    char *const arguments = memory_format("'%s' '%s' %dx%dx%dx%d '%s'", out, in(state, "input.f32"), input.n, input.c,
                                          input.h, input.w, in(state, "logits.f32"));
    const differences d = ask("check_onnx.py", arguments);
    memory_free(arguments);
    print_message("%s in ONNX Runtime: largest difference %.2e of the largest logit\n", what, d.logits.largest);
    assert_true(d.logits.largest <= 1e-4);
}

static void import_tiny(const char *out)
{
    import_result result;
    assert_ok(command_import(&result, &(import_options){.in = golden("tiny.pth"), .out = out, .size = SIDE}));
}

static void network_in_onnx_runtime(void **state)
{
    const char *const model = in(state, "tiny.safetensors");
    const shape square = {BATCH, 3, SIDE, SIDE}, wide = {1, 3, SIDE, 2 * SIDE};
    skip_without("check_onnx.py");
    import_tiny(model);
    compare_onnx(state, model, "folded", (export_options){.size = 0}, square);
    compare_onnx(state, model, "with batch norm", (export_options){.keep_norm = true}, square);
    compare_onnx(state, model, "of any size", (export_options){.any_size = true}, wide);
}

static void network_of_smp_in_onnx_runtime(void **state)
{
    const char *const model = in(state, "smp.safetensors");
    skip_without("check_onnx.py");
    write_model(model, "smp-resnet18", SIDE);
    compare_onnx(state, model, "smp-resnet18", (export_options){.size = 0}, (shape){BATCH, 3, SIDE, SIDE});
}

/* What we make of a picture: picture.u8, prepared.f32, logits.f32, probability.u8. */
static void compute_picture(void **state, plan *p, const polyp_image *picture)
{
    polyp_image probability = {0};
    tensor input = plan_input(p);
    const size_t pixels = (size_t)picture->width * (size_t)picture->height;
    put_bytes(in(state, "picture.u8"), picture->pixels, 3 * pixels);
    assert_ok(prepare_input(&input, 0, picture));
    put_floats(in(state, "prepared.f32"), input);
    assert_ok(plan_forward(p));
    const tensor logits = plan_logits(p);
    put_floats(in(state, "logits.f32"), logits);
    assert_ok(prepare_mask(&probability, NULL, &logits, 0, picture->width, picture->height, 0.5));
    put_bytes(in(state, "probability.u8"), probability.pixels, pixels);
    polyp_image_free(&probability);
}

static differences compare_picture(void **state, const char *onnx, const polyp_image *picture)
{
    char *const arguments =
        memory_format("'%s' '%s' 1x%dx%dx3 '%s' '%s' '%s'", onnx, in(state, "picture.u8"), picture->height,
                      picture->width, in(state, "logits.f32"), in(state, "prepared.f32"), in(state, "probability.u8"));
    const differences d = ask("check_onnx.py", arguments);
    memory_free(arguments);
    print_message("picture of %dx%d in ONNX Runtime: prepared differs by %.2f levels (mean %.3f), logits by %.1e of the "
                  "largest (mean %.1e), probability by %.2f levels (mean %.2f)\n",
                  picture->width, picture->height, d.prepared.largest, d.prepared.mean, d.logits.largest, d.logits.mean,
                  d.probability.largest, d.probability.mean);
    return d;
}

/* A picture's bytes, larger and smaller than the network's size: a level may differ where a sum lies at a half, since our
 * weights have 22 bits and the graph's are floats. */
static void picture_in_onnx_runtime(void **state)
{
    static const int sizes[][2] = {{300, 220}, {200, 181}, {40, 52}, {SIDE, SIDE}};
    const char *const model_path = in(state, "tiny.safetensors");
    polyp_model *model = NULL;
    skip_without("check_onnx.py");
    import_tiny(model_path);
    export_as(model_path, in(state, "m.onnx"), (export_options){.preprocess = true});
    assert_ok(model_open(&model, model_path));
    plan *const p = plan_of(model, (shape){1, 3, SIDE, SIDE});
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        polyp_image picture = {0}, mask = {0};
        synth_facts facts;
        const bool resized = sizes[i][0] != SIDE;
        assert_ok(synth_draw(&picture, &mask, &facts, SEED, i, sizes[i][0], sizes[i][1]));
        compute_picture(state, p, &picture);
        const differences d = compare_picture(state, in(state, "m.onnx"), &picture);
        assert_true(d.prepared.largest <= (resized ? 1.01 : 0.001));
        assert_true(d.prepared.mean <= (sizes[i][0] > SIDE ? 0.01 : resized ? 0.3 : 0.001));
        assert_true(d.logits.mean <= (resized ? 5e-3 : 1e-5));
        assert_true(d.probability.largest <= (resized ? 50 : 0.51)); /* random weights make much of one level */
        polyp_image_free(&picture);
        polyp_image_free(&mask);
    }
    plan_destroy(p);
    polyp_model_close(model);
}

/* ---- PyTorch -------------------------------------------------------------------------------------------- */

static void compare_pytorch(void **state, const char *source, const char *model, const char *weights)
{
    compute(state, model, (shape){BATCH, 3, SIDE, SIDE});
    char *const arguments = memory_format("'%s' '%s' '%s' %dx3x%dx%d '%s'", source, weights, in(state, "input.f32"), BATCH,
                                          SIDE, SIDE, in(state, "logits.f32"));
    const differences d = ask("check_pytorch.py", arguments);
    memory_free(arguments);
    print_message("%s in PyTorch: largest difference %.2e of the largest logit\n", weights, d.logits.largest);
    assert_true(d.logits.largest <= 1e-4);
}

/* The lines of docs/interop.md, for both kinds of blocks, four layers and three. */
static void network_of_the_page_in_pytorch(void **state)
{
    const char *const model = in(state, "m.safetensors");
    char page[512];
    skip_without("check_pytorch.py");
    (void)snprintf(page, sizeof page, "%s", script("../docs/interop.md"));
    import_tiny(model);
    compare_pytorch(state, page, model, model);
    write_model(model, "coauthor", SIDE);
    compare_pytorch(state, page, model, model);
}

static void network_of_smp_in_pytorch(void **state)
{
    const char *const model = in(state, "m.safetensors"), *const out = in(state, "smp.safetensors");
    skip_without("check_pytorch.py");
    if (!python_has("segmentation_models_pytorch")) skip();
    write_model(model, "smp-resnet18", SIDE);
    export_as(model, out, (export_options){.size = 0});
    compare_pytorch(state, "resnet18", model, out);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(network_in_onnx_runtime),
        CASE(network_of_smp_in_onnx_runtime),
        CASE(picture_in_onnx_runtime),
        CASE(network_of_the_page_in_pytorch),
        CASE(network_of_smp_in_pytorch),
    };
    return cmocka_run_group_tests_name("interop", tests, NULL, NULL);
}
