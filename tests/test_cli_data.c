/* The program on several data sets, and on what a data set may have beside pictures and masks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli_help.h"

/* Two drawn sets in a fresh folder; 12 and 6 pictures. */
static int begin(void **state)
{
    if (cli_begin(state) != 0) return -1;
    const cli_result *r = polyp("synth", in_folder("one"), "--count", "12", "--width", "64", "--height", "48", "--seed", "1");
    if (r->exit_status != 0) return -1;
    r = polyp("synth", in_folder("two"), "--count", "6", "--width", "64", "--height", "48", "--seed", "2");
    return r->exit_status;
}

#define SMALL "--recipe", "quick", "--preset", "slim18", "--size", "32", "--epochs", "1", "--batch", "2", "--threads", "1", "--quiet"

static void train_takes_several(void **state)
{
    (void)state;
    const char *const run = in_folder("run");
    expect(polyp("train", in_folder("one"), in_folder("two"), "--weights", "1,0.5", "--out", run, SMALL), 0,
           "run/model.safetensors", NULL);
    const size_t one = lines_with(in_folder("run/train.txt"), "synth-1-") + lines_with(in_folder("run/valid.txt"), "synth-1-");
    const size_t two = lines_with(in_folder("run/train.txt"), "synth-2-") + lines_with(in_folder("run/valid.txt"), "synth-2-");
    assert_int_equal(one, 10); /* of splits/train.txt each */
    assert_int_equal(two, 5);
    assert_int_equal(lines_with(in_folder("run/recipe.json"), "\"weights\""), 1);
    assert_int_equal(lines_with(in_folder("run/recipe.json"), "1.0,\n      0.5\n    ]"), 1);
    assert_int_equal(lines_with(in_folder("run/recipe.json"), "/two\""), 1);
    expect_failure(polyp("train", in_folder("one"), in_folder("two"), "--out", run, "--resume", SMALL), 1, "run.weights");
    expect_failure(polyp("train", in_folder("one"), "--out", run, "--resume", SMALL), 1, "have changed since");
}

/* The lists of a run over both sets, and the whole of both, by its model. */
static void evaluate_takes_several(void **state)
{
    (void)state;
    const char *const model = in_folder("run/model.safetensors");
    expect(polyp("evaluate", model, in_folder("one"), in_folder("two"), "--json", "-", "--threads", "1"), 0, "\"images\": 18", NULL);
    char images[32];
    snprintf(images, sizeof images, "\"images\": %zu", lines_with(in_folder("run/valid.txt"), "synth-"));
    expect(polyp("evaluate", model, in_folder("one"), in_folder("two"), "--split", in_folder("run/valid.txt"), "--json", "-"), 0,
           images, NULL);
    expect_failure(polyp("evaluate", model, in_folder("one"), in_folder("none")), 1, "none: no such folder");
    expect_failure(polyp("evaluate", model, in_folder("one"), "--ignore", "255"), 2, "--ignore does not take '255'");
}

static void weights_are_checked(void **state)
{
    (void)state;
    static const char *const wrong[] = {"1", "1,", ",1", "1,0", "1,-1", "1,2,3", "1;2", "1,nan", "a,b", "1,1e9"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        expect_failure(polyp("train", in_folder("one"), in_folder("two"), "--weights", wrong[i], "--out", in_folder("no"), SMALL),
                       2, "give 2 numbers above 0, one for each DATA");
    }
    assert_false(is_there(in_folder("no")));
    expect_failure(polyp("train", in_folder("one"), in_folder("none"), "--out", in_folder("no"), SMALL), 1, "none: no such folder");
}

static void split_deals_several_together(void **state)
{
    (void)state;
    expect(polyp("split", in_folder("one"), in_folder("two"), "--folds", "2", "--seed", "4"), 0, "18 pictures in", NULL);
    size_t pictures = 0;
    for (int f = 0; f < 2; f++) {
        char name[64];
        for (int set = 0; set < 2; set++) {
            snprintf(name, sizeof name, "%s/splits/fold%d.valid.txt", set ? "two" : "one", f);
            pictures += lines_with(in_folder(name), set ? "synth-2-" : "synth-1-");
            assert_int_equal(lines_with(in_folder(name), set ? "synth-1-" : "synth-2-"), 0);
        }
    }
    assert_int_equal(pictures, 18);
    expect(polyp("train", in_folder("one"), in_folder("two"), "--out", in_folder("folded"), "--split", "fold1.train", "--valid",
                 "fold1.valid", SMALL),
           0, "folded/model.safetensors", NULL);
}

#define FOLDS "--out", in_folder("cv"), "--valid", "0.34", "--split", "all", SMALL

