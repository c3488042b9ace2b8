/* A run as one or two phases with a schedule each: fastai's freezing, unfreezing and discriminative rates. */
#ifndef POLYP_LEARN_PHASES_H
#define POLYP_LEARN_PHASES_H

#include "learn/schedule.h"
#include "net/params.h"

typedef struct phase {
    int epochs;
    schedule_spec schedule;
    double rate; /* at the peak, of a group with factor 1 */
    double factors[PARAM_GROUPS];
    bool frozen[PARAM_GROUPS]; /* as step_rule's */
} phase;

enum { PHASES_MOST = 2 };

typedef struct phase_list {
    phase items[PHASES_MOST];
    int count;
    double beta1; /* where a schedule does not cycle it */
} phase_list;

/* One phase over all epochs in which the encoder keeps still: unet_learner()'s state after it was made (field notes 2.3). */
void phases_freeze_body(phase_list *phases);

/*
 * fastai's fine_tune() (vision/learner.py): `freeze_epochs` with the encoder frozen, one cycle that rises for 99 % of them,
 * the encoder's norms at a tenth of the rate; then the rest at half the rate with everything trained: stem to layer2 at a
 * hundredth of it, layer3 and layer4 at a tenth, rising for 30 % from a fifth of the peak.
 */
void phases_fine_tune(phase_list *phases, int freeze_epochs);

/* What one step does. */
typedef struct schedule_point {
    double rate[PARAM_GROUPS];
    double beta1;
    bool frozen[PARAM_GROUPS];
    bool clear;      /* the step is a later phase's first: moments begin at 0 again, as fastai's do */
    long phase_step; /* steps done since the phase began */
} schedule_point;

/* Of step `step` (from 0) when every epoch has `steps` of them. A step behind the end is the end's. */
schedule_point phases_at(const phase_list *phases, long steps, long step);

#endif
