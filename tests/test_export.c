/*
 * ONNX files read back field by field: structure, names, shapes and bytes, without anyone else's program (test_interop.c
 * has those); weights for PyTorch; what is refused.
 */
#include "onnx_help.h"

#include <math.h>

#include "predict/prepare.h"

/* ---- networks ------------------------------------------------------------------------------------------- */

static void check_shape(const read_tensor *t, int rank, const int *dims)
{
    assert_int_equal(t->type, 1);
    assert_int_equal(t->rank, rank);
    for (int i = 0; i < rank; i++) assert_int_equal(t->dims[i], dims[i]);
}

static void check_value(const read_value *v, const char *name, int type, const int64_t dims[4])
{
    assert_string_equal(v->name.bytes, name);
    assert_int_equal(v->type, type);
    assert_int_equal(v->rank, 4);
    for (int i = 0; i < 4; i++) assert_int_equal(v->dims[i], dims[i]);
    assert_string_equal(v->free_names[0].bytes, "batch");
}

static void every_weight_as_it_lies_in_the_model(void **state)
{
    const char *const path = in(state, "m.safetensors"), *const out = in(state, "m.onnx");
    polyp_model *model = NULL;
    write_model(path, "tiny", 96);
    export_as(path, out, (export_options){.keep_norm = true});
    assert_ok(model_open(&model, path));
    read_model *const m = read_onnx(out);
    assert_int_equal(m->ir_version, 8);
    assert_int_equal(m->opset, 17);
    assert_int_equal(m->tensor_count, model->graph.params.count);
    for (int i = 0; i < model->graph.params.count; i++) {
        const param *const entry = &model->graph.params.entries[i];
        const read_tensor *const t = tensor_called(m, entry->name);
        if (t == NULL) fail_msg("%s is missing", entry->name);
        check_shape(t, entry->rank, entry->shape);
        assert_int_equal(t->size, entry->count * sizeof(float));
        assert_memory_equal(t->data, params_f32(&model->weights, i), t->size);
    }
    check_order(m);
    check_value(&m->inputs[0], "input", 1, (const int64_t[4]){-1, 3, 96, 96});
    check_value(&m->outputs[0], "logits", 1, (const int64_t[4]){-1, 1, 96, 96});
    assert_int_equal(m->input_count, 1);
    assert_int_equal(m->output_count, 1);
    close_onnx(m);
    polyp_model_close(model);
}

static int ops_of_kind(const graph *g, enum op_kind kind)
{
    int count = 0;
    for (int i = 0; i < g->count; i++) count += g->ops[i].kind == kind;
    return count;
}

static void every_op_is_a_node(void **state)
{
    static const struct {
        enum op_kind kind;
        const char *type;
    } kinds[] = {{OP_CONV, "Conv"},       {OP_NORM, "BatchNormalization"}, {OP_RELU, "Relu"},     {OP_ADD, "Add"},
                 {OP_MAX_POOL, "MaxPool"}, {OP_UPCONV, "ConvTranspose"},   {OP_CONCAT, "Concat"}, {OP_UPSAMPLE, "Resize"}};
    static const char *const presets[] = {"tiny", "smp-resnet18"};
    for (int p = 0; p < 2; p++) {
        const char *const path = in(state, "m.safetensors"), *const out = in(state, "m.onnx");
        polyp_model *model = NULL;
        write_model(path, presets[p], 96);
        export_as(path, out, (export_options){.keep_norm = true});
        assert_ok(model_open(&model, path));
        read_model *const m = read_onnx(out);
        int count = 0;
        for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
            assert_int_equal(nodes_of_type(m, kinds[i].type), ops_of_kind(&model->graph, kinds[i].kind));
            count += nodes_of_type(m, kinds[i].type);
        }
        assert_int_equal(count, m->node_count);
        if (p == 1) assert_string_equal(attribute(node_making(m, "decoder.0.up"), "nearest_mode").bytes, "floor");
        check_order(m);
        close_onnx(m);
        polyp_model_close(model);
    }
}

