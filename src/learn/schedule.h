/* Learning rate and momentum by progress. */
#ifndef POLYP_LEARN_SCHEDULE_H
#define POLYP_LEARN_SCHEDULE_H

/* fastai 2's fit_one_cycle: cosine from rate/25 up to rate over the first quarter, then down to rate/1e5; momentum .95 .85
 * .95. */
typedef struct one_cycle {
    double rate;               /* peak */
    double divisor, final_divisor, start; /* 25, 1e5, .25 */
    double momentum[3];        /* .95 .85 .95 */
} one_cycle;

one_cycle one_cycle_defaults(double rate);

/* progress in [0, 1): steps done / all steps, before the step. */
double one_cycle_rate(const one_cycle *s, double progress);
double one_cycle_momentum(const one_cycle *s, double progress);

#endif
