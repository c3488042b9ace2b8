/* Weights to 8 bits; the pictures' Dice before and after; the file. */
#include "learn/quantise_model.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/thread.h"
#include "engine/engine.h"
#include "learn/calibrate.h"
#include "learn/correct_means.h"
#include "learn/evaluate.h"
#include "net/quantise.h"

enum { DECODERS = 2 };

typedef struct quantising {
    const quantise_options *options;
    const polyp_model *from;
    params corrected; /* f32, what stays so in 8 bits */
    polyp_model made; /* shares graph and path with `from` */
    dataset all, pictures;
    evaluate_row *before, *after;
    calibration calibration;
    float *scales; /* [count of ops] */
    const char *precision; /* in which the 8-bit model is scored */
    int threads;
} quantising;

/* ---- pictures -------------------------------------------------------------------------------------------- */

static status open_pictures(quantising *q)
{
    const quantise_options *const o = q->options;
    const char *const split = o->split ? o->split : dataset_has_split(o->data, "train") ? "train" : NULL;
    size_t *index;
    if (!o->allow_test && split && dataset_split_is_test(o->data, split)) {
        return fail(POLYP_ERR_ARGUMENT,
                    "--split %s: is a test, and what is chosen on it cannot be scored on it; take a training split, or "
                    "say --this-is-the-test",
                    split);
    }
    TRY(dataset_open(&q->all, o->data, split));
    const size_t wanted = (size_t)o->pictures, all = q->all.count;
    const size_t count = wanted == 0 || wanted > all ? all : wanted;
    TRY(memory_new(&index, count));
    for (size_t i = 0; i < count; i++) index[i] = i * all / count;
    const status result = dataset_select(&q->pictures, &q->all, index, count);
    memory_free(index);
    return result;
}

/* ---- scores ---------------------------------------------------------------------------------------------- */

static status score(evaluate_row *rows, const polyp_model *model, const quantising *q, const char *precision,
                    const char *phase)
{
    const evaluate_watch watch = {.watch = q->options->watch, .phase = phase};
    const polyp_predictor_options how = {
        .engine = q->options->engine, .threads = q->options->threads, .precision = precision};
    polyp_predictor *predictor = NULL;
    TRY(predictor_open_model(&predictor, model, &how));
    const status result = evaluate_pictures(rows, predictor, &q->pictures, DECODERS, &watch);
    polyp_predictor_close(predictor);
    return result;
}

static void compare(quantise_result *out, const quantising *q)
{
    double before = 0, after = 0, change = 0;
    *out = (quantise_result){.pictures = q->pictures.count};
    for (size_t i = 0; i < q->pictures.count; i++) {
        const double a = scores_of(&q->before[i].counts).dsc, b = scores_of(&q->after[i].counts).dsc;
        const double difference = fabs(b - a);
        if (isnan(a)) continue;
        out->with_polyp++;
        before += a;
        after += b;
        change += difference;
        if (difference <= out->largest) continue;
        out->largest = difference;
        (void)snprintf(out->worst, sizeof out->worst, "%s", q->pictures.samples[i].stem);
    }
    const double count = (double)out->with_polyp;
    out->before = before / count;
    out->after = after / count;
    out->change = change / count;
}

/* ---- ranges ---------------------------------------------------------------------------------------------- */

static status use_range(quantising *q, enum range_method method)
{
    calibration_scales(q->scales, &q->calibration, method);
    return quantise_set_values(&q->made.weights, &q->made.graph, q->scales);
}

static status score_range(quantise_result *out, quantising *q, enum range_method method)
{
    char phase[48];
    (void)snprintf(phase, sizeof phase, "%s, range %s", q->precision, range_method_names[method]);
    TRY(use_range(q, method));
    TRY(score(q->after, &q->made, q, q->precision, phase));
    compare(out, q);
    out->range = range_method_names[method];
    out->precision = q->precision;
    return POLYP_OK;
}

/* "auto" among all methods; without int8 arithmetic it makes no difference, and the first is taken. */
static status methods_of(enum range_method *first, enum range_method *end, const quantising *q)
{
    const char *const name = q->options->range;
    const bool tries = strcmp(q->precision, "int8") == 0;
    *first = RANGE_LEAST_SQUARES;
    *end = tries ? RANGE_METHODS : RANGE_LEAST_SQUARES + 1;
    if (strcmp(name, "auto") == 0) return POLYP_OK;
    for (int m = 0; m < RANGE_METHODS; m++) {
        if (strcmp(name, range_method_names[m]) != 0) continue;
        *first = (enum range_method)m;
        *end = (enum range_method)(m + 1);
        return POLYP_OK;
    }
    return fail(POLYP_ERR_ARGUMENT, "there is no range %s; there are auto, least-squares, 99.99, 99.9, largest", name);
}

