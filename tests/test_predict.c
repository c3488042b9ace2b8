/* Model files and the way from picture to mask through the public functions. */
#include "learn_help.h"

#include <math.h>
#include <time.h>

#include "net/weights.h"
#include "predict/model.h"
#include "predict/predictor.h"

static char *folder, *path;
static graph network;
static params weights;

/* A tiny network with running statistics that are not those of the start. */
static int make_model(void **state)
{
    (void)state;
    unet_spec spec;
    folder = help_folder();
    path = memory_text(help_path(folder, "model.safetensors"));
    if (unet_preset(&spec, "tiny") != POLYP_OK || unet_build(&network, &spec) != POLYP_OK) return -1;
    if (params_create(&weights, &network.params) != POLYP_OK) return -1;
    params_initialise(&weights, 5);
    model_facts facts = model_facts_default("tiny");
    facts.size = 64;
    facts.threshold = 0.4375;
    strcpy(facts.licence, "CC0, \"as is\"");
    strcpy(facts.training, "{\"epochs\":3}");
    return model_write(path, &network, &weights, &facts) == POLYP_OK ? 0 : -1;
}

static int remove_model(void **state)
{
    (void)state;
    params_free(&weights);
    graph_free(&network);
    memory_free(path);
    help_remove(folder);
    return 0;
}

/* ---- model files ------------------------------------------------------------------------------------ */

static void test_facts_come_back(void **state)
{
    (void)state;
    polyp_model *model;
    assert_ok(polyp_model_open(&model, path));
    const polyp_model_facts facts = polyp_model_about(model);
    assert_string_equal(facts.preset, "tiny");
    assert_int_equal(facts.size, 64);
    assert_true(facts.threshold == 0.4375);
    assert_string_equal(facts.licence, "CC0, \"as is\"");
    assert_string_equal(model->facts.training, "{\"epochs\":3}");
    size_t trained = 0;
    for (int i = 0; i < network.params.count; i++) {
        const param *const entry = &network.params.entries[i];
        trained += entry->trained ? entry->count : 0;
        assert_memory_equal(params_f32(&model->weights, i), weights.flat + entry->offset, entry->count * sizeof(float));
    }
    assert_int_equal(facts.parameters, trained);
    polyp_model_close(model);
    polyp_model_close(NULL);
}

static void test_equal_input_gives_equal_bytes(void **state)
{
    (void)state;
    model_facts facts = model_facts_default("tiny");
    assert_ok(model_write(help_path(folder, "a.safetensors"), &network, &weights, &facts));
    assert_ok(model_write(help_path(folder, "b.safetensors"), &network, &weights, &facts));
    assert_true(help_same_files(help_path(folder, "a.safetensors"), help_path(folder, "b.safetensors")));
}

/* The weights as another program would write them: `metadata` pairs, one shape changed or one tensor left out. */
static const char *write_foreign(const weights_text *metadata, size_t metadata_count, const char *change,
                                 bool leave_out)
{
    weights_item items[512];
    size_t count = 0;
    for (int i = 0; i < network.params.count; i++) {
        const param *const entry = &network.params.entries[i];
        weights_item *const item = &items[count++];
        *item = (weights_item){
            .name = entry->name, .dtype = DTYPE_F32, .rank = entry->rank, .data = params_f32(&weights, i)};
        for (int d = 0; d < entry->rank; d++) item->shape[d] = entry->shape[d];
        if (!change || strcmp(change, entry->name) != 0) continue;
        if (leave_out) count--;
        item->shape[0] /= 2;
    }
    const char *const to = help_path(folder, "foreign.safetensors");
    assert_ok(weights_write(to, items, count, metadata, metadata_count));
    return to;
}

static void test_foreign_file_is_recognised(void **state)
{
    (void)state;
    polyp_model *model;
    const weights_text torch = {"format", "pt"};
    assert_ok(polyp_model_open(&model, write_foreign(NULL, 0, NULL, false)));
    assert_string_equal(polyp_model_about(model).preset, "tiny");
    assert_int_equal(polyp_model_about(model).size, 256);
    polyp_model_close(model);
    assert_ok(polyp_model_open(&model, write_foreign(&torch, 1, NULL, false)));
    polyp_model_close(model);
}

