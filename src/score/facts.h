/* What is measured on a picture and how sets are averaged: names, units and one sentence each, for tables and reports. */
#ifndef POLYP_SCORE_FACTS_H
#define POLYP_SCORE_FACTS_H

#include <stdbool.h>

/* Metrics of one picture: the index of every array of SCORE_METRICS values. */
enum score_metric {
    SCORE_JACCARD, /* the first six in the order of polyp_metrics */
    SCORE_DSC,
    SCORE_RECALL,
    SCORE_PRECISION,
    SCORE_ACCURACY,
    SCORE_F2,
    SCORE_SPECIFICITY,
    SCORE_BOUNDARY_F,
    SCORE_HAUSDORFF,
    SCORE_HAUSDORFF_PERCENT,
    SCORE_SURFACE,
    SCORE_SURFACE_PERCENT,
    SCORE_S_MEASURE,
    SCORE_WEIGHTED_F,
    SCORE_MEAN_E,
    SCORE_MEAN_DICE,
    SCORE_MEAN_IOU,
    SCORE_MAE,
    SCORE_METRICS
};

/* The first of them exist pooled as well. */
enum { SCORE_POOLED = SCORE_SPECIFICITY + 1 };

typedef struct score_fact {
    const char *key;   /* in JSON and CSV: "hausdorff_95" */
    const char *title; /* in tables: "Hausdorff 95" */
    const char *unit;  /* "", "px", "% of diagonal" */
    bool less_is_better;
    const char *how; /* a sentence: formula, empties, source */
} score_fact;
extern const score_fact score_facts[SCORE_METRICS];

/* Index of a metric by its key; SCORE_METRICS when there is none. */
enum score_metric score_metric_find(const char *key);

/* Ways of averaging the six metrics over a set. */
enum score_convention {
    CONVENTION_PER_IMAGE,
    CONVENTION_POOLED,
    CONVENTION_PER_IMAGE_NETWORK, /* these two only where a network of known size made the masks */
    CONVENTION_POOLED_NETWORK,
    CONVENTION_IMAGEWISE,
    CONVENTION_CLASSES_POOLED,
    CONVENTION_CLASSES_PER_IMAGE,
    CONVENTIONS
};

typedef struct convention_fact {
    const char *key, *title;
    const char *how; /* what it averages, and who reports it */
} convention_fact;
extern const convention_fact convention_facts[CONVENTIONS];

/* Pictures by the share of their pixels that is polyp. */
enum polyp_size { SIZE_NONE, SIZE_SMALL, SIZE_MEDIUM, SIZE_LARGE, POLYP_SIZES };
#define SIZE_SMALL_BELOW 0.05
#define SIZE_LARGE_ABOVE 0.15
enum polyp_size polyp_size_of(double share);
extern const char *const polyp_size_names[POLYP_SIZES]; /* "none", "small", "medium", "large" */

#endif
