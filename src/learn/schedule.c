/* One-cycle learning rate and momentum, fastai 2's formulas. */
#include "learn/schedule.h"

#include <math.h>

static const double PI = 3.14159265358979323846;

one_cycle one_cycle_defaults(double rate)
{
    return (one_cycle){
        .rate = rate, .divisor = 25.0, .final_divisor = 1e5, .start = 0.25, .momentum = {0.95, 0.85, 0.95}};
}

/* Half a cosine from a (t = 0) to b (t = 1). */
static double cosine(double a, double b, double t)
{
    return a + (1.0 + cos(PI * (1.0 - t))) * (b - a) / 2.0;
}

double one_cycle_rate(const one_cycle *s, double progress)
{
    if (progress < s->start) return cosine(s->rate / s->divisor, s->rate, progress / s->start);
    return cosine(s->rate, s->rate / s->final_divisor, (progress - s->start) / (1.0 - s->start));
}

double one_cycle_momentum(const one_cycle *s, double progress)
{
    if (progress < s->start) return cosine(s->momentum[0], s->momentum[1], progress / s->start);
    return cosine(s->momentum[1], s->momentum[2], (progress - s->start) / (1.0 - s->start));
}