#define OURS                  \
    {"format", MODEL_FORMAT}, \
    {                         \
        "preset", "tiny"      \
    }

static void assert_refused(status expected, const char *words, const weights_text *metadata, size_t count,
                           const char *change, bool leave_out)
{
    polyp_model *model = NULL;
    assert_fails(expected, words, polyp_model_open(&model, write_foreign(metadata, count, change, leave_out)));
    assert_null(model);
}

static void test_wrong_shapes_are_named(void **state)
{
    (void)state;
    const weights_text ours[] = {OURS, {"size", "64"}};
    assert_refused(POLYP_ERR_MISMATCH, "encoder.layer2.0.conv1.weight", ours, 3, "encoder.layer2.0.conv1.weight",
                   false);
    assert_refused(POLYP_ERR_MISMATCH, "head.bias", ours, 3, "head.bias", true);
    assert_refused(POLYP_ERR_MISMATCH, "", NULL, 0, "head.weight", true);
}

static void test_wrong_facts_are_refused(void **state)
{
    (void)state;
    static const struct {
        weights_text text;
        const char *words;
        status result;
    } cases[] = {
        {{"size", "100"}, "size", POLYP_ERR_FORMAT},
        {{"size", "64 "}, "size", POLYP_ERR_FORMAT},
        {{"size", "-64"}, "size", POLYP_ERR_FORMAT},
        {{"size", "99999999999999999999"}, "size", POLYP_ERR_FORMAT},
        {{"threshold", "nan"}, "threshold", POLYP_ERR_FORMAT},
        {{"threshold", "1.5"}, "threshold", POLYP_ERR_FORMAT},
        {{"threshold", ""}, "threshold", POLYP_ERR_FORMAT},
        {{"resize", "pad"}, "pad", POLYP_ERR_UNSUPPORTED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const weights_text ours[] = {OURS, cases[i].text};
        assert_refused(cases[i].result, cases[i].words, ours, 3, NULL, false);
    }
    const weights_text preset[] = {{"format", MODEL_FORMAT}, {"preset", "vast"}};
    assert_refused(POLYP_ERR_ARGUMENT, "foreign.safetensors", preset, 2, NULL, false);
    const weights_text other[] = {{"format", MODEL_FORMAT}, {"preset", "slim18"}};
    assert_refused(POLYP_ERR_MISMATCH, "", other, 2, NULL, false);
    const weights_text future[] = {{"format", "polyp-9"}};
    assert_refused(POLYP_ERR_UNSUPPORTED, "polyp-9", future, 1, NULL, false);
}

static void test_cut_files_are_refused(void **state)
{
    (void)state;
    file_bytes bytes;
    assert_ok(file_read(&bytes, path, 0));
    const char *const cut = help_path(folder, "cut.safetensors");
    random_stream r = random_open(1, RANDOM_TEST, 0, 0);
    for (int i = 0; i < 60; i++) {
        polyp_model *model = NULL;
        const size_t size = i < 9 ? (size_t)i : (size_t)random_below(&r, bytes.size);
        assert_ok(file_replace(cut, bytes.data, size));
        assert_int_equal(polyp_model_open(&model, cut), POLYP_ERR_FORMAT);
        assert_null(model);
    }
    file_close(&bytes);
}

static void test_missing_model(void **state)
{
    (void)state;
    polyp_model *model = NULL;
    assert_fails(POLYP_ERR_FILE, "/nowhere", polyp_model_open(&model, "/nowhere"));
    assert_fails(POLYP_ERR_FILE, folder, polyp_model_open(&model, folder));
    assert_int_equal(polyp_model_open(&model, NULL), POLYP_ERR_ARGUMENT);
}

/* Weights are mapped: a 120 MB model opens as fast as its header is read. */
static void test_large_model_opens_at_once(void **state)
{
    (void)state;
    unet_spec spec;
    graph slim = {0};
    params large;
    polyp_model *model;
    const char *const to = help_path(folder, "slim.safetensors");
    assert_ok(unet_preset(&spec, "slim"));
    assert_ok(unet_build(&slim, &spec));
    assert_ok(params_create(&large, &slim.params));
    const model_facts facts = model_facts_default("slim");
    assert_ok(model_write(to, &slim, &large, &facts));
    double fastest = 1.0;
    for (int i = 0; i < 5; i++) {
        struct timespec a, b;
        clock_gettime(CLOCK_MONOTONIC, &a);
        assert_ok(polyp_model_open(&model, to));
        clock_gettime(CLOCK_MONOTONIC, &b);
        fastest = fmin(fastest, (double)(b.tv_sec - a.tv_sec) + 1e-9 * (double)(b.tv_nsec - a.tv_nsec));
        polyp_model_close(model);
    }
    print_message("slim opens in %.2f ms\n", 1e3 * fastest);
    assert_true(fastest < 0.25); /* reading 120 MB takes longer; sanitizers on a busy machine do not */
    params_free(&large);
    graph_free(&slim);
    assert_int_equal(unlink(to), 0);
}

/* ---- predicting ------------------------------------------------------------------------------------- */

static polyp_predictor *open_predictor(polyp_model **model)
{
    polyp_predictor *p;
    const polyp_predictor_options o = {.engine = "reference", .threads = 1};
    assert_ok(polyp_model_open(model, path));
    assert_ok(polyp_predictor_open(&p, *model, &o));
    return p;
}

static void test_own_size(void **state)
{
    (void)state;
    static const int sizes[][2] = {{1, 1}, {64, 64}, {31, 90}, {200, 33}};
    polyp_model *model;
    polyp_predictor *const p = open_predictor(&model);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        polyp_image picture, probability, mask;
        assert_ok(image_create(&picture, sizes[i][0], sizes[i][1], 3));
        assert_ok(polyp_predict(p, &picture, &probability, &mask));
        assert_int_equal(mask.width, sizes[i][0]);
        assert_int_equal(mask.height, sizes[i][1]);
        assert_int_equal(mask.channels, 1);
        for (int k = 0; k < sizes[i][0] * sizes[i][1]; k++) { /* threshold .4375 is level 111.6 */
            assert_true(mask.pixels[k] == 0 || mask.pixels[k] == 255);
            if (probability.pixels[k] > 112) assert_int_equal(mask.pixels[k], 255);
            if (probability.pixels[k] < 111) assert_int_equal(mask.pixels[k], 0);
        }
        polyp_image_free(&picture);
        polyp_image_free(&probability);
        polyp_image_free(&mask);
    }
    polyp_predictor_close(p);
    polyp_predictor_close(NULL);
    polyp_model_close(model);
}

