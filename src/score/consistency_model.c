/* Metrics from the two Jaccard indices and the kind of errors, with bounds over ranges of them. */
#include <math.h>

#include "score/consistency_impl.h"
#include "score/facts.h"

int model_sides(enum count_model model)
{
    return model == MODEL_POLYP ? CELL_BACKGROUND : CELL_SIDES;
}

/* right / (right + part of the errors), where the Jaccard index J = right / (right + errors): J / (J + part (1 - J)). */
static double with_errors(double jaccard, double part)
{
    const double below = jaccard + part * (1 - jaccard);
    return below > 0 ? jaccard / below : 1; /* without errors of that kind it is 1, however small J is */
}

static span bounds_with(const span *jaccard, double part_low, double part_high)
{
    return (span){with_errors(jaccard->low, part_high), with_errors(jaccard->high, part_low)};
}

/* Of one class; `alarms`: its false positives' share of the errors. */
static void class_bounds(span out[SIX_METRICS], const span *jaccard, const span *alarms)
{
    out[SCORE_JACCARD] = *jaccard;
    out[SCORE_DSC] = bounds_with(jaccard, 0.5, 0.5);
    out[SCORE_PRECISION] = bounds_with(jaccard, alarms->low, alarms->high);
    out[SCORE_RECALL] = bounds_with(jaccard, 1 - alarms->high, 1 - alarms->low);
    out[SCORE_F2] = bounds_with(jaccard, 0.8 - 0.6 * alarms->high, 0.8 - 0.6 * alarms->low);
}

/* What is right of a class in units of the errors. */
static double right_to_errors(double jaccard)
{
    return jaccard < 1 ? jaccard / (1 - jaccard) : INFINITY;
}

static double accuracy_of(double polyp, double background)
{
    const double right = right_to_errors(polyp) + right_to_errors(background);
    return right < INFINITY ? right / (1 + right) : 1;
}

static void average(span *to, const span *other)
{
    to->low = (to->low + other->low) / 2;
    to->high = (to->high + other->high) / 2;
}

void model_bounds(span out[SIX_METRICS], const cell *c, enum count_model model)
{
    const span *const polyp = &c->sides[CELL_POLYP], *const background = &c->sides[CELL_BACKGROUND];
    const span *const alarms = &c->sides[CELL_ALARMS];
    const span misses = {1 - alarms->high, 1 - alarms->low}; /* the background's alarms */
    span other[SIX_METRICS];
    class_bounds(out, polyp, alarms);
    out[SCORE_ACCURACY] = (span){polyp->low, 1};
    if (model == MODEL_POLYP) return;
    class_bounds(other, background, &misses);
    out[SCORE_ACCURACY] = (span){accuracy_of(polyp->low, background->low), accuracy_of(polyp->high, background->high)};
    average(&out[SCORE_JACCARD], &other[SCORE_JACCARD]);
    if (model == MODEL_MIXED) return;
    average(&out[SCORE_DSC], &other[SCORE_DSC]);
    average(&out[SCORE_RECALL], &other[SCORE_RECALL]);
    average(&out[SCORE_PRECISION], &other[SCORE_PRECISION]);
    average(&out[SCORE_F2], &other[SCORE_F2]);
}
