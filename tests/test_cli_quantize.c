/* polyp quantize, and average beside it, from end to end: the file, what it says, every command that takes it, and what is refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli_help.h"

#define SMALL "--threads", "1", "--quiet"

/* A set of ten small pictures, a network that has seen them once, and the same in 8 bits. */
static int make_set_and_models(void **state)
{
    if (cli_begin(state) != 0) return -1;
    const cli_result *r = polyp("synth", in_folder("set"), "--count", "10", "--width", "64", "--height", "48", SMALL);
    if (r->exit_status != 0) return fprintf(stderr, "%s", r->err), -1;
    r = polyp("train", in_folder("set"), "--out", in_folder("run"), "--preset", "tiny", "--size", "32", "--epochs", "1",
              "--batch", "4", SMALL);
    if (r->exit_status != 0) return fprintf(stderr, "%s", r->err), -1;
    r = polyp("quantize", in_folder("run/model.safetensors"), in_folder("set"), in_folder("eight.safetensors"), SMALL);
    return r->exit_status == 0 ? 0 : (fprintf(stderr, "%s", r->err), -1);
}

static const char *model(void)
{
    return in_folder("run/model.safetensors");
}

static const char *eight(void)
{
    return in_folder("eight.safetensors");
}

static void says_what_it_costs(void **state)
{
    (void)state;
    const char *const out = in_folder("again.safetensors");
    const cli_result *const r =
        polyp("quantize", model(), in_folder("set"), out, "--split", "train", "--pictures", "3", "--threads", "1");
    expect(r, 0, "Dice on 3 pictures", NULL);
    expect(r, 0, "ranges of values: ", NULL);
    expect(r, 0, "difference a picture: 0.0", NULL);
    expect(r, 0, " MB, from ", "original: 3 pictures");
    expect(polyp("info", out), 0, "8 bits", NULL);
    expect(polyp("info", out), 0, "found on 3 pictures", NULL);
    expect(polyp("info", out), 0, "training    recipe", NULL); /* the training's facts are kept */
}

/* Equal input gives equal bytes. */
static void twice_is_the_same(void **state)
{
    (void)state;
    size_t a, b;
    expect(polyp("quantize", model(), in_folder("set"), in_folder("twice.safetensors"), SMALL), 0, NULL, NULL);
    unsigned char *const x = read_bytes(eight(), &a), *const y = read_bytes(in_folder("twice.safetensors"), &b);
    assert_int_equal(a, b);
    assert_memory_equal(x, y, a);
    free(x);
    free(y);
}

static void every_command_takes_it(void **state)
{
    (void)state;
    static const char *const engines[] = {"reference", "auto"};
    for (size_t i = 0; i < 2; i++) {
        expect(polyp("evaluate", eight(), in_folder("set"), "--engine", engines[i], SMALL), 0, "10 pictures", NULL);
    }
    expect(polyp("predict", eight(), in_folder("set/images"), "--out", in_folder("masks"), SMALL), 0, NULL, NULL);
    assert_true(is_there(in_folder("masks/synth-1-000003.png")));
    expect(polyp("bench", "--model", eight(), "--size", "32", "--runs", "2", SMALL), 0, NULL, NULL);
    expect(polyp("export", eight(), in_folder("out.onnx"), SMALL), 0, "opset", NULL);
    expect(polyp("export", eight(), in_folder("out.safetensors"), SMALL), 0, "tiny", NULL);
    expect(polyp("evaluate", in_folder("out.safetensors"), in_folder("set"), SMALL), 0, "10 pictures", NULL);
}

/* Whether the engine computes in int8 here, as `bench` says; "auto" takes it then. */
static bool is_int8(void)
{
    return strstr(polyp("bench", "--model", eight(), "--size", "32", "--runs", "1", SMALL)->out, "int8") != NULL;
}

/* Without VNNI: floats, and a refusal when int8 is asked for. */
static void precision_follows_the_processor(void **state)
{
    (void)state;
    const char *const set = in_folder("set");
    expect_failure(polyp("evaluate", model(), set, "--precision", "int8", SMALL), 1, "model.safetensors: int8 needs");
    expect_failure(polyp("train", set, "--out", in_folder("r"), "--precision", "int8", SMALL), 2, "auto|f32|bf16");
    expect(polyp("evaluate", eight(), set, "--engine", "reference", "--precision", "int8", SMALL), 0, "10 pictures", NULL);
    if (!is_int8()) skip();
    expect(polyp("evaluate", eight(), set, "--precision", "int8", SMALL), 0, "10 pictures", NULL);
    expect(polyp("evaluate", eight(), set), 0, NULL, "computing in int8");
    expect(polyp("predict", eight(), in_folder("set/images"), "--out", in_folder("masks")), 0, NULL, "computing in int8");
    setenv("ONEDNN_MAX_CPU_ISA", "AVX2", 1);
    const bool still = is_int8();
    expect(polyp("evaluate", eight(), set, SMALL), 0, "10 pictures", NULL);
    expect_failure(polyp("evaluate", eight(), set, "--precision", "int8", SMALL), 1, "AVX512_VNNI");
    const cli_result *const r = polyp("quantize", model(), set, in_folder("old.safetensors"), SMALL);
    expect(r, 0, "f32 with the weights scaled back", NULL);
    unsetenv("ONEDNN_MAX_CPU_ISA");
    assert_false(still);
    expect(polyp("evaluate", in_folder("old.safetensors"), set, "--precision", "int8", SMALL), 0, "10 pictures", NULL);
}

