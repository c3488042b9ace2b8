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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(curves_compare_runs),
        cmocka_unit_test(curves_refuses),
    };
    return cmocka_run_group_tests_name("cli_watch", tests, make_run, cli_end);
}
