/* Which pictures a run trains on, which choose its epoch, and which, in cross-validation, are reported. */
#ifndef POLYP_LEARN_TRAINING_DATA_H
#define POLYP_LEARN_TRAINING_DATA_H

#include "learn/dataset.h"

typedef struct training_data {
    dataset opened, opened_valid; /* own the strings of the parts; the second is empty when one set holds both */
    dataset train, valid;
    dataset report;                 /* with options->fold: that fold, for the end of the run alone; else empty */
    int fold, folds;                /* as parsed; folds 0: no cross-validation */
    size_t left_out;                /* of train: near-duplicates, in further data sets, of what `valid` names */
    char hash[17];                  /* of all parts' names and contents */
    char all_hash[17];              /* with folds: of everything that was dealt, equal for every fold */
    const char *split, *valid_name; /* as used */
} training_data;

/*
 * Training and validation pictures by the data sets, split, valid and fold of the options.
 * valid is a share: of all data sets together, whole groups (groups.h). valid is a name: of the first data set's splits;
 * pictures of the further ones that are near-duplicates of it are left out of training. valid is "none": every picture
 * trains, and out->valid is empty.
 * fold: groups_three_parts() on the training split with the run's seed, the same folds as `polyp split` makes of it.
 * Refuses the official test split "val" without options->allow_test, and a picture in two parts.
 */
status training_data_open(training_data *out, const polyp_train_options *options);
void training_data_free(training_data *data);

/* What a recipe says of data: grey level of ignored pixels (-1: none) in every part; in training, pictures whose polyp
 * covers less than `small_share` come `small_weight` times as often; *small is how many. Reads the masks for that. */
status training_data_apply(size_t *small, training_data *d, int ignore_level, double small_share, double small_weight,
                           const polyp_watch *watch);

/* "2/5": fold 2 of the folds 0 to 4. Error: ARGUMENT. */
status fold_parse(int *fold, int *folds, const char *text);

/* The stems, one a line, as a split file. */
status write_stems(const char *path, const dataset *data);

#endif
