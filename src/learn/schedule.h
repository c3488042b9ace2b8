/* Learning rate and momentum by progress. */
#ifndef POLYP_LEARN_SCHEDULE_H
#define POLYP_LEARN_SCHEDULE_H

#include <stdbool.h>

enum schedule_kind {
    SCHEDULE_ONE_CYCLE,   /* fastai 2's fit_one_cycle: a cosine up over `start`, a cosine down over the rest */
    SCHEDULE_FLAT_COSINE, /* fastai 2's fit_flat_cos: constant until `start`, then a cosine down */
    SCHEDULE_WARM_COSINE, /* a line up over `start`, then a cosine down (Loshchilov, Hutter: SGDR, 2017) */
    SCHEDULE_CONSTANT,
    SCHEDULE_KINDS
};

#define SCHEDULE_CHOICES "one-cycle|flat-cosine|warm-cosine|constant" /* in the order of the enum */

typedef struct schedule_spec {
    enum schedule_kind kind;
    double start;         /* share of the run, 0 to 1: .25 one-cycle, .75 flat-cosine, .05 warm-cosine */
    double divisor;       /* the rate begins at peak / divisor (not flat-cosine, not constant): 25 */
    double final_divisor; /* and ends at peak / final_divisor (not constant): 1e5 */
    bool cycle_momentum;  /* one-cycle: momentum goes from high to low and back, against the rate; else beta1 stays */
    double momentum[2];   /* low, high: .85 .95 */
} schedule_spec;

/* fastai's one-cycle. */
schedule_spec schedule_defaults(void);

/* The factor on the peak rate. progress in [0, 1): steps done / all steps, before the step. */
double schedule_factor(const schedule_spec *s, double progress);

/* Adam's beta1; `constant` where it is not cycled. */
double schedule_momentum(const schedule_spec *s, double progress, double constant);

#endif
