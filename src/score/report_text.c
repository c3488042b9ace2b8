/* A report as tables on paper. */
#include <math.h>
#include <string.h>

#include "score/report.h"

/* ---- cells --------------------------------------------------------------------------------- */

/* Numbers that do not exist show as a dash. */
static void print_number(FILE *to, int width, int decimals, double value)
{
    if (isnan(value)) fprintf(to, " %*s", width, "-");
    else fprintf(to, " %*.*f", width, decimals, value);
}

static void print_interval(FILE *to, int decimals, const polyp_interval *i)
{
    if (isnan(i->low)) fprintf(to, "   -");
    else fprintf(to, "   %.*f .. %.*f", decimals, i->low, decimals, i->high);
}

/* Pixels and per cent need fewer decimals than shares. */
static int decimals_of(int metric)
{
    return score_facts[metric].unit[0] ? 2 : 4;
}

/* ---- the short table ----------------------------------------------------------------------- */

static void print_six(FILE *to, const score_report *r)
{
    fprintf(to, "%-12s %10s %10s   %s\n", "", "per image", "pooled", "95 % of per image");
    for (int m = 0; m < SIX_METRICS; m++) {
        fprintf(to, "%-12s", score_facts[m].title);
        print_number(to, 10, 4, r->all.mean[m]);
        print_number(to, 10, 4, r->all.pooled[m]);
        print_interval(to, 4, &r->all.mean_95[m]);
        fprintf(to, "\n");
    }
}

static void print_head(FILE *to, const score_report *r)
{
    fprintf(to, "%zu pictures, threshold %g", r->count, r->settings.threshold);
    if (r->groups < r->count) fprintf(to, "; intervals from %zu groups", r->groups);
    fprintf(to, "\n\n");
}

static void print_tail(FILE *to, const score_report *r)
{
    if (r->all.without_polyp > 0 && r->settings.empty == EMPTY_LEFT_OUT) {
        fprintf(to,
                "\n%zu pictures without a polyp are left out of the overlap per image; %zu of them got a false alarm\n",
                r->all.without_polyp, r->false_alarms);
    }
    fprintf(to, "\n%.1f s, %.1f pictures a second\n", r->seconds, r->seconds > 0 ? (double)r->count / r->seconds : 0.0);
}

/* ---- everything ---------------------------------------------------------------------------- */

static void print_conventions(FILE *to, const score_report *r)
{
    fprintf(to, "\n%-26s", "averaging");
    for (int m = 0; m < SIX_METRICS; m++) fprintf(to, " %9s", score_facts[m].title);
    fprintf(to, "\n");
    for (int c = 0; c < CONVENTIONS; c++) {
        double values[SIX_METRICS];
        scores_to_array(values, &r->conventions[c]);
        fprintf(to, "%-26s", convention_facts[c].title);
        for (int m = 0; m < SIX_METRICS; m++) print_number(to, 9, 4, values[m]);
        fprintf(to, "\n");
    }
}

static void print_others(FILE *to, const score_report *r)
{
    fprintf(to, "\n%-32s %9s   %s\n", "", "mean", "95 %");
    for (int m = SIX_METRICS; m < SCORE_METRICS; m++) {
        const score_fact *const fact = &score_facts[m];
        fprintf(to, "%s%s%s%*s", fact->title, fact->unit[0] ? ", " : "", fact->unit,
                (int)(32 - strlen(fact->title) - strlen(fact->unit) - (fact->unit[0] ? 2 : 0)), "");
        print_number(to, 9, decimals_of(m), r->all.mean[m]);
        print_interval(to, decimals_of(m), &r->all.mean_95[m]);
        fprintf(to, "\n");
    }
    fprintf(to, "%-32s %9.4f\n%-32s %9.4f\n%-32s %9.4f\n", "Max Dice", curve_most(r->curves.dice), "Max IoU",
            curve_most(r->curves.iou), "Max E-measure", curve_most(r->curves.e_measure));
}

static void print_objects(FILE *to, const score_report *r)
{
    const score_objects *const with = &r->with_polyp, *const without = &r->without_polyp;
    fprintf(to, "\n%zu polyps in %zu pictures, %zu objects predicted there\n", with->counts.polyps, with->images,
            with->counts.predicted);
    for (int k = 0; k < OBJECT_LEVELS; k++) {
        const size_t found = with->counts.found[k];
        fprintf(to, "found at IoU %.1f: %zu; misses a picture %.3f, false alarms a picture %.3f\n", object_overlaps[k],
                found, (double)(with->counts.polyps - found) / (double)with->images,
                (double)(with->counts.predicted - found) / (double)with->images);
    }
    if (without->images == 0) return;
    fprintf(to, "pictures without a polyp: %zu; false alarms a picture %.3f\n", without->images,
            (double)without->counts.predicted / (double)without->images);
}

