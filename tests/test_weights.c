/* Safetensors: what is written is read again, what is not sound is refused. */
#include "weights_help.h"

/* ---- writing and reading -------------------------------------------------------------------------------- */

static const float NUMBERS[6] = {1, -2, 3.5F, 0, 1e-30F, 6};
static const int64_t STEPS[2] = {-1, 1LL << 40};
static const uint16_t HALVES[3] = {0x3c00, 0xc000, 0x7bff};

static const weights_item ITEMS[] = {
    {"a.weight", DTYPE_F32, 2, {2, 3}, NUMBERS}, {"step", DTYPE_I64, 1, {2}, STEPS}, {"half", DTYPE_F16, 1, {3}, HALVES},
    {"none", DTYPE_F32, 2, {0, 4}, NUMBERS},     {"one", DTYPE_F32, 0, {0}, NUMBERS}};
enum { ITEM_COUNT = sizeof ITEMS / sizeof ITEMS[0] };
static const weights_text TEXTS[] = {{"format", "test"}, {"quoted", "a \"b\" \\ \n \xc3\xa9"}};

static void write_items(const char *path)
{
    assert_ok(weights_write(path, ITEMS, ITEM_COUNT, TEXTS, 2));
}

static void test_what_is_written_is_read(void **state)
{
    const char *const path = in(state, "a.safetensors");
    weights_file file;
    write_items(path);
    assert_ok(weights_open(&file, path));
    assert_int_equal(file.count, ITEM_COUNT);
    for (size_t i = 0; i < ITEM_COUNT; i++) {
        const weights_entry *const entry = weights_find(&file, ITEMS[i].name);
        assert_non_null(entry);
        assert_int_equal(entry->dtype, ITEMS[i].dtype);
        assert_int_equal(entry->rank, ITEMS[i].rank);
        assert_memory_equal(entry->shape, ITEMS[i].shape, (size_t)entry->rank * sizeof entry->shape[0]);
        assert_memory_equal(entry->data, ITEMS[i].data, entry->size);
    }
    assert_int_equal(weights_find(&file, "a.weight")->stride[0], 3);
    assert_int_equal(weights_find(&file, "a.weight")->count, 6);
    assert_int_equal(weights_find(&file, "one")->count, 1);
    assert_string_equal(weights_metadata(&file, "quoted"), TEXTS[1].value);
    assert_null(weights_metadata(&file, "other"));
    assert_null(weights_find(&file, "A.weight"));
    assert_int_equal((size_t)(file.data - file.bytes.data) % 64, 0);
    weights_close(&file);
    weights_close(NULL);
}

static void test_equal_input_gives_equal_bytes(void **state)
{
    file_bytes a, b;
    write_items(in(state, "a"));
    write_items(in(state, "b"));
    assert_ok(file_read(&a, in(state, "a"), 0));
    assert_ok(file_read(&b, in(state, "b"), 0));
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.data, b.data, a.size);
    file_close(&a);
    file_close(&b);
}

