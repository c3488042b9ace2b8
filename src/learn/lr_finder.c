/* The range test: rates, smoothing, the end, suggestions. */
#include "learn/lr_finder.h"

#include <math.h>

#include "base/memory.h"

/* fastai's numbers */
static const double SMOOTHING = 0.98, DIVERGED = 4.0;
enum { SKIPPED_TENTH = 10, SKIPPED_END = 5 };

/* ---- the test --------------------------------------------------------------------------------------- */

status lr_finder_create(lr_finder *f, double lowest, double highest, int steps)
{
    *f = (lr_finder){.lowest = lowest, .highest = highest, .steps = steps, .best = (double)INFINITY};
    if (!(lowest > 0.0 && lowest < highest && isfinite(highest)))
        return fail(POLYP_ERR_ARGUMENT,
                    "the lowest rate is %g and the highest %g; the first must be above 0 and below "
                    "the second",
                    lowest, highest);
    if (steps < LR_FINDER_LEAST_STEPS)
        return fail(POLYP_ERR_ARGUMENT, "a range test of %d steps tells nothing; take %d or more", steps,
                    LR_FINDER_LEAST_STEPS);
    TRY(memory_new(&f->rates, (size_t)steps));
    return memory_new(&f->losses, (size_t)steps);
}

void lr_finder_free(lr_finder *f)
{
    memory_free(f->rates);
    memory_free(f->losses);
    *f = (lr_finder){0};
}

double lr_finder_rate(const lr_finder *f)
{
    return f->lowest * pow(f->highest / f->lowest, (double)f->count / f->steps);
}

bool lr_finder_add(lr_finder *f, double loss)
{
    f->rates[f->count] = lr_finder_rate(f);
    f->smooth = SMOOTHING * f->smooth + (1.0 - SMOOTHING) * loss;
    const double value = f->smooth / (1.0 - pow(SMOOTHING, f->count + 1));
    f->losses[f->count++] = value;
    if (value < f->best) f->best = value;
    return f->count < f->steps && isfinite(value) && !(value > DIVERGED * f->best);
}

/* ---- suggestions ------------------------------------------------------------------------------------ */

/* The points that count. */
typedef struct curve {
    const double *rates, *losses;
    int count;
} curve;

/* fastai goes on after a loss that is no number, so that its last five steps are such ones; here the test ended there. */
static curve curve_of(const lr_finder *f)
{
    const int first = f->steps / SKIPPED_TENTH;
    const bool broke = f->count > 0 && isnan(f->losses[f->count - 1]);
    int end = (broke ? f->steps : f->count) - SKIPPED_END;
    if (broke && end > f->count - 1) end = f->count - 1;
    return (curve){f->rates + first, f->losses + first, end > first ? end - first : 0};
}

/* Length of the longest falling row of points that ends at each, and where the longest of all began and ended: word for word
 * fastai's, which notes a beginning only when a later point takes the lead. */
static void find_valley(const curve *c, int *length, int *start, int *end)
{
    *start = *end = 0;
    for (int i = 0; i < c->count; i++) length[i] = 1;
    for (int i = 1; i < c->count; i++) {
        for (int j = 0; j < i; j++) {
            if (c->losses[i] < c->losses[j] && length[i] < length[j] + 1) length[i] = length[j] + 1;
            if (length[*end] >= length[i]) continue;
            *end = i;
            *start = i - length[i];
        }
    }
}

static status valley_of(double *out, const curve *c)
{
    int *length, start, end;
    TRY(memory_new(&length, (size_t)c->count));
    find_valley(c, length, &start, &end);
    memory_free(length);
    const double section = (end - start) / 3.0;
    const int index = start + (int)section + (int)(section / 2.0);
    *out = c->rates[index < 0 ? index + c->count : index]; /* Python's -1 is the last */
    return POLYP_OK;
}

static double steep_of(const curve *c)
{
    int best = 0;
    double steepest = (double)INFINITY;
    for (int i = 0; i + 1 < c->count; i++) {
        const double slope = (c->losses[i + 1] - c->losses[i]) / log(c->rates[i + 1] / c->rates[i]);
        if (slope < steepest) {
            steepest = slope;
            best = i;
        }
    }
    return c->rates[best];
}

static double minimum_of(const curve *c)
{
    int best = 0;
    for (int i = 1; i < c->count; i++) {
        if (c->losses[i] < c->losses[best]) best = i;
    }
    return c->rates[best] / 10.0;
}

status lr_finder_suggest(lr_suggestions *out, const lr_finder *f)
{
    const curve c = curve_of(f);
    if (c.count < 2)
        return fail(POLYP_ERR_ENGINE,
                    "the loss diverged after %d steps, at a rate of %g: too few to suggest one; begin "
                    "with a lower rate",
                    f->count, f->count ? f->rates[f->count - 1] : f->lowest);
    TRY(valley_of(&out->valley, &c));
    out->steep = steep_of(&c);
    out->minimum = minimum_of(&c);
    return POLYP_OK;
}

double lr_finder_loss_at(const lr_finder *f, double rate)
{
    for (int i = 0; i + 1 < f->count; i++) {
        const double from = f->rates[i], to = f->rates[i + 1];
        if (rate < from || rate > to) continue;
        const double share = log(rate / from) / log(to / from);
        return f->losses[i] + share * (f->losses[i + 1] - f->losses[i]);
    }
    return (double)NAN;
}
