/* The commands that look at runs: curves, find-lr. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "cli_help.h"
#include "media/canvas.h"

#define SMALL "--threads", "1", "--quiet"
#define TINY  "--recipe", "quick", "--preset", "tiny", "--size", "32", "--batch", "4", "--engine", "reference", SMALL

/* A small drawn set, and a run of two epochs on it. */
static int make_run(void **state)
{
    if (cli_begin(state) != 0) return -1;
    const cli_result *r = polyp("synth", in_folder("set"), "--count", "16", "--width", "64", "--height", "48", SMALL);
    if (r->exit_status != 0) return fprintf(stderr, "%s", r->err), -1;
    r = polyp("train", in_folder("set"), "--out", in_folder("run"), "--epochs", "2", TINY);
    return r->exit_status == 0 ? 0 : (fprintf(stderr, "%s", r->err), -1);
}

/* ---- curves --------------------------------------------------------------------------------------------- */

static void curves_compare_runs(void **state)
{
    (void)state;
    write_text(in_folder("other.csv"), "epoch,valid_jaccard\n1,0.5\n2,0.75\n3,0.7\n");
    const cli_result *r = polyp("curves", in_folder("run"), in_folder("other.csv"), "--reach", "0.7");
    expect(r, 0, "valid_jaccard by epoch\n", NULL);
    expect(r, 0, "other.csv       3        0.75         2           2\n", NULL);
    expect(r, 0, "run             2", NULL);
    if (!canvas_available()) skip();
    const char *const figure = in_folder("both.svg");
    expect(polyp("curves", in_folder("run"), in_folder("other.csv"), "--out", figure, "--column", "valid_jaccard"), 0,
           "run", NULL);
    assert_true(is_there(figure));
}

static void curves_refuses(void **state)
{
    (void)state;
    expect_failure(polyp("curves"), 2, "RUN");
    expect_failure(polyp("curves", in_folder("none")), 1, "none");
    expect_failure(polyp("curves", in_folder("run"), "--column", "colour"), 2, "valid_jaccard, valid_dsc");
    expect_failure(polyp("curves", in_folder("set")), 1, "history.csv");
    write_text(in_folder("words.csv"), "these are only words\n");
    expect_failure(polyp("curves", in_folder("words.csv")), 1, "words.csv");
    if (!canvas_available()) {
        expect_failure(polyp("curves", in_folder("run"), "--out", in_folder("no.svg")), 1, "built without Cairo");
        skip();
    }
    expect_failure(polyp("curves", in_folder("run"), "--out", in_folder("none/there.svg")), 1, "none/there.svg");
}

/* ---- find-lr -------------------------------------------------------------------------------------------- */

static double value_behind(const char *text, const char *name)
{
    const char *const at = strstr(text, name);
    assert_non_null(at);
    return strtod(at + strlen(name), NULL);
}

static void find_lr_suggests(void **state)
{
    (void)state;
    const char *const lr = in_folder("lr");
    const cli_result *r = polyp("find-lr", in_folder("set"), "--out", lr, TINY);
    expect(r, 0, "valley        ", NULL);
    const double printed[3] = {value_behind(r->out, "valley"), value_behind(r->out, "steep"),
                               value_behind(r->out, "minimum / 10")};
    r = polyp("find-lr", in_folder("set"), "--out", lr, "--json", "-", TINY);
    expect(r, 0, "{", NULL);
    json_t *const root = json_loads(r->out, 0, NULL);
    assert_non_null(root);
    static const char *const names[] = {"valley", "steep", "minimum"};
    for (int i = 0; i < 3; i++) {
        const double value = json_number_value(json_object_get(root, names[i]));
        assert_true(value > 1e-8 && value < 10.0 && fabs(printed[i] / value - 1.0) < 0.006); /* three figures */
    }
    json_decref(root);
    assert_true(is_there(in_folder("lr/lr.csv")));
    assert_false(is_there(in_folder("lr/model.safetensors")));
    assert_int_equal(is_there(in_folder("lr/lr.png")), canvas_available());
}

static void find_lr_refuses(void **state)
{
    (void)state;
    const char *const set = in_folder("set"), *const lr = in_folder("refused");
    expect_failure(polyp("find-lr", set), 2, "needs --out RUN");
    expect_failure(polyp("find-lr", set, "--out", lr, "--lowest", "1", "--highest", "0.1", TINY), 2,
                   "the lowest rate is 1");
    expect_failure(polyp("find-lr", set, "--out", lr, "--steps", "5", TINY), 2, "--steps");
    expect_failure(polyp("find-lr", set, "--out", lr, "--valid", "val", TINY), 2, "--this-is-the-test");
    expect_failure(polyp("find-lr", set, "--out", in_folder("run"), TINY), 2, "take another folder");
    expect_failure(polyp("find-lr", set, "--out", lr, "--weights", "1,2", TINY), 2, "find-lr: --weights 1,2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(curves_compare_runs),
        cmocka_unit_test(curves_refuses),
        cmocka_unit_test(find_lr_suggests),
        cmocka_unit_test(find_lr_refuses),
    };
    return cmocka_run_group_tests_name("cli_watch", tests, make_run, cli_end);
}
