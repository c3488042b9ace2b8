/* polyp bench as a user meets it: its table, its JSON, its profile, and bad input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "cli_help.h"

#define SMALL "--threads", "1", "--quiet"

static json_t *parse(const char *text)
{
    json_error_t error;
    json_t *const root = json_loads(text, 0, &error);
    if (!root) fail_msg("not JSON: %s\n%s", error.text, text);
    return root;
}

static void bench_tells(void **state)
{
    static const char *const wanted[] = {"min_ms", "median_ms",     "p95_ms",          "images_per_second",
                                         "gflops", "memory_needed", "ms_per_megapixel"};
    (void)state;
    const cli_result *r = polyp("bench", "--preset", "slim18", "--size", "32", "--runs", "2", "--profile", SMALL);
    expect(r, 0, "median", NULL);
    expect(r, 0, "encoder.layer1.0.conv1", NULL);
    expect(r, 0, "% of the machine's", NULL);
    r = polyp("bench", "--preset", "slim18", "--size", "32", "--train", "--batch", "2", "--runs", "2", "--json", "-", SMALL);
    expect(r, 0, NULL, NULL);
    json_t *const root = parse(r->out);
    for (size_t i = 0; i < 7; i++) assert_true(json_number_value(json_object_get(root, wanted[i])) > 0);
    assert_int_equal(json_array_size(json_object_get(root, "times_ms")), 2);
    assert_true(json_number_value(json_object_get(json_object_get(root, "machine"), "gflops")) > 0);
    assert_null(json_object_get(root, "rows"));
    const double least = json_number_value(json_object_get(root, "min_ms"));
    assert_true(least <= json_number_value(json_object_get(root, "median_ms")));
    json_decref(root);
    r = polyp("bench", "--preset", "slim18", "--size", "32", "--runs", "1", "--engine", "reference", "--no-peak", SMALL);
    expect(r, 0, "reference", NULL);
    assert_null(strstr(r->out, "machine"));
}

#ifdef HAVE_ONEDNN
/* Flops and bytes of a line, from the JSON's profile. */
static const json_t *line_named(const json_t *profile, const char *op, const char *kind)
{
    for (size_t i = 0; i < json_array_size(profile); i++) {
        const json_t *const line = json_array_get(profile, i);
        if (strcmp(json_string_value(json_object_get(line, "op")), op) != 0) continue;
        if (strcmp(json_string_value(json_object_get(line, "kind")), kind) == 0) return line;
    }
    fail_msg("no line for %s, %s", op, kind);
    return NULL;
}
#endif

static double number_of(const json_t *line, const char *key)
{
    return json_number_value(json_object_get(line, key));
}

/* Two sizes by two batches: each row by itself, in order; what a line of the profile counts, reckoned by hand. */
static void bench_makes_a_table(void **state)
{
    (void)state;
    const cli_result *r = polyp("bench", "--preset", "slim18", "--size", "32,64", "--batch", "1,2", "--runs", "1",
                                "--profile", "--precision", "f32", "--json", in_folder("bench.json"), SMALL);
    expect(r, 0, "ms/megapixel", NULL);
    json_t *const root = json_load_file(in_folder("bench.json"), 0, NULL);
    const json_t *const rows = json_object_get(root, "rows");
    assert_int_equal(json_array_size(rows), 4);
    for (size_t i = 0; i < 4; i++) {
        const json_t *const row = json_array_get(rows, i);
        const double size = i < 2 ? 32 : 64, batch = i % 2 == 0 ? 1 : 2;
        assert_true(number_of(row, "size") == size && number_of(row, "batch") == batch);
#ifdef HAVE_ONEDNN
        /* 3x3 from 64 to 64 channels at a quarter of the size */
        const json_t *const conv = line_named(json_object_get(row, "profile"), "encoder.layer1.0.conv1", "forward");
        assert_true(number_of(conv, "flops") == 2 * batch * size / 4 * size / 4 * 64 * 64 * 9);
        assert_true(number_of(conv, "gflops") > 0);
        /* source and result, and weights that Winograd's algorithm stores at 16/9 to 4 times their size */
        const double maps = 4 * 2 * batch * size / 4 * size / 4 * 64, weights = number_of(conv, "bytes") - maps;
        assert_true(weights >= 4 * 64 * 64 * 9 && weights <= 16 * 64 * 64 * 9);
#endif
    }
    json_decref(root);
    expect_failure(polyp("bench", "--size", "32,", SMALL), 2, "with commas");
    expect_failure(polyp("bench", "--size", "32,40", SMALL), 2, "a multiple of 32");
    expect_failure(polyp("bench", "--batch", "1,,2", SMALL), 2, "--batch does not take");
}

static void bench_feeds(void **state)
{
    static const char *const wanted[] = {"first_ms", "again_ms", "share", "fed_min_ms", "fed_median_ms"};
    (void)state;
    const char *const set = in_folder("set");
    const cli_result *r = polyp("synth", set, "--count", "10", "--width", "64", "--height", "48", SMALL);
    expect(r, 0, NULL, NULL);
    r = polyp("bench", "--preset", "slim18", "--size", "32", "--train", "--batch", "2", "--runs", "1",
                                "--data", set, "--recipe", "paper", "--json", "-", SMALL);
    expect(r, 0, NULL, NULL);
    json_t *const root = parse(r->out), *const loading = json_object_get(root, "loading");
    for (size_t i = 0; i < 5; i++) assert_true(json_number_value(json_object_get(loading, wanted[i])) > 0);
    json_decref(root);
    expect_failure(polyp("bench", "--train", "--batch", "2", "--data", set, "--set", "augment.hue.degres=3", SMALL), 2,
                   "augment.hue.degrees");
    expect_failure(
        polyp("bench", "--train", "--preset", "slim18", "--size", "32", "--batch", "40", "--data", set, SMALL), 2,
        "smaller batch");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bench_tells),
        cmocka_unit_test(bench_makes_a_table),
        cmocka_unit_test(bench_feeds),
    };
    return cmocka_run_group_tests(tests, cli_begin, cli_end);
}