static void test_checksum_finds_damage(void **state)
{
    const char *const path = in(state, "a.safetensors");
    weights_file file;
    write_items(path);
    assert_ok(weights_open(&file, path));
    assert_ok(weights_verify(&file, path));
    const size_t place = (size_t)(file.data - file.bytes.data) + 3;
    weights_close(&file);
    FILE *const f = fopen(path, "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, (long)place, SEEK_SET), 0);
    assert_int_equal(fputc(0x77, f), 0x77);
    assert_int_equal(fclose(f), 0);
    assert_ok(weights_open(&file, path)); /* opening does not read the data */
    assert_refused(weights_verify(&file, path), POLYP_ERR_FORMAT, "is damaged");
    weights_close(&file);
}

static void test_hash_is_xxh3(void **state)
{
    (void)state;
    char hash[17];
    weights_hash(hash, "", 0);
    assert_string_equal(hash, "2d06800538d394c2"); /* XXH3_64bits of nothing, as xxHash's own tests have it */
}

static void test_writing_refuses_bad_items(void **state)
{
    const char *const path = in(state, "a.safetensors");
    const weights_item twice[] = {ITEMS[0], ITEMS[0]};
    const weights_item unnamed = {"", DTYPE_F32, 1, {1}, NUMBERS}, reserved = {"__metadata__", DTYPE_F32, 1, {1}, NUMBERS};
    const weights_item other = {"x", DTYPE_OTHER, 1, {1}, NUMBERS}, binary = {"\xff", DTYPE_F32, 1, {1}, NUMBERS};
    const weights_item huge = {"x", DTYPE_F32, 2, {INT64_MAX, 4}, NUMBERS};
    assert_refused(weights_write(path, twice, 2, NULL, 0), POLYP_ERR_ARGUMENT, "a.weight");
    assert_refused(weights_write(path, &unnamed, 1, NULL, 0), POLYP_ERR_ARGUMENT, path);
    assert_refused(weights_write(path, &reserved, 1, NULL, 0), POLYP_ERR_ARGUMENT, "__metadata__");
    assert_refused(weights_write(path, &other, 1, NULL, 0), POLYP_ERR_ARGUMENT, "type");
    assert_refused(weights_write(path, &binary, 1, NULL, 0), POLYP_ERR_ARGUMENT, "UTF-8");
    assert_refused(weights_write(path, &huge, 1, NULL, 0), POLYP_ERR_ARGUMENT, "shape");
    assert_refused(weights_write(in(state, "no/such/folder"), ITEMS, 1, NULL, 0), POLYP_ERR_FILE, "no/such/folder");
    assert_false(file_exists(path));
}

/* ---- files that others wrote ---------------------------------------------------------------------------- */

static void test_reads_what_python_writes(void **state)
{
    (void)state;
    weights_file types, expected;
    assert_ok(weights_open(&types, golden("weights/types.safetensors")));
    assert_ok(weights_open(&expected, golden("weights/expected.safetensors")));
    assert_int_equal(expected.count, 15);
    assert_int_equal(types.count, 19);
    assert_string_equal(weights_metadata(&types, "who"), "safetensors");
    assert_string_equal(weights_metadata(&types, "quoted"), "a \"b\" \\ \xc3\xa9\n");
    for (size_t i = 0; i < expected.count; i++) {
        assert_same_values(weights_find(&types, expected.entries[i].name), &expected.entries[i]);
    }
    float value[4];
    assert_refused(weights_to_f32(value, weights_find(&types, "i32")), POLYP_ERR_UNSUPPORTED, "i32");
    weights_close(&types);
    weights_close(&expected);
}

/* ---- unsound files -------------------------------------------------------------------------------------- */

static void put_safetensors(const char *path, const char *header, size_t data_size)
{
    char bytes[4096] = {0};
    const uint64_t length = strlen(header);
    assert_true(8 + length + data_size <= sizeof bytes);
    memcpy(bytes, &length, 8);
    memcpy(bytes + 8, header, (size_t)length);
    put_bytes(path, bytes, 8 + (size_t)length + data_size);
}

typedef struct unsound {
    const char *header;
    size_t data_size;
    const char *words;
} unsound;

#define TENSOR(name, begin, end) "\"" name "\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[" begin "," end "]}"
#define SHAPED(shape) "{\"a\":{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":[0,4]}}"

static void test_unsound_headers_are_refused(void **state)
{
    static const unsound cases[] = {
        {"{" TENSOR("a", "0", "4") "," TENSOR("b", "2", "6") "}", 6, "b overlaps"},
        {"{" TENSOR("a", "0", "4") "," TENSOR("b", "0", "4") "}", 4, "overlaps"},
        {"{" TENSOR("a", "0", "4") "," TENSOR("b", "8", "12") "}", 12, "4 bytes before tensor b"},
        {"{" TENSOR("a", "4", "8") "}", 8, "4 bytes before tensor a"},
        {"{" TENSOR("a", "0", "4") "}", 9, "last 5 bytes"},
        {"{" TENSOR("a", "0", "4") "}", 3, "a does not lie within"},
        {"{" TENSOR("a", "8", "4") "}", 8, "a does not lie within"},
        {"{" TENSOR("a", "-4", "0") "}", 4, "a does not lie within"},
        {"{" TENSOR("a", "0", "9223372036854775807") "}", 4, "a does not lie within"},
        {"{" TENSOR("a", "0", "99999999999999999999") "}", 4, "not sound JSON"},
        {"{" TENSOR("a", "0", "8") "}", 8, "a has 8 bytes, its shape needs 4"},
        {"{" TENSOR("a", "0", "4.0") "}", 4, "a does not lie within"},
        {"{" TENSOR("", "0", "4") "}", 4, "name is empty"},
        {"{" TENSOR("a\\u0007", "0", "4") "}", 4, "control characters"},
        {"{" TENSOR("a\\u0000", "0", "4") "}", 4, "not sound JSON"},
        {"{" TENSOR("a", "0", "4") "," TENSOR("a", "4", "8") "}", 8, "duplicate"},
        {"{" TENSOR("a", "0", "4") "} x", 4, "not sound JSON"},
        {"{" TENSOR("a", "0", "4") "", 4, "not sound JSON"},
        {"{\"a\":{\"dtype\":\"F31\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "F31"},
        {"{\"a\":{\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "number type (none)"},
        {"{\"a\":{\"dtype\":7,\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "number type (none)"},
        {"{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, "no sound shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "a does not lie within"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,4]}}", 4, "a does not lie within"},
        {"{\"a\":[1]}", 4, "number type (none)"},
        {"{\"a\":null}", 4, "number type (none)"},
        {SHAPED("[-1]"), 4, "no sound shape"},
        {SHAPED("[1.5]"), 4, "no sound shape"},
        {SHAPED("[1,1,1,1,1,1,1,1,1]"), 4, "no sound shape"},
        {SHAPED("[4294967296,4294967296,4294967297]"), 4, "no sound shape"},
        {SHAPED("[4611686018427387905]"), 4, "no sound shape"}, /* times 4 is 4 again in 64 bits */
        {SHAPED("{\"0\":1}"), 4, "no sound shape"},
        {"{\"__metadata__\":[]," TENSOR("a", "0", "4") "}", 4, "__metadata__ is not an object"},
        {"{\"__metadata__\":{\"x\":1}," TENSOR("a", "0", "4") "}", 4, "x, which is not text"},
        {"{}", 1, "last 1 bytes"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *const path = in(state, "a.safetensors");
        put_safetensors(path, cases[i].header, cases[i].data_size);
        weights_file file;
        assert_refused(weights_open(&file, path), POLYP_ERR_FORMAT, cases[i].words);
    }
}

static void test_sound_oddities_are_read(void **state)
{
    static const unsound cases[] = {
        {"{}", 0, ""},
        {"{" TENSOR("b", "4", "8") "," TENSOR("a", "0", "4") "}  \n ", 8, ""}, /* any order, white space at the end */
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[0,5],\"data_offsets\":[0,0]}," TENSOR("b", "0", "4") "}", 4, ""},
        {"{\"__metadata__\":{}," TENSOR("\xc3\xa9", "0", "4") "}", 4, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        weights_file file;
        put_safetensors(in(state, "a"), cases[i].header, cases[i].data_size);
        assert_ok(weights_open(&file, in(state, "a")));
        weights_close(&file);
    }
}

static void test_deep_nesting_is_refused(void **state)
{
    char header[3900] = "{\"a\":";
    memset(header + 5, '[', sizeof header - 6);
    put_safetensors(in(state, "a"), header, 0);
    weights_file file;
    assert_refused(weights_open(&file, in(state, "a")), POLYP_ERR_FORMAT, "not sound JSON");
}

static void test_header_lengths_over_limits_are_refused(void **state)
{
    const char *const path = in(state, "a.safetensors");
    static const uint64_t lengths[] = {10, 1ULL << 32, UINT64_MAX, UINT64_MAX - 7};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        char bytes[17] = {0};
        memcpy(bytes, &lengths[i], 8);
        memcpy(bytes + 8, "{      }", 9);
        put_bytes(path, bytes, 16);
        weights_file file;
        assert_refused(weights_open(&file, path), POLYP_ERR_FORMAT, "the file ends after 8");
    }
    const size_t size = (20U << 20) + 8; /* over the limit, yet wholly there */
    char *const large = malloc(size);
    assert_non_null(large);
    memset(large, ' ', size);
    const uint64_t length = size - 8;
    memcpy(large, &length, 8);
    large[8] = '{';
    large[size - 1] = '}';
    put_bytes(path, large, size);
    free(large);
    weights_file file;
    assert_refused(weights_open(&file, path), POLYP_ERR_FORMAT, "at most 16777216");
}

static void test_cut_at_every_byte(void **state)
{
    const char *const path = in(state, "a.safetensors");
    write_items(path);
    assert_true(refuse_every_cut(path) > 300);
}

static void test_spoilt_bytes(void **state)
{
    const char *const path = in(state, "a.safetensors");
    write_items(path);
    survive_spoiling(path, 3000, 1);
    copy_file(path, golden("weights/types.safetensors"));
    survive_spoiling(path, 3000, 2);
}

static void test_other_files_are_named(void **state)
{
    const char *const path = in(state, "a.pth");
    weights_file file;
    assert_refused(weights_open(&file, in(state, "missing")), POLYP_ERR_FILE, "missing");
    assert_refused(weights_open(&file, (const char *)*state), POLYP_ERR_FILE, (const char *)*state);
    put_bytes(path, "", 0);
    assert_refused(weights_open(&file, path), POLYP_ERR_FORMAT, "neither");
    put_bytes(path, "\xff\xd8\xff\xe0 not weights", 16);
    assert_refused(weights_open(&file, path), POLYP_ERR_FORMAT, "neither");
    put_bytes(path, "\xfd" "7zXZ\0\0\4", 8);
    assert_refused(weights_open(&file, path), POLYP_ERR_FORMAT, "xz -dk");
}

static void test_every_allocation_may_fail(void **state)
{
    const char *const path = in(state, "a.safetensors");
    write_items(path);
    for (size_t k = 1;; k++) {
        weights_file file;
        (void)memory_fail_at(k);
        const status opened = weights_open(&file, path);
        const size_t made = memory_fail_at(0);
        if (opened == POLYP_OK) weights_close(&file);
        if (made < k) break;
        assert_int_equal(opened, POLYP_ERR_MEMORY);
    }
    for (size_t k = 1;; k++) {
        (void)memory_fail_at(k);
        const status written = weights_write(path, ITEMS, ITEM_COUNT, TEXTS, 2);
        if (memory_fail_at(0) < k) break;
        assert_int_equal(written, POLYP_ERR_MEMORY);
    }
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_what_is_written_is_read),
        IN_FOLDER(test_equal_input_gives_equal_bytes),
        IN_FOLDER(test_checksum_finds_damage),
        cmocka_unit_test(test_hash_is_xxh3),
        IN_FOLDER(test_writing_refuses_bad_items),
        cmocka_unit_test(test_reads_what_python_writes),
        IN_FOLDER(test_unsound_headers_are_refused),
        IN_FOLDER(test_sound_oddities_are_read),
        IN_FOLDER(test_deep_nesting_is_refused),
        IN_FOLDER(test_header_lengths_over_limits_are_refused),
        IN_FOLDER(test_cut_at_every_byte),
        IN_FOLDER(test_spoilt_bytes),
        IN_FOLDER(test_other_files_are_named),
        IN_FOLDER(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
