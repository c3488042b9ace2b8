/*
 * Which ways of averaging can have produced published numbers? From hard masks and one set of counts, precision and recall
 * fix all other overlap metrics; means over pictures, batches or classes lie within the convex hull of what single
 * pictures can have. So numbers can be told to be impossible without the masks. docs/metrics.md has a worked example.
 */
#ifndef POLYP_SCORE_CONSISTENCY_H
#define POLYP_SCORE_CONSISTENCY_H

#include <stdbool.h>
#include <stdio.h>

#include "score/scores.h"

/* One number as it was printed: it stands for value - half .. value + half. */
typedef struct published_number {
    bool given;
    int decimals; /* of `value` */
    double value, half;
} published_number;

/* "0.8926", ".893", "89.26" or "89.3%": above 1 it is per cent; the decimals that are typed give the rounding.
 * `name` is for the message. Error: ARGUMENT. */
status published_parse(published_number *out, const char *name, const char *text);

/* In the order of polyp_metrics. */
typedef struct published_scores {
    published_number numbers[SIX_METRICS];
} published_scores;

enum consistency_way {
    WAY_POOLED,            /* one set of counts, of the polyp class */
    WAY_PER_IMAGE,         /* mean over pictures, or over batches, of the polyp class */
    WAY_CLASSES_POOLED,    /* one set of counts, mean of polyp and background */
    WAY_CLASSES_PER_IMAGE, /* that for each picture, then the mean over pictures */
    WAY_MIXED,             /* one set of counts; Jaccard as the mean of both classes, the others of the polyp class */
    CONSISTENCY_WAYS
};

enum consistency_verdict { VERDICT_POSSIBLE, VERDICT_IMPOSSIBLE, VERDICT_OPEN };

typedef struct consistency {
    enum consistency_verdict verdict; /* OPEN: so near to the border that it was not settled */
    /* Beyond rounding, at least one of the numbers is off by this much, however the masks look; 0 when possible. */
    double misfit;
} consistency;

extern const char *const consistency_keys[CONSISTENCY_WAYS];   /* "pooled" */
extern const char *const consistency_titles[CONSISTENCY_WAYS]; /* "pooled: one set of counts" */

/* All ways. At least two numbers must be given. Errors: ARGUMENT, MEMORY. */
status consistency_check(consistency out[CONSISTENCY_WAYS], const published_scores *scores);

/* ---- what follows from some of them -------------------------------------------------------- */

/* The Jaccard indices that a mean DSC allows under every average: from D / (2 - D) to D. */
void consistency_jaccard_range(double *low, double *high, const published_number *dsc);

/* What precision and recall fix when counts are pooled; accuracy, if given, fixes the polyps' share of all pixels. */
typedef struct consistency_implied {
    double jaccard, dsc, f2, share; /* NaN: not fixed */
} consistency_implied;
consistency_implied consistency_pooled(const published_scores *scores);

/* ---- in words ------------------------------------------------------------------------------ */

void consistency_print(FILE *to, const published_scores *scores, const consistency ways[CONSISTENCY_WAYS]);
status consistency_write_json(const char *path, const published_scores *scores,
                              const consistency ways[CONSISTENCY_WAYS]);

#endif
