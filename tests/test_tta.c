/* Several passes and several models behind one predictor: averages, symmetry, rules, uncertainty. */
#include "learn_help.h"

#include <math.h>

#include "media/resize.h"
#include "predict/clean.h"
#include "predict/predictor.h"
#include "predict/prepare.h"
#include "predict/turns.h"
#include "predict/uncertainty.h"

enum { SIZE = 64 };

static char *folder;
static polyp_model *models[2]; /* tiny networks of different weights */

static int make_models(void **state)
{
    (void)state;
    folder = help_folder();
    for (uint64_t i = 0; i < 2; i++) {
        unet_spec spec;
        graph network;
        params weights;
        char name[32];
        (void)snprintf(name, sizeof name, "model%d.safetensors", (int)i);
        if (unet_preset(&spec, "tiny") != POLYP_OK || unet_build(&network, &spec) != POLYP_OK) return -1;
        if (params_create(&weights, &network.params) != POLYP_OK) return -1;
        params_initialise(&weights, 5 + i);
        model_facts facts = model_facts_default("tiny");
        facts.size = SIZE;
        if (model_write(help_path(folder, name), &network, &weights, &facts) != POLYP_OK) return -1;
        if (model_open(&models[i], help_path(folder, name)) != POLYP_OK) return -1;
        params_free(&weights);
        graph_free(&network);
    }
    return 0;
}

static int remove_models(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) polyp_model_close(models[i]);
    help_remove(folder);
    return 0;
}

static polyp_predictor *open_with(size_t count, const char *passes, polyp_mask_rules rules)
{
    polyp_predictor *p = NULL;
    const polyp_predictor_options o = {.engine = "reference", .threads = 1, .tta = passes, .rules = rules};
    assert_ok(predictor_open_models(&p, (const polyp_model *const *)models, count, &o, 0));
    return p;
}

static polyp_image draw(int number, int width, int height)
{
    polyp_image picture, truth;
    help_draw(&picture, &truth, number, width, height, false);
    polyp_image_free(&truth);
    return picture;
}

static int largest_difference(const polyp_image *a, const polyp_image *b)
{
    int largest = 0;
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    for (int i = 0; i < a->width * a->height; i++) {
        const int d = abs(a->pixels[i] - b->pixels[i]);
        largest = d > largest ? d : largest;
    }
    return largest;
}

/* ---- averages ---------------------------------------------------------------------------------------- */

/* One pass by hand: turned input, forward, logits laid back and added. */
static void add_pass(float *sum, const polyp_model *model, const polyp_image *picture, int turn)
{
    const engine *e;
    plan *p;
    tensor input;
    const plan_options options = {.mode = PLAN_INFER, .threads = 1};
    assert_ok(engine_find(&e, "reference"));
    assert_ok(tensor_create(&input, (shape){1, 3, SIZE, SIZE}));
    assert_ok(plan_create(&p, e, &model->graph, input.shape, &options));
    assert_ok(plan_load(p, &model->weights));
    assert_ok(prepare_input(&input, 0, picture));
    turn_apply(plan_input(p).data, input.data, 3, SIZE, turn);
    assert_ok(plan_forward(p));
    turn_undo_add(sum, plan_logits(p).data, SIZE, turn);
    plan_destroy(p);
    tensor_free(&input);
}

static void compare_with_hand(size_t count, const char *passes, int turns)
{
    polyp_image picture = draw(3, 90, 70), probability, wanted;
    polyp_predictor *const p = open_with(count, passes, (polyp_mask_rules){0});
    assert_ok(polyp_predict(p, &picture, &probability, NULL));
    float sum[SIZE * SIZE] = {0};
    for (size_t i = 0; i < count; i++)
        for (int turn = 0; turn < turns; turn++) add_pass(sum, models[i], &picture, turn);
    for (size_t i = 0; i < SIZE * SIZE; i++) sum[i] /= (float)turns * (float)count;
    const tensor mean = {{1, 1, SIZE, SIZE}, sum};
    assert_ok(prepare_mask(&wanted, NULL, &mean, 0, 90, 70, 0.5));
    assert_true(largest_difference(&probability, &wanted) <= 1);
    polyp_image_free(&picture);
    polyp_image_free(&probability);
    polyp_image_free(&wanted);
    polyp_predictor_close(p);
}