static void print_part(FILE *to, const score_part *p)
{
    if (p->images == 0) return;
    fprintf(to, "%-20.20s %8zu", p->name, p->images);
    print_number(to, 9, 4, p->mean[SCORE_JACCARD]);
    print_number(to, 9, 4, p->mean[SCORE_DSC]);
    print_number(to, 9, 4, p->mean[SCORE_RECALL]);
    print_number(to, 9, 4, p->mean[SCORE_PRECISION]);
    print_number(to, 9, 2, p->mean[SCORE_HAUSDORFF_PERCENT]);
    print_interval(to, 4, &p->mean_95[SCORE_JACCARD]);
    fprintf(to, "\n");
}

static void print_parts(FILE *to, const char *title, const score_part *parts, size_t count)
{
    fprintf(to, "\n%-20s %8s %9s %9s %9s %9s %9s   %s\n", title, "pictures", "Jaccard", "DSC", "Recall", "Precision",
            "HD95 %", "95 % of Jaccard");
    for (size_t i = 0; i < count; i++) print_part(to, &parts[i]);
}

static void print_probabilities(FILE *to, const score_report *r)
{
    const score_sweep *const s = &r->sweep;
    fprintf(to, "\nlargest Jaccard %.4f at threshold %.4f, largest DSC %.4f at %.4f\n", s->jaccard[s->best_jaccard],
            sweep_threshold(s->best_jaccard), s->dsc[s->best_dsc], sweep_threshold(s->best_dsc));
    fprintf(to, "choose a threshold on a validation split, never on the pictures whose scores are reported\n");
    fprintf(to, "expected calibration error %.4f, Brier score %.4f\n", r->calibration.expected_error,
            r->calibration.brier);
}

void score_report_print(FILE *to, const score_report *r, bool all)
{
    if (r->scored) fprintf(to, "%s\n", r->scored); /* and how, where that is not the plain way */
    print_head(to, r);
    print_six(to, r);
    if (all) {
        print_conventions(to, r);
        print_others(to, r);
        print_objects(to, r);
        print_parts(to, "polyp's size", r->sizes, POLYP_SIZES);
        if (r->part_count > 0) print_parts(to, "part", r->parts, r->part_count);
        if (r->settings.probabilities) print_probabilities(to, r);
    }
    print_tail(to, r);
}

static void print_claim(FILE *to, const score_report *r, const published_score *published)
{
    const enum score_metric m = published->metric;
    const polyp_interval *const i = &r->all.mean_95[m];
    fprintf(to, "%s per image %.4f (95 %% %.4f .. %.4f): %s %g\n", score_facts[m].title, r->all.mean[m], i->low, i->high,
            claim_words(score_claim(r, published), score_facts[m].less_is_better), published->value);
}

void score_claims_print(FILE *to, const score_report *r)
{
    if (r->published_count > 0) fprintf(to, "\n");
    for (size_t i = 0; i < r->published_count; i++) print_claim(to, r, &r->published[i]);
}

/* ---- two models ---------------------------------------------------------------------------- */

void score_comparison_print(FILE *to, const score_report *first, const score_report *second,
                            const score_comparison *comparison)
{
    const paired_test *const t = &comparison->tests[SCORE_JACCARD];
    fprintf(to, "A: %s\nB: %s\n%zu pictures in %zu groups; p by a sign-flip test on group means%s\n\n", first->scored,
            second->scored, t->pictures, t->groups, t->exact ? ", exact" : "");
    fprintf(to, "%-32s %9s %9s %9s %8s   %s\n", "per image", "A", "B", "B - A", "p", "95 % of B - A");
    for (int m = 0; m < SCORE_METRICS; m++) {
        const score_fact *const fact = &score_facts[m];
        const paired_test *const test = &comparison->tests[m];
        const int decimals = decimals_of(m);
        fprintf(to, "%s%s%s%*s", fact->title, fact->unit[0] ? ", " : "", fact->unit,
                (int)(32 - strlen(fact->title) - strlen(fact->unit) - (fact->unit[0] ? 2 : 0)), "");
        print_number(to, 9, decimals, first->all.mean[m]);
        print_number(to, 9, decimals, second->all.mean[m]);
        print_number(to, 9, decimals, test->effect);
        print_number(to, 8, 4, test->p);
        print_interval(to, decimals, &test->interval);
        fprintf(to, "\n");
    }
}
