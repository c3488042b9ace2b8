/* PyTorch's checkpoints: values as PyTorch reads them, and nothing but tensors; networks filled from files. */
#define _GNU_SOURCE /* memmem */
#include "weights_help.h"

#include "base/file.h"
#include "net/graph.h"

/* ---- values --------------------------------------------------------------------------------------------- */

static void assert_holds_expected(const char *name)
{
    weights_file file, expected;
    assert_ok(weights_open(&expected, golden("weights/expected.safetensors")));
    assert_ok(weights_open(&file, golden(name)));
    assert_int_equal(file.count, expected.count);
    for (size_t i = 0; i < expected.count; i++) {
        assert_same_values(weights_find(&file, expected.entries[i].name), &expected.entries[i]);
    }
    for (size_t i = 0; i < file.count; i++) {
        const weights_entry *const entry = &file.entries[i];
        assert_true(entry->size == 0 || entry->data + entry->size <= file.bytes.data + file.bytes.size);
        assert_true(i == 0 || entry[-1].data <= entry->data);
    }
    weights_close(&file);
    weights_close(&expected);
}

static void test_zip(void **state) { (void)state; assert_holds_expected("weights/bare.pth"); }
static void test_zip_of_protocol_4(void **state) { (void)state; assert_holds_expected("weights/protocol4.pth"); }
static void test_zip_of_64_bits(void **state) { (void)state; assert_holds_expected("weights/zip64.pth"); }
static void test_legacy(void **state) { (void)state; assert_holds_expected("weights/legacy.pth"); }
static void test_nested(void **state) { (void)state; assert_holds_expected("weights/nested.pth"); }
static void test_nested_legacy(void **state) { (void)state; assert_holds_expected("weights/nested-legacy.pth"); }

static void test_types_and_strides(void **state)
{
    (void)state;
    weights_file file;
    assert_ok(weights_open(&file, golden("weights/bare.pth")));
    assert_int_equal(weights_find(&file, "brain")->dtype, DTYPE_BF16);
    assert_int_equal(weights_find(&file, "half")->dtype, DTYPE_F16);
    assert_int_equal(weights_find(&file, "double")->dtype, DTYPE_F64);
    assert_int_equal(weights_find(&file, "long")->dtype, DTYPE_I64);
    const weights_entry *const transposed = weights_find(&file, "transposed"), *const row = weights_find(&file, "row");
    assert_int_equal(transposed->stride[0], 1);
    assert_int_equal(transposed->stride[1], 4);
    assert_ptr_equal(row->data, transposed->data + 3 * 4 * sizeof(float)); /* one storage */
    assert_int_equal(weights_find(&file, "spread")->stride[1], 0);
    weights_close(&file);
}

static void test_more_than_tensors_is_refused(void **state)
{
    (void)state;
    weights_file file;
    assert_refused(weights_open(&file, golden("weights/numpy.pth")), POLYP_ERR_UNSUPPORTED,
                   "numpy.pth: asks for numpy._core.multiarray.scalar, which is not a tensor; refused");
    assert_refused(weights_open(&file, golden("weights/whole-model.pth")), POLYP_ERR_UNSUPPORTED,
                   "asks for torch.nn.modules.container.Sequential");
    assert_refused(weights_open(&file, golden("weights/packed.pth")), POLYP_ERR_UNSUPPORTED, "data.pkl is packed");
    assert_refused(weights_open(&file, golden("weights/twice.pth")), POLYP_ERR_FORMAT, "two tensors named a");
}

/* ---- damage --------------------------------------------------------------------------------------------- */

static void test_cut_at_every_byte(void **state)
{
    const char *const path = in(state, "a.pth");
    copy_file(path, golden("weights/bare.pth"));
    assert_true(refuse_every_cut(path) > 4000);
    copy_file(path, golden("weights/legacy.pth"));
    assert_true(refuse_every_cut(path) > 2000);
    copy_file(path, golden("weights/zip64.pth"));
    assert_true(refuse_every_cut(path) > 5000);
}

static void test_spoilt_bytes(void **state)
{
    static const char *const names[] = {"weights/bare.pth", "weights/legacy.pth", "weights/protocol4.pth", "weights/nested.pth",
                                        "weights/zip64.pth"};
    const char *const path = in(state, "a.pth");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        copy_file(path, golden(names[i]));
        survive_spoiling(path, 2000, 10 + i);
    }
}

/* Replace the only occurrence of some bytes by others of the same number. */
static void patch(const char *path, const void *from, const void *to, size_t size)
{
    file_bytes bytes;
    assert_ok(file_read(&bytes, path, 0));
    unsigned char *const place = (unsigned char *)memmem(bytes.data, bytes.size, from, size);
    assert_non_null(place);
    memcpy(place, to, size);
    put_bytes(path, bytes.data, bytes.size);
    file_close(&bytes);
}

