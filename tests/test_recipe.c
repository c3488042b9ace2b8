/* Recipes: what is read, what is refused and how, what comes back. */
#include "learn_help.h"

#include <stdlib.h>

#include "learn/recipe_json.h"
#include "learn/recipe_keys.h"

static recipe read_ok(const char *name)
{
    recipe r;
    assert_ok(recipe_read(&r, name));
    assert_ok(recipe_check(&r));
    return r;
}

static void test_built_in(void **state)
{
    (void)state;
    for (const char *const *name = recipe_names(); *name; name++) {
        const recipe r = read_ok(*name);
        assert_string_equal(r.name, *name);
        assert_true(r.about[0] != '\0');
    }
    assert_null(recipe_text("none"));
}

/* What field notes 2 say of fastai's defaults. */
static void test_paper(void **state)
{
    (void)state;
    const recipe r = read_ok("paper");
    assert_int_equal(r.epochs, 50);
    assert_true(r.rate == 1e-2 && r.beta2 == 0.99 && r.epsilon == 1e-5 && r.weight_decay == 0.01 && r.clip == 0);
    assert_int_equal(r.keep, KEEP_LAST);
    assert_int_equal(r.loss.kind, LOSS_BCE);
    const recipe frozen = read_ok("paper-frozen");
    assert_int_equal(frozen.freeze, FREEZE_BODY);
    assert_int_equal(frozen.epochs, 50);
}

/* Printed and read again, nothing changes. */
static void test_comes_back(void **state)
{
    (void)state;
    for (const char *const *name = recipe_names(); *name; name++) {
        const recipe r = read_ok(*name);
        json_t *const root = recipe_to_json(&r);
        char *const text = json_dumps(root, RECIPE_JSON_FLAGS);
        recipe again = recipe_defaults();
        assert_ok(recipe_parse(&again, text, "again"));
        json_t *const second = recipe_to_json(&again);
        assert_true(json_equal(root, second));
        free(text);
        json_decref(root);
        json_decref(second);
    }
}

static void test_set(void **state)
{
    (void)state;
    recipe r = read_ok("quick");
    assert_ok(recipe_set(&r, "optimiser.rate=0.25"));
    assert_ok(recipe_set(&r, "network.preset=wide"));
    assert_ok(recipe_set(&r, "training.keep=last"));
    assert_ok(recipe_set(&r, "network.auxiliary=true"));
    assert_ok(recipe_set(&r, "augment.rotate.degrees=[-5, 7.5]"));
    assert_ok(recipe_set(&r, "schedule.momentum=[0.5,0.6]"));
    assert_true(r.rate == 0.25 && r.auxiliary && r.schedule.momentum[1] == 0.6);
    assert_string_equal(r.preset, "wide");
    assert_int_equal(r.keep, KEEP_LAST);
    assert_true(r.augment.entries[AUGMENT_ROTATE].range[0][0] == -5 &&
                r.augment.entries[AUGMENT_ROTATE].range[0][1] == 7.5);
}

static void test_wrong_settings(void **state)
{
    (void)state;
    static const struct {
        const char *assignment, *words;
    } cases[] = {
        {"optimiser.rtae=1", "the nearest is optimiser.rate"},
        {"rate=1", "the nearest is optimiser.rate"},
        {"epochs=3", "the nearest is training.epochs"},
        {"augment.rotat.degrees=[1,2]", "the nearest is augment.rotate.degrees"},
        {"augment.rotate.degrees=[2,1]", "[low, high]"},
        {"augment.rotate.degrees=5", "[low, high]"},
        {"augment.rotate.degrees=[0,999]", "[low, high]"},
        {"augment.rotate=5", "no key"},
        {"optimiser.rate=fast", "a number from"},
        {"optimiser.rate=-1", "a number from"},
        {"optimiser.rate=true", "a number from"},
        {"training.epochs=1.5", "a whole number from"},
        {"network.size=100", "a multiple of 32"},
        {"training.keep=all", "one of best|last"},
        {"training.keep=best|last", "one of best|last"},
        {"network.auxiliary=1", "true or false"},
        {"network.preset=a-name-that-is-longer-than-its-room", "at most 23 bytes"},
        {"optimiser.rate", "KEY=VALUE"},
        {"=1", "KEY=VALUE"},
    };
    recipe r = read_ok("quick");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const status result = recipe_set(&r, cases[i].assignment);
        if (result != POLYP_ERR_ARGUMENT || !strstr(polyp_error(), cases[i].words)) {
            fail_msg("%s: %d: %s", cases[i].assignment, result, polyp_error());
        }
    }
}

