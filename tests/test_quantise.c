/* Weights in 8 bits: rounding, files of them, every kind of damage, and engines that scale them back. */
#include "weights_help.h"

#include <math.h>

#include "engine/engine.h"
#include "net/quantise.h"
#include "predict/model.h"

/* ---- rounding -------------------------------------------------------------------------------------------- */

enum { ROW = 200 };

static double error_of(const signed char *numbers, double scale, const float *weights, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += pow((double)weights[i] - scale * numbers[i], 2);
    return sum;
}

/* The least error over many ranges, each with the scale that is best for its numbers. */
static double least_error(const float *weights, size_t count, double largest)
{
    double best = INFINITY;
    for (int k = 0; k < 2000; k++) {
        const double range = largest * (1.0 - 0.75 * k / 2000) / QUANTISE_MOST;
        double wq = 0, qq = 0, ww = 0;
        for (size_t i = 0; i < count; i++) {
            const double q = fmax(-QUANTISE_MOST, fmin(QUANTISE_MOST, nearbyint((double)weights[i] / range)));
            wq += q * (double)weights[i];
            qq += q * q;
            ww += (double)weights[i] * (double)weights[i];
        }
        best = fmin(best, ww - wq * wq / qq);
    }
    return best;
}

static void fill_normal(float *out, size_t count, double deviation, uint64_t seed)
{
    random_stream r = random_open(seed, RANDOM_TEST, 0, 0);
    for (size_t i = 0; i < count; i++) out[i] = (float)(deviation * random_normal(&r));
}

static void whole_numbers_come_back(void **state)
{
    (void)state;
    float weights[ROW];
    signed char numbers[ROW];
    float scale = 0;
    for (size_t i = 0; i < ROW; i++) weights[i] = 0.25F * (float)((int)(i * 37 % 255) - 127);
    quantise_channel(numbers, &scale, weights, ROW);
    for (size_t i = 0; i < ROW; i++) assert_true((float)numbers[i] * scale == weights[i]);
    const float zeros[3] = {0, 0, 0};
    quantise_channel(numbers, &scale, zeros, 3);
    assert_true(scale == 1.0F && numbers[0] == 0 && numbers[2] == 0);
    const float one = -3e-40F; /* not a normal number: nothing to divide by */
    quantise_channel(numbers, &scale, &one, 1);
    assert_true(scale == 1.0F && numbers[0] == 0);
}

/* Near the least error that any range gives, and with an outlier below that of the full range. */
static void rounding_is_the_least_squares(void **state)
{
    (void)state;
    float weights[ROW], scale = 0;
    signed char numbers[ROW], plain[ROW];
    double worst = 0;
    for (uint64_t seed = 0; seed < 40; seed++) {
        const size_t count = 1 + (size_t)seed * 5;
        double largest = 0;
        fill_normal(weights, count, 0.02, seed);
        if (seed % 2 == 1) weights[count / 2] = 0.08F;
        for (size_t i = 0; i < count; i++) largest = fmax(largest, (double)fabsf(weights[i]));
        quantise_channel(numbers, &scale, weights, count);
        for (size_t i = 0; i < count; i++) plain[i] = (signed char)nearbyint(weights[i] * QUANTISE_MOST / largest);
        const double error = error_of(numbers, (double)scale, weights, count);
        assert_true(error <= error_of(plain, largest / QUANTISE_MOST, weights, count) * (1 + 1e-6) + 1e-16);
        if (count > 50) worst = fmax(worst, error / least_error(weights, count, largest));
    }
    print_message("squared error at most %.3f of the least\n", worst);
    assert_true(worst < 1.2);
}

/* ---- networks -------------------------------------------------------------------------------------------- */

typedef struct network {
    graph g;
    params floats, eights;
} network;

