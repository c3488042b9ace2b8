/*
 * How sure a number is: intervals by resampling, and two models compared on the same pictures. Pictures of one
 * examination or sequence resemble each other, so that whole groups are drawn, not pictures.
 *
 * groups[i] below: equal numbers belong together; a negative one stands alone; NULL: every picture stands alone.
 */
#ifndef POLYP_SCORE_STATISTICS_H
#define POLYP_SCORE_STATISTICS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

enum { RESAMPLES = 10000 };

/* 0..100 of the values, between the two nearest of them (numpy's default). Moves them about. count > 0. */
double percentile_of(double *values, size_t count, double percent);

/* How many groups there are among the pictures. */
status groups_count(size_t *out, const int *groups, size_t count);

/* sum(above) / sum(below) over pictures: pooled metrics are such ratios, and means, whose `below` is 1. */
typedef struct ratio {
    const double *above; /* NaN: the picture is left out */
    const double *below; /* NULL: 1 */
    polyp_interval *interval;
} ratio;
enum { RATIOS_MOST = 32 };

/*
 * Percentile bootstrap (95 %, RESAMPLES, seed 0, RANDOM_BOOTSTRAP) of each ratio; at most RATIOS_MOST of them. With G groups
 * that have any picture left, each resample draws G of them with replacement. Resamples in which `below` sums to 0 are
 * left out; NaN, NaN when nothing is left.
 */
status bootstrap_ratios(const ratio *ratios, size_t ratio_count, const int *groups, size_t count);

/* One mean. */
status bootstrap_mean(polyp_interval *out, const double *values, const int *groups, size_t count);

/* ---- two models on the same pictures ------------------------------------------------------- */

typedef struct paired_test {
    size_t pictures, groups; /* that both models have a number for */
    double effect;           /* mean over groups of the groups' mean differences, second minus first */
    polyp_interval interval; /* of the effect, by resampling groups */
    double p;                /* two-sided; NaN without a group */
    bool exact;              /* all 2^groups signs were tried: then 2^groups <= RESAMPLES */
} paired_test;

/*
 * Sign-flip test: if neither model is better, each group's mean difference could as well have the other sign. p is the
 * share of sign patterns whose mean is at least as far from 0 as the one seen: of all of them for few groups, else
 * (1 + hits) / (1 + RESAMPLES) of RESAMPLES random ones (RANDOM_SIGNS, seed 0).
 */
status paired_compare(paired_test *out, const double *first, const double *second, const int *groups, size_t count);

#endif
