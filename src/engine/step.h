/* The optimiser: AdamW over spans of values, for every engine that keeps its weights in the host's memory. */
#ifndef POLYP_ENGINE_STEP_H
#define POLYP_ENGINE_STEP_H

#include "engine/engine.h"

/* `count` values of one parameter in each span; none overlap. Values that are zero in all four stay zero. */
typedef struct step_values {
    float *weights;
    const float *gradients;
    float *moment1, *moment2;
    size_t count;
} step_values;

/* One AdamW step on one parameter with its own rate and decay (step_rule's `rate` and `decay` are not read). The result
 * does not depend on `threads`. */
void step_adamw(const step_values *values, const step_rule *rule, double rate, double decay, int threads);

/* One AdamW step on all trained parameters of `table`: slots[i] is where entry i lies in the spans. Groups of rate 0
 * keep their weights and their moments. */
void step_parameters(float *const spans[PLAN_SPANS], const param_table *table, const plan_slot *slots,
                     const step_rule *rule, int threads);

#endif
