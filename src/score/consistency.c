/* Numbers as they were printed, and all ways of averaging held against them. */
#include "score/consistency.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "score/consistency_impl.h"
#include "score/facts.h"

/* ---- printed numbers ----------------------------------------------------------------------- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Digits with at most one point, then nothing or a per cent sign; *decimals: digits behind the point. */
static bool looks_printed(const char *text, int *decimals)
{
    int digits = 0, points = 0;
    *decimals = 0;
    for (; is_digit(*text) || (*text == '.' && points == 0); text++) {
        points += *text == '.';
        digits += *text != '.';
        *decimals += *text != '.' && points > 0;
    }
    return digits > 0 && digits < 16 && (*text == '\0' || strcmp(text, "%") == 0);
}

status published_parse(published_number *out, const char *name, const char *text)
{
    int decimals;
    const bool printed = looks_printed(text, &decimals);
    const double typed = printed ? strtod(text, NULL) : 0;
    const bool percent = printed && (typed > 1 || strchr(text, '%'));
    const double scale = percent ? 100 : 1;
    if (!printed || typed / scale > 1) {
        return fail(POLYP_ERR_ARGUMENT, "%s: '%s' is not a score as papers print them, such as 0.8926 or 89.26", name,
                    text);
    }
    *out = (published_number){true, decimals + (percent ? 2 : 0), typed / scale, 0.5 * pow(10, -decimals) / scale};
    return POLYP_OK;
}

/* ---- the ways ------------------------------------------------------------------------------ */

const char *const consistency_keys[CONSISTENCY_WAYS] = {"pooled", "per_image", "classes_pooled", "classes_per_image",
                                                        "mixed"};

const char *const consistency_titles[CONSISTENCY_WAYS] = {
    "pooled: one set of counts",
    "mean over pictures or batches",
    "pooled, mean of polyp and background",
    "the same for each picture, then the mean",
    "pooled, Jaccard of both classes, rest of polyp",
};

static status check_way(consistency *out, const published_scores *s, enum consistency_way way)
{
    switch (way) {
    case WAY_POOLED: return search_counts(out, s, MODEL_POLYP);
    case WAY_PER_IMAGE: return search_hull(out, s, MODEL_POLYP);
    case WAY_CLASSES_POOLED: return search_counts(out, s, MODEL_CLASSES);
    case WAY_CLASSES_PER_IMAGE: return search_hull(out, s, MODEL_CLASSES);
    default: return search_counts(out, s, MODEL_MIXED);
    }
}

status consistency_check(consistency out[CONSISTENCY_WAYS], const published_scores *scores)
{
    int given = 0;
    for (int m = 0; m < SIX_METRICS; m++) given += scores->numbers[m].given;
    if (given < 2)
        return fail(POLYP_ERR_ARGUMENT,
                    "one number alone is always possible; the check needs two or more, such as DSC and Jaccard");
    for (int way = 0; way < CONSISTENCY_WAYS; way++) TRY(check_way(&out[way], scores, (enum consistency_way)way));
    return POLYP_OK;
}

/* ---- what follows -------------------------------------------------------------------------- */

void consistency_jaccard_range(double *low, double *high, const published_number *dsc)
{
    const double least = fmax(0, dsc->value - dsc->half);
    *low = least / (2 - least);
    *high = fmin(1, dsc->value + dsc->half);
}

consistency_implied consistency_pooled(const published_scores *scores)
{
    const published_number *const p = &scores->numbers[SCORE_PRECISION], *const r = &scores->numbers[SCORE_RECALL];
    const published_number *const accuracy = &scores->numbers[SCORE_ACCURACY];
    consistency_implied implied = {NAN, NAN, NAN, NAN};
    if (!p->given || !r->given || p->value * r->value == 0) return implied;
    const double errors = 1 / p->value + 1 / r->value - 2; /* in units of TP */
    implied.jaccard = 1 / (1 + errors);
    implied.dsc = 1 / (1 + errors / 2);
    implied.f2 = 5 / (1 / p->value + 4 / r->value);
    /* TP is R times the polyps: 1 - accuracy = share R errors */
    if (accuracy->given && errors > 0) implied.share = (1 - accuracy->value) / (r->value * errors);
    return implied;
}