static void test_damage_is_named(void **state)
{
    static const struct { const char *file, *from, *to; size_t size; const char *words; } cases[] = {
        {"weights/bare.pth", "little", "biglit", 6, "big-endian"},
        {"weights/bare.pth", "PK\1\2", "PK\1\3", 4, "table of contents is broken"},
        {"weights/bare.pth", "data.pkl", "data.pkx", 8, "differs from that in the table"},
        {"weights/bare.pth", "FloatStorage", "ThingStorage", 12, "asks for torch.ThingStorage"},
        {"weights/legacy.pth", "\x6c\xfc\x9c\x46", "\x6c\xfc\x9c\x47", 4, "no PyTorch checkpoint"},
        {"weights/legacy.pth", "M\xe9\x03.", "M\xe8\x03.", 4, "unknown version"},
        {"weights/legacy.pth", "little_endian", "middle_endian", 13, "little-endian"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *const path = in(state, "a.pth");
        weights_file file;
        copy_file(path, golden(cases[i].file));
        patch(path, cases[i].from, cases[i].to, cases[i].size);
        const status got = weights_open(&file, path);
        assert_true(got == POLYP_ERR_FORMAT || got == POLYP_ERR_UNSUPPORTED);
        if (strstr(polyp_error(), cases[i].words) == NULL) fail_msg("%zu: '%s' lacks '%s'", i, polyp_error(), cases[i].words);
    }
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    static const char *const names[] = {"weights/nested.pth", "weights/nested-legacy.pth"};
    for (size_t i = 0; i < 2; i++) {
        for (size_t k = 1;; k++) {
            weights_file file;
            (void)memory_fail_at(k);
            const status opened = weights_open(&file, golden(names[i]));
            const size_t made = memory_fail_at(0);
            if (opened == POLYP_OK) weights_close(&file);
            if (made < k) break;
            assert_int_equal(opened, POLYP_ERR_MEMORY);
        }
    }
}

/* ---- the real ones -------------------------------------------------------------------------------------- */

typedef struct published {
    const char *file, *preset;
    size_t tensors;
    double sum; /* of all values, by torch.load and float64 */
} published;

static void read_published(const char *path, const published *p)
{
    weights_file file;
    assert_ok(weights_open(&file, path));
    assert_int_equal(file.count, p->tensors);
    double sum = 0;
    for (size_t i = 0; i < file.count; i++) {
        float *const values = malloc(file.entries[i].count * sizeof *values);
        assert_ok(weights_to_f32(values, &file.entries[i]));
        for (size_t k = 0; k < file.entries[i].count; k++) sum += (double)values[k];
        free(values);
    }
    assert_true(sum > p->sum - 1e-3 && sum < p->sum + 1e-3);

    unet_spec spec;
    graph g = {0};
    params weights;
    assert_ok(unet_preset(&spec, p->preset));
    assert_ok(unet_build(&g, &spec));
    assert_ok(params_create(&weights, &g.params));
    assert_ok(weights_fill_encoder(&weights, &file, path));
    const weights_entry *const stem = weights_find(&file, "conv1.weight");
    assert_memory_equal(weights.flat + g.params.entries[param_find(&g.params, "encoder.conv1.weight")].offset, stem->data,
                        stem->count * sizeof(float));
    assert_refused(unet_recognise(&spec, &file, path), POLYP_ERR_MISMATCH, "--encoder");
    params_free(&weights);
    graph_free(&g);
    weights_close(&file);
}

static void test_published_weights(void **state)
{
    static const published files[] = {{"resnet18-imagenet-pqf", "slim18", 122, -89319.2116761655},
                                      {"resnet50-imagenet-pqf", "slim", 320, 598361.2491400351}};
    const char *const shared = getenv("POLYP_SHARED");
    for (size_t i = 0; i < 2; i++) {
        char packed[512], command[1200];
        (void)snprintf(packed, sizeof packed, "%s/weights/%s.pth.xz", shared == NULL ? "." : shared, files[i].file);
        if (!file_exists(packed)) skip();
        const char *const path = in(state, "real.pth");
        (void)snprintf(command, sizeof command, "xz -dc '%s' > '%s'", packed, path);
        FILE *const xz = popen(command, "r");
        assert_non_null(xz);
        if (pclose(xz) != 0) skip(); /* no xz here */
        read_published(path, &files[i]);
    }
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zip),
        cmocka_unit_test(test_zip_of_protocol_4),
        cmocka_unit_test(test_zip_of_64_bits),
        cmocka_unit_test(test_legacy),
        cmocka_unit_test(test_nested),
        cmocka_unit_test(test_nested_legacy),
        cmocka_unit_test(test_types_and_strides),
        cmocka_unit_test(test_more_than_tensors_is_refused),
        IN_FOLDER(test_cut_at_every_byte),
        IN_FOLDER(test_spoilt_bytes),
        IN_FOLDER(test_damage_is_named),
        cmocka_unit_test(test_every_allocation_may_fail),
        IN_FOLDER(test_published_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
