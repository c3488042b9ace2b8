/* Scores of parts of the set, beside published ones, and two models beside each other. */
#include <math.h>

#include "report/page_impl.h"

/* ---- parts ---------------------------------------------------------------------------------------------- */

static status bar(file_writer *w, double value)
{
    const double share = isnan(value) ? 0 : value < 0 ? 0 : value > 1 ? 1 : value;
    TRY(file_print(w, "<td class=\"barred\"><span class=\"bar\" style=\"width:%.1f%%\"></span><span>", 100 * share));
    TRY(html_number(w, value, 4));
    return file_print(w, "</span></td>");
}

static status part_row(file_writer *w, const score_part *p)
{
    if (p->images == 0) return POLYP_OK;
    TRY(file_print(w, "<tr><th scope=\"row\">"));
    TRY(html_text(w, p->name));
    TRY(file_print(w, "</th><td>%zu</td>", p->images));
    TRY(bar(w, p->mean[SCORE_DSC]));
    TRY(bar(w, p->mean[SCORE_JACCARD]));
    TRY(file_print(w, "<td class=\"interval\">"));
    if (!isnan(p->mean_95[SCORE_JACCARD].low)) TRY(html_interval(w, &p->mean_95[SCORE_JACCARD], 4));
    TRY(file_print(w, "</td><td>"));
    TRY(html_number(w, p->mean[SCORE_RECALL], 4));
    TRY(file_print(w, "</td><td>"));
    TRY(html_number(w, p->mean[SCORE_PRECISION], 4));
    TRY(file_print(w, "</td><td>"));
    TRY(html_number(w, p->mean[SCORE_HAUSDORFF_PERCENT], 2));
    return file_print(w, "</td></tr>\n");
}

static status parts(file_writer *w, const char *title, const score_part *list, size_t count)
{
    TRY(file_print(
        w,
        "<div class=\"wide\"><table class=\"strata\"><thead><tr><th scope=\"col\">%s</th><th "
        "scope=\"col\">pictures</th><th scope=\"col\">DSC</th><th scope=\"col\">Jaccard</th><th scope=\"col\">95 %% "
        "of Jaccard</th><th scope=\"col\">Recall</th><th scope=\"col\">Precision</th><th scope=\"col\">HD95, %% of "
        "diagonal</th></tr></thead><tbody>\n",
        title));
    for (size_t i = 0; i < count; i++) TRY(part_row(w, &list[i]));
    return file_print(w, "</tbody></table></div>\n");
}

status page_strata(file_writer *w, const void *context)
{
    const score_report *const r = ((const page *)context)->report;
    TRY(parts(w, "polyp's size", r->sizes, POLYP_SIZES));
    return r->part_count > 0 ? parts(w, "part", r->parts, r->part_count) : POLYP_OK;
}

/* ---- two models ----------------------------------------------------------------------------------------- */

static status comparison_row(file_writer *w, const page *p, enum score_metric m)
{
    const paired_test *const t = &p->comparison->tests[m];
    const int decimals = score_facts[m].unit[0] ? 2 : 4;
    TRY(file_print(w, "<tr><th scope=\"row\">"));
    TRY(html_text(w, score_facts[m].title));
    if (score_facts[m].unit[0]) TRY(file_print(w, " <small>%s</small>", score_facts[m].unit));
    TRY(file_print(w, "</th><td>"));
    TRY(html_number(w, p->report->all.mean[m], decimals));
    TRY(file_print(w, "</td><td>"));
    TRY(html_number(w, p->second->all.mean[m], decimals));
    TRY(file_print(w, "</td><td>"));
    TRY(html_number(w, t->effect, decimals));
    TRY(file_print(w, "</td><td class=\"interval\">"));
    TRY(html_interval(w, &t->interval, decimals));
    TRY(file_print(w, "</td><td>"));
    TRY(html_number(w, t->p, 4));
    return file_print(w, "</td></tr>\n");
}

status page_comparison(file_writer *w, const void *context)
{
    const page *const p = context;
    if (!p->comparison) return POLYP_OK;
    TRY(file_print(w, "<section id=\"comparison\"><h2>Compared with another model</h2>\n<p>A, shown in the rest of "
                      "this page: <code>"));
    TRY(html_text(w, p->report->scored));
    TRY(file_print(w, "</code><br>B: <code>"));
    TRY(html_text(w, p->second->scored));
    TRY(file_print(
        w,
        "</code></p>\n<div class=\"wide\"><table><thead><tr><th scope=\"col\">per image</th><th "
        "scope=\"col\">A</th><th scope=\"col\">B</th><th scope=\"col\">B \xe2\x88\x92 A</th><th scope=\"col\">95 "
        "%%</th><th scope=\"col\">p</th></tr></thead><tbody>\n"));
    for (int m = 0; m < SCORE_METRICS; m++) TRY(comparison_row(w, p, (enum score_metric)m));
    return file_print(
        w,
        "</tbody></table></div>\n<p class=\"note\">%zu pictures in %zu groups; p by a sign-flip test on the "
        "groups\xe2\x80\x99 mean differences%s.</p></section>\n",
        p->comparison->tests[SCORE_JACCARD].pictures, p->comparison->tests[SCORE_JACCARD].groups,
        p->comparison->tests[SCORE_JACCARD].exact ? ", exact" : "");
}

/* ---- others' numbers ------------------------------------------------------------------------------------ */

static status published_row(file_writer *w, const score_report *r, const published_score *p)
{
    const score_fact *const fact = &score_facts[p->metric];
    const int decimals = fact->unit[0] ? 2 : 4;
    TRY(file_print(w, "<tr><th scope=\"row\">"));
    TRY(html_text(w, fact->title));
    TRY(file_print(w, "</th><td>"));
    TRY(html_number(w, r->all.mean[p->metric], decimals));
    TRY(file_print(w, "</td><td class=\"interval\">"));
    TRY(html_interval(w, &r->all.mean_95[p->metric], decimals));
    return file_print(w, "</td><td>%s</td><td>%g</td></tr>\n",
                      claim_words(score_claim(r, p), fact->less_is_better), p->value);
}

status page_published(file_writer *w, const void *context)
{
    const score_report *const r = ((const page *)context)->report;
    if (r->published_count == 0) return POLYP_OK;
    TRY(file_print(w, "<h3>Beside published numbers</h3>\n<p class=\"note\">Means per image; one exceeds another only when "
                      "the nearer end of its interval does.</p>\n<div class=\"wide\"><table><thead><tr><td></td>"
                      "<th scope=\"col\">per image</th><th scope=\"col\">95 %%</th><td></td><th scope=\"col\">published"
                      "</th></tr></thead><tbody>\n"));
    for (size_t i = 0; i < r->published_count; i++) TRY(published_row(w, r, &r->published[i]));
    return file_print(w, "</tbody></table></div>\n");
}