static void network_open(network *n)
{
    unet_spec spec;
    *n = (network){0};
    assert_ok(unet_preset(&spec, "tiny"));
    assert_ok(unet_build(&n->g, &spec));
    assert_ok(params_create(&n->floats, &n->g.params));
    params_initialise(&n->floats, 5);
    /* channels of very different size: a scale that belongs to another channel would show */
    for (int i = 0; i < n->g.params.count; i++) {
        const param *const p = &n->g.params.entries[i];
        if (p->rank != 4) continue;
        const size_t taps = (size_t)p->shape[2] * (size_t)p->shape[3], outer = (size_t)p->shape[1];
        for (size_t k = 0; k < p->count; k++) {
            const size_t row = k / taps, channel = p->role == PARAM_UPCONV_WEIGHT ? row % outer : row / outer;
            n->floats.flat[p->offset + k] *= ldexpf(1, (int)(channel % 7) * 2 - 6);
        }
    }
    assert_ok(quantise_weights(&n->eights, &n->g, &n->floats, 2));
    float scales[512] = {0};
    bool points[512];
    assert_true(n->g.count <= 512);
    quantise_points(points, &n->g);
    for (int i = 0; i < n->g.count; i++) scales[i] = points[i] ? 0.01F * (float)(i + 1) : 0.0F;
    assert_ok(quantise_set_values(&n->eights, &n->g, scales));
}

static void network_close(network *n)
{
    params_free(&n->eights);
    params_free(&n->floats);
    graph_free(&n->g);
}

static void each_channel_has_its_scale(void **state)
{
    (void)state;
    network n;
    params back;
    int eights = 0;
    network_open(&n);
    assert_ok(quantise_undo(&back, &n.eights));
    for (int i = 0; i < n.g.params.count; i++) {
        const param *const p = &n.g.params.entries[i];
        const float *const before = params_f32(&n.floats, i), *const after = params_f32(&back, i);
        const bool small = n.eights.dtype[i] == DTYPE_S8;
        assert_true(small == (p->rank == 4 && strncmp(p->name, "head.", 5) != 0));
        if (!small) assert_memory_equal(before, after, p->count * sizeof *before);
        for (size_t k = 0; k < p->count && small; k++) {
            const size_t taps = (size_t)p->shape[2] * (size_t)p->shape[3], row = k / taps;
            const size_t channel = p->role == PARAM_UPCONV_WEIGHT ? row % (size_t)p->shape[1] : row / (size_t)p->shape[1];
            const float scale = n.eights.scales[i][channel];
            /* half a step at the scale before it was refined, or clipped */
            const bool clipped = fabsf(before[k]) > 118.0F * scale;
            if (!clipped && fabsf(before[k] - after[k]) > 0.75F * scale) fail_msg("%s[%zu]", p->name, k);
            if (clipped && fabsf(before[k] - after[k]) > 0.5F * fabsf(before[k])) fail_msg("%s[%zu]", p->name, k);
        }
        eights += small;
    }
    assert_true(eights > 25);
    params_free(&back);
    network_close(&n);
}

static void run(tensor *logits, plan **p, const char *engine_called, const network *n, const params *weights)
{
    const engine *e = NULL;
    const plan_options options = {.threads = 1};
    assert_ok(engine_find(&e, engine_called));
    assert_ok(plan_create(p, e, &n->g, (shape){1, 3, 32, 32}, &options));
    assert_ok(plan_load(*p, weights));
    fill_normal(plan_input(*p).data, shape_count(plan_input(*p).shape), 1, 3);
    assert_ok(plan_forward(*p));
    *logits = plan_logits(*p);
}

/* Engines without 8-bit arithmetic compute with exactly the weights scaled back. */
static void engines_scale_back(void **state)
{
    (void)state;
    static const char *const engines[] = {"reference", "auto"};
    network n;
    params back;
    network_open(&n);
    assert_ok(quantise_undo(&back, &n.eights));
    for (size_t i = 0; i < 2; i++) {
        plan *a = NULL, *b = NULL;
        tensor x, y;
        run(&x, &a, engines[i], &n, &n.eights);
        run(&y, &b, engines[i], &n, &back);
        assert_memory_equal(x.data, y.data, shape_count(x.shape) * sizeof *x.data);
        plan_destroy(a);
        plan_destroy(b);
    }
    params_free(&back);
    network_close(&n);
}

/* ---- files ----------------------------------------------------------------------------------------------- */

