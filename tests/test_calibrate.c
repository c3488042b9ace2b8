/* Ranges of values for 8 bits: histograms, what each method makes of them, and that every value is seen. */
#include "engine_help.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "learn/correct_means.h"
#include "learn/value_range.h"
#include "media/image.h"
#include "net/quantise.h"

enum { COUNT = 5000 };

static void fill_normal(float *out, size_t count, double deviation, uint64_t seed)
{
    random_stream r = random_open(seed, RANDOM_TEST, 1, 0);
    for (size_t i = 0; i < count; i++) out[i] = (float)(deviation * random_normal(&r));
}

/* Mean squared difference between values and what whole numbers of this scale say of them. */
static double error_of(const float *values, size_t count, float scale, int most)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        const double q = fmin(nearbyint((double)fabsf(values[i]) / (double)scale), most);
        sum += pow((double)fabsf(values[i]) - q * (double)scale, 2);
    }
    return sum / (double)count;
}

/* Small values first, then larger ones: bins are merged, and nothing is lost. */
static void limits_grow(void **state)
{
    (void)state;
    static value_range r;
    static float values[COUNT];
    uint64_t all = 0;
    memset(&r, 0, sizeof r);
    for (int k = 0; k < 6; k++) {
        fill_normal(values, COUNT, pow(4, k), (uint64_t)k);
        range_add(&r, values, COUNT);
    }
    float largest = 0;
    for (size_t i = 0; i < COUNT; i++) largest = fmaxf(largest, fabsf(values[i]));
    assert_true(r.largest == largest && r.limit >= largest && r.limit < 2 * largest);
    for (size_t i = 0; i < RANGE_BINS; i++) all += r.bins[i];
    assert_true(all == 6 * COUNT);
    assert_true(range_scale(&r, RANGE_LARGEST, 100) == largest / 100);
}

static void methods_do_what_they_say(void **state)
{
    (void)state;
    static value_range r;
    static float values[COUNT];
    memset(&r, 0, sizeof r);
    fill_normal(values, COUNT, 1, 3);
    values[17] = 40; /* one outlier */
    range_add(&r, values, COUNT);
    const int most = QUANTISE_UNSIGNED_MOST;
    float scales[RANGE_METHODS];
    double errors[RANGE_METHODS];
    for (int m = 0; m < RANGE_METHODS; m++) {
        scales[m] = range_scale(&r, (enum range_method)m, most);
        errors[m] = error_of(values, COUNT, scales[m], most);
        print_message("%s: range %.3f, squared difference %.2e\n", range_method_names[m], (double)scales[m] * most,
                      errors[m]);
    }
    assert_true(scales[RANGE_LARGEST] == 40.0F / (float)most);
    assert_true((double)scales[RANGE_999] * most < 5 && (double)scales[RANGE_999] * most > 3);
    assert_true(scales[RANGE_9999] >= scales[RANGE_999]);
    for (int m = 0; m < RANGE_METHODS; m++) assert_true(errors[RANGE_LEAST_SQUARES] <= errors[m] * 1.02);
    assert_true(errors[RANGE_LEAST_SQUARES] < errors[RANGE_LARGEST]);
}

static void odd_values_do_no_harm(void **state)
{
    (void)state;
    static value_range r;
    const float zeros[4] = {0}, broken[2] = {NAN, INFINITY}, tiny[1] = {1e-44F};
    memset(&r, 0, sizeof r);
    range_add(&r, zeros, 4);
    range_add(&r, broken, 2);
    for (int m = 0; m < RANGE_METHODS; m++) assert_true(range_scale(&r, (enum range_method)m, 255) == 1);
    range_add(&r, tiny, 1);
    for (int m = 0; m < RANGE_METHODS; m++) assert_true(range_scale(&r, (enum range_method)m, 255) == 1);
}

/* ---- which values ---------------------------------------------------------------------------------------- */

typedef struct sizes {
    float largest[512];
} sizes;

static void see(void *context, int value, const float *values, size_t count)
{
    sizes *const s = context;
    for (size_t i = 0; i < count; i++) s->largest[value] = fmaxf(s->largest[value], fabsf(values[i]));
}

static void observe(sizes *out, const char *name, const graph *g, const params *weights)
{
    const engine *e = NULL;
    plan *p = NULL;
    const plan_options options = {.threads = 1};
    memset(out, 0, sizeof *out);
    assert_true(g->count <= 512);
    assert_ok(engine_find(&e, name));
    assert_ok(plan_create(&p, e, g, (shape){1, 3, 64, 32}, &options));
    assert_ok(plan_load(p, weights));
    assert_ok(plan_observe(p, see, out));
    fill_uniform(plan_input(p).data, shape_count(plan_input(p).shape), -2, 2, 5);
    assert_ok(plan_forward(p));
    plan_destroy(p);
}

