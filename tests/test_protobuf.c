/* Protobuf's wire format, and the outline of ONNX files read with it: whole, cut and spoilt. */
#include "onnx_help.h"

/* ---- the wire format ------------------------------------------------------------------------------------ */

/* The examples of protobuf.dev's page on encoding: {1: 150} and {2: "testing"}, and a nested {3: {1: 150}}. */
static void wire_format_of_the_specification(void **state)
{
    (void)state;
    static const unsigned char expected[] = {0x08, 0x96, 0x01, 0x12, 0x07, 't',  'e',  's', 't',
                                             'i',  'n',  'g',  0x1a, 0x03, 0x08, 0x96, 0x01};
    proto p = {0}, inner = {0};
    proto_number(&p, 1, 150);
    proto_text(&p, 2, "testing");
    proto_number(&inner, 1, 150);
    proto_message(&p, 3, &inner);
    assert_int_equal(p.failure, POLYP_OK);
    assert_int_equal(p.size, sizeof expected);
    assert_memory_equal(p.bytes, expected, sizeof expected);
    proto_free(&p);
}

static void wire_format_is_read_back(void **state)
{
    (void)state;
    static const uint64_t numbers[] = {0, 1, 127, 128, 16383, 16384, UINT32_MAX, UINT64_MAX};
    const size_t count = sizeof numbers / sizeof numbers[0];
    proto p = {0};
    for (size_t i = 0; i < count; i++) proto_number(&p, (int)(i * i * 7 + 1), numbers[i]);
    proto_float(&p, 9, -1.5F);
    proto_reader r = {p.bytes, p.bytes + p.size, false};
    proto_field f;
    for (size_t i = 0; i < count; i++) {
        assert_true(proto_next(&f, &r));
        assert_int_equal(f.number, i * i * 7 + 1);
        assert_true(f.wire == PROTO_VARINT && f.value == numbers[i]);
    }
    assert_true(proto_next(&f, &r));
    float value;
    memcpy(&value, &f.value, sizeof value);
    assert_true(f.wire == PROTO_FIXED32 && value == -1.5F);
    assert_false(proto_next(&f, &r));
    assert_false(r.damaged);
    proto_free(&p);
}

static bool is_damaged(const void *bytes, size_t size)
{
    proto_reader r = {bytes, (const unsigned char *)bytes + size, false};
    for (proto_field f; proto_next(&f, &r);) continue;
    return r.damaged;
}

static void damaged_messages_are_noticed(void **state)
{
    (void)state;
    assert_true(is_damaged("\x08", 1));                                          /* no value */
    assert_true(is_damaged("\x08\xff", 2));                                      /* a varint that does not end */
    assert_true(is_damaged("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12)); /* nor within ten bytes */
    assert_true(is_damaged("\x12\x05" "abcd", 6));                               /* longer than what is there */
    assert_true(is_damaged("\x12\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 10));
    assert_true(is_damaged("\x0d" "abc", 4));                                    /* three bytes of four */
    assert_true(is_damaged("\x0b", 1));                                          /* a group, no longer in use */
    assert_true(is_damaged("\x02\x00", 2));                                      /* field 0 */
    assert_false(is_damaged("\x12\x04" "abcd", 6));
    assert_false(is_damaged("", 0));
}

/* ---- the outline ---------------------------------------------------------------------------------------- */

static void note_entry(void *context, const char *key, const char *value)
{
    if (strcmp(key, "preset") == 0) (void)snprintf(context, 24, "%s", value);
}

static void outline_of_a_file(void **state)
{
    const char *const path = in(state, "m.safetensors"), *const out = in(state, "m.onnx");
    onnx_about about;
    bool is_onnx = false;
    char preset[24] = "";
    write_model(path, "tiny", 96);
    export_as(path, out, (export_options){.keep_norm = true});
    assert_ok(onnx_outline(&about, &is_onnx, out, note_entry, preset));
    assert_true(is_onnx);
    assert_string_equal(preset, "tiny");
    assert_string_equal(about.producer, "polyp");
    assert_int_equal(about.opset, 17);
    assert_int_equal(about.initialisers, 162);
    assert_int_equal(about.values, 229217);
    assert_ok(onnx_outline(&about, &is_onnx, path, note_entry, preset));
    assert_false(is_onnx);
}

/* Cut anywhere or spoilt: seldom taken for sound, never a crash. */
static void outline_of_a_spoilt_file(void **state)
{
    const char *const path = in(state, "m.safetensors"), *const out = in(state, "m.onnx");
    file_bytes whole;
    char preset[24] = "";
    onnx_about about;
    bool is_onnx;
    write_model(path, "tiny", 96);
    export_as(path, out, (export_options){.any_size = true});
    assert_ok(file_read(&whole, out, 0));
    unsigned char *const copy = malloc(whole.size);
    assert_non_null(copy);
    for (uint64_t round = 0; round < 300; round++) {
        random_stream r = random_open(SEED, RANDOM_TEST, 6, round);
        const bool cut = round % 2 == 0;
        memcpy(copy, whole.data, whole.size);
        const size_t most = round % 3 == 0 ? whole.size : 2000;
        for (int k = 0; k < 4 && !cut; k++) copy[random_below(&r, most)] = (unsigned char)random_next(&r);
        put_bytes(out, copy, cut ? random_below(&r, whole.size) : whole.size);
        assert_ok(onnx_outline(&about, &is_onnx, out, note_entry, preset));
        assert_false(cut && is_onnx);
    }
    free(copy);
    file_close(&whole);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wire_format_of_the_specification),
        cmocka_unit_test(wire_format_is_read_back),
        cmocka_unit_test(damaged_messages_are_noticed),
        CASE(outline_of_a_file),
        CASE(outline_of_a_spoilt_file),
    };
    return cmocka_run_group_tests_name("protobuf", tests, NULL, NULL);
}
