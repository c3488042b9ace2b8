/*
 * A whole network from PyTorch to our logits: `import` reads what a training script saved (half precision, DataParallel's
 * names), writes a model, and the model computes what PyTorch does. golden/make_import.py made the files. And
 * segmentation_models_pytorch's Unet under its own names (golden/make_smp.py), whose logits test_network.c compares.
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

/* What `polyp info` says of a file, in a few lines. */
static void told(const char *path, const char *words)
{
    char *lines = NULL;
    size_t size = 0;
    FILE *const memory = open_memstream(&lines, &size);
    assert_non_null(memory);
    assert_ok(command_info(path, false, memory));
    (void)fclose(memory);
    if (strstr(lines, words) == NULL) fail_msg("'%s' does not say '%s'", lines, words);
    free(lines);
}

static void a_checkpoint_is_told_from_a_model(void **state)
{
    const char *const out = join(*state, "tiny.safetensors");
    told(golden_file("tiny.pth"), "checkpoint  of PyTorch; `polyp import` makes a model of it\npreset      tiny");
    import_tiny(out);
    told(out, "preset      tiny\nsize        64 x 64");
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

/* Our names behind what torch.compile and a LightningModule put before them, with a loss's weights beside: that is refused,
 * for nothing says which network they belong to. */
static void wrapped_names_are_unwrapped(void **state)
{
    static weights_item items[256];
    static char names[256][96];
    static const float beside[1];
    const char *const plain = join(*state, "tiny.safetensors"), *const wrapped = join(*state, "wrapped.safetensors");
    polyp_model *a = NULL, *b = NULL;
    import_tiny(plain);
    assert_ok(model_open(&a, plain));
    const int count = a->graph.params.count;
    for (int i = 0; i < count; i++) {
        const param *const entry = &a->graph.params.entries[i];
        (void)snprintf(names[i], sizeof names[0], "model._orig_mod.%s", entry->name);
        items[i] = (weights_item){.name = names[i], .rank = entry->rank, .data = params_f32(&a->weights, i)};
        for (int d = 0; d < entry->rank; d++) items[i].shape[d] = entry->shape[d];
    }
    assert_ok(weights_write(wrapped, items, (size_t)count, NULL, 0));
    assert_ok(model_open(&b, wrapped));
    assert_string_equal(b->facts.preset, "tiny");
    for (int i = 0; i < count; i++) {
        const size_t size = a->graph.params.entries[i].count * sizeof(float);
        assert_memory_equal(params_f32(&a->weights, i), params_f32(&b->weights, i), size);
    }
    polyp_model_close(b);
    items[count] = (weights_item){.name = "loss.weight", .rank = 1, .shape = {1}, .data = beside};
    assert_ok(weights_write(wrapped, items, (size_t)count + 1, NULL, 0));
    assert_refused(model_open(&b, wrapped), POLYP_ERR_MISMATCH, "wrapped.safetensors");
    polyp_model_close(a);
}

/* ---- segmentation_models_pytorch ------------------------------------------------------------------------ */

/* A network as that library saves it: our weights under its names, with batch norm's counters. */
typedef struct foreign {
    graph g;
    params weights;
    weights_item items[512];
    char names[512][96];
    size_t count;
} foreign;

/* "PRESET NAME SIDE..." of smp.names */
static void add_item(foreign *f, const char *line, int *next, const char *prefix)
{
    static const int64_t counter = 7;
    char name[80];
    weights_item *const item = &f->items[f->count];
    int used = 0;
    assert_int_equal(sscanf(line, "%*s %79s %n", name, &used), 1);
    (void)snprintf(f->names[f->count], sizeof f->names[0], "%s%s", prefix, name);
    *item = (weights_item){.name = f->names[f->count], .dtype = DTYPE_F32};
    f->count++;
    for (const char *side = line + used; *side; side += strcspn(side, " \n"), side += strspn(side, " \n")) {
        item->shape[item->rank++] = strtoll(side, NULL, 10);
    }
    if (strstr(name, "num_batches_tracked") != NULL) {
        item->dtype = DTYPE_I64;
        item->data = &counter;
    } else {
        item->data = params_f32(&f->weights, (*next)++);
    }
}

/* `prefix` stands before every name. */
static void foreign_create(foreign *f, const char *preset, const char *prefix)
{
    unet_spec spec;
    char line[200], beginning[32];
    int next = 0;
    *f = (foreign){.count = 0};
    assert_ok(unet_preset(&spec, preset));
    assert_ok(unet_build(&f->g, &spec));
    assert_ok(params_create(&f->weights, &f->g.params));
    params_initialise(&f->weights, SEED);
    (void)snprintf(beginning, sizeof beginning, "%s ", preset);
    FILE *const names = fopen(golden_file("smp.names"), "r");
    assert_non_null(names);
    while (fgets(line, sizeof line, names) != NULL) {
        if (strncmp(line, beginning, strlen(beginning)) == 0) add_item(f, line, &next, prefix);
    }
    assert_int_equal(next, f->g.params.count);
    (void)fclose(names);
}

static void foreign_write(const foreign *f, const char *path)
{
    const weights_text format = {"format", "pt"};
    assert_ok(weights_write(path, f->items, f->count, &format, 1));
}

static void foreign_free(foreign *f)
{
    params_free(&f->weights);
    graph_free(&f->g);
}

static void compare_weights(const foreign *f, const polyp_model *model)
{
    assert_string_equal(model->facts.preset, f->g.preset);
    assert_int_equal(model->graph.params.count, f->g.params.count);
    for (int i = 0; i < f->g.params.count; i++) {
        const param *const entry = &f->g.params.entries[i];
        assert_string_equal(model->graph.params.entries[i].name, entry->name);
        assert_memory_equal(params_f32(&model->weights, i), params_f32(&f->weights, i), entry->count * sizeof(float));
    }
}

static void unet_of_smp(void **state)
{
    const char *const in = join(*state, "smp.safetensors"), *const out = join(*state, "ours.safetensors");
    const import_options options = {.in = in, .out = out, .size = 352};
    static foreign f;
    import_result result;
    polyp_model *model = NULL;
    foreign_create(&f, "smp-resnet18", "");
    foreign_write(&f, in);
    assert_ok(command_import(&result, &options));
    assert_string_equal(result.preset, "smp-resnet18");
    assert_ok(model_open(&model, out));
    assert_int_equal(model->facts.size, 352);
    compare_weights(&f, model);
    polyp_model_close(model);
    foreign_free(&f);
}

/* Without `import`; the deeper encoder's file is told apart. */
static void unet_of_smp_is_used_as_it_is(void **state)
{
    const char *const in = join(*state, "smp.safetensors");
    static foreign f;
    polyp_model *model = NULL;
    foreign_create(&f, "smp-resnet50", "");
    foreign_write(&f, in);
    assert_ok(model_open(&model, in));
    compare_weights(&f, model);
    polyp_model_close(model);
    foreign_free(&f);
}

/* As the library's own Lightning example saves it. */
static void unet_of_smp_inside_a_module(void **state)
{
    const char *const in = join(*state, "smp.safetensors");
    static foreign f;
    static const float three[3];
    polyp_model *model = NULL;
    foreign_create(&f, "smp-resnet18", "model.");
    f.items[f.count++] = (weights_item){"mean", DTYPE_F32, 4, {1, 3, 1, 1}, three};
    f.items[f.count++] = (weights_item){"std", DTYPE_F32, 4, {1, 3, 1, 1}, three};
    f.items[f.count++] = (weights_item){"model.classification_head.3.bias", DTYPE_F32, 1, {3}, three};
    foreign_write(&f, in);
    assert_ok(model_open(&model, in));
    compare_weights(&f, model);
    polyp_model_close(model);
    foreign_free(&f);
}

static void refuse_foreign(const foreign *f, const char *path, const char *words)
{
    polyp_model *model = NULL;
    foreign_write(f, path);
    assert_refused(model_open(&model, path), POLYP_ERR_MISMATCH, words);
    assert_refused(model_open(&model, path), POLYP_ERR_MISMATCH, path);
}

static size_t item_called(const foreign *f, const char *name)
{
    for (size_t i = 0; i < f->count; i++) {
        if (strcmp(f->items[i].name, name) == 0) return i;
    }
    fail_msg("there is no %s", name);
    return 0;
}

static void other_networks_of_smp_are_refused(void **state)
{
    const char *const in = join(*state, "smp.safetensors");
    static foreign f;
    static const float two_heads[2 * 16 * 9];
    foreign_create(&f, "smp-resnet18", "");
    weights_item *const head = &f.items[item_called(&f, "segmentation_head.0.weight")];
    const weights_item kept = *head;
    head->shape[0] = 2;
    head->data = two_heads;
    refuse_foreign(&f, in, "2x16x3x3; only networks of one class");
    *head = kept;
    weights_item *const block = &f.items[item_called(&f, "decoder.blocks.0.conv1.0.weight")];
    block->name = "decoder.blocks.0.conv1.2.weight";
    refuse_foreign(&f, in, "but not its Unet");
    block->name = "decoder.blocks.0.conv1.0.weight";
    f.items[f.count++] = (weights_item){"decoder.center.0.0.weight", DTYPE_F32, 1, {2}, two_heads};
    refuse_foreign(&f, in, "segmentation_models_pytorch's Unet with a ResNet-18, 34, 50 or 101 encoder");
    foreign_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(network_of_pytorch, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_checkpoint_is_told_from_a_model, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(import_twice, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(wrapped_names_are_unwrapped, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(unet_of_smp, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(unet_of_smp_is_used_as_it_is, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(unet_of_smp_inside_a_module, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(other_networks_of_smp_are_refused, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