/* Every value that gets a scale is kept, and so told, by each engine; the plain one tells all, with the same sizes. */
static void every_point_is_observed(void **state)
{
    (void)state;
    static const char *const presets[] = {"tiny", "smp-resnet18"};
    for (size_t k = 0; k < 2; k++) {
        graph g = {0};
        unet_spec spec;
        params weights;
        static sizes plain, fast;
        bool points[512];
        int count = 0;
        assert_ok(unet_preset(&spec, presets[k]));
        assert_ok(unet_build(&g, &spec));
        assert_ok(params_create(&weights, &g.params));
        params_initialise(&weights, 2);
        observe(&plain, "reference", &g, &weights);
        observe(&fast, "auto", &g, &weights);
        quantise_points(points, &g);
        for (int i = 0; i < g.count; i++) {
            if (!points[i]) continue;
            count++;
            if (!(plain.largest[i] > 0)) fail_msg("%s is not seen", g.ops[i].name);
            if (fabsf(plain.largest[i] - fast.largest[i]) > 1e-3F * plain.largest[i]) fail_msg("%s differs", g.ops[i].name);
        }
        assert_true(points[0] && !points[g.output] && count > 20);
        params_free(&weights);
        graph_free(&g);
    }
}

/* ---- means ----------------------------------------------------------------------------------------------- */

/* Six noisy pictures with empty masks. */
static void make_pictures(char folder[64])
{
    char path[128];
    random_stream r = random_open(11, RANDOM_TEST, 2, 0);
    strcpy(folder, "/tmp/polyp-calibrate-XXXXXX");
    assert_non_null(mkdtemp(folder));
    for (int i = 0; i < 12; i++) {
        polyp_image image = {0};
        const char *const kind = i < 6 ? "images" : "masks";
        (void)snprintf(path, sizeof path, "%s/%s", folder, kind);
        assert_ok(folder_create(path));
        (void)snprintf(path, sizeof path, "%s/%s/%d.png", folder, kind, i % 6);
        assert_ok(image_create(&image, 32, 32, i < 6 ? 3 : 1));
        for (size_t k = 0; k < 32 * 32 * 3 && i < 6; k++) image.pixels[k] = (unsigned char)random_below(&r, 256);
        assert_ok(image_write_png(&image, path));
        polyp_image_free(&image);
    }
}

/* How far each running mean of batch norm `name` was moved: out[8]. */
static void moved(double out[8], const params *corrected, const params *original, const char *name)
{
    const int i = param_find(original->table, name);
    assert_true(i >= 0 && original->table->entries[i].count == 8);
    for (size_t c = 0; c < 8; c++) out[c] = (double)params_f32(corrected, i)[c] - (double)params_f32(original, i)[c];
}

/* Weights that rounding did not change move nothing; the stem's, made k times as large, move the mean behind them by
 * k - 1 of it, and no other, because batch norm takes the size out. */
static void means_take_the_shift_in(void **state)
{
    (void)state;
    char folder[64], line[96];
    polyp_model model = {.facts = model_facts_default("tiny")};
    dataset pictures = {0};
    unet_spec spec;
    params drawn, eights, same, doubled, tripled;
    double none[8], one[8], two[8], other[8];
    model.facts.size = 32;
    make_pictures(folder);
    assert_ok(dataset_open(&pictures, folder, NULL));
    assert_ok(unet_preset(&spec, "tiny"));
    assert_ok(unet_build(&model.graph, &spec));
    assert_ok(params_create(&drawn, &model.graph.params));
    params_initialise(&drawn, 4);
    assert_ok(quantise_weights(&eights, &model.graph, &drawn, 1));
    assert_ok(quantise_undo(&model.weights, &eights));
    assert_ok(correct_means(&same, &model, &eights, &pictures, "reference", 1, NULL));
    float *const scales = (float *)(size_t)eights.scales[param_find(&model.graph.params, "encoder.conv1.weight")];
    for (int c = 0; c < 8; c++) scales[c] *= 2;
    assert_ok(correct_means(&doubled, &model, &eights, &pictures, "reference", 1, NULL));
    for (int c = 0; c < 8; c++) scales[c] *= 1.5F;
    assert_ok(correct_means(&tripled, &model, &eights, &pictures, "reference", 1, NULL));
    moved(none, &same, &model.weights, "encoder.bn1.running_mean");
    moved(one, &doubled, &model.weights, "encoder.bn1.running_mean");
    moved(two, &tripled, &model.weights, "encoder.bn1.running_mean");
    moved(other, &doubled, &model.weights, "encoder.layer1.0.bn1.running_mean");
    for (int c = 0; c < 8; c++) {
        assert_true(none[c] == 0);
        assert_true(fabs(one[c]) > 1e-4 && fabs(two[c] - 2 * one[c]) < 1e-3 * fabs(one[c]));
        assert_true(fabs(other[c]) < 1e-3);
    }
    params_free(&drawn);
    params_free(&eights);
    params_free(&same);
    params_free(&doubled);
    params_free(&tripled);
    params_free(&model.weights);
    graph_free(&model.graph);
    dataset_free(&pictures);
    (void)snprintf(line, sizeof line, "rm -rf '%s'", folder);
    assert_int_equal(system(line), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_grow),
        cmocka_unit_test(methods_do_what_they_say),
        cmocka_unit_test(odd_values_do_no_harm),
        cmocka_unit_test(every_point_is_observed),
        cmocka_unit_test(means_take_the_shift_in),
    };
    return cmocka_run_group_tests_name("calibrate", tests, NULL, NULL);
}
