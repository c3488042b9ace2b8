/* Published rows held against averagings: the rows of the field, and rows that are made, which are never called impossible. */
#include "data_help.h"

#include "base/random.h"
#include "score/consistency_impl.h"
#include "score/facts.h"

static published_scores published(const char *const texts[SIX_METRICS])
{
    published_scores s = {0};
    for (int m = 0; m < SIX_METRICS; m++) {
        if (texts[m]) assert_ok(published_parse(&s.numbers[m], score_facts[m].key, texts[m]));
    }
    return s;
}

static void check(consistency out[CONSISTENCY_WAYS], const char *const texts[SIX_METRICS])
{
    const published_scores s = published(texts);
    assert_ok(consistency_check(out, &s));
}

/* ---- rows of the field ----------------------------------------------------------------------------------- */

/* Alam et al. 2020 on Kvasir-SEG: a DSC of .8926 needs a Jaccard index of .8060 under every average. */
static void test_the_papers_kvasir_row_is_impossible(void **state)
{
    (void)state;
    consistency ways[CONSISTENCY_WAYS];
    double low, high;
    const char *const row[] = {".7871", ".8926", ".8433", ".9207", ".9639", ".8585"};
    check(ways, row);
    for (int way = 0; way < CONSISTENCY_WAYS; way++) assert_int_equal(ways[way].verdict, VERDICT_IMPOSSIBLE);
    assert_near(ways[WAY_POOLED].misfit, 0.00717, 5e-5);
    assert_near(ways[WAY_PER_IMAGE].misfit, 0.00717, 5e-5);
    const published_scores s = published(row);
    consistency_jaccard_range(&low, &high, &s.numbers[SCORE_DSC]);
    assert_near(low, 0.8060, 1e-4);
    const consistency_implied implied = consistency_pooled(&s);
    assert_near(implied.jaccard, 0.7862, 5e-5);
    assert_near(implied.dsc, 0.8803, 5e-5);
    assert_near(implied.f2, 0.8577, 5e-5);
    assert_near(implied.share, 0.157, 1e-3);
}

/* The pair alone suffices. */
static void test_dsc_and_jaccard_alone(void **state)
{
    (void)state;
    consistency ways[CONSISTENCY_WAYS];
    check(ways, (const char *const[SIX_METRICS]){".7871", ".8926"});
    assert_int_equal(ways[WAY_POOLED].verdict, VERDICT_IMPOSSIBLE);
    assert_int_equal(ways[WAY_PER_IMAGE].verdict, VERDICT_IMPOSSIBLE);
    assert_int_equal(ways[WAY_CLASSES_POOLED].verdict, VERDICT_IMPOSSIBLE);
    assert_int_equal(ways[WAY_CLASSES_PER_IMAGE].verdict, VERDICT_IMPOSSIBLE);
}

/* The same paper's row of the challenge is a mean over pictures. */
static void test_the_challenge_row_is_possible_per_image(void **state)
{
    (void)state;
    consistency ways[CONSISTENCY_WAYS];
    check(ways, (const char *const[]){".7396", ".8154", ".8533", ".8532", ".9506", ".8272"});
    assert_int_equal(ways[WAY_POOLED].verdict, VERDICT_IMPOSSIBLE);
    assert_int_equal(ways[WAY_PER_IMAGE].verdict, VERDICT_POSSIBLE);
    assert_near(ways[WAY_PER_IMAGE].misfit, 0, 0);
}

typedef struct pair {
    const char *jaccard, *dsc;
    bool pooled, per_image;
} pair;

static void test_other_published_pairs(void **state)
{
    static const pair pairs[] = {
        {"0.9051", "0.9502", true, true},   /* DUCK-Net */
        {"88.50", "93.90", true, true},     /* RAPUNet, in per cent */
        {"0.7134", "0.8327", true, true},   /* a fastai model card */
        {"0.9056", "0.9483", false, true},  /* EffiSegNet-B4 */
        {"0.7282", "0.8227", false, true},  /* NanoNet-A */
        {"0.8100", "0.8757", false, true},  /* UNet-ResNet34 */
        {"0.7874", "0.7010", false, false}, /* DDANet's columns, swapped */
    };
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        const published_scores s = published((const char *const[SIX_METRICS]){pairs[i].jaccard, pairs[i].dsc});
        consistency pooled, mean;
        assert_ok(search_counts(&pooled, &s, MODEL_POLYP));
        assert_ok(search_hull(&mean, &s, MODEL_POLYP));
        assert_int_equal(pooled.verdict, pairs[i].pooled ? VERDICT_POSSIBLE : VERDICT_IMPOSSIBLE);
        assert_int_equal(mean.verdict, pairs[i].per_image ? VERDICT_POSSIBLE : VERDICT_IMPOSSIBLE);
    }
}