/* A slot keeps its picture while the other is computed. */
static void test_two_slots(void **state)
{
    (void)state;
    polyp_model *model;
    polyp_predictor *const p = open_predictor(&model);
    polyp_image a, b, truth, direct, through = {0};
    help_draw(&a, &truth, 1, 80, 70, false);
    polyp_image_free(&truth);
    help_draw(&b, &truth, 2, 60, 90, false);
    polyp_image_free(&truth);
    assert_ok(polyp_predict(p, &a, &direct, NULL));
    assert_ok(predictor_submit(p, 0, &a));
    assert_ok(predictor_submit(p, 1, &b));
    assert_ok(predictor_collect(p, 1, 60, 90, &through, NULL));
    assert_ok(predictor_collect(p, 0, 80, 70, &through, NULL));
    assert_memory_equal(direct.pixels, through.pixels, 80 * 70);
    polyp_image_free(&a);
    polyp_image_free(&b);
    polyp_image_free(&direct);
    polyp_image_free(&through);
    polyp_predictor_close(p);
    polyp_model_close(model);
}

static void test_threshold_can_be_set(void **state)
{
    (void)state;
    polyp_model *model;
    polyp_predictor *const p = open_predictor(&model);
    polyp_image picture, mask;
    assert_ok(image_create(&picture, 40, 40, 1));
    assert_ok(predictor_set_threshold(p, 0.0));
    assert_ok(polyp_predict(p, &picture, NULL, &mask));
    assert_int_equal(mask.pixels[0], 255);
    polyp_image_free(&mask);
    assert_ok(predictor_set_threshold(p, 1.0));
    assert_ok(polyp_predict(p, &picture, NULL, &mask));
    assert_int_equal(mask.pixels[0], 0);
    polyp_image_free(&mask);
    polyp_image_free(&picture);
    polyp_predictor_close(p);
    polyp_model_close(model);
}

