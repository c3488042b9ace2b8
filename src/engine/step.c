/* AdamW (Loshchilov, Hutter: "Decoupled weight decay regularization", ICLR 2019), element by element. */
#include "engine/step.h"

#include <math.h>

#include "base/clones.h"

/* What one thread takes at a time: four spans of it fit the second-level cache. */
enum { CHUNK = 16384 };

/* The rule's constants, worked out once in double. */
typedef struct factors {
    float keep1, add1; /* of the first moment: beta1, (1 - beta1) gradient_scale */
    float keep2, add2; /* of the second: beta2, (1 - beta2) gradient_scale^2 */
    float rate1;       /* rate / (1 - beta1^t) */
    float debias2;     /* 1 / sqrt(1 - beta2^t) */
    float epsilon;
    float shrink; /* rate * decay */
} factors;

static factors make_factors(const step_rule *rule, double rate, double decay)
{
    const double scale = rule->gradient_scale, t = (double)rule->step;
    return (factors){
        .keep1 = (float)rule->beta1,
        .add1 = (float)((1 - rule->beta1) * scale),
        .keep2 = (float)rule->beta2,
        .add2 = (float)((1 - rule->beta2) * scale * scale),
        .rate1 = (float)(rate / (1 - pow(rule->beta1, t))),
        .debias2 = (float)(1 / sqrt(1 - pow(rule->beta2, t))),
        .epsilon = (float)rule->epsilon,
        .shrink = (float)(rate * decay),
    };
}

FAST_CLONES
static void update(float *restrict weights, const float *restrict gradients, float *restrict moment1,
                   float *restrict moment2, size_t count, const factors *f)
{
    const factors k = *f;
    for (size_t i = 0; i < count; i++) {
        const float g = gradients[i];
        const float m = k.keep1 * moment1[i] + k.add1 * g;
        const float v = k.keep2 * moment2[i] + k.add2 * (g * g);
        moment1[i] = m;
        moment2[i] = v;
        weights[i] -= k.rate1 * m / (sqrtf(v) * k.debias2 + k.epsilon) + k.shrink * weights[i];
    }
}

void step_adamw(const step_values *values, const step_rule *rule, double rate, double decay, int threads)
{
    const factors f = make_factors(rule, rate, decay);
    const size_t chunks = (values->count + CHUNK - 1) / CHUNK;
#pragma omp parallel for schedule(static) num_threads(threads) if (chunks > 1)
    for (size_t i = 0; i < chunks; i++) {
        const size_t start = i * CHUNK, left = values->count - start;
        update(values->weights + start, values->gradients + start, values->moment1 + start, values->moment2 + start,
               left < CHUNK ? left : CHUNK, &f);
    }
}

void step_parameters(float *const spans[PLAN_SPANS], const param_table *table, const plan_slot *slots,
                     const step_rule *rule, int threads)
{
    for (int i = 0; i < table->count; i++) {
        const param *const entry = &table->entries[i];
        const double rate = rule->rate[entry->group];
        if (!entry->trained || slots[i].count == 0 || rate == 0) continue;
        const bool decays = entry->role == PARAM_CONV_WEIGHT || entry->role == PARAM_UPCONV_WEIGHT;
        const size_t at = slots[i].offset;
        const step_values values = {spans[PLAN_WEIGHTS] + at, spans[PLAN_GRADIENTS] + at, spans[PLAN_MOMENT1] + at,
                                    spans[PLAN_MOMENT2] + at, slots[i].count};
        step_adamw(&values, rule, rate, decays ? rule->decay : 0, threads);
    }
}
