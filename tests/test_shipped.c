/* The network that comes with polyp: the program finds it, it is what models/README.md says, and it finds drawn polyps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "cli_help.h"

#define SMALL "--threads", "2", "--quiet"

/* "36 MB and it loads straight away": the largest file that the repository may hold. */
enum { LARGEST_BYTES = 36 * 1000 * 1000 };

static int draw(void **state)
{
    assert_int_equal(unsetenv("POLYP_MODEL"), 0);
    if (cli_begin(state) != 0) return -1;
    const cli_result *const r =
        polyp("synth", in_folder("set"), "--count", "8", "--width", "320", "--height", "256", "--seed", "3", SMALL);
    return r->exit_status;
}

static void it_is_described(void **state)
{
    (void)state;
    const cli_result *const r = polyp("info");
    expect(r, 0, "preset      slim", NULL);
    expect(r, 0, "size        352 x 352", NULL);
    expect(r, 0, "weights     in 8 bits, batch norms' means ", NULL);
    expect(r, 0, "begun with the model ", NULL);
    expect(r, 0, "models/LICENSE.encoder", NULL);
    assert_null(strstr(r->out, "damaged"));
}

static json_t *without_name_and_length(const char *text)
{
    json_t *const root = json_loads(text, 0, NULL);
    assert_non_null(root);
    assert_int_equal(json_object_del(root, "name"), 0);
    assert_int_equal(json_object_del(root, "about"), 0);
    assert_int_equal(json_object_del(json_object_get(root, "training"), "epochs"), 0);
    (void)json_object_del(root, "run"); /* data, seed and machine */
    return root;
}

/* docs/reproduce.md makes it with the built-in recipe `further`: every value of that is the one that it was trained with. */
static void it_was_trained_by_a_built_in_recipe(void **state)
{
    (void)state;
    json_t *const used = without_name_and_length(polyp("info", "--recipe")->out);
    json_t *const built_in = without_name_and_length(polyp("recipe", "further")->out);
    assert_true(json_equal(used, built_in));
    json_decref(used);
    json_decref(built_in);
}

static void it_is_small(void **state)
{
    char path[CLI_PATH];
    struct stat facts;
    (void)state;
    snprintf(path, sizeof path, "%s/models/polyp-unet-resnet50.safetensors", getenv("POLYP_SOURCE"));
    assert_int_equal(stat(path, &facts), 0);
    assert_true(facts.st_size < LARGEST_BYTES);
}

static void it_predicts_into_the_folder_predictions(void **state)
{
    struct stat facts;
    char before[CLI_PATH];
    (void)state;
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(cli_folder), 0);
    const cli_result *const r = polyp("predict", in_folder("set/images/synth-3-000001.jpg"), SMALL);
    assert_int_equal(chdir(before), 0);
    expect(r, 0, "1 picture", NULL);
    assert_int_equal(stat(in_folder("predictions/synth-3-000001.png"), &facts), 0);
}

/* Far below what it reaches (.8): a file that was mixed up or damaged gives nothing like it. */
static void it_finds_drawn_polyps(void **state)
{
    (void)state;
    expect(polyp("evaluate", in_folder("set"), "--json", in_folder("scores.json"), SMALL), 0, NULL, NULL);
    json_t *const scores = json_load_file(in_folder("scores.json"), 0, NULL);
    const double jaccard = json_number_value(json_object_get(json_object_get(scores, "per_image"), "jaccard"));
    printf("# Jaccard per image on eight drawn frames: %.4f\n", jaccard);
    json_decref(scores);
    assert_true(jaccard > 0.6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_described),
        cmocka_unit_test(it_was_trained_by_a_built_in_recipe),
        cmocka_unit_test(it_is_small),
        cmocka_unit_test(it_predicts_into_the_folder_predictions),
        cmocka_unit_test(it_finds_drawn_polyps),
    };
    return cmocka_run_group_tests(tests, draw, cli_end);
}