static void test_wrong_calls(void **state)
{
    (void)state;
    polyp_model *model;
    polyp_predictor *const p = open_predictor(&model), *none = NULL;
    unsigned char pixels[8] = {0};
    const polyp_image flat = {pixels, 0, 4, 1}, odd = {pixels, 2, 2, 2}, empty = {NULL, 2, 2, 3};
    assert_int_equal(polyp_predict(p, &flat, NULL, NULL), POLYP_ERR_SIZE);
    assert_int_equal(polyp_predict(p, &odd, NULL, NULL), POLYP_ERR_ARGUMENT);
    assert_int_equal(polyp_predict(p, &empty, NULL, NULL), POLYP_ERR_ARGUMENT);
    assert_int_equal(polyp_predict(NULL, &odd, NULL, NULL), POLYP_ERR_ARGUMENT);
    const polyp_predictor_options steam = {.engine = "steam"}, threads = {.engine = "reference", .threads = -1};
    assert_fails(POLYP_ERR_ARGUMENT, "steam", polyp_predictor_open(&none, model, &steam));
    assert_fails(POLYP_ERR_ARGUMENT, "threads", polyp_predictor_open(&none, model, &threads));
    assert_null(none);
    polyp_predictor_close(p);
    polyp_model_close(model);
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    const polyp_predictor_options o = {.engine = "reference", .threads = 1};
    for (size_t k = 1;; k++) {
        polyp_model *model = NULL;
        polyp_predictor *p = NULL;
        (void)memory_fail_at(k);
        status result = polyp_model_open(&model, path);
        if (result == POLYP_OK) result = polyp_predictor_open(&p, model, &o);
        const bool failed = memory_fail_at(0) >= k;
        assert_int_equal(result, failed ? POLYP_ERR_MEMORY : POLYP_OK);
        assert_true((p != NULL) == !failed);
        polyp_predictor_close(p);
        polyp_model_close(model);
        if (!failed) break;
    }
}

/* A run that diverged: its model opens, but is not used, and the message names file and tensor. */
static void test_weights_that_are_no_numbers_are_named(void **state)
{
    (void)state;
    char *const broken = memory_text(help_path(folder, "diverged.safetensors"));
    float *const value = &weights.flat[network.params.entries[0].offset], kept = *value;
    const model_facts facts = model_facts_default("tiny");
    *value = NAN;
    assert_ok(model_write(broken, &network, &weights, &facts));
    *value = kept;
    polyp_model *model = NULL;
    polyp_predictor *p = NULL;
    assert_ok(polyp_model_open(&model, broken));
    assert_int_equal(polyp_predictor_open(&p, model, NULL), POLYP_ERR_FORMAT);
    assert_null(p);
    assert_non_null(strstr(polyp_error(), "diverged.safetensors: tensor encoder.conv1.weight "));
    polyp_model_close(model);
    memory_free(broken);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_facts_come_back),
        cmocka_unit_test(test_equal_input_gives_equal_bytes),
        cmocka_unit_test(test_foreign_file_is_recognised),
        cmocka_unit_test(test_wrong_shapes_are_named),
        cmocka_unit_test(test_wrong_facts_are_refused),
        cmocka_unit_test(test_cut_files_are_refused),
        cmocka_unit_test(test_missing_model),
        cmocka_unit_test(test_large_model_opens_at_once),
        cmocka_unit_test(test_own_size),
        cmocka_unit_test(test_two_slots),
        cmocka_unit_test(test_threshold_can_be_set),
        cmocka_unit_test(test_wrong_calls),
        cmocka_unit_test(test_every_allocation_may_fail),
        cmocka_unit_test(test_weights_that_are_no_numbers_are_named),
    };
    return cmocka_run_group_tests(tests, make_model, remove_model);
}
