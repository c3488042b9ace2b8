/* The summary: cards, the six metrics, averagings, distances and the PraNet toolbox, objects. */
#include <math.h>
#include <string.h>

#include "report/page_impl.h"

/* ---- cells ---------------------------------------------------------------------------------------------- */

static status cell(file_writer *w, double value, int decimals)
{
    TRY(file_print(w, "<td>"));
    TRY(html_number(w, value, decimals));
    return file_print(w, "</td>");
}

static status interval_cell(file_writer *w, const polyp_interval *i, int decimals)
{
    if (isnan(i->low)) return file_print(w, "<td class=\"interval\"></td>");
    TRY(file_print(w, "<td class=\"interval\">"));
    TRY(html_interval(w, i, decimals));
    return file_print(w, "</td>");
}

static status name_cell(file_writer *w, const char *title, const char *unit)
{
    TRY(file_print(w, "<th scope=\"row\">"));
    TRY(html_text(w, title));
    if (unit[0]) TRY(file_print(w, " <small>%s</small>", unit));
    return file_print(w, "</th>");
}

/* The last of a row: what the number is. */
static status how_cell(file_writer *w, const char *how)
{
    TRY(file_print(w, "<td class=\"how\">"));
    TRY(html_text(w, how));
    return file_print(w, "</td></tr>\n");
}

static int decimals_of(enum score_metric m)
{
    return score_facts[m].unit[0] ? 2 : 4;
}

/* Told to scripts under the key that scores.json has. */
static status keyed_cell(file_writer *w, const char *group, enum score_metric m, double value)
{
    TRY(file_print(w, "<td data-key=\"%s.%s\">", group, score_facts[m].key));
    TRY(html_number(w, value, decimals_of(m)));
    return file_print(w, "</td>");
}

/* ---- cards ---------------------------------------------------------------------------------------------- */

static status metric_card(file_writer *w, const score_report *r, enum score_metric m)
{
    const polyp_interval *const i = &r->all.mean_95[m];
    TRY(file_print(w, "<div class=\"card\"><div class=\"name\">"));
    TRY(html_text(w, score_facts[m].title));
    if (score_facts[m].unit[0]) TRY(file_print(w, " <small>%s</small>", score_facts[m].unit));
    TRY(file_print(w, "</div><div class=\"big\">"));
    TRY(html_number(w, r->all.mean[m], decimals_of(m)));
    TRY(file_print(w, "</div><div class=\"interval\">"));
    if (!isnan(i->low)) TRY(html_interval(w, i, decimals_of(m)));
    return file_print(w, "</div></div>\n");
}

static status found_card(file_writer *w, const score_report *r)
{
    const object_counts *const c = &r->with_polyp.counts;
    if (r->with_polyp.images == 0) return POLYP_OK;
    return file_print(
        w,
        "<div class=\"card\"><div class=\"name\">Polyps found <small>IoU 0.5</small></div><div "
        "class=\"big\">%zu<small> of %zu</small></div><div class=\"interval\">%zu false alarms</div></div>\n",
        c->found[0], c->polyps, c->predicted - c->found[0] + r->without_polyp.counts.predicted);
}

status page_cards(file_writer *w, const void *context)
{
    const score_report *const r = ((const page *)context)->report;
    static const enum score_metric shown[] = {SCORE_DSC, SCORE_JACCARD, SCORE_RECALL, SCORE_PRECISION,
                                              SCORE_HAUSDORFF_PERCENT};
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++) TRY(metric_card(w, r, shown[i]));
    return found_card(w, r);
}

/* ---- the six and their averagings ----------------------------------------------------------------------- */

status page_six(file_writer *w, const void *context)
{
    const score_report *const r = ((const page *)context)->report;
    TRY(file_print(
        w, "<table><thead><tr><td></td><th scope=\"col\">per image</th><th scope=\"col\">95 %%</th><th scope=\"col\">"
           "pooled</th><th scope=\"col\">95 %%</th><td></td></tr></thead><tbody>\n"));
    for (int m = 0; m < SCORE_POOLED; m++) {
        TRY(file_print(w, "<tr>"));
        TRY(name_cell(w, score_facts[m].title, score_facts[m].unit));
        TRY(keyed_cell(w, "per_image", (enum score_metric)m, r->all.mean[m]));
        TRY(interval_cell(w, &r->all.mean_95[m], 4));
        TRY(keyed_cell(w, "pooled", (enum score_metric)m, r->all.pooled[m]));
        TRY(interval_cell(w, &r->all.pooled_95[m], 4));
        TRY(how_cell(w, score_facts[m].how));
    }
    return file_print(w, "</tbody></table>\n");
}

