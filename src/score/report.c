/* Rows to the numbers of a set. */
#include "score/report.h"

#include <math.h>

#include "base/memory.h"

status score_report_open(score_report *out, size_t count, const score_settings *settings)
{
    *out = (score_report){.settings = *settings, .count = count};
    TRY(memory_new(&out->rows, count));
    for (size_t i = 0; i < count; i++) out->rows[i].group = out->rows[i].part = -1;
    return POLYP_OK;
}

void score_report_free(score_report *r)
{
    memory_free(r->rows);
    memory_free(r->parts);
    *r = (score_report){0};
}

static bool has_polyp(const score_row *row)
{
    return row->counts.tp + row->counts.fn > 0;
}

double score_value(const score_report *r, const score_row *row, enum score_metric metric)
{
    const bool left_out = r->settings.empty == EMPTY_LEFT_OUT && !has_polyp(row) && metric <= SCORE_SPECIFICITY;
    return left_out ? (double)NAN : row->values[metric];
}

enum claim score_claim(const score_report *r, const published_score *published)
{
    const enum score_metric m = published->metric;
    return claim_of(r->all.mean[m], &r->all.mean_95[m], published->value, score_facts[m].less_is_better);
}

/* ---- a part -------------------------------------------------------------------------------- */

/* Some of the rows, with room for numbers of each. */
typedef struct selection {
    const score_report *report;
    const score_row **rows;
    int *groups;
    double *numbers; /* [NUMBERS_MOST][count] */
    size_t count;
} selection;

enum { NUMBERS_MOST = SCORE_METRICS + 2 * SCORE_POOLED };

static void selection_free(selection *s)
{
    memory_free(s->rows);
    memory_free(s->groups);
    memory_free(s->numbers);
}

static status selection_open(selection *out, const score_report *r)
{
    const size_t most = r->count;
    *out = (selection){.report = r};
    TRY(memory_new(&out->rows, most));
    TRY(memory_new(&out->groups, most));
    return memory_new(&out->numbers, NUMBERS_MOST * most);
}

static void select_row(selection *s, const score_row *row)
{
    s->rows[s->count] = row;
    s->groups[s->count++] = row->group;
}

static double mean_of(const selection *s, enum score_metric metric)
{
    double sum = 0, count = 0;
    for (size_t i = 0; i < s->count; i++) {
        const double value = score_value(s->report, s->rows[i], metric);
        if (isnan(value)) continue;
        sum += value;
        count++;
    }
    return sum / count; /* 0 / 0 is the NaN that is wanted */
}

/* A pooled metric is a sum of this over a sum of that. */
static void pooled_ratio(double *above, double *below, const pixel_counts *c, int metric)
{
    const double tp = (double)c->tp, fp = (double)c->fp, fn = (double)c->fn, tn = (double)c->tn;
    const double ratios[SCORE_POOLED][2] = {
        [SCORE_JACCARD] = {tp, tp + fp + fn},
        [SCORE_DSC] = {2 * tp, 2 * tp + fp + fn},
        [SCORE_RECALL] = {tp, tp + fn},
        [SCORE_PRECISION] = {tp, tp + fp},
        [SCORE_ACCURACY] = {tp + tn, tp + fp + fn + tn},
        [SCORE_F2] = {5 * tp, 5 * tp + 4 * fn + fp},
        [SCORE_SPECIFICITY] = {tn, tn + fp},
    };
    *above = ratios[metric][0];
    *below = ratios[metric][1];
}

static void sum_pooled(score_part *out, const selection *s)
{
    pixel_counts sum = {0};
    for (size_t i = 0; i < s->count; i++) {
        const pixel_counts pair[2] = {sum, s->rows[i]->counts};
        sum = scores_sum(pair, 2);
    }
    const polyp_metrics m = scores_of(&sum);
    scores_to_array(out->pooled, &m);
    out->pooled[SCORE_SPECIFICITY] = scores_specificity(&sum);
}