/* Two runs, each reported on what chose nothing of it; the second to end sums up. */
static void folds_are_reported_and_summed_up(void **state)
{
    (void)state;
    write_text(in_folder("two/splits/all.txt"), "synth-2-000000\nsynth-2-000001\nsynth-2-000002\nsynth-2-000003\n"
                                                "synth-2-000004\nsynth-2-000005\n");
    const char *const two = in_folder("two");
    expect(polyp("train", two, "--fold", "1/2", FOLDS), 0, "cv/fold-1/model.safetensors", NULL);
    assert_false(is_there(in_folder("cv/folds.csv")));
    assert_int_equal(lines_with(in_folder("cv/fold-1/log.txt"), "1 of 2 folds are finished"), 1);
    expect_failure(polyp("train", two, "--fold", "0/3", FOLDS), 1, "cv/fold-1/fold.json: one of 2 folds, not of 3");
    expect_failure(polyp("train", two, "--fold", "0/2", "--seed", "9", FOLDS), 1, "fold.json: trained in another way");
    assert_false(is_there(in_folder("cv/fold-0/last.safetensors")));
    expect(polyp("train", two, "--fold", "0/2", FOLDS), 0, "cv/fold-0/model.safetensors", NULL);
    assert_int_equal(lines_with(in_folder("cv/fold-0/log.txt"), "2 folds, 6 pictures: Jaccard"), 1);
    assert_int_equal(lines_with(in_folder("cv/folds.csv"), "\n"), 5); /* names, two folds, mean, deviation */
    assert_int_equal(lines_with(in_folder("cv/folds.json"), "\"standard_deviation\""), 1);
    assert_int_equal(lines_with(in_folder("cv/fold-0/report.txt"), "synth") + lines_with(in_folder("cv/fold-1/report.txt"), "synth"), 6);
    for (int f = 0; f < 2; f++) {
        size_t all = 0;
        static const char *const lists[] = {"train", "valid", "report"};
        for (int i = 0; i < 3; i++) {
            char name[64];
            snprintf(name, sizeof name, "cv/fold-%d/%s.txt", f, lists[i]);
            all += lines_with(in_folder(name), "synth");
        }
        assert_int_equal(all, 6);
    }
    expect(polyp("train", two, "--fold", "0/2", "--resume", FOLDS), 0, "cv/fold-0/model.safetensors", NULL);
    expect_failure(polyp("train", two, "--fold", "2/2", FOLDS), 2, "--fold 2/2: give I/K");
    expect_failure(polyp("train", two, "--fold", "0/2", "--out", in_folder("no"), "--valid", "all", SMALL), 2, "give --valid as a share");
}

/* A picture without a mask fails until negatives.txt names it; then it is trained on and scored. */
static void negatives_are_declared(void **state)
{
    (void)state;
    size_t size;
    unsigned char *const picture = read_bytes(in_folder("one/images/synth-1-000000.jpg"), &size);
    write_bytes(in_folder("one/images/empty.jpg"), picture, size);
    free(picture);
    expect_failure(polyp("train", in_folder("one"), "--out", in_folder("negative"), SMALL), 1, "negatives.txt");
    write_text(in_folder("one/negatives.txt"), "empty\n");
    write_text(in_folder("one/splits/train.txt"), "synth-1-000000\nsynth-1-000001\nempty\nsynth-1-000002\n");
    write_text(in_folder("one/splits/mine.txt"), "synth-1-000003\n");
    expect(polyp("train", in_folder("one"), "--out", in_folder("negative"), "--valid", "mine", SMALL), 0,
           "negative/model.safetensors", NULL);
    write_text(in_folder("one/splits/empty.txt"), "empty\n");
    expect(polyp("evaluate", in_folder("negative/model.safetensors"), in_folder("one"), "--split", "empty", "--json", "-"), 0,
           "\"without_polyp\": 1", NULL);
    write_text(in_folder("one/negatives.txt"), "empty\nsynth-1-000000\nsynth-1-000001\nsynth-1-000002\n");
    expect_failure(polyp("train", in_folder("one"), "--out", in_folder("liar"), "--valid", "mine", SMALL), 1,
                   "is declared to show no polyp, but its mask ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(train_takes_several),
        cmocka_unit_test(evaluate_takes_several),
        cmocka_unit_test(weights_are_checked),
        cmocka_unit_test(split_deals_several_together),
        cmocka_unit_test(folds_are_reported_and_summed_up),
        cmocka_unit_test(negatives_are_declared),
    };
    return cmocka_run_group_tests_name("cli_data", tests, begin, cli_end);
}