/* ResUNet++: DSC of the polyp class beside TensorFlow's MeanIoU over both classes. */
static void test_jaccard_of_both_classes(void **state)
{
    (void)state;
    const published_scores s = published((const char *const[SIX_METRICS]){"0.7927", "0.8133"});
    consistency pooled, mixed;
    assert_ok(search_counts(&pooled, &s, MODEL_POLYP));
    assert_ok(search_counts(&mixed, &s, MODEL_MIXED));
    assert_int_equal(pooled.verdict, VERDICT_IMPOSSIBLE);
    assert_int_equal(mixed.verdict, VERDICT_POSSIBLE);
}

/* ---- rows that are made ---------------------------------------------------------------------------------- */

enum { PICTURES = 6 };

static uint64_t up_to(random_stream *r, uint64_t most)
{
    return random_below(r, most + 1);
}

static void make_counts(pixel_counts c[PICTURES], uint64_t number)
{
    random_stream r = random_open(number, RANDOM_TEST, 9, 0);
    for (int i = 0; i < PICTURES; i++) {
        c[i] = (pixel_counts){
            .tp = 1 + up_to(&r, 4000), .fp = up_to(&r, 900), .fn = up_to(&r, 900), .tn = up_to(&r, 20000)};
        if (up_to(&r, 5) == 0) c[i].tp = 0; /* missed */
        if (c[i].tp + c[i].fn == 0) c[i].fn = 1;
    }
}

/* As a paper prints it: `decimals` of them. */
static published_scores printed(const polyp_metrics *m, int decimals)
{
    double values[SIX_METRICS];
    published_scores s = {0};
    scores_to_array(values, m);
    for (int k = 0; k < SIX_METRICS; k++) {
        char text[32];
        (void)snprintf(text, sizeof text, "%.*f", decimals, values[k]);
        assert_ok(published_parse(&s.numbers[k], "number", text));
    }
    return s;
}

static void assert_not_impossible(const consistency *c, const char *way, uint64_t number)
{
    if (c->verdict == VERDICT_IMPOSSIBLE)
        fail_msg("row %d is called impossible %s, misfit %g", (int)number, way, c->misfit);
}

static void test_true_rows_are_never_impossible(void **state)
{
    (void)state;
    for (uint64_t number = 0; number < 12; number++) {
        pixel_counts c[PICTURES];
        consistency found;
        const int decimals = number % 2 == 0 ? 4 : 3;
        make_counts(c, number);
        const polyp_metrics pooled = scores_pooled(c, PICTURES), mean = scores_per_image(c, PICTURES);
        published_scores s = printed(&pooled, decimals);
        assert_ok(search_counts(&found, &s, MODEL_POLYP));
        assert_int_equal(found.verdict, VERDICT_POSSIBLE);
        s = printed(&mean, decimals);
        assert_ok(search_hull(&found, &s, MODEL_POLYP));
        assert_not_impossible(&found, "per image", number);
    }
}

static void test_true_rows_of_classes_are_never_impossible(void **state)
{
    (void)state;
    for (uint64_t number = 0; number < 3; number++) {
        pixel_counts c[PICTURES];
        consistency found;
        make_counts(c, 100 + number);
        const polyp_metrics polyp = scores_pooled(c, PICTURES);
        polyp_metrics both = scores_pooled_classes(c, PICTURES);
        published_scores s = printed(&both, 3);
        assert_ok(search_counts(&found, &s, MODEL_CLASSES));
        assert_not_impossible(&found, "as a mean of classes", number);
        const double jaccard = both.jaccard;
        both = polyp;
        both.jaccard = jaccard;
        s = printed(&both, 3);
        assert_ok(search_counts(&found, &s, MODEL_MIXED));
        assert_not_impossible(&found, "with the Jaccard index of both classes", number);
        both = scores_mean(c, PICTURES, scores_of_classes);
        s = printed(&both, 3);
        assert_ok(search_hull(&found, &s, MODEL_CLASSES));
        assert_not_impossible(&found, "per image as a mean of classes", number);
    }
}