/* Of the first epoch. */
static double first_loss(const char *path)
{
    size_t size;
    char *const text = (char *)read_bytes(path, &size), *row = strchr(text, '\n');
    double loss = 0;
    assert_non_null(row);
    assert_int_equal(sscanf(row, " %*d,%*f,%*f,%lf", &loss), 1);
    free(text);
    return loss;
}

/* Its first epoch goes as from the f32 original, apart from what rounding the weights costs, and not as from random ones. */
static void training_goes_on_from_8_bits(void **state)
{
    (void)state;
    double losses[3];
    const char *const from[] = {model(), eight(), NULL}, *const runs[] = {"four", "small", "random"};
    for (int i = 0; i < 3; i++) {
        const char *const out = in_folder(runs[i]), *const init = from[i] ? "--init" : "--preset";
        expect(polyp("train", in_folder("set"), "--out", out, init, from[i] ? from[i] : "tiny", "--size", "32", "--batch", "4", "--epochs",
                     "1", "--lr", "1e-9", "--seed", from[i] ? "1" : "9", "--threads", "1"),
               0, NULL, i == 1 ? "its weights in 8 bits are scaled back" : NULL);
        char file[64];
        (void)snprintf(file, sizeof file, "%s/history.csv", runs[i]);
        losses[i] = first_loss(in_folder(file));
    }
    print_message("losses: %g from f32, %g from 8 bits, %g from random weights\n", losses[0], losses[1], losses[2]);
    assert_true(losses[0] > 0 && fabs(losses[1] - losses[0]) < 0.02 * losses[0]);
    assert_true(fabs(losses[2] - losses[0]) > 0.04 * losses[0]);
    expect(polyp("evaluate", in_folder("small/model.safetensors"), in_folder("set"), SMALL), 0, "10 pictures", NULL);
}

static void training_goes_on_from_the_shipped_network(void **state)
{
    (void)state;
    setenv("POLYP_MODEL", eight(), 1);
    expect(polyp("train", in_folder("set"), "--out", in_folder("on"), "--init", "shipped", "--epochs", "1", "--batch", "4",
                 "--threads", "1"),
           0, NULL, "eight.safetensors: its weights in 8 bits");
    setenv("POLYP_MODEL", in_folder("gone"), 1);
    expect_failure(polyp("train", in_folder("set"), "--out", in_folder("on2"), "--init", "shipped", SMALL), 1, "gone");
    unsetenv("POLYP_MODEL");
}

/* The mean of a model and itself is itself; what is in 8 bits has no mean. */
static void models_are_averaged(void **state)
{
    (void)state;
    const char *const out = in_folder("mean.safetensors"), *const none = in_folder("no-mean.safetensors");
    char checksum[64];
    const cli_result *r = polyp("info", model());
    const char *const line = strstr(r->out, "checksum");
    assert_non_null(line);
    (void)snprintf(checksum, sizeof checksum, "%.*s", (int)strcspn(line, "\n"), line);
    expect(polyp("average", model(), model(), "--out", out), 0, "the mean of 2 models", NULL);
    expect(polyp("info", out), 0, checksum, NULL);
    expect(polyp("info", out), 0, "averaged    the weights of 2 models", NULL);
    expect_failure(polyp("average", model(), eight(), "--out", none), 1, "8 bits; average needs");
    expect_failure(polyp("average", model(), "shipped", "--out", none), 1, "8 bits; average needs");
    expect_failure(polyp("average", model(), "--out", none), 2, NULL);
    expect_failure(polyp("average", model(), out), 2, "needs --out");
    expect_failure(polyp("average", model(), out, "--out", out), 2, "is one of the models");
    assert_false(is_there(none));
}

static void misuse_is_refused(void **state)
{
    (void)state;
    const char *const set = in_folder("set"), *const out = in_folder("none.safetensors");
    expect_failure(polyp("import", eight(), out, SMALL), 1, "8 bits");
    expect_failure(polyp("quantize", eight(), set, out, SMALL), 1, "8 bits; quantize needs");
    expect_failure(polyp("quantize", model(), set, out, "--split", "val", SMALL), 2, "--this-is-the-test");
    expect_failure(polyp("quantize", model(), set, model(), SMALL), 2, "is the model itself");
    expect_failure(polyp("quantize", in_folder("no-model"), set, out, SMALL), 1, "no-model");
    expect_failure(polyp("quantize", model(), in_folder("no-set"), out, SMALL), 1, "no-set");
    expect_failure(polyp("quantize", model(), set, in_folder("no/folder/x"), SMALL), 1, "no/folder");
    expect_failure(polyp("quantize", model(), set), 2, NULL);
    assert_false(is_there(out));
    expect(polyp("info", model()), 0, "preset      tiny", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_it_costs),
        cmocka_unit_test(twice_is_the_same),
        cmocka_unit_test(every_command_takes_it),
        cmocka_unit_test(precision_follows_the_processor),
        cmocka_unit_test(training_goes_on_from_8_bits),
        cmocka_unit_test(training_goes_on_from_the_shipped_network),
        cmocka_unit_test(models_are_averaged),
        cmocka_unit_test(misuse_is_refused),
    };
    return cmocka_run_group_tests_name("cli_quantize", tests, make_set_and_models, cli_end);
}
