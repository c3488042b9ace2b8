/* What a run says of itself: every option as used, those that change the result set apart so that resume can compare. */
#ifndef POLYP_LEARN_RUN_RECORD_H
#define POLYP_LEARN_RUN_RECORD_H

#include "learn/recipe.h"
#include "predict/model.h"

/* Options after defaults were put in. Strings are not owned; "" where there is none. */
typedef struct run_record {
    const polyp_train_options *options;
    const recipe *recipe; /* with --set and the options put in */
    const char *engine, *precision, *split, *valid; /* as used; split "": every pair */
    int threads;
    char encoder_hash[17], init_hash[17]; /* XXH3 of the files */
    char data_hash[17];
    size_t pictures, valid_pictures;
} run_record;

enum { RUN_RECORD_ROOM = MODEL_TRAINING_ROOM };

/* The recipe, and under "run" what else changes the result, as one line of JSON. Error: SIZE when longer than the room. */
status run_record_print(char out[RUN_RECORD_ROOM], const run_record *r);

/* Refuse to go on from `path` when its record differs, naming the first key that does. Errors: MISMATCH, FORMAT. */
status run_record_compare(const char *path, const char *stored, const char *mine);

/* recipe.json: the same with the paths; itself a recipe that can be given to --recipe. */
status run_record_write(const char *path, const run_record *r);

/* Training facts of a model after `epoch` (from 1), for its metadata: the record and what it reached. No paths. */
status run_record_print_facts(char out[RUN_RECORD_ROOM], const run_record *r, int epoch, const polyp_evaluation *reached);

#endif
