/* Which phase a step lies in, and what it does there. */
#include "learn/phases.h"

#include <string.h>

enum { GROUP_LAYER3 = 3 }; /* fastai's second group is layer3 and layer4 */

static void freeze_encoder(phase *p)
{
    for (int i = 0; i < PARAM_GROUP_DECODER; i++) p->frozen[i] = true;
}

void phases_freeze_body(phase_list *phases)
{
    for (int k = 0; k < phases->count; k++) freeze_encoder(&phases->items[k]);
}

static void multiply_encoder(phase *p, double lower, double upper)
{
    for (int i = 0; i < PARAM_GROUP_DECODER; i++) p->factors[i] *= i < GROUP_LAYER3 ? lower : upper;
}

void phases_fine_tune(phase_list *phases, int freeze_epochs)
{
    phase *const frozen = &phases->items[0], *const all = &phases->items[1];
    *all = *frozen;
    phases->count = 2;
    frozen->epochs = freeze_epochs;
    frozen->schedule.start = 0.99;
    freeze_encoder(frozen);
    multiply_encoder(frozen, 0.1, 0.1);
    all->epochs -= freeze_epochs;
    all->rate /= 2.0;
    all->schedule.start = 0.3;
    all->schedule.divisor = 5.0;
    multiply_encoder(all, 0.01, 0.1);
}

schedule_point phases_at(const phase_list *phases, long steps, long step)
{
    int k = 0;
    long first = 0;
    while (k + 1 < phases->count && step >= first + phases->items[k].epochs * steps) {
        first += phases->items[k++].epochs * steps;
    }
    const phase *const p = &phases->items[k];
    const double progress = (double)(step - first) / ((double)p->epochs * (double)steps);
    const double bounded = progress < 1.0 ? progress : 1.0;
    const double rate = p->rate * schedule_factor(&p->schedule, bounded);
    schedule_point point = {.beta1 = schedule_momentum(&p->schedule, bounded, phases->beta1),
                            .clear = k > 0 && step == first,
                            .phase_step = step - first};
    for (int i = 0; i < PARAM_GROUPS; i++) point.rate[i] = rate * p->factors[i];
    memcpy(point.frozen, p->frozen, sizeof point.frozen);
    return point;
}
