/* Progress lines in words, and on a real terminal. */
#define _GNU_SOURCE /* forkpty() */
#include <math.h>
#include <pty.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../app/progress_line.h"
#include "cli_help.h"

static progress_facts training(void)
{
    return (progress_facts){.phase = "train",
                            .unit = "step",
                            .epoch = 3,
                            .epochs = 20,
                            .done = 140,
                            .total = 1760,
                            .units = 52,
                            .pictures = 8,
                            .seconds = 26.0,
                            .left = 810.0,
                            .loss = 0.43125,
                            .rate = 2.1e-4};
}

static void check_line(const progress_facts *f, int columns, const char *expected)
{
    char line[256];
    progress_draw_line(line, sizeof line, f, columns);
    assert_string_equal(line, expected);
}

static void test_the_line_of_a_training(void **state)
{
    (void)state;
    progress_facts f = training();
    check_line(
        &f, 200,
        "train: epoch 3/20, [#.......................] 140/1760, 16.0 pictures/s, 13:30 left, loss 0.4313, rate 2.10e-04");
    f.done = 1760;
    check_line(
        &f, 200,
        "train: epoch 3/20, [########################] 1760/1760, 16.0 pictures/s, 13:30 left, loss 0.4313, rate 2.10e-04");
    f.left = 3723.0;
    check_line(
        &f, 200,
        "train: epoch 3/20, [########################] 1760/1760, 16.0 pictures/s, 1:02:03 left, loss 0.4313, rate 2.10e-04");
    f.left = -1.0;
    f.units = 0;
    check_line(
        &f, 200,
        "train: epoch 3/20, [########################] 1760/1760, 0.000 pictures/s, ? left, loss 0.4313, rate 2.10e-04");
}

/* The bar gives way first; a line never wraps. */
static void test_narrow_terminals(void **state)
{
    (void)state;
    const progress_facts f = training();
    const char whole[] = "train: epoch 3/20, 140/1760, 16.0 pictures/s, 13:30 left, loss 0.4313, rate 2.10e-04";
    check_line(&f, 96,
               "train: epoch 3/20, [.........] 140/1760, 16.0 pictures/s, 13:30 left, loss 0.4313, rate 2.10e-04");
    check_line(&f, 90, whole);
    for (int columns = 0; columns < (int)sizeof whole; columns++) {
        char line[256];
        progress_draw_line(line, sizeof line, &f, columns);
        assert_int_equal(strlen(line), columns);
        assert_memory_equal(line, whole, (size_t)columns);
    }
}

static void test_other_work(void **state)
{
    (void)state;
    progress_facts f = {.phase = "predict",
                        .unit = "picture",
                        .done = 12,
                        .total = 48,
                        .units = 12,
                        .seconds = 8.0,
                        .left = 24.0,
                        .loss = (double)NAN,
                        .rate = (double)NAN};
    char line[256];
    check_line(&f, 79, "predict: [######..................] 12/48, 1.50 pictures/s, 0:24 left");
    progress_end_line(line, sizeof line, &f);
    assert_string_equal(line, "predict: 12 pictures in 0:08, 1.50 a second");
    f.units = 1;
    f.total = 0;
    progress_end_line(line, sizeof line, &f);
    assert_string_equal(line, "predict: 1 picture in 0:08, 0.125 a second");
    check_line(&f, 79, "predict: 12, 0.125 pictures/s, 0:24 left"); /* no end known: no bar */
}

static void test_ends(void **state)
{
    (void)state;
    const progress_facts f = training();
    char line[256];
    progress_end_line(line, sizeof line, &f);
    assert_string_equal(line,
                        "train: epoch 3/20, 52 steps in 0:26, 16.0 pictures a second, loss 0.4313, rate 2.10e-04");
    progress_work_line(line, sizeof line, &f);
    assert_string_equal(line, "416 pictures in 0:26, 16.0 a second");
    progress_end_line(line, 20, &f); /* what has no room is cut */
    assert_string_equal(line, "train: epoch 3/20, ");
}

/* ---- the program ------------------------------------------------------------------------------------ */

#define TRAIN \
    "train", in_folder("set"), "--preset", "tiny", "--size", "32", "--epochs", "3", "--batch", "4", "--threads", "1"

static int make_set(void **state)
{
    if (cli_begin(state) != 0) return -1;
    const cli_result *const r =
        polyp("synth", in_folder("set"), "--count", "12", "--width", "64", "--height", "48", "--quiet");
    return r->exit_status;
}

/* How often they are there. */
static size_t occurrences(const char *text, const char *words)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, words)); at += strlen(words)) count++;
    return count;
}

/* In a log: one plain line an epoch, which tells result and speed. */
static void test_a_line_an_epoch_in_a_log(void **state)
{
    (void)state;
    const cli_result *const r = polyp(TRAIN, "--out", in_folder("log"));
    expect(r, 0, "model.safetensors", "epoch 1 of 3: loss ");
    assert_int_equal(occurrences(r->err, "epoch "), 3);
    assert_int_equal(occurrences(r->err, "; 8 pictures in 0:0"), 3);
    assert_null(strchr(r->err, '\r'));
}

/* What a terminal of 60 columns gets: a child of ours on a pseudo terminal. */
static char *on_a_terminal(const char *const *words)
{
    static char text[CLI_TEXT];
    struct winsize size = {.ws_row = 24, .ws_col = 60};
    const char *argv[CLI_ARGUMENTS + 2] = {getenv("POLYP_PROGRAM")};
    for (int i = 0; words[i]; i++) argv[i + 1] = words[i];
    int terminal;
    const pid_t child = forkpty(&terminal, NULL, NULL, &size);
    assert_true(child >= 0);
    if (child == 0) {
        execv(argv[0], (char **)(uintptr_t)argv);
        _exit(9);
    }
    size_t used = 0;
    for (ssize_t n; used + 1 < sizeof text && (n = read(terminal, text + used, sizeof text - 1 - used)) > 0;)
        used += (size_t)n;
    text[used] = '\0';
    int raw;
    assert_int_equal(waitpid(child, &raw, 0), child);
    close(terminal);
    if (!WIFEXITED(raw) || WEXITSTATUS(raw) != 0) fail_msg("%s", text);
    return text;
}

/* These take more than half a second to draw: then the line appears, within the terminal's width. */
static void test_a_bar_on_a_terminal(void **state)
{
    (void)state;
    const char *const words[] = {"synth", in_folder("more"), "--count", "25", "--width", "640", "--height",
                                 "512",   "--threads",       "1",       NULL};
    char *const text = on_a_terminal(words);
    const char *drawn = strstr(text, "\r\033[K");
    assert_non_null(drawn);
    assert_non_null(strstr(text, "pictures/s, "));
    assert_non_null(strchr(text, '#'));
    for (; (drawn = strstr(drawn, "\r\033[K")); drawn++) {
        drawn += 4;
        assert_true(strcspn(drawn, "\r\n") < 60);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_line_of_a_training),
        cmocka_unit_test(test_narrow_terminals),
        cmocka_unit_test(test_other_work),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_a_line_an_epoch_in_a_log),
        cmocka_unit_test(test_a_bar_on_a_terminal),
    };
    return cmocka_run_group_tests_name("progress", tests, make_set, cli_end);
}
