/* A report as JSON. Its keys are a contract: add, never rename. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "base/file.h"
#include "score/report.h"

/* ---- small parts --------------------------------------------------------------------------- */

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null(); /* JSON has no NaN */
}

/* jansson takes UTF-8 only; the name of a file or group may be anything. */
static json_t *text_json(const char *text)
{
    json_t *const value = json_string(text ? text : "");
    return value ? value : json_string("(a name that is not UTF-8)");
}

static json_t *interval_json(const polyp_interval *i)
{
    return json_pack("[oo]", number(i->low), number(i->high));
}

static json_t *metrics_json(const polyp_metrics *m)
{
    return json_pack("{so so so so so so}", "jaccard", number(m->jaccard), "dsc", number(m->dsc), "recall",
                     number(m->recall), "precision", number(m->precision), "accuracy", number(m->accuracy), "f2",
                     number(m->f2));
}

/* The first `count` metrics under their keys. */
static json_t *values_json(const double *values, int count)
{
    json_t *const out = json_object();
    for (int m = 0; m < count; m++) json_object_set_new(out, score_facts[m].key, number(values[m]));
    return out;
}

static json_t *intervals_json(const polyp_interval *intervals, int count)
{
    json_t *const out = json_object();
    for (int m = 0; m < count; m++) json_object_set_new(out, score_facts[m].key, interval_json(&intervals[m]));
    return out;
}

static json_t *curve_json(const double curve[LEVELS])
{
    json_t *const out = json_array();
    for (int k = 0; k < LEVELS; k++) json_array_append_new(out, number(curve[k]));
    return out;
}

/* ---- the report's parts -------------------------------------------------------------------- */

static json_t *part_json(const score_part *p)
{
    return json_pack("{so sI sI so so so}", "name", text_json(p->name), "images", (json_int_t)p->images, "without_polyp",
                     (json_int_t)p->without_polyp, "per_image", values_json(p->mean, SCORE_METRICS), "pooled",
                     values_json(p->pooled, SCORE_POOLED), "confidence", intervals_json(p->mean_95, SCORE_DSC + 1));
}

static json_t *conventions_json(const score_report *r)
{
    json_t *const out = json_object();
    for (int c = 0; c < CONVENTIONS; c++) {
        json_object_set_new(out, convention_facts[c].key, metrics_json(&r->conventions[c]));
    }
    return out;
}

static json_t *pranet_json(const score_report *r)
{
    const level_curves *const c = &r->curves;
    json_t *const curves = json_pack("{so so so so so so}", "dice", curve_json(c->dice), "iou", curve_json(c->iou),
                                     "e_measure", curve_json(c->e_measure), "recall", curve_json(c->recall),
                                     "precision", curve_json(c->precision), "specificity", curve_json(c->specificity));
    return json_pack("{so so so so so so so so so sb so}", "mean_dice", number(curve_mean(c->dice)), "max_dice",
                     number(curve_most(c->dice)), "mean_iou", number(curve_mean(c->iou)), "max_iou",
                     number(curve_most(c->iou)), "mean_e_measure", number(curve_mean(c->e_measure)), "max_e_measure",
                     number(curve_most(c->e_measure)), "s_measure", number(r->all.mean[SCORE_S_MEASURE]), "weighted_f",
                     number(r->all.mean[SCORE_WEIGHTED_F]), "mae", number(r->all.mean[SCORE_MAE]), "min_max",
                     r->settings.min_max, "curves", curves);
}

/* Misses and false alarms when an object counts as found at one overlap. */
static json_t *found_json(const score_objects *o, int level)
{
    const size_t found = o->counts.found[level];
    const double images = (double)o->images, polyps = (double)o->counts.polyps, predicted = (double)o->counts.predicted;
    return json_pack("{so sI so so so so}", "iou", number(object_overlaps[level]), "found", (json_int_t)found, "recall",
                     number((double)found / polyps), "precision", number((double)found / predicted), "misses_per_image",
                     number((polyps - (double)found) / images), "false_alarms_per_image",
                     number((predicted - (double)found) / images));
}

static json_t *objects_json(const score_objects *o)
{
    json_t *const levels = json_array();
    for (int k = 0; k < OBJECT_LEVELS; k++) json_array_append_new(levels, found_json(o, k));
    return json_pack("{sI sI sI so}", "images", (json_int_t)o->images, "polyps", (json_int_t)o->counts.polyps,
                     "predicted", (json_int_t)o->counts.predicted, "at", levels);
}

static json_t *best_json(int k, const double curve[LEVELS])
{
    return json_pack("{so so}", "threshold", number(sweep_threshold(k)), "value", number(curve[k]));
}

static json_t *sweep_json(const score_sweep *s)
{
    double thresholds[LEVELS];
    for (int k = 0; k < LEVELS; k++) thresholds[k] = sweep_threshold(k);
    return json_pack("{so so so so so so so so so}", "threshold", curve_json(thresholds), "jaccard",
                     curve_json(s->jaccard), "dsc", curve_json(s->dsc), "pooled_jaccard", curve_json(s->pooled_jaccard),
                     "pooled_dsc", curve_json(s->pooled_dsc), "pooled_recall", curve_json(s->pooled_recall),
                     "pooled_precision", curve_json(s->pooled_precision), "best_jaccard",
                     best_json(s->best_jaccard, s->jaccard), "best_dsc", best_json(s->best_dsc, s->dsc));
}

