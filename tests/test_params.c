/* Parameters: the table, initial values, and filling them from files or pointing them into one. */
#include "weights_help.h"

#include <limits.h>
#include <math.h>

#include "net/graph.h"

/* ---- the table and initial values ----------------------------------------------------------------------- */

static void make_table(param_table *table)
{
    const int conv[4] = {4, 3, 5, 5}, up[4] = {8, 4, 2, 2}, four[1] = {4};
    *table = (param_table){0};
    assert_int_equal(param_append(table, "conv.weight", PARAM_CONV_WEIGHT, 4, conv, 0), 0);
    assert_int_equal(param_append(table, "conv.bias", PARAM_BIAS, 1, four, 0), 1);
    assert_int_equal(param_append(table, "up.weight", PARAM_UPCONV_WEIGHT, 4, up, 2), 2);
    assert_int_equal(param_append(table, "bn.weight", PARAM_NORM_WEIGHT, 1, four, 1), 3);
    assert_int_equal(param_append(table, "bn.bias", PARAM_NORM_BIAS, 1, four, 1), 4);
    assert_int_equal(param_append(table, "bn.running_mean", PARAM_RUNNING_MEAN, 1, four, 1), 5);
    assert_int_equal(param_append(table, "bn.running_var", PARAM_RUNNING_VAR, 1, four, 1), 6);
}

static void test_table(void **state)
{
    (void)state;
    param_table table;
    make_table(&table);
    assert_int_equal(table.values, 300 + 4 + 128 + 16);
    assert_int_equal(table.entries[2].offset, 304);
    assert_int_equal(table.entries[2].count, 128);
    assert_true(table.entries[4].trained && !table.entries[5].trained && !table.entries[6].trained);
    assert_int_equal(param_find(&table, "bn.bias"), 4);
    assert_int_equal(param_find(&table, "bn"), -1);
    for (int i = 7; i < 200; i++) { /* the table grows */
        char name[16];
        (void)snprintf(name, sizeof name, "p%d", i);
        assert_int_equal(param_append(&table, name, PARAM_BIAS, 1, (const int[]){1}, 0), i);
    }
    assert_int_equal(param_find(&table, "p199"), 199);
    assert_string_equal(table.entries[0].name, "conv.weight");
    param_table_free(&table);
    param_table_free(NULL);
}

static void test_table_refuses(void **state)
{
    (void)state;
    param_table table = {0};
    char name[80];
    memset(name, 'x', sizeof name - 1);
    name[79] = '\0';
    assert_int_equal(param_append(&table, name, PARAM_BIAS, 1, (const int[]){1}, 0), -1);
    assert_non_null(strstr(polyp_error(), "too long"));
    assert_int_equal(param_append(&table, "a", PARAM_BIAS, 1, (const int[]){0}, 0), -1);
    assert_int_equal(param_append(&table, "a", PARAM_CONV_WEIGHT, 4, (const int[]){INT_MAX, INT_MAX, INT_MAX, 1}, 0), -1);
    assert_int_equal(param_append(&table, "a", PARAM_CONV_WEIGHT, 4, (const int[]){INT_MAX, INT_MAX, 1, 1}, 0), -1);
    (void)memory_fail_at(1);
    assert_int_equal(param_append(&table, "a", PARAM_BIAS, 1, (const int[]){1}, 0), -1);
    (void)memory_fail_at(0);
    assert_true(table.count == 0 && table.values == 0);
    param_table_free(&table);
}

/* Values by tests/golden/make_params.py, which has the rule a second time. */
static void test_initial_values(void **state)
{
    (void)state;
    static const struct { uint64_t seed; int index; float first[4]; } cases[] = {
        {7, 0, {-0.0350232927F, -0.169402371F, 0.000750510228F, -0.202528683F}},
        {7, 2, {1.47323059F, 1.25363894F, 0.252563885F, -0.0947812002F}},
        {12345678901234567890U, 0, {-0.0864569085F, -0.275969146F, 0.0449223853F, 0.183822048F}},
        {12345678901234567890U, 2, {0.551636121F, -0.161995934F, -0.913982942F, -0.568692526F}},
    };
    param_table table;
    params p;
    make_table(&table);
    assert_ok(params_create(&p, &table));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        params_initialise(&p, cases[i].seed);
        for (int k = 0; k < 4; k++) {
            const float got = params_f32(&p, cases[i].index)[k], want = cases[i].first[k];
            assert_true(fabsf(got - want) <= 2e-7F * fabsf(want));
        }
    }
    for (int k = 0; k < 4; k++) {
        assert_true(params_f32(&p, 1)[k] == 0 && params_f32(&p, 3)[k] == 1 && params_f32(&p, 4)[k] == 0);
        assert_true(params_f32(&p, 5)[k] == 0 && params_f32(&p, 6)[k] == 1);
    }
    params_free(&p);
    params_free(NULL);
    param_table_free(&table);
}