static bool is_known(const polyp_metrics *m)
{
    return !isnan(m->jaccard) || !isnan(m->dsc);
}

status page_conventions(file_writer *w, const void *context)
{
    const score_report *const r = ((const page *)context)->report;
    TRY(file_print(w, "<table><thead><tr><td></td>"));
    for (int m = 0; m < SIX_METRICS; m++) TRY(file_print(w, "<th scope=\"col\">%s</th>", score_facts[m].title));
    TRY(file_print(w, "<td></td></tr></thead><tbody>\n"));
    for (int c = 0; c < CONVENTIONS; c++) {
        double six[SIX_METRICS];
        if (!is_known(&r->conventions[c])) continue;
        scores_to_array(six, &r->conventions[c]);
        TRY(file_print(w, "<tr>"));
        TRY(name_cell(w, convention_facts[c].title, ""));
        for (int m = 0; m < SIX_METRICS; m++) TRY(keyed_cell(w, convention_facts[c].key, (enum score_metric)m, six[m]));
        TRY(how_cell(w, convention_facts[c].how));
    }
    return file_print(w, "</tbody></table>\n");
}

/* ---- distances and the PraNet toolbox ------------------------------------------------------------------- */

static status other_row(file_writer *w, const score_report *r, enum score_metric m)
{
    TRY(file_print(w, "<tr>"));
    TRY(name_cell(w, score_facts[m].title, score_facts[m].unit));
    TRY(keyed_cell(w, "per_image", m, r->all.mean[m]));
    TRY(interval_cell(w, &r->all.mean_95[m], decimals_of(m)));
    return how_cell(w, score_facts[m].how);
}

static status most_row(file_writer *w, const char *title, const double curve[LEVELS])
{
    TRY(file_print(w, "<tr>"));
    TRY(name_cell(w, title, ""));
    TRY(cell(w, curve_most(curve), 4));
    TRY(file_print(w, "<td></td>"));
    return how_cell(w, "The largest value of the mean curve over 256 thresholds.");
}

status page_others(file_writer *w, const void *context)
{
    const score_report *const r = ((const page *)context)->report;
    TRY(file_print(
        w,
        "<table><thead><tr><td></td><th scope=\"col\">per image</th><th scope=\"col\">95 "
        "%%</th><td></td></tr></thead><tbody>\n"));
    for (int m = SCORE_POOLED; m < SCORE_METRICS; m++) TRY(other_row(w, r, (enum score_metric)m));
    TRY(most_row(w, "Largest Dice", r->curves.dice));
    TRY(most_row(w, "Largest IoU", r->curves.iou));
    TRY(most_row(w, "Largest E-measure", r->curves.e_measure));
    return file_print(w, "</tbody></table>\n");
}

/* ---- objects -------------------------------------------------------------------------------------------- */

static status object_row(file_writer *w, const score_objects *o, int level)
{
    const object_counts *const c = &o->counts;
    const size_t missed = c->polyps - c->found[level], alarms = c->predicted - c->found[level];
    TRY(file_print(w, "<tr><th scope=\"row\">IoU %.1f</th><td>%zu of %zu</td>", object_overlaps[level], c->found[level],
                   c->polyps));
    TRY(cell(w, (double)c->found[level] / (double)c->polyps, 4));
    TRY(cell(w, (double)c->found[level] / (double)c->predicted, 4));
    TRY(file_print(w, "<td>%zu</td>", missed));
    return file_print(w, "<td>%zu</td></tr>\n", alarms);
}

status page_objects(file_writer *w, const void *context)
{
    const score_report *const r = ((const page *)context)->report;
    const score_objects *const none = &r->without_polyp;
    if (r->with_polyp.images > 0) {
        TRY(file_print(
            w, "<table><thead><tr><th scope=\"col\">found at</th><th scope=\"col\">polyps found</th><th scope=\"col\">"
               "recall</th><th scope=\"col\">precision</th><th scope=\"col\">missed</th><th scope=\"col\">false "
               "alarms</th></tr></thead><tbody>\n"));
        for (int level = 0; level < OBJECT_LEVELS; level++) TRY(object_row(w, &r->with_polyp, level));
        TRY(file_print(w, "</tbody></table>\n"));
    }
    if (none->images == 0) return POLYP_OK;
    return file_print(
        w, "<p>%zu pictures have no polyp; in %zu of them something was found: %.3f false alarms a picture.</p>\n",
        none->images, r->false_alarms, (double)none->counts.predicted / (double)none->images);
}