static status find_precision(quantising *q)
{
    enum precision found;
    const engine *e;
    TRY(engine_find(&e, q->options->engine));
    TRY(use_range(q, RANGE_LEAST_SQUARES));
    q->precision = engine_precision_for(&found, e, "int8", &q->made.weights) == POLYP_OK ? "int8" : "f32";
    return POLYP_OK;
}

/* Batch norms with their means corrected, or as they were. */
static void use_means(quantising *q, bool corrected)
{
    const params *const p = corrected ? &q->corrected : &q->from->weights;
    for (int i = 0; i < p->table->count; i++) {
        if (q->made.weights.dtype[i] == DTYPE_F32) q->made.weights.data[i] = p->data[i];
    }
}

/* Every range, with and without correction: which is better depends on the network, so Dice decides. */
static status choose_range(quantise_result *out, quantising *q)
{
    enum range_method first, end, best = RANGE_LEAST_SQUARES;
    TRY(find_precision(q));
    TRY(methods_of(&first, &end, q));
    TRY(score(q->before, q->from, q, "f32", "original"));
    for (int corrected = 0; corrected < 2; corrected++) {
        use_means(q, corrected == 1);
        for (enum range_method m = first; m < end; m++) {
            quantise_result tried;
            TRY(score_range(&tried, q, m));
            tried.corrected = corrected == 1;
            if ((corrected == 1 || m > first) && !(tried.change < out->change)) continue;
            *out = tried;
            best = m;
        }
    }
    use_means(q, out->corrected);
    return use_range(q, best);
}

/* ---- the file -------------------------------------------------------------------------------------------- */

/* What was done, as JSON, for the file's metadata: of inputs only. */
static status describe(quantising *q, const quantise_result *chosen)
{
    char fingerprint[17];
    TRY(dataset_fingerprint(fingerprint, &q->pictures));
    (void)snprintf(q->made.facts.quantisation, sizeof q->made.facts.quantisation,
                   "{\"weights\":\"whole numbers, a scale for each output channel, least squares\",\"means\":\"%s\","
                   "\"values\":\"whole numbers, range %s\",\"pictures\":%zu,\"pictures_xxh3\":\"%s\"}",
                   chosen->corrected ? "corrected" : "as they were", chosen->range, q->pictures.count, fingerprint);
    return POLYP_OK;
}

static status make_weights(quantising *q)
{
    const polyp_model *const from = q->from;
    if (params_check_finite(&from->weights, q->threads) != POLYP_OK) return fail_within(POLYP_ERR_FORMAT, from->path);
    TRY(quantise_weights(&q->made.weights, &from->graph, &from->weights, q->threads));
    return correct_means(&q->corrected, from, &q->made.weights, &q->pictures, q->options->engine, q->threads,
                         q->options->watch);
}

static status make_room(quantising *q)
{
    TRY(memory_new(&q->before, q->pictures.count));
    TRY(memory_new(&q->after, q->pictures.count));
    return memory_new(&q->scales, (size_t)q->from->graph.count);
}

static void clear(quantising *q)
{
    calibration_free(&q->calibration);
    memory_free(q->scales);
    memory_free(q->before);
    memory_free(q->after);
    params_free(&q->made.weights);
    params_free(&q->corrected);
    dataset_free(&q->pictures);
    dataset_free(&q->all);
}

status quantise_model(quantise_result *out, const char *path, const polyp_model *model, const quantise_options *options)
{
    quantising q = {.options = options, .from = model, .made = *model};
    quantise_result found;
    status result;
    q.made.weights = (params){0};
    q.threads = options->threads > 0 ? options->threads : processor_count();
    if (model_is_quantised(model)) {
        return fail(POLYP_ERR_UNSUPPORTED, "%s: its weights are in 8 bits; quantize needs the model that it was made from",
                    model->path);
    }
    TRY_DONE(open_pictures(&q));
    TRY_DONE(make_room(&q));
    TRY_DONE(make_weights(&q));
    TRY_DONE(calibrate(&q.calibration, model, &q.pictures, options->engine, q.threads, options->watch));
    TRY_DONE(choose_range(&found, &q));
    TRY_DONE(describe(&q, &found));
    TRY_DONE(model_write(path, &q.made.graph, &q.made.weights, &q.made.facts));
    *out = found;
done:
    clear(&q);
    return result;
}