static json_t *calibration_json(const calibration *c)
{
    json_t *const bins = json_array();
    for (int k = 0; k < CALIBRATION_BINS; k++) {
        const calibration_bin *const b = &c->bins[k];
        json_array_append_new(bins, json_pack("{sI so so}", "pixels", (json_int_t)b->pixels, "probability",
                                              number(b->probability), "polyp", number(b->polyp)));
    }
    return json_pack("{so so so so}", "expected_error", number(c->expected_error), "largest_error",
                     number(c->largest_error), "brier", number(c->brier), "bins", bins);
}

static json_t *parts_json(const score_part *parts, size_t count)
{
    json_t *const out = json_array();
    for (size_t i = 0; i < count; i++) json_array_append_new(out, part_json(&parts[i]));
    return out;
}

static json_t *published_json(const score_report *r)
{
    json_t *const out = json_array();
    for (size_t i = 0; i < r->published_count; i++) {
        const published_score *const p = &r->published[i];
        const score_fact *const fact = &score_facts[p->metric];
        const char *const claim = claim_words(score_claim(r, p), fact->less_is_better);
        json_array_append_new(out,
                              json_pack("{ss so so ss}", "metric", fact->key, "published", number(p->value),
                                        "per_image", number(r->all.mean[p->metric]), "claim", claim));
    }
    return out;
}

/* ---- the whole ----------------------------------------------------------------------------- */

static void add_summary(json_t *out, const score_report *r)
{
    static const char *const rules[] = {"none", "sklearn", "eps"};
    json_object_set_new(out, "scored", text_json(r->scored));
    json_object_set_new(out, "images", json_integer((json_int_t)r->count));
    json_object_set_new(out, "without_polyp", json_integer((json_int_t)r->all.without_polyp));
    json_object_set_new(out, "false_alarms", json_integer((json_int_t)r->false_alarms));
    json_object_set_new(out, "groups", json_integer((json_int_t)r->groups));
    json_object_set_new(out, "threshold", number(r->settings.threshold));
    json_object_set_new(out, "empty", json_string(rules[r->settings.empty]));
    json_object_set_new(out, "per_image", values_json(r->all.mean, SCORE_METRICS));
    json_object_set_new(out, "pooled", values_json(r->all.pooled, SCORE_POOLED));
    json_object_set_new(out, "confidence", intervals_json(r->all.mean_95, SCORE_METRICS));
    json_object_set_new(out, "confidence_pooled", intervals_json(r->all.pooled_95, SCORE_POOLED));
}

json_t *score_report_json(const score_report *r)
{
    json_t *const out = json_object();
    add_summary(out, r);
    json_object_set_new(out, "conventions", conventions_json(r));
    json_object_set_new(out, "objects",
                        json_pack("{so so}", "with_polyp", objects_json(&r->with_polyp), "without_polyp",
                                  objects_json(&r->without_polyp)));
    json_object_set_new(out, "sizes", parts_json(r->sizes, POLYP_SIZES));
    json_object_set_new(out, "parts", parts_json(r->parts, r->part_count));
    json_object_set_new(out, "pranet", pranet_json(r));
    json_object_set_new(out, "sweep", r->settings.probabilities ? sweep_json(&r->sweep) : json_null());
    json_object_set_new(out, "calibration",
                        r->settings.probabilities ? calibration_json(&r->calibration) : json_null());
    json_object_set_new(out, "published", published_json(r));
    json_object_set_new(out, "seconds", number(r->seconds));
    return out;
}

static json_t *test_json(const paired_test *t)
{
    return json_pack("{so so so sb sI sI}", "effect", number(t->effect), "confidence", interval_json(&t->interval), "p",
                     number(t->p), "exact", t->exact, "images", (json_int_t)t->pictures, "groups",
                     (json_int_t)t->groups);
}

static json_t *comparison_json(const score_report *first, const score_report *second, const score_comparison *c)
{
    json_t *const tests = json_object();
    for (int m = 0; m < SCORE_METRICS; m++) json_object_set_new(tests, score_facts[m].key, test_json(&c->tests[m]));
    return json_pack("{s[oo] so}", "models", score_report_json(first), score_report_json(second), "comparison", tests);
}

static status write_text(const char *path, const char *text)
{
    file_writer *w;
    TRY(file_create(&w, path));
    const status result = file_print(w, "%s\n", text);
    if (result == POLYP_OK) return file_commit(w);
    file_abandon(w);
    return result;
}

status score_report_write_json(const char *path, const score_report *first, const score_report *second,
                               const score_comparison *comparison)
{
    json_t *const root = comparison ? comparison_json(first, second, comparison) : score_report_json(first);
    char *const text = root ? json_dumps(root, JSON_INDENT(1)) : NULL;
    json_decref(root);
    if (!text) return fail(POLYP_ERR_MEMORY, "%s: no memory for the summary", path);
    const status result = write_text(path, text);
    free(text);
    return result;
}