static void test_tensors(void **state)
{
    (void)state;
    tensor t;
    assert_ok(tensor_create(&t, (shape){2, 3, 4, 5}));
    for (size_t i = 0; i < shape_count(t.shape); i++) assert_true(t.data[i] == 0);
    tensor_free(&t);
    assert_null(t.data);
    tensor_free(NULL);
    assert_refused(tensor_create(&t, (shape){INT_MAX, INT_MAX, INT_MAX, 1}), POLYP_ERR_SIZE, "2147483647");
    assert_refused(tensor_create(&t, (shape){1, -1, 1, 1}), POLYP_ERR_SIZE, "-1");
}

/* ---- a network and its files ---------------------------------------------------------------------------- */

typedef struct rig {
    graph g;
    params p; /* initialised */
    weights_item items[512];
    size_t count;
} rig;

/* The network's tensors whose names begin with `prefix`, which is taken off. */
static void list_items(rig *r, const char *prefix)
{
    r->count = 0;
    for (int i = 0; i < r->g.params.count; i++) {
        const param *const p = &r->g.params.entries[i];
        if (strncmp(p->name, prefix, strlen(prefix)) != 0) continue;
        weights_item *const item = &r->items[r->count++];
        *item = (weights_item){.name = p->name + strlen(prefix), .dtype = DTYPE_F32, .rank = p->rank, .data = params_f32(&r->p, i)};
        for (int k = 0; k < p->rank; k++) item->shape[k] = p->shape[k];
    }
}

static rig *start(const unet_spec *spec)
{
    rig *const r = calloc(1, sizeof *r);
    assert_non_null(r);
    assert_ok(unet_build(&r->g, spec));
    assert_ok(params_create(&r->p, &r->g.params));
    params_initialise(&r->p, 3);
    list_items(r, "");
    return r;
}

static const unet_spec SMALL = {"small", 18, 8, 4, 5, {16, 8, 8, 8, 8}, DECODER_TRANSPOSED};
static const unet_spec SHORT = {"short", 18, 8, 3, 4, {16, 8, 8, 8}, DECODER_TRANSPOSED};

static void stop(rig *r)
{
    params_free(&r->p);
    graph_free(&r->g);
    free(r);
}

static void add_item(rig *r, const char *name, enum dtype dtype, int rank)
{
    static const float zeros[1000];
    r->items[r->count++] = (weights_item){name, dtype, rank, {rank == 0 ? 0 : 10, 10}, zeros};
}

static weights_file write_and_open(const rig *r, const char *path)
{
    weights_file file;
    assert_ok(weights_write(path, r->items, r->count, NULL, 0));
    assert_ok(weights_open(&file, path));
    return file;
}

static void test_fill(void **state)
{
    const char *const path = in(state, "a.safetensors");
    rig *const r = start(&SMALL);
    params copy;
    assert_ok(params_create(&copy, &r->g.params));
    add_item(r, "encoder.bn1.num_batches_tracked", DTYPE_I64, 0);
    weights_file file = write_and_open(r, path);
    assert_ok(weights_fill(&copy, &file, path, "", true));
    assert_memory_equal(copy.flat, r->p.flat, r->g.params.values * sizeof(float));
    weights_close(&file);

    add_item(r, "moment.x", DTYPE_F32, 1);
    file = write_and_open(r, path);
    assert_ok(weights_fill(&copy, &file, path, "", false));
    assert_refused(weights_fill(&copy, &file, path, "", true), POLYP_ERR_MISMATCH,
                   "a.safetensors: tensor moment.x is not part of the network");
    assert_refused(weights_fill(&copy, &file, path, "ema.", false), POLYP_ERR_MISMATCH,
                   "a.safetensors: tensor ema.encoder.conv1.weight is missing");
    weights_close(&file);
    params_free(&copy);
    stop(r);
}

