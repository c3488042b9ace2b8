/* Scoring loop: pictures are decoded ahead, the caller's thread computes. */
#include "learn/evaluate.h"

#include <math.h>

#include "learn/decoded.h"
#include "learn/mask.h"
#include "learn/run_log.h"
#include "media/image.h"
#include "media/mask.h"
#include "score/statistics.h"

/* The training loss of the picture just predicted. */
static status find_loss(double *out, loss_function *loss, const polyp_predictor *predictor, const polyp_image *mask)
{
    const tensor logits = predictor_logits(predictor);
    polyp_image small = {0};
    tensor labels = {0};
    status result;
    TRY_DONE(mask_shrink(&small, mask, logits.shape.w, logits.shape.h));
    TRY_DONE(tensor_create(&labels, logits.shape));
    mask_labels(labels.data, small.pixels, shape_count(labels.shape));
    *out = loss_compute(loss, NULL, &logits, &labels);
done:
    tensor_free(&labels);
    polyp_image_free(&small);
    return result;
}

static status score_picture(evaluate_row *row, polyp_predictor *predictor, const decoded *d, loss_function *loss)
{
    polyp_image found = {0};
    row->width = d->picture.width;
    row->height = d->picture.height;
    row->loss = (double)NAN;
    TRY(predictor_collect(predictor, d->slot, row->width, row->height, NULL, &found));
    if (loss) TRY(find_loss(&row->loss, loss, predictor, &d->mask));
    const status result = scores_count(&row->counts, &found, &d->mask);
    polyp_image_free(&found);
    return result;
}

static status report(const evaluate_watch *w, size_t done, size_t total)
{
    const polyp_progress progress = {.phase = w->phase,
                                     .done = done,
                                     .total = total,
                                     .unit = "picture",
                                     .epoch = w->epoch,
                                     .epochs = w->epochs,
                                     .loss = (double)NAN,
                                     .learning_rate = (double)NAN};
    return watch_report(w->watch, &progress);
}

status evaluate_pictures(evaluate_row *rows, polyp_predictor *predictor, const dataset *data, int workers,
                         const evaluate_watch *watch)
{
    decoder *reader;
    TRY(decoder_open(&reader, data, predictor, workers));
    status result = POLYP_OK;
    for (size_t i = 0; i < data->count && result == POLYP_OK; i++) {
        decoded d = {0};
        result = decoder_next(reader, &d);
        if (result == POLYP_OK) result = score_picture(&rows[i], predictor, &d, watch->loss);
        if (result == POLYP_OK) result = report(watch, i + 1, data->count);
        decoded_free(&d);
    }
    decoder_close(reader);
    return result;
}

static bool has_polyp(const pixel_counts *c)
{
    return c->tp + c->fn > 0;
}

static status find_intervals(polyp_evaluation *e, const pixel_counts *counts, size_t count)
{
    double *jaccard = NULL, *dsc = NULL;
    status result;
    TRY_DONE(memory_new(&jaccard, count));
    TRY_DONE(memory_new(&dsc, count));
    for (size_t i = 0; i < count; i++) {
        const polyp_metrics m = scores_of(&counts[i]);
        jaccard[i] = m.jaccard;
        dsc[i] = m.dsc;
    }
    TRY_DONE(bootstrap_mean(&e->jaccard_95, jaccard, NULL, count));
    TRY_DONE(bootstrap_mean(&e->dsc_95, dsc, NULL, count));
done:
    memory_free(jaccard);
    memory_free(dsc);
    return result;
}

status evaluate_sum_up(polyp_evaluation *out, const evaluate_row *rows, size_t count, bool intervals)
{
    polyp_evaluation e = {.images = count, .threshold = out->threshold, .seconds = out->seconds};
    pixel_counts *counts;
    TRY(memory_new(&counts, count));
    for (size_t i = 0; i < count; i++) {
        counts[i] = rows[i].counts;
        if (has_polyp(&counts[i])) continue;
        e.without_polyp++;
        e.false_alarms += counts[i].fp > 0;
    }
    e.per_image = scores_per_image(counts, count);
    e.pooled = scores_pooled(counts, count);
    const status result = intervals ? find_intervals(&e, counts, count) : POLYP_OK;
    memory_free(counts);
    if (result == POLYP_OK) *out = e;
    return result;
}
