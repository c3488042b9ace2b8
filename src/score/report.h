/*
 * Everything that one scoring of a set computes, in one struct: the printed table, JSON, CSV and the HTML report are all
 * written from it. Where a number does not exist it is NaN. docs/metrics.md has every formula.
 *
 *     score_report r;
 *     score_report_open(&r, count, &settings);
 *     for each picture, on any thread with a scratch of its own: score_picture(&r.rows[i], &input, &r.settings, &scratch);
 *     score_report_sum(&r);            fills everything behind `rows`
 */
#ifndef POLYP_SCORE_REPORT_H
#define POLYP_SCORE_REPORT_H

#include <stdio.h>

#include "score/calibration.h"
#include "score/claims.h"
#include "score/facts.h"
#include "score/levels.h"
#include "score/objects.h"
#include "score/scores.h"
#include "score/scratch.h"
#include "score/statistics.h"

typedef struct score_settings {
    double threshold;      /* of the masks that are scored; only told */
    enum empty_rule empty; /* of the per-image six metrics */
    bool min_max;          /* the PraNet family's normalisation of each map, for its metrics */
    int network_size;      /* masks of the network's size are scored too; 0: not known */
    bool probabilities;    /* maps are given: sweep and calibration mean something */
    bool foreign;          /* another program made the masks or maps; only told */
} score_settings;

/* ---- one picture --------------------------------------------------------------------------- */

typedef struct score_row {
    const char *stem; /* set by the caller; lives as long as the caller says */
    int group;        /* resampling unit; negative: alone. Set by the caller */
    int part;         /* of the breakdown, index into parts; negative: none. Set by the caller */
    int width, height;
    enum polyp_size size;
    double share, predicted_share; /* of the picture's pixels: truth's polyp, the prediction's */
    pixel_counts counts, network;  /* at own size; at the network's size (zeros when that is not scored) */
    double values[SCORE_METRICS];  /* NaN: this picture has no such number; see score_value() */
    object_counts objects;
    level_counts levels; /* histograms of the probability map */
    level_range range;   /* of its normalisation for the PraNet metrics */
} score_row;

/* All have 1 channel and are only read. */
typedef struct score_input {
    const polyp_image *truth, *mask; /* own size; > 127 is polyp */
    const polyp_image *probability;  /* own size, 0..255; NULL: the mask stands for it */
    const polyp_image
        *network_mask; /* network size; NULL: not scored there. truth is shrunk to it by area, half a pixel counts */
} score_input;

/* Fills everything but stem, group and part. Errors: SIZE, ARGUMENT, MEMORY. */
status score_picture(score_row *row, const score_input *in, const score_settings *settings, scratch *s);

/* ---- a set --------------------------------------------------------------------------------- */

/* The numbers of a set, or of a part of it. */
typedef struct score_part {
    const char *name; /* "all", "small", a group's name */
    size_t images, without_polyp;
    double mean[SCORE_METRICS]; /* per image */
    double pooled[SCORE_POOLED];
    polyp_interval mean_95[SCORE_METRICS];  /* NaN in a part, but for Jaccard and DSC */
    polyp_interval pooled_95[SCORE_POOLED]; /* NaN in a part */
} score_part;

/* Polyps as objects, over pictures that have one, or over those that have none. */
typedef struct score_objects {
    size_t images;
    object_counts counts; /* summed */
} score_objects;

/* Per-image Jaccard and DSC and pooled numbers when the threshold moves: index k is "level k or more is polyp", which is
 * a threshold of (k - 0.5) / 255. Pictures without a polyp are left out of the means. */
typedef struct score_sweep {
    double jaccard[LEVELS], dsc[LEVELS];               /* means over pictures */
    double pooled_jaccard[LEVELS], pooled_dsc[LEVELS]; /* of summed counts */
    double pooled_recall[LEVELS], pooled_precision[LEVELS];
    int best_jaccard, best_dsc; /* index of the largest mean; of several the one nearest to 0.5 */
} score_sweep;

typedef struct score_report {
    const char *scored, *data, *split; /* what was scored, on what; split NULL: every pair. Set by the caller */
    score_settings settings;
    score_row *rows;
    size_t count;
    const char **part_names; /* of rows[].part. Set by the caller, NULL: no breakdown */
    size_t part_count;
    double seconds; /* set by the caller */
    const published_score *published; /* [published_count] what the means are held against. Set by the caller */
    size_t published_count;

    /* from here on: filled by score_report_sum() */
    size_t false_alarms; /* pictures without a polyp in which something was found */
    size_t groups;       /* resampling units */
    score_part all;
    score_part sizes[POLYP_SIZES];
    score_part *parts; /* [part_count] */
    polyp_metrics conventions[CONVENTIONS];
    score_objects with_polyp, without_polyp;
    level_curves curves; /* the PraNet toolbox's, means over all pictures */
    score_sweep sweep;
    calibration calibration;
} score_report;

/* `count` empty rows: alone, in no part. */
status score_report_open(score_report *out, size_t count, const score_settings *settings);
void score_report_free(score_report *r); /* takes a zeroed one */
status score_report_sum(score_report *r);

/* A row's value as it goes into means; NaN when it is left out: with EMPTY_LEFT_OUT a picture without a polyp has accuracy
 * and specificity, but they do not count. */
double score_value(const score_report *r, const score_row *row, enum score_metric metric);

/* What may be said of its mean per image beside a published one. */
enum claim score_claim(const score_report *r, const published_score *published);

/* (k - 0.5) / 255, within 0 .. 1: what --threshold takes for index k of a sweep. */
double sweep_threshold(int k);

/* ---- two of them --------------------------------------------------------------------------- */

/* Two reports of the same pictures in the same order: each metric tested, second minus first. */
typedef struct score_comparison {
    paired_test tests[SCORE_METRICS];
} score_comparison;
status score_compare(score_comparison *out, const score_report *first, const score_report *second);

/* ---- on file and on paper ------------------------------------------------------------------ */

/* NaN becomes null and an empty field. CSV: a line for each picture; `second` NULL: none, else its lines follow and a last
 * column names what was scored. JSON: comparison NULL: `first` alone, `second` is not looked at. */
status score_report_write_csv(const char *path, const score_report *first, const score_report *second);
status score_report_write_json(const char *path, const score_report *first, const score_report *second,
                               const score_comparison *comparison);

/* The same as json_t, for those who include jansson.h; NULL when memory ends. */
struct json_t;
struct json_t *score_report_json(const score_report *r);

/* Tables as text: the six metrics per image and pooled; everything when `all`. */
void score_report_print(FILE *to, const score_report *r, bool all);
void score_claims_print(FILE *to, const score_report *r); /* a line for each published number, an empty one before them */
void score_comparison_print(FILE *to, const score_report *first, const score_report *second,
                            const score_comparison *comparison);

#endif