static void test_fill_with_prefix(void **state)
{
    const char *const path = in(state, "a.safetensors");
    rig *const r = start(&SMALL);
    params copy;
    char names[512][80];
    assert_ok(params_create(&copy, &r->g.params));
    for (size_t i = 0; i < r->count; i++) {
        (void)snprintf(names[i], sizeof names[i], "ema.%s", r->items[i].name);
        r->items[i].name = names[i];
    }
    weights_file file = write_and_open(r, path);
    assert_ok(weights_fill(&copy, &file, path, "ema.", true));
    assert_memory_equal(copy.flat, r->p.flat, r->g.params.values * sizeof(float));
    weights_close(&file);
    params_free(&copy);
    stop(r);
}

static void test_failed_fill_leaves_values(void **state)
{
    const char *const path = in(state, "a.safetensors");
    rig *const r = start(&SMALL);
    params copy;
    assert_ok(params_create(&copy, &r->g.params));
    r->items[r->count - 1].shape[0] = 2; /* head.bias */
    weights_file file = write_and_open(r, path);
    assert_refused(weights_fill(&copy, &file, path, "", true), POLYP_ERR_MISMATCH, "tensor head.bias is 2, the network needs 1");
    for (size_t i = 0; i < r->g.params.values; i++) assert_true(copy.flat[i] == 0);
    weights_close(&file);
    r->items[r->count - 1].shape[0] = 1;
    r->items[r->count - 1].name = "head.biass";
    file = write_and_open(r, path);
    assert_refused(weights_fill(&copy, &file, path, "", false), POLYP_ERR_MISMATCH, "tensor head.bias is missing");
    weights_close(&file);
    params_free(&copy);
    stop(r);
}

static void test_fill_encoder(void **state)
{
    const char *const path = in(state, "x.safetensors");
    rig *const r = start(&SMALL), *const shorter = start(&SHORT);
    params copy, less;
    assert_ok(params_create(&copy, &r->g.params));
    assert_ok(params_create(&less, &shorter->g.params));
    list_items(r, "encoder.");
    add_item(r, "fc.weight", DTYPE_F32, 2);
    add_item(r, "layer1.0.bn1.num_batches_tracked", DTYPE_I64, 0);
    weights_file file = write_and_open(r, path);
    assert_ok(weights_fill_encoder(&copy, &file, path));
    assert_ok(weights_fill_encoder(&less, &file, path)); /* layer4 is not built, so not wanted */
    for (int i = 0; i < r->g.params.count; i++) {
        const param *const p = &r->g.params.entries[i];
        const bool encoder = strncmp(p->name, "encoder.", 8) == 0;
        for (size_t k = 0; k < p->count; k++) {
            assert_true(params_f32(&copy, i)[k] == (encoder ? params_f32(&r->p, i)[k] : 0));
        }
    }
    weights_close(&file);
    params_free(&copy);
    params_free(&less);
    stop(shorter);
    stop(r);
}

static void test_fill_encoder_names_what_does_not_fit(void **state)
{
    const char *const path = in(state, "x.safetensors");
    const unet_spec other = {"fifty", 50, 8, 4, 5, {16, 8, 8, 8, 8}, DECODER_TRANSPOSED}, longer = {"more", 34, 8, 4, 5, {16, 8, 8, 8, 8}, DECODER_TRANSPOSED};
    rig *const r = start(&SMALL), *const fifty = start(&other), *const more = start(&longer);
    list_items(r, "encoder.");
    weights_file file = write_and_open(r, path);
    assert_refused(weights_fill_encoder(&fifty->p, &file, path), POLYP_ERR_MISMATCH,
                   "x.safetensors: tensor layer1.0.conv1.weight is 8x8x3x3, the network needs 8x8x1x1 (another ResNet depth?)");
    assert_refused(weights_fill_encoder(&more->p, &file, path), POLYP_ERR_MISMATCH,
                   "tensor layer1.2.conv1.weight is missing (another ResNet depth?)");
    weights_close(&file);
    list_items(more, "encoder.");
    file = write_and_open(more, path);
    assert_refused(weights_fill_encoder(&r->p, &file, path), POLYP_ERR_MISMATCH,
                   "tensor layer1.2.conv1.weight is not part of the network (another ResNet depth?)");
    weights_close(&file);
    stop(r);
    stop(fifty);
    stop(more);
}