/* The first `means` per-image means and `pooled` pooled metrics. */
static status find_intervals(score_part *out, selection *s, int means, int pooled)
{
    ratio ratios[SCORE_METRICS + SCORE_POOLED];
    double *next = s->numbers;
    size_t used = 0;
    for (int m = 0; m < means; m++, next += s->count) {
        for (size_t i = 0; i < s->count; i++) next[i] = score_value(s->report, s->rows[i], (enum score_metric)m);
        ratios[used++] = (ratio){next, NULL, &out->mean_95[m]};
    }
    for (int m = 0; m < pooled; m++, next += 2 * s->count) {
        for (size_t i = 0; i < s->count; i++) pooled_ratio(&next[i], &next[s->count + i], &s->rows[i]->counts, m);
        ratios[used++] = (ratio){next, next + s->count, &out->pooled_95[m]};
    }
    return bootstrap_ratios(ratios, used, s->groups, s->count);
}

/* Every interval for the whole set, those of Jaccard and DSC for a part. */
static status sum_part(score_part *out, selection *s, const char *name, bool whole)
{
    const polyp_interval unknown = {NAN, NAN};
    *out = (score_part){.name = name, .images = s->count};
    for (size_t i = 0; i < s->count; i++) out->without_polyp += !has_polyp(s->rows[i]);
    sum_pooled(out, s);
    for (int m = 0; m < SCORE_METRICS; m++) {
        out->mean[m] = mean_of(s, (enum score_metric)m);
        out->mean_95[m] = unknown;
    }
    for (int m = 0; m < SCORE_POOLED; m++) out->pooled_95[m] = unknown;
    return find_intervals(out, s, whole ? SCORE_METRICS : SCORE_DSC + 1, whole ? SCORE_POOLED : 0);
}

static status sum_parts(score_report *r, selection *s)
{
    for (size_t i = 0; i < r->count; i++) select_row(s, &r->rows[i]);
    TRY(groups_count(&r->groups, s->groups, s->count));
    TRY(sum_part(&r->all, s, "all", true));
    for (int size = 0; size < POLYP_SIZES; size++) {
        s->count = 0;
        for (size_t i = 0; i < r->count; i++) {
            if ((int)r->rows[i].size == size) select_row(s, &r->rows[i]);
        }
        TRY(sum_part(&r->sizes[size], s, polyp_size_names[size], false));
    }
    for (size_t part = 0; part < r->part_count; part++) {
        s->count = 0;
        for (size_t i = 0; i < r->count; i++) {
            if (r->rows[i].part == (int)part) select_row(s, &r->rows[i]);
        }
        TRY(sum_part(&r->parts[part], s, r->part_names[part], false));
    }
    return POLYP_OK;
}

/* ---- conventions --------------------------------------------------------------------------- */

static polyp_metrics mean_six(const score_part *part)
{
    return scores_from_array(part->mean);
}

static status sum_conventions(score_report *r)
{
    const polyp_metrics nothing = {NAN, NAN, NAN, NAN, NAN, NAN};
    pixel_counts *own, *network;
    TRY(memory_new(&own, 2 * r->count));
    network = own + r->count;
    for (size_t i = 0; i < r->count; i++) {
        own[i] = r->rows[i].counts;
        network[i] = r->rows[i].network;
    }
    const bool sized = r->settings.network_size > 0;
    polyp_metrics *const c = r->conventions;
    c[CONVENTION_PER_IMAGE] = mean_six(&r->all);
    c[CONVENTION_POOLED] = scores_pooled(own, r->count);
    c[CONVENTION_PER_IMAGE_NETWORK] = sized ? scores_mean_by_rule(network, r->count, r->settings.empty) : nothing;
    c[CONVENTION_POOLED_NETWORK] = sized ? scores_pooled(network, r->count) : nothing;
    c[CONVENTION_IMAGEWISE] = scores_mean(own, r->count, scores_zero_division);
    c[CONVENTION_CLASSES_POOLED] = scores_pooled_classes(own, r->count);
    c[CONVENTION_CLASSES_PER_IMAGE] = scores_mean(own, r->count, scores_of_classes);
    memory_free(own);
    return POLYP_OK;
}

/* ---- objects ------------------------------------------------------------------------------- */

static void sum_objects(score_report *r)
{
    r->with_polyp = r->without_polyp = (score_objects){0};
    r->false_alarms = 0;
    for (size_t i = 0; i < r->count; i++) {
        const score_row *const row = &r->rows[i];
        score_objects *const sum = has_polyp(row) ? &r->with_polyp : &r->without_polyp;
        sum->images++;
        sum->counts.polyps += row->objects.polyps;
        sum->counts.predicted += row->objects.predicted;
        for (int k = 0; k < OBJECT_LEVELS; k++) sum->counts.found[k] += row->objects.found[k];
        r->false_alarms += !has_polyp(row) && row->counts.fp > 0;
    }
}

