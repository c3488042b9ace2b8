/* Schedules, fastai 2's formulas (callback/schedule.py: SchedCos, combined_cos). */
#include "learn/schedule.h"

#include <math.h>

static const double PI = 3.14159265358979323846;

schedule_spec schedule_defaults(void)
{
    return (schedule_spec){.kind = SCHEDULE_ONE_CYCLE,
                           .start = 0.25,
                           .divisor = 25.0,
                           .final_divisor = 1e5,
                           .cycle_momentum = true,
                           .momentum = {0.85, 0.95}};
}

/* Half a cosine from a (t = 0) to b (t = 1). */
static double cosine(double a, double b, double t)
{
    return a + (1.0 + cos(PI * (1.0 - t))) * (b - a) / 2.0;
}

/* From 0 at the end of the start to 1 at the end of the run. */
static double later(const schedule_spec *s, double progress)
{
    return s->start < 1.0 ? (progress - s->start) / (1.0 - s->start) : 0.0;
}

double schedule_factor(const schedule_spec *s, double progress)
{
    const bool starting = progress < s->start;
    const double first = 1.0 / s->divisor, last = 1.0 / s->final_divisor;
    if (s->kind == SCHEDULE_CONSTANT) return 1.0;
    if (!starting) return cosine(1.0, last, later(s, progress));
    switch (s->kind) {
    case SCHEDULE_ONE_CYCLE: return cosine(first, 1.0, progress / s->start);
    case SCHEDULE_WARM_COSINE: return first + (1.0 - first) * progress / s->start;
    default: return 1.0;
    }
}

double schedule_momentum(const schedule_spec *s, double progress, double constant)
{
    if (s->kind != SCHEDULE_ONE_CYCLE || !s->cycle_momentum) return constant;
    if (progress < s->start) return cosine(s->momentum[1], s->momentum[0], progress / s->start);
    return cosine(s->momentum[0], s->momentum[1], later(s, progress));
}
