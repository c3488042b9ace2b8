/* The program from outside: help, misuse, bad input. What it does with good input is test_cli_work.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli_help.h"

static const char *const commands[] = {"synth",  "check",    "split",        "import",  "export", "fetch", "train",
                                       "find-lr", "curves", "evaluate", "check-scores", "predict", "bench",  "info"};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

/* ---- help ----------------------------------------------------------------------------------------------- */

static void help_exits_with_0(void **state)
{
    (void)state;
    expect(polyp("help"), 0, "usage: polyp COMMAND", NULL);
    expect(polyp("--help"), 0, "usage: polyp COMMAND", NULL);
    expect(polyp("--version"), 0, "polyp 0.", NULL);
    expect(polyp("--version"), 0, "engines: ", NULL);
    expect(polyp("help", "--man"), 0, ".TH POLYP 1", NULL);
    for (int i = 0; i < COMMANDS; i++) {
        expect(polyp("help"), 0, commands[i], NULL);
        expect(polyp(commands[i], "--help"), 0, "usage: polyp ", NULL);
        expect(polyp("help", commands[i]), 0, "--threads N", NULL);
        expect(polyp("help", commands[i]), 0, "--engine NAME", NULL);
        expect(polyp("help", commands[i]), 0, "--quiet", NULL);
    }
}

/* The page that is installed is the one that the tables give. */
static void man_page_is_up_to_date(void **state)
{
    char path[CLI_PATH];
    size_t size;
    (void)state;
    snprintf(path, sizeof path, "%s/docs/polyp.1", getenv("POLYP_SOURCE"));
    unsigned char *const page = read_bytes(path, &size);
    page[size] = '\0';
    assert_string_equal((const char *)page, polyp("help", "--man")->out);
    free(page);
}

/* ---- misuse --------------------------------------------------------------------------------------------- */

static void misuse_exits_with_2(void **state)
{
    (void)state;
    const char *const nothing[] = {NULL};
    assert_int_equal(cli_run(nothing)->exit_status, 2);
    expect_failure(polyp("fly"), 2, "there is no command 'fly'");
    expect_failure(polyp("help", "fly"), 2, "there is no command 'fly'");
    for (int i = 0; i < COMMANDS; i++) {
        expect_failure(polyp(commands[i], "--colour", "red"), 2, "unknown option --colour");
        expect_failure(polyp(commands[i], "--threads"), 2, "--threads needs a value: a whole number from 0 to 1024");
        expect_failure(polyp(commands[i], "--threads", "-1"), 2, "a whole number from 0 to 1024");
        expect_failure(polyp(commands[i], "--engine", "steam"), 2, "auto|onednn|reference");
        const bool bare = strcmp(commands[i], "bench") == 0 || strcmp(commands[i], "info") == 0;
        if (!bare) expect_failure(polyp(commands[i]), 2, "needs ");
        expect_failure(polyp(commands[i], "a", "b", "c", "d", "--threads", "x"), 2, NULL);
    }
    expect_failure(polyp("train", "data"), 2, "needs --out RUN");
    expect_failure(polyp("predict", "model.safetensors"), 2, "needs a picture or a folder of pictures after the model");
    expect_failure(polyp("bench", "extra"), 2, "'extra' is one too many");
    expect_failure(polyp("evaluate", "model", "data", "--masks", "m"), 2, "only DATA is given");
    expect_failure(polyp("evaluate", "model", "data", "--resize"), 2, "belong to --masks");
    expect_failure(polyp("evaluate", "model", "data", "--published", "dice=.9"), 2, "'dice=.9' is not a metric");
    expect_failure(polyp("evaluate", "model", "data", "--published", "dsc=.9,f2=x"), 2, "'f2=x' is not a metric");
    expect_failure(polyp("check-scores", "--dsc", ".9"), 2, "needs two or more");
    expect_failure(polyp("check-scores", "--dsc", ".9", "--f2", "9e9"), 2, "--f2: '9e9' is not a score");
    expect_failure(polyp("info", "a", "b"), 2, "'b' is one too many; it takes [FILE]");
    expect_failure(polyp("bench", "--preset", "slim", "--model", "m"), 2, "exclude each other");
    expect_failure(polyp("bench", "--data", "d"), 2, "--data needs --train");
    expect_failure(polyp("bench", "--train", "--recipe", "best"), 2, "need --data");
    expect_failure(polyp("train", "data", "--out", "r", "--preview", "0"), 2, "--preview does not take '0'");
}

