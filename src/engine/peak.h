/*
 * What this machine can do at most, measured: multiply-adds in registers, and bytes from and to memory. What a network
 * reaches is told as a share of it.
 */
#ifndef POLYP_ENGINE_PEAK_H
#define POLYP_ENGINE_PEAK_H

#include <stdbool.h>

#include "base/status.h"

enum peak_kind { PEAK_F32, PEAK_BF16, PEAK_INT8 };

/* A loop of independent multiply-adds whose operands are all 1, so that the sum of its results is their number. Exact up
 * to 2^24 rounds. */
typedef struct peak_loop {
    enum peak_kind kind;
    const char *name;     /* of the instructions */
    double multiply_adds; /* of a round */
    bool (*runs_here)(void);
    double (*run)(long rounds); /* the sum */
} peak_loop;

/* All loops built in, the fastest of each kind first; kinds follow each other. */
const peak_loop *peak_loops(int *count);

/* The fastest that this processor has; NULL: none (bf16 and int8 without instructions for them). */
const peak_loop *peak_loop_of(enum peak_kind kind);

/* 1e9 operations a second, two for each multiply-add, of `threads` threads of OpenMP together: the fastest of some short
 * runs. 0 where peak_loop_of() has none. Takes about 0.1 s. */
double peak_gflops(enum peak_kind kind, int threads);

/* 1e9 bytes a second of a[i] = b[i] + s c[i] over f32 arrays too large for the caches: the triad of STREAM (McCalpin
 * 1995), counted as it does, 12 bytes a value. The fastest of some runs. Error: MEMORY. */
status peak_bandwidth(double *out, int threads);

#endif
