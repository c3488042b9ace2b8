/* Curves and distributions. Where the program was built without Cairo, the page says so instead. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "media/canvas.h"
#include "media/plot.h"
#include "report/page_impl.h"

enum { PLOT_WIDTH = 400, PLOT_HEIGHT = 300 };

static status figure(file_writer *w, const plot_panel *panel, const char *caption)
{
    const plot_figure f = {.panels = panel, .count = 1, .width = PLOT_WIDTH, .height = PLOT_HEIGHT};
    char *svg;
    size_t size;
    TRY(plot_svg(&svg, &size, &f));
    const char *const start = strstr(svg, "<svg"); /* without the line that only a file of its own needs */
    status result = file_print(w, "<figure class=\"plot\">");
    if (result == POLYP_OK) result = file_write(w, start ? start : svg, start ? size - (size_t)(start - svg) : size);
    if (result == POLYP_OK) result = file_print(w, "<figcaption>%s</figcaption></figure>\n", caption);
    memory_free(svg);
    return result;
}

/* ---- thresholds ----------------------------------------------------------------------------------------- */

static status sweep(file_writer *w, const score_report *r)
{
    double x[LEVELS];
    const double at[2] = {r->settings.threshold, r->settings.threshold}, ends[2] = {0, 1};
    for (int k = 0; k < LEVELS; k++) x[k] = sweep_threshold(k);
    const plot_series series[] = {{"DSC", x, r->sweep.dsc, LEVELS, PLOT_LINE},
                                  {"Jaccard", x, r->sweep.jaccard, LEVELS, PLOT_LINE},
                                  {"the threshold of this page", at, ends, 2, PLOT_GUIDE}};
    const plot_panel panel = {"Scores when the threshold moves",
                              {.label = "threshold", .low = 0, .high = 1},
                              {.label = "mean per image", .low = 0, .high = 1},
                              series,
                              3};
    return figure(w, &panel,
                  "Choose a threshold on a validation split, never on the pictures whose scores are reported.");
}

static status precision_recall(file_writer *w, const score_report *r)
{
    const plot_series series[] = {{"", r->sweep.pooled_recall, r->sweep.pooled_precision, LEVELS, PLOT_LINE}};
    const plot_panel panel = {"Precision and recall of pixels",
                              {.label = "recall", .low = 0, .high = 1},
                              {.label = "precision", .low = 0, .high = 1},
                              series,
                              1};
    return figure(w, &panel, "Counts pooled over all pictures, for every threshold.");
}

static status reliability(file_writer *w, const score_report *r)
{
    double x[CALIBRATION_BINS], y[CALIBRATION_BINS];
    static const double ends[2] = {0, 1};
    char caption[128];
    for (int k = 0; k < CALIBRATION_BINS; k++) {
        x[k] = r->calibration.bins[k].probability;
        y[k] = r->calibration.bins[k].polyp;
    }
    const plot_series series[] = {{"share of pixels that are polyp", x, y, CALIBRATION_BINS, PLOT_DOTTED},
                                  {"as it should be", ends, ends, 2, PLOT_GUIDE}};
    const plot_panel panel = {
        "Reliability", {.label = "probability", .low = 0, .high = 1}, {.label = "", .low = 0, .high = 1}, series, 2};
    (void)snprintf(caption, sizeof caption, "Expected calibration error %.4f, Brier score %.4f.",
                   r->calibration.expected_error, r->calibration.brier);
    return figure(w, &panel, caption);
}

static status toolbox(file_writer *w, const score_report *r)
{
    double x[LEVELS];
    for (int k = 0; k < LEVELS; k++) x[k] = k / 255.0;
    const plot_series series[] = {{"Dice", x, r->curves.dice, LEVELS, PLOT_LINE},
                                  {"IoU", x, r->curves.iou, LEVELS, PLOT_LINE},
                                  {"E-measure", x, r->curves.e_measure, LEVELS, PLOT_LINE}};
    const plot_panel panel = {"The PraNet toolbox\xe2\x80\x99s curves",
                              {.label = "threshold", .low = 0, .high = 1},
                              {.label = "mean over pictures", .low = 0, .high = 1},
                              series,
                              3};
    return figure(w, &panel, "Their means over thresholds are that literature\xe2\x80\x99s mDice, mIoU and mean E.");
}

/* ---- pictures ------------------------------------------------------------------------------------------- */

static status by_size(file_writer *w, const score_report *r)
{
    double *x = NULL, *y = NULL;
    size_t count = 0;
    status result;
    TRY_DONE(memory_new(&x, r->count));
    TRY_DONE(memory_new(&y, r->count));
    for (size_t i = 0; i < r->count; i++) {
        if (r->rows[i].size == SIZE_NONE) continue;
        x[count] = 100 * r->rows[i].share;
        y[count++] = r->rows[i].values[SCORE_DSC];
    }
    const plot_series series[] = {{"", x, y, count, PLOT_POINTS}};
    const plot_panel panel = {"DSC and the polyp\xe2\x80\x99s size",
                              {.label = "polyp, % of the picture", .logarithmic = true},
                              {.label = "DSC", .low = 0, .high = 1},
                              series,
                              1};
    if (count > 0) result = figure(w, &panel, "A dot for each picture that has a polyp.");
done:
    memory_free(x);
    memory_free(y);
    return result;
}

status page_curves(file_writer *w, const void *context)
{
    const score_report *const r = ((const page *)context)->report;
    if (!canvas_available())
        return file_print(w, "<p class=\"note\">This program was built without Cairo, so no curves are drawn; "
                             "their numbers are in scores.json.</p>\n");
    TRY(by_size(w, r));
    if (!r->settings.probabilities) return POLYP_OK;
    TRY(sweep(w, r));
    TRY(precision_recall(w, r));
    TRY(reliability(w, r));
    return toolbox(w, r);
}

/* ---- distribution --------------------------------------------------------------------------------------- */

enum { HISTOGRAM_BINS = 20 };

static void count_bins(size_t bins[HISTOGRAM_BINS], size_t *most, const score_report *r)
{
    *most = 1;
    for (size_t i = 0; i < r->count; i++) {
        const double v = r->rows[i].values[SCORE_DSC];
        if (isnan(v) || r->rows[i].size == SIZE_NONE) continue;
        const int bin = (int)(v * HISTOGRAM_BINS);
        size_t *const b = &bins[bin < HISTOGRAM_BINS ? bin : HISTOGRAM_BINS - 1];
        (*b)++;
        if (*b > *most) *most = *b;
    }
}

/* Boxes of the page itself, so that they follow its colours and need no Cairo. */
status page_histogram(file_writer *w, const void *context)
{
    const score_report *const r = ((const page *)context)->report;
    size_t bins[HISTOGRAM_BINS] = {0}, most;
    count_bins(bins, &most, r);
    TRY(file_print(w, "<div class=\"histogram\" role=\"img\" aria-label=\"How many pictures have which DSC\">\n"));
    for (int i = 0; i < HISTOGRAM_BINS; i++) {
        TRY(file_print(
            w,
            "<div class=\"bin\" title=\"DSC %.2f to %.2f: %zu pictures\"><span>%.0zu</span><i "
            "style=\"height:%.1f%%\"></i></div>\n",
            (double)i / HISTOGRAM_BINS, (i + 1.0) / HISTOGRAM_BINS, bins[i], bins[i],
            100.0 * (double)bins[i] / (double)most));
    }
    return file_print(w, "</div>\n<div class=\"scale\"><span>0</span><span>DSC</span><span>1</span></div>\n");
}