static void test_mean_of_passes(void **state)
{
    (void)state;
    compare_with_hand(1, "none", 1);
    compare_with_hand(1, "flips", 4);
    compare_with_hand(1, "dihedral", 8);
    compare_with_hand(2, NULL, 1);
    compare_with_hand(2, "flips", 4);
}

/* A model with itself says what it says alone. */
static void test_ensemble_of_one_model_twice(void **state)
{
    (void)state;
    const polyp_model *const twice[] = {models[0], models[0]};
    const polyp_predictor_options o = {.engine = "reference", .threads = 1};
    polyp_image picture = draw(4, 50, 60), alone, both;
    polyp_predictor *const p = open_with(1, NULL, (polyp_mask_rules){0});
    polyp_predictor *pair;
    assert_ok(polyp_predictor_open_ensemble(&pair, twice, 2, &o));
    assert_ok(polyp_predict(p, &picture, &alone, NULL));
    assert_ok(polyp_predict(pair, &picture, &both, NULL));
    assert_int_equal(largest_difference(&alone, &both), 0);
    polyp_image_free(&picture);
    polyp_image_free(&alone);
    polyp_image_free(&both);
    polyp_predictor_close(p);
    polyp_predictor_close(pair);
}

static void mirror(polyp_image *image)
{
    const size_t channels = (size_t)image->channels;
    for (int y = 0; y < image->height; y++) {
        unsigned char *const row = image->pixels + (size_t)y * (size_t)image->width * channels;
        for (int x = 0; 2 * x < image->width - 1; x++) {
            unsigned char kept[4];
            unsigned char *const a = row + (size_t)x * channels;
            unsigned char *const b = row + (size_t)(image->width - 1 - x) * channels;
            memcpy(kept, a, channels);
            memcpy(a, b, channels);
            memcpy(b, kept, channels);
        }
    }
}

/* With all mirror images averaged, the mirrored picture's result is the mirrored result; without, it is not. */
static void test_mirrored_picture_gives_mirrored_result(void **state)
{
    (void)state;
    static const char *const names[] = {"flips", "dihedral", "full", "none"};
    for (int i = 0; i < 4; i++) {
        polyp_predictor *const p = open_with(1, names[i], (polyp_mask_rules){0});
        polyp_image picture = draw(5, SIZE, SIZE), straight, mirrored;
        assert_ok(polyp_predict(p, &picture, &straight, NULL));
        mirror(&picture);
        assert_ok(polyp_predict(p, &picture, &mirrored, NULL));
        mirror(&mirrored);
        const int difference = largest_difference(&straight, &mirrored);
        if (strcmp(names[i], "none") == 0) assert_true(difference > 3);
        else assert_true(difference <= 1);
        polyp_image_free(&picture);
        polyp_image_free(&straight);
        polyp_image_free(&mirrored);
        polyp_predictor_close(p);
    }
}

/* ---- rules ------------------------------------------------------------------------------------------- */

/* The predictor's mask is the plain one under the rules; the probability is the plain one. */
static void test_rules_are_applied(void **state)
{
    (void)state;
    const polyp_mask_rules rules = {.fill_holes = 1, .minimum_area = 0.01, .largest_only = 1};
    polyp_predictor *const plain = open_with(1, NULL, (polyp_mask_rules){0}), *const ruled = open_with(1, NULL, rules);
    polyp_image picture = draw(6, 120, 100), probability, mask, same, better;
    assert_ok(polyp_predict(plain, &picture, &probability, &mask));
    assert_ok(polyp_predict(ruled, &picture, &same, &better));
    assert_int_equal(largest_difference(&probability, &same), 0);
    assert_true(largest_difference(&mask, &better) > 0); /* an untrained network's mask is ragged */
    assert_ok(mask_clean(&mask, &rules));
    assert_int_equal(largest_difference(&mask, &better), 0);
    polyp_image_free(&picture);
    polyp_image_free(&probability);
    polyp_image_free(&mask);
    polyp_image_free(&same);
    polyp_image_free(&better);
    polyp_predictor_close(plain);
    polyp_predictor_close(ruled);
}

