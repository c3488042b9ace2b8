/* The method in words, as it was with this page's settings. docs/metrics.md says the same of all settings. */
#include "report/page_impl.h"

/* ---- from pictures to counts ---------------------------------------------------------------------------- */

static status model_steps(file_writer *w, const score_settings *s)
{
    return file_print(
        w,
        "<li>The network sees each picture squished to %d \xc3\x97 %d and gives one logit per pixel.</li>\n"
        "<li>The logits are enlarged to the picture\xe2\x80\x99s own size, bilinear with half-pixel centres (padding "
        "is cut off first); the sigmoid makes them probabilities.</li>\n"
        "<li>A pixel is polyp where its probability is above %g.</li>\n",
        s->network_size, s->network_size, s->threshold);
}

static status foreign_steps(file_writer *w, const score_settings *s)
{
    if (!s->probabilities) {
        return file_print(w,
                          "<li>Another program wrote the masks. A pixel is polyp where its level is above half of "
                          "the mask\xe2\x80\x99s range.</li>\n");
    }
    return file_print(
        w,
        "<li>Another program wrote the probability maps, levels of 0 to 255. A pixel is polyp where level / 255 is "
        "above %g.</li>\n",
        s->threshold);
}

static status counts(file_writer *w, const score_settings *s)
{
    TRY(file_print(w, "<h3>From a picture to counts</h3>\n<ol>\n"));
    TRY(s->foreign ? foreign_steps(w, s) : model_steps(w, s));
    return file_print(
        w,
        "<li>The true mask is read at its own size, which is the picture\xe2\x80\x99s; polyp is a level above 127 of "
        "255. Pixels that the data set declares ignored count nowhere.</li>\n"
        "<li>Counted are TP (polyp, and said so), FP (said so, but is not), FN (polyp, not said), TN "
        "(neither).</li>\n</ol>\n");
}

static status empties(file_writer *w, const score_settings *s)
{
    static const char *const rules[] = {
        [EMPTY_LEFT_OUT] = "A picture without a polyp has no overlap to measure: it is left out of every mean per "
                           "image of the first seven metrics (accuracy and specificity too) and told apart as a "
                           "possible false alarm. Its pixels do count where counts are pooled. An empty prediction "
                           "on a polyp scores 0 in Jaccard, DSC, recall, precision and F2.",
        [EMPTY_SKLEARN] =
            "Every picture counts per image (--empty sklearn): 0 / 0 is 0, but precision is 1 where nothing was "
            "predicted, as in the scripts of the challenge\xe2\x80\x99s authors.",
        [EMPTY_EPS] =
            "Every picture counts per image (--empty eps): 1e-15 is added above and below, so that 0 / 0 is 1.",
    };
    return file_print(w, "<h3>Empty masks</h3>\n<p>%s</p>\n", rules[s->empty]);
}

/* ---- metrics and averagings ----------------------------------------------------------------------------- */

static status entry(file_writer *w, const char *name, const char *unit, const char *how)
{
    TRY(file_print(w, "<dt>"));
    TRY(html_text(w, name));
    if (unit[0]) TRY(file_print(w, " <small>%s</small>", unit));
    TRY(file_print(w, "</dt><dd>"));
    TRY(html_text(w, how));
    return file_print(w, "</dd>\n");
}

static status metrics(file_writer *w, const score_settings *s)
{
    TRY(file_print(w, "<h3>Metrics of one picture</h3>\n<dl>\n"));
    for (int m = 0; m < SCORE_METRICS; m++)
        TRY(entry(w, score_facts[m].title, score_facts[m].unit, score_facts[m].how));
    TRY(file_print(
        w,
        "</dl>\n<p>No smoothing term is added anywhere. An outline is every polyp pixel that has one of its four "
        "neighbours, or the picture\xe2\x80\x99s outside, not polyp. The last six are the PraNet "
        "toolbox\xe2\x80\x99s, as PySODMetrics computes them, %s.</p>\n",
        s->probabilities ? "of the probabilities in 256 levels" : "with the mask as a map of 0 and 1"));
    if (!s->min_max) return POLYP_OK;
    return file_print(
        w,
        "<p>For these six each map was stretched to 0 .. 1 first (--min-max), as that family of tools does; a "
        "picture without a polyp then always gets a prediction.</p>\n");
}

