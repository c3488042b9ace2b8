/* The table, recipes that are refused, and how often and how far each transform is drawn. */
#include "learn_help.h"

#include <math.h>

#include "learn/recipe.h"
#include "media/augment.h"

enum { DRAWS = 100000, BINS = 20 };

/* ---- the table ------------------------------------------------------------------------------------------ */

static int range_count(int kind)
{
    int count = 0;
    while (count < AUGMENT_RANGES && augment_kinds[kind].ranges[count].name) count++;
    return count;
}

static void test_table(void **state)
{
    (void)state;
    for (int k = 0; k < AUGMENT_KINDS; k++) {
        const augment_kind_row *const row = &augment_kinds[k];
        assert_non_null(row->name);
        assert_non_null(row->does);
        for (int j = 0; j < k; j++) assert_string_not_equal(row->name, augment_kinds[j].name);
        for (int i = 0; i < range_count(k); i++) {
            const augment_range *const range = &row->ranges[i];
            assert_non_null(range->means);
            assert_true(range->least <= range->low && range->low <= range->high && range->high <= range->most);
            assert_true(range->least <= range->neutral && range->neutral <= range->most);
            assert_true(!range->by_ratio || range->least > 0);
        }
    }
}

/* Every entry and range stands in the table of docs/training.md. */
static void test_table_is_documented(void **state)
{
    (void)state;
    const char *const source = getenv("POLYP_SOURCE");
    char *const text = help_text(help_path(source ? source : ".", "docs/training.md"));
    char word[64];
    const char *const table = strstr(text, "| entry |");
    assert_non_null(table);
    for (int k = 0; k < AUGMENT_KINDS; k++) {
        (void)snprintf(word, sizeof word, "`%s`", augment_kinds[k].name);
        const char *const entry = strstr(table, word);
        if (!entry) fail_msg("docs/training.md: nothing about %s", word);
        for (int i = 0; i < range_count(k); i++) {
            (void)snprintf(word, sizeof word, "`%s`", augment_kinds[k].ranges[i].name);
            const char *const found = strstr(entry, word);
            if (!found || found > strchr(entry, '\n'))
                fail_msg("docs/training.md: %s: nothing about %s", augment_kinds[k].name, word);
        }
    }
    memory_free(text);
}

static augment_recipe built_in(const char *name)
{
    recipe r;
    assert_ok(recipe_read(&r, name));
    assert_ok(augment_check(&r.augment));
    return r.augment;
}

/* aug_transforms() of fastai 2, but for what its arguments switch off. */
static void test_paper_is_fastai(void **state)
{
    (void)state;
    static const enum augment_kind on[] = {AUGMENT_FLIP, AUGMENT_ROTATE,     AUGMENT_ZOOM,
                                           AUGMENT_WARP, AUGMENT_BRIGHTNESS, AUGMENT_CONTRAST};
    const augment_recipe paper = built_in("paper"), none = augment_recipe_none();
    double sum = 0;
    assert_int_equal(paper.pipeline, AUGMENT_FASTAI);
    assert_int_equal(paper.fill, AUGMENT_FILL_REFLECT);
    for (int k = 0; k < AUGMENT_KINDS; k++) sum += paper.entries[k].probability;
    assert_true(fabs(sum - 0.5 - 5 * 0.75) < 1e-12);
    for (int i = 0; i < 6; i++) {
        assert_true(paper.entries[on[i]].probability == (on[i] == AUGMENT_FLIP ? 0.5 : 0.75));
        assert_memory_equal(paper.entries[on[i]].range, none.entries[on[i]].range, sizeof none.entries[0].range);
    }
}

static void test_wrong_recipes_name_the_entry(void **state)
{
    (void)state;
    augment_recipe r = built_in("wide");
    r.entries[AUGMENT_ROTATE].range[0][0] = 50;
    assert_fails(POLYP_ERR_ARGUMENT, "rotate: degrees 50 to 45", augment_check(&r));
    r.entries[AUGMENT_ROTATE].range[0][0] = -181;
    assert_fails(POLYP_ERR_ARGUMENT, "within -180 to 180", augment_check(&r));
    r.entries[AUGMENT_ROTATE].range[0][0] = NAN;
    assert_fails(POLYP_ERR_ARGUMENT, "rotate", augment_check(&r));
    r = built_in("wide");
    r.entries[AUGMENT_JPEG].probability = 1.01;
    assert_fails(POLYP_ERR_ARGUMENT, "jpeg: the probability is 1.01", augment_check(&r));
    r.entries[AUGMENT_JPEG].probability = NAN;
    assert_fails(POLYP_ERR_ARGUMENT, "jpeg", augment_check(&r));
    r = built_in("paper");
    r.entries[AUGMENT_ELASTIC].probability = 0.1;
    assert_fails(POLYP_ERR_ARGUMENT, "elastic", augment_check(&r));
}

/* ---- distribution --------------------------------------------------------------------------------------- */

/* What 100,000 draws of one range gave, between its ends: 0 at the low one, 1 at the high one. */
typedef struct tally {
    size_t on, bins[BINS];
} tally;

static void add(tally *t, const augment_range *range, const double between[2], double value)
{
    const double low = range->by_ratio ? log(between[0]) : between[0];
    const double high = range->by_ratio ? log(between[1]) : between[1];
    const double place = ((range->by_ratio ? log(value) : value) - low) / (high - low);
    assert_true(place > -1e-12 && place < 1 + 1e-12);
    t->on++;
    t->bins[(int)fmin(fmax(place * BINS, 0), BINS - 1)]++;
}