static void windows_strides_and_joints(void **state)
{
    const char *const path = in(state, "m.safetensors"), *const out = in(state, "m.onnx");
    write_model(path, "tiny", 96);
    export_as(path, out, (export_options){.keep_norm = true});
    read_model *const m = read_onnx(out);
    const read_node *const stem = node_making(m, "encoder.conv1");
    assert_string_equal(stem->inputs[0].bytes, "input");
    assert_string_equal(stem->inputs[1].bytes, "encoder.conv1.weight");
    assert_int_equal(stem->input_count, 2);
    assert_string_equal(attribute(stem, "kernel_shape").bytes, "7 7");
    assert_string_equal(attribute(stem, "strides").bytes, "2 2");
    assert_string_equal(attribute(stem, "pads").bytes, "3 3 3 3");
    const read_node *const pool = node_making(m, "encoder.maxpool");
    assert_string_equal(attribute(pool, "kernel_shape").bytes, "3 3");
    assert_string_equal(attribute(pool, "pads").bytes, "1 1 1 1");
    const read_node *const up = node_making(m, "decoder.0.up");
    assert_string_equal(up->inputs[0].bytes, "encoder.layer4.1.relu");
    assert_string_equal(up->inputs[2].bytes, "decoder.0.up.bias");
    assert_string_equal(attribute(up, "strides").bytes, "2 2");
    const read_node *const joint = node_making(m, "decoder.4.concat");
    assert_string_equal(joint->inputs[0].bytes, "decoder.4.up");
    assert_string_equal(joint->inputs[1].bytes, "input");
    assert_string_equal(attribute(joint, "axis").bytes, "1");
    const read_node *const norm = node_making(m, "encoder.bn1");
    assert_string_equal(norm->inputs[3].bytes, "encoder.bn1.running_mean");
    assert_string_equal(norm->inputs[4].bytes, "encoder.bn1.running_var");
    assert_int_equal(node_making(m, "logits")->input_count, 3);
    close_onnx(m);
}

/* w' = w gamma / sqrt(var + epsilon), b' = beta - mean gamma / sqrt(var + epsilon) */
static void check_fold(const read_model *m, const polyp_model *model, const char *conv, const char *norm)
{
    char name[96];
    const float *n[4];
    static const char *const parts[4] = {"weight", "bias", "running_mean", "running_var"};
    for (int k = 0; k < 4; k++) {
        (void)snprintf(name, sizeof name, "%s.%s", norm, parts[k]);
        n[k] = params_f32(&model->weights, param_find(&model->graph.params, name));
        assert_null(tensor_called(m, name));
    }
    (void)snprintf(name, sizeof name, "%s.weight", conv);
    const int index = param_find(&model->graph.params, name);
    const param *const entry = &model->graph.params.entries[index];
    const read_tensor *const weight = tensor_called(m, name);
    (void)snprintf(name, sizeof name, "%s.bias", conv);
    const read_tensor *const bias = tensor_called(m, name);
    check_shape(weight, 4, entry->shape);
    check_shape(bias, 1, entry->shape);
    const size_t row = entry->count / (size_t)entry->shape[0];
    for (size_t i = 0; i < entry->count; i++) {
        const size_t c = i / row;
        const double scale = (double)n[0][c] / sqrt((double)n[3][c] + 1e-5);
        float got;
        memcpy(&got, weight->data + i * sizeof got, sizeof got);
        const double want = scale * (double)params_f32(&model->weights, index)[i];
        assert_true(fabs((double)got - want) <= 3e-7 * fabs(want));
        memcpy(&got, bias->data + c * sizeof got, sizeof got);
        assert_true(fabs((double)got - ((double)n[1][c] - (double)n[2][c] * scale)) <= 1e-6);
    }
}

static void batch_norm_is_folded(void **state)
{
    const char *const path = in(state, "m.safetensors"), *const out = in(state, "m.onnx");
    polyp_model *model = NULL;
    write_model(path, "tiny", 96);
    export_as(path, out, (export_options){.size = 128});
    assert_ok(model_open(&model, path));
    read_model *const m = read_onnx(out);
    const int convolutions = ops_of_kind(&model->graph, OP_CONV), ups = ops_of_kind(&model->graph, OP_UPCONV);
    assert_int_equal(nodes_of_type(m, "BatchNormalization"), 0);
    assert_int_equal(m->tensor_count, 2 * (convolutions + ups));
    check_fold(m, model, "encoder.conv1", "encoder.bn1");
    check_fold(m, model, "encoder.layer3.0.downsample.0", "encoder.layer3.0.downsample.1");
    check_fold(m, model, "decoder.4.conv2", "decoder.4.bn2");
    check_order(m);
    check_value(&m->inputs[0], "input", 1, (const int64_t[4]){-1, 3, 128, 128});
    close_onnx(m);
    polyp_model_close(model);
}