static const char *write_model(void **state, const network *n)
{
    const char *const path = in(state, "eight.safetensors");
    model_facts facts = model_facts_default("tiny");
    facts.size = 64;
    facts.threshold = 0.375;
    strcpy(facts.training, "{\"epochs\":3}");
    strcpy(facts.quantisation, "{\"pictures\":7}");
    assert_ok(model_write(path, &n->g, &n->eights, &facts));
    return path;
}

static void a_file_keeps_everything(void **state)
{
    network n;
    polyp_model *model = NULL;
    file_bytes eight, four;
    network_open(&n);
    const char *const path = write_model(state, &n), *const plain = in(state, "plain.safetensors");
    const model_facts facts = model_facts_default("tiny");
    assert_ok(model_write(plain, &n.g, &n.floats, &facts));
    assert_ok(model_open(&model, path));
    assert_true(model_is_quantised(model));
    assert_int_equal(model->facts.size, 64);
    assert_true(model->facts.threshold == 0.375);
    assert_string_equal(model->facts.training, "{\"epochs\":3}");
    assert_string_equal(model->facts.quantisation, "{\"pictures\":7}");
    for (int i = 0; i < n.g.params.count; i++) {
        const param *const p = &n.g.params.entries[i];
        const bool small = n.eights.dtype[i] == DTYPE_S8;
        assert_int_equal(model->weights.dtype[i], n.eights.dtype[i]);
        assert_memory_equal(model->weights.data[i], n.eights.data[i], p->count * (small ? 1 : sizeof(float)));
        if (!small) continue;
        assert_memory_equal(model->weights.scales[i], n.eights.scales[i],
                            (size_t)quantise_channels(p) * sizeof(float));
    }
    assert_memory_equal(model->weights.value_scales, n.eights.value_scales, (size_t)n.g.count * sizeof(float));
    polyp_model_close(model);
    assert_ok(file_read(&eight, path, 0));
    assert_ok(file_read(&four, plain, 0));
    assert_true(eight.size * 2 < four.size); /* names and norms weigh much in so small a network */
    file_close(&eight);
    file_close(&four);
    network_close(&n);
}

/* The file's tensors, for writing it anew with one of them changed. */
typedef struct copied {
    weights_file file;
    weights_item *items;
    size_t count;
} copied;

static weights_item *copy_items(copied *c, const char *path, const char *wanted)
{
    weights_item *found = NULL;
    assert_ok(weights_open(&c->file, path));
    assert_ok(memory_new(&c->items, c->file.count));
    c->count = c->file.count;
    for (size_t i = 0; i < c->count; i++) {
        const weights_entry *const e = &c->file.entries[i];
        c->items[i] = (weights_item){.name = e->name, .dtype = e->dtype, .rank = e->rank, .data = e->data};
        memcpy(c->items[i].shape, e->shape, sizeof e->shape);
        if (strcmp(e->name, wanted) == 0) found = &c->items[i];
    }
    assert_non_null(found);
    return found;
}

static void refuse(void **state, copied *c, status code, const char *words)
{
    const char *const path = in(state, "changed.safetensors");
    polyp_model *model = NULL;
    assert_ok(weights_write(path, c->items, c->count, c->file.metadata, c->file.metadata_count));
    assert_refused(model_open(&model, path), code, words);
    assert_null(model);
    if (strstr(polyp_error(), path) == NULL) fail_msg("'%s' does not name the file", polyp_error());
    memory_free(c->items);
    weights_close(&c->file);
}