static void test_hysteresis_is_applied(void **state)
{
    (void)state;
    polyp_predictor *const plain = open_with(1, "full", (polyp_mask_rules){0});
    polyp_predictor *const grown = open_with(1, "full", (polyp_mask_rules){.low_threshold = 0.4});
    polyp_image picture = draw(7, 120, 100), high, low = {0}, both;
    assert_ok(polyp_predict(plain, &picture, NULL, &high));
    assert_ok(predictor_set_threshold(plain, 0.4));
    assert_ok(predictor_collect_again(plain, 120, 100, NULL, &low));
    assert_ok(polyp_predict(grown, &picture, NULL, &both));
    assert_ok(mask_grow(&high, &low));
    assert_int_equal(largest_difference(&high, &both), 0);
    assert_fails(POLYP_ERR_ARGUMENT, "a lower one", predictor_set_threshold(grown, 0.3));
    polyp_image_free(&picture);
    polyp_image_free(&high);
    polyp_image_free(&low);
    polyp_image_free(&both);
    polyp_predictor_close(plain);
    polyp_predictor_close(grown);
}

static void test_options_are_checked(void **state)
{
    (void)state;
    polyp_predictor *p = NULL;
    polyp_predictor_options o = {.engine = "reference", .tta = "spin"};
    assert_fails(POLYP_ERR_ARGUMENT, "spin", polyp_predictor_open(&p, models[0], &o));
    o = (polyp_predictor_options){.engine = "reference", .rules.minimum_area = 2};
    assert_fails(POLYP_ERR_ARGUMENT, "share of the picture", polyp_predictor_open(&p, models[0], &o));
    o = (polyp_predictor_options){.engine = "reference", .rules.low_threshold = 0.7};
    assert_fails(POLYP_ERR_ARGUMENT, "0.5 already", polyp_predictor_open(&p, models[0], &o));
    assert_fails(POLYP_ERR_ARGUMENT, "no model", polyp_predictor_open_ensemble(&p, NULL, 0, NULL));
    assert_null(p);
}

static void test_words(void **state)
{
    (void)state;
    const polyp_predictor_options plain = {.tta = "none"};
    const polyp_predictor_options all = {.tta = "full", .rules = {0.25, 1, 0.001, 1}};
    char *words = predictor_words(1, &plain);
    assert_string_equal(words, "");
    memory_free(words);
    words = predictor_words(3, &all);
    assert_string_equal(words,
                        "mean of 3 models, test-time augmentation full, hysteresis from 0.25, holes filled, regions "
                        "under 0.1 % of the picture dropped, only the largest region");
    memory_free(words);
}

/* ---- uncertainty ------------------------------------------------------------------------------------- */

static void assert_close(double value, double wanted, double tolerance)
{
    if (!(fabs(value - wanted) <= tolerance)) fail_msg("%.9g is not %.9g", value, wanted);
}

static void test_entropy_by_hand(void **state)
{
    (void)state;
    /* p = .5: 1 bit; p = .9 (z = ln 9): .4689955935892812; p = .01 is left out; p = .999: .011407757737461138 */
    const float logits[] = {0, (float)log(9.0), (float)log(1 / 99.0), (float)log(999.0), (float)log(1 / 9.0)};
    assert_close(uncertainty_entropy(logits, 1), 1, 1e-7);
    assert_close(uncertainty_entropy(logits, 3), (1 + 0.4689955935892812) / 2, 1e-6);
    assert_close(uncertainty_entropy(logits, 5), (1 + 2 * 0.4689955935892812 + 0.011407757737461138) / 4, 1e-6);
    assert_close(uncertainty_entropy(logits + 2, 1), 0, 0);
    const float far[] = {80, -80, 700};
    assert_close(uncertainty_entropy(far, 3), 0, 1e-12);
}

