/* The plan of the reference engine. */
#ifndef POLYP_ENGINE_REFERENCE_REFERENCE_H
#define POLYP_ENGINE_REFERENCE_REFERENCE_H

#include "engine/engine_impl.h"
#include "engine/reference/layout.h"

typedef struct reference_plan {
    plan base;
    layout layout;
    unsigned char *arena;
    float **values;           /* [count of ops]: (n, c, h, w) of each, in the arena */
    float **gradients;        /* the same; NULL: not wanted */
    float *spans[PLAN_SPANS]; /* inference has weights only */
    float *running;           /* running statistics, in the order of the table */
    float **params;           /* [count of parameters]: each one's values, in the weights' span or in `running` */
    float *value_scales;      /* int8: [count]; 0: the value is not rounded */
    bool *is_signed;          /* int8: [count] */
    plan_timing *timings;     /* [count, or 2 count in training]: forward, then backward; NULL: not profiling */
} reference_plan;

/* run.c: the passes over the ops */
status reference_forward(plan *p);
status reference_backward(plan *p, const tensor *gradients);

/* report.c: what runs and how long it takes */
void reference_describe(const plan *p, FILE *to);
status reference_profile(plan *p, bool on);
const plan_timing *reference_timings(const plan *p, int *count);

/* Adds the time since `start` to op i's line, when profiling. */
void reference_note_time(reference_plan *r, int i, bool backward, double start);

#endif