static void damage_is_told(void **state)
{
    network n;
    copied c;
    float values[8] = {1, 1, 1, 1, 1, 1, 1, 1};
    const char *const scale = "encoder.conv1.weight.scale";
    network_open(&n);
    const char *const path = write_model(state, &n);
    weights_item *item = copy_items(&c, path, scale);
    item->name = "encoder.conv1.weight.other.scale";
    refuse(state, &c, POLYP_ERR_FORMAT, "encoder.conv1.weight is in 8 bits, but encoder.conv1.weight.scale is missing");
    item = copy_items(&c, path, scale);
    item->shape[0] = 7;
    refuse(state, &c, POLYP_ERR_FORMAT, "encoder.conv1.weight.scale is 7, not f32 with 8 values");
    item = copy_items(&c, path, scale);
    item->dtype = DTYPE_S8;
    refuse(state, &c, POLYP_ERR_FORMAT, "not f32");
    static const struct {
        float value;
        const char *words;
    } wrong[] = {{NAN, "nan"}, {0, "holds 0"}, {-1, "holds -1"}, {INFINITY, "inf"}};
    for (size_t i = 0; i < 4; i++) {
        values[5] = wrong[i].value;
        item = copy_items(&c, path, scale);
        item->data = values;
        refuse(state, &c, POLYP_ERR_FORMAT, wrong[i].words);
    }
    item = copy_items(&c, path, "encoder.bn1.weight"); /* 8 channels */
    item->dtype = DTYPE_S8;
    refuse(state, &c, POLYP_ERR_FORMAT, "which only convolutions' weights can be");
    item = copy_items(&c, path, "encoder.relu.scale");
    item->name = "encoder.maxpool.scale"; /* has its source's */
    refuse(state, &c, POLYP_ERR_MISMATCH, "encoder.maxpool.scale is not part of the network");
    item = copy_items(&c, path, "encoder.relu.scale");
    memmove(item, item + 1, (size_t)(c.items + c.count - item - 1) * sizeof *item);
    c.count--;
    refuse(state, &c, POLYP_ERR_FORMAT, "encoder.relu.scale is missing");
    item = copy_items(&c, path, "encoder.relu.scale");
    item->data = values + 5; /* infinite */
    refuse(state, &c, POLYP_ERR_FORMAT, "encoder.relu.scale holds inf");
    item = copy_items(&c, path, "encoder.relu.scale");
    item->data = values;
    item->shape[0] = 3;
    refuse(state, &c, POLYP_ERR_FORMAT, "encoder.relu.scale is 3, not f32 with one value");
    item = copy_items(&c, path, "head.bias");
    item->name = "head.stray";
    refuse(state, &c, POLYP_ERR_MISMATCH, "head.bias is missing");
    network_close(&n);
}

/* The other format's promise is held to as well. */
static void formats_are_not_mixed(void **state)
{
    network n;
    copied c;
    network_open(&n);
    const char *const path = write_model(state, &n);
    (void)copy_items(&c, path, "head.bias");
    for (size_t i = 0; i < c.file.metadata_count; i++) {
        if (strcmp(c.file.metadata[i].key, "format") == 0) c.file.metadata[i].value = MODEL_FORMAT;
    }
    refuse(state, &c, POLYP_ERR_UNSUPPORTED, "is in 8 bits");
    const char *const plain = in(state, "plain.safetensors");
    const model_facts facts = model_facts_default("tiny");
    assert_ok(model_write(plain, &n.g, &n.floats, &facts));
    (void)copy_items(&c, plain, "head.bias");
    for (size_t i = 0; i < c.file.metadata_count; i++) {
        if (strcmp(c.file.metadata[i].key, "format") == 0) c.file.metadata[i].value = MODEL_INT8_FORMAT;
    }
    refuse(state, &c, POLYP_ERR_FORMAT, "no weights are in 8 bits");
    network_close(&n);
}

static void cut_and_spoilt_files(void **state)
{
    network n;
    network_open(&n);
    const char *const path = write_model(state, &n);
    file_bytes whole;
    assert_ok(file_read(&whole, path, 0));
    for (size_t size = 0; size < whole.size; size += 1 + size / 29) {
        polyp_model *model = NULL;
        put_bytes(path, whole.data, size);
        const status got = model_open(&model, path);
        if (got != POLYP_ERR_FORMAT) fail_msg("cut to %zu bytes: status %d", size, (int)got);
        assert_null(model);
    }
    file_close(&whole);
    network_close(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_numbers_come_back),
        cmocka_unit_test(rounding_is_the_least_squares),
        cmocka_unit_test(each_channel_has_its_scale),
        cmocka_unit_test(engines_scale_back),
        cmocka_unit_test_setup_teardown(a_file_keeps_everything, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(damage_is_told, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(formats_are_not_mixed, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(cut_and_spoilt_files, make_folder, remove_folder),
    };
    return cmocka_run_group_tests_name("quantise", tests, NULL, NULL);
}
