/* The six Medico metrics from pixel counts, averaged in every way the field uses; what is done with empty masks. */
#ifndef POLYP_SCORE_SCORES_H
#define POLYP_SCORE_SCORES_H

#include <stdint.h>

#include "base/status.h"

typedef struct pixel_counts {
    uint64_t tp, fp, fn, tn;
} pixel_counts;

/* prediction and truth: 1 channel, same size, > 127 is polyp. Pixels whose truth is MASK_IGNORED are not counted.
 * Errors: SIZE, ARGUMENT. */
status scores_count(pixel_counts *out, const polyp_image *prediction, const polyp_image *truth);

/* ---- one picture --------------------------------------------------------------------------- */

/*
 * J = TP/(TP+FP+FN), DSC = 2TP/(2TP+FP+FN), R = TP/(TP+FN), P = TP/(TP+FP), Acc = (TP+TN)/all, F2 = 5TP/(5TP+4FN+FP).
 * An empty prediction on a polyp scores 0 in J, DSC, R, P and F2. Truth without a polyp: NaN in all but accuracy.
 */
polyp_metrics scores_of(const pixel_counts *c);

/* What others do where 0 / 0 stands, or where truth or prediction are empty. */
enum empty_rule {
    EMPTY_LEFT_OUT, /* "none": scores_of(): pictures without a polyp are left out of per-image means */
    EMPTY_SKLEARN, /* "sklearn": every picture counts; 0 / 0 is 0, but 1 in precision (zero_division=1 in the scripts of
                     * the challenge's authors) */
    EMPTY_EPS      /* "eps": every picture counts; 1e-15 is added above and below, so that 0 / 0 is 1 */
};
status empty_rule_parse(enum empty_rule *out, const char *name);
polyp_metrics scores_by_rule(const pixel_counts *c, enum empty_rule rule);

/* TN / (TN + FP); NaN where truth has no background. */
double scores_specificity(const pixel_counts *c);

/* Mean of the two classes, polyp and background, of each metric (accuracy is the same for both); a class that is in
 * neither truth nor prediction is left out (torch.nanmean in mmsegmentation, MeanIoU of TensorFlow). */
polyp_metrics scores_of_classes(const pixel_counts *c);

/* segmentation_models_pytorch: every 0 / 0 is 0. */
polyp_metrics scores_zero_division(const pixel_counts *c);

/* ---- many pictures ------------------------------------------------------------------------- */

/* Mean over the counts that have a polyp (NaN if none has); and metrics of the summed counts (all of them). */
polyp_metrics scores_per_image(const pixel_counts *c, size_t count);
polyp_metrics scores_pooled(const pixel_counts *c, size_t count);

/* Mean of another rule over all counts; counts for which it gives NaN are left out, metric by metric. */
polyp_metrics scores_mean(const pixel_counts *c, size_t count, polyp_metrics (*score)(const pixel_counts *));
polyp_metrics scores_mean_by_rule(const pixel_counts *c, size_t count, enum empty_rule rule);
polyp_metrics scores_pooled_classes(const pixel_counts *c, size_t count);
pixel_counts scores_sum(const pixel_counts *c, size_t count);

/* The six as an array, in the order of polyp_metrics. */
enum { SIX_METRICS = 6 };
void scores_to_array(double out[SIX_METRICS], const polyp_metrics *m);
polyp_metrics scores_from_array(const double values[SIX_METRICS]);

#endif