static void numbers_are_checked(void **state)
{
    static const char *const bad[] = {"",  "-3", "3x", "x", "1e3", " 7", "+7", "0x10", "99999999999999999999999",
                                      "0", "1.5"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        expect_failure(polyp("train", "d", "--out", "r", "--epochs", bad[i]), 2, "--epochs does not take");
        expect_failure(polyp("synth", "d", "--count", bad[i]), 2, "--count does not take");
    }
    expect_failure(polyp("train", "d", "--out", "r", "--size", "100"), 2, "a multiple of 32");
    expect_failure(polyp("train", "d", "--out", "r", "--size", "999999"), 2, "--size does not take '999999'");
    expect_failure(polyp("train", "d", "--out", "r", "--lr", "fast"), 2,
                   "--lr does not take 'fast'; it takes a number");
    expect_failure(polyp("train", "d", "--out", "r", "--lr", "nan"), 2, "--lr does not take");
    expect_failure(polyp("train", "d", "--out", "r", "--lr", "-1"), 2, "--lr does not take");
    expect_failure(polyp("bench", "--precision", "f8"), 2, "auto|f32|bf16");
    expect_failure(polyp("bench", "--precision", "auto|f32"), 2, "--precision does not take");
    expect_failure(polyp("train", "d", "--out", "r", "--precision", "f16"), 2, "auto|f32|bf16");
    expect_failure(polyp("evaluate", "m", "d", "--threshold", "1.5"), 2, "a number from 0 to 1");
    expect_failure(polyp("evaluate", "m", "d", "--threshold", "inf"), 2, "--threshold does not take");
    expect_failure(polyp("split", "d", "--folds", "1"), 2, "from 2 to 64");
    expect_failure(polyp("predict", "m", "p", "--out", "o", "--tta", "spin"), 2, "none|flips|dihedral|full");
    expect_failure(polyp("predict", "m", "p", "--out", "o", "--min-area", "100"), 2, "a number from 0 to 99");
    expect_failure(polyp("evaluate", "--masks", "m", "d", "--tta", "flips"), 2, "belong to models");
    expect_failure(polyp("evaluate", "a", "b", "c", "d"), 2, "--ensemble makes one of all");
    expect_failure(polyp("synth", "d", "--seed", "-1"), 2, "--seed does not take '-1'");
    expect_failure(polyp("synth", "d", "--width", "31"), 2, "from 32 to ");
    expect_failure(polyp("synth", "d", "--out="), 2, "unknown option --out");
}

/* A processor without bf16, as oneDNN can be told to see any. */
static void bf16_is_refused_where_it_would_be_slow(void **state)
{
    (void)state;
    assert_int_equal(setenv("ONEDNN_MAX_CPU_ISA", "AVX2", 1), 0);
    expect_failure(polyp("bench", "--preset", "slim18", "--size", "32", "--precision", "bf16", "--engine", "auto"), 1,
                   "use f32");
    expect_failure(polyp("bench", "--preset", "slim18", "--size", "32", "--precision", "bf16", "--engine", "reference"),
                   1, "f32 and int8");
    assert_int_equal(polyp("bench", "--preset", "slim18", "--size", "32", "--runs", "1")->exit_status, 0);
    assert_int_equal(unsetenv("ONEDNN_MAX_CPU_ISA"), 0);
}

/* ---- what cannot be read -------------------------------------------------------------------------------- */

static void missing_files(void **state)
{
    const char *const none = in_folder("not-there");
    (void)state;
    expect_failure(polyp("info", none), 1, "not-there");
    expect_failure(polyp("import", none, in_folder("x.safetensors")), 1, "not-there");
    expect_failure(polyp("train", none, "--out", in_folder("run"), "--threads", "1"), 1, "not-there");
    expect_failure(polyp("split", none), 1, "not-there");
    expect_failure(polyp("check", none), 1, "not-there");
    expect_failure(polyp("evaluate", none, cli_folder), 1, "not-there");
    expect_failure(polyp("predict", none, in_folder("stdin"), "--out", in_folder("masks")), 1, "not-there");
    expect_failure(polyp("bench", "--model", none), 1, "not-there");
    assert_false(is_there(in_folder("x.safetensors")));
}

static void not_a_model(void **state)
{
    const char *const text = in_folder("text.txt"), *const empty = in_folder("empty");
    (void)state;
    write_text(text, "this is not a network, but it is longer than a header would be\n");
    write_text(empty, "");
    expect_failure(polyp("info", text), 1, "text.txt");
    expect_failure(polyp("info", empty), 1, "empty");
    expect_failure(polyp("info", cli_folder), 1, NULL);
    expect_failure(polyp("import", text, in_folder("x.safetensors")), 1, "text.txt");
    expect_failure(polyp("bench", "--model", text), 1, "text.txt");
}

static void names_that_are_not_offered(void **state)
{
    (void)state;
    expect_failure(polyp("bench", "--preset", "huge"), 2, "slim18");
}

/* ---- what cannot be written ----------------------------------------------------------------------------- */

/* Below a plain file nothing can be made, not even by root. */
static void folders_that_cannot_be_written(void **state)
{
    const char *const below = in_folder("plain/below");
    (void)state;
    write_text(in_folder("plain"), "a file, not a folder");
    expect_failure(polyp("synth", below, "--count", "1", "--width", "64", "--height", "64"), 1, "plain");
}

static void standard_output_that_is_full(void **state)
{
    char line[CLI_PATH * 2];
    (void)state;
    if (!is_there("/dev/full")) skip();
    snprintf(line, sizeof line, "'%s' help >/dev/full 2>'%s'", getenv("POLYP_PROGRAM"), in_folder("full"));
    const int status = system(line);
    assert_int_equal(WEXITSTATUS(status), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(help_exits_with_0),
        cmocka_unit_test(man_page_is_up_to_date),
        cmocka_unit_test(misuse_exits_with_2),
        cmocka_unit_test(numbers_are_checked),
        cmocka_unit_test(bf16_is_refused_where_it_would_be_slow),
        cmocka_unit_test(missing_files),
        cmocka_unit_test(not_a_model),
        cmocka_unit_test(names_that_are_not_offered),
        cmocka_unit_test(folders_that_cannot_be_written),
        cmocka_unit_test(standard_output_that_is_full),
    };
    return cmocka_run_group_tests(tests, cli_begin, cli_end);
}