static const char *metadata_of(const read_model *m, const char *key)
{
    for (int i = 0; i < m->metadata_count; i++) {
        if (strcmp(m->keys[i].bytes, key) == 0) return m->values[i].bytes;
    }
    fail_msg("there is no %s", key);
    return NULL;
}

static void free_sizes_and_metadata(void **state)
{
    const char *const path = in(state, "m.safetensors"), *const out = in(state, "m.onnx");
    write_model(path, "tiny", 96);
    export_as(path, out, (export_options){.any_size = true});
    read_model *const m = read_onnx(out);
    check_value(&m->inputs[0], "input", 1, (const int64_t[4]){-1, 3, -1, -1});
    check_value(&m->outputs[0], "logits", 1, (const int64_t[4]){-1, 1, -1, -1});
    assert_string_equal(m->inputs[0].free_names[2].bytes, "height");
    assert_string_equal(m->inputs[0].free_names[3].bytes, "width");
    assert_string_equal(metadata_of(m, "preset"), "tiny");
    assert_string_equal(metadata_of(m, "size"), "96");
    assert_string_equal(metadata_of(m, "threshold"), "0.4");
    assert_string_equal(metadata_of(m, "licence"), "CC0");
    assert_string_equal(metadata_of(m, "normalisation"), "mean 0.485 0.456 0.406 std 0.229 0.224 0.225");
    close_onnx(m);
}

static void pictures_as_they_are(void **state)
{
    const char *const path = in(state, "m.safetensors"), *const out = in(state, "m.onnx");
    write_model(path, "tiny", 64);
    export_as(path, out, (export_options){.preprocess = true});
    read_model *const m = read_onnx(out);
    assert_int_equal(m->opset, 17);
    check_value(&m->inputs[0], "picture", 2, (const int64_t[4]){-1, -1, -1, 3});
    check_value(&m->outputs[0], "logits", 1, (const int64_t[4]){-1, 1, 64, 64});
    check_value(&m->outputs[1], "probability", 1, (const int64_t[4]){-1, 1, -1, -1});
    check_order(m);
    const read_node *const first = node_making(m, "rows.levels"), *const second = node_making(m, "columns.levels");
    assert_string_equal(first->type.bytes, "MatMul");
    assert_string_equal(first->inputs[0].bytes, "rows.weights");
    assert_string_equal(second->inputs[1].bytes, "columns.transposed");
    assert_string_equal(attribute(node_making(m, "logits.own_size"), "mode").bytes, "linear");
    const read_tensor *const mean = tensor_called(m, "mean"), *const centres = tensor_called(m, "network_centres");
    float value;
    memcpy(&value, mean->data, sizeof value);
    assert_true(fabsf(value - 255.0F * PREPARE_MEAN[0]) < 1e-4F);
    check_shape(centres, 2, (const int[2]){64, 1});
    memcpy(&value, centres->data + 63 * sizeof value, sizeof value);
    assert_true(value == 63.5F);
    close_onnx(m);
}

static void equal_input_gives_equal_bytes(void **state)
{
    const char *const path = in(state, "m.safetensors");
    file_bytes a, b;
    write_model(path, "tiny", 96);
    export_as(path, in(state, "a.onnx"), (export_options){.preprocess = true});
    export_as(path, in(state, "b.onnx"), (export_options){.preprocess = true});
    assert_ok(file_map(&a, in(state, "a.onnx")));
    assert_ok(file_map(&b, in(state, "b.onnx")));
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.data, b.data, a.size);
    file_close(&a);
    file_close(&b);
}

/* ---- weights for PyTorch -------------------------------------------------------------------------------- */

/* Does the library have a tensor of this name? `list` is smp.names. */
static bool is_listed(FILE *list, const char *preset, const char *name)
{
    char line[200], wanted[160];
    bool found = false;
    (void)snprintf(wanted, sizeof wanted, "%s %s ", preset, name);
    rewind(list);
    while (!found && fgets(line, sizeof line, list) != NULL) found = strncmp(line, wanted, strlen(wanted)) == 0;
    return found;
}

