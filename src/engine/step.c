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
    float shrink;  /* rate * decay */
    float average; /* what the average keeps of itself; 0 or less: there is none */
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
        .average = (float)rule->average,
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

FAST_CLONES
static void move_average(float *restrict average, const float *restrict weights, size_t count, float keep)
{
    for (size_t i = 0; i < count; i++) average[i] = keep * average[i] + (1.0F - keep) * weights[i];
}

void step_adamw(const step_values *values, const step_rule *rule, double rate, double decay, int threads)
{
    const factors f = make_factors(rule, rate, decay);
    const size_t chunks = (values->count + CHUNK - 1) / CHUNK;
#pragma omp parallel for schedule(static) num_threads(threads) if (chunks > 1)
    for (size_t i = 0; i < chunks; i++) {
        const size_t start = i * CHUNK, left = values->count - start, count = left < CHUNK ? left : CHUNK;
        update(values->weights + start, values->gradients + start, values->moment1 + start, values->moment2 + start,
               count, &f);
        /* while the weights are in the cache */
        if (values->average != NULL) move_average(values->average + start, values->weights + start, count, f.average);
    }
}

bool step_trains(const step_rule *rule, const param *entry)
{
    if (!entry->trained || rule->rate[entry->group] == 0) return false;
    const bool norm = entry->role == PARAM_NORM_WEIGHT || entry->role == PARAM_NORM_BIAS;
    return norm || !rule->frozen[entry->group];
}

void step_parameters(float *const spans[PLAN_SPANS], const param_table *table, const plan_slot *slots,
                     const step_rule *rule, int threads)
{
    const bool averages = spans[PLAN_AVERAGE] != NULL && rule->average > 0;
    for (int i = 0; i < table->count; i++) {
        const param *const entry = &table->entries[i];
        const size_t at = slots[i].offset, count = slots[i].count;
        if (!entry->trained || count == 0) continue;
        float *const average = averages ? spans[PLAN_AVERAGE] + at : NULL;
        if (step_trains(rule, entry)) {
            const bool decays = entry->role == PARAM_CONV_WEIGHT || entry->role == PARAM_UPCONV_WEIGHT;
            const step_values values = {spans[PLAN_WEIGHTS] + at, spans[PLAN_GRADIENTS] + at, spans[PLAN_MOMENT1] + at,
                                        spans[PLAN_MOMENT2] + at, average, count};
            step_adamw(&values, rule, rule->rate[entry->group], decays ? rule->decay : 0, threads);
        } else if (averages) {
            move_average(average, spans[PLAN_WEIGHTS] + at, count, (float)rule->average);
        }
    }
}

/* ---- gradients ---------------------------------------------------------------------------------------- */

FAST_CLONES
static void add_chunk(float *restrict to, const float *restrict from, size_t count)
{
    for (size_t i = 0; i < count; i++) to[i] += from[i];
}

void step_add(float *to, const float *from, size_t count, int threads)
{
    const size_t chunks = (count + CHUNK - 1) / CHUNK;
#pragma omp parallel for schedule(static) num_threads(threads)
    for (size_t i = 0; i < chunks; i++) {
        const size_t start = i * CHUNK, left = count - start;
        add_chunk(to + start, from + start, left < CHUNK ? left : CHUNK);
    }
}

/* Partial sums in a fixed order: the same bits whoever adds them, as wide as the processor. */
FAST_CLONES
static double slice_sum(const float *values, size_t count)
{
    enum { LANES = 16 };
    double sums[LANES] = {0}, sum = 0;
    size_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        for (size_t k = 0; k < LANES; k++) sums[k] += (double)values[i + k] * (double)values[i + k];
    }
    for (; i < count; i++) sum += (double)values[i] * (double)values[i];
    for (size_t k = 0; k < LANES; k++) sum += sums[k];
    return sum;
}

double step_sum_of_squares(const float *values, size_t count, int threads)
{
    enum { SLICES = 64 };
    double sums[SLICES], total = 0;
#pragma omp parallel for schedule(static) num_threads(threads) if (count > CHUNK)
    for (size_t i = 0; i < SLICES; i++) {
        const size_t start = count / SLICES * i, end = i + 1 == SLICES ? count : count / SLICES * (i + 1);
        sums[i] = slice_sum(values + start, end - start);
    }
    for (size_t i = 0; i < SLICES; i++) total += sums[i];
    return total;
}