/* Three passes with masks {0, 1}, {0}, {0, 2}: pairs share 1 pixel of 2, 1 of 3, 1 of 2. */
static void test_disagreement_by_hand(void **state)
{
    (void)state;
    static const float passes[3][4] = {{1, 1, -1, -1}, {1, -1, -1, -1}, {1, -1, 1, -1}};
    votes v;
    assert_ok(votes_create(&v, 4));
    assert_true(isnan(votes_disagreement(&v)));
    for (int i = 0; i < 3; i++) votes_add(&v, passes[i], 0.5);
    assert_close(votes_disagreement(&v), 1 - 3.0 / 7.0, 1e-12);
    votes_clear(&v);
    votes_add(&v, passes[0], 0.99);
    assert_true(isnan(votes_disagreement(&v)));
    votes_add(&v, passes[1], 0.99); /* nobody says polyp: no disagreement */
    assert_close(votes_disagreement(&v), 0, 0);
    votes_free(&v);
}

static void test_uncertainty_of_a_run(void **state)
{
    (void)state;
    polyp_image picture = draw(8, 70, 70), probability;
    polyp_predictor *const one = open_with(1, NULL, (polyp_mask_rules){0}), *const many = open_with(
                                                                                2, "full", (polyp_mask_rules){0});
    polyp_uncertainty u;
    assert_ok(polyp_predict(one, &picture, &probability, NULL));
    assert_ok(polyp_predictor_uncertainty(&u, one));
    assert_true(u.entropy > 0 && u.entropy < 1); /* untrained */
    assert_true(isnan(u.disagreement));
    polyp_image_free(&probability);
    assert_ok(polyp_predict(many, &picture, &probability, NULL));
    assert_ok(polyp_predictor_uncertainty(&u, many));
    assert_true(u.disagreement > 0.01 && u.disagreement <= 1);
    assert_int_equal(polyp_predictor_uncertainty(&u, NULL), POLYP_ERR_ARGUMENT);
    polyp_image_free(&picture);
    polyp_image_free(&probability);
    polyp_predictor_close(one);
    polyp_predictor_close(many);
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    const polyp_predictor_options o = {.engine = "reference", .threads = 1, .tta = "flips", .rules.low_threshold = 0.4};
    polyp_image picture = draw(9, 40, 40);
    for (size_t k = 1;; k++) {
        polyp_predictor *p = NULL;
        polyp_image mask = {0};
        (void)memory_fail_at(k);
        status result = predictor_open_models(&p, (const polyp_model *const *)models, 2, &o, 0);
        if (result == POLYP_OK) result = polyp_predict(p, &picture, NULL, &mask);
        const bool failed = memory_fail_at(0) >= k;
        assert_int_equal(result, failed ? POLYP_ERR_MEMORY : POLYP_OK);
        polyp_image_free(&mask);
        polyp_predictor_close(p);
        if (!failed) break;
    }
    polyp_image_free(&picture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mean_of_passes),
        cmocka_unit_test(test_ensemble_of_one_model_twice),
        cmocka_unit_test(test_mirrored_picture_gives_mirrored_result),
        cmocka_unit_test(test_rules_are_applied),
        cmocka_unit_test(test_hysteresis_is_applied),
        cmocka_unit_test(test_options_are_checked),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_entropy_by_hand),
        cmocka_unit_test(test_disagreement_by_hand),
        cmocka_unit_test(test_uncertainty_of_a_run),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests_name("tta", tests, make_models, remove_models);
}