/* Metrics of a cell that is a point are those of the counts it stands for. */
static void test_model_against_counts(void **state)
{
    (void)state;
    const pixel_counts c = {.tp = 60, .fp = 20, .fn = 40, .tn = 880};
    const polyp_metrics polyp = scores_of(&c), classes = scores_of_classes(&c);
    const double jaccard = 880.0 / 940, alarms = 1.0 / 3;
    const cell at = {{{polyp.jaccard, polyp.jaccard}, {alarms, alarms}, {jaccard, jaccard}}};
    span found[SIX_METRICS];
    double expected[SIX_METRICS];
    model_bounds(found, &at, MODEL_CLASSES);
    scores_to_array(expected, &classes);
    for (int m = 0; m < SIX_METRICS; m++) {
        assert_near(found[m].low, expected[m], 1e-12);
        assert_near(found[m].high, expected[m], 1e-12);
    }
    model_bounds(found, &at, MODEL_POLYP);
    scores_to_array(expected, &polyp);
    for (int m = 0; m < SIX_METRICS; m++)
        assert_true(found[m].low <= expected[m] + 1e-12 && expected[m] <= found[m].high + 1e-12);
    assert_near(found[SCORE_F2].low, polyp.f2, 1e-12);
}

/* ---- printed numbers ------------------------------------------------------------------------------------- */

static void test_printed_numbers(void **state)
{
    (void)state;
    published_number n;
    assert_ok(published_parse(&n, "--dsc", ".8926"));
    assert_true(n.given && n.decimals == 4);
    assert_near(n.value, 0.8926, 1e-15);
    assert_near(n.half, 5e-5, 1e-18);
    assert_ok(published_parse(&n, "--dsc", "89.3"));
    assert_near(n.value, 0.893, 1e-15);
    assert_near(n.half, 5e-4, 1e-18);
    assert_ok(published_parse(&n, "--dsc", "0.5%"));
    assert_near(n.value, 0.005, 1e-15);
    assert_ok(published_parse(&n, "--dsc", "1"));
    assert_near(n.value, 1, 0);
    static const char *const wrong[] = {"", ".", "x", "0.8x", "-0.5", "1e-3", "0,89", "101", "nan", "0.5 ", "1.2.3"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_failed(published_parse(&n, "--dsc", wrong[i]), POLYP_ERR_ARGUMENT, "--dsc");
    }
    consistency ways[CONSISTENCY_WAYS];
    const published_scores one = published((const char *const[SIX_METRICS]){"0.9"});
    assert_failed(consistency_check(ways, &one), POLYP_ERR_ARGUMENT, "two or more");
}

static void test_extremes(void **state)
{
    (void)state;
    consistency ways[CONSISTENCY_WAYS];
    check(ways, (const char *const[]){"1", "1", "1", "1", "1", "1"});
    for (int way = 0; way < CONSISTENCY_WAYS; way++) assert_int_equal(ways[way].verdict, VERDICT_POSSIBLE);
    check(ways,
          (const char *const[SIX_METRICS]){"0", "0", "0", "1.00"}); /* everything missed, by scikit-learn's rule */
    assert_int_equal(ways[WAY_PER_IMAGE].verdict, VERDICT_POSSIBLE);
}

static void test_without_memory(void **state)
{
    (void)state;
    const published_scores s = published((const char *const[SIX_METRICS]){"0.7282", "0.8227"});
    consistency found;
    (void)memory_fail_at(1);
    assert_int_equal(search_counts(&found, &s, MODEL_POLYP), POLYP_ERR_MEMORY);
    for (size_t k = 1; k <= 2; k++) {
        (void)memory_fail_at(k);
        assert_int_equal(search_hull(&found, &s, MODEL_POLYP), POLYP_ERR_MEMORY);
    }
    (void)memory_fail_at(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_papers_kvasir_row_is_impossible),
        cmocka_unit_test(test_dsc_and_jaccard_alone),
        cmocka_unit_test(test_the_challenge_row_is_possible_per_image),
        cmocka_unit_test(test_other_published_pairs),
        cmocka_unit_test(test_jaccard_of_both_classes),
        cmocka_unit_test(test_true_rows_are_never_impossible),
        cmocka_unit_test(test_true_rows_of_classes_are_never_impossible),
        cmocka_unit_test(test_model_against_counts),
        cmocka_unit_test(test_printed_numbers),
        cmocka_unit_test(test_extremes),
        cmocka_unit_test(test_without_memory),
    };
    return cmocka_run_group_tests_name("consistency", tests, NULL, NULL);
}
