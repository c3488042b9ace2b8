/* Weights to 8 bits; the pictures' Dice before and after; the file. */
#include "learn/quantise_model.h"

#include <math.h>
#include <stdio.h>

#include "base/thread.h"
#include "learn/evaluate.h"
#include "net/quantise.h"

enum { DECODERS = 2 };

typedef struct quantising {
    const quantise_options *options;
    const polyp_model *from;
    polyp_model made; /* shares graph and path with `from` */
    dataset all, pictures;
    evaluate_row *before, *after;
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

static status score(evaluate_row *rows, const polyp_model *model, const quantising *q, const char *phase)
{
    const evaluate_watch watch = {.watch = q->options->watch, .phase = phase};
    const polyp_predictor_options how = {
        .engine = q->options->engine, .threads = q->options->threads, .precision = "f32"};
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

static status score_both(quantise_result *out, quantising *q)
{
    TRY(memory_new(&q->before, q->pictures.count));
    TRY(memory_new(&q->after, q->pictures.count));
    TRY(score(q->before, q->from, q, "original"));
    TRY(score(q->after, &q->made, q, "8 bits"));
    compare(out, q);
    return POLYP_OK;
}

/* ---- the file -------------------------------------------------------------------------------------------- */

/* What was done, as JSON, for the file's metadata: of inputs only. */
static status describe(quantising *q)
{
    char fingerprint[17];
    TRY(dataset_fingerprint(fingerprint, &q->pictures));
    (void)snprintf(q->made.facts.quantisation, sizeof q->made.facts.quantisation,
                   "{\"weights\":\"whole numbers, a scale for each output channel, least squares\",\"pictures\":%zu,"
                   "\"pictures_xxh3\":\"%s\"}",
                   q->pictures.count, fingerprint);
    return POLYP_OK;
}

static void clear(quantising *q)
{
    memory_free(q->before);
    memory_free(q->after);
    params_free(&q->made.weights);
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
    TRY(model_refuse_quantised(model, "quantize"));
    TRY_DONE(open_pictures(&q));
    if (params_check_finite(&model->weights, q.threads) != POLYP_OK) {
        result = fail_within(POLYP_ERR_FORMAT, model->path);
        goto done;
    }
    TRY_DONE(quantise_weights(&q.made.weights, &model->graph, &model->weights, q.threads));
    TRY_DONE(describe(&q));
    TRY_DONE(score_both(&found, &q));
    TRY_DONE(model_write(path, &q.made.graph, &q.made.weights, &q.made.facts));
    *out = found;
done:
    clear(&q);
    return result;
}