static void test_attach(void **state)
{
    const char *const path = in(state, "a.safetensors");
    rig *const r = start(&SMALL);
    weights_file file = write_and_open(r, path);
    const unsigned char *const begin = file.bytes.data, *const end = begin + file.bytes.size;
    params p;
    assert_ok(weights_attach(&p, &r->g.params, &file, false, path));
    assert_null(p.flat);
    for (int i = 0; i < r->g.params.count; i++) {
        const unsigned char *const data = p.data[i];
        assert_true(data >= begin && data < end && p.dtype[i] == DTYPE_F32); /* nothing was copied */
        assert_memory_equal(data, params_f32(&r->p, i), r->g.params.entries[i].count * sizeof(float));
    }
    assert_null(file.bytes.data);
    weights_close(&file); /* the mapping stays */
    assert_true(params_f32(&p, 0)[0] == params_f32(&r->p, 0)[0]);
    params_free(&p);
    stop(r);
}

static void test_attach_refuses(void **state)
{
    const char *const path = in(state, "a.safetensors");
    rig *const r = start(&SMALL);
    params p = {0};
    r->items[0].dtype = DTYPE_F16;
    weights_file file = write_and_open(r, path);
    assert_refused(weights_attach(&p, &r->g.params, &file, false, path), POLYP_ERR_UNSUPPORTED, "polyp import");
    weights_close(&file);
    r->items[0].dtype = DTYPE_F32;
    r->items[1].shape[0]++;
    file = write_and_open(r, path);
    assert_refused(weights_attach(&p, &r->g.params, &file, false, path), POLYP_ERR_MISMATCH, "encoder.bn1.weight is 9, the network needs 8");
    assert_non_null(file.bytes.data);
    weights_close(&file);
    r->items[1].shape[0]--;
    add_item(r, "stray", DTYPE_F32, 1);
    file = write_and_open(r, path);
    assert_refused(weights_attach(&p, &r->g.params, &file, false, path), POLYP_ERR_MISMATCH, "stray is not part");
    weights_close(&file);
    r->count--;
    for (size_t k = 1;; k++) {
        file = write_and_open(r, path);
        (void)memory_fail_at(k);
        const status attached = weights_attach(&p, &r->g.params, &file, false, path);
        const size_t made = memory_fail_at(0);
        if (attached == POLYP_OK) params_free(&p);
        weights_close(&file);
        if (made < k) break;
        assert_int_equal(attached, POLYP_ERR_MEMORY);
    }
    stop(r);
}

static void test_recognise(void **state)
{
    const char *const path = in(state, "a.safetensors");
    unet_spec spec;
    assert_ok(unet_preset(&spec, "tiny"));
    rig *const r = start(&spec);
    add_item(r, "encoder.bn1.num_batches_tracked", DTYPE_I64, 0);
    weights_file file = write_and_open(r, path);
    memset(&spec, 0, sizeof spec);
    assert_ok(unet_recognise(&spec, &file, path));
    assert_string_equal(spec.name, "tiny");
    for (size_t k = 1;; k++) {
        (void)memory_fail_at(k);
        const status found = unet_recognise(&spec, &file, path);
        if (memory_fail_at(0) < k) break;
        assert_int_equal(found, POLYP_ERR_MEMORY);
    }
    weights_close(&file);
    add_item(r, "extra", DTYPE_F32, 1);
    file = write_and_open(r, path);
    assert_refused(unet_recognise(&spec, &file, path), POLYP_ERR_MISMATCH, "any preset");
    weights_close(&file);
    list_items(r, "encoder.");
    file = write_and_open(r, path);
    assert_refused(unet_recognise(&spec, &file, path), POLYP_ERR_MISMATCH, "polyp train --encoder");
    weights_close(&file);
    stop(r);
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_table_refuses),
        cmocka_unit_test(test_initial_values),
        cmocka_unit_test(test_tensors),
        IN_FOLDER(test_fill),
        IN_FOLDER(test_fill_with_prefix),
        IN_FOLDER(test_failed_fill_leaves_values),
        IN_FOLDER(test_fill_encoder),
        IN_FOLDER(test_fill_encoder_names_what_does_not_fit),
        IN_FOLDER(test_attach),
        IN_FOLDER(test_attach_refuses),
        IN_FOLDER(test_recognise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