/* ---- thresholds ---------------------------------------------------------------------------- */

double sweep_threshold(int k)
{
    return k > 0 ? (k - 0.5) / (LEVELS - 1) : 0;
}

/* Of equal means the one nearest to 0.5, which is level 128 or more. */
static int best_level(const double curve[LEVELS])
{
    int best = LEVELS / 2;
    for (int distance = 0; distance <= LEVELS / 2; distance++) {
        const int low = LEVELS / 2 - distance, high = LEVELS / 2 + distance;
        if (curve[low] > curve[best]) best = low;
        if (high < LEVELS && curve[high] > curve[best]) best = high;
    }
    return best;
}

/* Counts at every threshold of the summed histograms. */
static void sweep_pooled(score_sweep *out, const level_sums *sums)
{
    pixel_counts c = {0};
    for (int b = 0; b < LEVELS; b++) {
        c.fn += sums->polyp[b];
        c.tn += sums->other[b];
    }
    for (int k = LEVELS - 1; k >= 0; k--) {
        c.tp += sums->polyp[k];
        c.fn -= sums->polyp[k];
        c.fp += sums->other[k];
        c.tn -= sums->other[k];
        const polyp_metrics m = scores_of(&c);
        out->pooled_jaccard[k] = m.jaccard;
        out->pooled_dsc[k] = m.dsc;
        out->pooled_recall[k] = m.recall;
        out->pooled_precision[k] = m.precision;
    }
}

/* The PraNet curves over all pictures, ours over those with a polyp. */
static void sum_curves(score_report *r, level_sums *sums)
{
    const level_range whole = {0, LEVELS - 1};
    level_curves own = {0}, one;
    size_t with_polyp = 0;
    r->curves = (level_curves){0};
    for (size_t i = 0; i < r->count; i++) {
        const score_row *const row = &r->rows[i];
        levels_curves(&one, &row->levels, row->range);
        curves_add(&r->curves, &one);
        level_sums_add(sums, &row->levels);
        if (!has_polyp(row)) continue;
        levels_curves(&one, &row->levels, whole);
        curves_add(&own, &one);
        with_polyp++;
    }
    curves_divide(&r->curves, (double)r->count);
    curves_divide(&own, (double)with_polyp);
    for (int k = 0; k < LEVELS; k++) {
        r->sweep.jaccard[k] = own.iou[k];
        r->sweep.dsc[k] = own.dice[k];
    }
}

static void sum_levels(score_report *r)
{
    level_sums sums = {0};
    sum_curves(r, &sums);
    sweep_pooled(&r->sweep, &sums);
    r->sweep.best_jaccard = best_level(r->sweep.jaccard);
    r->sweep.best_dsc = best_level(r->sweep.dsc);
    calibration_of(&r->calibration, &sums);
}

/* ---- all of it ----------------------------------------------------------------------------- */

status score_report_sum(score_report *r)
{
    selection s;
    status result;
    TRY_DONE(selection_open(&s, r));
    memory_free(r->parts);
    TRY_DONE(memory_new(&r->parts, r->part_count));
    TRY_DONE(sum_parts(r, &s));
    TRY_DONE(sum_conventions(r));
    sum_objects(r);
    sum_levels(r);
done:
    selection_free(&s);
    return result;
}

/* ---- two reports --------------------------------------------------------------------------- */

status score_compare(score_comparison *out, const score_report *first, const score_report *second)
{
    selection s;
    status result;
    const size_t count = first->count;
    if (second->count != count) {
        return fail(POLYP_ERR_ARGUMENT, "two reports of %zu and %zu pictures cannot be compared", count, second->count);
    }
    TRY_DONE(selection_open(&s, first));
    for (size_t i = 0; i < count; i++) select_row(&s, &first->rows[i]);
    for (int m = 0; m < SCORE_METRICS; m++) {
        double *const a = s.numbers, *const b = s.numbers + count;
        for (size_t i = 0; i < count; i++) {
            a[i] = score_value(first, &first->rows[i], (enum score_metric)m);
            b[i] = score_value(second, &second->rows[i], (enum score_metric)m);
        }
        TRY_DONE(paired_compare(&out->tests[m], a, b, s.groups, count));
    }
done:
    selection_free(&s);
    return result;
}
