/*
 * Cross-validation: every fold is a run of its own in OUT/fold-I. What its report part scored is in fold.json there; when
 * all are there, OUT/folds.json and OUT/folds.csv sum them up.
 */
#ifndef POLYP_LEARN_FOLDS_H
#define POLYP_LEARN_FOLDS_H

#include "learn/dataset.h"

/* OUT/fold-2; memory_free() it. NULL after fail(MEMORY). */
char *fold_folder(const char *out, int fold);

/* What makes runs folds of one cross-validation: all but `fold` must be equal. */
typedef struct fold_facts {
    int fold, folds;
    const char *data_hash; /* of everything that was dealt */
    const char *record;    /* how it was trained: a JSON object; its "fold", and that of its "run", are not compared */
} fold_facts;

/* Refuse a folder whose finished folds belong to another cross-validation. Before training; errors: MISMATCH, FORMAT. */
status folds_check(const char *out, const fold_facts *facts);

/* Score the model file on the fold's report part and write OUT/fold-I/fold.json. */
status fold_report(polyp_evaluation *reported, const char *out, const fold_facts *facts, const char *model,
                   const dataset *report, const polyp_train_options *options);

/* The file alone. */
status fold_write(const char *out, const fold_facts *facts, const polyp_evaluation *reported);

enum { FOLD_SCORES = 64, FOLD_NAME = 40 };

typedef struct fold_score {
    char name[FOLD_NAME];   /* "per_image.jaccard": whatever the folds have under per_image and pooled */
    double mean, deviation; /* over folds; the deviation divides by folds - 1. NaN when a fold has no such number */
} fold_score;

typedef struct folds_summary {
    int present, folds; /* finished so far, of all */
    size_t pictures;    /* reported on, in all */
    int count;
    fold_score scores[FOLD_SCORES];
} folds_summary;

/* Read what is there; when all folds are, write OUT/folds.json and OUT/folds.csv (else count is 0). Errors: those of
 * folds_check(), FILE. */
status folds_sum_up(folds_summary *out, const char *folder, const fold_facts *facts);

/* One line for a person: "5 folds, 880 pictures: Jaccard 0.812 +- 0.011, ..."; or how many are missing. */
void folds_print(char *text, size_t room, const folds_summary *s);

#endif