static void weights_of_smp_go_there_and_back(void **state)
{
    const char *const path = in(state, "m.safetensors"), *const there = in(state, "there.safetensors");
    const char *const back = in(state, "back.safetensors");
    weights_file file;
    import_result result;
    write_model(path, "smp-resnet18", 256);
    FILE *const list = fopen(golden("smp.names"), "r");
    assert_non_null(list);
    export_as(path, there, (export_options){.size = 0});
    assert_ok(weights_open(&file, there));
    assert_string_equal(weights_metadata(&file, "format"), "pt");
    for (size_t i = 0; i < file.count; i++) {
        const char *const name = file.entries[i].name;
        if (!is_listed(list, "smp-resnet18", name)) fail_msg("%s is not the library's", name);
    }
    weights_close(&file);
    (void)fclose(list);
    assert_ok(command_import(&result, &(import_options){.in = there, .out = back, .licence = "CC0"}));
    polyp_model *a = NULL, *b = NULL;
    assert_ok(model_open(&a, path));
    assert_ok(model_open(&b, back));
    for (int i = 0; i < a->graph.params.count; i++) {
        const size_t size = a->graph.params.entries[i].count * sizeof(float);
        assert_memory_equal(params_f32(&a->weights, i), params_f32(&b->weights, i), size);
    }
    polyp_model_close(a);
    polyp_model_close(b);
}

/* ---- refusals ------------------------------------------------------------------------------------------- */

static void refuse(const char *model, const char *out, export_options options, status code, const char *words)
{
    export_result result;
    options.model = model;
    options.out = out;
    assert_refused(command_export(&result, &options), code, words);
}

static void what_is_refused(void **state)
{
    const char *const path = in(state, "m.safetensors"), *const out = in(state, "m.onnx");
    write_model(path, "tiny", 96);
    put_bytes(out, "mine", 4);
    refuse(path, in(state, "m.pth"), (export_options){.size = 0}, POLYP_ERR_ARGUMENT, "must end in .onnx");
    refuse(path, out, (export_options){.any_size = true, .size = 64}, POLYP_ERR_ARGUMENT, "--any-size excludes");
    refuse(path, out, (export_options){.any_size = true, .preprocess = true}, POLYP_ERR_ARGUMENT, "--any-size excludes");
    refuse(path, in(state, "w.safetensors"), (export_options){.keep_norm = true}, POLYP_ERR_ARGUMENT, "ONNX files only");
    refuse(in(state, "none"), out, (export_options){.size = 0}, POLYP_ERR_FILE, "none");
    refuse(path, in(state, "no/folder.onnx"), (export_options){.size = 0}, POLYP_ERR_FILE, "folder.onnx");
    file_bytes kept;
    assert_ok(file_read(&kept, out, 0));
    assert_int_equal(kept.size, 4);
    assert_memory_equal(kept.data, "mine", 4);
    file_close(&kept);
}

static void weights_that_are_not_numbers(void **state)
{
    const char *const path = in(state, "m.safetensors"), *const out = in(state, "m.onnx");
    unet_spec spec;
    graph g = {0};
    params p = {0};
    assert_ok(unet_preset(&spec, "tiny"));
    assert_ok(unet_build(&g, &spec));
    assert_ok(params_create(&p, &g.params));
    p.flat[1000] = NAN;
    const model_facts facts = model_facts_default("tiny");
    assert_ok(model_write(path, &g, &p, &facts));
    refuse(path, out, (export_options){.size = 0}, POLYP_ERR_FORMAT, "m.safetensors: tensor ");
    assert_false(file_exists(out));
    params_free(&p);
    graph_free(&g);
}

static void every_failed_allocation_is_reported(void **state)
{
    const char *const path = in(state, "m.safetensors"), *const out = in(state, "m.onnx");
    write_model(path, "tiny", 32);
    size_t k = 1;
    for (;; k++) {
        export_result result;
        const export_options options = {.model = path, .out = out, .preprocess = true};
        (void)memory_fail_at(k);
        const status got = command_export(&result, &options);
        (void)memory_fail_at(0);
        if (got == POLYP_OK) break;
        assert_int_equal(got, POLYP_ERR_MEMORY);
        assert_false(file_exists(out));
        k += k / 40; /* many of them are alike */
    }
    assert_true(k > 100);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(every_weight_as_it_lies_in_the_model),
        CASE(every_op_is_a_node),
        CASE(windows_strides_and_joints),
        CASE(batch_norm_is_folded),
        CASE(free_sizes_and_metadata),
        CASE(pictures_as_they_are),
        CASE(equal_input_gives_equal_bytes),
        CASE(weights_of_smp_go_there_and_back),
        CASE(what_is_refused),
        CASE(weights_that_are_not_numbers),
        CASE(every_failed_allocation_is_reported),
    };
    return cmocka_run_group_tests_name("export", tests, NULL, NULL);
}
