/* The optimiser: AdamW over spans of values, for every engine that keeps its weights in the host's memory. */
#ifndef POLYP_ENGINE_STEP_H
#define POLYP_ENGINE_STEP_H

#include "engine/engine.h"

/* `count` values of one parameter in each span; none overlap. Values that are zero in all of them stay zero. */
typedef struct step_values {
    float *weights;
    const float *gradients;
    float *moment1, *moment2;
    float *average; /* NULL: none */
    size_t count;
} step_values;

/* One AdamW step on one parameter with its own rate and decay (step_rule's `rate` and `decay` are not read). The result
 * does not depend on `threads`. */
void step_adamw(const step_values *values, const step_rule *rule, double rate, double decay, int threads);

/* Would a step by `rule` change this parameter? */
bool step_trains(const step_rule *rule, const param *entry);

/* One AdamW step on all trained parameters of `table`: slots[i] is where entry i lies in the spans. What the rule does
 * not train keeps its weights and its moments; its average follows its weights all the same. */
void step_parameters(float *const spans[PLAN_SPANS], const param_table *table, const plan_slot *slots,
                     const step_rule *rule, int threads);

/* to += from */
void step_add(float *to, const float *from, size_t count, int threads);

/* In an order that does not depend on `threads`. */
double step_sum_of_squares(const float *values, size_t count, int threads);

#endif