/* Five standard deviations: over some 300 comparisons a false alarm comes once in ten thousand seeds, and the seed is fixed. */
static void compare_count(const char *what, size_t got, size_t of, double share)
{
    const double wanted = (double)of * share, deviation = sqrt(wanted * (1 - share));
    if (fabs((double)got - wanted) > 5 * deviation + 0.5)
        fail_msg("%s: %zu of %zu, %.0f +- %.0f expected", what, got, of, wanted, deviation);
}

static void compare_range(const augment_kind_row *row, int i, const augment_entry *entry, const tally *t)
{
    char what[96];
    (void)snprintf(what, sizeof what, "%s %s on", row->name, row->ranges[i].name);
    compare_count(what, t->on, DRAWS, entry->probability);
    for (int b = 0; b < BINS && t->on; b++) {
        (void)snprintf(what, sizeof what, "%s %s in twentieth %d", row->name, row->ranges[i].name, b);
        compare_count(what, t->bins[b], t->on, 1.0 / BINS);
    }
}

/* Also: two kinds are on together as often as their probabilities say, so neither decides the other. */
static void compare_recipe(const augment_recipe *wanted)
{
    static tally ranges[AUGMENT_KINDS][AUGMENT_RANGES];
    static size_t on[AUGMENT_KINDS], both[AUGMENT_KINDS][AUGMENT_KINDS], picks[AUGMENT_KINDS][8];
    size_t black = 0;
    augment_draws d;
    memset(ranges, 0, sizeof ranges);
    memset(on, 0, sizeof on);
    memset(both, 0, sizeof both);
    memset(picks, 0, sizeof picks);
    for (uint64_t n = 0; n < DRAWS; n++) {
        augment_draw_all(&d, wanted, 5, n / 1000, n % 1000);
        black += d.fill == AUGMENT_FILL_BLACK;
        for (int k = 0; k < AUGMENT_KINDS; k++) {
            on[k] += d.of[k].on;
            picks[k][(int)(8 * d.of[k].pick)]++;
            for (int j = 0; j < k; j++) both[k][j] += d.of[k].on && d.of[j].on;
            for (int i = 0; i < range_count(k); i++) {
                const augment_range *const range = &augment_kinds[k].ranges[i];
                const bool drawn = augment_kinds[k].coin_each ? d.of[k].value[i] != range->neutral : d.of[k].on;
                if (drawn) add(&ranges[k][i], range, wanted->entries[k].range[i], d.of[k].value[i]);
                else assert_true(d.of[k].value[i] == range->neutral);
            }
        }
    }
    for (int k = 0; k < AUGMENT_KINDS; k++) {
        const double p = wanted->entries[k].probability, mine = augment_kinds[k].coin_each ? 1 - (1 - p) * (1 - p) : p;
        compare_count(augment_kinds[k].name, on[k], DRAWS, mine);
        for (int i = 0; i < 8; i++) compare_count(augment_kinds[k].name, picks[k][i], DRAWS, 1.0 / 8);
        for (int j = 0; j < k; j++)
            compare_count(augment_kinds[k].name, both[k][j], DRAWS, (double)on[k] / DRAWS * (double)on[j] / DRAWS);
        for (int i = 0; i < range_count(k); i++)
            compare_range(&augment_kinds[k], i, &wanted->entries[k], &ranges[k][i]);
    }
    compare_count("black fill", black, DRAWS, wanted->fill == AUGMENT_FILL_EITHER ? 0.5 : 0);
}

static void test_draws_follow_the_recipe(void **state)
{
    (void)state;
    const augment_recipe fastai = built_in("paper"), wide = built_in("wide");
    compare_recipe(&fastai);
    compare_recipe(&wide);
}

static void test_nothing_is_drawn_without_a_recipe(void **state)
{
    (void)state;
    const augment_recipe none = augment_recipe_none();
    augment_draws d;
    for (uint64_t n = 0; n < 1000; n++) {
        augment_draw_all(&d, &none, 5, 0, n);
        assert_int_equal(d.fill, AUGMENT_FILL_REFLECT);
        for (int k = 0; k < AUGMENT_KINDS; k++) assert_false(d.of[k].on);
    }
}

/* Equal keys, equal draws; another seed, epoch or sample, others. One kind switched off leaves all others as they were. */
static void test_draws_depend_on_their_key_alone(void **state)
{
    (void)state;
    augment_recipe wide = built_in("wide");
    augment_draws a, b;
    augment_draw_all(&a, &wide, 1, 2, 3);
    for (int i = 0; i < 4; i++) {
        memset(&b, 0, sizeof b);
        augment_draw_all(&b, &wide, 1 + (i == 1), 2 + (i == 2), 3 + (i == 3));
        assert_int_equal(a.of[AUGMENT_NOISE].seed == b.of[AUGMENT_NOISE].seed, i == 0);
    }
    wide.entries[AUGMENT_ROTATE].probability = 0;
    augment_draw_all(&b, &wide, 1, 2, 3);
    for (int k = 0; k < AUGMENT_KINDS; k++) {
        if (k != AUGMENT_ROTATE) assert_true(a.of[k].on == b.of[k].on && a.of[k].seed == b.of[k].seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_table_is_documented),
        cmocka_unit_test(test_paper_is_fastai),
        cmocka_unit_test(test_wrong_recipes_name_the_entry),
        cmocka_unit_test(test_draws_follow_the_recipe),
        cmocka_unit_test(test_nothing_is_drawn_without_a_recipe),
        cmocka_unit_test(test_draws_depend_on_their_key_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