static void test_files(void **state)
{
    (void)state;
    char *const folder = help_folder();
    static const struct {
        const char *text, *words; /* NULL: right */
    } cases[] = {
        {"{\"based_on\": \"paper\", \"training\": {\"epochs\": 7}}", NULL},
        {"{\"run\": {\"anything\": 1}, \"training\": {\"epochs\": 7}}", NULL},
        {"{\"training\": {\"epochs\": 7}, \"optimizer\": {\"rate\": 1}}", "the nearest is optimiser"},
        {"{\"training\": {\"epochs\": 7}", "line 1"},
        {"[1]", "not a JSON object"},
        {"{\"based_on\": \"papr\"}", "polyp recipe"},
        {"{\"training\": {\"epochs\": 7, \"epochs\": 8}}", "duplicate"},
        {"{\"training\": 7}", "no key"},
        {"", "line"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *const path = help_path(folder, "mine.json");
        assert_ok(file_replace(path, cases[i].text, strlen(cases[i].text)));
        recipe r;
        const status result = recipe_read(&r, path);
        if (!cases[i].words) {
            if (result != POLYP_OK) fail_msg("%s: %s", cases[i].text, polyp_error());
            assert_int_equal(r.epochs, 7);
        } else if (result == POLYP_OK || !strstr(polyp_error(), cases[i].words) || !strstr(polyp_error(), "mine.json")) {
            fail_msg("%s: %d: %s", cases[i].text, result, polyp_error());
        }
    }
    recipe r;
    assert_fails(POLYP_ERR_ARGUMENT, "best, further, paper", recipe_read(&r, help_path(folder, "nowhere.json")));
    help_remove(folder);
}

static void test_what_does_not_fit_together(void **state)
{
    (void)state;
    recipe r = read_ok("quick");
    r.freeze = FREEZE_FIRST;
    r.freeze_epochs = r.epochs;
    assert_fails(POLYP_ERR_ARGUMENT, "freeze_epochs", recipe_check(&r));
    r = read_ok("quick");
    assert_ok(recipe_set(&r, "network.preset=huge"));
    assert_fails(POLYP_ERR_ARGUMENT, "huge", recipe_check(&r));
    r = read_ok("quick");
    assert_ok(recipe_set(&r, "augment.scale.probability=1"));
    assert_fails(POLYP_ERR_ARGUMENT, "once", recipe_check(&r));
}

/* No two keys of one name, all with words. */
static void test_keys(void **state)
{
    (void)state;
    recipe r = recipe_defaults();
    recipe_keys *keys;
    assert_ok(memory_new(&keys, 1));
    recipe_keys_bind(keys, &r);
    for (int i = 0; i < keys->count; i++) {
        assert_ptr_equal(recipe_keys_find(keys, keys->rows[i].name), &keys->rows[i]);
        assert_non_null(keys->rows[i].help);
        char accepts[256];
        recipe_key_accepts(&keys->rows[i], accepts, sizeof accepts);
        assert_true(accepts[0] != '\0');
    }
    memory_free(keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_built_in),
        cmocka_unit_test(test_paper),
        cmocka_unit_test(test_comes_back),
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_wrong_settings),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_what_does_not_fit_together),
        cmocka_unit_test(test_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