static status averagings(file_writer *w, const score_settings *s)
{
    TRY(file_print(w, "<h3>Averaging over pictures</h3>\n<dl>\n"));
    for (int c = 0; c < CONVENTIONS; c++) {
        const bool network = c == CONVENTION_PER_IMAGE_NETWORK || c == CONVENTION_POOLED_NETWORK;
        if (network && s->network_size == 0) continue;
        TRY(entry(w, convention_facts[c].title, "", convention_facts[c].how));
    }
    TRY(file_print(w, "</dl>\n"));
    if (s->network_size > 0 && s->foreign) {
        return file_print(
            w, "<p>At the network\xe2\x80\x99s size, %d \xc3\x97 %d, the prediction is shrunk as well: %s.</p>\n",
            s->network_size, s->network_size,
            s->probabilities ? "its map bilinear, antialiased" : "by area, half a pixel counts");
    }
    if (s->network_size > 0) return POLYP_OK;
    return file_print(
        w,
        "<p>Nothing was scored at a network\xe2\x80\x99s size: the masks do not tell it (--network-size does).</p>\n");
}

/* ---- sets ----------------------------------------------------------------------------------------------- */

static status intervals(file_writer *w, const score_report *r)
{
    TRY(file_print(w,
                   "<h3>Intervals</h3>\n<p>95 %% percentile bootstrap: %d times as many %s are drawn with "
                   "replacement as there are (%zu), and the 2.5th and 97.5th percentile of the results are taken, "
                   "interpolated linearly. ",
                   RESAMPLES, r->groups < r->count ? "whole groups of pictures" : "pictures", r->groups));
    TRY(file_print(
        w, r->groups < r->count
               ? "A group is an examination or sequence, whose pictures resemble one another."
               : "No groups were given; where pictures come from the same examination the true intervals are wider."));
    return file_print(w, " The draws are seeded: equal scores give equal intervals.</p>\n");
}

static status comparison(file_writer *w, const page *p)
{
    if (!p->comparison) return POLYP_OK;
    return file_print(
        w,
        "<h3>Comparison</h3>\n<p>The effect is the mean over groups of the groups\xe2\x80\x99 mean differences, B "
        "minus A. If neither is better, each of them could as well have the other sign: p is the share of sign "
        "patterns (all of them for few groups, else %d random ones) whose mean is at least as far from 0. It is not "
        "corrected for looking at several metrics.</p>\n",
        RESAMPLES);
}

static status objects(file_writer *w)
{
    return file_print(
        w,
        "<h3>Objects and sizes</h3>\n<p>Objects are 8-connected components of the masks; those under %g %% of the "
        "picture are dropped, in truth and prediction alike. They are matched one to one, largest IoU first; a polyp "
        "is found at an IoU of %g (and of %g). Pictures without a polyp are counted apart. A picture is small when "
        "under %g %% of its pixels are polyp, large when over %g %%, medium between.</p>\n",
        100 * OBJECT_LEAST_SHARE, object_overlaps[0], object_overlaps[1], 100 * SIZE_SMALL_BELOW,
        100 * SIZE_LARGE_ABOVE);
}

static status curves(file_writer *w, const score_settings *s)
{
    if (!s->probabilities) {
        return file_print(
            w, "<h3>Curves</h3>\n<p>The masks hold no probabilities, so that no threshold can be moved and nothing can "
               "be said about calibration.</p>\n");
    }
    return file_print(
        w,
        "<h3>Curves</h3>\n<p>Probabilities are kept in 256 levels. The sweep calls level k or more polyp, which is a "
        "threshold of (k \xe2\x88\x92 0.5) / 255; its means leave pictures without a polyp out. Reliability: pixels "
        "of all pictures in %d equal bins of probability (Guo et al. 2017); the expected calibration error is the "
        "mean over pixels of |mean probability \xe2\x88\x92 share that is polyp| of their bin, the Brier score the "
        "mean of (probability \xe2\x88\x92 truth)\xc2\xb2.</p>\n",
        CALIBRATION_BINS);
}

status page_method(file_writer *w, const void *context)
{
    const page *const p = context;
    const score_report *const r = p->report;
    TRY(counts(w, &r->settings));
    TRY(empties(w, &r->settings));
    TRY(metrics(w, &r->settings));
    TRY(averagings(w, &r->settings));
    TRY(intervals(w, r));
    TRY(comparison(w, p));
    TRY(objects(w));
    return curves(w, &r->settings);
}
